// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring goes to the next loader while a task is in the middle of an event: the old program has
 * published the event, the new one has not seen it yet. The new one must not publish it again.
 */
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include "../lib/forbid.h"
#include "between.h"
#include "upgrade.h"

#define NR_STEPS  24
#define NR_TRIALS 2
#define HOLD_MS	  400
#define LATE_MS	  600
#define CATCH_MS  3000
#define LIMIT_MS  30000

/*
 * A kind of event.
 *
 * @program: publishes it
 * @enter, @step, @leave: programs that run behind that of the old loader
 * @make: lets the event happen
 */
struct kind {
	const char *name;
	const char *program;
	const char *enter;
	const char *step;
	const char *leave;
	void (*make)(uint64_t id);
};

/* What the tasks of a test tell each other. */
struct talk {
	int stop;
	int hunt;
	int caught;
	int release;
	int page_asked;
};

static struct talk *talk;
static struct bpf_object *between;

static bool get(const int *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void put(int *flag, int value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

/* The version of the kernel as 1000 * major + minor. */
static unsigned int kernel_version(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		die("uname");
	return 1000 * major + minor;
}

static void make_syscall(uint64_t id)
{
	make_event(0, id);
}

static void make_rename(uint64_t id)
{
	char name[16] = RENAME_PREFIX;
	char *letter = name + sizeof(RENAME_PREFIX) - 1 + RENAME_LETTERS;
	int i;

	for (i = 0; i < RENAME_LETTERS; i++, id >>= 4)
		*--letter = (char)('a' + (id & 15));
	prctl(PR_SET_NAME, name);
}

static const struct kind syscalls = { "syscall",      "on_event",      "enter_syscall",
				      "step_syscall", "leave_syscall", make_syscall };
static const struct kind renames = { "rename",	    "on_rename",    "enter_rename",
				     "step_rename", "leave_rename", make_rename };

static struct bpf_link *attach_program(struct bpf_object *obj, const char *name)
{
	struct bpf_link *link = bpf_program__attach(bpf_object__find_program_by_name(obj, name));

	if (!link)
		die(name);
	return link;
}

/* Loads the next loader, and attaches its program behind all others. */
static void load_next(struct loader *l, uint64_t number, const struct kind *kind)
{
	if (load(l, number))
		die("load");
	l->link = attach_program(l->obj, kind->program);
}

/* --- a task that sleeps where only Tasks Trace RCU sees it ---------------------------- */

/* A page that cannot be read before somebody fills it. Return: its userfaultfd. */
static int make_missing_page(void **page)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	*page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)*page;
	reg.range.len = size;
	if (fd < 0 || *page == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg))
		die("userfaultfd");
	return fd;
}

static void fill_page(int uffd, void *page)
{
	struct uffdio_zeropage fill = {
		.range = { .start = (uintptr_t)page, .len = (size_t)sysconf(_SC_PAGESIZE) },
	};

	if (ioctl(uffd, UFFDIO_ZEROPAGE, &fill))
		die("UFFDIO_ZEROPAGE");
}

static void *hold_in_thread(void *page)
{
	struct hold h = { .address = (uintptr_t)page };

	if (run_prog(prog_fd(between, "hold"), &h, sizeof(h), -1))
		die("hold");
	return NULL;
}

/* A loader that takes the ring over in a thread. @done_ns: when the call had returned */
struct taker {
	struct loader l;
	uint64_t done_ns;
	int done;
	int err;
	char why[256];
};

static void *start_in_thread(void *arg)
{
	struct taker *t = arg;

	t->err = ring_bpf_start(t->l.ring);
	snprintf(t->why, sizeof(t->why), "%s", ring_strerror());
	t->done_ns = now_ns();
	put(&t->done, 1);
	return NULL;
}

/* Starts @t while a task sleeps in an event for @hold_ms, or until the call has returned. */
static uint64_t start_while_held(struct taker *t, uint64_t hold_ms)
{
	pthread_t holder, starter;
	struct uffd_msg msg;
	uint64_t released;
	void *page;
	int uffd = make_missing_page(&page);

	pthread_create(&holder, NULL, hold_in_thread, page);
	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		die("userfaultfd");
	pthread_create(&starter, NULL, start_in_thread, t);
	for (released = now_ns() + hold_ms * MS; now_ns() < released && !get(&t->done);)
		sleep_us(1000);
	released = now_ns();
	fill_page(uffd, page);
	pthread_join(holder, NULL);
	pthread_join(starter, NULL);
	munmap(page, (size_t)sysconf(_SC_PAGESIZE));
	close(uffd);
	return released;
}

/*
 * A hand-over waits for a task that sleeps where tasks may be in an event of a system call, but not
 * for ever: then the old programs go on.
 */
static void held(void)
{
	struct account a = { 0 };
	struct taker t;
	uint64_t released;

	T_EQ("held.first", restart(1), 0);
	a.r = open_ring(RING_OLDEST);
	events(3);
	CHECK_EVENTS("held.before", &a, 3, 1);

	memset(&t, 0, sizeof(t));
	load_next(&t.l, 2, &syscalls);
	released = start_while_held(&t, LATE_MS);
	T_EQ("held.start", t.err, 0);
	t_check(t.done_ns > released, "held.waits",
		"the hand-over was over before the task's event");
	events(3);
	CHECK_EVENTS("held.writes", &a, 3, 2);
	T_EQ("held.keep", keep(&t.l), 0);
	unload(&t.l);

	memset(&t, 0, sizeof(t));
	load_next(&t.l, 3, &syscalls);
	start_while_held(&t, LIMIT_MS);
	T_EQ("held.gives_up", t.err, -EBUSY);
	t_check(!!strstr(t.why, "in the middle of an event"), "held.why", "%s", t.why);
	events(3);
	CHECK_EVENTS("held.old_writes", &a, 3, 2);
	unload(&t.l);
	ring_close(a.r);
	T_EQ("held.destroy", ring_bpf_destroy(NAME), 0);
}

/* Gives a capability back to this thread, or takes it. */
static void set_capability(unsigned int cap, bool on)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data))
		die("capget");
	data[CAP_TO_INDEX(cap)].effective &= ~CAP_TO_MASK(cap);
	if (on)
		data[CAP_TO_INDEX(cap)].effective |= CAP_TO_MASK(cap);
	if (syscall(SYS_capset, &head, data))
		die("capset");
}

/* A loader that may not look programs up waits in another way. */
static void few_rights(void)
{
	struct account a = { 0 };
	struct taker t;
	uint64_t released;

	T_EQ("few_rights.first", restart(1), 0);
	a.r = open_ring(RING_OLDEST);
	memset(&t, 0, sizeof(t));
	load_next(&t.l, 2, &syscalls);
	set_capability(CAP_SYS_ADMIN, false);
	released = start_while_held(&t, LATE_MS);
	set_capability(CAP_SYS_ADMIN, true);
	t_check(!t.err, "few_rights.start", "%d: %s", t.err, t.why);
	t_check(t.done_ns > released, "few_rights.waits",
		"the hand-over was over before the task's event");
	events(3);
	CHECK_EVENTS("few_rights.writes", &a, 3, 2);
	/* The end of the ring, as its loader does not keep it. */
	unload(&t.l);
	ring_close(a.r);
	T_EQ("few_rights.ended", ring_bpf_destroy(NAME), -ENOENT);
}

/* Starts loader @number where it has no way to wait for events. Return: what was said. */
static const char *start_without_rights(uint64_t number, int *err)
{
	struct taker *t = map_shared(sizeof(*t));
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		load_next(&t->l, number, &syscalls);
		set_capability(CAP_SYS_ADMIN, false);
		if (!forbid_perf_events())
			die("seccomp");
		start_in_thread(t);
		unload(&t->l);
		_exit(0);
	}
	if (waitpid(pid, NULL, 0) != pid || !t->done)
		die("loader");
	*err = t->err;
	return t->why;
}

/* A loader that may neither look programs up nor open a perf event leaves the ring as it is. */
static void no_rights(void)
{
	struct account a = { 0 };
	const char *why;
	int err;

	T_EQ("no_rights.first", restart(1), 0);
	a.r = open_ring(RING_OLDEST);
	why = start_without_rights(2, &err);
	T_EQ("no_rights.start", err, -EACCES);
	t_check(strstr(why, "CAP_SYS_ADMIN") && strstr(why, "kernel.perf_event_paranoid"),
		"no_rights.why", "%s", why);
	events(3);
	CHECK_EVENTS("no_rights.old_writes", &a, 3, 1);
	ring_close(a.r);
	T_EQ("no_rights.destroy", ring_bpf_destroy(NAME), 0);
}

/* --- a task that is preempted between two programs ------------------------------------ */

/* Makes events on CPU 0 until it is told to stop. */
static pid_t start_maker(const struct kind *kind, struct steps *s)
{
	pid_t pid = fork();
	uint64_t id;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin_to(0);
	s->maker = (uint64_t)getpid();
	for (id = 1; !get(&talk->stop); id++)
		kind->make(id);
	_exit(0);
}

/*
 * Preempts the maker, and asks the counters where it was. If that is between two programs, it keeps
 * the CPU for HOLD_MS, or until it is told to release it.
 */
static pid_t start_hunter(const struct steps *s)
{
	const struct sched_param param = { .sched_priority = 10 };
	pid_t pid = fork();
	uint64_t end;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!pin_to(0) || sched_setscheduler(0, SCHED_FIFO, &param))
		_exit(1);
	while (!get(&talk->stop)) {
		sleep_us(300);
		if (!get(&talk->hunt) || !s->between || s->begun != s->ended)
			continue;
		put(&talk->hunt, 0);
		put(&talk->caught, 1);
		for (end = now_ns() + HOLD_MS * MS; now_ns() < end && !get(&talk->release);)
			;
	}
	_exit(0);
}

/* Waits until the hunter has caught the maker. Return: whether it has. */
static bool catch_maker(void)
{
	const uint64_t end = now_ns() + CATCH_MS * MS;

	put(&talk->release, 0);
	put(&talk->caught, 0);
	put(&talk->hunt, 1);
	while (!get(&talk->caught) && now_ns() < end)
		;
	put(&talk->hunt, 0);
	return get(&talk->caught);
}

/* One hand-over with the maker between the programs. Return: whether it could be caught. */
static bool try_once(uint64_t number, const struct kind *kind, struct steps *s)
{
	struct bpf_link *steps[NR_STEPS];
	struct loader l;
	bool caught;
	int i;

	steps[0] = attach_program(between, kind->enter);
	for (i = 1; i < NR_STEPS - 1; i++)
		steps[i] = attach_program(between, kind->step);
	steps[i] = attach_program(between, kind->leave);
	s->between = 0;
	load_next(&l, number, kind);
	caught = catch_maker();
	if (ring_bpf_start(l.ring))
		die("start");
	put(&talk->release, 1);
	if (keep(&l))
		die("keep");
	unload(&l);
	for (i = 0; i < NR_STEPS; i++)
		bpf_link__destroy(steps[i]);
	return caught;
}

static void preempted(const struct kind *kind)
{
	struct steps *s = map_map(between, "steps", sizeof(*s));
	struct account a = { 0 };
	pid_t maker, hunter;
	unsigned int i, caught = 0;
	struct loader l;
	char name[64];
	uint64_t end;

	load_next(&l, 1, kind);
	if (ring_bpf_start(l.ring) || keep(&l))
		die("first");
	unload(&l);
	memset(talk, 0, sizeof(*talk));
	a.r = open_ring(RING_OLDEST);
	maker = start_maker(kind, s);
	hunter = start_hunter(s);
	for (i = 0; i < NR_TRIALS && caught == i; i++) {
		caught += try_once(i + 2, kind, s);
		read_events(&a);
	}
	/* On a busy machine, the task that makes events may not have run since. */
	for (end = now_ns() + LIMIT_MS * MS; a.newest_loader != i + 1 && now_ns() < end;) {
		sleep_us(1000);
		read_events(&a);
	}
	put(&talk->stop, 1);
	waitpid(maker, NULL, 0);
	waitpid(hunter, NULL, 0);
	read_events(&a);
	t_note("%s: caught %u of %u times, %" PRIu64 " events, %" PRIu64 " twice", kind->name,
	       caught, i, a.got, a.twice);
	snprintf(name, sizeof(name), "preempted.%s.once", kind->name);
	T_EQ(name, a.twice, 0);
	snprintf(name, sizeof(name), "preempted.%s.newest_writes", kind->name);
	T_EQ(name, a.newest_loader, i + 1);
	snprintf(name, sizeof(name), "preempted.%s.caught", kind->name);
	/* A kernel without preemption has no such case, and passes no test. */
	if (caught || kernel_version() >= 7000)
		T_EQ(name, caught, NR_TRIALS);
	ring_close(a.r);
	munmap(s, sizeof(*s));
	snprintf(name, sizeof(name), "preempted.%s.destroy", kind->name);
	T_EQ(name, ring_bpf_destroy(NAME), 0);
}

static void between_programs(void)
{
	preempted(&syscalls);
	if (kernel_version() >= 7000)
		preempted(&renames);
}

static const struct t_test tests[] = {
	{ "held", held },
	{ "few_rights", few_rights },
	{ "no_rights", no_rights },
	{ "preempted", between_programs },
};

int main(int argc, char **argv)
{
	const char *bpffs;

	need_bpf("between");
	if (kernel_version() < 6013) {
		t_skip("between", "no task is preempted between two programs before Linux 6.13");
		return 77;
	}
	/* No program can forget a record where publishing turns preemption off. */
	forgets = kernel_version() < 7000;
	/* No record of a trial may be lost before it is read. */
	ring_data_size = 1 << 24;
	bpffs = own_bpffs();
	trigger_nr();
	if (nr_cpus_online() > 1)
		pin_to(1);
	talk = map_shared(sizeof(*talk));
	between = open_object("between");
	if (bpf_object__load(between))
		die("between");
	t_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
	bpf_object__close(between);
	umount(bpffs);
	return t_done();
}

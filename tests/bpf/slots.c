// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots of the readers of a named BPF ring: each reader is woken at its own watermark, beside
 * others, and none sleeps through a wake-up that was meant for it.
 *
 * usage: slots [--patience-ms MS | TEST...]
 */
#include <poll.h>
#include <signal.h>

#include <seqring/reader.h>

#include "sleeper.h"

#define NAME	"slots"
#define RECORDS 20000u
#define LAZY	1000u

static const char *bpffs;

/* A ring with a name, which libring gives slots. @slots: false: as if the object knew none */
static int start_named(bool slots, uint32_t flags)
{
	struct ring_bpf_opts opts = {
		.size = sizeof(opts),
		.flags = flags,
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.data_size = 1 << 20,
		.name = NAME,
	};
	struct bpf_map *geometry;
	size_t size;
	int err;

	obj = open_object(object);
	geometry = bpf_object__find_map_by_name(obj, ".rodata.ring");
	if (!slots)
		((struct seqring_bpf_geometry *)bpf_map__initial_value(geometry, &size))->slots = 0;
	ring = NULL;
	err = ring_bpf_prepare(obj, "ring", &opts, &ring);
	if (err)
		return err;
	if (ring_bpf_load(obj) || ring_bpf_start(ring))
		die("set-up");
	publish_fd = prog_fd(obj, "publish");
	return 0;
}

static void stop(void)
{
	ring_bpf_close(ring);
	bpf_object__close(obj);
}

static struct ring_reader *open_named(const struct ring_open_opts *opts)
{
	struct ring_reader *r;

	if (ring_open(NAME, opts, &r))
		die("open");
	return r;
}

#define OPEN(...)                             \
	open_named(&(struct ring_open_opts) { \
		.size = sizeof(struct ring_open_opts), .whence = RING_HEAD, __VA_ARGS__ })

static int fd_of(struct ring_reader *r)
{
	int fd;

	if (ring_fd(r, &fd))
		die("ring_fd");
	return fd;
}

/* True if the reader is woken. It then reads all records, which arms it again. */
static bool is_woken(struct ring_reader *r, int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct ring_record rec;

	if (poll(&pfd, 1, timeout_ms) != 1)
		return false;
	while (!ring_read(r, &rec, NULL, 0))
		;
	return true;
}

/* The slots of all rings, as readers map them. */
static struct seqring_wait_slots *map_slots(void)
{
	return map_map(obj, "ring_slots",
		       sizeof(struct seqring_wait_slots) * (size_t)libbpf_num_possible_cpus());
}

static unsigned int count_taken(const struct seqring_wait_slots *slots)
{
	unsigned int i, n = 0;

	for (i = 0; i < SEQRING_SLOTS; i++)
		n += seqring_read(&slots->user[i].owner) != 0;
	return n;
}

/* --- watermarks beside others ------------------------------------------------------ */

/* Publishes records one by one. Return: how often a reader that wants LAZY records is woken. */
static unsigned int count_wakes(struct ring_reader *eager)
{
	struct ring_reader *lazy = OPEN(.wake_records = LAZY);
	int of_lazy = fd_of(lazy), of_eager = eager ? fd_of(eager) : -1;
	unsigned int i, n = 0;

	for (i = 0; i < RECORDS; i++) {
		publish(1, 0);
		if (eager && !is_woken(eager, of_eager, (int)patience_ms))
			die("the eager reader is not woken");
		n += is_woken(lazy, of_lazy, 0);
	}
	ring_close(lazy);
	return n;
}

static void beside(void)
{
	struct ring_reader *eager;
	unsigned int alone, both;

	start_named(true, 0);
	alone = count_wakes(NULL);
	eager = OPEN(.wake_records = 1);
	both = count_wakes(eager);
	t_note("%u wake-ups for %u records alone, %u beside an eager reader", alone, RECORDS, both);
	T_EQ("slots.alone", alone, RECORDS / LAZY);
	T_EQ("slots.beside_eager", both, RECORDS / LAZY);
	ring_close(eager);
	stop();
}

/* More readers than slots, at different places, of which those without a slot share a doorbell. */
static void crowd(void)
{
	struct ring_reader *r[SEQRING_SLOTS + 3];
	const unsigned int nr = sizeof(r) / sizeof(r[0]);
	unsigned int i, j, woken[SEQRING_SLOTS + 3] = { 0 }, own = 0, shared = 0;
	int of[SEQRING_SLOTS + 3];
	struct seqring_wait_slots *slots;

	start_named(true, 0);
	slots = map_slots();
	for (i = 0; i < nr; i++) {
		r[i] = OPEN(.wake_records = LAZY);
		of[i] = fd_of(r[i]);
		publish(LAZY / nr, 0);
	}
	T_EQ("slots.crowd.taken", count_taken(slots), SEQRING_SLOTS);
	for (j = 0; j < 10 * LAZY; j++) {
		publish(1, 0);
		for (i = 0; i < nr; i++)
			woken[i] += is_woken(r[i], of[i], 0);
	}
	for (i = 0; i < nr; i++) {
		own += i < SEQRING_SLOTS && woken[i] == 10;
		shared += i >= SEQRING_SLOTS && woken[i] >= 10;
		ring_close(r[i]);
	}
	T_EQ("slots.crowd.own", own, SEQRING_SLOTS);
	T_EQ("slots.crowd.shared", shared, 3);
	T_EQ("slots.crowd.given_back", count_taken(slots), 0);
	stop();
}

/* A reader of one ring is not woken by the records of another one. */
static void one_ring(void)
{
	struct ring_reader *r[2];
	int of[2];

	if (nr_cpus_online() < 2) {
		t_skip("slots.one_ring", "one CPU only");
		return;
	}
	start_named(true, 0);
	r[0] = OPEN(.one_ring = 1, .ring = 0);
	r[1] = OPEN(.one_ring = 1, .ring = 1);
	of[0] = fd_of(r[0]);
	of[1] = fd_of(r[1]);
	publish(1, 0);
	T_TRUE("slots.one_ring.woken", is_woken(r[0], of[0], (int)patience_ms));
	T_TRUE("slots.one_ring.other", !is_woken(r[1], of[1], 0));
	ring_close(r[0]);
	ring_close(r[1]);
	stop();
}

/* A watermark that is set when the reader has slept already. */
static void later(void)
{
	struct seqring_wait_slots *slots;
	struct ring_reader *r;
	unsigned int i, n = 0;
	int of;

	start_named(true, 0);
	slots = map_slots();
	r = OPEN(.wake_records = 1);
	of = fd_of(r);
	T_EQ("slots.later.eager", count_taken(slots), 0);
	publish(1, 0);
	T_TRUE("slots.later.eager_woken", is_woken(r, of, (int)patience_ms));
	T_EQ("slots.later.set", ring_set_wakeup(r, 10, 0, 0), 0);
	T_EQ("slots.later.taken", count_taken(slots), 1);
	for (i = 0; i < 100; i++) {
		publish(1, 0);
		n += is_woken(r, of, 0);
	}
	T_EQ("slots.later.woken", n, 10);
	ring_close(r);
	stop();
}

/* The next reader of a slot is not woken by what rang for the last one. */
static void reused(void)
{
	struct ring_reader *r;
	unsigned int i;
	int of;

	start_named(true, 0);
	for (i = 0; i < 2; i++) {
		r = OPEN(.wake_records = 10);
		of = fd_of(r);
		T_TRUE(i ? "slots.reused.quiet" : "slots.reused.first", !is_woken(r, of, 0));
		publish(10, 0);
		T_TRUE(i ? "slots.reused.met" : "slots.reused.first_met",
		       is_woken(r, of, (int)patience_ms));
		ring_close(r);
	}
	stop();
}

/* --- slots change hands ----------------------------------------------------------- */

/* Return: a child that has a slot and sleeps. */
static pid_t sleep_in_child(const struct seqring_wait_slots *slots)
{
	const unsigned int had = count_taken(slots);
	pid_t pid = fork();

	if (!pid) {
		ring_wait(OPEN(.wake_records = LAZY), -1);
		_exit(0);
	}
	while (count_taken(slots) == had || !is_asleep(pid))
		sleep_us(1000);
	return pid;
}

/* Slots of killed readers go to the next ones, and those of living readers do not. */
static void killed(void)
{
	struct seqring_wait_slots *slots;
	pid_t pids[SEQRING_SLOTS];
	struct ring_reader *r, *late;
	uint64_t owner;
	unsigned int i;
	int of;

	start_named(true, 0);
	slots = map_slots();
	for (i = 0; i < SEQRING_SLOTS; i++)
		pids[i] = sleep_in_child(slots);
	late = OPEN(.wake_records = 10);
	fd_of(late);
	owner = seqring_read(&slots->user[3].owner);
	kill_and_reap(pids[3]);
	T_EQ("slots.killed.stays", seqring_read(&slots->user[3].owner), owner);
	r = OPEN(.wake_records = 10);
	of = fd_of(r);
	t_check((uint32_t)seqring_read(&slots->user[3].owner) == (uint32_t)getpid(),
		"slots.killed.taken", "the slot is that of process %u",
		(uint32_t)seqring_read(&slots->user[3].owner));
	for (i = 0; i < SEQRING_SLOTS; i++)
		if (i != 3 && (uint32_t)seqring_read(&slots->user[i].owner) != (uint32_t)pids[i])
			break;
	T_EQ("slots.killed.others", i, SEQRING_SLOTS);
	publish(9, 0);
	T_TRUE("slots.killed.below", !is_woken(r, of, 0));
	publish(1, 0);
	T_TRUE("slots.killed.met", is_woken(r, of, (int)patience_ms));
	for (i = 0; i < SEQRING_SLOTS; i++)
		if (i != 3)
			kill_and_reap(pids[i]);
	ring_close(r);
	ring_close(late);
	stop();
}

/* A child that goes on with an inherited reader takes a slot of its own. */
static void inherited(void)
{
	struct seqring_wait_slots *slots;
	struct ring_reader *r;
	int of, status;
	pid_t pid;

	start_named(true, 0);
	slots = map_slots();
	r = OPEN(.wake_records = 10);
	of = fd_of(r);
	pid = fork();
	if (!pid) {
		publish(10, 0);
		if (!is_woken(r, of, (int)patience_ms) || count_taken(slots) != 2)
			_exit(1);
		publish(10, 0);
		if (!is_woken(r, of, (int)patience_ms))
			_exit(2);
		ring_close(r);
		_exit(count_taken(slots) == 1 ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	T_EQ("slots.inherited", status, 0);
	T_EQ("slots.inherited.parent", count_taken(slots), 1);
	ring_close(r);
	T_EQ("slots.inherited.closed", count_taken(slots), 0);
	stop();
}

/* --- no wake-up is lost ------------------------------------------------------------ */

/* Waits until the reader @pid sleeps, and the program of ring 0 knows it. */
static bool wait_announced(const struct seqring_wait *wait, pid_t pid)
{
	const uint64_t end = now_ns() + patience_ms * MS;

	while (!seqring_read(&wait->announced) || !is_asleep(pid)) {
		if (now_ns() > end)
			return false;
		sleep_us(1000);
	}
	return true;
}

/*
 * The program forgets an announced sleeper after few records that woke nobody. A reader with a slot
 * that is not due then announces itself again, and is woken at its watermark.
 */
static void forgotten(void)
{
	const unsigned int rounds = 20;
	struct seqring_wait *wait;
	unsigned int i;
	bool known = true;
	int status;
	pid_t pid;

	object = "wake_idle";
	start_named(true, 0);
	wait = map_map(obj, "ring_wait", sizeof(*wait));
	pid = fork();
	if (!pid) {
		struct ring_reader *r = OPEN(.wake_records = 3ULL * rounds);

		_exit(ring_wait(r, (int)patience_ms) ? 1 : 0);
	}
	for (i = 0; i < rounds && known; i++) {
		known = wait_announced(wait, pid);
		publish(3, 0);
	}
	T_TRUE("slots.forgotten.announces", known);
	kill(pid, known ? 0 : SIGKILL);
	waitpid(pid, &status, 0);
	T_EQ("slots.forgotten.woken", status, 0);
	stop();
	object = "wake";
}

/* Readers that were given descriptors may know no slots, and so do not say that they sleep. */
static void by_descriptors(void)
{
	struct seqring_wait *wait;
	struct ring_reader *r, *own;
	int of;

	start_named(true, 0);
	own = OPEN(.wake_records = 5);
	fd_of(own);
	wait = map_map(obj, "ring_wait", sizeof(*wait));
	if (ring_bpf_fds(ring, &fds) || ring_open_fds(&fds, NULL, &r))
		die("open");
	of = fd_of(r);
	seqring_write(&wait->shared, 0);
	publish(1, 0);
	T_TRUE("slots.by_descriptors", is_woken(r, of, (int)patience_ms));
	ring_close(r);
	ring_close(own);
	stop();
}

/* The doorbell of a slot has no room: the next record tries again. */
static void refused(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char path[128];
	uint64_t *consumed, had;
	const uint64_t *produced;
	struct ring_reader *r;
	int of, fd;

	start_named(true, 0);
	snprintf(path, sizeof(path), "%s/" NAME "/doorbell-0", getenv("RINGBPFDIR"));
	fd = bpf_obj_get(path);
	consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	produced = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (consumed == MAP_FAILED || produced == MAP_FAILED)
		die(path);
	r = OPEN(.wake_records = 10);
	of = fd_of(r);
	had = seqring_read(consumed);
	seqring_write(consumed, seqring_read(produced) - page);
	publish(10, 0);
	T_TRUE("slots.refused.full", !is_woken(r, of, 0));
	seqring_write(consumed, had);
	publish(1, 0);
	T_TRUE("slots.refused.again", is_woken(r, of, (int)patience_ms));
	munmap(consumed, page);
	munmap((void *)(uintptr_t)produced, page);
	close(fd);
	ring_close(r);
	stop();
}

/* The end of the ring reaches readers with and without a slot. */
static void end(void)
{
	struct ring_reader *lazy, *eager;
	int of_lazy, of_eager;

	start_named(true, 0);
	lazy = OPEN(.wake_records = LAZY);
	eager = OPEN(.wake_records = 1);
	of_lazy = fd_of(lazy);
	of_eager = fd_of(eager);
	T_EQ("slots.end", ring_bpf_end(ring), 0);
	T_TRUE("slots.end.slot", is_woken(lazy, of_lazy, (int)patience_ms));
	T_TRUE("slots.end.shared", is_woken(eager, of_eager, (int)patience_ms));
	ring_close(lazy);
	ring_close(eager);
	stop();
}

/* --- versions ----------------------------------------------------------------------- */

/* Keeps the ring for the next loader. */
static void keep(void)
{
	if (ring_bpf_keep(ring, NULL, 0))
		die("keep");
	stop();
}

/* Objects that know no slots, before and after one that does. */
static void versions(void)
{
	struct ring_reader *r;
	unsigned int n = 0, i;
	int of, err;

	start_named(false, 0);
	r = OPEN(.wake_records = 10);
	of = fd_of(r);
	publish(10, 0);
	T_TRUE("slots.old.woken", is_woken(r, of, (int)patience_ms));
	keep();
	T_EQ("slots.old.continued", start_named(true, RING_BPF_CONTINUE), 0);
	publish(10, 0);
	T_TRUE("slots.old.continued.woken", is_woken(r, of, (int)patience_ms));
	ring_close(r);
	stop();
	ring_bpf_destroy(NAME);

	start_named(true, 0);
	r = OPEN(.wake_records = 10);
	of = fd_of(r);
	keep();
	err = start_named(false, RING_BPF_CONTINUE);
	t_check(err == -EEXIST && strstr(ring_strerror(), "slots"), "slots.new.refused", "%d: %s",
		err, ring_strerror());
	bpf_object__close(obj);
	T_EQ("slots.new.continued", start_named(true, RING_BPF_CONTINUE), 0);
	/* Whoever takes the ring over makes its readers look. */
	is_woken(r, of, 0);
	for (i = 0; i < 100; i++) {
		publish(1, 0);
		n += is_woken(r, of, 0);
	}
	T_EQ("slots.new.continued.woken", n, 10);
	ring_close(r);
	stop();
	ring_bpf_destroy(NAME);
}

static const struct t_test tests[] = {
	{ "beside", beside },
	{ "crowd", crowd },
	{ "one_ring", one_ring },
	{ "later", later },
	{ "reused", reused },
	{ "killed", killed },
	{ "inherited", inherited },
	{ "forgotten", forgotten },
	{ "by_descriptors", by_descriptors },
	{ "refused", refused },
	{ "end", end },
	{ "versions", versions },
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--patience-ms")) {
		patience_ms = (unsigned int)strtoul(argv[2], NULL, 0);
		argc = 1;
	}
	need_bpf("slots");
	bpffs = own_bpffs();
	pin_to(0);
	t_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
	umount(bpffs);
	return t_done();
}

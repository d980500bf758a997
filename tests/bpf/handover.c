// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring goes from loader to loader: as often as one likes, while events happen, and while
 * loaders fail or have left the ring in disorder.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>

#include "upgrade.h"

#define RESTARTS    270 /* the doorbell of a page holds 256 rings */
#define PATIENCE_MS 30000

static const char *bpffs;

struct waiter {
	struct ring_reader *r;
	int err;
};

static void *wait_in_thread(void *arg)
{
	struct waiter *w = arg;
	uint64_t start = now_ns();

	w->err = ring_wait(w->r, PATIENCE_MS);
	/* At its timeout ring_wait() looks once more. */
	if (now_ns() - start >= PATIENCE_MS * MS)
		w->err = -ETIME;
	return NULL;
}

/* Nobody reads the ring, and so nobody makes room in its doorbell. */
static void worn(void)
{
	struct waiter w = { 0 };
	pthread_t thread;
	int i, err = 0;

	for (i = 0; !err && i < RESTARTS; i++)
		err = restart((uint64_t)i);
	t_check(!err, "worn.restarts", "restart %d: %d: %s", i - 1, err, ring_strerror());
	w.r = open_ring(RING_HEAD);
	pthread_create(&thread, NULL, wait_in_thread, &w);
	sleep_us(50000);
	syscall(trigger_nr(), 1);
	pthread_join(thread, NULL);
	T_EQ("worn.woken", w.err, 0);
	ring_close(w.r);
	T_EQ("worn.destroy", ring_bpf_destroy(NAME), 0);
	T_EQ("worn.destroyed", ring_bpf_destroy(NAME), -ENOENT);
}

/* As a reader can do: the doorbell has no room, although a reader sleeps. */
static void fill_doorbell(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char path[PATH_MAX];
	uint64_t *consumed, *produced;
	int fd;

	snprintf(path, sizeof(path), "%s/" NAME "/doorbell", getenv("RINGBPFDIR"));
	fd = bpf_obj_get(path);
	consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	produced = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (fd < 0 || consumed == MAP_FAILED || produced == MAP_FAILED)
		die("the doorbell");
	seqring_write(consumed, seqring_read(produced) - page);
	munmap(consumed, page);
	munmap(produced, page);
	close(fd);
}

/* The end of a ring reaches a sleeper through a full doorbell. */
static void full(void)
{
	struct waiter w = { 0 };
	pthread_t thread;

	T_EQ("full.restart", restart(1), 0);
	w.r = open_ring(RING_HEAD);
	pthread_create(&thread, NULL, wait_in_thread, &w);
	sleep_us(100000);
	fill_doorbell();
	T_EQ("full.destroy", ring_bpf_destroy(NAME), 0);
	pthread_join(thread, NULL);
	T_EQ("full.woken", w.err, -ENODEV);
	ring_close(w.r);
}

/* @made: ids so far, from 1; @stop: a flag */
struct makers {
	uint64_t made[MAKERS_MAX];
	int stop;
};

static unsigned int nr_makers;
static struct makers *makers;
static pid_t maker_pids[MAKERS_MAX];

/* One process on each of two CPUs makes events, numbered without a gap. */
static void start_makers(void)
{
	unsigned int i, n;

	nr_makers = nr_cpus_online() > 1 ? 2 : 1;
	makers = map_shared(sizeof(*makers));
	for (i = 0; i < nr_makers; i++) {
		maker_pids[i] = fork();
		if (maker_pids[i])
			continue;
		pin_to((int)i);
		while (!__atomic_load_n(&makers->stop, __ATOMIC_ACQUIRE)) {
			for (n = 0; n < 20; n++)
				make_event(i, ++makers->made[i]);
			sleep_us(200);
		}
		_exit(0);
	}
}

static void stop_makers(void)
{
	unsigned int i;

	set_flag(&makers->stop);
	for (i = 0; i < nr_makers; i++)
		waitpid(maker_pids[i], NULL, 0);
}

static void *read_in_thread(void *arg)
{
	struct account *a = arg;
	int stop;

	do {
		stop = __atomic_load_n(&a->stop, __ATOMIC_ACQUIRE);
		read_events(a);
		sleep_us(1000);
	} while (!stop && a->err == -EAGAIN);
	return NULL;
}

/* --- hand-over -------------------------------------------------------------------- */

#define HANDOVERS 60

/*
 * Events happen while loader after loader takes over. @attach_first: the programs of the next
 * loader are there before those of the last one are gone. @no_epoch: every so many loaders has no
 * epoch.
 */
static void storm(const char *test, bool attach_first, int no_epoch)
{
	struct ring_stats st = { .size = sizeof(st) };
	struct account a = { 0 };
	uint64_t made = 0, drops;
	pthread_t thread;
	char name[64];
	unsigned int j;
	int i, err;

	err = restart_as(0, attach_first, no_epoch == 1);
	a.r = open_ring(RING_OLDEST);
	start_makers();
	pthread_create(&thread, NULL, read_in_thread, &a);
	for (i = 1; !err && i <= HANDOVERS; i++) {
		err = restart_as((uint64_t)i, attach_first && !(no_epoch && i % no_epoch == 0),
				 no_epoch && i % no_epoch == 0);
		sleep_us(2000);
	}
	snprintf(name, sizeof(name), "%s.loaders", test);
	t_check(!err, name, "loader %d: %d: %s", i - 1, err, ring_strerror());
	/* On a busy machine, makers and reader may not have run since then. */
	for (j = 0; j < PATIENCE_MS &&
		    __atomic_load_n(&a.newest_loader, __ATOMIC_ACQUIRE) != (uint64_t)i - 1;
	     j++)
		sleep_us(1000);
	stop_makers();
	set_flag(&a.stop);
	pthread_join(thread, NULL);
	for (j = 0; j < nr_makers; j++) {
		made += makers->made[j];
		a.missing += makers->made[j] - a.last[j];
	}
	/* What the reader lost was published. */
	if (ring_stats(a.r, &st))
		die("the account");
	a.missing -= st.lost;
	drops = dropped(a.r, SEQRING_DROP_HANDOVER) + dropped(a.r, SEQRING_DROP_BUSY);
	t_note("%s: %" PRIu64 " events, %" PRIu64 " read, %" PRIu64 " lost, %" PRIu64
	       " twice, %" PRIu64 " missing, dropped %" PRIu64 " between loaders, %" PRIu64
	       " by old ones",
	       test, made, a.got, st.lost, a.twice, a.missing, dropped(a.r, SEQRING_DROP_HANDOVER),
	       dropped(a.r, SEQRING_DROP_SUPERSEDED));
	snprintf(name, sizeof(name), "%s.once", test);
	T_EQ(name, a.twice, 0);
	/* A loader that attaches its programs afterwards can count nothing before. */
	snprintf(name, sizeof(name), "%s.counted", test);
	if (attach_first && !no_epoch)
		t_check(a.missing <= drops, name, "%" PRIu64 " missing, %" PRIu64 " counted",
			a.missing, drops);
	/* An event that happens in the moment of the switch may be counted and published. */
	snprintf(name, sizeof(name), "%s.counted_once", test);
	if (attach_first && !no_epoch)
		t_check(drops <= a.missing + HANDOVERS * MAKERS_MAX, name,
			"%" PRIu64 " missing, %" PRIu64 " counted", a.missing, drops);
	/* Each program gives its ring back. */
	snprintf(name, sizeof(name), "%s.none_abandoned", test);
	T_EQ(name, dropped(a.r, SEQRING_DROP_ABANDONED), 0);
	snprintf(name, sizeof(name), "%s.newest_writes", test);
	T_EQ(name, a.newest_loader, (uint64_t)i - 1);
	ring_close(a.r);
	munmap(makers, sizeof(*makers));
	ring_bpf_destroy(NAME);
}

static void once(void)
{
	storm("once", true, 0);
	storm("once.attach_last", false, 0);
}

/* Objects from before there were epochs, one after the other and among others. */
static void old_objects(void)
{
	storm("old_objects", false, 1);
	storm("old_objects.mixed", true, 3);
}

/* Programs of a loader that was replaced stay attached, as long as somebody has their link. */
static void superseded(void)
{
	struct account a = { 0 };
	struct loader first, second;

	T_EQ("superseded.first", load(&first, 1), 0);
	T_EQ("superseded.first.attach", attach(&first), 0);
	events(2);
	T_EQ("superseded.first.start", ring_bpf_start(first.ring), 0);
	a.r = open_ring(RING_OLDEST);
	CHECK_EVENTS("superseded.before_start", &a, 0, 0);
	events(3);
	CHECK_EVENTS("superseded.started", &a, 3, 1);
	T_EQ("superseded.first.keep", keep(&first), 0);

	T_EQ("superseded.second", load(&second, 2), 0);
	T_EQ("superseded.second.attach", attach(&second), 0);
	events(5);
	CHECK_EVENTS("superseded.both_attached", &a, 5, 1);
	T_EQ("superseded.none_yet", dropped(a.r, SEQRING_DROP_SUPERSEDED), 0);
	T_EQ("superseded.no_gap", dropped(a.r, SEQRING_DROP_HANDOVER), 0);
	T_EQ("superseded.second.start", ring_bpf_start(second.ring), 0);
	events(7);
	CHECK_EVENTS("superseded.switched", &a, 7, 2);
	T_EQ("superseded.counted", dropped(a.r, SEQRING_DROP_SUPERSEDED), 7);
	T_EQ("superseded.no_other", dropped(a.r, SEQRING_DROP_HANDOVER), 0);
	unload(&second);
	unload(&first);
	ring_close(a.r);
	T_EQ("superseded.ended", ring_bpf_destroy(NAME), -ENOENT);
}

/* Loads a loader that attaches one of its two programs only. Return: as attach(). */
static int attach_half(struct loader *l, uint64_t number)
{
	struct bpf_link *other;
	int err = load(l, number);

	if (err)
		return err;
	err = attach(l);
	if (err)
		return err;
	other = bpf_program__attach(bpf_object__find_program_by_name(l->obj, "on_nothing"));
	if (other)
		die("a program is attached to nothing");
	return -errno;
}

/* An upgrade that fails at any step leaves the writers that were there. */
static void failed(void)
{
	struct account a = { 0 };
	struct loader first, second, third;

	hush(true);
	/* The old loader lives. */
	T_EQ("failed.first", load(&first, 1), 0);
	T_EQ("failed.first.attach", attach(&first), 0);
	T_EQ("failed.first.start", ring_bpf_start(first.ring), 0);
	a.r = open_ring(RING_OLDEST);
	T_EQ("failed.lives", attach_half(&second, 2), -EBUSY);
	unload(&second);
	events(3);
	CHECK_EVENTS("failed.lives.writes", &a, 3, 1);
	T_EQ("failed.lives.reader", a.err, -EAGAIN);

	/* It has left its ring. */
	T_EQ("failed.keep", keep(&first), 0);
	T_EQ("failed.kept", attach_half(&second, 2), -ENOENT);
	events(3);
	CHECK_EVENTS("failed.kept.meanwhile", &a, 3, 1);
	unload(&second);
	events(3);
	CHECK_EVENTS("failed.kept.writes", &a, 3, 1);
	unload(&first);
	events(3);
	CHECK_EVENTS("failed.kept.alone", &a, 3, 1);
	T_EQ("failed.kept.reader", a.err, -EAGAIN);

	/* Another loader is faster. */
	T_EQ("failed.slow", load(&second, 2), 0);
	T_EQ("failed.slow.attach", attach(&second), 0);
	T_EQ("failed.fast", load(&third, 3), 0);
	T_EQ("failed.fast.attach", attach(&third), 0);
	T_EQ("failed.fast.start", ring_bpf_start(third.ring), 0);
	T_EQ("failed.slow.start", ring_bpf_start(second.ring), -EEXIST);
	events(3);
	CHECK_EVENTS("failed.fast.writes", &a, 3, 3);
	unload(&second);
	events(3);
	CHECK_EVENTS("failed.fast.writes_on", &a, 3, 3);
	unload(&third);
	ring_close(a.r);
	T_EQ("failed.ended", ring_bpf_destroy(NAME), -ENOENT);
	hush(false);
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0
#else
#define LOW_HALF 4
#endif

#define DENY(err)	       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (err))
#define LOAD(at)	       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define SKIP_UNLESS(value, nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, nr)

/* From now on this process cannot wait for a grace period by membarrier(2), nor make a map. */
static void deny_waiting(bool maps)
{
	struct sock_filter code[] = {
		LOAD(offsetof(struct seccomp_data, nr)),
		SKIP_UNLESS(SYS_membarrier, 1),
		DENY(EINVAL),
		SKIP_UNLESS(SYS_bpf, 3),
		LOAD(offsetof(struct seccomp_data, args) + LOW_HALF),
		SKIP_UNLESS(maps ? BPF_MAP_CREATE : ~0u, 1),
		DENY(EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		die("seccomp");
}

/* A whole life of a loader that cannot wait. Return: of ring_bpf_start(). */
static int restart_denied(uint64_t number, bool maps)
{
	struct loader l;
	int err, status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? -WEXITSTATUS(status) :
									      -EPROTO;
	if (load(&l, number) || attach(&l))
		_exit(EPROTO);
	deny_waiting(maps);
	err = ring_bpf_start(l.ring);
	if (!err)
		err = keep(&l);
	unload(&l);
	_exit(-err);
}

/* The kernel of the loader does not let it wait for programs in the usual way, or in no way. */
static void denied(void)
{
	struct account a = { 0 };

	T_EQ("denied.first", restart(1), 0);
	a.r = open_ring(RING_OLDEST);
	events(3);
	CHECK_EVENTS("denied.before", &a, 3, 1);
	T_EQ("denied.membarrier", restart_denied(2, false), 0);
	events(3);
	CHECK_EVENTS("denied.membarrier.writes", &a, 3, 2);
	T_EQ("denied.all", restart_denied(3, true), -EPERM);
	events(3);
	CHECK_EVENTS("denied.all.writes", &a, 3, 2);
	T_EQ("denied.all.reader", a.err, -EAGAIN);
	/* Who sleeps looks the owner up. */
	T_EQ("denied.all.owner", ring_wait(a.r, 50), -ETIMEDOUT);
	T_EQ("denied.next", restart(4), 0);
	events(3);
	CHECK_EVENTS("denied.next.writes", &a, 3, 4);
	ring_close(a.r);
	T_EQ("denied.destroy", ring_bpf_destroy(NAME), 0);
}

static const struct t_test tests[] = {
	{ "worn", worn },
	{ "full", full },
	{ "once", once },
	{ "old_objects", old_objects },
	{ "superseded", superseded },
	{ "failed", failed },
	{ "denied", denied },
};

int main(int argc, char **argv)
{
	need_bpf("handover");
	bpffs = own_bpffs();
	trigger_nr();
	pin_to(0);
	t_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
	umount(bpffs);
	return t_done();
}

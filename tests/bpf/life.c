// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a BPF ring: its loader is killed, or exits and leaves the ring; another
 * loader continues it; programs come and go; the ring ends and its readers hear of it.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "loader.h"

#define PATIENCE_MS 30000 /* a wake-up that takes longer never comes */

static const char *bpffs;

static int fd_of(struct ring_reader *r)
{
	int fd;

	if (ring_fd(r, &fd))
		die("ring_fd");
	return fd;
}

/* Return: of ring_wait(); -ETIME if nothing woke it. */
static int wait_woken(struct ring_reader *r)
{
	uint64_t start = now_ns();
	int err = ring_wait(r, PATIENCE_MS);

	/* At its timeout ring_wait() looks once more. */
	return now_ns() - start < PATIENCE_MS * MS ? err : -ETIME;
}

static bool readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1 && pfd.revents & POLLIN;
}

/* Checks that @nr records remain and that the ring has ended. */
#define CHECK_END(name, r, next, nr)                                \
	do {                                                        \
		int end_err, end_n = read_all(r, next, &end_err);   \
		T_EQ(name ".read", end_n, nr);                      \
		if (end_err == -EAGAIN)                             \
			T_EQ(name ".wait", wait_woken(r), -ENODEV); \
		end_n = read_all(r, next, &end_err);                \
		T_EQ(name ".nothing", end_n, 0);                    \
		T_EQ(name ".end", end_err, -ENODEV);                \
	} while (0)

/* Checks that @nr records came and that the ring lives. */
#define CHECK_MORE(name, r, next, nr)                                \
	do {                                                         \
		int more_err, more_n = read_all(r, next, &more_err); \
		T_EQ(name, more_n, nr);                              \
		T_EQ(name ".lives", more_err, -EAGAIN);              \
	} while (0)

struct waiter {
	struct ring_reader *r;
	int err;
};

static void *wait_in_thread(void *arg)
{
	struct waiter *w = arg;

	w->err = wait_woken(w->r);
	return NULL;
}

static bool has_name(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", getenv("RINGBPFDIR"), name);
	return !access(path, F_OK);
}

/* Starts a process with the PID of one that is gone. Return: the PID; 0: it failed. */
static pid_t take_pid(pid_t pid)
{
	unsigned int tries;
	pid_t child;
	FILE *f;

	for (tries = 0; tries < 1000; tries++) {
		f = fopen("/proc/sys/kernel/ns_last_pid", "w");
		if (!f)
			return 0;
		fprintf(f, "%d", pid - 1);
		fclose(f);
		child = fork();
		if (!child) {
			pause();
			_exit(0);
		}
		if (child == pid)
			return pid;
		kill_and_reap(child);
	}
	return 0;
}

static void killed(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "killed");
	uint64_t next[4] = { 1, 1, 1, 1 };
	struct ring_reader *by_wait, *by_fd, *late;
	struct waiter w = { 0 };
	struct loader l;
	pthread_t thread;
	pid_t other;
	int fd, err;

	loader_start(&l, &opts);
	T_EQ("killed.start", l.err, 0);
	by_wait = open_name("killed");
	by_fd = open_name("killed");
	w.r = open_name("killed");
	T_EQ("killed.attach", loader_do(&l, ATTACH), 0);
	trigger(5);
	T_EQ("killed.waiter", read_all(w.r, &next[2], &err), 5);
	T_EQ("killed.fd.read", read_all(by_fd, &next[1], &err), 5);
	fd = fd_of(by_fd);
	read_all(by_fd, &next[1], &err);
	T_TRUE("killed.fd.quiet", !readable(fd, 50));
	pthread_create(&thread, NULL, wait_in_thread, &w);
	sleep_us(100000);
	loader_end(&l, true);
	trigger(3);
	/* A process that reuses the dead loader's PID is not taken for the loader. */
	other = take_pid(l.pid);
	T_EQ("killed.pid_used_again", other, l.pid);

	pthread_join(thread, NULL);
	T_EQ("killed.wakes", w.err, -ENODEV);
	CHECK_END("killed.by_wait", by_wait, &next[0], 5);
	T_TRUE("killed.fd.readable", readable(fd, PATIENCE_MS));
	T_EQ("killed.fd.nothing", read_all(by_fd, &next[1], &err), 0);
	T_EQ("killed.fd.end", err, -ENODEV);
	T_TRUE("killed.fd.stays_readable", readable(fd, PATIENCE_MS));
	/* Its pins and its records are still there. */
	late = open_name("killed");
	CHECK_END("killed.late", late, &next[3], 5);

	/* The next loader takes the name; the old readers keep the old ring. */
	loader_start(&l, &opts);
	T_EQ("killed.replaced", l.err, 0);
	if (other > 0)
		kill_and_reap(other);
	T_EQ("killed.replaced.attach", loader_do(&l, ATTACH), 0);
	trigger(2);
	T_EQ("killed.replaced.old", read_all(late, &next[3], &err), 0);
	T_EQ("killed.replaced.old.end", err, -ENODEV);
	ring_close(late);
	late = open_name("killed");
	next[3] = 1;
	CHECK_MORE("killed.replaced.new", late, &next[3], 2);
	T_EQ("killed.replaced.close", loader_do(&l, CLOSE), 0);
	CHECK_END("killed.replaced.closed", late, &next[3], 0);
	T_TRUE("killed.replaced.no_name", !has_name("killed"));
	loader_end(&l, false);
	ring_close(late);
	ring_close(by_wait);
	ring_close(by_fd);
	ring_close(w.r);
}

/* Most loaders die in the middle of a publish. */
static void killed_flooding(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "flood");
	uint64_t word, last, got, bad = 0, total = 0;
	struct ring_record rec;
	int round, err, ends = 0;
	struct loader l;
	struct ring_reader *r;

	/* On a busy machine a loader may be killed before it runs: more rounds then. */
	for (round = 0; round < 20 || (total <= 1000 && round < 200); round++) {
		loader_start(&l, &opts);
		r = open_name("flood");
		loader_do(&l, FLOOD);
		last = 0;
		got = 0;
		sleep_us((uint64_t)(round % 20) * 700);
		kill(l.pid, SIGKILL);
		for (;;) {
			err = ring_read(r, &rec, &word, sizeof(word));
			if (err == -EAGAIN) {
				err = wait_woken(r);
			} else if (err == -EPIPE) {
				err = 0;
			} else if (!err) {
				bad += (last && rec.seq != last + rec.lost + 1) || rec.len != 8 ||
				       rec.type != 1 || word >= 1000 ||
				       word != (rec.seq - 1) % 1000;
				last = rec.seq;
				got++;
			}
			if (err)
				break;
		}
		ends += err == -ENODEV;
		total += got;
		ring_close(r);
		loader_end(&l, true);
	}
	T_EQ("flood.ends", ends, round);
	T_EQ("flood.garbage", bad, 0);
	T_TRUE("flood.some", total > 1000);
}

static void kept(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "kept");
	uint64_t next = 1, later = 1;
	struct waiter w = { 0 };
	struct loader l, second;
	struct ring_reader *r, *other;
	pthread_t thread;
	int i, n, err;

	loader_start(&l, &opts);
	r = open_name("kept");
	w.r = open_name("kept");
	loader_do(&l, ATTACH);
	trigger(4);
	read_all(w.r, &later, &err);
	pthread_create(&thread, NULL, wait_in_thread, &w);
	sleep_us(50000);
	T_EQ("kept.keep", loader_do(&l, KEEP), 0);
	loader_end(&l, true);
	/* The loader that its readers watched is gone, but the ring was kept. */
	sleep_us(50000);
	trigger(1);
	pthread_join(thread, NULL);
	T_EQ("kept.sleeper", w.err, 0);
	T_EQ("kept.sleeper.read", read_all(w.r, &later, &err), 1);
	T_EQ("kept.sleeper.lives", err, -EAGAIN);
	T_EQ("kept.sleeper.wait", ring_wait(w.r, 100), -ETIMEDOUT);
	CHECK_MORE("kept.goes_on", r, &next, 5);
	for (i = n = 0; i < 20; i++) {
		later = 1;
		other = open_name("kept");
		trigger(1);
		n += read_all(other, &later, &err);
		ring_close(other);
	}
	T_EQ("kept.at_will", n, 20 * 5 + 20 * 21 / 2);
	CHECK_MORE("kept.all", r, &next, 20);
	T_TRUE("kept.has_name", has_name("kept"));

	loader_start(&l, &opts);
	T_EQ("kept.taken", l.errs[0], -EEXIST);
	loader_end(&l, false);
	CHECK_MORE("kept.untouched", r, &next, 0);
	pthread_create(&thread, NULL, wait_in_thread, &w);
	sleep_us(50000);
	T_EQ("kept.destroy", ring_bpf_destroy("kept"), 0);
	pthread_join(thread, NULL);
	/* Woken by the unread record or by the end. */
	T_TRUE("kept.destroy.wakes", !w.err || w.err == -ENODEV);
	trigger(3);
	CHECK_END("kept.destroyed", r, &next, 0);
	T_TRUE("kept.no_name", !has_name("kept"));
	T_EQ("kept.destroy.again", ring_bpf_destroy("kept"), -ENOENT);
	ring_close(r);
	ring_close(w.r);

	/* A loader that kept a ring ends only that ring, not a later one of the same name. */
	loader_start(&l, &opts);
	loader_do(&l, ATTACH);
	loader_do(&l, KEEP);
	ring_bpf_destroy("kept");
	loader_start(&second, &opts);
	T_EQ("kept.another", second.err, 0);
	T_EQ("kept.another.end", loader_do(&l, END), 0);
	T_TRUE("kept.another.has_name", has_name("kept"));
	loader_end(&l, false);
	loader_do(&second, CLOSE);
	T_TRUE("kept.another.closed", !has_name("kept"));
	loader_end(&second, false);
}

static void continued(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "again"), other;
	struct ring_reader *r, *early;
	struct loader l, second;
	uint64_t next = 1, all = 1;
	struct waiter w = { 0 };
	pthread_t thread;
	uint32_t before;
	int i, err;

	opts.flags = RING_BPF_CONTINUE;
	loader_start(&l, &opts);
	T_EQ("continue.new", l.err, 0);
	early = open_name("again");
	r = open_name("again");
	loader_do(&l, ATTACH);
	trigger(7);
	loader_start(&second, &opts);
	T_EQ("continue.owned", second.errs[0], -EBUSY);
	loader_end(&second, false);
	T_EQ("continue.destroy_owned", ring_bpf_destroy("again"), -EBUSY);
	loader_do(&l, KEEP);
	loader_end(&l, false);
	trigger(7);
	CHECK_MORE("continue.before", r, &next, 14);

	/* Each time a new process continues the ring and leaves it again. */
	for (i = 0; i < 3; i++) {
		before = l.prog_id;
		loader_start(&l, &opts);
		T_EQ("continue.reload", l.err, 0);
		/* The programs before are detached; the new one is not attached yet. */
		T_TRUE("continue.before_gone", program_is_gone(before));
		trigger(1);
		CHECK_MORE("continue.detached", r, &next, 0);
		loader_do(&l, ATTACH);
		trigger(3);
		CHECK_MORE("continue.once_each", r, &next, 3);
		T_EQ("continue.keep", loader_do(&l, KEEP), 0);
		loader_end(&l, i % 2);
		trigger(2);
		CHECK_MORE("continue.kept", r, &next, 2);
	}
	T_EQ("continue.contiguous", read_all(early, &all, &err), 14 + 3 * 5);

	other = opts;
	other.data_size *= 2;
	loader_start(&second, &other);
	T_EQ("continue.size", second.errs[0], -EEXIST);
	T_TRUE("continue.size.why", strstr(second.why, "another shape"));
	loader_end(&second, false);
	other = opts;
	other.clock_id = SEQRING_CLOCK_NONE;
	loader_start(&second, &other);
	T_EQ("continue.clock", second.errs[0], -EEXIST);
	loader_end(&second, false);
	other = opts;
	other.flags |= RING_BPF_ONE_RING;
	loader_start(&second, &other);
	T_EQ("continue.rings", second.errs[0], -EEXIST);
	loader_end(&second, false);
	other = opts;
	other.schema = "x";
	other.schema_size = 1;
	loader_start(&second, &other);
	T_EQ("continue.schema", second.errs[0], -EEXIST);
	loader_end(&second, false);
	trigger(1);
	CHECK_MORE("continue.unharmed", r, &next, 1);

	/* A sleeper hears of a new owner, and then of the owner's end. */
	read_all(early, &all, &err);
	T_EQ("continue.sleeper.no_owner", ring_wait(early, 50), -ETIMEDOUT);
	w.r = early;
	pthread_create(&thread, NULL, wait_in_thread, &w);
	sleep_us(50000);
	loader_start(&l, &opts);
	sleep_us(50000);
	loader_end(&l, true);
	pthread_join(thread, NULL);
	T_EQ("continue.sleeper.end", w.err, -ENODEV);

	/* A loader that continues the ring and is killed ends it. */
	loader_start(&l, &opts);
	loader_do(&l, ATTACH);
	trigger(2);
	loader_end(&l, true);
	CHECK_END("continue.killed", r, &next, 2);
	/* Another loader may still continue the ring, because no process ended it. */
	loader_start(&l, &opts);
	T_EQ("continue.leftover", l.err, 0);
	loader_do(&l, ATTACH);
	trigger(2);
	ring_close(r);
	r = open_name("again");
	next = 1;
	CHECK_MORE("continue.leftover.all", r, &next, 14 + 3 * 5 + 1 + 2 + 2);
	T_EQ("continue.end", loader_do(&l, END), 0);
	CHECK_END("continue.ended", r, &next, 0);
	loader_end(&l, false);
	/* The name is free, so the next ring is a new one. */
	loader_start(&l, &opts);
	T_EQ("continue.fresh", l.err, 0);
	ring_close(r);
	r = open_name("again");
	next = 1;
	CHECK_MORE("continue.fresh.empty", r, &next, 0);
	loader_end(&l, true);
	ring_close(r);
	ring_close(early);
}

static void attached(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "attach");
	uint64_t next = 1, last;
	struct ring_stats_at st = { .size = sizeof(st) };
	struct loader l;
	struct ring_reader *r;

	loader_start(&l, &opts);
	r = open_name("attach");
	trigger(2);
	CHECK_MORE("attach.not_yet", r, &next, 0);
	loader_do(&l, ATTACH);
	trigger(3);
	CHECK_MORE("attach.once", r, &next, 3);
	loader_do(&l, DETACH);
	trigger(3);
	CHECK_MORE("attach.detached", r, &next, 0);
	T_EQ("attach.wait", ring_wait(r, 50), -ETIMEDOUT);
	loader_do(&l, ATTACH);
	trigger(4);
	CHECK_MORE("attach.again", r, &next, 4);

	/* After its end a ring counts the records that its programs drop. */
	T_EQ("attach.end", loader_do(&l, END), 0);
	T_TRUE("attach.end.no_name", !has_name("attach"));
	ring_stats_at(r, 0, &st);
	last = st.published;
	trigger(6);
	ring_stats_at(r, 0, &st);
	T_EQ("attach.end.dropped", st.dropped[SEQRING_DROP_DEAD], 6);
	T_EQ("attach.end.published", st.published, last);
	T_EQ("attach.end.dead", st.dead, 1);
	pin_to(1);
	trigger(2);
	ring_stats_at(r, 1, &st);
	T_EQ("attach.end.other_cpu", st.dropped[SEQRING_DROP_DEAD], 2);
	pin_to(0);
	T_EQ("attach.end.twice", loader_do(&l, END), 0);
	CHECK_END("attach.ended", r, &next, 0);

	/* All descriptors are closed; the mapping stays. */
	T_EQ("attach.close", loader_do(&l, CLOSE), 0);
	loader_end(&l, false);
	T_EQ("attach.newest", ring_seek(r, RING_OLDEST, 0), 0);
	next = 1;
	CHECK_END("attach.mapped", r, &next, 7);
	ring_close(r);
}

/* One ring, opened in every way. */
static void opened(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "many-ways");
	struct {
		const char *name;
		struct ring_reader *r;
		bool sleeps;
	} ways[5] = { 0 };
	char dir[PATH_MAX], path[PATH_MAX + 8];
	struct ring_fds fds;
	struct loaded l;
	uint64_t next = 1;
	int i, errs[3], err;

	T_EQ("open.load", load_ring(&l, &opts, errs), 0);
	attach_ring(&l);
	ring_bpf_fds(l.ring, &fds);
	snprintf(dir, sizeof(dir), "%s/many-ways", getenv("RINGBPFDIR"));
	snprintf(path, sizeof(path), "%s/ring", dir);
	ways[0].name = "open.by_name";
	T_EQ(ways[0].name, ring_open("many-ways", NULL, &ways[0].r), 0);
	ways[1].name = "open.by_directory";
	T_EQ(ways[1].name, ring_open(dir, NULL, &ways[1].r), 0);
	ways[2].name = "open.by_pin";
	T_EQ(ways[2].name, ring_open(path, NULL, &ways[2].r), 0);
	ways[3].name = "open.by_map";
	T_EQ(ways[3].name, ring_open_fd(fds.ring, NULL, &ways[3].r), 0);
	ways[4].name = "open.by_fds";
	T_EQ(ways[4].name, ring_open_fds(&fds, NULL, &ways[4].r), 0);
	trigger(3);
	for (i = 0; i < 5; i++) {
		char name[64];
		bool sleeps = i != 2 && i != 3;

		if (!ways[i].r)
			continue;
		next = 1;
		snprintf(name, sizeof(name), "%s.read", ways[i].name);
		T_EQ(name, read_all(ways[i].r, &next, &err), 3);
		snprintf(name, sizeof(name), "%s.wait", ways[i].name);
		T_EQ(name, ring_wait(ways[i].r, 10), sleeps ? -ETIMEDOUT : -EOPNOTSUPP);
	}
	unload_ring(&l);
	for (i = 0; i < 5; i++) {
		char name[64];

		/* The name, the descriptors and the loader are gone. */
		snprintf(name, sizeof(name), "%s.end", ways[i].name);
		read_all(ways[i].r, &next, &err);
		T_EQ(name, err, -ENODEV);
		ring_close(ways[i].r);
	}
	T_EQ("open.gone", ring_open("many-ways", NULL, &ways[0].r), -ENOENT);
}

/* --- several loaders at once ---------------------------------------------------- */

#define RACERS 6

/* All loaders want one name. Return: how many got it; negative: the winner lacks it. */
static int race_once(const struct ring_bpf_opts *opts, int *others)
{
	struct {
		int ready, go, errs[RACERS];
		pid_t winner;
	} *shared = map_shared(4096);
	pid_t pids[RACERS];
	const struct ring_open_opts from_now = { .size = sizeof(from_now), .whence = RING_HEAD };
	struct ring_record rec;
	struct ring_reader *r = NULL;
	struct loaded l;
	int i, errs[3], wins = 0;

	for (i = 0; i < RACERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			hush(true);
			__atomic_fetch_add(&shared->ready, 1, __ATOMIC_RELEASE);
			while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
				sched_yield();
			shared->errs[i] = load_ring(&l, opts, errs);
			if (!shared->errs[i])
				attach_ring(&l);
			__atomic_fetch_add(&shared->ready, 1, __ATOMIC_RELEASE);
			while (1)
				pause();
		}
	}
	while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < RACERS)
		sched_yield();
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < 2 * RACERS)
		sleep_us(1000);
	for (i = 0; i < RACERS; i++) {
		wins += !shared->errs[i];
		*others += shared->errs[i] && shared->errs[i] != -EEXIST &&
			   shared->errs[i] != -EBUSY;
		if (shared->errs[i] && shared->errs[i] != -EEXIST && shared->errs[i] != -EBUSY)
			t_note("a loser got %d", shared->errs[i]);
	}
	/* The name leads to the winner's ring. */
	if (ring_open(opts->name, &from_now, &r)) {
		t_note("%s", ring_strerror());
		wins = -2;
	} else {
		trigger(1);
		if (ring_read(r, &rec, NULL, 0) || ring_read(r, &rec, NULL, 0) != -EAGAIN)
			wins = -1;
	}
	for (i = 0; i < RACERS; i++)
		kill_and_reap(pids[i]);
	wait_for_programs();
	ring_close(r);
	munmap(shared, 4096);
	return wins;
}

static void race(const char *test, uint32_t flags)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = test, .flags = flags);
	int i, wins, bad = 0, others = 0;
	char name[64];

	trigger_nr();
	/* In the first round the name is free; later it is left by killed loaders. */
	for (i = 0; i < 15; i++) {
		wins = race_once(&opts, &others);
		if (wins != 1) {
			t_note("%s: round %d: %d", test, i, wins);
			bad++;
		}
	}
	snprintf(name, sizeof(name), "%s.one_wins", test);
	T_EQ(name, bad, 0);
	snprintf(name, sizeof(name), "%s.others_hear_why", test);
	T_EQ(name, others, 0);
}

static void raced(void)
{
	race("race", 0);
	race("race_on", RING_BPF_CONTINUE);
}

static const struct t_test tests[] = {
	{ "killed", killed },	    { "flood", killed_flooding }, { "kept", kept },
	{ "continued", continued }, { "attached", attached },	  { "opened", opened },
	{ "raced", raced },
};

int main(int argc, char **argv)
{
	need_bpf("life");
	bpffs = own_bpffs();
	pin_to(0);
	t_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
	umount(bpffs);
	return t_done();
}

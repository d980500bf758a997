// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sleepers cost the thread that publishes: a record that wakes a thousand readers of a served
 * ring, beside one that wakes one reader. With RING_WRITER_WAKE_THREAD both cost the same, if
 * the thread that publishes has a CPU of its own. Elsewhere the kernel interrupts it for each
 * reader that is woken on its CPU, and counts that as its time.
 *
 * sleepers READERS: prints the cost with and without that thread, for a run by hand.
 */
#include <libring.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "../lib/cost.h"
#include "../lib/process.h"
#include "../lib/ring.h"

#define READERS	    1000u
#define RECORDS	    8u /* of a round */
#define ROUNDS	    15u
#define BOUND	    1.2
#define FDS	    8u /* of a reader, at most, and of the writer for it */
#define PATIENCE_MS 60000
#define FEW_US	    200
#define STACK	    65536u

/*
 * Readers of a ring in a process of their own, each with a thread that sleeps in ring_wait().
 *
 * @arrived: records that they have read together; shared
 * @published: records that each is to read
 */
struct sleepers {
	struct ring_writer *w;
	struct pollfd serve;
	char path[64];
	unsigned int nr;
	uint64_t *arrived;
	uint64_t published;
	pid_t pid;
};

static void *read_for_ever(void *arg)
{
	const struct sleepers *s = arg;
	struct ring_record rec;
	struct ring_reader *r;

	if (ring_open(s->path, NULL, &r))
		die("ring_open");
	__atomic_fetch_add(s->arrived, 1, __ATOMIC_RELAXED);
	for (;;) {
		if (ring_wait(r, -1))
			die("ring_wait");
		while (!ring_read(r, &rec, NULL, 0))
			__atomic_fetch_add(s->arrived, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void start_readers(struct sleepers *s)
{
	pthread_attr_t attr;
	pthread_t thread;
	unsigned int i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (i = 0; i < s->nr; i++)
		if (pthread_create(&thread, &attr, read_for_ever, s))
			T_DIE("setup.threads", "pthread_create: %s", strerror(errno));
	for (;;)
		pause();
}

/* Waits until the readers have read all, and for a while in which they fall asleep. */
static void settle(struct sleepers *s)
{
	const uint64_t end = now_ns() + PATIENCE_MS * MS;

	while (__atomic_load_n(s->arrived, __ATOMIC_RELAXED) < s->nr * (s->published + 1)) {
		if (now_ns() > end)
			T_DIE("sleepers.woken", "%u readers have read %lu times in a minute", s->nr,
			      (unsigned long)*s->arrived);
		if (poll(&s->serve, 1, 0) == 1)
			ring_writer_serve(s->w);
		sleep_us(FEW_US);
	}
	sleep_us(FEW_US + 10ULL * s->nr);
}

static void set_up(struct sleepers *s, const char *dir, unsigned int nr, uint32_t flags)
{
	const struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.flags = flags,
		.data_size = 65536,
	};

	*s = (struct sleepers) { .serve.events = POLLIN, .nr = nr };
	s->arrived = map_shared(sizeof(*s->arrived));
	snprintf(s->path, sizeof(s->path), "%s/ring", dir);
	if (ring_writer_create(&opts, &s->w) || ring_writer_listen(s->w, s->path, &s->serve.fd))
		die("ring_writer_create");
	s->pid = fork();
	if (!s->pid)
		start_readers(s);
	settle(s);
}

static void tear_down(struct sleepers *s)
{
	kill_and_reap(s->pid);
	ring_writer_close(s->w);
	munmap(s->arrived, sizeof(*s->arrived));
}

/* CPU time that a record costs the thread that publishes. */
static uint64_t cost_of(struct sleepers *s)
{
	const uint64_t start = cpu_ns();

	if (ring_writer_publish(s->w, 0, 0, "x", 1))
		die("ring_writer_publish");
	s->published++;
	return cpu_ns() - start;
}

static struct sleepers one, many;
static double cost_of_many;

/*
 * Publishes to both in turn, when all readers sleep. So both find the same caches: a thousand
 * readers that have just run leave little in them.
 */
static double wakes_one(void *arg)
{
	uint64_t to_one = 0, to_many = 0;
	unsigned int i;

	(void)arg;
	pin_to(0);
	for (i = 0; i < RECORDS; i++) {
		settle(&one);
		settle(&many);
		if (i % 2)
			to_many += cost_of(&many);
		to_one += cost_of(&one);
		if (i % 2 == 0)
			to_many += cost_of(&many);
	}
	cost_of_many = (double)to_many / RECORDS;
	return (double)to_one / RECORDS;
}

/* As wakes_one() has measured it. */
static double wakes_many(void *arg)
{
	(void)arg;
	return cost_of_many;
}

int main(int argc, char **argv)
{
	const unsigned int nr = argc > 1 ? (unsigned int)atoi(argv[1]) : READERS;
	struct cost_pair pair = { "sleepers.cost", wakes_one, wakes_many, NULL, ROUNDS, BOUND };
	char dirs[2][32] = { "/tmp/sleepers-XXXXXX", "/tmp/sleepers-XXXXXX" };
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_max < (rlim_t)nr * FDS) {
		t_skip("sleepers.cost", "this process may not open %u descriptors", nr * FDS);
		return t_done();
	}
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	/* Readers and the thread that wakes start on another CPU than the one that publishes. */
	pin_to(get_nprocs() - 1);
	if (!mkdtemp(dirs[0]) || !mkdtemp(dirs[1]))
		T_DIE("setup.dir", "mkdtemp: %s", strerror(errno));
	if (argc > 1) {
		set_up(&one, dirs[0], 1, 0);
		set_up(&many, dirs[1], nr, 0);
		t_note("%u readers, the publisher wakes: %.2f times", nr, cost_ratio(&pair));
		tear_down(&one);
		tear_down(&many);
	}
	set_up(&one, dirs[0], 1, RING_WRITER_WAKE_THREAD);
	set_up(&many, dirs[1], nr, RING_WRITER_WAKE_THREAD);
	if (argc > 1)
		t_note("%u readers, a thread wakes: %.2f times", nr, cost_ratio(&pair));
	else
		cost_check(&pair);
	tear_down(&one);
	tear_down(&many);
	rmdir(dirs[0]);
	rmdir(dirs[1]);
	return t_done();
}

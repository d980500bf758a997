// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishing from probes at the worst places: with the ring's lock taken, but not yet or no
 * longer in use, and in the update of the clocks. Nothing waits for its own CPU, each record is
 * published or counted, and the times of a ring never run backwards.
 */
#include <stdbool.h>

#include "mod.h"

#define NAME "ns"
#define SIZE 65536
#define MAX  256 /* the driver's limit for single records */

#define AT_LOCK	  1
#define AT_UNLOCK 2
#define AT_CLOCKS 3

static void create(unsigned int mode, unsigned int clock_id)
{
	if (dev_command("create " NAME " %u %u 0 %u", mode, SIZE, clock_id))
		T_DIE("nest.setup", "create: %s", strerror(errno));
}

static void destroy(const char *name, pid_t reader)
{
	char what[64];

	if (dev_command("destroy " NAME))
		T_DIE("nest.setup", "destroy: %s", strerror(errno));
	snprintf(what, sizeof(what), "nest.%s.follower", name);
	T_EQ(what, ended(reader), 0);
}

/*
 * A probe on the functions of the lock. The record that nests in the last unlock cannot be kept:
 * publishing it takes the lock again.
 */
static void at_the_lock(void)
{
	static const struct {
		const char *name;
		unsigned int place, dropped;
	} places[] = { { "lock", AT_LOCK, 0 }, { "unlock", AT_UNLOCK, 1 } };
	const unsigned int rounds = 200;
	unsigned int i;
	char name[64];

	for (i = 0; i < 2; i++) {
		struct tried tried, counted;
		pid_t reader;

		if (places[i].place == AT_UNLOCK && !access("/sys/kernel/realtime", F_OK)) {
			t_note("nest.unlock: a kernel with PREEMPT_RT has no such function");
			continue;
		}
		create(SEQRING_MODE_LOCKED, SEQRING_CLOCK_MONOTONIC);
		reader = follower(NAME, MAX);
		snprintf(name, sizeof(name), "nest.%s.returns", places[i].name);
		T_RET(name, dev_command("probe " NAME " %u %u", places[i].place, rounds), 0);
		tried = mod_tried(NAME);
		counted = mod_counted(NAME);
		snprintf(name, sizeof(name), "nest.%s.published", places[i].name);
		T_EQ(name, counted.published, 2 * rounds);
		snprintf(name, sizeof(name), "nest.%s.dropped", places[i].name);
		T_EQ(name, counted.busy, places[i].dropped * rounds);
		snprintf(name, sizeof(name), "nest.%s.exact", places[i].name);
		t_check(tried.published == counted.published && tried.busy == counted.busy, name,
			"the driver has %llu and %llu", (unsigned long long)tried.published,
			(unsigned long long)tried.busy);
		destroy(places[i].name, reader);
	}
}

/* A probe in the update of the clocks: a reader of the coarse clock would wait for its end. */
static void in_the_clocks(void)
{
	static const struct {
		unsigned int id;
		const char *name;
	} clocks[] = {
#define CLOCK_ROW(ID, number, name, ...) { number, name },
		SEQRING_CLOCKS(CLOCK_ROW)
#undef CLOCK_ROW
	};
	const unsigned int records = mod_debug_kernel() ? 20 : 100;
	unsigned int i;
	char name[64];

	for (i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		pid_t reader;

		create(SEQRING_MODE_LOCKED, clocks[i].id);
		reader = follower(NAME, MAX);
		snprintf(name, sizeof(name), "nest.clocks_%s.returns", clocks[i].name);
		T_RET(name, dev_command("probe " NAME " %u %u", AT_CLOCKS, records), 0);
		snprintf(name, sizeof(name), "nest.clocks_%s.published", clocks[i].name);
		T_EQ(name, mod_counted(NAME).published, records);
		snprintf(name, sizeof(name), "clocks_%s", clocks[i].name);
		destroy(name, reader);
	}
}

/* Two CPUs that nest in each other's locked ring: one of them would wait without end. */
static void crossed(void)
{
	create(SEQRING_MODE_LOCKED, SEQRING_CLOCK_NONE);
	T_RET("nest.crossed", dev_command("cross " NAME), 0);
	T_EQ("nest.crossed_counted", mod_counted(NAME).busy, 1);
	dev_command("destroy " NAME);
}

/* The warning about a second writer comes later: its caller may hold the console's locks. */
static void silent(void)
{
	create(SEQRING_MODE_CALLER, SEQRING_CLOCK_NONE);
	T_RET("nest.silent", dev_command("quiet " NAME), 0);
	T_EQ("nest.silent_counted", mod_counted(NAME).busy, 1);
	dev_command("destroy " NAME);
}

/* A sleeper waits for more records than the interrupted writer publishes itself. */
static void wakes(unsigned int mode)
{
	static const char *const names[] = { "", "nest.wakes_locked", "nest.wakes_percpu" };
	struct dev d;
	pid_t pid;

	create(mode, SEQRING_CLOCK_MONOTONIC);
	dev_open(&d, NAME, O_RDONLY);
	dev_reader_page(&d);
	d.page->wake_records = 50;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(60);
		mod_pin(0);
		sleep_us(100000);
		_exit(!!dev_command("nest " NAME));
	}
	T_EQ(names[mode], dev_woken(d.fd, 10000), POLLIN);
	if (ended(pid))
		T_DIE("nest.setup", "nest: it failed");
	dev_close(&d);
	dev_command("destroy " NAME);
}

/* The kernel API's other calls, which the driver checks itself; nested as well. */
static void calls(void)
{
	static const char *const whats[] = { "", "times", "pieces", "reading", "bound" };
	unsigned int mode, what;
	char name[64];

	for (mode = SEQRING_MODE_CALLER; mode <= SEQRING_MODE_PERCPU; mode++) {
		for (what = 1; what <= 4; what++) {
			create(mode, SEQRING_CLOCK_MONOTONIC);
			snprintf(name, sizeof(name), "nest.calls_%s%u", whats[what], mode);
			T_RET(name, dev_command("calls " NAME " %u", what), 0);
			dev_command("destroy " NAME);
		}
	}
}

/*
 * Processes, timer interrupts and NMIs share a ring; the follower compares the times. Each of
 * them must have published.
 */
static void times(const char *what, unsigned int mode, unsigned int clock_id)
{
	const unsigned int flood = mod_debug_kernel() ? 1000 : 20000;
	unsigned int i, bad = 0;
	pid_t reader, pid[2];
	char name[64];

	create(mode, clock_id);
	reader = follower(NAME, MAX);
	for (i = 0; i < 2; i++) {
		fflush(stdout);
		pid[i] = fork();
		if (pid[i])
			continue;
		alarm(200);
		mod_pin(i);
		if (i == 0 && dev_command("later " NAME " 50000 200000"))
			_exit(1);
		_exit(!!(i == 0 ? dev_command("flood " NAME " %u 256 7", flood) :
				  dev_command("nmi " NAME " %u 256", flood / 8)));
	}
	for (i = 0; i < 2; i++)
		bad += ended(pid[i]) != 0;
	dev_command("later " NAME " 1 0");
	sleep_us(50000);
	snprintf(name, sizeof(name), "nest.%s.writers", what);
	T_EQ(name, bad, 0);
	destroy(what, reader);
}

/* A device gives its side buffers back. */
static void given_back(void)
{
	static const char *const small[] = { "slab_unreclaimable", "percpu", NULL };
	const int times = mod_debug_kernel() ? 50 : 500;
	long long before = 0, more;
	int i;

	mod_count_pages("/tmp/nest");
	for (i = -20; i < times; i++) {
		if (!i) {
			mod_await_charges();
			before = mod_charged("/tmp/nest", small);
		}
		if (dev_command("create tn-back 1 65536 0") || dev_command("destroy tn-back"))
			T_DIE("nest.setup", "create, destroy: %s", strerror(errno));
	}
	mod_await_charges();
	more = mod_charged("/tmp/nest", small) - before;
	t_check(before >= 0 && more < times * 500LL, "nest.given_back",
		"%lld bytes more after %d devices", more, times);
}

int main(void)
{
	alarm(600);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		T_DIE("nest.setup", "needs two CPUs");
	mod_pin(0);
	at_the_lock();
	in_the_clocks();
	crossed();
	silent();
	wakes(SEQRING_MODE_LOCKED);
	wakes(SEQRING_MODE_PERCPU);
	calls();
	times("times_coarse", SEQRING_MODE_PERCPU, SEQRING_CLOCK_COARSE);
	times("times_coarse_locked", SEQRING_MODE_LOCKED, SEQRING_CLOCK_COARSE);
	times("times_monotonic", SEQRING_MODE_PERCPU, SEQRING_CLOCK_MONOTONIC);
	given_back();
	return t_done();
}

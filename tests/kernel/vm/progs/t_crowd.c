// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readers with lies in their reader pages, readers that stop, and crowds of readers that
 * die: the writer's cost is measured with and without them, in turn. Every other reader is
 * woken as before and has an exact account.
 */
#include "../../../lib/cost.h"
#include "mod.h"

#define NAME	"cr"
#define SIZE	65536
#define MAX	256
#define PAIRS	9
#define BOUND	3.0 /* large, since CPUs are emulated on a machine that may be busy */
#define STOPPED 8

static volatile int *go;

static unsigned int records(void)
{
	return mod_debug_kernel() ? 1000 : 4000;
}

/* Nanoseconds for each record of a flood by this process, on CPU 0. */
static double cost(void)
{
	uint64_t begin = now_ns();

	if (dev_command("flood " NAME " %u 256 0", records()))
		T_DIE("crowd.flood", "%s", strerror(errno));
	return (double)(now_ns() - begin) / records();
}

static double cost_in(int state)
{
	*go = state;
	sleep_us(2000);
	return cost();
}

static double cost_honest(void *arg)
{
	(void)arg;
	return cost_in(1);
}

static double cost_lying(void *arg)
{
	(void)arg;
	return cost_in(2);
}

/* Measures with @go 1 and with @go 2, in turn. */
static void compare(const char *name)
{
	const struct cost_pair pair = { name, cost_honest, cost_lying, NULL, PAIRS, BOUND };

	/* The first round warms up. */
	cost_in(1);
	cost_in(2);
	cost_check(&pair);
	*go = 0;
}

/* --- pages full of lies ------------------------------------------------------ */

static void scribble(uint64_t *page, size_t size, uint64_t *rnd)
{
	size_t i;

	for (i = 0; i < size / 8; i++) {
		uint64_t r = next_random(rnd);

		/* Small numbers, huge ones, and all between. */
		page[i] = r >> (r & 63);
	}
}

/*
 * On CPU 1. As @go says: the same work on memory of its own (1), or on the reader page
 * (2); polling all the time in both cases when @polls, with an honest page in the first.
 */
static pid_t liar(int polls, unsigned int turns)
{
	static uint64_t mine[512];
	struct pollfd p = { .events = POLLIN };
	uint64_t rnd = 3;
	struct dev d;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	mod_pin(1);
	dev_open(&d, NAME, O_RDONLY);
	dev_reader_page(&d);
	p.fd = d.fd;
	while (*go != 3) {
		int lies = *go == 2;

		if (*go == 0) {
			sleep_us(1000);
			continue;
		}
		scribble(lies ? (uint64_t *)d.page : mine, lies ? d.g.reader_size : sizeof(mine),
			 &rnd);
		if (!lies && polls) {
			memset(d.page, 0, d.g.reader_size);
			d.page->wake_records = 1;
			d.page->cursor[0].pos = d.r[0].ctl->head;
			d.page->cursor[0].seq = d.r[0].ctl->seq + 1;
		}
		if (polls)
			poll(&p, 1, 0);
		/* Lets a thread of the honest readers run. */
		if (turns)
			sleep_us(turns);
	}
	_exit(0);
}

static void the_end(pid_t pid, const char *name)
{
	*go = 3;
	T_EQ(name, ended(pid), 0);
	*go = 0;
}

/* Publishes single records; an honest reader waits for each of them. */
static void honest_wakeups(const char *name, unsigned int rounds)
{
	static unsigned char buf[SIZE];
	struct seqring_view v;
	unsigned int i, woken = 0, good = 0;
	struct pollfd p = { .events = POLLIN };
	struct dev d;

	dev_open(&d, NAME, O_RDONLY);
	dev_reader_page(&d);
	p.fd = d.fd;
	while (dev_read(&d, 0, &v, buf, sizeof(buf)) == SEQRING_OK)
		;
	*go = 2;
	for (i = 0; i < rounds; i++) {
		if (dev_command("later " NAME " %u 0", 100000 + i % 7 * 100000))
			T_DIE("crowd.later", "%s", strerror(errno));
		dev_store_cursor(&d, 0);
		woken += poll(&p, 1, 10000) == 1;
		good += dev_read(&d, 0, &v, buf, sizeof(buf)) == SEQRING_OK && !v.lost &&
			dev_read(&d, 0, &v, buf, sizeof(buf)) == SEQRING_EMPTY;
	}
	*go = 0;
	t_check(woken == rounds && good == rounds, name, "%u woken, %u exact of %u", woken, good,
		rounds);
	dev_close(&d);
}

static void liars(void)
{
	pid_t lies = liar(0, 0), reader;

	/* A page that does not change, and one that changes all the time. */
	compare("crowd.page_changes");
	the_end(lies, "crowd.scribbler");
	lies = liar(1, 0);
	/* A reader that polls all the time, and one that also lies. */
	compare("crowd.page_lies");
	the_end(lies, "crowd.liar");
	reader = follower(NAME, MAX);
	lies = liar(1, 50);
	honest_wakeups("crowd.honest_woken", 100);
	the_end(lies, "crowd.liar_beside");
	dev_command("destroy " NAME);
	T_EQ("crowd.honest_account", ended(reader), 0);
}

/* --- readers that die -------------------------------------------------------- */

static volatile unsigned int *reads;

static pid_t victim(unsigned int number, int sleepers)
{
	static unsigned char buf[SIZE];
	struct seqring_view v;
	struct pollfd p = { .events = POLLIN };
	struct dev d;
	pid_t pid = fork();

	if (pid)
		return pid;
	mod_pin(1);
	dev_open(&d, NAME, O_RDONLY);
	dev_reader_page(&d);
	p.fd = d.fd;
	__atomic_fetch_add(reads, 1, __ATOMIC_RELEASE);
	for (;;) {
		while (dev_read(&d, 0, &v, buf, sizeof(buf)) == SEQRING_OK)
			;
		/*
		 * Sleepers do cost the writer: a wake-up that one of them asked for wakes
		 * all of them, at the cost of the interrupt.
		 */
		if (sleepers && number % 2) {
			d.page->cursor[0].pos = SEQRING_WAIT_NONE;
			poll(&p, 1, -1);
		} else {
			sleep_us(1000000);
		}
	}
}

/* --- readers that stop ------------------------------------------------------- */

static double cost_alone(void *arg)
{
	(void)arg;
	return cost();
}

/* The cost beside readers that are stopped at any point. */
static double cost_stopped(void *arg)
{
	pid_t pid[STOPPED];
	double ns;
	int i;

	(void)arg;
	*reads = 0;
	for (i = 0; i < STOPPED; i++)
		pid[i] = victim(i, 1);
	while (*reads < STOPPED)
		sleep_us(1000);
	for (i = 0; i < STOPPED; i++)
		kill(pid[i], SIGSTOP);
	ns = cost();
	for (i = 0; i < STOPPED; i++)
		kill_and_reap(pid[i]);
	return ns;
}

static void stopped_cost(void)
{
	const struct cost_pair pair = {
		"crowd.stopped_cost", cost_alone, cost_stopped, NULL, PAIRS, BOUND
	};

	cost_check(&pair);
}

/* Readers are stopped for many laps and continued, again and again. */
static void stopped_accounts(void)
{
	pid_t pid[STOPPED];
	int i, j, bad = 0;

	for (i = 0; i < STOPPED; i++)
		pid[i] = follower(NAME, MAX);
	for (i = 0; i < 10; i++) {
		for (j = 0; j < STOPPED; j++)
			kill(pid[j], SIGSTOP);
		cost();
		for (j = 0; j < STOPPED; j++)
			kill(pid[j], SIGCONT);
		sleep_us(10000);
	}
	dev_command("destroy " NAME);
	for (j = 0; j < STOPPED; j++)
		bad += ended(pid[j]) != 0;
	T_EQ("crowd.stopped_accounts", bad, 0);
}

static void crowd(unsigned int total, unsigned int at_once, int sleepers)
{
	static pid_t pid[1000];
	double ratio[PAIRS], sorted[PAIRS], without, r = 0;
	unsigned int i, j, born = 0, turn = 0;
	struct seqring_stats st;
	const char *what = sleepers ? "crowd.sleepers" : "crowd.many";
	char name[64];
	pid_t reader;
	int fd;

	reader = follower(NAME, MAX);
	fd = dev_open_fd(NAME, O_RDONLY);
	/* A busy machine may exceed the bound: then measure three times as many turns. */
	for (turn = 0; born < total || turn < PAIRS || (r >= BOUND && turn < COST_TRIES * PAIRS);
	     turn++) {
		without = cost();
		*reads = 0;
		for (i = 0; i < at_once; i++)
			pid[i] = victim(i, sleepers);
		/* The writer continues while readers come. */
		for (j = 0; j < 1000 && *reads < at_once; j++) {
			cost();
			sleep_us(10000);
		}
		if (*reads < at_once)
			T_DIE("crowd.born", "%u of %u", *reads, at_once);
		born += at_once;
		ratio[turn % PAIRS] = cost() / without;
		if (!sleepers && turn >= PAIRS - 1)
			r = median(memcpy(sorted, ratio, sizeof(sorted)), PAIRS);
		st = dev_stats(fd, 0);
		if (st.readers < at_once)
			T_DIE("crowd.readers", "%u of %u", st.readers, at_once);
		/* It also continues while they die. */
		for (i = 0; i < at_once; i++)
			kill(pid[i], SIGKILL);
		cost();
		for (i = 0; i < at_once; i++)
			waitpid(pid[i], NULL, 0);
	}
	t_note("%s: %.2f times the cost", what, median(ratio, PAIRS));
	t_note("%u readers%s lived and died, %u at a time", born,
	       sleepers ? ", half of them asleep," : "", at_once);
	if (!sleepers)
		t_check(r < BOUND, "crowd.cost_flat", "%.2f times the cost", r);
	st = dev_stats(fd, 0);
	snprintf(name, sizeof(name), "%s.readers_gone", what);
	T_EQ(name, st.readers, 2);
	snprintf(name, sizeof(name), "%s.published", what);
	T_EQ(name, st.seq, mod_tried(NAME).published);
	close(fd);
	dev_command("destroy " NAME);
	snprintf(name, sizeof(name), "%s.account", what);
	T_EQ(name, ended(reader), 0);
}

static void create(void)
{
	if (dev_command("create " NAME " %u %u 0", SEQRING_MODE_LOCKED, SIZE))
		T_DIE("crowd.setup", "create: %s", strerror(errno));
}

int main(void)
{
	int debug = mod_debug_kernel();
	void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	alarm(600);
	go = shared;
	reads = (unsigned int *)shared + 16;
	mod_pin(0);
	create();
	liars();
	create();
	stopped_cost();
	stopped_accounts();
	create();
	crowd(mod_number("CROWD", debug ? 200 : 1000), debug ? 20 : 100, 0);
	create();
	crowd(0, 20, 1);
	return t_done();
}

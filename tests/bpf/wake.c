// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wake-ups of the readers of a ring that a BPF program writes: none is missed, with any
 * number of readers, every way to sleep, and any time of going to sleep.
 *
 * usage: wake [--object NAME] [--events N] [--readers N,N...] [--rounds N]
 *             [--patience-ms MS] [TEST...]
 */
#include <seqring/reader.h>

#include "sleeper.h"

static struct {
	unsigned long events;
	unsigned long rounds;
	unsigned int readers[8];
	unsigned int nr_readers;
} opt = { 100000, 200000, { 1, 3, 64 }, 3 };

/* Each event comes only after all readers have got the one before. */
static void single(unsigned int nr, enum how how, bool mixed)
{
	char name[64], end[80];
	pid_t pids[READERS_MAX];
	uint64_t start, n;
	unsigned int i;
	bool all = true;

	snprintf(name, sizeof(name), "wake.single.%u.%s", nr, mixed ? "mixed" : how_names[how]);
	snprintf(end, sizeof(end), "%s.end", name);
	set_up(SEQRING_DATA_SIZE_MIN);
	for (i = 0; i < nr; i++)
		pids[i] = start_reader(i, mixed ? i % HOWS : how);
	start = now_ns();
	for (n = 1; all && n <= opt.events; n++) {
		publish(1, 0);
		all = wait_for_all(nr, n);
	}
	t_note("%s: %" PRIu64 " ms", name, (now_ns() - start) / MS);
	check_told(name, nr, opt.events, all);
	end_readers(end, nr, pids);
	tear_down();
}

/* --- races -------------------------------------------------------------------- */

/* Publishes a few records at a time, with gaps as long as going to sleep takes. */
static void gaps(int cpu)
{
	uint64_t rounds = opt.rounds / 4, i, n = 0, rnd = 1;
	pid_t pids[HOWS];
	bool all = true;
	char name[64];
	unsigned int h;

	snprintf(name, sizeof(name), "wake.gaps.cpu%d", cpu);
	set_up(SEQRING_DATA_SIZE_MIN);
	for (h = 0; h < HOWS; h++)
		pids[h] = start_reader(h, h);
	for (h = 0; h < HOWS; h++)
		while (!__atomic_load_n(&told[h].asleep, __ATOMIC_ACQUIRE))
			sleep_us(100);
	pin_to(cpu);
	for (i = 0; all && i < rounds; i++) {
		uint64_t count = 1 + (rnd >> 40) % 4;

		publish(count, (rnd >> 20) % 4096);
		n += count;
		all = wait_for_all(HOWS, n);
		rnd = rnd * 6364136223846793005ULL + 1442695040888963407ULL;
	}
	check_told(name, HOWS, n, all);
	snprintf(name, sizeof(name), "wake.gaps.cpu%d.end", cpu);
	end_readers(name, HOWS, pids);
	tear_down();
}

struct racer {
	struct race *race;
	const struct seqring_ring_ctl *ctl;
	unsigned long *heard, *rung;
	uint64_t lost, woken, seen;
	bool announces, over;
	int cpu;
};

/* On a busy host one side may be late many times in a row: up to 50 times the rounds then. */
#define RACE_MORE 50

static void wait_for_word(const __u64 *word, uint64_t value)
{
	unsigned int spins = 0;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		if (++spins % 65536 == 0)
			sched_yield();
}

/* A reader's part of round() in wake.bpf.c: arms, and looks once more. */
static void *race_reader(void *arg)
{
	struct racer *racer = arg;
	struct seqring_wait *word = &wait_words[!racer->cpu];
	uint64_t i, head, late;
	__u64 known = 0;
	bool empty;

	pin_to(racer->cpu);
	for (i = 1; i <= opt.rounds || ((!racer->woken || !racer->seen) && i <= racer->race->last);
	     i++) {
		head = seqring_load_acquire(JOIN, &racer->ctl->head);
		__atomic_store_n(&racer->race->ready, i, __ATOMIC_RELEASE);
		wait_for_word(&racer->race->go, i);
		for (late = i * 7 % 150; late; late--)
			seqring_compiler_barrier(WAKE);
		seqring_reader_arm(word, head, SEQRING_WAIT_NONE);
		if (racer->announces && seqring_reader_announce(word, now_ns(), &known))
			syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		empty = seqring_read(&racer->ctl->head) <= head;
		wait_for_word(&racer->race->done, i);
		racer->lost += empty && !racer->race->due;
		racer->woken += racer->race->due;
		racer->seen += !empty;
		seqring_write(&word->pos, SEQRING_WAIT_NONE);
		/* The doorbell takes 256 wake-ups; no reader hears these. */
		__atomic_store_n(racer->heard, __atomic_load_n(racer->rung, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELEASE);
	}
	__atomic_store_n(&racer->over, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * The WAKE pair: a program publishes and checks for sleepers, while a reader arms and
 * checks for records. At least one must see the other.
 */
static void race(int reader_cpu)
{
	struct racer racer = { .cpu = reader_cpu };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct seqring_header *h;
	pthread_t thread;
	uint64_t turns = 500;
	unsigned char *map;
	char name[64];

	snprintf(name, sizeof(name), "wake.race.cpu%d", reader_cpu);
	set_up(SEQRING_DATA_SIZE_MIN);
	racer.race = map_map(obj, "shared", page);
	racer.race->round = 1;
	racer.race->last = opt.rounds * RACE_MORE;
	h = mmap(NULL, page, PROT_READ, MAP_SHARED, fds.ring, 0);
	map = mmap(NULL, h->total_size, PROT_READ, MAP_SHARED, fds.ring, 0);
	racer.heard = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fds.doorbell, 0);
	racer.rung = mmap(NULL, page, PROT_READ, MAP_SHARED, fds.doorbell, (off_t)page);
	if (map == MAP_FAILED || racer.heard == MAP_FAILED || racer.rung == MAP_FAILED)
		die("mmap");
	racer.announces = h->features & SEQRING_FEAT_ANNOUNCE;
	racer.ctl = (const void *)(map + h->ring_offset + !reader_cpu * h->ring_stride);
	pthread_create(&thread, NULL, race_reader, &racer);
	pin_to(!reader_cpu);
	while (!__atomic_load_n(&racer.over, __ATOMIC_ACQUIRE))
		if (run_prog(prog_fd(obj, "race"), &turns, sizeof(turns), -1))
			die("race");
	pthread_join(thread, NULL);
	printf("# %s: %" PRIu64 " rounds: ", name, (uint64_t)racer.race->done);
	printf("woken in %" PRIu64 ", seen in %" PRIu64 ", neither in %" PRIu64 "\n", racer.woken,
	       racer.seen, racer.lost);
	t_check(!racer.lost && racer.woken && racer.seen, name,
		"neither saw the other in %" PRIu64 " rounds, or one of them was never the first",
		racer.lost);
	munmap(map, h->total_size);
	munmap(h, page);
	munmap(racer.heard, page);
	munmap(racer.rung, page);
	munmap(racer.race, page);
	tear_down();
}

/* --- ---------------------------------------------------------------------------- */

static void singles(void)
{
	unsigned int i, how;

	for (i = 0; i < opt.nr_readers; i++) {
		if (opt.readers[i] == 1)
			for (how = 0; how < HOWS; how++)
				single(1, how, false);
		else
			single(opt.readers[i], 0, true);
	}
}

static void all_gaps(void)
{
	gaps(0);
	gaps(1);
}

static void races(void)
{
	race(0);
	race(1);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "single", singles },
	{ "gaps", all_gaps },
	{ "race", races },
};

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "object", 1, NULL, 'b' },	 { "events", 1, NULL, 'e' },
		{ "readers", 1, NULL, 'r' },	 { "rounds", 1, NULL, 'o' },
		{ "patience-ms", 1, NULL, 'p' }, { 0 },
	};
	uint64_t start;
	unsigned int i;
	char *list;
	int c, j;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			object = optarg;
			break;
		case 'e':
			opt.events = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			opt.nr_readers = 0;
			for (list = strtok(optarg, ","); list; list = strtok(NULL, ","))
				if (opt.nr_readers < 8)
					opt.readers[opt.nr_readers++] = (unsigned int)strtoul(list,
											      NULL,
											      0) %
									(READERS_MAX + 1);
			break;
		case 'p':
			patience_ms = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'o':
			opt.rounds = strtoul(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	}
	need_bpf("wake");
	if (nr_cpus_online() < 2) {
		t_skip("wake", "one CPU only: nothing can race");
		return 77;
	}
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		bool wanted = optind == argc;

		for (j = optind; j < argc; j++)
			wanted |= !strcmp(argv[j], tests[i].name);
		if (!wanted)
			continue;
		start = now_ns();
		tests[i].run();
		t_note("%s %s: %" PRIu64 " ms", object, tests[i].name, (now_ns() - start) / MS);
	}
	return t_done();
}

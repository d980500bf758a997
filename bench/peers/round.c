// SPDX-License-Identifier: GPL-2.0-only
/*
 * One round of any contender: a writer on one core, a reader on the other, who
 * spins, rests or sleeps.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "peers.h"

#define CHUNK	    64u	 /* records between two looks at the clock */
#define BATCH	    256u /* records between two looks at the stop sign */
#define SAMPLES_MAX 65536u

/* Switches that nobody asked for, in ten milliseconds: the tick's work is let pass. */
#define SWITCHES_10_MS 2u

/*
 * @stop: 1: nobody may go to sleep any more; 2: all is published
 * @sent: when each record of a spaced round was to be published
 */
struct shared {
	struct stream *s;
	struct peer_round *r;
	uint64_t first;
	uint64_t *sent;
	double *latency;
	uint32_t nr_latency;
	bool disturbed;

	unsigned int ready __attribute__((aligned(128)));
	unsigned int stop __attribute__((aligned(128)));
};

/* Who sleeps cannot tell by its processor time whether somebody else had the core. */
struct sleeper_watch {
	struct watch watch;
	long switches;
	uint64_t start_ns;
};

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

static void sleeper_watch_start(struct sleeper_watch *w)
{
	w->switches = switches();
	w->start_ns = now_ns();
	watch_start(&w->watch);
}

static bool sleeper_watch_disturbed(const struct sleeper_watch *w, bool sleeps)
{
	uint64_t bearable = SWITCHES_10_MS * (1 + (now_ns() - w->start_ns) / 10000000);

	if (!sleeps)
		return watch_disturbed(&w->watch);
	return (uint64_t)(switches() - w->switches) > bearable;
}

static void note_latency(struct shared *shared, uint64_t now)
{
	uint64_t i = shared->s->newest - shared->first;

	if (i < SAMPLES_MAX && shared->nr_latency < SAMPLES_MAX)
		shared->latency[shared->nr_latency++] = (double)(int64_t)(now - shared->sent[i]) *
							ns_per_tick();
}

static void read_round(void *arg)
{
	struct shared *shared = arg;
	struct peer_round *r = shared->r;
	struct stream *s = shared->s;
	uint64_t rest = (uint64_t)((double)r->rest_ns / ns_per_tick());
	bool rests = !r->sleeps && r->mode != PEER_SPACED;
	unsigned int max = r->mode == PEER_SPACED ? 1 : BATCH;
	uint64_t start, in_time = 0, elapsed = 1;
	unsigned int stop = 0, n;
	struct sleeper_watch w;

	if (s->kind->join)
		s->kind->join(s);
	s->read = 0;
	s->lost = 0;
	sleeper_watch_start(&w);
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	start = ticks();
	for (;;) {
		if (stop < 2) {
			if (!stop) {
				in_time = s->read;
				elapsed = ticks() - start;
			}
			stop = __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
		}
		s->may_block = r->sleeps && !stop;
		n = s->kind->collect(s, max);
		if (n && r->mode == PEER_SPACED)
			note_latency(shared, ticks());
		if (n == max)
			continue;
		if (stop == 2 && !n)
			break;
		if (rests && !stop)
			pause_ticks(rest);
	}
	shared->disturbed = sleeper_watch_disturbed(&w, r->sleeps);
	r->delivered = (double)in_time / ((double)elapsed * ns_per_tick() / 1e3) / r->readers;
}

static void until(uint64_t when)
{
	while ((int64_t)(ticks() - when) < 0)
		cpu_relax();
}

/* Returns the ticks that were spent in publishing. */
static uint64_t write_flat_out(struct stream *s, const struct peer_round *r)
{
	double gap = r->gap_ns / ns_per_tick();
	uint64_t start = ticks(), before = s->seq, begin = now_ns();

	do {
		s->kind->write(s, CHUNK);
		if (r->gap_ns > 0)
			until(start + (uint64_t)((double)(s->seq - before) * gap));
	} while (now_ns() - begin < r->ns);
	return ticks() - start;
}

static uint64_t write_bursts(struct stream *s, const struct peer_round *r)
{
	uint64_t gap = (uint64_t)(r->gap_ns / ns_per_tick());
	uint64_t begin = now_ns(), spent = 0, start;

	do {
		start = ticks();
		s->kind->write(s, PEER_BURST);
		spent += ticks() - start;
		pause_ticks(gap);
	} while (now_ns() - begin < r->ns);
	return spent;
}

/*
 * A record that could not go out when it was due counts from when it was. The
 * distances differ, so that no rhythm of the reader's fits.
 */
static uint64_t write_spaced(struct stream *s, const struct peer_round *r, struct shared *shared)
{
	uint64_t gap = (uint64_t)(r->gap_ns / ns_per_tick());
	uint64_t end = now_ns() + r->ns, next = ticks() + gap, spent = 0, start;
	uint32_t i;

	for (i = 0; i < SAMPLES_MAX && now_ns() < end; i++) {
		until(next);
		shared->sent[i] = next;
		start = ticks();
		s->kind->write(s, 1);
		spent += ticks() - start;
		next += gap / 2 + gap * (i * 37u % 128) / 128;
	}
	return spent;
}

static uint64_t write_round(struct stream *s, struct peer_round *r, struct shared *shared)
{
	switch (r->mode) {
	case PEER_BURSTS:
		return write_bursts(s, r);
	case PEER_SPACED:
		return write_spaced(s, r, shared);
	default:
		return write_flat_out(s, r);
	}
}

static int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void summarise(struct peer_round *r, double *latency, uint32_t n)
{
	if (!n)
		wrong("no record came that has a time");
	qsort(latency, n, sizeof(*latency), compare_doubles);
	r->p50_ns = latency[n / 2];
	r->p99_ns = latency[n - 1 - n / 100];
}

/* Read by one, who must not sleep for ever after the last record. */
static void finish_reader(struct stream *s, struct peer_round *r, struct shared *shared)
{
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	/* Wakes the reader, who sees by then that it may not sleep again. */
	if (r->sleeps)
		s->kind->write(s, 1);
	__atomic_store_n(&shared->stop, 2, __ATOMIC_RELEASE);
	other_wait();
}

void peer_run(struct stream *s, struct peer_round *r)
{
	struct shared shared __attribute__((aligned(128))) = { .s = s, .r = r };
	uint64_t before = s->seq, spent, n;
	struct sleeper_watch w;

	r->readers = r->nobody ? 0 : s->kind->readers ? s->kind->readers : 1;
	r->read = 0;
	r->lost = 0;
	shared.first = before + 1;
	if (r->mode == PEER_SPACED) {
		shared.sent = calloc(SAMPLES_MAX, sizeof(*shared.sent));
		shared.latency = calloc(SAMPLES_MAX, sizeof(*shared.latency));
		if (!shared.sent || !shared.latency)
			fail("no memory");
	}
	ns_per_tick();
	if (!r->nobody) {
		other_start(read_round, &shared);
		while (!__atomic_load_n(&shared.ready, __ATOMIC_ACQUIRE))
			cpu_relax();
	}
	sleeper_watch_start(&w);
	spent = write_round(s, r, &shared);
	r->disturbed = sleeper_watch_disturbed(&w, r->sleeps);
	n = s->seq - before;
	r->writer_ns = (double)spent * ns_per_tick() / (double)n;
	if (r->nobody) {
		r->published = n;
		if (s->kind->verify)
			s->kind->verify(s);
		return;
	}
	finish_reader(s, r, &shared);
	r->published = s->seq - before;
	r->disturbed |= shared.disturbed;
	r->read = s->read;
	r->lost = s->lost;
	if (r->read + r->lost != r->published * r->readers)
		wrong("%s: read %llu + lost %llu is not published %llu for each of %u",
		      s->kind->name, (unsigned long long)r->read, (unsigned long long)r->lost,
		      (unsigned long long)r->published, r->readers);
	if (r->mode == PEER_SPACED) {
		summarise(r, shared.latency, shared.nr_latency);
		free(shared.sent);
		free(shared.latency);
	}
}

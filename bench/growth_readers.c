// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the cost of a record grows with the number of those who read it: threads on one
 * core, each of which follows the ring, rests, and checks what it gets.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include <seqring/reader.h>
#include <seqring/writer.h>

#include "growth.h"
#include "stream.h"

#define READERS_MAX 64u
#define REST_NS	    20000u
#define BATCH	    256u
#define BURST	    64u
#define TYPE	    7
#define LEN	    32u
#define SECTION	    "growth-readers"
#define AT_MOST_64  1.2 /* of what one reader costs */

/*
 * @gate: all of them and the writer; at a round's start, when all have joined, and at
 *        its end
 * @stop: the round's last record is published
 */
struct crowd {
	struct seqring_writer w;
	uint64_t seq;
	const void *ctl;
	const void *data;
	uint64_t size;
	uint32_t nr;
	double ns;
	uint64_t published;
	uint64_t lost;

	unsigned int stop __attribute__((aligned(128)));
	pthread_barrier_t gate __attribute__((aligned(128)));
	bool quit;
	struct reader *readers;
};

struct reader {
	struct seqring_reader r;
	struct crowd *crowd;
	pthread_t thread;
	uint64_t read;
	uint64_t lost;
} __attribute__((aligned(128)));

static unsigned int collect(struct reader *rd)
{
	struct seqring_reader *r = &rd->r;
	uint64_t payload[LEN / 8];
	enum seqring_outcome outcome;
	struct seqring_view v;
	unsigned int n = 0;

	while (n < BATCH && (r->pos < r->snap || !n)) {
		outcome = seqring_reader_read(r, &v, payload, LEN);
		if (outcome == SEQRING_OK) {
			if (v.len != LEN || v.type != TYPE)
				wrong("growth: header of record %llu is torn",
				      (unsigned long long)v.seq);
			payload_check(payload, LEN, v.seq, "growth");
			rd->lost += v.lost;
			n++;
		} else if (outcome != SEQRING_OVERRUN) {
			break;
		} else if (seqring_reader_resync(r)) {
			wrong("growth: resync failed");
		}
	}
	rd->read += n;
	return n;
}

/* On a core with other readers: they go on meanwhile. */
static void rest(void)
{
	uint64_t start = ticks(), n = (uint64_t)(REST_NS / ns_per_tick());

	do {
		sched_yield();
	} while (ticks() - start < n);
}

static void *read_rounds(void *arg)
{
	struct reader *rd = arg;
	struct crowd *c = rd->crowd;
	unsigned int stop, n;

	for (;;) {
		pthread_barrier_wait(&c->gate);
		if (c->quit)
			return NULL;
		seqring_reader_seek_head(&rd->r);
		rd->r.seq = c->seq + 1;
		rd->read = 0;
		rd->lost = 0;
		pthread_barrier_wait(&c->gate);
		do {
			stop = __atomic_load_n(&c->stop, __ATOMIC_ACQUIRE);
			n = collect(rd);
			if (n < BATCH && !stop)
				rest();
		} while (n || !stop);
		pthread_barrier_wait(&c->gate);
	}
}

/*
 * For undisturbed(). The writer's core is watched alone: of the readers only one can
 * run at a time. Bursts with pauses, in which readers who are awake come to the end.
 */
static bool write_round(void *arg)
{
	struct crowd *c = arg;
	uint64_t begin, spent = 0, start, before = c->seq, payload[LEN / 8];
	uint64_t gap = (uint64_t)(REST_NS / ns_per_tick());
	bool disturbed;
	struct watch w;
	unsigned int i;

	c->stop = 0;
	if (c->nr) {
		pthread_barrier_wait(&c->gate);
		pthread_barrier_wait(&c->gate);
	}
	watch_start(&w);
	begin = now_ns();
	do {
		start = ticks();
		for (i = 0; i < BURST; i++) {
			payload_fill(payload, LEN, ++c->seq);
			seqring_writer_publish(&c->w, TYPE, 0, payload, LEN);
		}
		spent += ticks() - start;
		pause_ticks(gap);
	} while (now_ns() - begin < opt.round_ms * 1000000ull);
	disturbed = watch_disturbed(&w);
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
	c->published = c->seq - before;
	c->lost = 0;
	c->ns = (double)spent * ns_per_tick() / (double)c->published;
	if (!c->nr)
		return disturbed;
	pthread_barrier_wait(&c->gate);
	for (i = 0; i < c->nr; i++) {
		c->lost += c->readers[i].lost;
		if (c->readers[i].read + c->readers[i].lost != c->published)
			wrong("growth: reader %u: read %llu + lost %llu is not published %llu", i,
			      (unsigned long long)c->readers[i].read,
			      (unsigned long long)c->readers[i].lost,
			      (unsigned long long)c->published);
	}
	return disturbed;
}

static struct crowd *crowd_new(uint32_t nr)
{
	struct crowd *c = aligned_alloc(128, (sizeof(*c) + 127) & ~127ull);
	pthread_attr_t attr;
	cpu_set_t set;
	uint32_t i;
	void *ctl, *data;

	if (!c)
		fail("no memory");
	memset(c, 0, sizeof(*c));
	c->nr = nr;
	c->size = ring_size(RING_LARGE);
	ctl = map_shared(4096, &c->ctl);
	data = map_shared(c->size, &c->data);
	if (seqring_writer_init(&c->w, ctl, data, c->size))
		fail("no ring of %llu bytes", (unsigned long long)c->size);
	pthread_barrier_init(&c->gate, NULL, nr + 1);
	CPU_ZERO(&set);
	CPU_SET(opt.cpu[1], &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	c->readers = aligned_alloc(128, (nr + 1) * sizeof(*c->readers));
	if (!c->readers)
		fail("no memory");
	memset(c->readers, 0, (nr + 1) * sizeof(*c->readers));
	for (i = 0; i < nr; i++) {
		c->readers[i].crowd = c;
		if (seqring_reader_init(&c->readers[i].r, c->ctl, c->data, c->size))
			fail("no reader of %llu bytes", (unsigned long long)c->size);
		if (pthread_create(&c->readers[i].thread, &attr, read_rounds, &c->readers[i]))
			fail("cannot start reader %u: %s", i, strerror(errno));
	}
	pthread_attr_destroy(&attr);
	return c;
}

static void crowd_free(struct crowd *c)
{
	uint32_t i;

	c->quit = true;
	if (c->nr)
		pthread_barrier_wait(&c->gate);
	for (i = 0; i < c->nr; i++)
		pthread_join(c->readers[i].thread, NULL);
	pthread_barrier_destroy(&c->gate);
	free(c->readers);
	free(c);
}

void growth_readers(void)
{
	static const uint32_t nrs[] = { 0, 1, 2, 4, 8, 16, 32, READERS_MAX };
	enum { POINTS = sizeof(nrs) / sizeof(nrs[0]) };
	struct series *cost[POINTS];
	struct crowd *c[POINTS];
	unsigned int i, k;
	bool clean;

	section_describe(
		SECTION, "Growth: number of readers",
		"What a record of 32 bytes costs the writer, in bursts of 64, when 1 to 64 "
		"threads on the other core read all of them, each with 20 us between two looks "
		"at an empty ring. The limit, nobody, stands at its left.");
	plot_describe(SECTION, "growth-readers-cost", "Cost of a record by number of readers",
		      "readers (0.5: nobody)", "ns", PLOT_LOG_X);
	for (k = 0; k < POINTS; k++) {
		c[k] = crowd_new(nrs[k]);
		cost[k] = series_new(SECTION,
				     nrs[k] ? keep("ring, %u readers", nrs[k]) : "ring, nobody",
				     "ns");
		series_point(cost[k], "growth-readers-cost", "ring, 32 B", nrs[k] ? nrs[k] : 0.5);
		write_round(c[k]);
	}
	for (i = 0; i < opt.rounds; i++) {
		for (k = 0; k < POINTS; k++) {
			clean = undisturbed(write_round, c[k]);
			series_add(cost[k], c[k]->ns, !clean);
			if (nrs[k])
				series_account(cost[k], c[k]->published * nrs[k], c[k]->lost);
		}
	}
	for (k = 1; k < POINTS; k++)
		series_compare(cost[k], cost[1]);
	target(SECTION, "cost with 64 readers, to one", series_ratio(cost[POINTS - 1], cost[1]),
	       "x", AT_MOST, AT_MOST_64);
	note(SECTION, "nobody %.1f ns, one reader %.1f ns, 64 readers %.1f ns a record",
	     series_median(cost[0]), series_median(cost[1]), series_median(cost[POINTS - 1]));
	for (k = 0; k < POINTS; k++)
		crowd_free(c[k]);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader that spins: what a record takes to it from the writer, beside what a cache
 * line takes from one core to the other.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <seqring/reader.h>
#include <seqring/writer.h>

#include "latency.h"

#define LOOKS 10000u /* at what has not come yet, between two looks at the clock */
#define TYPE  7
#define PAGE  4096u

/* What the reader waits for, and a payload. */
struct message {
	uint64_t word;
	uint64_t due;
};

struct lane {
	char *mem;
	const char *readonly;
	size_t size;
};

/* Odd numbers go one way, even ones come back. */
static uint64_t word_of(uint64_t n)
{
	return 2 * n + 1;
}

static size_t offset_of(const struct line *line, uint64_t n)
{
	return (size_t)(n * line->stride & (line->window - 1));
}

static void line_open(struct contender *c)
{
	const struct line *line = c->variant;
	struct lane *lane = calloc(1, sizeof(*lane));
	const void *readonly;

	if (!lane)
		fail("no memory");
	lane->size = line->window + PAGE;
	lane->mem = map_shared(lane->size, &readonly);
	lane->readonly = readonly;
	c->impl = lane;
}

static void line_close(struct contender *c)
{
	struct lane *lane = c->impl;

	munmap(lane->mem, lane->size);
	munmap((void *)lane->readonly, lane->size);
	free(lane);
}

static void line_send(struct contender *c, uint64_t due)
{
	const struct line *line = c->variant;
	struct lane *lane = c->impl;
	struct message *m = (void *)(lane->mem + offset_of(line, c->sent));
	uint64_t word = word_of(c->sent);

	if (line->payload)
		__atomic_store_n(&m->due, due, __ATOMIC_RELAXED);
	__atomic_store_n(&m->word, word, __ATOMIC_RELEASE);
	if (line->prefetch)
		__builtin_prefetch((char *)m + line->prefetch, 1);
	while (line->reply && __atomic_load_n(&m->word, __ATOMIC_ACQUIRE) == word)
		;
}

static void line_receive(struct contender *c)
{
	const struct line *line = c->variant;
	struct lane *lane = c->impl;
	const struct message *m = (const void *)(lane->readonly + offset_of(line, c->arrived));
	uint64_t wanted = word_of(c->arrived), word;
	unsigned int i;

	for (i = 0; i < LOOKS; i++) {
		word = __atomic_load_n(&m->word, __ATOMIC_ACQUIRE);
		if (word < wanted)
			continue;
		/* In one line a message may have been overwritten by the next. */
		if (line->stride || line->reply)
			arrived(c, line->payload ? __atomic_load_n(&m->due, __ATOMIC_RELAXED) :
						   next_due(c));
		else
			arrived_up_to(c, word / 2 + 1);
		if (line->reply)
			__atomic_store_n((uint64_t *)lane->mem, word + 1, __ATOMIC_RELEASE);
		return;
	}
}

const struct kind kind_line = {
	.name = "cache line",
	.open = line_open,
	.send = line_send,
	.receive = line_receive,
	.close = line_close,
};

static bool clock_round(void *arg)
{
	struct contender *c = arg;
	uint64_t i, due;
	struct watch w;

	c->schedule.start = ticks();
	watch_start(&w);
	for (i = 0; i < c->records; i++) {
		due = schedule_due(&c->schedule, i);
		while (ticks() < due)
			;
		c->ticks[i] = ticks() - due;
	}
	return watch_disturbed(&w);
}

const struct kind kind_clock = {
	.name = "clock",
	.open = line_open,
	.round = clock_round,
	.close = line_close,
};

static void return_bounces(void *arg)
{
	struct contender *c = arg;
	struct lane *lane = c->impl;
	uint64_t *word = (uint64_t *)lane->mem, wanted = word_of(c->first), i;

	__atomic_store_n(&c->ready, 1, __ATOMIC_RELEASE);
	for (i = 0; i < c->records; i++, wanted += 2) {
		while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != wanted)
			;
		__atomic_store_n(word, wanted + 1, __ATOMIC_RELEASE);
	}
}

static bool bounce_round(void *arg)
{
	struct contender *c = arg;
	const struct line *line = c->variant;
	struct lane *lane = c->impl;
	uint64_t *word = (uint64_t *)lane->mem, sent, before, i;
	struct watch w;
	bool disturbed;

	c->first = c->sent;
	c->ready = 0;
	other_start(return_bounces, c);
	while (!__atomic_load_n(&c->ready, __ATOMIC_ACQUIRE))
		cpu_relax();
	c->schedule.start = ticks();
	watch_start(&w);
	for (i = 0; i < c->records; i++) {
		sent = word_of(c->sent++);
		before = line->paced ? schedule_due(&c->schedule, i) : ticks();
		while (line->paced && ticks() < before)
			;
		__atomic_store_n(word, sent, __ATOMIC_RELEASE);
		while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != sent + 1)
			;
		c->ticks[i] = (ticks() - before) / 2;
	}
	disturbed = watch_disturbed(&w);
	other_wait();
	return disturbed;
}

const struct kind kind_bounce = {
	.name = "cache line that goes back and forth",
	.open = line_open,
	.round = bounce_round,
	.close = line_close,
};

struct spin_ring {
	struct seqring_writer w;
	void *ctl;
	void *data;

	struct seqring_reader r __attribute__((aligned(128)));
	const void *ctl_reader;
	const void *data_reader;
};

static void record_open(struct contender *c)
{
	const struct spinner *spinner = c->variant;
	struct spin_ring *ring = aligned_alloc(128, (sizeof(*ring) + 127) & ~127ull);

	if (!ring)
		fail("no memory");
	memset(ring, 0, sizeof(*ring));
	ring->ctl = map_shared(PAGE, &ring->ctl_reader);
	ring->data = map_shared(spinner->size, &ring->data_reader);
	if (seqring_writer_init(&ring->w, ring->ctl, ring->data, spinner->size) ||
	    seqring_reader_init(&ring->r, ring->ctl_reader, ring->data_reader, spinner->size))
		fail("no ring of %llu bytes", (unsigned long long)spinner->size);
	ring->r.eager = spinner->eager;
	c->impl = ring;
}

static void record_close(struct contender *c)
{
	const struct spinner *spinner = c->variant;
	struct spin_ring *ring = c->impl;

	munmap(ring->ctl, PAGE);
	munmap(ring->data, spinner->size);
	munmap((void *)ring->ctl_reader, PAGE);
	munmap((void *)ring->data_reader, spinner->size);
	free(ring);
}

static void record_send(struct contender *c, uint64_t due)
{
	struct spin_ring *ring = c->impl;

	seqring_writer_publish(&ring->w, TYPE, 0, &due, sizeof(due));
}

static void record_receive(struct contender *c)
{
	struct spin_ring *ring = c->impl;
	enum seqring_outcome outcome;
	struct seqring_view v;
	unsigned int i;
	uint64_t due;

	for (i = 0; i < LOOKS; i++) {
		outcome = seqring_reader_read(&ring->r, &v, &due, sizeof(due));
		if (outcome == SEQRING_EMPTY)
			continue;
		if (outcome != SEQRING_OK)
			wrong("latency: outcome %d", (int)outcome);
		arrived(c, due);
		if (v.lost || v.len != sizeof(due) || v.type != TYPE || v.seq != c->arrived)
			wrong("latency: header of record %llu is torn", (unsigned long long)v.seq);
		return;
	}
}

const struct kind kind_record = {
	.name = "record",
	.open = record_open,
	.send = record_send,
	.receive = record_receive,
	.close = record_close,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of one cache line from one core to the other, without a protocol.
 */
#include "peers.h"

/* The word that the reader waits for, and a payload. */
struct message {
	uint64_t word;
	uint64_t payload;
};

struct lane {
	char *mem;
	const char *readonly;
};

/* Even numbers go one way, odd ones come back. */
static uint64_t word_of(uint64_t seq)
{
	return 2 * seq;
}

static size_t offset_of(const struct line *line, uint64_t seq)
{
	return (size_t)(seq * line->stride & (line->window - 1));
}

static const char *line_create(struct stream *s)
{
	const struct line *line = s->variant;
	struct lane *lane = stream_alloc(s, sizeof(*lane));
	const void *readonly;

	/* The last message of the window, and prefetched lines, lie behind the window. */
	lane->mem = stream_map(s, line->window + 4096, &readonly);
	lane->readonly = readonly;
	s->impl = lane;
	return NULL;
}

static void line_write(struct stream *s, unsigned int n)
{
	const struct line *line = s->variant;
	struct lane *lane = s->impl;
	struct message *m;
	uint64_t word;

	for (; n; n--) {
		m = (void *)(lane->mem + offset_of(line, ++s->seq));
		word = word_of(s->seq);
		if (line->payload)
			__atomic_store_n(&m->payload, payload_word(s->seq, 0), __ATOMIC_RELAXED);
		__atomic_store_n(&m->word, word, __ATOMIC_RELEASE);
		if (line->prefetch)
			__builtin_prefetch((char *)m + line->prefetch, 1);
		while (line->reply && __atomic_load_n(&m->word, __ATOMIC_ACQUIRE) == word)
			;
	}
}

static unsigned int line_collect(struct stream *s, struct reader *rd, unsigned int max)
{
	const struct line *line = s->variant;
	struct lane *lane = s->impl;
	const struct message *m = (const void *)(lane->readonly + offset_of(line, rd->newest + 1));
	uint64_t word = __atomic_load_n(&m->word, __ATOMIC_ACQUIRE), seq = word / 2;
	unsigned int n;

	(void)max;
	if (seq <= rd->newest)
		return 0;
	/* In one line a message may have been overwritten by the next. */
	n = (unsigned int)(seq - rd->newest);
	if (n != 1 && (line->stride || line->reply))
		wrong("%s: message %llu where %llu should be", s->kind->name,
		      (unsigned long long)seq, (unsigned long long)rd->newest + 1);
	if (line->payload && __atomic_load_n(&m->payload, __ATOMIC_RELAXED) != payload_word(seq, 0))
		wrong("%s: message %llu is torn", s->kind->name, (unsigned long long)seq);
	if (line->reply)
		__atomic_store_n((uint64_t *)(lane->mem + offset_of(line, seq)), word + 1,
				 __ATOMIC_RELEASE);
	rd->newest = seq;
	rd->read += n;
	return n;
}

const struct stream_kind kind_line = {
	.name = "cache line",
	.create = line_create,
	.write = line_write,
	.collect = line_collect,
};

bool clock_round(struct row_contender *c)
{
	struct schedule schedule = stream_schedule(c->s, &c->round);
	uint64_t i, due;
	struct watch w;

	watch_start(&w);
	for (i = 0; i < c->s->nr_ticks; i++) {
		due = schedule_due(&schedule, i);
		while (ticks() < due)
			;
		c->s->ticks[i] = ticks() - due;
	}
	row_report_ticks(c);
	return watch_disturbed(&w);
}

static uint64_t *bounce_word(const struct stream *s)
{
	return (uint64_t *)((const struct lane *)s->impl)->mem;
}

/* One bounce more than a round has ticks. */
static void return_bounces(void *arg)
{
	struct stream *s = arg;
	uint64_t *word = bounce_word(s), wanted = word_of(s->reader->newest + 1), i;

	for (i = 0; i <= s->nr_ticks; i++, wanted += 2) {
		while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != wanted)
			;
		__atomic_store_n(word, wanted + 1, __ATOMIC_RELEASE);
	}
	s->reader->newest += i;
}

static void bounce(struct stream *s)
{
	uint64_t *word = bounce_word(s), sent = word_of(++s->seq);

	__atomic_store_n(word, sent, __ATOMIC_RELEASE);
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != sent + 1)
		;
}

bool bounce_round(struct row_contender *c)
{
	struct stream *s = c->s;
	const struct line *line = s->variant;
	struct schedule schedule;
	uint64_t before, i;
	struct watch w;
	bool disturbed;

	stream_schedule(s, &c->round);
	other_start(return_bounces, s);
	bounce(s); /* the other side is there */
	schedule = stream_schedule(s, &c->round);
	watch_start(&w);
	for (i = 0; i < s->nr_ticks; i++) {
		before = line->paced ? schedule_due(&schedule, i) : ticks();
		while (line->paced && ticks() < before)
			;
		bounce(s);
		s->ticks[i] = (ticks() - before) / 2;
	}
	disturbed = watch_disturbed(&w);
	other_wait();
	row_report_ticks(c);
	return disturbed;
}

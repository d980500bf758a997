/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One-way latency on a schedule that is fixed beforehand. It counts from the time at
 * which a record was to be sent, so one that is sent late, for the one before took
 * long, is not taken for a fast one.
 */
#ifndef RINGBENCH_LATENCY_H
#define RINGBENCH_LATENCY_H

#include "../bench.h"

/* Latencies in a histogram, as fine as the clock, or one part in a hundred. */
struct samples;

struct samples *samples_new(void);
void samples_free(struct samples *s);
void samples_clear(struct samples *s);
void samples_add(struct samples *s, double ns);
/* Adds all of @from. */
void samples_join(struct samples *s, const struct samples *from);
uint64_t samples_count(const struct samples *s);
/* @q: 0 to 1, within a bin in proportion; 1: the largest sample itself. */
double samples_quantile(const struct samples *s, double q);

/*
 * @start: in ticks
 * @gap:   between two records, on the average
 * @spread: how much later than that a record may be due, so that no rhythm of the
 *         reader's fits; less than @gap
 */
struct schedule {
	uint64_t start;
	uint64_t gap;
	uint64_t spread;
};

/* When record @n, from 0, is due. Reader and sender know it without telling each other. */
static inline uint64_t schedule_due(const struct schedule *s, uint64_t n)
{
	/* The high half of the product is as good as random. */
	uint64_t random = (n * 0x9e3779b97f4a7c15ull) >> 32;

	return s->start + n * s->gap + ((random * s->spread) >> 32);
}

/*
 * What moves records, one way.
 *
 * @open:    once, before the first round
 * @send:    sends c->sent, due at that time; called as soon as it is due
 * @receive: notes with arrived() what there is; spins a while, or sleeps, when there
 *           is nothing. Called until all have arrived
 * @round:   instead of the two: a round without a schedule, which fills c->ticks;
 *           for undisturbed()
 * @close:   once, after the last round
 */
struct contender;

struct kind {
	const char *name;
	void (*open)(struct contender *c);
	void (*send)(struct contender *c, uint64_t due);
	void (*receive)(struct contender *c);
	bool (*round)(void *arg);
	void (*close)(struct contender *c);
};

/*
 * @impl:    the kind's
 * @variant: the kind's
 * @records: in a round
 * @sent:    the sender's: since open()
 * @arrived: the reader's: since open()
 * @first:   number of the round's first record
 */
struct contender {
	const struct kind *kind;
	const void *variant;
	void *impl;
	struct schedule schedule;
	uint64_t records;
	uint64_t first;
	struct samples *round;
	struct samples *total;
	uint64_t *ticks; /* of each record of the round, from due to arrived */

	__attribute__((aligned(128))) uint64_t sent;
	__attribute__((aligned(128))) uint64_t arrived;
	bool disturbed;
	bool sleeps; /* the reader; so its core may be another's meanwhile */
	unsigned int ready __attribute__((aligned(128)));
};

/* The reader has record c->arrived, which says that it was due at @due. */
void arrived(struct contender *c, uint64_t due);

/* The same for what carries no payload: all up to and without record @end have come. */
void arrived_up_to(struct contender *c, uint64_t end);

/* When the record that comes next to the reader is due. */
static inline uint64_t next_due(const struct contender *c)
{
	return schedule_due(&c->schedule, c->arrived - c->first);
}

/* Percentiles that tables and plots have; 100 is the maximum. */
#define NR_PERCENTILES 10
extern const double percentiles[NR_PERCENTILES];

/*
 * All contenders in turn, opt.rounds times; what they are compared with comes first.
 *
 * @section: also the name of its plot
 * @gap_ns, @spread_ns: of the schedule
 * @records: of each contender in a round
 * @sleeps: the readers sleep between records
 * @p50, @p99: a series of each for every contender, filled
 */
struct trial {
	const char *section;
	uint64_t gap_ns;
	uint64_t spread_ns;
	uint64_t records;
	bool sleeps;
	struct series **p50;
	struct series **p99;
};

struct entry {
	const char *name;
	const struct kind *kind;
	const void *variant;
};

void run_trial(const struct trial *trial, const struct entry *entries, unsigned int nr);

/* Messages in a cache line, and what they can do beyond that. */
struct line {
	uint64_t stride;   /* from one message to the next; 0: always the same line */
	uint64_t window;   /* bytes, a power of two, after which they begin anew */
	uint64_t prefetch; /* so far ahead the sender asks for a line to write; 0: not */
	bool payload;	   /* a word beside the one that the reader waits for */
	bool reply;	   /* the reader sends the line back */
	bool paced;	   /* bounces begin when they are due */
};

extern const struct kind kind_line;
extern const struct kind kind_clock;  /* no message: what the schedule itself costs */
extern const struct kind kind_bounce; /* half of a round trip, by the sender's clock */

/* Records to a reader that spins. */
struct spinner {
	bool eager;
	uint64_t size;
};

extern const struct kind kind_record;

/* Readers that sleep. */
extern const struct kind kind_eventfd;
extern const struct kind kind_pipe;
extern const struct kind kind_futex;
extern const struct kind kind_ring_wait;
extern const struct kind kind_ring_epoll;
extern const struct kind kind_bpf_ring;
extern const struct kind kind_bpf_buffer;

/* Whether BPF programs may run here; if not, says in a note that they are skipped. */
bool latency_bpf_works(const char *section);

#endif

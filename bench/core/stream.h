/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A writer on one core and readers on the other move records that validate
 * themselves. This runs one round of any contender, and tables of contenders.
 */
#ifndef RINGBENCH_STREAM_H
#define RINGBENCH_STREAM_H

#include <string.h>

#include "bench.h"

#define PAYLOAD_MAX 4096u
#define BURST	    64u	   /* records of a burst */
#define REST_NS	    20000u /* see struct stream_round */
#define TYPE	    7

/*
 * @read, @lost: in this round
 * @newest:      seq of the record that was read last
 * @may_block:   collect() sleeps while there is nothing, if the kind can
 * @impl:        private to the kind
 */
struct reader {
	struct stream *s;
	unsigned int index;
	uint64_t read;
	uint64_t lost;
	uint64_t newest;
	bool may_block;
	void *impl;
} __attribute__((aligned(128)));

/*
 * @size:    bytes of the ring or buffer
 * @stamped: take the time for each record
 * @sleeps, @nobody: readers will sleep; there will be none
 * @chunk:   records between two looks at the clock
 * @ticks:   of a spaced round: of each record, from when it was due to when it had come
 * @seq:     records published since create()
 * @own_ns:  of kinds that measure the writer's time themselves: in this round
 */
struct stream {
	const struct stream_kind *kind;
	const void *variant;
	void *impl;
	uint64_t size;
	uint32_t len;
	bool stamped;
	bool sleeps;
	bool nobody;
	unsigned int nr_readers;
	struct reader *reader;
	unsigned int chunk;
	uint64_t *ticks;
	uint64_t nr_ticks;
	struct memory *memory;

	/* The writer's, and far from the reader's: lines come in pairs. */
	uint64_t seq __attribute__((aligned(128)));
	uint64_t own_ns;
	uint64_t payload[PAYLOAD_MAX / 8];
};

/*
 * STREAM_FLAT_OUT: record upon record
 * STREAM_BURSTS:   BURST records, then a pause in which the reader catches up
 * STREAM_SPACED:   one record at a time, on a schedule that does not wait for anyone
 */
enum stream_mode { STREAM_FLAT_OUT, STREAM_BURSTS, STREAM_SPACED };

/*
 * A round. Plain data: it goes to a helper and comes back.
 *
 * @nobody:    without a reader
 * @sleeps:    the readers sleep while there is nothing
 * @threads:   a thread for each reader, all on one core; else one thread serves all
 * @lossless:  it is an error to lose a record
 * @ns:        length of the round; 0: opt.round_ms
 * @rest_ns:   how long a reader that does not sleep leaves an empty ring alone. By then the
 *             writer has left the lines that are read next; a reader that looks again at
 *             once costs the writer several times as much
 * @gap_ns:    bursts: the pause; spaced: from one record to the next, on the average;
 *             flat out: at least so long for a record, 0 for no limit
 * @spread_ns: spaced: a record is due up to so much later, so that no rhythm of the
 *             reader's fits; less than @gap_ns
 * @records:   spaced: so many; 0: as many as fit
 * @chunk:     records between two looks at the clock; 0: the kind's
 *
 * @published, @read, @lost: read + lost = published * readers
 * @writer_ns:  of the writer's time for one record; pauses are not in it
 * @rate:       records per microsecond that were published
 * @delivered:  records per microsecond that the last reader had while the writer ran
 * @reader_ns:  of the first reader's processor time for one record
 * @switches:   how often the first reader slept for 1000 records
 * @disturbed:  something else had one of the cores
 */
struct stream_round {
	uint32_t mode;
	uint32_t nobody;
	uint32_t sleeps;
	uint32_t threads;
	uint32_t lossless;
	uint32_t chunk;
	uint64_t ns;
	uint64_t rest_ns;
	double gap_ns;
	double spread_ns;
	uint64_t records;

	uint64_t published;
	uint64_t read;
	uint64_t lost;
	double writer_ns;
	double rate;
	double delivered;
	double reader_ns;
	double switches;
	uint32_t readers;
	uint32_t disturbed;
};

/*
 * @create:  returns NULL, or why the contender cannot run here
 * @write:   publishes so many records
 * @join:    the reader goes to head; nothing before it counts. NULL: every round ends where
 *           the next one starts
 * @collect: takes a snapshot of head when it has none, reads and checks at most so many
 *           records below it, and counts what it lost; returns how many. Fewer: it has used
 *           the snapshot up, and the next call takes another
 * @settle:  after a round: counts losses that no later record tells. Optional
 * @verify:  checks what nobody has read and still is there; for rounds without a reader
 * @finish:  after the last round: fills published, read and lost of all rounds. Optional
 * @run:     runs a whole round, instead of write and collect. Optional
 * @destroy: frees what stream_alloc() and stream_map() have not allocated. Optional
 * @goes_round: one lap touches all pages, before anything counts
 * @polls:   collect() returns after a while even if it may block
 * @drains:  collect() takes all that is there, however much was asked for
 */
struct stream_kind {
	const char *name;
	const char *(*create)(struct stream *s);
	void (*write)(struct stream *s, unsigned int n);
	void (*join)(struct stream *s, struct reader *rd);
	unsigned int (*collect)(struct stream *s, struct reader *rd, unsigned int max);
	void (*settle)(struct stream *s, struct reader *rd);
	void (*verify)(struct stream *s);
	void (*finish)(struct stream *s, struct stream_round *r);
	void (*run)(struct stream *s, struct stream_round *r);
	void (*destroy)(struct stream *s);
	bool goes_round;
	bool polls;
	bool drains;
};

/* NULL: it cannot run here, and *why says the reason. */
struct stream *stream_new(const struct stream_kind *kind, const struct stream *like,
			  const char **why);
void stream_free(struct stream *s);
/* Zeroed memory, and memory of a memfd, both freed with the stream. */
void *stream_alloc(struct stream *s, size_t size);
void *stream_map(struct stream *s, size_t size, const void **readonly);

void stream_run(struct stream *s, struct stream_round *r);
/* Runs rounds that do not count, until both sides have touched every page. */
void stream_warm_up(struct stream *s, const struct stream_round *like);

/* The schedule of a spaced round, in ticks. Both sides know it without telling each other. */
struct schedule {
	uint64_t start;
	uint64_t gap;
	uint64_t spread;
};

/* When record @n is due, from 0. */
static inline uint64_t schedule_due(const struct schedule *s, uint64_t n)
{
	/* The high half of the product is as good as random. */
	uint64_t random = (n * 0x9e3779b97f4a7c15ull) >> 32;

	return s->start + n * s->gap + ((random * s->spread) >> 32);
}

/* A schedule that starts now, and room in s->ticks. */
struct schedule stream_schedule(struct stream *s, const struct stream_round *r);

struct row_contender;

/*
 * A row of a table: a contender, and how its rounds differ from those of the table.
 *
 * @size: of the ring or buffer; 0: RING_LARGE, or --ring-size
 * @readers: 0: one
 * @paced: the writer goes as fast as loses nothing
 * @full_only: no target needs it: a quick run leaves it out
 * @own_round: of rows that need more than stream_run(); optional
 */
struct row {
	const char *name;
	const struct stream_kind *kind;
	const void *variant;
	uint64_t size;
	uint32_t len;
	unsigned int readers;
	uint32_t chunk;
	uint32_t rest_ns;
	bool stamped;
	bool sleeps;
	bool nobody;
	bool threads;
	bool paced;
	bool full_only;
	bool (*own_round)(struct row_contender *c);
};

struct row_contender {
	struct contender c;
	const struct row *row;
	struct stream *s;
	struct stream_round round;
};

/*
 * @suffix: added to each name: ", 32 B"
 * @len:    of rows that have none
 * @rounds: 0: opt.rounds
 * @round:  what all rows have in common
 * @after:  called with the streams still there; optional
 */
struct table {
	const char *section;
	const struct row *rows;
	unsigned int nr;
	const char *suffix;
	uint32_t len;
	unsigned int rounds;
	struct stream_round round;
	void (*after)(struct row_contender *const *c);
};

/* Runs the rows. A note says which rows cannot run here, and why. */
void table_run(const struct table *t);
/* Sets the figures of a round; of a row with a round of its own, only those of s->ticks. */
void row_report(struct row_contender *c);
void row_report_ticks(struct row_contender *c);

/*
 * The payload of a record follows from its seq. One word in eight differs from record to
 * record, so that filling and checking cost little beside the copies; all of them do in a
 * payload of up to 64 bytes.
 */
static inline uint64_t payload_word(uint64_t seq, uint32_t i)
{
	return (seq + i) * 0x9e3779b97f4a7c15ull;
}

static inline uint32_t payload_step(uint32_t len)
{
	return len > 64 ? 8 : 1;
}

static inline void payload_fill(uint64_t *payload, uint32_t len, uint64_t seq)
{
	uint32_t i, step = payload_step(len);

	for (i = 0; i < len / 8; i += step)
		payload[i] = payload_word(seq, i);
	payload[len / 8 - 1] = seq;
}

/* Not 0 if the payload is not that of record @seq. */
static inline uint64_t payload_differs(const uint64_t *payload, uint32_t len, uint64_t seq)
{
	uint32_t i, step = payload_step(len);
	uint64_t differs = payload[len / 8 - 1] ^ seq;

	for (i = 0; i < len / 8 - 1; i += step)
		differs |= payload[i] ^ payload_word(seq, i);
	return differs;
}

static inline void payload_check(const uint64_t *payload, uint32_t len, uint64_t seq,
				 const char *name)
{
	if (__builtin_expect(payload_differs(payload, len, seq) != 0, 0))
		wrong("%s: record %llu is torn", name, (unsigned long long)seq);
}

/* Enters a record that was read into the account, with those that were lost before it. */
static inline void reader_took(struct reader *rd, uint64_t seq, uint64_t lost)
{
	rd->lost += lost;
	rd->newest = seq;
	rd->read++;
}

/*
 * A writer knows the size of its records: so the usual lengths are constants, in the
 * writers and readers that fn(stream, ..., len) expands to.
 */
#define BY_LEN(s, fn, ...)                             \
	((s)->len == 8	  ? fn(s, __VA_ARGS__, 8) :    \
	 (s)->len == 32	  ? fn(s, __VA_ARGS__, 32) :   \
	 (s)->len == 1024 ? fn(s, __VA_ARGS__, 1024) : \
			    fn(s, __VA_ARGS__, (s)->len))

/* KIND_write() and KIND_collect() of a kind, by KIND_write_len() and KIND_collect_len(). */
#define WRITE_BY_LEN(kind)                                         \
	static void kind##_write(struct stream *s, unsigned int n) \
	{                                                          \
		BY_LEN(s, kind##_write_len, n);                    \
	}
#define COLLECT_BY_LEN(kind)                                                                      \
	static unsigned int kind##_collect(struct stream *s, struct reader *rd, unsigned int max) \
	{                                                                                         \
		return BY_LEN(s, kind##_collect_len, rd, max);                                    \
	}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What libring costs beside the protocol's own headers inline, which are the limit. Both move the
 * same records through a ring of the same size in this process; tests/lib/cost.h compares them.
 */
#include <stdint.h>

#include <libring.h>
#include <seqring/reader.h>
#include <seqring/writer.h>
#include <sys/mman.h>

#include "../lib/clock.h"
#include "../lib/cost.h"
#include "../lib/ring.h"

#define DATA_SIZE (1u << 20)
#define LAP_SIZE  (1u << 18)
#define RECORDS	  4000u /* of a round, fewer than a lap of either size */
#define ROUNDS	  100u
#define LEN	  32u /* usual */
#define LEN_MAX	  200u
#define TYPE	  7
#define BATCH	  64u

/*
 * @w, @r: of the headers; @ctl: their ring
 * @writer, @reader: of libring
 * @wait: the writer's wake thresholds, where nobody sleeps
 * @len: bytes of a payload
 * @buf, @recs: aligned, since a store that crosses cache lines costs more than a whole record
 * @sum: of what was read, so that it is not left out
 */
struct both {
	struct seqring_writer w;
	struct seqring_reader r;
	struct seqring_wait wait;
	struct ring_writer *writer;
	struct ring_reader *reader;
	uint32_t len;
	uint64_t payload[LEN_MAX / 8];
	uint64_t buf[BATCH][LEN_MAX / 8] __attribute__((aligned(64)));
	struct ring_record recs[BATCH] __attribute__((aligned(64)));
	uint64_t sum;
};

/* The compiler inlines the protocol's functions, also where they have several callers. */
#define INLINE __attribute__((flatten))

static void *map_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static double per_record(uint64_t start)
{
	return (double)(now_ns() - start) / RECORDS;
}

static INLINE double publish_inline(void *arg)
{
	struct both *b = arg;
	const uint32_t len = b->len;
	uint64_t start = now_ns();
	unsigned int i;

	for (i = 0; i < RECORDS; i++) {
		b->payload[0] = i;
		seqring_writer_publish(&b->w, TYPE, 0, b->payload, len);
		if (seqring_writer_wake_due(&b->w, &b->wait))
			die("nobody sleeps");
	}
	return per_record(start);
}

static double publish_library(void *arg)
{
	struct both *b = arg;
	const uint32_t len = b->len;
	uint64_t start = now_ns();
	unsigned int i;

	for (i = 0; i < RECORDS; i++) {
		b->payload[0] = i;
		if (ring_writer_publish(b->writer, 0, TYPE, b->payload, len))
			die("ring_writer_publish");
	}
	return per_record(start);
}

static INLINE double read_inline(void *arg)
{
	struct both *b = arg;
	struct seqring_view v;
	uint64_t start;
	unsigned int i;

	publish_inline(b);
	start = now_ns();
	for (i = 0; i < RECORDS; i++) {
		if (seqring_reader_read(&b->r, &v, b->buf[0], sizeof(b->buf)))
			die("the ring of the headers lacks a record");
		b->sum += v.seq + v.len + b->buf[0][0];
	}
	return per_record(start);
}

static double read_library(void *arg)
{
	struct both *b = arg;
	struct ring_record *rec = b->recs;
	uint64_t start;
	unsigned int i;

	publish_library(b);
	start = now_ns();
	for (i = 0; i < RECORDS; i++) {
		if (ring_read(b->reader, rec, b->buf[0], sizeof(b->buf)))
			die("ring_read");
		b->sum += rec->seq + rec->len + b->buf[0][0];
	}
	return per_record(start);
}

/* A copy of the newest record: of the same state each time. */
static INLINE double newest_inline(void *arg)
{
	struct both *b = arg;
	struct seqring_view v;
	uint64_t start;
	unsigned int i;

	seqring_writer_publish(&b->w, TYPE, 0, b->payload, b->len);
	start = now_ns();
	for (i = 0; i < RECORDS; i++) {
		if (seqring_reader_newest(&b->r, &v, b->buf[0], sizeof(b->buf)))
			die("the ring of the headers has no newest record");
		b->sum += v.seq + v.len + b->buf[0][0];
	}
	return per_record(start);
}

static double newest_library(void *arg)
{
	struct both *b = arg;
	struct ring_record *rec = b->recs;
	uint64_t start;
	unsigned int i;

	if (ring_writer_publish(b->writer, 0, TYPE, b->payload, b->len))
		die("ring_writer_publish");
	start = now_ns();
	for (i = 0; i < RECORDS; i++) {
		if (ring_newest(b->reader, 0, rec, b->buf[0], sizeof(b->buf)))
			die("ring_newest");
		b->sum += rec->seq + rec->len + b->buf[0][0];
	}
	return per_record(start);
}

static void sum_records(struct both *b, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		b->sum += b->recs[i].seq + b->recs[i].len + *(const uint64_t *)b->recs[i].payload;
}

static double read_batches(void *arg)
{
	struct both *b = arg;
	unsigned int i, nr;
	uint64_t start;

	publish_library(b);
	start = now_ns();
	for (i = 0; i < RECORDS; i += nr) {
		if (ring_read_batch(b->reader, b->recs, BATCH, b->buf, sizeof(b->buf), &nr))
			die("ring_read_batch");
		sum_records(b, nr);
	}
	return per_record(start);
}

static double peek_batches(void *arg)
{
	struct both *b = arg;
	unsigned int i, nr;
	uint64_t start;

	publish_library(b);
	start = now_ns();
	for (i = 0; i < RECORDS; i += nr) {
		if (ring_peek_batch(b->reader, b->recs, BATCH, &nr))
			die("ring_peek_batch");
		sum_records(b, nr);
		if (ring_recheck(b->reader) || ring_advance(b->reader))
			die("ring_advance");
	}
	return per_record(start);
}

/*
 * A lap of a new ring with all its memory, written and read; @laps before it. Page faults would
 * show: a fault takes longer than the records of a page.
 */
static double cost_after(struct both *b, unsigned int laps)
{
	const struct ring_writer_opts wopts = {
		.size = sizeof(wopts),
		.flags = RING_WRITER_PREFAULT,
		.data_size = LAP_SIZE,
	};
	const struct ring_open_opts ropts = { .size = sizeof(ropts), .flags = RING_PREFAULT };
	struct ring_fds fds;
	uint64_t start;
	double ns;

	if (ring_writer_create(&wopts, &b->writer) || ring_writer_fds(b->writer, &fds) ||
	    ring_open_fds(&fds, &ropts, &b->reader))
		die("ring_writer_create");
	while (laps--)
		read_batches(b);
	start = now_ns();
	read_batches(b);
	ns = per_record(start);
	ring_close(b->reader);
	ring_writer_close(b->writer);
	return ns;
}

static double first_lap(void *arg)
{
	return cost_after(arg, 0);
}

static double later_lap(void *arg)
{
	return cost_after(arg, 4);
}

static void set_up(struct both *b, uint32_t len)
{
	const struct ring_writer_opts opts = { .size = sizeof(opts), .data_size = DATA_SIZE };
	struct seqring_ring_ctl *ctl = map_pages(4096);
	void *data = map_pages(DATA_SIZE);
	struct ring_fds fds;

	*b = (struct both) {
		.wait = { .pos = SEQRING_WAIT_NONE, .seq = SEQRING_WAIT_NONE },
		.len = len,
	};
	if (seqring_writer_init(&b->w, ctl, data, DATA_SIZE) ||
	    seqring_reader_init(&b->r, ctl, data, DATA_SIZE))
		die("the headers take no such ring");
	b->w.light_wake = 1;
	if (ring_writer_create(&opts, &b->writer) || ring_writer_fds(b->writer, &fds) ||
	    ring_open_fds(&fds, NULL, &b->reader))
		die("ring_writer_create");
}

static void tear_down(struct both *b)
{
	ring_close(b->reader);
	ring_writer_close(b->writer);
	munmap((void *)b->r.data, DATA_SIZE);
	munmap((void *)b->r.ctl, 4096);
}

/*
 * The bounds leave room above what is usual on a machine that does other work, too: reading 1.2
 * times the control's cost for short records, 1.6 to 1.9 for longer ones; 0.85 to 0.95 in batches
 * and in place; publishing 1.0 to 1.15, and 1.1 to 1.5 where the copy has a loop; the newest record
 * 1.75, since the headers' code skips what its caller does not use. What a call adds is its own:
 * the call, and a ring_record to be filled.
 */
int main(void)
{
	static struct both b;
	const struct {
		struct cost_pair pair;
		uint32_t len;
	} rows[] = {
		{ { "library.publish", publish_inline, publish_library, &b, ROUNDS, 1.25 }, LEN },
		{ { "library.publish_72", publish_inline, publish_library, &b, ROUNDS, 1.33 }, 72 },
		{ { "library.publish_200", publish_inline, publish_library, &b, ROUNDS, 1.6 },
		  LEN_MAX },
		{ { "library.read", read_inline, read_library, &b, ROUNDS, 1.33 }, LEN },
		{ { "library.read_20", read_inline, read_library, &b, ROUNDS, 1.33 }, 20 },
		{ { "library.read_72", read_inline, read_library, &b, ROUNDS, 2 }, 72 },
		{ { "library.read_200", read_inline, read_library, &b, ROUNDS, 2 }, LEN_MAX },
		{ { "library.read_batch", read_inline, read_batches, &b, ROUNDS, 1.11 }, LEN },
		{ { "library.peek_batch", read_inline, peek_batches, &b, ROUNDS, 1.11 }, LEN },
		{ { "library.newest", newest_inline, newest_library, &b, ROUNDS, 2 }, LEN },
	};
	const struct cost_pair laps = {
		"library.first_lap", later_lap, first_lap, &b, ROUNDS, 1.5
	};
	unsigned int i, k;

	b.len = LEN;
	cost_check(&laps);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up(&b, rows[i].len);
		/* Both sides touch all pages first. */
		for (k = 0; k < 2 * DATA_SIZE / (RECORDS * (rows[i].len + 24)); k++) {
			rows[i].pair.control(&b);
			rows[i].pair.subject(&b);
		}
		cost_check(&rows[i].pair);
		tear_down(&b);
	}
	return t_done();
}

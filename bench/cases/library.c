// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring as programs use it: a libring writer over a memfd, a libring reader of its
 * descriptors.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <libring.h>
#include <seqring/abi.h>

#include "kinds.h"

#define BATCH	      64u
#define PAYLOADS_SIZE (16u << 10) /* a batch stays in the first cache */
#define LATEST_NS     1000000u	  /* a reader wakes then, even if few records came */

/* @epoll: the application's epoll instance for the reader's descriptor; or -1 */
struct library {
	const struct library_variant *variant;
	struct ring_writer *w;
	struct ring_record out[BATCH];
	uint64_t out_payloads[BATCH][1024 / 8];

	struct ring_reader *r __attribute__((aligned(128)));
	int epoll;
	struct ring_record recs[BATCH];
	uint64_t payloads[PAYLOADS_SIZE / 8];
};

static struct ring_writer *writer_new(uint64_t size, uint32_t clock_id, uint32_t flags)
{
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.flags = flags | RING_WRITER_PREFAULT,
		.clock_id = clock_id,
		.data_size = size,
		.name = "ringbench",
	};
	struct ring_writer *w;

	if (ring_writer_create(&opts, &w))
		fail("libring creates no ring: %s", ring_strerror());
	return w;
}

struct ring_writer *library_writer(uint64_t size)
{
	return writer_new(size, SEQRING_CLOCK_NONE, 0);
}

/* The variant of the row. */
const struct library_variant library_eager = { .reader_flags = RING_EAGER };
const struct library_variant library_full_fence = { .writer_flags = RING_WRITER_FULL_FENCE };
const struct library_variant library_wake_64 = { .wake_records = 64, .batch = true };
const struct library_variant library_wake_mib = { .wake_bytes = 1 << 20 };
const struct library_variant library_epoll = { .epoll = true };
const struct library_variant library_epoll_full_fence = {
	.epoll = true,
	.writer_flags = RING_WRITER_FULL_FENCE,
};
const struct library_variant library_one = { .reads = LIBRARY_ONE };
const struct library_variant library_in_place = { .reads = LIBRARY_IN_PLACE };

static const char *library_create(struct stream *s)
{
	static const struct library_variant plain;
	const struct library_variant *v = s->variant ? s->variant : &plain;
	const bool many = v->wake_records || v->wake_bytes;
	const struct ring_open_opts opts = {
		.size = sizeof(opts),
		.flags = v->reader_flags | RING_PREFAULT,
		.wake_records = v->wake_records,
		.wake_bytes = v->wake_bytes,
		.wake_timeout_ns = many ? LATEST_NS : 0,
	};
	struct epoll_event event = { .events = EPOLLIN };
	struct library *l = stream_alloc(s, sizeof(*l));
	struct ring_fds fds;
	int fd;

	l->epoll = -1;
	l->w = writer_new(s->size, s->stamped ? SEQRING_CLOCK_MONOTONIC : SEQRING_CLOCK_NONE,
			  v->writer_flags);
	if (ring_writer_fds(l->w, &fds) || ring_open_fds(&fds, &opts, &l->r))
		fail("libring opens no reader: %s", ring_strerror());
	s->variant = v;
	l->variant = v;
	s->impl = l;
	if (!v->epoll)
		return NULL;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (ring_fd(l->r, &fd))
		fail("libring has no descriptor: %s", ring_strerror());
	if (l->epoll < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event))
		fail("no epoll instance: %s", strerror(errno));
	return NULL;
}

static void library_destroy(struct stream *s)
{
	struct library *l = s->impl;

	if (l->epoll >= 0)
		close(l->epoll);
	ring_close(l->r);
	ring_writer_close(l->w);
}

static void write_batch(struct stream *s, unsigned int n)
{
	struct library *l = s->impl;
	unsigned int i, nr;

	for (; n; n -= nr) {
		nr = n < BATCH ? n : BATCH;
		for (i = 0; i < nr; i++) {
			payload_fill(l->out_payloads[i], s->len, ++s->seq);
			l->out[i].payload = l->out_payloads[i];
			l->out[i].len = s->len;
			l->out[i].type = TYPE;
		}
		if (ring_writer_publish_batch(l->w, 0, l->out, nr, NULL))
			fail("libring does not publish: %s", ring_strerror());
	}
}

static void library_write(struct stream *s, unsigned int n)
{
	const struct library_variant *v = s->variant;
	struct library *l = s->impl;
	unsigned int i;

	if (v->batch) {
		write_batch(s, n);
		return;
	}
	for (i = 0; i < n; i++) {
		payload_fill(s->payload, s->len, ++s->seq);
		if (ring_writer_publish(l->w, 0, TYPE, s->payload, s->len))
			fail("libring does not publish: %s", ring_strerror());
	}
}

static void wait_for_more(struct library *l)
{
	struct epoll_event event;
	int err;

	if (l->epoll >= 0) {
		if (epoll_wait(l->epoll, &event, 1, -1) < 0 && errno != EINTR)
			fail("epoll_wait: %s", strerror(errno));
		return;
	}
	err = ring_wait(l->r, -1);
	if (err && err != -EINTR)
		fail("libring does not wait: %s", ring_strerror());
}

/* Return: as ring_read_batch(). */
static int read_some(struct library *l, unsigned int want, unsigned int *nr)
{
	int err;

	switch (l->variant->reads) {
	case LIBRARY_ONE:
		err = ring_read(l->r, l->recs, l->payloads, sizeof(l->payloads));
		*nr = !err;
		return err;
	case LIBRARY_IN_PLACE:
		return ring_peek_batch(l->r, l->recs, want, nr);
	default:
		return ring_read_batch(l->r, l->recs, want, l->payloads, sizeof(l->payloads), nr);
	}
}

/* Whether each of the records is what the writer published; in place, they may be torn. */
static bool check_records(const struct stream *s, const struct library *l, unsigned int nr)
{
	uint64_t differs = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct ring_record *rec = &l->recs[i];

		differs |= (rec->len ^ s->len) | (rec->type ^ TYPE);
		differs |= payload_differs(rec->payload, s->len, rec->seq);
	}
	return !differs;
}

static unsigned int library_collect(struct stream *s, struct reader *rd, unsigned int max)
{
	const struct library_variant *v = s->variant;
	struct library *l = s->impl;
	unsigned int n = 0, i, nr, want;
	bool whole;
	int err;

	while (n < max) {
		want = max - n < BATCH ? max - n : BATCH;
		err = read_some(l, want, &nr);
		if (err == -EPIPE)
			continue;
		if (err == -EAGAIN && rd->may_block && !n) {
			wait_for_more(l);
			continue;
		}
		if (err && err != -EAGAIN)
			wrong("libring: %s", ring_strerror());
		whole = check_records(s, l, nr);
		if (v->reads == LIBRARY_IN_PLACE && nr) {
			if (ring_recheck(l->r))
				continue;
			ring_advance(l->r);
		}
		if (!whole)
			wrong("libring: a record of %u up to %llu is torn", nr,
			      (unsigned long long)l->recs[nr - 1].seq);
		for (i = 0; i < nr; i++)
			reader_took(rd, l->recs[i].seq, l->recs[i].lost);
		n += nr;
		if (err || (v->reads != LIBRARY_ONE && nr < want && nr < PAYLOADS_SIZE / s->len))
			break;
	}
	return n;
}

const struct stream_kind kind_library = {
	.name = "libring",
	.create = library_create,
	.write = library_write,
	.collect = library_collect,
	.destroy = library_destroy,
	.goes_round = true,
};

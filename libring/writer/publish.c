// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Publishing on a ring of this process. create.c makes the ring. */

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "serve.h"
#include "writer.h"

#define IOV_MAX_PIECES 1024
#define SHORT	       (15u << 3)

static __attribute__((noinline, cold)) int refuse_ring(const struct ring_writer *w,
						       unsigned int ring)
{
	int err = libring_writer_check_own(w);

	return err ? err :
		     libring_set_error(ENOENT, "there is no ring %u: this writer has %u, from 0",
				       ring, w->nr_rings);
}

static __attribute__((noinline, cold)) int refuse_busy(void)
{
	return libring_set_error_text(EBUSY, "a reservation is open on this ring: commit or "
					     "discard it first");
}

/* Return: 0; -ENOENT; -EPERM an inherited writer, which has no rings. */
static inline int find_ring(struct ring_writer *w, unsigned int ring, struct ring_out **out)
{
	int err;

	if (seqring_unlikely(ring >= w->nr_rings)) {
		*out = NULL;
		err = refuse_ring(w, ring);
		/* For the analyzer, which cannot tell. */
		if (!err)
			__builtin_unreachable();
		return err;
	}
	*out = &w->rings[ring];
	return 0;
}

/* Finds a ring without a reservation. Return: 0; -ENOENT; -EPERM; -EBUSY. */
static inline int find_free(struct ring_writer *w, unsigned int ring, struct ring_out **out)
{
	int err = find_ring(w, ring, out);

	if (err)
		return err;
	return seqring_unlikely((*out)->w.resv_next) ? refuse_busy() : 0;
}

static __attribute__((noinline, cold)) int drop_too_big(struct ring_out *o)
{
	seqring_write(&o->w.ctl->dropped[SEQRING_DROP_TOO_BIG], ++o->too_big);
	return libring_set_error(EMSGSIZE,
				 "the payload is too long: a record of this ring takes at "
				 "most %u bytes",
				 o->w.cold.payload_max);
}

/* The time of a record. A ring without a clock costs a compare. */
static inline uint64_t read_clock(const struct ring_out *o)
{
	return o->clock == SEQRING_NO_CLOCKID ? 0 : libring_clock_ns(o->clock);
}

static __attribute__((noinline, cold)) int ring_doorbell(struct ring_out *o)
{
	libring_wake(o);
	return 0;
}

/* Return: 0, so that a hot path ends with this call. */
static inline int wake(struct ring_out *o)
{
	if (seqring_likely(!seqring_writer_wake_due(&o->w, o->wait)))
		return 0;
	return ring_doorbell(o);
}

/* ring_writer_publish() of any record, in a function of its own: this one saves registers. */
static __attribute__((noinline)) int publish_any(struct ring_writer *w, unsigned int ring,
						 uint16_t type, const void *payload, size_t len)
{
	struct ring_out *o;
	int err;

	err = find_free(w, ring, &o);
	if (err)
		return err;
	if (len > UINT32_MAX ||
	    seqring_writer_publish(&o->w, type, read_clock(o), payload, (uint32_t)len))
		return drop_too_big(o);
	return wake(o);
}

/*
 * The ring if a record of @len bytes, fewer than SEQRING_LONG_LEN, needs no more than to be stored:
 * there is no clock, it lies within a segment, and so it is not too long. Else NULL.
 */
static inline struct ring_out *find_plain(struct ring_writer *w, unsigned int ring, uint32_t len)
{
	struct ring_out *o;

	if (seqring_unlikely(ring >= w->nr_rings))
		return NULL;
	o = &w->rings[ring];
	if (seqring_unlikely(o->w.resv_next) || o->clock != SEQRING_NO_CLOCKID ||
	    !seqring_writer_fits_segment(o->w.pos + seqring_record_size(len), o->w.seg_end))
		return NULL;
	return o;
}

/* ring_writer_publish() up to where a copy calls a function: that of longer ones has no loop. */
static __attribute__((noinline)) int publish_middle(struct ring_writer *w, unsigned int ring,
						    uint16_t type, const void *payload, size_t len)
{
	struct ring_out *o = len < SEQRING_LONG_LEN ? find_plain(w, ring, (uint32_t)len) : NULL;

	if (seqring_unlikely(!o))
		return publish_any(w, ring, type, payload, len);
	seqring_writer_publish(&o->w, type, 0, payload, (uint32_t)len);
	return wake(o);
}

/*
 * The hot path is that of up to fifteen words. It calls nothing, except as its last step, and has
 * no loop.
 */
int ring_writer_publish(struct ring_writer *w, unsigned int ring, uint16_t type,
			const void *payload, size_t len)
{
	/* The same number, by which the compiler knows that no bytes follow the last word. */
	const uint32_t words = (uint32_t)len & SHORT;
	struct ring_out *o;

	libring_forget_error();
	if (len & ~(size_t)SHORT)
		return publish_middle(w, ring, type, payload, len);
	o = find_plain(w, ring, words);
	if (seqring_unlikely(!o))
		return publish_any(w, ring, type, payload, len);
	seqring_writer_publish(&o->w, type, 0, payload, words);
	return wake(o);
}

/* The time of the newest record of a ring; 0: there is none. */
static uint64_t newest_ns(const struct ring_out *o)
{
	const struct seqring_writer *w = &o->w;

	if (!w->seq)
		return 0;
	return seqring_load_word(&seqring_writer_at(w, seqring_read(&w->ctl->last))->ts_ns);
}

int ring_writer_publish_at(struct ring_writer *w, unsigned int ring, uint16_t type, uint64_t ts_ns,
			   const void *payload, size_t len)
{
	struct ring_out *o;
	uint64_t newest;
	int err;

	libring_forget_error();
	err = find_free(w, ring, &o);
	if (err)
		return err;
	if (o->clock == SEQRING_NO_CLOCKID)
		ts_ns = 0;
	newest = newest_ns(o);
	if (ts_ns < newest)
		return libring_set_error(EINVAL,
					 "the time %" PRIu64 " is earlier than that of the record "
					 "before it, %" PRIu64,
					 ts_ns, newest);
	if (len > UINT32_MAX || seqring_writer_publish(&o->w, type, ts_ns, payload, (uint32_t)len))
		return drop_too_big(o);
	return wake(o);
}

int ring_writer_publish_iov(struct ring_writer *w, unsigned int ring, uint16_t type,
			    const struct iovec *iov, int nr)
{
	struct seqring_vec vec[IOV_MAX_PIECES];
	struct ring_out *o;
	int i, err;

	libring_forget_error();
	if (nr < 0 || nr > IOV_MAX_PIECES)
		return libring_set_error(EINVAL, "%d pieces: a record is gathered from 0 to %d", nr,
					 IOV_MAX_PIECES);
	err = find_free(w, ring, &o);
	if (err)
		return err;
	for (i = 0; i < nr; i++) {
		/* To add 0 to NULL is undefined. */
		vec[i].base = iov[i].iov_len ? iov[i].iov_base : "";
		vec[i].len = iov[i].iov_len;
	}
	if (seqring_writer_publish_vec(&o->w, type, read_clock(o), vec, (unsigned int)nr))
		return drop_too_big(o);
	return wake(o);
}

int ring_writer_publish_batch(struct ring_writer *w, unsigned int ring,
			      const struct ring_record *recs, unsigned int nr, unsigned int *done)
{
	struct ring_out *o;
	unsigned int i;
	uint64_t ts_ns;
	int err;

	libring_forget_error();
	if (done)
		*done = 0;
	err = find_free(w, ring, &o);
	if (err)
		return err;
	ts_ns = read_clock(o);
	for (i = 0; i < nr; i++) {
		if (seqring_writer_publish(&o->w, recs[i].type, ts_ns, recs[i].payload,
					   recs[i].len)) {
			err = drop_too_big(o);
			break;
		}
	}
	if (done)
		*done = i;
	if (i)
		wake(o);
	return err;
}

int ring_writer_reserve(struct ring_writer *w, unsigned int ring, size_t len, void **payload)
{
	struct ring_out *o;
	int err;

	libring_forget_error();
	err = find_free(w, ring, &o);
	if (err)
		return err;
	if (len > UINT32_MAX || seqring_writer_reserve(&o->w, (uint32_t)len, payload))
		return drop_too_big(o);
	return 0;
}

/* Finds a ring with a reservation. Return: 0; -ENOENT; -EPERM; -EINVAL. */
static int find_reserved(struct ring_writer *w, unsigned int ring, struct ring_out **out)
{
	int err = find_ring(w, ring, out);

	if (err)
		return err;
	if (!(*out)->w.resv_next)
		return libring_set_error(EINVAL, "nothing is reserved on ring %u", ring);
	return 0;
}

int ring_writer_commit(struct ring_writer *w, unsigned int ring, uint16_t type)
{
	struct ring_out *o;
	int err;

	libring_forget_error();
	err = find_reserved(w, ring, &o);
	if (err)
		return err;
	seqring_writer_commit(&o->w, type, read_clock(o));
	return wake(o);
}

int ring_writer_discard(struct ring_writer *w, unsigned int ring)
{
	struct ring_out *o;
	int err;

	libring_forget_error();
	err = find_reserved(w, ring, &o);
	if (!err)
		seqring_writer_discard(&o->w);
	return err;
}

int ring_writer_fds(struct ring_writer *w, struct ring_fds *fds)
{
	libring_forget_error();
	/* Who opens the ring by these has the ring's own doorbell. */
	seqring_write(&w->slots.shared, 1);
	seqring_fence_full(WAKE);
	*fds = w->fds;
	return 0;
}

int ring_writer_listen_opts(struct ring_writer *w, const char *where,
			    const struct ring_listen_opts *opts, int *fd)
{
	int err;

	libring_forget_error();
	err = libring_writer_check_own(w);
	if (err)
		return err;
	if (w->server)
		return libring_set_error(EALREADY, "this writer listens already");
	err = libring_serve_open(where, opts, &w->fds, &w->slots, &w->server);
	if (!err)
		*fd = libring_serve_fd(w->server);
	return libring_forget_if_good(err);
}

int ring_writer_listen(struct ring_writer *w, const char *where, int *fd)
{
	return ring_writer_listen_opts(w, where, NULL, fd);
}

int ring_writer_serve(struct ring_writer *w)
{
	int err;

	libring_forget_error();
	err = libring_writer_check_own(w);
	if (err)
		return err;
	if (!w->server)
		return libring_set_error(EINVAL,
					 "this writer does not listen: ring_writer_listen() "
					 "comes first");
	libring_serve_pending(w->server);
	return 0;
}

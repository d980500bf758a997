// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Publishing on a ring of this process. create.c makes the ring. */

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "serve.h"
#include "writer.h"

#define IOV_MAX_PIECES 1024

static __attribute__((cold)) int refuse(const struct ring_writer *w, unsigned int ring)
{
	int err = libring_writer_check_own(w);

	return err ? err :
		     libring_set_error(ENOENT, "there is no ring %u: this writer has %u, from 0",
				       ring, w->nr_rings);
}

/* Return: 0; -ENOENT; -EPERM an inherited writer, which has no rings. */
static inline int find_ring(struct ring_writer *w, unsigned int ring, struct ring_out **out)
{
	*out = NULL;
	if (seqring_unlikely(ring >= w->nr_rings))
		return refuse(w, ring);
	*out = &w->rings[ring];
	return 0;
}

/* Finds a ring without a reservation. Return: 0; -ENOENT; -EPERM; -EBUSY. */
static inline int find_free(struct ring_writer *w, unsigned int ring, struct ring_out **out)
{
	int err = find_ring(w, ring, out);

	if (err)
		return err;
	if (seqring_unlikely((*out)->w.resv_next))
		return libring_set_error_text(
			EBUSY, "a reservation is open on this ring: commit or discard "
			       "it first");
	return 0;
}

static int drop_too_big(struct ring_out *o)
{
	seqring_write(&o->w.ctl->dropped[SEQRING_DROP_TOO_BIG], ++o->too_big);
	return libring_set_error(EMSGSIZE,
				 "the payload is too long: a record of this ring takes at "
				 "most %u bytes",
				 o->w.cold.payload_max);
}

static inline uint64_t read_clock(const struct ring_writer *w)
{
#define READ_CLOCK(ID, number, name, text, kernel, user, bpf, base) \
	case SEQRING_CLOCK_##ID:                                    \
		return (user) == SEQRING_NO_CLOCKID ? 0 : libring_clock_ns(user);
	switch (w->clock_id) {
		SEQRING_CLOCKS(READ_CLOCK)
	}
#undef READ_CLOCK
	/* Not reached: libring_check_shape() admits the clocks of the table only. */
	return 0;
}

static inline void wake(struct ring_writer *w, struct ring_out *o)
{
	if (seqring_likely(!seqring_writer_wake_due(&o->w, o->wait)))
		return;
	seqring_write(&o->w.ctl->wakeups, ++o->wakeups);
	libring_doorbell_ring(w);
}

int ring_writer_publish(struct ring_writer *w, unsigned int ring, uint16_t type,
			const void *payload, size_t len)
{
	struct ring_out *o;
	int err;

	err = find_free(w, ring, &o);
	if (err)
		return err;
	if (len > UINT32_MAX ||
	    seqring_writer_publish(&o->w, type, read_clock(w), payload, (uint32_t)len))
		return drop_too_big(o);
	wake(w, o);
	return 0;
}

int ring_writer_publish_iov(struct ring_writer *w, unsigned int ring, uint16_t type,
			    const struct iovec *iov, int nr)
{
	struct seqring_vec vec[IOV_MAX_PIECES];
	struct ring_out *o;
	int i, err;

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
	if (seqring_writer_publish_vec(&o->w, type, read_clock(w), vec, (unsigned int)nr))
		return drop_too_big(o);
	wake(w, o);
	return 0;
}

int ring_writer_publish_batch(struct ring_writer *w, unsigned int ring,
			      const struct ring_record *recs, unsigned int nr, unsigned int *done)
{
	struct ring_out *o;
	unsigned int i;
	uint64_t ts_ns;
	int err;

	if (done)
		*done = 0;
	err = find_free(w, ring, &o);
	if (err)
		return err;
	ts_ns = read_clock(w);
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
		wake(w, o);
	return err;
}

int ring_writer_reserve(struct ring_writer *w, unsigned int ring, size_t len, void **payload)
{
	struct ring_out *o;
	int err;

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

	err = find_reserved(w, ring, &o);
	if (err)
		return err;
	seqring_writer_commit(&o->w, type, read_clock(w));
	wake(w, o);
	return 0;
}

int ring_writer_discard(struct ring_writer *w, unsigned int ring)
{
	struct ring_out *o;
	int err;

	err = find_reserved(w, ring, &o);
	if (!err)
		seqring_writer_discard(&o->w);
	return err;
}

int ring_writer_fds(struct ring_writer *w, struct ring_fds *fds)
{
	*fds = w->fds;
	return 0;
}

int ring_writer_listen_opts(struct ring_writer *w, const char *where,
			    const struct ring_listen_opts *opts, int *fd)
{
	int err = libring_writer_check_own(w);

	if (err)
		return err;
	if (w->server)
		return libring_set_error(EALREADY, "this writer listens already");
	err = libring_serve_open(where, opts, &w->fds, &w->server);
	if (!err)
		*fd = libring_serve_fd(w->server);
	return err;
}

int ring_writer_listen(struct ring_writer *w, const char *where, int *fd)
{
	return ring_writer_listen_opts(w, where, NULL, fd);
}

int ring_writer_serve(struct ring_writer *w)
{
	int err = libring_writer_check_own(w);

	if (err)
		return err;
	if (!w->server)
		return libring_set_error(EINVAL,
					 "this writer does not listen: ring_writer_listen() "
					 "comes first");
	libring_serve_pending(w->server);
	return 0;
}

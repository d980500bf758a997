// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Creating a ring of this process, which has three descriptors. The ring's memfd is sealed:
 * a reader can neither map it writable nor be killed by a file that shrinks.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "../base/membarrier.h"
#include "../base/options.h"
#include "../base/resident.h"
#include "../base/timens.h"
#include "serve.h"
#include "writer.h"

#define FLAGS_KNOWN \
	(RING_WRITER_FULL_FENCE | RING_WRITER_PREFAULT | RING_WRITER_LOCK | RING_WRITER_WAKE_THREAD)

/* The layout of the ring's memfd, in bytes. */
struct shape {
	uint64_t page;
	uint64_t ring_offset;
	uint64_t stride;
	uint64_t total;
};

static int get_opts(const struct ring_writer_opts *user, struct ring_writer_opts *o)
{
	int err;

	if (!user)
		return libring_set_error(EINVAL,
					 "a ring cannot be created without options: data_size "
					 "has no default");
	err = libring_get_opts(o, sizeof(*o), user, "ring_writer_opts");
	if (err)
		return err;
	if (o->flags & ~FLAGS_KNOWN || o->reserved)
		return libring_set_error(EINVAL,
					 "ring_writer_opts.flags is 0x%x and reserved %u: flags "
					 "are RING_WRITER_FULL_FENCE, _PREFAULT, _LOCK and "
					 "_WAKE_THREAD, or 0; reserved is 0",
					 o->flags, o->reserved);
	if (!o->nr_rings)
		o->nr_rings = 1;
	if (o->nr_rings > SEQRING_RINGS_MAX)
		return libring_set_error(EINVAL, "ring_writer_opts.nr_rings is %u: at most %u",
					 o->nr_rings, SEQRING_RINGS_MAX);
	if (o->name && strlen(o->name) >= SEQRING_NAME_SIZE)
		return libring_set_error(EINVAL, "ring_writer_opts.name has %zu bytes: at most %u",
					 strlen(o->name), SEQRING_NAME_SIZE - 1);
	return libring_check_shape("ring_writer_opts", o->clock_id, o->data_size, o->schema,
				   o->schema_size);
}

/* Nothing overflows: get_opts() checked the options. */
static int get_shape(const struct ring_writer_opts *o, struct shape *s)
{
	s->page = (uint64_t)sysconf(_SC_PAGESIZE);
	s->ring_offset = s->page + ((o->schema_size + s->page - 1) & ~(s->page - 1));
	s->stride = s->page + o->data_size;
	s->total = s->ring_offset + o->nr_rings * s->stride;
	if (s->total > SIZE_MAX || (uint64_t)(off_t)s->total != s->total || (off_t)s->total < 0)
		return libring_set_error(ENOMEM,
					 "%u rings of %" PRIu64 " bytes are more than this "
					 "process can map",
					 o->nr_rings, o->data_size);
	return 0;
}

/* A zeroed memfd of @size bytes, mapped. */
static int create_memfd(const char *name, uint64_t size, int *fd, void *map)
{
	void *p;

	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return libring_set_error(errno, "memfd_create: %s", strerror(errno));
	if (ftruncate(*fd, (off_t)size))
		return libring_set_error(errno, "cannot give the memfd %" PRIu64 " bytes: %s", size,
					 strerror(errno));
	p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (p == MAP_FAILED)
		return libring_set_error(errno, "cannot map the ring's %" PRIu64 " bytes: %s", size,
					 strerror(errno));
	memcpy(map, &p, sizeof(p));
	return 0;
}

static int seal(int fd, int seals)
{
	if (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return libring_set_error(errno, "cannot seal the memfd (Linux 5.1 can): %s",
					 strerror(errno));
	return 0;
}

/* True if readers can execute the writer's fence by membarrier(): they use this kernel, too. */
static bool register_membarrier(void)
{
	const int needed = MEMBARRIER_CMD_GLOBAL_EXPEDITED |
			   MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED;

	return libring_membarrier_has(needed) &&
	       !libring_membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}

static void init_rings(struct ring_writer *w, const struct shape *s,
		       const struct ring_writer_opts *opts, bool light_wake)
{
	uint32_t i;

	for (i = 0; i < w->nr_rings; i++) {
		unsigned char *at = w->map + s->ring_offset + i * s->stride;
		struct seqring_ring_ctl *ctl = (void *)at;
		struct ring_out *o = &w->rings[i];

		/* Fails on a bad size only, and get_opts() rejects bad sizes. */
		seqring_writer_init(&o->w, ctl, at + s->page, opts->data_size);
		o->w.light_wake = light_wake;
		o->wait = &w->wait[i];
		o->writer = w;
		o->clock = libring_user_clock(opts->clock_id);
		seqring_write(&ctl->id, i);
		seqring_write(&o->wait->pos, SEQRING_WAIT_NONE);
		seqring_write(&o->wait->seq, SEQRING_WAIT_NONE);
	}
}

static void fill_header(struct ring_writer *w, const struct shape *s,
			const struct ring_writer_opts *o, bool light_wake)
{
	const struct seqring_shape shape = {
		.writer_kind = SEQRING_WRITER_MEMFD,
		.page_size = (uint32_t)s->page,
		.nr_rings = o->nr_rings,
		.clock_id = o->clock_id,
		.features = light_wake ? SEQRING_FEAT_MEMBARRIER : 0,
		.data_size = o->data_size,
		.payload_max = SEQRING_PAYLOAD_MAX(o->data_size),
		.ring_offset = s->ring_offset,
		.ring_stride = s->stride,
		.total_size = s->total,
		.schema_offset = s->page,
		.schema_size = o->schema_size,
		.name = o->name,
	};
	struct seqring_header *h = (void *)w->map;
	const clockid_t clock = libring_user_clock(o->clock_id);

	seqring_header_init(h, &shape);
	if (clock != SEQRING_NO_CLOCKID)
		h->clock_offset_ns = libring_clock_offset_ns(clock);
	if (o->schema_size)
		memcpy(w->map + s->page, o->schema, o->schema_size);
	seqring_header_publish(h);
}

static int create(struct ring_writer *w, const struct ring_writer_opts *o)
{
	char name[sizeof("seqring:") + SEQRING_NAME_SIZE];
	struct shape s;
	bool light_wake;
	int err;

	err = get_shape(o, &s);
	if (err)
		return err;
	w->nr_rings = o->nr_rings;
	w->rings = aligned_alloc(_Alignof(struct ring_out), o->nr_rings * sizeof(*w->rings));
	if (!w->rings)
		return libring_set_error(ENOMEM, "no memory for %u rings", o->nr_rings);
	memset(w->rings, 0, o->nr_rings * sizeof(*w->rings));

	snprintf(name, sizeof(name), "seqring:%s", o->name ? o->name : "");
	w->map_size = (size_t)s.total;
	err = create_memfd(name, s.total, &w->fds.ring, &w->map);
	if (err)
		return err;
	if (o->flags & RING_WRITER_LOCK)
		err = libring_lock(w->map, w->map_size);
	if (!err && o->flags & RING_WRITER_PREFAULT)
		err = libring_prefault(w->map, w->map_size, true);
	if (err)
		return err;
	w->wait_size = libring_slots_bytes(o->nr_rings);
	err = create_memfd("seqring-wait", w->wait_size, &w->fds.wait, &w->wait);
	if (err)
		return err;
	libring_slots_init(&w->slots, o->nr_rings, w->wait);
	w->fds.doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fds.doorbell < 0)
		return libring_set_error(errno, "eventfd: %s", strerror(errno));
	libring_doorbell_setup(w);

	light_wake = !(o->flags & RING_WRITER_FULL_FENCE) && register_membarrier();
	init_rings(w, &s, o, light_wake);
	fill_header(w, &s, o, light_wake);
	err = seal(w->fds.ring, F_SEAL_FUTURE_WRITE);
	if (!err)
		err = seal(w->fds.wait, 0);
	if (!err && o->flags & RING_WRITER_WAKE_THREAD)
		err = libring_waker_start(w);
	return err;
}

/* Releases everything. Readers, if there are any, know that the ring ended. */
static void destroy(struct ring_writer *w)
{
	libring_waker_stop(w);
	if (w->server)
		libring_serve_close(w->server);
	libring_slots_close(&w->slots);
	libring_doorbell_free(w);
	if (w->map)
		munmap(w->map, w->map_size);
	if (w->wait)
		munmap(w->wait, w->wait_size);
	libring_close_fds(&w->fds);
	free(w->rings);
	free(w);
}

/* A child that publishes as well would be a second writer of a ring that has one. */
static void drop_writer(struct libring_own *own)
{
	struct ring_writer *w = (void *)((char *)own - offsetof(struct ring_writer, own));

	if (w->server)
		libring_serve_drop(w->server);
	w->nr_rings = 0;
}

int ring_writer_create(const struct ring_writer_opts *user, struct ring_writer **out)
{
	struct ring_writer_opts opts;
	struct ring_writer *w;
	int err;

	libring_forget_error();
	err = get_opts(user, &opts);
	if (err)
		return err;
	w = calloc(1, sizeof(*w));
	if (!w)
		return libring_set_error(ENOMEM, "no memory for a writer");
	w->fds = LIBRING_NO_FDS;
	err = create(w, &opts);
	if (!err)
		err = libring_own_add(&w->own, drop_writer);
	if (err) {
		destroy(w);
		return err;
	}
	*out = w;
	return 0;
}

void ring_writer_close(struct ring_writer *w)
{
	uint32_t i;

	if (!w)
		return;
	libring_own_del(&w->own);
	/* An inherited ring goes on: it is its process's to end. Its thread is not here. */
	if (w->own.inherited) {
		libring_waker_forget(w);
	} else {
		for (i = 0; i < w->nr_rings; i++)
			seqring_writer_end(&w->rings[i].w);
		libring_waker_stop(w);
		libring_wake_all(w);
	}
	destroy(w);
}

int ring_writer_adopt(struct ring_writer *w)
{
	const struct seqring_header *h = (const void *)w->map;
	uint32_t i;

	libring_forget_error();
	if (!w->own.inherited)
		return libring_set_error(EINVAL, "this process has not inherited the writer");
	if (w->server)
		libring_serve_close(w->server);
	w->server = NULL;
	libring_slots_forget(&w->slots);
	/* AIO is a process's own, and so is the registration with membarrier(2). */
	w->aio = 0;
	libring_doorbell_setup(w);
	w->nr_rings = h->nr_rings;
	/* A filter of system calls forbids it here: then this process executes the fence itself. */
	if (h->features & SEQRING_FEAT_MEMBARRIER && !register_membarrier())
		for (i = 0; i < w->nr_rings; i++)
			w->rings[i].w.light_wake = false;
	/* No thread survives fork(). If none starts, those that publish wake the readers. */
	if (w->waker) {
		libring_waker_forget(w);
		libring_waker_start(w);
		libring_forget_error();
	}
	w->own.inherited = false;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets up a ring without any library, as docs/reference/bpf.md says it: layout from the headers in
 * seqring/, system calls, and bpf(2). The numbers are the steps of that page.
 */
#ifndef TESTS_BPF_BARE_RING_H
#define TESTS_BPF_BARE_RING_H

#include <limits.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>

#include <seqring/bpf.h>

#include "bare.h"

/* What the loader chooses. @base: the directory of all names */
struct bare_shape {
	const char *name;
	const char *base;
	uint32_t clock_id;
	uint64_t data_size;
	uint32_t nr_rings;
};

struct bare_ring {
	struct bare_object obj;
	struct seqring_header hdr;
	struct seqring_bpf_geometry geo;
	char base[256];
	char dir[320];
	int lock;
	int owner;
	int ring;
	int wait;
	int doorbell;
	int slots;
	int doorbells;
	int ctl;
	int prog;
	int link;
	int err;
};

static inline uint64_t bare_page_align(uint64_t size)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) & ~(page - 1);
}

/* 1: header and geometry. */
static inline void bare_compute(struct bare_ring *b, const struct bare_shape *s)
{
	struct seqring_bpf_geometry *geo = &b->geo;
	struct seqring_shape shape;
	struct timespec tick, now;
	size_t size;

	memcpy(geo, bare_bytes(&b->obj, ".rodata.ring", &size), sizeof(*geo));
	geo->announce &= syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) &
			 MEMBARRIER_CMD_GLOBAL;
	shape = (struct seqring_shape) {
		.writer_kind = SEQRING_WRITER_BPF,
		.page_size = (uint32_t)sysconf(_SC_PAGESIZE),
		.nr_rings = s->nr_rings,
		.clock_id = s->clock_id,
		.features = geo->announce ? SEQRING_FEAT_ANNOUNCE : 0,
		.data_size = s->data_size,
		.payload_max = geo->payload_limit,
		.ring_offset = bare_page_align(sizeof(b->hdr)),
		.name = s->name,
	};
	shape.ring_stride = shape.ring_offset + shape.page_size + s->data_size +
			    bare_page_align(sizeof(struct seqring_record) + geo->payload_limit);
	shape.total_size = shape.ring_stride * s->nr_rings;
	seqring_header_init(&b->hdr, &shape);
	/* Readers of this ring have no slots. */
	geo->slots = 0;
	geo->ring_offset = b->hdr.ring_offset;
	geo->data_offset = b->hdr.data_offset;
	geo->data_size = s->data_size;
	geo->pos_mask = s->data_size - 8;
	geo->clock_id = s->clock_id;
	geo->nr_rings = s->nr_rings;
	geo->cpu_mask = s->nr_rings > 1 ? ~0u : 0;
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	geo->tick_ns = (uint64_t)tick.tv_nsec;
	clock_gettime(CLOCK_BOOTTIME, &now);
	geo->epoch = (uint32_t)(((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) >> 20);
}

/* 2: maps and programs. */
static inline int bare_make_parts(struct bare_ring *b)
{
	const uint32_t nr = b->hdr.nr_rings;

	b->ring = bare_create(BPF_MAP_TYPE_ARRAY, (uint32_t)b->hdr.ring_stride, nr, BPF_F_MMAPABLE);
	b->wait = bare_create(BPF_MAP_TYPE_ARRAY, sizeof(struct seqring_wait), nr, BPF_F_MMAPABLE);
	b->doorbell = bare_create(BPF_MAP_TYPE_RINGBUF, 0, b->hdr.page_size, 0);
	/* Without pins for them, readers take no slots. */
	b->slots = bare_create(BPF_MAP_TYPE_ARRAY, sizeof(struct seqring_wait_slots), nr,
			       BPF_F_MMAPABLE);
	b->doorbells = bare_create_outer(b->doorbell, SEQRING_SLOTS);
	bare_add_map(&b->obj, "ring_slots", b->slots);
	bare_add_map(&b->obj, "ring_doorbells", b->doorbells);
	bare_add_map(&b->obj, "ring", b->ring);
	bare_add_map(&b->obj, "ring_wait", b->wait);
	bare_add_map(&b->obj, "ring_doorbell", b->doorbell);
	if (bare_constants(&b->obj, ".rodata.ring", &b->geo, sizeof(b->geo)) < 0)
		return -EPROTO;
	b->ctl = bare_load(&b->obj, "syscall", BPF_PROG_TYPE_SYSCALL, BPF_F_SLEEPABLE);
	b->prog = bare_load(&b->obj, "raw_tp/sys_enter", BPF_PROG_TYPE_RAW_TRACEPOINT, 0);
	return b->ring < 0 || b->wait < 0 || b->doorbell < 0 || b->ctl < 0 ? -EPROTO :
	       b->prog < 0						   ? b->prog :
									     0;
}

/* 3: contents. Afterwards only BPF programs can write the ring. */
static inline int bare_fill(struct bare_ring *b)
{
	const struct seqring_wait none = {
		.pos = SEQRING_WAIT_NONE,
		.seq = SEQRING_WAIT_NONE,
		.announced = !b->geo.announce,
	};
	struct seqring_bpf_state *state;
	struct seqring_ring_ctl *ctl;
	struct seqring_writer w;
	struct seqring_header *h;
	unsigned char *map;
	uint32_t i;
	int err;

	map = mmap(NULL, b->hdr.total_size, PROT_READ | PROT_WRITE, MAP_SHARED, b->ring, 0);
	if (map == MAP_FAILED)
		return -errno;
	for (i = 0; i < b->hdr.nr_rings; i++) {
		ctl = (void *)(map + i * b->hdr.ring_stride + b->hdr.ring_offset);
		state = (void *)((unsigned char *)ctl + SEQRING_BPF_STATE_OFFSET);
		seqring_writer_init(&w, ctl, (unsigned char *)ctl + b->hdr.data_offset,
				    b->hdr.data_size);
		state->seg_end = w.seg_end;
		state->cold = w.cold;
		state->cold.payload_max = b->hdr.payload_max;
		ctl->id = i;
	}
	h = (void *)map;
	b->hdr.owner = (uint32_t)getpid();
	memcpy(h, &b->hdr, sizeof(*h));
	seqring_header_publish(h);
	/* The kernel freezes no map that somebody maps writable. */
	munmap(map, b->hdr.total_size);
	err = bare_freeze(b->ring);
	for (i = 0; !err && i < b->hdr.nr_rings; i++)
		err = bare_update(b->wait, i, &none);
	return err;
}

/* 4: the lock on all names. */
static inline int bare_lock_names(struct bare_ring *b)
{
	char path[PATH_MAX];

	if (mkdir(b->base, 0755) && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/+lock", b->base);
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	b->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return b->lock < 0 || flock(b->lock, LOCK_EX) ? -errno : 0;
}

/* 5: the lock of the owner, in the directory @dir. */
static inline int bare_lock_owner(struct bare_ring *b, const char *dir)
{
	struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/owner", dir);
	if (mkdir(dir, 0700) || mkdir(path, 0700))
		return -errno;
	b->owner = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return b->owner < 0 || fcntl(b->owner, F_OFD_SETLK, &whole) ? -errno : 0;
}

/* 6: pins, which appear under the name together. */
static inline int bare_pin_all(struct bare_ring *b, const char *dir)
{
	const struct {
		const char *name;
		int fd;
	} pins[] = {
		{ "ring", b->ring },
		{ "wait", b->wait },
		{ "doorbell", b->doorbell },
		{ "ctl", b->ctl },
	};
	char path[PATH_MAX];
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < sizeof(pins) / sizeof(pins[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, pins[i].name);
		err = bare_pin(pins[i].fd, path);
		if (!err && chmod(path, 0600))
			err = -errno;
	}
	return err ? err : rename(dir, b->dir) ? -errno : 0;
}

/* Steps 1 to 6. The constants of the object are there already. Return: 0; -errno. */
static inline int bare_ring_make(struct bare_ring *b, const struct bare_shape *s)
{
	char dir[384];
	int err;

	snprintf(b->base, sizeof(b->base), "%s", s->base);
	snprintf(b->dir, sizeof(b->dir), "%s/%s", s->base, s->name);
	snprintf(dir, sizeof(dir), "%s/+%s+%d", s->base, s->name, getpid());
	bare_compute(b, s);
	err = bare_make_parts(b);
	if (!err)
		err = bare_fill(b);
	if (!err)
		err = bare_lock_names(b);
	if (err)
		return err;
	err = bare_lock_owner(b, dir);
	if (!err)
		err = bare_pin_all(b, dir);
	close(b->lock);
	return err;
}

/* Gives the control program a command for each ring. Return: sum of what it returns; -errno. */
static inline int bare_command(struct bare_ring *b, struct seqring_bpf_ctl c)
{
	int err, sum = 0;

	for (c.ring = 0; c.ring < b->hdr.nr_rings; c.ring++) {
		err = bare_run(b->ctl, &c, sizeof(c));
		if (err < 0)
			return err;
		sum += err;
	}
	return sum;
}

/* 7 and 8: attaches the program, and lets it publish. Return: 0; -errno. */
static inline int bare_ring_open(struct bare_ring *b, const char *tracepoint)
{
	b->link = bare_attach(b->prog, tracepoint);
	if (b->link < 0)
		return b->link;
	return bare_command(b, (struct seqring_bpf_ctl) {
				       .cmd = SEQRING_BPF_CTL_EPOCH,
				       .owner = b->geo.epoch,
				       .owner_pidns = b->geo.epoch,
				       .ticks = 1,
			       });
}

/* 9: the end of the ring, and of its name. Return: 0; -errno. */
static inline int bare_ring_end(struct bare_ring *b)
{
	static const char *const names[] = { "ring", "wait", "doorbell", "ctl", "owner" };
	struct seqring_bpf_ctl c = { .cmd = SEQRING_BPF_CTL_END };
	char path[PATH_MAX];
	unsigned int i;
	int err, tries;

	/* It counts until each ring was found ended a grace period later. */
	for (tries = 0; tries < 1000; tries++) {
		err = bare_command(b, c);
		if (err == (int)b->hdr.nr_rings || (err < 0 && err != -EBUSY))
			break;
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	}
	if (err < 0)
		return err;
	c.cmd = SEQRING_BPF_CTL_DOORBELL;
	err = bare_run(b->ctl, &c, sizeof(c));
	if (!err)
		err = bare_lock_names(b);
	if (err)
		return err;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		if (remove(path))
			err = -errno;
	}
	if (rmdir(b->dir))
		err = -errno;
	close(b->lock);
	close(b->owner);
	close(b->link);
	return err;
}

#endif /* TESTS_BPF_BARE_RING_H */

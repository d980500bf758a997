// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A ring that BPF programs write: a frozen array map, an array map with the wake
 * thresholds, and a BPF ring buffer of one page as the doorbell. A program that passes the
 * lowest threshold reserves a record in the doorbell and discards it, which wakes every
 * process that polls. Each reader has an epoll instance of its own with the doorbell in
 * it, edge-triggered, as for a memfd ring.
 *
 * Nobody reads the doorbell's records. Each reader moves the doorbell's consumer position to
 * one record before the newest. So the doorbell never fills up, and once rung it stays
 * readable: epoll drops an edge of a descriptor that is not readable.
 *
 * A reader that is not due at each record takes a slot (bpf_slot.c), and from then on has
 * thresholds and a doorbell of its own.
 *
 * A reader needs four bpf(2) calls and no ELF, so it makes them here, without libbpf.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "../base/membarrier.h"
#include "../base/names.h"
#include "../base/owner.h"
#include "../reader/reader.h"
#include "../reader/watermark.h"
#include "bpf_slot.h"
#include "kinds.h"
#include "sys_bpf.h"
#include "thresholds.h"

/*
 * @shared: the doorbell of all readers without a slot
 * @slot: this reader's slot, if it has one
 * @watching: @owner was looked up
 * @owner: the process that is watched; 0: none
 * @owner_dir: has its lock; -1: this process may not open it
 * @pidfd: readable once it is gone; -1: only a look tells
 */
struct bpf {
	struct ring_thresholds t;
	struct ring_doorbell shared;
	struct ring_slot slot;
	bool watching;
	uint64_t owner;
	int owner_dir;
	int pidfd;
};

static bool bpf_probe(int fd, mode_t type)
{
	struct bpf_map_info info;

	return !S_ISREG(type) && !S_ISCHR(type) && !libring_bpf_map_info(fd, &info);
}

static int bpf_dir(unsigned int nr, char *dir, size_t size)
{
	return nr ? -ENOENT : libring_bpf_dir(dir, size);
}

static int get_part(const char *dir, const char *what, int *fd)
{
	char path[4200];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, what) >= sizeof(path))
		return -ENAMETOOLONG;
	return libring_bpf_get_pin(path, fd);
}

/* A directory of pins, or the pin of the ring's map alone. */
static int bpf_find(const char *path, const struct stat *st, struct ring_origin *origin)
{
	struct ring_fds *fds = &origin->fds;
	const bool is_dir = S_ISDIR(st->st_mode);
	int err;

	if (S_ISCHR(st->st_mode) || S_ISSOCK(st->st_mode) || !libring_on_bpffs(path))
		return LIBRING_NOT_MINE;
	err = is_dir ? get_part(path, "ring", &fds->ring) : libring_bpf_get_pin(path, &fds->ring);
	if (err == -ENOENT)
		return is_dir ? libring_set_error(EPROTO, "%s: no ring is pinned in it", path) :
				err;
	if (err)
		return libring_set_error(-err, "%s: %s", path, strerror(-err));
	if (!is_dir)
		return 0;
	origin->owner = libring_owner_open_dir(path);
	origin->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = get_part(path, "wait", &fds->wait);
	if (!err)
		err = get_part(path, "doorbell", &fds->doorbell);
	if (err && err != -EACCES && err != -EPERM)
		return libring_set_error(-err, "%s: %s", path, strerror(-err));
	/* This process may only read: the ring is opened without the means to sleep. */
	if (err && fds->wait >= 0) {
		close(fds->wait);
		fds->wait = -1;
	}
	return 0;
}

/*
 * Programs read the thresholds only while a sleeper is announced. Programs that were already
 * running may have missed the announcement. They have ended when membarrier() returns: it
 * waits for an RCU grace period. This takes milliseconds, so an announcement stays in force.
 *
 * Return: false if some program may have missed it.
 */
static bool announce(struct bpf *b, struct ring_merge *m)
{
	const uint64_t now = libring_now_ns();
	bool needed = false;
	uint32_t i;

	for (i = 0; i < m->nr_src; i++)
		needed |= seqring_reader_announce(&b->t.wait[m->src[i].ring], now,
						  &m->src[i].announced);
	if (!needed || !libring_grace_period())
		return true;
	/* A filter of system calls forbids it: try again with the next sleep. */
	for (i = 0; i < m->nr_src; i++)
		m->src[i].announced = 0;
	return false;
}

/*
 * Watches the ring's present owner. @gone: the process that was watched is gone.
 *
 * Ownership may pass to another process, or to none, also after the owner was found dead.
 * The process that changes it wakes the sleepers, which call this before they sleep again.
 */
static void watch_owner(struct ring_reader *r, bool gone)
{
	enum libring_owner_state state;
	const struct seqring_header *h = (const void *)r->mapping.map;
	struct bpf *b = r->state;
	/* Pairs with the release in the control program. */
	uint64_t owner = seqring_load_acquire(JOIN, &h->owner);

	if (owner == b->owner) {
		/* Without a descriptor nothing tells, so each sleep begins with a look. */
		if (!gone && owner && b->pidfd < 0)
			gone = libring_owner_look(owner, seqring_read(&h->owner_pidns),
						  b->owner_dir) == OWNER_GONE;
		r->merge.writer_gone |= gone;
		return;
	}
	/* Closing the descriptor takes it out of the epoll instance. */
	libring_close_fd(b->pidfd);
	b->pidfd = -1;
	b->owner = owner;
	r->past.restarts += b->watching && owner;
	if (!owner) {
		r->merge.writer_gone = false;
		return;
	}
	state = libring_owner_open(owner, seqring_read(&h->owner_pidns), b->owner_dir, &b->pidfd);
	r->merge.writer_gone = state == OWNER_GONE;
	if (b->pidfd >= 0)
		libring_poller_add(&b->t.poller, b->pidfd, EPOLLIN | EPOLLET, POLLER_OWNER);
}

static bool bpf_revive(struct ring_reader *r)
{
	watch_owner(r, false);
	return !r->merge.writer_gone;
}

static bool bpf_drain(struct ring_reader *r)
{
	struct bpf *b = r->state;
	uint32_t found = libring_thresholds_drain(&b->t);

	if (found & POLLER_OWNER)
		watch_owner(r, true);
	return found;
}

/*
 * A reader that each record of each ring wakes is due whenever anybody is, so it needs no doorbell
 * of its own. Any other one takes a slot when it goes to sleep for the first time.
 */
static void choose_slot(struct ring_reader *r)
{
	const struct ring_merge *m = &r->merge;
	struct bpf *b = r->state;

	if (b->t.own && libring_slot_is_own(&b->slot))
		return;
	if (b->t.own)
		libring_slot_leave(&b->slot, &b->t);
	if (libring_watermark_records(r) != 1 || m->window_ns ||
	    m->nr_src != r->mapping.hdr.nr_rings)
		libring_slot_take(&b->slot, &b->t);
}

/* Without this, a program that rings the doorbells of slots does not ring the shared one. */
static void note_shared(struct bpf *b, const struct ring_merge *m)
{
	uint32_t i;

	for (i = 0; i < m->nr_src; i++)
		if (!seqring_read(&b->t.wait[m->src[i].ring].shared))
			seqring_write(&b->t.wait[m->src[i].ring].shared, 1);
}

static void bpf_arm(struct ring_reader *r, bool for_fd)
{
	struct bpf *b = r->state;
	bool fenced;

	choose_slot(r);
	libring_doorbell_advance(b->t.own ? &b->slot.doorbell : &b->shared);
	watch_owner(r, false);
	if (!b->t.own)
		note_shared(b, &r->merge);
	libring_thresholds_arm(&b->t, r, for_fd);
	/* After the fence in seqring_reader_arm(), which pairs with the writer's fence. */
	fenced = !(r->mapping.hdr.features & SEQRING_FEAT_ANNOUNCE) || announce(b, &r->merge);
	libring_thresholds_note_fence(&b->t, r, for_fd, fenced);
}

static void bpf_kick(struct ring_reader *r)
{
	struct bpf *b = r->state;

	libring_thresholds_kick(&b->t);
}

static void bpf_close(struct ring_reader *r)
{
	struct bpf *b = r->state;

	if (!b)
		return;
	libring_thresholds_close(&b->t);
	libring_slot_close(&b->slot);
	libring_doorbell_unmap(&b->shared);
	libring_close_fd(b->pidfd);
	libring_close_fd(b->owner_dir);
	free(b);
}

/* True if the map is frozen, or if /proc cannot tell. */
static bool is_frozen(int fd)
{
	char path[32], line[128];
	unsigned int frozen = 1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return true;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "frozen: %u", &frozen) == 1)
			break;
	fclose(f);
	return frozen;
}

static int map_ring(struct ring_reader *r, int fd)
{
	struct bpf_map_info info;
	int err = libring_bpf_map_info(fd, &info);

	if (err)
		return libring_set_error(EPROTO, "not a ring: descriptor %d is no BPF map", fd);
	if (info.type != BPF_MAP_TYPE_ARRAY || !(info.map_flags & BPF_F_MMAPABLE))
		return libring_set_error(
			EPROTO,
			"not a ring: BPF map %s is of type %u, not an array that can "
			"be mapped",
			info.name, info.type);
	r->ring_id = info.id;
	r->creation = info.id;
	err = libring_map_ring(&r->mapping, fd,
			       (info.value_size + 7ULL) / 8 * 8 * info.max_entries);
	if (!err)
		err = libring_check_kind(&r->mapping, SEQRING_WRITER_BPF);
	if (!err && !is_frozen(fd))
		err = libring_set_error(EPERM,
					"the ring's map is not frozen: any process that has it "
					"could change the ring");
	return err;
}

static int map_thresholds(struct ring_reader *r, struct ring_thresholds *t, int fd)
{
	struct bpf_map_info info;

	if (libring_bpf_map_info(fd, &info) || info.type != BPF_MAP_TYPE_ARRAY ||
	    !(info.map_flags & BPF_F_MMAPABLE) || info.value_size != sizeof(struct seqring_wait) ||
	    info.max_entries < r->mapping.hdr.nr_rings)
		return libring_set_error(
			EPROTO, "descriptor %d is no BPF map with the wake thresholds of %u rings",
			fd, r->mapping.hdr.nr_rings);
	return libring_thresholds_map(t, r->mapping.hdr.nr_rings, fd);
}

static int bpf_open(struct ring_reader *r, const struct ring_origin *origin)
{
	const struct ring_fds *fds = &origin->fds;
	struct bpf *b;
	int err;

	if (origin->conn >= 0)
		return libring_set_error(EPROTO, "not a ring: its process serves a BPF map");
	b = calloc(1, sizeof(*b));
	r->state = b;
	if (!b)
		return libring_set_error(ENOMEM, "no memory for a reader");
	libring_thresholds_init(&b->t);
	libring_slot_init(&b->slot);
	b->pidfd = -1;
	b->owner_dir = origin->owner < 0 ? -1 : fcntl(origin->owner, F_DUPFD_CLOEXEC, 0);
	err = map_ring(r, fds->ring);
	if (err || fds->wait < 0)
		return err;
	if (r->mapping.hdr.features & SEQRING_FEAT_ANNOUNCE &&
	    !libring_membarrier_has(MEMBARRIER_CMD_GLOBAL))
		return libring_set_error(ENOTSUP,
					 "the ring's readers need membarrier(2) to sleep, and "
					 "this process has none");
	err = map_thresholds(r, &b->t, fds->wait);
	if (!err)
		err = libring_doorbell_map(&b->shared, fds->doorbell);
	if (!err)
		err = libring_thresholds_listen(&b->t, r, fds->doorbell);
	if (!err && r->mapping.hdr.features & SEQRING_FEAT_SLOTS)
		err = libring_slot_map(&b->slot, origin->dir, r->mapping.hdr.nr_rings);
	if (err)
		return err;
	watch_owner(r, false);
	b->watching = true;
	return 0;
}

const struct ring_backend libring_backend_bpf = {
	.writer = SEQRING_WRITER_BPF,
	.node_type = S_IFDIR,
	.no_dots = true,
	.dir_is_private = true,
	.dir = bpf_dir,
	.find = bpf_find,
	.probe = bpf_probe,
	.open = bpf_open,
	.close = bpf_close,
	.drain = bpf_drain,
	.arm = bpf_arm,
	.kick = bpf_kick,
	.revive = bpf_revive,
};

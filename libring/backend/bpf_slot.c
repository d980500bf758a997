// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The slot of a reader of a BPF ring. No process hands slots out, so readers take them by a
 * compare-and-exchange. A slot that has an owner is taken from it only if the kernel says that the
 * owner's process is gone. A reader that finds none shares a doorbell with the others.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <seqring/reader.h>

#include "../base/error.h"
#include "../base/fd.h"
#include "../base/names.h"
#include "../base/owner.h"
#include "bpf_slot.h"
#include "sys_bpf.h"
#include "thresholds.h"

void libring_slot_init(struct ring_slot *s)
{
	*s = (struct ring_slot) { .dir = -1, .fd = -1 };
}

/* Opens a pin beside the ring. @s->dir is that of the open ring, whatever its name is now. */
static int get_pin(const struct ring_slot *s, const char *name, int *fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", s->dir, name);
	return libring_bpf_get_pin(path, fd);
}

/**
 * libring_slot_map() - map the table of a ring with SEQRING_FEAT_SLOTS
 * @s: initialised
 * @dir: the directory of the ring's pins, or -1; stays the caller's
 * @nr_rings: how many rings the device has
 *
 * A process that cannot open the table shares the doorbell.
 *
 * Return: 0; -EPROTO the pin is no such table; -errno.
 */
int libring_slot_map(struct ring_slot *s, int dir, uint32_t nr_rings)
{
	const size_t size = nr_rings * sizeof(*s->table);
	struct bpf_map_info info;
	int fd, err = 0;
	void *p;

	s->dir = dir < 0 ? -1 : fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (s->dir < 0 || get_pin(s, "slots", &fd))
		return 0;
	if (libring_bpf_map_info(fd, &info) || info.type != BPF_MAP_TYPE_ARRAY ||
	    !(info.map_flags & BPF_F_MMAPABLE) || info.value_size != sizeof(*s->table) ||
	    info.max_entries < nr_rings) {
		err = libring_set_error(EPROTO,
					"the pin slots is no BPF map with the slots of %u rings",
					nr_rings);
	} else {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			err = libring_set_error(errno, "cannot map the slots of the readers: %s",
						strerror(errno));
		else
			s->table = p;
	}
	s->nr_rings = nr_rings;
	close(fd);
	return err;
}

/* False in a child of fork(), which may go on with the reader beside its parent. */
bool libring_slot_is_own(const struct ring_slot *s)
{
	return getpid() == s->pid && seqring_read(&s->table->user[s->nr].owner) == s->owner;
}

/* Replaces @was, the owner of a slot, by this process. */
static bool replace_owner(struct ring_slot *s, unsigned int nr, __u64 was)
{
	struct seqring_slot_user *user = &s->table->user[nr];
	__u64 owner, owner_pidns;

	if (!seqring_cmpxchg(&user->owner, &was, SEQRING_SLOT_TAKEN))
		return false;
	libring_owner_self(&owner, &owner_pidns);
	seqring_write(&user->owner_pidns, owner_pidns);
	/* Pairs with the acquire in is_free(). */
	seqring_store_release(JOIN, &user->owner, owner);
	s->nr = nr;
	s->pid = getpid();
	s->owner = owner;
	return true;
}

/* Asks whether a slot can be taken. @search: also from a process that is gone. @was: its owner */
static bool is_free(const struct ring_slot *s, unsigned int nr, bool search, __u64 *was)
{
	const struct seqring_slot_user *user = &s->table->user[nr];

	/* Pairs with the release in replace_owner() and libring_slot_close(). */
	*was = seqring_load_acquire(JOIN, &user->owner);
	if (!*was)
		return true;
	return search && *was != SEQRING_SLOT_TAKEN &&
	       libring_owner_look(*was, seqring_read(&user->owner_pidns), -1) == OWNER_GONE;
}

static bool find_slot(struct ring_slot *s, bool search)
{
	unsigned int nr;
	__u64 was;

	for (nr = 0; nr < SEQRING_SLOTS; nr++)
		if (is_free(s, nr, search, &was) && replace_owner(s, nr, was))
			return true;
	return false;
}

static void give_back(struct ring_slot *s)
{
	/* Pairs with the acquire in is_free(): the next reader's thresholds come later. */
	seqring_store_release(JOIN, &s->table->user[s->nr].owner, 0);
}

/* Listens to the doorbell of the slot in place of the shared one. */
static bool listen_to_slot(struct ring_slot *s, struct ring_thresholds *t)
{
	char name[32];

	snprintf(name, sizeof(name), LIBRING_SLOT_DOORBELL, s->nr);
	if (get_pin(s, name, &s->fd))
		return false;
	if (!libring_doorbell_map(&s->doorbell, s->fd)) {
		/* It may have rung for the reader before this one. */
		seqring_write(s->doorbell.consumed, seqring_read(s->doorbell.produced));
		if (!libring_poller_add(&t->poller, s->fd, EPOLLIN | EPOLLET, POLLER_DOORBELL)) {
			libring_poller_remove(&t->poller, t->doorbell);
			return true;
		}
	}
	libring_forget_error();
	libring_doorbell_unmap(&s->doorbell);
	libring_close_fd(s->fd);
	s->fd = -1;
	return false;
}

/**
 * libring_slot_take() - take a slot, if there is one
 * @s: its reader has none
 * @t: arms in the slot from now on, and listens to its doorbell
 *
 * Allowed to fail: the reader then shares the doorbell, and tries again when it arms the next time.
 */
void libring_slot_take(struct ring_slot *s, struct ring_thresholds *t)
{
	uint32_t i;

	if (!s->table)
		return;
	/* A process that is gone is looked for once only: that takes a file for each slot. */
	if (!find_slot(s, false) && (s->searched || !find_slot(s, true))) {
		s->searched = true;
		return;
	}
	if (!listen_to_slot(s, t)) {
		give_back(s);
		return;
	}
	for (i = 0; i < s->nr_rings; i++) {
		/* The reader before this one left these, and this one may not arm on all rings. */
		seqring_write(&s->table[i].slot[s->nr].pos, SEQRING_WAIT_NONE);
		seqring_write(&s->table[i].slot[s->nr].seq, SEQRING_WAIT_NONE);
		/* The fence in seqring_reader_arm_slot() orders this, too. */
		seqring_write(&s->table[i].used, 1);
	}
	t->own = &s->table->slot[s->nr];
	t->own_stride = sizeof(*s->table);
}

/* Makes @t share the doorbell again. The slot belongs to another process. */
void libring_slot_leave(struct ring_slot *s, struct ring_thresholds *t)
{
	t->own = NULL;
	libring_poller_remove(&t->poller, s->fd);
	libring_doorbell_unmap(&s->doorbell);
	libring_close_fd(s->fd);
	s->fd = -1;
	/* Once it is in the instance, this fails, which is right, too. */
	libring_poller_add(&t->poller, t->doorbell, EPOLLIN | EPOLLET, POLLER_DOORBELL);
	libring_forget_error();
}

void libring_slot_close(struct ring_slot *s)
{
	if (s->fd >= 0 && libring_slot_is_own(s))
		give_back(s);
	libring_doorbell_unmap(&s->doorbell);
	libring_close_fd(s->fd);
	libring_close_fd(s->dir);
	if (s->table)
		munmap(s->table, s->nr_rings * sizeof(*s->table));
}

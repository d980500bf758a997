// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A ring that exists already under a name. Before a new ring gets the name, the old one
 * is refused, ended or continued; ring_bpf_destroy() ends it by name.
 */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

static bool has_same_schema(const struct ring_bpf *b)
{
	size_t size = (size_t)b->hdr.ring_offset;
	bool same;
	unsigned char *p;

	if (!b->opts.schema_size)
		return true;
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, b->pins.ring, 0);
	if (p == MAP_FAILED)
		return false;
	same = !memcmp(p + b->hdr.schema_offset, b->schema, b->opts.schema_size);
	munmap(p, size);
	return same;
}

/* Compares two headers except for magic, owner and slots, which start.c sets. */
static bool has_same_shape(const struct seqring_header *a, const struct seqring_header *b)
{
	struct seqring_header x = *a, y = *b;

	x.magic = 0;
	y.magic = 0;
	x.owner = 0;
	y.owner = 0;
	x.owner_pidns = 0;
	y.owner_pidns = 0;
	x.features &= ~SEQRING_FEAT_SLOTS;
	y.features &= ~SEQRING_FEAT_SLOTS;
	return !memcmp(&x, &y, sizeof(x));
}

/* Return: 0 the owner is gone, or there is none; -EBUSY it lives, or nothing tells. */
static int check_owner(const char *name, const struct ring_pins *p, const struct seqring_header *h)
{
	switch (libring_pins_look_at_owner(p, h)) {
	case OWNER_GONE:
		return 0;
	case OWNER_LIVES:
		return libring_set_error(EBUSY, "%s: process %u writes a ring of that name", name,
					 (uint32_t)h->owner);
	default:
		return libring_set_error(EBUSY,
					 "%s: nothing that this process may look at tells whether "
					 "process %u still writes the ring of that name",
					 name, (uint32_t)h->owner);
	}
}

/*
 * Removes what is left of a ring whose removal was interrupted. Its writers are detached, and so
 * nothing publishes to it; its readers were told by whoever began to remove it, or see its end
 * when its control program is still there.
 */
static int destroy_partial(const char *name, struct ring_pins *p)
{
	struct seqring_header h;
	int err;

	libring_pins_open_rest(p);
	if (p->ring >= 0 && !libring_bpf_read_header(p->ring, &h)) {
		err = check_owner(name, p, &h);
		if (err)
			return err;
		libring_pins_detach_writers(p);
		if (p->ctl >= 0)
			libring_bpf_end(p->ctl, p->doorbell, p->ring, &h, false);
	}
	err = libring_pins_remove(p);
	libring_pins_close(p);
	return err;
}

/*
 * Decides about the ring that has the name of @b, with the lock held: leaves its pins
 * open for @b to continue it, or ends and removes a ring that nobody writes any more.
 */
static int resolve_existing(struct ring_bpf *b)
{
	struct seqring_header h;
	int err;

	/* What is left of a ring blocks its name for nobody, unless a process still writes it. */
	if (libring_pins_are_partial(&b->pins))
		return destroy_partial(b->name, &b->pins);
	err = libring_pins_open(&b->pins);
	if (err == -ENOENT)
		return 0;
	if (!err)
		err = libring_bpf_read_header(b->pins.ring, &h);
	if (!err)
		err = check_owner(b->name, &b->pins, &h);
	if (err)
		return err;
	/* Its owner died without ending it: only RING_BPF_CONTINUE has a use for it. */
	if (libring_bpf_has_ended(b->pins.ring, &h) ||
	    (h.owner && !(b->opts.flags & RING_BPF_CONTINUE))) {
		libring_pins_detach_writers(&b->pins);
		libring_bpf_end(b->pins.ctl, b->pins.doorbell, b->pins.ring, &h, true);
		libring_pins_close(&b->pins);
		return libring_pins_remove(&b->pins);
	}
	if (!(b->opts.flags & RING_BPF_CONTINUE))
		return libring_set_error(EEXIST, "%s: a ring of that name exists already", b->name);
	if (!has_same_shape(&h, &b->hdr) || !has_same_schema(b))
		return libring_set_error(EEXIST,
					 "%s: the ring of that name has another shape, clock or "
					 "schema: destroy it first",
					 b->name);
	if (h.features & SEQRING_FEAT_SLOTS && !b->geo.slots)
		return libring_set_error(EEXIST,
					 "%s: readers of the ring of that name have slots, whose "
					 "doorbells the programs of the object do not ring: "
					 "compile it with this version of seqring/bpf.h, or "
					 "destroy the ring first",
					 b->name);
	/* A ring that was made without slots stays so. */
	b->hdr.features |= h.features & SEQRING_FEAT_SLOTS;
	if (!(h.features & SEQRING_FEAT_SLOTS))
		b->geo.slots = 0;
	b->continued = true;
	return 0;
}

/**
 * libring_bpf_claim_name() - let @b have its name, or refuse it
 * @b: has a name and its header; ->pins and ->continued are set
 *
 * Return: 0; as ring_bpf_prepare().
 */
int libring_bpf_claim_name(struct ring_bpf *b)
{
	int lock, err;

	err = libring_pins_locate(b->name, &b->pins);
	if (!err)
		err = libring_pins_make_base(b->pins.base, b->opts.flags & RING_BPF_MOUNT,
					     b->opts.permissions);
	if (!err)
		err = libring_pins_lock(&b->pins, &lock);
	if (err)
		return err;
	err = resolve_existing(b);
	close(lock);
	return err;
}

/**
 * libring_bpf_take_over() - own the ring, and write it in place of the previous writers
 * @b: ->continued and loaded
 *
 * Return: 0; -EEXIST another process took or ended the ring since
 * libring_bpf_claim_name(); as libring_bpf_hand_over().
 */
int libring_bpf_take_over(struct ring_bpf *b)
{
	struct seqring_header h;
	int lock, err;

	err = libring_pins_lock(&b->pins, &lock);
	if (err)
		return err;
	err = libring_bpf_read_header(b->pins.ring, &h);
	if (!err && (libring_pins_look_at_owner(&b->pins, &h) != OWNER_GONE ||
		     libring_bpf_has_ended(b->pins.ring, &h)))
		err = libring_set_error(EEXIST,
					"%s: another process took or ended the ring meanwhile",
					b->name);
	if (!err)
		err = libring_bpf_hand_over(b, &h);
	close(lock);
	return err;
}

/* Destroys the ring at @p, with the lock held. */
static int destroy_pinned(const char *name, struct ring_pins *p)
{
	struct seqring_header h;
	int err;

	if (libring_pins_are_partial(p))
		return destroy_partial(name, p);
	err = libring_pins_open(p);
	if (err == -ENOENT)
		return libring_set_error(ENOENT, "%s: there is no such ring of a BPF program",
					 name);
	if (!err)
		err = libring_bpf_read_header(p->ring, &h);
	if (!err)
		err = check_owner(name, p, &h);
	if (!err)
		err = libring_pins_detach_writers(p);
	if (!err)
		err = libring_bpf_end(p->ctl, p->doorbell, p->ring, &h, false);
	if (!err)
		err = libring_pins_remove(p);
	libring_pins_close(p);
	return err;
}

int ring_bpf_destroy(const char *name)
{
	struct ring_pins p;
	int lock, err;

	err = libring_check_name(name);
	if (!err)
		err = libring_pins_locate(name, &p);
	if (!err && access(p.dir, F_OK) && errno != EACCES)
		err = libring_set_error(ENOENT, "%s: there is no such ring of a BPF program", name);
	if (!err)
		err = libring_pins_lock(&p, &lock);
	if (err)
		return err;
	err = destroy_pinned(name, &p);
	close(lock);
	return libring_finish(err);
}

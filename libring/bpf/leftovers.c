// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What killed processes left among the pins of named rings. A ring appears under its name with all
 * of its pins, and loses them with the lock on all names held. So with that lock held, a directory
 * in which pins are collected, and one that lacks pins, is a leftover unless its owner's lock, or
 * the ring's header, says that its owner lives.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/*
 * @locked: the lock on all names is held; else @lock_err says why not
 * @found: what was found, @nr of them
 */
struct look {
	uint32_t flags;
	bool locked;
	int lock_err;
	struct ring_pins p;
	struct found *found;
	unsigned int nr;
};

struct found {
	enum ring_leftover_kind kind;
	bool maker_gone;
	int removed;
	char name[SEQRING_NAME_SIZE];
	char path[PATH_MAX];
};

/* Takes NAME out of "+NAME+PID". Return: whether @entry is of that form. */
static bool is_collecting(const char *entry, char *name)
{
	const char *plus = strrchr(entry, '+');
	const size_t len = plus ? (size_t)(plus - entry) : 0;

	if (entry[0] != '+' || len < 2 || len > SEQRING_NAME_SIZE || !plus[1] ||
	    plus[1 + strspn(plus + 1, "0123456789")])
		return false;
	snprintf(name, SEQRING_NAME_SIZE, "%.*s", (int)len - 1, entry + 1);
	return true;
}

/* Looks at a ring that lacks pins. Its owner may live: then somebody else removed them. */
static enum libring_owner_state look_at_partial(struct ring_pins *p, struct seqring_header *h)
{
	enum libring_owner_state state = libring_pins_look_at_maker(p);

	libring_pins_open_rest(p);
	if (p->ring < 0 || libring_bpf_read_header(p->ring, h))
		return state;
	/* A ring without an owner is kept, and its maker is done. */
	return state == OWNER_LIVES ? state : libring_pins_look_at_owner(p, h);
}

/* Detaches the writers that are left, tells the readers, and removes the pins. */
static int remove_leftover(const struct ring_pins *p, const struct seqring_header *h)
{
	if (h->nr_rings) {
		libring_pins_detach_writers(p);
		if (p->ctl >= 0)
			libring_bpf_end(p->ctl, p->doorbell, p->ring, h, false);
	}
	return libring_pins_remove(p);
}

/* Judges @l->p.dir, which is of the kind that @f says. Return: whether it is a leftover. */
static bool judge_pins(struct look *l, struct found *f)
{
	struct seqring_header h = { 0 };
	enum libring_owner_state state;

	if (f->kind == RING_LEFTOVER_HALF_MADE)
		state = libring_pins_look_at_maker(&l->p);
	else
		state = look_at_partial(&l->p, &h);
	/* Without the lock, its maker may be at work. */
	f->maker_gone = state == OWNER_GONE && l->locked;
	if (state != OWNER_LIVES && l->flags & RING_LEFTOVERS_REMOVE &&
	    (f->maker_gone || l->flags & RING_LEFTOVERS_UNKNOWN)) {
		f->removed = l->locked ? remove_leftover(&l->p, &h) : l->lock_err;
		f->removed = f->removed ? f->removed : 1;
	}
	libring_pins_close(&l->p);
	return state != OWNER_LIVES;
}

/* Notes the entry @name of the directory of all names, if it is a leftover. Return: 0; -ENOMEM. */
static int look_at_entry(struct look *l, const char *name)
{
	struct found f = { 0 };
	void *more;

	if ((size_t)snprintf(f.path, sizeof(f.path), "%s/%s", l->p.base, name) >= sizeof(f.path))
		return 0;
	memcpy(l->p.dir, f.path, sizeof(f.path));
	if (is_collecting(name, f.name)) {
		f.kind = RING_LEFTOVER_HALF_MADE;
	} else if (!libring_check_name(name) && libring_pins_are_partial(&l->p)) {
		f.kind = RING_LEFTOVER_HALF_REMOVED;
		snprintf(f.name, sizeof(f.name), "%.*s", SEQRING_NAME_SIZE - 1, name);
	} else {
		return 0;
	}
	if (!judge_pins(l, &f))
		return 0;
	more = realloc(l->found, (l->nr + 1) * sizeof(*l->found));
	if (!more)
		return libring_set_error(ENOMEM, "no memory for a list of leftovers");
	l->found = more;
	l->found[l->nr++] = f;
	return 0;
}

/* Looks at all entries. Return: 0; -errno. */
static int look_at_all(struct look *l)
{
	struct dirent *e;
	int err = 0;
	DIR *dir;

	dir = opendir(l->p.base);
	if (!dir && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (!dir)
		return libring_set_error(errno, "%s: %s", l->p.base, strerror(errno));
	while (!err && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			err = look_at_entry(l, e->d_name);
	closedir(dir);
	return err;
}

int ring_bpf_leftovers(uint32_t flags, ring_leftover_fn fn, void *arg)
{
	struct look l = { .flags = flags };
	int lock = -1, err;
	unsigned int i;

	if (flags & ~(RING_LEFTOVERS_REMOVE | RING_LEFTOVERS_UNKNOWN) ||
	    flags == RING_LEFTOVERS_UNKNOWN)
		return libring_set_error(EINVAL,
					 "flags are 0x%x: 0, RING_LEFTOVERS_REMOVE 1, or 3 with "
					 "RING_LEFTOVERS_UNKNOWN",
					 flags);
	err = libring_pins_locate("", &l.p);
	if (err)
		return err;
	if (!libring_on_bpffs(l.p.base))
		return 0;
	l.lock_err = libring_pins_lock(&l.p, &lock);
	l.locked = !l.lock_err;
	err = look_at_all(&l);
	if (lock >= 0)
		close(lock);
	/* Without the lock: @fn may call what takes it. */
	for (i = 0; !err && i < l.nr; i++) {
		const struct found *f = &l.found[i];
		const struct ring_leftover leftover = {
			.kind = f->kind,
			.maker_gone = f->maker_gone,
			.removed = f->removed,
			.name = f->name,
			.path = f->path,
		};

		err = fn(&leftover, arg);
	}
	free(l.found);
	return err;
}

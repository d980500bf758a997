// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Pins of named rings. Each ring has a directory of its own in a BPF file system. The
 * directory appears complete, by a rename. It contains
 *
 *	ring		the map with the ring
 *	wait		the map with the wake thresholds
 *	doorbell	the map that wakes readers
 *	slots		the map with the wake thresholds of readers that have a slot
 *	doorbell-N	the map that wakes the reader in slot N
 *	doorbells	the map with these maps
 *	ctl		the control program, which ends the ring
 *	link-*		the links that attach the writers, once the ring is kept: see detach.c
 *	owner		a directory with the lock of the process that the ring ends with
 *
 * A reader that may sleep on the ring can write wait, slots and its doorbell. A ring whose loader
 * or object knows no slots lacks the pins for them.
 */

#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/**
 * libring_pins_locate() - compute the paths of a ring's pins
 * @name: a name that was checked
 * @p: filled; no descriptor is open
 *
 * Return: 0; -ENAMETOOLONG.
 */
int libring_pins_locate(const char *name, struct ring_pins *p)
{
	int err;

	*p = LIBRING_NO_PINS;
	err = libring_bpf_dir(p->base, sizeof(p->base));
	if (err)
		return err;
	if ((size_t)snprintf(p->dir, sizeof(p->dir), "%s/%s", p->base, name) >= sizeof(p->dir))
		return libring_set_error(ENAMETOOLONG, "$RINGBPFDIR is too long");
	return 0;
}

static int open_pin(const struct ring_pins *p, const char *what, int *fd)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", p->dir, what);
	*fd = bpf_obj_get(path);
	return *fd < 0 ? libring_set_error(-*fd, "%s: %s", path, strerror(-*fd)) : 0;
}

static bool has_pin(const struct ring_pins *p, const char *what)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", p->dir, what);
	return !access(path, F_OK) || errno != ENOENT;
}

/*
 * Opens all pins but the links and the doorbells of slots.
 *
 * Return: 0; -ENOENT there is no such ring; -errno.
 */
int libring_pins_open(struct ring_pins *p)
{
	int err;

	if (access(p->dir, F_OK))
		return libring_set_error(errno == ENOTDIR ? ENOENT : errno, "%s: %s", p->dir,
					 strerror(errno));
	err = open_pin(p, "ring", &p->ring);
	if (!err)
		err = open_pin(p, "wait", &p->wait);
	if (!err)
		err = open_pin(p, "doorbell", &p->doorbell);
	if (!err)
		err = open_pin(p, "ctl", &p->ctl);
	if (!err && has_pin(p, "slots"))
		err = open_pin(p, "slots", &p->slots);
	if (!err && p->slots >= 0)
		err = open_pin(p, "doorbells", &p->doorbells);
	if (err)
		libring_pins_close(p);
	return err;
}

/* Opens the pins of a ring and of its control program that are still there. */
void libring_pins_open_rest(struct ring_pins *p)
{
	open_pin(p, "ring", &p->ring);
	open_pin(p, "ctl", &p->ctl);
}

/*
 * Asks whether the directory of a ring is there without all of its pins: a process was killed
 * while it removed them. Nobody can read or continue such a ring.
 */
bool libring_pins_are_partial(const struct ring_pins *p)
{
	static const char *const parts[] = { "ring", "wait", "doorbell", "ctl" };
	bool missing = false;
	unsigned int i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		missing |= !has_pin(p, parts[i]);
	return missing && !access(p->dir, F_OK);
}

/* Finds out whether the owner of the ring with the header @h lives. */
enum libring_owner_state libring_pins_look_at_owner(const struct ring_pins *p,
						    const struct seqring_header *h)
{
	int dir = libring_owner_open_dir(p->dir);
	enum libring_owner_state state = libring_owner_look(h->owner, h->owner_pidns, dir);

	if (dir >= 0)
		close(dir);
	return state;
}

/*
 * Takes the owner's lock. Nobody but this user can open its directory, and so pretend to be the
 * owner. @dir: holds the lock while it is open. Return: 0; -errno.
 */
int libring_pins_lock_owner(const struct ring_pins *p, int *dir)
{
	char path[PATH_MAX + 16];
	int err, fd;

	snprintf(path, sizeof(path), "%s/" LIBRING_OWNER_DIR, p->dir);
	if (mkdir(path, 0700) && errno != EEXIST)
		return libring_set_error(errno, "%s: %s", path, strerror(errno));
	fd = libring_owner_open_dir(p->dir);
	if (fd < 0)
		return libring_set_error(errno, "%s: %s", path, strerror(errno));
	err = libring_owner_lock(fd);
	if (err) {
		close(fd);
		return libring_set_error(-err, "cannot lock %s: %s", path, strerror(-err));
	}
	*dir = fd;
	return 0;
}

/* Gives the lock back, if this process has it. */
void libring_pins_unlock_owner(int *dir)
{
	if (*dir >= 0)
		close(*dir);
	*dir = -1;
}

void libring_pins_close(struct ring_pins *p)
{
	int *fds[] = { &p->ring, &p->wait, &p->doorbell, &p->ctl, &p->slots, &p->doorbells };
	unsigned int i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static int make_pin(const char *dir, const char *what, int fd, mode_t mode)
{
	char path[PATH_MAX + 16];
	int err;

	snprintf(path, sizeof(path), "%s/%s", dir, what);
	err = bpf_obj_pin(fd, path);
	if (err)
		return libring_set_error(-err, "cannot pin %s: %s", path, strerror(-err));
	if (chmod(path, mode))
		return libring_set_error(errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int unlink_pins(const char *dir)
{
	struct dirent *e;
	int err = 0;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return libring_set_error(errno, "%s: %s", dir, strerror(errno));
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (unlinkat(dirfd(d), e->d_name,
			     strcmp(e->d_name, LIBRING_OWNER_DIR) ? 0 : AT_REMOVEDIR))
			err = libring_set_error(errno, "%s/%s: %s", dir, e->d_name,
						strerror(errno));
	}
	closedir(d);
	return err;
}

/* Asks whether the ring that is pinned is the map @ring. */
bool libring_pins_match(const struct ring_pins *p, int ring)
{
	struct bpf_map_info ours = { 0 }, theirs = { 0 };
	__u32 len = sizeof(ours);
	char path[PATH_MAX + 16];
	bool same = false;
	int fd;

	snprintf(path, sizeof(path), "%s/ring", p->dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(ring, &ours, &len) &&
	    !bpf_obj_get_info_by_fd(fd, &theirs, &len))
		same = ours.id == theirs.id;
	close(fd);
	return same;
}

/* Removes all pins and their directory. Return: 0; -ENOENT it is gone already; -errno. */
int libring_pins_remove(const struct ring_pins *p)
{
	int err = unlink_pins(p->dir);

	if (!err && rmdir(p->dir))
		err = libring_set_error(errno, "%s: %s", p->dir, strerror(errno));
	return err;
}

/*
 * Finds out whether the process lives that collects pins in @p->dir. The caller holds the lock on
 * all names: whoever makes such a directory gets the lock in it before it gives that one back.
 */
enum libring_owner_state libring_pins_look_at_maker(const struct ring_pins *p)
{
	const uint64_t anyone = 1;
	int dir = libring_owner_open_dir(p->dir);
	enum libring_owner_state state;

	if (dir < 0)
		return errno == ENOENT ? OWNER_GONE : OWNER_UNKNOWN;
	state = libring_owner_look(anyone, 0, dir);
	close(dir);
	return state;
}

static int make_locked(struct ring_bpf *b, const struct ring_pins *tmp, mode_t mode)
{
	int err = mkdir(tmp->dir, 0700) ? errno : 0;

	/* In a container, a program that is started again often has the same PID again. */
	if (err == EEXIST && libring_pins_look_at_maker(tmp) == OWNER_GONE) {
		err = libring_pins_remove(tmp);
		if (err)
			return err;
		err = mkdir(tmp->dir, 0700) ? errno : 0;
	}
	if (err)
		return libring_set_error(err, "%s: %s", tmp->dir, strerror(err));
	/* Who may use a file of the ring may search its directory, whatever the umask. */
	if (chmod(tmp->dir, libring_pins_dir_mode(mode)))
		err = libring_set_error(errno, "%s: %s", tmp->dir, strerror(errno));
	if (!err)
		err = libring_pins_lock_owner(tmp, &b->owner_dir);
	if (err)
		libring_pins_remove(tmp);
	return err;
}

/* Makes the directory @tmp, in which the pins of @b are collected, with the lock of its owner. */
static int make_tmp(struct ring_bpf *b, const struct ring_pins *tmp, mode_t mode)
{
	int lock, err;

	err = libring_pins_lock(&b->pins, &lock);
	if (err)
		return err;
	err = make_locked(b, tmp, mode);
	close(lock);
	return err;
}

/* Pins what the slots of @b consist of. @mode: of pins that a reader may write */
static int make_slot_pins(const struct ring_bpf *b, const char *dir, mode_t mode)
{
	char name[32];
	unsigned int i;
	int err;

	if (!(b->hdr.features & SEQRING_FEAT_SLOTS))
		return 0;
	err = make_pin(dir, "slots", b->parts.slots, mode);
	if (!err)
		err = make_pin(dir, "doorbells", b->parts.doorbells, 0600);
	for (i = 0; !err && i < SEQRING_SLOTS; i++) {
		snprintf(name, sizeof(name), LIBRING_SLOT_DOORBELL, i);
		err = make_pin(dir, name, b->slot_doorbells[i], mode);
	}
	return err;
}

/* Pins all parts of @b. They appear under its name together, or not at all. */
int libring_pins_create(struct ring_bpf *b)
{
	const mode_t mode = b->opts.permissions ? b->opts.permissions : 0600;
	struct ring_pins tmp = b->pins;
	int lock, err;

	/* A ring's name has no +, and a BPF file system allows no dots. */
	snprintf(tmp.dir, sizeof(tmp.dir), "%.*s/+%s+%d", (int)(sizeof(tmp.dir) - 64), b->pins.base,
		 b->name, getpid());
	err = make_tmp(b, &tmp, mode);
	if (err)
		return err;
	/*
	 * The kernel does not map a BPF map by a read-only descriptor, so readers need the
	 * right to write. The map is frozen, so that right lets nobody write.
	 */
	err = make_pin(tmp.dir, "ring", b->parts.ring, (mode & 0444) | (mode & 0444) >> 1);
	if (!err)
		err = make_pin(tmp.dir, "wait", b->parts.wait, mode);
	if (!err)
		err = make_pin(tmp.dir, "doorbell", b->parts.doorbell, mode);
	if (!err)
		err = make_slot_pins(b, tmp.dir, mode);
	if (!err)
		err = make_pin(tmp.dir, "ctl", b->parts.ctl, 0600);
	/* Before anybody can find the ring: it appears with its writers, or not at all. */
	if (!err)
		err = libring_pins_add_writers(b, tmp.dir, b->links, b->nr_links);
	/* A process that removes a directory of that name finishes first. */
	if (!err)
		err = libring_pins_lock(&b->pins, &lock);
	if (!err) {
		if (rename(tmp.dir, b->pins.dir)) {
			err = errno == ENOTEMPTY ? EEXIST : errno;
			err = libring_set_error(err, "%s: %s", b->pins.dir, strerror(err));
		}
		close(lock);
	}
	if (err) {
		const char *why = strdupa(ring_strerror());

		libring_pins_remove(&tmp);
		return libring_set_error(-err, "%s", why);
	}
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The links that attach the writers of a kept ring: their pins, and how to detach them. A pin is
 * named link-N, or link-EPOCH-N if the programs have an epoch.
 */

#include <bpf/bpf.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "internal.h"

#define PREFIX	  "link-"
#define DETACH_NS (1000 * LIBRING_MSEC_NS)

/* A link that was pinned. */
struct unpinned {
	int fd;
	uint32_t id;
};

/* The start of the names of the pins of a loader. @epoch: its epoch, or 0. */
static void write_prefix(char *prefix, size_t size, uint32_t epoch)
{
	if (epoch)
		snprintf(prefix, size, PREFIX "%08x-", epoch);
	else
		snprintf(prefix, size, PREFIX);
}

static void locate_writer(const struct ring_bpf *b, const char *dir, unsigned int nr, char *path,
			  size_t size)
{
	char prefix[32];

	write_prefix(prefix, sizeof(prefix), b->geo.epoch);
	snprintf(path, size, "%s/%s%u", dir, prefix, nr);
}

/* Removes the pins of @b in @dir from number @first on. Its programs stay attached. */
void libring_pins_remove_writers(struct ring_bpf *b, const char *dir, unsigned int first)
{
	char path[PATH_MAX + 48];

	while (b->nr_pinned > first) {
		locate_writer(b, dir, --b->nr_pinned, path, sizeof(path));
		unlink(path);
	}
}

/* Pins @nr links of @b in @dir, all or none. Return: 0; -errno. */
int libring_pins_add_writers(struct ring_bpf *b, const char *dir, const int *links, unsigned int nr)
{
	const unsigned int first = b->nr_pinned;
	char path[PATH_MAX + 48];
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < nr; i++) {
		locate_writer(b, dir, b->nr_pinned, path, sizeof(path));
		err = bpf_obj_pin(links[i], path);
		b->nr_pinned += !err;
	}
	if (!err)
		return 0;
	libring_pins_remove_writers(b, dir, first);
	return libring_set_error(-err, "cannot pin %s: %s", path, strerror(-err));
}

/* Asks whether each writer that is pinned has an epoch, so that it falls silent without one. */
bool libring_pins_writers_have_epochs(const struct ring_pins *p)
{
	DIR *d = opendir(p->dir);
	unsigned int epoch, nr;
	struct dirent *e;
	bool all = d;

	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			all &= sscanf(e->d_name, PREFIX "%8x-%u", &epoch, &nr) == 2;
	if (d)
		closedir(d);
	return all;
}

/* Removes the pin of a link, and keeps the link open. @out: fd is -1 if it cannot be opened. */
static int unpin(const struct ring_pins *p, const char *name, struct unpinned *out)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	out->fd = bpf_obj_get(path);
	if (out->fd >= 0 && bpf_obj_get_info_by_fd(out->fd, &info, &len))
		info.id = 0;
	out->id = info.id;
	return unlink(path) ? libring_set_error(errno, "%s: %s", path, strerror(errno)) : 0;
}

/*
 * Waits until the kernel has detached a link that was unpinned. The pin gives up its reference in
 * a callback of RCU. If that is the last reference, the kernel detaches the program later, in a
 * work queue, when the link's ID has long gone. If close(2) drops the last one, the program is
 * detached when it returns. So this keeps the link open over a grace period each time.
 *
 * Gives up after DETACH_NS, since another process may have the link open, and at once if this
 * process may not look links up.
 */
static void finish_detaching(struct unpinned *link)
{
	const uint64_t end = libring_now_ns() + DETACH_NS;

	while (link->fd >= 0) {
		close(link->fd);
		link->fd = link->id && libring_now_ns() < end ? bpf_link_get_fd_by_id(link->id) :
								-1;
		if (link->fd >= 0) {
			libring_bpf_wait_programs();
			usleep(1000);
		}
	}
}

/*
 * Unpins all links in @dir except those of the loader with the epoch @except, if that is not 0.
 * @links: set to a new array of them. Return: how many.
 */
static unsigned int unpin_all(const struct ring_pins *p, DIR *dir, uint32_t except,
			      struct unpinned **links, int *err)
{
	char ours[32];
	struct unpinned *more;
	unsigned int nr = 0;
	struct dirent *e;
	int failed;

	write_prefix(ours, sizeof(ours), except);
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) ||
		    (except && !strncmp(e->d_name, ours, strlen(ours))))
			continue;
		more = reallocarray(*links, nr + 1, sizeof(*more));
		if (!more) {
			*err = libring_set_error(ENOMEM, "no memory to detach the writers");
			break;
		}
		*links = more;
		failed = unpin(p, e->d_name, &more[nr++]);
		*err = failed ? failed : *err;
	}
	return nr;
}

/*
 * Detaches the writers whose links are pinned, except those of the loader with the epoch @except,
 * if that is not 0. Waits until none of them runs. Return: 0; -errno: some may go on.
 */
int libring_pins_detach_others(const struct ring_pins *p, uint32_t except)
{
	struct unpinned *links = NULL;
	unsigned int i, nr;
	int err = 0, failed;
	DIR *d;

	d = opendir(p->dir);
	if (!d)
		return libring_set_error(errno, "%s: %s", p->dir, strerror(errno));
	nr = unpin_all(p, d, except, &links, &err);
	closedir(d);
	failed = libring_bpf_wait_programs();
	usleep(nr ? 1000 : 0);
	for (i = 0; i < nr; i++)
		finish_detaching(&links[i]);
	free(links);
	if (nr && !failed)
		failed = libring_bpf_wait_programs();
	return err ? err : failed;
}

/* The same for all writers. */
int libring_pins_detach_writers(const struct ring_pins *p)
{
	return libring_pins_detach_others(p, 0);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A ring and its writers that outlive their loader. The links are pinned beside the ring, and then
 * the ring has no owner.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/*
 * Refuses what is certainly no link: bpf(2) pins any object. Where /proc does not say what a
 * descriptor is, bpf(2) decides alone.
 */
static int check_link(int fd)
{
	static const char prefix[] = "anon_inode:bpf";
	char path[40], what[64];
	ssize_t len;

	if (fcntl(fd, F_GETFD) < 0)
		return libring_set_error(errno, "descriptor %d of a link: %s", fd, strerror(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, what, sizeof(what) - 1);
	if (len < 0)
		return 0;
	what[len] = 0;
	if (!strncmp(what, prefix, strlen(prefix)) && strstr(what, "link"))
		return 0;
	return libring_set_error(EINVAL,
				 "descriptor %d is %s: the links that attach the programs can be "
				 "kept, and nothing else",
				 fd, what);
}

/* Keeps copies until the ring starts, since the caller may close its own. Return: 0; -errno. */
static int remember_links(struct ring_bpf *b, const int *links, unsigned int nr)
{
	const unsigned int first = b->nr_links;
	int *more, err;
	unsigned int i;

	more = reallocarray(b->links, first + nr + 1, sizeof(*more));
	if (!more)
		return libring_set_error(ENOMEM, "no memory for %u links", nr);
	b->links = more;
	for (i = 0; i < nr; i++) {
		more[b->nr_links] = fcntl(links[i], F_DUPFD_CLOEXEC, 0);
		if (more[b->nr_links] < 0) {
			err = errno;
			while (b->nr_links > first)
				close(more[--b->nr_links]);
			return libring_set_error(err, "descriptor %d of a link: %s", links[i],
						 strerror(err));
		}
		b->nr_links++;
	}
	b->keeps = true;
	return 0;
}

/* From now on the ring has no owner, and its end is nobody's. Return: 0; -errno. */
int libring_bpf_disown(struct ring_bpf *b)
{
	int err = libring_bpf_set_owner(b->parts.ctl, b->parts.doorbell, 0, 0);

	if (err)
		return err;
	b->kept = true;
	/* A later owner has the lock for itself. */
	libring_pins_unlock_owner(&b->owner_dir);
	return 0;
}

/*
 * A failure takes nothing back that was there before: a ring that is kept stays kept, and another
 * one stays this process's.
 */
static int keep_started(struct ring_bpf *b, const int *links, unsigned int nr)
{
	const unsigned int first = b->nr_pinned;
	int err = libring_pins_add_writers(b, b->pins.dir, links, nr);

	if (err || b->kept)
		return err;
	err = libring_bpf_disown(b);
	if (err)
		libring_pins_remove_writers(b, b->pins.dir, first);
	return err;
}

int ring_bpf_keep_fds(struct ring_bpf *b, const int *links, unsigned int nr)
{
	int err = libring_bpf_check_own(b);
	unsigned int i;

	if (!err && (!b->opts.name || b->ended || (b->tried && !b->started)))
		err = libring_set_error(EINVAL,
					"only a ring that has a name can be kept, before it "
					"starts or while it has not ended");
	for (i = 0; !err && i < nr; i++)
		err = check_link(links[i]);
	if (!err)
		err = b->started ? keep_started(b, links, nr) : remember_links(b, links, nr);
	return libring_finish(err);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A device of the module. poll() on it is level-triggered, by the cursors in the reader
 * page, and knows the watermark. It does not know a merge window: with one, the
 * descriptor for the application is an epoll instance with a timer.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "../base/error.h"
#include "../base/fd.h"
#include "../reader/reader.h"
#include "kinds.h"
#include "poller.h"

/*
 * @fd: the device, a descriptor of this reader's own
 * @page: the reader page; NULL: not mapped yet
 * @poller: with a merge window
 */
struct chardev {
	int fd;
	struct seqring_reader_page *page;
	size_t page_size;
	struct ring_poller poller;
};

static int chardev_dir(unsigned int nr, char *dir, size_t size)
{
	if (nr)
		return -ENOENT;
	snprintf(dir, size, "%s", SEQRING_DEV_DIR);
	return 0;
}

/* The module's answer to another open() or reader page. */
static int explain_limit(void)
{
	return libring_set_error(ENOSPC, "this user's limit on memory for open devices is reached "
					 "(max_user_mib of the module)");
}

static int chardev_find(const char *path, const struct stat *st, struct ring_origin *origin)
{
	int err;

	if (!S_ISCHR(st->st_mode))
		return LIBRING_NOT_MINE;
	err = libring_open_file(path, &origin->fds.ring);
	return err == -ENOSPC ? explain_limit() : err;
}

static bool chardev_probe(int fd, mode_t type)
{
	(void)fd;
	return S_ISCHR(type);
}

static bool chardev_drain(struct ring_reader *r)
{
	struct chardev *c = r->state;
	uint32_t found = libring_poller_drain(&c->poller);

	if (found & POLLER_PEER)
		r->merge.writer_gone = true;
	/* To arm again is two stores, and a device tells nothing of its own wake-ups. */
	return c->poller.epfd < 0 || found;
}

static void chardev_arm(struct ring_reader *r, bool for_fd)
{
	const struct ring_merge *m = &r->merge;
	const struct ring_wakeup *w = &r->wakeup;
	struct chardev *c = r->state;
	struct seqring_reader_page *page = c->page;
	uint32_t i;

	/*
	 * While a record is held back, the time at which it is due wakes, and a ring that is half
	 * unread. The module has one watermark for all rings: with one record, or any number of
	 * bytes less than half, the ring that holds the record would be ready all the time.
	 */
	seqring_write(&page->wake_records, m->due_ns ? 0 : w->records);
	seqring_write(&page->wake_bytes, m->due_ns ? libring_merge_half(m) : w->bytes);
	seqring_write(&page->wake_timeout_ns, m->due_ns ? 0 : w->timeout_ns);
	for (i = 0; i < m->nr_src; i++) {
		const struct ring_source *s = &m->src[i];
		struct seqring_cursor *cursor = &page->cursor[s->ring];

		seqring_write(&cursor->pos, s->rd.pos);
		seqring_write(&cursor->seq, libring_source_next_seq(s));
	}
	if (!for_fd || c->poller.epfd < 0)
		return;
	libring_poller_set_timer(&c->poller, m->due_ns);
	/* The instance asked the device by the old cursors, and does not ask again by itself. */
	libring_poller_look(&c->poller, c->fd, EPOLLIN, POLLER_PEER);
}

static void chardev_look(struct ring_reader *r)
{
	struct chardev *c = r->state;

	/* An older module gives ENOTTY: on it, only a waiter that asks again notices. */
	if (c->poller.epfd < 0)
		ioctl(c->fd, SEQRING_IOC_LOOK, 0);
}

static bool chardev_woken(struct ring_reader *r, short revents)
{
	if (revents & (POLLHUP | POLLERR | POLLNVAL))
		r->merge.writer_gone = true;
	return revents & POLLIN;
}

static void chardev_kick(struct ring_reader *r)
{
	struct chardev *c = r->state;

	/* The device itself is readable by its cursors. */
	if (c->poller.epfd >= 0)
		libring_poller_set_timer(&c->poller, 1);
}

static void chardev_close(struct ring_reader *r)
{
	struct chardev *c = r->state;

	if (!c)
		return;
	if (c->page)
		munmap(c->page, c->page_size);
	libring_poller_close(&c->poller);
	libring_close_fd(c->fd);
	free(c);
}

static int check_geometry(const struct ring_reader *r, const struct seqring_geometry *g)
{
	const struct seqring_header *h = &r->mapping.hdr;
	uint64_t size = sizeof(struct seqring_reader_page) +
			h->nr_rings * (uint64_t)sizeof(struct seqring_cursor);

	if (g->nr_rings != h->nr_rings || g->total_size != h->total_size ||
	    g->data_size != h->data_size || g->payload_max != h->payload_max ||
	    g->clock_id != h->clock_id || g->page_size != h->page_size ||
	    g->features != h->features)
		return libring_set_error(EPROTO, "the device's geometry and its header disagree");
	if (g->reader_size < size || g->reader_size % h->page_size || g->reader_size > SIZE_MAX)
		return libring_set_error(EPROTO,
					 "the device's reader page has %" PRIu64 " bytes: must "
					 "be whole pages and at least %" PRIu64,
					 (uint64_t)g->reader_size, size);
	return 0;
}

static int map_reader_page(struct chardev *c, uint32_t nr_rings, size_t size)
{
	void *page;
	int fd, err = 0;
	uint32_t i;

	fd = ioctl(c->fd, SEQRING_IOC_READER_FD, 0);
	if (fd < 0 && errno == ENOSPC)
		return explain_limit();
	if (fd < 0)
		return libring_set_error(errno, "the device gives no reader page: %s",
					 strerror(errno));
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		err = libring_set_error(errno, "cannot map the reader page: %s", strerror(errno));
	libring_close_fd(fd);
	if (err)
		return err;
	c->page = page;
	c->page_size = size;
	/* Rings that are not read wake nobody. */
	for (i = 0; i < nr_rings; i++) {
		seqring_write(&c->page->cursor[i].pos, SEQRING_WAIT_NONE);
		seqring_write(&c->page->cursor[i].seq, SEQRING_WAIT_NONE);
	}
	return 0;
}

/*
 * Finds the number of the device in sysfs, where each inode has its own. That of the node does not
 * tell a device from an earlier one: a container may have a node that outlives both. While the file
 * is open, no other device gets its device number. Return: 0: sysfs is not there.
 */
static uint64_t get_creation(const struct stat *node)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u", major(node->st_rdev),
		 minor(node->st_rdev));
	return stat(path, &st) ? 0 : st.st_ino;
}

static int map_device(struct ring_reader *r, struct chardev *c)
{
	struct seqring_geometry g = { .size = sizeof(g) };
	struct stat st;
	int err;

	if (ioctl(c->fd, SEQRING_IOC_GEOMETRY, &g))
		return libring_set_error(EPROTO,
					 "not a ring: the device does not know "
					 "SEQRING_IOC_GEOMETRY: %s",
					 strerror(errno));
	/* The file is open, so no other node has its inode. */
	if (fstat(c->fd, &st))
		return libring_set_error(errno, "cannot stat the device: %s", strerror(errno));
	r->ring_id = st.st_ino;
	r->creation = get_creation(&st);
	err = libring_map_ring(&r->mapping, c->fd, g.total_size);
	if (!err)
		err = check_geometry(r, &g);
	return err ? err : map_reader_page(c, r->mapping.hdr.nr_rings, (size_t)g.reader_size);
}

static int chardev_open(struct ring_reader *r, const struct ring_origin *origin)
{
	struct chardev *c;
	int err;

	if (origin->fds.wait >= 0)
		return libring_set_error(EPROTO,
					 "not a memfd or BPF ring: descriptor %d is a device",
					 origin->fds.ring);
	c = malloc(sizeof(*c));
	r->state = c;
	if (!c)
		return libring_set_error(ENOMEM, "no memory for a reader");
	*c = (struct chardev) { .poller = LIBRING_NO_POLLER };
	c->fd = fcntl(origin->fds.ring, F_DUPFD_CLOEXEC, 0);
	if (c->fd < 0)
		return libring_set_error(errno, "descriptor %d: %s", origin->fds.ring,
					 strerror(errno));
	err = map_device(r, c);
	if (err)
		return err;
	r->wakeup.poll_fd = c->fd;
	r->wakeup.app_fd = c->fd;
	if (!r->merge.window_ns)
		return 0;
	err = libring_poller_open(&c->poller);
	if (!err)
		err = libring_poller_add(&c->poller, c->fd, EPOLLIN, POLLER_PEER);
	r->wakeup.app_fd = c->poller.epfd;
	return err;
}

const struct ring_backend libring_backend_chardev = {
	.writer = SEQRING_WRITER_MODULE,
	.node_type = S_IFCHR,
	.dir = chardev_dir,
	.find = chardev_find,
	.probe = chardev_probe,
	.open = chardev_open,
	.close = chardev_close,
	.drain = chardev_drain,
	.arm = chardev_arm,
	.woken = chardev_woken,
	.kick = chardev_kick,
	.look = chardev_look,
};

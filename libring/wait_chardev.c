// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A device of the module: poll() on it goes by the cursors in the reader page,
 * level-triggered, and knows the watermark. Only a merge window is not its business:
 * then the descriptor for the application is an epoll instance with a timer.
 */

#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

static void chardev_arm(struct ring_reader *r, bool for_fd)
{
	struct seqring_reader_page *page = r->page;
	uint32_t i;

	/* While something is held back, any record on an idle ring matters. */
	seqring_write(&page->wake_records, r->due_ns ? 1 : r->wake_records);
	seqring_write(&page->wake_bytes, r->due_ns ? 0 : r->wake_bytes);
	seqring_write(&page->wake_timeout_ns, r->due_ns ? 0 : r->wake_timeout_ns);
	for (i = 0; i < r->nr_src; i++) {
		const struct ring_source *s = &r->src[i];
		struct seqring_cursor *cursor = &page->cursor[s->ring];
		bool held = r->due_ns && s->pending;

		seqring_write(&cursor->pos, held ? SEQRING_WAIT_NONE : s->rd.pos);
		seqring_write(&cursor->seq, held ? SEQRING_WAIT_NONE : libring_next_seq(s));
	}
	if (for_fd && r->epfd >= 0)
		libring_timer_set(r, r->due_ns);
}

static bool chardev_woken(struct ring_reader *r, short revents)
{
	if (revents & (POLLHUP | POLLERR | POLLNVAL))
		r->hup = true;
	return revents & POLLIN;
}

static void chardev_kick(struct ring_reader *r)
{
	/* The device is readable by its cursors. */
	if (r->epfd >= 0)
		libring_timer_set(r, 1);
}

static void chardev_close(struct ring_reader *r)
{
	if (r->page)
		munmap(r->page, r->page_size);
}

static const struct ring_backend_ops chardev_ops = {
	.arm = chardev_arm,
	.woken = chardev_woken,
	.kick = chardev_kick,
	.close = chardev_close,
};

static int check_geometry(const struct ring_reader *r, const struct seqring_geometry *g)
{
	const struct seqring_header *h = &r->hdr;
	uint64_t size = sizeof(struct seqring_reader_page) +
			h->nr_rings * (uint64_t)sizeof(struct seqring_cursor);

	if (g->nr_rings != h->nr_rings || g->total_size != h->total_size ||
	    g->data_size != h->data_size || g->payload_max != h->payload_max ||
	    g->clock_id != h->clock_id || g->page_size != h->page_size ||
	    g->features != h->features)
		return libring_fail(EPROTO, "the device's geometry and its header disagree");
	if (g->reader_size < size || g->reader_size % h->page_size || g->reader_size > SIZE_MAX)
		return libring_fail(EPROTO,
				    "the device's reader page has %" PRIu64 " bytes: must "
				    "be whole pages and at least %" PRIu64,
				    (uint64_t)g->reader_size, size);
	return 0;
}

static int map_reader_page(struct ring_reader *r, size_t size)
{
	void *page;
	int fd, err = 0;
	uint32_t i;

	fd = ioctl(r->dev, SEQRING_IOC_READER_FD, 0);
	if (fd < 0)
		return libring_fail(errno, "the device gives no reader page: %s", strerror(errno));
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		err = libring_fail(errno, "cannot map the reader page: %s", strerror(errno));
	close(fd);
	if (err)
		return err;
	r->page = page;
	r->page_size = size;
	/* Rings that are not read wake nobody. */
	for (i = 0; i < r->hdr.nr_rings; i++) {
		seqring_write(&r->page->cursor[i].pos, SEQRING_WAIT_NONE);
		seqring_write(&r->page->cursor[i].seq, SEQRING_WAIT_NONE);
	}
	return 0;
}

/**
 * libring_chardev_open() - map a device and get the means to sleep on it
 * @r: the reader
 * @fd: the device; the reader's from here on
 */
int libring_chardev_open(struct ring_reader *r, int fd)
{
	struct seqring_geometry g = { .size = sizeof(g) };
	int err;

	r->dev = fd;
	if (ioctl(fd, SEQRING_IOC_GEOMETRY, &g))
		return libring_fail(EPROTO,
				    "not a ring: the device does not know "
				    "SEQRING_IOC_GEOMETRY: %s",
				    strerror(errno));
	err = libring_map(r, fd, g.total_size);
	if (!err)
		err = check_geometry(r, &g);
	if (!err)
		err = map_reader_page(r, (size_t)g.reader_size);
	if (err)
		return err;
	r->ops = &chardev_ops;
	r->poll_fd = fd;
	r->app_fd = fd;
	if (!r->window_ns)
		return 0;
	err = libring_poll_open(r);
	if (!err)
		err = libring_poll_add(r, fd, EPOLLIN);
	r->app_fd = r->epfd;
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations of the test programs on a device: create, open, map, read. */
#ifndef DEV_H
#define DEV_H

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <seqring/reader.h>
#include "../../../lib/clock.h"
#include "../../../lib/payload.h"
#include "../../../lib/random.h"
#include "../../../lib/tap.h"

#define DEV_RINGS_MAX 16

struct dev {
	int fd;
	int reader_fd;
	const unsigned char *map;
	struct seqring_geometry g;
	struct seqring_reader_page *page;
	struct seqring_reader r[DEV_RINGS_MAX];
};

static inline struct seqring_ctl_create dev_params(const char *name, uint64_t data_size)
{
	struct seqring_ctl_create c;

	memset(&c, 0, sizeof(c));
	c.size = sizeof(c);
	snprintf(c.name, sizeof(c.name), "%s", name);
	c.data_size = data_size;
	c.clock_id = SEQRING_CLOCK_MONOTONIC;
	return c;
}

/* Makes an ioctl on the control node. Return: -1 and errno on failure. */
static inline int dev_control(unsigned long cmd, const void *arg)
{
	int fd = open(SEQRING_CTL_PATH, O_RDWR | O_CLOEXEC);
	int ret, err;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, cmd, arg);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

static inline int dev_create(const char *name, uint64_t data_size)
{
	struct seqring_ctl_create c = dev_params(name, data_size);

	return dev_control(SEQRING_CTL_CREATE, &c);
}

static inline int dev_destroy(const char *name)
{
	struct seqring_ctl_destroy d;

	memset(&d, 0, sizeof(d));
	d.size = sizeof(d);
	snprintf(d.name, sizeof(d.name), "%s", name);
	return dev_control(SEQRING_CTL_DESTROY, &d);
}

/* Gives the test driver a command. Return: -1 and errno on failure. */
__attribute__((format(printf, 1, 2))) static inline int dev_command(const char *fmt, ...)
{
	int fd = open(SEQRING_TEST_PATH, O_WRONLY | O_CLOEXEC);
	char line[128];
	va_list ap;
	int ret, err;

	if (fd < 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ret = write(fd, line, strlen(line));
	err = errno;
	close(fd);
	errno = err;
	return ret < 0 ? -1 : 0;
}

static inline int dev_open_fd(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), SEQRING_DEV_DIR "/%s", name);
	return open(path, flags | O_CLOEXEC);
}

static inline struct seqring_stats dev_stats(int fd, unsigned int ring)
{
	struct seqring_stats st;

	memset(&st, 0, sizeof(st));
	st.size = sizeof(st);
	st.ring = ring;
	if (ioctl(fd, SEQRING_IOC_STATS, &st))
		T_DIE("setup.stats", "%s", strerror(errno));
	return st;
}

static inline struct seqring_geometry dev_geometry(int fd)
{
	struct seqring_geometry g;

	memset(&g, 0, sizeof(g));
	g.size = sizeof(g);
	if (ioctl(fd, SEQRING_IOC_GEOMETRY, &g))
		T_DIE("setup.geometry", "%s", strerror(errno));
	return g;
}

/* Publishes payload number @n by write(2). */
static inline void dev_publish(int fd, uint64_t n, uint32_t max)
{
	unsigned char p[4096];
	uint32_t len = test_payload_len(n, max);

	test_payload_fill(p, n, len);
	if (write(fd, p, len) != (ssize_t)len)
		T_DIE("setup.publish", "write: %s", strerror(errno));
}

/* Opens and maps the device, with readers at the oldest records. Dies on failure. */
static inline void dev_open(struct dev *d, const char *name, int flags)
{
	const struct seqring_header *h;
	unsigned int i;
	void *map;

	memset(d, 0, sizeof(*d));
	d->reader_fd = -1;
	d->fd = dev_open_fd(name, flags);
	if (d->fd < 0)
		T_DIE("setup.open", "%s: %s", name, strerror(errno));
	d->g = dev_geometry(d->fd);
	map = mmap(NULL, d->g.total_size, PROT_READ, MAP_SHARED, d->fd, 0);
	if (map == MAP_FAILED)
		T_DIE("setup.mmap", "%s: %s", name, strerror(errno));
	d->map = map;
	h = map;
	if (h->magic != SEQRING_MAGIC || h->total_size != d->g.total_size ||
	    h->nr_rings != d->g.nr_rings || h->nr_rings > DEV_RINGS_MAX)
		T_DIE("setup.header", "%s: header and geometry do not agree", name);
	for (i = 0; i < h->nr_rings; i++) {
		const unsigned char *ctl = d->map + h->ring_offset + i * h->ring_stride;

		seqring_reader_init(&d->r[i], (const struct seqring_ring_ctl *)ctl,
				    ctl + h->data_offset, h->data_size);
	}
}

/* Maps the reader page; from then on poll() uses its cursors. */
static inline void dev_reader_page(struct dev *d)
{
	void *page;

	d->reader_fd = ioctl(d->fd, SEQRING_IOC_READER_FD, 0);
	if (d->reader_fd < 0)
		T_DIE("setup.reader_fd", "%s", strerror(errno));
	page = mmap(NULL, d->g.reader_size, PROT_READ | PROT_WRITE, MAP_SHARED, d->reader_fd, 0);
	if (page == MAP_FAILED)
		T_DIE("setup.reader_page", "%s", strerror(errno));
	d->page = page;
}

static inline void dev_close(struct dev *d)
{
	if (d->page)
		munmap(d->page, d->g.reader_size);
	if (d->reader_fd >= 0)
		close(d->reader_fd);
	munmap((void *)(uintptr_t)d->map, d->g.total_size);
	close(d->fd);
}

/*
 * Return: the events that wake a sleeper in poll() within @timeout_ms; 0: none. At its
 * timeout poll() checks once more, and may find records that did not wake it.
 */
static inline int dev_woken(int fd, unsigned int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t before = now_ns();

	if (poll(&p, 1, (int)timeout_ms) != 1 || now_ns() - before >= timeout_ms * 1000000ULL)
		return 0;
	return p.revents;
}

/* Stores in the reader page the position at which ring @i was empty. */
static inline void dev_store_cursor(struct dev *d, unsigned int i)
{
	if (!d->page)
		return;
	seqring_write(&d->page->cursor[i].pos, d->r[i].pos);
	seqring_write(&d->page->cursor[i].seq, d->r[i].any ? 0 : d->r[i].seq);
}

/* Calls seqring_reader_read() until it is not overrun. */
static inline enum seqring_outcome dev_read(struct dev *d, unsigned int i, struct seqring_view *v,
					    void *buf, uint32_t size)
{
	enum seqring_outcome outcome;

	do {
		outcome = seqring_reader_read(&d->r[i], v, buf, size);
	} while (outcome == SEQRING_OVERRUN && !seqring_reader_resync(&d->r[i]));
	if (outcome == SEQRING_EMPTY)
		dev_store_cursor(d, i);
	return outcome;
}

#endif /* DEV_H */

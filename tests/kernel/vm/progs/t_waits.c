// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way to wait for a device: by the position of read(2), by the cursors of the reader page,
 * and by ring_fd() of libring, with and without a merge window. What is waited for changes
 * meanwhile, too.
 *
 *   t_waits [ROUNDS [MS [WAY]]]
 *
 * A report that takes longer than MS is lost. WAY: only the ways with these words in their name.
 */
#include "../../../lib/wait_change.h"
#include "../../../lib/wait_ring.h"
#include "../../../lib/wait_table.h"
#include "dev.h"

#define NAME "waits"

/* @fd: for writing */
struct device {
	int fd;
};

static void device_create(struct wait_source *s)
{
	struct device *d = malloc(sizeof(*d));

	if (!d || dev_create(NAME, SEQRING_DATA_SIZE_MIN))
		T_DIE("setup.create", "%s", strerror(errno));
	d->fd = dev_open_fd(NAME, O_WRONLY);
	s->state = d;
}

static void device_destroy(struct wait_source *s)
{
	struct device *d = s->state;

	close(d->fd);
	free(d);
	if (dev_destroy(NAME))
		T_DIE("setup.destroy", "%s", strerror(errno));
}

static void device_publish(struct wait_source *s)
{
	const struct device *d = s->state;

	if (write(d->fd, "record", 6) != 6)
		T_DIE("setup.publish", "%s", strerror(errno));
}

/* --- read(2) ---------------------------------------------------------------------------- */

static void read_open(struct wait_reader *r, const struct wait_mark *mark)
{
	(void)mark;
	r->fd = dev_open_fd(NAME, O_RDONLY | O_NONBLOCK);
	if (r->fd < 0)
		T_DIE("setup.open", "%s", strerror(errno));
}

static void read_close(struct wait_reader *r)
{
	close(r->fd);
}

static unsigned int read_drain(struct wait_reader *r)
{
	unsigned char buf[4096] __attribute__((aligned(8)));
	const struct seqring_record *rec;
	unsigned int nr = 0;
	ssize_t n, off;

	while ((n = read(r->fd, buf, sizeof(buf))) > 0)
		for (off = 0; off < n; off += (ssize_t)seqring_record_size(rec->meta.len), nr++) {
			rec = (const struct seqring_record *)(buf + off);
			wait_got(r, rec->stamp);
		}
	r->bad += n != -1 || errno != EAGAIN;
	return nr;
}

/* Each of the two calls in turn. */
static void read_seek(struct wait_reader *r, bool oldest)
{
	struct seqring_seek seek = { .size = sizeof(seek) };
	static unsigned int calls;
	int err;

	seek.whence = oldest ? SEQRING_SEEK_OLDEST : SEQRING_SEEK_HEAD;
	err = calls++ / 2 % 2 ? lseek(r->fd, 0, oldest ? SEEK_SET : SEEK_END) < 0 :
				ioctl(r->fd, SEQRING_IOC_SEEK, &seek);
	if (err)
		T_DIE("waits.seek", "%s", strerror(errno));
}

static const struct wait_backend by_read = {
	.name = "a device by read(2)",
	.marks = WAIT_EACH,
	.create = device_create,
	.destroy = device_destroy,
	.publish = device_publish,
	.open = read_open,
	.close = read_close,
	.drain = read_drain,
	.seek = read_seek,
};

/* --- the reader page -------------------------------------------------------------------- */

static void page_open(struct wait_reader *r, const struct wait_mark *mark)
{
	struct dev *d = malloc(sizeof(*d));

	if (!d)
		T_DIE("setup.page", "%s", strerror(errno));
	dev_open(d, NAME, O_RDONLY);
	dev_reader_page(d);
	seqring_write(&d->page->wake_records, mark->records);
	seqring_write(&d->page->wake_timeout_ns, mark->timeout_ns);
	r->fd = d->fd;
	r->state = d;
}

static void page_close(struct wait_reader *r)
{
	dev_close(r->state);
	free(r->state);
}

static unsigned int page_drain(struct wait_reader *r)
{
	struct seqring_view v;
	unsigned char buf[64];
	unsigned int n = 0;

	for (; dev_read(r->state, 0, &v, buf, sizeof(buf)) == SEQRING_OK; n++)
		wait_got(r, v.seq);
	return n;
}

static void page_look(const struct dev *d)
{
	if (ioctl(d->fd, SEQRING_IOC_LOOK, 0))
		T_DIE("waits.look", "%s", strerror(errno));
}

static void page_set_mark(struct wait_reader *r, const struct wait_mark *mark)
{
	struct dev *d = r->state;

	seqring_write(&d->page->wake_records, mark->records);
	seqring_write(&d->page->wake_timeout_ns, mark->timeout_ns);
	page_look(d);
}

static void page_seek(struct wait_reader *r, bool oldest)
{
	struct dev *d = r->state;

	if (oldest ? seqring_reader_seek_oldest(&d->r[0]) : seqring_reader_seek_head(&d->r[0]))
		T_DIE("waits.seek", "overrun");
	dev_store_cursor(d, 0);
	page_look(d);
}

static const struct wait_backend by_page = {
	.name = "a device by the reader page",
	.marks = WAIT_EACH | WAIT_FIVE | WAIT_TIMEOUT,
	.create = device_create,
	.destroy = device_destroy,
	.publish = device_publish,
	.open = page_open,
	.close = page_close,
	.drain = page_drain,
	.set_mark = page_set_mark,
	.seek = page_seek,
};

/* --- ring_fd() -------------------------------------------------------------------------- */

static int device_open_ring(struct wait_source *s, const struct ring_open_opts *opts,
			    struct ring_reader **ring)
{
	(void)s;
	return ring_open(NAME, opts, ring);
}

static const struct wait_backend by_ring_fd = {
	.name = "ring_fd() of a device",
	.create = device_create,
	.destroy = device_destroy,
	.publish = device_publish,
	.open_ring = device_open_ring,
	WAIT_RING_OPS,
};

static const struct wait_backend by_window = {
	.name = "ring_fd() of a device with a merge window",
	.nested = true,
	.early = true,
	.window_ns = MS,
	.create = device_create,
	.destroy = device_destroy,
	.publish = device_publish,
	.open_ring = device_open_ring,
	WAIT_RING_OPS,
};

static void try_all(const struct wait_backend *kind, unsigned int rounds)
{
	uint64_t began = now_ns();

	wait_try_all(kind, rounds);
	wait_change_all(kind);
	t_note("%s: %llu ms", kind->name, (unsigned long long)((now_ns() - began) / MS));
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 0) : 3;

	if (argc > 2)
		wait_lost_ms = (unsigned int)strtoul(argv[2], NULL, 0);
	if (argc > 3)
		wait_only = argv[3];
	alarm(600);
	try_all(&by_read, rounds);
	try_all(&by_page, rounds);
	try_all(&by_ring_fd, rounds);
	try_all(&by_window, rounds);
	return t_done();
}

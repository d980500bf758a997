// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader that follows the node of a device, without the module: as in test_device.c, the system
 * calls that reach a device are defined here, and memfd rings stand in for devices. A node is a
 * link to such a memfd, and a pipe stands in for what can be polled.
 */

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "run_dir.h"

#define DEVICES 2

/* @ends: of the pipe. A byte in it is EPOLLIN, and without its second end it is hung up. */
struct device {
	ino_t ino;
	struct ring_writer *w;
	int ends[2];
};

static struct device devices[DEVICES];

static struct device *find(ino_t ino)
{
	int i;

	for (i = 0; i < DEVICES; i++)
		if (devices[i].ino && devices[i].ino == ino)
			return &devices[i];
	return NULL;
}

static struct device *device_of(int fd)
{
	struct stat st;

	return fstatat(fd, "", &st, AT_EMPTY_PATH) ? NULL : find(st.st_ino);
}

int stat(const char *restrict path, struct stat *restrict st)
{
	int ret = fstatat(AT_FDCWD, path, st, 0);

	if (!ret && find(st->st_ino))
		st->st_mode = S_IFCHR | 0400;
	return ret;
}

int statx(int at, const char *restrict path, int flags, unsigned int mask,
	  struct statx *restrict st)
{
	int ret = (int)syscall(SYS_statx, at, path, flags, mask | STATX_INO, st);

	if (!ret && find(st->stx_ino))
		st->stx_mode = S_IFCHR | 0400;
	return ret;
}

static int give_geometry(const struct device *d, struct seqring_geometry *g)
{
	const struct seqring_header *h = (const void *)d->w->map;

	*g = (struct seqring_geometry) {
		.size = sizeof(*g),
		.nr_rings = h->nr_rings,
		.total_size = h->total_size,
		.data_size = h->data_size,
		.reader_size = h->page_size,
		.payload_max = h->payload_max,
		.clock_id = h->clock_id,
		.page_size = h->page_size,
		.features = h->features,
	};
	return 0;
}

static int make_page(const struct device *d)
{
	const struct seqring_header *h = (const void *)d->w->map;
	int fd = memfd_create("page", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, h->page_size), 0);
	return fd;
}

int ioctl(int fd, unsigned long request, ...)
{
	const struct device *d = device_of(fd);
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (d && request == SEQRING_IOC_GEOMETRY)
		return give_geometry(d, arg);
	if (d && request == SEQRING_IOC_READER_FD)
		return make_page(d);
	if (d && request == SEQRING_IOC_LOOK)
		return 0;
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	const struct device *d = device_of(fd);

	return (int)syscall(SYS_epoll_ctl, epfd, op, d ? d->ends[0] : fd, ev);
}

static const char *node(void)
{
	return path_of("node");
}

static void create(struct device *d)
{
	char path[64];
	struct stat st;

	assert_int_equal(pipe2(d->ends, O_CLOEXEC), 0);
	d->w = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	assert_int_equal(fstatat(d->w->fds.ring, "", &st, AT_EMPTY_PATH), 0);
	d->ino = st.st_ino;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", d->w->fds.ring);
	assert_int_equal(symlink(path, node()), 0);
}

/* The owner destroys it: the node goes, and what is open stays, and is hung up. */
static void destroy(struct device *d)
{
	assert_int_equal(unlink(node()), 0);
	ring_writer_close(d->w);
	close(d->ends[1]);
}

static int setup(void **state)
{
	(void)state;
	run_dir_name();
	assert_int_equal(mkdir(dir, 0700), 0);
	memset(devices, 0, sizeof(devices));
	return 0;
}

static int teardown(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < DEVICES; i++)
		close(devices[i].ends[0]);
	run_dir_remove();
	return 0;
}

static bool readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

static void check_numbers(struct ring_reader *r, uint64_t from, uint64_t to)
{
	struct ring_record rec;
	uint64_t n;

	for (; from <= to; from++) {
		assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
		assert_int_equal(rec.seq, from);
		assert_int_equal(rec.lost, 0);
	}
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
}

static void follow(uint64_t merge_window_ns)
{
	struct ring_open_opts opts = {
		.size = sizeof(opts),
		.flags = RING_FOLLOW | RING_NONBLOCK,
		.merge_window_ns = merge_window_ns,
	};
	struct ring_reader *r = NULL;
	struct ring_record rec;
	uint64_t n;
	int fd;

	assert_int_equal(ring_open(node(), &opts, &r), 0);
	assert_int_equal(ring_fd(r, &fd), 0);
	assert_false(readable(fd, 0));
	create(&devices[0]);
	publish_numbers(devices[0].w, 0, 3);
	assert_true(readable(fd, PATIENCE_MS));
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EREMCHG);
	assert_true(readable(fd, PATIENCE_MS));
	/* The device itself says when there is more. */
	if (!merge_window_ns) {
		check_numbers(r, 1, 3);
		assert_false(readable(fd, 0));
		publish_numbers(devices[0].w, 0, 1);
		assert_int_equal(write(devices[0].ends[1], "x", 1), 1);
		assert_true(readable(fd, PATIENCE_MS));
		assert_int_equal(read(devices[0].ends[0], &n, 1), 1);
		check_numbers(r, 4, 4);
	}
	destroy(&devices[0]);
	assert_true(readable(fd, PATIENCE_MS));
	while (!ring_read(r, &rec, &n, sizeof(n)))
		;
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	/* What is hung up stays readable; who waits for the next device sleeps. */
	assert_false(readable(fd, 0));

	create(&devices[1]);
	publish_numbers(devices[1].w, 1, 2);
	assert_true(readable(fd, PATIENCE_MS));
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EREMCHG);
	assert_int_equal(stats_of(r).restarts, 1);
	assert_int_equal(stats_of(r).lag_records, 2);
	destroy(&devices[1]);
	ring_close(r);
}

static void test_device(void **state)
{
	(void)state;
	follow(0);
}

static void test_device_with_window(void **state)
{
	(void)state;
	follow(1000 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_device_with_window, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's side of the library, without the module: the system calls that
 * reach a device are defined here, and a memfd ring stands in for it. The
 * tests in the VM cover the module itself.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "unit.h"

/*
 * The device: @ino tells it from other files; @extra: what poll() adds. @looks: how often a waiter
 * was made to look, the last time by @looked_pos, a cursor of ring 0, and by @looked_records
 */
static struct {
	ino_t ino;
	struct ring_writer *w;
	struct seqring_geometry geometry;
	struct seqring_reader_page *page;
	int page_fd;
	int event;
	int geometry_err;
	int page_err;
	int look_err;
	short extra;
	unsigned int polls;
	unsigned int looks;
	uint64_t looked_pos;
	uint64_t looked_records;
} dev;

static bool is_device(int fd)
{
	struct stat st;

	return dev.ino && !fstatat(fd, "", &st, AT_EMPTY_PATH) && st.st_ino == dev.ino;
}

/* The library asks for the type of a descriptor by statx(2) alone. */
int statx(int dir, const char *restrict path, int flags, unsigned int mask,
	  struct statx *restrict st)
{
	int ret = (int)syscall(SYS_statx, dir, path, flags, mask | STATX_INO, st);

	if (!ret && dev.ino && st->stx_ino == dev.ino)
		st->stx_mode = S_IFCHR | 0400;
	return ret;
}

static int fail_with(int err)
{
	errno = err;
	return err ? -1 : 0;
}

static void look(void)
{
	dev.looks++;
	dev.looked_pos = dev.page->cursor[0].pos;
	dev.looked_records = dev.page->wake_records;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case SEQRING_IOC_GEOMETRY:
		if (!is_device(fd))
			break;
		if (!dev.geometry_err)
			memcpy(arg, &dev.geometry, sizeof(dev.geometry));
		return fail_with(dev.geometry_err);
	case SEQRING_IOC_READER_FD:
		assert_true(is_device(fd));
		return dev.page_err ? fail_with(dev.page_err) : dup(dev.page_fd);
	case SEQRING_IOC_LOOK:
		assert_true(is_device(fd));
		assert_null(arg);
		look();
		return fail_with(dev.look_err);
	}
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

/* A memfd cannot be polled; an eventfd stands in for it. */
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	if (is_device(fd) && op == EPOLL_CTL_MOD)
		look();
	return (int)syscall(SYS_epoll_ctl, epfd, op, is_device(fd) ? dev.event : fd, ev);
}

/* Return: whether the module would report EPOLLIN, timeouts aside. */
static bool ready(void)
{
	uint64_t records = seqring_read(&dev.page->wake_records);
	uint64_t bytes = seqring_read(&dev.page->wake_bytes);
	uint32_t i;

	if (!records && !bytes)
		records = 1;
	if (!bytes || bytes > DATA_SIZE / 2)
		bytes = DATA_SIZE / 2;
	for (i = 0; i < dev.w->nr_rings; i++) {
		const struct seqring_ring_ctl *c = dev.w->rings[i].w.ctl;
		uint64_t head = seqring_load_acquire(JOIN, &c->head);
		uint64_t pos = seqring_read(&dev.page->cursor[i].pos);
		uint64_t seq = seqring_read(&dev.page->cursor[i].seq);

		if (pos >= head)
			continue;
		if (head - pos >= bytes || (records && seqring_read(&c->seq) - seq + 1 >= records))
			return true;
	}
	return false;
}

/* Not every machine has poll(2) as a system call of its own. */
static long poll_now(struct pollfd *fd)
{
	struct timespec now = { 0, 0 };

	return syscall(SYS_ppoll, fd, 1L, &now, NULL, 0L);
}

/* glibc declares that ppoll() only writes to them. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

int ppoll(struct pollfd *fds, nfds_t nr, const struct timespec *ts, const sigset_t *mask)
{
	uint64_t until = UINT64_MAX;

	if (!is_device(fds[0].fd))
		return (int)syscall(SYS_ppoll, fds, nr, ts, mask, 8);
	if (ts)
		until = now_ns() + (uint64_t)ts->tv_sec * 1000000000 + (uint64_t)ts->tv_nsec;
	dev.polls++;
	for (;;) {
		fds[0].revents = (short)((ready() ? POLLIN : 0) |
					 __atomic_load_n(&dev.extra, __ATOMIC_RELAXED));
		if (fds[0].revents || (nr > 1 && poll_now(&fds[1]) > 0))
			return 1;
		if (now_ns() >= until)
			return 0;
		sleep_ns(MS);
	}
}

static int setup(void **state)
{
	const struct seqring_header *h;
	struct ring_fds fds;
	struct stat st;
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	(void)state;
	memset(&dev, 0, sizeof(dev));
	dev.w = make_writer(3, SEQRING_CLOCK_MONOTONIC, 0);
	h = (const void *)dev.w->map;
	ring_writer_fds(dev.w, &fds);
	assert_int_equal(fstatat(fds.ring, "", &st, AT_EMPTY_PATH), 0);
	dev.ino = st.st_ino;
	dev.geometry = (struct seqring_geometry) {
		.size = sizeof(dev.geometry),
		.nr_rings = h->nr_rings,
		.total_size = h->total_size,
		.data_size = h->data_size,
		.reader_size = size,
		.payload_max = h->payload_max,
		.mode = SEQRING_MODE_PERCPU,
		.clock_id = h->clock_id,
		.page_size = h->page_size,
		.features = h->features,
	};
	dev.page_fd = memfd_create("page", MFD_CLOEXEC);
	assert_int_equal(ftruncate(dev.page_fd, (off_t)size), 0);
	dev.page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dev.page_fd, 0);
	assert_true(dev.page != MAP_FAILED);
	dev.event = eventfd(0, EFD_CLOEXEC);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	munmap(dev.page, (size_t)sysconf(_SC_PAGESIZE));
	close(dev.page_fd);
	close(dev.event);
	ring_writer_close(dev.w);
	dev.ino = 0;
	return 0;
}

static struct ring_reader *open_device(const struct ring_open_opts *opts)
{
	struct ring_reader *r = NULL;

	assert_int_equal(ring_open_fd(dev.w->fds.ring, opts, &r), 0);
	return r;
}

static void test_open(void **state)
{
	struct ring_info info = { .size = sizeof(info) };
	struct ring_record rec;
	struct ring_reader *r = open_device(NULL);
	uint64_t n;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(dev.page->cursor[i].pos, SEQRING_WAIT_NONE);
		assert_int_equal(dev.page->cursor[i].seq, SEQRING_WAIT_NONE);
	}
	assert_int_equal(ring_info(r, &info), 0);
	assert_int_equal(info.nr_rings, 3);
	publish_numbers(dev.w, 2, 2);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(rec.ring, 2);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
	assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), -EAGAIN);
	/* No caller asked for the descriptor, so nothing is written. */
	assert_int_equal(dev.page->cursor[2].pos, SEQRING_WAIT_NONE);
	assert_int_equal(dev.polls, 0);
	ring_close(r);
}

static void rejected(int err)
{
	struct ring_reader *r = NULL;

	assert_rejected(ring_open_fd(dev.w->fds.ring, NULL, &r), err);
	assert_null(r);
}

static void test_open_rejections(void **state)
{
	const struct seqring_geometry good = dev.geometry;
	int before = count_fds();

	(void)state;
#define WRONG(field, value)                   \
	do {                                  \
		dev.geometry.field = (value); \
		rejected(EPROTO);             \
		dev.geometry = good;          \
	} while (0)
	WRONG(nr_rings, 2);
	WRONG(total_size, good.total_size - 4096);
	WRONG(total_size, good.total_size + 4096);
	WRONG(total_size, 0);
	WRONG(data_size, 2 * DATA_SIZE);
	WRONG(payload_max, 1);
	WRONG(clock_id, SEQRING_CLOCK_NONE);
	WRONG(page_size, 1);
	WRONG(features, good.features ^ SEQRING_FEAT_WRITE);
	WRONG(reader_size, 0);
	WRONG(reader_size, good.reader_size - 1);
	WRONG(reader_size, good.reader_size + 1);
	WRONG(reader_size, ~0ULL);
	dev.geometry_err = ENOTTY;
	rejected(EPROTO);
	dev.geometry_err = 0;
	dev.page_err = ENOMEM;
	rejected(ENOMEM);
	dev.page_err = EMFILE;
	rejected(EMFILE);
	assert_int_equal(count_fds(), before);
}

struct later {
	unsigned int ring;
	bool hangup;
};

static void *do_later(void *arg)
{
	const struct later *l = arg;
	uint64_t n = 0;

	sleep_ns(10 * MS);
	if (l->hangup)
		__atomic_store_n(&dev.extra, POLLHUP, __ATOMIC_RELAXED);
	else if (ring_writer_publish(dev.w, l->ring, 7, &n, sizeof(n)))
		abort();
	return NULL;
}

static pthread_t later(struct later *l)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, do_later, l), 0);
	return thread;
}

static void test_wait(void **state)
{
	struct ring_reader *r = open_device(
		OPEN_OPTS(.wake_records = 2, .wake_bytes = 300, .wake_timeout_ns = 5));
	struct later l = { .ring = 1 };
	struct ring_record rec;
	pthread_t thread;

	(void)state;
	publish_numbers(dev.w, 1, 3);
	assert_int_equal(ring_wait(r, 0), 0);
	assert_int_equal(dev.polls, 0);
	while (!ring_read(r, &rec, NULL, 0))
		;
	assert_rejected(ring_wait(r, 100), ETIMEDOUT);
	assert_int_equal(dev.polls, 1);
	assert_int_equal(stats_of(r).waits, 1);
	/* The reader's position and its watermark. */
	assert_int_equal(dev.page->cursor[0].pos, 0);
	assert_int_equal(dev.page->cursor[0].seq, 1);
	assert_int_equal(dev.page->cursor[1].pos, 96);
	assert_int_equal(dev.page->cursor[1].seq, 4);
	assert_int_equal(dev.page->wake_records, 2);
	assert_int_equal(dev.page->wake_bytes, 300);
	assert_int_equal(dev.page->wake_timeout_ns, 5);

	assert_int_equal(ring_set_wakeup(r, 2, 0, 0), 0);
	publish_numbers(dev.w, 1, 1);
	assert_rejected(ring_wait(r, 0), ETIMEDOUT);
	thread = later(&l);
	assert_int_equal(wait_woken(r), 0);
	pthread_join(thread, NULL);
	assert_int_equal(stats_of(r).lag_records, 2);
	/* The time runs from the first unread record, not from the start of the poll. */
	assert_int_equal(dev.page->cursor[1].pos, 96);
	ring_close(r);
}

/* The library trusts the kernel's report that the watermark is met: its timeout is exact. */
static void test_wait_trusts_poll(void **state)
{
	struct ring_reader *r = open_device(OPEN_OPTS(.wake_records = 50));

	(void)state;
	publish_numbers(dev.w, 1, 1);
	dev.extra = POLLIN;
	assert_int_equal(wait_woken(r), 0);
	assert_int_equal(dev.polls, 1);
	ring_close(r);
}

static void test_hup(void **state)
{
	struct ring_reader *r = open_device(OPEN_OPTS(.wake_records = 50));
	struct later l = { .hangup = true };
	struct ring_record rec;
	pthread_t thread;

	(void)state;
	publish_numbers(dev.w, 1, 1);
	thread = later(&l);
	/* Fewer records than the watermark, but no more will come. */
	assert_int_equal(wait_woken(r), 0);
	pthread_join(thread, NULL);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_rejected(ring_wait(r, PATIENCE_MS), ENODEV);
	assert_rejected(ring_read(r, &rec, NULL, 0), ENODEV);
	assert_int_equal(stats_of(r).dead, 1);
	ring_close(r);

	r = open_device(NULL);
	dev.extra = POLLERR;
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	assert_rejected(ring_wait(r, PATIENCE_MS), ENODEV);
	ring_close(r);
}

static void test_fd(void **state)
{
	struct ring_reader *r = open_device(NULL);
	struct ring_record rec;
	int fd;

	(void)state;
	publish_numbers(dev.w, 0, 2);
	assert_int_equal(ring_fd(r, &fd), 0);
	assert_true(is_device(fd));
	assert_int_not_equal(fd, dev.w->fds.ring);
	/* Readable at once, since records are unread, */
	assert_true(ready());
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_true(ready());
	/* until the last one is read: no further call is needed. */
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_false(ready());
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	assert_false(ready());
	assert_int_equal(dev.page->cursor[0].pos, 64);
	assert_int_equal(dev.page->cursor[0].seq, 3);
	publish_numbers(dev.w, 2, 1);
	assert_true(ready());
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	assert_false(ready());
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	assert_true(ready());
	ring_close(r);
}

/*
 * Whoever waits for the descriptor already looks again after a change of the watermark or of the
 * place. An older module, which has no such call, changes nothing else.
 */
static void test_look(void **state)
{
	struct ring_reader *r = open_device(NULL);
	struct ring_record rec;
	unsigned int looks, records = 1, n;
	int fd;

	(void)state;
	publish_numbers(dev.w, 0, 2);
	assert_int_equal(ring_set_wakeup(r, 3, 0, 0), 0);
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	/* Nobody can wait for it yet. */
	assert_int_equal(dev.looks, 0);
	assert_int_equal(ring_fd(r, &fd), 0);
	looks = dev.looks;
	assert_int_equal(ring_set_wakeup(r, 4, 0, 0), 0);
	assert_int_equal(dev.looks, looks + 1);
	assert_int_equal(dev.looked_records, 4);
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	assert_int_equal(dev.looks, looks + 2);
	assert_int_equal(dev.looked_pos, 64);
	dev.look_err = ENOTTY;
	assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
	assert_int_equal(dev.looks, looks + 3);
	assert_int_equal(dev.looked_pos, 0);
	assert_int_equal(ring_set_wakeup(r, 1, 0, 0), 0);
	while (!ring_read(r, &rec, NULL, 0))
		;
	/* A place that moves on by reading needs no call, */
	assert_int_equal(dev.looks, looks + 4);
	/* unless records are left unread: an edge told of them before. */
	dev.look_err = 0;
	for (; records < 4; records += 2) {
		assert_int_equal(ring_set_wakeup(r, records, 0, 0), 0);
		publish_numbers(dev.w, 0, 2);
		looks = dev.looks;
		assert_int_equal(ring_read_batch(r, &rec, 1, NULL, 0, &n), 0);
		assert_int_equal(dev.looks, looks + 1);
		assert_int_equal(ring_read_batch(r, &rec, 1, NULL, 0, &n), 0);
		assert_int_equal(dev.looks, looks + 1);
	}
	ring_close(r);
}

static void *wake_later(void *arg)
{
	sleep_ns(10 * MS);
	ring_wake(arg);
	return NULL;
}

static void test_wake(void **state)
{
	struct ring_reader *r = open_device(NULL);
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wake_later, r), 0);
	assert_rejected(ring_wait(r, PATIENCE_MS), ECANCELED);
	pthread_join(thread, NULL);
	ring_close(r);
}

/* Rings that are not read never wake the reader. */
static void test_one_ring(void **state)
{
	struct ring_reader *r = open_device(OPEN_OPTS(.one_ring = 1, .ring = 1));
	struct ring_record rec;
	int fd;

	(void)state;
	publish_numbers(dev.w, 0, 1);
	assert_int_equal(ring_fd(r, &fd), 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	publish_numbers(dev.w, 2, 1);
	assert_false(ready());
	assert_int_equal(dev.page->cursor[0].pos, SEQRING_WAIT_NONE);
	assert_int_equal(dev.page->cursor[1].pos, 0);
	publish_numbers(dev.w, 1, 1);
	assert_true(ready());
	ring_close(r);
}

static int readable(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, timeout_ms);
}

#define WINDOW (2000 * MS) /* longer than a busy machine pauses */

/* With a merge window the descriptor is an epoll instance with a timer. */
static void test_window(void **state)
{
	struct ring_reader *r = open_device(
		OPEN_OPTS(.merge_window_ns = WINDOW, .wake_records = 9));
	struct ring_record rec;
	uint64_t start = now_ns(), n = 1;
	int fd;

	(void)state;
	publish_numbers(dev.w, 0, 1);
	assert_int_equal(ring_fd(r, &fd), 0);
	assert_false(is_device(fd));
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	/* The instance has asked the device by the cursors as they are. */
	assert_int_equal(dev.looked_pos, 0);
	assert_int_equal(dev.looked_records, 0);
	/* The record that is held back does not make it ready, and nor do a few others. */
	assert_int_equal(dev.page->cursor[0].pos, 0);
	assert_int_equal(dev.page->cursor[1].pos, 0);
	assert_int_equal(dev.page->wake_records, 0);
	assert_int_equal(dev.page->wake_bytes, DATA_SIZE / 2);
	assert_int_equal(dev.page->wake_timeout_ns, 0);
	assert_int_equal(readable(fd, 0), 0);
	assert_int_equal(readable(fd, PATIENCE_MS), 1);
	assert_true(now_ns() >= start + WINDOW);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	assert_int_equal(readable(fd, 0), 0);
	assert_int_equal(dev.page->cursor[0].pos, 32);
	assert_int_equal(dev.page->wake_records, 9);
	assert_int_equal(dev.looked_pos, 32);
	assert_int_equal(dev.looked_records, 9);
	/* The device in it. */
	assert_int_equal(write(dev.event, &n, sizeof(n)), sizeof(n));
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	assert_int_equal(readable(fd, 0), 1);
	assert_int_equal(read(dev.event, &n, sizeof(n)), sizeof(n));
	assert_int_equal(readable(fd, 0), 0);
	ring_writer_close(dev.w);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -ENODEV);
	assert_int_equal(readable(fd, 0), 1);
	dev.w = make_writer(1, 0, 0);
	ring_close(r);
}

/* While a record is held back, a ring that is half unread makes the device ready. */
static void test_window_half(void **state)
{
	struct ring_reader *r = open_device(OPEN_OPTS(.merge_window_ns = 3600 * 1000 * MS));
	const unsigned int half = DATA_SIZE / 2 / 32;
	struct ring_record rec;
	int fd;

	(void)state;
	publish_numbers(dev.w, 0, 1);
	assert_int_equal(ring_fd(r, &fd), 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	assert_false(ready());
	publish_numbers(dev.w, 0, half - 2);
	assert_false(ready());
	publish_numbers(dev.w, 0, 1);
	assert_true(ready());
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(stats_of(r).early, 1);
	ring_close(r);
}

static void test_window_wait(void **state)
{
	struct ring_reader *r = open_device(OPEN_OPTS(.merge_window_ns = WINDOW));
	uint64_t start = now_ns();

	(void)state;
	publish_numbers(dev.w, 0, 1);
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	assert_int_equal(wait_woken(r), 0);
	assert_true(now_ns() >= start + WINDOW);
	ring_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_rejections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_trusts_poll, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_look, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_window, setup, teardown),
		cmocka_unit_test_setup_teardown(test_window_half, setup, teardown),
		cmocka_unit_test_setup_teardown(test_window_wait, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

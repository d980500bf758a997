// SPDX-License-Identifier: GPL-2.0-only
/* Readers of a served memfd ring: each is woken by its own watermark, and alone. */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "greeting.h"
#include "run_dir.h"

#define LAZY	  1000u /* records of a watermark */
#define CROWD	  1001u
#define FDS	  10u /* of a reader, and of the writer for it, at most */
#define FEW_FILES 64u /* an RLIMIT_NOFILE at which some readers have no slot */

/* A ring that a thread serves. */
static struct served {
	struct ring_writer *w;
	pthread_t thread;
	struct rlimit files;
	int fd;
	int stop;
} served;

static void *serve(void *arg)
{
	struct pollfd pfd = { .fd = served.fd, .events = POLLIN };

	(void)arg;
	while (!__atomic_load_n(&served.stop, __ATOMIC_RELAXED)) {
		poll(&pfd, 1, 1);
		ring_writer_serve(served.w);
	}
	return NULL;
}

static void start(uint32_t nr_rings, uint32_t flags)
{
	served.w = make_writer(nr_rings, SEQRING_CLOCK_MONOTONIC, flags);
	served.stop = 0;
	/* Before the thread starts: while it only binds the socket, a reader is refused. */
	assert_int_equal(ring_writer_listen(served.w, "slots", &served.fd), 0);
	assert_int_equal(pthread_create(&served.thread, NULL, serve, NULL), 0);
}

static void stop_serving(void)
{
	__atomic_store_n(&served.stop, 1, __ATOMIC_RELAXED);
	pthread_join(served.thread, NULL);
}

static void stop(void)
{
	stop_serving();
	ring_writer_close(served.w);
}

static int setup(void **state)
{
	(void)state;
	run_dir_name();
	getrlimit(RLIMIT_NOFILE, &served.files);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	setrlimit(RLIMIT_NOFILE, &served.files);
	run_dir_remove();
	return 0;
}

/* Arms: the descriptor is readable only when the reader is woken. */
static struct ring_reader *listening(struct ring_reader *r)
{
	int fd;

	assert_int_equal(ring_fd(r, &fd), 0);
	return r;
}

static struct ring_reader *open_served(uint64_t wake_records)
{
	struct ring_reader *r = NULL;

	assert_int_equal(ring_open("slots", OPEN_OPTS(.wake_records = wake_records), &r), 0);
	return listening(r);
}

/* Reads all there is, and arms. */
static void drain(struct ring_reader *r)
{
	struct ring_record rec;

	while (!ring_read(r, &rec, NULL, 0))
		;
}

/* Whether the reader was woken. ring_fd() itself would look at the ring. */
static bool woken(const struct ring_reader *r)
{
	struct pollfd pfd = { .fd = r->wakeup.app_fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static bool edge(int epfd, struct ring_reader *r)
{
	struct epoll_event ev;

	if (epoll_wait(epfd, &ev, 1, 0) != 1)
		return false;
	drain(r);
	return true;
}

static int watch(struct ring_reader *r)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int epfd = epoll_create1(EPOLL_CLOEXEC), fd;

	assert_int_equal(ring_fd(r, &fd), 0);
	assert_int_equal(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev), 0);
	drain(r);
	epoll_wait(epfd, &ev, 1, 0);
	return epfd;
}

/* Counts the wake-ups of a reader that wants LAZY records at a time; beside @eager, if not NULL. */
static unsigned int count_wakes(struct ring_reader *eager)
{
	struct ring_reader *lazy = open_served(LAZY);
	int epfd = watch(lazy), other = eager ? watch(eager) : -1;
	unsigned int i, n = 0;

	for (i = 0; i < 20 * LAZY; i++) {
		publish_numbers(served.w, 0, 1);
		if (eager)
			assert_true(edge(other, eager));
		n += edge(epfd, lazy);
	}
	close(epfd);
	ring_close(lazy);
	if (eager)
		close(other);
	return n;
}

/* A watermark is worth the same beside a reader that wants each record. */
static void test_watermark_beside_eager(void **state)
{
	struct ring_reader *eager;
	unsigned int alone, beside;

	(void)state;
	start(1, 0);
	alone = count_wakes(NULL);
	eager = open_served(0);
	beside = count_wakes(eager);
	assert_in_range(alone, 20, 24);
	assert_in_range(beside, alone - 1, alone + 1);
	ring_close(eager);
	stop();
}

/* The same with several rings, of which each has thresholds in a slot. */
static void test_each_ring(void **state)
{
	struct ring_reader *eager, *lazy;
	unsigned int i, ring;
	int of_eager, of_lazy;

	(void)state;
	start(3, 0);
	eager = open_served(0);
	lazy = open_served(3);
	of_eager = watch(eager);
	of_lazy = watch(lazy);
	for (i = 0; i < 12; i++) {
		ring = i / 3 % 3;
		publish_numbers(served.w, ring, 1);
		assert_true(edge(of_eager, eager));
		assert_int_equal(edge(of_lazy, lazy), i % 3 == 2);
	}
	close(of_eager);
	close(of_lazy);
	ring_close(eager);
	ring_close(lazy);
	stop();
}

/* Asks for one more record than there was, or for bytes: both are thresholds of the slot. */
static void test_bytes(void **state)
{
	struct ring_reader *eager, *lazy = NULL;
	int of_eager, of_lazy;
	unsigned int i;

	(void)state;
	start(1, 0);
	eager = open_served(0);
	assert_int_equal(ring_open("slots", OPEN_OPTS(.wake_bytes = 4 * 32), &lazy), 0);
	of_eager = watch(eager);
	of_lazy = watch(lazy);
	for (i = 1; i <= 16; i++) {
		publish_numbers(served.w, 0, 1);
		assert_true(edge(of_eager, eager));
		assert_int_equal(edge(of_lazy, lazy), i % 4 == 0);
	}
	close(of_eager);
	close(of_lazy);
	ring_close(eager);
	ring_close(lazy);
	stop();
}

/* A reader by ring_open_fds() has the ring's own doorbell, and is woken beside those with slots. */
static void test_beside_shared(void **state)
{
	struct ring_reader *shared, *own;
	unsigned int i;

	(void)state;
	start(1, 0);
	own = open_served(0);
	shared = listening(open_reader(served.w, NULL));
	for (i = 0; i < 100; i++) {
		assert_false(woken(own));
		assert_false(woken(shared));
		publish_numbers(served.w, 0, 1);
		assert_true(woken(shared));
		assert_true(woken(own));
		drain(i % 2 ? own : shared);
		drain(i % 2 ? shared : own);
	}
	ring_close(own);
	ring_close(shared);
	stop();
}

/* Waits until the writer has noticed that the reader of a slot is gone. */
static void wait_unused(unsigned int slot)
{
	unsigned int tries;

	for (tries = 0; seqring_read(&served.w->slots.used[slot]); tries++) {
		assert_true(tries < PATIENCE_MS);
		sleep_ns(MS);
	}
}

/* A library without slots: it takes 16 bytes of the greeting, and arms the ring's thresholds. */
struct old_reader {
	int conn, fds[3], epfd;
	struct seqring_wait *wait;
};

static void open_old(struct old_reader *o)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(o->fds))];
	} control;
	struct libring_hello hello = { .slot_offset = 0 };
	struct iovec iov = { &hello, LIBRING_HELLO_MIN };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(o->fds)),
	};
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	o->conn = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	strcpy(addr.sun_path, path_of("slots"));
	assert_int_equal(connect(o->conn, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(recvmsg(o->conn, &msg, MSG_CMSG_CLOEXEC), LIBRING_HELLO_MIN);
	assert_false(msg.msg_flags & MSG_CTRUNC);
	assert_int_equal(hello.version, 1);
	memcpy(o->fds, CMSG_DATA(&control.header), sizeof(o->fds));
	o->wait = mmap(NULL, sizeof(*o->wait), PROT_READ | PROT_WRITE, MAP_SHARED, o->fds[1], 0);
	assert_true(o->wait != MAP_FAILED);
	o->epfd = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(epoll_ctl(o->epfd, EPOLL_CTL_ADD, o->fds[2], &ev), 0);
}

static void close_old(struct old_reader *o)
{
	munmap(o->wait, sizeof(*o->wait));
	close(o->fds[0]);
	close(o->fds[1]);
	close(o->fds[2]);
	close(o->epfd);
	close(o->conn);
}

static void test_old_reader(void **state)
{
	struct ring_reader *eager;
	struct epoll_event ev;
	struct old_reader old;
	unsigned int i;
	int epfd;

	(void)state;
	start(1, 0);
	eager = open_served(0);
	/* Its slot had a reader that knew slots. */
	ring_close(open_served(0));
	wait_unused(1);
	open_old(&old);
	assert_int_equal(seqring_read(&served.w->slots.used[1]), 1);
	epfd = watch(eager);
	for (i = 0; i < 10; i++) {
		/* Hidden behind the lower threshold of the other reader, or lower than that. */
		seqring_reader_arm(old.wait, i % 2 ? 0 : SEQRING_WAIT_NONE - 1, SEQRING_WAIT_NONE);
		publish_numbers(served.w, 0, 1);
		assert_true(edge(epfd, eager));
		assert_int_equal(epoll_wait(old.epfd, &ev, 1, 0), 1);
	}
	close(epfd);
	close_old(&old);
	ring_close(eager);
	stop();
}

/* A slot whose reader is gone serves the next one, which gets nothing of the first one's. */
static void test_used_again(void **state)
{
	struct ring_reader *first, *second, *eager;
	uint64_t one = 1, count = 0, wakeups;
	struct pollfd pfd = { .events = POLLIN };
	int at;

	(void)state;
	start(1, 0);
	eager = open_served(0);
	first = open_served(1);
	assert_int_equal(ring_fd(first, &pfd.fd), 0);
	at = fcntl(seqring_read(&served.w->slots.doorbell[1]), F_DUPFD_CLOEXEC, 0);
	assert_true(at >= 0);
	ring_close(first);
	wait_unused(1);
	second = open_served(3);
	assert_int_equal(ring_fd(second, &pfd.fd), 0);
	assert_int_equal(seqring_read(&served.w->slots.top), 2);
	/* The threshold of 1 record is gone, and so is the doorbell. */
	drain(eager);
	publish_numbers(served.w, 0, 1);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(write(at, &one, sizeof(one)), sizeof(one));
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(read(at, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	publish_numbers(served.w, 0, 2);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	close(at);
	/* Nobody is left: what the readers armed wakes nobody. */
	drain(eager);
	drain(second);
	ring_close(second);
	ring_close(eager);
	wait_unused(0);
	wait_unused(1);
	wakeups = served.w->rings[0].w.ctl->wakeups;
	publish_numbers(served.w, 0, 5);
	assert_int_equal(served.w->rings[0].w.ctl->wakeups, wakeups);
	stop();
}

/* Where there are more readers than doorbells, the others share one; each is woken. */
static void test_more_than_slots(void **state)
{
	enum { NR = 24 };
	struct rlimit low = served.files;
	struct ring_reader *r[NR];
	unsigned int i, k, own = 0;

	(void)state;
	low.rlim_cur = FEW_FILES;
	setrlimit(RLIMIT_NOFILE, &low);
	start(1, 0);
	setrlimit(RLIMIT_NOFILE, &served.files);
	for (i = 0; i < NR; i++)
		r[i] = open_served(0);
	for (i = 0; i < seqring_read(&served.w->slots.top); i++)
		own += seqring_read(&served.w->slots.used[i]);
	assert_int_equal(own, FEW_FILES / 4);
	for (k = 0; k < 10; k++) {
		for (i = 0; i < NR; i++)
			assert_false(woken(r[i]));
		publish_numbers(served.w, 0, 1);
		for (i = 0; i < NR; i++) {
			assert_true(woken(r[i]));
			drain(r[i]);
		}
	}
	for (i = 0; i < NR; i++)
		ring_close(r[i]);
	stop();
}

/* A reader may write anything to the slots: the writer goes on, and others are woken by it. */
static void test_liar(void **state)
{
	static const uint64_t lies[] = { 0, 7, 1ULL << 63, UINT64_MAX };
	struct ring_reader *liar, *honest;
	struct seqring_wait_slot *slot;
	unsigned int i, k;

	(void)state;
	start(1, 0);
	honest = open_served(0);
	liar = open_served(0);
	for (i = 0; i < 64; i++) {
		drain(honest);
		assert_false(woken(honest));
		for (k = 0; k < LIBRING_SLOTS; k++) {
			if (!k)
				continue;
			slot = libring_slot_at(&served.w->slots, k);
			seqring_write(&slot->own, lies[i % 4]);
			seqring_write(&slot->ring[0].pos, lies[i / 4 % 4]);
			seqring_write(&slot->ring[0].seq, lies[i / 16]);
		}
		seqring_write(&served.w->wait[0].pos, i % 2 ? 0 : served.w->wait[0].pos);
		publish_numbers(served.w, 0, 1);
		assert_true(woken(honest));
	}
	/* While it arms the honest one's slot, it takes that one's wake-ups, and none later. */
	ring_close(liar);
	drain(honest);
	assert_false(woken(honest));
	publish_numbers(served.w, 0, 1);
	assert_true(woken(honest));
	ring_close(honest);
	stop();
}

/* No doorbell is closed while a thread may be about to ring it. */
static void test_no_early_close(void **state)
{
	struct pollfd pfd = { .events = POLLIN };
	struct ring_slots *s;
	int doorbell;

	(void)state;
	start(1, 0);
	stop_serving();
	s = &served.w->slots;
	doorbell = libring_slots_take(s, 1);
	assert_int_equal(doorbell, 0);
	assert_int_equal(libring_slots_take(s, 1), -1);
	doorbell = s->doorbell[0];
	s->waking = 1;
	libring_slots_give_back(s, 0);
	pfd.fd = doorbell;
	assert_int_equal(ring_writer_serve(served.w), 0);
	assert_int_equal(s->doorbell[0], doorbell);
	assert_true(fcntl(doorbell, F_GETFD) >= 0);
	/* The next reader of the slot gets another one by the same number. */
	libring_doorbells_ring(served.w, &doorbell, 1);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(libring_slots_take(s, 1), 0);
	assert_int_equal(s->doorbell[0], doorbell);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	libring_slots_give_back(s, 0);
	assert_true(fcntl(doorbell, F_GETFD) >= 0);
	s->waking = 0;
	assert_int_equal(ring_writer_serve(served.w), 0);
	assert_int_equal(s->doorbell[0], -1);
	assert_true(fcntl(doorbell, F_GETFD) < 0);
	ring_writer_close(served.w);
}

/* Opens a ring by a connection whose peer sends @len bytes of a greeting with this offset. */
static int open_at(uint64_t offset, size_t len, struct ring_reader **r)
{
	const struct libring_hello hello = { SEQRING_MAGIC, 1, 0, offset };
	struct ring_fds fds;

	assert_int_equal(ring_writer_fds(served.w, &fds), 0);
	return open_greeted(hello, len, fds, r);
}

/* The greeting names a slot that is none. */
static void test_bad_offset(void **state)
{
	const size_t first = 2 * sizeof(struct seqring_wait), whole = sizeof(struct libring_hello);
	uint64_t last, size;
	size_t i;

	(void)state;
	start(2, 0);
	size = served.w->wait_size;
	last = size - served.w->slots.stride;
	{
		const struct {
			uint64_t offset;
			size_t len;
			int err;
		} table[] = {
			{ 0, whole, 0 },
			{ first, whole, 0 },
			{ last, whole, 0 },
			/* Of an earlier version, or cut: it names no slot. */
			{ 8, LIBRING_HELLO_MIN, 0 },
			{ 8, whole - 1, 0 },
			{ 8, whole, EPROTO },
			{ first - 8, whole, EPROTO },
			{ first + 4, whole, EPROTO },
			{ last + 8, whole, EPROTO },
			{ size, whole, EPROTO },
			{ size + 8, whole, EPROTO },
			{ UINT64_MAX - 7, whole, EPROTO },
		};

		for (i = 0; i < ARRAY_SIZE(table); i++) {
			struct ring_reader *r = NULL;
			int err = open_at(table[i].offset, table[i].len, &r);

			assert_int_equal(err, -table[i].err);
			if (err)
				assert_non_null(strstr(ring_strerror(), "names a slot"));
			ring_close(r);
		}
	}
	stop();
}

/* An application watches the descriptors of many readers: the kernel refused the 501st once. */
static void test_crowd(void **state)
{
	static struct ring_reader *r[CROWD];
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct rlimit files = served.files;
	int epfd = epoll_create1(EPOLL_CLOEXEC), fd;
	unsigned int i, n = 0;

	(void)state;
	if (files.rlim_max < (rlim_t)CROWD * FDS)
		skip();
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	start(1, 0);
	for (i = 0; i < CROWD; i++) {
		r[i] = open_served(i % 2 ? 2 : 0);
		assert_int_equal(ring_fd(r[i], &fd), 0);
		ev.data.u32 = i;
		assert_int_equal(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev), 0);
	}
	/* The first record wakes half of them, the second one the others. */
	publish_numbers(served.w, 0, 1);
	while (epoll_wait(epfd, &ev, 1, 0) == 1) {
		assert_int_equal(ev.data.u32 % 2, 0);
		n++;
	}
	assert_int_equal(n, CROWD / 2 + 1);
	publish_numbers(served.w, 0, 1);
	for (n = 0; epoll_wait(epfd, &ev, 1, 0) == 1; n++)
		assert_int_equal(ev.data.u32 % 2, 1);
	assert_int_equal(n, CROWD / 2);
	for (i = 0; i < CROWD; i++)
		ring_close(r[i]);
	close(epfd);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_watermark_beside_eager, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beside_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_used_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_than_slots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_liar, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_early_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_offset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

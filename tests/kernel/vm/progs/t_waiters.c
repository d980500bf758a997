// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiters of a device that share, end or turn into something else: threads on one epoll instance,
 * a child with an inherited one, requests that are cancelled, and a timeout that ends while poll()
 * looks.
 *
 *   t_waiters [ROUNDS]
 */
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "../../../lib/wait_way.h"
#include "dev.h"

#define NAME	   "waiters"
#define PATIENCE   30000
#define NR_THREADS 4
#define NR_AIO	   200

static unsigned int rounds = 300;

static int open_with(int flags)
{
	int fd = dev_open_fd(NAME, flags);

	if (fd < 0)
		T_DIE("setup.open", "%s", strerror(errno));
	/* Only what is published from now on. */
	if (lseek(fd, 0, SEEK_END))
		T_DIE("setup.seek", "%s", strerror(errno));
	return fd;
}

static int epoll_on(int fd, uint32_t events)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);

	waiting_ctl(ep, EPOLL_CTL_ADD, fd, events);
	return ep;
}

static int epoll_events(int ep, int timeout_ms)
{
	struct epoll_event ev;
	int n;

	do {
		n = epoll_wait(ep, &ev, 1, timeout_ms);
	} while (n < 0 && errno == EINTR);
	return n;
}

static void publish(int fd)
{
	if (write(fd, "record", 6) != 6)
		T_DIE("setup.publish", "%s", strerror(errno));
}

static bool read_one(int fd)
{
	unsigned char buf[seqring_record_size(6)];

	return read(fd, buf, sizeof(buf)) == (ssize_t)sizeof(buf);
}

/* --- several waiters -------------------------------------------------------------------- */

/* @nr_read: records that the threads have read together */
struct crew {
	int ep;
	int fd;
	uint32_t events;
	unsigned int nr_read;
	bool stop;
};

static void *crew_member(void *arg)
{
	struct crew *c = arg;

	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		if (epoll_events(c->ep, -1) != 1)
			continue;
		while (read_one(c->fd))
			__atomic_add_fetch(&c->nr_read, 1, __ATOMIC_RELEASE);
		if (c->events & EPOLLONESHOT)
			waiting_ctl(c->ep, EPOLL_CTL_MOD, c->fd, c->events);
	}
	return NULL;
}

/* A thread that is woken wakes in time for each record, while the others sleep on. */
static void threads(int w, const char *name, uint32_t events)
{
	struct crew c = { .fd = open_with(O_RDONLY | O_NONBLOCK), .events = events };
	int end = eventfd(0, EFD_CLOEXEC);
	pthread_t thread[NR_THREADS];
	unsigned int i, n;
	uint64_t until;

	c.ep = epoll_on(c.fd, events);
	waiting_ctl(c.ep, EPOLL_CTL_ADD, end, EPOLLIN);
	for (i = 0; i < NR_THREADS; i++)
		if (pthread_create(&thread[i], NULL, crew_member, &c))
			T_DIE("setup.thread", "pthread_create");
	for (n = 0; n < rounds; n++) {
		publish(w);
		until = now_ns() + PATIENCE * MS;
		while (__atomic_load_n(&c.nr_read, __ATOMIC_ACQUIRE) <= n && now_ns() < until)
			sleep_ns(MS / 20);
		if (c.nr_read <= n)
			break;
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELEASE);
	eventfd_write(end, 1);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	t_check(n == rounds && c.nr_read == rounds, name, "%u of %u records were read", c.nr_read,
		rounds);
	close(end);
	close(c.ep);
	close(c.fd);
}

/* Return: exit status of a child that waits for and reads a record, 0 if it got one. */
static void child_waits(int ep, int fd)
{
	_exit(epoll_events(ep, PATIENCE) == 1 && read_one(fd) ? 0 : 1);
}

/* A child inherits the epoll instance: both are woken, also when the parent's file is closed. */
static void inherited(int w)
{
	int fd = open_with(O_RDONLY | O_NONBLOCK), ep = epoll_on(fd, EPOLLIN | EPOLLET), i, status;
	unsigned int bad[3] = { 0 };
	pid_t pid;

	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid)
			child_waits(ep, fd);
		sleep_ns(i % 2 ? MS : 0);
		publish(w);
		bad[0] += waitpid(pid, &status, 0) != pid || status;
		while (read_one(fd))
			;
		while (epoll_events(ep, 0) > 0)
			;
		publish(w);
		bad[1] += epoll_events(ep, PATIENCE) != 1 || !read_one(fd);
	}
	pid = fork();
	if (!pid) {
		sleep_ns(5 * MS);
		child_waits(ep, fd);
	}
	close(fd);
	sleep_ns(10 * MS);
	publish(w);
	bad[2] += waitpid(pid, &status, 0) != pid || status;
	T_EQ("waiters.fork.child", bad[0], 0);
	T_EQ("waiters.fork.parent_goes_on", bad[1], 0);
	T_EQ("waiters.fork.parent_closed", bad[2], 0);
	close(ep);
}

/* --- what arms, and what changes -------------------------------------------------------- */

/* Who waits for room to write alone costs the writer no wake-up. */
static void pollout(int w)
{
	int fd = open_with(O_RDWR | O_NONBLOCK), ep = epoll_on(fd, EPOLLOUT | EPOLLET), i, bad = 0;
	uint64_t before = dev_stats(fd, 0).wakeups;
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	for (i = 0; i < 20; i++) {
		bad += poll(&p, 1, 0) != 1 || p.revents != POLLOUT;
		epoll_events(ep, 0);
		publish(w);
		sleep_ns(MS);
	}
	T_EQ("waiters.pollout.ready", bad, 0);
	T_EQ("waiters.pollout.arms_nothing", dev_stats(fd, 0).wakeups, before);
	waiting_ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET);
	publish(w);
	T_EQ("waiters.pollin.woken", epoll_events(ep, PATIENCE), 1);
	for (i = 0; i < 1000 && dev_stats(fd, 0).wakeups == before; i++)
		sleep_ns(MS);
	T_TRUE("waiters.pollin.arms", dev_stats(fd, 0).wakeups > before);
	close(ep);
	close(fd);
}

/* The first reader page makes poll() go by its cursors: by these, all is unread. */
static void reader_page(int w)
{
	int fd = open_with(O_RDONLY | O_NONBLOCK), ep = epoll_on(fd, EPOLLIN | EPOLLET), page;

	publish(w);
	lseek(fd, 0, SEEK_END);
	while (epoll_events(ep, 10) > 0)
		;
	page = ioctl(fd, SEQRING_IOC_READER_FD, 0);
	T_TRUE("waiters.reader_page.opens", page >= 0);
	T_EQ("waiters.reader_page.wakes", epoll_events(ep, PATIENCE), 1);
	close(page);
	close(ep);
	close(fd);
}

/*
 * A timeout that ends while poll() looks is reported, and the waiter is woken for the next record
 * all the same. The moment is tried from a little before the end on.
 */
#define SHORT_TIMEOUT (MS / 5)

static void open_with_timeout(struct dev *d)
{
	dev_open(d, NAME, O_RDONLY);
	dev_reader_page(d);
	d->page->wake_records = 1000;
	d->page->wake_timeout_ns = SHORT_TIMEOUT;
	seqring_reader_seek_head(&d->r[0]);
	dev_store_cursor(d, 0);
}

/* Publishes a record. Returns shortly before its timeout ends, or just after. */
static void publish_and_approach(int w, unsigned int i)
{
	uint64_t at;

	publish(w);
	at = now_ns() + SHORT_TIMEOUT - i % 400 * 100;
	while (now_ns() < at)
		;
}

static void read_all(struct dev *d)
{
	struct seqring_view v;
	unsigned char buf[64];

	while (dev_read(d, 0, &v, buf, sizeof(buf)) == SEQRING_OK)
		;
}

static void ends_meanwhile(int w)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	unsigned int i, lost = 0;
	struct dev d;
	int ep;

	open_with_timeout(&d);
	ep = epoll_on(d.fd, EPOLLIN | EPOLLET);
	for (i = 0; i < 10 * rounds && !lost; i++) {
		publish_and_approach(w, i);
		epoll_ctl(ep, EPOLL_CTL_MOD, d.fd, &ev);
		lost += epoll_events(ep, PATIENCE) != 1;
		/* A second report of the same end may be on its way. */
		while (epoll_events(ep, i % 2) > 0)
			;
		publish(w);
		lost += epoll_events(ep, PATIENCE) != 1;
		read_all(&d);
		while (epoll_events(ep, 0) > 0)
			;
	}
	t_check(!lost, "waiters.timeout_ends_meanwhile", "lost in round %u", i);
	close(ep);
	dev_close(&d);
}

/* --- io_uring and AIO ------------------------------------------------------------------- */

/* A poll that is cancelled while a record comes completes once, one way or the other. */
static void uring_cancel(int w, const char *name, uint32_t flags)
{
	unsigned int i, wrong = 0, cancelled = 0, done;
	int fd = open_with(O_RDONLY | O_NONBLOCK), end;
	struct io_uring_cqe cqe;
	struct uring u;

	if (uring_open(&u, 8, 0))
		T_DIE("setup.uring", "%s", strerror(errno));
	for (i = 0; i < rounds; i++) {
		uring_prepare_poll(&u, fd, POLLIN, flags, 1);
		uring_submit(&u);
		if (i % 2)
			publish(w);
		uring_prepare(&u, IORING_OP_ASYNC_CANCEL, -1, 2)->addr = 1;
		for (done = 0, end = 0; done < 2 || !end;) {
			if (!uring_wait(&u, PATIENCE, &cqe)) {
				wrong++;
				break;
			}
			if (cqe.user_data == 2) {
				done = 2;
				continue;
			}
			cancelled += cqe.res == -ECANCELED;
			wrong += cqe.res != -ECANCELED && cqe.res <= 0;
			end += !(cqe.flags & IORING_CQE_F_MORE);
		}
		wrong += end != 1;
		while (read_one(fd))
			;
		wrong += uring_wait(&u, 0, &cqe);
		/* The next one works. */
		uring_prepare_poll(&u, fd, POLLIN, 0, 3);
		uring_submit(&u);
		publish(w);
		wrong += !uring_wait(&u, PATIENCE, &cqe) || cqe.user_data != 3 || cqe.res <= 0;
		while (read_one(fd))
			;
	}
	t_check(!wrong && cancelled, name, "%u wrong, %u cancelled", wrong, cancelled);
	uring_close(&u);
	close(fd);
}

/* Cancels the poll 1 and takes its last completion. */
static void uring_end_poll(struct uring *u)
{
	struct io_uring_cqe cqe;
	bool cancelled = false, ended = false;

	uring_prepare(u, IORING_OP_ASYNC_CANCEL, -1, 2)->addr = 1;
	uring_submit(u);
	while (!cancelled || !ended) {
		if (!uring_wait(u, PATIENCE, &cqe))
			T_DIE("setup.uring", "a cancelled poll does not end");
		cancelled |= cqe.user_data == 2;
		ended |= cqe.user_data == 1 && !(cqe.flags & IORING_CQE_F_MORE);
	}
}

/*
 * As ends_meanwhile(). Unlike epoll, a multishot poll does not ask again what it reports from its
 * first question, so only the first question can have armed it.
 */
static void uring_ends_meanwhile(int w)
{
	unsigned int i, lost = 0;
	struct io_uring_cqe cqe;
	struct uring u;
	struct dev d;

	open_with_timeout(&d);
	if (uring_open(&u, 8, 0))
		T_DIE("setup.uring", "%s", strerror(errno));
	for (i = 0; i < 4 * rounds && !lost; i++) {
		publish_and_approach(w, i);
		uring_prepare_poll(&u, d.fd, POLLIN, IORING_POLL_ADD_MULTI, 1);
		uring_submit(&u);
		lost += !uring_wait(&u, PATIENCE, &cqe);
		while (uring_wait(&u, i % 2, &cqe))
			;
		publish(w);
		lost += !uring_wait(&u, PATIENCE, &cqe);
		uring_end_poll(&u);
		read_all(&d);
	}
	t_check(!lost, "waiters.uring.timeout_ends_meanwhile", "lost in round %u", i);
	uring_close(&u);
	dev_close(&d);
}

/* Prepares a read(2) from the present position. */
static void prepare_read(struct uring *u, int fd, void *buf, unsigned int len, uint64_t user_data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_READ, fd, user_data);

	sqe->addr = (uintptr_t)buf;
	sqe->len = len;
	sqe->off = ~0ULL;
}

/* A read that waits returns the next record, also behind a poll that it is linked to. */
static void uring_reads(int w, const char *name, bool linked)
{
	unsigned int i, early = 0, wrong = 0;
	unsigned char buf[SEQRING_RECORD_ALIGN * 16];
	int fd = open_with(O_RDONLY);
	struct io_uring_cqe cqe;
	struct uring u;

	if (uring_open(&u, 8, 0))
		T_DIE("setup.uring", "%s", strerror(errno));
	for (i = 0; i < rounds / 3 && !wrong; i++) {
		if (i % 3 == 2)
			publish(w);
		if (linked)
			uring_prepare_poll(&u, fd, POLLIN, 0, 1)->flags = IOSQE_IO_LINK;
		prepare_read(&u, fd, buf, sizeof(buf), 2);
		uring_submit(&u);
		if (i % 3 != 2) {
			early += uring_wait(&u, i % 3, &cqe);
			publish(w);
		}
		if (linked)
			wrong += !uring_wait(&u, PATIENCE, &cqe) || cqe.user_data != 1 ||
				 cqe.res <= 0;
		wrong += !uring_wait(&u, PATIENCE, &cqe) || cqe.user_data != 2 || cqe.res != 32;
		wrong += uring_wait(&u, 0, &cqe);
	}
	t_check(!wrong && !early, name, "%u wrong, %u early, round %u", wrong, early, i);
	uring_close(&u);
	close(fd);
}

/* Many polls on one file: some are cancelled, the others complete with the next record. */
static void aio_many(int w)
{
	int fd = open_with(O_RDONLY | O_NONBLOCK), n;
	unsigned int i, round, total, wrong = 0, missing = 0;
	static struct iocb cb[NR_AIO];
	struct io_event ev[NR_AIO], one;
	aio_context_t ctx = aio_open(NR_AIO);

	for (round = 0; round < 5; round++) {
		for (i = 0; i < NR_AIO; i++)
			if (aio_poll(ctx, &cb[i], fd, i))
				T_DIE("setup.aio", "io_submit");
		for (i = 1; i < NR_AIO; i += 2)
			wrong += syscall(SYS_io_cancel, ctx, &cb[i], &one) != -1 ||
				 errno != EINPROGRESS;
		sleep_ns(round % 2 ? 5 * MS : 0);
		publish(w);
		for (total = 0; total < NR_AIO; total += (unsigned int)n) {
			n = aio_wait(ctx, ev, NR_AIO, PATIENCE);
			if (!n)
				break;
			/* A record that comes before the cancelled one has ended is reported. */
			for (i = 0; i < (unsigned int)n; i++)
				wrong += !(ev[i].data % 2) && !(ev[i].res & POLLIN);
		}
		missing += NR_AIO - total;
		while (read_one(fd))
			;
	}
	t_check(!wrong && !missing, "waiters.aio.many", "%u wrong, %u missing", wrong, missing);
	/* Cancelled, and no record comes: it ends all the same. */
	if (aio_poll(ctx, &cb[0], fd, 7))
		T_DIE("setup.aio", "io_submit");
	syscall(SYS_io_cancel, ctx, &cb[0], &one);
	n = aio_wait(ctx, ev, 1, PATIENCE);
	t_check(n == 1 && ev[0].data == 7 && !ev[0].res, "waiters.aio.cancelled",
		"%d events, result %lld", n, n ? (long long)ev[0].res : 0);
	aio_close(ctx);
	close(fd);
}

int main(int argc, char **argv)
{
	int w;

	if (argc > 1)
		rounds = (unsigned int)strtoul(argv[1], NULL, 0);
	alarm(300);
	if (dev_create(NAME, SEQRING_DATA_SIZE_MIN))
		T_DIE("setup.create", "%s", strerror(errno));
	w = dev_open_fd(NAME, O_WRONLY);
	threads(w, "waiters.threads.level", EPOLLIN);
	threads(w, "waiters.threads.edge", EPOLLIN | EPOLLET);
	threads(w, "waiters.threads.oneshot", EPOLLIN | EPOLLONESHOT);
	threads(w, "waiters.threads.exclusive", EPOLLIN | EPOLLEXCLUSIVE);
	inherited(w);
	pollout(w);
	reader_page(w);
	ends_meanwhile(w);
	uring_ends_meanwhile(w);
	uring_cancel(w, "waiters.uring.cancel", 0);
	uring_cancel(w, "waiters.uring.cancel_multishot", IORING_POLL_ADD_MULTI);
	uring_reads(w, "waiters.uring.read", false);
	uring_reads(w, "waiters.uring.linked_read", true);
	aio_many(w);
	close(w);
	if (dev_destroy(NAME))
		T_DIE("setup.destroy", "%s", strerror(errno));
	return t_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device as a file: reads into pieces, splice, calls that must not wait, what another
 * process may hold up, and how long a call keeps its CPU.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "mod.h"

#define NAME   "fl"
#define RECORD 32 /* of 8 payload bytes */

static int open_new(uint64_t size)
{
	if (dev_create(NAME, size))
		T_DIE("file.setup", "create: %s", strerror(errno));
	return dev_open_fd(NAME, O_RDWR);
}

static void close_and_destroy(int fd)
{
	close(fd);
	dev_destroy(NAME);
}

static void publish(int fd, int nr)
{
	while (nr--)
		if (write(fd, "01234567", 8) != 8)
			T_DIE("file.setup", "write: %s", strerror(errno));
}

static int unread_bytes(int fd)
{
	int bytes = -1;

	return ioctl(fd, FIONREAD, &bytes) ? -1 : bytes;
}

static void pieces(void)
{
	char a[RECORD], b[RECORD], c[RECORD + 8];
	struct iovec v[3] = { { a, sizeof(a) }, { b, sizeof(b) }, { c, sizeof(c) } };
	int fd = open_new(65536);

	T_EQ("file.fionread_empty", unread_bytes(fd), 0);
	publish(fd, 1);
	T_EQ("file.fionread_one", unread_bytes(fd), RECORD);
	T_RET("file.readv_returns_what_there_is", readv(fd, v, 3), RECORD);
	publish(fd, 4);
	T_EQ("file.fionread_four", unread_bytes(fd), 4 * RECORD);
	/* A record may lie across two pieces. */
	v[0].iov_len = 20;
	T_RET("file.readv_whole_records", readv(fd, v, 3), 2 * RECORD);
	v[0].iov_len = 10;
	T_ERR("file.readv_too_small", readv(fd, v, 1), EMSGSIZE);
	T_EQ("file.readv_keeps_the_record", unread_bytes(fd), 2 * RECORD);
	T_ERR("file.readv_fault", readv(fd, &(struct iovec) { (void *)8, 4096 }, 1), EFAULT);
	T_EQ("file.fault_keeps_the_record", unread_bytes(fd), 2 * RECORD);
	T_RET("file.readv_after_fault", read(fd, c, sizeof(c)), RECORD);
	T_ERR("file.pread", pread(fd, c, sizeof(c), 0), ESPIPE);
	T_ERR("file.pwrite", pwrite(fd, c, 8, 0), ESPIPE);
	close_and_destroy(fd);
}

static void empty_writes(void)
{
	int fd = open_new(65536);
	struct iovec none = { "", 0 };

	T_RET("file.write_nothing", write(fd, "", 0), 0);
	T_RET("file.writev_nothing", writev(fd, &none, 1), 0);
	T_EQ("file.nothing_published", dev_stats(fd, 0).seq, 0);
	close_and_destroy(fd);
}

static void spliced(void)
{
	int fd = open_new(65536), p[2], flags = fcntl(fd, F_GETFL);
	char buf[4 * RECORD];

	if (pipe(p))
		T_DIE("file.setup", "pipe: %s", strerror(errno));
	publish(fd, 3);
	T_RET("file.splice", splice(fd, NULL, p[1], NULL, sizeof(buf), 0), 3 * RECORD);
	T_RET("file.spliced", read(p[0], buf, sizeof(buf)), 3 * RECORD);
	T_TRUE("file.spliced_bytes", !memcmp(buf + 2 * RECORD + 24, "01234567", 8));
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	T_ERR("file.splice_nothing", splice(fd, NULL, p[1], NULL, sizeof(buf), 0), EAGAIN);
	close(p[0]);
	close(p[1]);
	close_and_destroy(fd);
}

static void nowait(void)
{
	char buf[RECORD];
	struct iovec v = { buf, sizeof(buf) }, w = { "01234567", 8 };
	int fd = open_new(65536);

	T_ERR("file.nowait_empty", preadv2(fd, &v, 1, -1, RWF_NOWAIT), EAGAIN);
	T_RET("file.nowait_write", pwritev2(fd, &w, 1, -1, RWF_NOWAIT), 8);
	T_RET("file.nowait_read", preadv2(fd, &v, 1, -1, RWF_NOWAIT), RECORD);
	close_and_destroy(fd);
}

/* Makes a page that does not arrive. A process that touches it waits. @uffd: lets it arrive. */
static void *missing_page(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	reg.range.start = (uintptr_t)page;
	reg.range.len = 4096;
	if (fd < 0 || page == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg))
		T_DIE("file.setup", "userfaultfd: %s", strerror(errno));
	*uffd = fd;
	return page;
}

/* A process whose buffer never arrives holds up nobody who shares its open file. */
static void held_up(void)
{
	struct pollfd p = { .events = POLLIN };
	int fd = open_new(65536), status, uffd;
	struct timespec soon = { 20, 0 };
	char buf[RECORD];
	sigset_t chld;
	pid_t pid;

	publish(fd, 2);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	pid = fork();
	if (!pid)
		_exit(read(fd, missing_page(&uffd), 4096) < 0);
	T_TRUE("file.reader_hangs", wait_asleep(pid));
	/* Each of these would hang, and the alarm end the test. */
	alarm(60);
	p.fd = fd;
	T_RET("file.held_poll", poll(&p, 1, -1), 1);
	T_EQ("file.held_fionread", unread_bytes(fd), 2 * RECORD);
	T_RET("file.held_read", read(fd, buf, sizeof(buf)), RECORD);
	fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	T_RET("file.held_nonblock", read(fd, buf, sizeof(buf)), RECORD);
	T_ERR("file.held_nonblock_empty", read(fd, buf, sizeof(buf)), EAGAIN);
	T_RET("file.held_seek", lseek(fd, 0, SEEK_SET), 0);
	T_RET("file.held_reread", read(fd, buf, sizeof(buf)), RECORD);
	alarm(0);
	kill(pid, SIGKILL);
	T_EQ("file.reader_dies", sigtimedwait(&chld, NULL, &soon), SIGCHLD);
	waitpid(pid, &status, 0);
	close_and_destroy(fd);
}

/* Two processes read one open file: each record goes to one of them. */
static void shared_position(void)
{
	enum { NR = 3000 };
	int fd = open_new(1 << 20), p[2], got[2] = { 0 }, i, n, status, seen[NR + 1] = { 0 };
	struct seqring_record rec;
	pid_t pid[2];

	publish(fd, NR);
	fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (pipe(p))
		T_DIE("file.setup", "pipe: %s", strerror(errno));
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			uint64_t mine[NR][4];

			for (n = 0; n < NR && read(fd, mine[n], RECORD) == RECORD; n++)
				;
			for (status = 0; status < n; status++) {
				memcpy(&rec, mine[status], sizeof(rec));
				if (write(p[1], &rec.stamp, 8) != 8)
					_exit(1);
			}
			_exit(0);
		}
	}
	close(p[1]);
	for (n = 0; read(p[0], &rec.stamp, 8) == 8; n++)
		if (rec.stamp <= NR)
			seen[rec.stamp]++;
	for (i = 0; i < 2; i++) {
		waitpid(pid[i], &status, 0);
		got[i] = status;
	}
	for (i = 1; i <= NR && seen[i] == 1; i++)
		;
	t_check(n == NR && i == NR + 1 && !got[0] && !got[1], "file.each_record_once",
		"%d records, %d first wrong", n, i);
	close(p[0]);
	close_and_destroy(fd);
}

struct two_pieces {
	int fd;
	pid_t tid;
	char first[RECORD];
	char *second;
	ssize_t n;
};

static void *read_two(void *arg)
{
	struct two_pieces *t = arg;
	struct iovec v[2] = { { t->first, RECORD }, { t->second, RECORD } };

	t->tid = syscall(SYS_gettid);
	t->n = readv(t->fd, v, 2);
	return NULL;
}

/*
 * A call has copied one record, and is held up by the next, which another call then takes. The
 * records of one call follow each other, so it returns the first one alone.
 */
static void taken_meanwhile(void)
{
	struct two_pieces t = { .fd = open_new(65536) };
	struct uffdio_zeropage zero = { .range.len = 4096 };
	struct seqring_record rec;
	int uffd, i, asleep = 0;
	char buf[RECORD];
	pthread_t thread;

	t.second = missing_page(&uffd);
	zero.range.start = (uintptr_t)t.second;
	publish(t.fd, 4);
	if (pthread_create(&thread, NULL, read_two, &t))
		T_DIE("file.setup", "thread: %s", strerror(errno));
	for (i = 0; i < 2000 && !asleep; i++) {
		sleep_us(10000);
		asleep = __atomic_load_n(&t.tid, __ATOMIC_RELAXED) && is_asleep(t.tid);
	}
	T_TRUE("file.taken_held_up", asleep);
	T_RET("file.taken_second", read(t.fd, buf, RECORD), RECORD);
	memcpy(&rec, buf, sizeof(rec));
	T_EQ("file.taken_second_seq", rec.stamp, 2);
	T_RET("file.taken_page_arrives", ioctl(uffd, UFFDIO_ZEROPAGE, &zero), 0);
	pthread_join(thread, NULL);
	T_EQ("file.taken_first_alone", t.n, RECORD);
	T_RET("file.taken_third", read(t.fd, buf, RECORD), RECORD);
	memcpy(&rec, buf, sizeof(rec));
	T_EQ("file.taken_third_seq", rec.stamp, 3);
	close(uffd);
	close_and_destroy(t.fd);
}

/* --- how long a call keeps its CPU ------------------------------------------------------ */

static volatile int measuring;
static uint64_t latest_ns;

/* A thread of high priority that wants to run each millisecond on the reader's CPU. */
static void *on_time(void *arg)
{
	struct sched_param prio = { .sched_priority = 50 };
	uint64_t next = now_ns(), late;

	pthread_setschedparam(pthread_self(), SCHED_FIFO, &prio);
	while (measuring) {
		struct timespec t;

		next += MS;
		t.tv_sec = next / 1000000000;
		t.tv_nsec = next % 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		late = now_ns() - next;
		if (late > latest_ns)
			latest_ns = late;
		next = now_ns();
	}
	return arg;
}

/* How long read() of @bytes took, or computing as long as @read_ns. @n: what read() returned. */
static uint64_t busy_ns(int fd, char *buf, ssize_t bytes, uint64_t read_ns, ssize_t *n)
{
	pthread_t thread;
	uint64_t start, took;

	measuring = 1;
	latest_ns = 0;
	pthread_create(&thread, NULL, on_time, NULL);
	sleep_us(10000);
	start = now_ns();
	if (read_ns)
		while (now_ns() - start < read_ns)
			;
	else
		*n = read(fd, buf, bytes);
	took = now_ns() - start;
	measuring = 0;
	pthread_join(thread, NULL);
	return took;
}

/*
 * A long read() lets others run: @nr records of @len bytes. Where the host is busy, a thread also
 * wakes late beside one that computes.
 */
static void no_hog(const char *name, int nr, int len)
{
	const ssize_t bytes = nr * (ssize_t)(len + 24);
	int fd = open_new(64 << 20), i, tries;
	char *buf = malloc(bytes);
	uint64_t took = 0, late_ns = 0;
	cpu_set_t set;
	ssize_t n = 0;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	memset(buf, 1, bytes);
	for (i = 0; i < nr; i++)
		if (write(fd, buf, len) != len)
			T_DIE("file.setup", "write: %s", strerror(errno));
	for (tries = 0; tries < 10; tries++) {
		lseek(fd, 0, SEEK_SET);
		took = busy_ns(fd, buf, bytes, 0, &n);
		late_ns = latest_ns;
		busy_ns(fd, buf, bytes, took, &n);
		t_note("read(): %d us, the latest wake-up was %d us late, beside computing %d us",
		       (int)(took / 1000), (int)(late_ns / 1000), (int)(latest_ns / 1000));
		if (late_ns < took / 4 || late_ns < latest_ns)
			break;
	}
	t_check(n == bytes && tries < 10, name, "%zd of %zd bytes, %d of %d us", n, bytes,
		(int)(late_ns / 1000), (int)(took / 1000));
	free(buf);
	close_and_destroy(fd);
}

int main(void)
{
	pieces();
	empty_writes();
	spliced();
	nowait();
	held_up();
	shared_position();
	taken_meanwhile();
	no_hog("file.many_records_let_others_run", 800, 60000);
	no_hog("file.a_long_record_lets_others_run", 1, 15 << 20);
	return t_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that stop in the middle of a system call on a device without end, because
 * their memory never arrives (userfaultfd). They stop no other process.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../../../lib/process.h"
#include "dev.h"

#define NAME "ts"
#define SIZE 65536

static long page;

/* Makes a page that never arrives, unless it is supplied through @fd. */
static char *absent_page(int *fd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (*fd < 0 || ioctl(*fd, UFFDIO_API, &api))
		T_DIE("stall.setup", "userfaultfd: %s", strerror(errno));
	p[0] = 'x';
	reg.range.start = (uintptr_t)p + page;
	reg.range.len = page;
	if (ioctl(*fd, UFFDIO_REGISTER, &reg))
		T_DIE("stall.setup", "UFFDIO_REGISTER: %s", strerror(errno));
	return p + page;
}

/* Return: a child that is stuck in write(2) or read(2), half-way through its buffer. */
static pid_t stuck(const char *device, int writes)
{
	int i, fd, uffd;
	pid_t pid = fork();

	if (!pid) {
		char *p = absent_page(&uffd);

		fd = dev_open_fd(device, O_RDWR);
		if (writes)
			i = write(fd, p - 100, 200);
		else
			i = read(fd, p - 24, page);
		_exit(i < 0 ? 1 : 0);
	}
	/* It sleeps, and had enough time to get that far. */
	if (!wait_asleep(pid))
		return -1;
	return waitpid(pid, NULL, WNOHANG) ? -1 : pid;
}

/* Return: whether @fn ends, in a child, within 30 seconds. */
static int ends(int (*fn)(const char *device), const char *device)
{
	int status, i;
	pid_t pid = fork();

	if (!pid)
		_exit(fn(device));
	for (i = 0; i < 3000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status == 0;
		sleep_us(10000);
	}
	kill(pid, SIGKILL);
	return 0;
}

static int write_and_read(const char *device)
{
	int fd = dev_open_fd(device, O_RDWR | O_NONBLOCK);
	char buf[64];

	lseek(fd, 0, SEEK_END);
	return write(fd, "1234", 4) != 4 || read(fd, buf, sizeof(buf)) != 32;
}

static int destroy(const char *device)
{
	return dev_destroy(device);
}

static int destroy_kernel_owned(const char *device)
{
	return dev_command("destroy %s", device);
}

static void ended(const char *name, pid_t pid)
{
	int status = 0;

	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	T_TRUE(name, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void others_go_on(const char *device, int (*end)(const char *device), const char *what)
{
	pid_t writer, reader;
	char name[64];

	T_TRUE("stall.before", ends(write_and_read, device));
	writer = stuck(device, 1);
	snprintf(name, sizeof(name), "stall.%s.writer_stands", what);
	T_TRUE(name, writer > 0);
	snprintf(name, sizeof(name), "stall.%s.writer", what);
	T_TRUE(name, ends(write_and_read, device));
	reader = stuck(device, 0);
	snprintf(name, sizeof(name), "stall.%s.reader_stands", what);
	T_TRUE(name, reader > 0);
	snprintf(name, sizeof(name), "stall.%s.reader", what);
	T_TRUE(name, ends(write_and_read, device));
	snprintf(name, sizeof(name), "stall.%s.destroy", what);
	T_TRUE(name, ends(end, device));
	snprintf(name, sizeof(name), "stall.%s.writer_killed", what);
	ended(name, writer);
	snprintf(name, sizeof(name), "stall.%s.reader_killed", what);
	ended(name, reader);
}

/* Memory that arrives late: the call waits for it, and nothing is lost. */
static void slow_memory(void)
{
	/* A payload may take a quarter of the ring. */
	const size_t ring = 16 * page, size = 4 * page;
	unsigned char *buf = malloc(size);
	char *p = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct seqring_stats before;
	int fd;

	dev_create("ts-slow", ring);
	fd = dev_open_fd("ts-slow", O_RDWR | O_NONBLOCK);
	before = dev_stats(fd, 0);
	p[0] = 'a';
	T_RET("stall.fresh_pages", write(fd, p, 3 * page - 5), 3 * page - 5);
	T_EQ("stall.no_drop", dev_stats(fd, 0).dropped[SEQRING_DROP_FAULT],
	     before.dropped[SEQRING_DROP_FAULT]);
	T_EQ("stall.one_record", dev_stats(fd, 0).seq, before.seq + 1);
	lseek(fd, 0, SEEK_SET);
	while (read(fd, buf, size) > 0)
		;
	if (write(fd, p, 3 * page) != 3 * page)
		T_DIE("stall.write", "%s", strerror(errno));
	T_RET("stall.fresh_read", read(fd, buf, size), 24 + 3 * page);
	T_TRUE("stall.fresh_bytes",
	       buf[24] == 'a' && !buf[25] && !memcmp(buf + 25, buf + 26, 3 * page - 2));
	free(buf);
	close(fd);
	dev_destroy("ts-slow");
}

struct reading {
	int fd;
	char *to;
	ssize_t got;
};

static void *read_into(void *arg)
{
	struct reading *r = arg;

	r->got = read(r->fd, r->to, page);
	return NULL;
}

/*
 * A read(2) has taken a record and waits for memory for the next one, which is overwritten
 * meanwhile. The call returns the first record. The next one reports the loss, unless a seek
 * comes first.
 */
static void overrun_within(int seeks)
{
	struct seqring_seek newest = { .size = sizeof(newest), .whence = SEQRING_SEEK_NEWEST };
	struct seqring_record rec[8];
	struct reading r;
	struct pollfd p;
	struct dev d;
	struct uffd_msg msg;
	struct uffdio_zeropage zero = { 0 };
	pthread_t thread;
	int uffd, out, i;
	char *absent = absent_page(&uffd);

	dev_create("ts-lap", SIZE);
	dev_open(&d, "ts-lap", O_RDONLY | O_NONBLOCK);
	r.fd = d.fd;
	out = dev_open_fd("ts-lap", O_WRONLY);
	/* The first one, and the header of the second, fit in the page before. */
	r.to = absent - (sizeof(*rec) + 8) - sizeof(*rec);
	for (i = 0; i < 2; i++)
		if (write(out, "12345678", 8) != 8)
			T_DIE("stall.overrun.setup", "%s", strerror(errno));
	pthread_create(&thread, NULL, read_into, &r);
	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		T_DIE("stall.overrun.fault", "%s", strerror(errno));
	for (i = 2; i < 2 * SIZE / 32; i++)
		if (write(out, "12345678", 8) != 8)
			T_DIE("stall.overrun.write", "%s", strerror(errno));
	zero.range.start = (uintptr_t)absent;
	zero.range.len = page;
	if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
		T_DIE("stall.overrun.page", "%s", strerror(errno));
	pthread_join(thread, NULL);
	T_EQ("stall.overrun.first", r.got, 32);
	/* A watermark does not change this. */
	dev_reader_page(&d);
	d.page->wake_records = 1000;
	d.page->cursor[0].pos = d.r[0].ctl->head;
	d.page->cursor[0].seq = i + 1;
	p = (struct pollfd) { .fd = r.fd, .events = POLLIN };
	T_TRUE("stall.overrun.polls", poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	if (seeks) {
		T_RET("stall.overrun.seek", ioctl(r.fd, SEQRING_IOC_SEEK, &newest), 0);
		T_RET("stall.overrun.forgotten", read(r.fd, rec, sizeof(rec)), 32);
		T_EQ("stall.overrun.newest", rec[0].stamp, i);
	} else {
		T_ERR("stall.overrun.told", read(r.fd, rec, sizeof(rec)), EPIPE);
		T_TRUE("stall.overrun.once", read(r.fd, rec, sizeof(rec)) > 0 && rec[0].stamp > 2);
	}
	close(uffd);
	munmap(absent - page, 2 * page);
	dev_close(&d);
	close(out);
	dev_destroy("ts-lap");
}

int main(void)
{
	page = sysconf(_SC_PAGESIZE);
	alarm(300);
	if (dev_create(NAME, SIZE) || dev_command("create ts-kernel 1 65536 1"))
		T_DIE("stall.setup", "create: %s", strerror(errno));
	slow_memory();
	overrun_within(0);
	overrun_within(1);
	others_go_on(NAME, destroy, "user");
	others_go_on("ts-kernel", destroy_kernel_owned, "kernel");
	return t_done();
}

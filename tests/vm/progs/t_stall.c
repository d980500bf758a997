// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that stop in the middle of a system call on a device, for as long as
 * they like: their memory is never there (userfaultfd). They stop nobody else.
 */
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "dev.h"

#define NAME "ts"
#define SIZE 65536

static long page;

/* A page that is never there, whoever asks for it. */
static char *absent_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		T_DIE("stall.setup", "userfaultfd: %s", strerror(errno));
	p[0] = 'x';
	reg.range.start = (uintptr_t)p + page;
	reg.range.len = page;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		T_DIE("stall.setup", "UFFDIO_REGISTER: %s", strerror(errno));
	return p + page;
}

/* A child that stands in write(2) or read(2), half-way through its buffer. */
static pid_t stuck(const char *device, int writes)
{
	char path[64], state[256] = "";
	int i, fd;
	pid_t pid = fork();

	if (!pid) {
		char *p = absent_page();

		fd = dev_open_fd(device, O_RDWR);
		if (writes)
			i = write(fd, p - 100, 200);
		else
			i = read(fd, p - 24, page);
		_exit(i < 0 ? 1 : 0);
	}
	/* It sleeps, and it was given time enough to get there. */
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (i = 0; i < 200 && !strstr(state, ") S ") && !strstr(state, ") D "); i++) {
		sleep_us(10000);
		fd = open(path, O_RDONLY);
		if (fd < 0 || read(fd, state, sizeof(state) - 1) < 0)
			break;
		close(fd);
	}
	sleep_us(200000);
	return waitpid(pid, NULL, WNOHANG) ? -1 : pid;
}

/* Does @fn end, in a child, within five seconds? */
static int ends(int (*fn)(const char *device), const char *device)
{
	int status, i;
	pid_t pid = fork();

	if (!pid)
		_exit(fn(device));
	for (i = 0; i < 500; i++) {
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

/* Memory that is only not there yet: it is waited for, and nothing is lost. */
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

int main(void)
{
	page = sysconf(_SC_PAGESIZE);
	alarm(120);
	if (dev_create(NAME, SIZE) || dev_command("create ts-kernel 1 65536 1"))
		T_DIE("stall.setup", "create: %s", strerror(errno));
	slow_memory();
	others_go_on(NAME, destroy, "user");
	others_go_on("ts-kernel", destroy_kernel_owned, "kernel");
	return t_done();
}

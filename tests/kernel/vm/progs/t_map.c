// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything that a process can do with a mapping of a device: share, split, move, advise,
 * lock, and try to write it through every back door. After each step, the bytes are
 * those that the kernel wrote.
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "dev.h"

#define NAME "tm"
#define SIZE 65536

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static unsigned char *saved; /* a copy of the device's contents */
static size_t total;
static long page;

static unsigned char *map_new(int fd)
{
	void *map = mmap(NULL, total, PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		T_DIE("map.setup", "mmap: %s", strerror(errno));
	return map;
}

static int same(const unsigned char *map)
{
	return !memcmp(map, saved, total);
}

/* Caught: the kernel would report an uncaught one on the console. */
static void on_fault(int sig)
{
	_exit(sig);
}

/* The signal that a child gets for one access; 0: none. */
static int access_signal(volatile unsigned char *p, int store)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, on_fault);
		signal(SIGBUS, on_fault);
		if (store)
			*p = 1;
		else
			(void)*p;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

/* Return: whether a child finds the mapping as it should be. */
static int child_same(const unsigned char *map)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(!same(map));
	waitpid(pid, &status, 0);
	return status == 0;
}

static void families(int fd)
{
	unsigned char *map = map_new(fd);
	int pipes[2], status;
	char c = 1;
	pid_t pid;

	T_TRUE("map.content", same(map));
	T_EQ("map.store", access_signal(map + page, 1), SIGSEGV);
	T_TRUE("map.child", child_same(map));

	/* Only the child has the mapping left: its parent opened, mapped and closed it. */
	if (pipe(pipes))
		T_DIE("map.setup", "pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		int own = dev_open_fd(NAME, O_RDONLY);
		unsigned char *own_map = map_new(own);
		pid_t parent = getpid();

		close(own);
		if (fork())
			_exit(0);
		while (getppid() == parent)
			sleep_us(1000);
		c = same(own_map);
		_exit(write(pipes[1], &c, 1) != 1);
	}
	waitpid(pid, &status, 0);
	c = 0;
	T_TRUE("map.orphan", read(pipes[0], &c, 1) == 1 && c == 1);

	pid = fork();
	if (!pid)
		_exit(munmap(map, total) || close(fd));
	waitpid(pid, &status, 0);
	T_TRUE("map.child_unmaps", status == 0 && same(map));

	munmap(map, total);
	close(pipes[0]);
	close(pipes[1]);
}

static void closed_first(void)
{
	int fd = dev_open_fd(NAME, O_RDONLY), copy = dup(fd);
	unsigned char *map = map_new(fd), *second;

	close(fd);
	T_TRUE("map.closed_first", same(map));
	second = map_new(copy);
	close(copy);
	munmap(map, total);
	T_TRUE("map.dup", same(second));
	munmap(second, total);
}

static int receive_fd(int sock)
{
	char data, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &data, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(sock, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void send_fd(int sock, int fd)
{
	char data = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &data, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(sock, &msg, 0) != 1)
		T_DIE("map.setup", "sendmsg: %s", strerror(errno));
}

/* A process with no right to open the device gets a descriptor of it. */
static void passed(void)
{
	int fd = dev_open_fd(NAME, O_RDONLY), socks[2], status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, socks))
		T_DIE("map.setup", "socketpair: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		unsigned char *map;
		int got;

		close(fd);
		if (setuid(65534) || dev_open_fd(NAME, O_RDONLY) >= 0)
			_exit(2);
		got = receive_fd(socks[1]);
		if (got < 0)
			_exit(3);
		map = map_new(got);
		close(got);
		_exit(!same(map) || !mprotect(map, total, PROT_READ | PROT_WRITE));
	}
	send_fd(socks[0], fd);
	close(fd);
	waitpid(pid, &status, 0);
	T_EQ("map.passed", status, 0);
	close(socks[0]);
	close(socks[1]);
}

static void pieces(int fd)
{
	unsigned char *map = map_new(fd), *to;
	size_t half = total / 2 / page * page;

	munmap(map + 3 * page, 2 * page);
	T_TRUE("map.hole_rest",
	       !memcmp(map, saved, 3 * page) &&
		       !memcmp(map + 5 * page, saved + 5 * page, total - 5 * page));
	T_EQ("map.hole", access_signal(map + 3 * page, 0), SIGSEGV);
	T_TRUE("map.hole_filled", mmap(map + 3 * page, 2 * page, PROT_READ, MAP_SHARED | MAP_FIXED,
				       fd, 3 * page) != MAP_FAILED);
	T_TRUE("map.hole_content", same(map) && child_same(map));

	to = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(map, total);
	map = map_new(fd);
	T_TRUE("map.move", mremap(map, total, total, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	T_TRUE("map.moved", same(to) && child_same(to));
	T_EQ("map.moved_away", access_signal(map, 0), SIGSEGV);

	/* The upper half alone; page tables filled and, after DONTNEED, empty. */
	madvise(to + half, page, MADV_DONTNEED);
	T_TRUE("map.move_part", mremap(to + half, total - half, total - half,
				       MREMAP_MAYMOVE | MREMAP_FIXED, map + half) == map + half);
	T_TRUE("map.moved_part",
	       !memcmp(to, saved, half) && !memcmp(map + half, saved + half, total - half));
	T_TRUE("map.shrink", mremap(to, half, page, 0) == to && !memcmp(to, saved, page));
	T_EQ("map.shrunk", access_signal(to + page, 0), SIGSEGV);
	T_ERR("map.grow_back", mremap(to, page, 2 * page, 0), EFAULT);
#ifdef MREMAP_DONTUNMAP
	T_ERR("map.dontunmap", mremap(to, page, page, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0),
	      EINVAL);
#endif
	munmap(to, page);
	munmap(map + half, total - half);
}

static void advice(int fd)
{
	/* The kernel decides which of them succeed; no byte may change. */
	static const int all[] = {
		MADV_NORMAL,	    MADV_RANDOM,     MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_FREE,	    MADV_REMOVE,     MADV_MERGEABLE,  MADV_UNMERGEABLE,
		MADV_HUGEPAGE,	    MADV_NOHUGEPAGE, MADV_DONTDUMP,   MADV_DODUMP,
		MADV_WIPEONFORK,    MADV_KEEPONFORK, MADV_COLD,	      MADV_PAGEOUT,
		MADV_POPULATE_READ, MADV_COLLAPSE,   MADV_DONTNEED,
	};
	unsigned char *map = map_new(fd);
	char name[32];
	unsigned int i;
	int refused;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		madvise(map, total, all[i]);
		snprintf(name, sizeof(name), "map.advice_%d", all[i]);
		T_TRUE(name, same(map) && child_same(map));
	}
	T_RET("map.dontneed", madvise(map, total, MADV_DONTNEED), 0);
	T_TRUE("map.dontneed_content", same(map));
	T_TRUE("map.remove", madvise(map, total, MADV_REMOVE) < 0);
	T_TRUE("map.populate_write", madvise(map, total, MADV_POPULATE_WRITE) < 0);
	T_RET("map.dontfork", madvise(map, total, MADV_DONTFORK), 0);
	T_EQ("map.dontfork_child", access_signal(map, 0), SIGSEGV);
	/* Newer kernels do not undo it for a mapping of a device's pages. */
	refused = madvise(map, total, MADV_DOFORK);
	T_TRUE("map.dofork", !refused || errno == EINVAL);
	if (refused) {
		munmap(map, total);
		map = map_new(fd);
	}
	T_TRUE("map.dofork_child", child_same(map));

	T_RET("map.mlock", mlock(map, total), 0);
	T_RET("map.munlock", munlock(map, total), 0);
	mlockall(MCL_CURRENT);
	T_TRUE("map.mlockall", same(map));
	munlockall();
	msync(map, total, MS_SYNC);
	T_RET("map.msync", msync(map, total, MS_ASYNC | MS_INVALIDATE), 0);
	T_TRUE("map.after_all", same(map) && child_same(map));
	munmap(map, total);
}

/* Ways around the page tables' protection. */
static void back_doors(int fd)
{
	unsigned char *map = map_new(fd), *target = map + 2 * page;
	struct iovec local = { (void *)"evil", 4 }, remote = { target, 4 };
	int mem = open("/proc/self/mem", O_RDWR), null = open("/dev/zero", O_RDONLY), status;
	unsigned char got[4];
	char path[32];
	pid_t pid;

	T_RET("map.proc_mem_read", pread(mem, got, 4, (uintptr_t)target), 4);
	T_ERR("map.proc_mem_write", pwrite(mem, "evil", 4, (uintptr_t)target), EIO);
	T_ERR("map.vm_writev", process_vm_writev(getpid(), &local, 1, &remote, 1, 0), EFAULT);
	T_ERR("map.read_into", read(null, target, 4), EFAULT);
	close(mem);

	fflush(stdout);
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(!same(map));
	}
	waitpid(pid, &status, 0);
	T_TRUE("map.ptrace_stopped", WIFSTOPPED(status));
	errno = 0;
	T_TRUE("map.ptrace_peek",
	       ptrace(PTRACE_PEEKDATA, pid, target, 0) == *(long *)(saved + 2 * page) && !errno);
	T_ERR("map.ptrace_poke", ptrace(PTRACE_POKEDATA, pid, target, 0x6c697665), EIO);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDWR);
	T_ERR("map.proc_mem_other", pwrite(mem, "evil", 4, (uintptr_t)target), EIO);
	close(mem);
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	T_EQ("map.ptrace_child", status, 0);
	T_TRUE("map.untouched", same(map));
	close(null);
	munmap(map, total);
}

/* The one page that may be written, and which processes see it. */
static void reader_page(void)
{
	int status;
	struct dev d;
	pid_t pid;

	dev_open(&d, NAME, O_RDONLY);
	dev_reader_page(&d);
	pid = fork();
	if (!pid) {
		d.page->wake_records = 77;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	T_EQ("map.reader_shared", d.page->wake_records, 77);
	madvise(d.page, d.g.reader_size, MADV_DONTNEED);
	T_EQ("map.reader_dontneed", d.page->wake_records, 77);
	/* After the device's file is closed the page is there, to no effect. */
	munmap((void *)(uintptr_t)d.map, d.g.total_size);
	close(d.fd);
	d.page->wake_bytes = 5;
	T_EQ("map.reader_outlives", d.page->wake_bytes, 5);
	close(d.reader_fd);
	d.page->wake_bytes = 6;
	T_EQ("map.reader_closed", d.page->wake_bytes, 6);
	munmap(d.page, d.g.reader_size);
}

int main(void)
{
	int fd, i;

	page = sysconf(_SC_PAGESIZE);
	if (dev_create(NAME, SIZE))
		T_DIE("map.setup", "create: %s", strerror(errno));
	fd = dev_open_fd(NAME, O_RDWR);
	for (i = 0; i < 1000; i++)
		dev_publish(fd, i, 1024);
	total = dev_geometry(fd).total_size;
	saved = malloc(total);
	memcpy(saved, map_new(fd), total);
	families(fd);
	closed_first();
	passed();
	pieces(fd);
	advice(fd);
	back_doors(fd);
	reader_page();
	close(fd);
	dev_destroy(NAME);
	return t_done();
}

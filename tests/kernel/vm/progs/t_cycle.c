// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that open, map, fork, pass on, move and close devices again and again, in any
 * order, while another process writes. In the end no file, page or module is held. Needs a
 * module that is not in use.
 *
 *   t_cycle [CYCLES]
 */
#include <sys/socket.h>

#include "mod.h"

#define WORKERS 3
#define ROUNDS	40
#define SIZE	(1 << 18)
#define MAX	256

static unsigned int *done;
static int *stop;

static void send_fd(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = { 0 }, c = 'x';
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	if (sendmsg(to, &msg, 0) != 1)
		_exit(20);
}

static int receive_fd(int from)
{
	char control[CMSG_SPACE(sizeof(int))], c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
		_exit(21);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* The files and mappings of one cycle. */
struct cycle {
	int fd;
	int reader_fd;
	unsigned char *map;
	size_t size;
	unsigned char *page;
	size_t page_size;
	int split;
	uint64_t *rnd;
};

static void map_all(struct cycle *c, const char *name)
{
	struct seqring_geometry g = { .size = sizeof(g) };

	c->fd = dev_open_fd(name, O_RDONLY);
	if (c->fd < 0 || ioctl(c->fd, SEQRING_IOC_GEOMETRY, &g))
		_exit(10);
	c->size = g.total_size;
	c->map = mmap(NULL, c->size, PROT_READ, MAP_SHARED, c->fd, 0);
	c->reader_fd = ioctl(c->fd, SEQRING_IOC_READER_FD, 0);
	c->page_size = g.reader_size;
	if (c->map == MAP_FAILED || c->reader_fd < 0)
		_exit(11);
	c->page = mmap(NULL, c->page_size, PROT_READ | PROT_WRITE, MAP_SHARED, c->reader_fd, 0);
	if (c->page == MAP_FAILED)
		_exit(12);
}

/* Changes that a process may make to its mappings. */
static void disturb(struct cycle *c)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), half = c->size / 2 & ~(page - 1);
	unsigned char *moved;

	/* A call across two mappings, or a hole, fails. */
	switch (c->split ? 7 : next_random(c->rnd) % 8) {
	case 0:
		madvise(c->map, c->size, MADV_DONTFORK);
		break;
	case 1:
		madvise(c->map, c->size, MADV_DONTFORK);
		madvise(c->map, c->size, MADV_DOFORK);
		break;
	case 2:
		/* A hole leaves two mappings. */
		munmap(c->map + half, page);
		c->split = 1;
		break;
	case 3:
		if (madvise(c->map, c->size, MADV_DONTNEED))
			_exit(13);
		break;
	case 4:
		moved = mmap(NULL, c->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		moved = mremap(c->map, c->size, c->size, MREMAP_MAYMOVE | MREMAP_FIXED, moved);
		if (moved == MAP_FAILED)
			_exit(14);
		c->map = moved;
		break;
	case 5:
		/* Keeps the upper half only. */
		munmap(c->map, half);
		c->map += half;
		c->size -= half;
		break;
	case 6:
		if (mprotect(c->map, half, PROT_NONE) || mprotect(c->map, half, PROT_READ))
			_exit(15);
		/* The kernel does not merge such mappings again. */
		c->split = 1;
		break;
	default:
		c->page[next_random(c->rnd) % c->page_size] = 1;
	}
}

static void pass_on(struct cycle *c)
{
	int pair[2], fd;

	switch (next_random(c->rnd) % 4) {
	case 0:
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			_exit(16);
		send_fd(pair[0], c->fd);
		/* Every other descriptor is never received, and is closed with the socket. */
		if (next_random(c->rnd) % 2) {
			fd = receive_fd(pair[1]);
			close(c->fd);
			c->fd = fd;
		}
		close(pair[0]);
		close(pair[1]);
		break;
	case 1:
		fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
		close(c->fd);
		c->fd = fd;
		break;
	case 2:
		fd = dup(c->reader_fd);
		close(c->reader_fd);
		c->reader_fd = fd;
		break;
	}
}

/* Closes and unmaps everything in any order, or leaves it to the end of the process. */
static void give_up(struct cycle *c, int dies)
{
	unsigned int first = next_random(c->rnd) % 4, i;

	for (i = 0; i < 4; i++) {
		if (dies && next_random(c->rnd) % 2)
			continue;
		switch ((first + i) % 4) {
		case 0:
			close(c->fd);
			break;
		case 1:
			munmap(c->map, c->size);
			break;
		case 2:
			close(c->reader_fd);
			break;
		default:
			munmap(c->page, c->page_size);
		}
	}
}

static void one_cycle(const char *name, uint64_t *rnd)
{
	struct cycle c = { .rnd = rnd };
	volatile unsigned char *look;
	size_t off;
	int status, ways;
	pid_t pid;

	map_all(&c, name);
	if (next_random(rnd) % 2)
		disturb(&c);
	ways = next_random(rnd) % 4;
	pid = fork();
	if (!pid) {
		/* Only what this process has inherited. */
		if (ways == 1)
			pass_on(&c);
		give_up(&c, 1);
		if (ways == 2)
			raise(SIGKILL);
		_exit(0);
	}
	/* Faults bring discarded pages back. */
	look = c.map;
	for (off = 0; off < c.size && !c.split; off += 4096)
		(void)look[off];
	pass_on(&c);
	disturb(&c);
	give_up(&c, 0);
	if (waitpid(pid, &status, 0) != pid || (WIFEXITED(status) && WEXITSTATUS(status)))
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 30);
	__atomic_fetch_add(done, 1, __ATOMIC_RELAXED);
}

static pid_t writer(const char *name)
{
	pid_t pid = fork();
	uint64_t n;
	int fd;

	if (pid)
		return pid;
	fd = dev_open_fd(name, O_WRONLY);
	/* Makes a few cycles even if the others were faster than this process. */
	for (n = 0; n < 10 || !__atomic_load_n(stop, __ATOMIC_ACQUIRE); n++) {
		dev_publish(fd, n, MAX);
		sleep_us(500);
	}
	_exit(0);
}

/* Each round has a device of its own, so that a page which is not freed is noticed. */
static unsigned int round_of(unsigned int number, unsigned int cycles)
{
	unsigned int bad = 0, i, w;
	pid_t pid[WORKERS], writing, reading;
	char name[32];

	snprintf(name, sizeof(name), "cycle-%u", number);
	if (dev_create(name, SIZE))
		T_DIE("cycle.setup", "create: %s", strerror(errno));
	*stop = 0;
	reading = follower(name, MAX);
	writing = writer(name);
	for (w = 0; w < WORKERS; w++) {
		pid[w] = fork();
		if (pid[w])
			continue;
		uint64_t rnd = number * 100 + w;

		alarm(1000);
		for (i = 0; i < cycles / WORKERS + 1; i++)
			one_cycle(name, &rnd);
		_exit(0);
	}
	for (w = 0; w < WORKERS; w++) {
		int status = ended(pid[w]);

		if (status)
			t_note("worker %u: status %d", w, status);
		bad += status != 0;
	}
	__atomic_store_n(stop, 1, __ATOMIC_RELEASE);
	bad += ended(writing) != 0;
	dev_destroy(name);
	bad += ended(reading) != 0;
	return bad;
}

int main(int argc, char **argv)
{
	unsigned int cycles = argc > 1 ? strtoul(argv[1], NULL, 0) :
					 mod_number("CYCLES", mod_debug_kernel() ? 300 : 2000);
	unsigned int bad = 0, i;
	uint64_t begin;
	long missing;

	signal(SIGPIPE, SIG_IGN);
	alarm(mod_number("CYCLES", 0) ? 3600 : mod_debug_kernel() ? 900 : 300);
	done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	stop = (int *)(done + 16);
	T_EQ("cycle.unused", mod_users("seqring"), 0);
	/* One run before measuring: the kernel keeps some memory after a first use. */
	for (i = 0; i < 3; i++)
		bad += round_of(i, 30);
	*done = 0;
	mod_count_pages("/tmp/cycle");
	missing = mod_pages("/tmp/cycle");
	begin = now_ns();
	for (i = 0; i < ROUNDS; i++)
		bad += round_of(100 + i, cycles / ROUNDS);
	t_note("%u cycles in %llu ms", *done, (unsigned long long)(now_ns() - begin) / 1000000);
	T_EQ("cycle.all_well", bad, 0);
	T_TRUE("cycle.all_done", *done >= cycles && cycles >= ROUNDS);
	missing = mod_pages("/tmp/cycle") - missing;
	t_note("%ld pages more than before", missing);
	/* One page left behind in each round would make 40. */
	t_check(missing < 32, "cycle.pages_back", "%ld more than before", missing);
	T_EQ("cycle.account", mod_account(), mod_account_all());
	T_EQ("cycle.users", mod_users("seqring"), 0);
	T_RET("cycle.unload", mod_remove("seqring"), 0);
	T_RET("cycle.load", mod_load("seqring"), 0);
	return t_done();
}

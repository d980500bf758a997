// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both modules are unloaded and loaded again, and devices are destroyed, while processes
 * use them in every way. Each call succeeds, or fails because the device or the module is
 * gone. Needs modules that are not in use.
 *
 *   t_unload [ROUNDS]
 */
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/time.h>

#include "mod.h"

#define WORKERS 5
#define NAMES	3
#define MAX	256

enum op {
	CREATE,
	DESTROY,
	MAP,
	IOCTL,
	READ,
	READ_ASLEEP,
	POLL,
	EPOLL,
	WRITE,
	SEEK,
	DRIVER,
	NR_OPS
};

static const char *const op_names[] = {
	"create", "destroy", "map",   "ioctl", "read",	 "sleep",
	"poll",	  "epoll",   "write", "seek",  "driver",
};

struct shared {
	int stop;
	int rest;
	unsigned int well[NR_OPS];
	unsigned int gone[NR_OPS];
};

static struct shared *shared;

static void on_alarm(int sig)
{
	(void)sig;
}

/* A call while devices and modules come and go succeeds or fails with one of @errors. */
static int allowed(enum op op, long ret, const int *errors)
{
	int err = errno;

	if (ret >= 0)
		return 1;
	for (; *errors; errors++)
		if (err == *errors)
			return 1;
	printf("not ok unload.%s - %s\n", op_names[op], strerror(err));
	fflush(stdout);
	_exit(1);
}

static const int no_device[] = { ENOENT, ENODEV, ENXIO, 0 };

static int open_any(enum op op, uint64_t *rnd)
{
	static const char *const names[] = { "un-0", "un-1", "un-2", "un-kernel", "un-percpu" };
	unsigned int i = next_random(rnd) % 5;
	/* The last device is not writable. */
	int fd = dev_open_fd(names[op == WRITE ? i % 4 : i],
			     (op == WRITE ? O_RDWR : O_RDONLY) |
				     (op == READ_ASLEEP ? 0 : O_NONBLOCK));

	allowed(op, fd, no_device);
	if (fd < 0)
		shared->gone[op]++;
	return fd;
}

static void map(int fd)
{
	struct seqring_geometry g = dev_geometry(fd);
	const struct seqring_header *h;
	void *page;
	int reader;

	h = mmap(NULL, g.total_size, PROT_READ, MAP_SHARED, fd, 0);
	reader = ioctl(fd, SEQRING_IOC_READER_FD, 0);
	page = mmap(NULL, g.reader_size, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0);
	if (h == MAP_FAILED || reader < 0 || page == MAP_FAILED) {
		printf("not ok unload.map - %s\n", strerror(errno));
		fflush(stdout);
		_exit(1);
	}
	close(fd);
	close(reader);
	memset(page, 0xff, 64);
	if (h->magic != SEQRING_MAGIC)
		_exit(2);
	munmap((void *)(uintptr_t)h, g.total_size);
	munmap(page, g.reader_size);
}

static void sleep_in(enum op op, int fd)
{
	struct itimerval in = { .it_value = { 0, 3000 } }, off = { .it_value = { 0, 0 } };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	static unsigned char buf[1 << 16];
	int ep;

	if (op == POLL) {
		poll(&p, 1, 3);
	} else if (op == EPOLL) {
		ep = epoll_create1(EPOLL_CLOEXEC);
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
			_exit(3);
		epoll_wait(ep, &ev, 1, 3);
		close(ep);
	} else {
		lseek(fd, 0, SEEK_END);
		setitimer(ITIMER_REAL, &in, NULL);
		allowed(op, read(fd, buf, sizeof(buf)), (const int[]) { EINTR, EPIPE, 0 });
		setitimer(ITIMER_REAL, &off, NULL);
	}
}

static void with_device(enum op op, int fd, uint64_t *rnd)
{
	static unsigned char buf[1 << 16];
	int i;

	switch (op) {
	case MAP:
		map(fd);
		break;
	case IOCTL:
		for (i = 0; i < 20; i++)
			dev_stats(fd, 0);
		close(ioctl(fd, SEQRING_IOC_READER_FD, 0));
		break;
	case READ:
		for (i = 0; i < 20; i++)
			allowed(op, read(fd, buf, sizeof(buf)), (const int[]) { EAGAIN, EPIPE, 0 });
		break;
	case WRITE:
		for (i = 0; i < 20; i++)
			allowed(op, write(fd, buf, next_random(rnd) % 8000),
				(const int[]) { ENODEV, EBUSY, 0 });
		break;
	case SEEK:
		for (i = 0; i < 20; i++)
			allowed(op, lseek(fd, 0, i % 2 ? SEEK_SET : SEEK_END),
				(const int[]) { EAGAIN, 0 });
		break;
	default:
		sleep_in(op, fd);
	}
	if (op != MAP)
		close(fd);
}

static int without_device(enum op op, uint64_t *rnd)
{
	static const int errors[] = { ENOENT, ENODEV, ENXIO, EEXIST, EBUSY, 0 };
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "un-%u", (unsigned int)(next_random(rnd) % NAMES));
	if (op == CREATE)
		ret = dev_create(name, 65536);
	else if (op == DESTROY)
		ret = dev_destroy(name);
	else
		ret = dev_command("flood un-kernel 20 256 0");
	allowed(op, ret, errors);
	return ret;
}

static void worker(unsigned int number)
{
	struct sigaction act = { .sa_handler = on_alarm };
	uint64_t rnd = number;

	/* Not for the tests that follow a failure here. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGALRM, &act, NULL);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		enum op op = next_random(&rnd) % NR_OPS;

		if (op == CREATE || op == DESTROY || op == DRIVER) {
			if (without_device(op, &rnd))
				shared->gone[op]++;
			else
				shared->well[op]++;
		} else {
			int fd = open_any(op, &rnd);

			if (fd >= 0) {
				with_device(op, fd, &rnd);
				shared->well[op]++;
			}
		}
		do {
			sleep_us(next_random(&rnd) % 4000);
		} while (__atomic_load_n(&shared->rest, __ATOMIC_RELAXED));
	}
	_exit(0);
}

/*
 * Removes the module at a moment when no worker uses it. On a busy machine there may be none:
 * after two seconds the workers rest. Return: 0; -1 if it stays in use.
 */
static int remove_between(const char *module, unsigned int *refused)
{
	uint64_t begin = now_ns();
	int err;

	while ((err = mod_remove(module))) {
		if (errno != EWOULDBLOCK || now_ns() - begin > 240000 * MS)
			break;
		if (now_ns() - begin > 2000 * MS)
			__atomic_store_n(&shared->rest, 1, __ATOMIC_RELAXED);
		++*refused;
		sleep_us(100);
	}
	__atomic_store_n(&shared->rest, 0, __ATOMIC_RELAXED);
	return err;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? strtoul(argv[1], NULL, 0) :
					 mod_number("UNLOADS", mod_debug_kernel() ? 15 : 40);
	unsigned int i, refused = 0, bad = 0, removed = 0;
	pid_t pid[WORKERS];
	uint64_t rnd = 7;

	alarm(900);
	T_EQ("unload.unused", mod_users("seqring"), 0);
	T_RET("unload.first", mod_remove("seqring"), 0);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < WORKERS; i++) {
		pid[i] = fork();
		if (!pid[i])
			worker(i);
	}
	for (i = 0; i < rounds; i++) {
		if (mod_load("seqring") || mod_load("seqring_test"))
			T_DIE("unload.load", "%s", strerror(errno));
		/* Interrupts write this device to the end. */
		dev_command("create un-kernel 1 65536 1");
		dev_command("create un-percpu 2 65536 0");
		dev_command("later un-kernel 100000 100000");
		dev_command("later un-percpu 100000 300000");
		sleep_us(next_random(&rnd) % 60000);
		if (next_random(&rnd) % 2)
			dev_command("destroy un-percpu");
		if (remove_between("seqring_test", &refused) || remove_between("seqring", &refused))
			T_DIE("unload.remove", "%s", strerror(errno));
		removed++;
	}
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < WORKERS; i++)
		bad += ended(pid[i]) != 0;
	T_EQ("unload.workers", bad, 0);
	T_EQ("unload.rounds", removed, rounds);
	T_TRUE("unload.was_a_race", refused > 0);
	printf("# %u rounds, %u times in use;", removed, refused);
	for (i = bad = 0; i < NR_OPS; i++) {
		printf(" %s %u/%u", op_names[i], shared->well[i], shared->gone[i]);
		bad += !shared->well[i] || !shared->gone[i];
	}
	printf("\n");
	T_EQ("unload.each_op_met_both", bad, 0);
	T_RET("unload.load_again", mod_load("seqring"), 0);
	T_EQ("unload.account", mod_account(), mod_account_all());
	T_EQ("unload.nodes", access(SEQRING_DEV_DIR "/un-0", F_OK), -1);
	return t_done();
}

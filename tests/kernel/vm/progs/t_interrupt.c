// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long the interrupt takes that wakes readers: the same whatever users have registered. The
 * test driver measures it. The argument says how many times as long it may take with many. The
 * default is 2, since it is a time: a walk would take at least 20 times as long. In icount.sh the
 * unit is instructions, and the argument 1.2.
 */
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "mod.h"

#define NAME "in"

enum { MOST = 20000 };

/* Ways to be many. */
enum crowd {
	WATCHES, /* epoll instances on one open file */
	FILES,	 /* open files, each watched */
	NESTED,	 /* epoll instances that watch one that watches the file */
	TASKS,	 /* tasks in poll(2) on one open file */
	NR_CROWDS
};

static const struct {
	const char *name;
	int many;
	int rounds;
} crowds[NR_CROWDS] = {
	[WATCHES] = { "interrupt.watches", 20000, 20 },
	[FILES] = { "interrupt.files", 2000, 16 },
	[NESTED] = { "interrupt.nested", 480, 20 }, /* the kernel allows 500 */
	[TASKS] = { "interrupt.tasks", 200, 20 },
};

static int watches[MOST];
static pthread_t threads[MOST];
static volatile int over;

/* Lets all watchers of @ep look again, which arms them. */
static void look_again(int ep)
{
	static struct epoll_event events[4096];

	while (epoll_wait(ep, events, 4096, 0) > 0)
		;
}

/* The shortest of several interrupts that wake the watchers of @fd, in ns. */
static uint64_t interrupt_ns(int fd, int ep, int between, int rounds)
{
	uint64_t best = ~0ULL, ns;
	struct epoll_event ev;

	while (rounds--) {
		if (dev_command("interrupt " NAME))
			T_DIE("interrupt.setup", "interrupt: %s", strerror(errno));
		ns = mod_tried(NAME).interrupt_ns;
		if (!ns)
			T_DIE("interrupt.setup", "the driver has measured nothing");
		if (ns < best)
			best = ns;
		if (epoll_wait(ep, &ev, 1, 30000) != 1)
			T_DIE("interrupt.wakes", "the record wakes nobody");
		lseek(fd, 0, SEEK_END);
		look_again(ep);
		if (between >= 0)
			look_again(between);
		/* The pause of the ring, and that of the file, which grows with its waiters. */
		sleep_us(20000);
	}
	return best;
}

static void add(int ep, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	if (ep < 0 || fd < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		T_DIE("interrupt.setup", "watch: %s", strerror(errno));
}

static void *sleep_in_poll(void *arg)
{
	struct pollfd p = { .fd = (int)(intptr_t)arg, .events = POLLIN };

	/* Until the position has moved there is something to read. */
	while (!over)
		if (poll(&p, 1, -1) > 0)
			sleep_us(1000);
	return NULL;
}

/* Makes watcher @i. @between: the epoll instance of FILES and NESTED. */
static void watch(enum crowd crowd, int i, int fd, int between)
{
	switch (crowd) {
	case WATCHES:
		watches[i] = epoll_create1(0);
		add(watches[i], fd, EPOLLIN);
		break;
	case FILES:
		watches[i] = dev_open_fd(NAME, O_RDONLY);
		add(between, watches[i], EPOLLIN | EPOLLET);
		break;
	case NESTED:
		watches[i] = epoll_create1(0);
		add(watches[i], between, EPOLLIN);
		break;
	default:
		watches[i] = -1;
		if (pthread_create(&threads[i], NULL, sleep_in_poll, (void *)(intptr_t)fd))
			T_DIE("interrupt.setup", "thread: %s", strerror(errno));
	}
}

static uint64_t watched_by(enum crowd crowd, int nr)
{
	int fd, ep, between = -1, i;
	uint64_t ns;

	if (dev_command("create " NAME " 1 65536 0"))
		T_DIE("interrupt.setup", "create: %s", strerror(errno));
	fd = dev_open_fd(NAME, O_RDONLY);
	ep = epoll_create1(0);
	if (crowd == FILES || crowd == NESTED)
		between = epoll_create1(0);
	if (crowd == NESTED)
		add(between, fd, EPOLLIN);
	over = 0;
	for (i = 0; i < nr; i++)
		watch(crowd, i, fd, between);
	add(ep, fd, EPOLLIN);
	if (crowd == TASKS)
		sleep_us(200000);
	ns = interrupt_ns(fd, ep, between, crowds[crowd].rounds);
	over = 1;
	if (crowd == TASKS)
		dev_command("interrupt " NAME);
	for (i = 0; i < nr; i++) {
		if (crowd == TASKS)
			pthread_join(threads[i], NULL);
		else
			close(watches[i]);
	}
	if (between >= 0)
		close(between);
	close(ep);
	close(fd);
	dev_command("destroy " NAME);
	return ns;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void compare(enum crowd crowd, double bound)
{
	const int many = crowds[crowd].many / (mod_debug_kernel() ? 10 : 1);
	uint64_t few_ns = ~0ULL, many_ns = ~0ULL;
	int i;

	/* Whatever else runs only lengthens an interrupt: the shortest of all tries counts. */
	for (i = 0; i < 8; i++) {
		few_ns = min_u64(few_ns, watched_by(crowd, 10));
		many_ns = min_u64(many_ns, watched_by(crowd, many));
		t_note("%s: %d ns with 10, %d ns with %d", crowds[crowd].name, (int)few_ns,
		       (int)many_ns, many);
		if (many_ns <= few_ns * bound)
			break;
	}
	t_check(i < 8, crowds[crowd].name, "%d ns with 10 watches, %d ns with %d", (int)few_ns,
		(int)many_ns, many);
}

int main(int argc, char **argv)
{
	struct rlimit limit = { MOST + 100, MOST + 100 };
	enum crowd crowd;

	setrlimit(RLIMIT_NOFILE, &limit);
	alarm(600);
	for (crowd = 0; crowd < NR_CROWDS; crowd++)
		compare(crowd, argc > 1 ? atof(argv[1]) : 2);
	return t_done();
}

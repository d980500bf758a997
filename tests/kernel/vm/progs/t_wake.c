// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a wake-up costs, and whom it reaches: nobody who only asks is woken, each open file
 * is woken for its own watermark, and readers cannot make the writer pay. t_interrupt measures
 * the interrupt that wakes.
 */
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "../../../lib/cost.h"
#include "mod.h"

#define NAME "wk"

static volatile int *go;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void create(uint32_t clock, uint64_t size, uint32_t interval_ns)
{
	struct seqring_ctl_create c = dev_params(NAME, size);

	c.clock_id = clock;
	c.wake_interval_ns = interval_ns;
	if (dev_control(SEQRING_CTL_CREATE, &c))
		T_DIE("wake.setup", "create: %s", strerror(errno));
}

static void publish(int fd)
{
	if (write(fd, "01234567", 8) != 8)
		T_DIE("wake.setup", "write: %s", strerror(errno));
}

static int ask(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0);
}

/* --- who is woken ----------------------------------------------------------------------- */

static void asking_arms_nothing(void)
{
	uint64_t before;
	int w, fd, i;

	create(SEQRING_CLOCK_MONOTONIC, 65536, SEQRING_WAKE_UNLIMITED);
	w = dev_open_fd(NAME, O_RDWR);
	fd = dev_open_fd(NAME, O_RDONLY);
	before = dev_stats(w, 0).wakeups;
	for (i = 0; i < 2000; i++) {
		ask(fd);
		publish(w);
	}
	T_EQ("wake.asking_arms_nothing", dev_stats(w, 0).wakeups - before, 0);
	close(w);
	close(fd);
	dev_destroy(NAME);
}

/* A sleeper with a high watermark sleeps while another reader is woken for each record. */
static void neighbours(void)
{
	const int records = 300, wish = 100000;
	struct epoll_event ev = { .events = EPOLLIN };
	int w, ep, fd, i, status = 0, woken = 0;
	struct rusage ru;
	pid_t pid;

	create(SEQRING_CLOCK_MONOTONIC, 1 << 22, SEQRING_WAKE_UNLIMITED);
	w = dev_open_fd(NAME, O_RDWR);
	pid = fork();
	if (!pid) {
		struct pollfd p = { .events = POLLIN };
		struct dev d;

		dev_open(&d, NAME, O_RDONLY);
		dev_reader_page(&d);
		d.page->wake_records = wish;
		p.fd = d.fd;
		_exit(poll(&p, 1, 60000) != 1);
	}
	T_TRUE("wake.neighbour_asleep", wait_asleep(pid));
	fd = dev_open_fd(NAME, O_RDONLY | O_NONBLOCK);
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	for (i = 0; i < records; i++) {
		char buf[256];

		publish(w);
		woken += epoll_wait(ep, &ev, 1, 30000) == 1;
		while (read(fd, buf, sizeof(buf)) > 0)
			;
	}
	T_EQ("wake.eager_woken", woken, records);
	/* Half the ring is unread at the latest, so the sleeper wakes. */
	for (i = 0; i < (1 << 22) / 2 / 32; i++)
		publish(w);
	T_TRUE("wake.neighbour_woken", wait4(pid, &status, 0, &ru) == pid && !status);
	/* It sleeps once in poll(), and maybe while it starts. */
	t_check(ru.ru_nvcsw <= 10, "wake.neighbour_undisturbed", "%ld switches for %d records",
		ru.ru_nvcsw, records);
	close(ep);
	close(fd);
	close(w);
	dev_destroy(NAME);
}

static void exclusive(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int w, fd[3], ep[3], i, k, got[3] = { 0 };
	char buf[256];

	create(SEQRING_CLOCK_MONOTONIC, 65536, 0);
	w = dev_open_fd(NAME, O_RDWR);
	for (k = 0; k < 3; k++) {
		fd[k] = dev_open_fd(NAME, O_RDONLY | O_NONBLOCK);
		ep[k] = epoll_create1(0);
		epoll_ctl(ep[k], EPOLL_CTL_ADD, fd[k], &ev);
	}
	for (i = 0; i < 20; i++) {
		publish(w);
		for (k = 0; k < 3; k++) {
			got[k] += epoll_wait(ep[k], &ev, 1, 10000) == 1;
			while (read(fd[k], buf, sizeof(buf)) > 0)
				;
		}
	}
	t_check(got[0] == 20 && got[1] == 20 && got[2] == 20, "wake.exclusive_each",
		"%d, %d and %d of 20", got[0], got[1], got[2]);
	for (k = 0; k < 3; k++) {
		close(ep[k]);
		close(fd[k]);
	}
	close(w);
	dev_destroy(NAME);
}

/* Of many waiters on one open file, each is woken, however many pieces that takes. */
static void crowd_on_one_file(void)
{
	enum { NR = 150 };
	struct epoll_event ev = { .events = EPOLLIN };
	int w, fd, ep[NR], i, got = 0;

	create(SEQRING_CLOCK_MONOTONIC, 65536, 0);
	w = dev_open_fd(NAME, O_RDWR);
	fd = dev_open_fd(NAME, O_RDONLY | O_NONBLOCK);
	for (i = 0; i < NR; i++) {
		ep[i] = epoll_create1(0);
		epoll_ctl(ep[i], EPOLL_CTL_ADD, fd, &ev);
	}
	publish(w);
	for (i = 0; i < NR; i++)
		got += epoll_wait(ep[i], &ev, 1, got == i ? 10000 : 0) == 1;
	T_EQ("wake.crowd_on_one_file", got, NR);
	for (i = 0; i < NR; i++)
		close(ep[i]);
	close(fd);
	close(w);
	dev_destroy(NAME);
}

static void *sleep_in_poll(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	uint64_t begin = now_ns();

	/* When the time is over, poll() looks again, so its result alone tells nothing. */
	return poll(&p, 1, 40000) == 1 && now_ns() - begin < 20000 * MS ? arg : NULL;
}

/* The same for tasks in poll(2), of which an interrupt wakes a few at most. */
static void tasks_on_one_file(void)
{
	enum { NR = 40 };
	pthread_t thread[NR];
	int w, fd, i, got = 0;
	void *woken;

	create(SEQRING_CLOCK_MONOTONIC, 65536, 0);
	w = dev_open_fd(NAME, O_RDWR);
	fd = dev_open_fd(NAME, O_RDONLY);
	for (i = 0; i < NR; i++)
		if (pthread_create(&thread[i], NULL, sleep_in_poll, &fd))
			T_DIE("wake.setup", "thread: %s", strerror(errno));
	sleep_us(100000);
	publish(w);
	for (i = 0; i < NR; i++) {
		pthread_join(thread[i], &woken);
		got += !!woken;
	}
	T_EQ("wake.tasks_on_one_file", got, NR);
	close(fd);
	close(w);
	dev_destroy(NAME);
}

/* Sleeps in poll(2) until there is a record, twice; @go counts the times. */
static void sleep_twice(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[256];
	int ok = 1, i;

	for (i = 0; i < 2; i++) {
		ok &= poll(&p, 1, -1) == 1;
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		*go = i + 1;
	}
	_exit(!ok);
}

/* Return: true if @pid ends with 0 within @ms; otherwise it is dead as well. */
static int ends_well(pid_t pid, int ms)
{
	uint64_t begin = now_ns();
	int status;

	while (now_ns() - begin < ms * MS) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return !status;
		sleep_us(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

/*
 * Two wait on one open file. A record comes while the ring pauses, so the sleeper has its
 * wake-up still to come. An edge-triggered waiter joins, is told of the record, and waits
 * for the next one. Return: false if the pause was over before that.
 */
static int told_in_pause(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int w, fd, ep, paused;
	uint64_t wakeups;
	pid_t pid;

	create(SEQRING_CLOCK_MONOTONIC, 65536, 1000 * MS);
	w = dev_open_fd(NAME, O_RDWR);
	fd = dev_open_fd(NAME, O_RDONLY | O_NONBLOCK);
	ep = epoll_create1(0);
	*go = 0;
	pid = fork();
	if (!pid)
		sleep_twice(fd);
	T_TRUE("wake.told_asleep", wait_asleep(pid));
	publish(w);
	while (*go != 1)
		sleep_us(100);
	T_TRUE("wake.told_asleep_again", wait_asleep(pid));
	wakeups = dev_stats(w, 0).wakeups;
	publish(w);
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		T_DIE("wake.setup", "epoll_ctl: %s", strerror(errno));
	paused = dev_stats(w, 0).wakeups == wakeups;
	T_TRUE("wake.told_takes_no_wakeup", ends_well(pid, 15000));
	close(ep);
	close(fd);
	close(w);
	dev_destroy(NAME);
	return paused;
}

static void told(void)
{
	int i;

	for (i = 0; i < 10; i++)
		if (told_in_pause())
			break;
	T_TRUE("wake.told_in_pause", i < 10);
}

/* --- what the writer pays --------------------------------------------------------------- */

/* Sleeps and asks in every way, as fast as it can, or computes while @go is 1. */
static void pester(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET }, got;
	int fd = dev_open_fd(NAME, O_RDONLY | O_NONBLOCK), ep = epoll_create1(0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	static char buf[65536];

	pin(1);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	while (*go != 3) {
		if (*go == 2) {
			poll(&p, 1, 0);
			poll(&p, 1, 1);
			epoll_wait(ep, &got, 1, 0);
			epoll_wait(ep, &got, 1, 1);
			if (read(fd, buf, sizeof(buf)) < 0)
				lseek(fd, 0, SEEK_END);
		} else {
			lseek(fd, 0, SEEK_END);
			getppid();
		}
	}
	_exit(0);
}

static double flood(int state)
{
	const unsigned int records = mod_debug_kernel() ? 2000 : 40000;
	uint64_t begin;

	*go = state;
	sleep_us(2000);
	begin = now_ns();
	if (dev_command("flood " NAME " %u 64 0", records))
		T_DIE("wake.setup", "flood: %s", strerror(errno));
	return (double)(now_ns() - begin) / records;
}

static double flood_alone(void *arg)
{
	(void)arg;
	return flood(1);
}

static double flood_pestered(void *arg)
{
	(void)arg;
	return flood(2);
}

static void writers_cost(void)
{
	const struct cost_pair pair = { "wake.cost", flood_alone, flood_pestered, NULL, 9, 1.2 };
	uint64_t wakeups;
	pid_t pid;
	int fd;

	if (dev_command("create " NAME " 1 1048576 0"))
		T_DIE("wake.setup", "create: %s", strerror(errno));
	fd = dev_open_fd(NAME, O_RDONLY);
	pin(0);
	pid = fork();
	if (!pid)
		pester();
	flood(1);
	wakeups = dev_stats(fd, 0).wakeups;
	flood(2);
	T_TRUE("wake.cost_paid", dev_stats(fd, 0).wakeups > wakeups);
	cost_check(&pair);
	*go = 3;
	waitpid(pid, NULL, 0);
	close(fd);
	dev_command("destroy " NAME);
}

/* Wake-ups in a second of publishing, with a reader that sleeps whenever it can. */
static uint64_t wakeups_in_a_second(uint32_t interval_ns, double *seconds)
{
	uint64_t begin, before, n;
	pid_t pid;
	int w;

	create(SEQRING_CLOCK_MONOTONIC, 1 << 20, interval_ns);
	w = dev_open_fd(NAME, O_RDWR);
	pin(0);
	*go = 2;
	pid = fork();
	if (!pid)
		pester();
	sleep_us(100000);
	before = dev_stats(w, 0).wakeups;
	begin = now_ns();
	while (now_ns() - begin < 1000 * MS)
		publish(w);
	n = dev_stats(w, 0).wakeups - before;
	*seconds = (now_ns() - begin) / 1e9;
	*go = 3;
	waitpid(pid, NULL, 0);
	close(w);
	dev_destroy(NAME);
	return n;
}

static void interval(void)
{
	double seconds;
	uint64_t n;

	n = wakeups_in_a_second(200 * MS, &seconds);
	t_check(n <= seconds * 5 + 2 && n >= 2, "wake.interval", "%d wake-ups in %.1f s", (int)n,
		seconds);
	n = wakeups_in_a_second(SEQRING_WAKE_UNLIMITED, &seconds);
	t_check(n > 2 * (seconds * 5 + 2), "wake.no_interval", "%d wake-ups in %.1f s", (int)n,
		seconds);
}

/* --- timeouts --------------------------------------------------------------------------- */

/*
 * A reader that keeps almost up never has a record that is unread for as long as its
 * timeout. Without a fine clock in the records, the kernel knows it by the cursor only.
 */
static void almost_up(uint32_t clock, const char *name)
{
	unsigned char buf[64];
	struct seqring_view v;
	int i, k, ready = 0;
	struct dev d;

	create(clock, 1 << 20, 0);
	dev_open(&d, NAME, O_RDWR);
	dev_reader_page(&d);
	d.page->wake_records = 10000;
	d.page->wake_timeout_ns = 400 * MS;
	for (i = 0; i < 80; i++) {
		struct pollfd p = { .fd = d.fd, .events = POLLIN };

		for (k = 0; k < 10; k++)
			publish(d.fd);
		/* All but the last record. */
		for (k = 0; k < 10 - !i; k++)
			dev_read(&d, 0, &v, buf, sizeof(buf));
		dev_store_cursor(&d, 0);
		ready += poll(&p, 1, 10) == 1;
	}
	T_EQ(name, ready, 0);
	dev_close(&d);
	dev_destroy(NAME);
}

int main(void)
{
	go = mmap(NULL, sizeof(*go), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alarm(600);
	asking_arms_nothing();
	neighbours();
	exclusive();
	crowd_on_one_file();
	tasks_on_one_file();
	told();
	almost_up(SEQRING_CLOCK_NONE, "wake.timeout_without_clock");
	almost_up(SEQRING_CLOCK_COARSE, "wake.timeout_coarse");
	interval();
	writers_cost();
	return t_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wake-up watermark in the reader page: when poll() reports records, what waiting
 * costs, and that nothing a reader writes there harms another reader.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "../../../lib/process.h"
#include "dev.h"

#define NAME   "tw"
#define SIZE   65536
#define LEN    64
#define RECORD (24 + LEN)
/*
 * A wake-up is never early. It may be late on a machine that is busy or emulated: one that
 * is later than this is asked for again.
 */
#define SLACK (2000 * MS)
#define TRIES 5

static struct dev d;

static void publish(int n)
{
	static unsigned char p[LEN];

	while (n--)
		if (write(d.fd, p, LEN) != LEN)
			T_DIE("watermark.setup", "write: %s", strerror(errno));
}

static int poll_in(int timeout_ms)
{
	struct pollfd p = { .fd = d.fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1 && p.revents == POLLIN;
}

static int woken(int fd)
{
	return dev_woken(fd, 30000) == POLLIN;
}

static int drain(void)
{
	unsigned char buf[LEN];
	struct seqring_view v;
	int n = 0;

	while (dev_read(&d, 0, &v, buf, sizeof(buf)) == SEQRING_OK)
		n++;
	return n;
}

static void watermark(uint64_t records, uint64_t bytes, uint64_t timeout_ns)
{
	d.page->wake_records = records;
	d.page->wake_bytes = bytes;
	d.page->wake_timeout_ns = timeout_ns;
}

/* Publishes one record every 10 ms, @arg of them. */
static void *publish_slowly(void *arg)
{
	int n = (int)(intptr_t)arg;

	while (n--) {
		sleep_us(10000);
		publish(1);
	}
	return NULL;
}

/* Return: unread records at the wake-up, when @published records come one by one. */
static uint64_t woken_at(int published)
{
	uint64_t before = d.r[0].ctl->seq, n;
	pthread_t thread;
	int in_time;

	pthread_create(&thread, NULL, publish_slowly, (void *)(intptr_t)published);
	in_time = woken(d.fd);
	n = d.r[0].ctl->seq - before;
	pthread_join(thread, NULL);
	return in_time ? n : 0;
}

/* A sleeper wakes at record @least. One that is three records late is asked again. */
static void check_woken_at(const char *name, void (*prepare)(void), uint64_t least)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < TRIES; i++) {
		drain();
		if (prepare)
			prepare();
		n = woken_at((int)least + 4);
		if (n <= least + 3)
			break;
	}
	t_check(n >= least && n <= least + 3, name, "woken at %d, expected %d", (int)n, (int)least);
	drain();
}

static void records_and_bytes(void)
{
	drain();
	watermark(10, 0, 0);
	publish(9);
	T_TRUE("watermark.records_not_yet", !poll_in(200));
	publish(1);
	T_TRUE("watermark.records", poll_in(0));
	T_EQ("watermark.records_read", drain(), 10);
	check_woken_at("watermark.records_asleep", NULL, 10);

	watermark(0, 1000, 0);
	publish(1000 / RECORD);
	T_TRUE("watermark.bytes_not_yet", !poll_in(200));
	publish(1);
	T_TRUE("watermark.bytes", poll_in(0));
	check_woken_at("watermark.bytes_asleep", NULL, 12);

	watermark(1000, 1000, 0);
	publish(12);
	T_TRUE("watermark.bytes_first", poll_in(0));
	drain();
	watermark(3, 1000, 0);
	publish(3);
	T_TRUE("watermark.records_first", poll_in(0));
	drain();
	watermark(0, 0, 0);
	publish(1);
	T_TRUE("watermark.none_is_any", poll_in(0));
	drain();
	T_TRUE("watermark.drained", !poll_in(0));
}

/* A watermark above half the ring is lowered: more could be overwritten meanwhile. */
static void beyond(const char *name, uint64_t records, uint64_t bytes)
{
	int n = 0;

	watermark(records, bytes, 0);
	while (!poll_in(0) && n++ < 2000)
		publish(1);
	t_check(n >= SIZE / 2 / RECORD && n <= SIZE / 2 / RECORD + 2, name, "after %d records", n);
	drain();
}

/* Return: time from the first unread record to the wake-up; 0: the machine was too slow. */
static uint64_t timeout_once(int *early)
{
	uint64_t before = now_ns(), took;

	publish(1);
	*early = poll_in(0);
	if (now_ns() >= before + 300 * MS)
		return 0;
	sleep_us(100000);
	took = poll_in(30000) ? now_ns() - before : ~0ULL;
	return took < 300 * MS + SLACK || took == ~0ULL ? took : 0;
}

static uint64_t timeout_asleep_once(void)
{
	uint64_t before = now_ns(), took;
	pthread_t thread;

	pthread_create(&thread, NULL, publish_slowly, (void *)3);
	took = poll_in(30000) ? now_ns() - before : ~0ULL;
	pthread_join(thread, NULL);
	return took < 310 * MS + SLACK || took == ~0ULL ? took : 0;
}

static void timeouts(const char *name, const char *name_asleep)
{
	uint64_t took;
	int i, early = 1;

	watermark(1000, 0, 300 * MS);
	for (i = 0, took = 0; i < TRIES && !took; i++) {
		took = timeout_once(&early);
		drain();
	}
	T_TRUE("watermark.timeout_not_yet", took && !early);
	t_check(took >= 300 * MS && took < 300 * MS + SLACK, name, "woken after %d ms",
		(int)(took / MS));
	T_TRUE("watermark.timeout_drained", !poll_in(400));
	watermark(1000, 0, ~0ULL);
	publish(1);
	T_TRUE("watermark.timeout_endless", !poll_in(100));
	drain();
	watermark(1000, 0, 300 * MS);
	for (i = 0, took = 0; i < TRIES && !took; i++) {
		took = timeout_asleep_once();
		drain();
	}
	t_check(took >= 310 * MS && took < 310 * MS + SLACK, name_asleep, "woken after %d ms",
		(int)(took / MS));
}

/*
 * Edge-triggered: no poll between an event and the next, so each one must arm.
 * Events have @first records and @then records in turn.
 */
static void edges(const char *name, int first, int then, uint64_t records, uint64_t timeout_ns)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0), i, got = 0;

	watermark(records, 0, timeout_ns);
	epoll_ctl(ep, EPOLL_CTL_ADD, d.fd, &ev);
	for (i = 0; i < 6; i++) {
		publish(i % 2 ? then : first);
		if (epoll_wait(ep, &ev, 1, 30000) != 1)
			break;
		got++;
		drain();
	}
	T_EQ(name, got, 6);
	drain();
	close(ep);
}

static void seq_ahead(void)
{
	watermark(10, 0, 0);
	d.page->cursor[0].seq = d.r[0].ctl->seq + 1000;
}

/* Return: an epoll instance that sleeps on the device. */
static int asleep(uint32_t events)
{
	struct epoll_event ev = { .events = events };
	int ep = epoll_create1(0);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, d.fd, &ev))
		T_DIE("watermark.setup", "epoll: %s", strerror(errno));
	return ep;
}

/* A wake-up may come late: the ring pauses after the last one. */
static int wakeups_are(uint64_t wakeups)
{
	int i;

	for (i = 0; i < 30000 && d.r[0].ctl->wakeups < wakeups; i++)
		sleep_us(1000);
	return d.r[0].ctl->wakeups == wakeups;
}

static int wakeups_stay(uint64_t wakeups)
{
	sleep_us(50000);
	return d.r[0].ctl->wakeups == wakeups;
}

/* Cursors that are wrong, or unknown. */
static void odd_cursors(void)
{
	uint64_t wakeups;
	int ep;

	drain();
	watermark(10, 0, 0);
	/* A reader at head that does not know the seq is woken early, not late. */
	d.page->cursor[0].seq = 0;
	T_TRUE("watermark.unknown_seq_empty", !poll_in(0));
	publish(1);
	T_TRUE("watermark.unknown_seq", poll_in(0));
	drain();
	d.page->cursor[0].seq = ~0ULL;
	publish(1);
	T_TRUE("watermark.impossible_seq", poll_in(0));
	drain();
	check_woken_at("watermark.seq_ahead_asleep", seq_ahead, 10);

	/* A reader that claims to be ahead of head is told of the next record. */
	watermark(0, 0, 0);
	ep = asleep(EPOLLIN);
	d.page->cursor[0].pos = d.r[0].ctl->head + 16 * RECORD;
	T_TRUE("watermark.ahead_empty", !poll_in(0));
	wakeups = d.r[0].ctl->wakeups;
	publish(1);
	T_TRUE("watermark.ahead_wakes", wakeups_are(wakeups + 1));
	drain();
	close(ep);

	/* An edge-triggered reader that has enough is woken for as much again. */
	watermark(0, 1000, 0);
	publish(12);
	ep = asleep(EPOLLIN | EPOLLET);
	wakeups = d.r[0].ctl->wakeups;
	publish(11);
	T_TRUE("watermark.enough_not_yet", wakeups_stay(wakeups));
	publish(1);
	T_TRUE("watermark.enough_again", wakeups_are(wakeups + 1));
	drain();
	close(ep);

	/* A ring that this reader does not read. */
	watermark(0, 0, 0);
	ep = asleep(EPOLLIN);
	d.page->cursor[0].pos = SEQRING_WAIT_NONE;
	T_TRUE("watermark.unwanted_full", !poll_in(0));
	wakeups = d.r[0].ctl->wakeups;
	publish(1);
	T_TRUE("watermark.unwanted", !poll_in(100));
	publish(1);
	T_TRUE("watermark.unwanted_wakes_nobody", wakeups_stay(wakeups));
	close(ep);
	drain();
}

static void costs(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(0), returns = 0, read = 0;
	uint64_t wakeups, cpu_us;
	pthread_t thread;

	watermark(1, 0, 0);
	drain();
	epoll_ctl(ep, EPOLL_CTL_ADD, d.fd, &ev);
	pthread_create(&thread, NULL, publish_slowly, (void *)60);
	cpu_us = cpu_ns() / 1000;
	while (epoll_wait(ep, &ev, 1, read < 60 ? 30000 : 1500) == 1) {
		returns++;
		read += drain();
	}
	cpu_us = cpu_ns() / 1000 - cpu_us;
	pthread_join(thread, NULL);
	T_EQ("watermark.level_all_read", read, 60);
	t_check(returns <= 60, "watermark.level_returns", "%d returns for 60 events", returns);
	t_check(cpu_us < 300000, "watermark.level_cpu", "%d us of CPU time", (int)cpu_us);

	/* Without a sleeper nobody is woken. The epoll item stays armed once. */
	close(ep);
	wakeups = d.r[0].ctl->wakeups;
	publish(3000);
	wakeups = d.r[0].ctl->wakeups - wakeups;
	t_check(wakeups <= 1, "watermark.no_sleeper", "%d wake-ups", (int)wakeups);
	drain();

	/* A sleeper that wants 50 at a time is woken once for 50. */
	watermark(50, 0, 0);
	wakeups = d.r[0].ctl->wakeups;
	pthread_create(&thread, NULL, publish_slowly, (void *)150);
	/* A reader that is late reads more than 50, and fewer than that remain at the end. */
	for (read = 0; read < 150 && poll_in(2000);)
		read += drain();
	pthread_join(thread, NULL);
	read += drain();
	wakeups = d.r[0].ctl->wakeups - wakeups;
	t_check(read >= 150 && wakeups <= 6, "watermark.batched", "%d read, %d wake-ups", read,
		(int)wakeups);
}

static void killed(void)
{
	unsigned int readers = dev_stats(d.fd, 0).readers, i;
	pid_t pid[4];

	watermark(1, 0, 0);
	drain();
	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			struct epoll_event ev = { .events = EPOLLIN };
			int fd = dev_open_fd(NAME, O_RDONLY), ep = epoll_create1(0);
			struct pollfd p = { .fd = fd, .events = POLLIN };

			lseek(fd, 0, SEEK_END);
			epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
			_exit(i % 2 ? poll(&p, 1, -1) : epoll_wait(ep, &ev, 1, -1));
		}
	}
	for (i = 0; i < 6000 && dev_stats(d.fd, 0).readers != readers + 4; i++)
		sleep_us(10000);
	for (i = 0; i < 4; i++)
		T_TRUE("watermark.killed_asleep", wait_asleep(pid[i]));
	T_EQ("watermark.killed_before", dev_stats(d.fd, 0).readers, readers + 4);
	for (i = 0; i < 4; i++)
		kill_and_reap(pid[i]);
	publish(1);
	T_TRUE("watermark.killed_others_woken", woken(d.fd));
	T_EQ("watermark.killed_closed", dev_stats(d.fd, 0).readers, readers);
	drain();
}

/* A reader page with any content, which changes while the kernel looks. */
static void scribble(int number)
{
	uint64_t rnd = number * 77, until = now_ns() + 300000 * MS;
	struct seqring_stats st;
	uint64_t *word;
	struct dev h;
	pid_t pid;

	dev_open(&h, NAME, O_RDONLY | O_NONBLOCK);
	dev_reader_page(&h);
	word = (uint64_t *)h.page;
	pid = fork(); /* one writes, the other polls */
	while (now_ns() < until) {
		struct pollfd p = { .fd = h.fd, .events = POLLIN };
		struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
		uint64_t r = next_random(&rnd), value = 0;
		int ep;

		if (pid) {
			ep = epoll_create1(0);
			epoll_ctl(ep, EPOLL_CTL_ADD, h.fd, &ev);
			epoll_wait(ep, &ev, 1, r % 2);
			poll(&p, 1, r % 2);
			close(ep);
			continue;
		}
		st = dev_stats(h.fd, 0);
		switch (r % 8) {
		case 0:
			value = ~0ULL >> (r >> 8) % 64;
			break;
		case 1:
			value = st.head + (r >> 8) % 256 - 128;
			break;
		case 2:
			value = st.tail + (r >> 8) % 256 - 128;
			break;
		case 3:
			value = st.seq + (r >> 8) % 8 - 4;
			break;
		case 4:
			value = r;
			break;
		case 5:
			value = 1ULL << (r >> 8) % 64;
			break;
		case 6:
			value = (r >> 8) % 4;
			break;
		}
		/* The watermark, its neighbours, the cursor. */
		seqring_write(&word[(r >> 32) % 2 ? (r >> 40) % 3 : (r >> 40) % 32], value);
	}
}

static void hostile(void)
{
	int i, lost = 0, ok = 1;
	pid_t pid[3];

	for (i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			setpgid(0, 0);
			scribble(i);
			_exit(0);
		}
		setpgid(pid[i], pid[i]);
	}
	watermark(1, 0, 0);
	drain();
	for (i = 0; i < 1500 && !lost; i++) {
		pthread_t thread;

		if (i % 50 == 0) {
			pthread_create(&thread, NULL, publish_slowly, (void *)1);
			lost += !woken(d.fd);
			pthread_join(thread, NULL);
		} else {
			publish(1);
			lost += !woken(d.fd);
		}
		ok &= drain() == 1 && !poll_in(0);
	}
	T_EQ("watermark.hostile_others_woken", lost, 0);
	T_TRUE("watermark.hostile_others_right", ok);
	for (i = 0; i < 3; i++) {
		T_TRUE("watermark.hostile_alive", !waitpid(pid[i], NULL, WNOHANG));
		kill(-pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
}

/* Any ring of a device wakes its sleeper. */
static void every_ring(void)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu, status, fd, in_time;
	char buf[4096];
	cpu_set_t set;
	pid_t pid;

	if (dev_command("create tw-percpu 2 65536 0"))
		T_DIE("watermark.setup", "%s", strerror(errno));
	fd = dev_open_fd("tw-percpu", O_RDONLY | O_NONBLOCK);
	T_TRUE("watermark.rings_enough", cpus > 1 && (int)dev_geometry(fd).nr_rings >= cpus);
	for (cpu = 0, in_time = 0; cpu < cpus; cpu++) {
		pid = fork();
		if (!pid) {
			sleep_us(50000);
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			_exit(sched_setaffinity(0, sizeof(set), &set) ||
			      dev_command("flood tw-percpu 1 256 0"));
		}
		in_time += woken(fd) && read(fd, buf, sizeof(buf)) > 0 &&
			   dev_stats(fd, cpu).seq == 1;
		waitpid(pid, &status, 0);
	}
	T_EQ("watermark.every_ring", in_time, cpus);
	close(fd);
	dev_command("destroy tw-percpu");
}

/* However kernel code publishes, it wakes. */
static void every_way(void)
{
	int how, status, fd, in_time = 0;
	char buf[4096];
	pid_t pid;

	if (dev_command("create tw-ways 1 65536 0"))
		T_DIE("watermark.setup", "%s", strerror(errno));
	fd = dev_open_fd("tw-ways", O_RDONLY | O_NONBLOCK);
	for (how = 0; how < 3; how++) {
		pid = fork();
		if (!pid) {
			sleep_us(50000);
			_exit(dev_command("flood tw-ways 1 256 %d", how) != 0);
		}
		in_time += woken(fd) && read(fd, buf, sizeof(buf)) > 0;
		if (waitpid(pid, &status, 0) != pid || status)
			T_DIE("watermark.setup", "flood %d: status %d", how, status);
	}
	T_EQ("watermark.every_way", in_time, how);
	close(fd);
	dev_command("destroy tw-ways");
}

/* At the end, records below the watermark are reported. */
static void rest_after_the_end(void)
{
	struct pollfd p = { .fd = d.fd, .events = POLLIN };

	drain();
	watermark(10, 0, 0);
	publish(1);
	T_TRUE("watermark.end_not_yet", !poll_in(0));
	dev_destroy(NAME);
	T_TRUE("watermark.end_rest", poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLERR));
	drain();
	dev_store_cursor(&d, 0);
	T_TRUE("watermark.end_drained", poll(&p, 1, 0) == 1 && p.revents == (POLLHUP | POLLERR));
	dev_close(&d);
}

static void readable_and_writable(void)
{
	struct pollfd p = { .fd = d.fd, .events = POLLIN | POLLOUT };
	int ro = dev_open_fd(NAME, O_RDONLY);

	watermark(1, 0, 0);
	drain();
	T_TRUE("watermark.pollout", poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
	publish(1);
	T_TRUE("watermark.pollin_pollout", poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLOUT));
	drain();
	p.fd = ro;
	lseek(ro, 0, SEEK_END);
	T_TRUE("watermark.no_pollout", poll(&p, 1, 100) == 0);
	close(ro);
}

static void open_new(uint32_t clock_id)
{
	struct seqring_ctl_create c = dev_params(NAME, SIZE);

	c.clock_id = clock_id;
	if (dev_control(SEQRING_CTL_CREATE, &c))
		T_DIE("watermark.setup", "create: %s", strerror(errno));
	dev_open(&d, NAME, O_RDWR | O_NONBLOCK);
	dev_reader_page(&d);
}

int main(void)
{
	alarm(300);
	open_new(SEQRING_CLOCK_MONOTONIC);
	records_and_bytes();
	beyond("watermark.beyond_records", 1ULL << 40, 0);
	beyond("watermark.beyond_bytes", 0, 1ULL << 40);
	beyond("watermark.beyond_top", ~0ULL, ~0ULL);
	timeouts("watermark.timeout", "watermark.timeout_asleep");
	edges("watermark.edge_any", 1, 3, 0, 0);
	edges("watermark.edge_records", 10, 12, 10, 0);
	edges("watermark.edge_timeout", 1, 2, 10, 50 * MS);
	edges("watermark.edge_records_timeout", 10, 1, 10, 50 * MS);
	edges("watermark.edge_any_timeout", 1, 10, 0, 50 * MS);
	odd_cursors();
	costs();
	killed();
	readable_and_writable();
	hostile();
	rest_after_the_end();
	open_new(SEQRING_CLOCK_NONE);
	timeouts("watermark.timeout_clockless", "watermark.timeout_clockless_asleep");
	edges("watermark.edge_timeout_clockless", 1, 2, 10, 50 * MS);
	/* Closed while its timer runs: a kernel that watches timers reports one that stays. */
	watermark(1000, 0, 2000 * MS);
	publish(1);
	T_TRUE("watermark.closed_before_its_time", !poll_in(0));
	dev_close(&d);
	sleep_us(2100000);
	dev_destroy(NAME);
	every_ring();
	every_way();
	return t_done();
}

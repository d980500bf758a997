// SPDX-License-Identifier: GPL-2.0-only
/*
 * read(2) and seeking, for a program without a library and without a mapping. Every
 * record is compared with the bytes written and with the mapping.
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "../../../lib/process.h"
#include "dev.h"

#define SIZE 65536
#define MAX  1024

static unsigned char buf[1 << 17] __attribute__((aligned(8)));

static void publish(int fd, uint64_t n)
{
	dev_publish(fd, n, MAX);
}

static struct seqring_record *at(size_t off)
{
	return (struct seqring_record *)(buf + off);
}

/* Return: whether these are whole records, with self-proving payloads and seqs in a row. */
static int records_ok(size_t bytes, uint64_t *seq, unsigned int *nr)
{
	size_t off = 0;

	for (*nr = 0; off < bytes; ++*nr) {
		const struct seqring_record *rec = at(off);
		size_t size = seqring_record_size(rec->meta.len), i;

		if (off + sizeof(*rec) > bytes || off + size > bytes || rec->meta.flags)
			return 0;
		if (*seq && rec->stamp != *seq)
			return 0;
		if (!test_payload_ok((const unsigned char *)(rec + 1), rec->meta.len, MAX))
			return 0;
		for (i = sizeof(*rec) + rec->meta.len; i < size; i++)
			if (buf[off + i])
				return 0;
		*seq = rec->stamp + 1;
		off += size;
	}
	return 1;
}

static int seek(int fd, uint32_t whence, uint64_t value)
{
	struct seqring_seek s = { .size = sizeof(s), .whence = whence, .value = value };

	return ioctl(fd, SEQRING_IOC_SEEK, &s);
}

/* The seq of the record that read(2) gives next; 0: none. */
static uint64_t next_seq(int fd)
{
	ssize_t n = read(fd, buf, sizeof(buf));

	return n > 0 ? at(0)->stamp : 0;
}

static void whole_records(void)
{
	struct seqring_view v = { 0 };
	struct dev d;
	uint64_t seq = 1, ts = 0;
	unsigned int nr = 0, differ = 0;
	ssize_t n, off = 0;
	size_t first, second;
	uint64_t i;

	dev_create("rd", SIZE);
	dev_open(&d, "rd", O_RDWR | O_NONBLOCK);
	T_ERR("read.empty", read(d.fd, buf, sizeof(buf)), EAGAIN);
	for (i = 1; i <= 50; i++)
		publish(d.fd, i);
	n = read(d.fd, buf, sizeof(buf));
	T_TRUE("read.several_records", n > 0 && records_ok(n, &seq, &nr));
	T_EQ("read.all_records", nr, 50);
	T_ERR("read.then_empty", read(d.fd, buf, sizeof(buf)), EAGAIN);

	for (i = 0; i < 50; i++) {
		static unsigned char payload[MAX];
		const struct seqring_record *rec = at(off);

		if (dev_read(&d, 0, &v, payload, sizeof(payload)) || v.seq != rec->stamp ||
		    v.ts_ns != rec->ts_ns || v.len != rec->meta.len || v.type != rec->meta.type ||
		    memcmp(payload, rec + 1, v.len) || v.ts_ns < ts)
			differ++;
		ts = v.ts_ns;
		off += seqring_record_size(rec->meta.len);
	}
	T_EQ("read.same_as_mapping", differ, 0);
	T_TRUE("read.time_is_monotonic", ts && ts <= now_ns());

	seek(d.fd, SEQRING_SEEK_OLDEST, 0);
	first = seqring_record_size(test_payload_len(1, MAX));
	second = seqring_record_size(test_payload_len(2, MAX));
	T_RET("read.only_what_fits", read(d.fd, buf, first + second - 1), first);
	T_ERR("read.too_small", read(d.fd, buf, second - 1), EMSGSIZE);
	T_RET("read.exactly", read(d.fd, buf, second), second);
	T_EQ("read.exactly_seq", at(0)->stamp, 2);
	dev_close(&d);
	dev_destroy("rd");
}

static void *publish_later(void *arg)
{
	sleep_us(100000);
	publish(*(int *)arg, 1);
	return NULL;
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void blocking(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	uint64_t seq = 1, before;
	unsigned int nr;
	pthread_t thread;
	int fd, status;
	ssize_t n;
	pid_t pid;

	dev_create("rd", SIZE);
	fd = dev_open_fd("rd", O_RDWR);
	before = now_ns();
	pthread_create(&thread, NULL, publish_later, &fd);
	n = read(fd, buf, sizeof(buf));
	T_TRUE("read.blocks",
	       n > 0 && records_ok(n, &seq, &nr) && nr == 1 && now_ns() - before > 50000000);
	pthread_join(thread, NULL);

	sigaction(SIGALRM, &sa, NULL);
	/* Again and again: the first record may come before the read. */
	ualarm(100000, 100000);
	T_ERR("read.interrupted", read(fd, buf, sizeof(buf)), EINTR);
	ualarm(0, 0);
	signal(SIGALRM, SIG_DFL);
	alarm(300);

	/* A reader that is killed while it sleeps leaves nothing behind. */
	pid = fork();
	if (!pid) {
		ssize_t ret = read(fd, buf, sizeof(buf));

		_exit(ret != 0);
	}
	T_TRUE("read.asleep", wait_asleep(pid));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	T_TRUE("read.killed", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	publish(fd, 2);
	T_EQ("read.after_kill", next_seq(fd), 2);

	/* The end comes while it sleeps. */
	pid = fork();
	if (!pid)
		_exit(read(fd, buf, sizeof(buf)) != 0);
	T_TRUE("read.end_asleep", wait_asleep(pid));
	dev_destroy("rd");
	waitpid(pid, &status, 0);
	T_EQ("read.end_while_asleep", status, 0);
	T_RET("read.end", read(fd, buf, sizeof(buf)), 0);
	close(fd);
}

static void drained_at_the_end(void)
{
	uint64_t seq = 1;
	unsigned int nr;
	ssize_t n;
	int fd;

	dev_create("rd", SIZE);
	fd = dev_open_fd("rd", O_RDWR);
	publish(fd, 1);
	publish(fd, 2);
	dev_destroy("rd");
	n = read(fd, buf, sizeof(buf));
	T_TRUE("read.drains_after_end", n > 0 && records_ok(n, &seq, &nr) && nr == 2);
	T_RET("read.end_after_drain", read(fd, buf, sizeof(buf)), 0);
	T_RET("read.end_again", read(fd, buf, sizeof(buf)), 0);
	close(fd);
}

/* Reads to the end; 0 with the counts of records and of EPIPEs, or -1. */
static int read_all(int fd, uint64_t *seq, unsigned int *records, unsigned int *pipes)
{
	unsigned int nr;
	ssize_t n;

	*records = *pipes = 0;
	for (;;) {
		n = read(fd, buf, 4096);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno == EPIPE) {
			++*pipes;
			*seq = 0;
			continue;
		}
		if (n <= 0 || !records_ok(n, seq, &nr))
			return -1;
		*records += nr;
	}
}

static void overrun(void)
{
	uint64_t seq = 0, first;
	unsigned int nr, pipes;
	struct pollfd p;
	struct dev d;
	uint64_t i;

	dev_create("rd", SIZE);
	dev_open(&d, "rd", O_RDWR | O_NONBLOCK);
	for (i = 1; i <= 2000; i++)
		publish(d.fd, i);
	p = (struct pollfd) { .fd = d.fd, .events = POLLIN };
	T_TRUE("read.overrun_polls", poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	T_ERR("read.overrun", read(d.fd, buf, sizeof(buf)), EPIPE);
	T_TRUE("read.overrun_still_polls", poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	T_RET("read.continues", read_all(d.fd, &seq, &nr, &pipes), 0);
	T_EQ("read.epipe_once", pipes, 0);
	T_EQ("read.to_the_newest", seq, 2001);
	T_TRUE("read.not_at_the_edge", nr > 20 && nr < 600);

	/* Overrun in the middle: records read and records in the gap add up. */
	for (i = 2001; i <= 2020; i++)
		publish(d.fd, i);
	T_EQ("read.middle", next_seq(d.fd), 2001);
	seek(d.fd, SEQRING_SEEK_SEQ, 2011);
	for (i = 2021; i <= 3000; i++)
		publish(d.fd, i);
	T_ERR("read.middle_overrun", read(d.fd, buf, sizeof(buf)), EPIPE);
	first = next_seq(d.fd);
	T_TRUE("read.gap_is_the_loss", first > 2011 && first <= 3000);
	seek(d.fd, SEQRING_SEEK_SEQ, first);
	seq = first;
	T_RET("read.middle_all", read_all(d.fd, &seq, &nr, &pipes), 0);
	T_EQ("read.middle_count", nr + first, 3001);

	/* After a seek, a pending EPIPE is no longer reported. */
	seek(d.fd, SEQRING_SEEK_HEAD, 0);
	for (i = 3001; i <= 4000; i++)
		publish(d.fd, i);
	seek(d.fd, SEQRING_SEEK_NEWEST, 0);
	T_EQ("read.seek_forgets", next_seq(d.fd), 4000);
	dev_close(&d);
	dev_destroy("rd");
}

static void seeks(void)
{
	uint64_t tail_seq, ts[101], i;
	struct dev d;

	dev_create("rd", SIZE);
	dev_open(&d, "rd", O_RDWR | O_NONBLOCK);
	T_RET("read.seek_empty_oldest", seek(d.fd, SEQRING_SEEK_OLDEST, 0), 0);
	T_RET("read.seek_empty_newest", seek(d.fd, SEQRING_SEEK_NEWEST, 0), 0);
	T_RET("read.seek_empty_seq", seek(d.fd, SEQRING_SEEK_SEQ, 1), 0);
	T_RET("read.seek_empty_time", seek(d.fd, SEQRING_SEEK_TIME, 1), 0);
	publish(d.fd, 1);
	T_EQ("read.seek_empty_then", next_seq(d.fd), 1);
	for (i = 2; i <= 100; i++) {
		publish(d.fd, i);
		seek(d.fd, SEQRING_SEEK_NEWEST, 0);
		if (next_seq(d.fd) != i)
			T_DIE("read.seek_newest", "record %" PRIu64 " was not the newest", i);
		ts[i] = at(0)->ts_ns;
	}
	seek(d.fd, SEQRING_SEEK_OLDEST, 0);
	T_EQ("read.seek_oldest", next_seq(d.fd), 1);
	seek(d.fd, SEQRING_SEEK_SEQ, 77);
	T_EQ("read.seek_seq", next_seq(d.fd), 77);
	T_RET("read.seek_seq_next", seek(d.fd, SEQRING_SEEK_SEQ, 101), 0);
	T_EQ("read.seek_seq_next_empty", next_seq(d.fd), 0);
	T_RET("read.seek_seq_zero", seek(d.fd, SEQRING_SEEK_SEQ, 0), 0);
	T_EQ("read.seek_seq_zero_oldest", next_seq(d.fd), 1);
	seek(d.fd, SEQRING_SEEK_TIME, ts[50]);
	T_EQ("read.seek_time", next_seq(d.fd), 50);
	seek(d.fd, SEQRING_SEEK_TIME, ts[50] + 1);
	T_EQ("read.seek_time_after", next_seq(d.fd), 51);
	seek(d.fd, SEQRING_SEEK_TIME, 1);
	T_EQ("read.seek_time_before", next_seq(d.fd), 1);
	T_RET("read.seek_time_future", seek(d.fd, SEQRING_SEEK_TIME, now_ns() * 2), 0);
	T_EQ("read.seek_time_future_empty", next_seq(d.fd), 0);
	T_RET("read.lseek_end", lseek(d.fd, 0, SEEK_END), 0);
	T_EQ("read.lseek_end_empty", next_seq(d.fd), 0);
	T_RET("read.lseek_set", lseek(d.fd, 0, SEEK_SET), 0);
	T_EQ("read.lseek_set_oldest", next_seq(d.fd), 1);
	seek(d.fd, SEQRING_SEEK_HEAD, 0);
	publish(d.fd, 101);
	T_EQ("read.seek_head", next_seq(d.fd), 101);

	/* Once the start is overwritten, a seek to it reports the loss. */
	for (i = 102; i <= 2000; i++)
		publish(d.fd, i);
	seek(d.fd, SEQRING_SEEK_OLDEST, 0);
	tail_seq = next_seq(d.fd);
	T_TRUE("read.oldest_moved", tail_seq > 1000 && tail_seq < 2000);
	T_RET("read.seek_gone", seek(d.fd, SEQRING_SEEK_SEQ, 5), 0);
	T_EQ("read.seek_gone_oldest", next_seq(d.fd), tail_seq);
	seek(d.fd, SEQRING_SEEK_SEQ, 1990);
	T_EQ("read.seek_seq_late", next_seq(d.fd), 1990);
	dev_close(&d);
	dev_destroy("rd");
}

static void vectors_and_types(void)
{
	struct seqring_write_type wt = { .size = sizeof(wt), .type = 0xbeef };
	size_t one = seqring_record_size(test_payload_len(1, MAX));
	size_t two = seqring_record_size(test_payload_len(2, MAX));
	struct iovec iov[2] = { { buf, one }, { buf + one, two } };
	uint64_t seq = 1;
	unsigned int nr;
	int fd, other;

	dev_create("rd", SIZE);
	fd = dev_open_fd("rd", O_RDWR | O_NONBLOCK);
	other = dev_open_fd("rd", O_RDWR | O_NONBLOCK);
	publish(fd, 1);
	ioctl(other, SEQRING_IOC_WRITE_TYPE, &wt);
	publish(other, 2);
	publish(fd, 3);
	T_RET("read.readv", readv(fd, iov, 2), one + two);
	T_TRUE("read.readv_records", records_ok(one + two, &seq, &nr) && nr == 2);
	T_TRUE("read.types", at(0)->meta.type == 0 && at(one)->meta.type == 0xbeef);
	T_EQ("read.type_per_file", (next_seq(fd), at(0)->meta.type), 0);
	T_EQ("read.other_file_has_its_own_place", next_seq(other), 1);
	close(other);
	close(fd);
	dev_destroy("rd");
}

/* One stream from the rings of all CPUs, in the order of time. */
static void on_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		T_DIE("read.percpu.cpu", "%u: %s", cpu, strerror(errno));
}

/* Records of two rings in turn. */
static void several_rings(void)
{
	unsigned int i, nr = 0, misplaced = 0, bad = 0, rings;
	uint64_t ts = 0, published = 0;
	ssize_t n, off;
	cpu_set_t all;
	int fd;

	sched_getaffinity(0, sizeof(all), &all);
	if (dev_command("create rd-percpu 2 65536 0"))
		T_DIE("read.percpu.setup", "%s", strerror(errno));
	for (i = 0; i < 40; i++) {
		on_cpu(i % 2);
		if (dev_command("flood rd-percpu 5 256 0"))
			T_DIE("read.percpu.flood", "%s", strerror(errno));
	}
	sched_setaffinity(0, sizeof(all), &all);
	fd = dev_open_fd("rd-percpu", O_RDONLY | O_NONBLOCK);
	rings = dev_geometry(fd).nr_rings;
	for (i = 0; i < rings; i++)
		published += dev_stats(fd, i).seq;
	while ((n = read(fd, buf, 4096)) > 0) {
		for (off = 0; off < n; off += seqring_record_size(at(off)->meta.len), nr++) {
			misplaced += at(off)->ts_ns < ts;
			ts = at(off)->ts_ns;
			bad += !test_payload_ok(buf + off + 24, at(off)->meta.len, 256);
		}
	}
	T_EQ("read.percpu.all", nr, published);
	T_EQ("read.percpu.published", published, 200);
	T_EQ("read.percpu.whole", bad, 0);
	T_EQ("read.percpu.order", misplaced, 0);
	close(fd);
	dev_command("destroy rd-percpu");
}

/* Two processes read through one open file: each record goes to one of them. */
static void shared_file(void)
{
	unsigned int nr, sum = 0;
	uint64_t seq;
	int fd, pipes[2], status, i, total = 0;
	pid_t pid;
	ssize_t n;

	dev_create("rd", SIZE);
	fd = dev_open_fd("rd", O_RDWR);
	if (pipe(pipes))
		T_DIE("read.shared.setup", "%s", strerror(errno));
	for (i = 0; i < 2; i++) {
		pid = fork();
		if (pid)
			continue;
		while ((n = read(fd, buf, 2048)) > 0) {
			seq = 0;
			if (!records_ok(n, &seq, &nr))
				_exit(1);
			sum += nr;
		}
		_exit(n || write(pipes[1], &sum, sizeof(sum)) != sizeof(sum));
	}
	for (i = 1; i <= 500; i++) {
		publish(fd, i);
		if (i % 50 == 0)
			sleep_us(20000);
	}
	dev_destroy("rd");
	for (i = 0; i < 2; i++) {
		wait(&status);
		if (!T_TRUE("read.shared.child", status == 0))
			continue;
		if (read(pipes[0], &sum, sizeof(sum)) == sizeof(sum))
			total += sum;
	}
	T_EQ("read.shared.each_once", total, 500);
	close(fd);
}

/* Records have a time within their tick, the same for most of one tick. */
static void coarse_clock(void)
{
	struct seqring_ctl_create c = dev_params("rd-coarse", SIZE);
	unsigned int in_time = 0, moved = 0, same = 0, i;
	uint64_t before, last = 0;
	struct timespec tick;
	int fd;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	c.clock_id = SEQRING_CLOCK_COARSE;
	T_RET("read.coarse.create", dev_control(SEQRING_CTL_CREATE, &c), 0);
	fd = dev_open_fd("rd-coarse", O_RDWR | O_NONBLOCK);
	for (i = 1; i <= 50; i++) {
		before = clock_ns(CLOCK_MONOTONIC_COARSE);
		publish(fd, i);
		if (next_seq(fd) != i)
			T_DIE("read.coarse.read", "no record %u", i);
		/* The tick advances before the clock does. */
		in_time += at(0)->ts_ns + (uint64_t)tick.tv_nsec >= before &&
			   at(0)->ts_ns <= clock_ns(CLOCK_MONOTONIC);
		moved += at(0)->ts_ns > last;
		last = at(0)->ts_ns;
		sleep_us(1000);
	}
	for (; i <= 100; i++) {
		publish(fd, i);
		if (next_seq(fd) != i)
			T_DIE("read.coarse.read", "no record %u", i);
		same += at(0)->ts_ns == last;
		last = at(0)->ts_ns;
	}
	T_EQ("read.coarse.in_time", in_time, 50);
	T_TRUE("read.coarse.moves", moved > 3);
	T_TRUE("read.coarse.is_coarse", same > 0);
	close(fd);
	dev_destroy("rd-coarse");
}

static void boottime(void)
{
	struct seqring_ctl_create c = dev_params("rd-boottime", SIZE);
	unsigned int in_time = 0, i;
	uint64_t before;
	int fd;

	c.clock_id = SEQRING_CLOCK_BOOTTIME;
	T_RET("read.boottime.create", dev_control(SEQRING_CTL_CREATE, &c), 0);
	fd = dev_open_fd("rd-boottime", O_RDWR | O_NONBLOCK);
	for (i = 1; i <= 20; i++) {
		before = clock_ns(CLOCK_BOOTTIME);
		publish(fd, i);
		if (next_seq(fd) != i)
			T_DIE("read.boottime.read", "no record %u", i);
		in_time += at(0)->ts_ns >= before && at(0)->ts_ns <= clock_ns(CLOCK_BOOTTIME);
	}
	T_EQ("read.boottime.in_time", in_time, 20);
	close(fd);
	dev_destroy("rd-boottime");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(300);
	whole_records();
	blocking();
	drained_at_the_end();
	overrun();
	seeks();
	vectors_and_types();
	several_rings();
	shared_file();
	coarse_clock();
	boottime();
	return t_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/* Readers that follow a name from ring to ring. */

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "follow.h"

#define GENERATIONS 8

/* The directory of the name does not exist either when the reader begins to wait. */
static void test_name_appears(void **state)
{
	const int fds = count_fds();
	struct ring_info info = { .size = sizeof(info) };
	struct ring_reader *r = open_following();
	struct ring_record rec;
	struct ring_writer *w;
	int before, fd;

	(void)state;
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(ring_fd(r, &before), 0);
	w = start_writer(1);
	publish_numbers(w, 0, 3);
	assert_rejected(read_served(r, w, &rec), EREMCHG);
	assert_int_equal(ring_info(r, &info), 0);
	assert_string_equal(info.name, "unit");
	check_numbers(r, 1, 3);
	publish_numbers(w, 0, 1);
	check_numbers(r, 4, 4);
	assert_int_equal(ring_fd(r, &fd), 0);
	assert_int_equal(fd, before);
	assert_int_equal(stats_of(r).restarts, 0);
	ring_close(r);
	ring_writer_close(w);
	assert_int_equal(count_fds(), fds);
}

/* A reader that is there before the ring starts at the ring's first record, lost or not. */
static void test_ring_is_younger(void **state)
{
	struct ring_reader *r = NULL;
	struct ring_record rec;
	struct ring_writer *w;
	uint64_t oldest;

	(void)state;
	assert_int_equal(ring_open(NAME,
				   OPEN_OPTS(.flags = RING_FOLLOW | RING_NONBLOCK,
					     .whence = RING_HEAD),
				   &r),
			 0);
	w = start_writer(1);
	publish_numbers(w, 0, 10000);
	assert_rejected(read_served(r, w, &rec), EREMCHG);
	assert_int_equal(read_served(r, w, &rec), 0);
	oldest = rec.seq;
	assert_true(oldest > 1);
	assert_int_equal(rec.lost, oldest - 1);
	check_numbers(r, oldest + 1, 10000);
	assert_int_equal(stats_of(r).read + stats_of(r).lost, 10000);
	ring_close(r);
	ring_writer_close(w);
}

/* First all that the old ring has, then the news, then all that the new ring has. */
static void test_next_ring(void **state)
{
	const int fds = count_fds();
	const int maps = count_maps("seqring");
	struct ring_writer *old = start_writer(1), *new;
	struct ring_info info = { .size = sizeof(info) };
	struct ring_reader *r = open_following();
	struct ring_record rec;
	int before, fd;

	(void)state;
	publish_numbers(old, 0, 3);
	assert_rejected(read_served(r, old, &rec), EREMCHG);
	assert_int_equal(ring_fd(r, &before), 0);
	check_numbers(r, 1, 1);
	ring_writer_close(old);
	new = start_writer(4);
	publish_numbers(new, 2, 2);

	check_numbers(r, 2, 3);
	assert_rejected(read_served(r, new, &rec), EREMCHG);
	assert_int_equal(stats_of(r).restarts, 1);
	assert_int_equal(ring_info(r, &info), 0);
	assert_int_equal(info.nr_rings, 4);
	check_numbers(r, 1, 2);
	assert_int_equal(ring_fd(r, &fd), 0);
	assert_int_equal(fd, before);
	assert_int_equal(stats_of(r).read, 5);
	assert_int_equal(stats_of(r).lost, 0);
	ring_close(r);
	ring_writer_close(new);
	assert_int_equal(count_fds(), fds);
	assert_int_equal(count_maps("seqring"), maps);
}

/* What was lost at the end of the old ring, and at the start of the new one. */
static void test_loss(void **state)
{
	struct ring_writer *w = start_writer(1);
	struct ring_reader *r = open_following();
	struct ring_record rec;
	uint64_t sum = 0;
	struct ring_stats st;
	int err;

	(void)state;
	assert_rejected(read_served(r, w, &rec), EREMCHG);
	publish_numbers(w, 0, 10000);
	ring_writer_close(w);
	w = start_writer(1);
	publish_numbers(w, 0, 20000);
	for (;;) {
		err = read_served(r, w, &rec);
		st = stats_of(r);
		if (err == -EREMCHG)
			assert_int_equal(st.read + st.lost + st.lag_records, 10000 + 20000);
		else
			assert_int_equal(err, 0);
		sum += err ? 0 : 1 + rec.lost;
		if (!err && rec.seq == 20000)
			break;
	}
	assert_int_equal(sum, 10000 + 20000);
	assert_int_equal(stats_of(r).read + stats_of(r).lost, sum);
	ring_close(r);
	ring_writer_close(w);
}

/* A batch holds records of one ring only, so that its reader knows whose they are. */
static void test_batch_ends_with_ring(void **state)
{
	uint64_t buf[64];
	struct ring_record recs[8];
	struct ring_writer *old = start_writer(1), *new;
	struct ring_reader *r = open_following();
	struct ring_record rec;
	unsigned int nr;
	int err;

	(void)state;
	assert_rejected(read_served(r, old, &rec), EREMCHG);
	publish_numbers(old, 0, 2);
	ring_writer_close(old);
	new = start_writer(1);
	publish_numbers(new, 0, 3);
	assert_int_equal(ring_read_batch(r, recs, 8, buf, sizeof(buf), &nr), 0);
	assert_int_equal(nr, 2);
	while ((err = ring_read_batch(r, recs, 8, buf, sizeof(buf), &nr)) == -EAGAIN)
		ring_writer_serve(new);
	assert_rejected(err, EREMCHG);
	assert_int_equal(nr, 0);
	assert_int_equal(ring_read_batch(r, recs, 8, buf, sizeof(buf), &nr), 0);
	assert_int_equal(nr, 3);
	ring_close(r);
	ring_writer_close(new);
}

struct nested {
	struct ring_reader *r;
	struct ring_writer *new;
	bool tried;
	int calls;
};

/* For ring_consume(): reads on with the same reader while it has a payload of the old ring. */
static int read_within(const struct ring_record *rec, void *arg)
{
	struct nested *n = arg;
	struct ring_record other;
	uint64_t value;
	int err;

	n->calls++;
	if (n->tried)
		return 0;
	while ((err = ring_read(n->r, &other, NULL, 0)) == -EAGAIN || !err)
		ring_writer_serve(n->new);
	assert_rejected(err, EBUSY);
	n->tried = true;
	memcpy(&value, rec->payload, sizeof(value));
	assert_int_equal(value, 0);
	return 0;
}

/* The payload that a function of ring_consume() holds stays valid until it returns. */
static void test_not_within_consume(void **state)
{
	struct ring_writer *old = start_writer(1);
	struct ring_reader *r = open_following();
	struct nested n = { .r = r };
	unsigned char big[8000] = { 7 };
	struct ring_record rec;
	unsigned int nr;

	(void)state;
	assert_int_equal(ring_consume(r, read_within, &n, 0, &nr), -EAGAIN);
	assert_rejected(read_served(r, old, &rec), EREMCHG);
	publish_numbers(old, 0, 2);
	ring_writer_close(old);
	n.new = start_writer(1);
	assert_int_equal(ring_writer_publish(n.new, 0, 1, big, sizeof(big)), 0);
	assert_int_equal(ring_consume(r, read_within, &n, 0, &nr), 0);
	assert_true(n.tried);
	assert_rejected(ring_consume(r, read_within, &n, 0, &nr), EREMCHG);
	assert_int_equal(nr, 0);
	assert_int_equal(ring_consume(r, read_within, &n, 0, &nr), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(n.calls, 2);
	ring_close(r);
	ring_writer_close(n.new);
}

/* For ring_consume(). */
static int note_length(const struct ring_record *rec, void *arg)
{
	const unsigned char *p = rec->payload;

	assert_int_equal(p[0], 1);
	assert_int_equal(p[rec->len - 1], 2);
	*(uint32_t *)arg = rec->len;
	return 0;
}

/* The records of the next ring may be longer than any of the one before. */
static void test_longer_records(void **state)
{
	struct ring_writer_opts opts = { .size = sizeof(opts), .data_size = 64 * DATA_SIZE };
	const uint32_t len = 8 * DATA_SIZE;
	unsigned char *big = calloc(1, len);
	struct ring_writer *w = start_writer(1);
	struct ring_reader *r = open_following();
	struct ring_record rec;
	uint32_t got = 0;
	int err, fd;

	(void)state;
	assert_rejected(read_served(r, w, &rec), EREMCHG);
	big[0] = 1;
	big[99] = 2;
	assert_int_equal(ring_writer_publish(w, 0, 1, big, 100), 0);
	assert_int_equal(ring_consume(r, note_length, &got, 0, NULL), 0);
	assert_int_equal(got, 100);
	ring_writer_close(w);

	assert_int_equal(ring_writer_create(&opts, &w), 0);
	assert_int_equal(ring_writer_listen(w, NAME, &fd), 0);
	big[len - 1] = 2;
	assert_int_equal(ring_writer_publish(w, 0, 1, big, len), 0);
	while ((err = ring_consume(r, note_length, &got, 0, NULL)) == -EAGAIN)
		ring_writer_serve(w);
	assert_rejected(err, EREMCHG);
	assert_int_equal(ring_consume(r, note_length, &got, 0, NULL), 0);
	assert_int_equal(got, len);
	ring_close(r);
	ring_writer_close(w);
	free(big);
}

/* A supervisor kills and restarts the writer. Nothing is lost, and nothing is read twice. */
static void killed_again_and_again(bool by_fd)
{
	struct pollfd pfd = { .events = POLLIN };
	struct ring_reader *r = open_following();
	struct ring_record rec;
	struct ring_writer *w;
	uint64_t seq, n;
	int i, err;
	pid_t pid;

	if (by_fd)
		assert_int_equal(ring_fd(r, &pfd.fd), 0);
	for (i = 0; i < GENERATIONS; i++) {
		w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
		pid = fork_writer(w);
		for (seq = 0; seq < PUBLISHED; seq += !err) {
			err = ring_read(r, &rec, &n, sizeof(n));
			if (err == -EREMCHG)
				assert_int_equal(seq, 0);
			else if (!err)
				assert_int_equal(rec.seq, seq + 1);
			else
				assert_int_equal(err, -EAGAIN);
			if (err == -EAGAIN && by_fd)
				assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
			else if (err == -EAGAIN)
				assert_int_equal(wait_woken(r), 0);
		}
		assert_int_equal(stats_of(r).restarts, i);
		kill_and_reap(pid);
		/* The socket of the killed process stays, and the next one replaces it. */
		assert_int_equal(access(path_of(NAME), F_OK), 0);
		ring_writer_close(w);
	}
	assert_int_equal(stats_of(r).read, GENERATIONS * PUBLISHED);
	assert_int_equal(stats_of(r).lost, 0);
	ring_close(r);
}

static void test_killed_writers(void **state)
{
	(void)state;
	killed_again_and_again(false);
	killed_again_and_again(true);
}

/* Serves, moves to a child that serves the same ring, and publishes there until @stop ends. */
static pid_t fork_daemon(struct ring_writer *w, const int *stop)
{
	struct pollfd pfd[2] = { { .fd = stop[0], .events = POLLIN }, { .events = POLLIN } };
	pid_t pid = fork();
	uint64_t end;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	close(stop[1]);
	if (ring_writer_adopt(w) || ring_writer_listen(w, NAME, &pfd[1].fd))
		_exit(1);
	publish_numbers(w, 0, 3);
	/* A byte says that the reader has its ring. */
	while (!poll(pfd, 1, 1))
		ring_writer_serve(w);
	if (fork())
		_exit(0);
	if (read(stop[0], &end, 1) != 1 || ring_writer_adopt(w))
		_exit(1);
	for (end = now_ns() + PATIENCE_MS * MS; ring_writer_listen(w, NAME, &pfd[1].fd);)
		if (now_ns() > end)
			_exit(1);
	publish_numbers(w, 0, 2);
	while (poll(pfd, 2, -1) > 0 && !pfd[0].revents)
		ring_writer_serve(w);
	_exit(0);
}

/* A writer that goes to the background: the reader stays at its place in the same ring. */
static void test_daemon(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_following();
	struct ring_record rec;
	uint64_t seq = 3;
	int stop[2], err;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(stop), 0);
	pid = fork_daemon(w, stop);
	close(stop[0]);
	assert_rejected(read_served(r, NULL, &rec), EREMCHG);
	check_numbers(r, 1, 3);
	assert_int_equal(write(stop[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* What the child publishes may come before the reader has found it. */
	while (seq < 5 || !stats_of(r).restarts) {
		err = read_served(r, NULL, &rec);
		if (!err)
			assert_int_equal(rec.seq, ++seq);
		else
			assert_rejected(err, EREMCHG);
	}
	/* Also if it had read all of them before it found the child. */
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	assert_int_equal(stats_of(r).restarts, 1);
	assert_int_equal(stats_of(r).read, 5);
	assert_int_equal(stats_of(r).lost, 0);
	close(stop[1]);
	ring_close(r);
	ring_writer_close(w);
}

/* ring_wait() sleeps over the gap: a reader that spins uses as much time as passes. */
static void test_sleeps_over_the_gap(void **state)
{
	struct ring_writer *old = start_writer(1);
	struct ring_reader *r = open_following();
	uint64_t wall, cpu, n;
	struct late_writer l;
	struct ring_record rec;
	int err;

	(void)state;
	assert_rejected(read_served(r, old, &rec), EREMCHG);
	ring_writer_close(old);
	start_late(&l);
	wall = now_ns();
	cpu = cpu_ns();
	while ((err = ring_read(r, &rec, &n, sizeof(n))) == -EAGAIN)
		assert_int_equal(wait_woken(r), 0);
	assert_rejected(err, EREMCHG);
	assert_true(cpu_ns() - cpu < (now_ns() - wall) / 2);
	check_numbers(r, 1, 1);
	ring_close(r);
	stop_late(&l);
}

/* What has the name is no ring: that is told, and then the reader goes on waiting. */
static void test_other_thing(void **state)
{
	struct ring_writer *w = start_writer(1);
	struct ring_reader *r = NULL;
	struct ring_record rec;
	uint64_t n;
	int fd, err;

	(void)state;
	assert_int_equal(ring_open(path_of(NAME), OPEN_OPTS(.flags = RING_FOLLOW | RING_NONBLOCK),
				   &r),
			 0);
	assert_rejected(read_served(r, w, &rec), EREMCHG);
	ring_writer_close(w);
	fd = open(path_of(NAME), O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	/* At first, it may be a name in change. */
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	while ((err = ring_read(r, &rec, &n, sizeof(n))) == -EAGAIN)
		assert_int_equal(wait_woken(r), 0);
	assert_rejected(err, EPROTO);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EPROTO);
	assert_int_equal(unlink(path_of(NAME)), 0);
	w = start_writer(1);
	publish_numbers(w, 0, 2);
	while ((err = ring_read(r, &rec, &n, sizeof(n))) == -EAGAIN || err == -EPROTO) {
		ring_writer_serve(w);
		assert_int_equal(wait_woken(r), 0);
	}
	assert_rejected(err, EREMCHG);
	check_numbers(r, 1, 2);
	ring_close(r);
	ring_writer_close(w);
}

/* Nothing tells when a socket begins to listen: the reader asks again, after longer pauses. */
static void test_listens_late(void **state)
{
	struct ring_writer *w = start_writer(1);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct pollfd pfd = { .events = POLLIN };
	struct ring_reader *r = open_following();
	struct ring_record rec;
	uint64_t end, n;
	int fd;

	(void)state;
	assert_rejected(read_served(r, w, &rec), EREMCHG);
	ring_writer_close(w);
	assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	strcpy(addr.sun_path, path_of(NAME));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_rejected(ring_wait(r, 100), ETIMEDOUT);
	assert_int_equal(listen(fd, 8), 0);
	/* The reader connects; this process is no ring's, and hangs up. */
	pfd.fd = fd;
	for (end = now_ns() + PATIENCE_MS * MS; !poll(&pfd, 1, 0);) {
		assert_true(now_ns() < end);
		assert_int_equal(ring_wait(r, 10), -ETIMEDOUT);
		assert_rejected(ring_read(r, &rec, &n, sizeof(n)), EAGAIN);
	}
	close(fd);
	ring_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_name_appears, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring_is_younger, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch_ends_with_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_within_consume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_longer_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_writers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_daemon, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleeps_over_the_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_thing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listens_late, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* No wake-up of a memfd ring is lost, whatever happens while its reader arms. */

#include <dlfcn.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sys/syscall.h>

#include "woken.h"

enum how { PUBLISH, PIECES, BATCH, COMMIT, HOWS };

static void publish_by(struct ring_writer *w, enum how how)
{
	const struct ring_record rec = { .payload = "x", .len = 1 };
	struct iovec iov = { (void *)"x", 1 };
	void *payload;

	switch (how) {
	case PUBLISH:
		assert_int_equal(ring_writer_publish(w, 0, 0, "x", 1), 0);
		break;
	case PIECES:
		assert_int_equal(ring_writer_publish_iov(w, 0, 0, &iov, 1), 0);
		break;
	case BATCH:
		assert_int_equal(ring_writer_publish_batch(w, 0, &rec, 1, NULL), 0);
		break;
	default:
		assert_int_equal(ring_writer_reserve(w, 0, 1, &payload), 0);
		assert_int_equal(ring_writer_commit(w, 0, 0), 0);
	}
}

/* Each way to publish wakes sleepers. */
static void test_all_ways_wake(void **state)
{
	struct pollfd pfd = { .events = POLLIN };
	struct ring_reader *r = open_reader(*state, NULL);
	unsigned int how;

	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	for (how = 0; how < 2 * HOWS; how++) {
		drain(r);
		assert_int_equal(poll(&pfd, 1, 0), 0);
		publish_by(*state, how % HOWS);
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	}
	ring_close(r);
}

/* A wake-up disarms; a reader that it was not for arms again. */
static void test_two_sleepers(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *eager = open_reader(w, NULL);
	struct ring_reader *lazy = open_reader(w, OPEN_OPTS(.wake_records = 3));
	struct pollfd pfd = { .events = POLLIN };
	struct ring_record rec;
	struct later l;

	assert_int_equal(ring_fd(eager, &pfd.fd), 0);
	assert_int_equal(ring_read(eager, &rec, NULL, 0), -EAGAIN);
	later(&l, w, 1, 10 * MS);
	assert_rejected(ring_wait(lazy, 50), ETIMEDOUT);
	pthread_join(l.thread, NULL);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	publish_numbers(w, 0, 1);
	later(&l, w, 1, 10 * MS);
	assert_int_equal(wait_woken(lazy), 0);
	pthread_join(l.thread, NULL);
	ring_close(eager);
	ring_close(lazy);
}

/* Readers may write anything to the doorbell and to the wake thresholds. */
static void test_hostile_reader(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_fds fds;
	uint64_t full = UINT64_MAX - 1, wakeups;
	struct later l;

	ring_writer_fds(w, &fds);
	assert_int_equal(write(fds.doorbell, &full, sizeof(full)), sizeof(full));
	later(&l, w, 1, 10 * MS);
	assert_int_equal(wait_woken(r), 0);
	pthread_join(l.thread, NULL);
	drain(r);
	seqring_write(&w->wait[0].pos, 0);
	wakeups = stats_of(r).wakeups;
	publish_numbers(w, 0, 1);
	assert_int_equal(stats_of(r).wakeups, wakeups + 1);
	publish_numbers(w, 0, 1);
	assert_int_equal(stats_of(r).wakeups, wakeups + 1);
	ring_close(r);
}

/* Publishes between a reader's first look and its arming, and after it. */
static struct {
	const struct ring_backend *real;
	struct ring_writer *w;
	unsigned int ring, before, after;
	struct later *then;
} hook;

static void hooked_arm(struct ring_reader *r, bool for_fd)
{
	publish_numbers(hook.w, hook.ring, hook.before);
	hook.before = 0;
	hook.real->arm(r, for_fd);
	publish_numbers(hook.w, hook.ring, hook.after);
	hook.after = 0;
	if (hook.then)
		later(hook.then, hook.w, 2, 10 * MS);
	hook.then = NULL;
}

static void hook_arm(struct ring_reader *r, struct ring_writer *w, unsigned int ring,
		     unsigned int before, unsigned int after)
{
	static struct ring_backend ops;

	if (r->backend != &ops)
		hook.real = r->backend;
	ops = *hook.real;
	ops.arm = hooked_arm;
	r->backend = &ops;
	hook.w = w;
	hook.ring = ring;
	hook.before = before;
	hook.after = after;
}

static void test_published_while_arming(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct pollfd pfd = { .events = POLLIN };
	struct ring_record rec;

	hook_arm(r, w, 0, 1, 0);
	assert_int_equal(wait_woken(r), 0);
	drain(r);
	hook_arm(r, w, 0, 0, 1);
	assert_int_equal(wait_woken(r), 0);
	drain(r);
	/* The same while the descriptor is armed: the record in between is returned. */
	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	hook_arm(r, w, 0, 2, 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	drain(r);
	hook_arm(r, w, 0, 0, 2);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	drain(r);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	ring_close(r);
}

/* The library's system calls without a function come through here. */
static struct {
	const struct ring_writer *w;
	unsigned int calls, armed;
} fence;

long syscall(long nr, ...)
{
	static long (*real)(long, ...);
	long arg[5];
	va_list args;
	int i;

	va_start(args, nr);
	for (i = 0; i < 5; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (!real)
		real = (long (*)(long, ...))(uintptr_t)dlsym(RTLD_NEXT, "syscall");
	if (nr == SYS_membarrier && (int)arg[0] == MEMBARRIER_CMD_GLOBAL_EXPEDITED && fence.w) {
		fence.calls++;
		fence.armed += fence.w->wait[0].pos != SEQRING_WAIT_NONE;
	}
	return real(nr, arg[0], arg[1], arg[2], arg[3], arg[4]);
}

/* If the writer has no fence, its readers call membarrier() once they are armed. */
static void test_membarrier(void **state)
{
	unsigned int light;

	(void)state;
	for (light = 0; light < 2; light++) {
		struct ring_writer *w = make_writer(1, 0, light ? 0 : RING_WRITER_FULL_FENCE);
		struct ring_reader *r = open_reader(w, NULL);
		struct ring_info info = { .size = sizeof(info) };
		struct ring_record rec;
		int fd;

		ring_info(r, &info);
		if (light && !(info.features & SEQRING_FEAT_MEMBARRIER)) {
			ring_close(r);
			ring_writer_close(w);
			skip();
		}
		memset(&fence, 0, sizeof(fence));
		fence.w = w;
		assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
		assert_int_equal(fence.calls, 0);
		assert_int_equal(ring_wait(r, 1), -ETIMEDOUT);
		assert_int_equal(!!fence.calls, light);
		assert_int_equal(ring_fd(r, &fd), 0);
		fence.calls = 0;
		fence.armed = 0;
		assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
		assert_int_equal(fence.calls, light);
		assert_int_equal(fence.armed, light);
		fence.w = NULL;
		ring_close(r);
		ring_writer_close(w);
	}
}

/* A record that comes while arming may change the condition waited for. */
static void test_state_changed_while_arming(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, OPEN_OPTS(.wake_records = 3));
	struct pollfd pfd = { .events = POLLIN };
	struct ring_record rec;
	struct later l;
	uint64_t start;

	/* After an overrun to an empty place, the seq there becomes known. */
	publish_numbers(w, 0, 100);
	r->merge.src[0].rd.pos = w->rings[0].w.pos;
	r->merge.src[0].rd.any = 1;
	hook_arm(r, w, 0, 1, 0);
	hook.then = &l;
	assert_int_equal(wait_woken(r), 0);
	pthread_join(l.thread, NULL);
	assert_int_equal(stats_of(r).lag_records, 3);
	ring_close(r);

	/* A record is held back now, and has its due time. */
	w = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	r = open_reader(w, OPEN_OPTS(.merge_window_ns = 50 * MS));
	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	/* Disarm as after a wake-up: an armed threshold would hide the mistake. */
	seqring_write(&w->wait[0].pos, SEQRING_WAIT_NONE);
	hook_arm(r, w, 0, 1, 0);
	start = now_ns();
	while (ring_read(r, &rec, NULL, 0))
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	assert_true(now_ns() >= start + 50 * MS);
	ring_close(r);
	ring_writer_close(w);
}

static int ignore(const struct ring_record *rec, void *arg)
{
	(void)rec;
	(void)arg;
	return 0;
}

/* The same when a call empties the ring: what comes while it arms is an event. */
static void test_published_while_settling(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct pollfd pfd = { .events = POLLIN };
	unsigned int after, n;

	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	for (after = 0; after < 2; after++) {
		drain(r);
		publish_numbers(w, 0, 2);
		hook_arm(r, w, 0, !after, after);
		assert_int_equal(ring_consume(r, ignore, NULL, 0, &n), 0);
		assert_int_equal(n, 2);
		assert_int_equal(poll(&pfd, 1, 0), 1);
		assert_int_equal(ring_consume(r, ignore, NULL, 0, &n), 0);
		assert_int_equal(n, 1);
		assert_int_equal(poll(&pfd, 1, 0), 0);
	}
	ring_close(r);
}

/* A loop that reads until -EAGAIN arms once, and a loop that goes on asking arms each time. */
static void test_arms_once(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	struct pollfd pfd = { .events = POLLIN };
	unsigned int i;

	if (!(((struct seqring_header *)w->map)->features & SEQRING_FEAT_MEMBARRIER)) {
		ring_close(r);
		skip();
	}
	assert_int_equal(ring_fd(r, &pfd.fd), 0);
	drain(r);
	memset(&fence, 0, sizeof(fence));
	fence.w = w;
	publish_numbers(w, 0, 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(fence.calls, 0);
		assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	}
	assert_int_equal(fence.calls, 1);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	assert_int_equal(fence.calls, 1);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	assert_int_equal(fence.calls, 2);
	/* Another reader's wake-up took the threshold away: this is an event, and arms again. */
	publish_numbers(w, 0, 1);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(fence.calls, 3);
	seqring_write(&w->wait[0].pos, 0);
	publish_numbers(w, 0, 1);
	assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	seqring_write(&w->wait[0].pos, SEQRING_WAIT_NONE);
	assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
	publish_numbers(w, 0, 1);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	fence.w = NULL;
	ring_close(r);
}

struct player {
	struct ring_writer *out;
	struct ring_reader *in;
	uint64_t rounds;
	int err;
};

static int hit(struct player *p, uint64_t i)
{
	return ring_writer_publish(p->out, 0, 7, &i, sizeof(i));
}

/* Every wait has one record to wake it, and there is no second. */
static int await(struct player *p, uint64_t i)
{
	struct ring_record rec;
	uint64_t n;
	int err;

	while ((err = ring_read(p->in, &rec, &n, sizeof(n))) == -EAGAIN) {
		err = wait_woken(p->in);
		if (err)
			return err;
	}
	return err ? err : n != i ? -EPROTO : 0;
}

static void *return_all(void *arg)
{
	struct player *p = arg;
	uint64_t i;

	for (i = 0; i < p->rounds && !p->err; i++) {
		p->err = await(p, i);
		if (!p->err)
			p->err = hit(p, i);
	}
	return NULL;
}

static void ping_pong(uint32_t flags)
{
	struct ring_writer *ping = make_writer(1, 0, flags), *pong = make_writer(1, 0, flags);
	struct player a = { ping, open_reader(pong, NULL), 10000, 0 };
	struct player b = { pong, open_reader(ping, NULL), 10000, 0 };
	pthread_t thread;
	uint64_t i;

	assert_int_equal(pthread_create(&thread, NULL, return_all, &b), 0);
	for (i = 0; i < a.rounds && !a.err; i++) {
		a.err = hit(&a, i);
		if (!a.err)
			a.err = await(&a, i);
	}
	pthread_join(thread, NULL);
	assert_int_equal(a.err, 0);
	assert_int_equal(b.err, 0);
	assert_int_equal(ping->rings[0].w.light_wake,
			 !!(((struct seqring_header *)ping->map)->features &
			    SEQRING_FEAT_MEMBARRIER));
	if (flags & RING_WRITER_FULL_FENCE)
		assert_int_equal(ping->rings[0].w.light_wake, 0);
	ring_close(a.in);
	ring_close(b.in);
	ring_writer_close(ping);
	ring_writer_close(pong);
}

static void test_ping_pong(void **state)
{
	(void)state;
	ping_pong(0);
	ping_pong(RING_WRITER_FULL_FENCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_ways_wake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_sleepers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_published_while_arming, setup, teardown),
		cmocka_unit_test_setup_teardown(test_state_changed_while_arming, setup, teardown),
		cmocka_unit_test_setup_teardown(test_published_while_settling, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arms_once, setup, teardown),
		cmocka_unit_test(test_membarrier),
		cmocka_unit_test(test_ping_pong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

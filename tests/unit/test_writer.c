// SPDX-License-Identifier: GPL-2.0-only
/* A ring of this process: creating it, publishing in every way, every rejection. */

#include <limits.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "unit.h"

static int setup(void **state)
{
	*state = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	return 0;
}

static int teardown(void **state)
{
	ring_writer_close(*state);
	return 0;
}

static void try_create(struct ring_writer_opts opts, int err)
{
	struct ring_writer *w = NULL;

	if (err) {
		assert_rejected(ring_writer_create(&opts, &w), err);
		assert_null(w);
	} else {
		assert_int_equal(ring_writer_create(&opts, &w), 0);
		ring_writer_close(w);
	}
}

#define OPTS(...)                    \
	((struct ring_writer_opts) { \
		.size = sizeof(struct ring_writer_opts), .data_size = DATA_SIZE, __VA_ARGS__ })
/* OPTS() has defaults that its arguments override. */
#pragma GCC diagnostic ignored "-Woverride-init"

static void test_options(void **state)
{
	static const char schema[SEQRING_SCHEMA_SIZE_MAX + 1];
	struct {
		struct ring_writer_opts opts;
		uint64_t later;
	} o = { .opts = OPTS(.size = sizeof(o)) };
	struct ring_writer *w = NULL;

	(void)state;
	assert_rejected(ring_writer_create(NULL, &w), EINVAL);
	try_create(OPTS(.flags = 0), 0);
	try_create(OPTS(.flags = RING_WRITER_FULL_FENCE), 0);
	try_create(OPTS(.flags = 1u << 31), EINVAL);
	try_create(OPTS(.reserved = 1), EINVAL);
	try_create(OPTS(.clock_id = SEQRING_CLOCK_MONOTONIC), 0);
	try_create(OPTS(.clock_id = SEQRING_CLOCK_COARSE), 0);
	try_create(OPTS(.clock_id = SEQRING_CLOCK_BOOTTIME), 0);
	try_create(OPTS(.clock_id = SEQRING_CLOCK_MAX + 1), EINVAL);
	try_create(OPTS(.nr_rings = 100), 0);
	try_create(OPTS(.nr_rings = 4097), EINVAL);
	try_create(OPTS(.nr_rings = UINT32_MAX), EINVAL);
	try_create(OPTS(.data_size = 0), EINVAL);
	try_create(OPTS(.data_size = 32768), EINVAL);
	try_create(OPTS(.data_size = 100000), EINVAL);
	try_create(OPTS(.data_size = 1 << 30), 0);
	try_create(OPTS(.data_size = 1ULL << 31), EINVAL);
	try_create(OPTS(.data_size = 1ULL << 63), EINVAL);
	try_create(OPTS(.name = ""), 0);
	try_create(OPTS(.name = "1234567890123456789012345678901"), 0);
	try_create(OPTS(.name = "12345678901234567890123456789012"), EINVAL);
	try_create(OPTS(.schema = schema), EINVAL);
	try_create(OPTS(.schema_size = 1), EINVAL);
	try_create(OPTS(.schema = schema, .schema_size = SEQRING_SCHEMA_SIZE_MAX), 0);
	try_create(OPTS(.schema = schema, .schema_size = SEQRING_SCHEMA_SIZE_MAX + 1), EINVAL);
	try_create(OPTS(.size = 0), EINVAL);
	try_create(OPTS(.size = sizeof(struct ring_writer_opts) - 1), EINVAL);
	try_create(OPTS(.size = SIZE_MAX), E2BIG);
	o.later = 1;
	assert_rejected(ring_writer_create(&o.opts, &w), E2BIG);
	assert_null(w);
	o.later = 0;
	assert_int_equal(ring_writer_create(&o.opts, &w), 0);
	ring_writer_close(w);
}

static void test_no_descriptors(void **state)
{
	struct rlimit old, low;
	struct ring_writer_opts opts = OPTS(.flags = 0);
	struct ring_writer *w = NULL;
	struct ring_fds fds;
	struct ring_reader *r = NULL;
	int next = dup(0), extra, err;

	close(next);
	ring_writer_fds(*state, &fds);
	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	/* Each step that needs a descriptor fails in turn. */
	for (extra = 0; extra < 3; extra++) {
		low.rlim_cur = (rlim_t)(next + extra);
		setrlimit(RLIMIT_NOFILE, &low);
		err = ring_writer_create(&opts, &w);
		setrlimit(RLIMIT_NOFILE, &old);
		assert_int_equal(err, -EMFILE);
		assert_true(strlen(ring_strerror()) > 10);

		setrlimit(RLIMIT_NOFILE, &low);
		err = ring_open_fds(&fds, NULL, &r);
		setrlimit(RLIMIT_NOFILE, &old);
		assert_int_equal(err, -EMFILE);
	}
	assert_null(w);
	assert_null(r);
	extra = dup(0);
	assert_int_equal(extra, next);
	close(extra);
}

static void test_header(void **state)
{
	struct ring_writer *w = *state;
	const struct seqring_header *h = (const void *)w->map;
	unsigned int i;

	assert_int_equal(h->magic, SEQRING_MAGIC);
	assert_memory_equal(w->map, "SEQRING1", 8);
	assert_int_equal(h->version, SEQRING_VERSION);
	assert_int_equal(h->writer_kind, SEQRING_WRITER_MEMFD);
	assert_int_equal(h->features_required, 0);
	assert_string_equal(h->name, "unit");
	assert_int_equal(h->owner, 0);
	assert_int_equal(h->reserved1, 0);
	for (i = 0; i < 40; i++)
		assert_int_equal(h->reserved2[i], 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(w->rings[i].w.ctl->id, i);
		assert_int_equal(w->wait[i].pos, SEQRING_WAIT_NONE);
		assert_int_equal(w->wait[i].seq, SEQRING_WAIT_NONE);
	}
}

static void test_publish_rejections(void **state)
{
	struct ring_writer *w = *state;
	struct ring_record rec = { .payload = "x", .len = 1 };
	static char big[DATA_SIZE];
	struct iovec iov = { big, sizeof(big) };
	unsigned int done = 99;
	void *payload = NULL;
	uint32_t max = SEQRING_PAYLOAD_MAX(DATA_SIZE);

	assert_rejected(ring_writer_publish(w, 2, 0, "x", 1), ENOENT);
	assert_rejected(ring_writer_publish_iov(w, 2, 0, NULL, 0), ENOENT);
	assert_rejected(ring_writer_publish_batch(w, 2, &rec, 1, &done), ENOENT);
	assert_int_equal(done, 0);
	assert_rejected(ring_writer_reserve(w, 2, 1, &payload), ENOENT);
	assert_rejected(ring_writer_commit(w, 2, 0), ENOENT);
	assert_rejected(ring_writer_discard(w, UINT_MAX), ENOENT);

	assert_rejected(ring_writer_publish(w, 0, 0, big, max + 1), EMSGSIZE);
	assert_rejected(ring_writer_publish(w, 0, 0, big, (size_t)UINT32_MAX + 1), EMSGSIZE);
	assert_rejected(ring_writer_publish_iov(w, 0, 0, &iov, 1), EMSGSIZE);
	assert_rejected(ring_writer_reserve(w, 0, max + 1, &payload), EMSGSIZE);
	assert_rejected(ring_writer_reserve(w, 0, SIZE_MAX, &payload), EMSGSIZE);
	assert_rejected(ring_writer_reserve(w, 0, (size_t)UINT32_MAX + 9, &payload), EMSGSIZE);
	assert_null(payload);
	assert_int_equal(w->rings[0].w.ctl->dropped[SEQRING_DROP_TOO_BIG], 6);
	assert_int_equal(w->rings[0].w.ctl->seq, 0);

	assert_rejected(ring_writer_publish_iov(w, 0, 0, &iov, -1), EINVAL);
	assert_rejected(ring_writer_publish_iov(w, 0, 0, &iov, 1025), EINVAL);
	assert_rejected(ring_writer_commit(w, 0, 0), EINVAL);
	assert_rejected(ring_writer_discard(w, 0), EINVAL);

	assert_int_equal(ring_writer_reserve(w, 0, 0, &payload), 0);
	assert_rejected(ring_writer_publish(w, 0, 0, "x", 1), EBUSY);
	assert_rejected(ring_writer_publish_iov(w, 0, 0, NULL, 0), EBUSY);
	assert_rejected(ring_writer_publish_batch(w, 0, &rec, 1, NULL), EBUSY);
	assert_rejected(ring_writer_reserve(w, 0, 1, &payload), EBUSY);
	assert_int_equal(ring_writer_publish(w, 1, 0, "x", 1), 0);
	assert_int_equal(ring_writer_discard(w, 0), 0);
	assert_rejected(ring_writer_discard(w, 0), EINVAL);
	assert_int_equal(ring_writer_publish(w, 0, 0, "x", 1), 0);
}

/* Short records of a ring without a clock have a path of their own. */
static void test_hot_rejections(void **state)
{
	struct ring_writer *w = make_writer(2, SEQRING_CLOCK_NONE, 0);
	void *payload;

	(void)state;
	/* The second ring is there, and is not this writer's. */
	w->nr_rings = 1;
	assert_rejected(ring_writer_publish(w, 1, 0, "12345678", 8), ENOENT);
	assert_int_equal(w->rings[1].w.seq, 0);
	w->nr_rings = 2;
	assert_int_equal(ring_writer_reserve(w, 0, 8, &payload), 0);
	assert_rejected(ring_writer_publish(w, 0, 0, "12345678", 8), EBUSY);
	assert_int_equal(w->rings[0].w.seq, 0);
	assert_int_equal(ring_writer_discard(w, 0), 0);
	assert_int_equal(ring_writer_publish(w, 0, 0, "12345678", 8), 0);
	ring_writer_close(w);
}

static void test_reserve(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	char buf[16];
	void *payload;

	assert_int_equal(ring_writer_reserve(w, 1, 5, &payload), 0);
	memcpy(payload, "never", 5);
	assert_int_equal(ring_writer_discard(w, 1), 0);
	assert_int_equal(ring_writer_reserve(w, 1, 5, &payload), 0);
	assert_int_equal((uintptr_t)payload % 8, 0);
	memcpy(payload, "hello", 5);
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(ring_writer_commit(w, 1, 9), 0);
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(rec.len, 5);
	assert_int_equal(rec.type, 9);
	assert_int_equal(rec.ring, 1);
	assert_memory_equal(buf, "hello", 5);
	/* A reservation that is open at the end is dropped. */
	assert_int_equal(ring_writer_reserve(w, 0, 5, &payload), 0);
	ring_close(r);
}

static void test_iov(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	struct iovec iov[1024];
	struct ring_record rec;
	char buf[1024], expected[1024];
	int i;

	for (i = 0; i < 1024; i++) {
		expected[i] = (char)('a' + i % 26);
		iov[i] = (struct iovec) { &expected[i], 1 };
	}
	/* A piece of two bytes, then an empty piece. */
	iov[7].iov_len = 2;
	iov[8] = (struct iovec) { NULL, 0 };
	assert_int_equal(ring_writer_publish_iov(w, 0, 3, iov, 1024), 0);
	assert_int_equal(ring_writer_publish_iov(w, 0, 4, NULL, 0), 0);
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(rec.len, 1024);
	assert_int_equal(rec.type, 3);
	assert_memory_equal(buf, expected, sizeof(buf));
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(rec.len, 0);
	ring_close(r);
}

static void test_batch(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = open_reader(w, NULL);
	static const char big[DATA_SIZE];
	struct ring_record recs[] = {
		{ .type = 1, .payload = "a", .len = 1 },
		{ .type = 2, .payload = NULL, .len = 0 },
		{ .type = 3, .payload = big, .len = sizeof(big) },
		{ .type = 4, .payload = "d", .len = 1 },
	};
	unsigned int done = 99, i;
	struct ring_record rec;
	uint64_t ts_ns = 0;
	char buf[8];

	assert_int_equal(ring_writer_publish_batch(w, 0, recs, 0, &done), 0);
	assert_int_equal(done, 0);
	assert_rejected(ring_wait(r, 1), ETIMEDOUT);
	assert_rejected(ring_writer_publish_batch(w, 0, recs, 4, &done), EMSGSIZE);
	assert_int_equal(done, 2);
	assert_int_equal(ring_writer_publish_batch(w, 0, &recs[3], 1, NULL), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
		assert_int_equal(rec.type, i < 2 ? i + 1 : 4);
		if (i == 1)
			assert_int_equal(rec.ts_ns, ts_ns);
		ts_ns = rec.ts_ns;
	}
	/* One clock, one wake-up. */
	assert_int_equal(stats_of(r).wakeups, 1);
	assert_int_equal(stats_of(r).dropped, 1);
	ring_close(r);
}

static void test_clocks(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	void *payload;

	(void)state;
	ring_writer_publish(w, 0, 0, NULL, 0);
	ring_writer_reserve(w, 0, 0, &payload);
	ring_writer_commit(w, 0, 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(rec.ts_ns, 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(rec.ts_ns, 0);
	ring_close(r);
	ring_writer_close(w);
}

static void test_coarse_clock(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_COARSE, 0);
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t before = clock_ns(CLOCK_MONOTONIC_COARSE), ticks = 0, last;
	struct ring_record rec;

	(void)state;
	/* Until the clock has moved three times: it is neither constant nor a finer clock. */
	for (last = before; ticks < 3; last = rec.ts_ns) {
		ring_writer_publish(w, 0, 0, NULL, 0);
		assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
		assert_in_range(rec.ts_ns, last, clock_ns(CLOCK_MONOTONIC_COARSE));
		ticks += rec.ts_ns != last;
	}
	assert_true(rec.ts_ns - before >= 2 * MS);
	ring_close(r);
	ring_writer_close(w);
}

static void test_boottime(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_BOOTTIME, 0);
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t before = clock_ns(CLOCK_BOOTTIME);
	struct ring_record rec;

	(void)state;
	ring_writer_publish(w, 0, 0, NULL, 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_in_range(rec.ts_ns, before, clock_ns(CLOCK_BOOTTIME));
	ring_close(r);
	ring_writer_close(w);
}

struct torrent {
	struct ring_writer *w;
	unsigned int ring;
	uint64_t nr;
};

static void fill(unsigned char *buf, uint64_t seq, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		buf[i] = (unsigned char)(seq * 167 + i);
}

static void *pour(void *arg)
{
	const struct torrent *t = arg;
	unsigned int seed = t->ring;
	unsigned char buf[600];
	uint64_t i;

	for (i = 1; i <= t->nr; i++) {
		uint32_t len = (uint32_t)rand_r(&seed) % sizeof(buf);

		fill(buf, i, len);
		if (ring_writer_publish(t->w, t->ring, (uint16_t)len, buf, len))
			abort();
	}
	return NULL;
}

/* Two writers flat out: no torn record, and every one of them accounted for. */
static void test_threads(void **state)
{
	enum { NR = 100000 };
	struct ring_writer *w = *state;
	struct torrent t[2] = { { w, 0, NR }, { w, 1, NR } };
	struct ring_reader *r = open_reader(w, NULL);
	uint64_t seq[2] = { 0 }, read = 0, lost = 0;
	unsigned char buf[600], expected[600];
	struct ring_record rec;
	pthread_t threads[2];
	int err;

	pthread_create(&threads[0], NULL, pour, &t[0]);
	pthread_create(&threads[1], NULL, pour, &t[1]);
	while (read + lost < 2 * NR) {
		err = ring_read(r, &rec, buf, sizeof(buf));
		if (err == -EAGAIN || err == -EPIPE)
			continue;
		assert_int_equal(err, 0);
		assert_int_equal(rec.seq, seq[rec.ring] + 1 + rec.lost);
		assert_int_equal(rec.type, rec.len);
		fill(expected, rec.seq, rec.len);
		assert_memory_equal(buf, expected, rec.len);
		seq[rec.ring] = rec.seq;
		lost += rec.lost;
		read++;
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_int_equal(read + lost, 2 * NR);
	assert_int_equal(stats_of(r).lost, lost);
	ring_close(r);
}

/* A record keeps the time that it is given, and times never run backwards. */
static void test_publish_at(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_writer *none = make_writer(1, SEQRING_CLOCK_NONE, 0);
	struct ring_reader *r = open_reader(w, NULL), *r2 = open_reader(none, NULL);
	struct ring_record rec;
	char buf[8];

	(void)state;
	assert_int_equal(ring_writer_publish_at(w, 0, 3, 500, "abc", 3), 0);
	assert_int_equal(ring_writer_publish_at(w, 0, 3, 500, NULL, 0), 0);
	assert_rejected(ring_writer_publish_at(w, 0, 3, 499, "abc", 3), EINVAL);
	assert_rejected(ring_writer_publish_at(w, 1, 3, 600, "abc", 3), ENOENT);
	assert_rejected(ring_writer_publish_at(w, 0, 3, 600, buf, DATA_SIZE), EMSGSIZE);
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(rec.ts_ns, 500);
	assert_int_equal(rec.type, 3);
	assert_memory_equal(buf, "abc", 3);
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(ring_writer_publish_at(none, 0, 3, 500, "abc", 3), 0);
	assert_int_equal(ring_writer_publish_at(none, 0, 3, 400, "abc", 3), 0);
	assert_int_equal(ring_read(r2, &rec, buf, sizeof(buf)), 0);
	assert_int_equal(rec.ts_ns, 0);
	ring_close(r);
	ring_close(r2);
	ring_writer_close(w);
	ring_writer_close(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test_setup_teardown(test_no_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_publish_rejections, setup, teardown),
		cmocka_unit_test(test_hot_rejections),
		cmocka_unit_test_setup_teardown(test_reserve, setup, teardown),
		cmocka_unit_test_setup_teardown(test_iov, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_coarse_clock),
		cmocka_unit_test(test_boottime),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
		cmocka_unit_test(test_publish_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

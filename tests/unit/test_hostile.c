// SPDX-License-Identifier: GPL-2.0-only
/*
 * With any contents of a ring, no reader reads outside of it or loops endlessly. The memory
 * around the ring is not mapped, and alarm(2) ends an endless loop.
 */

#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>

#include "unit.h"

#define PRESETS 40

static int setup(void **state)
{
	struct bare *b = calloc(1, sizeof(*b));
	int i;

	bare_init(b);
	for (i = 0; i < PRESETS; i++)
		bare_publish(b, 40);
	*state = b;
	alarm(600);
	return 0;
}

static int teardown(void **state)
{
	alarm(0);
	bare_free(*state);
	free(*state);
	return 0;
}

static struct seqring_record *record_at(struct bare *b, uint64_t pos)
{
	return (struct seqring_record *)(b->data + (pos & (DATA_SIZE - 1)));
}

static enum seqring_outcome peek(struct bare *b)
{
	struct seqring_view v;

	return seqring_reader_peek(&b->r, &v);
}

/* Of the record at @pos, as if it were the newest. */
static enum seqring_outcome newest(struct bare *b, uint64_t pos)
{
	struct seqring_view v;
	char buf[64];

	b->ctl->last = pos;
	return seqring_reader_newest(&b->r, &v, buf, sizeof(buf));
}

static void test_len(void **state)
{
	static const uint32_t bad[] = { UINT32_MAX, UINT32_MAX - 24, 1u << 31, DATA_SIZE };
	struct bare *b = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		record_at(b, 0)->meta.len = bad[i];
		assert_int_equal(peek(b), SEQRING_CORRUPT);
		assert_int_equal(newest(b, 0), SEQRING_CORRUPT);
	}
	record_at(b, 0)->meta.len = b->r.payload_max + 1;
	assert_int_equal(peek(b), SEQRING_CORRUPT);
	assert_int_equal(newest(b, 0), SEQRING_CORRUPT);
	record_at(b, 0)->meta.len = b->r.payload_max;
	assert_int_equal(peek(b), SEQRING_OK);
	assert_int_equal(newest(b, 0), SEQRING_OK);
}

/* A length that is allowed, but exceeds the end of the data area. */
static void test_len_over_the_end(void **state)
{
	struct bare *b = *state;
	struct seqring_record *rec = record_at(b, DATA_SIZE - 64);

	rec->stamp = 9;
	b->ctl->head = DATA_SIZE;
	assert_int_equal(seqring_reader_seek_pos(&b->r, DATA_SIZE - 64), SEQRING_OK);
	rec->meta.len = 41;
	assert_int_equal(peek(b), SEQRING_CORRUPT);
	assert_int_equal(newest(b, DATA_SIZE - 64), SEQRING_CORRUPT);
	rec->meta.len = 40;
	assert_int_equal(peek(b), SEQRING_OK);
	assert_int_equal(newest(b, DATA_SIZE - 64), SEQRING_OK);
}

static void test_stamp(void **state)
{
	struct bare *b = *state;
	uint64_t lost = 0;

	/* A gap where the next seq is known, */
	assert_int_equal(peek(b), SEQRING_OK);
	record_at(b, 0)->stamp = 2;
	assert_int_equal(peek(b), SEQRING_CORRUPT);
	record_at(b, 0)->stamp = ~0ULL;
	assert_int_equal(peek(b), SEQRING_CORRUPT);
	/* none where head says that there is one, */
	record_at(b, 0)->stamp = 0;
	assert_int_equal(peek(b), SEQRING_CORRUPT);
	record_at(b, 0)->stamp = 1;
	assert_int_equal(bare_drain(b, &lost), PRESETS);
	/* or one in the past where a later one was asked for. */
	bare_publish(b, 1);
	b->r.any = 1;
	b->r.seq = 1000;
	assert_int_equal(peek(b), SEQRING_CORRUPT);
}

static void test_pad(void **state)
{
	struct bare *b = *state;

	/* A whole lap of padding would never end. */
	record_at(b, 0)->meta.flags = SEQRING_REC_PAD;
	assert_int_equal(peek(b), SEQRING_CORRUPT);
	assert_int_equal(newest(b, 0), SEQRING_CORRUPT);
	/* Two PADs one behind the other. */
	assert_int_equal(seqring_reader_seek_pos(&b->r, 64), SEQRING_OK);
	record_at(b, 64)->meta.flags = SEQRING_REC_PAD;
	b->ctl->head = 1ULL << 40;
	assert_int_equal(peek(b), SEQRING_CORRUPT);
}

static void test_misaligned(void **state)
{
	static const uint64_t bad[] = {
		1,
		4,
		7,
		DATA_SIZE - 1,
		DATA_SIZE - 4,
		DATA_SIZE - 8,
		DATA_SIZE - 16,
		~0ULL,
		~0ULL - 7,
		~0ULL - 15,
	};
	struct bare *b = *state;
	struct seqring_view v;
	char buf[64];
	size_t i;
	int seg;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		b->ctl->tail = bad[i];
		assert_int_equal(seqring_reader_seek_oldest(&b->r), SEQRING_CORRUPT);
		b->ctl->tail = 0;
		b->ctl->last = bad[i];
		assert_int_equal(seqring_reader_seek_newest(&b->r), SEQRING_CORRUPT);
		assert_int_equal(seqring_reader_newest(&b->r, &v, buf, sizeof(buf)),
				 SEQRING_CORRUPT);
		b->ctl->last = 0;
		b->ctl->head = bad[i];
		assert_int_equal(seqring_reader_seek_head(&b->r), SEQRING_CORRUPT);
		b->ctl->head = 64 * PRESETS;
		/* One is enough to be led to. */
		for (seg = 0; seg < (int)SEQRING_SEGMENTS; seg++)
			b->ctl->segment_pos[seg] = bad[i] + DATA_SIZE;
		assert_int_equal(seqring_reader_seek(&b->r, 0, 5), SEQRING_OK);
		b->r.pos = 0;
		b->ctl->tail = 8;
		assert_int_equal(seqring_reader_resync(&b->r), SEQRING_CORRUPT);
		b->ctl->tail = 0;
	}
}

static void test_head_behind(void **state)
{
	struct bare *b = *state;
	uint64_t lost = 0;

	assert_int_equal(bare_drain(b, &lost), PRESETS);
	b->ctl->head = 0;
	assert_int_equal(peek(b), SEQRING_EMPTY);
	b->ctl->head = ~0ULL;
	assert_int_equal(peek(b), SEQRING_CORRUPT);
}

/* The ring reports an overrun, but every place to continue at is behind. */
static void test_resync_backwards(void **state)
{
	struct bare *b = *state;
	uint64_t lost = 0;
	int i;

	assert_int_equal(bare_drain(b, &lost), PRESETS);
	b->ctl->tail = 1ULL << 40;
	b->ctl->head = 1ULL << 41;
	assert_int_equal(peek(b), SEQRING_OVERRUN);
	assert_int_equal(seqring_reader_resync(&b->r), SEQRING_CORRUPT);
	b->ctl->tail = ~0ULL;
	for (i = 0; i < (int)SEQRING_SEGMENTS; i++)
		b->ctl->segment_pos[i] = 8;
	assert_int_equal(seqring_reader_resync(&b->r), SEQRING_CORRUPT);
}

static uint64_t random_word(void)
{
	static const uint64_t favourites[] = {
		0,
		1,
		8,
		24,
		DATA_SIZE - 8,
		DATA_SIZE - 24,
		DATA_SIZE,
		DATA_SIZE / 4,
		64,
		128,
		1ULL << 32,
		1ULL << 63,
		~0ULL,
		~0ULL - 7,
	};

	switch (rand() % 4) {
	case 0:
		return favourites[(size_t)rand() % ARRAY_SIZE(favourites)];
	case 1:
		return (uint64_t)rand() & (2 * DATA_SIZE - 8);
	case 2:
		return (uint64_t)rand() % (2 * DATA_SIZE);
	default:
		return (uint64_t)rand() << 40 ^ (uint64_t)rand() << 20 ^ (uint64_t)rand();
	}
}

/* Random words in the control area and in the data area. */
static void scribble(struct bare *b)
{
	uint64_t *ctl = (uint64_t *)b->ctl, *data = (uint64_t *)b->data;
	int n = rand() % 40;

	while (n--) {
		if (rand() % 2)
			ctl[(size_t)rand() % (sizeof(*b->ctl) / 8)] = random_word();
		else
			data[(size_t)rand() % (rand() % 2 ? 400 : DATA_SIZE / 8)] = random_word();
	}
}

static void use_reader(struct bare *b)
{
	_Alignas(8) static unsigned char buf[DATA_SIZE];
	struct seqring_view v[4];
	volatile unsigned char sink = 0;
	__u64 records, bytes, end;
	unsigned int n;

	switch (rand() % 12) {
	case 0:
		if (!seqring_reader_peek(&b->r, &v[0]) && v[0].len) {
			sink = *(const unsigned char *)v[0].payload;
			sink = ((const unsigned char *)v[0].payload)[v[0].len - 1];
			if (!seqring_reader_recheck(&b->r, &v[0]))
				seqring_reader_consume(&b->r, &v[0]);
		}
		break;
	case 1:
		seqring_reader_read_batch(&b->r, v, 4, buf, sizeof(buf), &n);
		break;
	case 2:
		seqring_reader_resync(&b->r);
		break;
	case 3:
		seqring_reader_seek_oldest(&b->r);
		break;
	case 4:
		seqring_reader_seek_newest(&b->r);
		break;
	case 5:
		seqring_reader_seek(&b->r, rand() % 2, random_word());
		break;
	case 6:
		seqring_reader_newest(&b->r, &v[0], buf, sizeof(buf));
		break;
	case 7:
		seqring_reader_lag(&b->r, &records, &bytes);
		break;
	case 8:
		b->r.eager = rand() % 2;
		break;
	case 9:
		if (b->r.pos < b->r.snap && !b->r.any && !b->r.lost &&
		    seqring_reader_peek_run(&b->r, &v[0])) {
			seqring_reader_copy(buf, v[0].payload, v[0].len);
			if (!seqring_reader_recheck(&b->r, &v[0]))
				seqring_reader_consume(&b->r, &v[0]);
		}
		break;
	case 10:
		end = seqring_reader_run_end(&b->r);
		while (b->r.pos < end && seqring_reader_peek_short(&b->r, end, &v[0])) {
			seqring_reader_copy_short(buf, v[0].payload, v[0].len);
			if (seqring_reader_recheck(&b->r, &v[0]))
				break;
			seqring_reader_consume(&b->r, &v[0]);
		}
		break;
	default:
		seqring_reader_read(&b->r, &v[0], buf, sizeof(buf));
		break;
	}
	(void)sink;
}

static void test_random_contents(void **state)
{
	struct bare *b = *state;
	int i, j;

	srand(8);
	for (i = 0; i < 20000; i++) {
		scribble(b);
		for (j = 0; j < 10; j++)
			use_reader(b);
		if (i % 50 == 0) {
			memset(b->ctl, 0, sizeof(*b->ctl));
			memset(b->data, 0, DATA_SIZE);
			seqring_writer_init(&b->w, b->ctl, b->data, DATA_SIZE);
			for (j = 0; j < PRESETS; j++)
				bare_publish(b, (uint32_t)rand() % 2000);
			seqring_reader_init(&b->r, b->ctl, b->data, DATA_SIZE);
		}
	}
}

/* A header is read once: later writes to it change nothing. */
static void test_header_changed(void **state)
{
	struct ring_writer *w = make_writer(2, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_info before = { .size = sizeof(before) }, after = { .size = sizeof(after) };
	struct ring_record rec;
	uint64_t word, value;
	size_t i;

	(void)state;
	assert_int_equal(ring_info(r, &before), 0);
	for (i = 0; i < sizeof(struct seqring_header) / 8; i++) {
		((uint64_t *)w->map)[i] = random_word();
		publish_numbers(w, i % 2, 1);
		assert_int_equal(ring_read(r, &rec, &value, sizeof(value)), 0);
		assert_int_equal(rec.ring, i % 2);
		assert_int_equal(rec.seq, i / 2 + 1);
		assert_int_equal(ring_newest(r, i % 2, &rec, &word, sizeof(word)), 0);
		assert_int_equal(ring_wait(r, 0), -ETIMEDOUT);
		assert_int_equal(ring_seek(r, RING_HEAD, 0), 0);
	}
	assert_int_equal(ring_info(r, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(ring_stats_at(r, 2,
				       &(struct ring_stats_at) {
					       .size = sizeof(struct ring_stats_at) }),
			 -ENOENT);
	ring_close(r);
	ring_writer_close(w);
}

/* A record that is longer than the header allows, but not longer than the data area does. */
static void publish_too_long(struct ring_writer *w, uint32_t allowed, uint32_t len)
{
	static unsigned char payload[DATA_SIZE];

	((struct seqring_header *)w->map)->payload_max = allowed;
	assert_int_equal(ring_writer_publish(w, 0, 1, payload, len), 0);
}

static int check_len(const struct ring_record *rec, void *arg)
{
	assert_true(rec->len <= *(uint32_t *)arg);
	return 0;
}

/* No way to read delivers a record that is longer than ring_info() says. */
static void test_header_limit(void **state)
{
	static const uint32_t limits[] = { 1, 8, 64, 1000, SEQRING_PAYLOAD_MAX(DATA_SIZE) - 1 };
	static unsigned char buf[DATA_SIZE] __attribute__((aligned(8)));
	struct ring_info info = { .size = sizeof(info) };
	struct ring_record rec, recs[2];
	unsigned int nr;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
		uint32_t limit = limits[i];
		struct ring_reader *r;

		publish_too_long(w, limit, limit);
		publish_too_long(w, limit, limit + 1);
		r = open_reader(w, NULL);
		assert_int_equal(ring_info(r, &info), 0);
		assert_int_equal(info.payload_max, limit);
		assert_rejected(ring_newest(r, 0, &rec, buf, sizeof(buf)), EBADMSG);
		assert_int_equal(ring_consume(r, check_len, &limit, 0, &nr), 0);
		assert_int_equal(nr, 1);
		assert_rejected(ring_consume(r, check_len, &limit, 0, &nr), EBADMSG);
		assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
		assert_int_equal(ring_read_batch(r, &rec, 1, buf, sizeof(buf), &nr), 0);
		assert_int_equal(rec.len, limit);
		assert_rejected(ring_read_batch(r, &rec, 1, buf, sizeof(buf), &nr), EBADMSG);
		assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
		assert_int_equal(ring_read_batch(r, recs, 2, buf, sizeof(buf), &nr), 0);
		assert_int_equal(nr, 1);
		assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
		assert_int_equal(ring_peek_batch(r, recs, 2, &nr), 0);
		assert_int_equal(nr, 1);
		assert_int_equal(ring_seek(r, RING_OLDEST, 0), 0);
		assert_int_equal(ring_read(r, &rec, buf, sizeof(buf)), 0);
		assert_rejected(ring_read(r, &rec, buf, sizeof(buf)), EBADMSG);
		assert_rejected(ring_peek(r, &rec), EBADMSG);
		ring_close(r);
		ring_writer_close(w);
	}
}

/* In a run there is the same record, or none. */
static void test_run(void **state)
{
	struct bare *b = *state;
	struct seqring_record *rec = record_at(b, 0);
	struct seqring_view run, v;
	unsigned int laps = 0, i;

	assert_int_equal(peek(b), SEQRING_OK);
	assert_true(seqring_reader_peek_run(&b->r, &run));
	rec->stamp = 2;
	assert_false(seqring_reader_peek_run(&b->r, &run));
	rec->stamp = 0;
	assert_false(seqring_reader_peek_run(&b->r, &run));
	rec->stamp = 1;
	rec->meta.flags = SEQRING_REC_PAD;
	assert_false(seqring_reader_peek_run(&b->r, &run));
	rec->meta.flags = 0;
	rec->meta.len = b->r.payload_max + 1;
	assert_false(seqring_reader_peek_run(&b->r, &run));
	rec->meta.len = 40;
	assert_true(seqring_reader_peek_run(&b->r, &run));

	/* Records of all lengths, also at the end of the data area. */
	for (i = 0; i < 200000; i++) {
		if (seqring_reader_peek(&b->r, &v)) {
			bare_publish(b, (i * 7) % 300);
			continue;
		}
		assert_true(seqring_reader_peek_run(&b->r, &run));
		assert_int_equal(run.pos, v.pos);
		assert_int_equal(run.next, v.next);
		assert_int_equal(run.seq, v.seq);
		assert_int_equal(run.ts_ns, v.ts_ns);
		assert_int_equal(run.lost, v.lost);
		assert_ptr_equal(run.payload, v.payload);
		assert_int_equal(run.len, v.len);
		assert_int_equal(run.type, v.type);
		assert_int_equal(run.flags, v.flags);
		laps += v.next - v.pos != seqring_record_size(v.len);
		seqring_reader_consume(&b->r, &v);
	}
	assert_true(laps > 0);
	/* A payload beyond the end. */
	while (DATA_SIZE - (b->r.pos & (DATA_SIZE - 1)) > 4096) {
		if (seqring_reader_peek(&b->r, &v))
			bare_publish(b, 300);
		else
			seqring_reader_consume(&b->r, &v);
	}
	while (seqring_reader_peek(&b->r, &v))
		bare_publish(b, 300);
	record_at(b, v.pos)->meta.len = 8192;
	assert_true(b->r.payload_max >= 8192);
	assert_false(seqring_reader_peek_run(&b->r, &run));
}

static void test_limit(void **state)
{
	struct bare *b = *state;
	const uint32_t max = b->r.payload_max;

	assert_int_equal(seqring_reader_limit(&b->r, 0), -EINVAL);
	assert_int_equal(seqring_reader_limit(&b->r, max + 1), -EINVAL);
	assert_int_equal(b->r.payload_max, max);
	assert_int_equal(seqring_reader_limit(&b->r, max), 0);
	assert_int_equal(peek(b), SEQRING_OK);
	assert_int_equal(seqring_reader_limit(&b->r, 39), 0);
	assert_int_equal(peek(b), SEQRING_CORRUPT);
	assert_int_equal(newest(b, 0), SEQRING_CORRUPT);
}

static void *publish_later(void *arg)
{
	sleep_ns(10 * MS);
	publish_numbers(arg, 0, 1);
	return NULL;
}

/* No reader can punch holes into a ring. Holes in the wake thresholds read as 0. */
static void test_holes(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct ring_reader *r = open_reader(w, NULL);
	struct ring_record rec;
	pthread_t thread;
	int i;

	(void)state;
	assert_int_equal(fallocate(w->fds.ring, punch, 0, 4096), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fallocate(w->fds.ring, 0, 0, (off_t)w->map_size + 4096), -1);
	for (i = 0; i < 20; i++) {
		assert_int_equal(ring_read(r, &rec, NULL, 0), -EAGAIN);
		assert_int_equal(fallocate(w->fds.wait, punch, 0, 4096), 0);
		assert_int_equal(w->wait[0].pos, 0);
		assert_int_equal(pthread_create(&thread, NULL, publish_later, w), 0);
		assert_int_equal(wait_woken(r), 0);
		pthread_join(thread, NULL);
		assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
		assert_int_equal(rec.seq, i + 1);
	}
	ring_close(r);
	ring_writer_close(w);
}

/* Huge pages are mapped whole, so a shorter mapping could not be unmapped. */
static void test_huge_pages(void **state)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
	struct ring_writer *w = make_writer(1, 0, 0);
	struct ring_fds fds = w->fds;
	struct ring_reader *r = NULL;

	(void)state;
	if (fd < 0) {
		ring_writer_close(w);
		skip();
	}
	assert_int_equal(ftruncate(fd, 1 << 30), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	assert_rejected(ring_open_fd(fd, NULL, &r), EPROTO);
	assert_non_null(strstr(ring_strerror(), "huge pages"));
	fds.wait = fd;
	assert_rejected(ring_open_fds(&fds, NULL, &r), EPROTO);
	assert_non_null(strstr(ring_strerror(), "huge pages"));
	close(fd);
	ring_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_len, setup, teardown),
		cmocka_unit_test_setup_teardown(test_len_over_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stamp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_misaligned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_head_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resync_backwards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_contents, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test(test_header_changed),
		cmocka_unit_test(test_header_limit),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_huge_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

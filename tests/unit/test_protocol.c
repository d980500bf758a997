// SPDX-License-Identifier: GPL-2.0-only
/* The inline protocol: the layout of a record, and that each record comes out whole. */

#include "unit.h"

#define HEADER ((uint32_t)sizeof(struct seqring_record))

static int setup(void **state)
{
	struct bare *b = calloc(1, sizeof(*b));

	bare_init(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	bare_free(*state);
	free(*state);
	return 0;
}

static void test_init_sizes(void **state)
{
	static const uint64_t bad[] = {
		0,	    1,		4096,  65535, 65537, 65536 + 8, 98304, (1ULL << 30) + 1,
		1ULL << 31, 1ULL << 63, ~0ULL,
	};
	struct bare *b = *state;
	struct seqring_reader r;
	struct seqring_writer w;
	uint64_t size;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(seqring_writer_init(&w, b->ctl, b->data, bad[i]), -EINVAL);
		assert_int_equal(seqring_reader_init(&r, b->ctl, b->data, bad[i]), -EINVAL);
	}
	for (size = SEQRING_DATA_SIZE_MIN; size <= SEQRING_DATA_SIZE_MAX; size *= 2) {
		assert_int_equal(seqring_writer_init(&w, b->ctl, b->data, size), 0);
		assert_int_equal(w.cold.payload_max, size / 4 - HEADER);
		assert_int_equal(1ULL << w.cold.seg_shift, size / SEQRING_SEGMENTS);
		assert_int_equal(seqring_reader_init(&r, b->ctl, b->data, size), 0);
		assert_int_equal(r.payload_max, size / 4 - HEADER);
	}
}

static void test_fresh_ring(void **state)
{
	struct bare *b = *state;
	__u64 records, bytes;
	struct seqring_view v;
	char buf[8];

	assert_int_equal(seqring_reader_read(&b->r, &v, buf, sizeof(buf)), SEQRING_EMPTY);
	assert_int_equal(seqring_reader_newest(&b->r, &v, buf, sizeof(buf)), SEQRING_EMPTY);
	assert_int_equal(seqring_reader_seek_oldest(&b->r), SEQRING_OK);
	assert_int_equal(seqring_reader_seek_newest(&b->r), SEQRING_OK);
	assert_int_equal(seqring_reader_seek_head(&b->r), SEQRING_OK);
	assert_int_equal(seqring_reader_seek(&b->r, 0, 1), SEQRING_OK);
	assert_int_equal(seqring_reader_seek(&b->r, 1, 1), SEQRING_OK);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_EMPTY);
	seqring_reader_lag(&b->r, &records, &bytes);
	assert_int_equal(records, 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(b->ctl->head, 0);
	assert_int_equal(b->ctl->tail, 0);
	assert_int_equal(b->ctl->seq, 0);
	assert_int_equal(b->ctl->state, 0);
}

static void test_bytes_in_memory(void **state)
{
	static const char zeros[HEADER];
	struct bare *b = *state;
	uint64_t word;
	uint32_t len;
	uint16_t half;

	memset(b->data + HEADER, 0xff, 64);
	assert_int_equal(seqring_writer_publish(&b->w, 0x1234, 0x1122334455667788, "hello", 5), 0);
	memcpy(&word, b->data, 8);
	assert_int_equal(word, 1);
	memcpy(&word, b->data + 8, 8);
	assert_int_equal(word, 0x1122334455667788);
	memcpy(&len, b->data + 16, 4);
	assert_int_equal(len, 5);
	memcpy(&half, b->data + 20, 2);
	assert_int_equal(half, 0x1234);
	memcpy(&half, b->data + 22, 2);
	assert_int_equal(half, 0);
	assert_memory_equal(b->data + HEADER, "hello\0\0\0", 8);
	/* The stamp of the record to come. */
	assert_memory_equal(b->data + 32, zeros, 8);
	assert_int_equal(b->data[40], 0xff);
	assert_int_equal(b->ctl->head, 32);
	assert_int_equal(b->ctl->last, 0);
	assert_int_equal(b->ctl->seq, 1);
	assert_int_equal(b->ctl->tail, 0);

	assert_int_equal(seqring_writer_publish(&b->w, 1, 2, NULL, 0), 0);
	assert_int_equal(b->ctl->head, 32 + HEADER);
	assert_int_equal(b->ctl->last, 32);
	assert_int_equal(b->ctl->seq, 2);
}

static void test_lengths(void **state)
{
	struct bare *b = *state;
	uint64_t lost = 0;
	uint32_t len;

	for (len = 0; len <= b->w.cold.payload_max; len += len < 600 ? 1 : 61) {
		bare_publish(b, len);
		assert_int_equal(bare_drain(b, &lost), 1);
	}
	bare_publish(b, b->w.cold.payload_max);
	assert_int_equal(bare_drain(b, &lost), 1);
	assert_int_equal(lost, 0);
}

static void test_too_big(void **state)
{
	struct bare *b = *state;
	struct seqring_writer before;
	static char buf[DATA_SIZE];
	const char *volatile opaque = buf; /* hides the size from the compiler */
	struct seqring_vec vec[] = {
		{ buf, b->w.cold.payload_max },
		{ buf, 1 },
		{ buf, ~0ULL },
	};
	void *payload = NULL;

	bare_publish(b, 100);
	before = b->w;
	assert_int_equal(seqring_writer_publish(&b->w, 0, 0, opaque, b->w.cold.payload_max + 1),
			 -EMSGSIZE);
	assert_int_equal(seqring_writer_publish(&b->w, 0, 0, opaque, UINT32_MAX), -EMSGSIZE);
	assert_int_equal(seqring_writer_reserve(&b->w, b->w.cold.payload_max + 1, &payload),
			 -EMSGSIZE);
	assert_int_equal(seqring_writer_publish_vec(&b->w, 0, 0, vec, 2), -EMSGSIZE);
	/* The sum would wrap to a small number. */
	assert_int_equal(seqring_writer_publish_vec(&b->w, 0, 0, &vec[1], 2), -EMSGSIZE);
	assert_memory_equal(&before, &b->w, sizeof(before));
	assert_int_equal(b->ctl->seq, 1);
}

/* Publishes and reads until exactly @room bytes remain before the end of the data area. */
static void fill_up_to(struct bare *b, uint64_t room)
{
	uint64_t left, size, lost = 0;

	while ((left = DATA_SIZE - (b->w.pos & (DATA_SIZE - 1))) != room) {
		size = left - room;
		/* Not enough for a record, or gone past it: one lap more. */
		if (left < room + HEADER)
			size = left;
		if (size > 16384)
			size = size < 16384 + HEADER ? 8192 : 16384;
		bare_publish(b, (uint32_t)size - HEADER);
		bare_drain(b, &lost);
	}
	assert_int_equal(lost, 0);
}

/* The space left at the end of the ring is skipped, filled with a PAD, or just enough. */
static void test_every_remainder(void **state)
{
	static const uint32_t lens[] = { 0, 1, 8, 200, 1024, DATA_SIZE / 4 - HEADER };
	struct bare *b = *state;
	uint64_t room, start, lost = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		uint64_t size = seqring_record_size(lens[i]);

		for (room = HEADER; room <= size + 64; room += 8) {
			fill_up_to(b, room);
			start = b->w.pos;
			bare_publish(b, lens[i]);
			assert_int_equal(b->ctl->last, room < size ? start + room : start);
			assert_int_equal(bare_drain(b, &lost), 1);
			assert_int_equal(b->r.pos, b->w.pos);
		}
	}
	assert_int_equal(lost, 0);
}

/* If fewer bytes than a header remain, nothing is written there, and both sides skip them. */
static void test_implicit_skip(void **state)
{
	struct bare *b = *state;
	uint64_t room, lost = 0;

	for (room = 8; room < HEADER; room += 8) {
		fill_up_to(b, 1024);
		bare_publish(b, (uint32_t)(1024 - room) - HEADER);
		assert_int_equal(b->w.pos & (DATA_SIZE - 1), 0);
		bare_publish(b, 4);
		bare_drain(b, &lost);
		assert_int_equal(b->r.pos, b->w.pos);
	}
	assert_int_equal(lost, 0);
	assert_int_equal(b->ctl->seq, b->r.seq - 1);
}

static void test_pad_bytes(void **state)
{
	struct bare *b = *state;
	struct seqring_record pad;

	fill_up_to(b, 64);
	memcpy(&pad, b->data + DATA_SIZE - 64, sizeof(pad));
	assert_int_equal(pad.stamp, 0);
	bare_publish(b, 100);
	memcpy(&pad, b->data + DATA_SIZE - 64, sizeof(pad));
	assert_int_equal(pad.stamp, b->w.seq);
	assert_int_equal(pad.ts_ns, 0);
	assert_int_equal(pad.meta.len, 64 - HEADER);
	assert_int_equal(pad.meta.type, 0);
	assert_int_equal(pad.meta.flags, SEQRING_REC_PAD);
}

static void test_discard(void **state)
{
	struct bare *b = *state;
	struct seqring_view v;
	uint64_t head, lost = 0;
	void *payload = NULL;

	assert_int_equal(seqring_writer_reserve(&b->w, 100, &payload), 0);
	assert_int_equal((uintptr_t)payload % 8, 0);
	memset(payload, 0xee, 100);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_EMPTY);
	seqring_writer_discard(&b->w);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_EMPTY);
	assert_int_equal(b->ctl->seq, 0);
	bare_publish(b, 7);
	assert_int_equal(bare_drain(b, &lost), 1);

	/* After a PAD: head stays before it, and all that wait there go on. */
	fill_up_to(b, 64);
	head = b->ctl->head;
	assert_int_equal(seqring_writer_reserve(&b->w, 1000, &payload), 0);
	memset(payload, 0xee, 1000);
	seqring_writer_discard(&b->w);
	assert_int_equal(b->ctl->head, head);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_EMPTY);
	b->r.eager = 1;
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_EMPTY);
	bare_publish(b, 8);
	assert_int_equal(bare_drain(b, &lost), 1);
	assert_int_equal(lost, 0);
}

static void test_reserve_and_commit(void **state)
{
	struct bare *b = *state;
	struct seqring_view v;
	char buf[16];
	void *payload = NULL;
	uint32_t len;

	for (len = 0; len <= 16; len++) {
		assert_int_equal(seqring_writer_reserve(&b->w, len, &payload), 0);
		memset(payload, 0xa5, len);
		assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_EMPTY);
		seqring_writer_commit(&b->w, 3, 4);
		assert_int_equal(seqring_reader_read(&b->r, &v, buf, sizeof(buf)), SEQRING_OK);
		assert_int_equal(v.len, len);
		assert_int_equal(v.type, 3);
		assert_int_equal(v.ts_ns, 4);
	}
}

/* Any division of a payload into pieces gives the same bytes. */
static void test_vec(void **state)
{
	struct bare *b = *state;
	unsigned char buf[200], out[200];
	struct seqring_vec vec[64];
	struct seqring_view v;
	unsigned int i, n, round;
	uint32_t off, len;

	srand(1);
	for (round = 0; round < 3000; round++) {
		len = (uint32_t)rand() % (sizeof(buf) + 1);
		payload_fill(buf, round, len);
		for (n = 0, off = 0; off < len && n < 63; n++) {
			uint32_t left = len - off;

			vec[n].base = buf + off;
			vec[n].len = (uint32_t)rand() % (left < 13 ? left + 1 : 13);
			off += (uint32_t)vec[n].len;
		}
		vec[n].base = buf + off;
		vec[n++].len = len - off;
		assert_int_equal(seqring_writer_publish_vec(&b->w, 1, 2, vec, n), 0);
		assert_int_equal(seqring_reader_read(&b->r, &v, out, sizeof(out)), SEQRING_OK);
		assert_int_equal(v.len, len);
		assert_memory_equal(out, buf, len);
	}
	assert_int_equal(seqring_writer_publish_vec(&b->w, 1, 2, NULL, 0), 0);
	assert_int_equal(seqring_reader_read(&b->r, &v, out, sizeof(out)), SEQRING_OK);
	assert_int_equal(v.len, 0);
	for (i = 0; i < 64; i++)
		vec[i] = (struct seqring_vec) { "", 0 };
	assert_int_equal(seqring_writer_publish_vec(&b->w, 1, 2, vec, 64), 0);
}

/* With each way to publish, the rest of a payload's last word is zero. */
static void test_padding_is_zero(void **state)
{
	struct bare *b = *state;
	unsigned char buf[64];
	struct seqring_vec vec = { buf, 0 };
	void *payload = NULL;
	uint32_t len, i;

	memset(buf, 0xff, sizeof(buf));
	memset(b->data, 0xff, DATA_SIZE);
	memset(b->data, 0, 8);
	for (len = 0; len < 64; len++) {
		for (i = 0; i < 3; i++) {
			uint64_t start = b->w.pos;

			vec.len = len;
			if (i == 0) {
				seqring_writer_publish(&b->w, 0, 0, buf, len);
			} else if (i == 1) {
				seqring_writer_publish_vec(&b->w, 0, 0, &vec, 1);
			} else {
				seqring_writer_reserve(&b->w, len, &payload);
				memset(payload, 0xff, len);
				seqring_writer_commit(&b->w, 0, 0);
			}
			for (start += HEADER + len; start < b->w.pos; start++)
				assert_int_equal(b->data[start], 0);
		}
	}
}

static void test_short_buffer(void **state)
{
	struct bare *b = *state;
	unsigned char buf[16];
	struct seqring_view v;

	seqring_writer_publish(&b->w, 0, 0, "0123456789abcdefXYZ", 19);
	seqring_writer_publish(&b->w, 0, 0, "next", 4);
	memset(buf, 0x55, sizeof(buf));
	assert_int_equal(seqring_reader_read(&b->r, &v, buf, 11), SEQRING_OK);
	assert_int_equal(v.len, 19);
	assert_memory_equal(buf, "0123456789a\x55\x55\x55\x55\x55", 16);
	assert_int_equal(seqring_reader_read(&b->r, &v, NULL, 0), SEQRING_OK);
	assert_int_equal(v.len, 4);
}

static void test_batch_limits(void **state)
{
	_Alignas(8) unsigned char buf[128];
	struct bare *b = *state;
	struct seqring_view v[8];
	unsigned int n, i;

	assert_int_equal(seqring_reader_read_batch(&b->r, v, 8, buf, sizeof(buf), &n),
			 SEQRING_EMPTY);
	assert_int_equal(n, 0);
	for (i = 0; i < 20; i++)
		bare_publish(b, 20);

	/* By the number of records, */
	assert_int_equal(seqring_reader_read_batch(&b->r, v, 3, buf, sizeof(buf), &n), SEQRING_OK);
	assert_int_equal(n, 3);
	/* by the buffer: 24 bytes each, five fit, */
	assert_int_equal(seqring_reader_read_batch(&b->r, v, 8, buf, sizeof(buf), &n), SEQRING_OK);
	assert_int_equal(n, 5);
	for (i = 0; i < n; i++) {
		assert_int_equal(v[i].seq, 4 + i);
		assert_ptr_equal(v[i].payload, buf + 24 * i);
		check_record(&v[i], v[i].payload);
	}
	/* the last one without its padding, */
	assert_int_equal(seqring_reader_read_batch(&b->r, v, 8, buf, 44, &n), SEQRING_OK);
	assert_int_equal(n, 2);
	assert_int_equal(seqring_reader_read_batch(&b->r, v, 8, buf, 43, &n), SEQRING_OK);
	assert_int_equal(n, 1);
	/* a first one that is too long is cut, */
	memset(buf, 0x55, sizeof(buf));
	assert_int_equal(seqring_reader_read_batch(&b->r, v, 8, buf, 5, &n), SEQRING_OK);
	assert_int_equal(n, 1);
	assert_int_equal(v[0].len, 20);
	assert_int_equal(buf[5], 0x55);
	/* and the rest by what is there. */
	assert_int_equal(seqring_reader_read_batch(&b->r, v, 8, buf, sizeof(buf), &n), SEQRING_OK);
	assert_int_equal(seqring_reader_read_batch(&b->r, v, 8, buf, sizeof(buf), &n), SEQRING_OK);
	assert_int_equal(n, 3);
	assert_int_equal(v[2].seq, 20);
}

static void test_dead_after_drain(void **state)
{
	struct bare *b = *state;
	struct seqring_view v;
	uint64_t lost = 0;
	char buf[8];

	bare_publish(b, 4);
	bare_publish(b, 5);
	seqring_writer_end(&b->w);
	assert_int_equal(seqring_reader_newest(&b->r, &v, buf, sizeof(buf)), SEQRING_OK);
	assert_int_equal(bare_drain(b, &lost), 2);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_DEAD);
	b->r.eager = 1;
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_DEAD);
	assert_int_equal(seqring_reader_seek(&b->r, 0, 2), SEQRING_OK);
	assert_int_equal(bare_drain(b, &lost), 1);
}

static void test_dead_and_never_used(void **state)
{
	struct bare *b = *state;
	struct seqring_view v;
	char buf[8];

	seqring_writer_end(&b->w);
	assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_DEAD);
	assert_int_equal(seqring_reader_newest(&b->r, &v, buf, sizeof(buf)), SEQRING_DEAD);
	assert_int_equal(seqring_reader_seek(&b->r, 0, 1), SEQRING_OK);
}

static void test_eager(void **state)
{
	struct bare *b = *state;
	struct seqring_view v;
	uint64_t lost = 0;
	int i;

	b->r.eager = 1;
	for (i = 0; i < 5000; i++) {
		assert_int_equal(seqring_reader_peek(&b->r, &v), SEQRING_EMPTY);
		bare_publish(b, (uint32_t)i % 500);
		assert_int_equal(bare_drain(b, &lost), 1);
	}
	assert_int_equal(lost, 0);
}

static void test_wake_due(void **state)
{
	struct bare *b = *state;
	struct seqring_wait wait;
	const uint64_t none = SEQRING_WAIT_NONE;
	uint64_t head, seq;
	unsigned int i, light;

	for (i = 0; i < 4; i++)
		bare_publish(b, 8);
	head = b->ctl->head;
	seq = b->ctl->seq;
	for (light = 0; light < 2; light++) {
		const struct {
			uint64_t pos, seq;
			int due;
		} table[] = {
			{ none, none, 0 },	  { head, none, 0 }, /* head > pos is asked for */
			{ head - 1, none, 1 },	  { 0, none, 1 },    { none, seq + 1, 0 },
			{ none, seq, 1 },	  { none, 0, 1 },    { head, seq + 1, 0 },
			{ head - 1, seq + 1, 1 }, { head, seq, 1 },
		};

		b->w.light_wake = light;
		for (i = 0; i < ARRAY_SIZE(table); i++) {
			wait.pos = table[i].pos;
			wait.seq = table[i].seq;
			assert_int_equal(seqring_writer_wake_due(&b->w, &wait), table[i].due);
			assert_int_equal(wait.pos, table[i].due ? none : table[i].pos);
			assert_int_equal(wait.seq, table[i].due ? none : table[i].seq);
		}
	}
	/* Arming only ever lowers. */
	wait.pos = 100;
	wait.seq = 10;
	seqring_reader_arm(&wait, 200, 20);
	assert_int_equal(wait.pos, 100);
	assert_int_equal(wait.seq, 10);
	seqring_reader_arm(&wait, 50, none);
	assert_int_equal(wait.pos, 50);
	assert_int_equal(wait.seq, 10);
}

/* A slot that is due is reset; the others lower the ring's thresholds again. */
static void test_slots(void **state)
{
	const uint64_t none = SEQRING_WAIT_NONE, pos = 800, seq = 20;
	const struct {
		uint64_t pos, seq;
		int due;
	} table[] = {
		{ pos - 1, none, 1 },	 { pos, none, 0 },    { none, seq, 1 },
		{ none, seq + 1, 0 },	 { 0, none, 1 },      { none, none, 0 },
		{ pos - 1, seq + 1, 1 }, { pos, seq + 2, 0 }, { pos + 8, seq, 1 },
	};
	struct seqring_threshold lowest = { none, none }, own;
	struct seqring_wait wait = { .pos = none, .seq = seq + 9 };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		own = (struct seqring_threshold) { table[i].pos, table[i].seq };
		assert_int_equal(seqring_writer_slot_due(pos, seq, &own, &lowest), table[i].due);
		assert_int_equal(own.pos, table[i].due ? none : table[i].pos);
		assert_int_equal(own.seq, table[i].due ? none : table[i].seq);
	}
	assert_int_equal(lowest.pos, pos);
	assert_int_equal(lowest.seq, seq + 1);
	seqring_writer_wake_end(&wait, &lowest);
	assert_int_equal(wait.pos, pos);
	assert_int_equal(wait.seq, seq + 1);
	/* A slot has the thresholds that were stored last; those of the ring only get lower. */
	own = (struct seqring_threshold) { 8, 1 };
	seqring_reader_arm_slot(&wait, &own, pos + 8, seq);
	assert_int_equal(own.pos, pos + 8);
	assert_int_equal(own.seq, seq);
	assert_int_equal(wait.pos, pos);
	assert_int_equal(wait.seq, seq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_init_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fresh_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes_in_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_big, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_remainder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_implicit_skip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pad_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_discard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reserve_and_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vec, setup, teardown),
		cmocka_unit_test_setup_teardown(test_padding_is_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_buffer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_after_drain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_and_never_used, setup, teardown),
		cmocka_unit_test_setup_teardown(test_eager, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake_due, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Messages of agents: what is encoded is decoded, and nothing else is. */
#include <errno.h>

#include "../../libring/base/crc32c.h"
#include "../../tools/fleet/message.h"
#include "../../tools/fleet/names.h"
#include "unit.h"

#define BODY 4096

/* A message with room for its body. */
struct sample {
	struct fleet_message m;
	_Alignas(8) unsigned char bytes[FLEET_HEADER_SIZE + BODY];
};

static unsigned char *body_of(struct sample *s)
{
	return s->bytes + FLEET_HEADER_SIZE;
}

static struct fleet_message make_head(unsigned int kind)
{
	return (struct fleet_message) {
		.kind = kind,
		.epoch = 0x1122334455667788,
		.number = 7,
		.id = { .nonce = 99, .name = "ticks", .host = { 1 }, .boot = { 2 } },
		.made_ns = 12345,
		.schema = 42,
	};
}

/* Three records with payloads of 0, 1 and 9 bytes, from seq 10 on. */
static void make_batch(struct sample *s)
{
	static const uint32_t lens[] = { 0, 1, 9 };
	unsigned char *at = body_of(s);
	unsigned int i;

	s->m = make_head(FLEET_BATCH);
	s->m.ring = 3;
	s->m.ring_id = 5;
	s->m.first = 10;
	s->m.last = 12;
	s->m.first_ns = 1000;
	s->m.last_ns = 1002;
	s->m.wall_offset_ns = -5;
	for (i = 0; i < 3; i++) {
		fleet_put_record(at, 10 + i, 1000 + i, (uint16_t)i, "123456789", lens[i]);
		at += seqring_record_size(lens[i]);
	}
	s->m.body_size = (uint32_t)(at - body_of(s));
}

static void make_schema(struct sample *s)
{
	const struct fleet_ring ring = { .writer = 3,
					 .nr_rings = 4,
					 .clock_id = 1,
					 .page_size = 4096,
					 .data_size = 1 << 16,
					 .payload_max = 100,
					 .schema_size = 5 };

	s->m = make_head(FLEET_SCHEMA);
	fleet_put_ring(body_of(s), &ring);
	memcpy(body_of(s) + FLEET_RING_SIZE, "abcde", 5);
	s->m.body_size = FLEET_RING_SIZE + 5;
	s->m.schema = fleet_schema_hash(body_of(s), s->m.body_size);
}

static void make_counters(struct sample *s, unsigned int kind)
{
	struct fleet_counters c = {
		.ring_id = 8, .published = 50, .next = 51, .dropped = { 1, 2, 3 }
	};

	s->m = make_head(kind);
	s->m.cause = kind == FLEET_END ? FLEET_END_KILLED : 0;
	for (c.ring = 0; c.ring < 2; c.ring++)
		fleet_put_counters(body_of(s) + c.ring * FLEET_COUNTERS_SIZE, &c);
	s->m.body_size = 2 * FLEET_COUNTERS_SIZE;
}

static void make_loss(struct sample *s)
{
	s->m = make_head(FLEET_LOSS);
	s->m.cause = FLEET_LOSS_OVERRUN;
	s->m.first = 1;
	s->m.last = 9;
}

static void make(struct sample *s, unsigned int kind)
{
	memset(s, 0, sizeof(*s));
	if (kind == FLEET_BATCH)
		make_batch(s);
	else if (kind == FLEET_LOSS)
		make_loss(s);
	else if (kind == FLEET_SCHEMA)
		make_schema(s);
	else
		make_counters(s, kind);
}

static size_t encode(struct sample *s)
{
	assert_int_equal(fleet_encode(&s->m, body_of(s), s->bytes), 0);
	return FLEET_HEADER_SIZE + s->m.body_size;
}

static int decode(const struct sample *s, size_t size, struct fleet_message *m)
{
	const char *why = NULL;
	const void *body = NULL;
	int err = fleet_decode(s->bytes, size, m, &body, &why);

	/* A failure says why. */
	assert_true(!err == !why);
	if (!err)
		assert_ptr_equal(body, s->bytes + FLEET_HEADER_SIZE);
	return err;
}

static void test_round_trip(void **state)
{
	struct fleet_message m;
	struct sample s;
	unsigned int kind;
	size_t size;

	(void)state;
	for (kind = 1; kind < FLEET_KINDS; kind++) {
		make(&s, kind);
		size = encode(&s);
		memset(&m, 0xff, sizeof(m));
		assert_int_equal(decode(&s, size, &m), 0);
		assert_int_equal(m.kind, kind);
		assert_int_equal(m.cause, s.m.cause);
		assert_true(m.epoch == s.m.epoch && m.number == s.m.number);
		assert_memory_equal(&m.id, &s.m.id, sizeof(m.id));
		assert_true(m.ring == s.m.ring && m.ring_id == s.m.ring_id);
		assert_true(m.first == s.m.first && m.last == s.m.last);
		assert_true(m.first_ns == s.m.first_ns && m.last_ns == s.m.last_ns);
		assert_true(m.wall_offset_ns == s.m.wall_offset_ns && m.made_ns == s.m.made_ns);
		assert_true(m.schema == s.m.schema && m.body_size == s.m.body_size);
	}
}

/* No bit of a message may change, and no byte may be missing or too much. */
static void test_every_bit(void **state)
{
	struct fleet_message m;
	struct sample s;
	unsigned int kind;
	size_t size, i;

	(void)state;
	for (kind = 1; kind < FLEET_KINDS; kind++) {
		make(&s, kind);
		size = encode(&s);
		for (i = 0; i < 8 * size; i++) {
			s.bytes[i / 8] ^= (unsigned char)(1 << i % 8);
			assert_int_equal(decode(&s, size, &m), -EBADMSG);
			s.bytes[i / 8] ^= (unsigned char)(1 << i % 8);
		}
		for (i = 0; i < size; i++)
			assert_int_equal(decode(&s, i, &m), -EBADMSG);
		assert_int_equal(decode(&s, size + 1, &m), -EBADMSG);
		assert_int_equal(decode(&s, size, &m), 0);
	}
}

/* Writes a value into a header, and makes its checksum right again. */
static void poke(struct sample *s, size_t at, uint64_t value, size_t bytes)
{
	uint32_t crc;

	memcpy(s->bytes + at, &value, bytes);
	crc = libring_crc32c(0, s->bytes, FLEET_HEADER_SIZE - sizeof(crc));
	memcpy(s->bytes + FLEET_HEADER_SIZE - sizeof(crc), &crc, sizeof(crc));
}

#define REJECT(kind, at, value, bytes, err)                     \
	do {                                                    \
		make(&s, kind);                                 \
		size = encode(&s);                              \
		poke(&s, at, value, bytes);                     \
		assert_int_equal(decode(&s, size, &m), -(err)); \
	} while (0)

/* Whoever made the checksums right may still say nonsense. */
static void test_wrong_values(void **state)
{
	struct fleet_message m;
	struct sample s;
	size_t size;

	(void)state;
	REJECT(FLEET_BATCH, 8, 2, 2, ENOTSUP);	/* version */
	REJECT(FLEET_BATCH, 10, 6, 2, ENOTSUP); /* kind */
	REJECT(FLEET_BATCH, 10, 0, 2, ENOTSUP);
	REJECT(FLEET_BATCH, 12, 2, 2, ENOTSUP); /* byte order */
	REJECT(FLEET_BATCH, 14, 1, 2, EBADMSG); /* cause */
	REJECT(FLEET_LOSS, 14, 0, 2, EBADMSG);
	REJECT(FLEET_LOSS, 14, 8, 2, ENOTSUP);
	REJECT(FLEET_END, 14, 5, 2, ENOTSUP);
	REJECT(FLEET_BATCH, 16, 0, 8, EBADMSG);	   /* number */
	REJECT(FLEET_BATCH, 24, 0, 8, EBADMSG);	   /* epoch */
	REJECT(FLEET_BATCH, 64, 0, 8, EBADMSG);	   /* nonce */
	REJECT(FLEET_BATCH, 72, 4096, 4, EBADMSG); /* ring */
	REJECT(FLEET_SCHEMA, 72, 1, 4, EBADMSG);
	REJECT(FLEET_BATCH, 80, '.', 1, EBADMSG); /* name */
	REJECT(FLEET_BATCH, 80, '/', 1, EBADMSG);
	REJECT(FLEET_BATCH, 80, 0, 1, EBADMSG);
	REJECT(FLEET_BATCH, 111, 'x', 1, EBADMSG);
	REJECT(FLEET_BATCH, 112, 0, 8, EBADMSG); /* first */
	REJECT(FLEET_BATCH, 112, 9, 8, EBADMSG);
	REJECT(FLEET_BATCH, 112, 11, 8, EBADMSG);
	REJECT(FLEET_BATCH, 112, 13, 8, EBADMSG);
	REJECT(FLEET_HEARTBEAT, 112, 1, 8, EBADMSG);
	REJECT(FLEET_BATCH, 120, UINT64_MAX, 8, EBADMSG); /* last */
	REJECT(FLEET_BATCH, 120, 11, 8, EBADMSG);
	REJECT(FLEET_LOSS, 120, UINT64_MAX, 8, EBADMSG);
	REJECT(FLEET_BATCH, 128, 999, 8, EBADMSG); /* times */
	REJECT(FLEET_BATCH, 136, 999, 8, EBADMSG);
	REJECT(FLEET_LOSS, 144, 1, 8, EBADMSG);
	REJECT(FLEET_SCHEMA, 160, 1, 8, EBADMSG); /* schema */
	REJECT(FLEET_BATCH, 240, 8, 4, EBADMSG);  /* body_size */
	REJECT(FLEET_BATCH, 240, FLEET_BODY_MAX + 8, 4, EBADMSG);
}

/* The encoder refuses each message that the decoder would refuse. */
static void test_wrong_body(void **state)
{
	struct fleet_counters c = { .ring = 1, .published = 5, .next = 7 };
	struct sample s;

	(void)state;
	make(&s, FLEET_BATCH);
	body_of(&s)[0] = 11; /* the first seq */
	assert_int_equal(fleet_encode(&s.m, body_of(&s), s.bytes), -EINVAL);
	make(&s, FLEET_BATCH);
	body_of(&s)[16] = 200; /* length of the first record */
	assert_int_equal(fleet_encode(&s.m, body_of(&s), s.bytes), -EINVAL);
	make(&s, FLEET_BATCH);
	s.m.body_size += 8;
	assert_int_equal(fleet_encode(&s.m, body_of(&s), s.bytes), -EINVAL);
	make(&s, FLEET_SCHEMA);
	s.m.body_size--;
	assert_int_equal(fleet_encode(&s.m, body_of(&s), s.bytes), -EINVAL);
	make(&s, FLEET_HEARTBEAT);
	fleet_put_counters(body_of(&s) + FLEET_COUNTERS_SIZE, &c); /* next is in the future */
	assert_int_equal(fleet_encode(&s.m, body_of(&s), s.bytes), -EINVAL);
	make(&s, FLEET_LOSS);
	s.m.body_size = 8;
	assert_int_equal(fleet_encode(&s.m, body_of(&s), s.bytes), -EINVAL);
}

static int add_record(uint64_t seq, uint64_t ts_ns, uint16_t type, const void *payload,
		      uint32_t len, void *arg)
{
	static const uint32_t lens[] = { 0, 1, 9 };
	uint64_t *next = arg;

	assert_true(seq == *next && ts_ns == 990 + seq && type == seq - 10);
	assert_int_equal(len, lens[seq - 10]);
	assert_memory_equal(payload, "123456789", len);
	*next = seq + 1;
	return seq == 11 ? -7 : 0;
}

static void test_walk(void **state)
{
	uint64_t next = 10;
	struct sample s;

	(void)state;
	make(&s, FLEET_BATCH);
	assert_int_equal(fleet_walk(&s.m, body_of(&s), add_record, &next), -7);
	assert_true(next == 12);
}

static void test_names(void **state)
{
	char stream[FLEET_STREAM_SIZE], subject[FLEET_SUBJECT_SIZE], id[FLEET_ID_SIZE];
	static const char *const bad[] = { "",
					   "7",
					   "-7",
					   "0000000000000001-",
					   "x-1",
					   "0000000000000001-01",
					   "0000000000000001-1 ",
					   "1-1",
					   "0000000000000000-1",
					   "0000000000000001-0",
					   "000000000000000A-1" };
	char agent[FLEET_AGENT_MAX + 1], long_name[FLEET_AGENT_MAX + 2];
	uint64_t epoch, number;
	size_t i;

	(void)state;
	fleet_stream(stream, "web-1");
	assert_string_equal(stream, "SEQRING_web-1");
	assert_int_equal(fleet_agent_of_stream(stream, agent), 0);
	assert_string_equal(agent, "web-1");
	assert_int_equal(fleet_agent_of_stream("ORDERS", agent), -EINVAL);
	assert_int_equal(fleet_agent_of_stream("SEQRING_", agent), -EINVAL);
	fleet_subject(subject, "web-1", FLEET_BATCH);
	assert_string_equal(subject, "seqring.web-1.batch");
	fleet_all_subjects(subject, "web-1");
	assert_string_equal(subject, "seqring.web-1.>");

	memset(long_name, 'a', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	assert_false(fleet_is_agent(long_name)); /* 64 characters */
	assert_false(fleet_is_agent("a.b") || fleet_is_agent("a*") || fleet_is_agent(""));

	fleet_format_id(id, 0xabc, 17);
	assert_string_equal(id, "0000000000000abc-17");
	assert_int_equal(fleet_parse_id(id, &epoch, &number), 0);
	assert_true(epoch == 0xabc && number == 17);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fleet_parse_id(bad[i], &epoch, &number), -EINVAL);
}

static void test_nonce(void **state)
{
	uint64_t a, b;

	(void)state;
	assert_int_equal(fleet_nonce(1, 0, &a), -EOPNOTSUPP);
	assert_int_equal(fleet_nonce(1, 5, &a), 0);
	assert_int_equal(fleet_nonce(2, 5, &b), 0);
	assert_true(a && b && a != b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_wrong_values), cmocka_unit_test(test_wrong_body),
		cmocka_unit_test(test_walk),	     cmocka_unit_test(test_names),
		cmocka_unit_test(test_nonce),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

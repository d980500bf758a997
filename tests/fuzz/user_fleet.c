// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a message of an agent. Most inputs get the right checksums, so that what is behind
 * them is reached. What is accepted can be walked through, and encodes to the same bytes.
 */

#include <errno.h>

#include "user_fuzz.h"
#include "../../libring/base/crc32c.h"
#include "../../tools/fleet/message.h"

#define KIND	   10
#define SCHEMA	   160
#define BODY_CRC   244
#define HEADER_CRC 252

static uint64_t sum;

static int visit_record(uint64_t seq, uint64_t ts_ns, uint16_t type, const void *payload,
			uint32_t len, void *arg)
{
	const unsigned char *p = payload;
	uint64_t *next = arg;
	uint32_t i;

	FUZZ_CHECK(seq == *next, "record %llu, not %llu", (unsigned long long)seq,
		   (unsigned long long)*next);
	*next = seq + 1;
	for (i = 0; i < len; i++)
		sum += p[i];
	sum += ts_ns + type;
	return 0;
}

static void visit_body(const struct fleet_message *m, const unsigned char *body)
{
	struct fleet_counters c;
	struct fleet_ring ring;
	uint64_t next = m->first;
	uint32_t at;

	switch (m->kind) {
	case FLEET_BATCH:
		fleet_walk(m, body, visit_record, &next);
		FUZZ_CHECK(next == m->last + 1, "the last record is %llu",
			   (unsigned long long)next - 1);
		break;
	case FLEET_SCHEMA:
		fleet_get_ring(body, &ring);
		FUZZ_CHECK(FLEET_RING_SIZE + ring.schema_size == m->body_size, "schema %u",
			   ring.schema_size);
		break;
	case FLEET_HEARTBEAT:
	case FLEET_END:
		for (at = 0; at < m->body_size; at += FLEET_COUNTERS_SIZE) {
			fleet_get_counters(body + at, &c);
			FUZZ_CHECK(c.next && c.next - 1 <= c.published, "counters");
		}
		break;
	default:
		FUZZ_CHECK(m->kind == FLEET_LOSS && !m->body_size, "kind %u", m->kind);
	}
}

static void put_crcs(unsigned char *data, size_t size)
{
	const uint32_t body_size = (uint32_t)size - FLEET_HEADER_SIZE;
	const uint64_t hash = fleet_schema_hash(data + FLEET_HEADER_SIZE, body_size);
	uint32_t crc = libring_crc32c(0, data + FLEET_HEADER_SIZE, body_size);

	if (data[KIND] == FLEET_SCHEMA)
		memcpy(data + SCHEMA, &hash, sizeof(hash));
	memcpy(data + BODY_CRC, &crc, sizeof(crc));
	crc = libring_crc32c(0, data, HEADER_CRC);
	memcpy(data + HEADER_CRC, &crc, sizeof(crc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says whether the checksums are made right. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char again[FLEET_HEADER_SIZE];
	struct fleet_message m;
	const void *body = NULL;
	const char *why = NULL;
	unsigned char *copy;
	int err;

	if (!size)
		return 0;
	/* Of exactly its size, so that a byte too far is noticed. */
	copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	if (*data && size - 1 >= FLEET_HEADER_SIZE)
		put_crcs(copy, size - 1);
	err = fleet_decode(copy, size - 1, &m, &body, &why);
	FUZZ_CHECK(err ? why && (err == -EBADMSG || err == -ENOTSUP) : !why, "%d without a reason",
		   err);
	if (!err) {
		visit_body(&m, body);
		FUZZ_CHECK(!fleet_encode(&m, body, again), "what was decoded is not encoded");
		err = fleet_decode_header(again, &m, &why);
		FUZZ_CHECK(!err, "what was encoded is not decoded: %s", why);
	}
	free(copy);
	return 0;
}

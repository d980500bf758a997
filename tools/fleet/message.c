// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <seqring/abi.h>
#include <seqring/record.h>

#include "../../libring/base/crc32c.h"
#include "../../libring/base/names.h"
#include "message.h"

/* "SEQFLEET" in a file. */
#define MAGIC 0x5445454c46514553ULL

#if __BYTE_ORDER == __LITTLE_ENDIAN
#define OWN_ORDER 1
#else
#define OWN_ORDER 2
#endif

/* The header as it is sent; all integers are little-endian. */
struct wire {
	uint64_t magic;
	uint16_t version;
	uint16_t kind;
	uint16_t order;
	uint16_t cause;
	uint64_t number;
	uint64_t epoch;
	unsigned char host[16];
	unsigned char boot[16];
	uint64_t nonce;
	uint32_t ring;
	uint32_t ring_id;
	char name[FLEET_NAME_SIZE];
	uint64_t first;
	uint64_t last;
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t wall_offset_ns;
	uint64_t made_ns;
	uint64_t schema;
	uint64_t reserved[9];
	uint32_t body_size;
	uint32_t body_crc;
	uint32_t reserved1;
	uint32_t header_crc;
};
_Static_assert(sizeof(struct wire) == FLEET_HEADER_SIZE, "header of a message");
_Static_assert(offsetof(struct wire, body_size) == 240, "format");

struct wire_ring {
	uint32_t writer;
	uint32_t nr_rings;
	uint32_t clock_id;
	uint32_t page_size;
	uint64_t features;
	uint64_t data_size;
	uint32_t payload_max;
	uint32_t schema_size;
	uint64_t reserved[3];
};
_Static_assert(sizeof(struct wire_ring) == FLEET_RING_SIZE, "format");

struct wire_counters {
	uint32_t ring;
	uint32_t ring_id;
	uint64_t published;
	uint64_t next;
	uint64_t dropped[FLEET_DROPS];
};
_Static_assert(sizeof(struct wire_counters) == FLEET_COUNTERS_SIZE, "format");

static int refuse(const char **why, int err, const char *sentence)
{
	*why = sentence;
	return err;
}

/* A ring's name, and zeros behind it. */
static bool is_name(const char *name)
{
	size_t i = strnlen(name, FLEET_NAME_SIZE);

	if (i == FLEET_NAME_SIZE || !libring_is_name(name))
		return false;
	for (; i < FLEET_NAME_SIZE; i++)
		if (name[i])
			return false;
	return true;
}

/* Checks fields that only a batch or a loss may have. */
static int check_range(const struct fleet_message *m, const char **why)
{
	const bool has_records = m->kind == FLEET_BATCH || m->kind == FLEET_LOSS;

	if (has_records && (!m->first || m->last < m->first || m->last == UINT64_MAX))
		return refuse(why, -EBADMSG, "its seqs are no range");
	if (!has_records && (m->first || m->last || m->ring || m->ring_id))
		return refuse(why, -EBADMSG, "it has seqs or a ring, which its kind does not have");
	if (m->ring >= SEQRING_RINGS_MAX)
		return refuse(why, -EBADMSG, "its ring's number is too large");
	if (m->kind != FLEET_BATCH && (m->first_ns || m->last_ns || m->wall_offset_ns))
		return refuse(why, -EBADMSG,
			      "it has times of records, which its kind does not have");
	return 0;
}

static int check_cause(const struct fleet_message *m, const char **why)
{
	const bool has_cause = m->kind == FLEET_LOSS || m->kind == FLEET_END;
	const unsigned int causes = m->kind == FLEET_LOSS ? FLEET_LOSS_CAUSES : FLEET_END_CAUSES;

	if (has_cause && !m->cause)
		return refuse(why, -EBADMSG, "it has no cause");
	if (!has_cause && m->cause)
		return refuse(why, -EBADMSG, "it has a cause, which its kind does not have");
	if (has_cause && m->cause >= causes)
		return refuse(why, -ENOTSUP, "its cause is unknown");
	return 0;
}

static int check_size(const struct fleet_message *m, const char **why)
{
	if (m->body_size > FLEET_BODY_MAX)
		return refuse(why, -EBADMSG, "its body is too large");
	switch (m->kind) {
	case FLEET_BATCH:
		if (m->body_size % SEQRING_RECORD_ALIGN || !m->body_size ||
		    m->last - m->first >= m->body_size / sizeof(struct seqring_record))
			return refuse(why, -EBADMSG, "its body is too short for its records");
		return 0;
	case FLEET_LOSS:
		if (m->body_size)
			return refuse(why, -EBADMSG, "a loss has no body");
		return 0;
	case FLEET_SCHEMA:
		if (m->body_size < FLEET_RING_SIZE ||
		    m->body_size - FLEET_RING_SIZE > SEQRING_SCHEMA_SIZE_MAX)
			return refuse(why, -EBADMSG, "its body has a wrong size for a schema");
		return 0;
	default:
		if (m->body_size % FLEET_COUNTERS_SIZE ||
		    m->body_size / FLEET_COUNTERS_SIZE > SEQRING_RINGS_MAX)
			return refuse(why, -EBADMSG, "its body has a wrong size for counters");
		return 0;
	}
}

static int check_message(const struct fleet_message *m, const char **why)
{
	int err;

	if (!m->kind || m->kind >= FLEET_KINDS)
		return refuse(why, -ENOTSUP, "its kind is unknown");
	if (!m->number || !m->epoch)
		return refuse(why, -EBADMSG, "it has no number or no epoch");
	if (!m->id.nonce || !is_name(m->id.name))
		return refuse(why, -EBADMSG, "it has no valid name of a ring, or no nonce");
	err = check_cause(m, why);
	if (!err)
		err = check_range(m, why);
	return err ? err : check_size(m, why);
}

static int check_batch(const struct fleet_message *m, const unsigned char *body, const char **why)
{
	const uint64_t records = m->last - m->first + 1;
	struct seqring_record h;
	uint64_t at = 0, i, ts_first = 0;

	memset(&h, 0, sizeof(h));
	for (i = 0; i < records; i++) {
		if (m->body_size - at < sizeof(h))
			return refuse(why, -EBADMSG, "its records are longer than its body");
		memcpy(&h, body + at, sizeof(h));
		if (h.stamp != m->first + i || h.meta.flags)
			return refuse(why, -EBADMSG, "a record has a wrong seq or unknown flags");
		if (h.meta.len > m->body_size ||
		    seqring_record_size(h.meta.len) > m->body_size - at)
			return refuse(why, -EBADMSG, "its records are longer than its body");
		if (!i)
			ts_first = h.ts_ns;
		at += seqring_record_size(h.meta.len);
	}
	if (at != m->body_size)
		return refuse(why, -EBADMSG, "its records are shorter than its body");
	if (ts_first != m->first_ns || h.ts_ns != m->last_ns)
		return refuse(why, -EBADMSG, "its times are not those of its records");
	return 0;
}

static int check_ring(const struct fleet_message *m, const void *body, const char **why)
{
	struct fleet_ring ring;

	fleet_get_ring(body, &ring);
	if (ring.schema_size != m->body_size - FLEET_RING_SIZE || !ring.nr_rings ||
	    ring.nr_rings > SEQRING_RINGS_MAX || !SEQRING_DATA_SIZE_OK(ring.data_size) ||
	    ring.payload_max > SEQRING_PAYLOAD_MAX(ring.data_size))
		return refuse(why, -EBADMSG, "the properties of its ring contradict each other");
	if (fleet_schema_hash(body, m->body_size) != m->schema)
		return refuse(why, -EBADMSG, "its hash is not that of its body");
	return 0;
}

static int check_counters(const struct fleet_message *m, const unsigned char *body,
			  const char **why)
{
	const uint32_t nr = m->body_size / FLEET_COUNTERS_SIZE;
	struct fleet_counters c;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		fleet_get_counters(body + (size_t)i * FLEET_COUNTERS_SIZE, &c);
		if (c.ring != i || !c.next || c.next > c.published + 1)
			return refuse(why, -EBADMSG, "its counters contradict each other");
	}
	return 0;
}

/* Checks what is in the body, whose checksum is right. */
static int check_contents(const struct fleet_message *m, const void *body, const char **why)
{
	switch (m->kind) {
	case FLEET_BATCH:
		return check_batch(m, body, why);
	case FLEET_SCHEMA:
		return check_ring(m, body, why);
	case FLEET_HEARTBEAT:
	case FLEET_END:
		return check_counters(m, body, why);
	}
	return 0;
}

int fleet_encode(const struct fleet_message *m, const void *body, void *header)
{
	struct wire w = {
		.magic = htole64(MAGIC),
		.version = htole16(FLEET_VERSION),
		.kind = htole16((uint16_t)m->kind),
		.order = htole16(OWN_ORDER),
		.cause = htole16((uint16_t)m->cause),
		.number = htole64(m->number),
		.epoch = htole64(m->epoch),
		.nonce = htole64(m->id.nonce),
		.ring = htole32(m->ring),
		.ring_id = htole32(m->ring_id),
		.first = htole64(m->first),
		.last = htole64(m->last),
		.first_ns = htole64(m->first_ns),
		.last_ns = htole64(m->last_ns),
		.wall_offset_ns = htole64((uint64_t)m->wall_offset_ns),
		.made_ns = htole64(m->made_ns),
		.schema = htole64(m->schema),
		.body_size = htole32(m->body_size),
	};
	const char *why;

	if (check_message(m, &why) || check_contents(m, body, &why))
		return -EINVAL;
	memcpy(w.host, m->id.host, sizeof(w.host));
	memcpy(w.boot, m->id.boot, sizeof(w.boot));
	memcpy(w.name, m->id.name, sizeof(w.name));
	w.body_crc = htole32(libring_crc32c(0, body, m->body_size));
	w.header_crc = htole32(libring_crc32c(0, &w, offsetof(struct wire, header_crc)));
	memcpy(header, &w, sizeof(w));
	return 0;
}

int fleet_decode_header(const void *data, struct fleet_message *m, const char **why)
{
	struct fleet_message in;
	struct wire w;
	int err;

	memcpy(&w, data, sizeof(w));
	if (le64toh(w.magic) != MAGIC)
		return refuse(why, -EBADMSG, "it does not begin as a message");
	if (le32toh(w.header_crc) != libring_crc32c(0, &w, offsetof(struct wire, header_crc)))
		return refuse(why, -EBADMSG, "the checksum of its header is wrong");
	if (le16toh(w.version) != FLEET_VERSION)
		return refuse(why, -ENOTSUP, "its version is unknown");
	in = (struct fleet_message) {
		.kind = le16toh(w.kind),
		.cause = le16toh(w.cause),
		.number = le64toh(w.number),
		.epoch = le64toh(w.epoch),
		.id.nonce = le64toh(w.nonce),
		.ring = le32toh(w.ring),
		.ring_id = le32toh(w.ring_id),
		.first = le64toh(w.first),
		.last = le64toh(w.last),
		.first_ns = le64toh(w.first_ns),
		.last_ns = le64toh(w.last_ns),
		.wall_offset_ns = (int64_t)le64toh(w.wall_offset_ns),
		.made_ns = le64toh(w.made_ns),
		.schema = le64toh(w.schema),
		.body_size = le32toh(w.body_size),
	};
	memcpy(in.id.host, w.host, sizeof(w.host));
	memcpy(in.id.boot, w.boot, sizeof(w.boot));
	memcpy(in.id.name, w.name, sizeof(w.name));
	err = check_message(&in, why);
	if (!err)
		*m = in;
	return err;
}

int fleet_check_body(const struct fleet_message *m, const void *header, const void *body,
		     const char **why)
{
	struct wire w;

	memcpy(&w, header, sizeof(w));
	if (le32toh(w.body_crc) != libring_crc32c(0, body, m->body_size))
		return refuse(why, -EBADMSG, "the checksum of its body is wrong");
	if (m->kind == FLEET_BATCH && le16toh(w.order) != OWN_ORDER)
		return refuse(why, -ENOTSUP, "its records have the byte order of another machine");
	return check_contents(m, body, why);
}

int fleet_decode(const void *data, size_t size, struct fleet_message *m, const void **body,
		 const char **why)
{
	const unsigned char *p = data;
	struct fleet_message in;
	int err;

	if (size < FLEET_HEADER_SIZE)
		return refuse(why, -EBADMSG, "it is shorter than a header");
	err = fleet_decode_header(data, &in, why);
	if (err)
		return err;
	if (size - FLEET_HEADER_SIZE != in.body_size)
		return refuse(why, -EBADMSG, "its length is not that of header and body");
	err = fleet_check_body(&in, data, p + FLEET_HEADER_SIZE, why);
	if (err)
		return err;
	*m = in;
	*body = p + FLEET_HEADER_SIZE;
	return 0;
}

int fleet_walk(const struct fleet_message *m, const void *body, fleet_record_fn fn, void *arg)
{
	const unsigned char *p = body;
	struct seqring_record h;
	uint64_t seq;
	int ret;

	for (seq = m->first; seq <= m->last; seq++) {
		memcpy(&h, p, sizeof(h));
		ret = fn(seq, h.ts_ns, h.meta.type, p + sizeof(h), h.meta.len, arg);
		if (ret)
			return ret;
		p += seqring_record_size(h.meta.len);
	}
	return 0;
}

void fleet_put_record(void *at, uint64_t seq, uint64_t ts_ns, uint16_t type, const void *payload,
		      uint32_t len)
{
	struct seqring_record h = { .stamp = seq, .ts_ns = ts_ns };
	unsigned char *p = at;

	h.meta.len = len;
	h.meta.type = type;
	memcpy(p, &h, sizeof(h));
	if (len)
		memcpy(p + sizeof(h), payload, len);
	memset(p + sizeof(h) + len, 0, seqring_record_size(len) - sizeof(h) - len);
}

void fleet_put_ring(void *at, const struct fleet_ring *ring)
{
	const struct wire_ring w = {
		.writer = htole32(ring->writer),
		.nr_rings = htole32(ring->nr_rings),
		.clock_id = htole32(ring->clock_id),
		.page_size = htole32(ring->page_size),
		.features = htole64(ring->features),
		.data_size = htole64(ring->data_size),
		.payload_max = htole32(ring->payload_max),
		.schema_size = htole32(ring->schema_size),
	};

	memcpy(at, &w, sizeof(w));
}

void fleet_get_ring(const void *at, struct fleet_ring *ring)
{
	struct wire_ring w;

	memcpy(&w, at, sizeof(w));
	*ring = (struct fleet_ring) {
		.writer = le32toh(w.writer),
		.nr_rings = le32toh(w.nr_rings),
		.clock_id = le32toh(w.clock_id),
		.page_size = le32toh(w.page_size),
		.features = le64toh(w.features),
		.data_size = le64toh(w.data_size),
		.payload_max = le32toh(w.payload_max),
		.schema_size = le32toh(w.schema_size),
	};
}

uint64_t fleet_schema_hash(const void *body, uint32_t size)
{
	return (uint64_t)size << 32 | libring_crc32c(0, body, size);
}

void fleet_put_counters(void *at, const struct fleet_counters *c)
{
	struct wire_counters w = {
		.ring = htole32(c->ring),
		.ring_id = htole32(c->ring_id),
		.published = htole64(c->published),
		.next = htole64(c->next),
	};
	unsigned int i;

	for (i = 0; i < FLEET_DROPS; i++)
		w.dropped[i] = htole64(c->dropped[i]);
	memcpy(at, &w, sizeof(w));
}

void fleet_get_counters(const void *at, struct fleet_counters *c)
{
	struct wire_counters w;
	unsigned int i;

	memcpy(&w, at, sizeof(w));
	c->ring = le32toh(w.ring);
	c->ring_id = le32toh(w.ring_id);
	c->published = le64toh(w.published);
	c->next = le64toh(w.next);
	for (i = 0; i < FLEET_DROPS; i++)
		c->dropped[i] = le64toh(w.dropped[i]);
}

static const char *name_of(const char *const *names, unsigned int nr, unsigned int i)
{
	return i < nr && names[i] ? names[i] : "unknown";
}

const char *fleet_kind_name(unsigned int kind)
{
	static const char *const names[FLEET_KINDS] = {
		[FLEET_BATCH] = "batch",	 [FLEET_LOSS] = "loss", [FLEET_SCHEMA] = "schema",
		[FLEET_HEARTBEAT] = "heartbeat", [FLEET_END] = "end",
	};

	return name_of(names, FLEET_KINDS, kind);
}

const char *fleet_loss_name(unsigned int cause)
{
	static const char *const names[FLEET_LOSS_CAUSES] = {
		[FLEET_LOSS_OVERRUN] = "overrun", [FLEET_LOSS_START] = "start",
		[FLEET_LOSS_STOPPED] = "stopped", [FLEET_LOSS_SPOOL] = "spool",
		[FLEET_LOSS_TOO_BIG] = "too-big", [FLEET_LOSS_CORRUPT] = "corrupt",
		[FLEET_LOSS_DAMAGED] = "damaged",
	};

	return name_of(names, FLEET_LOSS_CAUSES, cause);
}

const char *fleet_end_name(unsigned int cause)
{
	static const char *const names[FLEET_END_CAUSES] = {
		[FLEET_END_ENDED] = "ended",
		[FLEET_END_KILLED] = "killed",
		[FLEET_END_REPLACED] = "replaced",
		[FLEET_END_VANISHED] = "vanished",
	};

	return name_of(names, FLEET_END_CAUSES, cause);
}

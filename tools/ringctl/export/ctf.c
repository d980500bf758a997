// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringctl export --to ctf: CTF 1.8. Each ring is a stream. A packet ends where records are lost,
 * since readers take the growth of events_discarded from one packet to the next as the loss
 * between them. The metadata is written at the end, with the types that occurred.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <libring/reader.h>
#include <libring/recording.h>

#include "../../lib/decode.h"
#include "../../lib/message.h"
#include "../../lib/value.h"
#include "ctf.h"
#include "export.h"
#include "format.h"
#include "output.h"
#include "utf8.h"

#define PACKET_BYTES (1u << 18)
#define HEADER_BYTES (4 + 16 + 4 + 8)
#define PACKET_HEAD  (HEADER_BYTES + 6 * 8 + 4)
#define STREAMS_OPEN 512
/* Readers add the offset in signed arithmetic. */
#define TIME_MAX (UINT64_MAX / 4)

/*
 * @packet: the present packet, without its head
 * @begin_ns, @last_ns: times of its first event, and of the last one of the stream
 * @discarded: records lost so far
 */
struct stream {
	struct output_file file;
	struct out packet;
	uint64_t begin_ns;
	uint64_t last_ns;
	uint64_t discarded;
	uint64_t packets;
	bool begun;
	bool any;
};

/*
 * @clamped: records with a time before that of their predecessor, which CTF cannot express
 * @limit: where the present event must end
 */
struct ctf {
	const struct export_source *src;
	const struct export_opts *opts;
	struct output *out;
	struct ctf_trace trace;
	char boot_id[40];
	struct ctf_type *types[UINT16_MAX + 1];
	struct stream *streams;
	uint64_t clamped;
	struct plan_cursor cursor;
	struct out *to;
	size_t limit;
	bool has_offset;
	bool truncated;
};

static void get_boot_id(struct ctf *c)
{
	struct ring_recording_info ri = { .size = sizeof(ri) };
	size_t i;
	FILE *f;

	if (!ring_recording_info(c->src->ring, &ri)) {
		memcpy(c->boot_id, ri.boot_id, sizeof(c->boot_id));
	} else {
		f = fopen("/proc/sys/kernel/random/boot_id", "re");
		if (!f || !fgets(c->boot_id, sizeof(c->boot_id), f))
			c->boot_id[0] = '\0';
		if (f)
			fclose(f);
	}
	c->boot_id[36] = '\0';
	for (i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? c->boot_id[i] != '-' :
			   !c->boot_id[i] || !strchr("0123456789abcdef", c->boot_id[i]))
			c->boot_id[0] = '\0';
	}
}

static int begin(const struct export_source *src, const struct export_opts *opts,
		 struct output *out, void **state)
{
	struct ctf *c = calloc(1, sizeof(*c));
	uint32_t i;

	*state = c;
	if (!c)
		return -ENOMEM;
	c->src = src;
	c->opts = opts;
	c->out = out;
	if (src->info.nr_rings > STREAMS_OPEN)
		return fail("export", "ctf: %u rings: at most %d", src->info.nr_rings,
			    STREAMS_OPEN);
	c->streams = calloc(src->info.nr_rings, sizeof(*c->streams));
	if (!c->streams)
		return -ENOMEM;
	for (i = 0; i < src->info.nr_rings; i++)
		c->streams[i].file.fd = -1;
	if (getrandom(c->trace.uuid, sizeof(c->trace.uuid), 0) != sizeof(c->trace.uuid))
		return -errno;
	c->trace.uuid[6] = (c->trace.uuid[6] & 0x0f) | 0x40;
	c->trace.uuid[8] = (c->trace.uuid[8] & 0x3f) | 0x80;
	c->trace.ring = src->info.name;
	get_boot_id(c);
	c->trace.boot_id = c->boot_id;
	return 0;
}

static void append_u16(struct out *o, uint16_t v)
{
	out_append(o, &v, sizeof(v));
}

static void append_u32(struct out *o, uint32_t v)
{
	out_append(o, &v, sizeof(v));
}

static void append_u64(struct out *o, uint64_t v)
{
	out_append(o, &v, sizeof(v));
}

/* Writes the present packet, which may have no event. */
static int write_packet(struct ctf *c, uint32_t ring)
{
	struct stream *s = &c->streams[ring];
	struct out *o = &s->file.buf;
	const uint64_t bits = 8ull * (PACKET_HEAD + s->packet.len);
	char name[32];
	int err;

	if (s->packet.err)
		return s->packet.err;
	if (s->file.fd < 0) {
		snprintf(name, sizeof(name), "ring_%u", ring);
		err = output_create(c->out, name, &s->file);
		if (err)
			return err;
	}
	append_u32(o, CTF_MAGIC);
	out_append(o, c->trace.uuid, sizeof(c->trace.uuid));
	append_u32(o, 0);
	append_u64(o, ring);
	append_u64(o, s->begun ? s->begin_ns : s->last_ns);
	append_u64(o, s->last_ns);
	append_u64(o, bits);
	append_u64(o, bits);
	append_u64(o, s->packets++);
	append_u64(o, s->discarded);
	append_u32(o, c->src->ids[ring]);
	out_append(o, s->packet.buf, s->packet.len);
	s->packet.len = 0;
	s->begun = false;
	return output_write(&s->file);
}

/* A string of CTF is UTF-8, and ends with a zero. */
static void append_string(struct out *o, const char *p, size_t n)
{
	append_utf8(o, p, n);
	out_append(o, "", 1);
}

static void append_number(struct out *o, const struct ring_field *f)
{
	const unsigned int bytes = ctf_int_bytes(f->bits);
	char buf[VALUE_SIZE];
	uint8_t v8 = (uint8_t)f->u;

	switch (bytes) {
	case 0:
		format_number(buf, f);
		append_string(o, buf, strlen(buf));
		break;
	case 1:
		out_append(o, &v8, 1);
		break;
	case 2:
		append_u16(o, (uint16_t)f->u);
		break;
	case 4:
		append_u32(o, (uint32_t)f->u);
		break;
	default:
		append_u64(o, f->u);
	}
}

static void append_value(struct out *o, const struct ring_field *f, const struct plan_node *n)
{
	char buf[VALUE_SIZE];
	uint8_t yes = f->u != 0;
	float single = (float)f->f;

	switch (f->kind) {
	case RING_FIELD_TEXT:
		append_string(o, f->data, f->len);
		break;
	case RING_FIELD_BYTES:
		if (!n->field.len)
			append_u32(o, (uint32_t)f->len);
		out_append(o, f->data, f->len);
		break;
	case RING_FIELD_BOOL:
		out_append(o, &yes, 1);
		break;
	case RING_FIELD_FLOAT:
		if (f->bits == 32)
			out_append(o, &single, sizeof(single));
		else
			out_append(o, &f->f, sizeof(f->f));
		break;
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		format_address(buf, f);
		append_string(o, buf, strlen(buf));
		break;
	case RING_FIELD_ARRAY:
		if (!n->field.count)
			append_u32(o, f->count);
		break;
	case RING_FIELD_STRUCT:
	case RING_FIELD_UNION:
	case RING_FIELD_END:
		break;
	default:
		append_number(o, f);
	}
}

/* For ring_schema_walk(). */
static int add_field(const struct ring_field *f, void *arg)
{
	struct ctf *c = arg;
	const struct plan_node *n = plan_step(&c->cursor, f);

	if (!n)
		return -EPROTO;
	/* Text grows to three times its size at most. */
	if (c->to->len > c->limit || 3 * f->len > c->limit) {
		c->truncated = true;
		return -E2BIG;
	}
	append_value(c->to, f, n);
	return 0;
}

static void append_event_head(struct ctf *c, struct stream *s, const struct ring_record *rec,
			      uint32_t id)
{
	uint64_t ts = rec->ts_ns > TIME_MAX ? TIME_MAX : rec->ts_ns;

	if (s->any && ts < s->last_ns)
		ts = s->last_ns;
	c->clamped += ts != rec->ts_ns;
	if (!s->begun)
		s->begin_ns = ts;
	s->begun = true;
	s->any = true;
	s->last_ns = ts;
	append_u32(&s->packet, id);
	append_u64(&s->packet, ts);
	append_u64(&s->packet, rec->seq);
}

static void append_bytes(struct out *o, const void *p, size_t n)
{
	append_u32(o, (uint32_t)n);
	out_append(o, p, n);
}

static void append_undecoded(struct ctf *c, struct stream *s, const struct ring_record *rec)
{
	c->trace.undecoded = true;
	append_event_head(c, s, rec, CTF_UNDECODED);
	append_u16(&s->packet, rec->type);
	append_bytes(&s->packet, rec->payload, rec->len);
}

/* The type of a record; its plan is made once. Return: NULL: no memory. */
static struct ctf_type *get_type(struct ctf *c, uint16_t number)
{
	const struct ring_schema *schema;
	struct ctf_type *t = c->types[number];
	int err;

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	c->types[number] = t;
	schema = c->src->decoder ? decoder_schema(c->src->decoder) : NULL;
	err = plan_make_named(schema, number, &t->plan, &t->name);
	t->known = !err;
	return err == -ENOMEM ? NULL : t;
}

static int append_record(struct ctf *c, struct stream *s, const struct ring_record *rec)
{
	struct ctf_type *t = get_type(c, rec->type);
	const size_t start = s->packet.len, head = 4 + 8 + 8;
	size_t used = 0;
	uint32_t id;
	int err;

	if (!t)
		return -ENOMEM;
	if (!t->known) {
		append_undecoded(c, s, rec);
		return 0;
	}
	c->cursor = (struct plan_cursor) { .plan = &t->plan };
	c->to = &s->packet;
	c->limit = start + head + decode_limit(rec);
	c->truncated = false;
	append_event_head(c, s, rec, rec->type);
	err = ring_schema_walk(decoder_schema(c->src->decoder), rec->type, rec->payload, rec->len,
			       add_field, c, &used);
	if (err == -EMSGSIZE || err == -E2BIG) {
		s->packet.len = start;
		append_undecoded(c, s, rec);
		return 0;
	}
	if (err)
		return err;
	if (used == rec->len) {
		t->seen = true;
		return 0;
	}
	t->seen_extra = true;
	id = CTF_EXTRA + rec->type;
	if (!s->packet.err)
		memcpy(s->packet.buf + start, &id, sizeof(id));
	append_bytes(&s->packet, (const char *)rec->payload + used, rec->len - used);
	return 0;
}

/* Ends the packet, and counts records that were lost behind it. */
static int add_loss(struct ctf *c, uint32_t ring, uint64_t lost)
{
	struct stream *s = &c->streams[ring];
	int err = 0;

	/* A loss is between two packets, so the first one must not have it. */
	if (s->begun || !s->packets)
		err = write_packet(c, ring);
	s->discarded += lost;
	return err;
}

static int record(void *state, const struct ring_record *rec)
{
	struct ctf *c = state;
	struct stream *s = &c->streams[rec->ring];
	uint64_t wall;
	int err = 0;

	if (!c->has_offset && !ring_wall_time(c->src->ring, rec->ts_ns, &wall) &&
	    wall > rec->ts_ns && wall < TIME_MAX)
		c->trace.offset_ns = wall - rec->ts_ns;
	c->has_offset = true;
	if (!s->any)
		s->last_ns = rec->ts_ns > TIME_MAX ? TIME_MAX : rec->ts_ns;
	if (rec->lost)
		err = add_loss(c, rec->ring, rec->lost);
	if (!err)
		err = append_record(c, s, rec);
	if (!err && s->packet.len >= PACKET_BYTES)
		err = write_packet(c, rec->ring);
	return err;
}

static int lost(void *state, uint32_t ring, uint64_t nr)
{
	int err = add_loss(state, ring, nr);

	/* A packet without events carries the count. */
	return err ? err : write_packet(state, ring);
}

static int write_metadata(struct ctf *c)
{
	struct output_file f;
	uint32_t i;
	int err;

	err = output_create(c->out, "metadata", &f);
	if (err)
		return err;
	ctf_append_head(&f.buf, &c->trace);
	for (i = 0; i <= UINT16_MAX && !err; i++) {
		if (c->types[i])
			ctf_append_type(&f.buf, (uint16_t)i, c->types[i]);
		err = output_write(&f);
	}
	if (c->trace.undecoded)
		ctf_append_undecoded(&f.buf);
	if (!err)
		err = output_close(&f);
	output_free(&f);
	return err;
}

static int end(void *state)
{
	struct ctf *c = state;
	uint32_t i;
	int err = 0;

	for (i = 0; i < c->src->info.nr_rings && !err; i++) {
		if (c->streams[i].begun)
			err = write_packet(c, i);
		if (!err && c->streams[i].file.fd >= 0)
			err = output_close(&c->streams[i].file);
	}
	if (!err && c->clamped && !c->opts->quiet)
		fprintf(stderr,
			PROGRAM_NAME ": %s: %llu records have a time before that of their "
				     "predecessor, and got its time\n",
			c->opts->name, (unsigned long long)c->clamped);
	return err ? err : write_metadata(c);
}

static void free_ctf(void *state)
{
	struct ctf *c = state;
	uint32_t i;

	if (!c)
		return;
	for (i = 0; c->streams && i < c->src->info.nr_rings; i++) {
		output_free(&c->streams[i].file);
		out_free(&c->streams[i].packet);
	}
	for (i = 0; i <= UINT16_MAX; i++) {
		if (c->types[i])
			plan_free(&c->types[i]->plan);
		free(c->types[i]);
	}
	free(c->streams);
	free(c);
}

const struct export_format export_ctf = {
	.name = "ctf",
	.is_dir = true,
	.begin = begin,
	.record = record,
	.lost = lost,
	.end = end,
	.free = free_ctf,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringctl export --to perfetto: the protobuf of Perfetto's UI. Each ring is a sequence of packets.
 * Records are instants on the track of their ring, unless perfetto_trace.c knows better.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <libring/schema.h>
#include <seqring/abi.h>

#include "../../lib/decode.h"
#include "export.h"
#include "format.h"
#include "perfetto.h"
#include "proto.h"

#define CLOCK_REALTIME_ID  1
#define CLOCK_MONOTONIC_ID 3
#define CLOCK_BOOTTIME_ID  6
/* Nothing is interned; the flag lets readers begin here. */
#define STATE_CLEARED 1

static int begin(const struct export_source *src, const struct export_opts *opts,
		 struct output *out, void **state)
{
	struct perfetto *p = calloc(1, sizeof(*p));
	int err;

	(void)opts;
	*state = p;
	if (!p)
		return -ENOMEM;
	p->src = src;
	p->file.fd = -1;
	p->clock = src->info.clock_id == SEQRING_CLOCK_BOOTTIME ? CLOCK_BOOTTIME_ID :
								  CLOCK_MONOTONIC_ID;
	p->rings = calloc(src->info.nr_rings, sizeof(*p->rings));
	err = p->rings ? 0 : -ENOMEM;
	if (!err && perfetto_trace_fits(src))
		err = perfetto_trace_open(p);
	return err ? err : output_create(out, NULL, &p->file);
}

/* Begins the sequence of a ring, and names its tracks. */
static void describe_ring(struct perfetto *p, uint32_t ring, uint64_t ts_ns)
{
	struct out *o = &p->file.buf;
	char name[64];
	size_t packet, track, counter;

	packet = perfetto_begin_packet(p, ring, ts_ns);
	proto_uint(o, PACKET_SEQUENCE_FLAGS, STATE_CLEARED);
	track = proto_begin(o, PACKET_TRACK_DESCRIPTOR);
	proto_uint(o, TRACK_UUID, track_uuid(TRACK_OF_RING, ring));
	snprintf(name, sizeof(name), "%.40s ring %u", p->src->info.name, p->src->ids[ring]);
	proto_string(o, TRACK_NAME, name);
	proto_end(o, track);
	perfetto_end_packet(p, packet);

	packet = perfetto_begin_packet(p, ring, ts_ns);
	track = proto_begin(o, PACKET_TRACK_DESCRIPTOR);
	proto_uint(o, TRACK_UUID, track_uuid(TRACK_OF_LOSSES, ring));
	proto_uint(o, TRACK_PARENT, track_uuid(TRACK_OF_RING, ring));
	proto_string(o, TRACK_NAME, "lost records");
	counter = proto_begin(o, TRACK_COUNTER);
	proto_end(o, counter);
	proto_end(o, track);
	perfetto_end_packet(p, packet);
	p->rings[ring].described = true;
}

static void append_clock(struct out *o, uint32_t id, uint64_t ts_ns)
{
	size_t begin = proto_begin(o, 1);

	proto_uint(o, 1, id);
	proto_uint(o, 2, ts_ns);
	proto_end(o, begin);
}

/*
 * Readers take BOOTTIME for the clock of scheduler events, so it is given the ring's time: the axis
 * is the ring's clock.
 */
static void append_clocks(struct perfetto *p, uint64_t ts_ns)
{
	struct out *o = &p->file.buf;
	size_t packet = proto_begin(o, TRACE_PACKET), snapshot;
	uint64_t wall;

	proto_uint(o, PACKET_SEQUENCE_ID, 1);
	snapshot = proto_begin(o, PACKET_CLOCK_SNAPSHOT);
	append_clock(o, CLOCK_BOOTTIME_ID, ts_ns);
	if (p->clock != CLOCK_BOOTTIME_ID)
		append_clock(o, p->clock, ts_ns);
	if (!ring_wall_time(p->src->ring, ts_ns, &wall))
		append_clock(o, CLOCK_REALTIME_ID, wall);
	proto_uint(o, 2, p->clock);
	proto_end(o, snapshot);
	perfetto_end_packet(p, packet);
}

/* The losses in front of a time: an instant with the number, and the sum as a counter. */
static void add_loss(struct perfetto *p, uint32_t ring, uint64_t ts_ns, uint64_t lost)
{
	struct perfetto_event e;
	char name[48];
	size_t packet;

	packet = perfetto_begin_packet(p, ring, ts_ns);
	proto_uint(&p->file.buf, PACKET_PREVIOUS_DROPPED, 1);
	proto_uint(&p->file.buf, PACKET_SEQUENCE_FLAGS, STATE_CLEARED);
	perfetto_end_packet(p, packet);
	snprintf(name, sizeof(name), "%llu records lost", (unsigned long long)lost);
	perfetto_add_event(p, ring, ts_ns, INSTANT, track_uuid(TRACK_OF_RING, ring), name, NULL);
	p->rings[ring].lost += lost;
	e = perfetto_begin_event(p, ring, ts_ns, COUNTER, track_uuid(TRACK_OF_LOSSES, ring));
	proto_uint(&p->file.buf, EVENT_COUNTER_VALUE, p->rings[ring].lost);
	perfetto_end_event(p, &e);
}

static const char *get_name(const struct perfetto *p, const struct ring_record *rec, char *buf,
			    size_t size)
{
	struct ring_schema_type info = { .size = sizeof(info) };

	if (p->src->decoder && !ring_schema_type(decoder_schema(p->src->decoder), rec->type, &info))
		return info.name;
	snprintf(buf, size, "type %u", rec->type);
	return buf;
}

static int record(void *state, const struct ring_record *rec)
{
	struct perfetto *p = state;
	struct ring_record r = *rec;
	char name[32];
	int err;

	/* Without a clock, records are a nanosecond apart, in their order. */
	if (p->src->info.clock_id == SEQRING_CLOCK_NONE)
		r.ts_ns = r.seq;
	if (!p->any)
		append_clocks(p, r.ts_ns);
	p->any = true;
	if (!p->rings[r.ring].described)
		describe_ring(p, r.ring, r.ts_ns);
	if (r.lost)
		add_loss(p, r.ring, r.ts_ns, r.lost);
	err = p->trace ? perfetto_trace_record(p, &r) : -ENOENT;
	if (err == -ENOENT)
		perfetto_add_event(p, r.ring, r.ts_ns, INSTANT, track_uuid(TRACK_OF_RING, r.ring),
				   get_name(p, &r, name, sizeof(name)), &r);
	else if (err)
		return err;
	return output_write(&p->file);
}

/* At the end of the trace: no record has the time. */
static int lost(void *state, uint32_t ring, uint64_t nr)
{
	struct perfetto *p = state;
	uint64_t ts_ns = 0;

	if (ring_now(p->src->ring, &ts_ns))
		ts_ns = 0;
	if (!p->rings[ring].described)
		describe_ring(p, ring, ts_ns);
	add_loss(p, ring, ts_ns, nr);
	return output_write(&p->file);
}

static int end(void *state)
{
	struct perfetto *p = state;
	int err = perfetto_trace_end(p);

	return err ? err : output_close(&p->file);
}

static void free_perfetto(void *state)
{
	struct perfetto *p = state;

	if (!p)
		return;
	perfetto_trace_free(p);
	output_free(&p->file);
	free(p->rings);
	free(p);
}

const struct export_format export_perfetto = {
	.name = "perfetto",
	.begin = begin,
	.record = record,
	.lost = lost,
	.end = end,
	.free = free_perfetto,
};

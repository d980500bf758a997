/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Perfetto's trace format: packets (perfetto_packet.c), what the records of ringctl trace
 * become (perfetto_trace.c), and the rest (perfetto.c). perfetto.proto has the messages.
 */
#ifndef EXPORT_PERFETTO_H
#define EXPORT_PERFETTO_H

#include <stdbool.h>
#include <stdint.h>

#include <libring.h>

#include "output.h"

struct export_source;
struct perfetto_trace;

/* Numbers of fields. */
enum {
	TRACE_PACKET = 1,

	PACKET_FTRACE_EVENTS = 1,
	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE_ID = 10,
	PACKET_TRACK_EVENT = 11,
	PACKET_SEQUENCE_FLAGS = 13,
	PACKET_PREVIOUS_DROPPED = 42,
	PACKET_CLOCK_ID = 58,
	PACKET_TRACK_DESCRIPTOR = 60,

	TRACK_UUID = 1,
	TRACK_NAME = 2,
	TRACK_PROCESS = 3,
	TRACK_THREAD = 4,
	TRACK_PARENT = 5,
	TRACK_COUNTER = 8,

	EVENT_ANNOTATIONS = 4,
	EVENT_TYPE = 9,
	EVENT_TRACK = 11,
	EVENT_NAME = 23,
	EVENT_COUNTER_VALUE = 30,
};

enum event_type { SLICE_BEGIN = 1, SLICE_END = 2, INSTANT = 3, COUNTER = 4 };

/* Tracks have numbers: a kind in the upper half, and what it is the track of in the lower half. */
enum track_kind {
	TRACK_OF_RING = 1,
	TRACK_OF_LOSSES,
	TRACK_OF_THREAD,
	TRACK_OF_PROCESS,
	TRACK_OF_DISK,
	TRACK_OF_REQUESTS,
};

static inline uint64_t track_uuid(enum track_kind kind, uint32_t number)
{
	return (uint64_t)kind << 32 | number;
}

/*
 * @clock: number of the ring's clock in the format
 * @rings: of each ring, whether its tracks are described, and how many records it lost
 * @trace: of a ring of ringctl trace; NULL
 */
struct perfetto_ring {
	bool described;
	uint64_t lost;
};

struct perfetto {
	const struct export_source *src;
	struct output_file file;
	uint32_t clock;
	bool any;
	struct perfetto_ring *rings;
	struct perfetto_trace *trace;
};

/* Begins a packet, for one of the messages. Return: what perfetto_end_packet() takes. */
size_t perfetto_begin_packet(struct perfetto *p, uint32_t ring, uint64_t ts_ns);
void perfetto_end_packet(struct perfetto *p, size_t begin);

/* The message of an event is begun, without its name and annotations. Ends with the packet. */
struct perfetto_event {
	size_t packet;
	size_t event;
};

struct perfetto_event perfetto_begin_event(struct perfetto *p, uint32_t ring, uint64_t ts_ns,
					   enum event_type type, uint64_t track);
void perfetto_end_event(struct perfetto *p, const struct perfetto_event *e);

/* The fields of a record as annotations of the event. */
void perfetto_annotate(struct perfetto *p, const struct ring_record *rec);
/* A whole event: its name, which may be NULL, and the fields of @rec, which may be NULL. */
void perfetto_add_event(struct perfetto *p, uint32_t ring, uint64_t ts_ns, enum event_type type,
			uint64_t track, const char *name, const struct ring_record *rec);

/* perfetto_trace.c. All take a trace that is NULL, and do nothing. */
bool perfetto_trace_fits(const struct export_source *src);
int perfetto_trace_open(struct perfetto *p);
/* Return: 0; -ENOENT: it is no record of ringctl trace; -ENOMEM. */
int perfetto_trace_record(struct perfetto *p, const struct ring_record *rec);
/* Return: 0; EXIT_FAIL: a message was printed. */
int perfetto_trace_end(struct perfetto *p);
void perfetto_trace_free(struct perfetto *p);

#endif /* EXPORT_PERFETTO_H */

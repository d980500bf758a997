/* SPDX-License-Identifier: GPL-2.0-only */
/* A recording or a ring as a source of babeltrace2: its trace, streams and classes of events. */
#ifndef BABELTRACE2_SOURCE_H
#define BABELTRACE2_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <babeltrace2/babeltrace.h>

#include <libring.h>
#include <libring/schema.h>

#include "../ringctl/export/plan.h"

#define TIME_MAX (UINT64_MAX / 4)
/*
 * A type of records.
 *
 * @plain: class of records as they are
 * @extra: class of those with bytes behind their fields
 */
struct type {
	struct plan plan;
	const char *name;
	bool known;
	const bt_event_class *plain;
	const bt_event_class *extra;
};

/* A port. */
struct port {
	struct source *source;
	uint32_t ring;
	uint32_t id;
	bt_stream *stream;
};

/* @is_ring: of the class source.seqring.ring. @has_clock: its records have times */
struct source {
	bt_self_component *self;
	char path[4096];
	bool is_ring;
	bool has_clock;
	uint32_t nr_rings;
	uint32_t payload_max;
	struct port *ports;
	struct ring_schema *schema;
	bt_trace_class *tc;
	bt_stream_class *sc;
	bt_clock_class *clock;
	bt_trace *trace;
	const bt_event_class *undecoded;
	struct type *types[UINT16_MAX + 1];
};

/* Return: 0 or -errno; -EOPNOTSUPP: @s is to be a recording, and the path is that of a ring. */
int source_open(const struct source *s, const struct ring_open_opts *opts,
		struct ring_reader **out);

/* The type of a record. Return: NULL: no memory. */
struct type *source_get_type(struct source *s, uint16_t number);

/* The class of records that are not decoded. Return: NULL: no memory. */
const bt_event_class *source_get_undecoded(struct source *s);

/* Makes a class, and takes the reference to @fields. Return: NULL: it cannot. */
const bt_event_class *source_new_class(struct source *s, const char *name, uint64_t id,
				       bt_field_class *fields);

/* Methods of the component classes. */
bt_component_class_initialize_method_status source_init_recording(
	struct bt_self_component_source *self,
	struct bt_self_component_source_configuration *config, const bt_value *params, void *data);
bt_component_class_initialize_method_status source_init_ring(
	struct bt_self_component_source *self,
	struct bt_self_component_source_configuration *config, const bt_value *params, void *data);
void source_finalize(bt_self_component_source *self);
/* babeltrace2 PATH asks each source whether it reads the path. */
bt_component_class_query_method_status source_query(bt_self_component_class_source *self,
						    bt_private_query_executor *executor,
						    const char *object, const bt_value *params,
						    void *data, const bt_value **result);

#endif /* BABELTRACE2_SOURCE_H */

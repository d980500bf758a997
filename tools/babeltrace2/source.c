// SPDX-License-Identifier: GPL-2.0-only
/* A recording or a ring as a source of babeltrace2: its trace, streams and classes of events. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <seqring/abi.h>

#include "../lib/clock.h"
#include "../ringctl/export/ctf.h"
#include "fields.h"
#include "source.h"

/* A recording is surer than what other sources say of a directory. */
#define WEIGHT 0.8

static void free_source(struct source *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; s->ports && i < s->nr_rings; i++)
		bt_stream_put_ref(s->ports[i].stream);
	for (i = 0; i <= UINT16_MAX; i++) {
		if (!s->types[i])
			continue;
		plan_free(&s->types[i]->plan);
		bt_event_class_put_ref(s->types[i]->plain);
		bt_event_class_put_ref(s->types[i]->extra);
		free(s->types[i]);
	}
	bt_event_class_put_ref(s->undecoded);
	bt_trace_put_ref(s->trace);
	bt_clock_class_put_ref(s->clock);
	bt_stream_class_put_ref(s->sc);
	bt_trace_class_put_ref(s->tc);
	ring_schema_close(s->schema);
	free(s->ports);
	free(s);
}

/* The path of a recording: ring_open() takes a name without a slash for that of a ring. */
static void copy_path(char *path, size_t size, const char *input)
{
	snprintf(path, size, "%s%s", strchr(input, '/') ? "" : "./", input);
}

static int check_recording(struct ring_reader *r)
{
	struct ring_recording_info ri = { .size = sizeof(ri) };

	return ring_recording_info(r, &ri);
}

int source_open(const struct source *s, const struct ring_open_opts *opts, struct ring_reader **out)
{
	struct ring_reader *r;
	int err = ring_open(s->path, opts, &r);

	if (err)
		return err;
	err = s->is_ring ? 0 : check_recording(r);
	if (err)
		ring_close(r);
	else
		*out = r;
	return err;
}

/* The offset is that at the first record, as in an export, or at present if there is none. */
static uint64_t find_offset(struct ring_reader *r)
{
	struct ring_record rec;
	uint64_t wall, ts = 0;

	if (!ring_read(r, &rec, NULL, 0))
		ts = rec.ts_ns;
	else if (ring_now(r, &ts))
		return 0;
	if (ring_wall_time(r, ts, &wall) || wall <= ts || wall >= TIME_MAX)
		return 0;
	return wall - ts;
}

static bool set_boot_id(bt_clock_class *clock, const char *text)
{
	uint8_t uuid[16];
	unsigned int byte;
	int i, n;

	for (i = 0; i < 16; i++, text += n) {
		text += *text == '-';
		if (sscanf(text, "%2x%n", &byte, &n) != 1 || n != 2)
			return false;
		uuid[i] = (uint8_t)byte;
	}
	bt_clock_class_set_uuid(clock, uuid);
	return true;
}

static bool make_clock(struct source *s, struct ring_reader *r)
{
	struct ring_recording_info ri = { .size = sizeof(ri) };
	uint64_t offset = find_offset(r);

	s->clock = bt_clock_class_create(s->self);
	if (!s->clock || bt_clock_class_set_name(s->clock, "ring"))
		return false;
	if (!ring_recording_info(r, &ri))
		set_boot_id(s->clock, ri.boot_id);
	bt_clock_class_set_frequency(s->clock, NSEC_PER_SEC);
	bt_clock_class_set_offset(s->clock, (int64_t)(offset / NSEC_PER_SEC),
				  offset % NSEC_PER_SEC);
	return true;
}

static bool make_contexts(struct source *s)
{
	bt_field_class *packet = bt_field_class_structure_create(s->tc);
	bt_field_class *event = bt_field_class_structure_create(s->tc);
	bool ok;

	ok = packet && event &&
	     fields_add_member(packet, "cpu_id", fields_new_uint(s->tc, 32, false)) &&
	     fields_add_member(event, "seq", fields_new_uint(s->tc, 64, false)) &&
	     !bt_stream_class_set_packet_context_field_class(s->sc, packet) &&
	     !bt_stream_class_set_event_common_context_field_class(s->sc, event);
	bt_field_class_put_ref(packet);
	bt_field_class_put_ref(event);
	return ok;
}

static bool make_trace(struct source *s, const char *name)
{
	s->tc = bt_trace_class_create(s->self);
	if (!s->tc)
		return false;
	s->sc = bt_stream_class_create(s->tc);
	if (!s->sc || bt_stream_class_set_default_clock_class(s->sc, s->clock))
		return false;
	bt_stream_class_set_assigns_automatic_event_class_id(s->sc, BT_FALSE);
	bt_stream_class_set_assigns_automatic_stream_id(s->sc, BT_FALSE);
	bt_stream_class_set_supports_packets(s->sc, BT_TRUE, BT_TRUE, BT_TRUE);
	bt_stream_class_set_supports_discarded_events(s->sc, BT_TRUE, BT_TRUE);
	if (!make_contexts(s))
		return false;
	s->trace = bt_trace_create(s->tc);
	return s->trace && !bt_trace_set_environment_entry_string(s->trace, "domain", "seqring") &&
	       !bt_trace_set_environment_entry_string(s->trace, "tracer_name", "ringctl") &&
	       !bt_trace_set_environment_entry_string(s->trace, "ring", name);
}

static bool make_ports(struct source *s, bt_self_component_source *self, struct ring_reader *r)
{
	char name[32];
	uint32_t i;

	s->ports = calloc(s->nr_rings, sizeof(*s->ports));
	for (i = 0; s->ports && i < s->nr_rings; i++) {
		struct ring_stats_at at = { .size = sizeof(at) };
		struct port *p = &s->ports[i];

		*p = (struct port) { .source = s, .ring = i };
		p->id = ring_stats_at(r, i, &at) ? i : at.id;
		p->stream = bt_stream_create_with_id(s->sc, s->trace, i);
		snprintf(name, sizeof(name), "ring_%u", i);
		if (!p->stream || bt_stream_set_name(p->stream, name) ||
		    bt_self_component_source_add_output_port(self, name, p, NULL))
			return false;
	}
	return s->ports;
}

/* Return: the path; NULL: @params do not name one recording. */
static const char *get_input(const bt_value *params)
{
	const bt_value *inputs = bt_value_map_borrow_entry_value_const(params, "inputs"), *input;

	if (!inputs || !bt_value_is_array(inputs) || bt_value_array_get_length(inputs) != 1)
		return NULL;
	input = bt_value_array_borrow_element_by_index_const(inputs, 0);
	return bt_value_is_string(input) ? bt_value_string_get(input) : NULL;
}

static int read_schema(struct source *s, const struct ring_info *info)
{
	int err = ring_schema_open(info->schema, info->schema_size, &s->schema);

	/* Records of a ring with an unusable schema are not decoded. */
	return err == -ENOMEM ? err : 0;
}

static bt_component_class_initialize_method_status init(bt_self_component_source *self,
							const bt_value *params, bool is_ring)
{
	bt_self_component *component = bt_self_component_source_as_self_component(self);
	struct ring_info info = { .size = sizeof(info) };
	struct source *s = calloc(1, sizeof(*s));
	const char *input = get_input(params);
	struct ring_reader *r = NULL;
	int err;

	if (!s)
		return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_MEMORY_ERROR;
	s->is_ring = is_ring;
	if (!input) {
		BT_CURRENT_THREAD_ERROR_APPEND_CAUSE_FROM_COMPONENT(
			component, s->is_ring ? "inputs: give the name or the path of one ring" :
						"inputs: give the path of one recording");
		goto failed;
	}
	s->self = component;
	if (is_ring)
		snprintf(s->path, sizeof(s->path), "%s", input);
	else
		copy_path(s->path, sizeof(s->path), input);
	err = source_open(s, NULL, &r);
	if (!err)
		err = ring_info(r, &info);
	if (err) {
		BT_CURRENT_THREAD_ERROR_APPEND_CAUSE_FROM_COMPONENT(component, "%s: %s", input,
								    ring_strerror());
		goto failed;
	}
	s->nr_rings = info.nr_rings;
	s->payload_max = info.payload_max;
	s->has_clock = info.clock_id != SEQRING_CLOCK_NONE;
	if (read_schema(s, &info) || !make_clock(s, r) || !make_trace(s, info.name) ||
	    !make_ports(s, self, r)) {
		BT_CURRENT_THREAD_ERROR_APPEND_CAUSE_FROM_COMPONENT(component, "%s: no memory",
								    input);
		goto failed;
	}
	ring_close(r);
	bt_self_component_set_data(component, s);
	return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_OK;
failed:
	ring_close(r);
	free_source(s);
	return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_ERROR;
}

bt_component_class_initialize_method_status source_init_recording(
	bt_self_component_source *self, bt_self_component_source_configuration *config,
	const bt_value *params, void *data)
{
	(void)config;
	(void)data;
	return init(self, params, false);
}

bt_component_class_initialize_method_status source_init_ring(
	bt_self_component_source *self, bt_self_component_source_configuration *config,
	const bt_value *params, void *data)
{
	(void)config;
	(void)data;
	return init(self, params, true);
}

void source_finalize(bt_self_component_source *self)
{
	free_source(bt_self_component_get_data(bt_self_component_source_as_self_component(self)));
}

/* babeltrace2 PATH asks each source whether it reads the path. */
bt_component_class_query_method_status source_query(bt_self_component_class_source *self,
						    bt_private_query_executor *executor,
						    const char *object, const bt_value *params,
						    void *data, const bt_value **result)
{
	const bt_value *type, *input;
	struct ring_reader *r = NULL;
	char path[4096];
	bool is_ours = false;

	(void)self;
	(void)executor;
	(void)data;
	if (strcmp(object, "babeltrace.support-info"))
		return BT_COMPONENT_CLASS_QUERY_METHOD_STATUS_UNKNOWN_OBJECT;
	type = bt_value_map_borrow_entry_value_const(params, "type");
	input = bt_value_map_borrow_entry_value_const(params, "input");
	if (type && input && bt_value_is_string(type) && bt_value_is_string(input) &&
	    !strcmp(bt_value_string_get(type), "directory")) {
		copy_path(path, sizeof(path), bt_value_string_get(input));
		is_ours = !ring_open(path, NULL, &r) && !check_recording(r);
		ring_close(r);
	}
	*result = bt_value_real_create_init(is_ours ? WEIGHT : 0);
	return *result ? BT_COMPONENT_CLASS_QUERY_METHOD_STATUS_OK :
			 BT_COMPONENT_CLASS_QUERY_METHOD_STATUS_MEMORY_ERROR;
}

const bt_event_class *source_new_class(struct source *s, const char *name, uint64_t id,
				       bt_field_class *fields)
{
	bt_event_class *ec = fields ? bt_event_class_create_with_id(s->sc, id) : NULL;

	if (ec && (bt_event_class_set_name(ec, name) ||
		   bt_event_class_set_payload_field_class(ec, fields))) {
		bt_event_class_put_ref(ec);
		ec = NULL;
	}
	bt_field_class_put_ref(fields);
	return ec;
}

const bt_event_class *source_get_undecoded(struct source *s)
{
	bt_field_class *fc;

	if (s->undecoded)
		return s->undecoded;
	fc = bt_field_class_structure_create(s->tc);
	if (fc && fields_add_member(fc, "type", fields_new_uint(s->tc, 16, false)) &&
	    fields_add_bytes(s->tc, fc, "payload"))
		s->undecoded = source_new_class(s, "undecoded", CTF_UNDECODED, fc);
	else
		bt_field_class_put_ref(fc);
	return s->undecoded;
}

struct type *source_get_type(struct source *s, uint16_t number)
{
	struct type *t = s->types[number];
	int err;

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	s->types[number] = t;
	err = plan_make_named(s->schema, number, &t->plan, &t->name);
	t->known = !err;
	return err == -ENOMEM ? NULL : t;
}

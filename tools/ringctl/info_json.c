// SPDX-License-Identifier: GPL-2.0-only
/* ringctl info in JSON. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>
#include <libring/schema.h>
#include <seqring/abi.h>

#include "../lib/decode.h"
#include "../lib/json.h"
#include "../lib/message.h"
#include "../lib/parse.h"
#include "../lib/schema_json.h"
#include "info.h"

static struct json_object *new_features(uint64_t bits)
{
	struct json_object *array = json_object_new_array();
	const char *feature, *text;

	while (array && (feature = info_next_feature(&bits, &text))) {
		struct json_object *name = json_object_new_string(feature);

		if (!name || json_object_array_add(array, name)) {
			json_object_put(name);
			json_object_put(array);
			return NULL;
		}
	}
	return array;
}

struct json_object *info_new_drops(const uint64_t *dropped)
{
	struct json_object *obj = json_object_new_object();
	uint32_t cause;

	for (cause = 0; obj && cause < SEQRING_DROP_CAUSES; cause++) {
		if (json_add_uint(obj, info_drop_cause(cause), dropped[cause])) {
			json_object_put(obj);
			return NULL;
		}
	}
	return obj;
}

static struct json_object *new_ring(const struct ring_stats_at *st)
{
	struct json_object *obj = json_object_new_object();

	if (!obj || json_add_uint(obj, "id", st->id) ||
	    json_add_uint(obj, "published", st->published) ||
	    json_add_uint(obj, "head", st->head) || json_add_uint(obj, "tail", st->tail) ||
	    json_add_uint(obj, "wakeups", st->wakeups) ||
	    json_add(obj, "ended", json_object_new_boolean(!!st->dead)) ||
	    json_add(obj, "dropped", info_new_drops(st->dropped))) {
		json_object_put(obj);
		return NULL;
	}
	return obj;
}

static struct json_object *new_rings(const struct ring_details *d)
{
	struct json_object *array = json_object_new_array();
	uint32_t i;

	for (i = 0; array && i < d->info.nr_rings; i++) {
		struct json_object *ring = new_ring(&d->rings[i]);

		if (!ring || json_object_array_add(array, ring)) {
			json_object_put(ring);
			json_object_put(array);
			return NULL;
		}
	}
	return array;
}

static struct json_object *new_types(const struct ring_schema *s)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	struct json_object *array = json_object_new_array();
	uint32_t from = 0;

	while (array && !ring_schema_next(s, from, &type)) {
		struct json_object *obj = json_object_new_object();

		if (!obj || json_object_array_add(array, obj)) {
			json_object_put(obj);
			json_object_put(array);
			return NULL;
		}
		if (schema_json_add_type(obj, &type)) {
			json_object_put(array);
			return NULL;
		}
		from = type.type + 1u;
	}
	return array;
}

/* Adds the types of the schema, or its bytes if it is unusable. */
static int add_schema(struct json_object *obj, const struct ring_details *d)
{
	const struct ring_info *info = &d->info;

	if (json_add_uint(obj, "schema_size", info->schema_size))
		return -1;
	if (!info->schema_size)
		return 0;
	if (d->decoder)
		return json_add(obj, "types", new_types(decoder_schema(d->decoder)));
	return json_add(obj, "schema", json_new_text(info->schema, info->schema_size)) ||
	       json_add_string(obj, "schema_error", d->schema_err);
}

static int add_shape(struct json_object *obj, const struct ring_details *d)
{
	const struct ring_info *info = &d->info;
	char buf[32];

	if (json_add(obj, "name",
		     json_new_text(info->name, strnlen(info->name, sizeof(info->name)))) ||
	    json_add_string(obj, "kind", info_kind(info->writer)) ||
	    json_add_string(obj, "writer", info_writer(info->writer)))
		return -1;
	if (d->device_known && (json_add_string(obj, "mode", info_mode(d->mode)) ||
				json_add_uint(obj, "readers", d->readers)))
		return -1;
	if (info->path && json_add(obj, "path", json_new_text(info->path, strlen(info->path))))
		return -1;
	if (info->peer_known && (json_add_uint(obj, "peer_pid", info->peer_pid) ||
				 json_add_uint(obj, "peer_uid", info->peer_uid) ||
				 json_add_uint(obj, "peer_gid", info->peer_gid)))
		return -1;
	return json_add_uint(obj, "nr_rings", info->nr_rings) ||
	       json_add_uint(obj, "data_size", info->data_size) ||
	       json_add_uint(obj, "payload_max", info->payload_max) ||
	       json_add_uint(obj, "page_size", info->page_size) ||
	       json_add_string(obj, "clock", clock_name(info->clock_id, buf, sizeof(buf))) ||
	       json_add_uint(obj, "clock_id", info->clock_id) ||
	       json_add_uint(obj, "feature_bits", info->features) ||
	       json_add(obj, "features", new_features(info->features)) || add_schema(obj, d);
}

static const char *recorder_name(uint32_t recorder)
{
	switch (recorder) {
	case RING_RECORDER_RUNS:
		return "running";
	case RING_RECORDER_GONE:
		return "gone";
	default:
		return "unknown";
	}
}

static struct json_object *new_recording(const struct ring_recording_info *ri)
{
	struct json_object *obj = json_object_new_object();

	if (obj && !json_add_uint(obj, "segments", ri->segments) &&
	    !json_add_uint(obj, "bytes", ri->bytes) && !json_add_uint(obj, "chunks", ri->chunks) &&
	    !json_add_uint(obj, "records", ri->records) &&
	    !json_add_uint(obj, "recorder_lost", ri->recorder_lost) &&
	    !json_add_uint(obj, "removed", ri->removed) &&
	    !json_add_uint(obj, "damaged", ri->damaged) &&
	    !json_add_uint(obj, "torn_bytes", ri->torn_bytes) &&
	    !json_add(obj, "complete", json_object_new_boolean(!!ri->complete)) &&
	    !json_add_string(obj, "recorder", recorder_name(ri->recorder)) &&
	    !json_add_uint(obj, "first_ns", ri->first_ns) &&
	    !json_add_uint(obj, "last_ns", ri->last_ns) &&
	    !json_add_uint(obj, "realtime_ns", ri->realtime_ns) &&
	    !json_add_string(obj, "boot_id", ri->boot_id))
		return obj;
	json_object_put(obj);
	return NULL;
}

int info_print_json(const struct ring_details *d)
{
	struct json_object *obj = json_object_new_object();
	int err = -ENOMEM;

	if (obj && !add_shape(obj, d) && !json_add_uint(obj, "published", d->stats.published) &&
	    !json_add_uint(obj, "dropped", d->stats.dropped) &&
	    (!d->missed_known || !json_add_uint(obj, "missed", d->missed)) &&
	    !json_add_uint(obj, "wakeups", d->stats.wakeups) &&
	    !json_add_uint(obj, "lag_records", d->stats.lag_records) &&
	    !json_add_uint(obj, "lag_bytes", d->stats.lag_bytes) &&
	    !json_add(obj, "ended", json_object_new_boolean(!!d->stats.dead)) &&
	    !(d->is_recording && json_add(obj, "recording", new_recording(&d->recording))) &&
	    !json_add(obj, "rings", new_rings(d)))
		err = json_write(stdout, obj);
	json_object_put(obj);
	return err ? fail("info", "%s", strerror(ENOMEM)) : EXIT_OK;
}

// SPDX-License-Identifier: GPL-2.0-only
/* ringctl info: all about one ring. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <libring/schema.h>
#include <seqring/abi.h>

#include "decode.h"

static const char *const causes[SEQRING_DROP_CAUSES] = {
	[SEQRING_DROP_BUSY] = "busy",
	[SEQRING_DROP_TOO_BIG] = "too_big",
	[SEQRING_DROP_DEAD] = "dead",
	[SEQRING_DROP_FAULT] = "fault",
};

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ SEQRING_FEAT_WRITE, "write" },
	{ SEQRING_FEAT_MEMBARRIER, "membarrier" },
};

#define NR_FEATURES (sizeof(features) / sizeof(features[0]))

/*
 * @decoder: NULL: there is no schema, or @schema_err says why it is of no use
 */
struct about {
	struct decoder *decoder;
	char schema_err[256];
	struct ring_info info;
	struct ring_stats stats;
	struct ring_stats_at *rings;
	bool device_known;
	uint32_t readers;
	uint32_t mode;
};

static const char help[] =
	"usage: ringctl info NAME [OPTION]...\n"
	"\n"
	"Shows what a ring is and how it stands: shape, clock, counters, drops by cause,\n"
	"the types of its records, and what a reader that starts now would find. NAME as\n"
	"for ringctl cat.\n"
	"\n"
	"  --json               one JSON object\n"
	"  --schema             only the description of its records, as it was given\n"
	"  --help               show this\n"
	"\n"
	"Drops by cause: busy (a nested or second writer found the ring busy), too_big\n"
	"(longer than the largest payload), dead (after the end of the ring), fault (the\n"
	"payload could not be copied in).\n"
	"\n"
	"Examples:\n"
	"  ringctl info sched\n"
	"  ringctl info sched --json | jq '.rings[0].dropped'\n";

static const char *writer_name(uint32_t writer)
{
	switch (writer) {
	case SEQRING_WRITER_MODULE:
		return "module";
	case SEQRING_WRITER_BPF:
		return "bpf";
	case SEQRING_WRITER_MEMFD:
		return "memfd";
	}
	return "unknown";
}

static const char *mode_name(uint32_t mode)
{
	switch (mode) {
	case SEQRING_MODE_CALLER:
		return "caller";
	case SEQRING_MODE_LOCKED:
		return "locked";
	case SEQRING_MODE_PERCPU:
		return "percpu";
	}
	return "unknown";
}

static const char *size_text(uint64_t v, char *buf, size_t size)
{
	static const char units[] = "\0KMG";
	int i = 0;

	while (v && !(v & 1023) && i < 3) {
		v >>= 10;
		i++;
	}
	snprintf(buf, size, "%llu%.1s", (unsigned long long)v, &units[i]);
	return buf;
}

static void print_ring(const struct ring_stats_at *st)
{
	int i;

	printf("ring %u: published %llu, head %llu, tail %llu, wake-ups %llu, dropped", st->id,
	       (unsigned long long)st->published, (unsigned long long)st->head,
	       (unsigned long long)st->tail, (unsigned long long)st->wakeups);
	for (i = 0; i < SEQRING_DROP_CAUSES; i++)
		printf(" %s %llu", causes[i], (unsigned long long)st->dropped[i]);
	printf("%s\n", st->dead ? ", ended" : "");
}

/* The types of the schema, as C would have them, and how long their records are. */
static void print_types(const struct about *a)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	uint32_t from = 0;

	if (!a->decoder) {
		printf("types      not known: %s\n", a->schema_err);
		return;
	}
	while (!ring_schema_next(decoder_schema(a->decoder), from, &type)) {
		printf("type       %s = %u, %u bytes%s\n", type.name, type.type, type.min_len,
		       type.open_ended ? " and more" : "");
		from = type.type + 1u;
	}
}

static int print_text(const struct about *a)
{
	const struct ring_info *info = &a->info;
	char buf[32];
	uint32_t i;

	printf("name       %s\n", *info->name ? info->name : "-");
	printf("kind       %s (%s)\n", info->writer == SEQRING_WRITER_MODULE ? "device" : "process",
	       writer_name(info->writer));
	if (a->device_known)
		printf("mode       %s\nreaders    %u\n", mode_name(a->mode), a->readers);
	printf("rings      %u\n", info->nr_rings);
	printf("size       %s each\n", size_text(info->data_size, buf, sizeof(buf)));
	printf("payload    at most %u bytes\n", info->payload_max);
	printf("page size  %u\n", info->page_size);
	printf("clock      %s\n", clock_name(info->clock_id, buf, sizeof(buf)));
	printf("features  %s", info->features ? "" : " none");
	for (i = 0; i < NR_FEATURES; i++)
		if (info->features & features[i].bit)
			printf(" %s", features[i].name);
	printf(" (%#llx)\n", (unsigned long long)info->features);
	if (info->schema_size) {
		printf("schema     %u bytes\n", info->schema_size);
		print_types(a);
	} else {
		printf("schema     none\n");
	}
	printf("published  %llu\n", (unsigned long long)a->stats.published);
	printf("dropped    %llu\n", (unsigned long long)a->stats.dropped);
	printf("wake-ups   %llu\n", (unsigned long long)a->stats.wakeups);
	printf("to read    %llu records, %llu bytes\n", (unsigned long long)a->stats.lag_records,
	       (unsigned long long)a->stats.lag_bytes);
	printf("state      %s\n", a->stats.dead ? "ended" : "live");
	for (i = 0; i < info->nr_rings; i++)
		print_ring(&a->rings[i]);
	return EXIT_OK;
}

static int add_uint(struct json_object *obj, const char *key, uint64_t v)
{
	return json_add(obj, key, json_object_new_uint64(v));
}

static int add_text(struct json_object *obj, const char *key, const char *s)
{
	return json_add(obj, key, json_object_new_string(s));
}

static struct json_object *feature_array(uint64_t bits)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; array && i < NR_FEATURES; i++) {
		struct json_object *name;

		if (!(bits & features[i].bit))
			continue;
		name = json_object_new_string(features[i].name);
		if (!name || json_object_array_add(array, name)) {
			json_object_put(name);
			json_object_put(array);
			return NULL;
		}
	}
	return array;
}

static struct json_object *ring_object(const struct ring_stats_at *st)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *dropped = json_object_new_object();
	int i, err = !obj || !dropped;

	for (i = 0; !err && i < SEQRING_DROP_CAUSES; i++)
		err = add_uint(dropped, causes[i], st->dropped[i]);
	if (err || add_uint(obj, "id", st->id) || add_uint(obj, "published", st->published) ||
	    add_uint(obj, "head", st->head) || add_uint(obj, "tail", st->tail) ||
	    add_uint(obj, "wakeups", st->wakeups) ||
	    json_add(obj, "ended", json_object_new_boolean(!!st->dead))) {
		json_object_put(obj);
		json_object_put(dropped);
		return NULL;
	}
	if (json_add(obj, "dropped", dropped)) {
		json_object_put(obj);
		return NULL;
	}
	return obj;
}

static struct json_object *ring_array(const struct about *a)
{
	struct json_object *array = json_object_new_array();
	uint32_t i;

	for (i = 0; array && i < a->info.nr_rings; i++) {
		struct json_object *ring = ring_object(&a->rings[i]);

		if (!ring || json_object_array_add(array, ring)) {
			json_object_put(ring);
			json_object_put(array);
			return NULL;
		}
	}
	return array;
}

static struct json_object *type_array(const struct ring_schema *s)
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
		if (schema_type_json(obj, &type)) {
			json_object_put(array);
			return NULL;
		}
		from = type.type + 1u;
	}
	return array;
}

/* Its types; of a schema that is of no use, its bytes. */
static int add_schema(struct json_object *obj, const struct about *a)
{
	const struct ring_info *info = &a->info;

	if (add_uint(obj, "schema_size", info->schema_size))
		return -1;
	if (!info->schema_size)
		return 0;
	if (a->decoder)
		return json_add(obj, "types", type_array(decoder_schema(a->decoder)));
	return json_add(obj, "schema", json_text(info->schema, info->schema_size)) ||
	       add_text(obj, "schema_error", a->schema_err);
}

static int add_shape(struct json_object *obj, const struct about *a)
{
	const struct ring_info *info = &a->info;
	char buf[32];

	if (json_add(obj, "name", json_text(info->name, strnlen(info->name, sizeof(info->name)))) ||
	    add_text(obj, "kind", info->writer == SEQRING_WRITER_MODULE ? "device" : "process") ||
	    add_text(obj, "writer", writer_name(info->writer)))
		return -1;
	if (a->device_known &&
	    (add_text(obj, "mode", mode_name(a->mode)) || add_uint(obj, "readers", a->readers)))
		return -1;
	return add_uint(obj, "nr_rings", info->nr_rings) ||
	       add_uint(obj, "data_size", info->data_size) ||
	       add_uint(obj, "payload_max", info->payload_max) ||
	       add_uint(obj, "page_size", info->page_size) ||
	       add_text(obj, "clock", clock_name(info->clock_id, buf, sizeof(buf))) ||
	       add_uint(obj, "clock_id", info->clock_id) ||
	       add_uint(obj, "feature_bits", info->features) ||
	       json_add(obj, "features", feature_array(info->features)) || add_schema(obj, a);
}

static int print_json(const struct about *a)
{
	struct json_object *obj = json_object_new_object();
	const char *s = NULL;

	if (obj && !add_shape(obj, a) && !add_uint(obj, "published", a->stats.published) &&
	    !add_uint(obj, "dropped", a->stats.dropped) &&
	    !add_uint(obj, "wakeups", a->stats.wakeups) &&
	    !add_uint(obj, "lag_records", a->stats.lag_records) &&
	    !add_uint(obj, "lag_bytes", a->stats.lag_bytes) &&
	    !json_add(obj, "ended", json_object_new_boolean(!!a->stats.dead)) &&
	    !json_add(obj, "rings", ring_array(a)))
		s = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY |
								JSON_C_TO_STRING_SPACED |
								JSON_C_TO_STRING_NOSLASHESCAPE);
	if (s)
		printf("%s\n", s);
	json_object_put(obj);
	return s ? EXIT_OK : fail("info", "%s", strerror(ENOMEM));
}

/* Fills @a, its rings included. Return: 0 or -errno. */
static int gather(struct ring_reader *ring, struct about *a)
{
	uint32_t i;
	int err;

	a->info.size = sizeof(a->info);
	a->stats.size = sizeof(a->stats);
	err = ring_info(ring, &a->info);
	if (!err)
		err = ring_stats(ring, &a->stats);
	if (err)
		return err;
	if (a->info.schema_size) {
		err = decoder_open(ring, &a->decoder);
		if (err == -ENOMEM)
			return err;
		if (err)
			snprintf(a->schema_err, sizeof(a->schema_err), "%s", ring_strerror());
	}
	a->rings = calloc(a->info.nr_rings, sizeof(*a->rings));
	if (!a->rings)
		return -ENOMEM;
	for (i = 0; i < a->info.nr_rings; i++) {
		a->rings[i].size = sizeof(a->rings[i]);
		err = ring_stats_at(ring, i, &a->rings[i]);
		if (err)
			return err;
	}
	return 0;
}

static int about_ring(const char *name, bool json, bool schema)
{
	struct about a = { 0 };
	struct ring_reader *ring;
	int err, status = EXIT_OK;

	err = ring_open(name, NULL, &ring);
	if (err)
		return fail_ring("info", name, err);
	err = gather(ring, &a);
	if (err)
		status = fail_ring("info", name, err);
	else if (schema && !a.info.schema_size)
		status = fail("info", "%s: has no schema (ringctl create --schema gives one)",
			      name);
	else if (schema)
		fwrite(a.info.schema, 1, a.info.schema_size, stdout);

	if (!status && !schema) {
		/* The reader opened here is none that matters. */
		a.device_known = a.info.writer == SEQRING_WRITER_MODULE &&
				 !device_stat(name, &a.readers, &a.mode);
		if (a.device_known && a.readers)
			a.readers--;
		status = json ? print_json(&a) : print_text(&a);
	}
	free(a.rings);
	decoder_close(a.decoder);
	ring_close(ring);
	return status ? status : finish_stdout("info");
}

enum { OPT_SCHEMA = 256 };

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "schema", no_argument, NULL, OPT_SCHEMA },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int run(int argc, char **argv)
{
	bool json = false, schema = false;
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&info_command);
		if (c == 'j')
			json = true;
		else if (c == OPT_SCHEMA)
			schema = true;
		else
			return bad_option("info", c, argv, options);
	}
	if (json && schema)
		return usage("info", "--json, --schema: contradict each other (one of them)");
	if (optind + 1 != argc)
		return usage("info", "%s: one ring is to be named (ringctl info NAME)",
			     optind < argc ? argv[optind + 1] : "no name");
	return about_ring(argv[optind], json, schema);
}

const struct command info_command = {
	.name = "info",
	.run = run,
	.summary = "show all about one ring",
	.help = help,
};

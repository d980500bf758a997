// SPDX-License-Identifier: GPL-2.0-only
/* ringctl list: lists the rings. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>
#include <libring.h>
#include <seqring/abi.h>

#include "../lib/device.h"
#include "../lib/json.h"
#include "../lib/message.h"
#include "command.h"
#include "leftovers.h"

struct entry {
	const char *name;
	unsigned int writer;
	int err; /* the ring could not be opened */
	char why[256];
	bool readers_known;
	uint32_t readers;
	struct ring_info info;
	struct ring_stats stats;
};

struct list {
	struct json_object *array; /* NULL: text */
	struct leftovers leftovers;
	unsigned int nr;
};

static const char help[] =
	"usage: ringctl list [OPTION]...\n"
	"\n"
	"Lists the devices of the module, the rings that processes serve, and the rings\n"
	"that BPF programs write:\n"
	"\n"
	"  NAME       the name for ringctl cat and ringctl info\n"
	"  KIND       device, process or bpf\n"
	"  RINGS      number of rings\n"
	"  SIZE       bytes for records in each ring\n"
	"  PUBLISHED  records published since the creation\n"
	"  DROPPED    records that could not be published\n"
	"  READERS    open files of a device; - if not known\n"
	"\n"
	"Then lists what killed processes left (ringctl destroy --leftovers removes it):\n"
	"\n"
	"  WHAT       a socket that nobody serves, or pins of a BPF ring that are half\n"
	"             made or half removed\n"
	"  MAKER      gone, or unknown if nothing that you may look at tells\n"
	"\n"
	"  --json               one JSON array of objects; null if not known\n"
	"  --help               show this help\n"
	"\n"
	"Examples:\n"
	"  ringctl list\n"
	"  ringctl list --json | jq -r '.[].name'\n";

static void inspect(struct entry *e)
{
	struct ring_reader *ring = NULL;
	uint32_t mode;

	e->info.size = sizeof(e->info);
	e->stats.size = sizeof(e->stats);
	e->err = ring_open(e->name, NULL, &ring);
	if (!e->err) {
		e->err = ring_info(ring, &e->info);
		if (!e->err)
			e->err = ring_stats(ring, &e->stats);
	}
	if (e->err)
		snprintf(e->why, sizeof(e->why), "%s", reason_of(e->err));
	ring_close(ring);
	e->readers_known = e->writer == SEQRING_WRITER_MODULE &&
			   !device_stat(e->name, &e->readers, &mode);
}

static const char *kind_of(const struct entry *e)
{
	if (e->writer == SEQRING_WRITER_MODULE)
		return "device";
	return e->writer == SEQRING_WRITER_BPF ? "bpf" : "process";
}

static void print_entry(const struct entry *e)
{
	char readers[16] = "-";

	if (e->readers_known)
		snprintf(readers, sizeof(readers), "%u", e->readers);
	printf("%-24s %-7s ", e->name, kind_of(e));
	if (e->err)
		printf("%5s %10s %12s %9s %7s  %s\n", "-", "-", "-", "-", readers, e->why);
	else
		printf("%5u %10llu %12llu %9llu %7s%s\n", e->info.nr_rings,
		       (unsigned long long)e->info.data_size,
		       (unsigned long long)e->stats.published, (unsigned long long)e->stats.dropped,
		       readers, e->stats.dead ? "  ended" : "");
}

/* Adds a number, or null, which is NULL to json_object_object_add(). */
static int add_number(struct json_object *obj, const char *key, bool known, uint64_t v)
{
	if (known)
		return json_add_uint(obj, key, v);
	return json_object_object_add(obj, key, NULL);
}

static int add_entry(struct json_object *array, const struct entry *e)
{
	struct json_object *obj = json_object_new_object();
	bool known = !e->err;

	if (!obj || json_add_string(obj, "name", e->name) ||
	    json_add_string(obj, "kind", kind_of(e)) ||
	    add_number(obj, "rings", known, e->info.nr_rings) ||
	    add_number(obj, "data_size", known, e->info.data_size) ||
	    add_number(obj, "published", known, e->stats.published) ||
	    add_number(obj, "dropped", known, e->stats.dropped) ||
	    add_number(obj, "readers", e->readers_known, e->readers) ||
	    (known && json_add(obj, "ended", json_object_new_boolean(!!e->stats.dead))) ||
	    (!known && json_add_string(obj, "error", e->why)) ||
	    json_object_array_add(array, obj)) {
		json_object_put(obj);
		return -ENOMEM;
	}
	return 0;
}

/* For ring_list(). */
static int list_one(const char *name, unsigned int writer, void *arg)
{
	struct entry e = { .name = name, .writer = writer };
	struct list *l = arg;

	if (leftovers_have(&l->leftovers, name, writer))
		return 0;
	inspect(&e);
	l->nr++;
	if (l->array)
		return add_entry(l->array, &e);
	if (l->nr == 1)
		printf("%-24s %-7s %5s %10s %12s %9s %7s\n", "NAME", "KIND", "RINGS", "SIZE",
		       "PUBLISHED", "DROPPED", "READERS");
	print_entry(&e);
	return 0;
}

static int list_all(bool json)
{
	struct list l = { 0 };
	int err;

	if (json) {
		l.array = json_object_new_array();
		if (!l.array)
			return fail("list", "%s", strerror(ENOMEM));
	}
	err = leftovers_find(&l.leftovers, 0);
	if (!err)
		err = ring_list(list_one, &l);
	if (!err && json)
		err = leftovers_add(&l.leftovers, l.array);
	else if (!err)
		leftovers_print(&l.leftovers);
	leftovers_free(&l.leftovers);
	if (!err && json)
		err = json_write(stdout, l.array);
	json_object_put(l.array);
	if (err)
		return fail("list", "%s", reason_of(err));
	return finish_stdout("list");
}

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int run(int argc, char **argv)
{
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&list_command);
		if (c != 'j')
			return fail_option("list", c, argv, options);
		json = true;
	}
	if (optind < argc)
		return fail_usage("list", "%s: takes no name (ringctl info NAME shows one ring)",
				  argv[optind]);
	return list_all(json);
}

const struct command list_command = {
	.name = "list",
	.run = run,
	.summary = "list the rings",
	.help = help,
};

// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fleet/names.h"
#include "../lib/message.h"
#include "log.h"
#include "rings.h"

#define ABSENT_SCANS 3 /* a ring that is missing in a later scan is gone */

/* A name that could not be opened, and the sentence that was logged. */
struct refused {
	struct refused *next;
	char *name;
	char why[256];
};

/*
 * @patterns: of names; those with a slash are paths
 * @scans: that were made
 * @present: names of the present scan, with a zero behind each
 */
struct rings {
	const struct config *c;
	struct queue *q;
	struct reader *rd;
	struct host host;
	struct state known;
	char *patterns;
	unsigned int scans;
	struct refused *refused;
	char *present;
	size_t present_size;
};

int rings_open(const struct config *c, struct queue *q, struct reader *rd, struct state *known,
	       struct rings **out)
{
	struct rings *r = calloc(1, sizeof(*r));
	int err;

	if (!r) {
		state_free(known);
		return -ENOMEM;
	}
	*r = (struct rings) { .c = c, .q = q, .rd = rd, .known = *known };
	r->patterns = strdup(c->agent_rings);
	err = fleet_read_host(r->host.machine);
	if (err)
		log_error("/etc/machine-id: %s", strerror(-err));
	if (!err) {
		err = fleet_read_boot(r->host.boot);
		if (err)
			log_error("the boot id: %s", strerror(-err));
	}
	if (!err && !r->patterns)
		err = -ENOMEM;
	if (err) {
		rings_close(r);
		return err;
	}
	state_prune(&r->known, r->host.boot);
	*out = r;
	return 0;
}

static void forget_refused(struct rings *r)
{
	struct refused *f;

	while ((f = r->refused)) {
		r->refused = f->next;
		free(f->name);
		free(f);
	}
}

void rings_close(struct rings *r)
{
	if (!r)
		return;
	forget_refused(r);
	state_free(&r->known);
	free(r->patterns);
	free(r->present);
	free(r);
}

/* Logs why a ring is not followed, once for each reason. */
static void say_refused(struct rings *r, const char *name, const char *why)
{
	struct refused *f;

	for (f = r->refused; f && strcmp(f->name, name); f = f->next)
		;
	if (f && !strcmp(f->why, why))
		return;
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (f)
			f->name = strdup(name);
		if (!f || !f->name) {
			free(f);
			return;
		}
		f->next = r->refused;
		r->refused = f;
	}
	snprintf(f->why, sizeof(f->why), "%s", why);
	log_warning("%s is not followed: %s", name, why);
}

static struct known_ring *find_known(struct rings *r, const struct fleet_identity *id)
{
	size_t i;

	for (i = 0; i < r->known.nr; i++)
		if (!memcmp(&r->known.rings[i].id, id, sizeof(*id)))
			return &r->known.rings[i];
	return NULL;
}

/* Notes a ring that is followed from now on, so that its end is known when it is over. */
static void note_followed(struct rings *r, const struct followed *f)
{
	unsigned char body[FLEET_RING_SIZE];
	const struct fleet_ring ring = { .nr_rings = f->nr_rings };
	const struct fleet_message m = { .kind = FLEET_SCHEMA, .id = f->id, .schema = f->schema };

	fleet_put_ring(body, &ring);
	/* Without memory, the ring is opened again when it has ended, and read twice. */
	(void)state_take(&r->known, &m, body);
}

/* Takes back rings that are no longer followed. */
static void collect(struct rings *r)
{
	struct known_ring *k;
	struct followed *f;
	uint32_t i;

	while ((f = reader_collect(r->rd))) {
		k = find_known(r, &f->id);
		for (i = 0; k && i < f->nr_rings && i < k->nr_rings; i++)
			k->next[i] = f->rings[i].next;
		if (k)
			k->ended = f->ended;
		if (f->ended)
			log_info("%s has ended", f->ring_name);
		else
			log_info("%s is no longer wanted", f->ring_name);
		follow_free(f);
	}
}

static void try_open(struct rings *r, const char *name)
{
	struct fleet_identity id;
	struct followed *f;
	char why[256];
	int err;

	if (reader_has(r->rd, name, &id))
		return;
	err = follow_open(r->c, r->q, &r->host, name, &r->known, &f, why, sizeof(why));
	if (err == -EALREADY || err == -ENOENT || err == -ECONNREFUSED)
		return; /* it is read, or its writer is gone */
	if (err) {
		say_refused(r, name, why);
		return;
	}
	note_followed(r, f);
	log_info("%s is followed: %u ring%s", name, f->nr_rings, f->nr_rings == 1 ? "" : "s");
	reader_add(r->rd, f);
}

/* For ring_list(). */
static int take_name(const char *name, unsigned int writer, void *arg)
{
	const size_t len = strlen(name) + 1;
	struct rings *r = arg;
	char *grown;

	(void)writer;
	if (!config_wants(r->patterns, name))
		return 0;
	grown = realloc(r->present, r->present_size + len);
	if (!grown)
		return -ENOMEM;
	r->present = grown;
	memcpy(r->present + r->present_size, name, len);
	r->present_size += len;
	return 0;
}

static bool is_present(const struct rings *r, const char *name)
{
	size_t at;

	for (at = 0; at < r->present_size; at += strlen(r->present + at) + 1)
		if (!strcmp(r->present + at, name))
			return true;
	return false;
}

/* Patterns with a slash are paths, which no list has. */
static void open_paths(struct rings *r)
{
	char path[256];
	const char *p = r->patterns;
	size_t len;

	for (; *p; p += len) {
		p += strspn(p, " \t,");
		len = strcspn(p, " \t,");
		if (!memchr(p, '/', len) || len >= sizeof(path))
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)len, p);
		try_open(r, path);
	}
}

static void send_vanished(struct rings *r, struct known_ring *k)
{
	struct item *item = item_new(0);

	if (!item)
		return; /* the next scan tries again */
	item->m = (struct fleet_message) {
		.kind = FLEET_END,
		.cause = FLEET_END_VANISHED,
		.id = k->id,
		.schema = k->schema,
		.made_ns = follow_realtime(),
	};
	queue_put(r->q, item);
	k->ended = true;
	log_warning("%s was gone when the agent started: what it published last is not known",
		    k->id.name);
}

/*
 * Reports the end of rings that an earlier agent followed and that are gone: those of another
 * boot, those whose name is another ring's now, and those whose name is missing after some scans.
 */
static void find_vanished(struct rings *r)
{
	struct fleet_identity id;
	size_t i;

	for (i = 0; i < r->known.nr; i++) {
		struct known_ring *k = &r->known.rings[i];
		bool gone;

		if (k->ended || !config_wants(r->patterns, k->id.name))
			continue;
		if (memcmp(k->id.boot, r->host.boot, sizeof(r->host.boot)))
			gone = true;
		else if (reader_has(r->rd, k->id.name, &id))
			gone = memcmp(&id, &k->id, sizeof(id));
		else
			gone = r->scans > ABSENT_SCANS && !is_present(r, k->id.name);
		if (gone)
			send_vanished(r, k);
	}
}

void rings_scan(struct rings *r)
{
	size_t at;
	int err;

	collect(r);
	r->present_size = 0;
	err = ring_list(take_name, r);
	if (err) {
		log_warning("cannot list the rings: %s", reason_of(err));
		return;
	}
	for (at = 0; at < r->present_size; at += strlen(r->present + at) + 1)
		try_open(r, r->present + at);
	open_paths(r);
	r->scans++;
	find_vanished(r);
}

/* For reader_filter(). */
static bool is_wanted(const char *name, void *arg)
{
	return config_wants(arg, name);
}

int rings_set_patterns(struct rings *r, const char *patterns)
{
	char *copy = strdup(patterns);

	if (!copy)
		return -ENOMEM;
	free(r->patterns);
	r->patterns = copy;
	forget_refused(r);
	reader_filter(r->rd, is_wanted, copy);
	return 0;
}

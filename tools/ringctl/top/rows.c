// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/clock.h"
#include "../../lib/device.h"
#include "../../lib/message.h"
#include "../../lib/text.h"
#include "../watch/opening.h"
#include "rows.h"

/* Directories are read at most so often, and rings that failed are tried again. */
#define SCAN_NS	 NSEC_PER_SEC
#define RETRY_NS (2 * NSEC_PER_SEC)

static bool is_pattern(const char *s)
{
	return !strchr(s, '/') && strpbrk(s, "*?[");
}

static bool is_wanted(const struct rows *t, const char *name)
{
	unsigned int i;

	for (i = 0; i < t->nr_patterns; i++)
		if (is_pattern(t->patterns[i]) && !fnmatch(t->patterns[i], name, 0))
			return true;
	return !t->nr_patterns;
}

static struct row *find_name(const struct rows *t, const char *name)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++)
		if (!strcmp(t->all[i]->name, name))
			return t->all[i];
	return NULL;
}

struct row *rows_get(const struct rows *t, uint64_t id)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++)
		if (t->all[i]->id == id)
			return t->all[i];
	return NULL;
}

static void free_row(struct row *r)
{
	watched_close(&r->watched);
	free(r->name);
	free(r->label);
	free(r);
}

static struct row *add_row(struct rows *t, const char *name)
{
	struct row **all = realloc(t->all, (t->nr + 1) * sizeof(*all));
	const size_t size = 4 * strlen(name) + 1;
	struct row *r;

	if (!all)
		return NULL;
	t->all = all;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->name = strdup(name);
	r->label = malloc(size);
	if (!r->name || !r->label) {
		free_row(r);
		return NULL;
	}
	escape_string(r->label, size, name);
	r->id = ++t->last_id;
	r->state = ROW_FAILED;
	t->all[t->nr++] = r;
	return r;
}

/* For ring_list(). */
static int note_listed(const char *name, unsigned int writer, void *arg)
{
	struct rows *t = arg;
	struct row *r = find_name(t, name);

	(void)writer;
	if (!r && is_wanted(t, name)) {
		r = add_row(t, name);
		if (!r)
			return -ENOMEM;
	}
	if (r)
		r->listed = true;
	return 0;
}

/* The sums over the rings of the device, and how full the fullest one is. */
static void sum_up(struct row *r)
{
	const struct watched *w = &r->watched;
	const struct ring_stats_at none = { 0 };
	uint32_t i, mode;
	double fill;

	r->total = (struct change) { .overrun_ns = UINT64_MAX };
	r->fill = 0;
	for (i = 0; i < w->info.nr_rings; i++) {
		change_add(&r->total, &none, &w->rings[i], w->info.data_size, 0);
		fill = (double)(w->rings[i].head - w->rings[i].tail) / (double)w->info.data_size;
		if (fill > r->fill)
			r->fill = fill;
	}
	/* A writer that breaks the protocol may say anything. */
	if (r->fill > 1)
		r->fill = 1;
	r->readers_known = w->info.writer == SEQRING_WRITER_MODULE &&
			   !device_stat(r->name, &r->readers, &mode);
	if (r->readers_known && r->readers)
		r->readers--;
}

static void note_failure(struct row *r, int err)
{
	r->state = ROW_FAILED;
	r->retry_ns = now_ns() + RETRY_NS;
	r->change = (struct change) { .overrun_ns = UINT64_MAX };
	escape_string(r->why, sizeof(r->why),
		      err == -EOPNOTSUPP ? "a recording (ringctl info shows it)" :
					   reason_of_ring(r->name, err));
}

/* What an attempt to open the ring, or to take the answer, has given. */
static void note_opened(struct row *r, int err)
{
	r->change = (struct change) { .overrun_ns = UINT64_MAX };
	if (err == -EAGAIN) {
		r->state = ROW_OPENING;
		return;
	}
	if (err) {
		note_failure(r, err);
		return;
	}
	r->state = r->watched.ended ? ROW_ENDED : ROW_LIVE;
	r->openings++;
	r->retry_ns = now_ns() + RETRY_NS;
	sum_up(r);
}

/* A ring that has ended is shown until another one has its name. */
static void look_for_next(struct row *r)
{
	struct watched next;
	struct change c;
	int err = watched_begin(&next, r->name);

	r->retry_ns = now_ns() + RETRY_NS;
	if (err && err != -EAGAIN)
		return;
	/* The same ring lives again if another process goes on with it: two samples tell. */
	if (!err && next.info.creation == r->watched.info.creation &&
	    (watched_sample(&next, &c) || next.ended)) {
		watched_close(&next);
		return;
	}
	watched_close(&r->watched);
	r->watched = next;
	note_opened(r, err);
}

static void update_row(struct row *r)
{
	int err;

	switch (r->state) {
	case ROW_OPENING:
		note_opened(r, watched_join(&r->watched));
		break;
	case ROW_FAILED:
		if (!ns_until(r->retry_ns))
			note_opened(r, watched_begin(&r->watched, r->name));
		break;
	case ROW_ENDED:
		r->change = (struct change) { .overrun_ns = UINT64_MAX };
		if (!ns_until(r->retry_ns))
			look_for_next(r);
		break;
	case ROW_LIVE:
		err = watched_sample(&r->watched, &r->change);
		if (err) {
			watched_close(&r->watched);
			note_failure(r, err);
			break;
		}
		sum_up(r);
		if (r->watched.ended) {
			r->state = ROW_ENDED;
			r->retry_ns = now_ns() + RETRY_NS;
		}
		break;
	}
}

static int scan(struct rows *t)
{
	unsigned int i, nr = 0;
	int err;

	t->scan_ns = now_ns() + SCAN_NS;
	for (i = 0; i < t->nr; i++)
		t->all[i]->listed = false;
	err = ring_list(note_listed, t);
	if (err == -ENOMEM)
		return err;
	escape_string(t->why, sizeof(t->why), err ? reason_of(err) : "");
	/* What cannot be listed is not gone. */
	for (i = 0; i < t->nr; i++) {
		if (err || t->all[i]->listed || t->all[i]->asked)
			t->all[nr++] = t->all[i];
		else
			free_row(t->all[i]);
	}
	t->nr = nr;
	return 0;
}

int rows_update(struct rows *t)
{
	unsigned int i;
	int err = ns_until(t->scan_ns) ? 0 : scan(t);

	for (i = 0; i < t->nr && !err; i++)
		update_row(t->all[i]);
	return err;
}

void rows_wait(struct rows *t, uint64_t until_ns)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++) {
		struct row *r = t->all[i];

		if (r->state != ROW_OPENING)
			continue;
		opening_await(r->watched.ring, until_ns);
		update_row(r);
	}
}

/* A name that can never be one is a mistake, not a ring that may come. */
static int check_asked(const struct row *r)
{
	struct watched w;
	int err = watched_begin(&w, r->name);

	if (!err || err == -EAGAIN)
		watched_close(&w);
	if (err == -EOPNOTSUPP)
		return fail("top", "%s: it is a recording (ringctl info shows it)", r->label);
	return err == -EINVAL ? fail_usage("top", "%s", reason_of(err)) : 0;
}

int rows_init(struct rows *t, char **patterns, unsigned int nr)
{
	unsigned int i;
	int status = 0;

	*t = (struct rows) { .patterns = patterns, .nr_patterns = nr };
	for (i = 0; i < nr && !status; i++) {
		struct row *r;

		if (is_pattern(patterns[i]) || find_name(t, patterns[i]))
			continue;
		r = add_row(t, patterns[i]);
		if (!r)
			return fail("top", "%s", strerror(ENOMEM));
		r->asked = true;
		status = check_asked(r);
	}
	return status;
}

void rows_free(struct rows *t)
{
	while (t->nr)
		free_row(t->all[--t->nr]);
	free(t->all);
	t->all = NULL;
}

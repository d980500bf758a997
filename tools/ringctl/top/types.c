// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libring/schema.h>

#include "../../lib/clock.h"
#include "../../lib/decode.h"
#include "../../lib/message.h"
#include "../../lib/text.h"
#include "../watch/sample.h"
#include "types.h"

#define NR_TYPES 65536u
/* To read the clock for each record would take longer than to read the record. */
#define CLOCK_RECORDS 256u

static void set_label(struct type_count *c, const struct decoder *d)
{
	struct ring_schema_type type = { .size = sizeof(type) };

	if (!d || ring_schema_type(decoder_schema(d), c->type, &type))
		return;
	escape_string(c->label, sizeof(c->label), type.name);
}

/* Return: the count of that type; NULL: no memory. */
static struct type_count *get_count(struct types *t, uint16_t type)
{
	struct type_count *all;

	if (t->at[type])
		return &t->all[t->at[type] - 1];
	all = realloc(t->all, (t->nr + 1) * sizeof(*all));
	if (!all)
		return NULL;
	t->all = all;
	all[t->nr] = (struct type_count) { .type = type };
	set_label(&all[t->nr], t->decoder);
	t->at[type] = ++t->nr;
	return &all[t->nr - 1];
}

static int by_records(const void *a, const void *b)
{
	const struct type_count *ca = a, *cb = b;

	if (ca->records != cb->records)
		return ca->records < cb->records ? 1 : -1;
	if (ca->total != cb->total)
		return ca->total < cb->total ? 1 : -1;
	return ca->type - cb->type;
}

/* Goes on to the newest record. What is not read then is passed. */
static void pass_rest(struct types *t, struct watched *w)
{
	struct ring_stats stats = { .size = sizeof(stats) };

	if (!ring_stats(w->ring, &stats))
		t->new_passed += stats.lag_records;
	ring_seek(w->ring, RING_HEAD, 0);
}

int types_begin(struct types *t, struct watched *w)
{
	int err;

	*t = (struct types) { .at_ns = now_ns() };
	t->at = calloc(NR_TYPES, sizeof(*t->at));
	if (!t->at)
		return -ENOMEM;
	err = decoder_open(w->ring, &t->decoder);
	if (err == -ENOMEM)
		return err;
	ring_seek(w->ring, RING_HEAD, 0);
	w->is_read = true;
	return 0;
}

int types_count(struct types *t, struct watched *w, uint64_t limit_ns)
{
	const uint64_t until_ns = now_ns() + limit_ns;
	struct type_count *c;
	struct ring_record rec;
	unsigned int n = 0;
	int err;

	while (!(err = ring_read(w->ring, &rec, NULL, 0))) {
		c = get_count(t, rec.type);
		if (!c)
			return -ENOMEM;
		c->new_records++;
		c->new_bytes += rec.len;
		t->new_counted++;
		t->new_passed += rec.lost;
		if (!(++n % CLOCK_RECORDS) && !ns_until(until_ns))
			break;
	}
	if (err == -EBADMSG)
		escape_string(t->why, sizeof(t->why), reason_of(err));
	if (err != -EAGAIN && err != -ENODEV)
		pass_rest(t, w);
	return 0;
}

void types_turn(struct types *t)
{
	const uint64_t now = now_ns();
	unsigned int i;

	t->ns = now - t->at_ns;
	t->at_ns = now;
	t->counted = t->new_counted;
	t->passed = t->new_passed;
	t->total += t->new_counted;
	t->total_passed += t->new_passed;
	t->new_counted = 0;
	t->new_passed = 0;
	for (i = 0; i < t->nr; i++) {
		struct type_count *c = &t->all[i];

		c->records = c->new_records;
		c->bytes = c->new_bytes;
		c->total += c->new_records;
		c->new_records = 0;
		c->new_bytes = 0;
	}
	if (t->nr)
		qsort(t->all, t->nr, sizeof(*t->all), by_records);
	for (i = 0; i < t->nr; i++)
		t->at[t->all[i].type] = i + 1;
}

void types_end(struct types *t)
{
	decoder_close(t->decoder);
	free(t->all);
	free(t->at);
	*t = (struct types) { .at = NULL };
}

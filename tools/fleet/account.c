// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"

static struct fleet_ring_account *get_ring(struct fleet_account *a, const struct fleet_identity *id,
					   uint32_t ring, uint32_t ring_id)
{
	struct fleet_ring_account *r;
	size_t i;

	for (i = 0; i < a->nr; i++)
		if (a->rings[i].ring == ring && !memcmp(&a->rings[i].id, id, sizeof(*id)))
			return &a->rings[i];
	r = realloc(a->rings, (a->nr + 1) * sizeof(*r));
	if (!r)
		return NULL;
	a->rings = r;
	r += a->nr++;
	*r = (struct fleet_ring_account) { .id = *id, .ring = ring, .ring_id = ring_id };
	return r;
}

static int take_range(struct fleet_account *a, const struct fleet_message *m)
{
	struct fleet_ring_account *r = get_ring(a, &m->id, m->ring, m->ring_id);
	uint64_t added;

	if (!r || fleet_ranges_add(&r->known, m->first, m->last, &added))
		return -ENOMEM;
	/* Of what is known already, the first message counts. */
	if (m->kind == FLEET_BATCH)
		r->read += added;
	else
		r->lost[m->cause] += added;
	if (m->last > r->published)
		r->published = m->last;
	return 0;
}

/* Counters only grow: an older message, which has come later, changes nothing. */
static int take_counters(struct fleet_account *a, const struct fleet_message *m,
			 const unsigned char *body)
{
	struct fleet_ring_account *r;
	struct fleet_counters c;
	unsigned int cause;
	uint32_t at;

	for (at = 0; at < m->body_size; at += FLEET_COUNTERS_SIZE) {
		fleet_get_counters(body + at, &c);
		r = get_ring(a, &m->id, c.ring, c.ring_id);
		if (!r)
			return -ENOMEM;
		if (c.published > r->published)
			r->published = c.published;
		for (cause = 0; cause < FLEET_DROPS; cause++)
			if (c.dropped[cause] > r->dropped[cause])
				r->dropped[cause] = c.dropped[cause];
		r->counted = true;
	}
	return 0;
}

static void take_end(struct fleet_account *a, const struct fleet_message *m)
{
	size_t i;

	for (i = 0; i < a->nr; i++)
		if (!memcmp(&a->rings[i].id, &m->id, sizeof(m->id)))
			a->rings[i].end = m->cause;
}

int fleet_account_take(struct fleet_account *a, const struct fleet_message *m, const void *body)
{
	int err;

	switch (m->kind) {
	case FLEET_BATCH:
	case FLEET_LOSS:
		return take_range(a, m);
	case FLEET_HEARTBEAT:
		return take_counters(a, m, body);
	case FLEET_END:
		err = take_counters(a, m, body);
		if (!err)
			take_end(a, m);
		return err;
	default:
		return 0;
	}
}

uint64_t fleet_account_lost(const struct fleet_ring_account *r)
{
	uint64_t sum = 0;
	unsigned int cause;

	for (cause = 0; cause < FLEET_LOSS_CAUSES; cause++)
		sum += r->lost[cause];
	return sum;
}

uint64_t fleet_account_missing(const struct fleet_ring_account *r)
{
	if (!r->published)
		return 0;
	return r->published - fleet_ranges_count(&r->known, 1, r->published);
}

void fleet_account_free(struct fleet_account *a)
{
	while (a->nr)
		fleet_ranges_free(&a->rings[--a->nr].known);
	free(a->rings);
	a->rings = NULL;
}

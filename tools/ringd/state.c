// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <seqring/abi.h>

#include "state.h"

/* One ring in a file, followed by a u64 for each of its rings. */
struct packed {
	struct fleet_identity id;
	uint64_t schema;
	uint32_t nr_rings;
	uint32_t ended;
};

static struct known_ring *find(const struct state *s, const struct fleet_identity *id)
{
	size_t i;

	for (i = 0; i < s->nr; i++)
		if (!memcmp(&s->rings[i].id, id, sizeof(*id)))
			return &s->rings[i];
	return NULL;
}

const struct known_ring *state_find(const struct state *s, const struct fleet_identity *id)
{
	return find(s, id);
}

static int add(struct state *s, const struct fleet_identity *id, uint32_t nr_rings,
	       struct known_ring **out)
{
	struct known_ring *rings = realloc(s->rings, (s->nr + 1) * sizeof(*rings));
	uint64_t *next = calloc(nr_rings, sizeof(*next));
	uint32_t i;

	if (rings)
		s->rings = rings;
	if (!rings || !next) {
		free(next);
		return -ENOMEM;
	}
	for (i = 0; i < nr_rings; i++)
		next[i] = 1;
	rings[s->nr] = (struct known_ring) { .id = *id, .nr_rings = nr_rings, .next = next };
	*out = &rings[s->nr++];
	return 0;
}

static void del(struct state *s, size_t i)
{
	free(s->rings[i].next);
	s->rings[i] = s->rings[--s->nr];
}

int state_take(struct state *s, const struct fleet_message *m, const void *body)
{
	struct known_ring *k = find(s, &m->id);
	struct fleet_ring ring;
	int err;

	if (m->kind == FLEET_SCHEMA && !k && body) {
		fleet_get_ring(body, &ring);
		err = add(s, &m->id, ring.nr_rings, &k);
		if (err)
			return err;
	}
	/* The agent spools the schema of a ring before anything else. */
	if (!k)
		return 0;
	if (m->kind == FLEET_SCHEMA)
		k->schema = m->schema;
	else if (m->kind == FLEET_END)
		k->ended = true;
	else if (m->kind != FLEET_HEARTBEAT && m->ring < k->nr_rings && m->last >= k->next[m->ring])
		k->next[m->ring] = m->last + 1;
	return 0;
}

void state_prune(struct state *s, const unsigned char boot[16])
{
	size_t i;

	/* From the end, since the last one takes the place of one that goes. */
	for (i = s->nr; i; i--)
		if (s->rings[i - 1].ended && memcmp(s->rings[i - 1].id.boot, boot, 16))
			del(s, i - 1);
}

int state_pack(const struct state *s, void **bytes, size_t *size)
{
	unsigned char *out, *p;
	size_t i, n = 0;

	for (i = 0; i < s->nr; i++)
		n += sizeof(struct packed) + s->rings[i].nr_rings * sizeof(uint64_t);
	out = malloc(n ? n : 1);
	if (!out)
		return -ENOMEM;
	for (i = 0, p = out; i < s->nr; i++) {
		const struct known_ring *k = &s->rings[i];
		struct packed e;

		memset(&e, 0, sizeof(e));
		e.id = k->id;
		e.schema = k->schema;
		e.nr_rings = k->nr_rings;
		e.ended = k->ended;
		memcpy(p, &e, sizeof(e));
		p += sizeof(e);
		memcpy(p, k->next, k->nr_rings * sizeof(uint64_t));
		p += k->nr_rings * sizeof(uint64_t);
	}
	*bytes = out;
	*size = n;
	return 0;
}

int state_unpack(struct state *s, const void *bytes, size_t size)
{
	const unsigned char *p = bytes;
	struct known_ring *k;
	struct packed e;
	int err;

	while (size) {
		if (size < sizeof(e))
			return -EBADMSG;
		memcpy(&e, p, sizeof(e));
		p += sizeof(e);
		size -= sizeof(e);
		if (!e.nr_rings || e.nr_rings > SEQRING_RINGS_MAX ||
		    size < e.nr_rings * sizeof(uint64_t))
			return -EBADMSG;
		err = add(s, &e.id, e.nr_rings, &k);
		if (err)
			return err;
		k->schema = e.schema;
		k->ended = e.ended;
		memcpy(k->next, p, e.nr_rings * sizeof(uint64_t));
		p += e.nr_rings * sizeof(uint64_t);
		size -= e.nr_rings * sizeof(uint64_t);
	}
	return 0;
}

int state_copy(struct state *to, const struct state *from)
{
	void *bytes;
	size_t size;
	int err = state_pack(from, &bytes, &size);

	*to = (struct state) { 0 };
	if (err)
		return err;
	err = state_unpack(to, bytes, size);
	free(bytes);
	return err;
}

void state_free(struct state *s)
{
	while (s->nr)
		del(s, s->nr - 1);
	free(s->rings);
	s->rings = NULL;
}

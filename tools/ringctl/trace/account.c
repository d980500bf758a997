// SPDX-License-Identifier: GPL-2.0-only
/* The account of a reader: every published record was read, lost or filtered. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/message.h"
#include "account.h"

int trace_account_init(struct trace_account *a, struct ring_reader *ring, uint32_t nr_rings)
{
	int c, err = 0;
	uint32_t i;

	a->nr_rings = nr_rings;
	a->rings = calloc(nr_rings, sizeof(*a->rings));
	if (!a->rings)
		return -ENOMEM;
	for (i = 0; i < nr_rings && !a->from_start && !err; i++) {
		struct ring_stats_at st = { .size = sizeof(st) };

		err = ring_stats_at(ring, i, &st);
		for (c = 0; c < SEQRING_DROP_CAUSES; c++)
			a->rings[i].dropped_before[c] = a->recording ? st.dropped_before[c] :
								       st.dropped[c];
	}
	return err;
}

void trace_account_free(struct trace_account *a)
{
	free(a->rings);
	a->rings = NULL;
}

void trace_account_add(struct trace_account *a, const struct ring_record *rec)
{
	struct trace_ring_account *ring;

	a->read++;
	if (rec->ring >= a->nr_rings)
		return;
	ring = &a->rings[rec->ring];
	if (!ring->first)
		ring->first = rec->seq - rec->lost;
	ring->last = rec->seq;
	ring->read++;
	ring->lost += rec->lost;
}

static void print_drops(const uint64_t *dropped)
{
	static const char *const causes[] = {
		[SEQRING_DROP_BUSY] = "busy",
		[SEQRING_DROP_TOO_BIG] = "too big",
		[SEQRING_DROP_DEAD] = "too late",
		[SEQRING_DROP_FAULT] = "unreadable",
		[SEQRING_DROP_HANDOVER] = "between two loaders",
		[SEQRING_DROP_SUPERSEDED] = "by a loader that was replaced",
		[SEQRING_DROP_ABANDONED] = "on an abandoned ring",
	};
	uint64_t sum = 0;
	const char *sep = " (";
	int i;

	for (i = 0; i < SEQRING_DROP_CAUSES; i++)
		sum += dropped[i];
	fprintf(stderr, "; dropped %llu", (unsigned long long)sum);
	for (i = 0; i < SEQRING_DROP_CAUSES; i++) {
		if (!dropped[i])
			continue;
		fprintf(stderr, "%s%s %llu", sep, causes[i], (unsigned long long)dropped[i]);
		sep = ", ";
	}
	if (*sep == ',')
		fputc(')', stderr);
}

/* Prints the sum. Return: whether it is right. */
static bool print_sum(const struct trace_account *a, uint64_t published,
		      const struct ring_stats *st, uint64_t unread)
{
	bool right = a->read + st->lost + st->filtered + unread == published;

	/* The first and the last event that were printed say nothing of the others. */
	if (a->is_filtered && !(a->ended && a->from_start)) {
		fprintf(stderr, PROGRAM_NAME ": %s: read %llu, lost %llu, filtered %llu", a->name,
			(unsigned long long)a->read, (unsigned long long)st->lost,
			(unsigned long long)st->filtered);
		return true;
	}
	fprintf(stderr, PROGRAM_NAME ": %s: read %llu + lost %llu", a->name,
		(unsigned long long)a->read, (unsigned long long)st->lost);
	if (a->is_filtered)
		fprintf(stderr, " + filtered %llu", (unsigned long long)st->filtered);
	if (unread)
		fprintf(stderr, " + unread %llu", (unsigned long long)unread);
	fprintf(stderr, " %s published %llu", right ? "=" : "!=", (unsigned long long)published);
	return right;
}

/*
 * Records published to ring @i since the reader started: up to the last one of a ring that
 * has ended, else up to the last one read.
 */
static uint64_t published_since(const struct trace_account *a, uint32_t i, uint64_t published)
{
	const struct trace_ring_account *ring = &a->rings[i];

	if (!a->ended || (!a->from_start && !ring->first))
		return ring->first ? ring->last - ring->first + 1 : 0;
	return !a->from_start && ring->first ? published - ring->first + 1 : published;
}

static void print_ring(const char *name, const struct trace_ring_account *a,
		       const struct ring_stats_at *st, uint64_t published)
{
	fprintf(stderr, PROGRAM_NAME ": %s: cpu %u: read %llu, lost %llu, published %llu", name,
		st->id, (unsigned long long)a->read, (unsigned long long)a->lost,
		(unsigned long long)published);
	print_drops(st->dropped);
	fputc('\n', stderr);
}

bool trace_account_print(const struct trace_account *a, struct ring_reader *ring, bool per_ring)
{
	struct ring_stats st = { .size = sizeof(st) };
	uint64_t dropped[SEQRING_DROP_CAUSES] = { 0 };
	uint64_t published = 0, reported = 0, behind = 0, here, unread;
	bool right;
	uint32_t i;
	int c;

	if (ring_stats(ring, &st))
		return false;
	for (i = 0; i < a->nr_rings; i++) {
		struct ring_stats_at r = { .size = sizeof(r) };

		if (ring_stats_at(ring, i, &r))
			return false;
		here = published_since(a, i, r.published);
		published += here;
		if (a->rings[i].first)
			behind += r.published - a->rings[i].last;
		reported += a->rings[i].lost;
		for (c = 0; c < SEQRING_DROP_CAUSES; c++) {
			r.dropped[c] -= a->rings[i].dropped_before[c];
			dropped[c] += r.dropped[c];
		}
		if (per_ring && r.published)
			print_ring(a->name, &a->rings[i], &r, here);
	}
	unread = a->ended ? st.lag_records : 0;
	/* Losses at the end, which no later record reported, of rings that had no record for us. */
	if (!a->ended)
		published += st.lost - reported;
	else if (!a->from_start && st.lost + unread > reported + behind)
		published += st.lost + unread - reported - behind;
	right = print_sum(a, published, &st, unread);
	print_drops(dropped);
	if (a->missed)
		fprintf(stderr, ", missed %llu", (unsigned long long)a->missed);
	if (st.misordered)
		fprintf(stderr, "; late %llu", (unsigned long long)st.misordered);
	if (st.early)
		fprintf(stderr, "; early %llu", (unsigned long long)st.early);
	fputc('\n', stderr);
	return right;
}

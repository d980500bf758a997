// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/clock.h"
#include "opening.h"
#include "sample.h"

/* A killed process is noticed so late. To ask costs system calls, for each ring. */
#define ASK_NS NSEC_PER_SEC

void change_add(struct change *c, const struct ring_stats_at *old, const struct ring_stats_at *new,
		uint64_t data_size, uint64_t ns)
{
	const uint64_t bytes = new->head - old->head;
	unsigned int cause;
	double lap_ns;

	c->published += new->published - old->published;
	c->bytes += bytes;
	c->wakeups += new->wakeups - old->wakeups;
	for (cause = 0; cause < SEQRING_DROP_CAUSES; cause++)
		c->dropped[cause] += new->dropped[cause] - old->dropped[cause];
	if (!bytes)
		return;
	lap_ns = (double)data_size / (double)bytes * (double)ns;
	if (lap_ns < (double)c->overrun_ns)
		c->overrun_ns = (uint64_t)lap_ns;
}

uint64_t change_dropped(const struct change *c)
{
	uint64_t sum = 0;
	unsigned int cause;

	for (cause = 0; cause < SEQRING_DROP_CAUSES; cause++)
		sum += c->dropped[cause];
	return sum;
}

double change_rate(uint64_t n, uint64_t ns)
{
	return ns ? (double)n * (double)NSEC_PER_SEC / (double)ns : 0;
}

void change_overrun(const struct change *c, char *buf, size_t size)
{
	if (c->overrun_ns == UINT64_MAX)
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, "%.3f", (double)c->overrun_ns / (double)NSEC_PER_SEC);
}

/*
 * Only a reader that would sleep is told that a process which serves a ring was killed. It asks for
 * a wake-up, which would be counted: so only a ring in which nothing happens is asked.
 */
static bool was_killed(struct watched *w, const struct change *c)
{
	if (c->published || w->at_ns - w->asked_ns < ASK_NS)
		return false;
	w->asked_ns = w->at_ns;
	if (!w->is_read && ring_seek(w->ring, RING_HEAD, 0))
		return false;
	return ring_wait(w->ring, 0) == -ENODEV;
}

int watched_sample(struct watched *w, struct change *c)
{
	const uint64_t now = now_ns();
	struct ring_stats stats = { .size = sizeof(stats) };
	struct ring_stats_at at;
	uint32_t i;
	int err;

	*c = (struct change) { .overrun_ns = UINT64_MAX };
	/* Before the counters, which then have all that was published before the end. */
	err = ring_stats(w->ring, &stats);
	if (err)
		return err;
	c->ns = now - w->at_ns;
	w->at_ns = now;
	for (i = 0; i < w->info.nr_rings; i++) {
		at = (struct ring_stats_at) { .size = sizeof(at) };
		err = ring_stats_at(w->ring, i, &at);
		if (err)
			return err;
		change_add(c, &w->rings[i], &at, w->info.data_size, c->ns);
		w->rings[i] = at;
	}
	w->ended = stats.dead || was_killed(w, c);
	return 0;
}

/* Takes the first sample of a ring that has been opened. */
static int take_first(struct watched *w)
{
	struct ring_recording_info recording = { .size = sizeof(recording) };
	struct change since_creation;
	int err;

	w->info.size = sizeof(w->info);
	err = ring_info(w->ring, &w->info);
	if (!err && !ring_recording_info(w->ring, &recording))
		err = -EOPNOTSUPP;
	if (!err) {
		w->rings = calloc(w->info.nr_rings, sizeof(*w->rings));
		err = w->rings ? watched_sample(w, &since_creation) : -ENOMEM;
	}
	return err;
}

int watched_open(struct watched *w, const char *name)
{
	int err;

	*w = (struct watched) { .name = name };
	err = ring_open(name, NULL, &w->ring);
	if (err)
		return err;
	err = take_first(w);
	if (err)
		watched_close(w);
	return err;
}

int watched_begin(struct watched *w, const char *name)
{
	int err;

	*w = (struct watched) { .name = name };
	err = opening_begin(name, &w->ring);
	return err ? err : watched_join(w);
}

int watched_join(struct watched *w)
{
	int err = opening_join(w->ring);

	if (!err)
		err = take_first(w);
	if (err && err != -EAGAIN)
		watched_close(w);
	return err;
}

void watched_close(struct watched *w)
{
	ring_close(w->ring);
	free(w->rings);
	w->ring = NULL;
	w->rings = NULL;
}

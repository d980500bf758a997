// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "../../lib/clock.h"
#include "sample.h"

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

/*
 * Only a reader that would sleep is told that a process which serves a ring was killed. It asks for
 * a wake-up, which would be counted: so only a ring in which nothing happens is asked.
 */
static bool was_killed(struct ring_reader *r, const struct change *c)
{
	return !c->published && !ring_seek(r, RING_HEAD, 0) && ring_wait(r, 0) == -ENODEV;
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
	w->ended = stats.dead || was_killed(w->ring, c);
	return 0;
}

int watched_open(struct watched *w, const char *name)
{
	struct ring_recording_info recording = { .size = sizeof(recording) };
	struct change since_creation;
	int err;

	*w = (struct watched) { .name = name, .info.size = sizeof(w->info) };
	err = ring_open(name, NULL, &w->ring);
	if (err)
		return err;
	err = ring_info(w->ring, &w->info);
	if (!err && !ring_recording_info(w->ring, &recording))
		err = -EOPNOTSUPP;
	if (!err) {
		w->rings = calloc(w->info.nr_rings, sizeof(*w->rings));
		err = w->rings ? watched_sample(w, &since_creation) : -ENOMEM;
	}
	if (err)
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

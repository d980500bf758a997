// SPDX-License-Identifier: GPL-2.0-only
/*
 * A round in which the kernel updates its state, and processes take snapshots of it, or
 * compute, or are stopped or killed in the middle.
 */
#include <stdlib.h>

#include "guest.h"

/* Between two updates by the kernel; in no step with its ticks. */
#define PERIOD_NS 199000u
#define SETTLE_MS 20u

void snapshot_round(struct snapshot_round *out, const struct snapshot_kind *kind,
		    unsigned int readers, uint32_t len, enum situation what)
{
	const struct snapshot_kind *crowd = what == COMPUTE ? &snapshot_none : kind;
	static struct snapshot_team *team;
	static uint32_t *samples;
	static struct locks_page *page;
	static int device;
	struct locks_result r;
	uint64_t start, before;
	double seconds;

	if (!team) {
		team = map_shared(sizeof(*team), NULL);
		samples = calloc(LOCKS_SAMPLES_MAX, sizeof(*samples));
		if (!samples)
			fail("no memory");
		device = locks_open();
		page = locks_map(device);
	}
	/* So that a reader that stops at once has something to stop in. */
	writer_start(device, kind->writer, len, 1, PERIOD_NS);
	writer_stop(device, &r, NULL);
	team_start(team, crowd, what == IDLE ? 0 : readers, len, what >= STOPPED);
	if (what == KILLED)
		team_kill(team);
	writer_start(device, kind->writer, len, 1, PERIOD_NS);
	team_go(team);
	start = now_ns();
	before = team_read(team);
	sleep_ms(opt.round_ms);
	out->read = team_read(team) - before;
	seconds = (double)(now_ns() - start) / 1e9;
	if (what == STOPPED) {
		/* Who waits for it by now gets on: so the wait is among the samples. */
		team_continue(team);
		sleep_ms(SETTLE_MS);
	}
	writer_stop(device, &r, samples);
	/* For the next round. Nothing but this program knows that the holder is dead. */
	if (what == KILLED)
		__atomic_store_n(&page->holder, 0, __ATOMIC_RELEASE);
	team_stop(team);
	out->rate = (double)out->read / seconds;
	out->updates = (double)(r.tried - r.gave_up - r.refused) / seconds;
	out->p999_us = sample_us(samples, r.nr_samples, 0.999);
	out->worst_us = sample_us(samples, r.nr_samples, 1);
	out->torn = team_torn(team);
	out->tried = r.tried;
	out->gave_up = r.gave_up;
	if (out->torn && !crowd->may_tear)
		wrong("%s: %llu of %llu snapshots are torn", kind->name,
		      (unsigned long long)out->torn, (unsigned long long)out->read);
}

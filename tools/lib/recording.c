// SPDX-License-Identifier: GPL-2.0-only
/* What a command that has read a recording says about it. */
#include "message.h"
#include "recording.h"

bool recording_is(struct ring_reader *ring)
{
	struct ring_recording_info ri = { .size = sizeof(ri) };

	return !ring_recording_info(ring, &ri);
}

void recording_print(const char *name, struct ring_reader *ring)
{
	static const char *const recorders[] = {
		[RING_RECORDER_UNKNOWN] = "its recorder was killed, or is still running",
		[RING_RECORDER_GONE] = "its recorder was killed",
	};
	struct ring_recording_info ri = { .size = sizeof(ri) };

	if (ring_recording_info(ring, &ri))
		return;
	if (ri.recorder == RING_RECORDER_RUNS)
		fail(name, "the recording goes on");
	else if (!ri.complete)
		fail(name, "the recording has no end: %s; %llu bytes are torn",
		     recorders[ri.recorder], (unsigned long long)ri.torn_bytes);
	if (ri.recorder_lost || ri.removed || ri.damaged)
		fail(name,
		     "missing in the recording: lost by the recorder %llu, removed %llu, damaged "
		     "%llu",
		     (unsigned long long)ri.recorder_lost, (unsigned long long)ri.removed,
		     (unsigned long long)ri.damaged);
}

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
	struct ring_recording_info ri = { .size = sizeof(ri) };

	if (ring_recording_info(ring, &ri))
		return;
	if (!ri.complete)
		fail(name,
		     "the recording has no end: its recorder was killed, or is still running; "
		     "%llu bytes are torn",
		     (unsigned long long)ri.torn_bytes);
	if (ri.recorder_lost || ri.removed || ri.damaged)
		fail(name,
		     "missing in the recording: lost by the recorder %llu, removed %llu, damaged "
		     "%llu",
		     (unsigned long long)ri.recorder_lost, (unsigned long long)ri.removed,
		     (unsigned long long)ri.damaged);
}

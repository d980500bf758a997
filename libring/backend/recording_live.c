// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Waiting for what a recorder adds. inotify tells of each write into the directory's files, and of
 * their closing. What it does not tell, such as writes over a network, or the end of a killed
 * recorder just before its lock is free, is found by a look each second.
 *
 * The recorder locks the directory until it ends, and the kernel drops that lock if it is killed.
 */

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/fd.h"
#include "recording.h"

#define LOOK_NS (1000 * LIBRING_MSEC_NS)
/* Not the closing of what was only read, as readers do: they would wake each other. */
#define EVENTS (IN_MODIFY | IN_MOVED_TO | IN_CLOSE_WRITE)

/* Finds out whether a recorder holds the lock. Return: RING_RECORDER_*. */
uint32_t libring_live_ask(const struct ring_recording *rec)
{
	if (rec->dir < 0)
		return RING_RECORDER_UNKNOWN;
	/* Shared, so that readers are not taken for recorders. */
	if (!flock(rec->dir, LOCK_SH | LOCK_NB)) {
		flock(rec->dir, LOCK_UN);
		return RING_RECORDER_GONE;
	}
	return errno == EWOULDBLOCK ? RING_RECORDER_RUNS : RING_RECORDER_UNKNOWN;
}

/* Opens what wakes a reader whose recorder runs. Return: 0; -errno. */
int libring_live_open(struct ring_recording *rec)
{
	int err = libring_poller_open(&rec->poller);

	if (err)
		return err;
	/* Without an instance, the look each second is left. */
	rec->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (rec->inotify < 0)
		return 0;
	inotify_add_watch(rec->inotify, rec->path, EVENTS);
	return libring_poller_add(&rec->poller, rec->inotify, EPOLLIN, POLLER_NAME);
}

void libring_live_close(struct ring_recording *rec)
{
	libring_poller_close(&rec->poller);
	libring_close_fd(rec->inotify);
}

/* Takes the events out, and lists what was added. Return: whether there were any. */
bool libring_live_drain(struct ring_recording *rec)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const uint32_t found = libring_poller_drain(&rec->poller);
	uint32_t recorder;

	while (found & POLLER_NAME && read(rec->inotify, events, sizeof(events)) > 0)
		;
	if (!found || rec->info.recorder != RING_RECORDER_RUNS)
		return found;
	/* Before the look: what was written before the lock was free is found. */
	recorder = libring_live_ask(rec);
	libring_recording_grow(rec);
	if (recorder != RING_RECORDER_RUNS)
		rec->info.recorder = recorder;
	return true;
}

void libring_live_arm(struct ring_recording *rec, const struct ring_reader *r)
{
	uint64_t at = libring_now_ns() + LOOK_NS;

	if (r->merge.due_ns && r->merge.due_ns < at)
		at = r->merge.due_ns;
	if (r->wakeup.ready_ns < at)
		at = r->wakeup.ready_ns;
	libring_poller_set_timer(&rec->poller, at);
}

void libring_live_kick(struct ring_recording *rec)
{
	libring_poller_set_timer(&rec->poller, 1);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Notices that something appears at a name or a path. */
#ifndef LIBRING_OPEN_WATCH_H
#define LIBRING_OPEN_WATCH_H

#include <stdbool.h>

struct ring_poller;

/*
 * @on: it watches
 * @blind: what appears in one of the directories may go unnoticed: ask again by time
 */
struct ring_watch {
	bool on;
	bool blind;
	int inotify;
	int mounts;
};

#define LIBRING_NO_WATCH ((struct ring_watch) { .inotify = -1, .mounts = -1 })

void libring_watch_begin(struct ring_watch *w, struct ring_poller *p);
void libring_watch_update(struct ring_watch *w, const char *where);
void libring_watch_drain(const struct ring_watch *w);
void libring_watch_end(struct ring_watch *w);

#endif /* LIBRING_OPEN_WATCH_H */

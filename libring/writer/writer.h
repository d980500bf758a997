/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A ring of this process: create.c makes it, publish.c writes it. */
#ifndef LIBRING_WRITER_WRITER_H
#define LIBRING_WRITER_WRITER_H

#include <time.h>

#include <seqring/writer.h>

#include "../base/fork.h"
#include "libring.h"

struct libring_server;

/* One ring. Each may have a thread of its own. @clock: of its records, or SEQRING_NO_CLOCKID */
struct ring_out {
	struct seqring_writer w;
	struct seqring_wait *wait;
	struct ring_writer *writer;
	clockid_t clock;
	uint64_t too_big;
	uint64_t wakeups;
} __attribute__((aligned(128)));

/*
 * @wait: wake thresholds of all rings, shared with the readers
 * @server: NULL: other processes cannot open the ring by name
 * @aio: 0: none; see doorbell.c
 * @own: it belongs to this process; a child of fork() has it to adopt or to free
 */
struct ring_writer {
	struct ring_out *rings;
	uint32_t nr_rings;
	struct ring_fds fds;
	struct libring_server *server;
	unsigned char *map;
	size_t map_size;
	struct seqring_wait *wait;
	size_t wait_size;
	unsigned long aio;
	struct libring_own own;
};

/* Return: 0; -EPERM in a child that has not adopted the writer. */
static inline int libring_writer_check_own(const struct ring_writer *w)
{
	return libring_own_check(&w->own, "ring_writer_adopt");
}

/* doorbell.c */
void libring_doorbell_setup(struct ring_writer *w);
void libring_doorbell_ring(struct ring_writer *w);
void libring_doorbell_free(struct ring_writer *w);

#endif /* LIBRING_WRITER_WRITER_H */

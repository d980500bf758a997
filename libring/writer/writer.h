/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A ring of this process: create.c makes it, publish.c writes it. */
#ifndef LIBRING_WRITER_WRITER_H
#define LIBRING_WRITER_WRITER_H

#include <time.h>

#include <seqring/writer.h>

#include "../base/fork.h"
#include "libring.h"
#include "slots.h"

struct libring_server;
struct ring_waker;

/* So many doorbells ring by one system call. */
#define LIBRING_DOORBELLS 64

/*
 * One ring. Each may have a thread of its own.
 *
 * @clock: of its records, or SEQRING_NO_CLOCKID
 * @wakes_asked: wake-ups that the thread that publishes left to another one
 * @wakeups: counted by the thread that wakes
 */
struct ring_out {
	struct seqring_writer w;
	struct seqring_wait *wait;
	struct ring_writer *writer;
	clockid_t clock;
	uint64_t too_big;
	uint64_t wakes_asked;
	uint64_t wakeups;
} __attribute__((aligned(128)));
_Static_assert(sizeof(struct ring_out) == 256, "a power of two: publishing multiplies by it");

/*
 * @wait: wake thresholds of all rings, shared with the readers
 * @slots: of readers that are served
 * @waker: the thread that wakes; NULL: those that publish wake themselves
 * @server: NULL: other processes cannot open the ring by name
 * @aio: 0: none; see doorbell.c
 * @own: it belongs to this process; a child of fork() has it to adopt or to free
 */
struct ring_writer {
	struct ring_out *rings;
	uint32_t nr_rings;
	struct ring_fds fds;
	struct libring_server *server;
	struct ring_waker *waker;
	unsigned char *map;
	size_t map_size;
	struct seqring_wait *wait;
	size_t wait_size;
	unsigned long aio;
	struct libring_own own;
	struct ring_slots slots;
};

/* Return: 0; -EPERM in a child that has not adopted the writer. */
static inline int libring_writer_check_own(const struct ring_writer *w)
{
	return libring_own_check(&w->own, "ring_writer_adopt");
}

/* doorbell.c */
void libring_doorbell_setup(struct ring_writer *w);
void libring_doorbells_ring(struct ring_writer *w, const int *fds, unsigned int nr);
void libring_doorbell_free(struct ring_writer *w);

/* wake.c */
void libring_wake(struct ring_out *o);
void libring_wake_all(struct ring_writer *w);
int libring_waker_start(struct ring_writer *w);
void libring_waker_forget(struct ring_writer *w);
void libring_waker_stop(struct ring_writer *w);

#endif /* LIBRING_WRITER_WRITER_H */

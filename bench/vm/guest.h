/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of vmbench share these: runs of the kernel's writer, and processes that read
 * what it publishes.
 */
#ifndef VMBENCH_GUEST_H
#define VMBENCH_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/bench.h"
#include "kmod/locks.h"

#define READERS_MAX 8u

void case_snapshots(void);
void case_streams(void);
void case_stall(void);
void case_module_parts(void);

/* The module's device; ends the program when it is not there. */
int locks_open(void);
struct locks_page *locks_map(int fd);

/*
 * The kernel's writer. writer_stop() fills @r; with @samples, room for LOCKS_SAMPLES_MAX,
 * also the time of each burst in ns.
 */
void writer_start(int fd, enum locks_kind kind, uint32_t len, uint32_t burst, uint64_t period_ns);
void writer_stop(int fd, struct locks_result *r, uint32_t *samples);

/*
 * A process that takes snapshots of the state.
 *
 * @take: a whole snapshot, @len bytes of it; with @stop, raises SIGSTOP in the middle of it
 * @lock, @unlock: of kinds that lock the page
 */
struct snapshot_reader {
	const struct snapshot_kind *kind;
	uint32_t len;
	void *impl;
	int fd;
	struct locks_page *page;
};

struct snapshot_kind {
	const char *name;
	enum locks_kind writer;
	bool may_tear; /* no lock at all: the limit, and what goes wrong */
	void (*open)(struct snapshot_reader *r);
	void (*take)(struct snapshot_reader *r, struct locks_state *copy, bool stop);
	void (*lock)(struct snapshot_reader *r);
	void (*unlock)(struct snapshot_reader *r);
};

extern const struct snapshot_kind snapshot_plain;
extern const struct snapshot_kind snapshot_mutex;
extern const struct snapshot_kind snapshot_spin;
extern const struct snapshot_kind snapshot_library; /* ring_newest() */
extern const struct snapshot_kind snapshot_inline;  /* seqring_reader_newest() */
extern const struct snapshot_kind snapshot_none;    /* computes, and reads nothing */

/*
 * Counts of a reader, for the parent.
 *
 * @read: snapshots taken, of which
 * @torn: were mixtures of two states, or older than the one before
 */
struct snapshot_slot {
	uint64_t read __attribute__((aligned(128)));
	uint64_t torn;
	uint64_t ready;
};

struct snapshot_team {
	struct snapshot_slot slot[READERS_MAX];
	uint64_t go __attribute__((aligned(128)));
	uint64_t stop;
	pid_t pid[READERS_MAX];
	unsigned int nr;
};

/*
 * So many processes, on the cores in turn, beginning with the second core. They read from
 * team_go() until team_stop(). With @stopped, the first of them is stopped in the middle of
 * a snapshot, from now until team_continue() or team_kill().
 */
void team_start(struct snapshot_team *t, const struct snapshot_kind *kind, unsigned int nr,
		uint32_t len, bool stopped);
void team_go(struct snapshot_team *t);
void team_continue(struct snapshot_team *t);
void team_kill(struct snapshot_team *t);
void team_stop(struct snapshot_team *t);
struct snapshot_slot team_total(const struct snapshot_team *t); /* of all readers */

/* True if all words of a state follow from its first two. */
static inline bool state_whole(const struct locks_state *s, uint32_t len)
{
	uint64_t differs = 0;
	uint32_t i;

	for (i = 0; i < len / 8 - 2; i++)
		differs |= s->word[i] ^ locks_word(s->n, s->setpoint, i);
	return !differs;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of vmbench share: runs of the kernel's writer, and processes that read
 * what it publishes.
 */
#ifndef VMBENCH_GUEST_H
#define VMBENCH_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../bench.h"
#include "kmod/locks.h"

#define READERS_MAX 8u

/* With @counted, the VM's clock goes on by 1 ns with each instruction. */
void bench_snapshots(void);
void bench_streams(void);
void bench_stall(void);	       /* counted */
void bench_module_parts(void); /* counted */

/* The module's device; ends the program when it is not there. */
int locks_open(void);
struct locks_page *locks_map(int fd);
void sleep_ms(unsigned int ms);

/*
 * The kernel's writer. writer_stop() fills @r; with @samples, room for
 * LOCKS_SAMPLES_MAX, also the time of each burst, sorted.
 */
void writer_start(int fd, enum locks_kind kind, uint32_t len, uint32_t burst, uint64_t period_ns);
void writer_stop(int fd, struct locks_result *r, uint32_t *samples);
/* The q-quantile of sorted samples, in us. */
double sample_us(const uint32_t *samples, uint32_t n, double q);

/*
 * One who takes snapshots of the state.
 *
 * @take: a whole snapshot, @len bytes of it
 * @stop: takes hold of the state, raises SIGSTOP, and lets it go
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
	bool may_tear; /* no lock at all: shown as the limit, and as what goes wrong */
	void (*open)(struct snapshot_reader *r);
	void (*take)(struct snapshot_reader *r, struct locks_state *copy);
	void (*stop)(struct snapshot_reader *r, struct locks_state *copy);
};

extern const struct snapshot_kind snapshot_plain;
extern const struct snapshot_kind snapshot_mutex;
extern const struct snapshot_kind snapshot_spin;
extern const struct snapshot_kind snapshot_library; /* ring_newest() */
extern const struct snapshot_kind snapshot_inline;  /* seqring_reader_newest() */
extern const struct snapshot_kind snapshot_none;    /* computes, and reads nothing */

/*
 * A reader's counts, which the parent looks at.
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
 * So many processes, on the cores in turn, the last one first. They read from team_go()
 * until team_stop(). With @stopped, the first of them is stopped in the middle of a
 * snapshot, from now until team_continue() or team_kill().
 */
void team_start(struct snapshot_team *t, const struct snapshot_kind *kind, unsigned int nr,
		uint32_t len, bool stopped);
void team_go(struct snapshot_team *t);
void team_continue(struct snapshot_team *t);
void team_kill(struct snapshot_team *t);
void team_stop(struct snapshot_team *t);
uint64_t team_read(const struct snapshot_team *t);
uint64_t team_torn(const struct snapshot_team *t);

/* What the processes do while the kernel publishes. */
enum situation { IDLE, COMPUTE, READ, STOPPED, KILLED, SITUATIONS };

/*
 * One round of snapshots and updates.
 *
 * @rate: snapshots per second, of all readers together
 * @updates: the kernel's, per second
 * @p999_us, @worst_us: of one update
 * @tried, @gave_up: updates
 */
struct snapshot_round {
	double rate;
	double updates;
	double p999_us;
	double worst_us;
	uint64_t read;
	uint64_t torn;
	uint64_t tried;
	uint64_t gave_up;
};

void snapshot_round(struct snapshot_round *out, const struct snapshot_kind *kind,
		    unsigned int readers, uint32_t len, enum situation what);

/* Whether all words of a state follow from its first two. */
static inline bool state_whole(const struct locks_state *s, uint32_t len)
{
	uint64_t differs = 0;
	uint32_t i;

	for (i = 0; i < len / 8 - 2; i++)
		differs |= s->word[i] ^ locks_word(s->n, s->setpoint, i);
	return !differs;
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What readers do to the kernel's writer: how long it takes for one update, with the wait
 * for the lock, while processes read, are stopped in the middle, or die there.
 */
#include "guest.h"

#define STALL	"writer-stall"
#define READERS 4u
#define LEN	64u

static const char *const situations[SITUATIONS] = {
	[IDLE] = "nobody there",
	[COMPUTE] = "4 processes that compute",
	[READ] = "4 readers",
	[STOPPED] = "4 readers, one stopped inside",
	[KILLED] = "4 readers, one killed inside",
};

/* One writer in one situation. */
struct stall {
	struct series *worst, *p999, *updates, *rate;
	uint64_t tried, gave_up;
};

static void stall_series(struct stall *s, const char *name, enum situation what)
{
	s->worst = series_new(STALL, keep("%s, %s: worst", name, situations[what]), "us");
	s->p999 = series_new(STALL, keep("%s, %s: p99.9", name, situations[what]), "us");
	if (what >= READ)
		s->updates = series_new(STALL, keep("%s, %s: updates", name, situations[what]),
					"/s");
	if (what >= STOPPED)
		s->rate = series_new(STALL, keep("%s, %s: snapshots", name, situations[what]),
				     "/s");
}

static void stall_round(struct stall *s, const struct snapshot_kind *kind, enum situation what)
{
	struct snapshot_round out;

	snapshot_round(&out, kind, READERS, LEN, what);
	series_add(s->worst, out.worst_us, false);
	series_add(s->p999, out.p999_us, false);
	if (s->updates)
		series_add(s->updates, out.updates, false);
	if (s->rate)
		series_add(s->rate, out.rate, false);
	s->tried += out.tried;
	s->gave_up += out.gave_up;
}

/* How long the kernel's writer takes, and what a stopped process does to it. */
static void writer_stall(void)
{
	static const struct {
		const char *name;
		const struct snapshot_kind *kind;
	} kinds[] = {
		{ "ioctl mutex", &snapshot_mutex },
		{ "spinlock word", &snapshot_spin },
		{ "seqring", &snapshot_library },
	};
	enum { MUTEX, SPIN, RING, KINDS };
	struct stall s[KINDS][SITUATIONS] = { 0 };
	unsigned int i, k, what;

	for (k = 0; k < KINDS; k++)
		for (what = 0; what < SITUATIONS; what++)
			stall_series(&s[k][what], kinds[k].name, what);
	for (i = 0; i < opt.rounds; i++)
		for (k = 0; k < KINDS; k++)
			for (what = 0; what < SITUATIONS; what++)
				stall_round(&s[k][what], kinds[k].kind, what);
	for (k = 0; k < KINDS; k++) {
		for (what = READ; what < SITUATIONS; what++) {
			series_compare(s[k][what].worst, s[k][IDLE].worst);
			series_compare(s[k][what].p999, s[k][IDLE].p999);
			series_account(s[k][what].updates, s[k][what].tried, s[k][what].gave_up);
		}
	}
	for (what = READ; what < SITUATIONS; what++)
		target(STALL,
		       keep("seqring's p99.9, %s, to %s", situations[what], situations[IDLE]),
		       series_ratio(s[RING][what].p999, s[RING][IDLE].p999), "x", AT_MOST, 1.1);
	note(STALL,
	     "p99.9 decides: where the worst is longer, the emulator gave the other processor "
	     "its turn in the middle, as it does when that only computes");
}

void bench_stall(void)
{
	section_describe(
		STALL, "What readers do to the kernel's writer",
		"The kernel changes a state of 64 bytes every 199 us, while nobody is there, "
		"while four processes compute, or read as often as they can, or one of these is "
		"stopped, or was killed, in the middle of a snapshot. How long one update takes, "
		"with the wait for the lock. The clock goes on by 1 ns with each instruction that "
		"one of the two processors executes, which take turns; so no other load of the "
		"host is in it. A writer waits for the mutex without end, for the spinlock word "
		"at most 1 ms, after which it gives the update up: without such a bound the "
		"processor would be gone for as long as the process is stopped. \"lost\" are "
		"updates given up.");
	writer_stall();
}

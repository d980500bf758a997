// SPDX-License-Identifier: GPL-2.0-only
/*
 * The latest state of something in the kernel, for processes: behind a mutex that
 * ioctl() takes, behind a spinlock word in the shared page, and as the newest record of
 * a seqring. How many snapshots the readers get.
 */
#include "guest.h"

#define READERS 4u
#define LEN	64u
#define RATE	"snapshots"

/* How many snapshots readers get. */
static void snapshot_rate(unsigned int readers, uint32_t len)
{
	static const struct snapshot_kind *const kinds[] = {
		&snapshot_mutex,  &snapshot_spin,  &snapshot_library,
		&snapshot_inline, &snapshot_plain,
	};
	enum { MUTEX, SPIN, LIBRARY, INLINE, PLAIN, KINDS };
	const char *who = keep("%u reader%s, %u B", readers, readers > 1 ? "s" : "", len);
	struct series *s[KINDS];
	uint64_t torn = 0, read = 0;
	struct snapshot_round out;
	unsigned int i, k;

	for (k = 0; k < KINDS; k++)
		s[k] = series_new(RATE, keep("%s, %s", kinds[k]->name, who), "k/s");
	for (i = 0; i < opt.rounds; i++) {
		for (k = 0; k < KINDS; k++) {
			snapshot_round(&out, kinds[k], readers, len, READ);
			series_add(s[k], out.rate / 1e3, false);
			if (k == PLAIN) {
				torn += out.torn;
				read += out.read;
			}
		}
	}
	for (k = 0; k < KINDS; k++)
		if (k != MUTEX)
			series_compare(s[k], s[MUTEX]);
	note(RATE, "without a lock, %s: %llu of %llu copies were mixtures of two states", who,
	     (unsigned long long)torn, (unsigned long long)read);
	note(RATE,
	     "%s: copies with no lock at all, the limit, are %.1f times the ioctl mutex's; "
	     "reader.h gets %.2f of that limit",
	     who, series_ratio(s[PLAIN], s[MUTEX]), series_ratio(s[INLINE], s[PLAIN]));
	if (len == LEN)
		target(RATE, keep("snapshots a second, to the ioctl mutex's, %s", who),
		       series_ratio(s[INLINE], s[MUTEX]), "x", AT_LEAST, 50);
}

void bench_snapshots(void)
{
	section_describe(
		RATE, "Snapshots of shared state",
		"The kernel changes a state every 200 us; processes copy it, as often as they "
		"can, and check that what they have is one state and not a mixture of two. "
		"Behind a mutex that ioctl() takes and releases; behind a spinlock word in the "
		"shared page; as the newest record of a seqring; and with no lock at all, which "
		"is the limit, and wrong. All readers together.");
	snapshot_rate(1, LEN);
	snapshot_rate(READERS, LEN);
	if (!opt.quick) {
		snapshot_rate(1, 256);
		snapshot_rate(READERS, 256);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the rate of this machine's time stamp counter, which is that of the VM's.
 * A kernel that measures it while the machine is busy may get it wrong by a factor
 * of hundreds, and then five seconds there are none. Runs on the host.
 */
#include <inttypes.h>
#include <x86intrin.h>

#include "dev.h"

/* Counter and clock at one time: of many tries the one that took the least. */
static void sample(uint64_t *count, uint64_t *ns)
{
	uint64_t before, t, after, best = UINT64_MAX;
	int i;

	for (i = 0; i < 100; i++) {
		before = __rdtsc();
		t = now_ns();
		after = __rdtsc();
		if (after - before >= best)
			continue;
		best = after - before;
		*count = before + best / 2;
		*ns = t;
	}
}

int main(void)
{
	uint64_t count, ns, count_end, ns_end;

	sample(&count, &ns);
	sleep_us(100000);
	sample(&count_end, &ns_end);
	printf("%" PRIu64 "\n", (count_end - count) * 1000000 / (ns_end - ns));
	return 0;
}

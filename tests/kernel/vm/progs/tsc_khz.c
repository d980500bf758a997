// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the rate of this machine's time stamp counter, which the VM's counter shares. A
 * kernel that measures the rate on a busy machine may be wrong by a factor of hundreds:
 * then five seconds in the VM are not five seconds. Runs on the host.
 */
#include <inttypes.h>
#include <x86intrin.h>

#include "dev.h"

/* Reads counter and clock at the same time: of many tries, takes the shortest. */
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

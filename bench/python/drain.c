// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads what is in a ring, by its three descriptors, and prints how many records it read and how
 * much CPU time in ns that took. "batch" reads in batches of the size that run.py uses, "single"
 * one by one.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libring.h>

#define BATCH 1024u
#define SIZE  (1u << 18)

static unsigned long long cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (unsigned long long)ts.tv_sec * 1000000000 + (unsigned long long)ts.tv_nsec;
}

int main(int argc, char **argv)
{
	static struct ring_record recs[BATCH];
	static unsigned long long buf[SIZE / 8];
	const bool batch = argc == 5 && !strcmp(argv[1], "batch");
	unsigned long long begin, n = 0;
	struct ring_reader *r;
	struct ring_fds fds;
	unsigned int nr = 1;

	if (argc != 5) {
		fprintf(stderr, "usage: %s batch|single RING WAIT DOORBELL\n", argv[0]);
		return 2;
	}
	fds.ring = atoi(argv[2]);
	fds.wait = atoi(argv[3]);
	fds.doorbell = atoi(argv[4]);
	if (ring_open_fds(&fds, NULL, &r)) {
		fprintf(stderr, "%s\n", ring_strerror());
		return 1;
	}
	begin = cpu_ns();
	while (batch ? !ring_read_batch(r, recs, BATCH, buf, sizeof(buf), &nr) :
		       !ring_read(r, recs, buf, sizeof(buf)))
		n += nr;
	printf("%llu %llu\n", n, cpu_ns() - begin);
	ring_close(r);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each part of the module's publish path costs, in instructions: the cycles of an
 * emulated processor mean nothing.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest.h"

#define SECTION	  "module-parts"
#define PARTS_MAX 64u
#define REPEAT	  4000u
#define ROUNDS	  9u
#define BEARABLE  1.1 /* the median of the rounds to the least: ticks fall into some */

static struct locks_part part[ROUNDS][PARTS_MAX];

static void measure(int fd, struct locks_part *parts, struct locks_parts *req)
{
	*req = (struct locks_parts) {
		.parts = (uintptr_t)parts,
		.nr = PARTS_MAX,
		.repeat = REPEAT,
	};
	if (ioctl(fd, LOCKS_IOC_PARTS, req))
		fail("LOCKS_IOC_PARTS: %s", strerror(errno));
}

static double instructions(unsigned int round, unsigned int i)
{
	return (double)part[round][i].ns / (double)part[round][i].n;
}

void bench_module_parts(void)
{
	struct series *s[PARTS_MAX];
	struct locks_parts req;
	unsigned int round, i;
	double loop = INFINITY;
	int fd = locks_open();

	section_describe(
		SECTION, "What publishing a record costs in the module, part by part",
		"Instructions, counted by the VM's clock; the loop around is taken off. One "
		"instruction is not like another: a full fence or a locked instruction takes some "
		"20 cycles on a real processor, most others less than one. Each step of a "
		"repeated string instruction counts.");
	for (round = 0; round < ROUNDS; round++) {
		measure(fd, part[round], &req);
		loop = fmin(loop, instructions(round, 0));
	}
	for (i = 0; i < req.nr; i++) {
		s[i] = series_new(SECTION, part[0][i].name, "instructions");
		for (round = 0; round < ROUNDS; round++)
			series_add(s[i], instructions(round, i) - (i ? loop : 0), false);
		if (!strncmp(part[0][i].name, "memcpy", 6))
			series_compare(s[i - 1], s[i]);
	}
	if (series_median(s[0]) > loop * BEARABLE)
		fail("the clock does not count instructions: a loop takes %.2f, or %.2f", loop,
		     series_median(s[0]));
}

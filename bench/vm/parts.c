// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost of each part of the module's publish path, in instructions: the cycles of an
 * emulated processor mean nothing.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest.h"

#define PARTS_MAX 64u
#define REPEAT	  4000u
#define ROUNDS	  9u

void case_module_parts(void)
{
	static struct locks_part part[PARTS_MAX];
	int fd = locks_open();
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		struct locks_parts req = {
			.parts = (uintptr_t)part,
			.nr = PARTS_MAX,
			.repeat = REPEAT,
		};

		if (ioctl(fd, LOCKS_IOC_PARTS, &req))
			fail("LOCKS_IOC_PARTS: %s", strerror(errno));
		for (i = 0; i < req.nr; i++) {
			struct contender c = { .name = part[i].name };

			/* The clock advances by 1 ns with each instruction. */
			contender_set(&c, "instructions", (double)part[i].ns / (double)part[i].n);
			emit_sample("module-parts", &c, round, false);
		}
	}
}

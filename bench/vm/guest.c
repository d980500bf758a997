// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device of seqring_locks.ko, the kernel's writer behind it, and the cost of each part of
 * the module's publish path, in instructions: the cycles of an emulated processor mean nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

#define PARTS_MAX 64u
#define REPEAT	  4000u
#define ROUNDS	  9u

int locks_open(void)
{
	int fd = open(LOCKS_PATH, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail("cannot open %s: %s", LOCKS_PATH, strerror(errno));
	return fd;
}

struct locks_page *locks_map(int fd)
{
	void *page = mmap(NULL, sizeof(struct locks_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  0);

	if (page == MAP_FAILED)
		fail("cannot map %s: %s", LOCKS_PATH, strerror(errno));
	return page;
}

void writer_start(int fd, enum locks_kind kind, uint32_t len, uint32_t burst, uint64_t period_ns)
{
	struct locks_run run = {
		.kind = kind,
		.len = len,
		.burst = burst,
		.period_ns = period_ns,
	};

	if (ioctl(fd, LOCKS_IOC_START, &run))
		fail("LOCKS_IOC_START: %s", strerror(errno));
}

void writer_stop(int fd, struct locks_result *r, uint32_t *samples)
{
	*r = (struct locks_result) {
		.samples = (uintptr_t)samples,
		.nr_samples = samples ? LOCKS_SAMPLES_MAX : 0,
	};
	if (ioctl(fd, LOCKS_IOC_STOP, r))
		fail("LOCKS_IOC_STOP: %s", strerror(errno));
}

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

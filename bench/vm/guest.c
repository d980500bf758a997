// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device of seqring_locks.ko, and the kernel's writer behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

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

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
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

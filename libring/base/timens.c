// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * The time namespace of this process. It shifts the monotonic clocks and CLOCK_BOOTTIME by a
 * constant. The kernel's own times, which the records of devices and of BPF rings have, are not
 * shifted. No clock that a process can read is without the shift except CLOCK_REALTIME and
 * CLOCK_TAI, which may be set. So the shift comes from /proc.
 */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "timens.h"

#define INITIAL_INODE 0xEFFFFFFAu /* PROC_TIME_INIT_INO of Linux: never another namespace's */
#define NSEC_PER_SEC  1000000000ULL

/*
 * True if /proc/self/timens_offsets tells this process's own shift. The file tells that of the
 * process's future children, which have another one after unshare(2).
 */
static bool offsets_are_own(void)
{
	struct stat own, of_children;

	if (stat("/proc/self/ns/time", &own) || own.st_ino == INITIAL_INODE)
		return false;
	return !stat("/proc/self/ns/time_for_children", &of_children) &&
	       own.st_ino == of_children.st_ino;
}

/**
 * libring_clock_offset_ns() - tell by how much this process's time namespace shifts a clock
 * @id: CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE or CLOCK_BOOTTIME
 *
 * Return: nanoseconds that the process sees more than the initial time namespace does; 0 in that
 * namespace, and if /proc does not tell.
 */
int64_t libring_clock_offset_ns(clockid_t id)
{
	const char *wanted = id == CLOCK_BOOTTIME ? "boottime" : "monotonic";
	char line[128], name[16];
	long long sec, nsec;
	int64_t offset = 0;
	FILE *f;

	if (!offsets_are_own())
		return 0;
	f = fopen("/proc/self/timens_offsets", "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%15s %lld %lld", name, &sec, &nsec) == 3 && !strcmp(name, wanted))
			offset = (int64_t)((uint64_t)sec * NSEC_PER_SEC + (uint64_t)nsec);
	fclose(f);
	return offset;
}

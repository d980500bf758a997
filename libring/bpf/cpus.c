// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* How many rings one ring per CPU are. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* The numbers of the CPUs that may ever be there, such as 0-3,8. */
#define POSSIBLE "/sys/devices/system/cpu/possible"

/* Return: the highest number in @list, and 1; 0: @list is no list of numbers. */
static unsigned long count_from_highest(const char *list)
{
	unsigned long highest = 0, here;
	bool found = false;
	char *end;

	while (*list >= '0' && *list <= '9') {
		here = strtoul(list, &end, 10);
		highest = here > highest ? here : highest;
		found = true;
		list = end + (*end == ',' || *end == '-');
	}
	return found && (*list == '\n' || !*list) ? highest + 1 : 0;
}

/**
 * libring_bpf_count_rings() - count the rings if each CPU has one
 * @possible: file with the possible CPUs; NULL: the kernel's
 *
 * A program finds its ring by the number of its CPU. There may be gaps between these numbers, so
 * the highest one counts and not how many there are. The ring of a gap is never written.
 *
 * Return: the number; -EINVAL more than a device may have; -EPROTO the file is no list; -errno.
 */
int libring_bpf_count_rings(const char *possible)
{
	const char *path = possible ? possible : POSSIBLE;
	unsigned long nr = 0;
	char list[4096];
	FILE *f = fopen(path, "re");

	if (!f)
		return libring_set_error(errno, "cannot count the possible CPUs: %s: %s", path,
					 strerror(errno));
	if (fgets(list, sizeof(list), f))
		nr = count_from_highest(list);
	fclose(f);
	if (!nr)
		return libring_set_error(EPROTO, "%s is no list of CPUs", path);
	if (nr > SEQRING_RINGS_MAX)
		return libring_set_error(EINVAL,
					 "CPUs have numbers up to %lu, but there are at most %u "
					 "rings: use one ring (RING_BPF_ONE_RING)",
					 nr - 1, SEQRING_RINGS_MAX);
	return (int)nr;
}

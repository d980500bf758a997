// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Waiting for BPF programs that are under way. */

#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/*
 * Puts a map into a map of maps. When bpf(2) returns, no program uses the map that was there
 * before: the kernel has waited for all programs that do not sleep. Return: 0; -errno.
 */
static int replace_inner_map(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	const __u32 first = 0;
	int inner, outer = -1, err;

	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ring_inner", sizeof(first), 8, 1, NULL);
	if (inner < 0)
		return inner;
	opts.inner_map_fd = (__u32)inner;
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "ring_outer", sizeof(first),
			       sizeof(__u32), 1, &opts);
	err = outer < 0 ? outer : bpf_map_update_elem(outer, &first, &inner, BPF_ANY);
	if (outer >= 0)
		close(outer);
	close(inner);
	return err;
}

/**
 * libring_bpf_wait_programs() - wait until each program that runs now has ended
 *
 * A program that cannot sleep is an RCU read-side critical section. membarrier(2) waits for a grace
 * period, except on kernels with CPUs that are kept free of ticks (nohz_full).
 *
 * Return: 0; -errno: nothing was waited for.
 */
int libring_bpf_wait_programs(void)
{
	int err = libring_grace_period();

	if (err < 0)
		err = replace_inner_map();
	return err < 0 ? libring_set_error(-err, "cannot wait for the programs that run: %s",
					   strerror(-err)) :
			 0;
}

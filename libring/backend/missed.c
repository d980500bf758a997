// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Counts what the kernel's recursion guard keeps from the programs that write a BPF ring. */

#include "../base/error.h"
#include "../reader/reader.h"
#include "kinds.h"
#include "sys_bpf.h"

/* A program has at most that many maps. */
#define MAPS_MAX 64

/* Adds the events of program @id if it uses the map @map. Return: 0; -errno. */
static int add_program(uint32_t id, uint64_t map, uint64_t *sum)
{
	uint32_t maps[MAPS_MAX] = { 0 }, i;
	union bpf_attr attr = { .prog_id = id };
	struct bpf_prog_info info = { .nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)maps };
	int fd = libring_sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr), err;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = libring_bpf_get_info(fd, &info, sizeof(info));
	close(fd);
	for (i = 0; !err && i < info.nr_map_ids && i < MAPS_MAX; i++) {
		if (maps[i] != map)
			continue;
		*sum += info.recursion_misses;
		break;
	}
	return err;
}

int ring_missed(struct ring_reader *r, uint64_t *missed)
{
	union bpf_attr attr = { 0 };
	uint64_t sum = 0;
	int err;

	libring_forget_error();
	err = libring_check_there(r);
	if (err)
		return err;
	if (r->mapping.hdr.writer_kind != SEQRING_WRITER_BPF ||
	    r->backend == &libring_backend_recording)
		return libring_set_error(EOPNOTSUPP, "no BPF programs write this ring");
	while (!err && !libring_sys_bpf(BPF_PROG_GET_NEXT_ID, &attr)) {
		err = add_program(attr.next_id, r->ring_id, &sum);
		attr.start_id = attr.next_id;
	}
	if (!err && errno != ENOENT)
		err = -errno;
	if (err)
		return libring_set_error(-err,
					 "cannot look at the BPF programs of this machine: %s",
					 strerror(-err));
	*missed = sum;
	return 0;
}

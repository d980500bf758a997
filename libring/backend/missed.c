// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Counts what the kernel's recursion guard keeps from the programs that write a BPF ring. */

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/error.h"
#include "../reader/reader.h"
#include "kinds.h"

/* A program has at most that many maps. */
#define MAPS_MAX 64

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* Return: 0; -errno. */
static int read_program(int fd, struct bpf_prog_info *info, uint32_t *maps)
{
	union bpf_attr attr = { 0 };

	memset(info, 0, sizeof(*info));
	info->nr_map_ids = MAPS_MAX;
	info->map_ids = (uintptr_t)maps;
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(*info);
	attr.info.info = (uintptr_t)info;
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) ? -errno : 0;
}

/* Adds the events of program @id if it uses the map @map. Return: 0; -errno. */
static int add_program(uint32_t id, uint64_t map, uint64_t *sum)
{
	uint32_t maps[MAPS_MAX] = { 0 }, i;
	union bpf_attr attr = { .prog_id = id };
	struct bpf_prog_info info;
	int fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr), err;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = read_program(fd, &info, maps);
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
	while (!err && !sys_bpf(BPF_PROG_GET_NEXT_ID, &attr)) {
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

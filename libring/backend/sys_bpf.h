/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* bpf(2) without libbpf. */
#ifndef LIBRING_BACKEND_SYS_BPF_H
#define LIBRING_BACKEND_SYS_BPF_H

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int libring_sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* Gets what the kernel knows of a map or program. @info has arguments, too. Return: 0; -errno. */
static inline int libring_bpf_get_info(int fd, void *info, uint32_t len)
{
	union bpf_attr attr = { 0 };

	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = len;
	attr.info.info = (uintptr_t)info;
	return libring_sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) ? -errno : 0;
}

#endif /* LIBRING_BACKEND_SYS_BPF_H */

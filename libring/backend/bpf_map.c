// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Maps and pins of BPF rings, and the reader's side of a BPF ring buffer that is a doorbell. */

#include <string.h>
#include <sys/mman.h>

#include <seqring/barrier.h>

#include "../base/error.h"
#include "bpf_map.h"
#include "sys_bpf.h"

/* Bytes that a program adds to a doorbell to ring it: a header and what it reserves. */
#define DOORBELL_RECORD (BPF_RINGBUF_HDR_SZ + 8)

/* True if @fd is a map. BPF_OBJ_GET_INFO_BY_FD cannot tell: it takes programs and links, too. */
static int is_map(int fd)
{
	union bpf_attr attr = { 0 };

	attr.map_fd = (uint32_t)fd;
	/* Without room for a key, a map and a descriptor of another kind fail differently. */
	return libring_sys_bpf(BPF_MAP_GET_NEXT_KEY, &attr) >= 0 ||
	       (errno != EINVAL && errno != EBADF);
}

/* Return: 0; -EINVAL @fd is no map; -errno. */
int libring_bpf_map_info(int fd, struct bpf_map_info *info)
{
	memset(info, 0, sizeof(*info));
	return is_map(fd) ? libring_bpf_get_info(fd, info, sizeof(*info)) : -EINVAL;
}

/* With write access: otherwise the kernel does not let a process map it. */
int libring_bpf_get_pin(const char *path, int *fd)
{
	union bpf_attr attr = { 0 };

	attr.pathname = (uintptr_t)path;
	*fd = libring_sys_bpf(BPF_OBJ_GET, &attr);
	return *fd < 0 ? -errno : 0;
}

/* libring_doorbell_unmap() @d after a failure, too. */
int libring_doorbell_map(struct ring_doorbell *d, int fd)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct bpf_map_info info;
	void *p;

	if (libring_bpf_map_info(fd, &info) || info.type != BPF_MAP_TYPE_RINGBUF)
		return libring_set_error(
			EPROTO, "descriptor %d is no doorbell: a doorbell is a BPF ring buffer",
			fd);
	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return libring_set_error(errno, "cannot map the doorbell: %s", strerror(errno));
	d->consumed = p;
	p = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (p == MAP_FAILED)
		return libring_set_error(errno, "cannot map the doorbell: %s", strerror(errno));
	d->produced = p;
	return 0;
}

void libring_doorbell_unmap(struct ring_doorbell *d)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (d->consumed)
		munmap(d->consumed, page);
	if (d->produced)
		munmap(d->produced, page);
	*d = (struct ring_doorbell) { 0 };
}

void libring_doorbell_advance(const struct ring_doorbell *d)
{
	/* The kernel's type is unsigned long, which has 64 bits there. */
	uint64_t produced = seqring_read(d->produced);
	uint64_t consumed = produced - DOORBELL_RECORD;

	if (produced >= DOORBELL_RECORD && seqring_read(d->consumed) != consumed)
		seqring_write(d->consumed, consumed);
}

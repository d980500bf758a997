// SPDX-License-Identifier: GPL-2.0-only
/* Back doors to the ring's pages, and a reader page full of lies. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devfuzz.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static unsigned char block[FUZZ_PAGE] __attribute__((aligned(4096)));

static long open_and(const char *path, int flags, const struct fuzz_args *a)
{
	int fd = open(path, flags | O_CLOEXEC), err;
	long ret;

	if (fd < 0)
		return -1;
	if (flags == O_RDONLY)
		ret = pread(fd, block, a->v[1] % sizeof(block) + 1, a->v[0]);
	else
		ret = pwrite(fd, "evil", 1 + a->v[1] % 4, a->v[0]);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

static long run_mem_read(struct fuzz_args *a)
{
	return open_and("/proc/self/mem", O_RDONLY, a);
}

static long run_mem_write(struct fuzz_args *a)
{
	a->target = fuzz_mapped_at(a->v[0]);
	return open_and("/proc/self/mem", O_RDWR, a);
}

static long run_vm_read(struct fuzz_args *a)
{
	struct iovec local = { block, sizeof(block) }, remote = { (void *)a->v[0], a->v[1] };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
}

static long run_vm_write(struct fuzz_args *a)
{
	struct iovec local = { block, sizeof(block) }, remote = { (void *)a->v[0], a->v[1] };

	a->target = fuzz_mapped_at(a->v[0]);
	return process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
}

static void check_not_written(struct fuzz_args *a, long ret, int err)
{
	if (ret > 0 && a->target == FUZZ_DEV)
		fuzz_fail("back_door", "%ld bytes were written to ring pages at %lx", ret, a->v[0]);
}

static long run_pagemap(struct fuzz_args *a)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	long ret;

	if (fd < 0)
		return -1;
	ret = pread(fd, block, (a->v[1] / FUZZ_PAGE % 512 + 1) * 8, a->v[0] / FUZZ_PAGE * 8);
	close(fd);
	return ret;
}

/* A process that could put its own pages into the mapping could write the ring. */
static long run_userfault(struct fuzz_args *a)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range = { a->v[0] & -FUZZ_PAGE,
						  (a->v[1] | (FUZZ_PAGE - 1)) + 1 },
				       .mode = 1 + a->v[2] % 2 };
	struct uffdio_copy copy = { .dst = reg.range.start,
				    .src = (uintptr_t)block,
				    .len = FUZZ_PAGE };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1 /* UFFD_USER_MODE_ONLY */);
	long ret;

	if (fd < 0)
		return -1;
	a->target = fuzz_mapped_at(reg.range.start);
	ret = ioctl(fd, UFFDIO_API, &api);
	if (!ret)
		ret = ioctl(fd, UFFDIO_REGISTER, &reg);
	if (ret)
		ret = ioctl(fd, UFFDIO_COPY, &copy);
	close(fd);
	return ret ? -1 : 1;
}

/* Loads a byte of each page of the range. The contents do not matter. */
static long run_load(struct fuzz_args *a)
{
	unsigned long at = a->v[0], end = at + a->v[1] % (64 * FUZZ_PAGE);
	unsigned char byte;

	for (; at < end; at += FUZZ_PAGE)
		if (!fuzz_try(at, false, &byte))
			return -1;
	return 0;
}

/* Stores any values as cursors and watermarks. */
static long run_lie(struct fuzz_args *a)
{
	unsigned long at = 0;
	unsigned int i;
	uint64_t word;

	for (i = 0; i < FUZZ_MAPS; i++)
		if (fuzz.map[i].kind == FUZZ_READER && fuzz.map[i].len)
			at = fuzz.map[i].addr;
	if (!at || fuzz_mapped_at(at) != FUZZ_READER) {
		errno = ENOENT;
		return -1;
	}
	at += a->v[0] % 20 * 8;
	if (a->v[2] % 2)
		at = (at & -FUZZ_PAGE) + 128 + a->v[0] % 4 * 8; /* a cursor */
	word = a->v[1];
	for (i = 0; i < 8; i++)
		if (!fuzz_try(at + i, true, (unsigned char *)&word + i))
			return -1;
	return 0;
}

static const struct fuzz_call calls[] = {
	{ "mem_read", 1, { T_RANGE }, run_mem_read },
	{ "mem_write",
	  2,
	  { T_RANGE },
	  run_mem_write,
	  check_not_written,
	  .maps = true,
	  .alone = true },
	{ "vm_readv", 1, { T_RANGE }, run_vm_read, .needs = "/proc/self/mem" },
	{ "vm_writev", 2, { T_RANGE }, run_vm_write, check_not_written, .maps = true },
	{ "pagemap", 1, { T_RANGE }, run_pagemap, .needs = "/proc/self/pagemap" },
	{ "userfault",
	  1,
	  { T_RANGE, T_RAW },
	  run_userfault,
	  check_not_written,
	  .alone = true,
	  .needs = "/proc/sys/vm/unprivileged_userfaultfd" },
	{ "load", 3, { T_RANGE }, run_load, .alone = true },
	{ "lie", 8, { T_RAW, T_RAW, T_RAW }, run_lie, .alone = true },
};

const struct fuzz_group fuzz_door_calls = { calls, LEN(calls) };

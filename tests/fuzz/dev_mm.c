// SPDX-License-Identifier: GPL-2.0-only
/* Calls that make, split, move, protect and advise mappings. */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "devfuzz.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static long run_mmap(struct fuzz_args *a)
{
	/* The raw system call: the C library would refuse an unaligned offset. */
	return syscall(SYS_mmap, a->v[1], a->v[2], a->v[3], a->v[4], (int)a->v[0], a->v[5]);
}

static void check_mmap(struct fuzz_args *a, long ret, int err)
{
	uint64_t len = (a->v[2] + FUZZ_PAGE - 1) & -FUZZ_PAGE;

	if (ret == -1 || a->slot < 0)
		return;
	if (a->h.kind != FUZZ_DEV && a->h.kind != FUZZ_READER) {
		fuzz_add_map(ret, len, FUZZ_OTHER);
		return;
	}
	if (a->v[3] & 4 /* PROT_EXEC */ || (a->v[4] & MAP_TYPE) == MAP_PRIVATE)
		fuzz_fail("mmap", "it accepted prot %lx, flags %lx", a->v[3], a->v[4]);
	if (a->h.kind == FUZZ_DEV && a->v[3] & PROT_WRITE)
		fuzz_fail("mmap", "a device was mapped with prot %lx", a->v[3]);
	if (a->v[5] > a->h.total || len > a->h.total - a->v[5])
		fuzz_fail("mmap", "it mapped %lx bytes at %lx of %lx", len, a->v[5], a->h.total);
	fuzz_add_map(ret, len, a->h.kind);
}

static long run_anonymous(struct fuzz_args *a)
{
	a->v[1] = (1 + a->v[1] % 64) * FUZZ_PAGE;
	return syscall(SYS_mmap, a->v[0] & -FUZZ_PAGE, a->v[1], PROT_READ | PROT_WRITE,
		       MAP_FIXED | MAP_ANONYMOUS | (a->v[2] % 2 ? MAP_SHARED : MAP_PRIVATE), -1,
		       0L);
}

static void check_anonymous(struct fuzz_args *a, long ret, int err)
{
	if (ret != -1)
		fuzz_add_map(ret, a->v[1], FUZZ_OTHER);
}

static long run_munmap(struct fuzz_args *a)
{
	return syscall(SYS_munmap, a->v[0], a->v[1]);
}

static long run_mprotect(struct fuzz_args *a)
{
	return syscall(SYS_mprotect, a->v[0], a->v[1], a->v[2]);
}

/* Moves a mapping within the arena, or to where the kernel likes; check_mremap() removes it. */
static long run_mremap(struct fuzz_args *a)
{
	a->target = fuzz_mapped_at(a->v[0]);
	return syscall(SYS_mremap, a->v[0], a->v[1], a->v[2], a->v[3], a->v[4]);
}

static void check_mremap(struct fuzz_args *a, long ret, int err)
{
	unsigned long to = ret;

	if (ret == -1)
		return;
	if ((a->target == FUZZ_DEV || a->target == FUZZ_READER) && a->v[2] > a->v[1])
		fuzz_fail("mremap", "%lx bytes became %lx", a->v[1], a->v[2]);
	if (to >= FUZZ_ARENA && to < FUZZ_ARENA + FUZZ_ARENA_SPAN)
		fuzz_add_map(to, a->v[2], a->target);
	else
		munmap((void *)to, a->v[2]);
}

static long run_madvise(struct fuzz_args *a)
{
	a->target = fuzz_mapped_at(a->v[0]);
	return syscall(SYS_madvise, a->v[0], a->v[1], a->v[2]);
}

/* Faults pages in again after MADV_DONTNEED. */
static void touch(const struct fuzz_args *a)
{
	unsigned long at;
	unsigned char byte;

	for (at = a->v[0]; at < a->v[0] + a->v[1] && at < a->v[0] + 64 * FUZZ_PAGE; at += FUZZ_PAGE)
		fuzz_try(at, false, &byte);
}

static void check_madvise(struct fuzz_args *a, long ret, int err)
{
	if (!ret && a->target == FUZZ_DEV && a->v[2] == MADV_DONTNEED)
		touch(a);
	if (ret || a->target != FUZZ_DEV || !a->v[1])
		return;
	if (a->v[2] == MADV_REMOVE || a->v[2] == 23 /* MADV_POPULATE_WRITE */ ||
	    a->v[2] == MADV_FREE || a->v[2] == MADV_DODUMP)
		fuzz_fail("madvise", "ring pages accepted advice %lu", a->v[2]);
}

static long run_mlock(struct fuzz_args *a)
{
	switch (a->v[2] % 4) {
	case 0:
		return syscall(SYS_munlock, a->v[0], a->v[1]);
	case 1:
		return syscall(SYS_mlock2, a->v[0], a->v[1], 1);
	default:
		return syscall(SYS_mlock, a->v[0], a->v[1]);
	}
}

static long run_mincore(struct fuzz_args *a)
{
	static unsigned char seen[1 << 16];

	if (a->v[1] > sizeof(seen) * FUZZ_PAGE)
		a->v[1] = FUZZ_PAGE;
	return syscall(SYS_mincore, a->v[0], a->v[1], seen);
}

static long run_msync(struct fuzz_args *a)
{
	return syscall(SYS_msync, a->v[0], a->v[1], a->v[2] % 8);
}

static long run_remap_file(struct fuzz_args *a)
{
	return syscall(SYS_remap_file_pages, a->v[0], a->v[1], 0, a->v[2] / FUZZ_PAGE,
		       a->v[3] % 2 ? MAP_POPULATE : 0);
}

void fuzz_need_map(struct fuzz_rnd *r)
{
	enum fuzz_kind kind = fuzz_one_in(r, 4) ? FUZZ_READER : FUZZ_DEV;
	const struct fuzz_handle *h;
	unsigned int i;
	int slot;
	long ret;

	for (i = 0; i < FUZZ_MAPS; i++)
		if (fuzz.map[i].len && fuzz.map[i].kind == FUZZ_DEV)
			return;
	fuzz_need_fd(r, kind);
	slot = fuzz_slot(r, kind);
	if (slot < 0 || fuzz.h[slot].kind != kind)
		return;
	h = &fuzz.h[slot];
	ret = syscall(SYS_mmap, FUZZ_ARENA + fuzz_below(r, FUZZ_ARENA_PAGES) * FUZZ_PAGE, h->total,
		      PROT_READ | (kind == FUZZ_READER ? PROT_WRITE : 0), MAP_SHARED | MAP_FIXED,
		      h->fd, 0L);
	if (ret != -1)
		fuzz_add_map(ret, h->total, kind);
	if (fuzz.verbose && !fuzz.is_child)
		printf("#   (maps one of kind %d at %#lx)\n", kind, ret);
}

static const struct fuzz_call calls[] = {
	{ "mmap",
	  14,
	  { T_DEV, T_PLACE, T_MAP_LEN, T_PROT, T_MAP_FLAGS, T_MAP_OFF },
	  run_mmap,
	  check_mmap,
	  .maps = true },
	{ "mmap_reader",
	  6,
	  { T_READER, T_PLACE, T_MAP_LEN, T_PROT, T_MAP_FLAGS, T_MAP_OFF },
	  run_mmap,
	  check_mmap,
	  .maps = true },
	{ "mmap_anonymous",
	  2,
	  { T_PLACE, T_RAW, T_RAW },
	  run_anonymous,
	  check_anonymous,
	  .maps = true },
	{ "munmap", 5, { T_RANGE }, run_munmap, .maps = true, .thread = true },
	{ "mprotect", 6, { T_RANGE, T_PROT }, run_mprotect, .maps = true, .thread = true },
	{ "mremap",
	  6,
	  { T_RANGE, T_REMAP_LEN, T_REMAP_FLAGS, T_PLACE },
	  run_mremap,
	  check_mremap,
	  .maps = true },
	{ "madvise", 8, { T_RANGE, T_ADVICE }, run_madvise, check_madvise, .maps = true },
	{ "mlock", 2, { T_RANGE, T_RAW }, run_mlock, .maps = true, .thread = true },
	{ "mincore", 1, { T_RANGE }, run_mincore },
	{ "msync", 1, { T_RANGE, T_RAW }, run_msync },
	{ "remap_file_pages", 1, { T_RANGE, T_MAP_OFF, T_RAW }, run_remap_file, .maps = true },
};

const struct fuzz_group fuzz_mm_calls = { calls, LEN(calls) };

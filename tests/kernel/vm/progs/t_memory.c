// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of rings: its earlier contents are gone, and the creator's memory cgroup
 * pays for it until it is given back.
 */
#include "mod.h"

#define NAME "tmem"
#define SIZE (4 << 20)
#define DIRT (128 << 20)

/* Fills most of the free memory with bytes other than 0. */
static void dirty(void)
{
	unsigned char *p = mmap(NULL, DIRT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				0);

	if (p == MAP_FAILED)
		T_DIE("memory.setup", "mmap: %s", strerror(errno));
	memset(p, 0xa5, DIRT);
	munmap(p, DIRT);
}

static void fresh(void)
{
	size_t other = 0, i;
	struct dev d;

	dirty();
	if (dev_create(NAME, SIZE))
		T_DIE("memory.setup", "create: %s", strerror(errno));
	dev_open(&d, NAME, O_RDONLY);
	dev_reader_page(&d);
	for (i = 0; i < SIZE; i++)
		other += d.map[d.g.total_size - SIZE + i] != 0;
	T_EQ("memory.ring_is_zero", other, 0);
	for (i = 0, other = 0; i < d.g.reader_size; i++)
		other += ((unsigned char *)d.page)[i] != 0;
	T_EQ("memory.reader_page_is_zero", other, 0);
	dev_close(&d);
	dev_destroy(NAME);
}

static void paid_for(void)
{
	long pages = SIZE / sysconf(_SC_PAGESIZE), before, with;

	mod_count_pages("/tmp/memory");
	before = mod_pages("/tmp/memory");
	if (dev_create(NAME, SIZE))
		T_DIE("memory.setup", "create: %s", strerror(errno));
	with = mod_pages("/tmp/memory") - before;
	t_check(with >= pages, "memory.charged", "%ld pages for a ring of %ld", with, pages);
	dev_destroy(NAME);
	with = mod_pages("/tmp/memory") - before;
	t_check(with < 32, "memory.given_back", "%ld pages more than before", with);
}

int main(void)
{
	alarm(200);
	fresh();
	paid_for();
	return t_done();
}

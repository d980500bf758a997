// SPDX-License-Identifier: GPL-2.0-only
/* Records which places in seqring.ko the calls of this process reach. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devfuzz.h"

#define KCOV_PATH  "/sys/kernel/debug/kcov"
#define KCOV_INIT  _IOR('c', 1, unsigned long)
#define KCOV_START _IO('c', 100)
#define KCOV_WORDS (1UL << 17)
#define SYMBOLS	   512

static uint64_t *area;

static struct symbol {
	uint64_t addr;
	char name[64];
} symbols[SYMBOLS];
static unsigned int nr_symbols;

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Reads the module's functions, except those that run only when it is loaded or unloaded. */
static void read_symbols(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[256], type, module[64];
	struct symbol *s;

	while (f && fgets(line, sizeof(line), f) && nr_symbols < SYMBOLS) {
		s = &symbols[nr_symbols];
		if (sscanf(line, "%lx %c %63s %63s", &s->addr, &type, s->name, module) == 4 &&
		    !strcmp(module, "[seqring]") && (type == 't' || type == 'T') &&
		    !strstr(s->name, "asan") && !strstr(s->name, "sub_I_") &&
		    strcmp(s->name, "cleanup_module") && strcmp(s->name, "init_module") &&
		    strcmp(s->name, "seqring_init") && strcmp(s->name, "seqring_exit") &&
		    strncmp(s->name, "__", 2) && strncmp(s->name, ".", 1))
			nr_symbols++;
	}
	if (f)
		fclose(f);
	qsort(symbols, nr_symbols, sizeof(symbols[0]), by_address);
}

/* Each worker opens its own KCOV; its children inherit the mapping. */
bool fuzz_kcov_open(void)
{
	int fd = open(KCOV_PATH, O_RDWR | O_CLOEXEC);
	void *map;

	if (!nr_symbols)
		read_symbols();
	if (fd < 0 || ioctl(fd, KCOV_INIT, KCOV_WORDS))
		return false;
	map = mmap(NULL, KCOV_WORDS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || ioctl(fd, KCOV_START, 0))
		return false;
	area = map;
	return nr_symbols > 0;
}

void fuzz_kcov_start(void)
{
	if (area)
		__atomic_store_n(&area[0], 0, __ATOMIC_RELAXED);
}

unsigned int fuzz_kcov_stop(void)
{
	uint64_t nr = area ? __atomic_load_n(&area[0], __ATOMIC_RELAXED) : 0, i, at;
	unsigned int found = 0;

	if (nr >= KCOV_WORDS)
		nr = KCOV_WORDS - 1;
	for (i = 1; i <= nr; i++) {
		at = area[i] - symbols[0].addr;
		if (at < FUZZ_TEXT_MAX && !fuzz_all->pc[at] &&
		    !__atomic_exchange_n(&fuzz_all->pc[at], 1, __ATOMIC_RELAXED))
			found++;
	}
	if (found) {
		__atomic_fetch_add(&fuzz_all->pcs, found, __ATOMIC_RELAXED);
		fuzz_all->last_pc_ns = fuzz_now_ns();
	}
	return found;
}

/* KCOV does not see code in interrupts, so that code is reported as not reached. */
void fuzz_kcov_report(void)
{
	unsigned int i, missing = 0;
	uint64_t at, end;

	for (i = 0; i < nr_symbols; i++) {
		end = i + 1 < nr_symbols ? symbols[i + 1].addr - symbols[0].addr : FUZZ_TEXT_MAX;
		for (at = symbols[i].addr - symbols[0].addr; at < end; at++)
			if (at < FUZZ_TEXT_MAX && fuzz_all->pc[at])
				break;
		if (at < end || symbols[i].addr - symbols[0].addr == end)
			continue;
		printf("# not reached by a call: %s\n", symbols[i].name);
		missing++;
	}
	printf("# %u of %u functions of seqring.ko reached\n", nr_symbols - missing, nr_symbols);
}

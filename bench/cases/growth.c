// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost of a record, by size of the ring and of the record, by number of rings and
 * readers, in small pages and in huge ones.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <libring.h>

#include "../peers/peers.h"
#include "stores.h"

#define LEN_MAX	   (256u << 10)
#define SIZES	   8u /* 64 KiB to 1 GiB, by four */
#define SIZES_SUM  (SEQRING_DATA_SIZE_MAX / 3 * 4 + SIZES * (4u << 20))
#define POINTS_MAX 16u

/* A ring and plain stores take turns over the same memory. */
struct point {
	struct stores *ring;
	struct stores *plain;
	void *map;
	size_t map_bytes;
};

/* Finds the number in the first line of the form @fmt, from the line with @from on; else 0. */
static unsigned long number_in(const char *path, const char *from, const char *fmt)
{
	FILE *f = fopen(path, "re");
	bool here = !from[0];
	unsigned long value = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		here = here || !strncmp(line, from, strlen(from));
		if (here && sscanf(line, fmt, &value) == 1)
			break;
	}
	if (f)
		fclose(f);
	return value;
}

/* Bytes of a huge page; 0: this kernel has none that are transparent. */
static size_t huge_page(void)
{
	return number_in("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "", "%lu");
}

/*
 * Anonymous memory, because its huge pages need no change of the machine's settings, as those
 * of a memfd do. The stores cannot tell the difference.
 *
 * Return: touched memory at the start of a page; NULL: there is no such memory
 */
static unsigned char *pages_map(struct point *p, size_t size, bool huge)
{
	size_t page = huge ? huge_page() : (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *at;
	const char *mapping;

	size = (size + page - 1) / page * page;
	p->map_bytes = size + page;
	p->map = mmap(NULL, p->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (p->map == MAP_FAILED)
		return NULL;
	at = (unsigned char *)(((uintptr_t)p->map + page - 1) / page * page);
	/* From here on a mapping of its own, which smaps tells of. */
	madvise(at, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	mapping = keep("%08lx-", (unsigned long)at);
	if (!madvise(at, size, MADV_POPULATE_WRITE) &&
	    (!huge ||
	     number_in("/proc/self/smaps", mapping, "AnonHugePages: %lu kB") << 10 >= size))
		return at;
	munmap(p->map, p->map_bytes);
	return NULL;
}

/* Return: false if there is no such memory. */
static bool point_init(struct point *p, const char *curve, const char *x, uint64_t size,
		       uint32_t nr, uint32_t len, bool huge)
{
	struct stores like = { .size = size, .nr = nr, .len = len };

	like.at = pages_map(p, stores_bytes(size, nr), huge);
	if (!like.at)
		return false;
	like.kind = STORES_RING;
	like.c.name = keep("ring, %s, %s", curve, x);
	p->ring = stores_new(&like);
	like.kind = STORES_PLAIN;
	like.c.name = keep("plain stores, %s, %s", curve, x);
	p->plain = stores_new(&like);
	return true;
}

static long page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

static void measure(const char *section, struct point *p, unsigned int n, const char *what)
{
	struct contender *c[2 * POINTS_MAX];
	struct contender all = { .name = what };
	long faults = page_faults();
	unsigned int i;

	for (i = 0; i < n; i++) {
		c[2 * i] = &p[i].ring->c;
		c[2 * i + 1] = &p[i].plain->c;
	}
	alternate(section, c, 2 * n, few_rounds());
	contender_set(&all, "page_faults", (double)(page_faults() - faults));
	emit_sample(section, &all, few_rounds(), false);
	for (i = 0; i < n; i++) {
		stores_verify(p[i].ring);
		stores_free(p[i].ring);
		stores_free(p[i].plain);
		munmap(p[i].map, p[i].map_bytes);
	}
}

/* Uses at most a third of the free memory, so that other programs do not notice. */
static uint64_t affordable(void)
{
	return ((uint64_t)number_in("/proc/meminfo", "", "MemAvailable: %lu kB") << 10) / 3;
}

static unsigned int add_sizes(struct point *p, uint32_t len, bool huge)
{
	const char *curve = keep("%s, %s pages", size_text(len), huge ? "huge" : "small");
	uint64_t size = SEQRING_DATA_SIZE_MIN;
	unsigned int n;

	for (n = 0; n < SIZES; n++, size *= 4) {
		if (size <= affordable() / 3 &&
		    point_init(&p[n], curve, size_text(size), size, 1, len, huge))
			continue;
		emit_note("growth-size", "SKIPPED: %s, from %s on: there is not enough memory",
			  curve, size_text(size));
		break;
	}
	return n;
}

static void sizes(bool huge, uint32_t len)
{
	struct point p[2 * SIZES];
	unsigned int n = add_sizes(p, len, false);

	if (huge)
		n += add_sizes(p + n, len, true);
	measure("growth-size", p, n, size_text(len));
}

static void all_sizes(void)
{
	const bool huge = !opt.quick && huge_page() && affordable() > 2 * SIZES_SUM;

	if (opt.quick)
		emit_note("growth-size", "a quick run has no huge pages, and one size of records");
	else if (huge)
		emit_note("growth-size", "huge pages: transparent ones of %s",
			  size_text(huge_page()));
	else
		emit_note("growth-size", "SKIPPED: huge pages: %s",
			  huge_page() ? "not enough memory" : "this kernel has none");
	sizes(huge, 32);
	if (!opt.quick)
		sizes(huge, 1024);
}

/* From 8 bytes to 256 KiB. */
static void records(void)
{
	struct point p[POINTS_MAX];
	unsigned int n = 0;
	uint32_t len;

	for (len = 8; len <= LEN_MAX; len *= opt.quick ? 8 : 2, n++)
		if (!point_init(&p[n], "small pages", size_text(len), RING_LARGE, 1, len, false))
			fail("no memory for a ring");
	measure("growth-record", p, n, "all");
}

/* 1 to 64, of 32 MiB together. */
static void rings(void)
{
	struct point p[POINTS_MAX];
	unsigned int n = 0;
	uint32_t nr;

	for (nr = 1; nr <= STORES_RINGS; nr *= 2, n++)
		if (!point_init(&p[n], "32 B, 32 MiB in all", keep("%u", nr), RING_LARGE / nr, nr,
				32, false))
			fail("no memory for %u rings", nr);
	measure("growth-rings", p, n, "all");
}

static double lap(struct ring_writer *w)
{
	uint64_t payload[32 / 8], i, n = RING_LARGE / seqring_record_size(sizeof(payload));
	uint64_t start = now_ns();

	for (i = 0; i < n; i++) {
		payload_fill(payload, sizeof(payload), i);
		if (ring_writer_publish(w, 0, TYPE, payload, sizeof(payload)))
			fail("libring does not publish: %s", ring_strerror());
	}
	return (double)(now_ns() - start) / (double)n;
}

/* The memfd of a libring ring gets each page when the writer first reaches it. */
static bool lap_round(struct contender *c)
{
	struct ring_writer *w = library_writer(RING_LARGE);
	struct watch watch;
	bool disturbed;

	watch_start(&watch);
	contender_set(c, "first_lap_ns", lap(w));
	contender_set(c, "second_lap_ns", lap(w));
	disturbed = watch_disturbed(&watch);
	ring_writer_close(w);
	contender_set(c, "page_bytes", (double)sysconf(_SC_PAGESIZE));
	contender_set(c, "record_bytes", (double)seqring_record_size(32));
	return disturbed;
}

static void laps(void)
{
	struct contender c = { "libring", lap_round };
	struct contender *const all[] = { &c };

	alternate("growth-lap", all, 1, few_rounds());
}

static void records_4k(void)
{
	static const struct row rows[] = {
		{ "ring, 4 KiB", &kind_ring, .paced = true },
		{ "flag per record, 4 KiB", &kind_flags },
		{ "ring of 4 MiB, overrun, 4 KiB", &kind_ring, .size = RING_CACHED },
	};

	table_run(&(struct table) { "growth-4k", rows, NR(rows), .len = 4096,
				    .rounds = few_rounds(), .round = { .rest_ns = REST_NS } });
}

/* Threads on one core: each follows the ring, pauses, and checks the records. */
static void readers(void)
{
	static const struct row rows[] = {
		{ "ring, nobody", &kind_ring, .nobody = true },
		{ "ring, 1 reader", &kind_ring, .readers = 1 },
		{ "ring, 2 readers", &kind_ring, .readers = 2 },
		{ "ring, 4 readers", &kind_ring, .readers = 4 },
		{ "ring, 8 readers", &kind_ring, .readers = 8 },
		{ "ring, 16 readers", &kind_ring, .readers = 16 },
		{ "ring, 32 readers", &kind_ring, .readers = 32 },
		{ "ring, 64 readers", &kind_ring, .readers = 64 },
	};
	const struct stream_round round = {
		.mode = STREAM_BURSTS,
		.threads = true,
		.rest_ns = REST_NS,
		.gap_ns = REST_NS,
	};

	table_run(&(struct table) { "growth-readers", rows, NR(rows), .len = 32, .round = round });
}

void case_growth(void)
{
	all_sizes();
	laps();
	records();
	records_4k();
	rings();
	readers();
}

void case_writer(void)
{
	static const uint32_t lens[] = { 32, 200, 1024 };
	static const char *const names[] = { "ring", "plain stores", "libring" };
	const uint64_t size = ring_size(RING_CACHED);
	struct contender *c[NR(names)];
	struct stores *s[NR(names)];
	unsigned int i, k;

	for (i = 0; i < NR(lens); i++) {
		for (k = 0; k < NR(names); k++) {
			s[k] = stores_new(&(struct stores) {
				.c.name = keep("%s, %s", names[k], size_text(lens[i])),
				.kind = (enum stores_kind)k,
				.at = k == STORES_LIBRARY ? NULL :
							    map_shared(stores_bytes(size, 1), NULL),
				.size = size,
				.nr = 1,
				.len = lens[i],
				.same_payload = true,
			});
			c[k] = &s[k]->c;
		}
		alternate("writer", c, NR(c), opt.rounds);
		for (k = 0; k < NR(names); k++)
			stores_free(s[k]);
	}
}

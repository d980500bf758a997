// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the cost of a record grows: with the ring's size, the record's, the number of
 * rings and of readers, in small pages and in huge ones. The limit beside it: the
 * same headers and payloads stored into the same memory with no protocol.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <seqring/reader.h>
#include <seqring/writer.h>

#include "bench.h"
#include "growth.h"
#include "pages.h"
#include "peers/peers.h"

#define RINGS_MAX    64u
#define LEN_MAX	     (256u << 10)
#define TYPE	     7
#define BEND	     1.15 /* a cost that is so many times the least is no longer flat */
#define FLAT	     1.3
#define SMALL_LEN    64u
#define QUICK_ROUNDS 5u
#define CTL_BYTES    4096u

/*
 * What writes: a ring, or stores and nothing else. Rings lie one behind the other, each
 * with a page of control before its data, as in a memfd of the library's. Both go on
 * where their last round ended, so that small parts of a large area do not stay in the
 * caches.
 */
struct subject {
	struct seqring_writer w[RINGS_MAX];
	uint64_t pos[RINGS_MAX];
	unsigned char *at;
	uint64_t size; /* of each data area */
	uint64_t seq;
	uint64_t *payload;
	uint32_t len;
	uint32_t nr;
	uint32_t chunk;
	bool plain;
	double ns; /* of a record, in the last round */
};

static uint64_t *payload_new(uint32_t len)
{
	uint64_t *payload = aligned_alloc(64, (len + 63) & ~63u);
	uint32_t i;

	if (!payload)
		fail("no memory");
	for (i = 0; i < len / 8; i++)
		payload[i] = payload_word(0, i);
	return payload;
}

/* The first word and the last one are the record's own; the others cost nothing. */
static inline void next_payload(struct subject *s)
{
	s->payload[0] = payload_word(++s->seq, 0);
	s->payload[s->len / 8 - 1] = s->seq;
}

static void check_payload(const struct subject *s, const uint64_t *payload, uint64_t seq)
{
	uint32_t words = s->len / 8;

	if (payload[words - 1] != seq || (words > 1 && payload[0] != payload_word(seq, 0)) ||
	    (words > 2 && memcmp(payload + 1, s->payload + 1, 8 * (words - 2))))
		wrong("growth: record %llu of %u bytes is torn", (unsigned long long)seq, s->len);
}

static inline unsigned char *ctl_of(const struct subject *s, uint32_t i)
{
	return s->at + i * (s->size + CTL_BYTES);
}

static inline unsigned char *data_of(const struct subject *s, uint32_t i)
{
	return ctl_of(s, i) + CTL_BYTES;
}

static void plain_store(struct subject *s, unsigned int i, uint32_t len)
{
	uint64_t size = seqring_record_size(len), mask = s->size - 1;
	struct seqring_record *rec;

	next_payload(s);
	if (mask + 1 - (s->pos[i] & mask) < size)
		s->pos[i] = (s->pos[i] | mask) + 1;
	rec = (struct seqring_record *)(data_of(s, i) + (s->pos[i] & mask));
	rec->stamp = s->seq;
	rec->ts_ns = 0;
	rec->meta.len = len;
	rec->meta.type = TYPE;
	rec->meta.flags = 0;
	memcpy(rec + 1, s->payload, len);
	s->pos[i] += size;
}

static void ring_store(struct subject *s, unsigned int i, uint32_t len)
{
	next_payload(s);
	if (seqring_writer_publish(&s->w[i], TYPE, 0, s->payload, len))
		fail("a ring of %llu KiB takes no record of %u bytes",
		     (unsigned long long)s->size >> 10, len);
}

/* Each ring in turn; all records but those of one ring cost the turn, too. */
static void __attribute__((noinline)) store_chunk(struct subject *s, uint32_t len)
{
	uint32_t i;

	if (s->plain && s->nr == 1) {
		for (i = 0; i < s->chunk; i++)
			plain_store(s, 0, len);
	} else if (s->plain) {
		for (i = 0; i < s->chunk; i++)
			plain_store(s, i & (s->nr - 1), len);
	} else if (s->nr == 1) {
		for (i = 0; i < s->chunk; i++)
			ring_store(s, 0, len);
	} else {
		for (i = 0; i < s->chunk; i++)
			ring_store(s, i & (s->nr - 1), len);
	}
}

/* For undisturbed(). */
static bool store_round(void *arg)
{
	struct subject *s = arg;
	uint64_t start, now, records = 0;
	uint32_t len = opaque(s->len);
	struct watch w;

	watch_start(&w);
	start = now_ns();
	do {
		store_chunk(s, len);
		records += s->chunk;
		now = now_ns();
	} while (now - start < opt.round_ms * 1000000ull);
	s->ns = (double)(now - start) / (double)records;
	return watch_disturbed(&w);
}

static struct subject *subject_new(unsigned char *at, uint64_t size, uint32_t nr, uint32_t len,
				   bool plain)
{
	struct subject *s = aligned_alloc(128, (sizeof(*s) + 127) & ~127ull);
	uint32_t i;

	if (!s)
		fail("no memory");
	memset(s, 0, sizeof(*s));
	s->at = at;
	s->size = size;
	s->nr = nr;
	s->len = len;
	s->plain = plain;
	s->payload = payload_new(len);
	/* Long enough for the clock, short enough for a round; of all rings as many. */
	s->chunk = (1u << 20) / (len + 24);
	s->chunk = s->chunk > 512 ? 512 : s->chunk < RINGS_MAX ? RINGS_MAX : s->chunk;
	s->chunk -= s->chunk % RINGS_MAX;
	if (plain)
		return s;
	for (i = 0; i < nr; i++)
		if (seqring_writer_init(&s->w[i], (void *)ctl_of(s, i), data_of(s, i), size))
			fail("no ring of %llu bytes", (unsigned long long)size);
	return s;
}

static void subject_free(struct subject *s)
{
	free(s->payload);
	free(s);
}

/*
 * Reads all that stands in the rings after one more lap, which overwrites what the
 * plain stores have left there.
 */
static void verify(struct subject *s)
{
	uint64_t end, newest, *payload = payload_new(s->len);
	enum seqring_outcome outcome;
	struct seqring_reader r;
	struct seqring_view v;
	uint32_t i;

	end = s->w[0].pos + s->size + s->size / 8;
	while (s->w[0].pos < end)
		store_chunk(s, s->len);
	for (i = 0; i < s->nr; i++) {
		newest = 0;
		if (seqring_reader_init(&r, (void *)ctl_of(s, i), data_of(s, i), s->size))
			wrong("growth: the tail is no record's start");
		while (!(outcome = seqring_reader_read(&r, &v, payload, s->len))) {
			if (v.len != s->len || (newest && v.seq != newest + 1))
				wrong("growth: record %llu behind %llu", (unsigned long long)v.seq,
				      (unsigned long long)newest);
			newest = v.seq;
			/* The payloads count the records of all rings. */
			check_payload(s, payload, (newest - 1) * s->nr + i + 1);
		}
		if (outcome != SEQRING_EMPTY || newest != s->seq / s->nr)
			wrong("growth: of %llu records the newest is %llu",
			      (unsigned long long)s->seq / s->nr, (unsigned long long)newest);
	}
	free(payload);
}

/* A ring and plain stores at one place of a plot, over the same memory. */
struct point {
	struct series *cost[2]; /* of the ring, of plain stores */
	struct series *ratio;
	struct subject *subject[2];
	unsigned char *at;
	size_t bytes;
	enum pages pages;
	double x;
};

enum { RING, PLAIN };

/* False: there is no such memory. */
static bool point_init(struct point *p, const char *section, const char *curve, double x,
		       uint64_t size, uint32_t nr, uint32_t len, enum pages pages)
{
	unsigned int k;

	p->bytes = nr * (size + CTL_BYTES);
	p->at = pages_map(p->bytes, pages);
	if (!p->at)
		return false;
	p->pages = pages;
	p->x = x;
	for (k = RING; k <= PLAIN; k++) {
		const char *name = keep("%s, %s", k == RING ? "ring" : "plain stores", curve);

		p->subject[k] = subject_new(p->at, size, nr, len, k == PLAIN);
		p->cost[k] = series_new(section, keep("%s, %.0f", name, x), "ns");
		series_point(p->cost[k], keep("%s-cost", section), name, x);
	}
	series_compare(p->cost[RING], p->cost[PLAIN]);
	p->ratio = series_new(section, keep("ratio, %s, %.0f", curve, x), "x");
	series_point(p->ratio, keep("%s-ratio", section), curve, x);
	return true;
}

/*
 * What was measured before has taken the caches. Where they can hold all of the
 * memory, go round once; of a larger one nothing that counts was ever there.
 */
static void warm(struct subject *s)
{
	uint64_t done = 0;

	if (s->size * s->nr > RING_LARGE)
		return;
	for (; done < s->size * s->nr; done += s->chunk * seqring_record_size(s->len))
		store_chunk(s, s->len);
}

static unsigned int rounds(void)
{
	return opt.quick && opt.rounds > QUICK_ROUNDS ? QUICK_ROUNDS : opt.rounds;
}

static long page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/*
 * Rounds in which all take turns: what goes on beside them is the same for all. Returns
 * how many page faults there were.
 */
static long measure(struct point *p, unsigned int n)
{
	unsigned int i, k, kind;
	long faults = page_faults();
	double ns[2];
	bool clean[2];

	for (i = 0; i < rounds(); i++) {
		for (k = 0; k < n; k++) {
			for (kind = RING; kind <= PLAIN; kind++) {
				warm(p[k].subject[kind]);
				clean[kind] = undisturbed(store_round, p[k].subject[kind]);
				ns[kind] = p[k].subject[kind]->ns;
				series_add(p[k].cost[kind], ns[kind], !clean[kind]);
			}
			series_add(p[k].ratio, ns[RING] / ns[PLAIN], !clean[RING] || !clean[PLAIN]);
		}
	}
	faults = page_faults() - faults;
	for (k = 0; k < n; k++) {
		verify(p[k].subject[RING]);
		subject_free(p[k].subject[RING]);
		subject_free(p[k].subject[PLAIN]);
		pages_unmap(p[k].at, p[k].bytes, p[k].pages);
	}
	return faults;
}

static const char *size_text(double bytes)
{
	return bytes >= 1 << 30 ? keep("%.0f GiB", bytes / (1 << 30)) :
	       bytes >= 1 << 20 ? keep("%.0f MiB", bytes / (1 << 20)) :
	       bytes >= 1 << 10 ? keep("%.0f KiB", bytes / (1 << 10)) :
				  keep("%.0f B", bytes);
}

/* The greatest cost to the least; *at: of the first point that is no longer flat. */
static double spread(const struct point *p, unsigned int n, unsigned int kind, double *at)
{
	double least = INFINITY, most = 0, median;
	unsigned int i;

	for (i = 0; i < n; i++) {
		median = series_median(p[i].cost[kind]);
		least = median < least ? median : least;
		most = median > most ? median : most;
	}
	*at = 0;
	/* Only what comes after the cheapest: the smallest ones have costs of their own. */
	for (i = n; i-- && series_median(p[i].cost[kind]) > BEND * least;)
		*at = p[i].x;
	return most / least;
}

static void say_bend(const char *section, const char *curve, const struct point *p, unsigned int n,
		     const char *(*text)(double x))
{
	static const char *const names[] = { "ring", "plain stores" };
	unsigned int kind;
	double ratio, at;

	for (kind = RING; kind <= PLAIN; kind++) {
		ratio = spread(p, n, kind, &at);
		note(section,
		     "%s: %s: %.1f ns at %s, %.1f ns at %s; %.2fx from least to most, %s%s", curve,
		     names[kind], series_median(p[0].cost[kind]), text(p[0].x),
		     series_median(p[n - 1].cost[kind]), text(p[n - 1].x), ratio,
		     at > 0 ? "bends at " : "does not bend", at > 0 ? text(at) : "");
	}
}

/* A file of the writer's cache @index; false: there is none. */
static bool cache_file(unsigned int index, const char *name, char text[32])
{
	char path[128];
	bool ok;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cache/index%u/%s", opt.cpu[0],
		 index, name);
	f = fopen(path, "re");
	ok = f && fscanf(f, "%31s", text) == 1;
	if (f)
		fclose(f);
	return ok;
}

static void say_caches(const char *section)
{
	char level[32], type[32], size[32], ways[32], line[160] = "";
	unsigned int i;

	for (i = 0; cache_file(i, "level", level) && cache_file(i, "type", type); i++)
		if (strcmp(type, "Instruction") && cache_file(i, "size", size) &&
		    cache_file(i, "ways_of_associativity", ways))
			snprintf(line + strlen(line), sizeof(line) - strlen(line),
				 " L%s %s of %s ways", level, size, ways);
	note(section, "the writer's caches:%s", line[0] ? line : " this machine does not say");
}

static uint64_t available_bytes(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib << 10;
}

/* At most a third of what there is: nobody else shall notice. */
static uint64_t affordable(void)
{
	return available_bytes() / 3;
}

static const char *const page_names[] = {
	[PAGES_SMALL] = "small pages",
	[PAGES_HUGETLB] = "huge pages",
	[PAGES_TRANSPARENT] = "huge pages",
};

#define SIZES	  8u /* 64 KiB to 1 GiB, by four */
#define SIZES_SUM (SEQRING_DATA_SIZE_MAX / 3 * 4 + SIZES * (4u << 20))

/* Returns how many points there are. */
static unsigned int add_sizes(struct point *p, uint32_t len, enum pages pages, const char *curve)
{
	const char *section = "growth-size";
	uint64_t size = SEQRING_DATA_SIZE_MIN;
	unsigned int n;

	for (n = 0; n < SIZES; n++, size *= 4) {
		if (size <= affordable() / 3 &&
		    point_init(&p[n], section, curve, (double)size, size, 1, len, pages))
			continue;
		note(section, "SKIPPED: %s, from %s on: there is not enough memory", curve,
		     size_text((double)size));
		break;
	}
	return n;
}

/*
 * Small records cost what their instructions do, in a ring of any size. Long ones cost
 * what the memory does, and that bends for plain stores, too: so what counts of them is
 * whether the ring bends more.
 */
static void say_sizes(const char *curve, uint32_t len, const struct point *p, unsigned int n)
{
	double ring, plain, at;

	if (!n)
		return;
	say_bend("growth-size", curve, p, n, size_text);
	ring = n == SIZES ? spread(p, n, RING, &at) : NAN;
	plain = spread(p, n, PLAIN, &at);
	if (len <= SMALL_LEN)
		target("growth-size",
		       keep("%s: costliest ring of 64 KiB to 1 GiB, to cheapest", curve), ring, "x",
		       AT_MOST, FLAT);
	else
		target("growth-size",
		       keep("%s: growth of the ring's cost, to that of plain stores", curve),
		       ring / plain, "x", AT_MOST, FLAT);
}

static void sizes(enum pages huge, uint32_t len)
{
	const char *curve[2] = {
		keep("%s, %s", size_text(len), page_names[PAGES_SMALL]),
		keep("%s, %s", size_text(len), page_names[huge]),
	};
	struct point p[2 * SIZES];
	unsigned int n[2] = { 0, 0 };

	n[0] = add_sizes(p, len, PAGES_SMALL, curve[0]);
	if (huge != PAGES_SMALL)
		n[1] = add_sizes(p + n[0], len, huge, curve[1]);
	note("growth-size", "%s: page faults in all rounds together: %ld", size_text(len),
	     measure(p, n[0] + n[1]));
	say_sizes(curve[0], len, p, n[0]);
	say_sizes(curve[1], len, p + n[0], n[1]);
	if (n[0] == SIZES && n[1] == SIZES)
		note("growth-size",
		     "%s in huge pages at %s: ring %.2fx, plain stores %.2fx of small ones",
		     size_text(len), size_text(p[n[0] - 1].x),
		     series_ratio(p[2 * SIZES - 1].cost[RING], p[SIZES - 1].cost[RING]),
		     series_ratio(p[2 * SIZES - 1].cost[PLAIN], p[SIZES - 1].cost[PLAIN]));
}

static void all_sizes(void)
{
	const char *section = "growth-size", *why = "not enough memory";
	enum pages huge = PAGES_SMALL;

	section_describe(
		section, "Growth: size of the ring",
		"What a record costs while nobody reads, in rings of 64 KiB to 1 GiB, and what "
		"storing the same headers and payloads into the same memory costs. All pages "
		"are there before. Each round goes on where the last one ended; what the "
		"caches can hold they hold.");
	plot_describe(section, "growth-size-cost", "Cost of a record by size of the ring",
		      "ring, bytes", "ns", PLOT_LOG_X | PLOT_LOG_Y);
	plot_describe(section, "growth-size-ratio", "Cost to plain stores by size of the ring",
		      "ring, bytes", "x plain stores", PLOT_LOG_X);
	if (!opt.quick && affordable() > 2 * SIZES_SUM)
		huge = pages_huge(SIZES_SUM, &why);
	if (opt.quick)
		note(section, "a quick run has no huge pages, and one size of records");
	else
		note(section, "%shuge pages: %s", huge == PAGES_SMALL ? "SKIPPED: " : "", why);
	sizes(huge, 32);
	if (!opt.quick)
		sizes(huge, 1024);
	pages_restore();
	say_caches(section);
}

/* From 8 bytes to 256 KiB. */
static void records(void)
{
	const char *section = "growth-record", *curve = page_names[PAGES_SMALL];
	unsigned int n = 0, i, worst = 0;
	struct point p[16];
	uint32_t len;

	section_describe(
		section, "Growth: size of the record",
		"What a record of 8 bytes to 256 KiB costs in a ring of 32 MiB while nobody "
		"reads, and what storing the same bytes does.");
	plot_describe(section, "growth-record-cost", "Cost of a record by its size",
		      "payload, bytes", "ns", PLOT_LOG_X | PLOT_LOG_Y);
	plot_describe(section, "growth-record-ratio", "Cost to plain stores by size of the record",
		      "payload, bytes", "x plain stores", PLOT_LOG_X);
	for (len = 8; len <= LEN_MAX; len *= opt.quick ? 8 : 2, n++)
		if (!point_init(&p[n], section, curve, len, RING_LARGE, 1, len, PAGES_SMALL))
			fail("no memory for a ring");
	measure(p, n);
	for (i = 0; i < n; i++)
		if (series_median(p[i].ratio) > series_median(p[worst].ratio))
			worst = i;
	for (i = 0; i < n; i += n - 1)
		note(section, "%s: %.1f ns, %.2fx plain stores, %.2f GB/s", size_text(p[i].x),
		     series_median(p[i].cost[RING]), series_median(p[i].ratio),
		     p[i].x / series_median(p[i].cost[RING]));
	note(section, "dearest beside plain stores at %s: %.2fx", size_text(p[worst].x),
	     series_median(p[worst].ratio));
}

static const char *rings_text(double x)
{
	return keep("%.0f", x);
}

/* 1 to 64, of 32 MiB together. */
static void rings(void)
{
	const char *section = "growth-rings", *curve = "32 B, 32 MiB in all";
	struct point p[RINGS_MAX];
	unsigned int n = 0;
	uint32_t nr;

	section_describe(
		section, "Growth: number of rings",
		"One writer publishes records of 32 bytes to 1 to 64 rings in turn, which have "
		"32 MiB together, so that the caches see as much memory each time. Plain "
		"stores go to as many places in turn.");
	plot_describe(section, "growth-rings-cost", "Cost of a record by number of rings", "rings",
		      "ns", PLOT_LOG_X | PLOT_LOG_Y);
	plot_describe(section, "growth-rings-ratio", "Cost to plain stores by number of rings",
		      "rings", "x plain stores", PLOT_LOG_X);
	for (nr = 1; nr <= RINGS_MAX; nr *= 2, n++)
		if (!point_init(&p[n], section, curve, nr, RING_LARGE / nr, nr, 32, PAGES_SMALL))
			fail("no memory for %u rings", nr);
	measure(p, n);
	say_bend(section, "by number of rings", p, n, rings_text);
	say_caches(section);
	note(section, "rings that start at pages keep pace: their lines have the same place in a "
		      "page, and compete for the ways of the same sets of the first cache");
}

void bench_growth(void)
{
	all_sizes();
	growth_first_lap(rounds());
	records();
	peers_4k();
	rings();
	growth_readers();
}

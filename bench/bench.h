/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of ringbench share: two pinned cores, memory as a memfd ring
 * has it, rounds that alternate, and a report.
 */
#ifndef RINGBENCH_BENCH_H
#define RINGBENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define BENCH_ROUNDS_MAX 1000u
#define BENCH_TRIES	 3u /* of one round that was disturbed */

/*
 * @ring_size: bytes of every data area and of every contender's buffer; 0: what
 *             each part takes by itself, see ring_size()
 * @seconds:   length of the run that may lose nothing
 * @round_ms:  length of one measurement
 * @rounds:    measurements of each contender
 * @quick:     all parts together in less than a minute: leave out what no target needs
 * @cpu:       the writer's core, the reader's core
 */
struct bench_options {
	uint64_t ring_size;
	double seconds;
	unsigned int round_ms;
	unsigned int rounds;
	bool quick;
	int cpu[2];
};

extern struct bench_options opt;

/*
 * Two sizes are of interest. A ring of 4 MiB stays in the caches of both cores:
 * the writer of such a ring, when it goes round flat out, has to take every line
 * back from the reader's. One of 32 MiB does not: lines have left the caches when
 * the writer comes round, as they have at the pace of any real producer.
 */
#define RING_CACHED (4u << 20)
#define RING_LARGE  (32u << 20)

static inline uint64_t ring_size(uint64_t by_default)
{
	return opt.ring_size ? opt.ring_size : by_default;
}

/* A part of the bench. Each runs its contenders in turn, @opt.rounds times. */
void bench_writer(void);
void bench_reader(void);
void bench_stamped(void);
void bench_bulk(void);
void bench_latency(void);
void bench_latency_sleep(void);
void bench_latency_lines(void);
void bench_peers(void);
void bench_growth(void);
void bench_bpf(void);
void bench_bpf_size(void);
void bench_bpf_rate(void);
void bench_bpf_fan(void);
void bench_bpf_wake(void);

/* Harness. All of them end the program when the machine refuses. */
uint64_t now_ns(void);
uint64_t cpu_ns(void); /* processor time of this thread */
void pin_to(int cpu);
/* A ring of the library's, without a clock. */
struct ring_writer *library_writer(uint64_t size);
/* Zeroed memory of a memfd, touched; @readonly: a second mapping of it. */
void *map_shared(size_t size, const void **readonly);

/* Ends the program with status 2: what was read is not what was written. */
void wrong(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Runs fn(arg) on the reader's core; one at a time. */
void other_start(void (*fn)(void *arg), void *arg);
void other_wait(void);

/*
 * Whether something else ran on a core during a measurement: the benchmark's
 * threads never sleep, so their processor time is the time that has passed.
 */
struct watch {
	uint64_t start_ns;
	uint64_t start_cpu_ns;
};

void watch_start(struct watch *w);
bool watch_disturbed(const struct watch *w);

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__asm__ __volatile__("" : : : "memory");
#endif
}

/* Ticks of the fastest clock that both cores share, and what one is worth. */
static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
	unsigned int aux;

	return __builtin_ia32_rdtscp(&aux);
#else
	return now_ns();
#endif
}

double ns_per_tick(void);

/* Waits without touching memory. */
static inline void pause_ticks(uint64_t n)
{
	uint64_t start = ticks();

	while (ticks() - start < n)
		cpu_relax();
}

/* Makes the compiler forget what it knows about a value. */
static inline uint32_t opaque(uint32_t x)
{
	__asm__ __volatile__("" : "+r"(x));
	return x;
}

/*
 * Report. A series has one value per round; round i of all series of a section
 * was measured at about the same time, so their ratio is taken round by round.
 * Strings are kept, not copied, unless it says otherwise.
 */
struct series;

/* What the section is about: a heading, and a paragraph in Markdown. Optional. */
void section_describe(const char *section, const char *title, const char *text);

/* Lives as long as the program. */
struct series *series_new(const char *section, const char *name, const char *unit);
void series_add(struct series *s, double value, bool disturbed);
double series_median(const struct series *s);
/* Medians over the rounds of a / b and of a - b. */
double series_ratio(const struct series *a, const struct series *b);
double series_difference(const struct series *a, const struct series *b);
/* Shows the ratio beside @s. */
void series_compare(struct series *s, const struct series *peer);
/* Adds to what @s published, and lost or dropped of that: shown beside it. */
void series_account(struct series *s, uint64_t published, uint64_t lost);

/*
 * A plot, drawn from the series that are points of it: each is the point at @x of
 * the curve with that name, and y is its median. They are left out of the tables.
 */
enum {
	PLOT_LOG_X = 1,
	PLOT_LOG_Y = 2,
	PLOT_PERCENTILE_X = 4, /* x is a percentile: 99 and 99.9 are as far apart as 90 and 99 */
};
void plot_describe(const char *section, const char *plot, const char *title, const char *x_label,
		   const char *y_label, unsigned int flags);
void series_point(struct series *s, const char *plot, const char *curve, double x);

/* A string that lives as long as the program. */
const char *keep(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

enum bound { AT_MOST, AT_LEAST };
void target(const char *section, const char *what, double value, const char *unit, enum bound bound,
	    double limit);
void note(const char *section, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * What is reported from now on belongs to this part; and forget what does, as it is
 * measured again. Results stand in the order of the parts.
 */
void report_part(unsigned int part);
void report_forget(unsigned int part);
/* Targets of which @factor to spare is asked; before any of them is reported. */
void report_margin(double factor);

void report_print(FILE *out);
int report_json(const char *path);
/* Those with @out name what is not as it should be; each returns whether, or how much. */
bool report_part_missed(unsigned int part, FILE *out);
bool report_part_empty(unsigned int part); /* nothing belongs to it */
unsigned int report_missed(FILE *out);
unsigned int report_skipped(FILE *out); /* what a note says was SKIPPED */

/*
 * Runs one round of a measurement until nothing disturbed it, at most
 * BENCH_TRIES times. The function returns whether it was disturbed.
 */
bool undisturbed(bool (*round)(void *arg), void *arg);

#endif

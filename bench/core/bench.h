/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core of ringbench and vmbench: options, two pinned cores, memory as a memfd ring has
 * it, contenders that take turns, and samples as lines of JSON. Cases are built on it; it
 * knows none of them.
 */
#ifndef RINGBENCH_BENCH_H
#define RINGBENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../../tests/lib/clock.h"

#define NR(list)     (sizeof(list) / sizeof((list)[0]))
#define BENCH_TRIES  3u /* of one round that was disturbed */
#define QUICK_ROUNDS 5u /* of a quick run, in cases with many contenders */

/*
 * @ring_size: bytes of every data area and of every contender's buffer; 0: the default of
 *             each case, see ring_size()
 * @seconds:   length of the run that may lose nothing
 * @round_ms:  length of one round
 * @rounds:    rounds of each contender
 * @quick:     all cases together in less than a minute: leave out what no target needs
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
 * Two sizes are of interest. A ring of 4 MiB stays in the caches of both cores: when its
 * writer goes round flat out, it has to take every line back from the reader's cache. A
 * ring of 32 MiB does not: lines have left the caches when the writer comes round, as they
 * have at the pace of any real producer.
 */
#define RING_CACHED (4u << 20)
#define RING_LARGE  (32u << 20)

static inline uint64_t ring_size(uint64_t by_default)
{
	return opt.ring_size ? opt.ring_size : by_default;
}

static inline unsigned int few_rounds(void)
{
	return opt.quick && opt.rounds > QUICK_ROUNDS ? QUICK_ROUNDS : opt.rounds;
}

/*
 * A program: a table of cases. @counted: the case needs a clock that
 * counts instructions. Such a case runs only with --counted, the others only without it.
 */
struct bench_case {
	const char *name;
	void (*run)(void);
	const char *what;
	bool counted;
};

struct bench_program {
	const char *name;
	const char *about;
	const struct bench_case *parts;
	size_t nr;
	struct bench_options full;
	struct bench_options quick;
};

int bench_main(const struct bench_program *program, int argc, char **argv);

/* Harness. These functions end the program when the machine refuses. */
void pin_to(int cpu);
/* Zeroed memory, aligned to two cache lines. */
void *alloc(size_t size);
/* Zeroed and touched memory of a memfd; @readonly: a second mapping of it. */
void *map_shared(size_t size, const void **readonly);
/* Formats a string that is never freed. */
const char *keep(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* 1024: "1 KiB". */
const char *size_text(uint64_t bytes);

void end_with(int status, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
#define wrong(...) end_with(2, __VA_ARGS__) /* wrong data was read */
#define fail(...)  end_with(3, __VA_ARGS__) /* this machine cannot run it */

/* Runs fn(arg) on the reader's core; one at a time. */
void other_start(void (*fn)(void *arg), void *arg);
void other_wait(void);

/*
 * True if something else ran on a core during a measurement. A thread that never sleeps
 * has as much processor time as has passed; one that sleeps is judged by how often it was
 * preempted.
 */
struct watch {
	uint64_t start_ns;
	uint64_t start_cpu_ns;
	long preempted;
	long slept;
};

void watch_start(struct watch *w);
bool watch_disturbed(const struct watch *w);
bool watch_sleeper_disturbed(const struct watch *w);
/* How often the thread went to sleep. */
long watch_sleeps(const struct watch *w);

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__asm__ __volatile__("" : : : "memory");
#endif
}

/* Ticks of the fastest clock that both cores share, and the length of one tick. */
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

static inline uint64_t ticks_of_ns(double ns)
{
	return (uint64_t)(ns / ns_per_tick());
}

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
 * A contender of a section. Contenders take turns, round after round; each round becomes a
 * sample. Sample i of all contenders of a section was taken at about the same time.
 *
 * @round:   measures, calls contender_set() for each figure, and returns whether something
 *           disturbed it; a disturbed round is repeated, BENCH_TRIES times at most
 * @warm_up: before the first round; NULL: one round that does not count
 * @ticks, @nr_ticks: a figure of each of its records, in ticks; optional
 * @tick_ns: the length of such a tick; 0: ns_per_tick()
 */
struct contender {
	const char *name;
	bool (*round)(struct contender *c);
	void (*warm_up)(struct contender *c);
	struct figure {
		const char *key;
		double value;
	} figure[12];
	unsigned int nr_figures;
	uint64_t *ticks;
	uint64_t nr_ticks;
	double tick_ns;
};

/* The unit belongs to the key: "writer_ns". */
void contender_set(struct contender *c, const char *key, double value);
/* A warm_up that does nothing. */
void contender_cold(struct contender *c);
/* Runs all contenders in each round. Leaves out contenders that are NULL. */
void alternate(const char *section, struct contender *const *c, unsigned int n,
	       unsigned int rounds);

/*
 * The output: one JSON object a line. The first line describes the run and the machine;
 * each other line is a sample or a note.
 */
int emit_open(const char *path); /* NULL: standard output */
int emit_close(void);
void emit_run(void);
void emit_part(const char *part); /* everything from now on belongs to this part */
bool emit_part_empty(void);
void emit_sample(const char *section, const struct contender *c, unsigned int round,
		 bool disturbed);
/* A note that begins with SKIPPED says what could not be measured. */
#define emit_note(section, ...) emit_note_text(section, keep(__VA_ARGS__))
void emit_note_text(const char *section, const char *text);
/* Members of an object, for the description of the run. */
void emit_key(const char *key);
void emit_text(const char *key, const char *text);
void emit_number(const char *key, double value);
void emit_object(const char *key);
void emit_end(void);
void emit_line(void); /* ends the outermost object, and the line */

#endif

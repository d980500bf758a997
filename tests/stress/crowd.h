/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of crowds and of dying writers share: records that prove themselves. */
#ifndef TESTS_NATIVE_CROWD_H
#define TESTS_NATIVE_CROWD_H

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libring.h"

#define PAYLOAD_WORDS 4u

static unsigned int failures;

__attribute__((format(printf, 1, 2))) static inline void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
	va_end(ap);
}

__attribute__((format(printf, 3, 4))) static inline void check(bool good, const char *name,
							       const char *fmt, ...)
{
	va_list ap;

	if (good) {
		printf("ok %s\n", name);
	} else {
		failures++;
		va_start(ap, fmt);
		printf("not ok %s - ", name);
		vprintf(fmt, ap);
		printf("\n");
		va_end(ap);
	}
	fflush(stdout);
}

__attribute__((noreturn)) static inline void die(const char *what)
{
	printf("not ok %s - %s; %s\n", what, strerror(errno), ring_strerror());
	fflush(stdout);
	_exit(1);
}

static inline uint64_t clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

static inline uint64_t cpu_ns(void)
{
	return clock_of(CLOCK_THREAD_CPUTIME_ID);
}

static inline void nap_us(uint64_t us)
{
	struct timespec ts = { .tv_sec = (time_t)(us / 1000000),
			       .tv_nsec = (long)(us % 1000000) * 1000 };

	nanosleep(&ts, NULL);
}

static inline struct ring_writer *crowd_writer(uint64_t data_size)
{
	struct ring_writer_opts opts = { .size = sizeof(opts), .data_size = data_size };
	struct ring_writer *w;

	if (ring_writer_create(&opts, &w))
		die("ring_writer_create");
	return w;
}

static inline uint64_t crowd_word(uint64_t seq, unsigned int i)
{
	return (seq + 1) * 0x9e3779b97f4a7c15ULL + i * 0x10001ULL;
}

static inline void crowd_publish(struct ring_writer *w, uint64_t seq)
{
	uint64_t words[PAYLOAD_WORDS];
	unsigned int i;

	for (i = 0; i < PAYLOAD_WORDS; i++)
		words[i] = crowd_word(seq, i);
	if (ring_writer_publish(w, 0, (uint16_t)seq, words, sizeof(words)))
		die("ring_writer_publish");
}

static inline bool crowd_ok(const struct ring_record *rec, const uint64_t *words)
{
	unsigned int i;

	if (rec->len != PAYLOAD_WORDS * 8 || rec->type != (uint16_t)rec->seq)
		return false;
	for (i = 0; i < PAYLOAD_WORDS; i++)
		if (words[i] != crowd_word(rec->seq, i))
			return false;
	return true;
}

static inline struct ring_stats crowd_stats(struct ring_reader *r)
{
	struct ring_stats st = { .size = sizeof(st) };

	if (ring_stats(r, &st))
		die("ring_stats");
	return st;
}

#endif /* TESTS_NATIVE_CROWD_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffered standard output; a signal always interrupts it. */
#ifndef LIB_OUT_H
#define LIB_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * struct out - buffered standard output
 * @err: -errno of the first failure; nothing is written afterwards
 * @signal: the signal that arrived while a write waited for space
 * @direct: a file: a write never waits for another process
 */
struct out {
	char *buf;
	size_t len;
	size_t cap;
	int err;
	int signal;
	bool direct;
};

void out_init(struct out *o);
void out_free(struct out *o);

/* Makes the buffer larger. Return: as out_reserve(). */
char *out_grow(struct out *o, size_t n);

/* Makes space for @n more bytes, which the caller adds to ->len. Return: NULL: ->err is set. */
static inline char *out_reserve(struct out *o, size_t n)
{
	if (o->buf && !o->err && n <= o->cap - o->len)
		return o->buf + o->len;
	return out_grow(o, n);
}

static inline void out_append(struct out *o, const void *p, size_t n)
{
	char *dst = out_reserve(o, n);

	if (dst && n) {
		memcpy(dst, p, n);
		o->len += n;
	}
}

static inline void out_string(struct out *o, const char *s)
{
	out_append(o, s, strlen(s));
}

/* Appends at most 255 bytes. Millions of lines a second need the functions around this one. */
void out_printf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As printf() of %llu, %lld, %0*llu and 0x%llx; @width: 1 to 20. */
void out_uint(struct out *o, uint64_t v);
void out_int(struct out *o, int64_t v);
void out_digits(struct out *o, uint64_t v, unsigned int width);
void out_hex(struct out *o, uint64_t v);

/* Writes the buffer. Return: ->err. */
int out_flush(struct out *o);

/**
 * out_wait() - flush, then sleep until there is input or a reason to stop
 * @o: its ->signal or ->err says why to stop
 * @ns: sleep at most this long; UINT64_MAX: without a limit
 * @fd: a descriptor whose input ends the sleep; -1: none
 * @other_fd: another one
 *
 * It also returns when nobody is left to read standard output (-EPIPE).
 */
void out_wait(struct out *o, uint64_t ns, int fd, int other_fd);

/* Notes a pending signal in ->signal. Return: whether ->signal is set. */
bool out_check_signal(struct out *o);

#endif /* LIB_OUT_H */

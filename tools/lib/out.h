/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffered standard output; a signal always interrupts it. */
#ifndef LIB_OUT_H
#define LIB_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Makes space for @n more bytes, which the caller adds to ->len. Return: NULL: ->err is set. */
char *out_reserve(struct out *o, size_t n);
void out_append(struct out *o, const void *p, size_t n);
/* Appends at most 255 bytes. */
void out_printf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

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

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Standard output may be a pipe that nobody reads or a stopped terminal. write(2) would
 * then sleep with the signals blocked. It is therefore called only after poll(2) reported
 * space, and with no more than PIPE_BUF bytes, for which poll(2) guarantees the space.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "out.h"
#include "signals.h"

/* After a signal, the pipe's reader has this long to take the rest. */
#define GRACE_NS NSEC_PER_SEC

void out_init(struct out *o)
{
	struct stat st;

	memset(o, 0, sizeof(*o));
	o->direct = !fstat(STDOUT_FILENO, &st) && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

void out_free(struct out *o)
{
	free(o->buf);
	o->buf = NULL;
}

char *out_grow(struct out *o, size_t n)
{
	size_t need, cap;
	char *p;

	if (o->err)
		return NULL;
	if (__builtin_add_overflow(o->len, n, &need) || need > SIZE_MAX / 2) {
		o->err = -ENOMEM;
		return NULL;
	}
	for (cap = o->cap ? o->cap : 1 << 17; cap < need; cap *= 2)
		;
	p = realloc(o->buf, cap);
	if (!p) {
		o->err = -ENOMEM;
		return NULL;
	}
	o->buf = p;
	o->cap = cap;
	return p + o->len;
}

void out_printf(struct out *o, const char *fmt, ...)
{
	const size_t max = 256;
	char *dst = out_reserve(o, max);
	va_list ap;
	int n;

	if (!dst)
		return;
	va_start(ap, fmt);
	n = vsnprintf(dst, max, fmt, ap);
	va_end(ap);
	if (n > 0)
		o->len += (size_t)n < max ? (size_t)n : max - 1;
}

#define DIGITS_MAX 20

/* 00 to 99. */
#define TEN(d) d, '0', d, '1', d, '2', d, '3', d, '4', d, '5', d, '6', d, '7', d, '8', d, '9'
static const char pairs[] = { TEN('0'), TEN('1'), TEN('2'), TEN('3'), TEN('4'),
			      TEN('5'), TEN('6'), TEN('7'), TEN('8'), TEN('9') };

/* Puts the digits of @v in front of @end, two at a time. Return: the first. */
static char *digits_before(char *end, uint64_t v)
{
	while (v >= 100) {
		end -= 2;
		memcpy(end, &pairs[2 * (v % 100)], 2);
		v /= 100;
	}
	if (v >= 10) {
		end -= 2;
		memcpy(end, &pairs[2 * v], 2);
	} else {
		*--end = (char)('0' + v);
	}
	return end;
}

void out_uint(struct out *o, uint64_t v)
{
	char buf[DIGITS_MAX], *end = buf + sizeof(buf), *p = digits_before(end, v);

	out_append(o, p, (size_t)(end - p));
}

void out_int(struct out *o, int64_t v)
{
	if (v < 0)
		out_append(o, "-", 1);
	out_uint(o, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void out_digits(struct out *o, uint64_t v, unsigned int width)
{
	char buf[2 * DIGITS_MAX], *end = buf + sizeof(buf), *p = digits_before(end, v);

	while (p > end - width)
		*--p = '0';
	out_append(o, p, (size_t)(end - p));
}

void out_hex(struct out *o, uint64_t v)
{
	char buf[18], *end = buf + sizeof(buf), *p = end;

	do {
		*--p = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v);
	*--p = 'x';
	*--p = '0';
	out_append(o, p, (size_t)(end - p));
}

/* Return: 1: there is space; 0: ask again; -errno: give up. */
static int wait_for_space(struct out *o, uint64_t *deadline)
{
	struct pollfd fds[2] = {
		{ .fd = STDOUT_FILENO, .events = POLLOUT },
		{ .fd = signals_fd(), .events = POLLIN },
	};
	uint64_t now;
	int timeout = -1;

	if (o->signal) {
		now = now_ns();
		if (!*deadline)
			*deadline = now + GRACE_NS;
		if (now >= *deadline)
			return -EINTR;
		timeout = (int)((*deadline - now) / 1000000) + 1;
	}
	if (poll(fds, 2, timeout) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[1].revents) {
		int sig = signals_take();

		if (sig && o->signal)
			return -EINTR;
		if (sig)
			o->signal = sig;
	}
	/* After POLLERR as well: write(2) then returns the reason. */
	return fds[0].revents != 0;
}

int out_flush(struct out *o)
{
	uint64_t deadline = 0;
	size_t done = 0;

	if (!o->len)
		return o->err;
	while (!o->err && done < o->len) {
		size_t n = o->len - done;
		ssize_t wrote;

		if (!o->direct) {
			int r = wait_for_space(o, &deadline);

			if (r <= 0) {
				o->err = r;
				continue;
			}
			if (n > PIPE_BUF)
				n = PIPE_BUF;
		}
		wrote = write(STDOUT_FILENO, o->buf + done, n);
		if (wrote >= 0) {
			done += (size_t)wrote;
			deadline = 0;
		} else if (errno != EINTR && errno != EAGAIN) {
			o->err = -errno;
		}
	}
	memmove(o->buf, o->buf + done, o->len - done);
	o->len -= done;
	return o->err;
}

bool out_check_signal(struct out *o)
{
	int sig = signals_take();

	if (sig)
		o->signal = sig;
	return o->signal;
}

void out_wait(struct out *o, uint64_t ns, int fd, int other_fd)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd(), .events = POLLIN },
		{ .fd = STDOUT_FILENO }, /* for POLLERR */
		{ .fd = fd, .events = POLLIN },
		{ .fd = other_fd, .events = POLLIN },
	};

	if (out_flush(o) || o->signal)
		return;
	if (poll_ns(fds, 4, ns) < 0)
		return;
	if (fds[0].revents)
		out_check_signal(o);
	if (fds[1].revents & (POLLERR | POLLHUP))
		o->err = -EPIPE;
}

// SPDX-License-Identifier: GPL-2.0-only
/* The input of ringctl publish, cut into records. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/message.h"
#include "publish.h"

#define READ_BYTES (1u << 16)

int publish_next_record(struct publish_input *in, const struct publish_opts *opts, size_t max,
			const char **payload, size_t *len)
{
	size_t have = in->len - in->start;
	char *end = NULL;
	size_t n = have;

	if (opts->unit != PUBLISH_WHOLE && in->scanned < in->len)
		end = memchr(in->buf + in->scanned, opts->unit == PUBLISH_NULS ? '\0' : '\n',
			     in->len - in->scanned);
	in->scanned = in->len;
	if (end)
		n = (size_t)(end - in->buf) - in->start + opts->keep_newline;
	if (n > max)
		return -EMSGSIZE;
	/* The last line may lack its newline; an empty rest after a newline is not a line. */
	if (!end && (!in->eof || (!have && opts->unit != PUBLISH_WHOLE)))
		return 0;
	*payload = in->buf + in->start;
	*len = n;
	in->start = end ? (size_t)(end - in->buf) + 1 : in->len;
	in->scanned = in->start;
	return 1;
}

int publish_read_more(struct publish_input *in, const struct publish_opts *opts)
{
	const char *file = opts->file ? opts->file : "standard input";
	ssize_t n;

	if (in->start) {
		memmove(in->buf, in->buf + in->start, in->len - in->start);
		in->len -= in->start;
		in->scanned -= in->start;
		in->start = 0;
	}
	if (in->cap - in->len < READ_BYTES) {
		/* Bounded: a record above the largest payload is refused before. */
		size_t cap = in->cap ? 2 * in->cap : (size_t)2 * READ_BYTES;
		char *buf = realloc(in->buf, cap);

		if (!buf)
			return fail("publish", "%s: %s", file, strerror(ENOMEM));
		in->buf = buf;
		in->cap = cap;
	}
	n = read(in->fd, in->buf + in->len, in->cap - in->len);
	if (n > 0)
		in->len += (size_t)n;
	else if (!n)
		in->eof = true;
	else if (errno != EINTR && errno != EAGAIN)
		return fail("publish", "%s: %s", file, strerror(errno));
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * What the Go package calls. A goroutine may go on in another thread after each call, and
 * ring_strerror() is of the thread: so the sentence is fetched in the call that failed. A walk over
 * a record's fields is one call, too, since a call from C to Go costs more than a field.
 */
#ifndef GO_GLUE_H
#define GO_GLUE_H

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libring.h>
#include <libring/schema.h>

#define GLUE_TEXT 512

/* What C fills in each call that reads, in memory of C: Go's would be allocated anew each time. */
struct glue_call {
	unsigned int nr;
	char text[GLUE_TEXT];
};

struct glue_fields {
	struct ring_field *fields;
	size_t nr;
	size_t cap;
	size_t used;
};

/* Keeps the sentence of a failure. -EAGAIN is none. Return: @rc. */
static inline int glue_keep(int rc, char *text)
{
	if (rc && rc != -EAGAIN)
		snprintf(text, GLUE_TEXT, "%s", ring_strerror());
	return rc;
}

static inline int glue_open(const char *where, const struct ring_open_opts *opts,
			    struct ring_reader **out, char *text)
{
	return glue_keep(ring_open(where, opts, out), text);
}

static inline int glue_open_fd(int fd, const struct ring_open_opts *opts, struct ring_reader **out,
			       char *text)
{
	return glue_keep(ring_open_fd(fd, opts, out), text);
}

static inline int glue_open_fds(const struct ring_fds *fds, const struct ring_open_opts *opts,
				struct ring_reader **out, char *text)
{
	return glue_keep(ring_open_fds(fds, opts, out), text);
}

static inline int glue_read_batch(struct ring_reader *r, struct ring_record *recs, unsigned int max,
				  void *buf, size_t size, struct glue_call *call)
{
	return glue_keep(ring_read_batch(r, recs, max, buf, size, &call->nr), call->text);
}

static inline int glue_read(struct ring_reader *r, struct ring_record *rec, void *buf, size_t size,
			    struct glue_call *call)
{
	return glue_keep(ring_read(r, rec, buf, size), call->text);
}

static inline int glue_newest(struct ring_reader *r, unsigned int ring, struct ring_record *rec,
			      void *buf, size_t size, char *text)
{
	return glue_keep(ring_newest(r, ring, rec, buf, size), text);
}

static inline int glue_wait(struct ring_reader *r, int timeout_ms, char *text)
{
	return glue_keep(ring_wait(r, timeout_ms), text);
}

static inline int glue_seek(struct ring_reader *r, unsigned int whence, uint64_t value, char *text)
{
	return glue_keep(ring_seek(r, (enum ring_whence)whence, value), text);
}

static inline int glue_info(struct ring_reader *r, struct ring_info *info, char *text)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return glue_keep(ring_info(r, info), text);
}

static inline int glue_stats(struct ring_reader *r, struct ring_stats *stats, char *text)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	return glue_keep(ring_stats(r, stats), text);
}

static inline int glue_wall_time(struct ring_reader *r, uint64_t ts_ns, uint64_t *realtime_ns,
				 char *text)
{
	return glue_keep(ring_wall_time(r, ts_ns, realtime_ns), text);
}

/* Compiles @expression for the ring's schema and sets the filter; "" removes it. */
static inline int glue_filter(struct ring_reader *r, const char *expression, char *text)
{
	struct ring_info info = { .size = sizeof(info) };
	struct ring_schema *schema = NULL;
	struct ring_filter *filter = NULL;
	int err;

	if (!*expression)
		return glue_keep(ring_set_filter(r, NULL), text);
	err = ring_info(r, &info);
	if (!err && info.schema_size)
		err = ring_schema_open(info.schema, info.schema_size, &schema);
	if (!err)
		err = ring_filter_compile(schema, expression, &filter);
	if (!err)
		err = ring_set_filter(r, filter);
	glue_keep(err, text);
	ring_filter_free(filter);
	ring_schema_close(schema);
	return err;
}

static inline int glue_schema_open(struct ring_reader *r, struct ring_schema **out, char *text)
{
	struct ring_info info = { .size = sizeof(info) };
	int err = ring_info(r, &info);

	*out = NULL;
	if (!err && info.schema_size)
		err = ring_schema_open(info.schema, info.schema_size, out);
	return glue_keep(err, text);
}

static inline int glue_add(const struct ring_field *f, void *arg)
{
	struct glue_fields *g = arg;

	if (g->nr == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 64;
		struct ring_field *fields = realloc(g->fields, cap * sizeof(*fields));

		if (!fields)
			return -ENOMEM;
		g->fields = fields;
		g->cap = cap;
	}
	g->fields[g->nr++] = *f;
	return 0;
}

static inline int glue_walk(const struct ring_schema *s, uint16_t type, const void *payload,
			    size_t len, struct glue_fields *g, char *text)
{
	g->nr = 0;
	return glue_keep(ring_schema_walk(s, type, payload, len, glue_add, g, &g->used), text);
}

static inline const char *glue_type_name(const struct ring_schema *s, uint16_t type)
{
	struct ring_schema_type info = { .size = sizeof(info) };

	return ring_schema_type(s, type, &info) ? NULL : info.name;
}

static inline int glue_writer_create(const struct ring_writer_opts *opts, struct ring_writer **out,
				     char *text)
{
	return glue_keep(ring_writer_create(opts, out), text);
}

static inline int glue_publish(struct ring_writer *w, unsigned int ring, uint16_t type,
			       const void *payload, size_t len, char *text)
{
	return glue_keep(ring_writer_publish(w, ring, type, payload, len), text);
}

static inline int glue_listen(struct ring_writer *w, const char *where, int *fd, char *text)
{
	return glue_keep(ring_writer_listen(w, where, fd), text);
}

/* Serves for @timeout_ms at most. */
static inline int glue_serve(struct ring_writer *w, int fd, int timeout_ms, char *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, timeout_ms) <= 0)
		return 0;
	return glue_keep(ring_writer_serve(w), text);
}

#endif /* GO_GLUE_H */

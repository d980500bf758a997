// SPDX-License-Identifier: GPL-2.0-only
/* Standard output: a line of JSON for each record, and for each other message. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../fleet/names.h"
#include "../lib/json_text.h"
#include "../lib/out.h"
#include "log.h"
#include "sink.h"

/* @sent: the newest message that was written; what was written has arrived */
struct sink {
	const struct config *c;
	void (*notify)(void *arg);
	void *arg;
	uint64_t sent;
};

static int stdout_create(const struct config *c, void (*notify)(void *arg), void *arg,
			 struct sink **out)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct sink) { .c = c, .notify = notify, .arg = arg };
	*out = s;
	return 0;
}

static void stdout_destroy(struct sink *s)
{
	free(s);
}

static int stdout_open(struct sink *s, struct sink_last *last)
{
	s->sent = 0;
	*last = (struct sink_last) { 0 };
	return 0;
}

/* What each line begins with. */
static void begin_line(struct out *o, const struct fleet_message *m, const char *kind)
{
	char host[33], boot[33];

	fleet_format_uuid(host, m->id.host);
	fleet_format_uuid(boot, m->id.boot);
	json_put_string_member(o, true, "kind", kind);
	json_put_string_member(o, false, "host", host);
	json_put_string_member(o, false, "boot", boot);
	json_put_string_member(o, false, "name", m->id.name);
	json_put_uint_member(o, false, "nonce", m->id.nonce);
}

static int end_line(struct out *o)
{
	out_append(o, "}\n", 2);
	return o->err;
}

struct lines {
	struct out *o;
	const struct fleet_message *m;
};

/* The payload is as in ringctl cat without a schema. */
static int add_record(uint64_t seq, uint64_t ts_ns, uint16_t type, const void *payload,
		      uint32_t len, void *arg)
{
	const struct lines *l = arg;
	struct out *o = l->o;
	const uint64_t realtime_ns = ts_ns ? ts_ns + (uint64_t)l->m->wall_offset_ns : 0;

	begin_line(o, l->m, "record");
	json_put_uint_member(o, false, "seq", seq);
	json_put_uint_member(o, false, "ring", l->m->ring);
	json_put_uint_member(o, false, "ts_ns", ts_ns);
	json_put_uint_member(o, false, "realtime_ns", realtime_ns);
	json_put_uint_member(o, false, "type", type);
	json_put_uint_member(o, false, "len", len);
	json_put_payload(o, payload, len);
	return end_line(o);
}

static int add_loss(struct out *o, const struct fleet_message *m)
{
	begin_line(o, m, "loss");
	json_put_uint_member(o, false, "ring", m->ring);
	json_put_uint_member(o, false, "first", m->first);
	json_put_uint_member(o, false, "last", m->last);
	json_put_string_member(o, false, "cause", fleet_loss_name(m->cause));
	return end_line(o);
}

static int add_schema(struct out *o, const struct fleet_message *m, const void *body)
{
	struct fleet_ring ring;

	fleet_get_ring(body, &ring);
	begin_line(o, m, "schema");
	json_put_uint_member(o, false, "rings", ring.nr_rings);
	json_put_uint_member(o, false, "data_size", ring.data_size);
	json_put_uint_member(o, false, "clock_id", ring.clock_id);
	json_put_uint_member(o, false, "schema_size", ring.schema_size);
	return end_line(o);
}

/* A line for each ring. */
static int add_counters(struct out *o, const struct fleet_message *m, const unsigned char *body)
{
	const uint32_t nr = m->body_size / FLEET_COUNTERS_SIZE;
	struct fleet_counters c;
	uint32_t i, j;
	int err = 0;

	for (i = 0; i < nr && !err; i++) {
		uint64_t dropped = 0;

		fleet_get_counters(body + (size_t)i * FLEET_COUNTERS_SIZE, &c);
		for (j = 0; j < FLEET_DROPS; j++)
			dropped += c.dropped[j];
		begin_line(o, m, fleet_kind_name(m->kind));
		json_put_uint_member(o, false, "ring", c.ring);
		json_put_uint_member(o, false, "published", c.published);
		json_put_uint_member(o, false, "next", c.next);
		json_put_uint_member(o, false, "dropped", dropped);
		if (m->kind == FLEET_END)
			json_put_string_member(o, false, "cause", fleet_end_name(m->cause));
		err = end_line(o);
	}
	return err;
}

static int write_all(const char *p, size_t size)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	while (size) {
		ssize_t done = write(STDOUT_FILENO, p, size);

		if (done < 0 && errno == EAGAIN)
			poll(&pfd, 1, -1);
		else if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			p += done;
			size -= (size_t)done;
		}
	}
	return 0;
}

static int stdout_send(struct sink *s, const struct fleet_message *m, const unsigned char *bytes,
		       const struct sink_last *after)
{
	const unsigned char *body = bytes + FLEET_HEADER_SIZE;
	struct out o = { 0 };
	struct lines l = { &o, m };
	int err;

	(void)after;
	if (m->kind == FLEET_BATCH)
		err = fleet_walk(m, body, add_record, &l);
	else if (m->kind == FLEET_LOSS)
		err = add_loss(&o, m);
	else if (m->kind == FLEET_SCHEMA)
		err = add_schema(&o, m, body);
	else
		err = add_counters(&o, m, body);
	if (!err)
		err = write_all(o.buf, o.len);
	out_free(&o);
	if (err) {
		log_error("standard output: %s", strerror(-err));
		return err;
	}
	s->sent = m->number;
	s->notify(s->arg);
	return 0;
}

static int stdout_poll(struct sink *s, uint64_t *acked)
{
	*acked = s->sent;
	return 0;
}

static void stdout_close(struct sink *s)
{
	(void)s;
}

const struct sink_ops sink_stdout = {
	.name = "stdout",
	.create = stdout_create,
	.destroy = stdout_destroy,
	.open = stdout_open,
	.send = stdout_send,
	.poll = stdout_poll,
	.close = stdout_close,
};

// SPDX-License-Identifier: GPL-2.0-only
/* Standard output: a line of JSON for each record, and for each other message. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../fleet/names.h"
#include "../lib/json.h"
#include "../lib/out.h"
#include "../lib/text.h"
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

/* What each line begins with. Return: NULL: no memory. */
static struct json_object *new_line(const struct fleet_message *m, const char *kind)
{
	struct json_object *obj = json_object_new_object();
	char host[33], boot[33];

	fleet_format_uuid(host, m->id.host);
	fleet_format_uuid(boot, m->id.boot);
	if (!obj || json_add_string(obj, "kind", kind) || json_add_string(obj, "host", host) ||
	    json_add_string(obj, "boot", boot) || json_add_string(obj, "name", m->id.name) ||
	    json_add_uint(obj, "nonce", m->id.nonce)) {
		json_object_put(obj);
		return NULL;
	}
	return obj;
}

/* @obj: NULL: no memory. @failed: something could not be added */
static int end_line(struct out *o, struct json_object *obj, bool failed)
{
	if (failed) {
		json_object_put(obj);
		obj = NULL;
	}
	json_print(o, obj);
	return o->err;
}

struct lines {
	struct out *o;
	const struct fleet_message *m;
};

/* The payload in hexadecimal and, if it is UTF-8, as text: as ringctl cat without a schema. */
static int add_payload(struct json_object *obj, const void *payload, uint32_t len)
{
	if (json_add(obj, "hex", json_new_hex(payload, len)))
		return -1;
	if (is_utf8(payload, len))
		return json_add(obj, "text", json_new_text(payload, len));
	/* To json_object_object_add(), NULL is null. */
	return json_object_object_add(obj, "text", NULL);
}

static int add_record(uint64_t seq, uint64_t ts_ns, uint16_t type, const void *payload,
		      uint32_t len, void *arg)
{
	const struct lines *l = arg;
	struct json_object *obj = new_line(l->m, "record");
	const uint64_t realtime_ns = ts_ns ? ts_ns + (uint64_t)l->m->wall_offset_ns : 0;

	return end_line(l->o, obj,
			!obj || json_add_uint(obj, "seq", seq) ||
				json_add_uint(obj, "ring", l->m->ring) ||
				json_add_uint(obj, "ts_ns", ts_ns) ||
				json_add_uint(obj, "realtime_ns", realtime_ns) ||
				json_add_uint(obj, "type", type) ||
				json_add_uint(obj, "len", len) || add_payload(obj, payload, len));
}

static int add_loss(struct out *o, const struct fleet_message *m)
{
	struct json_object *obj = new_line(m, "loss");

	return end_line(o, obj,
			!obj || json_add_uint(obj, "ring", m->ring) ||
				json_add_uint(obj, "first", m->first) ||
				json_add_uint(obj, "last", m->last) ||
				json_add_string(obj, "cause", fleet_loss_name(m->cause)));
}

static int add_schema(struct out *o, const struct fleet_message *m, const void *body)
{
	struct json_object *obj = new_line(m, "schema");
	struct fleet_ring ring;

	fleet_get_ring(body, &ring);
	return end_line(o, obj,
			!obj || json_add_uint(obj, "rings", ring.nr_rings) ||
				json_add_uint(obj, "data_size", ring.data_size) ||
				json_add_uint(obj, "clock_id", ring.clock_id) ||
				json_add_uint(obj, "schema_size", ring.schema_size));
}

/* A line for each ring. */
static int add_counters(struct out *o, const struct fleet_message *m, const unsigned char *body)
{
	const uint32_t nr = m->body_size / FLEET_COUNTERS_SIZE;
	struct fleet_counters c;
	uint32_t i, j;
	int err = 0;

	for (i = 0; i < nr && !err; i++) {
		struct json_object *obj = new_line(m, fleet_kind_name(m->kind));
		uint64_t dropped = 0;

		fleet_get_counters(body + (size_t)i * FLEET_COUNTERS_SIZE, &c);
		for (j = 0; j < FLEET_DROPS; j++)
			dropped += c.dropped[j];
		err = end_line(o, obj,
			       !obj || json_add_uint(obj, "ring", c.ring) ||
				       json_add_uint(obj, "published", c.published) ||
				       json_add_uint(obj, "next", c.next) ||
				       json_add_uint(obj, "dropped", dropped) ||
				       (m->kind == FLEET_END &&
					json_add_string(obj, "cause", fleet_end_name(m->cause))));
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

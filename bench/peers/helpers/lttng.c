// SPDX-License-Identifier: GPL-2.0-only
/*
 * LTTng-UST: a tracepoint with the payload in its fields. After the last round babeltrace2
 * reads each record back from the trace.
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng_events.h"

#include <stdlib.h>

#include "helper.h"

#define LINE_BYTES 8192

static const char *ready(void)
{
	if (lttng_ust_tracepoint_enabled(ringbench, small) &&
	    lttng_ust_tracepoint_enabled(ringbench, large) &&
	    lttng_ust_tracepoint_enabled(ringbench, live))
		return NULL;
	return "lttng-sessiond has not enabled the tracepoints within 10 s";
}

static const char *lttng_create(struct stream *s)
{
	(void)s;
	return NULL;
}

#define WRITE(event, bytes)                                                 \
	static void event##_write(struct stream *s, unsigned int n)         \
	{                                                                   \
		for (; n; n--) {                                            \
			payload_fill(s->payload, bytes, ++s->seq);          \
			lttng_ust_tracepoint(ringbench, event, s->payload); \
		}                                                           \
	}

WRITE(small, 32)
WRITE(large, 1024)
WRITE(live, 32)

static void lttng(const char *command, const char *session)
{
	FILE *says = popen(keep("lttng %s %s 2>&1 </dev/null", command, session), "re");
	char line[200] = "it does not say why";

	while (says && fgets(line, sizeof(line), says))
		;
	if (!says || pclose(says))
		fail("lttng %s fails: %s", command, line);
}

/*
 * A line of babeltrace2 without names: "[time] host event: { 0 }, { 1, 2, 3, 4 }", and
 * an array's elements in brackets.
 */
static void check_line(struct stream *s, struct stream_round *r, uint64_t *newest, char *line)
{
	uint64_t payload[PAYLOAD_MAX / 8], seq;
	char *at = strchr(line, '}');
	unsigned int i;

	for (i = 0; at && i < s->len / 8; i++) {
		at = strpbrk(at, "0123456789");
		if (at)
			payload[i] = strtoull(at, &at, 10);
	}
	if (!at)
		wrong("%s: the trace has a line that is not a record: %.80s", s->kind->name, line);
	seq = payload[s->len / 8 - 1];
	payload_check(payload, s->len, seq, s->kind->name);
	if (seq <= *newest || seq > s->seq)
		wrong("%s: record %llu stands behind record %llu of %llu", s->kind->name,
		      (unsigned long long)seq, (unsigned long long)*newest,
		      (unsigned long long)s->seq);
	r->lost += seq - *newest - 1;
	r->read++;
	*newest = seq;
}

static void finish(struct stream *s, struct stream_round *r, const char *name)
{
	uint64_t newest = 0;
	char line[LINE_BYTES];
	FILE *trace;

	/* The first waits until the consumer has written everything. */
	lttng(strcmp(name, "live") ? "snapshot record -s" : "stop", name);
	trace = popen(keep("exec babeltrace2 --no-delta --names=none /tmp/%s 2>/dev/null", name),
		      "re");
	if (!trace)
		fail("cannot start babeltrace2");
	r->published = s->seq;
	r->read = 0;
	r->lost = 0;
	while (fgets(line, sizeof(line), trace))
		check_line(s, r, &newest, line);
	if (pclose(trace))
		fail("babeltrace2 (package babeltrace2) cannot read the trace");
	/* The records after the last one in the trace are lost, too. */
	r->lost += s->seq - newest;
}

#define KIND(event, says)                                                    \
	static void event##_finish(struct stream *s, struct stream_round *r) \
	{                                                                    \
		finish(s, r, #event);                                        \
	}                                                                    \
	static const struct stream_kind kind_##event = {                     \
		.name = says,                                                \
		.create = lttng_create,                                      \
		.write = event##_write,                                      \
		.finish = event##_finish,                                    \
	};

KIND(small, "LTTng-UST, overwriting")
KIND(large, "LTTng-UST, overwriting")
KIND(live, "LTTng-UST, consumer writes a file")

static const struct stream_kind *const kinds[] = { &kind_small, &kind_large, &kind_live };

const struct helper helper = {
	.kinds = kinds,
	.nr_kinds = NR(kinds),
	.ready = ready,
};

// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libring.h>
#include <seqring/abi.h>

#include "../../lib/clock.h"
#include "../../lib/message.h"
#include "../../lib/parse.h"
#include "../../lib/where.h"
#include "trigger.h"

/* Compiles the first @len characters of @text. Return: as trigger_init(). */
static int compile(struct trigger *t, struct ring_reader *ring, const char *text, size_t len)
{
	char *copy = strndup(text, len);
	int err = copy ? where_compile(ring, copy, &t->filter) : -ENOMEM;

	free(copy);
	return err ? fail("record", "--trigger %.200s: %s", t->text, reason_of(err)) : EXIT_OK;
}

/* Finds the parts of rate(EXPRESSION) > N, or > N/s. Return: false: it has another form. */
static bool scan_rate(const char *text, size_t *len, uint64_t *limit)
{
	const char *end = strrchr(text, ')');

	if (!end)
		return false;
	*len = (size_t)(end - text);
	end++;
	end += strspn(end, " ");
	if (*end++ != '>')
		return false;
	end += strspn(end, " ");
	return scan_digits(end, &end, limit) && (!*end || !strcmp(end, "/s")) && *limit &&
	       *limit <= TRIGGER_RATE_MAX;
}

static int init_rate(struct trigger *t, const char *expression, struct ring_reader *ring)
{
	struct ring_info info = { .size = sizeof(info) };
	size_t len;
	int err;

	t->kind = TRIGGER_RATE;
	if (!scan_rate(expression, &len, &t->limit))
		return fail("record",
			    "--trigger %.200s: not a rate (rate(EXPRESSION) > N, N records a "
			    "second, 1 to %u)",
			    t->text, TRIGGER_RATE_MAX);
	err = ring_info(ring, &info);
	if (err)
		return fail("record", "%s", reason_of(err));
	if (info.clock_id == SEQRING_CLOCK_NONE)
		return fail("record", "--trigger %.200s: the ring has no clock", t->text);
	t->times = calloc(t->limit, sizeof(*t->times));
	if (!t->times)
		return fail("record", "%s", strerror(ENOMEM));
	return compile(t, ring, expression, len);
}

int trigger_init(struct trigger *t, const char *text, struct ring_reader *ring)
{
	static const char rate[] = "rate(";

	*t = (struct trigger) { .text = text };
	if (!strcmp(text, "signal")) {
		t->kind = TRIGGER_SIGNAL;
		return EXIT_OK;
	}
	if (!strcmp(text, "loss")) {
		t->kind = TRIGGER_LOSS;
		return EXIT_OK;
	}
	if (!strncmp(text, rate, sizeof(rate) - 1))
		return init_rate(t, text + sizeof(rate) - 1, ring);
	t->kind = TRIGGER_RECORD;
	return compile(t, ring, text, strlen(text));
}

void trigger_free(struct trigger *t)
{
	ring_filter_free(t->filter);
	free(t->times);
}

bool trigger_reads(const struct trigger *t, unsigned int nr)
{
	while (nr--)
		if (t[nr].filter)
			return true;
	return false;
}

int trigger_filter(const struct trigger *t, unsigned int nr, struct ring_reader *ring)
{
	const struct trigger *only = NULL;
	unsigned int i, found = 0;
	int err;

	for (i = 0; i < nr; i++) {
		if (t[i].filter) {
			only = &t[i];
			found++;
		}
	}
	/* With several, each record is looked at once more anyway. */
	if (found != 1)
		return EXIT_OK;
	err = ring_set_filter(ring, only->filter);
	return err ? fail("record", "%s", reason_of(err)) : EXIT_OK;
}

bool trigger_match(struct trigger *t, const struct ring_record *rec)
{
	uint64_t oldest;

	if (!t->filter || !ring_filter_match(t->filter, rec))
		return false;
	if (t->kind == TRIGGER_RECORD)
		return true;
	oldest = t->times[t->next];
	t->times[t->next] = rec->ts_ns;
	t->next = (t->next + 1) % t->limit;
	if (t->known < t->limit) {
		t->known++;
		return false;
	}
	/* Records of several rings may come out of order by a little. */
	if (rec->ts_ns > oldest && rec->ts_ns - oldest >= NSEC_PER_SEC)
		return false;
	/* It fires again after as many records. */
	t->known = 0;
	return true;
}

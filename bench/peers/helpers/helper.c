// SPDX-License-Identifier: GPL-2.0-only
/* Runs the rounds that ringbench asks for. */
#include <stdlib.h>
#include <sys/socket.h>

#include "helper.h"

#define STREAMS_MAX 16u

static struct stream *streams[STREAMS_MAX];
static unsigned int nr_streams;

/* Standard input is the socket. */
static void tell(const void *what, size_t size)
{
	if (send(0, what, size, MSG_NOSIGNAL) != (ssize_t)size)
		exit(0);
}

static uint32_t open_stream(const struct far_request *q)
{
	const struct stream like = { .len = q->len };
	const char *why;
	uint32_t i;

	if (q->kind >= helper.nr_kinds)
		fail("no contender %u", q->kind);
	for (i = 0; i < nr_streams; i++)
		if (streams[i]->kind == helper.kinds[q->kind] && streams[i]->len == q->len)
			return i;
	if (nr_streams == STREAMS_MAX)
		fail("too many streams");
	streams[i] = stream_new(helper.kinds[q->kind], &like, &why);
	if (!streams[i])
		fail("%s", why);
	return nr_streams++;
}

static void answer(const struct far_request *q)
{
	struct far_answer a = { .stream = q->stream, .round = q->round };
	struct stream *s = NULL;

	if (q->command == FAR_OPEN) {
		a.stream = open_stream(q);
	} else {
		if (q->stream >= nr_streams)
			fail("no stream %u", q->stream);
		s = streams[q->stream];
		if (q->command == FAR_RUN)
			stream_run(s, &a.round);
		else
			s->kind->finish(s, &a.round);
		if (q->command == FAR_RUN && q->round.mode == STREAM_SPACED)
			a.nr_ticks = (uint32_t)s->nr_ticks;
	}
	tell(&a, sizeof(a));
	if (a.nr_ticks)
		tell(s->ticks, a.nr_ticks * sizeof(*s->ticks));
}

int main(int argc, char **argv)
{
	struct far_answer a = { 0 };
	struct far_request q;
	const char *why;

	if (argc < 2 || sscanf(argv[1], "%d,%d", &opt.cpu[0], &opt.cpu[1]) != 2)
		fail("ringbench starts this program");
	pin_to(opt.cpu[0]);
	why = argc == 2 ? helper.ready() : argv[2];
	if (why)
		snprintf(a.error, sizeof(a.error), "%s", why);
	tell(&a, sizeof(a));
	while (!why && recv(0, &q, sizeof(q), MSG_WAITALL) == (ssize_t)sizeof(q))
		answer(&q);
	return 0;
}

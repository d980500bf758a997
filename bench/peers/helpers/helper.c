// SPDX-License-Identifier: GPL-2.0-only
/* Runs the rounds that ringbench asks for. */
#include <stdlib.h>
#include <sys/socket.h>

#include "helper.h"

#define STREAMS_MAX 16u

static struct stream *streams[STREAMS_MAX];
static unsigned int nr_streams;

static void answer(const struct far_request *q, struct far_answer *a)
{
	struct stream *s;

	a->stream = q->stream;
	a->round = q->round;
	if (q->command == FAR_OPEN) {
		if (q->kind >= helper.nr_kinds || nr_streams == STREAMS_MAX)
			fail("no contender %u", q->kind);
		a->stream = nr_streams;
		streams[nr_streams++] = stream_new(helper.kinds[q->kind], helper.size, q->len,
						   false);
		return;
	}
	if (q->stream >= nr_streams)
		fail("no stream %u", q->stream);
	s = streams[q->stream];
	if (q->command == FAR_RUN) {
		peer_run(s, &a->round);
	} else if (helper.finish) {
		helper.finish(s);
		a->round.published = s->seq;
		a->round.read = s->read;
		a->round.lost = s->lost;
	}
}

int main(int argc, char **argv)
{
	struct far_answer a = { 0 };
	struct far_request q;
	const char *why;

	if (argc != 2 || sscanf(argv[1], "%d,%d", &opt.cpu[0], &opt.cpu[1]) != 2)
		fail("a part of ringbench, which starts it");
	pin_to(opt.cpu[0]);
	why = helper.ready();
	if (why)
		helper_cannot("%s", why);
	helper_tell(&a);
	while (recv(0, &q, sizeof(q), MSG_WAITALL) == (ssize_t)sizeof(q)) {
		memset(&a, 0, sizeof(a));
		answer(&q, &a);
		helper_tell(&a);
	}
	return 0;
}

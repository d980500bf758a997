// SPDX-License-Identifier: GPL-2.0-only
/*
 * writer: serves rings and does what standard input says, a line each:
 *
 *   ring NAME               creates and serves a ring of 64 KiB
 *   publish NAME TYPE N     publishes N records of 8 bytes
 *   drop NAME N             drops N records that are too long
 *   rate NAME TYPE N        from now on, publishes N records each 50 ms
 *   end NAME                ends the ring
 *
 * Prints the line when it is done. Ends with the input.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libring.h>
#include <seqring/abi.h>

#include "../lib/clock.h"

#define RINGS	16
#define TURN_NS 50000000ull

struct served {
	char name[32];
	struct ring_writer *w;
	struct pollfd pfd;
	unsigned int type;
	unsigned int rate;
};

static struct served rings[RINGS];

static void check(const char *what, int err)
{
	if (!err)
		return;
	fprintf(stderr, "writer: %s: %s\n", what, ring_strerror());
	exit(1);
}

static struct served *find(const char *name)
{
	int i;

	for (i = 0; i < RINGS; i++)
		if (!strcmp(rings[i].name, name))
			return &rings[i];
	fprintf(stderr, "writer: %s: no such ring, or too many\n", name);
	exit(1);
}

static void create(const char *name)
{
	const struct ring_writer_opts opts = { .size = sizeof(opts),
					       .name = name,
					       .clock_id = SEQRING_CLOCK_MONOTONIC,
					       .data_size = 65536 };
	struct served *r = find("");

	snprintf(r->name, sizeof(r->name), "%s", name);
	check(name, ring_writer_create(&opts, &r->w));
	check(name, ring_writer_listen(r->w, name, &r->pfd.fd));
	r->pfd.events = POLLIN;
}

static void publish(struct served *r, unsigned int type, unsigned int n)
{
	uint64_t payload = 0;

	for (; n; n--)
		check("publish",
		      ring_writer_publish(r->w, 0, (uint16_t)type, &payload, sizeof(payload)));
}

static void drop(struct served *r, unsigned int n)
{
	static char payload[65536];

	for (; n; n--)
		if (!ring_writer_publish(r->w, 0, 0, payload, sizeof(payload)))
			exit(1);
}

static void end(struct served *r)
{
	ring_writer_close(r->w);
	*r = (struct served) { .pfd.fd = -1 };
}

static void obey(const char *line)
{
	unsigned int a = 0, b = 0;
	char word[16], name[32];
	struct served *r;

	if (sscanf(line, "%15s %31s %u %u", word, name, &a, &b) < 2)
		exit(2);
	if (!strcmp(word, "ring")) {
		create(name);
		return;
	}
	r = find(name);
	if (!strcmp(word, "publish")) {
		publish(r, a, b);
	} else if (!strcmp(word, "drop")) {
		drop(r, a);
	} else if (!strcmp(word, "rate")) {
		r->type = a;
		r->rate = b;
	} else if (!strcmp(word, "end")) {
		end(r);
	} else {
		exit(2);
	}
}

int main(void)
{
	struct pollfd pfds[RINGS + 1];
	uint64_t next = now_ns();
	char line[128];
	int i;

	setvbuf(stdin, NULL, _IONBF, 0);
	for (i = 0; i < RINGS; i++)
		rings[i].pfd.fd = -1;
	for (;;) {
		for (i = 0; i < RINGS; i++)
			pfds[i] = rings[i].pfd;
		pfds[RINGS] = (struct pollfd) { .fd = 0, .events = POLLIN };
		poll(pfds, RINGS + 1, next > now_ns() ? (int)((next - now_ns()) / 1000000) + 1 : 0);
		for (i = 0; i < RINGS; i++)
			if (pfds[i].revents && rings[i].w)
				ring_writer_serve(rings[i].w);
		if (pfds[RINGS].revents) {
			if (!fgets(line, sizeof(line), stdin))
				return 0;
			obey(line);
			printf("%s", line);
			fflush(stdout);
		}
		if (now_ns() < next)
			continue;
		next = now_ns() + TURN_NS;
		for (i = 0; i < RINGS; i++)
			if (rings[i].w)
				publish(&rings[i], rings[i].type, rings[i].rate);
	}
}

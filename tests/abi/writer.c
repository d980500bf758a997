// SPDX-License-Identifier: GPL-2.0-only
/*
 * Serves a ring and publishes what it reads from standard input: for each record its type and
 * length, as two u32, and the payload. After the input it ends the ring. Prints "ready" when
 * readers can open the ring, and at the end the numbers of records published and refused.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "../lib/options.h"
#include "../lib/ring.h"

static struct ring_writer *writer;
static int listen_fd, stop_pipe[2];

static void *serve(void *arg)
{
	struct pollfd fds[] = {
		{ .fd = listen_fd, .events = POLLIN },
		{ .fd = stop_pipe[0], .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0 || !fds[1].revents)
		ring_writer_serve(writer);
	return arg;
}

static void *read_schema(const char *path, size_t *size)
{
	void *blob;
	FILE *f;

	*size = 0;
	if (!path)
		return NULL;
	blob = malloc(1 << 20);
	f = fopen(path, "re");
	if (!blob || !f)
		die(path);
	*size = fread(blob, 1, 1 << 20, f);
	fclose(f);
	return blob;
}

int main(int argc, char **argv)
{
	const char *name = "abi", *schema_path = NULL;
	uint64_t data_size = 65536, rate = 0, start, due, n = 0, refused = 0;
	const struct test_option options[] = {
		{ "name", "name of the ring", .text = &name },
		{ "size", "bytes of its data area", .number = &data_size },
		{ "rate", "records a second; 0: no limit", .number = &rate },
		{ "schema", "file with the schema", .text = &schema_path },
	};
	struct ring_writer_opts opts = { .size = sizeof(opts), .clock_id = 1 };
	uint32_t head[2];
	pthread_t thread;
	char *buf;

	(void)argc;
	options_parse("writer", options, sizeof(options) / sizeof(options[0]), argv);
	opts.name = name;
	opts.data_size = data_size;
	opts.schema = read_schema(schema_path, &opts.schema_size);
	buf = malloc(data_size);
	if (!buf || pipe(stop_pipe) || ring_writer_create(&opts, &writer) ||
	    ring_writer_listen(writer, name, &listen_fd) ||
	    pthread_create(&thread, NULL, serve, NULL))
		die("set-up");
	printf("ready\n");
	fflush(stdout);
	start = now_ns();
	while (fread(head, sizeof(head), 1, stdin)) {
		if (head[1] > data_size || (head[1] && !fread(buf, head[1], 1, stdin)))
			die("input");
		due = rate ? start + (n + refused) * 1000000000 / rate : 0;
		if (due > now_ns() + MS)
			sleep_ns(due - now_ns());
		if (ring_writer_publish(writer, 0, (uint16_t)head[0], buf, head[1]))
			refused++;
		else
			n++;
	}
	close(stop_pipe[1]);
	pthread_join(thread, NULL);
	ring_writer_close(writer);
	printf("published %llu, refused %llu, in %llu us\n", (unsigned long long)n,
	       (unsigned long long)refused, (unsigned long long)((now_ns() - start) / 1000));
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way to wait, natively: on pipes, which shows that the tests themselves are right, and on
 * ring_fd() of memfd rings.
 *
 *   waits [ROUNDS]
 */
#include "../lib/wait_ring.h"
#include "../lib/wait_change.h"
#include "../lib/wait_table.h"

/* --- pipes ------------------------------------------------------------------------------ */

static void pipe_create(struct wait_source *s)
{
	int *fds = malloc(2 * sizeof(*fds));

	if (!fds || pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		T_DIE("setup.pipe", "%s", strerror(errno));
	s->state = fds;
}

static void pipe_destroy(struct wait_source *s)
{
	int *fds = s->state;

	close(fds[0]);
	close(fds[1]);
	free(fds);
}

static void pipe_publish(struct wait_source *s)
{
	const int *fds = s->state;

	if (write(fds[1], "", 1) != 1)
		T_DIE("setup.pipe", "%s", strerror(errno));
}

static void pipe_open(struct wait_reader *r, const struct wait_mark *mark)
{
	const int *fds = r->src->state;

	(void)mark;
	r->fd = fds[0];
}

static void pipe_close(struct wait_reader *r)
{
	(void)r;
}

static unsigned int pipe_drain(struct wait_reader *r)
{
	char buf[64];
	ssize_t n = read(r->fd, buf, sizeof(buf));

	return n < 0 ? 0 : (unsigned int)n;
}

static const struct wait_backend pipes = {
	.name = "a pipe",
	.marks = WAIT_EACH,
	.one_reader = true,
	.create = pipe_create,
	.destroy = pipe_destroy,
	.publish = pipe_publish,
	.open = pipe_open,
	.close = pipe_close,
	.drain = pipe_drain,
};

/* --- memfd rings ------------------------------------------------------------------------ */

static void memfd_create_ring(struct wait_source *s)
{
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.data_size = SEQRING_DATA_SIZE_MIN,
	};
	struct ring_writer *w;

	if (ring_writer_create(&opts, &w))
		die("setup.create");
	s->state = w;
}

static void memfd_destroy(struct wait_source *s)
{
	ring_writer_close(s->state);
}

static void memfd_publish(struct wait_source *s)
{
	if (ring_writer_publish(s->state, 0, 1, "record", 6))
		die("setup.publish");
}

static int memfd_open_ring(struct wait_source *s, const struct ring_open_opts *opts,
			   struct ring_reader **ring)
{
	struct ring_fds fds;
	int err = ring_writer_fds(s->state, &fds);

	return err ? err : ring_open_fds(&fds, opts, ring);
}

static const struct wait_backend memfds = {
	.name = "ring_fd() of a memfd ring",
	.nested = true,
	.early = true,
	.create = memfd_create_ring,
	.destroy = memfd_destroy,
	.publish = memfd_publish,
	.open_ring = memfd_open_ring,
	WAIT_RING_OPS,
};

static const struct wait_backend windows = {
	.name = "ring_fd() of a memfd ring with a merge window",
	.nested = true,
	.early = true,
	.window_ns = MS,
	.create = memfd_create_ring,
	.destroy = memfd_destroy,
	.publish = memfd_publish,
	.open_ring = memfd_open_ring,
	WAIT_RING_OPS,
};

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 0) : 8;

	wait_try_all(&pipes, rounds);
	wait_try_all(&memfds, rounds);
	wait_try_all(&windows, rounds);
	wait_change_all(&memfds);
	wait_change_all(&windows);
	return t_done();
}

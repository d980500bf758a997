// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader that sleeps until a BPF program publishes: into a ring, and into the BPF
 * ring buffer. The system call that runs the program is in both.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <libring/bpf.h>
#include <seqring/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "latency.h"
#include "programs.h"

#include "bench/latency/latency.skel.h"

#define WAIT_MS 1000

/* @ring, @reader: of a ring; @consumer: of the ring buffer; @arriving: of its callback */
struct bpf {
	struct latency_bpf *skel;
	int prog;

	struct ring_bpf *ring;
	struct ring_reader *reader;
	struct ring_buffer *consumer;
};

bool latency_bpf_works(const char *section)
{
	libbpf_set_print(NULL);
	if (!ring_bpf_supported())
		return true;
	note(section, "SKIPPED: what BPF programs send: %s", ring_strerror());
	return false;
}

static struct bpf *bpf_new(uint64_t size)
{
	struct ring_bpf_opts opts = {
		.size = sizeof(opts),
		.clock_id = SEQRING_CLOCK_NONE,
		.data_size = size,
	};
	struct bpf *b = calloc(1, sizeof(*b));

	if (!b)
		fail("no memory");
	b->skel = latency_bpf__open();
	if (!b->skel)
		fail("cannot open the BPF object");
	bpf_map__set_max_entries(b->skel->maps.rb, (uint32_t)size);
	if (ring_bpf_prepare(b->skel->obj, "ours", &opts, &b->ring) ||
	    ring_bpf_explain(latency_bpf__load(b->skel)) || ring_bpf_start(b->ring))
		fail("%s", ring_strerror());
	return b;
}

static void bpf_close(struct contender *c)
{
	struct bpf *b = c->impl;

	ring_close(b->reader);
	ring_buffer__free(b->consumer);
	ring_bpf_close(b->ring);
	latency_bpf__destroy(b->skel);
	free(b);
}

static void bpf_send(struct contender *c, uint64_t due)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	const struct bpf *b = c->impl;
	int err;

	b->skel->bss->due = due;
	err = bpf_prog_test_run_opts(b->prog, &opts);
	if (err)
		fail("cannot run the BPF program: %s", strerror(-err));
	if (b->skel->bss->dropped)
		wrong("latency: %s: a record was dropped", c->kind->name);
}

static void bpf_ring_open(struct contender *c)
{
	struct ring_open_opts opts = {
		.size = sizeof(opts),
		.whence = RING_HEAD,
		.one_ring = 1,
		.ring = (uint32_t)opt.cpu[0],
	};
	struct bpf *b = bpf_new(ring_size(RING_CACHED));
	struct ring_fds fds;

	if (ring_bpf_fds(b->ring, &fds) || ring_open_fds(&fds, &opts, &b->reader))
		fail("%s", ring_strerror());
	b->prog = bpf_program__fd(b->skel->progs.send_ours);
	c->impl = b;
}

static void bpf_ring_receive(struct contender *c)
{
	const struct bpf *b = c->impl;
	struct ring_record rec;
	uint64_t due;
	int err;

	err = ring_read(b->reader, &rec, &due, sizeof(due));
	if (!err) {
		arrived(c, due);
		if (rec.lost || rec.len != sizeof(due) || rec.type != LATENCY_TYPE ||
		    rec.seq != c->arrived)
			wrong("latency: header of record %llu is torn",
			      (unsigned long long)rec.seq);
		return;
	}
	if (err == -EAGAIN)
		err = ring_wait(b->reader, WAIT_MS);
	if (err && err != -ETIMEDOUT)
		wrong("libring: %s", ring_strerror());
}

const struct kind kind_bpf_ring = {
	.name = "ring of a BPF program",
	.open = bpf_ring_open,
	.send = bpf_send,
	.receive = bpf_ring_receive,
	.close = bpf_close,
};

static int take(void *arg, void *data, size_t size)
{
	struct contender *c = arg;

	if (size != sizeof(uint64_t))
		wrong("latency: %s: a record of %zu bytes", c->kind->name, size);
	arrived(c, *(const uint64_t *)data);
	return 0;
}

static void bpf_buffer_open(struct contender *c)
{
	struct bpf *b = bpf_new(ring_size(RING_CACHED));

	b->consumer = ring_buffer__new(bpf_map__fd(b->skel->maps.rb), take, c, NULL);
	if (!b->consumer)
		fail("no consumer of the BPF ring buffer: %s", strerror(errno));
	b->prog = bpf_program__fd(b->skel->progs.send_rb);
	c->impl = b;
}

/* epoll_wait(2), then all that is there. */
static void bpf_buffer_receive(struct contender *c)
{
	const struct bpf *b = c->impl;
	int n = ring_buffer__poll(b->consumer, WAIT_MS);

	if (n < 0)
		wrong("BPF ring buffer: %s", strerror(-n));
}

const struct kind kind_bpf_buffer = {
	.name = "BPF ring buffer",
	.open = bpf_buffer_open,
	.send = bpf_send,
	.receive = bpf_buffer_receive,
	.close = bpf_close,
};

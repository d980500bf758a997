// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readers of what BPF programs publish. All of them check every record, and look for
 * records in the same way.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <libring/bpf.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <seqring/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kinds.h"
#include "bpf.h"

#include "bench/cases/bpf/bench.skel.h"

#define RELAY_BYTES 65536u /* bytes that a relay passes on at a time; a pipe holds as many */
#define NO_WAKE_UP  0x7fffffffu
#define POLL_MS	    20

/*
 * A reader's impl.
 *
 * @ring: reads a ring without sleeping; @sleeper: reads a ring and sleeps
 * @buf:  payloads that a relay passes on
 */
struct consumer {
	struct reader *rd;
	struct bpf *b;
	struct seqring_reader ring;
	struct ring_reader *sleeper;
	struct ring_buffer *rb;
	struct perf_buffer *pb;
	int pipe[2];
	unsigned char *buf;
	size_t used;
	uint64_t expected;
};

static void check_record(struct consumer *one, const void *payload)
{
	struct reader *rd = one->rd;
	const uint32_t len = rd->s->len;
	uint64_t seq;

	memcpy(&seq, (const char *)payload + len - 8, 8);
	payload_check(payload, len, seq, one->b->v->program);
	if (seq < one->expected)
		wrong("%s: record %llu came again", one->b->v->program, (unsigned long long)seq);
	reader_took(rd, seq, seq - one->expected);
	one->expected = seq + 1;
}

/* A relay passes the first reader's records on to all others. */
static void relayed(struct consumer *first)
{
	struct stream *s = first->rd->s;
	struct consumer *one;
	unsigned int i;
	size_t at;

	for (i = 1; i < s->nr_readers; i++) {
		one = s->reader[i].impl;
		if (first->b->v->relay == BY_MEMORY)
			memcpy(one->buf, first->buf, first->used);
		else if (write(one->pipe[1], first->buf, first->used) != (ssize_t)first->used ||
			 read(one->pipe[0], one->buf, RELAY_BYTES) != (ssize_t)first->used)
			fail("a pipe: %s", strerror(errno));
		for (at = 0; at < first->used; at += s->len)
			check_record(one, one->buf + at);
	}
	first->used = 0;
}

static void take_record(struct consumer *one, const void *data, size_t size)
{
	const uint32_t len = one->rd->s->len;
	uint64_t copy[BENCH_PAYLOAD_MAX / 8];

	/* The perf buffer's records end in padding, and begin in the middle of a word. */
	if (size < len)
		wrong("%s: %zu bytes", one->b->v->program, size);
	if (one->b->target == RING_BUFFER && one->b->v->clock != BENCH_NO_CLOCK)
		data = (const char *)data + 8;
	memcpy(copy, data, len);
	check_record(one, copy);
	if (one->b->v->relay == DIRECT)
		return;
	memcpy(one->buf + one->used, copy, len);
	one->used += len;
	if (one->used + len > RELAY_BYTES)
		relayed(one);
}

static int take_rb(void *arg, void *data, size_t size)
{
	take_record(arg, data, size);
	return 0;
}

/* Counts a loss by the next record's seq. */
static enum bpf_perf_event_ret take_perf(void *arg, int cpu, struct perf_event_header *event)
{
	const struct {
		struct perf_event_header header;
		uint32_t size;
		unsigned char data[];
	} *sample = (const void *)event;

	(void)cpu;
	if (event->type == PERF_RECORD_SAMPLE)
		take_record(arg, sample->data, sample->size);
	return LIBBPF_PERF_EVENT_CONT;
}

static int take_sleeper(const struct ring_record *rec, void *arg)
{
	struct consumer *one = arg;

	payload_check(rec->payload, one->rd->s->len, rec->seq, one->b->v->program);
	reader_took(one->rd, rec->seq, rec->lost);
	return 0;
}

/* Takes the available records; with @sleep, waits a while for them first. */
static void take(struct consumer *one, bool sleep)
{
	unsigned int nr;
	int err = 0;

	if (one->sleeper) {
		if (sleep)
			ring_wait(one->sleeper, POLL_MS);
		ring_consume(one->sleeper, take_sleeper, one, 0, &nr);
	} else if (one->b->target == OURS) {
		ring_take(&one->ring, one->rd, UINT_MAX, one->rd->s->len, one->b->v->program);
	} else if (one->pb) {
		err = sleep ? perf_buffer__poll(one->pb, POLL_MS) : perf_buffer__consume(one->pb);
	} else {
		err = sleep ? ring_buffer__poll(one->rb, POLL_MS) : ring_buffer__consume(one->rb);
	}
	if (err < 0 && err != -EINTR)
		wrong("%s: %s", one->b->v->program, strerror(-err));
	if (one->used)
		relayed(one);
}

unsigned int consumer_collect(struct stream *s, struct reader *rd, unsigned int max)
{
	struct consumer *one = rd->impl;
	uint64_t before = rd->read;

	(void)s;
	(void)max;
	/* Only the first reader of a relay looks at the buffer. */
	if (one->b->v->relay != DIRECT && rd->index)
		return 0;
	take(one, false);
	if (rd->read == before && rd->may_block)
		take(one, true);
	return (unsigned int)(rd->read - before);
}

/* Continues where the last round ended: nothing was published since. */
void consumer_join(struct stream *s, struct reader *rd)
{
	struct consumer *one = rd->impl;

	one->expected = s->seq + 1;
	one->b->dropped = one->b->run->dropped;
	if (one->b->target != OURS || one->sleeper)
		return;
	seqring_reader_seek_head(&one->ring);
	one->ring.seq = s->seq + 1;
}

/* For all contenders except ours: no later record tells of drops at the very end. */
void consumer_settle(struct stream *s, struct reader *rd)
{
	struct consumer *one = rd->impl;
	uint64_t dropped = one->b->run->dropped - one->b->dropped;

	if (one->b->target == OURS)
		return;
	rd->lost += s->seq + 1 - one->expected;
	if (one->b->target == RING_BUFFER && s->nr_readers == 1 && rd->lost != dropped)
		wrong("%s: lost %llu, dropped %llu", one->b->v->program,
		      (unsigned long long)rd->lost, (unsigned long long)dropped);
}

static void open_sleeper(struct consumer *one, const struct ring_fds *fds)
{
	struct ring_open_opts opts = {
		.size = sizeof(opts),
		.whence = RING_HEAD,
		.one_ring = 1,
		.ring = (uint32_t)opt.cpu[0],
		.wake_records = one->b->v->wake_records,
	};

	if (ring_open_fds(fds, &opts, &one->sleeper))
		fail("%s", ring_strerror());
	/* The reader announces itself now, not in the first round. */
	ring_wait(one->sleeper, 1);
}

/* Makes the writer believe that a reader sleeps on its ring. */
static void announce(const struct ring_fds *fds)
{
	size_t size = ((size_t)opt.cpu[0] + 1) * sizeof(struct seqring_wait);
	struct seqring_wait *wait = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds->wait,
					 0);

	if (wait == MAP_FAILED)
		fail("cannot map the wake thresholds: %s", strerror(errno));
	wait[opt.cpu[0]].announced = 1;
	munmap(wait, size);
}

static void open_ours(struct stream *s)
{
	struct bpf *b = s->impl;
	const struct seqring_header *h;
	const unsigned char *map;
	struct consumer *one;
	struct ring_fds fds;
	unsigned int i;

	if (ring_bpf_fds(b->ring, &fds))
		fail("%s", ring_strerror());
	if (s->sleeps) {
		for (i = 0; i < s->nr_readers; i++)
			open_sleeper(s->reader[i].impl, &fds);
		return;
	}
	if (b->v->wake_records)
		announce(&fds);
	h = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fds.ring, 0);
	if (h == MAP_FAILED)
		fail("cannot map the ring's header: %s", strerror(errno));
	map = mmap(NULL, h->total_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fds.ring, 0);
	if (map == MAP_FAILED)
		fail("cannot map the ring: %s", strerror(errno));
	map += h->ring_offset + (uint64_t)opt.cpu[0] * h->ring_stride;
	for (i = 0; i < s->nr_readers; i++) {
		one = s->reader[i].impl;
		seqring_reader_init(&one->ring, (const void *)map, map + h->data_offset,
				    h->data_size);
	}
}

static void open_perf(struct consumer *one)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.size = sizeof(attr),
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
		.wakeup_events = one->rd->s->sleeps ? one->b->v->wake_records : NO_WAKE_UP,
	};
	LIBBPF_OPTS(perf_buffer_raw_opts, opts, .cpu_cnt = 1, .cpus = opt.cpu, .map_keys = opt.cpu);

	one->pb = perf_buffer__new_raw(bpf_map__fd(one->b->skel->maps.perf),
				       one->rd->s->size / 4096, &attr, take_perf, one, &opts);
	if (!one->pb)
		fail("no perf buffer: %s", strerror(errno));
}

static void open_rb(struct consumer *one)
{
	int rb = bpf_map__fd(one->b->skel->maps.rb), fd = rb;
	uint32_t i = one->rd->index;

	if (!strcmp(one->b->v->program, "fan")) {
		fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "fan", 0, 0,
				    (__u32)ring_size(RING_CACHED), NULL);
		if (fd < 0 || bpf_map_update_elem(bpf_map__fd(one->b->skel->maps.fan), &i, &fd, 0))
			fail("no BPF ring buffer %u", i);
	}
	one->rb = ring_buffer__new(fd, take_rb, one, NULL);
	if (!one->rb)
		fail("no consumer of the BPF ring buffer");
	if (fd != rb)
		close(fd);
}

static void open_relay(struct stream *s, struct consumer *one)
{
	one->buf = stream_alloc(s, RELAY_BYTES);
	if (one->b->v->relay != BY_PIPES)
		return;
	if (pipe(one->pipe) || fcntl(one->pipe[1], F_SETPIPE_SZ, 2 * RELAY_BYTES) < 0)
		fail("no pipe: %s", strerror(errno));
}

void consumers_open(struct stream *s)
{
	struct bpf *b = s->impl;
	struct consumer *one;
	unsigned int i;

	for (i = 0; i < s->nr_readers; i++) {
		one = stream_alloc(s, sizeof(*one));
		s->reader[i].impl = one;
		one->rd = &s->reader[i];
		one->b = b;
		one->pipe[0] = -1;
		one->pipe[1] = -1;
		if (b->v->relay != DIRECT)
			open_relay(s, one);
		if (b->target == PERF_BUFFER)
			open_perf(one);
		else if (b->target == RING_BUFFER && (b->v->relay == DIRECT || !i))
			open_rb(one);
	}
	if (b->target == OURS)
		open_ours(s);
}

void consumers_close(struct stream *s)
{
	struct consumer *one;
	unsigned int i;

	for (i = 0; i < s->nr_readers; i++) {
		one = s->reader[i].impl;
		ring_close(one->sleeper);
		ring_buffer__free(one->rb);
		perf_buffer__free(one->pb);
		if (one->pipe[0] >= 0) {
			close(one->pipe[0]);
			close(one->pipe[1]);
		}
	}
}

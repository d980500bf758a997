// SPDX-License-Identifier: GPL-2.0-only
/*
 * Consumers of streams that come from a tracepoint: perf's own ring buffer, and BPF
 * programs that put each record into the BPF ring buffer or into perf's.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "consumers.h"
#include "bench/vm/streams.skel.h"

#define EVENT_ID   "/sys/kernel/tracing/events/seqring_locks/locks_record/id"
#define PAGE_SIZE  4096u
#define PAGES	   (LOCKS_STREAM_BYTES / PAGE_SIZE)
#define RECORD_MAX 65536u

/* One buffer, of CPU 0. */
struct perf {
	struct perf_event_mmap_page *page;
	const char *data;
	char record[RECORD_MAX] __attribute__((aligned(8)));
};

struct perf_sample {
	struct perf_event_header header;
	uint32_t size;
	char raw[];
};

struct perf_lost {
	struct perf_event_header header;
	uint64_t id;
	uint64_t lost;
};

/* How a sample of the tracepoint begins; events/.../format tells. */
struct tracepoint_entry {
	uint64_t common;
	uint32_t record_loc; /* offset, and length in the high half */
};

/* The consumer polls: the only wake-up is for a buffer that is half full. */
static const struct perf_event_attr perf_attr = {
	.size = sizeof(perf_attr),
	.sample_type = PERF_SAMPLE_RAW,
	.sample_period = 1,
	.watermark = 1,
	.wakeup_watermark = LOCKS_STREAM_BYTES / 2,
};

static const char *perf_open(struct consumer *c)
{
	struct perf_event_attr attr = perf_attr;
	FILE *id = fopen(EVENT_ID, "re");
	struct perf *p;

	if (!id || fscanf(id, "%llu", &attr.config) != 1)
		return EVENT_ID " is not there";
	fclose(id);
	attr.type = PERF_TYPE_TRACEPOINT;
	c->fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (c->fd < 0)
		return keep("perf_event_open(): %s", strerror(errno));
	p = alloc(sizeof(*p));
	p->page = mmap(NULL, (1 + PAGES) * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	if (p->page == MAP_FAILED)
		fail("cannot map perf's buffer: %s", strerror(errno));
	p->data = (const char *)p->page + PAGE_SIZE;
	c->told = 0;
	c->impl = p;
	return NULL;
}

static void perf_copy(const struct perf *p, char *to, uint64_t pos, size_t len)
{
	size_t at = pos % LOCKS_STREAM_BYTES;
	size_t first = len < LOCKS_STREAM_BYTES - at ? len : LOCKS_STREAM_BYTES - at;

	memcpy(to, p->data + at, first);
	memcpy(to + first, p->data, len - first);
}

static void perf_drain(struct consumer *c)
{
	struct perf *p = c->impl;
	uint64_t head = __atomic_load_n(&p->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t pos = p->page->data_tail;
	const struct perf_sample *sample;
	struct perf_event_header header;
	struct tracepoint_entry entry;
	const char *record;

	while (pos < head) {
		perf_copy(p, (char *)&header, pos, sizeof(header));
		record = p->data + pos % LOCKS_STREAM_BYTES;
		if (pos % LOCKS_STREAM_BYTES + header.size > LOCKS_STREAM_BYTES) {
			perf_copy(p, p->record, pos, header.size);
			record = p->record;
		}
		sample = (const struct perf_sample *)record;
		if (header.type == PERF_RECORD_LOST) {
			c->told += ((const struct perf_lost *)record)->lost;
		} else if (header.type == PERF_RECORD_SAMPLE) {
			memcpy(&entry, sample->raw, sizeof(entry));
			consumer_take(c, sample->raw + (entry.record_loc & 0xffff),
				      entry.record_loc >> 16);
		}
		pos += header.size;
	}
	__atomic_store_n(&p->page->data_tail, pos, __ATOMIC_RELEASE);
}

static void perf_close(struct consumer *c)
{
	struct perf *p = c->impl;

	munmap(p->page, (1 + PAGES) * PAGE_SIZE);
	close(c->fd);
	free(p);
}

const struct consumer_kind consumer_perf = {
	.name = "perf buffer, of a tracepoint",
	.writer = STREAM_TRACEPOINT,
	.open = perf_open,
	.drain = perf_drain,
	.close = perf_close,
};

struct bpf {
	struct streams_bpf *skel;
	struct bpf_link *link;
	struct ring_buffer *ringbuf;
	struct perf_buffer *perf;
};

static void bpf_attach(struct bpf *b, struct bpf_program *prog)
{
	b->link = bpf_program__attach_raw_tracepoint(prog, "locks_record");
	if (!b->link)
		fail("no BPF program on the tracepoint: %s", strerror(errno));
}

static void bpf_close(struct consumer *c)
{
	struct bpf *b = c->impl;

	bpf_link__destroy(b->link);
	ring_buffer__free(b->ringbuf);
	perf_buffer__free(b->perf);
	streams_bpf__destroy(b->skel);
	free(b);
}

static struct bpf *bpf_load(struct consumer *c)
{
	struct bpf *b = alloc(sizeof(*b));

	libbpf_set_print(NULL);
	c->impl = b;
	b->skel = streams_bpf__open();
	if (!b->skel)
		fail("cannot open the BPF object");
	b->skel->rodata->record_len = c->len;
	if (!streams_bpf__load(b->skel))
		return b;
	bpf_close(c);
	return NULL;
}

static int ringbuf_take(void *arg, void *data, size_t len)
{
	consumer_take(arg, data, len);
	return 0;
}

static const char *ringbuf_open(struct consumer *c)
{
	struct bpf *b = bpf_load(c);

	if (!b)
		return "the BPF programs do not load";
	b->ringbuf = ring_buffer__new(bpf_map__fd(b->skel->maps.ringbuf), ringbuf_take, c, NULL);
	if (!b->ringbuf)
		fail("no BPF ring buffer: %s", strerror(errno));
	bpf_attach(b, b->skel->progs.to_ringbuf);
	return NULL;
}

static void ringbuf_drain(struct consumer *c)
{
	struct bpf *b = c->impl;

	while (ring_buffer__consume(b->ringbuf) > 0)
		;
	c->told = __atomic_load_n(&b->skel->bss->dropped, __ATOMIC_RELAXED);
}

const struct consumer_kind consumer_bpf_ringbuf = {
	.name = "BPF ring buffer, program on a tracepoint",
	.writer = STREAM_TRACEPOINT,
	.open = ringbuf_open,
	.drain = ringbuf_drain,
	.close = bpf_close,
};

static enum bpf_perf_event_ret bpf_perf_take(void *arg, int cpu, struct perf_event_header *header)
{
	const struct perf_sample *sample = (const struct perf_sample *)header;

	(void)cpu;
	if (header->type == PERF_RECORD_SAMPLE)
		consumer_take(arg, sample->raw, sample->size);
	return LIBBPF_PERF_EVENT_CONT;
}

static const char *bpf_perf_open(struct consumer *c)
{
	struct perf_event_attr attr = perf_attr;
	int cpu = 0, key = 0;
	LIBBPF_OPTS(perf_buffer_raw_opts, opts, .cpu_cnt = 1, .cpus = &cpu, .map_keys = &key);
	struct bpf *b = bpf_load(c);

	if (!b)
		return "the BPF programs do not load";
	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_BPF_OUTPUT;
	b->perf = perf_buffer__new_raw(bpf_map__fd(b->skel->maps.perf), PAGES, &attr, bpf_perf_take,
				       c, &opts);
	if (!b->perf)
		fail("no perf buffer: %s", strerror(errno));
	bpf_attach(b, b->skel->progs.to_perf);
	return NULL;
}

static void bpf_perf_drain(struct consumer *c)
{
	struct bpf *b = c->impl;

	perf_buffer__consume(b->perf);
	c->told = __atomic_load_n(&b->skel->bss->dropped, __ATOMIC_RELAXED);
}

const struct consumer_kind consumer_bpf_perf = {
	.name = "perf buffer, BPF program on a tracepoint",
	.writer = STREAM_TRACEPOINT,
	.open = bpf_perf_open,
	.drain = bpf_perf_drain,
	.close = bpf_close,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Those who read what BPF programs publish. All of them check every record, and look for
 * records in the same way. Readers who do not sleep share one thread on the other core,
 * and take their turns.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <libring/bpf.h>
#include <linux/perf_event.h>
#include <seqring/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "contender.h"

#include "bench/bpf/bench.skel.h"

#define RELAY_BYTES 65536u /* what a relay passes on at a time, and what a pipe holds */
#define NO_WAKE_UP  0x7fffffffu

static void check_record(struct consumer *one, const void *payload)
{
	const uint32_t len = one->c->setup.len;
	uint64_t seq;

	memcpy(&seq, (const char *)payload + len - 8, 8);
	payload_check(payload, len, seq, one->c->setup.name);
	if (seq < one->expected)
		wrong("%s: record %llu came again", one->c->setup.name, (unsigned long long)seq);
	one->lost += seq - one->expected;
	one->expected = seq + 1;
	one->read++;
}

/* What a relay hands to the second reader and the others. */
static void relayed(struct contender *c)
{
	struct consumer *first = c->consumer, *one;
	const uint32_t len = c->setup.len;
	unsigned int i;
	size_t at;

	if (!first->used)
		return;
	for (i = 1; i < c->setup.readers; i++) {
		one = &c->consumer[i];
		if (c->setup.relay == BY_MEMORY)
			memcpy(one->buf, first->buf, first->used);
		else if (write(one->pipe[1], first->buf, first->used) != (ssize_t)first->used ||
			 read(one->pipe[0], one->buf, RELAY_BYTES) != (ssize_t)first->used)
			fail("a pipe: %s", strerror(errno));
		for (at = 0; at < first->used; at += len)
			check_record(one, one->buf + at);
	}
	first->used = 0;
}

static void take_record(struct consumer *one, const void *data, size_t size)
{
	const uint32_t len = one->c->setup.len;
	uint64_t copy[BENCH_PAYLOAD_MAX / 8];

	/* The perf buffer's records end in padding, and begin in the middle of a word. */
	if (size < len)
		wrong("%s: %zu bytes", one->c->setup.name, size);
	if (one->c->kind == RING_BUFFER && one->c->setup.clock != BENCH_NO_CLOCK)
		data = (const char *)data + 8;
	memcpy(copy, data, len);
	check_record(one, copy);
	if (one->c->setup.relay == DIRECT)
		return;
	memcpy(one->buf + one->used, copy, len);
	one->used += len;
	if (one->used + len > RELAY_BYTES)
		relayed(one->c);
}

static int take_rb(void *arg, void *data, size_t size)
{
	take_record(arg, data, size);
	return 0;
}

/* What was lost the next record's seq tells. */
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

static unsigned int take_ours(struct consumer *one)
{
	const uint32_t len = one->c->setup.len;
	struct seqring_reader *r = &one->rd;
	uint64_t copy[BENCH_PAYLOAD_MAX / 8];
	enum seqring_outcome outcome;
	struct seqring_view v;
	unsigned int n = 0;

	for (;;) {
		if (r->pos >= r->snap && n)
			return n;
		outcome = seqring_reader_read(r, &v, copy, len);
		if (outcome == SEQRING_OK) {
			if (v.len != len || v.type != BENCH_TYPE)
				wrong("header of record %llu is torn", (unsigned long long)v.seq);
			payload_check(copy, len, v.seq, one->c->setup.name);
			one->lost += v.lost;
			one->read++;
			n++;
		} else if (outcome != SEQRING_OVERRUN) {
			return n;
		} else if (seqring_reader_resync(r)) {
			wrong("resync failed");
		}
	}
}

static int take_sleeper(const struct ring_record *rec, void *arg)
{
	struct consumer *one = arg;

	payload_check(rec->payload, one->c->setup.len, rec->seq, one->c->setup.name);
	one->lost += rec->lost;
	one->read++;
	return 0;
}

/* Takes what is there. Return: how much, or whether anything. */
static int take(struct consumer *one)
{
	uint64_t before = one->read;
	unsigned int nr;
	int err = 0;

	if (one->sleeper)
		ring_consume(one->sleeper, take_sleeper, one, 0, &nr);
	else if (one->c->kind == OURS)
		return (int)take_ours(one);
	else if (one->pb)
		err = perf_buffer__consume(one->pb);
	else
		err = ring_buffer__consume(one->rb);
	if (err < 0)
		wrong("%s: %s", one->c->setup.name, strerror(-err));
	if (one->c->setup.relay != DIRECT)
		relayed(one->c);
	return one->read != before;
}

static void sleep_for_more(struct consumer *one)
{
	if (one->sleeper)
		ring_wait(one->sleeper, 20);
	else if (one->pb)
		perf_buffer__poll(one->pb, 20);
	else
		ring_buffer__poll(one->rb, 20);
}

/* Readers of a relay but the first have nothing to look at. */
static unsigned int looking(const struct contender *c)
{
	return c->setup.relay == DIRECT ? c->setup.readers : 1;
}

static void collect(struct contender *c)
{
	uint64_t rest = (uint64_t)(REST_NS / ns_per_tick());
	uint64_t start = ticks(), in_time = 0, elapsed = 0;
	unsigned int i, stop = 0;
	struct watch w;
	int n;

	watch_start(&w);
	for (;;) {
		if (!stop) {
			stop = __atomic_load_n(&c->stop, __ATOMIC_ACQUIRE);
			in_time = c->consumer[c->setup.readers - 1].read;
			elapsed = ticks() - start;
		}
		for (i = 0, n = 0; i < looking(c); i++)
			n += take(&c->consumer[i]);
		if (stop && !n)
			break;
		if (!stop && c->setup.policy == BATCH)
			pause_ticks(rest);
	}
	c->disturbed = watch_disturbed(&w);
	c->delivered = (double)in_time / ((double)elapsed * ns_per_tick() / 1e3);
}

/* One thread for each, for each sleeps. */
static void *collect_asleep(void *arg)
{
	struct consumer *one = arg;
	struct contender *c = one->c;
	uint64_t start = now_ns(), cpu = cpu_ns(), elapsed;
	struct rusage before, after;
	unsigned int stop;
	int n;

	getrusage(RUSAGE_THREAD, &before);
	__atomic_add_fetch(&c->ready, 1, __ATOMIC_RELEASE);
	do {
		stop = __atomic_load_n(&c->stop, __ATOMIC_ACQUIRE);
		n = take(one);
		if (!stop && !n)
			sleep_for_more(one);
	} while (!stop || n);
	elapsed = now_ns() - start;
	getrusage(RUSAGE_THREAD, &after);
	if (one == c->consumer) {
		c->delivered = (double)one->read * 1e3 / (double)elapsed;
		c->reader_ns = (double)(cpu_ns() - cpu) / (double)(one->read + 1);
		c->switches = 1e3 * (double)(after.ru_nvcsw - before.ru_nvcsw) /
			      (double)(one->read + 1);
	}
	return NULL;
}

static void consume(void *arg)
{
	struct contender *c = arg;
	unsigned int i;

	/* From where the last round ended: nothing was published since. */
	for (i = 0; i < c->setup.readers; i++) {
		if (c->kind != OURS || c->consumer[i].sleeper)
			continue;
		seqring_reader_seek_head(&c->consumer[i].rd);
		c->consumer[i].rd.seq = c->run->seq + 1;
	}
	if (c->setup.policy != SLEEP) {
		__atomic_store_n(&c->ready, 1, __ATOMIC_RELEASE);
		collect(c);
		return;
	}
	/* They inherit this thread's core. */
	for (i = 0; i < c->setup.readers; i++)
		if (pthread_create(&c->consumer[i].thread, NULL, collect_asleep, &c->consumer[i]))
			fail("cannot start reader %u", i);
	for (i = 0; i < c->setup.readers; i++)
		pthread_join(c->consumer[i].thread, NULL);
}

void consumers_start(struct contender *c)
{
	unsigned int all = c->setup.policy == SLEEP ? c->setup.readers : 1;

	other_start(consume, c);
	while (__atomic_load_n(&c->ready, __ATOMIC_ACQUIRE) != all)
		cpu_relax();
	/* Sleepers go to sleep, where a first sleep takes an RCU grace period. */
	if (c->setup.policy == SLEEP)
		usleep(1000);
}

void consumers_wait(struct contender *c)
{
	(void)c;
	other_wait();
}

static void open_sleeper(struct consumer *one, const struct ring_fds *fds)
{
	const struct contender *c = one->c;
	struct ring_open_opts opts = {
		.size = sizeof(opts),
		.whence = RING_HEAD,
		.one_ring = 1,
		.ring = (uint32_t)opt.cpu[0],
		.wake_records = c->setup.wake_records,
	};

	if (ring_open_fds(fds, &opts, &one->sleeper))
		fail("%s", ring_strerror());
	/* It announces itself now, and not in the first round. */
	ring_wait(one->sleeper, 1);
}

/* Somebody sleeps on the writer's ring, as far as the writer knows. */
static void announce(const struct ring_fds *fds)
{
	size_t size = ((size_t)opt.cpu[0] + 1) * sizeof(struct seqring_wait);
	struct seqring_wait *wait = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds->wait,
					 0);

	if (wait == MAP_FAILED)
		fail("cannot map the armed words: %s", strerror(errno));
	wait[opt.cpu[0]].announced = 1;
	munmap(wait, size);
}

static void open_ours(struct contender *c)
{
	const struct seqring_header *h;
	const unsigned char *map;
	struct ring_fds fds;
	unsigned int i;

	if (ring_bpf_fds(c->ring, &fds))
		fail("%s", ring_strerror());
	if (c->setup.policy == SLEEP) {
		for (i = 0; i < c->setup.readers; i++)
			open_sleeper(&c->consumer[i], &fds);
		return;
	}
	if (c->setup.wake_records)
		announce(&fds);
	h = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fds.ring, 0);
	if (h == MAP_FAILED)
		fail("cannot map the ring's header: %s", strerror(errno));
	map = mmap(NULL, h->total_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fds.ring, 0);
	if (map == MAP_FAILED)
		fail("cannot map the ring: %s", strerror(errno));
	map += h->ring_offset + (uint64_t)opt.cpu[0] * h->ring_stride;
	for (i = 0; i < c->setup.readers; i++)
		seqring_reader_init(&c->consumer[i].rd, (const void *)map, map + h->data_offset,
				    h->data_size);
}

static void open_perf(struct consumer *one)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.size = sizeof(attr),
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
		.wakeup_events = one->c->setup.policy == SLEEP ? one->c->setup.wake_records :
								 NO_WAKE_UP,
	};
	LIBBPF_OPTS(perf_buffer_raw_opts, opts, .cpu_cnt = 1, .cpus = opt.cpu, .map_keys = opt.cpu);

	one->pb = perf_buffer__new_raw(bpf_map__fd(one->c->skel->maps.perf),
				       one->c->setup.size / 4096, &attr, take_perf, one, &opts);
	if (!one->pb)
		fail("no perf buffer: %s", strerror(errno));
}

static void open_rb(struct consumer *one, uint32_t i)
{
	int fd = bpf_map__fd(one->c->skel->maps.rb);

	if (!strcmp(one->c->setup.program, "fan")) {
		fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "fan", 0, 0,
				    (__u32)ring_size(RING_CACHED), NULL);
		if (fd < 0 || bpf_map_update_elem(bpf_map__fd(one->c->skel->maps.fan), &i, &fd, 0))
			fail("no BPF ring buffer %u", i);
	}
	one->rb = ring_buffer__new(fd, take_rb, one, NULL);
	if (!one->rb)
		fail("no consumer of the BPF ring buffer");
	if (fd != bpf_map__fd(one->c->skel->maps.rb))
		close(fd);
}

static void open_relay(struct consumer *one)
{
	one->buf = malloc(RELAY_BYTES);
	if (!one->buf)
		fail("no memory");
	if (one->c->setup.relay != BY_PIPES)
		return;
	if (pipe(one->pipe) || fcntl(one->pipe[1], F_SETPIPE_SZ, 2 * RELAY_BYTES) < 0)
		fail("no pipe: %s", strerror(errno));
}

void consumers_open(struct contender *c)
{
	struct consumer *one;
	unsigned int i;

	c->consumer = aligned_alloc(128, c->setup.readers * sizeof(*c->consumer));
	if (!c->consumer)
		fail("no memory");
	memset(c->consumer, 0, c->setup.readers * sizeof(*c->consumer));
	for (i = 0; i < c->setup.readers; i++) {
		one = &c->consumer[i];
		one->c = c;
		one->pipe[0] = -1;
		one->pipe[1] = -1;
		if (c->setup.relay != DIRECT)
			open_relay(one);
		if (c->kind == PERF_BUFFER)
			open_perf(one);
		else if (c->kind == RING_BUFFER && i < looking(c))
			open_rb(one, i);
	}
	if (c->kind == OURS)
		open_ours(c);
}

void consumers_close(struct contender *c)
{
	struct consumer *one;
	unsigned int i;

	for (i = 0; i < c->setup.readers; i++) {
		one = &c->consumer[i];
		ring_close(one->sleeper);
		ring_buffer__free(one->rb);
		perf_buffer__free(one->pb);
		free(one->buf);
		if (one->pipe[0] >= 0) {
			close(one->pipe[0]);
			close(one->pipe[1]);
		}
	}
	free(c->consumer);
}

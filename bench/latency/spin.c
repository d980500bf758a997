// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a single record takes from the writer to a reader that spins, beside
 * the time that one cache line takes from one core to the other.
 */
#include <stdlib.h>
#include <string.h>

#include <seqring/reader.h>

#include "../bench.h"

#define SAMPLES_MAX 200000u
#define GAP_NS	    2000u /* between two records: the reader is waiting again */
#define TYPE	    7

/*
 * @bounce: the line that goes back and forth
 * @ready, @stop: as in stream.c
 */
struct flight {
	struct seqring_writer w;
	struct seqring_reader r __attribute__((aligned(128)));
	uint64_t bounce __attribute__((aligned(128)));
	unsigned int ready __attribute__((aligned(128)));
	unsigned int stop __attribute__((aligned(128)));
	unsigned int n __attribute__((aligned(128)));
	bool disturbed;
	double median;
	double p99, p999, max;
	double ns[SAMPLES_MAX];
};

static int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void summarise(struct flight *f)
{
	unsigned int last = f->n;

	last--;
	qsort(f->ns, f->n, sizeof(f->ns[0]), compare_doubles);
	f->median = f->ns[f->n / 2];
	f->p99 = f->ns[last - f->n / 100];
	f->p999 = f->ns[last - f->n / 1000];
	f->max = f->ns[last];
}

static void return_bounces(void *arg)
{
	struct flight *f = arg;
	uint64_t next = 1, now;

	__atomic_store_n(&f->ready, 1, __ATOMIC_RELEASE);
	for (;;) {
		while ((now = __atomic_load_n(&f->bounce, __ATOMIC_ACQUIRE)) != next)
			if (now == UINT64_MAX)
				return;
		__atomic_store_n(&f->bounce, next + 1, __ATOMIC_RELEASE);
		next += 2;
	}
}

static bool bounce_round(void *arg)
{
	struct flight *f = arg;
	uint64_t sent = 1, start, before, end;
	struct watch w;
	bool disturbed;

	f->bounce = 0;
	f->ready = 0;
	f->n = 0;
	other_start(return_bounces, f);
	while (!__atomic_load_n(&f->ready, __ATOMIC_ACQUIRE))
		cpu_relax();
	watch_start(&w);
	start = now_ns();
	end = start + opt.round_ms * 1000000ull;
	while (f->n < SAMPLES_MAX && (f->n % 64 || now_ns() < end)) {
		before = ticks();
		__atomic_store_n(&f->bounce, sent, __ATOMIC_RELEASE);
		while (__atomic_load_n(&f->bounce, __ATOMIC_ACQUIRE) != sent + 1)
			;
		f->ns[f->n++] = (double)(ticks() - before) * ns_per_tick() / 2;
		sent += 2;
	}
	disturbed = watch_disturbed(&w);
	__atomic_store_n(&f->bounce, UINT64_MAX, __ATOMIC_RELEASE);
	other_wait();
	summarise(f);
	return disturbed;
}

static void receive(void *arg)
{
	struct flight *f = arg;
	enum seqring_outcome outcome;
	struct seqring_view v;
	uint64_t sent, now;
	unsigned int stop;
	struct watch w;

	watch_start(&w);
	__atomic_store_n(&f->ready, 1, __ATOMIC_RELEASE);
	for (;;) {
		/* Before the look at the ring: what comes after it is all there then. */
		stop = __atomic_load_n(&f->stop, __ATOMIC_ACQUIRE);
		outcome = seqring_r_read(&f->r, &v, &sent, sizeof(sent));
		if (outcome == SEQRING_OK) {
			now = ticks();
			if (v.lost || v.len != sizeof(sent))
				wrong("latency: record %llu", (unsigned long long)v.seq);
			if (f->n < SAMPLES_MAX)
				f->ns[f->n++] = (double)(now - sent) * ns_per_tick();
		} else if (outcome != SEQRING_EMPTY) {
			wrong("latency: outcome %d", (int)outcome);
		} else if (stop) {
			break;
		}
	}
	f->disturbed = watch_disturbed(&w);
}

static bool record_round(void *arg)
{
	struct flight *f = arg;
	uint64_t gap = (uint64_t)(GAP_NS / ns_per_tick()), start, now, sent = 0;
	struct watch w;
	bool disturbed;

	f->ready = 0;
	f->stop = 0;
	f->n = 0;
	other_start(receive, f);
	while (!__atomic_load_n(&f->ready, __ATOMIC_ACQUIRE))
		cpu_relax();
	watch_start(&w);
	start = now_ns();
	do {
		/* Not at equal distances, so that no rhythm of the reader's fits. */
		pause_ticks(gap + sent % 127 * 8);
		now = ticks();
		seqring_w_publish(&f->w, TYPE, 0, &now, sizeof(now));
		sent++;
	} while (now_ns() - start < opt.round_ms * 1000000ull);
	pause_ticks(gap);
	disturbed = watch_disturbed(&w);
	__atomic_store_n(&f->stop, 1, __ATOMIC_RELEASE);
	other_wait();
	if (f->n != sent && sent < SAMPLES_MAX)
		wrong("latency: %u of %llu records came", f->n, (unsigned long long)sent);
	summarise(f);
	return disturbed || f->disturbed;
}

static struct flight *flight_new(bool eager)
{
	struct flight *f = aligned_alloc(128, (sizeof(*f) + 127) & ~127ull);
	const void *ctl_reader, *data_reader;
	uint64_t size = ring_size(RING_CACHED);
	void *ctl, *data;

	if (!f)
		fail("no memory");
	memset(f, 0, sizeof(*f));
	ctl = map_shared(4096, &ctl_reader);
	data = map_shared(size, &data_reader);
	if (seqring_w_init(&f->w, ctl, data, size) ||
	    seqring_r_init(&f->r, ctl_reader, data_reader, size))
		fail("no ring of %llu bytes", (unsigned long long)size);
	f->r.eager = eager;
	return f;
}

void bench_latency(void)
{
	static const struct {
		const char *p50, *p99, *p999, *max;
		bool eager, ring;
	} kinds[] = {
		{ "cache line, half a round trip", "  p99", "  p99.9", "  max", false, false },
		{ "record, eager reader", "  p99", "  p99.9", "  max", true, true },
		{ "record, reader that looks at head", "  p99", "  p99.9", "  max", false, true },
	};
	struct series *s[3][4];
	struct flight *f[3];
	unsigned int i, k;
	bool clean;

	for (k = 0; k < 3; k++) {
		f[k] = flight_new(kinds[k].eager);
		s[k][0] = series_new("latency", kinds[k].p50, "ns");
		s[k][1] = series_new("latency", kinds[k].p99, "ns");
		s[k][2] = series_new("latency", kinds[k].p999, "ns");
		s[k][3] = series_new("latency", kinds[k].max, "ns");
	}
	for (i = 0; i < opt.rounds; i++) {
		for (k = 0; k < 3; k++) {
			clean = undisturbed(kinds[k].ring ? record_round : bounce_round, f[k]);
			series_add(s[k][0], f[k]->median, !clean);
			series_add(s[k][1], f[k]->p99, !clean);
			series_add(s[k][2], f[k]->p999, !clean);
			series_add(s[k][3], f[k]->max, !clean);
		}
	}
	series_compare(s[1][0], s[0][0]);
	series_compare(s[2][0], s[0][0]);
}

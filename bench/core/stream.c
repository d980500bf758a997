// SPDX-License-Identifier: GPL-2.0-only
/*
 * One round of any contender: a writer on one core, readers on the other that spin, rest
 * or sleep.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stream.h"

#define CHUNK	     64u     /* records between two looks at the clock */
#define BATCH	     256u    /* records between two looks at the stop sign */
#define LEAD_NS	     200000u /* from the start of a spaced round to its first record */
#define SETTLE_US    1000    /* readers go to sleep; a first sleep may wait for RCU */
#define WARM_UP_NS   5000000u
#define WARM_UPS_MAX 100u
#define WARM_UPS_MIN 2u

struct memory {
	struct memory *next;
	void *mapped[2];
	size_t size;
	void *allocated;
};

/*
 * @last: the reader by which the rate is measured
 * @stop: 1: nobody may go to sleep any more; 2: all is published
 */
struct shared {
	struct stream *s;
	struct stream_round *r;
	uint64_t first;
	struct schedule schedule;

	unsigned int ready __attribute__((aligned(128)));
	unsigned int stop __attribute__((aligned(128)));
};

/* A reader thread: it serves @nr readers in turn. */
struct service {
	struct shared *shared;
	struct reader *rd;
	unsigned int nr;
	pthread_t thread;
	uint64_t in_time;
	uint64_t elapsed;
};

static struct memory *memory_add(struct stream *s)
{
	struct memory *m = alloc(sizeof(*m));

	m->next = s->memory;
	s->memory = m;
	return m;
}

void *stream_alloc(struct stream *s, size_t size)
{
	struct memory *m = memory_add(s);

	m->allocated = alloc(size);
	return m->allocated;
}

void *stream_map(struct stream *s, size_t size, const void **readonly)
{
	struct memory *m = memory_add(s);

	m->size = size;
	m->mapped[0] = map_shared(size, readonly);
	m->mapped[1] = readonly ? (void *)*readonly : NULL;
	return m->mapped[0];
}

struct stream *stream_new(const struct stream_kind *kind, const struct stream *like,
			  const char **why)
{
	struct stream *s = alloc(sizeof(*s));
	unsigned int i;

	*s = *like;
	s->kind = kind;
	s->chunk = CHUNK;
	if (!s->nr_readers)
		s->nr_readers = 1;
	if (s->len < 8 || s->len > PAYLOAD_MAX || s->len % 8)
		fail("a stream cannot have records of %u bytes", s->len);
	s->reader = stream_alloc(s, s->nr_readers * sizeof(*s->reader));
	for (i = 0; i < s->nr_readers; i++) {
		s->reader[i].s = s;
		s->reader[i].index = i;
	}
	*why = kind->create(s);
	if (!*why)
		return s;
	s->kind = NULL;
	stream_free(s);
	return NULL;
}

void stream_free(struct stream *s)
{
	struct memory *m;

	if (s->kind && s->kind->destroy)
		s->kind->destroy(s);
	while ((m = s->memory)) {
		s->memory = m->next;
		if (m->mapped[0])
			munmap(m->mapped[0], m->size);
		if (m->mapped[1])
			munmap(m->mapped[1], m->size);
		free(m->allocated);
		free(m);
	}
	free(s);
}

/* Notes the latencies of the last @n records, which have arrived now. */
static void note_latency(const struct shared *sh, const struct reader *rd, unsigned int n)
{
	struct stream *s = sh->s;
	uint64_t now = ticks(), i, due;

	for (i = rd->newest - n + 1 - sh->first; n; n--, i++) {
		due = schedule_due(&sh->schedule, i);
		if (i >= s->nr_ticks)
			continue; /* this record only wakes a sleeper */
		if (now < due)
			fail("the clocks of cores %d and %d disagree", opt.cpu[0], opt.cpu[1]);
		s->ticks[i] = now - due;
	}
}

/* Meanwhile, other threads on the core may run. */
static void rest(const struct stream_round *r, uint64_t length)
{
	uint64_t start = ticks();

	if (!r->threads)
		pause_ticks(length);
	else
		do
			sched_yield();
		while (ticks() - start < length);
}

static void serve(struct service *service)
{
	struct shared *sh = service->shared;
	const struct stream_round *r = sh->r;
	struct stream *s = sh->s;
	bool spaced = r->mode == STREAM_SPACED;
	unsigned int max = spaced ? 1 : BATCH, stop = 0, i, n, most;
	uint64_t rest_ticks = spaced ? 0 : ticks_of_ns((double)r->rest_ns), start = ticks();

	for (;;) {
		if (stop < 2) {
			if (stop == 0 && !spaced) {
				service->in_time = service->rd[service->nr - 1].read;
				service->elapsed = ticks() - start;
			}
			stop = __atomic_load_n(&sh->stop, __ATOMIC_ACQUIRE);
		}
		for (i = 0, most = 0; i < service->nr; i++) {
			service->rd[i].may_block = r->sleeps && !stop;
			n = s->kind->collect(s, &service->rd[i], max);
			if (n && spaced)
				note_latency(sh, &service->rd[i], n);
			most = n > most ? n : most;
		}
		if (most >= max && !s->kind->drains)
			continue;
		if (stop == 2 && !most)
			break;
		if (rest_ticks && stop == 0 && !r->sleeps)
			rest(r, rest_ticks);
	}
}

static void *serve_alone(void *arg)
{
	struct service *service = arg;

	__atomic_add_fetch(&service->shared->ready, 1, __ATOMIC_RELEASE);
	serve(service);
	return NULL;
}

/* Threads inherit this thread's core. */
static void start_threads(struct service *service, unsigned int nr)
{
	unsigned int i;
	int err;

	for (i = 1; i < nr; i++) {
		err = pthread_create(&service[i].thread, NULL, serve_alone, &service[i]);
		if (err)
			fail("cannot start reader %u: %s", i, strerror(err));
	}
}

static void read_round(void *arg)
{
	struct shared *sh = arg;
	struct stream_round *r = sh->r;
	struct stream *s = sh->s;
	unsigned int i, nr = r->threads ? s->nr_readers : 1;
	struct service *service = alloc(nr * sizeof(*service));
	const struct service *last = &service[nr - 1];
	uint64_t start_cpu;
	struct watch w;

	for (i = 0; i < s->nr_readers; i++) {
		s->reader[i].read = 0;
		s->reader[i].lost = 0;
		if (s->kind->join)
			s->kind->join(s, &s->reader[i]);
	}
	for (i = 0; i < nr; i++)
		service[i] = (struct service) {
			.shared = sh,
			.rd = &s->reader[i],
			.nr = r->threads ? 1 : s->nr_readers,
		};
	start_threads(service, nr);
	watch_start(&w);
	start_cpu = cpu_ns();
	__atomic_add_fetch(&sh->ready, 1, __ATOMIC_RELEASE);
	serve(&service[0]);
	r->reader_ns = (double)(cpu_ns() - start_cpu) / (double)(s->reader[0].read + 1);
	r->switches = 1e3 * (double)watch_sleeps(&w) / (double)(s->reader[0].read + 1);
	/* Several threads on one core take turns, which is no disturbance. */
	if (nr == 1 && (r->sleeps ? watch_sleeper_disturbed(&w) : watch_disturbed(&w)))
		r->disturbed = 1;
	for (i = 1; i < nr; i++)
		pthread_join(service[i].thread, NULL);
	if (last->elapsed)
		r->delivered = (double)last->in_time /
			       ((double)last->elapsed * ns_per_tick() / 1e3);
	free(service);
}

static void until(uint64_t when)
{
	while ((int64_t)(ticks() - when) < 0)
		cpu_relax();
}

/* Returns the ticks that were spent in publishing. */
static uint64_t write_flat_out(struct stream *s, const struct stream_round *r)
{
	double gap = r->gap_ns / ns_per_tick();
	unsigned int chunk = r->chunk ? r->chunk : s->chunk;
	uint64_t start = ticks(), before = s->seq, begin = now_ns();

	do {
		s->kind->write(s, chunk);
		if (r->gap_ns > 0)
			until(start + (uint64_t)((double)(s->seq - before) * gap));
	} while (now_ns() - begin < r->ns);
	return ticks() - start;
}

static uint64_t write_bursts(struct stream *s, const struct stream_round *r)
{
	uint64_t gap = ticks_of_ns(r->gap_ns);
	uint64_t begin = now_ns(), spent = 0, start;

	do {
		start = ticks();
		s->kind->write(s, BURST);
		spent += ticks() - start;
		pause_ticks(gap);
	} while (now_ns() - begin < r->ns);
	return spent;
}

/* The latency of a record that goes out late counts from the time when it was due. */
static uint64_t write_spaced(struct stream *s, const struct shared *sh)
{
	uint64_t i, due, start, spent = 0;

	for (i = 0; i < s->nr_ticks; i++) {
		due = schedule_due(&sh->schedule, i);
		while ((start = ticks()) < due)
			;
		s->kind->write(s, 1);
		spent += ticks() - start;
	}
	return spent;
}

struct schedule stream_schedule(struct stream *s, const struct stream_round *r)
{
	uint64_t n = r->records ? r->records : (uint64_t)((double)r->ns / r->gap_ns);

	if (n != s->nr_ticks) {
		s->ticks = stream_alloc(s, n * sizeof(*s->ticks));
		s->nr_ticks = n;
	}
	return (struct schedule) {
		.start = ticks(),
		.gap = ticks_of_ns(r->gap_ns),
		.spread = ticks_of_ns(r->spread_ns),
	};
}

static void check_account(struct stream *s, struct stream_round *r)
{
	unsigned int i;

	r->read = 0;
	r->lost = 0;
	for (i = 0; i < s->nr_readers; i++) {
		struct reader *rd = &s->reader[i];

		if (s->kind->settle)
			s->kind->settle(s, rd);
		if (rd->read + rd->lost != r->published)
			wrong("%s: reader %u: read %llu + lost %llu is not published %llu",
			      s->kind->name, i, (unsigned long long)rd->read,
			      (unsigned long long)rd->lost, (unsigned long long)r->published);
		r->read += rd->read;
		r->lost += rd->lost;
	}
	if (r->lost && r->lossless)
		wrong("%s: lost %llu records, where none may be lost", s->kind->name,
		      (unsigned long long)r->lost);
}

static void start_readers(struct shared *sh)
{
	unsigned int all = sh->r->threads ? sh->s->nr_readers : 1;

	other_start(read_round, sh);
	while (__atomic_load_n(&sh->ready, __ATOMIC_ACQUIRE) != all)
		cpu_relax();
	if (sh->r->sleeps)
		usleep(SETTLE_US);
}

static void finish_readers(struct shared *sh)
{
	__atomic_store_n(&sh->stop, 1, __ATOMIC_RELEASE);
	/* Wakes the reader, which sees by then that it may not sleep again. */
	if (sh->r->sleeps && !sh->s->kind->polls)
		sh->s->kind->write(sh->s, 1);
	__atomic_store_n(&sh->stop, 2, __ATOMIC_RELEASE);
	other_wait();
}

static uint64_t write_round(struct stream *s, const struct stream_round *r, struct shared *sh)
{
	switch (r->mode) {
	case STREAM_BURSTS:
		return write_bursts(s, r);
	case STREAM_SPACED:
		sh->schedule.start = ticks() + ticks_of_ns(LEAD_NS);
		return write_spaced(s, sh);
	default:
		return write_flat_out(s, r);
	}
}

void stream_run(struct stream *s, struct stream_round *r)
{
	struct shared sh __attribute__((aligned(128))) = { .s = s, .r = r };
	uint64_t before = s->seq, begin, n;
	struct watch w;
	double spent;

	r->ns = r->ns ? r->ns : opt.round_ms * MS;
	ns_per_tick(); /* takes a while, so a reader must not be the first to call it */
	if (s->kind->run) {
		s->kind->run(s, r);
		return;
	}
	r->readers = r->nobody ? 0 : s->nr_readers;
	r->disturbed = 0;
	r->read = 0;
	r->lost = 0;
	s->own_ns = 0;
	sh.first = before + 1;
	if (r->mode == STREAM_SPACED)
		sh.schedule = stream_schedule(s, r);
	if (!r->nobody)
		start_readers(&sh);
	watch_start(&w);
	begin = now_ns();
	spent = (double)write_round(s, r, &sh) * ns_per_tick();
	n = s->seq - before;
	r->rate = 1e3 * (double)n / (double)(now_ns() - begin);
	r->writer_ns = (s->own_ns ? (double)s->own_ns : spent) / (double)n;
	r->published = n;
	/* A writer may sleep as well: while a buffer is full. */
	if (r->sleeps ? watch_sleeper_disturbed(&w) : watch_disturbed(&w))
		__atomic_store_n(&r->disturbed, 1, __ATOMIC_RELAXED);
	if (r->nobody) {
		if (s->kind->verify)
			s->kind->verify(s);
		return;
	}
	finish_readers(&sh);
	r->published = s->seq - before;
	check_account(s, r);
}

void stream_warm_up(struct stream *s, const struct stream_round *like)
{
	uint64_t lap = s->kind->goes_round ? s->size / (s->len + 24) : 0;
	struct stream_round r = *like;
	unsigned int i;

	r.mode = STREAM_FLAT_OUT;
	r.lossless = 0;
	r.gap_ns = 0;
	r.ns = WARM_UP_NS;
	for (i = 0; i < WARM_UPS_MIN || (s->seq < lap && i < WARM_UPS_MAX); i++)
		stream_run(s, &r);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same records as a stream from kernel code to one consumer, by each of the ways.
 */
#include "consumers.h"

#define PERIOD_NS 2000000u
#define BURST	  64u
#define REST_US	  200u /* from one look of the consumer to the next */
#define SETTLE_MS 20u

static const struct consumer_kind *const kinds[] = {
	&consumer_ring,	   &consumer_ring_percpu, &consumer_chardev,  &consumer_relay,
	&consumer_netlink, &consumer_perf,	  &consumer_bpf_perf, &consumer_bpf_ringbuf,
};

struct stream {
	struct contender c;
	const struct consumer_kind *kind;
	uint32_t len;
	uint64_t period_ns;
};

struct shared {
	struct consumer c;
	unsigned int stop;
};

static int device;

static void consume(void *arg)
{
	struct shared *shared = arg;
	unsigned int stop;

	do {
		stop = __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
		shared->c.kind->drain(&shared->c);
		pause_ticks(ticks_of_ns(REST_US * 1e3));
	} while (!stop);
}

static struct consumer consumer_of(const struct stream *s)
{
	return (struct consumer) {
		.kind = s->kind,
		.len = s->len,
		.next = 1,
		.told = NOT_TOLD,
		.fd = -1,
	};
}

static void check_account(const struct consumer *c, const struct locks_result *r)
{
	if (c->read + c->lost != r->tried)
		wrong("%s: read %llu + lost %llu is not published %llu", c->kind->name,
		      (unsigned long long)c->read, (unsigned long long)c->lost,
		      (unsigned long long)r->tried);
	if (r->refused && r->refused != c->lost)
		wrong("%s: %llu are missing, the writer says %llu", c->kind->name,
		      (unsigned long long)c->lost, (unsigned long long)r->refused);
	/* perf tells of a loss only with the next record that it has room for. */
	if (c->told != NOT_TOLD && c->told != c->lost &&
	    (c->kind != &consumer_perf || c->told > c->lost))
		wrong("%s: %llu are missing, it tells of %llu", c->kind->name,
		      (unsigned long long)c->lost, (unsigned long long)c->told);
}

static bool stream_round(struct contender *contender)
{
	struct stream *s = (struct stream *)contender;
	struct shared shared = { .c = consumer_of(s) };
	struct consumer *c = &shared.c;
	struct locks_result r;
	const char *why;
	uint64_t start;
	double seconds;

	/* Removes the records of an earlier run from the module's buffers. */
	writer_start(device, LOCKS_PLAIN, s->len, 1, PERIOD_NS);
	writer_stop(device, &r, NULL);
	why = s->kind->open(c);
	if (why)
		fail("%s: %s", s->kind->name, why);
	other_start(consume, &shared);
	writer_start(device, s->kind->writer, s->len, BURST, s->period_ns);
	start = now_ns();
	sleep_us(opt.round_ms * 1000ull);
	writer_stop(device, &r, NULL);
	seconds = (double)(now_ns() - start) / 1e9;
	sleep_us(SETTLE_MS * 1000ull);
	__atomic_store_n(&shared.stop, 1, __ATOMIC_RELEASE);
	other_wait();
	c->ended = true;
	s->kind->drain(c);
	s->kind->close(c);
	/* The records after the last one that came are lost, too. */
	c->lost += r.tried + 1 - c->next;
	check_account(c, &r);
	contender_set(contender, "payload_bytes", s->len);
	contender_set(contender, "readers", 1);
	contender_set(contender, "published", (double)r.tried);
	contender_set(contender, "lost", (double)c->lost);
	contender_set(contender, "writer_ns", (double)r.busy_ns / (double)r.tried);
	contender_set(contender, "delivered_per_s", (double)c->read / seconds);
	return false;
}

/* True if this contender can run here; if not, notes why. */
static bool works(const struct stream *s)
{
	struct consumer c = consumer_of(s);
	const char *why = s->kind->open(&c);

	if (why)
		emit_note("streams-cost", "SKIPPED: %s: %s", s->kind->name, why);
	else
		s->kind->close(&c);
	return !why;
}

static void streams(uint32_t len)
{
	struct contender *c[NR(kinds)];
	struct stream s[NR(kinds)];
	unsigned int k;

	for (k = 0; k < NR(kinds); k++) {
		s[k] = (struct stream) {
			.c.name = keep("%s, %u B", kinds[k]->name, len),
			.c.round = stream_round,
			.c.warm_up = contender_cold,
			.kind = kinds[k],
			.len = len,
			.period_ns = PERIOD_NS,
		};
		c[k] = works(&s[k]) ? &s[k].c : NULL;
	}
	alternate("streams-cost", c, NR(c), opt.rounds);
	/* Flat out. */
	for (k = 0; k < NR(kinds); k++)
		s[k].period_ns = 0;
	alternate("streams-rate", c, NR(c), opt.rounds);
}

void case_streams(void)
{
	device = locks_open();
	streams(64);
	if (!opt.quick)
		streams(256);
}

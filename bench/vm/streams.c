// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same records as a stream from kernel code to one consumer, by each way there is.
 */
#include <string.h>

#include "consumers.h"

#define COST	  "streams-cost"
#define RATE	  "streams-rate"
#define PERIOD_NS 2000000u
#define BURST	  64u
#define REST_US	  200u /* between two looks of the consumer */
#define SETTLE_MS 20u

static const struct consumer_kind *const kinds[] = {
	&consumer_ring, &consumer_chardev,  &consumer_relay,	   &consumer_netlink,
	&consumer_perf, &consumer_bpf_perf, &consumer_bpf_ringbuf,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

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
		pause_ticks((uint64_t)(REST_US * 1e3 / ns_per_tick()));
	} while (!stop);
}

/*
 * @ns: of the kernel's time for one record
 * @delivered: thousand records a second that the consumer had
 */
struct round {
	double ns;
	double delivered;
	uint64_t published;
	uint64_t lost;
};

/* Return: 0, or -errno with the reason, when this contender cannot run here. */
static int one_round(struct round *out, const struct consumer_kind *kind, uint32_t len,
		     uint64_t period_ns, const char **why)
{
	struct shared shared = {
		.c = { .kind = kind, .len = len, .next = 1, .told = NOT_TOLD, .fd = -1 },
	};
	struct consumer *c = &shared.c;
	struct locks_result r;
	uint64_t start;
	double seconds;
	int err;

	/* What a former run has left in a buffer of the module's goes. */
	writer_start(device, LOCKS_PLAIN, len, 1, PERIOD_NS);
	writer_stop(device, &r, NULL);
	err = kind->open(c, why);
	if (err)
		return err;
	other_start(consume, &shared);
	writer_start(device, kind->writer, len, BURST, period_ns);
	start = now_ns();
	sleep_ms(opt.round_ms);
	writer_stop(device, &r, NULL);
	seconds = (double)(now_ns() - start) / 1e9;
	sleep_ms(SETTLE_MS);
	__atomic_store_n(&shared.stop, 1, __ATOMIC_RELEASE);
	other_wait();
	c->ended = true;
	kind->drain(c);
	kind->close(c);
	/* Those after the last one that came. */
	c->lost += r.tried + 1 - c->next;
	if (c->read + c->lost != r.tried)
		wrong("%s: read %llu + lost %llu is not published %llu", kind->name,
		      (unsigned long long)c->read, (unsigned long long)c->lost,
		      (unsigned long long)r.tried);
	if (r.refused && r.refused != c->lost)
		wrong("%s: %llu are missing, the writer says %llu", kind->name,
		      (unsigned long long)c->lost, (unsigned long long)r.refused);
	out->ns = (double)r.busy_ns / (double)r.tried;
	out->delivered = (double)c->read / seconds / 1e3;
	out->published = r.tried;
	out->lost = c->lost;
	/* perf tells of a loss only with the next record that it has room for. */
	if (c->told != NOT_TOLD && c->told != c->lost &&
	    (kind != &consumer_perf || c->told > c->lost))
		wrong("%s: %llu are missing, it tells of %llu", kind->name,
		      (unsigned long long)c->lost, (unsigned long long)c->told);
	return 0;
}

static void streams_len(uint32_t len)
{
	struct series *cost[KINDS], *rate[KINDS];
	bool skipped[KINDS] = { false };
	const char *why = NULL;
	struct round out;
	unsigned int i, k;
	int err;

	for (k = 0; k < KINDS; k++)
		cost[k] = series_new(COST, keep("%s, %u B", kinds[k]->name, len), "ns");
	for (k = 0; k < KINDS; k++)
		rate[k] = series_new(RATE, keep("%s, %u B", kinds[k]->name, len), "k/s");
	for (i = 0; i < opt.rounds; i++) {
		for (k = 0; k < KINDS; k++) {
			if (skipped[k])
				continue;
			err = one_round(&out, kinds[k], len, PERIOD_NS, &why);
			if (err) {
				note(COST, "SKIPPED: %s: %s: %s", kinds[k]->name, why,
				     strerror(-err));
				skipped[k] = true;
				continue;
			}
			series_add(cost[k], out.ns, false);
			series_account(cost[k], out.published, out.lost);
			err = one_round(&out, kinds[k], len, 0, &why);
			if (err)
				fail("%s: %s", kinds[k]->name, why);
			series_add(rate[k], out.delivered, false);
			series_account(rate[k], out.published, out.lost);
		}
	}
	for (k = 1; k < KINDS; k++) {
		if (skipped[k])
			continue;
		series_compare(cost[k], cost[0]);
		series_compare(rate[k], rate[0]);
	}
}

void bench_streams(void)
{
	device = locks_open();
	pin_to(opt.cpu[0]);
	section_describe(
		COST, "A record from kernel code, by each way there is",
		"A thread of the kernel publishes bursts of 64 records every 2 ms; one consumer "
		"on the other processor takes what is there, checks it, and looks again after "
		"200 us. Time in the kernel for one record. Each buffer has 1 MiB.");
	section_describe(
		RATE, "The same flat out",
		"The kernel does not pause; so each contender loses records, shown beside it: "
		"ours the oldest, the others the newest. Records a second that reach the "
		"consumer.");
	streams_len(64);
	if (!opt.quick)
		streams_len(256);
}

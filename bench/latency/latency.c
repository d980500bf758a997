// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is compared with what, and what is asked of it.
 */
#include "latency.h"

#define SPIN_GAP_NS	2000u
#define SPIN_SPREAD_NS	1000u
#define SLEEP_GAP_NS	100000u
#define SLEEP_SPREAD_NS 50000u

#define NR(list) (sizeof(list) / sizeof((list)[0]))

static const struct line ping_pong = { .window = 4096, .reply = true };

static void describe(const char *section, const char *title, const char *text)
{
	section_describe(section, title, text);
	plot_describe(section, section, title, "percentile", "latency, ns",
		      PLOT_PERCENTILE_X | PLOT_LOG_Y);
}

void bench_latency(void)
{
	static const char section[] = "latency";
	static const struct spinner eager = { true, RING_CACHED }, at_head = { false, RING_CACHED };
	static const struct entry entries[] = {
		{ "cache line, sent to and fro", &kind_line, &ping_pong },
		{ "cache line, half a round trip", &kind_bounce, &ping_pong },
		{ "nothing, the clock alone", &kind_clock, &ping_pong },
		{ "record, eager reader", &kind_record, &eager },
		{ "record, reader that looks at head", &kind_record, &at_head },
	};
	enum { LINE, BOUNCE, CLOCK, EAGER };
	struct series *p50[NR(entries)], *p99[NR(entries)];
	struct trial trial = {
		.section = section,
		.gap_ns = SPIN_GAP_NS,
		.spread_ns = SPIN_SPREAD_NS,
		.records = opt.quick ? 10000 : 20000,
		.p50 = p50,
		.p99 = p99,
	};

	describe(
		section, "Latency to a reader that spins",
		"One way, from the time at which the record was to be sent to when the reader has "
		"it. The peer is one word in one cache line, by the same rule: it is sent when it "
		"is due, and sent back before the next one is. Half a round trip is the same line "
		"without a pause, by one core's clock. That is less than a message takes which "
		"comes after a pause: the reader that has spun for a while holds a copy of the "
		"line, which is taken from it first (see `latency-lines`). The clock alone is what "
		"it takes to see that something is due and to read the clock once more, which is "
		"in all the others. Percentiles in the plot are those of all rounds together, the "
		"disturbed ones too.");
	run_trial(&trial, entries, NR(entries));
	target(section, "spinning reader's median, to a cache line's one way",
	       series_ratio(p50[EAGER], p50[LINE]), "x", AT_MOST, 1.3);
	target(section, "spinning reader's median, to a cache line's, less the clock",
	       series_difference(p50[EAGER], p50[CLOCK]) / series_difference(p50[LINE], p50[CLOCK]),
	       "x", AT_MOST, 1.3);
	target(section, "spinning reader's p99, to a cache line's p99",
	       series_ratio(p99[EAGER], p99[LINE]), "x", AT_MOST, 2);
	note(section,
	     "less the clock's %.0f ns, a line takes %.0f ns and a record %.0f ns, or %.2f x half "
	     "a round trip",
	     series_median(p50[CLOCK]), series_difference(p50[LINE], p50[CLOCK]),
	     series_difference(p50[EAGER], p50[CLOCK]),
	     series_difference(p50[EAGER], p50[CLOCK]) / series_median(p50[BOUNCE]));
}

/* What lies between one line that goes back and forth and a ring of records. */
void bench_latency_lines(void)
{
	static const char section[] = "latency-lines";
	static const struct line paced = { .window = 4096, .reply = true, .paced = true };
	static const struct line one_way = { .window = 4096 };
	static const struct line payload = { .window = 4096, .payload = true, .reply = true };
	static const struct line fresh = { .stride = 64, .window = RING_CACHED, .payload = true };
	static const struct line half = { .stride = 32, .window = RING_CACHED, .payload = true };
	static const struct line asked = {
		.stride = 64, .window = RING_CACHED, .prefetch = 64, .payload = true
	};
	static const struct line ahead = {
		.stride = 64, .window = RING_CACHED, .prefetch = 256, .payload = true
	};
	static const struct spinner eager = { true, RING_CACHED };
	static const struct entry entries[] = {
		{ "one line, to and fro", &kind_line, &ping_pong },
		{ "one line, half a round trip, without a pause", &kind_bounce, &ping_pong },
		{ "one line, half a round trip, when it is due", &kind_bounce, &paced },
		{ "one line, never sent back", &kind_line, &one_way },
		{ "one line, with a payload, to and fro", &kind_line, &payload },
		{ "a fresh line for each", &kind_line, &fresh },
		{ "half a fresh line for each", &kind_line, &half },
		{ "a fresh line, asked for beforehand", &kind_line, &asked },
		{ "a fresh line, asked for far ahead", &kind_line, &ahead },
		{ "record, eager reader", &kind_record, &eager },
	};
	struct series *p50[NR(entries)], *p99[NR(entries)];
	struct trial trial = {
		.section = section,
		.gap_ns = SPIN_GAP_NS,
		.spread_ns = SPIN_SPREAD_NS,
		.records = 20000,
		.p50 = p50,
		.p99 = p99,
	};

	/* No target needs it. */
	if (opt.quick)
		return;
	describe(section, "What a fresh cache line costs",
		 "A record does not lie where the one before it lay, so its line is not one that "
		 "both cores have at hand. These are messages of one word, or of a word and a "
		 "payload, with no protocol: what records could reach at best. Half a round trip "
		 "is a mean of both ways, by the sender's clock; when it is due, the way there is "
		 "the first for a while, and the way back is not.");
	run_trial(&trial, entries, NR(entries));
}

void bench_latency_sleep(void)
{
	static const char section[] = "latency-sleep";
	static const struct entry entries[] = {
		{ "eventfd + epoll", &kind_eventfd, NULL },
		{ "pipe", &kind_pipe, NULL },
		{ "futex", &kind_futex, NULL },
		{ "memfd ring, ring_wait()", &kind_ring_wait, NULL },
		{ "memfd ring, ring_fd() + epoll", &kind_ring_epoll, NULL },
		{ "BPF ring buffer + epoll", &kind_bpf_buffer, NULL },
		{ "ring of a BPF program, ring_wait()", &kind_bpf_ring, NULL },
	};
	enum { EVENTFD, PIPE, FUTEX, WAIT, EPOLL, BPF_BUFFER, BPF_RING };
	bool bpf = latency_bpf_works(section);
	struct series *p50[NR(entries)], *p99[NR(entries)];
	struct trial trial = {
		.section = section,
		.gap_ns = SLEEP_GAP_NS,
		.spread_ns = SLEEP_SPREAD_NS,
		.records = opt.quick ? 700 : 5000,
		.sleeps = true,
		.p50 = p50,
		.p99 = p99,
	};

	describe(
		section, "Latency to a reader that sleeps",
		"The reader sleeps in the kernel between any two records. From the time at which "
		"the record was to be sent, so the sender's system call is in it; a BPF program is "
		"run by one, too. Percentiles in the plot are those of all rounds together, the "
		"disturbed ones too.");
	run_trial(&trial, entries, bpf ? NR(entries) : BPF_BUFFER);
	target(section, "sleeping reader's median in ring_wait(), to eventfd + epoll",
	       series_ratio(p50[WAIT], p50[EVENTFD]), "x", AT_MOST, 1.1);
	target(section, "sleeping reader's median in epoll_wait(), to eventfd + epoll",
	       series_ratio(p50[EPOLL], p50[EVENTFD]), "x", AT_MOST, 1.1);
	if (!bpf)
		return;
	series_compare(p50[BPF_RING], p50[BPF_BUFFER]);
	series_compare(p99[BPF_RING], p99[BPF_BUFFER]);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * One-way latency on a schedule that is fixed beforehand, beside single cache lines, and
 * beside the other ways to wake a sleeper.
 */
#include "../peers/peers.h"
#include "bpf/bpf.h"
#include "kinds.h"

#define SPIN_LEN  8u /* one word, as in the lines beside it */
#define SLEEP_LEN 32u

static const struct stream_round spinning = {
	.mode = STREAM_SPACED,
	.lossless = true,
	.gap_ns = 2000,
	.spread_ns = 1000,
	.records = 20000,
};

static const struct line ping_pong = { .window = 4096, .reply = true };

static void run(const char *section, const struct row *rows, unsigned int nr, uint32_t len,
		const struct stream_round *round)
{
	table_run(&(struct table) { section, rows, nr, .len = len, .round = *round });
}

void case_latency(void)
{
	static const struct row rows[] = {
		{ "cache line, sent to and fro", &kind_line, &ping_pong },
		{ "cache line, half a round trip", &kind_line, &ping_pong,
		  .own_round = bounce_round },
		{ "nothing, the clock alone", &kind_line, &ping_pong, .own_round = clock_round },
		{ "record, eager reader", &kind_ring_eager, .size = RING_CACHED },
		{ "record, reader that looks at head", &kind_ring, .size = RING_CACHED },
	};
	struct stream_round round = spinning;

	if (opt.quick)
		round.records = 10000;
	run("latency", rows, NR(rows), SPIN_LEN, &round);
}

/* Between one line that goes back and forth and a ring of records. */
void case_latency_lines(void)
{
	static const struct line paced = { .window = 4096, .reply = true, .paced = true };
	static const struct line one_way = { .window = 4096 };
	static const struct line payload = { .window = 4096, .payload = true, .reply = true };
	static const struct line fresh = { .stride = 64, .window = RING_CACHED, .payload = true };
	static const struct line half = { .stride = 32, .window = RING_CACHED, .payload = true };
	static const struct line asked = { 64, RING_CACHED, .prefetch = 64, .payload = true };
	static const struct line ahead = { 64, RING_CACHED, .prefetch = 256, .payload = true };
	static const struct row rows[] = {
		{ "one line, to and fro", &kind_line, &ping_pong },
		{ "one line, half a round trip, without a pause", &kind_line, &ping_pong,
		  .own_round = bounce_round },
		{ "one line, half a round trip, when it is due", &kind_line, &paced,
		  .own_round = bounce_round },
		{ "one line, never sent back", &kind_line, &one_way },
		{ "one line, with a payload, to and fro", &kind_line, &payload },
		{ "a fresh line for each", &kind_line, &fresh },
		{ "half a fresh line for each", &kind_line, &half },
		{ "a fresh line, asked for beforehand", &kind_line, &asked },
		{ "a fresh line, asked for far ahead", &kind_line, &ahead },
		{ "record, eager reader", &kind_ring_eager, .size = RING_CACHED },
	};

	/* No target needs it. */
	if (!opt.quick)
		run("latency-lines", rows, NR(rows), SPIN_LEN, &spinning);
}

void case_latency_sleep(void)
{
	static const struct bpf_variant once_buffer = { "once_rb" }, once_ring = { "once_ours" };
	static const struct row rows[] = {
		{ "eventfd + epoll", &kind_eventfd },
		{ "pipe", &kind_pipe },
		{ "futex", &kind_futex },
		{ "memfd ring, ring_wait()", &kind_library, .size = RING_CACHED },
		{ "memfd ring, ring_fd() + epoll", &kind_library, &library_epoll,
		  .size = RING_CACHED },
		{ "memfd ring of full fences, ring_fd() + epoll", &kind_library,
		  &library_epoll_full_fence, .size = RING_CACHED },
		{ "BPF ring buffer + epoll", &kind_bpf_once, &once_buffer, .size = RING_CACHED },
		{ "ring of a BPF program, ring_wait()", &kind_bpf_once, &once_ring,
		  .size = RING_CACHED },
	};
	const struct stream_round round = {
		.mode = STREAM_SPACED,
		.sleeps = true,
		.lossless = true,
		.gap_ns = 100000,
		.spread_ns = 50000,
		.records = opt.quick ? 700 : 5000,
	};
	bool bpf = bpf_here("latency-sleep");

	run("latency-sleep", rows, bpf ? NR(rows) : NR(rows) - 2, SLEEP_LEN, &round);
}

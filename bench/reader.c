// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writer and reader on two cores: what comes through flat out, what the reader
 * costs the writer, and whether anything is lost at the pace of a real producer.
 */
#include "stream.h"

/*
 * How long a reader leaves the ring alone after it has used up its snapshot of
 * head. By then the writer has left the lines that are read next; a reader that
 * looks again at once costs the writer several times as much. Contenders rest as
 * long: it serves them as well.
 */
#define REST_NS	   20000u
#define WARM_UP_NS 50000000u

static struct stream_round prepare(struct stream *s)
{
	return (struct stream_round) {
		.s = s,
		.reader = true,
		.ns = opt.round_ms * 1000000ull,
		.rest_ns = REST_NS,
	};
}

/* Goes round a few times, so that both sides have touched every page. */
static void warm_up(struct stream_round round)
{
	round.ns = WARM_UP_NS;
	stream_round(&round);
}

/* All contenders in each round. */
static void alternate(struct stream_round *rounds, struct series **rates, unsigned int n)
{
	unsigned int i, k;
	bool clean;

	for (k = 0; k < n; k++)
		warm_up(rounds[k]);
	for (i = 0; i < opt.rounds; i++) {
		for (k = 0; k < n; k++) {
			clean = undisturbed(stream_round, &rounds[k]);
			series_add(rates[k], rounds[k].delivered, !clean);
		}
	}
}

static void say_last(const char *section, const struct stream_round *r, const char *what)
{
	note(section, "%s, last round: %.1f ns a record for the writer, %.1f%% delivered", what,
	     r->writer_ns, 100. * (double)r->read / (double)r->published);
}

void bench_reader(void)
{
	uint64_t large = ring_size(RING_LARGE), cached = RING_CACHED;
	struct stream_round rounds[] = {
		prepare(stream_new(&stream_ring, large, 32, false)),
		prepare(stream_new(&stream_bytes, large, 32, false)),
		prepare(stream_new(&stream_library, large, 32, false)),
		prepare(stream_new(&stream_ring, cached, 32, false)),
		prepare(stream_new(&stream_bytes, cached, 32, false)),
	};
	struct series *rates[] = {
		series_new("reader", "ring, 32 B, writer flat out", "M/s"),
		series_new("reader", "byte ring, begin and end", "M/s"),
		series_new("reader", "ring through libring", "M/s"),
		series_new("reader", "ring that the caches hold", "M/s"),
		series_new("reader", "byte ring that the caches hold", "M/s"),
	};

	alternate(rounds, rates, 5);
	series_compare(rates[0], rates[1]);
	series_compare(rates[2], rates[0]);
	series_compare(rates[3], rates[4]);
	target("reader", "32-byte records delivered, writer flat out", series_median(rates[0]),
	       "M/s", AT_LEAST, 30);
	target("reader", "the same, to a byte ring with begin and end on one line",
	       series_ratio(rates[0], rates[1]), "x", AT_LEAST, 1.5);
	note("reader", "rings of %llu KiB; those that the caches hold, %llu KiB",
	     (unsigned long long)large >> 10, (unsigned long long)cached >> 10);
	say_last("reader", &rounds[0], "ring");
	say_last("reader", &rounds[1], "byte ring");
	say_last("reader", &rounds[2], "libring");
}

void bench_bulk(void)
{
	uint64_t size = ring_size(RING_LARGE);
	struct stream_round rounds[] = {
		prepare(stream_new(&stream_ring, size, 1024, false)),
		prepare(stream_new(&stream_flags, size, 1024, false)),
	};
	struct series *rates[] = {
		series_new("bulk", "ring, 1 KiB, writer flat out", "M/s"),
		series_new("bulk", "flag per record, no overwriting", "M/s"),
	};

	alternate(rounds, rates, 2);
	series_compare(rates[0], rates[1]);
	target("bulk", "1 KiB records, to a flag for each and no validation",
	       series_ratio(rates[0], rates[1]), "x", AT_LEAST, 0.7);
	note("bulk", "rings of %llu KiB", (unsigned long long)size >> 10);
	say_last("bulk", &rounds[0], "ring");
	say_last("bulk", &rounds[1], "flag per record");
}

void bench_stamped(void)
{
	uint64_t size = ring_size(RING_LARGE);
	struct stream_round read = prepare(stream_new(&stream_ring, size, 32, true));
	struct stream_round alone = read, lasting = read;
	struct series *alone_ns = series_new("stamped", "writer, 32 B, clock, nobody reads", "ns");
	struct series *read_ns = series_new("stamped", "writer, 32 B, clock, a reader", "ns");
	unsigned int i;
	bool clean;

	alone.reader = false;
	warm_up(read);
	for (i = 0; i < opt.rounds; i++) {
		clean = undisturbed(stream_round, &alone);
		series_add(alone_ns, alone.writer_ns, !clean);
		clean = undisturbed(stream_round, &read);
		series_add(read_ns, read.writer_ns, !clean);
	}
	lasting.ns = (uint64_t)(opt.seconds * 1e9);
	clean = !stream_round(&lasting);
	target("stamped", "what a batching reader adds to a record's cost",
	       series_difference(read_ns, alone_ns), "ns", AT_MOST, 10);
	target("stamped", "records lost in one long run with a clock", (double)lasting.lost, "",
	       AT_MOST, 0);
	note("stamped", "rings of %llu KiB; one run of %.1f s%s: %llu published, %llu lost",
	     (unsigned long long)size >> 10, opt.seconds,
	     clean ? "" : ", in which something else had a core for a while",
	     (unsigned long long)lasting.published, (unsigned long long)lasting.lost);
}

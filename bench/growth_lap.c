// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs that a ring of the library's gets its pages only when they are written.
 */
#include <unistd.h>

#include <libring.h>

#include <seqring/writer.h>

#include "growth.h"
#include "stream.h"

#define TYPE 7

struct lap {
	struct ring_writer *w;
	uint64_t seq;
	double ns; /* of a record */
};

/* One lap of a ring of the library's. */
static bool lap_round(void *arg)
{
	struct lap *l = arg;
	uint64_t payload[32 / 8], i, n = RING_LARGE / seqring_record_size(sizeof(payload));
	uint64_t start;
	struct watch w;

	watch_start(&w);
	start = now_ns();
	for (i = 0; i < n; i++) {
		payload_fill(payload, sizeof(payload), ++l->seq);
		if (ring_writer_publish(l->w, 0, TYPE, payload, sizeof(payload)))
			fail("libring does not publish: %s", ring_strerror());
	}
	l->ns = (double)(now_ns() - start) / (double)n;
	return watch_disturbed(&w);
}

void growth_first_lap(unsigned int rounds)
{
	const char *section = "growth-lap";
	struct series *first = series_new(section, "libring, first lap, 32 B", "ns");
	struct series *second = series_new(section, "libring, second lap, 32 B", "ns");
	bool disturbed;
	struct lap l;
	unsigned int i;

	section_describe(
		section, "Growth: the first lap",
		"A memfd of the library's has no pages until the writer gets there. What a "
		"record of 32 bytes costs on the first way round a ring of 32 MiB, and on the "
		"second.");
	for (i = 0; i < rounds; i++) {
		l = (struct lap) { .w = library_writer(RING_LARGE) };
		disturbed = lap_round(&l);
		series_add(first, l.ns, disturbed);
		disturbed = lap_round(&l);
		series_add(second, l.ns, disturbed);
		ring_writer_close(l.w);
	}
	series_compare(first, second);
	note(section, "the pages of the first lap cost %.0f ns each",
	     series_difference(first, second) * (double)sysconf(_SC_PAGESIZE) /
		     (double)seqring_record_size(32));
}

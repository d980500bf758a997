// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <seqring/abi.h>

#include "../../lib/clock.h"
#include "../../lib/counters.h"
#include "../../lib/device.h"
#include "../info.h"
#include "../leftovers.h"
#include "metrics.h"
#include "opening.h"

/* All processes that serve rings have so long together to answer. */
#define ANSWER_NS (2 * NSEC_PER_SEC)

/**
 * struct metrics_ring - a ring at one moment
 * @reader: while it is not known whether the ring can be opened
 * @up: it could be read; else only @name is valid
 * @rings: an entry for each ring of the device
 * @readers_known: @readers is valid: open files of a device
 * @missed_known: @missed is valid: events for which the kernel did not run a BPF program
 */
struct metrics_ring {
	char *name;
	struct ring_reader *reader;
	bool up;
	struct ring_info info;
	struct ring_stats_at *rings;
	bool ended;
	bool readers_known;
	uint32_t readers;
	bool missed_known;
	uint64_t missed;
};

struct metrics {
	struct metrics_ring *rings;
	unsigned int nr;
	struct leftovers leftovers;
};

/* Both formats want the values of a metric together, one after the other. */
struct printer {
	FILE *f;
	bool openmetrics;
};

/* Return: 0; -ENOMEM; else the ring cannot be read. */
static int read_ring(struct metrics_ring *m, struct ring_reader *r)
{
	struct ring_stats stats = { .size = sizeof(stats) };
	uint32_t mode;
	int err;

	m->info.size = sizeof(m->info);
	err = ring_info(r, &m->info);
	if (!err)
		err = ring_stats(r, &stats);
	if (err)
		return err;
	m->ended = stats.dead;
	err = counters_read(r, m->info.nr_rings, &m->rings);
	m->missed_known = !ring_missed(r, &m->missed);
	/* Do not count the reader of this function. */
	m->readers_known = m->info.writer == SEQRING_WRITER_MODULE &&
			   !device_stat(m->name, &m->readers, &mode);
	if (m->readers_known && m->readers)
		m->readers--;
	return err;
}

/* Asks for a ring. Return: 0, also if it cannot be opened; -ENOMEM. */
static int add_ring(struct metrics *m, const char *name)
{
	struct metrics_ring *rings = realloc(m->rings, (m->nr + 1) * sizeof(*rings));
	struct metrics_ring *ring;
	int err;

	if (!rings)
		return -ENOMEM;
	m->rings = rings;
	ring = &rings[m->nr];
	*ring = (struct metrics_ring) { .name = strdup(name) };
	if (!ring->name)
		return -ENOMEM;
	m->nr++;
	err = opening_begin(name, &ring->reader);
	if (err)
		ring->reader = NULL;
	return err == -ENOMEM ? err : 0;
}

/* For ring_list(). */
static int add_listed(const char *name, unsigned int writer, void *arg)
{
	struct metrics *m = arg;

	return leftovers_have(&m->leftovers, name, writer) ? 0 : add_ring(m, name);
}

/* Asks for all rings, then reads them as they answer. Return: 0; -errno. */
static int gather(struct metrics *m, const struct metrics_names *names)
{
	const uint64_t until_ns = now_ns() + ANSWER_NS;
	unsigned int i;
	int err = 0;

	if (!names->nr) {
		err = leftovers_find(&m->leftovers, 0);
		if (!err)
			err = ring_list(add_listed, m);
	}
	for (i = 0; i < names->nr && !err; i++)
		err = add_ring(m, names->all[i]);
	for (i = 0; i < m->nr && !err; i++) {
		struct metrics_ring *ring = &m->rings[i];

		if (!ring->reader)
			continue;
		err = opening_join(ring->reader);
		if (err == -EAGAIN) {
			opening_await(ring->reader, until_ns);
			err = opening_join(ring->reader);
		}
		if (!err)
			err = read_ring(ring, ring->reader);
		ring->up = !err;
		ring_close(ring->reader);
		ring->reader = NULL;
		if (err != -ENOMEM)
			err = 0;
	}
	return err;
}

static void free_metrics(struct metrics *m)
{
	while (m->nr) {
		ring_close(m->rings[--m->nr].reader);
		free(m->rings[m->nr].rings);
		free(m->rings[m->nr].name);
	}
	free(m->rings);
	leftovers_free(&m->leftovers);
}

/* @type: counter or gauge. The name of a counter has no _total, which both formats add. */
static void print_head(const struct printer *p, const char *name, const char *type,
		       const char *text)
{
	const char *total = !p->openmetrics && !strcmp(type, "counter") ? "_total" : "";

	fprintf(p->f, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, total, text, name, total, type);
}

/* The value of a label: a path may have any character. */
static void print_label(const struct printer *p, const char *label, const char *value)
{
	fprintf(p->f, "%s=\"", label);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", p->f);
		else if (*value == '"' || *value == '\\')
			fprintf(p->f, "\\%c", *value);
		else
			fputc(*value, p->f);
	}
	fputc('"', p->f);
}

static void print_gauge(const struct printer *p, const char *name, const struct metrics_ring *m,
			uint64_t value)
{
	fprintf(p->f, "%s{", name);
	print_label(p, "ring", m->name);
	fprintf(p->f, "} %" PRIu64 "\n", value);
}

static void print_counter(const struct printer *p, const char *name, const struct metrics_ring *m,
			  const struct ring_stats_at *at, const char *cause, uint64_t value)
{
	fprintf(p->f, "%s_total{", name);
	print_label(p, "ring", m->name);
	fprintf(p->f, ",index=\"%" PRIu32 "\"", at->id);
	if (cause)
		fprintf(p->f, ",cause=\"%s\"", cause);
	fprintf(p->f, "} %" PRIu64 "\n", value);
}

/* A counter that each ring of a device has. @at: where it is in struct ring_stats_at */
static void print_counters(const struct printer *p, const struct metrics *m, const char *name,
			   const char *text, size_t at)
{
	unsigned int i, j;

	print_head(p, name, "counter", text);
	for (i = 0; i < m->nr; i++) {
		const struct metrics_ring *r = &m->rings[i];

		for (j = 0; r->up && j < r->info.nr_rings; j++)
			print_counter(p, name, r, &r->rings[j], NULL,
				      *(const uint64_t *)((const char *)&r->rings[j] + at));
	}
}

static void print_dropped(const struct printer *p, const struct metrics *m)
{
	static const char name[] = "seqring_dropped_records";
	unsigned int i, j, cause;

	print_head(p, name, "counter",
		   "Records that could not be published since the creation of the ring.");
	for (i = 0; i < m->nr; i++) {
		const struct metrics_ring *r = &m->rings[i];

		for (j = 0; r->up && j < r->info.nr_rings; j++)
			for (cause = 0; cause < SEQRING_DROP_CAUSES; cause++)
				print_counter(p, name, r, &r->rings[j], info_drop_cause(cause),
					      r->rings[j].dropped[cause]);
	}
}

static void print_missed(const struct printer *p, const struct metrics *m)
{
	static const char name[] = "seqring_missed_events";
	unsigned int i;

	print_head(p, name, "counter",
		   "Events for which the kernel did not run a BPF program that writes the ring.");
	for (i = 0; i < m->nr; i++)
		if (m->rings[i].up && m->rings[i].missed_known)
			print_gauge(p, "seqring_missed_events_total", &m->rings[i],
				    m->rings[i].missed);
}

static void print_gauges(const struct printer *p, const struct metrics *m)
{
	unsigned int i;

	print_head(p, "seqring_up", "gauge", "Whether the ring could be read.");
	for (i = 0; i < m->nr; i++)
		print_gauge(p, "seqring_up", &m->rings[i], m->rings[i].up);
	print_head(p, "seqring_ended", "gauge", "Whether the writer of the ring is gone.");
	for (i = 0; i < m->nr; i++)
		if (m->rings[i].up)
			print_gauge(p, "seqring_ended", &m->rings[i], m->rings[i].ended);
	print_head(p, "seqring_size_bytes", "gauge",
		   "Bytes for records, of each ring of the device.");
	for (i = 0; i < m->nr; i++)
		if (m->rings[i].up)
			print_gauge(p, "seqring_size_bytes", &m->rings[i],
				    m->rings[i].info.data_size);
	print_head(p, "seqring_open_files", "gauge", "Open files of a device: its readers.");
	for (i = 0; i < m->nr; i++)
		if (m->rings[i].up && m->rings[i].readers_known)
			print_gauge(p, "seqring_open_files", &m->rings[i], m->rings[i].readers);
}

static void print_metrics(const struct metrics *m, bool openmetrics, FILE *f)
{
	const struct printer p = { f, openmetrics };

	print_gauges(&p, m);
	print_counters(&p, m, "seqring_published_records",
		       "Records that were published since the creation of the ring.",
		       offsetof(struct ring_stats_at, published));
	print_counters(&p, m, "seqring_published_bytes",
		       "Bytes of the records that were published, headers included.",
		       offsetof(struct ring_stats_at, head));
	print_counters(&p, m, "seqring_reader_wakeups",
		       "Wake-ups of readers since the creation of the ring.",
		       offsetof(struct ring_stats_at, wakeups));
	print_dropped(&p, m);
	print_missed(&p, m);
	if (openmetrics)
		fputs("# EOF\n", f);
}

int metrics_text(const struct metrics_names *names, bool openmetrics, char **text, size_t *size)
{
	struct metrics m = { 0 };
	int err = gather(&m, names);
	FILE *f = NULL;

	if (!err) {
		f = open_memstream(text, size);
		err = f ? 0 : -errno;
	}
	if (f) {
		print_metrics(&m, openmetrics, f);
		if (fclose(f)) {
			err = -errno;
			free(*text);
			*text = NULL;
		}
	}
	free_metrics(&m);
	return err;
}

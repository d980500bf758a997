// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <seqring/abi.h>

#include "../../lib/counters.h"
#include "../../lib/device.h"
#include "../info.h"
#include "metrics.h"

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

int metrics_add(struct metrics *m, const char *name)
{
	struct metrics_ring *rings = realloc(m->rings, (m->nr + 1) * sizeof(*rings));
	struct metrics_ring *ring;
	struct ring_reader *r = NULL;
	int err;

	if (!rings)
		return -ENOMEM;
	m->rings = rings;
	ring = &rings[m->nr];
	*ring = (struct metrics_ring) { .name = strdup(name) };
	if (!ring->name)
		return -ENOMEM;
	m->nr++;
	err = ring_open(name, NULL, &r);
	if (!err)
		err = read_ring(ring, r);
	ring->up = !err;
	ring_close(r);
	return err == -ENOMEM ? err : 0;
}

void metrics_free(struct metrics *m)
{
	while (m->nr) {
		free(m->rings[--m->nr].rings);
		free(m->rings[m->nr].name);
	}
	free(m->rings);
	m->rings = NULL;
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

void metrics_print(const struct metrics *m, bool openmetrics, FILE *f)
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

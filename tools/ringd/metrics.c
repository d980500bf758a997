// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/http.h"
#include "../lib/replace.h"
#include "metrics.h"
#include "spool.h"

struct metrics metrics;

/* @value: in struct metrics */
struct row {
	const char *name;
	const char *type;
	const char *help;
	const uint64_t *value;
};

static const struct row rows[] = {
	{ "ringd_rings", "gauge", "Rings that are followed.", &metrics.rings },
	{ "ringd_rounds_total", "counter", "Rounds of the reading thread.", &metrics.rounds },
	{ "ringd_read_records_total", "counter", "Records read from rings.", &metrics.read },
	{ "ringd_read_bytes_total", "counter", "Bytes of these records, headers included.",
	  &metrics.read_bytes },
	{ "ringd_queue_full_total", "counter", "Times that reading stopped, the queue being full.",
	  &metrics.queue_full },
	{ "ringd_spool_full_total", "counter", "Times that spooling stopped, the spool being full.",
	  &metrics.spool_full },
	{ "ringd_spooled_messages_total", "counter", "Messages spooled.", &metrics.spooled },
	{ "ringd_published_messages_total", "counter", "Messages that have arrived.",
	  &metrics.published },
	{ "ringd_published_bytes_total", "counter", "Bytes that were sent.",
	  &metrics.published_bytes },
	{ "ringd_resent_messages_total", "counter", "Messages sent again.", &metrics.resent },
	{ "ringd_sessions_total", "counter", "Sessions with the sink.", &metrics.sessions },
	{ "ringd_failures_total", "counter", "Sessions that failed.", &metrics.failures },
	{ "ringd_connected", "gauge", "1 while there is a session with the sink.",
	  &metrics.connected },
	{ "ringd_acked_message", "gauge", "Number of the newest message that has arrived.",
	  &metrics.acked },
	{ "ringd_released_message", "gauge", "Number of the newest message that is released.",
	  &metrics.released },
	{ "ringd_conflict", "gauge", "1 if another agent publishes under this one's name.",
	  &metrics.conflict },
};

static void print_row(FILE *f, const char *name, const char *type, const char *help,
		      const char *agent, uint64_t v)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n%s{agent=\"%s\"} %" PRIu64 "\n", name, help, name,
		type, name, agent, v);
}

static void print_lost(FILE *f, const char *agent)
{
	static const char name[] = "ringd_lost_records_total";
	unsigned int i;

	fprintf(f, "# HELP %s Records that were lost, by cause.\n# TYPE %s counter\n", name, name);
	for (i = 1; i < FLEET_LOSS_CAUSES; i++)
		fprintf(f, "%s{agent=\"%s\",cause=\"%s\"} %" PRIu64 "\n", name, agent,
			fleet_loss_name(i), get_metric(&metrics.lost[i]));
}

static void print_spool(FILE *f, struct spool *sp, const char *agent)
{
	struct spool_stats st;

	spool_get_stats(sp, &st);
	print_row(f, "ringd_spool_bytes", "gauge", "Bytes of the spool.", agent, st.bytes);
	print_row(f, "ringd_spool_size_bytes", "gauge", "Bytes that the spool may have.", agent,
		  st.size);
	print_row(f, "ringd_spool_first_message", "gauge", "Oldest message of the spool.", agent,
		  st.first);
	print_row(f, "ringd_spool_last_message", "gauge", "Newest message on the disk.", agent,
		  st.last);
	print_row(f, "ringd_spool_damaged_total", "counter", "Messages found damaged.", agent,
		  st.damaged);
	print_row(f, "ringd_spool_torn_bytes", "gauge", "Bytes cut off when the spool was opened.",
		  agent, st.torn_bytes);
	print_row(f, "ringd_spool_syncs_total", "counter", "Syncs of the spool.", agent, st.syncs);
}

char *metrics_print(struct spool *sp, const char *agent, size_t *size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, size);
	size_t i;

	if (!f)
		return NULL;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		print_row(f, rows[i].name, rows[i].type, rows[i].help, agent,
			  get_metric(rows[i].value));
	print_lost(f, agent);
	print_spool(f, sp, agent);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

int metrics_write(struct spool *sp, const char *agent, const char *path)
{
	size_t size = 0;
	char *text = metrics_print(sp, agent, &size);
	int err;

	if (!text)
		return -ENOMEM;
	err = replace_file(path, text, size);
	free(text);
	return err;
}

/* What the server prints. */
struct served {
	struct spool *sp;
	const char *agent;
};

static struct served served;

/* For http_begin(). */
static char *answer(void *arg, const char *accept, const char **type, size_t *size)
{
	const struct served *s = arg;

	(void)accept;
	*type = HTTP_PROMETHEUS;
	return metrics_print(s->sp, s->agent, size);
}

int metrics_serve(struct spool *sp, const char *agent, unsigned int port)
{
	const struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	served = (struct served) { sp, agent };
	return http_begin((const struct sockaddr *)&addr, answer, &served);
}

void metrics_end(void)
{
	http_end();
}

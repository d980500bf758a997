// SPDX-License-Identifier: GPL-2.0-only
/* ringctl info in text. */
#include <stdio.h>

#include <libring/schema.h>
#include <seqring/abi.h>

#include "../lib/decode.h"
#include "../lib/message.h"
#include "../lib/parse.h"
#include "info.h"

static const char *format_size(uint64_t v, char *buf, size_t size)
{
	static const char units[] = "\0KMG";
	int i = 0;

	while (v && !(v & 1023) && i < 3) {
		v >>= 10;
		i++;
	}
	snprintf(buf, size, "%llu%.1s", (unsigned long long)v, &units[i]);
	return buf;
}

static void print_ring(const struct ring_stats_at *st)
{
	int i;

	printf("ring %u: published %llu, head %llu, tail %llu, wake-ups %llu, dropped", st->id,
	       (unsigned long long)st->published, (unsigned long long)st->head,
	       (unsigned long long)st->tail, (unsigned long long)st->wakeups);
	for (i = 0; i < SEQRING_DROP_CAUSES; i++)
		printf(" %s %llu", info_drop_cause((uint32_t)i),
		       (unsigned long long)st->dropped[i]);
	printf("%s\n", st->dead ? ", ended" : "");
}

/* Prints each type as an enumerator, and the least length of its records. */
static void print_types(const struct ring_details *d)
{
	struct ring_schema_type type = { .size = sizeof(type) };
	uint32_t from = 0;

	if (!d->decoder) {
		printf("types      unknown: %s\n", d->schema_err);
		return;
	}
	while (!ring_schema_next(decoder_schema(d->decoder), from, &type)) {
		printf("type       %s = %u, %u bytes%s\n", type.name, type.type, type.min_len,
		       type.open_ended ? " or more" : "");
		from = type.type + 1u;
	}
}

static void print_features(uint64_t bits)
{
	const char *feature, *text, *head = "features  ";

	if (!bits)
		printf("%s none\n", head);
	for (; (feature = info_next_feature(&bits, &text)); head = "          ")
		printf("%s %s: %s\n", head, feature, text);
	if (bits)
		printf("%s unknown to this ringctl: %#llx\n", head, (unsigned long long)bits);
}

static const char *end_of(const struct ring_recording_info *ri)
{
	if (ri->complete)
		return "complete";
	switch (ri->recorder) {
	case RING_RECORDER_RUNS:
		return "none yet: the recorder is running";
	case RING_RECORDER_GONE:
		return "none: the recorder was killed";
	default:
		return "none: the recorder was killed, or is still running";
	}
}

static void print_recording(const struct ring_recording_info *ri)
{
	printf("recording  %llu files, %llu bytes, %llu records in %llu chunks\n",
	       (unsigned long long)ri->segments, (unsigned long long)ri->bytes,
	       (unsigned long long)ri->records, (unsigned long long)ri->chunks);
	printf("missing    lost by the recorder %llu, removed %llu, damaged %llu records\n",
	       (unsigned long long)ri->recorder_lost, (unsigned long long)ri->removed,
	       (unsigned long long)ri->damaged);
	printf("end        %s", end_of(ri));
	if (ri->torn_bytes)
		printf("; the last %llu bytes are torn", (unsigned long long)ri->torn_bytes);
	printf("\nboot id    %s\n", *ri->boot_id ? ri->boot_id : "unknown");
}

int info_print_text(const struct ring_details *d)
{
	const struct ring_info *info = &d->info;
	char buf[32];
	uint32_t i;

	printf("name       %s\n", *info->name ? info->name : "-");
	if (info->path)
		printf("path       %s\n", info->path);
	if (d->is_recording)
		print_recording(&d->recording);
	printf("kind       %s (%s)\n", info_kind(info->writer), info_kind_text(info->writer));
	if (d->device_known)
		printf("mode       %s\nreaders    %u\n", info_mode(d->mode), d->readers);
	if (info->peer_known)
		printf("served by  process %u of user %u, group %u\n", info->peer_pid,
		       info->peer_uid, info->peer_gid);
	printf("rings      %u\n", info->nr_rings);
	printf("size       %s each\n", format_size(info->data_size, buf, sizeof(buf)));
	printf("payload    at most %u bytes\n", info->payload_max);
	printf("page size  %u\n", info->page_size);
	printf("clock      %s\n", clock_name(info->clock_id, buf, sizeof(buf)));
	print_features(info->features);
	if (info->schema_size) {
		printf("schema     %u bytes\n", info->schema_size);
		print_types(d);
	} else {
		printf("schema     none\n");
	}
	printf("published  %llu\n", (unsigned long long)d->stats.published);
	printf("dropped    %llu\n", (unsigned long long)d->stats.dropped);
	if (d->missed_known)
		printf("missed     %llu\n", (unsigned long long)d->missed);
	printf("wake-ups   %llu\n", (unsigned long long)d->stats.wakeups);
	printf("to read    %llu records, %llu bytes\n", (unsigned long long)d->stats.lag_records,
	       (unsigned long long)d->stats.lag_bytes);
	printf("state      %s\n", d->stats.dead ? "ended" : "live");
	for (i = 0; i < info->nr_rings; i++)
		print_ring(&d->rings[i]);
	return EXIT_OK;
}

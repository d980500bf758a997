/* SPDX-License-Identifier: GPL-2.0-only */
/* ringctl info: what it gathers about a ring, and how it prints that. */
#ifndef RINGCTL_INFO_H
#define RINGCTL_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include <libring.h>

struct decoder;
struct json_object;

/**
 * struct ring_details - everything about a ring
 * @decoder: NULL: there is no schema, or @schema_err says why it is unusable
 * @is_recording: it is a recording, with the properties @recording
 * @missed_known: @missed is valid: events for which the kernel did not run a BPF program
 * @device_known: @readers and @mode are valid
 */
struct ring_details {
	struct decoder *decoder;
	char schema_err[256];
	struct ring_info info;
	struct ring_stats stats;
	struct ring_stats_at *rings;
	bool is_recording;
	struct ring_recording_info recording;
	bool missed_known;
	uint64_t missed;
	bool device_known;
	uint32_t readers;
	uint32_t mode;
};

/* info_text.c, info_json.c. Return: the exit status. */
int info_print_text(const struct ring_details *d);
int info_print_json(const struct ring_details *d);

/* Records dropped by cause, of SEQRING_DROP_CAUSES. Return: NULL: no memory. */
struct json_object *info_new_drops(const uint64_t *dropped);

/* info_names.c */

/* As ringctl list names it, and in words. */
const char *info_kind(uint32_t writer);
const char *info_kind_text(uint32_t writer);
const char *info_writer(uint32_t writer);
const char *info_mode(uint32_t mode);
const char *info_drop_cause(uint32_t cause);
/*
 * The next feature in *@bits, which is taken out, and what it means in words. Return: its name;
 * NULL: no known one is left.
 */
const char *info_next_feature(uint64_t *bits, const char **text);

#endif /* RINGCTL_INFO_H */

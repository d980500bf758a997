/* SPDX-License-Identifier: GPL-2.0-only */
/* What ringctl export writes. formats.c lists the formats. */
#ifndef EXPORT_FORMAT_H
#define EXPORT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libring.h>

struct decoder;
struct export_opts;
struct output;

/**
 * struct export_source - what is exported
 * @decoder: NULL: the ring has no schema, or an unusable one
 * @ids: the number or the CPU of each ring
 */
struct export_source {
	struct ring_reader *ring;
	struct decoder *decoder;
	struct ring_info info;
	uint32_t *ids;
};

/*
 * Functions of a format. Each returns 0; -errno, which the caller explains with ring_strerror()
 * only if it says so; EXIT_FAIL: a message was printed.
 */

/**
 * struct export_format - a format
 * @name: for --to
 * @is_dir: OUT is a directory
 * @begin: makes *@state, which the other functions get
 * @record: writes a record
 * @lost: writes a loss after the last record of @ring; NULL: the format does not tell losses
 * @end: writes what belongs at the end
 * @free: frees the state, also after a failure; takes NULL
 */
struct export_format {
	const char *name;
	bool is_dir;
	int (*begin)(const struct export_source *src, const struct export_opts *opts,
		     struct output *out, void **state);
	int (*record)(void *state, const struct ring_record *rec);
	int (*lost)(void *state, uint32_t ring, uint64_t lost);
	int (*end)(void *state);
	void (*free)(void *state);
};

extern const struct export_format export_jsonl, export_csv, export_ctf, export_perfetto;
extern const struct export_format export_folded;

/* Return: NULL: there is no such format. */
const struct export_format *export_find_format(const char *name);

/* All formats, "jsonl, csv, ..." */
const char *export_format_names(void);

#endif /* EXPORT_FORMAT_H */

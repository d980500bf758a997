// SPDX-License-Identifier: GPL-2.0-only
/* The formats of ringctl export. */
#include <stddef.h>
#include <string.h>

#include "format.h"

static const struct export_format *const formats[] = {
	&export_jsonl, &export_csv, &export_ctf, &export_perfetto, &export_folded,
};

const struct export_format *export_find_format(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

const char *export_format_names(void)
{
	return "jsonl, csv, ctf, perfetto or folded";
}

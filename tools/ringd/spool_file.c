// SPDX-License-Identifier: GPL-2.0-only
/* The list of a spool's files, and of the messages in each. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "spool_internal.h"

void spool_file_name(char name[SPOOL_NAME], uint64_t first)
{
	snprintf(name, SPOOL_NAME, "%020" PRIu64 SPOOL_SUFFIX, first);
}

uint64_t spool_messages_at(const struct spool_header *h)
{
	return sizeof(*h) + ((h->state_size + 7) & ~7ULL);
}

int spool_add_offset(struct spool_file *f, uint64_t offset)
{
	uint64_t *grown;

	if (f->nr == f->room) {
		grown = realloc(f->offset, (f->room ? 2 * f->room : 64) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		f->offset = grown;
		f->room = f->room ? 2 * f->room : 64;
	}
	f->offset[f->nr++] = offset;
	return 0;
}

int spool_add_file(struct spool *sp, const struct spool_file *f)
{
	struct spool_file *files = realloc(sp->files, (sp->nr_files + 1) * sizeof(*files));

	if (!files)
		return -ENOMEM;
	sp->files = files;
	files[sp->nr_files++] = *f;
	return 0;
}

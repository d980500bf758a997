// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The memory of batches, which a reader lends and gets back. */

#include <stdlib.h>

#include "reader.h"

void binding_memory_free(struct binding_memory *m)
{
	free(m->recs);
	free(m->buf);
	*m = (struct binding_memory) { 0 };
}

static int alloc_memory(struct binding_memory *m, unsigned int max, size_t size)
{
	*m = (struct binding_memory) {
		.recs = malloc(max * sizeof(*m->recs)),
		.buf = malloc(size),
		.max = max,
		.size = size,
	};
	if (m->recs && m->buf)
		return 0;
	binding_memory_free(m);
	PyErr_NoMemory();
	return -1;
}

/* Takes the spare memory, or other memory of this size. */
int binding_take_memory(struct reader *self, unsigned int max, size_t size,
			struct binding_memory *m)
{
	if (self->spare.max != max || self->spare.size != size) {
		binding_memory_free(&self->spare);
		return alloc_memory(m, max, size);
	}
	*m = self->spare;
	self->spare = (struct binding_memory) { 0 };
	return 0;
}

/* Keeps the memory of a batch that is gone for the next one. */
void binding_give_back(PyObject *reader, struct binding_memory *m)
{
	struct reader *self = (struct reader *)reader;

	if (!self->r || self->spare.recs)
		return;
	self->spare = *m;
	*m = (struct binding_memory) { 0 };
}

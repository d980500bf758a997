/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The reader, shared by the file that opens it and the one that uses it. */
#ifndef LIBRING_PYTHON_READER_H
#define LIBRING_PYTHON_READER_H

#include "binding.h"

/*
 * @r: NULL: closed
 * @forks: binding_forks() of when it was opened: only that process uses it
 * @busy: a thread is in a call that has released the GIL
 * @known: @schema and @payload_max are those of the present ring
 * @schema: a Schema; NULL: the ring has none, or one that is not valid
 * @spare: memory for the next batch
 */
struct reader {
	PyObject head;
	struct ring_reader *r;
	unsigned int forks;
	bool busy;
	bool known;
	uint32_t payload_max;
	PyObject *schema;
	struct binding_memory spare;
};

#pragma GCC visibility push(hidden)
int binding_take_memory(struct reader *self, unsigned int max, size_t size,
			struct binding_memory *m);
#pragma GCC visibility pop

#endif /* LIBRING_PYTHON_READER_H */

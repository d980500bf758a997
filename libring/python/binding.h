/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Shared by the files of the Python binding, which use public headers of libring alone.
 *
 * A function that returns int returns 0, or -1 with a Python exception. All of them need the GIL.
 */
#ifndef LIBRING_PYTHON_BINDING_H
#define LIBRING_PYTHON_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <structmember.h>

#include <libring.h>
#include <libring/schema.h>

#pragma GCC visibility push(hidden)

/* Python's tables take functions of several types. */
#define BINDING_METHOD(fn) ((PyCFunction)(void (*)(void))(fn))

extern PyTypeObject *binding_record_type, *binding_batch_type, *binding_column_type;
extern PyTypeObject *binding_schema_type;

PyObject *binding_set_error(int err);
int binding_take_u16(PyObject *number, void *out);
int binding_take_u32(PyObject *number, void *out);
int binding_take_u64(PyObject *number, void *out);
int binding_watch_forks(void);
unsigned int binding_forks(void);

int binding_add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type);
int binding_add_results(PyObject *module);
int binding_add_schema(PyObject *module);
int binding_add_record(PyObject *module);
int binding_add_batch(PyObject *module);
int binding_add_reader(PyObject *module);
int binding_add_writer(PyObject *module);

PyObject *binding_new_schema(const void *blob, size_t size);
PyObject *binding_decode(PyObject *schema, uint16_t type, const void *payload, size_t len);
PyObject *binding_schema_from_file(PyObject *module, PyObject *path);

PyObject *binding_new_record(const struct ring_record *rec, PyObject *payload, PyObject *schema);

/*
 * Memory of a batch. The reader keeps that of one batch for the next one.
 *
 * @recs: records; their payloads are in @buf, and their addresses are replaced by offsets in it
 */
struct binding_memory {
	struct ring_record *recs;
	unsigned char *buf;
	unsigned int max;
	size_t size;
};

void binding_memory_free(struct binding_memory *m);
PyObject *binding_new_batch(struct binding_memory *m, unsigned int nr, PyObject *reader,
			    PyObject *schema);
void binding_give_back(PyObject *reader, struct binding_memory *m);

PyObject *binding_reader_new(PyTypeObject *type, PyObject *args, PyObject *kw);

PyObject *binding_info(struct ring_reader *r);
PyObject *binding_stats(struct ring_reader *r);
PyObject *binding_stats_at(struct ring_reader *r, unsigned int ring);

#pragma GCC visibility pop

#endif /* LIBRING_PYTHON_BINDING_H */

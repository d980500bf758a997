// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Records of one call of ring_read_batch(), in the memory that it filled. A batch is a buffer of
 * the payloads; its columns are buffers of one property of all records. Nothing is copied again.
 */

#include <stddef.h>

#include "binding.h"

/*
 * @reader: gets the memory back; NULL: nobody
 * @used: bytes of the payloads
 */
struct batch {
	PyObject head;
	struct binding_memory m;
	unsigned int nr;
	Py_ssize_t used;
	PyObject *reader;
	PyObject *schema;
};

/* A property of struct ring_record, as an array with a stride. */
struct column {
	PyObject head;
	struct batch *batch;
	const struct column_kind *kind;
	Py_ssize_t shape;
	Py_ssize_t stride;
};

struct column_kind {
	size_t offset;
	size_t size;
	char *format;
};

PyTypeObject *binding_batch_type, *binding_column_type;

/*
 * Makes a batch of @nr records in @m, which is taken over, also on failure. @reader: gets the
 * memory back when the batch is gone. @schema: may be NULL.
 */
PyObject *binding_new_batch(struct binding_memory *m, unsigned int nr, PyObject *reader,
			    PyObject *schema)
{
	struct batch *self;
	unsigned int i;
	size_t at = 0;

	self = (struct batch *)binding_batch_type->tp_alloc(binding_batch_type, 0);
	if (!self) {
		binding_memory_free(m);
		return NULL;
	}
	for (i = 0; i < nr; i++) {
		struct ring_record *rec = &m->recs[i];

		if (rec->len)
			at = (size_t)((const unsigned char *)rec->payload - m->buf);
		self->used = (Py_ssize_t)(at + rec->len);
		rec->payload = (const void *)at;
		at = (size_t)self->used;
	}
	self->m = *m;
	self->nr = nr;
	self->reader = Py_NewRef(reader);
	self->schema = Py_XNewRef(schema);
	*m = (struct binding_memory) { 0 };
	return (PyObject *)self;
}

static void batch_dealloc(PyObject *obj)
{
	struct batch *self = (struct batch *)obj;
	PyTypeObject *type = Py_TYPE(obj);

	if (self->reader)
		binding_give_back(self->reader, &self->m);
	binding_memory_free(&self->m);
	Py_XDECREF(self->reader);
	Py_XDECREF(self->schema);
	type->tp_free(obj);
	Py_DECREF(type);
}

static Py_ssize_t batch_length(PyObject *self)
{
	return ((struct batch *)self)->nr;
}

static PyObject *batch_item(PyObject *obj, Py_ssize_t i)
{
	struct batch *self = (struct batch *)obj;
	const struct ring_record *rec;
	PyObject *payload;

	if (i < 0 || i >= self->nr) {
		PyErr_Format(PyExc_IndexError, "the batch has %u records", self->nr);
		return NULL;
	}
	rec = &self->m.recs[i];
	payload = PyBytes_FromStringAndSize((char *)self->m.buf + (size_t)rec->payload, rec->len);
	return payload ? binding_new_record(rec, payload, self->schema) : NULL;
}

static int batch_buffer(PyObject *obj, Py_buffer *view, int flags)
{
	struct batch *self = (struct batch *)obj;

	return PyBuffer_FillInfo(view, obj, self->m.buf, self->used, 1, flags);
}

static const struct column_kind kinds[] = {
	{ offsetof(struct ring_record, seq), 8, "Q" },
	{ offsetof(struct ring_record, ts_ns), 8, "Q" },
	{ offsetof(struct ring_record, lost), 8, "Q" },
	{ offsetof(struct ring_record, ring), 4, "I" },
	{ offsetof(struct ring_record, type), 2, "H" },
	{ offsetof(struct ring_record, len), 4, "I" },
	{ offsetof(struct ring_record, payload), sizeof(void *), sizeof(void *) == 8 ? "Q" : "I" },
};

static PyObject *batch_column(PyObject *obj, void *closure)
{
	struct column *column;
	PyObject *view;

	column = (struct column *)binding_column_type->tp_alloc(binding_column_type, 0);
	if (!column)
		return NULL;
	column->batch = (struct batch *)Py_NewRef(obj);
	column->kind = closure;
	column->shape = column->batch->nr;
	column->stride = sizeof(struct ring_record);
	view = PyMemoryView_FromObject((PyObject *)column);
	Py_DECREF(column);
	return view;
}

static void column_dealloc(PyObject *obj)
{
	PyTypeObject *type = Py_TYPE(obj);

	Py_XDECREF(((struct column *)obj)->batch);
	type->tp_free(obj);
	Py_DECREF(type);
}

static int column_buffer(PyObject *obj, Py_buffer *view, int flags)
{
	struct column *self = (struct column *)obj;

	view->obj = NULL;
	if (flags & PyBUF_WRITABLE || (flags & PyBUF_STRIDES) != PyBUF_STRIDES) {
		PyErr_SetString(PyExc_BufferError, "a column is read-only and has strides");
		return -1;
	}
	*view = (Py_buffer) {
		.buf = (unsigned char *)self->batch->m.recs + self->kind->offset,
		.obj = Py_NewRef(obj),
		.len = self->shape * (Py_ssize_t)self->kind->size,
		.itemsize = (Py_ssize_t)self->kind->size,
		.readonly = 1,
		.ndim = 1,
		.format = flags & PyBUF_FORMAT ? self->kind->format : NULL,
		.shape = &self->shape,
		.strides = &self->stride,
	};
	return 0;
}

static PyGetSetDef properties[] = {
	{ "seqs", batch_column, NULL, "numbers of the records in their rings", (void *)&kinds[0] },
	{ "times", batch_column, NULL, "times by the ring's clock, ns", (void *)&kinds[1] },
	{ "lost", batch_column, NULL, "records lost just before each", (void *)&kinds[2] },
	{ "rings", batch_column, NULL, "numbers of the rings", (void *)&kinds[3] },
	{ "types", batch_column, NULL, "types of the records", (void *)&kinds[4] },
	{ "lengths", batch_column, NULL, "bytes of each payload", (void *)&kinds[5] },
	{ "offsets", batch_column, NULL, "where each payload begins in the batch's buffer",
	  (void *)&kinds[6] },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc,
	  "Records of one call of Reader.read_batch(). memoryview(batch) has the payloads." },
	{ Py_tp_dealloc, batch_dealloc },
	{ Py_tp_getset, properties },
	{ Py_sq_length, batch_length },
	{ Py_sq_item, batch_item },
	{ Py_bf_getbuffer, batch_buffer },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "ring.Batch",
	.basicsize = sizeof(struct batch),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

static PyType_Slot column_slots[] = {
	{ Py_tp_doc, "One property of the records of a batch." },
	{ Py_tp_dealloc, column_dealloc },
	{ Py_bf_getbuffer, column_buffer },
	{ 0 },
};

static PyType_Spec column_spec = {
	.name = "ring._ring.Column",
	.basicsize = sizeof(struct column),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = column_slots,
};

int binding_add_batch(PyObject *module)
{
	/* Users see a memoryview of a column. */
	if (!binding_column_type)
		binding_column_type = (PyTypeObject *)PyType_FromSpec(&column_spec);
	return binding_column_type ? binding_add_type(module, &spec, &binding_batch_type) : -1;
}

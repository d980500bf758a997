// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* One record, with a copy of its payload. */

#include <stddef.h>

#include "binding.h"

/*
 * @payload: bytes
 * @schema: the ring's Schema, or NULL: it has none
 * @decoded: what binding_decode() returned, or None: the record is not described; NULL: not tried
 */
struct record {
	PyObject head;
	uint64_t seq;
	uint64_t ts_ns;
	uint64_t lost;
	uint32_t ring;
	uint16_t type;
	PyObject *payload;
	PyObject *schema;
	PyObject *decoded;
};

PyTypeObject *binding_record_type;

/* Steals @payload, also on failure. */
PyObject *binding_new_record(const struct ring_record *rec, PyObject *payload, PyObject *schema)
{
	struct record *self;

	self = (struct record *)binding_record_type->tp_alloc(binding_record_type, 0);
	if (!self) {
		Py_DECREF(payload);
		return NULL;
	}
	self->seq = rec->seq;
	self->ts_ns = rec->ts_ns;
	self->lost = rec->lost;
	self->ring = rec->ring;
	self->type = rec->type;
	self->payload = payload;
	self->schema = Py_XNewRef(schema);
	return (PyObject *)self;
}

static void record_dealloc(PyObject *obj)
{
	struct record *self = (struct record *)obj;
	PyTypeObject *type = Py_TYPE(obj);

	Py_XDECREF(self->payload);
	Py_XDECREF(self->schema);
	Py_XDECREF(self->decoded);
	type->tp_free(obj);
	Py_DECREF(type);
}

/* Return: borrowed; NULL with an exception. */
static PyObject *decode(struct record *self)
{
	PyObject *result = NULL;

	if (self->decoded)
		return self->decoded;
	if (self->schema) {
		result = binding_decode(self->schema, self->type, PyBytes_AS_STRING(self->payload),
					(size_t)PyBytes_GET_SIZE(self->payload));
		/* It has no such type, or the payload is too short. */
		if (!result && !PyErr_ExceptionMatches(PyExc_OSError))
			return NULL;
		PyErr_Clear();
	}
	self->decoded = result ? result : Py_NewRef(Py_None);
	return self->decoded;
}

/* @closure: which part of what binding_decode() returned */
static PyObject *record_decoded(PyObject *self, void *closure)
{
	PyObject *all = decode((struct record *)self);

	if (!all || all == Py_None)
		return Py_XNewRef(all);
	return Py_NewRef(PyTuple_GET_ITEM(all, (Py_ssize_t)(intptr_t)closure));
}

static PyObject *record_repr(PyObject *obj)
{
	struct record *self = (struct record *)obj;

	return PyUnicode_FromFormat(
		"<Record ring=%u seq=%llu type=%u ts_ns=%llu lost=%llu, %zd bytes>", self->ring,
		(unsigned long long)self->seq, self->type, (unsigned long long)self->ts_ns,
		(unsigned long long)self->lost, PyBytes_GET_SIZE(self->payload));
}

static PyMemberDef members[] = {
	{ "seq", T_ULONGLONG, offsetof(struct record, seq), READONLY,
	  "its number in its ring, from 1" },
	{ "ts_ns", T_ULONGLONG, offsetof(struct record, ts_ns), READONLY,
	  "its time by the ring's clock, ns" },
	{ "lost", T_ULONGLONG, offsetof(struct record, lost), READONLY,
	  "records of its ring that were lost just before it" },
	{ "ring", T_UINT, offsetof(struct record, ring), READONLY, "number of its ring" },
	{ "type", T_USHORT, offsetof(struct record, type), READONLY, "a number of the producer's" },
	{ "payload", T_OBJECT_EX, offsetof(struct record, payload), READONLY, "its bytes" },
	{ 0 },
};

static PyGetSetDef properties[] = {
	{ "name", record_decoded, NULL, "name of its type; None: no schema describes it",
	  (void *)0 },
	{ "fields", record_decoded, NULL, "dict of its fields; None: no schema describes it",
	  (void *)1 },
	{ "extra", record_decoded, NULL,
	  "bytes behind the last field; None: no schema describes it", (void *)2 },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "A record." }, { Py_tp_dealloc, record_dealloc }, { Py_tp_repr, record_repr },
	{ Py_tp_members, members }, { Py_tp_getset, properties },      { 0 },
};

static PyType_Spec spec = {
	.name = "ring.Record",
	.basicsize = sizeof(struct record),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int binding_add_record(PyObject *module)
{
	return binding_add_type(module, &spec, &binding_record_type);
}

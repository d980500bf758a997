// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Schemas, and records decoded by them into dicts. */

#include <arpa/inet.h>
#include <stdlib.h>

#include "binding.h"

#define LEVELS (RING_SCHEMA_DEPTH_MAX + 1)

struct schema {
	PyObject head;
	struct ring_schema *s;
};

PyTypeObject *binding_schema_type;

static PyObject *new_wide(uint64_t high, uint64_t low, bool is_signed)
{
	PyObject *h = is_signed ? PyLong_FromLongLong((int64_t)high) :
				  PyLong_FromUnsignedLongLong(high);
	PyObject *l = PyLong_FromUnsignedLongLong(low), *bits = PyLong_FromLong(64);
	PyObject *shifted = h && l && bits ? PyNumber_Lshift(h, bits) : NULL;
	PyObject *value = shifted ? PyNumber_Or(shifted, l) : NULL;

	Py_XDECREF(h);
	Py_XDECREF(l);
	Py_XDECREF(bits);
	Py_XDECREF(shifted);
	return value;
}

static PyObject *new_number(const struct ring_field *f)
{
	const bool is_signed = f->kind == RING_FIELD_INT ||
			       (f->kind == RING_FIELD_ENUM && f->is_signed);

	if (f->bits > 64)
		return new_wide(f->high, f->u, is_signed);
	return is_signed ? PyLong_FromLongLong((int64_t)f->u) : PyLong_FromUnsignedLongLong(f->u);
}

static PyObject *new_address(const struct ring_field *f)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(f->kind == RING_FIELD_IP4 ? AF_INET : AF_INET6, f->data, text, sizeof(text));
	return PyUnicode_FromString(text);
}

static PyObject *new_value(const struct ring_field *f)
{
	switch (f->kind) {
	case RING_FIELD_STRUCT:
	case RING_FIELD_UNION:
		return PyDict_New();
	case RING_FIELD_ARRAY:
		return PyList_New(0);
	case RING_FIELD_BOOL:
		return PyBool_FromLong(f->u != 0);
	case RING_FIELD_FLOAT:
		return PyFloat_FromDouble(f->f);
	case RING_FIELD_TEXT:
		return PyUnicode_DecodeUTF8(f->data, (Py_ssize_t)f->len, "surrogateescape");
	case RING_FIELD_BYTES:
		return PyBytes_FromStringAndSize(f->data, (Py_ssize_t)f->len);
	case RING_FIELD_IP4:
	case RING_FIELD_IP6:
		return new_address(f);
	case RING_FIELD_ENUM:
		if (f->text)
			return PyUnicode_FromStringAndSize(f->text, (Py_ssize_t)f->len);
	}
	return new_number(f);
}

/* The containers around the current field, from the outside in, borrowed from the first one. */
struct decode {
	unsigned int depth;
	PyObject *open[LEVELS];
};

/* Called by libring for each field. Return: 0; -1 with an exception, which ends the walk. */
static int add_field(const struct ring_field *f, void *arg)
{
	struct decode *d = arg;
	PyObject *in = d->open[d->depth], *name, *value;
	int err;

	if (f->kind == RING_FIELD_END) {
		d->depth--;
		return 0;
	}
	value = new_value(f);
	if (!value)
		return -1;
	if (f->name) {
		name = PyUnicode_InternFromString(f->name);
		err = name ? PyDict_SetItem(in, name, value) : -1;
		Py_XDECREF(name);
	} else {
		err = PyList_Append(in, value);
	}
	if (!err && (f->kind == RING_FIELD_STRUCT || f->kind == RING_FIELD_UNION ||
		     f->kind == RING_FIELD_ARRAY))
		d->open[++d->depth] = value;
	/* Its container has it. */
	Py_DECREF(value);
	return err;
}

/**
 * binding_decode() - decode a record
 * @schema: a Schema
 * @type, @payload, @len: of the record
 *
 * Return: (name, fields, extra); NULL with an exception: OSError with ENOENT, the schema has no
 * such type; with EMSGSIZE, the payload is too short.
 */
PyObject *binding_decode(PyObject *schema, uint16_t type, const void *payload, size_t len)
{
	const struct ring_schema *s = ((struct schema *)schema)->s;
	struct ring_schema_type info = { .size = sizeof(info) };
	struct decode d = { .depth = 0 };
	PyObject *fields;
	size_t used = 0;
	int err;

	err = ring_schema_type(s, type, &info);
	if (err)
		return binding_set_error(err);
	fields = PyDict_New();
	if (!fields)
		return NULL;
	d.open[0] = fields;
	err = ring_schema_walk(s, type, payload, len, add_field, &d, &used);
	if (err) {
		Py_DECREF(fields);
		return PyErr_Occurred() ? NULL : binding_set_error(err);
	}
	return Py_BuildValue("(sNy#)", info.name, fields, (const char *)payload + used,
			     (Py_ssize_t)(len - used));
}

/* Return: a new Schema; NULL with an exception. */
PyObject *binding_new_schema(const void *blob, size_t size)
{
	struct ring_schema *s;
	struct schema *self;
	int err = ring_schema_open(blob, size, &s);

	if (err)
		return binding_set_error(err);
	self = (struct schema *)binding_schema_type->tp_alloc(binding_schema_type, 0);
	if (!self) {
		ring_schema_close(s);
		return NULL;
	}
	self->s = s;
	return (PyObject *)self;
}

static PyObject *schema_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
	static char *const names[] = { "data", NULL };
	PyObject *self;
	Py_buffer data;

	(void)type;
	if (!PyArg_ParseTupleAndKeywords(args, kw, "y*:Schema", (char **)names, &data))
		return NULL;
	self = binding_new_schema(data.buf, (size_t)data.len);
	PyBuffer_Release(&data);
	return self;
}

static void schema_dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	ring_schema_close(((struct schema *)self)->s);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyObject *schema_decode(PyObject *self, PyObject *args)
{
	PyObject *result;
	Py_buffer data;
	uint16_t type;

	if (!PyArg_ParseTuple(args, "O&y*:decode", binding_take_u16, &type, &data))
		return NULL;
	result = binding_decode(self, type, data.buf, (size_t)data.len);
	PyBuffer_Release(&data);
	return result;
}

static PyObject *schema_types(PyObject *self, void *unused)
{
	struct ring_schema_type info = { .size = sizeof(info) };
	PyObject *types = PyDict_New(), *number, *name;
	uint32_t from = 0;
	int err = 0;

	(void)unused;
	while (types && !err && !ring_schema_next(((struct schema *)self)->s, from, &info)) {
		number = PyLong_FromLong(info.type);
		name = PyUnicode_FromString(info.name);
		err = number && name ? PyDict_SetItem(types, number, name) : -1;
		Py_XDECREF(number);
		Py_XDECREF(name);
		from = info.type + 1u;
	}
	if (err)
		Py_CLEAR(types);
	return types;
}

static int append(const char *text, size_t len, void *arg)
{
	PyObject *piece = PyUnicode_DecodeUTF8(text, (Py_ssize_t)len, "replace");
	int err = piece ? PyList_Append(arg, piece) : -1;

	Py_XDECREF(piece);
	return err;
}

static PyObject *schema_str(PyObject *self)
{
	PyObject *pieces = PyList_New(0), *empty = PyUnicode_FromString(""), *text = NULL;
	int err;

	if (pieces && empty) {
		err = ring_schema_print(((struct schema *)self)->s, append, pieces);
		if (err && !PyErr_Occurred())
			binding_set_error(err);
		else if (!err)
			text = PyUnicode_Join(empty, pieces);
	}
	Py_XDECREF(pieces);
	Py_XDECREF(empty);
	return text;
}

PyObject *binding_schema_from_file(PyObject *module, PyObject *path)
{
	PyObject *name, *result;
	void *blob;
	size_t size;
	int err;

	(void)module;
	if (!PyUnicode_FSConverter(path, &name))
		return NULL;
	err = ring_schema_from_file(PyBytes_AS_STRING(name), &blob, &size);
	Py_DECREF(name);
	if (err)
		return binding_set_error(err);
	result = PyBytes_FromStringAndSize(blob, (Py_ssize_t)size);
	free(blob);
	return result;
}

static PyMethodDef methods[] = {
	{ "decode", schema_decode, METH_VARARGS,
	  "decode(type, payload) -> (name, fields, extra)\n\n"
	  "Decodes a record: the name of its type, a dict of its fields, and the bytes behind." },
	{ 0 },
};

static PyGetSetDef properties[] = {
	{ "types", schema_types, NULL, "dict from numbers of types to their names", NULL },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "Schema(data)\n\nDescription of a ring's records; str() is C." },
	{ Py_tp_new, schema_new },
	{ Py_tp_dealloc, schema_dealloc },
	{ Py_tp_str, schema_str },
	{ Py_tp_methods, methods },
	{ Py_tp_getset, properties },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "ring.Schema",
	.basicsize = sizeof(struct schema),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int binding_add_schema(PyObject *module)
{
	return binding_add_type(module, &spec, &binding_schema_type);
}

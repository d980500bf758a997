// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* A writer of a ring of this process. All its calls are short, and keep the GIL. */

#include <seqring/abi.h>

#include "binding.h"

struct writer {
	PyObject head;
	struct ring_writer *w; /* NULL: closed */
};

static struct writer *writer_of(PyObject *self)
{
	return (struct writer *)self;
}

static int enter(PyObject *self)
{
	if (writer_of(self)->w)
		return 0;
	PyErr_SetString(PyExc_ValueError, "the writer is closed");
	return -1;
}

static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
	static char *const names[] = { "name",	     "size",	 "rings", "clock",	 "schema",
				       "full_fence", "prefault", "lock",  "wake_thread", NULL };
	struct ring_writer_opts opts = { .size = sizeof(opts),
					 .clock_id = SEQRING_CLOCK_MONOTONIC,
					 .nr_rings = 1,
					 .data_size = 1 << 20 };
	int full_fence = 0, prefault = 0, lock = 0, wake_thread = 0, err;
	PyObject *described = Py_None;
	Py_buffer schema = { 0 };
	struct writer *self;

	if (!PyArg_ParseTupleAndKeywords(args, kw, "|z$O&O&O&Opppp:Writer", (char **)names,
					 &opts.name, binding_take_u64, &opts.data_size,
					 binding_take_u32, &opts.nr_rings, binding_take_u32,
					 &opts.clock_id, &described, &full_fence, &prefault, &lock,
					 &wake_thread))
		return NULL;
	if (described != Py_None && PyObject_GetBuffer(described, &schema, PyBUF_SIMPLE))
		return NULL;
	opts.schema = schema.len ? schema.buf : NULL;
	opts.schema_size = (size_t)schema.len;
	opts.flags = (full_fence ? RING_WRITER_FULL_FENCE : 0) |
		     (prefault ? RING_WRITER_PREFAULT : 0) | (lock ? RING_WRITER_LOCK : 0) |
		     (wake_thread ? RING_WRITER_WAKE_THREAD : 0);
	self = (struct writer *)type->tp_alloc(type, 0);
	if (self) {
		err = ring_writer_create(&opts, &self->w);
		if (err) {
			self->w = NULL;
			binding_set_error(err);
			Py_CLEAR(self);
		}
	}
	PyBuffer_Release(&schema);
	return (PyObject *)self;
}

static PyObject *writer_close(PyObject *self, PyObject *unused)
{
	struct ring_writer *w = writer_of(self)->w;

	(void)unused;
	writer_of(self)->w = NULL;
	ring_writer_close(w);
	return Py_NewRef(Py_None);
}

static void writer_dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	ring_writer_close(writer_of(self)->w);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyObject *writer_publish(PyObject *self, PyObject *args, PyObject *kw)
{
	static char *const names[] = { "payload", "type", "ring", "ts_ns", NULL };
	PyObject *time = Py_None;
	uint32_t ring = 0;
	uint16_t type = 0;
	uint64_t ts_ns = 0;
	Py_buffer data;
	int err = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kw, "y*|O&$O&O:publish", (char **)names, &data,
					 binding_take_u16, &type, binding_take_u32, &ring, &time))
		return NULL;
	if (enter(self) || (time != Py_None && !binding_take_u64(time, &ts_ns))) {
		PyBuffer_Release(&data);
		return NULL;
	}
	if (time == Py_None)
		err = ring_writer_publish(writer_of(self)->w, ring, type, data.buf,
					  (size_t)data.len);
	else
		err = ring_writer_publish_at(writer_of(self)->w, ring, type, ts_ns, data.buf,
					     (size_t)data.len);
	PyBuffer_Release(&data);
	if (err)
		return binding_set_error(err);
	return Py_NewRef(Py_None);
}

static PyObject *writer_listen(PyObject *self, PyObject *args, PyObject *kw)
{
	static char *const names[] = { "where",	      "permissions",	  "group",
				       "readers_max", "readers_per_user", NULL };
	struct ring_listen_opts opts = { .size = sizeof(opts) };
	PyObject *where, *group = Py_None;
	int err, fd;

	if (!PyArg_ParseTupleAndKeywords(args, kw, "O&|$O&OO&O&:listen", (char **)names,
					 PyUnicode_FSConverter, &where, binding_take_u32,
					 &opts.permissions, &group, binding_take_u32,
					 &opts.readers_max, binding_take_u32,
					 &opts.readers_per_user))
		return NULL;
	opts.set_group = group != Py_None;
	if (enter(self) || (opts.set_group && !binding_take_u32(group, &opts.group))) {
		Py_DECREF(where);
		return NULL;
	}
	err = ring_writer_listen_opts(writer_of(self)->w, PyBytes_AS_STRING(where), &opts, &fd);
	Py_DECREF(where);
	return err ? binding_set_error(err) : PyLong_FromLong(fd);
}

static PyObject *writer_serve(PyObject *self, PyObject *unused)
{
	int err;

	(void)unused;
	if (enter(self))
		return NULL;
	err = ring_writer_serve(writer_of(self)->w);
	if (err)
		return binding_set_error(err);
	return Py_NewRef(Py_None);
}

static PyObject *writer_adopt(PyObject *self, PyObject *unused)
{
	int err;

	(void)unused;
	if (enter(self))
		return NULL;
	err = ring_writer_adopt(writer_of(self)->w);
	if (err)
		return binding_set_error(err);
	return Py_NewRef(Py_None);
}

static PyObject *writer_fds(PyObject *self, void *unused)
{
	struct ring_fds fds;
	int err;

	(void)unused;
	if (enter(self))
		return NULL;
	err = ring_writer_fds(writer_of(self)->w, &fds);
	return err ? binding_set_error(err) :
		     Py_BuildValue("(iii)", fds.ring, fds.wait, fds.doorbell);
}

static PyObject *writer_closed(PyObject *self, void *unused)
{
	(void)unused;
	return PyBool_FromLong(!writer_of(self)->w);
}

static PyObject *writer_enter(PyObject *self, PyObject *unused)
{
	(void)unused;
	return enter(self) ? NULL : Py_NewRef(self);
}

static PyMethodDef methods[] = {
	{ "publish", BINDING_METHOD(writer_publish), METH_VARARGS | METH_KEYWORDS,
	  "publish(payload, type=0, *, ring=0, ts_ns=None)" },
	{ "listen", BINDING_METHOD(writer_listen), METH_VARARGS | METH_KEYWORDS,
	  "listen(where, *, permissions=0, group=None, readers_max=0, readers_per_user=0) -> int\n\n"
	  "Lets readers open the ring by a name or a path. When the descriptor that it returns is\n"
	  "readable, call serve()." },
	{ "serve", writer_serve, METH_NOARGS, "serve()\n\nAnswers the readers that connected." },
	{ "adopt", writer_adopt, METH_NOARGS,
	  "adopt()\n\nIn a child of fork(): goes on with the ring, in place of the parent." },
	{ "close", writer_close, METH_NOARGS, "close()\n\nEnds the ring. May be called again." },
	{ "__enter__", writer_enter, METH_NOARGS, NULL },
	{ "__exit__", writer_close, METH_VARARGS, NULL },
	{ 0 },
};

static PyGetSetDef properties[] = {
	{ "fds", writer_fds, NULL, "descriptors for Reader(): ring, wait, doorbell", NULL },
	{ "closed", writer_closed, NULL, "whether close() was called", NULL },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "Writer(name=None, ...)\n\nA ring of this process." },
	{ Py_tp_new, writer_new },
	{ Py_tp_dealloc, writer_dealloc },
	{ Py_tp_methods, methods },
	{ Py_tp_getset, properties },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "ring._ring.Writer",
	.basicsize = sizeof(struct writer),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = slots,
};

int binding_add_writer(PyObject *module)
{
	static PyTypeObject *type;

	return binding_add_type(module, &spec, &type);
}

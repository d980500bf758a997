// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Opens a reader. */

#include <stdlib.h>

#include "reader.h"

/* Opens by a name, a descriptor, or the descriptors of a Writer. Return: 0; -1. */
static int open_where(struct reader *self, PyObject *where, const struct ring_open_opts *opts)
{
	PyThreadState *state;
	struct ring_fds fds;
	PyObject *name;
	uint32_t fd;
	int err;

	if (PyTuple_Check(where)) {
		if (!PyArg_ParseTuple(where, "iii;three descriptors: ring, wait, doorbell",
				      &fds.ring, &fds.wait, &fds.doorbell))
			return -1;
		state = PyEval_SaveThread();
		err = ring_open_fds(&fds, opts, &self->r);
		PyEval_RestoreThread(state);
	} else if (PyLong_Check(where)) {
		if (!binding_take_u32(where, &fd))
			return -1;
		state = PyEval_SaveThread();
		err = ring_open_fd((int)fd, opts, &self->r);
		PyEval_RestoreThread(state);
	} else {
		if (!PyUnicode_FSConverter(where, &name))
			return -1;
		state = PyEval_SaveThread();
		err = ring_open(PyBytes_AS_STRING(name), opts, &self->r);
		PyEval_RestoreThread(state);
		Py_DECREF(name);
	}
	if (!err)
		return 0;
	self->r = NULL;
	binding_set_error(err);
	return -1;
}

/* Return: struct ring_open_opts.types, which the caller frees; NULL with an exception. */
static uint16_t *take_types(PyObject *types, uint32_t *nr)
{
	PyObject *list = PySequence_Fast(types, "types: a sequence of numbers");
	Py_ssize_t i, n = list ? PySequence_Fast_GET_SIZE(list) : 0;
	uint16_t *out = NULL;

	if (!list)
		return NULL;
	if (!n || n > 65536)
		PyErr_Format(PyExc_ValueError, "types has %zd numbers: 1 to 65536, or None for all",
			     n);
	else
		out = malloc((size_t)n * sizeof(*out));
	if (!out && !PyErr_Occurred())
		PyErr_NoMemory();
	for (i = 0; out && i < n; i++)
		if (!binding_take_u16(PySequence_Fast_GET_ITEM(list, i), &out[i])) {
			free(out);
			out = NULL;
		}
	*nr = (uint32_t)n;
	Py_DECREF(list);
	return out;
}

PyObject *binding_reader_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
	static char *const names[] = { "where",		  "whence",	"value",
				       "types",		  "ring",	"merge_window_ns",
				       "wake_records",	  "wake_bytes", "wake_timeout_ns",
				       "open_timeout_ms", "follow",	"eager",
				       "prefault",	  "lock",	NULL };
	struct ring_open_opts opts = { .size = sizeof(opts) };
	PyObject *where, *types = Py_None, *ring = Py_None;
	int follow = 0, eager = 0, prefault = 0, lock = 0;
	uint16_t *wanted = NULL;
	struct reader *self;
	int err;

	if (!PyArg_ParseTupleAndKeywords(args, kw, "O|$O&O&OOO&O&O&O&O&pppp:Reader", (char **)names,
					 &where, binding_take_u32, &opts.whence, binding_take_u64,
					 &opts.value, &types, &ring, binding_take_u64,
					 &opts.merge_window_ns, binding_take_u64,
					 &opts.wake_records, binding_take_u64, &opts.wake_bytes,
					 binding_take_u64, &opts.wake_timeout_ns, binding_take_u32,
					 &opts.open_timeout_ms, &follow, &eager, &prefault, &lock))
		return NULL;
	opts.flags = (follow ? RING_FOLLOW : 0) | (eager ? RING_EAGER : 0) |
		     (prefault ? RING_PREFAULT : 0) | (lock ? RING_LOCK : 0);
	if (ring != Py_None) {
		if (!binding_take_u32(ring, &opts.ring))
			return NULL;
		opts.one_ring = 1;
	}
	if (types != Py_None) {
		wanted = take_types(types, &opts.nr_types);
		if (!wanted)
			return NULL;
		opts.types = wanted;
	}
	self = (struct reader *)type->tp_alloc(type, 0);
	if (self)
		self->forks = binding_forks();
	err = self ? open_where(self, where, &opts) : -1;
	free(wanted);
	if (err)
		Py_CLEAR(self);
	return (PyObject *)self;
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Errors, numbers and types for all files of the module, and what fork() means. */

#include <pthread.h>
#include <string.h>

#include "binding.h"

static unsigned int forks;

static void count_fork(void)
{
	forks++;
}

/* Begins to count forks. Return: 0; -1. */
int binding_watch_forks(void)
{
	static bool watched;

	if (!watched && pthread_atfork(NULL, NULL, count_fork)) {
		PyErr_NoMemory();
		return -1;
	}
	watched = true;
	return 0;
}

/* Which child of a fork() this is. An object remembers it to know whether it was inherited. */
unsigned int binding_forks(void)
{
	return forks;
}

/**
 * binding_set_error() - raise OSError for what libring returned to this thread last
 * @err: -errno
 *
 * Python chooses the class by the errno, such as FileNotFoundError. Return: NULL.
 */
PyObject *binding_set_error(int err)
{
	const char *why = ring_strerror();
	PyObject *args;

	if (err == -ENOMEM)
		return PyErr_NoMemory();
	args = Py_BuildValue("(is)", -err, *why ? why : strerror(-err));
	if (args)
		PyErr_SetObject(PyExc_OSError, args);
	Py_XDECREF(args);
	return NULL;
}

static int take(PyObject *number, uint64_t max, uint64_t *out)
{
	unsigned long long v = PyLong_AsUnsignedLongLong(number);

	if (v == (unsigned long long)-1 && PyErr_Occurred()) {
		if (!PyErr_ExceptionMatches(PyExc_OverflowError))
			return 0;
		PyErr_Clear();
	} else if (v <= max) {
		*out = v;
		return 1;
	}
	PyErr_Format(PyExc_ValueError, "%S: a number from 0 to %llu is allowed", number,
		     (unsigned long long)max);
	return 0;
}

/* For the format O& of PyArg_Parse(), which would cut numbers itself. Return: 1; 0 exception. */
int binding_take_u64(PyObject *number, void *out)
{
	return take(number, UINT64_MAX, out);
}

int binding_take_u32(PyObject *number, void *out)
{
	uint64_t v;

	if (!take(number, UINT32_MAX, &v))
		return 0;
	*(uint32_t *)out = (uint32_t)v;
	return 1;
}

int binding_take_u16(PyObject *number, void *out)
{
	uint64_t v;

	if (!take(number, UINT16_MAX, &v))
		return 0;
	*(uint16_t *)out = (uint16_t)v;
	return 1;
}

/* Makes a type once, however often the module is loaded, and adds it. */
int binding_add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type)
{
	if (!*type)
		*type = (PyTypeObject *)PyType_FromSpec(spec);
	return *type ? PyModule_AddType(module, *type) : -1;
}

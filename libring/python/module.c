// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The extension module ring._ring. */

#include <seqring/abi.h>

#include "binding.h"

static int add_constants(PyObject *module)
{
	static const struct {
		const char *name;
		long value;
	} constants[] = {
		{ "OLDEST", RING_OLDEST },
		{ "NEWEST", RING_NEWEST },
		{ "HEAD", RING_HEAD },
		{ "SEQ", RING_SEQ },
		{ "TIME", RING_TIME },
		{ "REALTIME", RING_REALTIME },
		{ "RUNS", RING_RUNS },
		{ "ENDED", RING_ENDED },
		{ "KILLED", RING_KILLED },
		{ "REPLACED", RING_REPLACED },
		{ "CLOCK_NONE", SEQRING_CLOCK_NONE },
		{ "CLOCK_MONOTONIC", SEQRING_CLOCK_MONOTONIC },
		{ "CLOCK_COARSE", SEQRING_CLOCK_COARSE },
		{ "CLOCK_BOOTTIME", SEQRING_CLOCK_BOOTTIME },
		{ "WRITER_MODULE", SEQRING_WRITER_MODULE },
		{ "WRITER_BPF", SEQRING_WRITER_BPF },
		{ "WRITER_MEMFD", SEQRING_WRITER_MEMFD },
	};
	size_t i;

	for (i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value))
			return -1;
	return 0;
}

static int exec_module(PyObject *module)
{
	/* The types and the count of forks are the process's. */
	if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
		PyErr_SetString(PyExc_ImportError,
				"ring works in the main interpreter only, not in a subinterpreter");
		return -1;
	}
	if (binding_watch_forks() || add_constants(module) || binding_add_results(module) ||
	    binding_add_schema(module) || binding_add_record(module) || binding_add_batch(module) ||
	    binding_add_reader(module) || binding_add_writer(module))
		return -1;
	return 0;
}

static PyMethodDef methods[] = {
	{ "schema_from_file", binding_schema_from_file, METH_O,
	  "schema_from_file(path) -> bytes\n\n"
	  "Takes a schema out of an ELF file with BTF, or out of raw BTF." },
	{ 0 },
};

static PyModuleDef_Slot slots[] = {
	{ Py_mod_exec, exec_module },
	{ 0 },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "ring._ring",
	.m_doc = "Rings of records, by libring. Import ring, not this module.",
	.m_methods = methods,
	.m_slots = slots,
};

PyMODINIT_FUNC PyInit__ring(void);
PyMODINIT_FUNC PyInit__ring(void)
{
	return PyModuleDef_Init(&definition);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Properties and statistics of rings, as tuples with names. */

#include "binding.h"

static struct {
	PyTypeObject *info;
	PyTypeObject *stats;
	PyTypeObject *stats_at;
} types;

static PyStructSequence_Field info_fields[] = {
	{ "name", "name from the ring's header" },
	{ "path", "path that was opened, or None" },
	{ "writer", "kind of the writer: WRITER_*" },
	{ "nr_rings", "number of rings" },
	{ "clock_id", "clock of the records: CLOCK_*" },
	{ "page_size", "bytes of a page where the ring was created" },
	{ "features", "SEQRING_FEAT_* of seqring/abi.h" },
	{ "data_size", "bytes of each ring's data area" },
	{ "payload_max", "bytes of the longest payload" },
	{ "peer", "(pid, uid, gid) of the process that serves the ring, or None" },
	{ "creation", "number of the ring, unique since this machine booted; 0: not known" },
	{ 0 },
};

static PyStructSequence_Field stats_fields[] = {
	{ "read", "records that this reader got" },
	{ "lost", "records that this reader lost" },
	{ "filtered", "records of other types than those of the reader" },
	{ "overruns", "times that the writer overtook this reader" },
	{ "waits", "calls of wait() that slept" },
	{ "misordered", "records that came after a later one of another ring" },
	{ "early", "records that were read before they were merge_window_ns old" },
	{ "lag_records", "records that are published and unread" },
	{ "lag_bytes", "their bytes" },
	{ "published", "records published since the rings' creation" },
	{ "dropped", "records that the rings' writers dropped" },
	{ "wakeups", "wake-ups by the rings' writers" },
	{ "end", "how the rings ended: RUNS, ENDED, KILLED or REPLACED" },
	{ "unfenced", "times that this reader slept while membarrier(2) failed" },
	{ "window_ns", "merge window in force" },
	{ "restarts", "times that this reader went on to another ring" },
	{ 0 },
};

static PyStructSequence_Field stats_at_fields[] = {
	{ "head", "position behind the newest record" },
	{ "tail", "position of the oldest record" },
	{ "published", "records published, which is also the newest seq" },
	{ "dropped", "records dropped, by cause: SEQRING_DROP_* of seqring/abi.h" },
	{ "wakeups", "wake-ups by the ring's writer" },
	{ "id", "number of the ring, or of its CPU" },
	{ "ended", "the writer is gone" },
	{ 0 },
};

#define FIELDS(array) ((int)(sizeof(array) / sizeof((array)[0])) - 1)

static int add_type(PyObject *module, const char *name, const char *doc,
		    PyStructSequence_Field *fields, int nr, PyTypeObject **type)
{
	PyStructSequence_Desc desc = {
		.name = name, .doc = doc, .fields = fields, .n_in_sequence = nr
	};

	if (!*type)
		*type = PyStructSequence_NewType(&desc);
	return *type ? PyModule_AddType(module, *type) : -1;
}

int binding_add_results(PyObject *module)
{
	if (add_type(module, "ring.Info", "Properties of a ring, see ring_info(3).", info_fields,
		     FIELDS(info_fields), &types.info) ||
	    add_type(module, "ring.Stats", "Statistics of a reader, see ring_stats(3).",
		     stats_fields, FIELDS(stats_fields), &types.stats) ||
	    add_type(module, "ring.StatsAt", "Statistics of one ring, see ring_stats_at(3).",
		     stats_at_fields, FIELDS(stats_at_fields), &types.stats_at))
		return -1;
	return 0;
}

/* Takes all of @values into a new object. An element may be NULL: an exception is set. */
static PyObject *make(PyTypeObject *type, PyObject *const *values, int nr)
{
	PyObject *result = PyStructSequence_New(type);
	bool good = result;
	int i;

	for (i = 0; i < nr; i++) {
		good = good && values[i];
		if (result)
			PyStructSequence_SET_ITEM(result, i, values[i]);
		else
			Py_XDECREF(values[i]);
	}
	if (!good)
		Py_CLEAR(result);
	return result;
}

static PyObject *number(uint64_t v)
{
	return PyLong_FromUnsignedLongLong(v);
}

PyObject *binding_info(struct ring_reader *r)
{
	struct ring_info info = { .size = sizeof(info) };
	int err = ring_info(r, &info);

	if (err)
		return binding_set_error(err);
	PyObject *const values[] = {
		PyUnicode_DecodeFSDefault(info.name),
		info.path ? PyUnicode_DecodeFSDefault(info.path) : Py_NewRef(Py_None),
		number(info.writer),
		number(info.nr_rings),
		number(info.clock_id),
		number(info.page_size),
		number(info.features),
		number(info.data_size),
		number(info.payload_max),
		info.peer_known ?
			Py_BuildValue("(III)", info.peer_pid, info.peer_uid, info.peer_gid) :
			Py_NewRef(Py_None),
		number(info.creation),
	};
	_Static_assert(sizeof(values) / sizeof(values[0]) == FIELDS(info_fields), "one each");

	return make(types.info, values, FIELDS(info_fields));
}

PyObject *binding_stats(struct ring_reader *r)
{
	struct ring_stats st = { .size = sizeof(st) };
	int err = ring_stats(r, &st);

	if (err)
		return binding_set_error(err);
	PyObject *const values[] = {
		number(st.read),      number(st.lost),	      number(st.filtered),
		number(st.overruns),  number(st.waits),	      number(st.misordered),
		number(st.early),     number(st.lag_records), number(st.lag_bytes),
		number(st.published), number(st.dropped),     number(st.wakeups),
		number(st.end),	      number(st.unfenced),    number(st.window_ns),
		number(st.restarts),
	};
	_Static_assert(sizeof(values) / sizeof(values[0]) == FIELDS(stats_fields), "one each");

	return make(types.stats, values, FIELDS(stats_fields));
}

static PyObject *tuple_of(const uint64_t *v, int nr)
{
	PyObject *tuple = PyTuple_New(nr), *item;
	int i;

	for (i = 0; tuple && i < nr; i++) {
		item = number(v[i]);
		if (item)
			PyTuple_SET_ITEM(tuple, i, item);
		else
			Py_CLEAR(tuple);
	}
	return tuple;
}

PyObject *binding_stats_at(struct ring_reader *r, unsigned int ring)
{
	struct ring_stats_at st = { .size = sizeof(st) };
	int err = ring_stats_at(r, ring, &st);

	if (err)
		return binding_set_error(err);
	PyObject *const values[] = {
		number(st.head),	  number(st.tail),    number(st.published),
		tuple_of(st.dropped, 8),  number(st.wakeups), number(st.id),
		PyBool_FromLong(st.dead),
	};
	_Static_assert(sizeof(values) / sizeof(values[0]) == FIELDS(stats_at_fields), "one each");

	return make(types.stats_at, values, FIELDS(stats_at_fields));
}

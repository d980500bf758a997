// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A reader. While a call has released the GIL, the reader is busy: another thread that calls gets
 * an exception, and no race.
 */

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "reader.h"

#define BATCH_MAX  1024
#define BATCH_SIZE (1 << 18)

static struct reader *reader_of(PyObject *self)
{
	return (struct reader *)self;
}

/* Whether this thread may call libring with the reader now. */
static int enter(const struct reader *self)
{
	if (self->busy)
		PyErr_SetString(PyExc_RuntimeError,
				"another thread uses this reader at the moment: "
				"open one for each thread");
	else if (!self->r)
		PyErr_SetString(PyExc_ValueError, "the reader is closed");
	else if (self->forks != binding_forks())
		PyErr_SetString(PyExc_RuntimeError, "the reader was opened before fork() and stays "
						    "the parent's: open one here");
	else
		return 0;
	return -1;
}

/* The ring is another one: its schema, and the size of its payloads. */
static void forget_ring(struct reader *self)
{
	self->known = false;
	Py_CLEAR(self->schema);
}

/* A schema that is not valid decodes nothing; the property `schema` tells why. */
static int know_ring(struct reader *self)
{
	struct ring_info info = { .size = sizeof(info) };
	int err;

	if (self->known)
		return 0;
	err = ring_info(self->r, &info);
	if (err) {
		binding_set_error(err);
		return -1;
	}
	self->payload_max = info.payload_max;
	if (info.schema_size) {
		self->schema = binding_new_schema(info.schema, info.schema_size);
		if (!self->schema && !PyErr_ExceptionMatches(PyExc_OSError))
			return -1;
		PyErr_Clear();
	}
	self->known = true;
	return 0;
}

/* A child leaves what its parent uses: closing could give a wake-up slot of the parent away. */
static void close_reader(struct reader *self)
{
	struct ring_reader *r = self->r;
	PyThreadState *state;

	self->r = NULL;
	forget_ring(self);
	binding_memory_free(&self->spare);
	if (!r || self->forks != binding_forks())
		return;
	state = PyEval_SaveThread();
	ring_close(r);
	PyEval_RestoreThread(state);
}

static void reader_dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	close_reader(reader_of(self));
	type->tp_free(self);
	Py_DECREF(type);
}

static PyObject *reader_close(PyObject *self, PyObject *unused)
{
	(void)unused;
	if (reader_of(self)->busy && enter(reader_of(self)))
		return NULL;
	close_reader(reader_of(self));
	return Py_NewRef(Py_None);
}

static PyThreadState *release_gil(struct reader *self)
{
	self->busy = true;
	return PyEval_SaveThread();
}

static void take_gil(struct reader *self, PyThreadState *state)
{
	PyEval_RestoreThread(state);
	self->busy = false;
}

/* Runs the handlers of signals that came: one may raise, or close the reader. */
static int check_signals(const struct reader *self)
{
	return PyErr_CheckSignals() || enter(self) ? -1 : 0;
}

/* Sleeps without the GIL. Return: of ring_wait(); -EINTR with an exception. */
static int wait_once(struct reader *self, int timeout_ms)
{
	PyThreadState *state;
	int err;

	state = release_gil(self);
	err = ring_wait(self->r, timeout_ms);
	take_gil(self, state);
	if (err != -EINTR)
		return err;
	return check_signals(self) ? -EINTR : -EAGAIN;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Return: 1 a call that reads gives something; 0 the time is over, or wake() was called; -1. */
static int wait_until(struct reader *self, double seconds)
{
	const double end = now() + seconds;
	double left = seconds;
	int err, ms;

	do {
		/* Rounded up: the caller waits for all of its time. */
		ms = left < 0 ? -1 : left > 2000000 ? 2000000000 : (int)ceil(left * 1000);
		err = wait_once(self, ms);
		if (seconds >= 0)
			left = fmax(end - now(), 0);
		/* One sleep is limited to 23 days. */
	} while (err == -EAGAIN || (err == -ETIMEDOUT && left > 0));
	if (!err || err == -ENODEV)
		return 1;
	if (err == -ETIMEDOUT || err == -ECANCELED)
		return 0;
	if (!PyErr_Occurred())
		binding_set_error(err);
	return -1;
}

static PyObject *reader_wait(PyObject *obj, PyObject *args, PyObject *kw)
{
	static char *const names[] = { "timeout", NULL };
	struct reader *self = reader_of(obj);
	PyObject *timeout = Py_None;
	double seconds = -1;
	int got;

	if (!PyArg_ParseTupleAndKeywords(args, kw, "|O:wait", (char **)names, &timeout))
		return NULL;
	if (timeout != Py_None) {
		seconds = PyFloat_AsDouble(timeout);
		if (PyErr_Occurred())
			return NULL;
		if (!(seconds >= 0)) {
			PyErr_SetString(PyExc_ValueError,
					"timeout: seconds, 0 or more, or None for no limit");
			return NULL;
		}
	}
	if (enter(self))
		return NULL;
	got = wait_until(self, seconds);
	return got < 0 ? NULL : PyBool_FromLong(got);
}

/*
 * Copies the next record out of the ring. Return: 0 with *@out set; -EAGAIN, -ENODEV; another errno
 * with an exception.
 */
static int read_one(struct reader *self, PyObject **out)
{
	struct ring_record rec;
	PyObject *payload;
	int err;

	for (;;) {
		err = ring_peek(self->r, &rec);
		if (err == -EREMCHG)
			forget_ring(self);
		/* The writer is faster: once more, unless a signal ends it. */
		if (err == -EREMCHG || (err == -EPIPE && !check_signals(self)))
			continue;
		if (err == -EAGAIN || err == -ENODEV)
			return err;
		if (err) {
			if (!PyErr_Occurred())
				binding_set_error(err);
			return err;
		}
		payload = PyBytes_FromStringAndSize(NULL, rec.len);
		if (!payload)
			return -ENOMEM;
		memcpy(PyBytes_AS_STRING(payload), rec.payload, rec.len);
		if (!ring_recheck(self->r))
			break;
		Py_DECREF(payload);
	}
	/* The collector of garbage may run code that would read what was peeked at. */
	self->busy = true;
	err = know_ring(self);
	self->busy = false;
	if (err)
		Py_DECREF(payload);
	*out = err ? NULL : binding_new_record(&rec, payload, self->schema);
	if (!*out)
		return -ENOMEM;
	/* Last: a record that cannot be delivered is not consumed. */
	ring_advance(self->r);
	return 0;
}

static PyObject *reader_read(PyObject *obj, PyObject *unused)
{
	struct reader *self = reader_of(obj);
	PyObject *record;
	int err;

	(void)unused;
	if (enter(self))
		return NULL;
	err = read_one(self, &record);
	if (!err)
		return record;
	if (err == -EAGAIN)
		return Py_NewRef(Py_None);
	return PyErr_Occurred() ? NULL : binding_set_error(err);
}

/* The next record, for which it waits. NULL without an exception: the ring has ended. */
static PyObject *reader_next(PyObject *obj)
{
	struct reader *self = reader_of(obj);
	PyObject *record;
	int err;

	if (enter(self))
		return NULL;
	while ((err = read_one(self, &record)) == -EAGAIN) {
		do {
			err = wait_once(self, -1);
		} while (err == -EAGAIN);
		if (!err || err == -ENODEV)
			continue;
		return PyErr_Occurred() ? NULL : binding_set_error(err);
	}
	return err ? NULL : record;
}

/* Return: as ring_read_batch(). */
static int read_batch(struct reader *self, struct binding_memory *m, unsigned int *nr)
{
	PyThreadState *state;
	int err;

	state = release_gil(self);
	err = ring_read_batch(self->r, m->recs, m->max, m->buf, m->size, nr);
	take_gil(self, state);
	return err;
}

static PyObject *reader_read_batch(PyObject *obj, PyObject *args, PyObject *kw)
{
	static char *const names[] = { "max", "size", NULL };
	uint32_t max = BATCH_MAX, nr = 0;
	struct reader *self = reader_of(obj);
	Py_ssize_t wanted = BATCH_SIZE;
	struct binding_memory m;
	size_t size;
	int err;

	if (!PyArg_ParseTupleAndKeywords(args, kw, "|O&n:read_batch", (char **)names,
					 binding_take_u32, &max, &wanted) ||
	    enter(self))
		return NULL;
	if (!max || max > 1u << 24 || wanted < 0) {
		PyErr_Format(PyExc_ValueError,
			     "max is %u and size %zd: 1 to 16777216 records, and 0 bytes or more",
			     max, wanted);
		return NULL;
	}
	do {
		/* There may be no ring yet (follow), and the next one may have longer payloads. */
		if (know_ring(self)) {
			if (!PyErr_ExceptionMatches(PyExc_BlockingIOError))
				return NULL;
			PyErr_Clear();
			self->payload_max = 0;
		}
		/* No payload is cut. */
		size = (size_t)wanted > self->payload_max ? (size_t)wanted : self->payload_max;
		if (binding_take_memory(self, max, size + 8, &m))
			return NULL;
		err = read_batch(self, &m, &nr);
		if (!err)
			return binding_new_batch(&m, nr, obj, self->schema);
		binding_give_back(obj, &m);
		binding_memory_free(&m);
		if (err == -EREMCHG)
			forget_ring(self);
	} while (err == -EREMCHG || (err == -EPIPE && !check_signals(self)));
	if (err == -EAGAIN)
		return Py_NewRef(Py_None);
	return PyErr_Occurred() ? NULL : binding_set_error(err);
}

static PyObject *reader_newest(PyObject *obj, PyObject *args)
{
	struct reader *self = reader_of(obj);
	struct ring_record rec;
	uint32_t ring = 0;
	PyObject *payload;
	int err;

	if (!PyArg_ParseTuple(args, "|O&:newest", binding_take_u32, &ring) || enter(self) ||
	    know_ring(self))
		return NULL;
	payload = PyBytes_FromStringAndSize(NULL, self->payload_max);
	if (!payload)
		return NULL;
	do {
		err = ring_newest(self->r, ring, &rec, PyBytes_AS_STRING(payload),
				  self->payload_max);
	} while (err == -EPIPE && !check_signals(self));
	if (!err && !_PyBytes_Resize(&payload, rec.len))
		return binding_new_record(&rec, payload, self->schema);
	Py_XDECREF(payload);
	if (PyErr_Occurred())
		return NULL;
	if (err == -EAGAIN)
		return Py_NewRef(Py_None);
	return binding_set_error(err);
}

static PyObject *reader_seek(PyObject *obj, PyObject *args)
{
	struct reader *self = reader_of(obj);
	PyThreadState *state;
	uint64_t value = 0;
	uint32_t whence;
	int err;

	if (!PyArg_ParseTuple(args, "O&|O&:seek", binding_take_u32, &whence, binding_take_u64,
			      &value) ||
	    enter(self))
		return NULL;
	state = release_gil(self);
	err = ring_seek(self->r, (enum ring_whence)whence, value);
	take_gil(self, state);
	if (err)
		return binding_set_error(err);
	return Py_NewRef(Py_None);
}

static PyObject *reader_fileno(PyObject *obj, PyObject *unused)
{
	struct reader *self = reader_of(obj);
	PyThreadState *state;
	int err, fd;

	(void)unused;
	if (enter(self))
		return NULL;
	/* It may sleep for a grace period. */
	state = release_gil(self);
	err = ring_fd(self->r, &fd);
	take_gil(self, state);
	return err ? binding_set_error(err) : PyLong_FromLong(fd);
}

static PyObject *reader_wake(PyObject *obj, PyObject *unused)
{
	struct reader *self = reader_of(obj);

	(void)unused;
	/* Any thread may, while another one waits. */
	if (!self->busy && enter(self))
		return NULL;
	ring_wake(self->r);
	return Py_NewRef(Py_None);
}

static PyObject *reader_wall_time(PyObject *obj, PyObject *arg)
{
	uint64_t ts_ns, ns;
	int err;

	if (!binding_take_u64(arg, &ts_ns) || enter(reader_of(obj)))
		return NULL;
	err = ring_wall_time(reader_of(obj)->r, ts_ns, &ns);
	return err ? binding_set_error(err) : PyLong_FromUnsignedLongLong(ns);
}

static PyObject *reader_stats_at(PyObject *obj, PyObject *args)
{
	uint32_t ring;

	if (!PyArg_ParseTuple(args, "O&:stats_at", binding_take_u32, &ring) ||
	    enter(reader_of(obj)))
		return NULL;
	return binding_stats_at(reader_of(obj)->r, ring);
}

static PyObject *reader_stats(PyObject *obj, void *unused)
{
	(void)unused;
	return enter(reader_of(obj)) ? NULL : binding_stats(reader_of(obj)->r);
}

static PyObject *reader_info(PyObject *obj, void *unused)
{
	(void)unused;
	return enter(reader_of(obj)) ? NULL : binding_info(reader_of(obj)->r);
}

static PyObject *reader_schema(PyObject *obj, void *unused)
{
	struct ring_info info = { .size = sizeof(info) };
	struct reader *self = reader_of(obj);
	int err;

	(void)unused;
	if (enter(self) || know_ring(self))
		return NULL;
	if (self->schema)
		return Py_NewRef(self->schema);
	err = ring_info(self->r, &info);
	if (err)
		return binding_set_error(err);
	/* One that is not valid says so here. */
	if (info.schema_size)
		return binding_new_schema(info.schema, info.schema_size);
	return Py_NewRef(Py_None);
}

static PyObject *reader_closed(PyObject *obj, void *unused)
{
	(void)unused;
	return PyBool_FromLong(!reader_of(obj)->r);
}

static PyObject *reader_enter(PyObject *obj, PyObject *unused)
{
	(void)unused;
	return enter(reader_of(obj)) ? NULL : Py_NewRef(obj);
}

static PyMethodDef methods[] = {
	{ "read", reader_read, METH_NOARGS,
	  "read() -> Record, or None: there is none now. OSError with ENODEV: the end." },
	{ "read_batch", BINDING_METHOD(reader_read_batch), METH_VARARGS | METH_KEYWORDS,
	  "read_batch(max=1024, size=262144) -> Batch, or None: there is no record now.\n\n"
	  "At most max records, with size bytes of payloads, or one record that is longer." },
	{ "newest", reader_newest, METH_VARARGS,
	  "newest(ring=0) -> Record, or None: none was published yet. The reader does not move." },
	{ "wait", BINDING_METHOD(reader_wait), METH_VARARGS | METH_KEYWORDS,
	  "wait(timeout=None) -> bool\n\n"
	  "Sleeps until the watermark is met, or the ring has ended: True. False: timeout seconds\n"
	  "have passed, or wake() was called." },
	{ "wake", reader_wake, METH_NOARGS, "wake()\n\nEnds wait() of another thread." },
	{ "seek", reader_seek, METH_VARARGS, "seek(whence, value=0)" },
	{ "fileno", reader_fileno, METH_NOARGS,
	  "fileno() -> int\n\nA descriptor that is readable when the watermark is met." },
	{ "wall_time", reader_wall_time, METH_O,
	  "wall_time(ts_ns) -> int\n\nNanoseconds since 1970 of a time of the ring's clock." },
	{ "stats_at", reader_stats_at, METH_VARARGS, "stats_at(ring) -> StatsAt" },
	{ "close", reader_close, METH_NOARGS, "close()\n\nMay be called again." },
	{ "__enter__", reader_enter, METH_NOARGS, NULL },
	{ "__exit__", reader_close, METH_VARARGS, NULL },
	{ 0 },
};

static PyGetSetDef properties[] = {
	{ "stats", reader_stats, NULL, "Stats of this reader", NULL },
	{ "info", reader_info, NULL, "Info of the ring", NULL },
	{ "schema", reader_schema, NULL, "Schema of the ring; None: it has none", NULL },
	{ "closed", reader_closed, NULL, "whether close() was called", NULL },
	{ 0 },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc,
	  "Reader(where, ...)\n\nReads a ring; iterates over its records until its end." },
	{ Py_tp_new, binding_reader_new },
	{ Py_tp_dealloc, reader_dealloc },
	{ Py_tp_iter, PyObject_SelfIter },
	{ Py_tp_iternext, reader_next },
	{ Py_tp_methods, methods },
	{ Py_tp_getset, properties },
	{ 0 },
};

static PyType_Spec spec = {
	.name = "ring._ring.Reader",
	.basicsize = sizeof(struct reader),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = slots,
};

int binding_add_reader(PyObject *module)
{
	static PyTypeObject *type;

	return binding_add_type(module, &spec, &type);
}

# SPDX-License-Identifier: GPL-2.0-only
"""
Mutants of the Python module. Each is built in a copy of the tree. A mutant's test is one of
tests/bindings/python.py, which uses the changed module.
"""
import os

import copied
import mutant
from mutant import TOP, Mutant, drop, never, swap

DIR = os.path.join(TOP, "build", "mutants", "python")
BUILD = os.path.join(DIR, "build", "native")

SET = mutant.Set(("libring/python",), [
    Mutant("a second thread uses a reader that waits", "reader/enter",
           never("$self->busy"), "threads"),
    Mutant("a child of fork() uses its parent's reader", "reader/enter",
           never("$self->forks != binding_forks()"), "fork"),
    Mutant("a closed reader is used", "reader/enter", never("!$self->r"), "calls"),
    Mutant("a wait holds the GIL", "release_gil",
           swap("PyEval_SaveThread()", "NULL"), "other_threads_run"),
    Mutant("a handler that returns ends a wait", "wait_once",
           swap("check_signals($self) ? -EINTR : -EAGAIN",
                "check_signals($self) ? -EINTR : -ETIMEDOUT"), "signals"),
    Mutant("a handler that raises does not end a wait", "check_signals",
           swap("PyErr_CheckSignals() ||", ""), "signals"),
    Mutant("a handler closes the reader under a wait", "check_signals",
           swap("|| enter($self)", "|| !$self"), "signals"),
    Mutant("a wait that a signal interrupts begins anew", "wait_until",
           swap("fmax(end - now(), 0)", "(0 * (end - now()) + seconds)"), "signals"),
    Mutant("a record is delivered twice", "read_one", drop("ring_advance($self->r);"), "loss"),
    Mutant("the schema of the ring before decodes", "forget_ring",
           drop("$self->known = false;"), "follow"),
    Mutant("a batch cuts a long payload", "reader_read_batch",
           swap("(size_t)$wanted > $self->payload_max ? (size_t)$wanted : $self->payload_max",
                "(size_t)$wanted"), "batch_of_long"),
    Mutant("the memory of a batch that is in use is given to the next one", "reader_read_batch",
           swap("binding_new_batch(&$m, $nr, $obj, $self->schema)",
                "($self->spare = $m, binding_new_batch(&$m, $nr, $obj, $self->schema))"), "batch"),
    Mutant("a column has no stride", "batch_column",
           swap("$column->stride = sizeof(struct ring_record)",
                "$column->stride = (Py_ssize_t)$column->kind->size"), "batch"),
    Mutant("a batch can be written", "batch_buffer", swap("$self->used, 1,", "$self->used, 0,"),
           "batch"),
    Mutant("numbers that are too large are cut", "binding_take_u16",
           swap("UINT16_MAX, &$v", "UINT64_MAX, &$v"), "openings"),
    Mutant("a negative number is taken for a large one", "base/take",
           swap("PyLong_AsUnsignedLongLong($number)", "PyLong_AsUnsignedLongLongMask($number)"),
           "calls"),
    Mutant("a subinterpreter is accepted", "exec_module",
           never("PyInterpreterState_Get() != PyInterpreterState_Main()"), "subinterpreter"),
    Mutant("a decoded field stays behind", "add_field", drop("Py_DECREF($value);"), "leaks"),
    Mutant("a record's payload stays behind", "record_dealloc",
           drop("Py_XDECREF($self->payload);"), "leaks"),
    Mutant("a schema stays behind", "schema_dealloc",
           swap("ring_schema_close", "(void)"), "leaks"),
    Mutant("the upper half of a wide number is lost", "new_number",
           never("$f->bits > 64"), "decoded"),
])


def command(test):
    return [os.path.join(TOP, "tests", "bindings", "python.py"), "--build", BUILD, test]


COPY = copied.Copied(DIR, ("python", "build/native/tests/abi/writer"), command, 60)


def run(wanted):
    """Yields (mutant, caught by, what)."""
    return copied.run(SET, wanted, COPY)

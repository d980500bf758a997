#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
python.py [--build DIR] [TEST...]: tests the Python binding on live rings. Runs Debian's Python, for
which it is built. Prints ok or not ok for each test.
"""
import argparse
import array
import ast
import asyncio
import errno
import gc
import importlib
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
LIMIT = 60  # seconds for any condition: generous, since the machine may be busy
BUILD = None
ring = None


def until(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {LIMIT} s")
        time.sleep(0.002)


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def resident():
    with open("/proc/self/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="binding."))
        os.environ["RINGDIR"] = str(self.dir)

    def tearDown(self):
        shutil.rmtree(self.dir)

    def pair(self, **options):
        """A writer, and a reader of its ring."""
        writer = ring.Writer(size=1 << 16)
        reader = ring.Reader(writer.fds, **options)
        self.addCleanup(writer.close)
        self.addCleanup(reader.close)
        return writer, reader

    def fails(self, error, text, call, *args, **kw):
        with self.assertRaisesRegex(error, text) as caught:
            call(*args, **kw)
        return caught.exception

    def fails_with(self, number, call, *args, **kw):
        with self.assertRaises(OSError) as caught:
            call(*args, **kw)
        self.assertEqual(caught.exception.errno, number, caught.exception)
        return caught.exception


class Reading(Case):
    def test_live(self):
        """A program in C writes while this one reads, by name."""
        sys.path.insert(0, str(TOP / "tests/abi"))
        abi = importlib.import_module("abi")
        sys.path.pop(0)
        n = 30000
        writer = subprocess.Popen([BUILD / "tests/abi/writer", "--name", "live", "--rate", "25000"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(writer.stdout.close)
        self.addCleanup(writer.wait)
        self.assertEqual(writer.stdout.readline(), b"ready\n")
        with ring.Reader("live", wake_timeout_ns=1000000, wake_records=100) as reader:
            def feed():
                for i in range(1, n + 1):
                    writer.stdin.write(abi.frame(i % 7, abi.payload(i)))
                writer.stdin.close()
            thread = threading.Thread(target=feed)
            thread.start()
            seq = 0
            for record in reader:
                self.assertEqual(record.seq, seq + 1 + record.lost)
                self.assertEqual(record.payload, abi.payload(record.seq))
                self.assertEqual(record.type, record.seq % 7)
                seq = record.seq
            thread.join()
            stats = reader.stats
            self.assertEqual((seq, stats.read + stats.lost, stats.published), (n, n, n))
            self.assertEqual((stats.end, reader.info.name), (ring.ENDED, "live"))
            self.assertEqual(reader.info.peer[0], writer.pid)

    def test_loss(self):
        writer, reader = self.pair()
        for i in range(5000):
            writer.publish(i.to_bytes(8, "little") * 4)
        writer.close()
        first = reader.read()
        self.assertEqual(first.seq, 1 + first.lost)
        self.assertGreater(first.lost, 1000)
        got = [first, *reader]
        self.assertEqual([r.seq for r in got], list(range(first.seq, 5001)))
        self.assertTrue(all(int.from_bytes(r.payload[:8], "little") == r.seq - 1 for r in got))
        self.assertEqual(reader.stats.read + reader.stats.lost, 5000)

    def test_batch(self):
        writer, reader = self.pair()
        payloads = [os.urandom(i % 40) for i in range(1000)]
        for i, payload in enumerate(payloads):
            writer.publish(payload, i)
        batch = reader.read_batch(600)
        self.assertEqual(len(batch), 600)
        view = memoryview(batch)
        self.assertTrue(view.readonly and batch.seqs.readonly)
        self.assertEqual(batch.seqs.tolist(), list(range(1, 601)))
        self.assertEqual(list(batch.types), list(range(600)))
        self.assertEqual(set(batch.rings), {0})
        self.assertEqual(set(batch.lost), {0})
        self.assertEqual(sorted(batch.times), list(batch.times))
        self.assertEqual([bytes(view[o:o + n]) for o, n in zip(batch.offsets, batch.lengths)],
                         payloads[:600])
        self.assertEqual([r.payload for r in batch], payloads[:600])
        self.assertEqual((batch[599].seq, batch[-1].seq, batch[599].type), (600, 600, 599))
        self.assertEqual(array.array("Q", batch.seqs.tolist())[5], 6)
        self.fails(IndexError, "600 records", lambda: batch[600])
        with self.assertRaises(TypeError):
            batch.seqs[0] = 1
        # What it gave out stays valid, whatever happens to the rest.
        seqs = batch.seqs
        del batch
        second = reader.read_batch(600)
        reader.close()
        gc.collect()
        self.assertEqual((len(second), seqs[0], seqs[599], second.seqs[0]), (400, 1, 600, 601))
        self.assertEqual(bytes(view[-len(payloads[599]):]), payloads[599])

    def test_batch_of_long(self):
        writer, reader = self.pair()
        longest = os.urandom(reader.info.payload_max)
        writer.publish(longest)
        writer.publish(b"")
        self.assertEqual(reader.read_batch(max=1, size=0)[0].payload, longest)
        batch = reader.read_batch(max=1, size=8)
        self.assertEqual((len(batch), bytes(memoryview(batch)), list(batch.lengths)), (1, b"", [0]))
        self.assertIsNone(reader.read_batch())
        writer.close()
        self.fails_with(errno.ENODEV, reader.read_batch)
        self.assertEqual(list(reader.batches()), [])

    def test_batches(self):
        writer, reader = self.pair()

        def publish():
            for i in range(500):
                writer.publish(b"%d" % i)
                if not i % 100:
                    time.sleep(0.01)
            writer.close()
        thread = threading.Thread(target=publish)
        thread.start()
        got = [r.payload for batch in reader.batches() for r in batch]
        thread.join()
        self.assertEqual(got, [b"%d" % i for i in range(500)])

    def test_places(self):
        writer, reader = self.pair()
        self.assertIsNone(reader.newest())
        for i in range(10):
            writer.publish(b"x" * i, i, ts_ns=1000 + i)
        self.assertEqual((reader.newest().seq, reader.newest().payload), (10, b"x" * 9))
        reader.seek(ring.SEQ, 4)
        self.assertEqual(reader.read().seq, 4)
        reader.seek(ring.HEAD)
        self.assertIsNone(reader.read())
        reader.seek(ring.TIME, 1008)
        self.assertEqual(reader.read().ts_ns, 1008)
        self.assertGreater(reader.wall_time(time.monotonic_ns()), 10**18)
        at = reader.stats_at(0)
        self.assertEqual((at.published, at.dropped[1], at.ended), (10, 0, False))
        with ring.Reader(writer.fds, whence=ring.SEQ, value=9, types=[8, 9]) as other:
            self.assertEqual([other.read().seq, other.read().seq, other.read()], [9, 10, None])
        with ring.Reader(writer.fds, types=(3,)) as other:
            self.assertEqual([other.read().seq, other.read()], [4, None])
            self.assertEqual(other.stats.filtered, 9)
        self.fails_with(errno.ERANGE, reader.seek, ring.SEQ, 100)
        self.fails_with(errno.ENOENT, reader.stats_at, 1)
        self.fails_with(errno.ENOENT, reader.newest, 1)

    def test_rings(self):
        writer = ring.Writer(size=1 << 16, rings=3)
        self.addCleanup(writer.close)
        for i in range(30):
            writer.publish(b"", i, ring=i % 3)
        with ring.Reader(writer.fds) as all_rings, ring.Reader(writer.fds, ring=2) as last:
            writer.close()
            self.assertEqual([r.type for r in all_rings], list(range(30)))
            self.assertEqual([(r.type, r.ring) for r in last], [(i, 2) for i in range(2, 30, 3)])

    def test_follow(self):
        """The reader goes on to the next ring of the name, and to its schema."""
        first = ring.Writer("next", size=1 << 16)
        first.start_serving("next")
        reader = ring.Reader("next", follow=True)
        self.addCleanup(reader.close)
        first.publish(b"\x07\0\0\0", 2)
        self.assertIsNone(next(reader).fields)
        first.close()
        self.assertIsNone(reader.read())
        with ring.Writer("next", size=1 << 18, schema=self.schema()) as second:
            second.start_serving("next")
            second.publish(b"\x07\0\0\0" + b"x" * 40000, 2)
            record = next(reader)
            self.assertEqual(record.fields, {"n": 7, "text": "x" * 40000})
            self.assertEqual(reader.schema.types[2], "line")
            second.publish(bytes(50000))
            until(lambda: reader.wait(0.1))
            self.assertEqual(bytes(memoryview(reader.read_batch(size=0))), bytes(50000))
            self.assertEqual(reader.stats.restarts, 1)

    def schema(self):
        """That of tests/abi."""
        obj = self.dir / "records.o"
        subprocess.run(["clang", "-target", "bpf", "-g", f"-I{TOP}/include", "-idirafter",
                        f"/usr/include/{os.uname().machine}-linux-gnu", "-c",
                        TOP / "tests/abi/records.schema.c", "-o", obj], check=True)
        return ring.schema_from_file(obj)

    def test_decoded(self):
        """Hostile records decode as in the reader of tests/abi, which is compared with ringctl."""
        sys.path.insert(0, str(TOP / "tests/abi"))
        abi, reference = importlib.import_module("abi"), importlib.import_module("schema")
        sys.path.pop(0)
        blob = self.schema()
        known = reference.Schema(blob)
        writer = ring.Writer(size=1 << 22, schema=blob)
        self.addCleanup(writer.close)
        for kind in [*known.records, 7]:
            size = known.records[kind][1].size if kind in known.records else 20
            for i in range(200):
                writer.publish(abi.hostile_bytes(size if i % 3 else i % (size + 40)), kind)
        decoded = 0
        with ring.Reader(writer.fds) as reader:
            writer.close()
            self.assertEqual(reader.schema.types, {n: t[0] for n, t in known.records.items()})
            self.assertIn("\tLOW = -3,", str(reader.schema))
            for record in reader:
                try:
                    name, fields, extra = known.decode(record.type, record.payload)
                except reference.NotDecoded as e:
                    self.assertEqual((record.name, record.fields, record.extra), (None,) * 3)
                    self.fails(OSError, str(e).replace("(", "."), reader.schema.decode,
                               record.type, record.payload)
                    continue
                decoded += 1
                self.assertEqual((record.name, record.extra), (name, extra))
                self.same(record.fields, fields)
        self.assertGreater(decoded, 500)

    def same(self, mine, theirs):
        """Values of the binding and of JSON."""
        if isinstance(mine, dict):
            self.assertEqual(list(mine), list(theirs))
            for key, value in mine.items():
                self.same(value, theirs[key])
        elif isinstance(mine, list):
            self.assertEqual(len(mine), len(theirs))
            for a, b in zip(mine, theirs):
                self.same(a, b)
        elif isinstance(mine, bytes):
            self.assertEqual(mine.hex(), theirs)
        elif isinstance(theirs, dict):
            self.assertEqual(mine.encode("utf-8", "surrogateescape").hex(), theirs["hex"])
        elif isinstance(mine, float):
            self.assertTrue(str(mine) == theirs or theirs == mine or
                            struct.unpack("=f", struct.pack("=f", theirs))[0] == mine,
                            f"{mine} {theirs}")
        elif isinstance(theirs, str) and isinstance(mine, int):
            self.assertEqual(hex(mine), theirs)
        else:
            self.assertEqual(mine, theirs)


class Waiting(Case):
    def test_timeout(self):
        writer, reader = self.pair()
        begin = time.monotonic()
        self.assertFalse(reader.wait(0.05))
        self.assertGreaterEqual(time.monotonic() - begin, 0.05)
        self.assertFalse(reader.wait(0))
        writer.publish(b"")
        self.assertTrue(reader.wait())
        writer.close()
        self.assertTrue(reader.wait())
        reader.read()
        self.assertTrue(reader.wait(timeout=None))
        self.fails_with(errno.ENODEV, reader.read)
        self.assertRaises(StopIteration, next, reader)

    def test_watermark(self):
        writer, reader = self.pair(wake_records=3)
        writer.publish(b"")
        self.assertFalse(reader.wait(0.02))
        writer.publish(b"")
        writer.publish(b"")
        self.assertTrue(reader.wait())

    def test_other_threads_run(self):
        """wait() and next() release the GIL."""
        writer, reader = self.pair()
        got = []
        thread = threading.Thread(target=lambda: got.append(next(reader).payload))
        thread.start()
        until(lambda: reader_is_busy(reader))
        self.assertEqual(got, [])
        writer.publish(b"here")
        thread.join(LIMIT)
        self.assertEqual(got, [b"here"])

    def test_threads(self):
        """A second thread gets an exception; wake() ends the first one's wait."""
        writer, reader = self.pair()
        got = []
        thread = threading.Thread(target=lambda: got.append(reader.wait()))
        thread.start()
        until(lambda: reader_is_busy(reader))
        for call in (reader.read, reader.read_batch, reader.wait, reader.close, reader.fileno,
                     reader.newest, lambda: next(reader), lambda: reader.stats, lambda: reader.info,
                     lambda: reader.schema, lambda: reader.seek(0), lambda: reader.stats_at(0),
                     lambda: reader.wall_time(0), reader.__enter__):
            self.fails(RuntimeError, "another thread uses this reader", call)
        reader.wake()
        thread.join(LIMIT)
        self.assertEqual(got, [False])

        def iterate():
            try:
                next(reader)
            except OSError as e:
                got.append(e.errno)
        thread = threading.Thread(target=iterate)
        thread.start()
        until(lambda: reader_is_busy(reader))
        reader.wake()
        thread.join(LIMIT)
        self.assertEqual(got, [False, errno.ECANCELED])
        # One thread after the other is fine.
        writer.publish(b"")
        self.assertEqual(reader.read().seq, 1)

    def interrupt(self, reader):
        """Sends a signal to this thread once it sleeps."""
        def send():
            until(lambda: reader_is_busy(reader))
            until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "S")
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        stat = pathlib.Path(f"/proc/self/task/{threading.get_native_id()}/stat")
        thread = threading.Thread(target=send)
        thread.start()
        return thread

    def test_signals(self):
        """A handler that raises ends a wait, as Ctrl-C does; any other one does not."""
        writer, reader = self.pair()
        calls = []

        def stop(*_):
            raise KeyboardInterrupt
        old = signal.signal(signal.SIGUSR1, stop)
        self.addCleanup(signal.signal, signal.SIGUSR1, old)
        for call in (reader.wait, lambda: reader.wait(LIMIT), lambda: next(reader)):
            thread = self.interrupt(reader)
            self.assertRaises(KeyboardInterrupt, call)
            thread.join()
        signal.signal(signal.SIGUSR1, lambda *_: calls.append(1))
        thread = self.interrupt(reader)
        begin = time.monotonic()
        self.assertFalse(reader.wait(0.3))
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)
        thread.join()
        signal.signal(signal.SIGUSR1, lambda *_: (calls.append(1), writer.publish(b"late")))
        thread = self.interrupt(reader)
        self.assertEqual(next(reader).payload, b"late")
        thread.join()
        self.assertEqual(len(calls), 2)
        # A handler may close the reader that waits.
        signal.signal(signal.SIGUSR1, lambda *_: reader.close())
        thread = self.interrupt(reader)
        self.fails(ValueError, "closed", reader.wait)
        thread.join()

    def test_async(self):
        """Two rings in one event loop, each exact; a wait that is cancelled."""
        pairs = [self.pair() for _ in range(2)]

        async def read(reader):
            return [r.seq async for r in reader]

        async def write(writer):
            for i in range(1000):
                writer.publish(b"x" * (i % 50))
                if i % 100 == 0:
                    await asyncio.sleep(0.002)
            writer.close()

        async def main():
            for _, reader in pairs:
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(reader.readable(), 0.01)
            results = await asyncio.gather(*(read(r) for _, r in pairs),
                                           *(write(w) for w, _ in pairs))
            return results[:2]
        self.assertEqual(asyncio.run(main()), [list(range(1, 1001))] * 2)


def reader_is_busy(reader):
    try:
        reader.closed or reader.info
    except RuntimeError:
        return True
    return False


class Processes(Case):
    def child(self, call):
        """Runs a function in a child of fork(). Return: what it returned, as text."""
        read_end, write_end = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                text = str(call())
            except BaseException as e:  # pylint: disable=broad-except
                text = f"{type(e).__name__}: {e}"
            os.write(write_end, text.encode())
            os._exit(0)
        os.close(write_end)
        with open(read_end, encoding="utf-8") as f:
            text = f.read()
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        return text

    def test_fork(self):
        writer, reader = self.pair()
        writer.publish(b"one")
        self.assertRegex(self.child(reader.read), "RuntimeError: .*opened before fork")
        self.assertRegex(self.child(lambda: reader.stats), "RuntimeError: .*opened before fork")
        self.assertEqual(self.child(reader.close), "None")
        self.assertRegex(self.child(lambda: writer.publish(b"two")), "PermissionError")
        self.assertEqual(self.child(writer.close), "None")
        self.assertEqual(self.child(lambda: ring.Reader(writer.fds).read().payload), "b'one'")
        self.assertEqual((reader.read().payload, reader.read()), (b"one", None))

        def adopt():
            writer.adopt()
            writer.publish(b"adopted")
            writer.close()
        self.assertEqual(self.child(adopt), "None")
        self.assertEqual(next(reader).payload, b"adopted")
        self.assertRaises(StopIteration, next, reader)

    def test_served(self):
        """A writer that serves by a thread, and ends with its process."""
        code = ("import ring, sys; w = ring.Writer('served', size=65536); "
                "w.start_serving('served', permissions=0o660); w.publish(b'one', 5); "
                "print('ready', flush=True); sys.stdin.read()")
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        reader = ring.Reader("served")
        self.addCleanup(reader.close)
        self.assertEqual((self.dir / "served").stat().st_mode & 0o777, 0o660)
        self.assertEqual(reader.read().type, 5)
        process.kill()
        process.wait()
        self.assertRaises(StopIteration, next, reader)
        self.assertEqual(reader.stats.end, ring.KILLED)
        self.fails(ConnectionRefusedError, "gone", ring.Reader, "served")

    def test_subinterpreter(self):
        code = ("import _xxsubinterpreters as s; i = s.create(); "
                "s.run_string(i, 'import ring')")
        process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                 check=False)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("main interpreter only", process.stderr)

    def test_import_again(self):
        code = ("import ring, sys; a = ring.Record; w = ring.Writer(size=65536); w.publish(b'x'); "
                "r = ring.Reader(w.fds)\n"
                "for n in ('ring', 'ring._ring'): del sys.modules[n]\n"
                "import ring; assert ring.Record is a; assert type(r.read()) is a; "
                "assert ring.Reader(w.fds).read().payload == b'x'")
        subprocess.run([sys.executable, "-c", code], check=True)


class Rejecting(Case):
    def test_openings(self):
        e = self.fails(FileNotFoundError, "nothere", ring.Reader, "nothere")
        self.assertEqual(e.errno, errno.ENOENT)
        self.fails_with(errno.EINVAL, ring.Reader, "bad name")
        self.fails_with(errno.EBADF, ring.Reader, 9999)
        self.fails(ValueError, "-1: a number from 0 to 4294967295", ring.Reader, -1)
        self.fails(TypeError, "", ring.Reader)
        self.fails(TypeError, "", ring.Reader, 1.5)
        self.fails(ValueError, "null", ring.Reader, "a\0b")
        self.fails(TypeError, "three descriptors|2 given", ring.Reader, (1, 2))
        self.fails(TypeError, "positional", ring.Reader, "x", 1)
        with open(os.devnull, "rb") as f:
            self.fails_with(errno.EPROTO, ring.Reader, f.fileno())
        writer, _ = self.pair()
        for name, value, error, text in [
                ("whence", 99, OSError, "whence is 99"),
                ("whence", -1, ValueError, "-1: a number from 0"),
                ("value", 2**64, ValueError, "18446744073709551616: a number from 0 to"),
                ("value", "x", TypeError, ""), ("types", [], ValueError, "types has 0 numbers"),
                ("types", [65536], ValueError, "65536: a number from 0 to 65535"),
                ("types", [1, "x"], TypeError, ""), ("types", 5, TypeError, "types: a sequence"),
                ("types", range(65537), ValueError, "types has 65537"),
                ("ring", 1, OSError, "no ring 1|ring"), ("ring", -1, ValueError, "-1: a number"),
                ("merge_window_ns", -1, ValueError, "-1: a number"),
                ("wake_records", 1.5, TypeError, ""), ("wake_bytes", -1, ValueError, "-1: a"),
                ("wake_timeout_ns", -1, ValueError, "-1: a number"),
                ("open_timeout_ms", 2**32, ValueError, "4294967296: a number"),
                ("open_timeout_ms", 2**31, OSError, "open_timeout_ms"),
                ("follow", True, OSError, "FOLLOW"), ("nonsense", 1, TypeError, "nonsense")]:
            with self.subTest(name=name, value=value):
                self.fails(error, text, ring.Reader, writer.fds, **{name: value})

    def test_calls(self):
        _, reader = self.pair()
        for value in (-1, float("nan"), -0.001):
            self.fails(ValueError, "timeout: seconds", reader.wait, value)
        self.fails(TypeError, "", reader.wait, "x")
        self.fails(ValueError, "max is 0", reader.read_batch, 0)
        self.fails(ValueError, "max is 16777217", reader.read_batch, (1 << 24) + 1)
        self.fails(ValueError, "size -1", reader.read_batch, 1, -1)
        self.fails(ValueError, "-1: a number", reader.read_batch, -1)
        self.fails(ValueError, "-1: a number", reader.seek, -1)
        self.fails_with(errno.EINVAL, reader.seek, 77)
        self.fails(ValueError, "-5: a number", reader.wall_time, -5)
        self.fails(ValueError, "-1: a number", reader.stats_at, -1)
        self.fails(ValueError, "-1: a number", reader.newest, -1)
        for kind in (ring.Record, ring.Batch):
            self.fails(TypeError, "cannot create", kind)
        with reader:
            pass
        self.assertTrue(reader.closed)
        reader.close()
        for call in (reader.read, reader.read_batch, reader.wait, reader.fileno, reader.newest,
                     reader.wake, lambda: next(reader), lambda: reader.stats, lambda: reader.schema,
                     lambda: reader.info, lambda: reader.seek(0), reader.__enter__,
                     lambda: list(reader.batches())):
            self.fails(ValueError, "the reader is closed", call)

    def test_writers(self):
        for name, value, error, text in [
                ("size", 1000, OSError, "data_size|size"), ("size", -1, ValueError, "-1: a number"),
                ("rings", 5000, OSError, "ring"), ("clock", 99, OSError, "clock"),
                ("name", "x" * 32, OSError, "name"), ("schema", "text", TypeError, ""),
                ("schema", bytes((1 << 20) + 1), OSError, "schema"),
                ("nonsense", 1, TypeError, "nonsense")]:
            with self.subTest(name=name, value=value):
                self.fails(error, text, ring.Writer, **{name: value})
        writer, reader = self.pair()
        self.fails_with(errno.EMSGSIZE, writer.publish, bytes(reader.info.payload_max + 1))
        self.fails_with(errno.ENOENT, writer.publish, b"", ring=1)
        self.fails(ValueError, "65536: a number from 0 to 65535", writer.publish, b"", 65536)
        self.fails(TypeError, "", writer.publish, "text")
        self.fails(ValueError, "-1: a number", writer.publish, b"", ts_ns=-1)
        writer.publish(b"", ts_ns=1000)
        self.fails_with(errno.EINVAL, writer.publish, b"", ts_ns=999)
        self.assertEqual((reader.stats.published, reader.stats.dropped), (1, 1))
        self.fails_with(errno.EINVAL, writer.serve)
        self.fails_with(errno.EINVAL, writer.adopt)
        self.fails_with(errno.EINVAL, writer.listen, "bad name")
        self.fails_with(errno.EINVAL, writer.listen, "x", permissions=0o777)
        self.fails(ValueError, "-1: a number", writer.listen, "x", group=-1)
        writer.start_serving("twice")
        self.fails(RuntimeError, "served by a thread already", writer.start_serving, "again")
        writer.close()
        writer.close()
        self.assertTrue(writer.closed)
        for call in (lambda: writer.publish(b""), lambda: writer.fds, writer.serve, writer.adopt,
                     lambda: writer.listen("x"), writer.__enter__):
            self.fails(ValueError, "the writer is closed", call)

    def test_schemas(self):
        self.fails_with(errno.EPROTO, ring.Schema, b"no schema")
        self.fails(TypeError, "", ring.Schema, "text")
        self.fails_with(errno.ENOENT, ring.schema_from_file, "/nowhere/x.o")
        self.fails_with(errno.EPROTO, ring.schema_from_file, __file__)
        # Any process can set any bytes as its ring's schema.
        writer = ring.Writer(size=1 << 16, schema=b"no schema")
        self.addCleanup(writer.close)
        writer.publish(b"payload")
        with ring.Reader(writer.fds) as reader:
            record = reader.read()
            self.assertEqual((record.payload, record.name, record.fields), (b"payload",) +
                             (None,) * 2)
            self.fails_with(errno.EPROTO, lambda: reader.schema)


class Others(Case):
    def round(self, schema):
        """Uses everything, and each kind of failure."""
        writer = ring.Writer("leak", size=1 << 16, schema=schema)
        fd = writer.listen("leak")
        reader = ring.Reader(writer.fds, types=[1, 2, 5])
        for i in range(20):
            writer.publish(bytes(range(1, 251)) * 4, 1 + i % 2)
        batch = reader.read_batch(5)
        columns = [batch.seqs, batch.offsets, memoryview(batch)]
        self.assertEqual(len([r.fields["u32" if r.type == 1 else "n"] for r in batch]),
                         len(columns) + 2)
        for record in (reader.read(), reader.newest(), next(reader)):
            repr((record, record.fields, record.extra, reader.stats, reader.info, reader.schema,
                  reader.stats_at(0), reader.fileno(), str(reader.schema), fd))
        for call in (lambda: reader.schema.decode(9, b""), lambda: reader.schema.decode(1, b""),
                     lambda: ring.Reader("nothere"), lambda: writer.publish(bytes(1 << 16)),
                     lambda: ring.Reader(writer.fds, types=[1, -1]), lambda: ring.Schema(b"x"),
                     lambda: ring.Writer(size=3), lambda: batch[99], lambda: reader.seek(9),
                     lambda: writer.listen("x", group=-1), lambda: ring.Reader(writer.fds, ring=7)):
            with self.assertRaises((OSError, ValueError, IndexError)):
                call()
        writer.serve()
        if len(schema) % 2:
            reader.close()
        writer.close()

    def test_leaks(self):
        """Neither objects, memory nor descriptors stay behind."""
        schema = Reading.schema(self)
        for _ in range(30):
            self.round(schema)
        gc.collect()
        fds, before = descriptors(), resident()
        tracemalloc.start()
        first = None
        for i in range(300):
            self.round(schema)
            if i == 50:
                gc.collect()
                first = tracemalloc.get_traced_memory()[0]
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - first
        tracemalloc.stop()
        self.assertEqual(descriptors(), fds)
        # 250 rounds: an object that stays each time would be more.
        self.assertLess(grown, 250 * 16)
        # A batch has 256 KiB, and a mapped ring 64 KiB.
        self.assertLess(resident() - before, 300 * 8192)

    def test_types_are_described(self):
        """_ring.pyi has each name of the module and of its classes, and no other."""
        def public(names):
            return {n for n in names if not n.startswith("_")}
        tree = ast.parse((TOP / "libring/python/ring/_ring.pyi").read_text(encoding="utf-8"))
        names = set()
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                names.add(node.name)
                cls = getattr(ring._ring, node.name)
                own = {n.name if isinstance(n, ast.FunctionDef) else n.target.id
                       for n in node.body if not isinstance(n, ast.Expr)}
                self.assertEqual(public(own), public(vars(cls)) -
                                 {"n_fields", "n_sequence_fields", "n_unnamed_fields"}, node.name)
            elif isinstance(node, ast.FunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.AnnAssign):
                names.add(node.target.id)
        self.assertEqual(public(names), public(dir(ring._ring)))
        self.assertEqual(set(ring.__all__), public(names))
        self.assertTrue((BUILD / "python/ring/py.typed").exists())


def sanitize():
    """Python itself is built without the sanitizer, whose library must come first all the same."""
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True,
                             capture_output=True, text=True).stdout.strip()
    # Python leaves objects to the end of its process. Its own allocator would hide overflows.
    os.environ.update(LD_PRELOAD=library, PYTHONMALLOC="malloc",
                      ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=1")


class Result(unittest.TextTestResult):
    """One line for each test."""

    def addSuccess(self, test):
        print(f"ok python-{test._testMethodName[5:]}", flush=True)

    def tell(self, test, error):
        text = self._exc_info_to_string(error, test).strip().splitlines()
        print("".join(f"# {line}\n" for line in text), end="")
        name = getattr(test, "_testMethodName", None) or test.test_case._testMethodName
        print(f"not ok python-{name[5:]} - {text[-1][:500]}", flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.tell(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.tell(test, err)


def main():
    global BUILD, ring
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build/native")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    BUILD = options.build.resolve()
    libraries = os.environ.get("LD_LIBRARY_PATH", "")
    if os.path.realpath(sys.executable) != os.path.realpath(PYTHON) or str(BUILD) not in libraries:
        os.environ["LD_LIBRARY_PATH"] = str(BUILD)
        os.environ["PYTHONPATH"] = str(BUILD / "python")
        if BUILD.name == "asan":
            sanitize()
        os.execv(PYTHON, [PYTHON, "-X", "dev", __file__, *sys.argv[1:]])
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(BUILD / "python"))
    ring = importlib.import_module("ring")
    suite = unittest.TestSuite()
    for case in (Reading, Waiting, Processes, Rejecting, Others):
        for name in unittest.defaultTestLoader.getTestCaseNames(case):
            if not options.tests or name[5:] in options.tests:
                suite.addTest(case(name))
    with open(os.devnull, "w", encoding="utf-8") as null:
        result = unittest.TextTestRunner(stream=null, resultclass=Result).run(suite)
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
abi.py [--build DIR] [--seed N] [TEST...]: tests the reader in Python, which was written from
docs/reference/abi.md and schema.md, on rings that C programs write, and compares it with ringctl.
So it tests the pages. Prints ok or not ok for each test.
"""
import argparse
import errno
import fcntl
import json
import mmap
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zlib

# No __pycache__ in the tree.
sys.dont_write_bytecode = True
import ring
import schema

TOP = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 120  # seconds for any condition: generous, since the machine may be busy
OPTIONS = None


class Failed(Exception):
    """A condition that does not hold."""


class Skipped(Exception):
    """A test that cannot run here."""


def need(good, why):
    if not good:
        raise Failed(why)


def until(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        need(time.monotonic() < end, f"{what}: not within {LIMIT} s")
        time.sleep(0.005)


def payload(n):
    """Content and length follow from the number; no two parts of it are alike."""
    return struct.pack("=Q", n) + b"".join(
        struct.pack("=I", zlib.crc32(struct.pack("=QI", n, i))) for i in range(n * 7 % 29))


def is_whole(record):
    return record.payload == payload(record.seq)


def frame(kind, data):
    return struct.pack("=II", kind, len(data)) + data


class Writer:
    """A process in C that serves a ring."""

    def __init__(self, name, *options):
        self.process = subprocess.Popen(
            [OPTIONS.build / "tests/abi/writer", "--name", name, *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        need(self.process.stdout.readline() == b"ready\n", "the writer is not ready")

    def feed(self, frames, then_end=False):
        self.process.stdin.write(frames)
        self.process.stdin.flush()
        if then_end:
            self.process.stdin.close()

    def feed_later(self, frames):
        thread = threading.Thread(target=self.feed, args=(frames, True))
        thread.start()
        return thread

    def result(self):
        """Records published and refused, and microseconds."""
        self.process.stdin.close()
        out = self.process.stdout.read().decode()
        need(self.process.wait(LIMIT) == 0, "the writer failed")
        return tuple(map(int, re.findall(r"\d+", out)))

    def close(self):
        self.process.kill()
        self.process.wait()
        for f in (self.process.stdin, self.process.stdout):
            try:
                f.close()
            except BrokenPipeError:
                pass


def account(reader, published):
    """Read and lost are all that was published, in each ring and in all."""
    for r in reader.rings:
        need(r.first + r.read + r.lost_total + r.lost == r.seq, f"ring {r.number}: gaps")
        need(r.seq == r.published() + 1, f"ring {r.number}: ends at {r.seq}, {r.published()}")
    read = sum(r.read for r in reader.rings)
    lost = sum(r.lost_total for r in reader.rings)
    need(read + lost == published, f"read {read} + lost {lost}, not {published}")
    return read, lost


def test_live(use):
    """A ring by name, while a program in C writes 25,000 records a second."""
    n = 75000
    writer = use(Writer("live", "--size", 1 << 20, "--rate", 25000))
    reader = use(ring.Reader("live"))
    need(reader.header.name.rstrip(b"\0") == b"live", "name")
    thread = writer.feed_later(b"".join(frame(i % 5, payload(i)) for i in range(1, n + 1)))
    seq = last_ns = 0
    for record in reader:
        need(record.seq == seq + 1 + record.lost, f"{record.seq} after {seq}")
        need(is_whole(record) and record.type == record.seq % 5, f"record {record.seq} is torn")
        need(record.ts_ns >= last_ns, "times")
        seq, last_ns = record.seq, record.ts_ns
    thread.join()
    published, refused, us = writer.result()
    need((published, refused) == (n, 0), f"published {published}")
    need(seq == n and reader.rings[0].first == 1, f"ends at {seq}")
    read, lost = account(reader, n)
    return f"read {read}, lost {lost}; {published * 1000000 // us} records a second"


def test_loss(use):
    """A reader that stops loses records, counts them, and loses none while it keeps up."""
    n = 40000
    writer = use(Writer("loss"))
    reader = use(ring.Reader("loss"))
    thread = writer.feed_later(b"".join(frame(1, payload(i)) for i in range(1, n + 1)))
    seq = 0
    for record in reader:
        need(record.seq == seq + 1 + record.lost, f"{record.seq} after {seq}")
        need(is_whole(record), f"record {record.seq} is torn")
        seq = record.seq
        if record.seq < n // 2 and reader.rings[0].read % 500 == 0:
            target = reader.rings[0].pos + 2 * reader.header.data_size
            until(lambda: reader.rings[0].load(ring.HEAD) >= target or
                  reader.rings[0].published() == n, "the writer stands")
    thread.join()
    need(writer.result()[:2] == (n, 0), "not all was published")
    read, lost = account(reader, n)
    need(lost and reader.rings[0].overruns, "nothing was lost")
    return f"read {read}, lost {lost} in {reader.rings[0].overruns} overruns"


class SlowCopy:
    """Copies half of a payload, lets the writer overtake, and copies the rest."""

    def __init__(self, r, publish):
        self.ring, self.publish = r, publish
        self.whole_copy = r.copy
        self.torn = self.calls = 0

    def __call__(self, start, length):
        r = self.ring
        self.calls += 1
        half = self.whole_copy(start, length // 2)
        if self.calls % 20 == 10:
            self.publish()
            until(lambda: r.ctl[ring.TAIL] > r.pos + r.size or r.is_dead(),
                  "the writer stands")
        got = half + self.whole_copy(start + length // 2, length - length // 2)
        self.torn += got != payload(struct.unpack_from("=Q", got)[0] if length >= 8 else 0)
        return got


def test_torn(use):
    """A payload that is overwritten during its copy is never delivered."""
    n = 60000
    writer = use(Writer("torn"))
    reader = use(ring.Reader("torn"))
    r = reader.rings[0]
    frames = [b"".join(frame(1, payload(i)) for i in range(first, last))
              for first, last in ((1, 101), (101, 20001), (20001, 40001), (40001, n + 1))]
    writer.feed(frames.pop(0))

    def publish():
        if frames:
            writer.feed(frames.pop(0))
        else:
            writer.process.stdin.close()
    r.copy = SlowCopy(r, publish)
    for record in reader:
        need(is_whole(record), f"record {record.seq} is torn")
    need(writer.result()[:2] == (n, 0), "not all was published")
    read, lost = account(reader, n)
    need(r.copy.torn >= 3, f"{r.copy.torn} copies were torn, so the test has shown little")
    torn = r.copy.torn
    del r.copy
    return f"read {read}, lost {lost}; {torn} torn copies were thrown away"


def test_end(use):
    """The end counts what was lost last, and comes after a killed writer's last record."""
    writer = use(Writer("end"))
    reader = use(ring.Reader("end"))
    records = iter(reader)
    writer.feed(frame(1, payload(1)))
    need(next(records).seq == 1, "first record")
    writer.feed(b"".join(frame(1, payload(i)) for i in range(2, 20001)))
    need(writer.result()[0] == 20000, "published")
    rest = list(records)
    need(rest[-1].seq == 20000 and rest[0].lost, f"{rest[0]}")
    read, lost = account(reader, 20000)

    writer = use(Writer("killed"))
    reader = use(ring.Reader("killed"))
    writer.feed(b"".join(frame(1, payload(i)) for i in range(1, 101)))
    until(lambda: reader.rings[0].published() == 100, "100 records")
    writer.process.kill()
    need([r.seq for r in reader] == list(range(1, 101)), "after the kill")
    need(not reader.rings[0].is_dead() and reader.gone, "who ended the ring?")
    # An empty ring ends, too.
    writer = use(Writer("empty"))
    reader = use(ring.Reader("empty"))
    writer.result()
    need(not list(reader) and reader.rings[0].published() == 0, "an empty ring")
    return f"read {read}, lost {lost}"


def test_dropped(use):
    """A record that the writer dropped has taken no seq."""
    writer = use(Writer("dropped"))
    reader = use(ring.Reader("dropped"))
    too_long = bytes(reader.header.payload_max + 1)
    writer.feed(b"".join(frame(1, payload(i)) + frame(1, too_long) for i in range(1, 51)))
    need(writer.result()[:2] == (50, 50), "published, refused")
    got = list(reader)
    need([r.seq for r in got] == list(range(1, 51)) and all(map(is_whole, got)), "seqs")
    need(reader.rings[0].load(ring.DROPPED + 1) == 50, "counted as too big")
    account(reader, 50)


def test_join(use):
    """A reader that comes later finds the oldest record by tail, and a longest record whole."""
    writer = use(Writer("join"))
    first = use(ring.Reader("join"))
    longest = os.urandom(first.header.payload_max)
    writer.feed(b"".join(frame(1, payload(i)) for i in range(1, 5001)) + frame(2, longest))
    until(lambda: first.rings[0].published() == 5001, "5001 records")
    reader = use(ring.Reader("join"))
    writer.result()
    got = list(reader)
    need(got[0].seq > 1 and not got[0].lost and got[-1].payload == longest, "records")
    need(all(map(is_whole, got[:-1])), "a torn record")
    account(reader, 5001 - got[0].seq + 1)


class Pinned:
    """A process in C that pins a ring of BPF programs."""

    def __init__(self, use):
        directory = tempfile.mkdtemp(prefix="seqring_abi_", dir="/sys/fs/bpf")
        self.directory = os.environ["RINGBPFDIR"] = directory
        self.process = subprocess.Popen([OPTIONS.build / "tests/abi/pinned"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        use(self)
        self.published = 0
        first = self.process.stdout.readline()
        if first.startswith("skip"):
            raise Skipped(first.partition(" - ")[2].strip())
        if first != "0\n":
            raise Failed(first + self.process.stderr.read())

    def publish(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.published = int(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        need(self.process.wait(LIMIT) == 0, "the loader failed")

    def close(self):
        self.process.kill()
        self.process.wait()
        for f in (self.process.stdin, self.process.stdout, self.process.stderr):
            f.close()
        shutil.rmtree(self.directory)
        os.environ.pop("RINGBPFDIR", None)


def is_pinned(record, known):
    fields = known.decode(record.type, record.payload)[1]
    n = fields["n"]
    return fields == {"n": n, "again": ~n & 2**64 - 1, "check": n * 2654435761 & 2**64 - 1}


def refuses_other_mappings(path):
    """What abi.md says of other ways to map a pin."""
    fd = ring.get_pin(path)
    for flags, prot, error in ((mmap.MAP_PRIVATE, mmap.PROT_READ, errno.EINVAL),
                               (mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, errno.EPERM)):
        try:
            mmap.mmap(fd, mmap.PAGESIZE, flags, prot)
            raise Failed(f"mapped with {flags}, {prot}")
        except OSError as e:
            need(e.errno == error, f"{e} of {flags}, {prot}")
    os.close(fd)


def test_pinned(use):
    """A ring of BPF programs by name: a map, with one ring for each CPU."""
    if not os.path.isdir("/sys/fs/bpf") or os.geteuid():
        raise Skipped("root and a BPF file system are needed")
    for end in ("end", "kill"):
        writer = Pinned(use)
        reader = use(ring.Reader("abi"))
        refuses_other_mappings(f"{writer.directory}/abi/ring")
        known = schema.Schema(reader.schema)
        # More than the rings hold, and then what they hold.
        for _ in range(60):
            writer.publish(1000)
        thread = threading.Thread(target=lambda: (time.sleep(0.2), writer.publish(300)))
        thread.start()
        got, stop = 0, None
        for record in reader:
            need(is_pinned(record, known), f"{record}")
            got += 1
            if stop is None and writer.published == 60300:
                thread.join()
                stop = writer.end if end == "end" else writer.process.kill
                stop()
        read, lost = account(reader, 60300)
        need(got == read and lost and len([r for r in reader.rings if r.read]) ==
             os.cpu_count(), f"rings {[r.read for r in reader.rings]}")
        reader.close()
        use.open.remove(reader)
    return f"read {read}, lost {lost}, {len(reader.rings)} rings"


def compile_schema(directory):
    obj, out = directory / "records.o", directory / "records.schema"
    subprocess.run(["clang", "-target", "bpf", "-g", f"-I{TOP}/include", "-idirafter",
                    f"/usr/include/{os.uname().machine}-linux-gnu", "-c",
                    TOP / "tests/abi/records.schema.c", "-o", obj], check=True)
    subprocess.run([OPTIONS.build / "ringctl", "schema", obj, "-o", out], check=True)
    return out


HOSTILE = [b"\0", b"\0\0", b"\xff" * 8, b"\n", b'"\\', "ä€😀".encode(), b"\xed\xa0\x80", b"\xc0\x80",
           b"\x1b[31m", "\u202e".encode(), struct.pack("=d", float("nan")),
           struct.pack("=d", -float("inf")), struct.pack("=f", float("inf")),
           struct.pack("=f", 1e-45), struct.pack("=d", 5e-324), struct.pack("=d", 0.1),
           struct.pack("=f", 0.1), struct.pack("=q", -3), struct.pack("=q", -2**63)]


def hostile_bytes(length):
    out = b""
    while len(out) < length:
        out += random.choice(HOSTILE) if random.random() < 0.5 else random.randbytes(
            random.choice((1, 4, 8)))
    return out[:length]


def test_decoded(use):
    """Records with hostile values decode as ringctl cat --json decodes them."""
    path = compile_schema(use.directory)
    writer = use(Writer("decoded", "--size", 1 << 22, "--schema", path))
    reader = use(ring.Reader("decoded"))
    need(reader.schema == path.read_bytes(), "the schema in the ring is another one")
    known = schema.Schema(reader.schema)
    frames = []
    for kind in [*known.records, 7]:
        size = known.records[kind][1].size if kind in known.records else 20
        for i in range(250 if kind == 1 else 120):
            length = size if i % 3 else random.randrange(size + 40)
            frames.append(frame(kind, hostile_bytes(length)))
    random.shuffle(frames)
    writer.feed(b"".join(frames))
    until(lambda: reader.rings[0].published() == len(frames), "all records")
    out = subprocess.run([OPTIONS.build / "ringctl", "cat", "decoded", "--json", "--no-follow",
                          "--quiet"], check=True, capture_output=True, timeout=LIMIT).stdout
    wanted = [json.loads(line) for line in out.decode().splitlines()]
    writer.result()
    got = [schema.as_json(r, known) for r in reader]
    need(len(got) == len(wanted) == len(frames), f"{len(got)} of {len(wanted)}")
    for mine, theirs in zip(got, wanted):
        need(mine == theirs, f"{mine} {theirs}")
        need(list(mine) == list(theirs) and list(mine.get("fields", [])) ==
             list(theirs.get("fields", [])), "the order of the members")
    decoded = sum("fields" in r for r in got)
    extra, errors = sum("extra" in r for r in got), sum("error" in r for r in got)
    need(decoded and extra and errors, "not all kinds of records came")
    return f"{decoded} decoded, {extra} with extra, {errors} with an error"


def test_strings(use):
    """What schema.md says of characters, strings, enumerators and numbers, by example."""
    path = compile_schema(use.directory)
    known = schema.Schema(path.read_bytes())

    def fields(kind, data):
        return known.decode(kind, data)[1]

    def every(at, data):
        t = known.records[1][1]
        offset = [m[2] for m in t.members if m[0] == at][0] // 8
        return fields(1, (bytes(offset) + data).ljust(t.size, b"\0"))[at]
    need(fields(3, b"\1\0a\0\0b")["argv"] == ["a", "", "b"], "the last string without a zero")
    need(fields(3, b"\1\0a\0")["argv"] == ["a"] and fields(3, b"\1\0")["argv"] == [], "strings")
    need(every("words", b"a\0\0b\0\0\0") == ["a", "", "b"], "zeros that pad an array")
    need(every("signed_chars", b"\xffA\0") == [-1, 65, 0], "signed char")
    need(every("letter", b"\xff") == {"hex": "ff"} and every("letter", b"A") == "A", "char")
    need(every("level", struct.pack("=i", -3)) == "LOW" and
         every("level", struct.pack("=i", -4)) == -4, "enumerators")
    need(every("levels", struct.pack("=i", 5))[0] == "HIGH", "two names of one value")
    need(every("twice", struct.pack("=d", -float("inf"))) == "-inf", "inf")
    need(every("single", struct.pack("=f", 0.1)) == 0.1, "the shortest number")


def copy_of(data):
    """A sealed memfd with these bytes."""
    fd = os.memfd_create("copy", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW |
                0x10 | fcntl.F_SEAL_SEAL)
    return fd


HEADER_CHANGES = [
    ("magic", 0), ("version", 7), ("version", 0), ("compat_version", 0), ("compat_version", 2),
    ("features", 1 << 40), ("features_required", 1), ("features_required", 1 << 50),
    ("header_size", 511), ("header_size", 4096), ("header_size", 4097), ("page_size", 8192),
    ("page_size", 0), ("nr_rings", 0), ("nr_rings", 2), ("nr_rings", 4097), ("clock_id", 99),
    ("total_size", 4097), ("total_size", 1 << 40), ("ring_offset", 0), ("ring_offset", 4097),
    ("ring_offset", 1 << 63), ("ring_stride", 0), ("ring_stride", 4097), ("ring_stride", 1 << 63),
    ("data_offset", 0), ("data_offset", 100), ("data_offset", (1 << 64) - 4096),
    ("data_size", 1 << 15), ("data_size", 3 << 15), ("data_size", 1 << 31), ("nr_segments", 8),
    ("record_header_size", 32), ("record_align", 16), ("payload_max", 0),
    ("payload_max", 16360), ("payload_max", 16361), ("payload_max", 1), ("schema_offset", 4096),
    ("schema_size", 10), ("writer_kind", 1), ("writer_kind", 2), ("writer_kind", 9),
    ("reserved", 5), ("reserved1", 5)]


def test_headers(use):
    """libring and this reader refuse the same headers."""
    use(Writer("headers"))
    reader = use(ring.Reader("headers"))
    whole = bytes(reader.map)
    refused = 0
    for field, value in [(None, None), *HEADER_CHANGES]:
        h = reader.header._replace(**{field: value}) if field else reader.header
        fd = copy_of(ring.HEADER.pack(*h) + whole[ring.HEADER.size:])
        theirs = subprocess.run([OPTIONS.build / "ringctl", "info", f"/proc/{os.getpid()}/fd/{fd}"],
                                capture_output=True, check=False, timeout=LIMIT)
        try:
            ring.check_header(h, ring.memfd_size(fd))
            # Only a kind that has another way of opening is wrong.
            mine = h.writer_kind not in (1, 2)
        except ring.NotARing:
            mine = False
        os.close(fd)
        need(mine == (theirs.returncode == 0), f"{field} = {value}: ringctl says {theirs}")
        refused += not mine
    need(refused > 25, "nothing is wrong")
    fd = os.memfd_create("unsealed")
    try:
        ring.memfd_size(fd)
        raise Failed("a memfd without seals is accepted")
    except (ring.NotARing, OSError):
        return f"{refused} of {len(HEADER_CHANGES)} refused"
    finally:
        os.close(fd)


def test_greetings(use):
    """What is no greeting is refused, and an errno in it is told."""
    path = str(use.directory / "bad")
    listener = use(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
    listener.bind(path)
    listener.listen()
    good = struct.pack("=QIIQ", ring.MAGIC, 1, 0, 0)
    cases = [(b"", ring.NotARing), (good[:8], ring.NotARing),
             (struct.pack("=QIIQ", 5, 1, 0, 0), ring.NotARing),
             (struct.pack("=QIIQ", ring.MAGIC, 2, 0, 0), ring.NotARing),
             (struct.pack("=QIIQ", ring.MAGIC, 1, 87, 0), ConnectionRefusedError),
             (good, ring.NotARing)]
    for data, error in cases:
        def answer(message=data):
            conn = listener.accept()[0]
            if message:
                conn.send(message)
            conn.close()
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            ring.Reader(path)
            raise Failed(f"{data} is accepted")
        except error:
            pass
        finally:
            thread.join()
    need(len(os.listdir("/proc/self/fd")) < 100, "descriptors stay open")


def test_names(use):
    """$RINGDIR is the only place if it is set; else the user's own directory comes first."""
    old = dict(os.environ)
    run = use.directory / "run"
    (run / "seqring").mkdir(parents=True)
    run.chmod(0o700)
    try:
        del os.environ["RINGDIR"]
        os.environ["XDG_RUNTIME_DIR"] = str(run)
        use(Writer("where"))
        need((run / "seqring/where").is_socket(), "the writer is elsewhere")
        use(ring.Reader("where"))
        run.chmod(0o720)
        need(ring.socket_dirs() == ["/run/seqring"], "another user could put sockets there")
        os.environ["RINGDIR"] = old["RINGDIR"]
        need(ring.socket_dirs() == [old["RINGDIR"]], "$RINGDIR")
        for name, error in (("where", FileNotFoundError), (".x", ValueError),
                            ("x" * 32, ValueError), ("", ValueError)):
            try:
                ring.Reader(name)
                raise Failed(f"{name!r} is accepted")
            except error:
                pass
    finally:
        os.environ.clear()
        os.environ.update(old)


class Use:
    """What a test opens is closed behind it, the last one first."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="abi."))
        (self.directory / "rings").mkdir()
        os.environ["RINGDIR"] = str(self.directory / "rings")
        self.open = []

    def __call__(self, thing):
        self.open.append(thing)
        return thing

    def close(self):
        while self.open:
            self.open.pop().close()
        shutil.rmtree(self.directory, ignore_errors=True)


def run_test(name, test):
    """Return: whether it passed."""
    use = Use()
    begin = time.monotonic()
    try:
        note = test(use)
        if note:
            print(f"# {name}: {note}")
        print(f"ok abi-{name}", flush=True)
    except Skipped as e:
        print(f"skip abi-{name} - {e}", flush=True)
    except Exception as e:  # pylint: disable=broad-except
        if not isinstance(e, Failed):
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
        why = " ".join(str(e).split())[:1000]
        print(f"not ok abi-{name} - {why} (--seed {OPTIONS.seed})", flush=True)
        return False
    finally:
        use.close()
        print(f"# {name}: {time.monotonic() - begin:.1f} s", flush=True)
    return True


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build/native")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("tests", nargs="*")
    OPTIONS = parser.parse_args()
    OPTIONS.build = OPTIONS.build.resolve()
    random.seed(OPTIONS.seed)
    # Who started this may ignore it, as nohup does.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    tests = {n[5:]: f for n, f in globals().items() if n.startswith("test_")}
    for name in set(OPTIONS.tests) - set(tests):
        parser.error(f"no test {name}; the tests are {' '.join(tests)}")
    passed = [run_test(n, tests[n]) for n in OPTIONS.tests or tests]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())

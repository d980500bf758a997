# SPDX-License-Identifier: GPL-2.0-only
"""A reader of rings in pure Python, written from docs/reference/abi.md.

It polls: Python has no atomic operations, which a reader needs to sleep.
"""
import array
import collections
import ctypes
import errno
import fcntl
import mmap
import os
import platform
import re
import select
import socket
import stat
import struct

MAGIC = 0x31474e4952514553
HEADER = struct.Struct("=QIIQQIIIIQQQQQIIIIQQIIQQqQ32s")
FIELDS = ("magic version compat_version features features_required header_size page_size "
          "nr_rings clock_id total_size ring_offset ring_stride data_offset data_size "
          "nr_segments record_header_size record_align payload_max schema_offset schema_size "
          "writer_kind reserved owner owner_pidns clock_offset_ns reserved1 name")
MEMFD, BPF = 3, 2
HEAD, LAST, SEQ, TAIL, SEGMENTS, DROPPED = 0, 1, 2, 16, 24, 48
STATE = 456 // 4
SEALS = 0x2 | 0x4 | 0x1   # against shrinking, growing and the change of the seals
DEAD = PAD = 1
POLL_MS = 2

Header = collections.namedtuple("Header", FIELDS)
Record = collections.namedtuple("Record", "ring seq ts_ns type lost payload")


class NotARing(Exception):
    """What was opened is no ring, or one of another version."""


class Corrupt(Exception):
    """The ring's bytes do not follow the protocol."""


def find_fence():
    """On x86-64 loads stay in order. Elsewhere a function in machine code executes the fence."""
    if platform.machine() == "x86_64":
        return lambda: None
    function = ctypes.CDLL("libatomic.so.1").atomic_thread_fence
    return lambda: function(2)


fence = find_fence()


def socket_dirs():
    own = os.environ.get("RINGDIR")
    if own:
        return [own]
    dirs = []
    run = os.environ.get("XDG_RUNTIME_DIR")
    if run:
        try:
            st = os.stat(run)
        except OSError:
            st = None
        if st and stat.S_ISDIR(st.st_mode) and st.st_uid == os.geteuid() and not st.st_mode & 0o022:
            dirs.append(run + "/seqring")
    return dirs + ["/run/seqring"]


def bpf_dir():
    return os.environ.get("RINGBPFDIR") or "/sys/fs/bpf/seqring"


def connect(path):
    """Returns the connection, and the descriptor of the ring's memfd."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        s.settimeout(5)
        s.connect(path)
        data, control, _, _ = s.recvmsg(24, socket.CMSG_LEN(12))
        fds = array.array("i")
        for level, kind, value in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(value[:len(value) - len(value) % 4])
        try:
            if len(data) < 16 or struct.unpack_from("=Q", data)[0] != MAGIC:
                raise NotARing(f"{path}: no greeting")
            version, error = struct.unpack_from("=II", data, 8)
            if version != 1:
                raise NotARing(f"{path}: greeting of version {version}")
            if error:
                raise OSError(errno.ECONNREFUSED, os.strerror(error), path)
            if len(fds) != 3:
                raise NotARing(f"{path}: {len(fds)} descriptors")
            s.setblocking(False)
            return s, os.dup(fds[0])
        finally:
            for fd in fds:
                os.close(fd)
    except BaseException:
        s.close()
        raise


def memfd_size(fd):
    """The size, which nobody can change: a memfd that could shrink would kill this process."""
    if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & SEALS != SEALS:
        raise NotARing("the memfd is not sealed")
    return os.fstat(fd).st_size


def get_pin(path):
    """bpf(BPF_OBJ_GET) with flags 0."""
    numbers = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351}
    name = ctypes.create_string_buffer(os.fsencode(path))
    attr = ctypes.create_string_buffer(struct.pack("=QII", ctypes.addressof(name), 0, 0), 120)
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    fd = call(numbers[platform.machine()], 7, attr, ctypes.c_uint(16))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    return fd


def map_size(fd):
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as f:
        info = dict(re.findall(r"^(\w+):\s*(\w+)", f.read(), re.M))
    return (int(info["value_size"]) + 7 & ~7) * int(info["max_entries"])


def check_header(h, size):
    """Raises NotARing unless the header agrees with itself and with the size of the file."""
    def need(good, what):
        if not good:
            raise NotARing(what)

    page = h.page_size
    need(h.magic == MAGIC, "magic")
    need(1 <= h.compat_version <= h.version and h.compat_version <= 1, "compat_version")
    need(not h.features_required, "features_required")
    need(page == mmap.PAGESIZE, "page_size")
    need(512 <= h.header_size <= page, "header_size")
    need(h.total_size % page == 0 and h.total_size <= size, "total_size")
    need(1 <= h.nr_rings <= 4096, "nr_rings")
    need(2**16 <= h.data_size <= 2**30 and not h.data_size & h.data_size - 1, "data_size")
    need(h.nr_segments == 16 and h.record_header_size == 24 and h.record_align == 8, "constants")
    need(1 <= h.payload_max <= h.data_size // 4 - 24, "payload_max")
    need(not (h.ring_offset % page or h.ring_stride % page or h.data_offset % page), "offsets")
    need(h.ring_offset >= page and h.data_offset >= page, "offsets")
    span = h.data_offset + h.data_size
    end = h.ring_offset + h.ring_stride * (h.nr_rings - 1) + span
    need(h.ring_stride >= span and end <= h.total_size, "rings")
    if h.schema_offset:
        need(1 <= h.schema_size <= 2**20, "schema_size")
        after = h.schema_offset + h.schema_size
        need(h.schema_offset >= h.header_size and after <= h.total_size, "schema_offset")
        need(after <= h.ring_offset or h.schema_offset >= end, "schema_offset")
    else:
        need(not h.schema_size, "schema_size")


class Ring:
    """The place of a reader in one ring."""

    def __init__(self, number, memory, h):
        start = h.ring_offset + number * h.ring_stride
        self.number = number
        # An index of such a view is one load of 8 bytes, or of 4.
        self.ctl = memory[start:start + 512].cast("Q")
        self.halves = memory[start:start + 512].cast("I")
        self.bytes = memory[start + h.data_offset:start + h.data_offset + h.data_size]
        self.data = self.bytes.cast("Q")
        self.size = h.data_size
        self.payload_max = h.payload_max
        self.pos = self.snap = 0
        self.seq = self.first = 0   # 0: not known
        self.any = True             # accept any later stamp
        self.lost = 0               # before the next record
        self.read = self.lost_total = self.overruns = 0
        self.jumped_to, self.margin = 0, 8
        self.join()

    def load(self, index):
        value = self.ctl[index]
        fence()
        return value

    def is_dead(self):
        state = self.halves[STATE]
        fence()
        return state & DEAD

    def intact(self):
        fence()
        return self.ctl[TAIL] <= self.pos

    def join(self):
        """Goes to the oldest record. What is lost from here on counts."""
        for _ in range(64):
            self.pos = self.load(TAIL)
            stamp = self.data[self.pos % self.size // 8]
            if self.intact():
                self.seq = self.first = stamp or int(not self.pos)
                return

    def copy(self, start, length):
        """Step 5; a test replaces it."""
        return bytes(self.bytes[start:start + length])

    def look(self):
        """Step 1. Returns "record", "empty" or "end"."""
        if self.pos < self.snap:
            return "record"
        self.snap = self.load(HEAD)
        if self.pos < self.snap:
            return "record"
        if not self.is_dead():
            return "empty"
        self.snap = self.load(HEAD)
        return "record" if self.pos < self.snap else "end"

    def step(self):
        """Steps 1 to 7. Returns a Record, "empty", "end", "again" or "overrun"."""
        found = self.look()
        if found != "record":
            return found
        at = self.pos % self.size
        room = self.size - at
        stamp = self.data[at // 8]
        fence()
        if stamp != self.seq or self.any:
            if not self.intact():
                return "overrun"
            if not stamp or not self.any or stamp < self.seq:
                raise Corrupt(f"stamp {stamp} at {self.pos}, not {self.seq}")
            if self.seq:
                self.lost += stamp - self.seq
            else:
                self.first = stamp
            self.seq, self.any = stamp, False
        meta = self.data[at // 8 + 2]
        ts_ns = self.data[at // 8 + 1]
        if os.sys.byteorder == "little":
            length, kind, flags = meta & 0xffffffff, meta >> 32 & 0xffff, meta >> 48
        else:
            length, kind, flags = meta >> 32, meta >> 16 & 0xffff, meta & 0xffff
        if flags & PAD:
            if not self.intact():
                return "overrun"
            if not at:
                raise Corrupt(f"a PAD of a lap at {self.pos}")
            self.pos += room
            return "again"
        taken = 24 + length + 7 & ~7
        if length > self.payload_max or taken > room:
            if not self.intact():
                return "overrun"
            raise Corrupt(f"{length} bytes at {self.pos}")
        payload = self.copy(at + 24, length)
        if not self.intact():
            return "overrun"
        record = Record(self.number, self.seq, ts_ns, kind, self.lost, payload)
        self.pos += room if room - taken < 24 else taken
        self.seq += 1
        self.read += 1
        self.lost_total += self.lost
        self.lost = 0
        return record

    def jump(self):
        """After an overrun: to a record start with a margin behind tail."""
        self.overruns += 1
        near = self.pos - self.jumped_to < self.size // 16
        self.margin = self.margin // 2 if near and self.margin > 2 else 8
        want = self.load(TAIL) + self.size // self.margin
        starts = [p for p in (self.load(SEGMENTS + i) for i in range(16)) if p >= want]
        best = min(starts, default=0)
        if not best or best >= self.load(HEAD):
            best = self.load(LAST)
        if best <= self.pos or best & 7:
            raise Corrupt(f"no record start behind {self.pos}")
        self.pos = self.jumped_to = best
        self.any = True

    def next(self):
        """Returns a Record, "empty" or "end"."""
        while True:
            found = self.step()
            if found == "overrun":
                self.jump()
            elif found != "again":
                return found

    def published(self):
        return self.load(SEQ)


class Reader:
    """All rings of a name, or of the path of a socket or of BPF pins."""

    def __init__(self, where):
        self.sock = None
        self.gone = False
        self.fd = self.open(where)
        size = memfd_size(self.fd) if self.kind == MEMFD else map_size(self.fd)
        if size < mmap.PAGESIZE:
            raise NotARing(f"{where}: {size} bytes")
        with mmap.mmap(self.fd, mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ) as page:
            h = Header(*HEADER.unpack(page[:HEADER.size]))
        check_header(h, size)
        if h.writer_kind != self.kind:
            raise NotARing(f"{where}: writer_kind {h.writer_kind}")
        self.header = h
        self.map = mmap.mmap(self.fd, h.total_size, mmap.MAP_SHARED, mmap.PROT_READ)
        memory = memoryview(self.map)
        self.words = memory[:512].cast("Q")
        self.schema = bytes(memory[h.schema_offset:h.schema_offset + h.schema_size])
        self.rings = [Ring(i, memory, h) for i in range(h.nr_rings)]

    def open(self, where):
        paths = [where] if "/" in where else [f"{d}/{where}" for d in socket_dirs()]
        if "/" not in where and not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,30}", where):
            raise ValueError(f"{where}: not the name of a ring")
        for path in paths:
            if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
                self.kind = MEMFD
                self.sock, fd = connect(path)
                return fd
        for path in [where] if "/" in where else [f"{bpf_dir()}/{where}"]:
            if os.path.exists(path):
                self.kind = BPF
                return get_pin(f"{path}/ring" if os.path.isdir(path) else path)
        raise FileNotFoundError(errno.ENOENT, "no such ring", where)

    def writer_is_gone(self):
        """True if nobody is left who could publish."""
        if self.sock:
            try:
                return self.sock.recv(1, socket.MSG_PEEK) == b""
            except BlockingIOError:
                return False
            except ConnectionError:
                return True
        owner = self.words[16]
        if not owner:
            return False
        if os.stat("/proc/self/ns/pid").st_ino != self.words[17]:
            return False   # not to be found out here
        try:
            with open(f"/proc/{owner & 0xffffffff}/stat", "rb") as f:
                fields = f.read().rpartition(b")")[2].split()
        except OSError:
            return True
        return int(fields[19]) & 0xffffffff != owner >> 32 or fields[0] in (b"Z", b"X")

    def wait(self):
        if self.sock:
            poll = select.poll()
            poll.register(self.sock, select.POLLIN)
            poll.poll(POLL_MS)
        else:
            select.select([], [], [], POLL_MS / 1000)

    def __iter__(self):
        """All records until the end. Those of one ring are in order."""
        while True:
            gone = self.gone
            ended = quiet = 0
            for ring in self.rings:
                # A ring that never pauses must not hide the others.
                for _ in range(256):
                    found = ring.next()
                    if found == "end":
                        ended += 1
                    if found in ("end", "empty"):
                        quiet += 1
                        break
                    yield found
            if ended == len(self.rings) or gone and quiet == len(self.rings):
                return
            if quiet < len(self.rings):
                continue
            # Who is found gone published before: so each ring is looked at once more.
            self.gone = self.writer_is_gone()
            if not self.gone:
                self.wait()

    def close(self):
        for ring in self.rings:
            ring.ctl.release()
            ring.halves.release()
            ring.data.release()
            ring.bytes.release()
        self.words.release()
        if self.sock:
            self.sock.close()
        os.close(self.fd)

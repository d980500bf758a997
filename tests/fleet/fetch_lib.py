# SPDX-License-Identifier: GPL-2.0-only
"""Messages of agents as bytes, and ringctl fetch and audit, for the tests of the far end."""
import json
import struct
import subprocess

from agent_lib import Agent, Failed, Writer, need

HEADER = 256
CRC_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = _byte >> 1 ^ (0x82f63b78 if _byte & 1 else 0)
    CRC_TABLE.append(_byte)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


class Message:
    """A message in a file: header, then body."""

    def __init__(self, data):
        self.data = data
        self.kind = struct.unpack_from("<H", data, 10)[0]
        self.number, self.epoch = struct.unpack_from("<QQ", data, 16)

    @staticmethod
    def all_of(directory):
        """The messages of all files of a directory, in their order."""
        found = []
        for path in sorted(directory.glob("*.fleet")):
            data, at = path.read_bytes(), 0
            while at < len(data):
                need(data[at:at + 8] == b"SEQFLEET", f"{path.name}: no message at byte {at}")
                size = HEADER + struct.unpack_from("<I", data, at + 240)[0]
                need(at + size <= len(data), f"{path.name}: a message is cut at byte {at}")
                found.append(Message(data[at:at + size]))
                at += (size + 7) & ~7
        return found

    def changed(self, offset, fmt, value):
        """The bytes with another value in the header, whose checksum is right."""
        data = bytearray(self.data)
        struct.pack_into(fmt, data, offset, value)
        struct.pack_into("<I", data, 252, crc32c(data[:252]))
        return bytes(data)


def count(directory):
    """How many messages there are; 0 while one is being written."""
    try:
        return len(Message.all_of(directory))
    except Failed:
        return 0


def unique(directory):
    """The messages of a directory, after a check that each is there once."""
    found = Message.all_of(directory)
    ids = [(m.epoch, m.number) for m in found]
    need(len(ids) == len(set(ids)), f"{len(ids) - len(set(ids))} messages are there twice")
    return found


def run(place, *args, status=0, limit=120):
    """Runs ringctl. Returns what it said on standard error and output."""
    done = subprocess.run([place.ringctl, *map(str, args)], cwd=place.dir, env=place.env,
                          text=True, capture_output=True, timeout=limit, check=False)
    if done.returncode != status:
        raise Failed(f"ringctl {' '.join(map(str, args))}: status {done.returncode}, not {status}:"
                     f" {done.stderr[-800:]}")
    return done.stderr, done.stdout


def fetch(place, server, *args, status=0, out="out"):
    return run(place, "fetch", "--from", server.url, *args, out, status=status)[0]


def summary(said):
    """The numbers of the last line: written, bytes, again, aside, missing."""
    words = said.splitlines()[-1].split(": ")[-1].split()
    return [int(w) for w in words if w.isdigit()]


def audit(place, *args, status=0):
    """The rings of an audit, by name."""
    rings = json.loads(run(place, "audit", "--json", *args, status=status)[1])["rings"]
    return {r["name"]: r for r in rings}


def need_exact(ring, records):
    need(ring["read"] == ring["published"] == records and not ring["missing"] and
         not sum(ring["lost"].values()), f"{ring}, wanted {records}")


def make_messages(place, records=3000):
    """The messages of an agent that has read one ring to its end."""
    out = place.dir / "made"
    w = Writer(place, "made", records, "--size", "16M", "--linger", "forever")
    agent = Agent(place, name="maker", spool="made-spool", sink__type="file",
                  sink__directory=out, agent__batch_size="4K")
    agent.wait_metric("read_records_total", lambda n: n == records)
    w.end()
    agent.wait_metric("rings", lambda n: n == 0)
    agent.stop()
    return Message.all_of(out)


def publish(place, server, messages, stream="SEQRING_a"):
    """Publishes messages, or bytes, in their order."""
    paths = []
    for i, m in enumerate(messages):
        paths.append(place.dir / f"publish.{i}")
        paths[-1].write_bytes(m if isinstance(m, bytes) else m.data)
    tool(place, server, stream, "--publish", *paths)


def tool(place, server, stream, *args):
    done = subprocess.run([place.build / "tests/fleet/stream", server.url, stream,
                           *map(str, args)], check=False, timeout=300, text=True,
                          capture_output=True)
    need(done.returncode == 0, f"stream {args[:1]}: {done.stderr}")
    return done.stdout


def acks(place, server, stream="SEQRING_a"):
    """Up to where all is acknowledged, and how many messages are not; 0, 0 without a consumer."""
    try:
        return [int(n) for n in tool(place, server, stream, "--acks").split()]
    except Failed:
        return [0, 0]

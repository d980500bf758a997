#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
make_recording.py SEGMENT DIR NR_RINGS <LINES: writes a recording, by docs/reference/recording.md
alone, with the header and the schema of SEGMENT, a file of another recording. Each line is a record,
`RING SEQ TS_NS TYPE HEX`. A jump of the seq begins a chunk, which says that the recorder lost the
records between.
"""
import os
import struct
import sys

from recording import crc32c, u64

CHUNK_RECORDS = 200


def header(template, nr_rings):
    """The headers and the schema of a file."""
    head = bytearray(template[:u64(template, 536)])
    struct.pack_into("=I", head, 40, nr_rings)
    struct.pack_into("=Q", head, 48, u64(head, 56) + nr_rings * u64(head, 64))
    struct.pack_into("=Q", head, 528, 1)
    head[624:628] = bytes(4)
    struct.pack_into("=I", head, 624, crc32c(head))
    return bytes(head)


def chunk(offset, kind, payload):
    """A chunk that belongs to no ring."""
    head = struct.pack("=QQIIIIQQ", 0x314B4E4843514553, offset, kind, 0, 0, 0, len(payload),
                       len(payload)).ljust(120, b"\0")
    head += struct.pack("=I", crc32c(payload))
    return head + struct.pack("=I", crc32c(head)) + payload


class Ring:
    """The chunk of a ring that is not complete yet."""

    def __init__(self, number):
        self.number = number
        self.pos = 0
        self.next = 1
        self.lost = 0
        self.records = []
        self.payload = b""

    def add(self, seq, ts_ns, kind, data):
        self.records.append((seq, ts_ns))
        self.payload += struct.pack("=QQIHH", seq, ts_ns, len(data), kind, 0) + data
        self.payload += bytes(-len(self.payload) % 8)
        self.next = seq + 1

    def chunk(self, offset):
        seq, first_ns = self.records[0]
        size = len(self.payload)
        head = struct.pack("=QQIIII10Q16x", 0x314B4E4843514553, offset, 1, 0, self.number,
                           self.number, size, size, self.pos, seq, len(self.records), self.lost,
                           first_ns, self.records[-1][1], 0, 0)[:120]
        head += struct.pack("=I", crc32c(self.payload))
        head += struct.pack("=I", crc32c(head))
        self.pos += size
        out = head + self.payload
        self.records, self.payload, self.lost = [], b"", 0
        return out


def main(segment, path, nr_rings):
    with open(segment, "rb") as file:
        out = bytearray(header(file.read(), nr_rings))
    out += chunk(len(out), 2, struct.pack("=QQqQ", 0, 0, 1700000000 * 10**9, 0))
    rings = [Ring(n) for n in range(nr_rings)]
    for line in sys.stdin:
        number, seq, ts_ns, kind, text = (line.split() + [""])[:5]
        ring, seq = rings[int(number)], int(seq)
        if ring.records and (seq != ring.next or len(ring.records) == CHUNK_RECORDS):
            out += ring.chunk(len(out))
        if not ring.records:
            ring.lost = seq - ring.next
        ring.add(seq, int(ts_ns), int(kind), bytes.fromhex(text))
    for ring in rings:
        if ring.records:
            out += ring.chunk(len(out))
    out += chunk(len(out), 4, b"")
    os.mkdir(path)
    with open(os.path.join(path, "0000000001.seg"), "wb") as file:
        file.write(out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

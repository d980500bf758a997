#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
recording.py DIR: reads a recording, by docs/reference/recording.md alone. Prints for each ring
`ring N: R records, first F, last L, lost X, told T`, where X is what the gaps of the seqs say and T
what the recorder says, and then `compressed: N` chunks, `bytes torn: N`, `complete: 0 or 1`. Needs
zstd(1) for these.
"""
import os
import re
import struct
import subprocess
import sys

TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    TABLE.append(n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def u32(data, at):
    return struct.unpack_from("=I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("=Q", data, at)[0]


class Chunk:
    """The header of a chunk, and its payload."""

    def __init__(self, data, at):
        self.good = False
        if at + 128 > len(data):
            return
        magic, offset, self.type, self.compression, self.ring, _ = struct.unpack_from("=QQIIII",
                                                                                      data, at)
        self.size, self.raw_size, _, self.seq, self.records, self.lost = struct.unpack_from("=6Q", data, at + 32)
        self.first_ns, self.last_ns = struct.unpack_from("=2Q", data, at + 80)
        self.end = at + 128 + (self.size + 7) // 8 * 8
        self.good = (magic == 0x314B4E4843514553 and offset == at and self.end <= len(data) and
                     u32(data, at + 124) == crc32c(data[at:at + 124]))
        if self.good:
            self.payload = data[at + 128:at + 128 + self.size]
            self.whole = u32(data, at + 120) == crc32c(self.payload)

    def unpack(self):
        """Replaces a compressed payload by the records."""
        if not self.compression:
            return
        assert self.type == 1 and self.compression == 1, "compression"
        assert self.raw_size > self.size, "compressed for nothing"
        self.payload = subprocess.run(["zstd", "-dc"], input=self.payload, check=True,
                                      stdout=subprocess.PIPE).stdout
        assert len(self.payload) == self.raw_size, "raw_size"


def chunks(data):
    """Returns the chunks that count, and where the last one ends."""
    at = end = u64(data, 536)
    found = []
    while at + 128 <= len(data):
        chunk = Chunk(data, at)
        while not chunk.good and at + 128 <= len(data):
            at += 8
            chunk = Chunk(data, at)
        if not chunk.good:
            break
        found.append(chunk)
        at = chunk.end
    if found and not found[-1].whole:
        found.pop()
    if found:
        end = found[-1].end
    return found, end


def records(chunk):
    """Yields seq, ts_ns, type and payload."""
    at = 0
    for _ in range(chunk.records):
        seq, ts_ns, length, kind, flags = struct.unpack_from("=QQIHH", chunk.payload, at)
        assert not flags & 1, "a PAD"
        yield seq, ts_ns, kind, chunk.payload[at + 24:at + 24 + length]
        at += (24 + length + 7) // 8 * 8
    assert at == chunk.raw_size, "bytes behind the last record"


class Ring:
    def __init__(self):
        self.count = self.first = self.last = self.lost = self.told = self.packed = 0

    def add(self, chunk):
        if self.count:
            self.lost += chunk.seq - self.last - 1
            self.told += chunk.lost
        if not chunk.whole:
            return
        chunk.unpack()
        self.packed += chunk.compression
        seq = chunk.seq
        times = []
        for stamp, ts_ns, _, _ in records(chunk):
            assert stamp == seq, f"seq {stamp} instead of {seq}"
            times.append(ts_ns)
            seq += 1
        assert times[0] == chunk.first_ns and times[-1] == chunk.last_ns, "times"
        self.first = self.first or chunk.seq
        self.count += chunk.records
        self.last = seq - 1


def check_header(data, number):
    assert u64(data, 0) == 0x31474E4952514553, "magic of the ring"
    assert u64(data, 24) == 1, "features_required"
    assert u64(data, 512) == 0x3130434552514553 and u32(data, 520) == 1, "magic or version"
    assert u64(data, 528) == number, "number of the segment"
    head = bytearray(data[:u64(data, 536)])
    head[624:628] = bytes(4)
    assert crc32c(head) == u32(data, 624), "CRC of the header"


def main(path):
    names = sorted(n for n in os.listdir(path) if re.fullmatch(r"\d{10,}\.seg", n))
    rings = {}
    torn = complete = 0
    for name in names:
        with open(os.path.join(path, name), "rb") as file:
            data = file.read()
        check_header(data, int(name[:-4]))
        found, end = chunks(data)
        torn += len(data) - end
        for chunk in found:
            if chunk.type == 1:
                rings.setdefault(chunk.ring, Ring()).add(chunk)
            complete |= chunk.type == 4
        if found and found[-1].type == 5:
            index = found[-1].payload
            assert u64(index, len(index) - 8) == 0x3158444E49514553, "magic of the index"
            offsets = [u64(index, at + 8) for at in range(0, len(index) - 16, 128)]
            assert all(Chunk(data, at).good for at in offsets), "index"
            assert len(offsets) == len(found) - 1, "chunks in the index"
    for number, ring in sorted(rings.items()):
        print(f"ring {number}: {ring.count} records, first {ring.first}, last {ring.last}, "
              f"lost {ring.lost}, told {ring.told}")
    print(f"compressed: {sum(ring.packed for ring in rings.values())}")
    print(f"bytes torn: {torn}")
    print(f"complete: {int(complete)}")


if __name__ == "__main__":
    main(sys.argv[1])

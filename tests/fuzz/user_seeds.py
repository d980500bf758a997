#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# user_seeds.py TARGET DIRECTORY: writes the inputs that user.sh starts from. An input of reader
# or libring is a script for a real writer and a reader, so these seeds are calls and events.
# The schemas are extracted from compiled sources.

import os
import random
import shutil
import struct
import subprocess
import sys
import time


def ring(target):
    """Yields calls of each kind on rings of each kind, some true and some that lie."""
    rand = random.Random(1)
    for i in range(60):
        calls = bytes(rand.choice((rand.randrange(16), rand.randrange(256)))
                      for _ in range(64))
        start = bytes((rand.randrange(5), rand.choice((0, 0, 0, 1)), rand.randrange(15), 200, 200,
                       200, rand.randrange(16)))
        events = b""
        for _ in range(20):
            kind = rand.choice((10, 11, 12, 13)) if i % 2 else rand.randrange(14)
            events += bytes((0, kind, rand.randrange(256), rand.randrange(256),
                             rand.randrange(256), rand.randrange(160)))
        if target == "libring":
            # Rings, schema, version, header_size; clock; gaps; payload_max; two more gaps. Then
            # no lie before the ring is opened; correct sizes, seals and doorbell.
            odd = i % 3 == 0
            shape = bytes((i, rand.choice((0, 1, 9)) if odd else 0, 0, i if odd else 0, 0,
                           i % 3))
            shape += bytes(rand.randrange(64) if odd else 255 for _ in range(2))
            shape += bytes((rand.randrange(16), i, 255 - i)) if odd else bytes((255,))
            shape += bytes(rand.randrange(64) if odd else 255 for _ in range(2))
            if shape[1]:
                shape += bytes((i, i))
            start = shape + start + bytes((rand.choice((0, 0, 3)), 0, 0, 0))
        # The first byte says in 64ths where the calls end.
        body = (calls + start + events).ljust(256, b"\0")
        yield bytes((64 * len(calls) // len(body),)) + body


def bomb(path):
    """Writes the source of a schema that shows 8 bytes 4096 times, each with a long name."""
    def members(of):
        return " ".join(f"{of} m{i}_{'x' * 100};" for i in range(8))

    with open(path, "w", encoding="utf-8") as f:
        print("#include <seqring/schema.h>", f"union u0 {{ {members('__u64')} }};", file=f,
              sep="\n")
        for i in range(3):
            print(f"union u{i + 1} {{ {members(f'union u{i}')} }};", file=f)
        print("struct bomb { union u3 u; };", "enum seqring_schema { bomb = 1 };",
              "SEQRING_SCHEMA_TYPE(bomb);", file=f, sep="\n")
    return path


def schemas(directory):
    """Yields the schemas of three sources, each with a payload."""
    for source in ("tests/fuzz/user_seed.schema.c", "kmod/producers/sched.schema.c",
                   bomb(directory + ".bomb.c")):
        obj, raw = directory + ".o", directory + ".raw"
        subprocess.run(["clang", "-target", "bpf", "-g", "-O2", "-Iinclude", "-c", source, "-o",
                        obj], check=True)
        subprocess.run(["build/native/ringctl", "schema", obj, "-o", raw], check=True)
        payload = bytes(range(200))
        with open(raw, "rb") as f:
            yield struct.pack("<H", len(payload)) + f.read() + payload


def records():
    """Yields a record of each type, of each byte that a flag may have."""
    for kind in range(20):
        for byte in (0, 1, 2, 255):
            yield bytes((3, kind, 1)) + bytes((byte,)) * 160


def filters():
    """Yields expressions of each kind, each with a record of each type."""
    for text in ("a == 1 && !yes || b < -2", "bits & 3 == 1 && more in {1, 0x7ff, 3}",
                 "color == GREEN || color in {\"RED\", -3}", "f >= 1.5 && g != -1e-3 || hex",
                 "at[1].y > 0 && grid[1][2] == 7", "fields.word != 0 && parts.x == 1 && ptr",
                 'ip4 == "10.0.0.0/8" || ip6 != "fe80::/10"', 'name ~ "*a*?\\*" && !name',
                 'bytes == "\\x00\\xff" || open !~ "??*"', "points[3].x == 2 && n > 5",
                 'argv[0] == "ls" || argv[2] in {"", "a"}', 'type ~ "n*" && type != texts',
                 "type in {1, 200} || len > 100 && seq & 1 && ts_ns >= 18446744073709551615",
                 "e == 18446744073709551615 && e < 0", "(((type == 5)))", "pdi == 1", "a = 1"):
        body = b"".join(bytes((kind, 40)) + bytes(range(kind, kind + 40)) for kind in range(7))
        yield struct.pack("<HH", len(text), len(text) % 2) + text.encode() + body


def args():
    for words in ("sched", "all --json --count 5", "--list", "sched:switch --pid 1,2,3 --children",
                  "syscalls --call openat,read,!write --comm a,b", "--from x --duration 5s",
                  "sched --size 1M --clock monotonic --name n --mode 0640",
                  "block --pin x --continue", "sched -- true x", "1,2,3", "17ms", "64K", "0644"):
        yield words.replace(" ", "\0").encode()


def recordings(directory):
    """Yields small recordings, whole and in parts, with calls of each kind."""
    environ = dict(os.environ, RINGDIR=directory + ".rings")
    ringctl = "build/native/ringctl"
    shutil.rmtree(directory + ".rings", ignore_errors=True)
    os.makedirs(directory + ".rings/tapes")
    lines = "".join(f"{i:0{7 + i % 40}}\n" for i in range(60))
    with subprocess.Popen([ringctl, "publish", "seed", "--serve", "--size", "64K", "--linger",
                           "300s"], stdin=subprocess.PIPE, env=environ, text=True,
                          stderr=subprocess.DEVNULL) as server:
        server.stdin.write(lines)
        server.stdin.close()
        for _ in range(500):
            if not subprocess.run([ringctl, "cat", "seed", "--since", "seq:61", "--no-follow"],
                                  env=environ, check=False, stderr=subprocess.DEVNULL).returncode:
                break
            time.sleep(0.02)
        files = []
        for name, more in (("plain", []), ("packed", ["--compress", "zstd"])):
            tape = f"{directory}.rings/tapes/{name}"
            # Without libzstd there is none.
            done = subprocess.run([ringctl, "record", "seed", "-o", tape, "--duration", "1ms",
                                   "--quiet", *more], env=environ, check=False,
                                  stderr=subprocess.DEVNULL)
            if not done.returncode:
                with open(tape + "/0000000001.seg", "rb") as f:
                    files.append(f.read())
        server.terminate()
    rand = random.Random(1)
    for i in range(40):
        calls = bytes(rand.randrange(256) for _ in range(16))
        file = files[i % len(files)]
        # The same chunks once more have seqs that came before.
        yield bytes((i & 15,)) + calls + (file if i < 30 else file + file[1024:])


def fleet():
    """Messages of each kind, by docs/reference/fleet.md; the target makes the checksums."""
    def message(kind, body=b"", cause=0, ring=0, first=0, last=0, times=(0, 0, 0), schema=1):
        head = struct.pack("<8s4H2Q16s16sQII32s", b"SEQFLEET", 1, kind, 1, cause, 7, 5, b"h" * 16,
                           b"b" * 16, 99, ring, ring, b"ticks")
        head += struct.pack("<QQQQqQQ", first, last, *times, 123, schema) + bytes(72)
        return b"\1" + head + struct.pack("<4I", len(body), 0, 0, 0) + body

    def record(seq, payload):
        return struct.pack("<QQIHH", seq, 1000 + seq, len(payload), 3, 0) + payload + \
            bytes(-len(payload) % 8)

    for lens in ((0,), (1, 8), (0, 9, 24, 3), (100,) * 8):
        body = b"".join(record(10 + i, b"x" * n) for i, n in enumerate(lens))
        last = 9 + len(lens)
        yield message(1, body, ring=2, first=10, last=last, times=(1010, 1000 + last, -5))
    for cause in range(1, 8):
        yield message(2, cause=cause, first=1, last=cause * 1000)
    for size in (0, 5, 64):
        body = struct.pack("<4IQQII24x", 3, 4, 1, 4096, 0, 1 << 16, 100, size) + bytes(size)
        yield message(3, body, schema=len(body) << 32)
    for nr in (0, 1, 3):
        body = b"".join(struct.pack("<II10Q", i, i, 50, 51, *range(8)) for i in range(nr))
        yield message(4, body)
        yield message(5, body, cause=1 + nr)


target, directory = sys.argv[1:]
if target in ("reader", "libring"):
    seeds = ring(target)
else:
    seeds = {"schema": lambda: schemas(directory), "filter": filters, "records": records,
             "args": args, "fleet": fleet, "recording": lambda: recordings(directory)}[target]()
n = 0
for n, seed in enumerate(seeds, 1):
    with open(f"{directory}/{n:03}", "wb") as f:
        f.write(seed)
if not n:
    sys.exit(f"user_seeds.py: no seeds for {target}")

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
run.py BUILD: what reading a record costs in Python and in C, in one run: CPU time for a million records
of 32 bytes that are in the ring, by turns, the median of seven.
"""
import statistics
import subprocess
import sys
import time

import ring

RECORDS, ROUNDS = 1000000, 7
BATCH, SIZE = 1024, 1 << 18   # as in drain.c


def c_reader(kind):
    def read(writer):
        out = subprocess.run([f"{sys.argv[1]}/bench/python/drain", kind, *map(str, writer.fds)],
                             pass_fds=writer.fds, check=True, capture_output=True, text=True).stdout
        return tuple(map(int, out.split()))
    return read


def python_reader(drain):
    def read(writer):
        with ring.Reader(writer.fds) as reader:
            begin = time.process_time_ns()
            count = drain(reader)
            return count, time.process_time_ns() - begin
    return read


def in_batches(reader):
    count = 0
    while batch := reader.read_batch(BATCH, SIZE):
        count += len(batch)
    return count


def columns(reader):
    count = last = 0
    while batch := reader.read_batch(BATCH, SIZE):
        count += len(batch)
        last = max(batch.seqs)
    assert last == count
    return count


def records_of_batches(reader):
    count = 0
    while batch := reader.read_batch(BATCH, SIZE):
        for record in batch:
            count += bool(record.payload)
    return count


def one_by_one(reader):
    count = 0
    while record := reader.read():
        count += bool(record.payload)
    return count


WAYS = [("C, in batches", c_reader("batch")), ("C, one by one", c_reader("single")),
        ("Python, in batches", python_reader(in_batches)),
        ("Python, in batches, and a column", python_reader(columns)),
        ("Python, in batches, each as a Record", python_reader(records_of_batches)),
        ("Python, one by one", python_reader(one_by_one))]


def main():
    costs = {name: [] for name, _ in WAYS}
    with ring.Writer(size=1 << 26, prefault=True) as writer:
        for _ in range(RECORDS):
            writer.publish(b"x" * 32)
        for _ in range(ROUNDS):
            for name, read in WAYS:
                count, ns = read(writer)
                assert count == RECORDS, f"{name}: {count} records"
                costs[name].append(ns / RECORDS)
    control = statistics.median(costs[WAYS[0][0]])
    for name, found in costs.items():
        cost = statistics.median(found)
        print(f"{name:38} {cost:7.1f} ns  {1000 / cost:7.1f} M records/s  {cost / control:5.1f} x C")


if __name__ == "__main__":
    main()

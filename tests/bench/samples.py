#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks the samples of a quick run of ringbench.

usage: samples.py RINGBENCH SAMPLES.jsonl
"""

import json
import subprocess
import sys


def main(bench, path):
    parts = subprocess.run([bench, "--list"], capture_output=True, text=True, check=True)
    with open(path, encoding="utf-8") as f:
        run, *lines = [json.loads(line) for line in f]
    assert run["quick"] == 1 and run["machine"]["cores"] > 1, run
    assert {x["part"] for x in lines} == set(parts.stdout.split()), "parts without a line"
    samples = [x for x in lines if "note" not in x]
    for x in samples:
        assert x["section"] and x["contender"] and x["round"] >= 0, x
        assert x["disturbed"] in (0, 1), x
        for key, value in x.items():
            assert value is None or isinstance(value, (int, float, str, list)), (key, x)
        assert x.get("published", 0) * x.get("readers", 0) >= x.get("lost", 0), x
        if "ticks_counts" in x and x["lost"] == 0:
            records = sum(count for _, count in x["ticks_counts"])
            assert records <= x["published"] <= records + 1, x["contender"]
    print(len(samples), "samples of", len({x["section"] for x in samples}), "sections")


if __name__ == "__main__":
    main(*sys.argv[1:])

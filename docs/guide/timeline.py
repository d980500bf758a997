#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""timeline.py JSONL SVG [MS]: draws with gnuplot which task each CPU ran.

JSONL is what `ringctl export --to jsonl` makes of a recording of `ringctl trace sched`. The picture
has MS milliseconds, 40 by default, from the middle of the recording. The six names that ran longest
have colours.
"""
import json
import subprocess
import sys

COLOURS = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#edc948"]
OTHER = "#bab0ac"


def spans(path):
    """Yields (ring, from, to, name) for each time that a CPU ran a task."""
    since = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            r = json.loads(line)
            ring = r["ring"]
            if r["lost"]:
                # What ran in between is not known.
                since.pop(ring, None)
            if r.get("name") != "sched_switch":
                continue
            then = r["fields"]["next"]
            if ring in since and since[ring][2]:
                yield ring, since[ring][0], r["ts_ns"], since[ring][1]
            since[ring] = r["ts_ns"], str(then["comm"]).split("/")[0], then["tid"]


def main(source, picture, ms="40"):
    found = list(spans(source))
    middle = (min(s[1] for s in found) + max(s[2] for s in found)) // 2
    end = middle + int(ms) * 1000000
    found = [s for s in found if s[2] > middle and s[1] < end]
    total = {}
    for _, begin, until, name in found:
        total[name] = total.get(name, 0) + until - begin
    names = sorted(total, key=total.get, reverse=True)[:len(COLOURS)]
    cpus = sorted({s[0] for s in found})
    plot = ["set terminal svg size 900,%d font 'sans,12' background '#ffffff'" % (110 + 60 * len(cpus)),
            f"set output '{picture}'", f"set xrange [0:{int(ms)}]", "set xlabel 'ms'",
            f"set yrange [-0.6:{len(cpus) - 0.4}]", "set key outside right top",
            "set ytics (%s)" % ", ".join(f"'CPU {c}' {i}" for i, c in enumerate(cpus))]
    for i, (ring, begin, until, name) in enumerate(found, 1):
        colour = COLOURS[names.index(name)] if name in names else OTHER
        y = cpus.index(ring)
        left, right = max(0, (begin - middle) / 1e6), min(int(ms), (until - middle) / 1e6)
        plot.append(f"set object {i} rect from {left:.4f},{y - 0.4} to {right:.4f},{y + 0.4} "
                    f"fc rgb '{colour}' fs solid noborder")
    keys = [f"1/0 w boxes fs solid lc rgb '{c}' t '{n}'" for n, c in zip(names, COLOURS)]
    plot.append("plot " + ", ".join(keys + [f"1/0 w boxes fs solid lc rgb '{OTHER}' t 'others'"]))
    subprocess.run(["gnuplot"], input="\n".join(plot), text=True, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

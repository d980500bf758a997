#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Puts the figures of a run of vmbench into docs/guide/from-locks.md.

usage: from_locks.py RUN.json DOCUMENT

The text in DOCUMENT between <!-- NAME --> and <!-- /NAME --> is replaced.

Exit status: 0; 2: RUN.json is no full run of vmbench, or DOCUMENT lacks a place; 3: could
not read or write.
"""

import re
import sys

import page
from common import Bad, end

KINDS = ["ioctl mutex", "spinlock word", "seqring, ring_newest()", "seqring, reader.h", "no lock"]
STALLED = ["ioctl mutex", "spinlock word", "seqring"]


def show(value):
    """Such a figure has no more than three significant digits."""
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def row(*cells):
    return "| " + " | ".join(cells) + " |"


class Run:
    def __init__(self, results):
        self.results = results
        self.series = {(s["section"], s["name"]): s for s in results["series"]}

    def get(self, section, name):
        try:
            return self.series[section, name]
        except KeyError:
            raise Bad(f"there is no '{name}' in {section}") from None

    def what(self):
        r = self.results
        kernel = r["machine"]["kernel"]
        return (f"{kernel}, in a VM with two emulated processors, {r['machine']['date'][:10]}; "
                f"medians of {r['rounds']} alternating rounds of {r['round_ms']} ms:")

    def rates(self):
        out = [row("snapshots of 64 bytes a second", "1 reader", "4 readers"),
               row("---", "---:", "---:")]
        for kind in KINDS:
            cells = [kind]
            for who in ("1 reader", "4 readers"):
                s = self.get("snapshots", f"{kind}, {who}, 64 B")
                ratio = f" ({show(s['ratio'])} x)" if "ratio" in s else ""
                cells.append(f"{show(s['median'] * 1e3)}{ratio}")
            out.append(row(*cells))
        notes = [n["text"] for n in self.results["notes"] if n["section"] == "snapshots"]
        torn = [n for n in notes if n.startswith("without a lock") and "64 B" in n]
        return "\n".join(out + [""] + [f"- {n}" for n in torn])

    def stalls(self):
        situations = ["nobody there", "4 processes that compute", "4 readers",
                      "4 readers, one stopped inside", "4 readers, one killed inside"]
        out = [row("one update by the kernel, with its wait: p99.9; worst", *STALLED),
               row("---", *["---:"] * len(STALLED))]
        for what in situations:
            cells = [what]
            for kind in STALLED:
                p999, worst = (show(self.get("writer-stall", f"{kind}, {what}: {q}")["median"])
                               for q in ("p99.9", "worst"))
                cells.append(f"{p999}; {worst} us")
            out.append(row(*cells))
        for what in situations[2:]:
            cells = [f"updates given up, {what}"]
            for kind in STALLED:
                s = self.get("writer-stall", f"{kind}, {what}: updates")
                cells.append(f"{100 * s['lost'] / s['published']:.1f} %")
            out.append(row(*cells))
        for what in situations[3:]:
            cells = [f"snapshots a second, {what}"]
            for kind in STALLED:
                s = self.get("writer-stall", f"{kind}, {what}: snapshots")
                cells.append(show(s["median"]))
            out.append(row(*cells))
        return "\n".join(out)


def main(argv):
    if len(argv) != 3:
        print("usage: from_locks.py RUN.json DOCUMENT", file=sys.stderr)
        return 2
    run = Run(page.load(argv[1]))
    with open(argv[2], encoding="utf-8") as f:
        text = f.read()
    if run.results["quick"]:
        raise Bad(f"{argv[1]}: a quick run has no figures to show")
    for name in ("what", "rates", "stalls"):
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
        new = getattr(run, name)()
        text, n = place.subn(lambda m, new=new: f"{m[1]}{new}\n{m[2]}", text)
        if n != 1:
            raise Bad(f"{argv[2]} has no place for {name}")
    with open(argv[2], "w", encoding="utf-8") as f:
        f.write(text)
    return 0


if __name__ == "__main__":
    end("from_locks.py", main, sys.argv)

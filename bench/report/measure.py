#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs ringbench, evaluates its samples, and prints the tables.

usage: measure.py [OPTION]... [-- RINGBENCH-OPTION...]

With --check, parts in which a target is missed are measured again first, twice at most.

Exit status: 0; 1 with --check: a target was missed, or something was not measured;
2: a record was torn, or a file is not what ringbench writes; 3: could not run.
"""

import argparse
import json
import os
import subprocess
import sys

import evaluate
import page
from common import end

BENCH = "build/native/ringbench"
CHECK_TRIES = 2
MARGIN_MAX = 1e6
FULL = ["--seconds", "10", "--rounds", "25", "--round-ms", "20"]


def margin(text):
    value = float(text)
    if not 1 / MARGIN_MAX <= value <= MARGIN_MAX:
        raise ValueError
    return value


def arguments():
    parser = argparse.ArgumentParser(
        description="Runs ringbench, evaluates its samples, and prints the tables.")
    parser.add_argument("--bench", default=BENCH, help=f"the program ({BENCH})")
    parser.add_argument("--quick", action="store_true", help="less than a minute, less certain")
    parser.add_argument("--json", metavar="RUN.json", help="write the evaluated run there")
    parser.add_argument("--only", metavar="PART,...", help="only these parts")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    parser.add_argument("--allow-skips", action="store_true",
                        help="with --check: what could not be measured is no miss")
    parser.add_argument("--margin", type=margin, default=1, metavar="N",
                        help="ask for targets to be met with this factor to spare (1)")
    parser.add_argument("options", nargs="*", metavar="RINGBENCH-OPTION")
    return parser.parse_args()


def run(bench, samples, options):
    """The lines that ringbench writes. It has said why if it fails."""
    done = subprocess.run([bench, *options, "--json", samples], check=False)
    if done.returncode:
        sys.exit(done.returncode if done.returncode in (2, 3) else 3)
    return evaluate.load([samples])


def missed_parts(data, lines):
    part = {line["section"]: line["part"] for line in lines}
    return list(dict.fromkeys(part[t["section"]] for t in data["targets"] if not t["met"]))


def measure_again(args, samples, lines, parts, again):
    """A machine that is shared has bad seconds: a part gets all its rounds before it fails."""
    for part in parts:
        print(f"measure.py: {part} is measured again", file=sys.stderr)
        quick = ["--quick"] if args.quick else []
        _, new = run(args.bench, samples, [*quick, *FULL, *args.options, "--only", part])
        new.append({"part": part, "section": part, "run": new[0]["run"],
                    "note": f"measured again, {again} of at most {CHECK_TRIES} times: a target "
                            "was missed"})
        at = next(i for i, line in enumerate(lines) if line["part"] == part)
        lines = [line for line in lines if line["part"] != part]
        lines[at:at] = new
    return lines


def main():
    args = arguments()
    target = args.json or "build/bench/run.json"
    samples = os.path.splitext(target)[0] + ".jsonl"
    options = (["--quick"] if args.quick else []) + args.options
    try:
        with open(samples, "w", encoding="utf-8"):
            pass
    except OSError as e:
        raise OSError(f"cannot write {target}: {e.strerror}") from e
    only = ["--only", args.only] if args.only else []
    header, lines = run(args.bench, samples, options + only)
    data = evaluate.evaluate(header, lines, args.margin)
    for again in range(CHECK_TRIES if args.check else 0):
        parts = missed_parts(data, lines)
        lines = measure_again(args, samples, lines, parts, again + 1)
        data = evaluate.evaluate(header, lines, args.margin)
    with open(samples, "w", encoding="utf-8") as f:
        for line in [header] + [{k: v for k, v in x.items() if k != "run"} for x in lines]:
            f.write(json.dumps(line) + "\n")
    evaluate.write(data, target)
    page.show([target])
    return args.check and page.check([target], args.allow_skips, False)


if __name__ == "__main__":
    end("measure.py", main)

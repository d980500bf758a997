#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes one file of the results of two runs on the same kernel.

usage: merge.py FIRST.json SECOND.json OUT.json

The machine and the number of rounds are FIRST's; a note says what SECOND's are.
Exit status: 0; 2: the runs do not belong together.
"""

import json
import sys


def main(argv):
    if len(argv) != 4:
        print("usage: merge.py FIRST.json SECOND.json OUT.json", file=sys.stderr)
        return 2
    runs = []
    for path in argv[1:3]:
        with open(path, encoding="utf-8") as f:
            runs.append(json.load(f))
    first, second = runs
    for what in ("kernel", "cpu"):
        if first["machine"][what] != second["machine"][what]:
            print(f"merge.py: one run was on another {what}", file=sys.stderr)
            return 2
    for name in ("sections", "plots", "series", "notes", "targets"):
        first[name] += second[name]
    for section in second["sections"]:
        first["notes"].append({
            "section": section["name"],
            "text": "counted in instructions"
                    + (f", {second['rounds']} rounds of {second['round_ms']} ms by that clock"
                       if section["name"] == "writer-stall" else "")})
    with open(argv[3], "w", encoding="utf-8") as f:
        json.dump(first, f, indent=2)
        f.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

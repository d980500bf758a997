# SPDX-License-Identifier: GPL-2.0-only
"""Compares what ringctl export wrote with ringctl cat --json. export.py CHECK JSON OUT [ARG...]"""
import csv
import json
import os
import sys

RECORD = ["seq", "ring", "ts_ns", "type", "len", "lost"]


def load(path):
    with open(path, "rb") as f:
        return [json.loads(line) for line in f.read().decode("utf-8").splitlines()]


def cell(value):
    """A value of JSON as the text of a column."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return repr(value) if isinstance(value, float) else str(value)


def flatten(path, value, columns):
    """Yields columns of a value, as the columns of the table have them."""
    if path in columns:
        yield path, cell(value)
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from flatten(f"{path}.{name}", part, columns)
    else:
        assert isinstance(value, list), (path, value)
        for i, part in enumerate(value):
            yield from flatten(f"{path}[{i}]", part, columns)


def same_cell(got, want):
    if got == want:
        return True
    try:
        if got[:1] in "[{":
            return json.loads(got) == json.loads(want)
        return float(got) == float(want)
    except ValueError:
        return False


def tables(records, out, *names):
    """Each record is in the table of its type, with each of its fields, and nothing else is."""
    files = sorted(os.listdir(out))
    assert files == sorted(names), files
    rows = {}
    for name in files:
        with open(os.path.join(out, name), newline="", encoding="utf-8") as f:
            data = f.read()
        assert data.endswith("\r\n")
        table = list(csv.reader(data.splitlines(keepends=True), strict=True))
        columns = table[0]
        assert columns[:6] == RECORD and len(set(columns)) == len(columns), columns
        for line in table[1:]:
            assert len(line) == len(columns), line
            row = dict(zip(columns, line))
            rows[row["ring"], row["seq"]] = name[:-4], row
    for r in load(records):
        name, row = rows.pop((str(r["ring"]), str(r["seq"])))
        want = {c: str(r[c]) for c in RECORD}
        if "fields" in r:
            assert name == r["name"], (name, r)
            want.update(flatten("fields", r["fields"], row))
            want["extra"] = r.get("extra", "")
            want["truncated"] = "true" if r.get("truncated") else ""
        else:
            assert name == "undecoded-records", name
            want.update(hex=r["hex"], text=r["text"] or "", error=r.get("error", ""))
        assert list(want) == list(row), (list(want), list(row))
        for column, value in want.items():
            assert same_cell(row[column], value), (column, row[column], value)
    assert not rows, rows


def by(records, out):
    """The counts of stacks are those of the records' names and field n."""
    want = {}
    for r in load(records):
        if "n" in r.get("fields", {}):
            stack = f"{r['name']};{r['fields']['n']}"
            want[stack] = want.get(stack, 0) + 1
    with open(out, encoding="utf-8") as f:
        got = [line.rsplit(" ", 1) for line in f.read().splitlines()]
    assert got == [[stack, str(count)] for stack, count in sorted(want.items())], got


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

# SPDX-License-Identifier: GPL-2.0-only
"""Compares what ringctl export wrote with ringctl cat --json. export.py CHECK JSON OUT [ARG...]"""
import csv
import json
import os
import struct
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


def plain(value):
    """A field of bt2 as Python's own types; of an enum with a label the label."""
    import bt2

    if isinstance(value, bt2._EnumerationFieldConst):
        names = [name for name, mapping in value.cls.items()
                 if any(r.lower <= int(value) <= r.upper for r in mapping.ranges)]
        return names[0] if names else int(value)
    if isinstance(value, bt2._StructureFieldConst):
        return {name: plain(part) for name, part in value.items() if not is_length(name, value)}
    if isinstance(value, bt2._ArrayFieldConst):
        return [plain(part) for part in value]
    if isinstance(value, bt2._StringFieldConst):
        # Version 2.0.4 leaves the text of an earlier event in an empty string.
        return str(value) if len(value) else ""
    if isinstance(value, bt2._RealFieldConst):
        return float(value)
    return int(value)


def is_length(name, struct):
    return name.endswith("_length") and name[:-7].lstrip("_") in struct


def same(got, want):
    """True if a field of CTF has the value that is in the JSON."""
    if isinstance(want, dict) and list(want) == ["hex"]:
        # Bytes that are not UTF-8.
        return isinstance(got, str) and "\ufffd" in got
    if isinstance(want, dict):
        return list(got) == list(want) and all(same(got[n], want[n]) for n in want)
    if isinstance(want, list):
        return len(got) == len(want) and all(same(g, w) for g, w in zip(got, want))
    if isinstance(got, list):
        return bytes(got).hex() == want
    if isinstance(want, str) and isinstance(got, int):
        return want.startswith("0x") and int(want, 16) == got
    if isinstance(want, float):
        return got == want or struct.pack("f", got) == struct.pack("f", want)
    return str(got) == str(want) if isinstance(got, str) else got == want


def ctf(records, out, published):
    """Each field is that of the JSON; losses are where they were; both add up to what was published."""
    import bt2

    want = load(records)
    left = {(r["ring"], r["seq"]): r for r in want}
    lost, last, events = {}, {}, 0
    for msg in bt2.TraceCollectionMessageIterator(out):
        if isinstance(msg, bt2._DiscardedEventsMessageConst):
            ring = msg.stream.id
            assert msg.count, "a loss without a number"
            lost[ring] = lost.get(ring, 0) + msg.count
            events += msg.count
        if not isinstance(msg, bt2._EventMessageConst):
            continue
        event, ring = msg.event, msg.event.packet.stream.id
        seq = int(event.common_context_field["seq"])
        r = left.pop((ring, seq))
        assert lost.pop(ring, 0) == r["lost"], (ring, seq, r["lost"])
        assert msg.default_clock_snapshot.value == r["ts_ns"], r
        assert seq == last.get(ring, seq - r["lost"] - 1) + r["lost"] + 1, r
        last[ring] = seq
        events += 1
        fields = plain(event.payload_field) if event.payload_field is not None else {}
        if "fields" not in r:
            assert event.name == "undecoded" and fields["type"] == r["type"]
            assert bytes(fields["payload"]).hex() == r["hex"]
            continue
        assert event.name == r["name"] and event.id & 0xffff == r["type"], r
        assert bytes(fields.pop("extra", [])).hex() == r.get("extra", "")
        assert same(fields, r["fields"]), (fields, r["fields"])
    assert not left, left
    assert events == int(published), (events, published)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

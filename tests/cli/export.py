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
    if isinstance(got, dict) and list(got) == ["v"] and not isinstance(want, dict):
        # An array within an array.
        got = got["v"]
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


def message(tokens):
    """A message in the text form of Protocol Buffers: for each field the list of its values."""
    out = {}
    for token in tokens:
        if token == "}":
            return out
        name, _, value = token.partition(": ")
        if name.endswith(" {"):
            out.setdefault(name[:-2], []).append(message(tokens))
        elif value[0] == '"':
            text = eval("b" + value).decode("utf-8")
            out.setdefault(name, []).append(text)
        else:
            out.setdefault(name, []).append(value)
    return out


def packets(path):
    """The packets that protoc --decode has printed. A number for a name is an unknown field."""
    with open(path, encoding="utf-8") as f:
        trace = message(iter(line.strip() for line in f))
    text = str(trace)
    assert not [n for n in text.split("'") if n.isdigit() and f"'{n}': [" in text], "unknown fields"
    return trace["packet"]


def annotation(a):
    """The value of an annotation as cat --json has it."""
    if "dict_entries" in a:
        return {d["name"][0]: annotation(d) for d in a["dict_entries"]}
    if "array_values" in a:
        return [annotation(v) for v in a["array_values"]]
    for kind, convert in (("bool_value", lambda v: v == "true"), ("uint_value", int),
                          ("int_value", int), ("double_value", float), ("string_value", str),
                          ("pointer_value", lambda v: hex(int(v)))):
        if kind in a:
            return convert(a[kind][0])
    return []


def wide(value):
    """JSON's integers of 128 bits are text in an annotation."""
    return str(value) if isinstance(value, int) and abs(value) >= 2**63 else value


def same_annotation(got, want):
    if isinstance(want, dict) and list(want) != ["hex"]:
        return list(got) == list(want) and all(same_annotation(got[n], want[n]) for n in want)
    if isinstance(want, list):
        return len(got) == len(want) and all(same_annotation(g, w) for g, w in zip(got, want))
    return same(got, want) or got == wide(want) or got == want


def perfetto(records, out, published):
    """Each record is an instant with its fields, and losses add up."""
    left = {(r["ring"], r["seq"]): r for r in load(records)}
    lost, counters, events, names = {}, {}, 0, {}
    for p in packets(out):
        ring = int(p["trusted_packet_sequence_id"][0]) - 1
        if "track_descriptor" in p:
            names[p["track_descriptor"][0]["uuid"][0]] = p["track_descriptor"][0]
        if "track_event" not in p:
            continue
        e = p["track_event"][0]
        assert e["track_uuid"][0] in names, e
        if e["type"] == ["TYPE_COUNTER"]:
            counters[ring] = int(e["counter_value"][0])
            continue
        assert e["type"] == ["TYPE_INSTANT"]
        if e["name"][0].endswith(" records lost"):
            lost[ring] = int(e["name"][0].split()[0])
            events += lost[ring]
            continue
        fields = {a["name"][0]: annotation(a) for a in e["debug_annotations"]}
        r = left.pop((ring, fields.pop("seq")))
        events += 1
        assert int(p["timestamp"][0]) == r["ts_ns"] and p["timestamp_clock_id"] == ["3"], p
        assert lost.pop(ring, 0) == r["lost"], r
        if "fields" not in r:
            assert fields["payload"] == r["hex"] and fields.get("error") == r.get("error"), fields
            continue
        assert e["name"][0] == r["name"]
        assert fields.pop("extra", "") == r.get("extra", "")
        assert same_annotation(fields, r["fields"]), (fields, r["fields"])
    assert not left, left
    assert events == int(published), (events, published)
    assert sum(counters.values()) == int(published) - len(load(records)), counters


def slices(found, track):
    """(begin, end, name) of the slices of a track."""
    out = []
    begin = None
    for ts, e in found.get(track, []):
        if e["type"] == ["TYPE_SLICE_BEGIN"]:
            begin = ts, e["name"][0]
        elif e["type"] == ["TYPE_SLICE_END"]:
            out.append((begin[0], ts, begin[1]))
            begin = None
    return out + ([(begin[0], None, begin[1])] if begin else [])


def perfetto_trace(out):
    """What test_export_perfetto_trace has made."""
    found, tracks, switches, wakings = {}, {}, [], []
    for p in packets(out):
        for d in p.get("track_descriptor", []):
            tracks.setdefault(d["uuid"][0], {}).update(d)
        for b in p.get("ftrace_events", []):
            for e in b["event"]:
                ts, cpu = int(e["timestamp"][0]), int(b["cpu"][0])
                switches += [(ts, cpu, s["prev_pid"][0], s["prev_state"][0], s["next_comm"][0],
                              s["next_pid"][0]) for s in e.get("sched_switch", [])]
                wakings += [(ts, cpu, s["comm"][0], s["pid"][0], s["target_cpu"][0])
                            for s in e.get("sched_waking", [])]
        for e in p.get("track_event", []):
            found.setdefault(e["track_uuid"][0], []).append((int(p["timestamp"][0]), e))
    assert switches == [(1000, 0, "0", "0", "worker", "11"), (1500, 1, "0", "0", "other", "20"),
                        (3000, 0, "11", "2", "idle", "0")], switches
    assert wakings == [(900, 0, "worker", "11", "1")], wakings
    threads = {d["thread"][0]["tid"][0]: (d["thread"][0]["thread_name"][0], u)
               for u, d in tracks.items() if "thread" in d}
    assert {t: n for t, (n, _) in threads.items()} == {"10": "main", "11": "worker",
                                                        "20": "other"}, threads
    processes = {d["process"][0]["pid"][0]: d["process"][0].get("process_name")
                 for d in tracks.values() if "process" in d}
    assert processes == {"10": ["main"], "20": ["other"]}, processes
    assert slices(found, threads["11"][1]) == [(1200, 1700, "read"), (1800, 2400, "write")]
    assert slices(found, threads["20"][1]) == [(1600, None, "close")]
    disks = {d["name"][0]: u for u, d in tracks.items() if "disk" in d.get("name", [""])[0]}
    requests = [slices(found, u) for u, d in sorted(tracks.items())
                if d.get("parent_uuid") == [disks["disk sda"]]]
    assert requests == [[(2000, 5000, "read"), (5500, 6000, "write")], [(2500, 5200, "read")]], \
        requests
    losses = [e["name"][0] for events in found.values() for _, e in events
              if e.get("name", [""])[0].endswith("lost")]
    assert losses == ["40 records lost"], losses


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

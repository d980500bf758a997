# SPDX-License-Identifier: GPL-2.0-only
"""Checks the JSON of ringctl. check.py CHECK FILE [ARG...]"""
import json
import sys

KEYS = ["seq", "ring", "ts_ns", "type", "len", "lost", "hex", "text"]


def hidden(c):
    return (c < 0xa0 or c in (0xad, 0x61c, 0xfeff) or 0x200b <= c <= 0x200f
            or 0x2028 <= c <= 0x202e or 0x2060 <= c <= 0x206f
            or 0xd800 <= c <= 0xf8ff or 0xfdd0 <= c <= 0xfdef
            or 0xfff0 <= c <= 0xfffb or c & 0xfffe == 0xfffe or c >= 0xe0000)


def text_of(data):
    """The text of a payload: a string with its very characters, or null."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def records(path):
    """Every line is one object with exactly the expected members."""
    recs = []
    with open(path, "rb") as f:
        for line in f.read().decode("utf-8").splitlines():
            # A terminal obeys no character of it.
            assert not [c for c in line if ord(c) < 32 or hidden(ord(c)) and ord(c) >= 127], line
            r = json.loads(line)
            assert list(r) == KEYS, list(r)
            data = bytes.fromhex(r["hex"])
            assert r["hex"] == data.hex()
            assert len(data) == r["len"], r
            assert r["text"] == text_of(data), (r["text"], text_of(data))
            for key in KEYS[:6]:
                assert type(r[key]) is int, r
            recs.append(r)
    return recs


def consistent(recs):
    """The numbers have no gaps except for reported losses; times are in order."""
    last = {}
    for r in recs:
        if r["ring"] in last:
            before = last[r["ring"]]
            assert r["seq"] == before["seq"] + 1 + r["lost"], (before, r)
            assert r["ts_ns"] >= before["ts_ns"]
        last[r["ring"]] = r


def payloads(path, want, mode="lines"):
    recs = records(path)
    consistent(recs)
    with open(want, "rb") as f:
        data = f.read()
    if mode == "lines":
        parts = data.split(b"\n")
    elif mode == "null":
        parts = data.split(b"\0")
    else:
        parts = [data, b""]
    if not parts[-1]:
        parts.pop()
    got = [bytes.fromhex(r["hex"]) for r in recs]
    assert got == parts, "%d records, %d parts" % (len(got), len(parts))
    assert [r["seq"] for r in recs] == list(range(1, len(parts) + 1))
    assert not any(r["lost"] for r in recs)


def total(path, published):
    """Every published record was read or lost. Prints both counts."""
    recs = records(path)
    consistent(recs)
    lost = sum(r["lost"] for r in recs)
    assert len(recs) + lost == int(published), (len(recs), lost)
    assert recs[-1]["seq"] == int(published)
    for r in recs:
        assert r["text"] == str(r["seq"]), r
    print(len(recs), lost)


def field(path, name, *want):
    assert [str(r[name]) for r in records(path)] == list(want), \
        [r[name] for r in records(path)]


def document(path, *checks):
    """Every check, a Python expression about the document d, is true."""
    with open(path, "rb") as f:
        d = json.load(f)
    for check in checks:
        assert eval(check, {"d": d}), (check, d)


def valid(path, schema):
    """Every line of the file has the form of docs/reference/json.md."""
    import jsonschema

    with open(schema, "rb") as f:
        form = json.load(f)
    jsonschema.Draft202012Validator.check_schema(form)
    check = jsonschema.Draft202012Validator(form)
    with open(path, "rb") as f:
        lines = f.read().decode("utf-8").splitlines()
    assert lines, "no line"
    for line in lines:
        bad = sorted(check.iter_errors(json.loads(line)), key=lambda e: len(e.path))
        assert not bad, (line, [e.message for e in bad[:2]])


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests bench/report on files that are made up: good ones, and each way to be bad."""

import copy
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REPORT = os.path.join(TREE, "bench", "report")
failed = False


def series(name, median, **more):
    made = {
        "section": "made-up", "name": name, "unit": "ns", "median": median, "q1": median,
        "q3": median + 1, "min": median - 1, "max": median + 2, "disturbed": 0,
        "rounds": [median - 1, median, median + 2],
    }
    made.update(more)
    return made


def point(plot, curve, x, median):
    return series(f"{curve}, {x}", median, plot=plot, curve=curve, x=x)


def good():
    plot = {"section": "made-up", "title": "It's | 100 % made up", "x_label": "record, bytes",
            "y_label": "cost, ns", "log_x": True, "log_y": True, "percentile_x": False}
    return {
        "machine": {
            "cpu": "None at all", "cores": 2, "hypervisor": "TCGTCGTCGTCG",
            "caches": {"L1d": 32768}, "memory": 1 << 30, "kernel": "Linux 6.1.0 x86_64",
            "compiler": "gcc 12", "packages": {"glibc": "2.36"}, "date": "2026-01-01T00:00:00Z",
            "writer_cpu": 0, "reader_cpu": 1,
        },
        "round_ms": 10, "rounds": 3, "quick": False,
        "sections": [{"name": "made-up", "title": "A title", "text": "A paragraph."}],
        "plots": [dict(plot, name="sizes"), dict(plot, name="linear", log_x=False, log_y=False),
                  dict(plot, name="nines", log_x=False, percentile_x=True)],
        "series": [
            series("ours", 10),
            series("theirs | piped", 20, peer="ours", ratio=2, published=1000, lost=50),
        ] + [point(name, curve, x, y * x)
             for name in ("sizes", "linear") for curve, y in (("ours", 1), ("theirs", 3))
             for x in (16, 256, 4096, 65536)]
        + [point("nines", "ours", x, 10 + x) for x in (50, 90, 99, 99.9, 99.99, 100)],
        "notes": [{"section": "made-up", "text": "A remark."}],
        "targets": [{"section": "made-up", "what": "ours, to theirs", "value": 0.5, "unit": "x",
                     "bound": "at_most", "limit": 0.5, "met": True}],
    }


def changed(path, value):
    """The good file with a value in one place; Ellipsis: with nothing there."""
    data = good()
    at = data
    for key in path[:-1]:
        at = at[key]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return data


def run(*args, env=None, program="page.py"):
    return subprocess.run([sys.executable, os.path.join(REPORT, program), *args],
                          capture_output=True, text=True, env=env, check=False)


def test(name, good_so_far, why=""):
    global failed
    if good_so_far:
        print(f"ok report: {name}")
    else:
        print(f"not ok report: {name}" + (f" - {str(why).strip()}" if why else ""))
        failed = True


def write(directory, name, data):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(data if isinstance(data, str) else json.dumps(data))
    return path


def refused(directory, name, data, words):
    out = os.path.join(directory, "refused")
    r = run(write(directory, "bad.json", data), "-o", out)
    said = r.stderr.strip()
    test(f"refused: {name}", r.returncode == 2 and "bad.json" in said and words in said and
         len(said.splitlines()) == 1 and not os.path.exists(out), f"{r.returncode}: {said}")


def test_refusals(directory):
    refused(directory, "not JSON", "{", "")
    refused(directory, "a list", [], "not an object")
    for where, part in (((), good()), (("machine",), good()["machine"]),
                        (("sections", 0), good()["sections"][0]),
                        (("plots", 0), good()["plots"][0]), (("series", 0), good()["series"][0]),
                        (("notes", 0), good()["notes"][0]), (("targets", 0), good()["targets"][0])):
        for key in part:
            if key != "hypervisor":
                refused(directory, f"no {'.'.join(map(str, where + (key,)))}",
                        changed(where + (key,), ...), f"'{key}'")
    text = json.dumps(changed(("series", 0, "median"), 12345))
    for constant in ("NaN", "Infinity", "-Infinity"):
        refused(directory, f"{constant} as a median", text.replace("12345", constant), constant)
    for name, path, value, words in (
            ("null as a median", ("series", 0, "median"), None, "series[0].median"),
            ("a string as a median", ("series", 0, "median"), "10", "series[0].median"),
            ("true as a median", ("series", 0, "median"), True, "series[0].median"),
            ("a number as a name", ("series", 0, "name"), 1, "series[0].name"),
            ("quantiles not in order", ("series", 0, "q1"), 11, "order"),
            ("no rounds", ("series", 0, "rounds"), [], "no rounds"),
            ("more lost than published", ("series", 1, "lost"), 1001, "lost more"),
            ("lost, and nothing published", ("series", 1, "published"), ..., "lost"),
            ("a peer without a ratio", ("series", 1, "ratio"), ..., "ratio"),
            ("a point of no plot", ("series", 2, "plot"), "nowhere", "nowhere"),
            ("a point without x", ("series", 2, "x"), ..., "an x"),
            ("a percentile above 100", ("series", -1, "x"), 100.5, "100.5 is no percentile"),
            ("0 on a logarithmic axis", ("series", 2, "x"), 0, "logarithmic"),
            ("two plots of one name", ("plots", 1, "name"), "sizes", "same name"),
            ("a plot named like a path", ("plots", 0, "name"), "../x", "../x"),
            ("no such bound", ("targets", 0, "bound"), "about", "about"),
            ("a verdict that is wrong", ("targets", 0, "met"), False, "met"),
            ("a verdict on nothing", ("targets", 0, "value"), None, "met")):
        refused(directory, name, changed(path, value), words)
    r = run(os.path.join(directory, "nowhere.json"), "-o", directory)
    test("refused: no file", r.returncode == 2 and "nowhere.json" in r.stderr, r.stderr)
    a = write(directory, "same.json", good())
    os.makedirs(os.path.join(directory, "other"))
    b = write(os.path.join(directory, "other"), "same.json", good())
    r = run(a, b, "-o", os.path.join(directory, "refused"))
    test("refused: two files of one name", r.returncode == 2 and "same.json" in r.stderr, r.stderr)
    for args in ([], [a], [a, "-o", directory, "--check"], [a, "--print", "--check"]):
        r = run(*args)
        test(f"refused: {len(args)} arguments that make no sense",
             r.returncode == 2 and "usage:" in r.stderr, r.stderr)


def checked(directory, name, data, status, words, *args):
    r = run("--check", *args, write(directory, "checked.json", data))
    test(f"check: {name}", r.returncode == status and words in r.stdout and not r.stderr,
         f"{r.returncode}: {r.stdout} {r.stderr}")


def test_checks(directory):
    missed = good()
    missed["targets"].append(dict(missed["targets"][0], what="the other way round",
                                  bound="at_least", value=1.9, limit=2, met=False))
    close = good()
    close["targets"][0].update(value=0.50001, met=False)
    absent = good()
    absent["targets"][0].update(value=None, met=False)
    skipped = good()
    skipped["notes"].append({"section": "made-up", "text": "SKIPPED: not to be had here"})
    both = copy.deepcopy(missed)
    both["notes"] = skipped["notes"]
    none = dict(good(), targets=[])
    checked(directory, "all targets met", good(), 0, "")
    checked(directory, "a target missed", missed, 1, "falls short: made-up: the other way round: 1.90")
    checked(directory, "a target just missed", close, 1, "0.50001 x, wanted <= 0.5")
    checked(directory, "a target without a value", absent, 1, "not measured, wanted <= 0.5")
    checked(directory, "something skipped", skipped, 1, "not measured: made-up: SKIPPED: not to be had")
    checked(directory, "something skipped, which is allowed", skipped, 0, "SKIPPED", "--allow-skips")
    checked(directory, "missed, though skips are allowed", both, 1, "falls short", "--allow-skips")
    checked(directory, "no target at all", none, 1, "no target")
    r = run("--check", write(directory, "a.json", good()), write(directory, "b.json", missed))
    test("check: the second of two files", r.returncode == 1 and "b.json: falls short" in r.stdout
         and "a.json" not in r.stdout, r.stdout)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def test_report(directory):
    out = os.path.join(directory, "docs")
    plots = os.path.join(out, "benchmarks")
    os.makedirs(plots)
    stale = write(plots, "native-gone.svg", "<svg/>")
    kept = write(plots, "other-plot.svg", "<svg/>")
    vm = good()
    vm["targets"][0].update(value=0.7, met=False)
    vm["notes"].append({"section": "made-up", "text": "SKIPPED: not to be had here"})
    files = [write(directory, "native.json", good()), write(directory, "vm-6.1.json", vm)]
    r = run(*files, "-o", out)
    test("report of two files", r.returncode == 0 and not r.stderr, r.stderr)
    if r.returncode:
        return
    for stem in ("native", "vm-6.1"):
        for name in ("sizes", "linear", "nines"):
            base = os.path.join(plots, f"{stem}-{name}")
            test(f"{stem}-{name}.svg is a picture", len(read(base + ".svg")) > 5000)
            svg = xml.etree.ElementTree.fromstring(read(base + ".svg"))
            texts = "".join(svg.itertext())
            test(f"{stem}-{name}.svg has title and curves",
                 "It's | 100 % made up" in texts and "ours" in texts)
    test("a plot that is no more is removed", not os.path.exists(stale))
    test("a plot of something else is not", os.path.exists(kept))
    page = read(os.path.join(out, "benchmarks.md")).decode()
    for words in ("Natively, on Linux 6.1.0", "In a virtual machine with the module",
                  "1 of 1 targets are met", "0 of 1 targets are met", "**NOT MET**",
                  "**SKIPPED: not to be had here**", "2.00 x ours", "| 5 % |", "theirs \\| piped",
                  "- A remark.", "A paragraph.", "benchmarks/native-sizes.svg", "64 KiB", "99.9 %",
                  "| max |", "TCG"):
        test(f"the page says '{words}'", words in " ".join(page.split()))
    before = {name: read(os.path.join(plots, name)) for name in os.listdir(plots)}
    again = [os.path.join(plots, "native.json"), os.path.join(plots, "vm-6.1.json")]
    r = run(*again, "-o", out)
    after = {name: read(os.path.join(plots, name)) for name in os.listdir(plots)}
    test("the same from the files kept beside the page", r.returncode == 0 and before == after and
         page == read(os.path.join(out, "benchmarks.md")).decode(), r.stderr)
    bare = os.path.join(directory, "bare")
    os.makedirs(bare)
    os.symlink(sys.executable, os.path.join(bare, "python3"))
    r = run(files[0], "-o", os.path.join(directory, "none"), env={"PATH": bare})
    test("without gnuplot", r.returncode == 3 and "there is no gnuplot" in r.stderr, r.stderr)
    write(bare, "gnuplot", "#!/bin/sh\necho it broke >&2\nexit 1\n")
    os.chmod(os.path.join(bare, "gnuplot"), 0o755)
    r = run(files[0], "-o", os.path.join(directory, "none"), env={"PATH": bare + ":/bin"})
    test("with a gnuplot that fails", r.returncode == 3 and "it broke" in r.stderr, r.stderr)
    r = run(files[0], "-o", write(directory, "file", ""))
    test("where no directory can be", r.returncode == 3 and "file" in r.stderr, r.stderr)


# Evaluation


def samples(*lines, **header):
    """A file: a run, and lines of the section "bulk" unless they say otherwise."""
    first = dict({key: good()[key] for key in ("machine", "round_ms", "rounds", "quick")}, **header)
    common = {"part": "bulk", "section": "bulk", "disturbed": 0, "published": 100, "lost": 0,
              "readers": 1, "writer_ns": 100, "ring_bytes": 1 << 20}
    return "".join(json.dumps(line) + "\n" for line in [first] + [dict(common, **x) for x in lines])


OURS, FLAGS = "ring, 1 KiB, writer flat out", "flag per record, no overwriting"


def rounds(contender, *values, **more):
    """A value in a tuple was disturbed."""
    return [dict(dict(contender=contender, round=i, disturbed=int(isinstance(v, tuple)),
                      delivered_per_us=v[0] if isinstance(v, tuple) else v), **more)
            for i, v in enumerate(values)]


def evaluated(directory, *files):
    """The result of evaluate.py; if it fails, its process."""
    paths = [write(directory, f"samples{i}.jsonl", text) for i, text in enumerate(files)]
    out = os.path.join(directory, "evaluated.json")
    r = run(*paths, out, program="evaluate.py")
    if r.returncode:
        return r
    with open(out, encoding="utf-8") as f:
        data = json.load(f)
    r = run("--print", out)
    test("evaluation: page.py takes it", r.returncode == 0, r.stderr)
    return data


def by_name(data):
    return {s["name"]: s for s in data["series"]}


def test_evaluation(directory):
    # The outlier was disturbed. The ratios are 1, 2 and 4, while that of the medians is 2.5.
    data = evaluated(directory, samples(*rounds(OURS, 2, 6, 5, (1000,)),
                                        *rounds(FLAGS, 2, 3, 1.25, 500)))
    ours = by_name(data)[OURS]
    test("evaluation: median and quartiles of undisturbed rounds",
         [ours[key] for key in ("min", "q1", "median", "q3", "max")] == [2, 3.5, 5, 5.5, 6]
         and ours["disturbed"] == 1 and ours["rounds"] == [2, 6, 5, 1000], ours)
    test("evaluation: the ratio is taken round by round", ours["ratio"] == 2 and ours["peer"] == FLAGS)
    target = data["targets"][0]
    test("evaluation: a target that is met", target["met"] and target["value"] == 2 and
         target["limit"] == 0.7 and target["bound"] == "at_least", target)
    data = evaluated(directory, samples(*rounds(OURS, (1,), (2,), 900), *rounds(FLAGS, 4, 4, 4)))
    test("evaluation: all rounds, if most were disturbed",
         by_name(data)[OURS]["median"] == 2 and not data["targets"][0]["met"], data["targets"])
    data = evaluated(directory, samples(*rounds(FLAGS, 4, 4)))
    test("evaluation: no target without our figure", not data["targets"] and OURS not in by_name(data))
    data = evaluated(directory, samples(*rounds(OURS, 1), *rounds(FLAGS, 0)))
    test("evaluation: no ratio to nothing", "ratio" not in by_name(data)[OURS] and
         data["targets"][0]["value"] is None and not data["targets"][0]["met"])
    lossy = {"section": "growth-4k", "part": "growth", "readers": 2, "published": 50, "lost": 10}
    data = evaluated(directory, samples(*rounds("ring, 4 KiB", 5, 5, **lossy)))
    ring = by_name(data)["ring, 4 KiB"]
    test("evaluation: losses of all readers and rounds", (ring["published"], ring["lost"]) == (200, 20))
    slow = {"section": "latency-sleep", "part": "latency-sleep", "ns_per_tick": 0.5,
            "contender": "pipe", "ticks_counts": [[100, 50], [200, 49], [1000, 1]]}
    data = evaluated(directory, samples(*[dict(slow, round=i) for i in range(30)]))
    p50, p99 = (by_name(data)[f"pipe, p{p}"]["median"] for p in (50, 99))
    tail = {s["x"]: s["median"] for s in data["series"] if s.get("curve") == "pipe"}
    test("evaluation: percentiles of a round", (p50, p99) == (75, 125), (p50, p99))
    test("evaluation: percentiles of all rounds", tail[50] == 75 and tail[100] == 500 and
         99.5 in tail and 99.9 not in tail, tail)
    skipped = json.dumps({"part": "bpf", "section": "bpf", "note": "SKIPPED: no BPF"}) + "\n"
    data = evaluated(directory, samples() + skipped)
    test("evaluation: a section that is skipped", data["notes"][0]["text"] == "SKIPPED: no BPF" and
         data["sections"][0]["name"] == "bpf" and not data["series"], data)
    data = evaluated(directory, samples(*rounds(OURS, 1)), samples(
        *rounds("seqring, 64 B", 1, section="streams-cost"), rounds=77))
    test("evaluation: two files", data["rounds"] == 3 and
         [s["name"] for s in data["sections"]] == ["bulk", "streams-cost"], data)
    other = dict(good()["machine"], kernel="Linux 4.4")
    unknown = {"section": "made-up", "contender": "x", "round": 0}
    for name, files, words in (
            ("not JSON", ("{",), "samples0.jsonl"), ("nothing", ("",), "begin with a run"),
            ("no run", (samples(*rounds(OURS, 1)).split("\n", 1)[1],), "begin with a run"),
            ("a line without a section", (samples() + "{}\n",), "without a section"),
            ("a list", (samples() + "[]\n",), "samples0.jsonl"),
            ("an unknown section", (samples(unknown),), "'made-up'"),
            ("another kernel", (samples(), samples(machine=other)), "another kernel")):
        r = evaluated(directory, *files)
        test(f"evaluation: refused: {name}", isinstance(r, subprocess.CompletedProcess) and
             r.returncode == 2 and words in r.stderr and len(r.stderr.splitlines()) == 1, r)
    r = run(os.path.join(directory, "nowhere.jsonl"), "out", program="evaluate.py")
    test("evaluation: refused: no file", r.returncode == 3 and "nowhere.jsonl" in r.stderr, r.stderr)
    test("evaluation: refused: no argument", run(program="evaluate.py").returncode == 2)


def main():
    with tempfile.TemporaryDirectory() as directory:
        test_refusals(directory)
        test_checks(directory)
        test_report(directory)
        test_evaluation(directory)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
run.py [--set native|libring|bpf|kmod|model]... [NAME...]: takes one safeguard at a time out
of the protocol's headers, of libring, of what is there for BPF writers, and of the module,
builds with what is left, and requires that a test fails. NAME: only mutants with that in
their names. Each mutant replaces a text that occurs exactly once; one whose text has gone
is a failure, not a pass.

run.py --check: whether all of these texts are there, and docs/mutants.md is of these mutants.
run.py --write-doc: writes docs/mutants.md from the results that are kept in build/.
"""
import argparse
import os
import re
import subprocess
import sys

# The tree is to stay as it is.
sys.dont_write_bytecode = True
import anchor_test
import bpf
import kmod
import libring
import native
import results
import vm
from outcome import fails

TOP = results.TOP
# The sets whose mutants are texts of the code.
CODE = ("native", "libring", "bpf", "kmod")


def run_native(wanted):
    for mutant, by, why in native.run(wanted):
        yield mutant, by, by or why


def run_bpf(wanted):
    why = bpf.missing(TOP)
    if why:
        print("skip mutants of BPF rings - %s" % why)
        return
    os.makedirs(native.DIR, exist_ok=True)
    for kind in bpf.ALL:
        bpf.mutate(TOP, native.DIR, bpf.BPF, "", "")
        commands, limit = bpf.detector(TOP, native.DIR, bpf.BPF, kind)
        if any(fails(cmd, limit) for cmd in commands):
            yield None, kind, ""
            return
    for mutant in bpf.MUTANTS:
        name, source, old, new, kind = mutant
        if not wanted(mutant):
            continue
        found = bpf.mutate(TOP, native.DIR, source, old, new)
        if found != 1:
            yield mutant, None, "its text occurs %d times in %s" % (found, source)
            continue
        commands, limit = bpf.detector(TOP, native.DIR, source, kind)
        if any(fails(cmd, limit) for cmd in commands):
            yield mutant, kind, kind
        else:
            yield mutant, None, "survived %s" % kind


def run_kmod(wanted):
    """One kernel's tests are enough to catch it."""
    caught, open_ones = set(), {}
    for mutant, by, what, kernel in vm.run(wanted, lambda text: print(text, flush=True)):
        if mutant[0] == vm.PLAIN:
            yield None, by, what
            return
        if by:
            caught.add(mutant[0])
            at = "@" if kernel.startswith("debug") else ""
            yield mutant, at + by, (what + " ")[:70].strip()
        elif what:
            yield mutant, None, what
        else:
            open_ones[mutant[0]] = mutant
    for name, mutant in open_ones.items():
        if name not in caught:
            yield mutant, None, "survived " + mutant[4]


def run_model(_):
    """The models know their own; here their results are only taken over."""
    for suite, command in (("model", None), ("spin", ["tests/proof/spin/spin.sh"]),
                           ("litmus", ["tests/proof/litmus/run.py"])):
        if command is None:
            os.makedirs(native.DIR, exist_ok=True)
            native.build("model", os.path.join(TOP, "include"), "tests/proof/model/model.cc", [])
            command = [os.path.join(native.DIR, "model")]
        out = subprocess.run(command, cwd=TOP, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False).stdout
        for name, by in model_lines(suite, out):
            yield (name, suite), by and f"{suite}: {by}", by or "not caught"


# What a suite says of a mistake: (pattern with not, name and perhaps what fell, what fell)
MODEL_LINES = {
    "model": (r"(not )?ok model: without (.*?)(?:, caught by (.*)| - .*)$", None),
    "spin": (r"(not )?ok spin (\w+.* with \S+) is caught()", "the search"),
    # A broken twin allows what its case must not.
    "litmus": (r"(not )?ok litmus (\S+\+\S+?)()(?:: | - )", "what it forbids happens"),
}


def model_lines(suite, out):
    pattern, what = MODEL_LINES[suite]
    for match in re.finditer(pattern, out, re.M):
        yield match.group(2), None if match.group(1) else what or match.group(3)


def model_place(suite, name):
    return {"model": "tests/proof/model/model.cc", "spin": f"tests/proof/model/{name.split()[0].strip(':')}.pml",
            "litmus": f"tests/proof/litmus/{name}.litmus"}[suite]


def run_libring(wanted):
    for mutant, by, why in libring.run(wanted):
        yield mutant, by, by or why


RUN = {"native": run_native, "libring": run_libring, "bpf": run_bpf, "kmod": run_kmod,
       "model": run_model}


def known(name):
    """Every mutant of a set, with where its text stands; of the model what its results say."""
    if name == "native":
        return [(m, "include/seqring/" + m[1], m[2]) for m in native.MUTANTS]
    if name == "bpf":
        return [(m, m[1], m[2]) for m in bpf.MUTANTS]
    if name == "libring":
        return [(m, "libring/" + m[1], m[2]) for m in libring.MUTANTS]
    return [(m, "kmod/" + m[1], m[2]) for m in kmod.ALL]


def chooser(name, words, rest):
    """Which mutants of that set: with one of these words, or all; with @rest only those that
    have no result yet."""
    def chosen(mutant):
        if words and not any(word in mutant[0] for word in words):
            return False
        result = results.load().get(f"{name}: {mutant[0]}", {}) if rest else {}
        return not (result.get("key") == results.key(mutant) and result.get("by"))
    return chosen


def run(names, words, rest):
    bad = 0
    for name in names:
        for mutant, by, what in RUN[name](chooser(name, words, rest)):
            if mutant is None:
                print(f"not ok mutants: {by} fails without any mutation: {what}", flush=True)
                bad += 1
                continue
            if by:
                print(f"ok mutants: {mutant[0]}, caught by {by} {what if what != by else ''}",
                      flush=True)
            else:
                print(f"not ok mutants: {mutant[0]} - {what}", flush=True)
                bad += 1
            results.keep(f"{name}: {mutant[0]}",
                         {"key": results.key(mutant), "by": by, "what": what})
    return bad


def collect():
    """{set: rows} of what has a result that is still that mutant's."""
    kept, sets = results.load(), {}
    for name in CODE:
        rows = []
        for mutant, path, text in known(name):
            result = kept.get(f"{name}: {mutant[0]}", {})
            ours = result.get("key") == results.key(mutant)
            by = result.get("by") if ours else None
            what = result.get("what", "")
            if by and name == "kmod" and what:
                by = f"{by}: {what.removeprefix('not ok ').split(' - ')[0]}"
            rows.append((mutant[0], f"{path}:{results.line_of(path, text)}", by))
        sets[name] = rows
    sets["model"] = []
    for key, result in sorted(kept.items()):
        kind, _, name = key.partition(": ")
        if kind == "model":
            suite, _, what = (result["by"] or ":").partition(": ")
            sets["model"].append((name, model_place(suite, name) if suite else "", what or None))
    return sets


def check():
    """In seconds: the list is one of this tree, and the document is of the list."""
    bad, names = 0, []
    for why in anchor_test.failures():
        print(f"not ok mutants: matcher: {why}")
        bad += 1
    with open(results.DOC) as f:
        doc = f.read()
    for name in CODE:
        for mutant, path, text in known(name):
            names.append(f"{name}: {mutant[0]}")
            with open(os.path.join(TOP, path)) as f:
                count = f.read().count(text)
            if count != 1:
                print(f"not ok mutants: {mutant[0]} - its text occurs {count} times in {path}")
                bad += 1
            if not re.search(r"^\| %s \| .* \| [^*]+ \|$" % re.escape(results.cell(mutant[0])), doc,
                             re.M):
                print(f"not ok mutants: {mutant[0]} - docs/mutants.md does not say what caught it")
                bad += 1
    if len(set(names)) != len(names):
        print("not ok mutants: two have one name")
        bad += 1
    rows = len(re.findall(r"^\| (?!mutant \||---)", doc, re.M))
    stale = rows - len(names)
    if stale < 0 or "**not caught**" in doc:
        print("not ok mutants: docs/mutants.md has some that are not caught, or too few")
        bad += 1
    if not bad:
        print(f"ok mutants: {len(names)} of the code are there and in docs/mutants.md")
        print("ok mutants: all of them were caught")
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--set", action="append", choices=sorted(RUN), dest="sets")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write-doc", action="store_true")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rest", action="store_true",
                        help="only those that no run before has seen caught")
    args = parser.parse_args()
    if args.check:
        return 1 if check() else 0
    if args.write_doc:
        results.write_doc(collect(), kmod.UNSEEN + libring.UNSEEN)
        return 0
    return 1 if run(args.sets or ["native", "libring", "model", "bpf", "kmod"], args.names,
                    args.rest) else 0


if __name__ == "__main__":
    sys.exit(main())

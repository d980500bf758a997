#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
run.py [--set native|libring|bpf|kmod|fleet|ringctl|python|model]... [NAME...]: removes one safeguard at a
time from the protocol's headers, libring, the BPF writer, the module, the agent, ringctl and the Python
module, builds the rest, and requires that a test fails. NAME: only mutants with that text in their
names. anchor.py finds the place of a mutant; a place that is not found is a failure.

run.py --check: every mutant has its place, and docs/evidence/mutants.md lists exactly these mutants.
run.py --sample N [--seed S] [--set SET]...: runs N mutants, spread over the sets.
run.py --write-doc: writes docs/evidence/mutants.md. Results in build/ replace those of the page.
"""
import argparse
import os
import random
import sys

# No __pycache__ in the tree.
sys.dont_write_bytecode = True
import anchor
import anchor_test
import bpf
import fleet
import kmod
import libring
import model
import native
import python
import results
import ringctl
import vm

# The sets of mutants of the code.
CODE = {"native": native.SET, "libring": libring.SET, "bpf": bpf.SET, "kmod": kmod.SET,
        "fleet": fleet.SET, "ringctl": ringctl.SET, "python": python.SET}
RUN = {"native": native.run, "libring": libring.run, "model": model.run, "bpf": bpf.run,
       "kmod": vm.run, "fleet": fleet.run, "ringctl": ringctl.run,
       "python": python.run}


def lost(names):
    """Yields (mutant, why) for each mutant that does not find its place."""
    for name in names:
        for m in CODE[name].mutants if name in CODE else ():
            try:
                CODE[name].mutate(m)
            except anchor.Lost as why:
                yield m, why


def run(names, wanted):
    """Runs the mutants of some sets. @wanted(set, mutant). Returns {result: count}."""
    counts = {"caught": 0, "not caught": 0, "broken": 0}
    gone = dict(lost(names))
    for m, why in gone.items():
        print(f"not ok mutants: {m.name} - {why}", flush=True)
        counts["broken"] += 1
    for name in names:
        for m, by, what in RUN[name](lambda m, name=name: m not in gone and wanted(name, m)):
            if m is None:
                print(f"not ok mutants: {by} fails without any mutation: {what}", flush=True)
                counts["broken"] += 1
                continue
            if by:
                print(f"ok mutants: {m.name}, caught by {by} {what if what != by else ''}",
                      flush=True)
            else:
                print(f"not ok mutants: {m.name} - {what}", flush=True)
            counts["caught" if by else "not caught"] += 1
            results.keep(f"{name}: {m.name}", {"key": results.key(m), "by": by, "what": what})
    return counts


def has_result(kept, name, m):
    result = kept.get(f"{name}: {m.name}", {})
    return result.get("key") == results.key(m) and result.get("by")


def sample(count, seed, sets):
    """{set: names}: one mutant of each set first, then in proportion to the sets' sizes."""
    every = {name: [m.name for m in s.mutants] for name, s in CODE.items()}
    every["model"] = model.listed()
    order = []
    for name in sets:
        mutants = every[name]
        random.Random(f"{seed} {name}").shuffle(mutants)
        order += [(i > 0, (i + 0.5) / len(mutants), name, m) for i, m in enumerate(mutants)]
    picked = {name: set() for name in RUN}
    for _, _, name, m in sorted(order)[:count]:
        picked[name].add(m)
    return picked


def run_sample(count, seed, sets):
    picked = sample(count, seed, sets)
    total = sum(len(names) for names in picked.values())
    for name, names in picked.items():
        print(f"# {name}: {len(names)} of the sample")
    counts = run([name for name in picked if picked[name]],
                 lambda name, m: m.name in picked[name])
    skipped = total - counts["caught"] - counts["not caught"]
    print(f"# sample of {total}, seed {seed}: {counts['caught']} caught, "
          f"{counts['not caught']} not caught, {skipped} not run")
    return counts


def caught_by(name, result):
    """The words of the page for a result."""
    by, what = result.get("by"), result.get("what", "")
    if by and name == "kmod" and what:
        return f"{by}: {what.removeprefix('not ok ').split(' - ')[0]}"
    return what if by and name == "model" else by


def collect():
    """The page's rows now: newer results first, then those that the page has."""
    kept, page, sets = results.load(), results.rows(), {}
    known = {name: {row[0]: row[2] for row in rows} for name, rows in page.items()}
    for name, code in CODE.items():
        sets[name] = []
        for m in code.mutants:
            result = kept.get(f"{name}: {m.name}", {})
            by = caught_by(name, result) if result.get("key") == results.key(m) else \
                known[name].get(m.name)
            sets[name].append((m.name, code.place(m), by))
    new = {key.partition(": ")[2]: caught_by("model", result) for key, result in kept.items()
           if key.startswith("model: ")}
    every = sorted({**known["model"], **new}.items())
    sets["model"] = [(name, model.place(name), by) for name, by in every if model.exists(name)]
    return sets


def page_mistakes():
    """Return: each way in which docs/evidence/mutants.md differs from the mutants."""
    bad, page = [], results.rows()
    for name, rows in collect().items():
        wanted, listed = {row[:2] for row in rows}, {row[:2] for row in page[name]}
        bad += [f"docs/evidence/mutants.md lacks: {' | '.join(row)}" for row in sorted(wanted - listed)]
        bad += [f"docs/evidence/mutants.md still has: {' | '.join(row)}" for row in sorted(listed - wanted)]
        bad += [f"docs/evidence/mutants.md does not say what caught: {row[0]}" for row in page[name]
                if row[2] == results.MISSED]
        bad += [f"docs/evidence/mutants.md has two of: {row[0]}" for row in set(page[name])
                if page[name].count(row) > 1]
    if bad:
        more = [f"and {len(bad) - 10} more lines of that page"] if len(bad) > 10 else []
        bad = bad[:10] + more + ["tests/mutants/run.py --write-doc writes the page; a mutant "
                                 "without a result has to run first"]
    return bad


def check():
    """Returns how many mistakes the list and the page have."""
    bad = [f"matcher: {why}" for why in anchor_test.failures()]
    bad += [f"{m.name} - {why}" for m, why in lost(CODE)]
    every = [m.name for code in CODE.values() for m in code.mutants]
    bad += [f"{name} - two mutants have that name" for name in set(every) if every.count(name) > 1]
    bad = bad or page_mistakes()
    for why in bad:
        print(f"not ok mutants: {why}")
    if not bad:
        print(f"ok mutants: all {len(every)} mutants of the code find their places")
        print("ok mutants: docs/evidence/mutants.md lists exactly these mutants, all caught")
    return len(bad)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--set", action="append", choices=sorted(RUN), dest="sets")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write-doc", action="store_true")
    parser.add_argument("--sample", type=int, metavar="N")
    parser.add_argument("--seed", default="1")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rest", action="store_true",
                        help="only mutants that no earlier run has seen caught")
    args = parser.parse_args()
    os.chdir(results.TOP)
    if args.check:
        return 1 if check() else 0
    if args.write_doc:
        results.write_doc(collect(), kmod.UNSEEN + libring.UNSEEN)
        return 0
    if args.sample:
        counts = run_sample(args.sample, args.seed, args.sets or list(RUN))
    else:
        kept = results.load() if args.rest else {}
        counts = run(args.sets or list(RUN), lambda name, m:
                     (not args.names or any(text in m.name for text in args.names)) and
                     not has_result(kept, name, m))
    return 1 if counts["not caught"] or counts["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())

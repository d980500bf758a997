# SPDX-License-Identifier: GPL-2.0-only
"""
The results of the mutants: build/mutants.json holds those of this tree's runs, docs/evidence/mutants.md
the last known one of each mutant.
"""
import fcntl
import hashlib
import json
import os
import re

from mutant import TOP

FILE = os.path.join(TOP, "build", "mutants.json")
DOC = os.path.join(TOP, "docs", "evidence", "mutants.md")
MISSED = "**not caught**"

HEAD = """# Mutants

A mutant is the tree with one safeguard removed or weakened. Each line names the mutant, the
definition it changes and the test that failed. A test that no mutant makes fail proves nothing.
A safeguard that no test misses is either superfluous or untested.

`make mutants` runs all of them and writes this page, which takes more than an hour on two cores.
It does not change the sources. Results are those of the last whole run, except that a run of
single mutants followed by `tests/mutants/run.py --write-doc` replaces their lines. `make test`
checks that the page lists exactly the mutants of the tree (suite mutants-list).

{total} mutants, {caught} caught.

"""

SETS = [
    ("native", "The protocol, in the headers of include/seqring",
     "Each is built into its test on this machine. The next section has what x86 cannot show."),
    ("model", "Ordering",
     "Each weakens one side of one ordering pair, in relacy's model of C11 (tests/proof/model/model.cc), "
     "in the kernel's memory model (tests/proof/litmus) or in Spin's state machines."),
    ("libring", "The library", "The changed file is linked into the unit tests."),
    ("bpf", "BPF writers and readers, in bpf.h and libring",
     "The changed program is loaded into this kernel, or the changed libring runs against it."),
    ("kmod", "The module",
     "Each is built and loaded in the VM. `@`: on the kernel with KASAN, lockdep, kmemleak and "
     "fault injection. `kernel`: the kernel itself complained."),
    ("fleet", "The agent, and its messages",
     "The changed agent, or ringctl fetch, runs against real servers: a test of tests/fleet must fail."),
    ("ringctl", "The commands of ringctl",
     "The changed ringctl runs as a user runs it: a test of tests/cli must fail."),
    ("python", "The Python module", "A test of tests/bindings/python.py must fail with the changed module."),
]


def key(mutant):
    """Changes with the mutant, so that a run with --rest does not trust an older result."""
    return hashlib.sha256(repr(mutant).encode()).hexdigest()[:16]


def load():
    try:
        with open(FILE, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def keep(name, result):
    """Stores one result. Sets may run at the same time, so the file is read again."""
    os.makedirs(os.path.dirname(FILE), exist_ok=True)
    with open(FILE + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        results = load()
        results[name] = result
        with open(FILE + ".new", "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1, sort_keys=True)
        os.rename(FILE + ".new", FILE)


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def rows():
    """{set: [(mutant, where, caught by)]} of the page."""
    sets, now = {name: [] for name, _, _ in SETS}, None
    titles = {f"## {title}": name for name, title, _ in SETS}
    with open(DOC, encoding="utf-8") as f:
        for line in f:
            if line.startswith("## "):
                now = titles.get(line.strip())
            row = re.match(r"\| (.*) \| (.*) \| (.*) \|$", line)
            if now and row and row.group(1) != "mutant":
                sets[now].append(tuple(text.replace("\\|", "|") for text in row.groups()))
    return sets


def write_doc(sets, unseen):
    """@sets: as rows() returns it; caught by None: not caught."""
    every = [row for found in sets.values() for row in found]
    with open(DOC, "w", encoding="utf-8") as f:
        f.write(HEAD.format(total=len(every),
                            caught=sum(1 for row in every if row[2] not in (None, MISSED))))
        for name, title, text in SETS:
            f.write(f"## {title}\n\n{text}\n\n| mutant | where | caught by |\n|---|---|---|\n")
            for row in sets[name]:
                f.write("| %s |\n" % " | ".join(cell(text or MISSED) for text in row))
            f.write("\n")
        f.write("## Safeguards that no mutant can show\n\n"
                "No test fails without them, for the reason given.\n\n")
        for what, why in unseen:
            f.write(f"- {what}: {why}\n")

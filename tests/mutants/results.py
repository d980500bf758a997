# SPDX-License-Identifier: GPL-2.0-only
"""
What the mutants came to, kept from run to run in build/mutants.json, and docs/mutants.md,
which is written from it.
"""
import fcntl
import hashlib
import json
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILE = os.path.join(TOP, "build", "mutants.json")
DOC = os.path.join(TOP, "docs", "mutants.md")

HEAD = """# Mutants

Each line is a safeguard that was taken out or weakened, alone, and the test that fell. A
test that no such change can make fail proves nothing; a safeguard that nothing misses is
not needed, or not tested. `make mutants` does all of it again and writes this page, which
takes {minutes}; the tree itself is not touched. `make test` checks that the page lists
the mutants that there are now (suite mutants-list).

{total} mutants, {caught} caught.

"""

SETS = [
    ("native", "The protocol, in writer.h, reader.h and barrier.h",
     "Built into a test of its own each, on this machine. What x86 cannot show is below."),
    ("model", "Ordering",
     "One side of one ordering pair weakened at a time, in relacy's model of C11 "
     "(tests/proof/model/model.cc), in the kernel's (tests/proof/litmus) and in Spin's state machines."),
    ("libring", "The library", "The file built once more, and linked into the unit tests."),
    ("bpf", "BPF writers, in bpf.h and libring", "Loaded into this kernel, or in libring against it."),
    ("kmod", "The module",
     "Each built and loaded in the VM. `@`: on the kernel with KASAN, lockdep, kmemleak and fault "
     "injection; `kernel`: it complained itself."),
]


def key(mutant):
    """Changes with the mutant, so that an old result is not taken for a new one's."""
    return hashlib.sha256(repr(mutant).encode()).hexdigest()[:16]


def load():
    try:
        with open(FILE) as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def keep(name, result):
    """Sets may run at the same time, so what others have written since is kept as well."""
    os.makedirs(os.path.dirname(FILE), exist_ok=True)
    with open(FILE + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        results = load()
        results[name] = result
        with open(FILE + ".new", "w") as f:
            json.dump(results, f, indent=1, sort_keys=True)
        os.rename(FILE + ".new", FILE)


def line_of(path, text):
    """Where the text stands, by number, in a file of the tree."""
    with open(os.path.join(TOP, path)) as f:
        whole = f.read()
    start = whole.find(text) + len(text) - len(text.lstrip("\n"))
    return whole.count("\n", 0, start) + 1


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def write_doc(sets, unseen, minutes="more than an hour on two cores"):
    """@sets: {set: [(name, place, caught by or None)]}"""
    total = sum(len(rows) for rows in sets.values())
    caught = sum(1 for rows in sets.values() for row in rows if row[2])
    with open(DOC, "w") as f:
        f.write(HEAD.format(total=total, caught=caught, minutes=minutes))
        for name, title, text in SETS:
            if not sets.get(name):
                continue
            f.write(f"## {title}\n\n{text}\n\n| mutant | where | caught by |\n|---|---|---|\n")
            for row in sets[name]:
                f.write("| %s | %s | %s |\n" % (cell(row[0]), cell(row[1]),
                                                cell(row[2] or "**not caught**")))
            f.write("\n")
        f.write("## What no mutant can show\n\nThese safeguards are there; no test falls without "
                "them, for the reason given.\n\n")
        for what, why in unseen:
            f.write(f"- {what}: {why}\n")

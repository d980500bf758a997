# SPDX-License-Identifier: GPL-2.0-only
"""
The mistakes that the models of the ordering make on purpose. The models know and run them; this
set only takes over the results. A mutant's place is its file; its test is the suite.
"""
import os
import re
import subprocess

import native
import results
from mutant import TOP, Mutant

# suite: the line it prints for a mistake (`not`, name, what failed), and what failed if the line
# does not say
SUITES = {
    "model": (r"(not )?ok model: ([A-Z]+: .*?)(?:, caught by (.*)| - .*)$", None),
    "spin": (r"(not )?ok spin ((?:wake|life): .*), caught()", "the search"),
    # A broken twin reaches the condition that its test must not reach.
    "litmus": (r"(not )?ok litmus (\S+\+\S+?)()(?:: | - )", "the forbidden outcome is reachable"),
}


def parse(suite, out):
    """Yields (name, what failed or None) of each mistake in the output."""
    pattern, what = SUITES[suite]
    for match in re.finditer(pattern, out, re.M):
        yield match.group(2), None if match.group(1) else what or match.group(3)


def suite_of(name):
    """The suite of a mistake, by the shape of its name."""
    if re.match(r"(wake|life): ", name):
        return "spin"
    return "model" if " " in name else "litmus"


def place(name):
    stem = name.split()[0].strip(":")
    return {"model": "tests/proof/model/model.cc", "spin": f"tests/proof/spin/{stem}.pml",
            "litmus": f"tests/proof/litmus/{name}.litmus"}[suite_of(name)]


def listed():
    """The names on the page."""
    return [row[0] for row in results.rows()["model"]]


def exists(name):
    """True if the proofs in the tree still make that mistake."""
    # spin.sh lists the mistakes of the state machines.
    path = "tests/proof/spin/spin.sh" if suite_of(name) == "spin" else place(name)
    path = os.path.join(TOP, path)
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as f:
        text = f.read()
    line = {"model": f'"{re.escape(name)}"',
            "spin": r"^\s(.* )?%s$" % re.escape(name.rpartition(": ")[2]), "litmus": ""}
    return re.search(line[suite_of(name)], text, re.M) is not None


def command(suite):
    if suite == "model":
        os.makedirs(native.DIR, exist_ok=True)
        return [native.build("model", os.path.join(TOP, "include"), "tests/proof/model/model.cc", [])]
    return {"spin": ["tests/proof/spin/spin.sh"], "litmus": ["tests/proof/litmus/run.py"]}[suite]


def mistake(name):
    return Mutant(name, place(name), (), suite_of(name))


def run(wanted):
    """Yields (mutant, caught by, what). A suite without a wanted mistake on the page does not run,
    except for one that the page does not know yet."""
    known = [mistake(name) for name in listed()]
    skipped = {m.tests for m in known} - {m.tests for m in known if wanted(m)}
    for suite in (suite for suite in SUITES if suite not in skipped):
        out = subprocess.run(command(suite), cwd=TOP, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False).stdout
        for name, what in parse(suite, out):
            m = mistake(name)
            if wanted(m):
                yield m, what and f"{suite}: {what}", what or "not caught"

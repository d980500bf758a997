#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
guarantees.py [--later SUITE...]: checks docs/guarantees.md against the tests that ran. The
logs of tests/run.sh in build/log must show that each test that the page names ran and passed
in the suite that the page names. Run this after the other suites, in the same directory.

A paragraph `Shown by: SUITE \\`PATTERN\\`, \\`PATTERN\\`; SUITE ...` names the tests, by shell
patterns. `(by hand)` instead of a suite means that no suite runs the test. The suites after
--later run in a longer tier, so their tests may be absent here.
"""
import argparse
import fnmatch
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOC = os.path.join(TOP, "docs", "guarantees.md")


def promises(text):
    """Yields (number and title, text) of each guarantee."""
    parts = re.split(r"^## (\d+\. .*)$", text, flags=re.M)
    yield from zip(parts[1::2], parts[2::2])


def tests(suite):
    """Return: {test: whether it passed} of the suite, or None if the suite did not run."""
    try:
        with open(os.path.join(TOP, "build", "log", f"{suite}.log"), errors="replace") as f:
            log = f.read()
    except FileNotFoundError:
        return None
    found = {}
    for line in log.splitlines():
        match = re.match(r"(not )?ok (?:\d+ - )?(.*?)( - .*)?$", line)
        if match and "# SKIP" not in line:
            name = match.group(2).strip()
            found[name] = found.get(name, True) and not match.group(1)
    return found


def shown_by(text):
    """Yields (suite, pattern) of each test that a guarantee names."""
    for paragraph in re.findall(r"^Shown by: (.*?)(?:\n\n|\Z)", text, flags=re.M | re.S):
        for part in paragraph.replace("\n", " ").rstrip(". ").split(";"):
            part = part.strip()
            suite, _, rest = part.partition(" ")
            if part.startswith("(by hand)"):
                continue
            for pattern in re.findall(r"`([^`]+)`", rest):
                yield suite, pattern


def check(title, text, cache, later):
    pairs = list(shown_by(text))
    problems = [] if pairs or "Shown by: (by hand)" in text else ["the page names no test"]
    for suite, pattern in pairs:
        if suite in later:
            continue
        if suite not in cache:
            cache[suite] = tests(suite)
        if cache[suite] is None:
            problems.append(f"suite {suite} was not run")
            continue
        names = fnmatch.filter(cache[suite], pattern)
        if not names:
            problems.append(f"{suite} has no test {pattern}")
        problems += [f"{suite}: {name} failed" for name in names if not cache[suite][name]]
    name = f"guarantee {title}"
    if pairs and all(suite in later for suite, _ in pairs):
        print(f"# {name}: shown by make test-long")
        return True
    print(f"not ok {name} - {'; '.join(sorted(set(problems)))}" if problems else f"ok {name}")
    return not problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--later", nargs="*", default=[])
    later = set(parser.parse_args().later)
    with open(DOC) as f:
        text = f.read()
    cache = {}
    results = [check(title, body, cache, later) for title, body in promises(text)
               if not title.endswith("What is not promised")]
    numbers = [int(title.split(".")[0]) for title, _ in promises(text)]
    if not results or numbers != list(range(1, len(numbers) + 1)):
        print(f"not ok guarantee numbers - {numbers}")
        results.append(False)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

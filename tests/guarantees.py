#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Holds docs/guarantees.md to what ran: each test that it names must have been run and have
passed in the suite that it names, by the logs that tests/run.sh keeps in build/log. Run
after the others, in the same directory.

A paragraph `Shown by: SUITE \\`PATTERN\\`, \\`PATTERN\\`; SUITE ...` names them; a pattern as
of a shell. (by hand) in place of a suite: what is not part of `make test`.
"""
import fnmatch
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOC = os.path.join(TOP, "docs", "guarantees.md")


def promises(text):
    """Yields (number and title, its text)."""
    parts = re.split(r"^## (\d+\. .*)$", text, flags=re.M)
    yield from zip(parts[1::2], parts[2::2])


def tests(suite):
    """Names of the suite's tests, with whether each passed; None: it did not run."""
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
    """Yields (suite, pattern)."""
    for paragraph in re.findall(r"^Shown by: (.*?)(?:\n\n|\Z)", text, flags=re.M | re.S):
        for part in paragraph.replace("\n", " ").rstrip(". ").split(";"):
            part = part.strip()
            suite, _, rest = part.partition(" ")
            if part.startswith("(by hand)"):
                continue
            for pattern in re.findall(r"`([^`]+)`", rest):
                yield suite, pattern


def check(title, text, cache):
    pairs = list(shown_by(text))
    problems = [] if pairs or "Shown by: (by hand)" in text else ["it names no test"]
    for suite, pattern in pairs:
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
    print(f"not ok {name} - {'; '.join(sorted(set(problems)))}" if problems else f"ok {name}")
    return not problems


def main():
    with open(DOC) as f:
        text = f.read()
    cache = {}
    results = [check(title, body, cache) for title, body in promises(text)
               if not title.endswith("What is not promised")]
    numbers = [int(title.split(".")[0]) for title, _ in promises(text)]
    if not results or numbers != list(range(1, len(numbers) + 1)):
        print(f"not ok guarantee numbers - {numbers}")
        results.append(False)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-2.0-only
"""A mutant of the code, the ways to write its change, and a set of mutants."""
import os
from functools import cached_property
from typing import NamedTuple

import anchor

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What libring.a needs, if it was built with compression.
ZSTD = ["-lzstd"] if os.path.exists("/usr/include/zstd.h") else []


class Mutant(NamedTuple):
    """@where: the definition it is in; @change: (pattern, replacement), see anchor.py;
    @tests: what must catch it, in the words of its set."""
    name: str
    where: str
    change: tuple
    tests: str


def swap(pattern, replacement):
    return pattern, replacement


def drop(pattern):
    return pattern, ""


def never(condition):
    return condition, "0"


def before(pattern, text):
    return pattern, text + " $&"


def after(pattern, text):
    return pattern, "$& " + text


class Set:
    """Mutants whose definitions are below @roots."""

    def __init__(self, roots, mutants):
        self.roots, self.mutants = roots, mutants

    @cached_property
    def index(self):
        return anchor.Index(TOP, self.roots)

    def mutate(self, mutant):
        """(path, text) of the file to replace. Raises anchor.Lost."""
        return self.index.mutate(mutant.where, mutant.change)

    def place(self, mutant):
        """`function (file)`, for the page."""
        path = self.index.find(mutant.where)[0].path
        return f"{mutant.where.split('/')[-1]} ({path})"


def write(work, path, text):
    """Puts a file into a copy of the tree. Returns its path there."""
    copy = os.path.join(work, path)
    with open(copy, "w", encoding="utf-8") as f:
        f.write(text)
    return copy

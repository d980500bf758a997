# SPDX-License-Identifier: GPL-2.0-only
"""Runs mutants in a copy of the tree, in which make builds what a mutant has changed."""
import filecmp
import os
import shutil
import subprocess
from typing import NamedTuple

from mutant import TOP, write
from outcome import fails

FOLDERS = ("include", "libring", "tools", "tests", "kmod", "mk", "bench")
FILES = ("Makefile", "VERSION")


class Copied(NamedTuple):
    """@work: the copy's directory; @goals: what make builds there; @command: gives the command of a
    test, which fails after @limit seconds; @prepare: what make builds in the tree itself."""
    work: str
    goals: tuple
    command: object
    limit: int
    prepare: tuple = ()


def copy_changed(source, copy):
    """
    Copies a file only if its contents differ. It then is as old as the copy, so that make builds anew
    what a run that was stopped built from a mutant.
    """
    if not os.path.exists(copy) or not filecmp.cmp(source, copy, shallow=False):
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)
    return copy


def plant(work):
    """Makes a copy of what is built, or brings it up to date."""
    os.makedirs(work, exist_ok=True)
    for folder in FOLDERS:
        shutil.copytree(os.path.join(TOP, folder), os.path.join(work, folder),
                        copy_function=copy_changed, dirs_exist_ok=True)
        for where, _, names in os.walk(os.path.join(work, folder)):
            for name in names:
                copy = os.path.join(where, name)
                if not os.path.exists(os.path.join(TOP, os.path.relpath(copy, work))):
                    os.remove(copy)
    for name in FILES:
        copy_changed(os.path.join(TOP, name), os.path.join(work, name))


def build(c):
    """The compiler's last words; None: it is built."""
    done = subprocess.run(["make", "-s", "-j2", *c.goals], cwd=c.work, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.strip().splitlines()[-1] if done.returncode else None


def run(mutants, wanted, c):
    """Yields (mutant, caught by, what) for those of the set that are wanted."""
    chosen = list(filter(wanted, mutants.mutants))
    if c.prepare:
        subprocess.run(["make", "-s", "-j2", *c.prepare], check=True, cwd=TOP,
                       stdout=subprocess.DEVNULL)
    plant(c.work)
    why = build(c)
    if why:
        yield None, why, ""
        return
    for test in sorted({m.tests for m in chosen}):
        if fails(c.command(test), c.limit):
            yield None, test, ""
            return
    for m in chosen:
        path, text = mutants.mutate(m)
        write(c.work, path, text)
        why = build(c)
        if why:
            yield m, None, "it does not build: " + why
        elif fails(c.command(m.tests), c.limit):
            yield m, m.tests, m.tests
        else:
            yield m, None, f"survived {m.tests}"
        with open(os.path.join(TOP, path), encoding="utf-8") as f:
            write(c.work, path, f.read())

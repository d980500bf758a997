#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
usage: run.py [FILE...]

Decides all litmus tests, or those named, and compares each result with the one that the
test expects. check.py always decides them; herd7 also does, with the model of the kernel's
source, if it is installed ($HERD7, or herd7 in the path).
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import check  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = '/usr/src/linux-source-6.1.tar.xz'
MODEL = ('linux-kernel.cfg', 'linux-kernel.cat', 'linux-kernel.bell', 'linux-kernel.def',
         'lock.cat')


def say(good, name, why):
    print(f'ok {name}' if good else f'not ok {name} - {why}', flush=True)
    return good


def expected(text):
    found = re.search(r'^ \* Result: (Never|Sometimes)$', text, re.M)
    return found.group(1) if found else None


def unpack_model(where):
    """Unpacks the model, unless $LKMM names it. Return: its directory, or None."""
    own = os.environ.get('LKMM')
    if own:
        return own
    if not os.path.exists(SOURCE):
        return None
    got = subprocess.run(['tar', '-xJf', SOURCE, '-C', where, '--strip-components=3', '--wildcards']
                         + ['*/tools/memory-model/' + name for name in MODEL],
                         stderr=subprocess.DEVNULL, check=False)
    return None if got.returncode else where


def herd(program, model, path):
    """Return: Never or Sometimes (which includes Always), or an error."""
    got = subprocess.run([program, '-conf', 'linux-kernel.cfg', path], cwd=model, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    found = re.search(r'^Observation \S+ (Never|Sometimes|Always)', got.stdout, re.M)
    if got.returncode or not found or 'Flag' in got.stdout:
        return ' '.join(got.stdout.split())[-200:] or f'exit status {got.returncode}'
    return found.group(1).replace('Always', 'Sometimes')


def own(path, want):
    """Decides a test by check.py and reports the result. Return: the parsed test, or None."""
    name = 'litmus ' + os.path.basename(path)[:-len('.litmus')]
    try:
        test = check.Litmus(open(path, encoding='ascii').read())
        found = 'Sometimes' if test.allowed() else 'Never'
    except check.Bad as error:
        say(False, name, error)
        return None
    if want is None:
        say(False, name, 'no line " * Result: Never" or Sometimes')
        return None
    good = say(found == want, f'{name}: {want}', f'the model says {found}')
    return test if good else None


def twins(tests):
    """Checks that each test has a broken twin, since a condition that no execution can reach
    proves nothing."""
    good = True
    for name, test in sorted(tests.items()):
        if '+' not in name:
            mates = [t for n, t in tests.items() if n.split('+')[0] == name and n != name]
            good &= say(mates and all(t.exists_text == test.exists_text for t in mates),
                        f'litmus {name}: {len(mates)} broken twins, which reach its condition',
                        'there is no twin, or a twin has another condition')
    return good


def by_herd(paths, wanted):
    program = os.environ.get('HERD7') or shutil.which('herd7')
    if not program:
        print('# herd7 is not installed: only check.py has decided')
        return True
    with tempfile.TemporaryDirectory() as where:
        model = unpack_model(where)
        if not model:
            print(f'# neither {SOURCE} nor $LKMM exists for herd7: only check.py has decided')
            return True
        found = [(p, herd(program, model, os.path.abspath(p))) for p in paths]
    good = [say(result == wanted[p], f'herd7 {os.path.basename(p)}: {wanted[p]}', result)
            for p, result in found]
    return all(good)


def main():
    paths = sys.argv[1:] or sorted(os.path.join(HERE, n) for n in os.listdir(HERE)
                                   if n.endswith('.litmus'))
    wanted = {p: expected(open(p, encoding='ascii').read()) for p in paths}
    tests = {os.path.basename(p)[:-len('.litmus')]: own(p, wanted[p]) for p in paths}
    good = all(tests.values())
    if good and not sys.argv[1:]:
        good = twins(tests)
    good &= by_herd(paths, wanted)
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
barriers.py [NAME=FILE...]: checks the arm64 instructions that the compiler made of writer.h,
reader.h and the module's thresholds.h, in libring, in seqring.ko and in hot.c, or in the
objects named.

Each line of those headers that orders something must have become an instruction that
orders it. On every path through a function, fences must be where docs/design.md wants them:

  RECLAIM  between the store of tail and the next store of any kind;
           between each load of a record and the load of tail that judges it
  WAKE     between the store of head and the load of the wake threshold;
           between the store of the wake threshold and the return.
           The module's thresholds are those of thresholds.h, and all others those of struct
           seqring_wait; its writer passes the fence only while a sleeper is announced

To test the checks, hot.c is compiled again for each way to weaken or to move one of these
operations, and the checks must find each change.

Prints ok and not ok lines.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
OUT = os.path.join(TOP, 'build', 'arm64', 'barriers')
FULL = r'dmb\tish$'
WRITE = r'dmb\tish(st)?$'
READ = r'dmb\tish(ld)?$'
RELEASE = r'stlr'
ACQUIRE = r'lda(p)?r'

# Name, header, regex of the line, and regex of the instruction that it must become.
RULES = [
    ('PUBLISH.stamp.release', 'writer.h', r'_release\(PUBLISH, &rec->stamp', RELEASE),
    ('PUBLISH.stamp.acquire', 'reader.h', r'_acquire\(PUBLISH, &rec->stamp', ACQUIRE),
    ('RECLAIM.write', 'writer.h', r'fence_write\(RECLAIM\)', WRITE),
    ('RECLAIM.read', 'reader.h', r'fence_read\(RECLAIM\)', READ),
    ('JOIN.tail.release', 'writer.h', r'_release\(JOIN, &w->ctl->tail', RELEASE),
    ('JOIN.segment_pos.release', 'writer.h', r'_release\(JOIN, &w->ctl->segment_pos', RELEASE),
    ('JOIN.last.release', 'writer.h', r'_release\(JOIN, &open->ctl->last', RELEASE),
    ('JOIN.head.release', 'writer.h', r'_release\(JOIN, &open->ctl->head', RELEASE),
    ('JOIN.tail.acquire', 'reader.h', r'_acquire\(JOIN, &r?-?>?ctl->tail', ACQUIRE),
    ('JOIN.segment_pos.acquire', 'reader.h', r'_acquire\(JOIN, &r->ctl->segment_pos', ACQUIRE),
    ('JOIN.last.acquire', 'reader.h', r'_acquire\(JOIN, &r->ctl->last', ACQUIRE),
    ('JOIN.head.acquire', 'reader.h', r'_acquire\(JOIN, &r->ctl->head', ACQUIRE),
    ('WAKE.writer', 'writer.h', r'fence_full\(WAKE\)', FULL),
    ('WAKE.reader', 'reader.h', r'fence_full\(WAKE\)', FULL),
    ('WAKE.module', 'thresholds.h', r'fence_full\(WAKE\)', FULL),
    ('WAKE.announced.acquire', 'thresholds.h', r'_acquire\(WAKE, &t->announced', ACQUIRE),
    ('END.release', 'writer.h', r'_release\(END, ', RELEASE),
    ('END.acquire', 'reader.h', r'_acquire\(END, ', ACQUIRE),
]

# Rules of struct seqring_wait, which the module does not have, and of what only the module has.
WAIT_RULES = {'WAKE.writer', 'WAKE.reader', 'WAKE.order.writer', 'WAKE.order.reader'}
MODULE_RULES = {'WAKE.module', 'WAKE.announced.acquire', 'WAKE.order.due', 'WAKE.order.sleeper'}
NOT_IN = {'libring': MODULE_RULES, 'seqring.ko': WAIT_RULES}

# The weak replacement of a call, and the ways to weaken a whole operation.
WEAK = {
    'release': '__atomic_store_n(p, v, __ATOMIC_RELAXED)',
    'acquire': 'seqring_load_n(p, __ATOMIC_RELAXED)',
    'compiler': '__atomic_signal_fence(__ATOMIC_SEQ_CST)',
    'loads': '__atomic_thread_fence(__ATOMIC_ACQUIRE)',
}
OPERATIONS = [
    ('store_release', 'tag, p, v', 'release'), ('load_acquire', 'tag, p', 'acquire'),
    ('fence_read', 'tag', 'compiler'), ('fence_write', 'tag', 'compiler'),
    ('fence_write', 'tag', 'loads'), ('fence_full', 'tag', 'compiler'),
    ('fence_full', 'tag', 'loads'),
]
TAIL_LOAD = r'seqring_read\(&r->ctl->tail\)'
THRESHOLD_LOAD = r'seqring_likely\(pos <= seqring_read\(&wait->pos\)'
REACHED_LOAD = r'head > seqring_read\(&t->pos\)'
IDLE_COUNT = r'\+\+t->idle_publishes'
SLEEPER_STORE = r'seqring_write\(&t->seq, seq\)'
LIGHT = r'if \(w->light_wake\)'
RECORD_LOAD = r'_acquire\(PUBLISH, |seqring_load_words?\(|seqring_load_to\('
# The rules that find an operation that is weakened everywhere.
FINDS = {
    'store_release': r'.*\.release$', 'load_acquire': r'.*\.acquire$',
    'fence_read': r'RECLAIM\..*read$', 'fence_write': r'RECLAIM\..*write$',
    'fence_full': r'WAKE\..*',
}
# (name, rules that find it, [(header, old, new)])
MOVES = [
    ('the write fence of RECLAIM before the store of tail', r'RECLAIM\.order\.write', [
        ('writer.h', '\tseqring_store_release(JOIN, &w->ctl->tail,',
         '\tseqring_fence_write(RECLAIM);\n\tseqring_store_release(JOIN, &w->ctl->tail,'),
        ('writer.h', '_intact(). */\n\tseqring_fence_write(RECLAIM);\n', '_intact(). */\n')]),
    ('the read fence of RECLAIM after the load of tail', r'RECLAIM\.order\.read', [
        ('reader.h', '\tseqring_fence_read(RECLAIM);\n\treturn seqring_read(&r->ctl->tail) <= pos;',
         '\tpos -= seqring_read(&r->ctl->tail);\n\tseqring_fence_read(RECLAIM);\n'
         '\treturn !(pos >> 63);')]),
    ('an acquire load of tail instead of the read fence of RECLAIM', r'RECLAIM\.read', [
        ('reader.h', '\tseqring_fence_read(RECLAIM);\n\treturn seqring_read(&r->ctl->tail) <= pos;',
         '\treturn seqring_load_acquire(RECLAIM, &r->ctl->tail) <= pos;')]),
    ('the fence of WAKE after the load of the wake threshold', r'WAKE\.order\.writer', [
        ('writer.h', '\tif (w->light_wake)\n\t\tseqring_compiler_barrier(WAKE);\n\telse\n'
         '\t\tseqring_fence_full(WAKE);\n\treturn seqring_writer_wake_due_at(w->pos, w->seq, wait);',
         '\tint due = seqring_writer_wake_due_at(w->pos, w->seq, wait);\n'
         '\tseqring_fence_full(WAKE);\n\treturn due;')]),
    ('the fence of WAKE before arming', r'WAKE\.order\.reader', [
        ('reader.h', '\tseqring_atomic_min(&wait->pos, pos);\n\tseqring_atomic_min(&wait->seq, seq);\n'
         '\t/* Pairs with the fence in seqring_writer_wake_due(). */\n\tseqring_fence_full(WAKE);\n',
         '\tseqring_fence_full(WAKE);\n\tseqring_atomic_min(&wait->pos, pos);\n'
         '\tseqring_atomic_min(&wait->seq, seq);\n')]),
    ("the fence of WAKE after the writer's look at the module's thresholds", r'WAKE\.order\.due', [
        ('thresholds.h', '\tseqring_fence_full(WAKE);\n\tif (seqring_thresholds_reached(t, head, seq)) {',
         '\tint due = seqring_thresholds_reached(t, head, seq);\n\tseqring_fence_full(WAKE);\n'
         '\tif (due) {')]),
    ("the fence of WAKE before the store of the module's thresholds", r'WAKE\.order\.sleeper', [
        ('thresholds.h', '\tseqring_write(&t->nr_sleepers, nr_sleepers);\n',
         '\tseqring_fence_full(WAKE);\n\tseqring_write(&t->nr_sleepers, nr_sleepers);\n'),
        ('thresholds.h', '\tseqring_write(&t->seq, seq);\n\t/* Pairs with the full fences in '
         'seqring_thresholds_due(). */\n\tseqring_fence_full(WAKE);\n',
         '\tseqring_write(&t->seq, seq);\n')]),
]


class Instruction:
    """An instruction of a function: its text, its source line, its successors."""

    def __init__(self, address, text, where):
        self.address, self.text, self.where = address, text, where
        self.after, self.before, self.leaves = [], [], False

    def name(self):
        return self.text.split('\t')[0]

    def is_store(self):
        return re.match(r'st(?!.*\[sp)|swp|cas', self.text) is not None

    def acts(self):
        return re.match(r'st|ld|dmb|swp|cas', self.text) is not None

    def is_load(self):
        return self.name().startswith('ld') and '[sp' not in self.text

    def is_call(self):
        return self.name() in ('bl', 'blr')


def link(function):
    """Fills in the successors and predecessors of each instruction."""
    at = {i.address: i for i in function}
    for n, i in enumerate(function):
        name, goes_on = i.name(), True
        if name in ('ret', 'br', 'brk', 'retaa', 'retab'):
            goes_on = False
            i.leaves = name != 'brk'
        elif name == 'b' or name.startswith('b.') or re.match(r'(cb|tb)n?z$', name):
            target = None if i.far else int(re.search(r'([0-9a-f]+) <', i.text).group(1), 16)
            if target in at:
                i.after.append(at[target])
            else:
                i.leaves = True
            goes_on = name != 'b'
        if goes_on and n + 1 < len(function):
            i.after.append(function[n + 1])
    for i in function:
        for j in i.after:
            j.before.append(i)
    return function


def read_object(objdump, path):
    """Return: the functions of an object by name, each a list of instructions."""
    out = subprocess.run([objdump, '-drl', '--no-show-raw-insn', path], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    functions, where, function = {}, None, []
    for line in out.splitlines():
        if m := re.match(r'[0-9a-f]+ <(.*)>:$', line):
            function = functions[m.group(1)] = []
            where = None
        elif m := re.match(r'\s*([0-9a-f]+):\t(.*)', line):
            if 'R_AARCH64_' in line:
                function[-1].far |= re.search('JUMP26|CONDBR|TSTBR', line) is not None
                continue
            text = re.sub(r'\s*//.*', '', m.group(2)).strip()
            function.append(Instruction(int(m.group(1), 16), text, where))
            function[-1].far = False
        elif m := re.match(r'(/?\S*\.[ch]):([0-9]+)( \(discriminator [0-9]+\))?$', line):
            where = (m.group(1).replace('/./', '/'), int(m.group(2)))
    return {name: link(f) for name, f in functions.items()}


def header_path(top, header):
    return os.path.join(top, 'kmod' if header == 'thresholds.h' else 'include/seqring', header)


class Headers:
    """The text of the headers in a tree, to find lines in."""

    def __init__(self, top):
        self.text = {}
        for name in ('writer.h', 'reader.h', 'record.h', 'copy.h', 'barrier.h', 'thresholds.h'):
            with open(header_path(top, name), encoding='utf-8') as f:
                self.text[name] = f.read().splitlines()

    def lines(self, header, regex):
        return {(header, n) for n, line in enumerate(self.text[header], 1)
                if re.search(regex, line) and '#define' not in line}

    def everywhere(self, regex):
        return set().union(*(self.lines(h, regex) for h in self.text))


def on(instruction, lines):
    if not instruction.where:
        return False
    path, line = instruction.where
    name = os.path.basename(path)
    return ('seqring/' in path or name == 'thresholds.h') and (name, line) in lines


def search(start, forward, good, bad):
    """Return: what a path from @start reaches without a good instruction: a bad one, the end of the
    function, or None."""
    todo, seen = list(start.after if forward else start.before), set()
    edge = start.leaves if forward else not start.before
    while todo and not edge:
        i = todo.pop()
        if id(i) in seen or good(i):
            seen.add(id(i))
            continue
        seen.add(id(i))
        if bad(i):
            return i.text
        edge = i.leaves if forward else not i.before
        todo += i.after if forward else i.before
    return 'the end of the function' if edge else None


def orders(regex):
    return lambda i: re.match(regex, i.text) is not None


def check_order(functions, headers):
    """Yields (rule, what is wrong or None) for each place to check."""
    tail_store = headers.lines('writer.h', RULES[4][2])
    tail_load = headers.lines('reader.h', TAIL_LOAD)
    threshold = headers.lines('writer.h', THRESHOLD_LOAD)
    light = headers.lines('writer.h', LIGHT)
    arm = headers.lines('reader.h', RULES[13][2])
    reached = headers.lines('thresholds.h', REACHED_LOAD)
    sleeper = headers.lines('thresholds.h', SLEEPER_STORE)
    idle = headers.lines('thresholds.h', IDLE_COUNT)
    record = headers.everywhere(RECORD_LOAD)
    for name, function in functions.items():
        arms = any(on(i, arm) for i in function)
        # The module's sleepers compare, too; only the writer counts the idle publishes.
        writer = any(on(i, idle) for i in function)
        for i in function:
            wrong = rule = None
            if on(i, tail_store) and i.is_store():
                rule = 'RECLAIM.order.write'
                wrong = search(i, True, orders(WRITE), lambda j: j.is_store() or j.is_call())
            elif on(i, tail_load) and i.is_load():
                rule = 'RECLAIM.order.read'
                wrong = search(i, False, orders(READ),
                               lambda j: on(j, record) and j.name().startswith('ld'))
            elif on(i, threshold) and i.is_load():
                rule = 'WAKE.order.writer'
                wrong = search(i, False,
                               lambda j: orders(FULL)(j) or on(j, light) and 'b' in j.name()[:2],
                               lambda j: j.name() == 'stlr')
            elif arms and re.match(r'cas|st\w*xr|bl\t.*<__aarch64_cas', i.text):
                rule = 'WAKE.order.reader'
                wrong = search(i, True, orders(FULL), lambda j: False)
            elif writer and on(i, reached) and i.is_load():
                rule = 'WAKE.order.due'
                wrong = search(i, False, orders(FULL), lambda j: j.name() == 'stlr')
            elif on(i, sleeper) and i.is_store():
                rule = 'WAKE.order.sleeper'
                wrong = search(i, True, orders(FULL), lambda j: j.is_load() or j.is_call())
            if rule:
                yield rule, wrong and f'{name}+0x{i.address - function[0].address:x}: ' \
                    f'"{i.text}" and "{wrong}" with nothing between them'.replace('\t', ' ')


ORDERS = ['RECLAIM.order.write', 'RECLAIM.order.read', 'WAKE.order.writer', 'WAKE.order.reader',
          'WAKE.order.due', 'WAKE.order.sleeper']


def examine(objdump, path, top):
    """Return: for each rule how often it held, and a list of (rule, what is wrong)."""
    functions, headers = read_object(objdump, path), Headers(top)
    seen = {rule[0]: 0 for rule in RULES} | {rule: 0 for rule in ORDERS}
    wrong = []
    for rule, header, regex, expected in RULES:
        for line in headers.lines(header, regex):
            for name, function in functions.items():
                made = [i for i in function if on(i, {line})]
                acts = [i for i in made if i.acts()]
                # The compiler may have joined the ends of two paths, under one line.
                if any(re.match(expected, i.text) for i in acts) or acts and \
                        not search(acts[-1], True, orders(expected), Instruction.acts):
                    seen[rule] += 1
                elif acts:
                    wrong.append((rule, f'{name}: {header}:{line[1]} became ' + ', '.join(
                        i.text.replace('\t', ' ') for i in made[:4])))
    for rule, what in check_order(functions, headers):
        seen[rule] += 1
        if what:
            wrong.append((rule, what))
    return seen, wrong


def report(name, seen, wrong):
    """Prints a line for each rule. Return: whether all hold."""
    good = True
    for rule, count in seen.items():
        if rule in NOT_IN.get(name, ()):
            continue
        what = [w for r, w in wrong if r == rule]
        if what:
            print(f'not ok arm64.{name}.{rule} - {what[0]}')
        elif count:
            print(f'ok arm64.{name}.{rule}')
        else:
            print(f'not ok arm64.{name}.{rule} - there is no such instruction')
        good = good and not what and count > 0
    return good


def compile_hot(cc, top, output):
    subprocess.run([*cc, '-std=gnu11', '-O2', '-gdwarf-4', '-Wall', '-Wno-unused', '-D_GNU_SOURCE',
                    f'-I{top}/include', f'-I{top}/kmod', '-shared', '-fPIC', '-nostdlib', '-o', output,
                    os.path.join(TOP, 'tests/kernel/arm64/hot.c'), '-lgcc'], check=True)


def mutants():
    """Yields (name, rules that find it, [(header, old, new)]) of each weakened copy."""
    for operation, arguments, how in OPERATIONS:
        name = f'seqring_{operation}({arguments})'
        yield f'every {operation} weakened ({how})', FINDS[operation], [(
            'barrier.h', '#define seqring_likely(x)\t\t\t__builtin_expect',
            f'#undef seqring_{operation}\n#define {name} {WEAK[how]}\n'
            '#define seqring_likely(x)\t\t\t__builtin_expect')]
    for rule, header, _, _ in RULES:
        kind = rule.rpartition('.')[2]
        if kind not in ('release', 'acquire'):
            continue
        args = 'tag, p, v' if kind == 'release' else 'tag, p'
        # Another name limits the change to the lines of that rule.
        yield f'{rule} relaxed', rule, [
            ('barrier.h', '#define seqring_likely(x)\t\t\t__builtin_expect',
             f'#define weak_{kind}({args}) {WEAK[kind]}\n'
             '#define seqring_likely(x)\t\t\t__builtin_expect'),
            (header, rule, f'weak_{kind}(')]
    yield from MOVES


def weaken(top, changes):
    """Makes a tree of the headers with the changes in it."""
    shutil.rmtree(top, ignore_errors=True)
    shutil.copytree(os.path.join(TOP, 'include'), os.path.join(top, 'include'))
    os.mkdir(os.path.join(top, 'kmod'))
    shutil.copy(header_path(TOP, 'thresholds.h'), header_path(top, 'thresholds.h'))
    for header, old, new in changes:
        path = header_path(top, header)
        with open(path, encoding='utf-8') as f:
            text = f.read()
        rule = next((r for r in RULES if r[0] == old), None)
        if rule:
            changed = re.sub(r'seqring_(store|load)(?=' + rule[2] + ')', 'weak', text)
        else:
            changed = text.replace(old, new)
        if changed == text:
            sys.exit(f'barriers.py: {header} has no {old!r} any more')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(changed)


def bites(objdump, cc):
    """Return: whether the checks find each weakened copy."""
    good = True
    for name, rules, changes in mutants():
        top = os.path.join(OUT, 'weak')
        weaken(top, changes)
        compile_hot(cc, top, os.path.join(OUT, 'weak.so'))
        seen, wrong = examine(objdump, os.path.join(OUT, 'weak.so'), top)
        found = [f'{rule}: {what}' for rule, what in wrong if re.match(rules, rule)] + \
            [f'{rule}: gone' for rule, count in seen.items()
             if not count and re.match(rules, rule)]
        if found:
            print(f'ok arm64.bites: {name}')
            print(f'# {found[0]}')
        else:
            print(f'not ok arm64.bites: {name} - no rule {rules} finds it')
            good = False
    return good


def tool_paths():
    out = subprocess.run([os.path.join(TOP, 'tests/kernel/arm64/tools.sh')], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    prefix = dict(line.split('=', 1) for line in shlex.split(out))['CROSS']
    sysroot = subprocess.run([os.path.join(TOP, 'tests/kernel/arm64/sysroot.sh')], check=True,
                             stdout=subprocess.PIPE, text=True).stdout.strip()
    return prefix + 'objdump', [prefix + 'gcc', '--sysroot=' + sysroot, '-isystem',
                                sysroot + '/usr/include/aarch64-linux-gnu']


def libring():
    subprocess.run(['make', '-s', '-j2', '-C', TOP, 'SAN=arm64', 'lib'], check=True,
                   stdout=subprocess.DEVNULL)
    return os.path.join(TOP, 'build/arm64/libring.so.0')


def module():
    out = subprocess.run([os.path.join(TOP, 'tests/kernel/arm64/modules.sh'), '6.1'], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return os.path.join(TOP, out.strip(), 'seqring.ko')


def main():
    objdump, cc = tool_paths()
    objects = dict(arg.split('=', 1) for arg in sys.argv[1:])
    good = True
    os.makedirs(OUT, exist_ok=True)
    if not objects:
        compile_hot(cc, TOP, os.path.join(OUT, 'hot.so'))
        objects = {'headers': os.path.join(OUT, 'hot.so'), 'libring': libring(),
                   'seqring.ko': module()}
        good = bites(objdump, cc)
    for name, path in objects.items():
        good = report(name, *examine(objdump, path, TOP)) and good
    return not good


if __name__ == '__main__':
    sys.exit(main())

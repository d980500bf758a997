# SPDX-License-Identifier: GPL-2.0-only
"""
Decides a litmus test of the kernel's memory model by exhaustion.

Litmus(text) parses the part of the format that the files here use. .allowed() says
whether the model allows the test's "exists" condition. It builds all candidate
executions: every path, every store that each load may read from, every order of the
stores to a word. It drops those that the axioms of Linux's memory model forbid
(tools/memory-model of 6.1: coherence, atomicity, happens-before, propagates-before, RCU).
It does not support what no file here uses: locks, read-modify-writes other than cmpxchg(),
plain accesses, addresses in registers, SRCU.
"""

import itertools
import re

TOKEN = re.compile(r'\s*(->|==|!=|/\\|\\/|[A-Za-z_]\w*|\d+|.)', re.S)
FENCES = ('smp_mb', 'smp_wmb', 'smp_rmb', 'synchronize_rcu', 'rcu_read_lock',
          'rcu_read_unlock')


class Bad(Exception):
    """The file is not in the supported format."""


class Tokens:
    def __init__(self, text):
        self.all = [t for t in TOKEN.findall(text) if t.strip()]
        self.at = 0

    def peek(self):
        return self.all[self.at] if self.at < len(self.all) else ''

    def take(self, *wanted):
        tok = self.peek()
        if not tok or (wanted and tok not in wanted):
            raise Bad(f"'{tok}' where {' or '.join(wanted) or 'more'} was expected, after "
                      f"'{' '.join(self.all[max(0, self.at - 8):self.at])}'")
        self.at += 1
        return tok


class Litmus:
    def __init__(self, text):
        bare = re.sub(r'\(\*.*?\*\)', ' ', text, flags=re.S)
        head = re.match(r'\s*C\s+([\w+-]+)\s*\{([^}]*)\}(.*?)\bexists\b(.*)$', bare, re.S)
        if not head:
            raise Bad('no "C name { ... } ... exists"')
        self.name = head.group(1)
        self.init = {}
        for item in filter(None, (s.strip() for s in head.group(2).split(';'))):
            word = re.fullmatch(r'(?:int\s+)?(\w+)\s*=\s*(\d+)', item)
            if not word:
                raise Bad(f"initial value '{item}'")
            self.init[word.group(1)] = int(word.group(2))
        self.threads = []
        toks = Tokens(head.group(3))
        while toks.peek():
            self.threads.append(self.thread(toks))
        self.exists_text = ' '.join(head.group(4).split())
        toks = Tokens(head.group(4))
        self.exists = self.either(toks)
        if toks.peek():
            raise Bad(f"'{toks.peek()}' after the condition")

    # A thread is a list of statements; an `if` statement contains two more lists.

    def thread(self, toks):
        if toks.take() != f'P{len(self.threads)}':
            raise Bad('threads are P0, P1, ... in order')
        toks.take('(')
        while toks.take() != ')':
            pass
        return self.block(toks)

    def block(self, toks):
        body = []
        toks.take('{')
        while toks.peek() != '}':
            body.append(self.statement(toks))
        toks.take('}')
        return [s for s in body if s]

    def statement(self, toks):
        tok = toks.take()
        if tok == 'int':
            toks.take()
            toks.take(';')
            return None
        if tok == 'if':
            return self.condition(toks)
        if tok in FENCES:
            toks.take('(')
            toks.take(')')
            made = ('fence', tok)
        elif tok in ('WRITE_ONCE', 'smp_store_release'):
            toks.take('(')
            if tok == 'WRITE_ONCE':
                toks.take('*')
            word = toks.take()
            toks.take(',')
            made = ('store', word, toks.take(), tok != 'WRITE_ONCE')
            toks.take(')')
        elif toks.take('=') and re.fullmatch(r'r\d+', tok):
            how = toks.take('READ_ONCE', 'smp_load_acquire', 'cmpxchg', 'cmpxchg_relaxed')
            toks.take('(')
            if how == 'READ_ONCE':
                toks.take('*')
            made = ('load', tok, toks.take(), how == 'smp_load_acquire')
            if how.startswith('cmpxchg'):
                toks.take(',')
                old = toks.take()
                toks.take(',')
                made = ('cmpxchg', tok, made[2], int(old), int(toks.take()), how == 'cmpxchg')
            toks.take(')')
        else:
            raise Bad(f"statement '{tok}'")
        toks.take(';')
        return made

    def condition(self, toks):
        toks.take('(')
        reg, how, value = toks.take(), toks.take('==', '!='), int(toks.take())
        toks.take(')')
        then, other = self.block(toks), []
        if toks.peek() == 'else':
            toks.take('else')
            other = self.block(toks)
        return ('if', reg, how, value, then, other)

    # The condition becomes a function of the registers.

    def either(self, toks):
        parts = [self.both(toks)]
        while toks.peek() == '\\/':
            toks.take()
            parts.append(self.both(toks))
        return lambda regs: any(p(regs) for p in parts)

    def both(self, toks):
        parts = [self.term(toks)]
        while toks.peek() == '/\\':
            toks.take()
            parts.append(self.term(toks))
        return lambda regs: all(p(regs) for p in parts)

    def term(self, toks):
        if toks.peek() == '~':
            toks.take()
            inner = self.term(toks)
            return lambda regs: not inner(regs)
        if toks.peek() == '(':
            toks.take()
            inner = self.either(toks)
            toks.take(')')
            return inner
        thread = int(toks.take())
        toks.take(':')
        reg = toks.take()
        toks.take('=')
        value = int(toks.take())
        return lambda regs: regs.get((thread, reg), 0) == value

    # The executions.

    def values(self):
        """Return: for each word all values that it may ever hold."""
        found = {}

        def walk(body):
            for s in body:
                if s[0] == 'store':
                    if not s[2].isdigit():
                        raise Bad('only numbers are stored')
                    found.setdefault(s[1], set()).add(int(s[2]))
                elif s[0] == 'load':
                    found.setdefault(s[2], set())
                elif s[0] == 'cmpxchg':
                    found.setdefault(s[2], set()).add(s[4])
                elif s[0] == 'if':
                    walk(s[4])
                    walk(s[5])

        for body in self.threads:
            walk(body)
        for word in found:
            found[word].add(self.init.get(word, 0))
        return found

    def paths(self, thread, body, values):
        """Yields each path through a thread: its events, and the registers at its end."""
        def walk(todo, events, regs, ctrl):
            if not todo:
                yield events, regs
                return
            s, rest = todo[0], todo[1:]
            if s[0] == 'if':
                reg = regs.get((thread, s[1]), (0, None))
                taken = (reg[0] == s[3]) == (s[2] == '==')
                # As in herd7, the statements inside the block depend on the condition;
                # those after the block do not.
                inside = ctrl | ({reg[1]} if reg[1] is not None else set())
                mark = ('end', ctrl)
                yield from walk((s[4] if taken else s[5]) + [mark] + rest, events, regs, inside)
            elif s[0] == 'end':
                yield from walk(rest, events, regs, s[1])
            elif s[0] == 'load':
                for v in sorted(values[s[2]]):
                    e = ('R', s[2], v, s[3], ctrl)
                    yield from walk(rest, events + [e],
                                    {**regs, (thread, s[1]): (v, len(events))}, ctrl)
            elif s[0] == 'cmpxchg':
                # A full fence on both sides if it stores; no order at all if it does not, or is
                # relaxed.
                mb = [('F', 'smp_mb', 0, False, ctrl)] if s[5] else []
                for v in sorted(values[s[2]]):
                    made = [('R', s[2], v, False, ctrl)]
                    if v == s[3]:
                        made = [*mb, *made, ('W', s[2], s[4], False, ctrl, 'rmw'), *mb]
                    load = len(events) + len(mb) * (v == s[3])
                    yield from walk(rest, events + made, {**regs, (thread, s[1]): (v, load)}, ctrl)
            elif s[0] == 'store':
                e = ('W', s[1], int(s[2]), s[3], ctrl)
                yield from walk(rest, events + [e], regs, ctrl)
            else:
                yield from walk(rest, events + [('F', s[1], 0, False, ctrl)], regs, ctrl)

        yield from walk(body, [], {}, frozenset())

    def allowed(self):
        """Return: whether the model allows an execution in which "exists" holds."""
        return any(True for _ in self.witnesses())

    def witnesses(self):
        values = self.values()
        ways = [list(self.paths(i, body, values)) for i, body in enumerate(self.threads)]
        for choice in itertools.product(*ways):
            regs = {k: v[0] for _, part in choice for k, v in part.items()}
            if self.exists(regs):
                yield from Candidate(self.init, values, [c[0] for c in choice]).consistent()


# Relations are lists of bit masks: bit b of r[a] says that a is related to b.

def join(r, s):
    out = []
    for row in r:
        made, b = 0, 0
        while row:
            if row & 1:
                made |= s[b]
            row >>= 1
            b += 1
        out.append(made)
    return out


def union(*rs):
    return [_or(rows) for rows in zip(*rs)]


def _or(rows):
    made = 0
    for row in rows:
        made |= row
    return made


def meet(r, s):
    return [a & b for a, b in zip(r, s)]


def inverse(r):
    n = len(r)
    return [_or(1 << a for a in range(n) if r[a] >> b & 1) for b in range(n)]


def seq(*rs):
    made = rs[0]
    for r in rs[1:]:
        made = join(made, r)
    return made


def plus(r):
    while True:
        more = union(r, join(r, r))
        if more == r:
            return r
        r = more


def acyclic(r):
    return irreflexive(plus(r))


def irreflexive(r):
    return not any(row >> a & 1 for a, row in enumerate(r))


class Candidate:
    """Events with values. The stores that loads read from and the stores' order are open."""

    def __init__(self, init, values, threads):
        self.ev, self.thread = [], []
        for word in sorted(values):
            self.ev.append(('W', word, init.get(word, 0), False, frozenset()))
            self.thread.append(None)
        self.first = len(self.ev)
        starts = []
        for i, events in enumerate(threads):
            starts.append(len(self.ev))
            self.ev += events
            self.thread += [i] * len(events)
        self.n = len(self.ev)
        self.id = [1 << a for a in range(self.n)]
        self.internal = self.rel(lambda a, b: self.thread[a] is not None and
                                 self.thread[a] == self.thread[b])
        self.external = self.rel(lambda a, b: not self.internal[a] >> b & 1)
        self.po = self.rel(lambda a, b: a < b and self.internal[a] >> b & 1)
        self.starts = starts
        self.fixed()

    def rel(self, holds):
        return [_or(1 << b for b in range(self.n) if holds(a, b)) for a in range(self.n)]

    def those(self, holds):
        return [1 << a if holds(self.ev[a]) else 0 for a in range(self.n)]

    def opt(self, r):
        return union(r, self.id)

    def star(self, r):
        return self.opt(plus(r))

    def fixed(self):
        """Computes the relations that do not depend on which load reads which store."""
        po = self.po
        loads = self.those(lambda e: e[0] == 'R')
        stores = self.those(lambda e: e[0] == 'W')
        self.marked = union(loads, stores)
        acquires = self.those(lambda e: e[0] == 'R' and e[3])
        releases = self.those(lambda e: e[0] == 'W' and e[3])

        def fence(name):
            return seq(po, self.those(lambda e: e[:2] == ('F', name)), po)

        self.po_rel = seq(self.marked, po, releases)
        self.wmb = seq(stores, fence('smp_wmb'), stores)
        rmb = seq(loads, fence('smp_rmb'), loads)
        acq_po = seq(acquires, po, self.marked)
        self.sync = self.those(lambda e: e[:2] == ('F', 'synchronize_rcu'))
        grace = seq(po, self.sync, self.opt(po))
        self.strong = union(seq(self.marked, fence('smp_mb'), self.marked), grace)
        self.fence = union(self.strong, self.po_rel, acq_po, self.wmb, rmb)
        self.ctrl = [0] * self.n
        for b, e in enumerate(self.ev):
            for a in e[4] if e[0] == 'W' else ():
                self.ctrl[self.starts[self.thread[b]] + a] |= 1 << b
        self.po_loc = self.rel(lambda a, b: po[a] >> b & 1 and 'F' not in
                               (self.ev[a][0], self.ev[b][0]) and self.ev[a][1] == self.ev[b][1])
        # The load of an atomic instruction is just before its store.
        self.rmw = [0] * self.n
        for b, e in enumerate(self.ev):
            if e[5:]:
                self.rmw[b - 1] |= 1 << b
        self.sections = [0] * self.n
        lock = None
        for a in range(self.first, self.n):
            if self.ev[a][:2] == ('F', 'rcu_read_lock'):
                lock = a
            elif self.ev[a][:2] == ('F', 'rcu_read_unlock'):
                self.sections[a] |= 1 << lock

    def consistent(self):
        ev, n = self.ev, self.n
        loads = [a for a in range(n) if ev[a][0] == 'R']
        stores = {}
        for a in range(n):
            if ev[a][0] == 'W':
                stores.setdefault(ev[a][1], []).append(a)
        sources = [[w for w in stores[ev[a][1]] if ev[w][2] == ev[a][2]] for a in loads]
        # The initial value is the first of its word.
        orders = [[(s[0],) + p for p in itertools.permutations(s[1:])] for s in stores.values()]
        for order in itertools.product(*orders):
            co = [0] * n
            for one in order:
                for a, b in itertools.combinations(one, 2):
                    co[a] |= 1 << b
            for source in itertools.product(*sources):
                rf = [0] * n
                for a, w in zip(loads, source):
                    rf[w] |= 1 << a
                if self.axioms(rf, co):
                    yield rf, co

    def axioms(self, rf, co):
        fr = join(inverse(rf), co)
        if not acyclic(union(self.po_loc, rf, co, fr)):
            return False
        if any(meet(self.rmw, join(fr, co))):
            return False
        marked, star, opt = self.marked, self.star, self.opt
        rfe = meet(rf, self.external)
        overwrite = union(co, fr)
        strong, fence = self.strong, self.fence

        def orders(strong, fence):
            ppo = union(self.ctrl, meet(overwrite, self.internal), meet(fence, self.internal))
            cumul = seq(marked, union(seq(opt(rfe), union(strong, self.po_rel)), self.wmb), marked)
            prop = seq(marked, opt(meet(overwrite, self.external)), star(cumul), marked,
                       opt(rfe), marked)
            inner = meet(prop, self.internal)
            inner = [row & ~(1 << a) for a, row in enumerate(inner)]
            hb = seq(marked, union(ppo, rfe, inner), marked)
            pb = seq(prop, strong, star(hb), marked)
            return prop, hb, pb

        prop, hb, pb = orders(strong, fence)
        if not acyclic(hb) or not acyclic(pb):
            return False
        return not any(self.sync) or self.rcu(prop, hb, pb)

    def rcu(self, prop, hb, pb):
        """Return: whether the RCU axiom holds: no section contains a whole grace period."""
        sync, back, star = self.sync, self.sections, self.star
        link = seq(self.opt(self.po), star(hb), star(pb), prop, self.po)
        order = sync
        while True:
            more = union(order, seq(sync, link, back), seq(back, link, sync),
                         seq(sync, link, order, link, back), seq(back, link, order, link, sync),
                         seq(order, link, order))
            if more == order:
                break
            order = more
        fence = seq(self.po, order, self.opt(self.po))
        return irreflexive(seq(prop, fence, star(hb), star(pb), self.marked))

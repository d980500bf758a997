#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""cycles.py [--folders] [--order] FILE...: find cycles between object files.

FILE is an object file, an archive, or a directory with object files below it, which must
not have objects of sources that are gone. An object depends on another one if it refers
to a global symbol that the other one defines. Symbols of other libraries are left out, and
so are static ones, which no other object can refer to.

--folders  join the objects of a folder, and find cycles between folders
--order    print the objects in order: each after all that it depends on
--self-test  plant cycles, and fail unless they are found

Prints each cycle with the symbols that make its arrows. Exit status: 0 there is no cycle;
1 there is one; 2 FILE cannot be read.
"""

import argparse
import os
import subprocess
import sys
import tempfile

WEAK = "WwVv"


def nm(files):
    """Yields object, kind and name of each global symbol."""
    text = subprocess.run(["nm", "-A", "-P", "-g", *files], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    for line in text.splitlines():
        # ARCHIVE[MEMBER]: or OBJECT:, then name, kind, value and size.
        place, symbol = line.rsplit(": ", 1)
        name, kind = symbol.split()[:2]
        yield place, kind, name


def objects(files):
    for file in files:
        if os.path.isdir(file):
            for folder, _, names in os.walk(file):
                # A shared library has the same code once more.
                yield from (os.path.join(folder, n) for n in names
                            if n.endswith(".o") and not n.endswith((".pic.o", ".bpf.o")))
        else:
            yield file


class Graph:
    """Objects, and for each the objects that it depends on with the symbols."""

    def __init__(self, symbols, folders=False):
        refers, strong, weak = {}, {}, {}
        for place, kind, name in symbols:
            refers.setdefault(place, set())
            if kind == "U" or kind in "wv":
                refers[place].add(name)
            else:
                (weak if kind in WEAK else strong).setdefault(name, set()).add(place)
        self.arrows = {}
        for place, names in refers.items():
            start = self.node(place, folders)
            arrows = self.arrows.setdefault(start, {})
            for name in names:
                # The linker prefers a strong definition; of several, any may be meant.
                for other in strong.get(name) or weak.get(name) or ():
                    end = self.node(other, folders)
                    if end != start:
                        arrows.setdefault(end, set()).add(name)

    @staticmethod
    def node(place, folders):
        return os.path.dirname(place) or "." if folders else place

    def components(self):
        """Strongly connected components (Tarjan), each after all that it depends on."""
        index, low, stack, on_stack, found = {}, {}, [], set(), []
        for root in sorted(self.arrows):
            if root in index:
                continue
            work = [(root, None)]
            while work:
                node, rest = work.pop()
                if rest is None:
                    index[node] = low[node] = len(index)
                    stack.append(node)
                    on_stack.add(node)
                    rest = iter(sorted(self.arrows[node]))
                for other in rest:
                    if other not in index:
                        work += [(node, rest), (other, None)]
                        break
                    if other in on_stack:
                        low[node] = min(low[node], low[other])
                else:
                    if low[node] == index[node]:
                        found.append([])
                        while not found[-1] or found[-1][-1] != node:
                            found[-1].append(stack.pop())
                            on_stack.discard(found[-1][-1])
                    if work:
                        parent = work[-1][0]
                        low[parent] = min(low[parent], low[node])
        return found

    def cycle(self, component):
        """A shortest way from the first object of @component back to it."""
        start, inside = min(component), set(component)
        ways, seen = [[start]], set()
        for way in ways:
            for other in sorted(self.arrows[way[-1]]):
                if other == start:
                    return way + [start]
                if other in inside and other not in seen:
                    seen.add(other)
                    ways.append(way + [other])
        raise AssertionError("a component without a cycle")


def short(node, base):
    return node[len(base):] if node.startswith(base) else node


def check(files, folders=False, order=False, out=sys.stdout):
    """Return: number of components that are cycles."""
    graph = Graph(nm(list(objects(files))), folders)
    nodes = sorted(graph.arrows)
    base = os.path.commonpath([os.path.dirname(n) or "." for n in nodes]) + "/"
    bad = 0
    for component in graph.components():
        if order:
            print(" ".join(short(n, base) for n in sorted(component)), file=out)
        if len(component) == 1:
            continue
        bad += 1
        print(f"cycle of {len(component)}: "
              f"{' '.join(short(n, base) for n in sorted(component))}", file=out)
        way = graph.cycle(component)
        for a, b in zip(way, way[1:]):
            print(f"  {short(a, base)} -> {short(b, base)}: "
                  f"{' '.join(sorted(graph.arrows[a][b]))}", file=out)
    what = "folders" if folders else "objects"
    print(f"{'not ok' if bad else 'ok'} cycles - {len(nodes)} {what}, {bad} cycles", file=out)
    return bad


def self_test():
    sources = {
        "a/one.c": "void two(void); void one(void); void one(void) { two(); }",
        "b/two.c": "void three(void); void two(void); void two(void) { three(); }",
        # Back to one; static names and a weak definition elsewhere make no arrow.
        "b/three.c": "void one(void); static void end(void) { one(); }\n"
                     "void three(void); void three(void) { end(); }",
        "c/weak.c": "void one(void); void three(void);\n"
                    "__attribute__((weak)) void one(void) { three(); }",
        "c/strong.c": "void one(void); void one(void) { }",
        "c/user.c": "void three(void); static void end(void) { three(); }\n"
                    "void user(void); void user(void) { end(); }",
    }
    failures = 0
    with tempfile.TemporaryDirectory() as tmp:
        for name, text in sources.items():
            path = os.path.join(tmp, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
            subprocess.run(["cc", "-c", "-o", path[:-1] + "o", path], check=True)
        o = {n[2:-2]: os.path.join(tmp, n[:-1] + "o") for n in sources}
        archive = os.path.join(tmp, "all.a")
        del o["strong"]
        subprocess.run(["ar", "rcs", archive, *o.values()], check=True)
        strong = os.path.join(tmp, "c/strong.o")
        with open(os.devnull, "w", encoding="ascii") as null:
            for what, files, folders, cycles in (
                    ("a cycle of three", list(o.values()), False, 1),
                    ("the same in an archive", [archive], False, 1),
                    ("the same between folders", list(o.values()), True, 1),
                    ("no cycle without one.o", [o["two"], o["three"], o["user"]], False, 0),
                    ("a weak definition counts", [o["three"], o["weak"]], False, 1),
                    ("a strong one comes first", [o["three"], o["weak"], strong], False, 0),
                    ("no cycle inside a folder", [os.path.join(tmp, "b")], True, 0)):
                found = check(files, folders, out=null)
                failures += found != cycles
                print(f"{'ok' if found == cycles else 'not ok'} cycles self-test - {what}")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--folders", action="store_true")
    parser.add_argument("--order", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("files", nargs="*", metavar="FILE")
    args = parser.parse_args()
    if args.self_test:
        return 1 if self_test() else 0
    if not args.files:
        parser.error("no FILE")
    try:
        return 1 if check(args.files, args.folders, args.order) else 0
    except (subprocess.CalledProcessError, OSError, ValueError) as e:
        print(f"cycles.py: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

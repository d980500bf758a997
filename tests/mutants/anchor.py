# SPDX-License-Identifier: GPL-2.0-only
"""
Finds a place in C sources by the definition around it and a pattern of tokens inside.

A definition is a function, a macro, a variable or table, or a struct, union or enum. Its
name finds it in any file below the roots, so a file can move. When several files define the
name, `stem/name` chooses one; the stem is the end of the file's path without its suffix.

A pattern is C: comments, line breaks and blanks do not matter. Besides C tokens it has
  $x   one identifier or number, the same token wherever $x stands;
  $$x  a balanced expression without a top-level comma or semicolon;
  ...  any tokens up to the end of the brackets around it.
The pattern must match once in its definition. A replacement may use $x, $$x, and $& for the
text that was matched. Only the matched characters change.

Coccinelle does not fit here: it does not match inside macro definitions or inside the
arguments of unknown macros, and one run for each mutant takes minutes. libclang needs
the flags of each file, and a plain system does not have it.
"""
import glob
import os
import re
from typing import NamedTuple

LEXER = re.compile(r"""
    (?P<blank> \s+ | \\\n | //[^\n]* | /\*.*?\*/ )
  | (?P<text> (?:u8|[uUL])?"(?:\\.|[^"\\\n])*" | [uUL]?'(?:\\.|[^'\\\n])*' )
  | (?P<word> [A-Za-z_]\w* | \.?\d(?:[eEpP][+-]|[\w.])* )
  | (?P<meta> \$\$?[A-Za-z_]\w* | \$& )
  | (?P<sign> \.\.\. | <<= | >>= | -> | \+\+ | -- | << | >> | [<>=!]= | && | \|\|
            | [-+*/%&|^]= | \#\# | . )""", re.X | re.S)
# A preprocessor line, with its continuation lines and comments.
DIRECTIVE = re.compile(r'\#(?:\\\n|/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|[^\n])*', re.S)
DEFINE = re.compile(r"#\s*define\s+(\w+)")
KEYWORDS = frozenset("break case continue default do else for goto if return sizeof struct "
                     "switch union enum while".split())
TAGS = ("struct", "union", "enum")
CLOSES = {"(": ")", "[": "]", "{": "}"}


class Lost(Exception):
    """A mutant's place is not there, or not there once."""


class Token(NamedTuple):
    text: str
    kind: str
    start: int
    end: int


class Definition(NamedTuple):
    path: str
    source: str
    tokens: list


class Place(NamedTuple):
    path: str
    source: str
    start: int
    end: int
    bound: dict


def lex(source, start=0, end=None, directives=False):
    """The tokens of @source. With @directives each preprocessor line is one token."""
    tokens, end = [], len(source) if end is None else end
    while start < end:
        if (directives and source[start] == "#" and
                not source[source.rfind("\n", 0, start) + 1:start].strip()):
            stop, kind = DIRECTIVE.match(source, start).end(), "directive"
        else:
            found = LEXER.match(source, start, end)
            stop, kind = found.end(), found.lastgroup
        if kind != "blank":
            tokens.append(Token(source[start:stop], kind, start, stop))
        start = stop
    return tokens


def close_of(tokens, i):
    """The index of the bracket that closes the one at @i; the last token when none does."""
    depth = 0
    for j in range(i, len(tokens)):
        if tokens[j].text in CLOSES:
            depth += 1
        elif tokens[j].text in CLOSES.values():
            depth -= 1
            if not depth:
                return j
    return len(tokens) - 1


def names_of(flat):
    """The names of an external declaration. A mere declaration of another's definition has none.
    @flat: (token, what follows it) of all tokens outside brackets, `{}` for a block."""
    words = [token.text for token, _ in flat]
    calls = {token.text for token, after in flat if token.kind == "word" and after == "("}
    if "=" in words:
        left = flat[:words.index("=")]
        return set([token.text for token, _ in left if token.kind == "word"][-1:])
    if words[-1:] == ["{}"] and calls:
        # Every name in front of parentheses, so attributes as well.
        return calls
    tags = {name for tag, name in zip(words, words[1:]) if tag in TAGS}
    last = {token.text for token, _ in flat[-1:] if token.kind == "word"}
    if "{}" in words:
        return tags | last
    is_declaration = calls or words[:1] == ["extern"] or len(words) == 2 and tags
    return set() if is_declaration else last


def definitions(source):
    """Yields (name, tokens) of all that a file defines."""
    tokens = lex(source, directives=True)
    for token in tokens:
        define = DEFINE.match(token.text) if token.kind == "directive" else None
        if define:
            yield define.group(1), lex(source, token.start, token.end)
    i, first, flat = 0, 0, []
    while i < len(tokens):
        token, words = tokens[i], [t.text for t, _ in flat]
        at, i = i, i + 1
        if token.kind == "directive":
            first = first if flat else i
            continue
        if token.text == "}" or token.text == "{" and len(words) == 2 and words[0] == "extern":
            # The end, or the beginning, of extern "C".
            first, flat = i, []
            continue
        if token.text in CLOSES:
            i = close_of(tokens, at) + 1
        if token.text == "{":
            is_body = "=" not in words and any(after == "(" for _, after in flat)
            flat.append((token._replace(text="{}"), ""))
        elif token.text not in "([;":
            is_body = False
            flat.append((token, tokens[i].text if i < len(tokens) else ""))
        if token.text == ";" or token.text == "{" and is_body:
            for name in names_of(flat):
                yield name, tokens[first:i]
            first, flat = i, []


def spans(tokens, i, stops):
    """Yields each end of balanced tokens from @i on, the shortest first."""
    yield i
    while i < len(tokens):
        token = tokens[i]
        if token.text in CLOSES.values() or token.text in stops or token.kind == "directive":
            return
        i = close_of(tokens, i) + 1 if token.text in CLOSES else i + 1
        yield i


def match(pattern, tokens, i, bound):
    """The (end, bound) of the shortest match of @pattern at @i, or None."""
    for at, item in enumerate(pattern):
        wide = item.text.startswith("$$")
        if item.text == "..." or wide and item.text not in bound:
            for end in spans(tokens, i, ",;" if wide else ""):
                if wide and end == i:
                    continue
                more = {**bound, item.text: tokens[i:end]} if wide else bound
                found = match(pattern[at + 1:], tokens, end, more)
                if found:
                    return found
            return None
        if item.kind == "meta" and item.text not in bound:
            if i >= len(tokens) or tokens[i].kind != "word" or tokens[i].text in KEYWORDS:
                return None
            bound = {**bound, item.text: tokens[i:i + 1]}
        expected = [t.text for t in bound.get(item.text, [item])]
        if [t.text for t in tokens[i:i + len(expected)]] != expected:
            return None
        i += len(expected)
    return i, bound


class Index:
    """All definitions below some folders of a tree, by name."""

    def __init__(self, top, roots):
        self.named, self.roots = {}, roots
        for path in sorted(self.files(top, roots)):
            with open(os.path.join(top, path), encoding="utf-8") as f:
                source = f.read()
            for name, tokens in definitions(source):
                self.named.setdefault(name, []).append(Definition(path, source, tokens))

    @staticmethod
    def files(top, roots):
        for root in (r for pattern in roots for r in glob.glob(os.path.join(top, pattern))):
            inside = [root]
            if os.path.isdir(root):
                inside = glob.glob(root + "/**/*.[ch]", recursive=True)
            yield from (os.path.relpath(path, top) for path in inside)

    def find(self, where):
        """The definitions of a name in one file; more than one where #if chooses."""
        stem, _, name = where.rpartition("/")
        found = [d for d in self.named.get(name, ())
                 if ("/" + os.path.splitext(d.path)[0]).endswith("/" + stem if stem else "")]
        paths = sorted({d.path for d in found})
        if not found:
            raise Lost(f"{where} is not defined in {' '.join(self.roots)}")
        if len(paths) > 1:
            raise Lost(f"{where} is defined in {' and '.join(paths)}: write stem/{name}")
        return found

    def locate(self, where, pattern):
        """The one place of @pattern in the definition @where."""
        wanted, places = lex(pattern), []
        found_in = self.find(where)
        for d in found_in:
            for i in range(len(d.tokens)):
                found = match(wanted, d.tokens, i, {})
                if found:
                    bound = {name: d.source[t[0].start:t[-1].end] for name, t in found[1].items()}
                    places.append(Place(d.path, d.source, d.tokens[i].start,
                                        d.tokens[found[0] - 1].end, bound))
        if len(places) != 1:
            raise Lost(f"{where} ({found_in[0].path}) has {len(places)} of: "
                       f"{' '.join(pattern.split())}")
        return places[0]

    def mutate(self, where, change):
        """(path, source) of the file after @change, a pair of pattern and replacement."""
        pattern, replacement = change
        place = self.locate(where, pattern)
        old = place.source[place.start:place.end]
        new = re.sub(r"\$&|\$\$?[A-Za-z_]\w*",
                     lambda m: old if m.group() == "$&" else place.bound[m.group()], replacement)
        return place.path, place.source[:place.start] + new + place.source[place.end:]

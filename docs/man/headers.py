#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
headers.py --list | DIRECTORY: writes the manual pages of the libraries' functions (section 3) and
types (section 3type), and of the concepts (section 7), below DIRECTORY, from the comments in the
public headers. --list prints the pages' paths below DIRECTORY instead.

A comment of this form becomes a page. It stands before what it describes:

	/**
	 * NAME() - summary, or: struct NAME - summary
	 * @parameter: what it is
	 *
	 * Paragraphs. A line that begins with "- " begins an item of a list.
	 *
	 * Return: what it returns. All that follows is about it, too.
	 */

A function without such a comment is an error.

docs/man/examples/NAME.c becomes the example of the page NAME.
"""
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs/man/examples"
# Of the newest release, so that two builds give the same pages.
DATE = re.search(r"^## \[\d.*\] - (\d{4}-\d\d-\d\d)", (ROOT / "CHANGELOG.md").read_text(),
                 re.M).group(1)

# Library, what a program includes, and the headers with comments.
LIBRARIES = [
    ("libring", "libring.h", "the library for rings", "-lring",
     ["common.h", "device.h", "filter.h", "reader.h", "recording.h", "writer.h"]),
    ("libring-bpf", "libring/bpf.h", "the library for rings of BPF programs", "-lring-bpf",
     ["bpf.h"]),
    ("libring-bpf", "libring/schema.h", "the library for schemas of records", "-lring-bpf",
     ["schema.h"]),
]

COMMENT = re.compile(r"^/\*\*\n(.*?)\n \*/\n(.*?)(?=\n\n|\Z)", re.S | re.M)
TITLE = re.compile(r"(?:(struct|enum) )?(\w+)(\(\))? - (.*)", re.S)


class Page:
    """A function, struct or enum with its comment."""

    def __init__(self, comment, code, header):
        lines = [line[3:] for line in comment.split("\n")]
        title, lines = take_title(lines)
        self.kind, self.name, _, self.summary = TITLE.fullmatch(title).groups()
        self.header = header
        self.arguments, lines = take_arguments(lines)
        text = "\n".join(lines).strip("\n")
        self.text, _, self.returned = ("\n" + text).partition("\nReturn: ")
        self.text = self.text.strip("\n")
        self.code = code.rstrip()
        self.section = "3type" if self.kind else "3"
        if not self.kind and not re.search(rf"\b{self.name}\(", self.code):
            raise SystemExit(f"{header}: the comment of {self.name}() stands before something else")

    def mentions(self, other):
        """True if the comment or the code names the other page."""
        words = self.text + self.returned + self.code
        if other.kind:
            return re.search(rf"\b{other.kind} {other.name}\b", words) is not None
        return re.search(rf"\b{other.name}\(", words) is not None


def take_title(lines):
    """Return: the first sentence of the comment, and the lines behind it."""
    for i, line in enumerate(lines):
        if i and (not line or line.startswith("@")):
            return " ".join(lines[:i]), lines[i:]
    return " ".join(lines), []


def take_arguments(lines):
    """Return: (names, text) of each @name: paragraph at the beginning, and the other lines."""
    arguments = []
    for i, line in enumerate(lines):
        match = re.match(r"((?:@\w+(?:, )?)+):\s+(.*)", line)
        if match:
            arguments.append([match.group(1).replace("@", ""), match.group(2)])
        elif line and arguments and line[0] in " \t":
            arguments[-1][1] += " " + line.strip()
        elif line:
            return arguments, lines[i:]
        elif arguments:
            return arguments, lines[i:]
    return arguments, []


def read_pages(headers):
    pages = []
    for header in headers:
        text = (ROOT / "include/libring" / header).read_text()
        for comment, code in COMMENT.findall(text):
            pages.append(Page(comment, code, header))
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for name in re.findall(r"^\w[\w \*]*?\b(ring_\w+)\(", code, re.M):
            if not any(page.name == name and not page.kind for page in pages):
                raise SystemExit(f"{header}: {name}() has no comment that begins with /**")
    return pages


# --- mdoc -------------------------------------------------------------------------


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


class Writer:
    """Turns the comments' words into mdoc."""

    def __init__(self, known, name):
        self.known = known
        self.name = name

    def words(self, text):
        """A paragraph: a sentence begins a line; functions, errors and arguments have their macros."""
        out = []
        for sentence in re.split(r"(?<=[^.][.:?])\s+(?=[A-Z-@])", " ".join(text.split())):
            line = []
            for word in sentence.split(" "):
                macro = self.macro(word)
                if macro:
                    out.append(" ".join(line))
                    line = []
                    out.append(macro)
                else:
                    line.append(escape(word))
            out.append(" ".join(line))
        lines = []
        for line in out:
            lines += [line] if self.is_macro(line) else \
                textwrap.wrap(line, 78, break_long_words=False, break_on_hyphens=False)
        return "\n".join("\\&" + line if line[0] in ".'" and not self.is_macro(line) else line
                         for line in lines)

    @staticmethod
    def is_macro(line):
        return re.match(r"\.(Fn|Xr|Er|Fa|Dv|No|Pf) ", line) is not None

    def macro(self, word):
        match = re.fullmatch(r"(\(?)(.*?)([.,;:)]*)", word)
        before, core, after = match.groups()
        ends = "".join(" " + c for c in after)
        call = re.fullmatch(r"(\w+)\((\d?)\)?", core) if "(" in core else None
        if call and not core.endswith(")"):
            # The closing parenthesis went to the punctuation.
            if not after.startswith(")"):
                return None
            ends = "".join(" " + c for c in after[1:])
        if call and call.group(2):
            return self.line(before, f"Xr {call.group(1)} {call.group(2)}", ends)
        if call and call.group(1) in self.known and call.group(1) != self.name:
            return self.line(before, f"Xr {call.group(1)} 3", ends)
        if call:
            return self.line(before, f"Fn {call.group(1)}", ends)
        if re.fullmatch(r"-E[A-Z0-9]+", core):
            return self.line(before, f"No \\-\n.Er {core[1:]}", ends)
        if re.fullmatch(r"@\w+(->\w+)*", core):
            return self.line(before, f"Fa {escape(core[1:])}", ends)
        if re.fullmatch(r"(RING|SEQRING)_[A-Z0-9_]+", core):
            return self.line(before, f"Dv {core}", ends)
        return None

    @staticmethod
    def line(before, macro, ends):
        if macro.startswith("No \\-\n"):
            # No space between the sign and the error's name.
            return f".No {before}\\- Ns Er {macro.split('.Er ')[1]}{ends}"
        return f".{macro}{ends}" if not before else f".Pf ( {macro}{ends}"

    def paragraphs(self, text):
        out, first = [], True
        for block in re.split(r"\n\n", text):
            items = re.split(r"(?:^|\n)- ", block)
            if items[0].strip():
                if not first:
                    out.append(".Pp")
                out.append(self.words(items[0]))
            if len(items) > 1:
                out.append(".Bl -bullet")
                for item in items[1:]:
                    out += [".It", self.words(item)]
                out.append(".El")
            first = False
        return out


def synopsis(page, include):
    out = [".Sh SYNOPSIS", f".In {include}"]
    if page.kind:
        return out + [".Bd -literal", escape(page.code.replace("\t", "        ")), ".Ed"]
    declaration = " ".join(page.code.split()).rstrip(";")
    match = re.fullmatch(r"(.*?[ *])(\w+)\((.*)\)", declaration)
    if not match:
        raise SystemExit(f"{page.header}: cannot read the declaration of {page.name}()")
    out += [f".Ft {match.group(1).strip()}", f".Fo {page.name}"]
    return out + [f'.Fa "{argument.strip()}"' for argument in match.group(3).split(",")] + [".Fc"]


def render(page, pages, library, include, about, link):
    writer = Writer({p.name for p in pages if not p.kind}, page.name)
    out = ['.\\" Made by docs/man/headers.py from include/libring/' + page.header + ".",
           f".Dd {mdoc_date()}",
           f".Dt {page.name.upper()} 3", ".Os",
           ".Sh NAME", f".Nm {page.name}",
           ".Nd " + escape(" ".join(page.summary.split())),
           ".Sh LIBRARY", f"{library}, {about}", f".Pq {escape(link)}"]
    out += synopsis(page, include)
    out.append(".Sh DESCRIPTION")
    if page.arguments:
        out.append("The members are:" if page.kind == "struct" else
                   "The values are:" if page.kind else "The arguments are:")
        out.append(".Bl -tag -width Ds")
        for names, text in page.arguments:
            out.append(".It " + " , ".join(f"Fa {name}" for name in names.split(", ")))
            out.append(writer.words(text))
        out.append(".El")
        if page.text:
            out.append(".Pp")
    if page.text:
        out += writer.paragraphs(page.text)
    elif not page.arguments:
        out.append(f"See\n.Xr seqring 7\nfor the concepts.")
    if page.returned:
        out.append(".Sh RETURN VALUES")
        out += writer.paragraphs(page.returned[0].upper() + page.returned[1:])
    example = EXAMPLES / f"{page.name}.c"
    if example.exists():
        code = example.read_text().split("\n", 1)[1].strip("\n")
        out += [".Sh EXAMPLES", ".Bd -literal", escape(code.replace("\t", "        ")), ".Ed"]
    # A type and a function may have one name. mandoc takes a reference from one to the other for
    # one of a page to itself.
    others = [p for p in pages if p.name != page.name and (page.mentions(p) or p.mentions(page))]
    out.append(".Sh SEE ALSO")
    out += [f".Xr {p.name} {p.section} ," for p in
            sorted(others, key=lambda p: (p.section, p.name))] + [".Xr seqring 7"]
    return "\n".join(out) + "\n"


def mdoc_date():
    year, month, day = DATE.split("-")
    names = ("January February March April May June July August September October November "
             "December").split()
    return f"{names[int(month) - 1]} {int(day)}, {year}"


def concepts():
    """The page of the concepts, from the comment at the top of libring.h."""
    text = (ROOT / "include/libring.h").read_text()
    comment = re.search(r"^/\*\n(.*?)\n \*/$", text, re.S | re.M).group(1)
    lines = [line[3:] for line in comment.split("\n")]
    blocks = re.split(r"\n\n", "\n".join(lines))
    writer = Writer(set(), "")
    summary = blocks[0].split(": ", 1)[1].rstrip(".")
    out = ['.\\" Made by docs/man/headers.py from include/libring.h.', f".Dd {mdoc_date()}",
           ".Dt SEQRING 7", ".Os", ".Sh NAME", ".Nm seqring",
           ".Nd records from the kernel, a process or BPF programs to many readers",
           ".Sh DESCRIPTION", writer.words(f"With libring, programs {summary}.")]
    for block in blocks[1:]:
        if "\n" not in block and not block.endswith("."):
            out.append(f".Ss {block}")
        else:
            paragraphs = writer.paragraphs(block)
            out += ([] if out[-1].startswith(".Ss") else [".Pp"]) + paragraphs
    out += [".Sh SEE ALSO", ".Xr ring_bpf_prepare 3 ,", ".Xr ring_open 3 ,",
            ".Xr ring_writer_create 3 ,", ".Xr seqring 4 ,", ".Xr seqring-recording 5 ,",
            ".Xr seqring-schema 5 ,", ".Xr seqring-bpf 7 ,", ".Xr ringctl 8"]
    return "\n".join(out) + "\n"


def main():
    arguments = sys.argv[1:]
    only_list = arguments[:1] == ["--list"]
    groups = [(library, [p for h in library[4] for p in read_pages([h])])
              for library in LIBRARIES]
    pages = [p for _, group in groups for p in group]
    texts = {"man7/seqring.7": None if only_list else concepts()}
    for (library, include, about, link, _), group in groups:
        for page in group:
            texts[f"man3/{page.name}.{page.section}"] = None if only_list else \
                render(page, pages, library, include, about, link)
    for path, text in sorted(texts.items()):
        if only_list:
            print(path)
            continue
        target = pathlib.Path(arguments[0]) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


main()

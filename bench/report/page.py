#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes tables and plots of evaluated runs (see evaluate.py).

usage: page.py RUN.json... -o DIR     DIR/benchmarks.md, DIR/benchmarks/*
       page.py --print RUN.json...
       page.py --check [--allow-skips] RUN.json...

With --print it prints the tables only. With --check it only says which targets are missed,
and what was not measured.

Exit status: 0; 1 with --check: a target was missed, or something was not measured;
2: a file is not what evaluate.py writes; 3: could not run.
"""

import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

from common import Bad, end, size


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and \
        math.isfinite(value)


def of_type(*types):
    return lambda value: isinstance(value, types)


# What a value is: how to tell, and its name.
NUMBER = is_number, "a number"
MEASURED = lambda value: value is None or is_number(value), "a number"
TEXT, BOOL = (of_type(str), "a string"), (of_type(bool), "true or false")
LIST, OBJECT = (of_type(list), "a list"), (of_type(dict), "an object")

# The shape of the file. A key that ends in ? may be missing.
MACHINE = {
    "cpu": TEXT, "cores": NUMBER, "hypervisor?": TEXT, "caches": OBJECT, "memory": NUMBER,
    "kernel": TEXT, "compiler": TEXT, "packages": OBJECT, "date": TEXT, "writer_cpu": NUMBER,
    "reader_cpu": NUMBER, "cache_ways?": OBJECT,
}
SERIES = {
    "section": TEXT, "name": TEXT, "unit": TEXT, "median": NUMBER, "q1": NUMBER, "q3": NUMBER,
    "min": NUMBER, "max": NUMBER, "peer?": TEXT, "ratio?": NUMBER, "published?": NUMBER,
    "lost?": NUMBER, "plot?": TEXT, "curve?": TEXT, "x?": NUMBER, "disturbed": NUMBER,
    "rounds": LIST,
}
TOP = {
    "machine": MACHINE, "round_ms": NUMBER, "rounds": NUMBER, "quick": BOOL,
    "sections": [{"name": TEXT, "title": TEXT, "text": TEXT}],
    "plots": [{"section": TEXT, "name": TEXT, "title": TEXT, "x_label": TEXT, "y_label": TEXT,
               "log_x": BOOL, "log_y": BOOL, "percentile_x": BOOL}],
    "series": [SERIES],
    "notes": [{"section": TEXT, "text": TEXT}],
    "targets": [{"section": TEXT, "what": TEXT, "value": MEASURED, "unit": TEXT,
                 "bound": TEXT, "limit": NUMBER, "met": BOOL}],
}

# Okabe and Ito's colours, which the colour-blind can tell apart, without the yellow one.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A7A7A"]
DASHES = [1, 2, 4, 5]
POINTS = [7, 5, 9, 11, 13, 6, 4, 8]
NINES = (50, 90, 99, 99.9, 99.99, 99.999)
WIDTH, HEIGHT = 960, 520
LEGEND_LINE = 24

HYPERVISORS = {
    "KVMKVMKVM": "KVM",
    "TCGTCGTCGTCG": "QEMU's TCG, which emulates it: only ratios mean anything",
    "Microsoft Hv": "Hyper-V",
    "VMwareVMware": "VMware",
    "XenVMMXenVMM": "Xen",
}


def demand(value, want, where):
    """Raises Bad unless the value is of this shape."""
    if isinstance(want, dict):
        demand(value, OBJECT, where)
        for key, inner in want.items():
            name = key.rstrip("?")
            if name in value:
                demand(value[name], inner, f"{where}.{name}")
            elif name == key:
                raise Bad(f"{where}: there is no '{name}'")
    elif isinstance(want, list):
        demand(value, LIST, where)
        for i, item in enumerate(value):
            demand(item, want[0], f"{where}[{i}]")
    else:
        good, what = want
        if not good(value):
            raise Bad(f"{where}: {json.dumps(value)[:40]} is not {what}")


def met(target):
    """None: it was not measured."""
    if target["value"] is None:
        return None
    if target["bound"] == "at_most":
        return target["value"] <= target["limit"]
    return target["value"] >= target["limit"]


def nonsense(series, plot):
    """What the parts of a series say against each other; @plot: where it is a point, or {}."""
    on_plot = "plot" in series
    x = series.get("x")
    yield not series["rounds"], "no rounds"
    yield not all(map(MEASURED[0], series["rounds"])), "a round is not a number"
    ordered = [series[key] for key in ("min", "q1", "median", "q3", "max")]
    yield ordered != sorted(ordered), "its quantiles are not in order"
    yield series.get("lost", 0) > series.get("published", 0), "it lost more than was published"
    yield ("peer" in series) != ("ratio" in series), "a peer goes with a ratio"
    yield ("lost" in series) != ("published" in series), \
        "what was lost goes with what was published"
    yield on_plot and not plot, f"there is no plot '{series.get('plot')}'"
    yield on_plot and (x is None or "curve" not in series), "a point has a curve and an x"
    yield on_plot and plot["percentile_x"] and not 0 <= x <= 100, f"{x} is no percentile"
    yield on_plot and plot["log_x"] and not plot["percentile_x"] and x <= 0, \
        f"{x} has no place on a logarithmic axis"


def demand_sense(data):
    """Checks the parts of a file against each other."""
    plots = {plot["name"]: plot for plot in data["plots"]}
    if len(plots) != len(data["plots"]):
        raise Bad("plots: two have the same name")
    for name in plots:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise Bad(f"plots: '{name}' cannot be the name of a file")
    for i, series in enumerate(data["series"]):
        for bad, why in nonsense(series, plots.get(series.get("plot"), {})):
            if bad:
                raise Bad(f"series[{i}] ({series['name']}): {why}")
    for i, target in enumerate(data["targets"]):
        if target["bound"] not in ("at_most", "at_least"):
            raise Bad(f"targets[{i}].bound: '{target['bound']}' is neither at_most nor at_least")
        if target["met"] != bool(met(target)):
            raise Bad(f"targets[{i}] ({target['what']}): 'met' is not what its value says")


def load(path):
    def no_constant(name):
        raise Bad(f"{name} is not a number")

    try:
        with open(path, encoding="utf-8") as f:
            data = json.load(f, parse_constant=no_constant)
        demand(data, TOP, "it")
        demand_sense(data)
    except OSError as e:
        raise Bad(f"{path}: {e.strerror}") from e
    except (ValueError, Bad) as e:
        raise Bad(f"{path}: {e}") from e
    return data


# Numbers


def number(value):
    """Three digits, more only where they stand before the point."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 99.95:
        return f"{value:,.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    if size >= 0.995:
        return f"{value:.2f}"
    return f"{value:.3g}"


def share(part, whole):
    if not part:
        return "0"
    percent = 100 * part / whole
    return f"{percent:.2g} %" if percent < 9.95 else f"{percent:.0f} %"


# Tables


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(head, rows, left=1):
    """Padded columns, so that the source reads well, too."""
    rows = [[cell(text) for text in row] for row in [head] + rows]
    width = [max(3, *(len(row[i]) for row in rows)) for i in range(len(head))]

    def line(row):
        return "| " + " | ".join(
            text.ljust(width[i]) if i < left else text.rjust(width[i])
            for i, text in enumerate(row)) + " |"

    rule = "|" + "|".join(
        "-" * (width[i] + 2) if i < left else "-" * (width[i] + 1) + ":"
        for i in range(len(head))) + "|"
    return "\n".join([line(rows[0]), rule] + [line(row) for row in rows[1:]]) + "\n"


def series_table(series):
    any_peer = any("peer" in s for s in series)
    any_loss = any("published" in s for s in series)
    any_disturbed = any(s["disturbed"] for s in series)
    head = ["", "median", "unit", "quartiles"]
    head += ["ratio"] * any_peer + ["lost"] * any_loss + ["disturbed"] * any_disturbed
    rows = []
    for s in series:
        row = [s["name"], number(s["median"]), s["unit"], f"{number(s['q1'])} .. {number(s['q3'])}"]
        if any_peer:
            row.append(f"{number(s['ratio'])} x {s['peer']}" if "peer" in s else "")
        if any_loss:
            row.append(share(s["lost"], s["published"]) if s.get("published") else "")
        if any_disturbed:
            row.append(f"{s['disturbed']} of {len(s['rounds'])}" if s["disturbed"] else "")
        rows.append(row)
    return table(head, rows)


def measured(target):
    """With more digits where it misses by less than three digits show."""
    value, limit = target["value"], target["limit"]
    if value is None:
        return "-"
    close = not met(target) and number(value) == number(limit)
    return f"{value:.6g}" if close else number(value)


def bound(target):
    return f"{'<=' if target['bound'] == 'at_most' else '>='} {number(target['limit'])}"


def verdict(target):
    return {True: "met", False: "**NOT MET**", None: "**NOT MEASURED**"}[met(target)]


def targets_table(targets):
    rows = [[t["section"], t["what"], measured(t), bound(t), t["unit"], verdict(t)]
            for t in targets]
    return table(["", "target", "measured", "wanted", "unit", "verdict"], rows, left=2)


# Plots


def points_of(data, plot):
    """Its curves by name, in order: lists of series in order of x."""
    curves = {}
    for s in data["series"]:
        if s.get("plot") == plot["name"]:
            curves.setdefault(s["curve"], []).append(s)
    for points in curves.values():
        points.sort(key=lambda s: s["x"])
    return curves


def tick(plot, x):
    if plot["percentile_x"]:
        return "max" if x >= 100 else f"{x:g} %"
    if re.search(r"\b(bytes?|B)\b", plot["x_label"]):
        return size(x)
    return f"{x:g}"


def plot_table(plot, curves):
    xs = sorted({s["x"] for points in curves.values() for s in points})
    rows = []
    for name, points in curves.items():
        known = {s["x"]: number(s["median"]) for s in points}
        rows.append([name] + [known.get(x, "") for x in xs])
    return table([plot["y_label"]] + [tick(plot, x) for x in xs], rows)


def nines(percentile):
    return -math.log10(1 - percentile / 100)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def log_ticks(values):
    """Powers of ten, with 2 and 5 between them when those are few; and the range."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    steps = (1, 2, 5) if high - low <= 2 else (1,)
    ticks = [m * 10.0**e for e in range(low, high + 1) for m in steps if m * 10.0**e <= 10.0**high]
    bottom = max((t for t in ticks if t <= min(values)), default=ticks[0])
    top = min((t for t in ticks if t >= max(values)), default=ticks[-1])
    if top <= bottom:
        top = 10 * bottom
    return [t for t in ticks if bottom <= t <= top], bottom, top


def si(value):
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{prefix}"
    return f"{value:g}"


def x_range(plot, values):
    """All of the values, and a little room beside the first and the last."""
    low, high = min(values), max(values)
    if plot["log_x"] and not plot["percentile_x"]:
        room = max(high / low, 2) ** 0.03
        return low / room, high * room
    room = 0.03 * (high - low or 1)
    return low - room, high + room


def gnuplot_script(plot, curves, base):
    """Draws the curves. The legend stands below them, in two columns."""
    drawn = {name: [s for s in points if not (plot["percentile_x"] and s["x"] >= 100)]
             for name, points in curves.items()}
    xs = sorted({s["x"] for points in drawn.values() for s in points})
    at = nines if plot["percentile_x"] else float
    columns = 2 if max(len(name) for name in drawn) <= 38 else 1
    rows = math.ceil(len(drawn) / columns)
    height = HEIGHT + LEGEND_LINE * rows
    left, right = x_range(plot, [at(x) for x in xs])
    ys = [y for points in drawn.values() for s in points for y in (s["median"], s["q1"], s["q3"])]
    lines = [
        "set encoding utf8",
        f"set title {quoted(plot['title'])}",
        f"set xlabel {quoted(plot['x_label'])} offset 0,0.4",
        f"set ylabel {quoted(plot['y_label'])}",
        "set border 3 lc rgb '#444444'",
        "set tics nomirror",
        "set grid lc rgb '#DDDDDD' lt 1",
        f"set key below center vertical Left reverse maxrows {rows} samplen 3 spacing 1.15",
        "set rmargin 4",
        f"set xrange [{left:.9g}:{right:.9g}]",
    ]
    # A cost of zero is measured at times, and has no place on a logarithmic axis.
    if plot["log_y"] and min(ys) > 0:
        ticks, bottom, top = log_ticks(ys)
        names = ", ".join(f"{quoted(si(t))} {t:.9g}" for t in ticks)
        lines += ["set logscale y", f"set ytics ({names})",
                  f"set yrange [{0.99 * bottom:.9g}:{1.01 * top:.9g}]"]
    else:
        lines += ["set yrange [0:*]"]
    if plot["log_x"] and not plot["percentile_x"]:
        lines.append("set logscale x")
    if plot["percentile_x"] or (plot["log_x"] and len(xs) <= 16):
        turned = "rotate by -35 " if len(xs) > 9 else ""
        # Each is a format. There is room only for percentiles that begin a decade.
        names = ["" if plot["percentile_x"] and x not in NINES else
                 tick(plot, x).replace("%", "%%") for x in xs]
        ticks = ", ".join(f"{quoted(name)} {at(x):.6f}" for name, x in zip(names, xs))
        lines.append(f"set xtics {turned}({ticks})")
    elif plot["log_x"]:
        lines.append("set format x '%.0s%c'")
    plots = []
    for i, (name, points) in enumerate(drawn.items()):
        lines.append(f"$curve{i} << END")
        lines += [f"{at(s['x']):.9g} {s['median']:.9g} {s['q1']:.9g} {s['q3']:.9g}" for s in points]
        lines.append("END")
        style = (f"lc rgb '{COLOURS[i % len(COLOURS)]}' lw 2 ps 0.9 "
                 f"dt {DASHES[i // len(COLOURS) % len(DASHES)]} pt {POINTS[i % len(POINTS)]}")
        spread = any(len(s["rounds"]) > 1 for s in points)
        how = "1:2:3:4 with yerrorlines" if spread else "1:2 with linespoints"
        plots.append(f"$curve{i} using {how} {style} title {quoted(name)}")
    lines += [
        f"set terminal svg size {WIDTH},{height} font 'sans-serif,13' noenhanced "
        "background rgb 'white'",
        f"set output {quoted(base + '.svg')}",
        "plot " + ", ".join(plots),
    ]
    return "\n".join(lines + ["unset output", ""])


def draw(plot, curves, base):
    script = gnuplot_script(plot, curves, base)
    # gnuplot would ask for a display, and read the user's settings.
    env = {**os.environ, "GNUTERM": "dumb", "LC_ALL": "C.UTF-8"}
    run = subprocess.run(["gnuplot", "-d"], input=script, text=True, capture_output=True, env=env,
                         check=False)
    if run.returncode or not os.path.exists(base + ".svg") or not os.path.getsize(base + ".svg"):
        raise OSError(f"gnuplot cannot draw '{plot['name']}': {run.stderr.strip()}")


# The document


def fill(text, first="", then=""):
    return textwrap.fill(text, 92, initial_indent=first, subsequent_indent=then,
                         break_long_words=False, break_on_hyphens=False)


def bullets(items):
    return "\n".join(fill(item, "- ", "  ") for item in items) + "\n"


def paragraphs(text):
    """Wrapped, except lists, tables and code, which have lines of their own."""
    return "\n\n".join(p if "\n" in p else fill(p) for p in text.strip("\n").split("\n\n")) + "\n"


def machine_list(data):
    m = data["machine"]
    caches = "".join(f", {name} {size(n)}" for name, n in m["caches"].items())
    items = [f"processor: {m['cpu']}, {m['cores']} cores{caches}; {size(m['memory'])} of memory"]
    if "hypervisor" in m:
        items.append(f"virtual machine: {HYPERVISORS.get(m['hypervisor'], m['hypervisor'])}")
    items += [
        f"kernel: {m['kernel']}",
        f"compiler: {m['compiler']}",
        "libraries and peers: " + ", ".join(f"{k} {v}" for k, v in m["packages"].items()),
        f"measured: {m['date']}, writer on core {m['writer_cpu']}, reader on {m['reader_cpu']}",
        f"rounds: {data['rounds']} of {data['round_ms']} ms, where a section does not say "
        f"otherwise{'; a quick run' if data['quick'] else ''}",
    ]
    return bullets(items)


def section_names(data):
    names = [s["name"] for s in data["sections"]]
    for items in (data["series"], data["plots"], data["targets"], data["notes"]):
        names += [item["section"] for item in items]
    order = [s["section"] for s in data["series"]]
    # In the order of the measurements; sections with nothing but notes come last.
    return sorted(dict.fromkeys(names),
                  key=lambda name: order.index(name) if name in order else len(order))


def section_text(data, name, image):
    """@image: a function that draws a plot and returns what stands for it in the text."""
    described = next((s for s in data["sections"] if s["name"] == name), None)
    title = f"{described['title']} (`{name}`)" if described else f"`{name}`"
    parts = [f"### {title}\n"]
    if described and described["text"]:
        parts.append(paragraphs(described["text"]))
    for note in data["notes"]:
        if note["section"] == name and note["text"].startswith("SKIPPED"):
            parts.append(fill(f"**{note['text']}**") + "\n")
    series = [s for s in data["series"] if s["section"] == name and "plot" not in s]
    if series:
        parts.append(series_table(series))
    targets = [t for t in data["targets"] if t["section"] == name]
    if targets:
        parts.append(targets_table(targets))
    for plot in (p for p in data["plots"] if p["section"] == name):
        curves = points_of(data, plot)
        if not curves:
            continue
        parts.append(image(plot, curves))
        parts.append(plot_table(plot, curves))
    notes = [n["text"] for n in data["notes"]
             if n["section"] == name and not n["text"].startswith("SKIPPED")]
    if notes:
        parts.append(bullets(notes))
    return "\n".join(parts)


def chapter(stem, data, out, written):
    machine = data["machine"]
    where = "Natively"
    if stem.startswith("vm-bpf-"):
        where = "In a virtual machine, BPF programs"
    elif stem.startswith("vm-"):
        where = "In a virtual machine with the module"
    release = " ".join(machine["kernel"].split()[:2])
    parts = [f"## {where}, on {release}\n", machine_list(data)]
    targets = data["targets"]
    if targets:
        good = sum(bool(met(t)) for t in targets)
        parts.append(f"{good} of {len(targets)} targets are met.\n")
        missed = [t for t in targets if not met(t)]
        if missed:
            parts.append(targets_table(missed))
    skipped = [n for n in data["notes"] if n["text"].startswith("SKIPPED")]
    if skipped:
        parts.append("Not measured here:\n")
        parts.append(bullets(f"`{n['section']}`: {n['text']}" for n in skipped))

    def image(plot, curves):
        base = f"{stem}-{plot['name']}"
        draw(plot, curves, os.path.join(out, "benchmarks", base))
        written.add(f"{base}.svg")
        return f"![{plot['title']}](benchmarks/{base}.svg)\n"

    parts += [section_text(data, name, image) for name in section_names(data)]
    return "\n".join(parts)


INTRO = """# Benchmarks

The cost of a ring, beside the alternatives and beside the limits of the machine. `make bench`
measures it anew on the machine at hand, `make bench-vm` measures what needs the module,
`make bench-vm-bpf` counts the instructions of BPF programs on two kernels, and
`make bench-report` makes this page from the files docs/evidence/benchmarks/*.json
(bench/report).

The contenders of a section take turns, round after round. A figure is the median of the
rounds, with the quartiles beside it. Rounds in which something else had one of the cores are
left out, unless they are the majority. A ratio is the median of the ratios round by round.
Every record that is read is checked, and the records read and the records lost add up to the
records published. `lost` is the share of records that a contender lost or dropped.
"""


def stem_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def report(paths, out):
    files = {}
    for path in paths:
        stem = stem_of(path)
        if stem in files:
            raise Bad(f"{path}: there is another file of that name")
        files[stem] = (path, load(path))
    if not shutil.which("gnuplot"):
        raise OSError("there is no gnuplot: run tests/deps.sh bench")
    plots = os.path.join(out, "benchmarks")
    os.makedirs(plots, exist_ok=True)
    written = set()
    chapters = [chapter(stem, data, out, written) for stem, (_, data) in files.items()]
    for stem, (path, _) in files.items():
        kept = os.path.join(plots, stem + ".json")
        if not (os.path.exists(kept) and os.path.samefile(path, kept)):
            shutil.copyfile(path, kept)
    # Plots that no longer exist.
    for name in os.listdir(plots):
        if name.endswith((".svg", ".png")) and name not in written and \
                any(name.startswith(stem + "-") for stem in files):
            os.unlink(os.path.join(plots, name))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=out, delete=False) as f:
        f.write("\n".join([INTRO] + chapters))
    os.chmod(f.name, 0o644)
    os.replace(f.name, os.path.join(out, "benchmarks.md"))
    print(f"{os.path.join(out, 'benchmarks.md')}: {len(files)} runs, {len(written)} plots")


def show(paths):
    for path in paths:
        data = load(path)
        for name in section_names(data):
            print(section_text(data, name, lambda plot, curves: f"{plot['title']}:\n"))


def check(paths, allow_skips, some_target=True):
    """Names the figures that fall short. Return: whether there are any.

    @some_target: a file without a target falls short
    """
    short = False
    for path in paths:
        data = load(path)
        for t in data["targets"]:
            if met(t):
                continue
            value = "not measured" if t["value"] is None else f"{measured(t)} {t['unit']}"
            print(f"{path}: falls short: {t['section']}: {t['what']}: {value}, wanted {bound(t)}")
            short = True
        for note in data["notes"]:
            if note["text"].startswith("SKIPPED"):
                print(f"{path}: not measured: {note['section']}: {note['text']}")
                short = short or not allow_skips
        if some_target and not data["targets"]:
            print(f"{path}: falls short: there is no target in it")
            short = True
    return short


def main():
    parser = argparse.ArgumentParser(
        description="Makes tables and plots of evaluated runs.")
    parser.add_argument("files", nargs="+", metavar="RUN.json")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-o", metavar="DIR", help="write DIR/benchmarks.md, plots in DIR/benchmarks")
    what.add_argument("--print", action="store_true", help="only print the tables")
    what.add_argument("--check", action="store_true", help="only say which targets are missed")
    parser.add_argument("--allow-skips", action="store_true",
                        help="with --check: what could not be measured is no miss")
    args = parser.parse_args()
    if args.check:
        return check(args.files, args.allow_skips)
    return show(args.files) if args.print else report(args.files, args.o)


if __name__ == "__main__":
    end("page.py", main)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Evaluates the samples of ringbench or vmbench: medians, ratios, targets.

usage: evaluate.py SAMPLES.jsonl... RUN.json

Several files are runs on the same machine; what describes the run is the first file's.
sections.py says what the sections consist of, and page.py draws from RUN.json.

Exit status: 0; 2: a file is not what the programs write; 3: could not read or write.
"""

import collections
import json
import math
import sys

import sections
from common import Bad, end

SAMPLES_ABOVE = 10  # so many samples above it, and a percentile is no accident


def digits(value):
    """As many digits as a measurement has; JSON knows neither NaN nor infinity."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if float(value).is_integer() else float(f"{value:.7g}")


def quantile(ordered, q):
    """Between neighbours in proportion; NaN of none."""
    if not ordered:
        return math.nan
    at = q * (len(ordered) - 1)
    i = int(at)
    if i + 1 == len(ordered):
        return ordered[i]
    return ordered[i] + (at - i) * (ordered[i + 1] - ordered[i])


def tick_quantile(counts, q):
    """Of values of a clock that goes in steps: each is spread evenly over its step."""
    if not counts:
        return math.nan
    ticks = sorted(counts)
    if q >= 1:
        return ticks[-1]
    step = math.gcd(*ticks) or 1
    wanted = q * sum(counts.values())
    for tick in ticks:
        if wanted <= counts[tick]:
            return min(tick + step * (wanted / counts[tick] - 0.5), ticks[-1])
        wanted -= counts[tick]
    return ticks[-1]


class Series:
    """One value for each round of a contender."""

    def __init__(self, section, name, unit, values, disturbed):
        self.section, self.name, self.unit = section, name, unit
        self.values, self.disturbed = values, disturbed
        self.peer = self.place = None
        self.published = self.lost = 0

    def usable(self):
        """The undisturbed values; all of them when those are too few."""
        if 2 * sum(self.disturbed) > len(self.values):
            return sorted(self.values)
        return sorted(v for v, d in zip(self.values, self.disturbed) if not d)

    def median(self):
        return quantile(self.usable(), 0.5)

    def paired(self, other, function):
        """The median over the rounds of a function of both series."""
        rounds = list(zip(self.values, other.values, self.disturbed, other.disturbed))
        clean = [r for r in rounds if not r[2] and not r[3]]
        if 2 * len(clean) < len(self.values):
            clean = rounds
        results = [function(a, b) for a, b, _, _ in clean]
        return quantile(sorted(results), 0.5) if all(map(math.isfinite, results)) else math.nan

    def ratio(self, other):
        return self.paired(other, lambda a, b: a / b if b else math.nan)

    def difference(self, other):
        return self.paired(other, lambda a, b: a - b)

    def as_json(self):
        ordered = self.usable()
        out = {"section": self.section, "name": self.name, "unit": self.unit}
        for key, q in (("median", 0.5), ("q1", 0.25), ("q3", 0.75), ("min", 0), ("max", 1)):
            out[key] = digits(quantile(ordered, q))
        # A contender that delivered nothing has no ratio.
        if self.peer and math.isfinite(self.ratio(self.peer)):
            out.update(peer=self.peer.name, ratio=digits(self.ratio(self.peer)))
        if self.published:
            out.update(published=self.published, lost=self.lost)
        if self.place:
            out.update(zip(("plot", "curve", "x"), self.place))
        out.update(disturbed=sum(self.disturbed), rounds=[digits(v) for v in self.values])
        return out


class Section:
    """The samples of a section, and what is made of them."""

    def __init__(self, name, lines, run, margin):
        self.name, self.run, self.margin = name, run, margin
        self.samples = collections.OrderedDict()
        self.series_list, self.plots, self.targets = [], [], []
        self.notes = [line["note"] for line in lines if "note" in line]
        for line in lines:
            if "contender" in line:
                self.samples.setdefault(line["contender"], []).append(line)

    def figure(self, contender, field):
        """Of the last round that has it; None: there is none."""
        values = [s[field] for s in self.samples.get(contender, ()) if field in s]
        return values[-1] if values else None

    def series(self, contender, field, unit, name=None, account=True, place=None):
        """None: there are no such samples. @field: a key of them, or a function of one."""
        function = field if callable(field) else lambda sample: sample.get(field)
        samples = self.samples.get(contender, ())
        rounds = [(function(s), bool(s["disturbed"])) for s in samples]
        rounds = [(value, d) for value, d in rounds if value is not None]
        if not rounds:
            return None
        s = Series(self.name, name or contender, unit, *map(list, zip(*rounds)))
        s.place = place
        if account:
            s.published = sum(x.get("published", 0) * x.get("readers", 0) for x in samples)
            s.lost = sum(x.get("lost", 0) for x in samples if x.get("readers", 0))
        self.series_list.append(s)
        return s

    def compare(self, series, peer):
        if series and peer and series is not peer:
            series.peer = peer

    def target(self, what, value, unit, bound, limit):
        """@value: None: what it needs is not among the samples; NaN: it was not measured."""
        if value is None:
            return
        limit = limit / self.margin if bound == "at_most" else limit * self.margin
        met = value <= limit if bound == "at_most" else value >= limit
        self.targets.append({
            "section": self.name, "what": what, "value": digits(value), "unit": unit,
            "bound": bound, "limit": digits(limit), "met": met})

    def ratio_target(self, what, a, b, bound, limit):
        self.target(what, a.ratio(b) if a and b else None, "x", bound, limit)

    def plot(self, name, title, x_label, y_label, log_x=False, log_y=False, percentile_x=False):
        self.plots.append({
            "section": self.name, "name": name, "title": title, "x_label": x_label,
            "y_label": y_label, "log_x": log_x, "log_y": log_y, "percentile_x": percentile_x})

    def note(self, text):
        self.notes.append(text)

    def distributions(self, contender):
        """Of each round: how often each number of ticks occurs; and ns per tick."""
        samples = [s for s in self.samples.get(contender, ()) if "ticks_counts" in s]
        ns = samples[0]["ns_per_tick"] if samples else math.nan
        return [collections.Counter(dict(s["ticks_counts"])) for s in samples], ns

    def percentile(self, contender, q, unit, name, scale=1, **more):
        """A series of the percentile of each round."""
        def of(sample):
            if "ticks_counts" not in sample:
                return None
            return scale * sample["ns_per_tick"] * tick_quantile(dict(sample["ticks_counts"]), q)
        return self.series(contender, of, unit, name, **more)

    def tail(self, contender, plot, percentiles):
        """The percentiles of all rounds together: the rare ones need them all."""
        rounds, ns = self.distributions(contender)
        total = sum(rounds, collections.Counter())
        n = sum(total.values())
        for p in percentiles:
            if p < 100 and n * (1 - p / 100) < SAMPLES_ABOVE:
                continue
            s = Series(self.name, f"{contender}, p{p:g} of all rounds", "ns",
                       [ns * tick_quantile(total, p / 100)], [False])
            s.place = (plot, contender, p)
            self.series_list.append(s)


def load(paths):
    """The lines of all files but the first of each, which describes the run."""
    runs, lines = [], []
    for path in paths:
        try:
            with open(path, encoding="utf-8") as f:
                parsed = [json.loads(line) for line in f]
            if not parsed or "machine" not in parsed[0] or \
                    not all("section" in line for line in parsed[1:]):
                raise Bad("it does not begin with a run, or has a line without a section")
        except (ValueError, TypeError, Bad) as e:
            raise Bad(f"{path}: {e}") from e
        runs.append(parsed[0])
        lines += [dict(line, run=parsed[0]) for line in parsed[1:]]
    for run in runs[1:]:
        for what in ("kernel", "cpu"):
            if run["machine"][what] != runs[0]["machine"][what]:
                raise Bad(f"the runs are of different machines: another {what}")
    return runs[0], lines


def evaluate(run, lines, margin=1):
    """Returns the run in the shape that page.load() checks."""
    out = dict(run, quick=bool(run["quick"]), sections=[], plots=[], series=[], notes=[],
               targets=[])
    # In the order of the samples; unknown sections have notes only.
    for name in dict.fromkeys(line["section"] for line in lines):
        own = [line for line in lines if line["section"] == name]
        s = Section(name, own, own[0]["run"], margin)
        known = sections.SECTIONS.get(name)
        if known:
            out["sections"].append({"name": name, "title": known.title, "text": known.text})
            known.evaluate(s)
        elif s.samples:
            raise Bad(f"nothing is known of a section '{name}'")
        out["plots"] += s.plots
        out["series"] += [series.as_json() for series in s.series_list]
        out["targets"] += s.targets
        out["notes"] += [{"section": name, "text": text} for text in s.notes]
    return out


def write(data, path):
    """Lists of numbers stand on one line: else they would be most of the file."""
    lists = []

    def hide(series):
        lists.append(json.dumps(series["rounds"], separators=(",", ":")))
        return dict(series, rounds=f"@{len(lists) - 1}@")

    text = json.dumps(dict(data, series=[hide(s) for s in data["series"]]), indent=2,
                      separators=(",", ":"))
    for i, rounds in enumerate(lists):
        text = text.replace(f"\"@{i}@\"", rounds, 1)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text + "\n")


def main(argv):
    if len(argv) < 3:
        print("usage: evaluate.py SAMPLES.jsonl... RUN.json", file=sys.stderr)
        return 2
    return write(evaluate(*load(argv[1:-1])), argv[-1])


if __name__ == "__main__":
    end("evaluate.py", main, sys.argv)

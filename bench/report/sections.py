# SPDX-License-Identifier: GPL-2.0-only
"""The sections of a run: what they are about, which figures they show, and the targets."""

import collections
import math

from common import Bad, size

AT_MOST, AT_LEAST = "at_most", "at_least"
PERCENTILES = (50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100)
BEND = 1.15  # a cost that is so many times the least is no longer flat
FLAT = 1.3

SECTIONS = {}
Known = collections.namedtuple("Known", "title text evaluate")


def section(name, title, text):
    def add(function):
        SECTIONS[name] = Known(title, " ".join(text.split()), function)
        return function
    return add


def figures(s, field, unit, names, **more):
    return [s.series(name, field, unit, **more) for name in names]


def against(s, what, a, b, bound, limit):
    """A comparison for the table, and a target for it."""
    s.compare(a, b)
    s.ratio_target(what, a, b, bound, limit)


def kib(s, contender):
    value = s.figure(contender, "ring_bytes")
    return f"{value // 1024} KiB" if value else "unknown size"


def say_last(s, contender, what):
    if contender in s.samples:
        last = s.samples[contender][-1]
        read = last["published"] * last["readers"] - last["lost"]
        s.note(f"{what}, last round: {last['writer_ns']:.1f} ns a record for the writer, "
               f"{100 * read / last['published']:.1f}% delivered")


# User space: one writer, at most one reader


@section("writer", "Cost of a record without readers", """
What a record costs the writer while nobody reads, beside storing the same headers and
payloads with no protocol.""")
def writer(s):
    for length, what in (("32 B", "32-byte"), ("200 B", "200-byte"), ("1 KiB", "1 KiB")):
        ring, plain, libring = figures(s, "writer_ns", "ns", [
            f"{name}, {length}" for name in ("ring", "plain stores", "libring")])
        s.compare(libring, plain)
        against(s, f"cost of a {what} record, to plain stores", ring, plain, AT_MOST, 1.15)
    s.note(f"rings of {kib(s, 'ring, 32 B')}")


@section("reader", "32-byte records to one reader", """
Records that a reader on the other core gets and checks while the writer publishes flat out,
beside a byte ring with begin and end counters on one cache line.""")
def reader(s):
    ring, other, libring, in_place, one, cached, other_cached = figures(
        s, "delivered_per_us", "M/s", (
            "ring, 32 B, writer flat out", "byte ring, begin and end", "ring through libring",
            "libring, in place", "libring, one at a time", "ring that the caches hold",
            "byte ring that the caches hold"), account=False)
    s.compare(libring, ring)
    for row in in_place, one:
        s.compare(row, ring)
    s.compare(cached, other_cached)
    s.target("32-byte records delivered, writer flat out", ring and ring.median(), "M/s",
             AT_LEAST, 30)
    against(s, "the same, to a byte ring with begin and end on one line", ring, other, AT_LEAST,
            1.5)
    s.ratio_target("libring's records in place, to the ring's", in_place, ring, AT_LEAST, 0.9)
    s.ratio_target("libring's records one at a time, to the ring's", one, ring, AT_LEAST, 0.75)
    s.note(f"rings of {kib(s, 'ring, 32 B, writer flat out')}; those that the caches hold, "
           f"{kib(s, 'ring that the caches hold')}")
    say_last(s, "ring, 32 B, writer flat out", "ring")
    say_last(s, "byte ring, begin and end", "byte ring")
    say_last(s, "ring through libring", "libring")


@section("stamped", "Records with a timestamp", """
The pace of a producer that takes the time for each record: what a batching reader costs the
writer, and whether the reader loses anything.""")
def stamped(s):
    alone, read = (s.series(f"writer, 32 B, clock, {who}", "writer_ns", "ns", account=False)
                   for who in ("nobody reads", "a reader"))
    s.target("what a batching reader adds to a record's cost",
             read.difference(alone) if alone and read else None, "ns", AT_MOST, 10)
    long_run = "one long run"
    lost = s.figure(long_run, "lost")
    s.target("records lost in one long run with a clock", lost, "", AT_MOST, 0)
    if lost is not None:
        disturbed = ", in which something else had a core for a while"
        s.note(f"rings of {kib(s, long_run)}; one run of {s.figure(long_run, 'seconds'):.1f} s"
               f"{disturbed if s.figure(long_run, 'interrupted') else ''}: "
               f"{s.figure(long_run, 'published')} published, {lost} lost")


@section("bulk", "1 KiB records to one reader", """
Records that a reader on the other core gets and checks while the writer publishes flat out,
beside a buffer with one flag per record, in which nothing is overwritten or validated.""")
def bulk(s):
    ring, flags = figures(s, "delivered_per_us", "M/s", (
        "ring, 1 KiB, writer flat out", "flag per record, no overwriting"), account=False)
    against(s, "1 KiB records, to a flag for each and no validation", ring, flags, AT_LEAST, 0.7)
    s.note(f"rings of {kib(s, 'ring, 1 KiB, writer flat out')}")
    say_last(s, "ring, 1 KiB, writer flat out", "ring")
    say_last(s, "flag per record, no overwriting", "flag per record")


# Latency


def latency_series(s, title, gap_us, spread_us):
    """p50 and p99 of all contenders by name, and the plot of their percentiles."""
    s.plot(s.name, title, "percentile", "latency, ns", log_y=True, percentile_x=True)
    names = list(s.samples)
    p50, p99 = {}, {}
    for name in names:
        p50[name] = s.percentile(name, 0.5, "ns", f"{name}, p50")
        p99[name] = s.percentile(name, 0.99, "ns", f"{name}, p99", account=False)
        s.compare(p50[name], p50[names[0]])
        s.compare(p99[name], p99[names[0]])
    for name in names:
        s.tail(name, s.name, PERCENTILES)
    if names:
        rounds, _ = s.distributions(names[0])
        s.note(f"{len(rounds)} rounds of {sum(rounds[0].values())} records, one each {gap_us} us "
               f"on the average, {spread_us} us more or less; every record is checked, none may "
               "be lost")
    return p50, p99


@section("latency", "Latency to a reader that spins", """
One way, from the time when the record was to be sent to the time when the reader has it. The
peer is one word in one cache line, by the same rule: it is sent when it is due, and sent back
before the next one is. Half a round trip is the same line without a pause, by one core's
clock. A message that comes after a pause takes longer: the reader that has spun for a while
holds a copy of the line, which is taken from it first (see `latency-lines`). The clock alone
is the time to see that something is due and to read the clock once more; it is part of all
the others. Percentiles in the plot are those of all rounds together, the disturbed ones
too.""")
def latency(s):
    p50, p99 = latency_series(s, "Latency to a reader that spins", 2, 1)
    if not p50:
        return
    line, bounce = "cache line, sent to and fro", "cache line, half a round trip"
    clock, eager = "nothing, the clock alone", "record, eager reader"
    s.ratio_target("spinning reader's median, to a cache line's one way", p50[eager], p50[line],
                   AT_MOST, 1.3)
    record_ns = p50[eager].difference(p50[clock])
    line_ns = p50[line].difference(p50[clock])
    s.target("spinning reader's median, to a cache line's, less the clock",
             record_ns / line_ns if line_ns else math.inf, "x", AT_MOST, 1.3)
    s.ratio_target("spinning reader's p99, to a cache line's p99", p99[eager], p99[line],
                   AT_MOST, 2)
    s.note(f"less the clock's {p50[clock].median():.0f} ns, a line takes {line_ns:.0f} ns and a "
           f"record {record_ns:.0f} ns, or {record_ns / p50[bounce].median():.2f} x half a round "
           "trip")


@section("latency-lines", "Latency of a fresh cache line", """
A record does not lie where the one before it lay, so its line is not one that both cores have
at hand. These are messages of one word, or of a word and a payload, with no protocol: what
records could reach at best. Half a round trip is a mean of both ways, by the sender's clock;
when it is due, the way there follows a pause, and the way back does not.""")
def latency_lines(s):
    latency_series(s, "What a fresh cache line costs", 2, 1)


@section("latency-sleep", "Latency to a reader that sleeps", """
The reader sleeps in the kernel between any two records. The latency counts from the time when
the record was to be sent, so the sender's system call is part of it; a system call runs the
BPF program, too. Percentiles in the plot are those of all rounds together, the disturbed ones
too.""")
def latency_sleep(s):
    p50, p99 = latency_series(s, "Latency to a reader that sleeps", 100, 50)
    for call, name in (("ring_wait()", "memfd ring, ring_wait()"),
                       ("epoll_wait()", "memfd ring, ring_fd() + epoll")):
        s.ratio_target(f"sleeping reader's median in {call}, to eventfd + epoll", p50.get(name),
                       p50.get("eventfd + epoll"), AT_MOST, 1.1)
    for p in (p50, p99):
        s.compare(p.get("ring of a BPF program, ring_wait()"), p.get("BPF ring buffer + epoll"))


# User space: beside the alternatives


# The first of each is ours, and the others are compared with it.
TABLES = {
    "spins": ("ring", "ck_ring, SPSC", "ck_ring, SPMC", "iceoryx", "ring of 4 MiB, overrun",
              "memcpy, nobody reads"),
    "sleeps": ("libring", "iceoryx, wait set", "pipe", "Unix datagrams", "POSIX message queue"),
    "sleeps for 64": ("libring, 64 in a batch", "pipe, 64 in a write",
                      "Unix datagrams, 64 in a sendmmsg"),
}
OURS = ("ring", "libring", "memcpy", "one ring")  # no peers; memcpy is a limit


def compare_all(s, series):
    for other in series[1:]:
        s.compare(other, series[0])


def ahead(s, what, names, series, bound):
    """Ours has to be ahead of each peer."""
    for name, other in zip(names[1:], series[1:]):
        if not name.startswith(OURS):
            s.ratio_target(f"{what}: ours to {name}", series[0], other, bound, 1)


def delivered(sample):
    """Without a reader, what the writer could deliver."""
    if sample.get("readers") == 0:
        return 1e3 / sample["writer_ns"]
    return sample.get("delivered_per_us")


def by_tables(s, field, unit, bound=None):
    for who, names in TABLES.items():
        for length in ("32 B", "1 KiB"):
            series = figures(s, field, unit, [f"{name}, {length}" for name in names])
            compare_all(s, series)
            if bound:
                ahead(s, f"rate, {length}, reader {who}", names, series, bound)


@section("peers-rate", "User space: rate", """
Records per second that a reader on the other core gets while the writer publishes as fast as
it may. The ring overwrites records that a slow reader has not read; so its writer goes as fast
as loses nothing, and in one row faster than that. All others make their writer wait. Readers
spin or sleep, for one record or, where records go out 64 at a time, for 64; each record is
checked. Copying the payloads alone, with nobody to read them, is a limit that nothing
reaches.""")
def peers_rate(s):
    by_tables(s, delivered, "M/s", AT_LEAST)


@section("peers-cost", "User space: cost of a record for the writer", """
Bursts of 64 records with 20 us between them, in which the reader catches up: nobody has to
wait for room. Only the time within the bursts counts.""")
def peers_cost(s):
    by_tables(s, "writer_ns", "ns")


@section("peers-latency", "User space: latency", """
From the time when a 32-byte record was to be published to the time when it was read, one
record after the other on a schedule that waits for nobody: every 5 us to a reader that spins,
every 60 us to one that sleeps meanwhile. ConcurrencyKit's ring has no means to sleep.
libring's writer does with no fence of its own unless RING_WRITER_FULL_FENCE is set: then a
reader that goes to sleep does without membarrier(2).""")
def peers_latency(s):
    for who in ("spins", "sleeps"):
        end = f", reader {who}"
        names = [name[:-len(end)] for name in s.samples if name.endswith(end)]
        series = []
        for name in names:
            series.append(s.percentile(name + end, 0.5, "ns", f"{name}{end}, p50"))
            s.percentile(name + end, 0.99, "ns", "  p99", account=False)
        compare_all(s, series)
        ahead(s, f"median latency, reader {who}", names, series, AT_MOST)


@section("peers-fan", "User space: eight readers", """
What a 32-byte record costs the writer, in bursts of 64, when eight readers get all of them. A
record of ConcurrencyKit's ring goes to one reader only, so it takes a ring for each.""")
def peers_fan(s):
    names = ("one ring, eight readers", "eight ck_rings, a reader each")
    series = figures(s, "writer_ns", "ns", names)
    compare_all(s, series)
    ahead(s, "writer's cost, eight readers", names, series, AT_MOST)


@section("peers-lttng", "User space: LTTng-UST", """
What a record costs the writer, in bursts of 64, beside a tracepoint with the same bytes in its
fields; both take the time. LTTng overwrites the oldest records in a ring of the same size,
from which a snapshot is taken after the last round; or a consumer daemon writes all of them to
a file in memory. What LTTng recorded is read back and checked. Its readers get records by the
buffer, so it has no latency to compare.""")
def peers_lttng(s):
    for ours, peer, length in (
            ("ring, clock, nobody reads", "LTTng-UST, overwriting", "32 B"),
            ("ring, clock, nobody reads", "LTTng-UST, overwriting", "1 KiB"),
            ("libring, clock, wakes for 1 MiB", "LTTng-UST, consumer writes a file", "32 B")):
        series = [s.series(f"{name}, {length}", "writer_ns", "ns") for name in (ours, peer)]
        compare_all(s, series)
        ahead(s, f"writer's cost, {length}", (ours, peer), series, AT_MOST)


# Recording


@section("record", "Recording 32-byte records", """
What a record costs the recorder that copies a memfd ring into files in memory, in time of the
processor, beside one copy of as many bytes and write(2). Each record has 56 bytes with its header.
Their contents are those of a tracer's: times and counts that grow, few different tasks and
calls. The recorder checks each record, computes a CRC, and compresses if asked.""")
def record(s):
    plain, plainly, *packed = figures(s, "recorder_ns", "ns", (
        "copy and write(2)", "recorder", "recorder, zstd:1", "recorder, zstd:3"))
    rate = s.series("recorder", "recorded_per_us", "M/s", name="recorder, records", account=False)
    for row in plainly, *packed:
        s.compare(row, plain)
    s.target("32-byte records into files in memory, by one core", rate and rate.median(), "M/s",
             AT_LEAST, 20)
    s.note(f"rings of {kib(s, 'recorder')}, files without and with compression, in bytes a record: "
           + ", ".join(f"{s.figure(name, 'file_bytes'):.1f} ({name})" for name in s.samples))


@section("record-live", "Recording while a writer publishes", """
A writer publishes 21 million records a second on the other core, in bursts, and the recorder
follows without a pause. The oldest files are removed at 128 MiB.""")
def record_live(s):
    run = "one long run"
    lost = s.figure(run, "lost")
    s.target("records lost by a recorder in one long run", lost, "", AT_MOST, 0)
    if lost is not None:
        s.note(f"rings of {kib(s, run)}; {s.figure(run, 'seconds'):.1f} s, "
               f"{s.figure(run, 'recorded_per_us'):.1f} M/s recorded, {lost} lost"
               + ("; something else had a core for a while" if s.samples[run][-1]["disturbed"]
                  else ""))


@section("record-tools", "Recording the kernel's events", """
A process makes system calls on one core, and a recorder on the other one writes both events of
each call to a file in memory: ringctl trace and record, perf record and trace-cmd record, with 4 MiB of
buffers for each core and a filter by the process. First what an event costs the process, the
call itself included, then what it costs the recorder's process, start and end included.""")
def record_tools(s):
    names = [name for name in s.samples]
    for field, what in (("producer_ns", "the process"), ("recorder_ns", "the recorder")):
        rows = {name: s.series(name, field, "ns", name=f"{name}, {what}",
                               account=field == "recorder_ns") for name in names}
        ours = rows.get("ringctl record")
        for name, row in rows.items():
            s.compare(row, ours)
            if name.endswith(" record") and row is not ours:
                s.ratio_target(f"cost of an event to {what}, to {name}'s", ours, row, AT_MOST, 1)


# Growth


Point = collections.namedtuple("Point", "x ring plain ratio")


def curves(s, key):
    """Points by curve: a ring and plain stores over the same memory, and their ratio."""
    out = {}
    for name, samples in list(s.samples.items()):
        if not name.startswith("ring, "):
            continue
        curve = name[len("ring, "):].rsplit(", ", 1)[0]
        plain_name = "plain stores" + name[len("ring"):]
        x = samples[0][key]
        ring = s.series(name, "writer_ns", "ns", place=(f"{s.name}-cost", f"ring, {curve}", x))
        plain = s.series(plain_name, "writer_ns", "ns",
                         place=(f"{s.name}-cost", f"plain stores, {curve}", x))
        s.compare(ring, plain)
        costs = {p["round"]: p for p in s.samples[plain_name]}
        ratio = s.series(name, lambda r, c=costs: r["writer_ns"] / c[r["round"]]["writer_ns"], "x",
                         f"ratio{name[len('ring'):]}", place=(f"{s.name}-ratio", curve, x))
        ratio.disturbed = [a or b for a, b in zip(ring.disturbed, plain.disturbed)]
        out.setdefault(curve, []).append(Point(x, ring, plain, ratio))
    return out


def spread(points, which):
    """The greatest cost to the least; where the cost is no longer flat, or None."""
    costs = [getattr(p, which).median() for p in points]
    bend = None
    # Only the sizes above the cheapest: the smallest ones have costs of their own.
    for point, cost in reversed(list(zip(points, costs))):
        if cost <= BEND * min(costs):
            break
        bend = point.x
    return max(costs) / min(costs), bend


def say_bend(s, curve, points, text):
    for which, name in (("ring", "ring"), ("plain", "plain stores")):
        first, last = getattr(points[0], which), getattr(points[-1], which)
        ratio, bend = spread(points, which)
        s.note(f"{curve}: {name}: {first.median():.1f} ns at {text(points[0].x)}, "
               f"{last.median():.1f} ns at {text(points[-1].x)}; {ratio:.2f}x from least to most, "
               f"{'does not bend' if bend is None else 'bends at ' + text(bend)}")


def say_caches(s):
    machine = s.run["machine"]
    ways = machine.get("cache_ways", {})
    said = "".join(f" {name.rstrip('d')} {n // 1024}K of {ways[name]} ways"
                   for name, n in machine["caches"].items() if name in ways)
    s.note(f"the writer's caches:{said or ' unknown'}")


def cost_and_ratio_plots(s, by, x_label):
    s.plot(f"{s.name}-cost", f"Cost of a record by {by}", x_label, "ns", log_x=True, log_y=True)
    s.plot(f"{s.name}-ratio", f"Cost to plain stores by {by}", x_label, "x plain stores",
           log_x=True)


ALL_SIZES = 8


@section("growth-size", "Growth: size of the ring", """
What a record costs while nobody reads, in rings of 64 KiB to 1 GiB, and what storing the same
headers and payloads into the same memory costs. All pages exist before. Each round goes on
where the last one ended; the caches hold as much of the memory as they can.""")
def growth_size(s):
    cost_and_ratio_plots(s, "size of the ring", "ring, bytes")
    found = curves(s, "ring_bytes")
    for length in dict.fromkeys(curve.split(",")[0] for curve in found):
        s.note(f"{length}: page faults in all rounds together: {s.figure(length, 'page_faults')}")
        for curve, points in found.items():
            if curve.split(",")[0] != length:
                continue
            say_bend(s, curve, points, size)
            ring, plain = spread(points, "ring")[0], spread(points, "plain")[0]
            if len(points) < ALL_SIZES:
                ring = math.nan
            # Small records cost what their instructions cost. Long ones cost what the memory
            # costs, and that bends for plain stores, too.
            if length == "32 B":
                s.target(f"{curve}: costliest ring of 64 KiB to 1 GiB, to cheapest", ring, "x",
                         AT_MOST, FLAT)
            else:
                s.target(f"{curve}: growth of the ring's cost, to that of plain stores",
                         ring / plain, "x", AT_MOST, FLAT)
        small, huge = (found.get(f"{length}, {pages} pages", ()) for pages in ("small", "huge"))
        if len(small) == len(huge) == ALL_SIZES:
            s.note(f"{length} in huge pages at {size(small[-1].x)}: ring "
                   f"{huge[-1].ring.ratio(small[-1].ring):.2f}x, plain stores "
                   f"{huge[-1].plain.ratio(small[-1].plain):.2f}x of small ones")
    say_caches(s)


@section("growth-lap", "Growth: the first lap", """
A memfd of libring has no pages until the writer gets there. What a record of 32 bytes costs in
the first lap of a ring of 32 MiB, and in the second.""")
def growth_lap(s):
    first, second = (s.series("libring", f"{lap}_lap_ns", "ns", f"libring, {lap} lap, 32 B")
                     for lap in ("first", "second"))
    s.compare(first, second)
    if first:
        cost = first.difference(second) * s.figure("libring", "page_bytes") / \
            s.figure("libring", "record_bytes")
        s.note(f"the pages of the first lap cost {cost:.0f} ns each")


@section("growth-record", "Growth: size of the record", """
What a record of 8 bytes to 256 KiB costs in a ring of 32 MiB while nobody reads, and what
storing the same bytes costs.""")
def growth_record(s):
    s.plot("growth-record-cost", "Cost of a record by its size", "payload, bytes", "ns",
           log_x=True, log_y=True)
    s.plot("growth-record-ratio", "Cost to plain stores by size of the record", "payload, bytes",
           "x plain stores", log_x=True)
    for points in curves(s, "payload_bytes").values():
        for p in (points[0], points[-1]):
            s.note(f"{size(p.x)}: {p.ring.median():.1f} ns, {p.ratio.median():.2f}x plain stores, "
                   f"{p.x / p.ring.median():.2f} GB/s")
        worst = max(points, key=lambda p: p.ratio.median())
        s.note(f"most expensive beside plain stores at {size(worst.x)}: "
               f"{worst.ratio.median():.2f}x")


@section("growth-4k", "Growth: 4 KiB records to a reader", """
Records per second that a reader on the other core gets and checks. The limit: two cores that
pass the same buffer with one flag per record, which the reader clears and the writer waits
for. The ring goes as fast as loses nothing, and in one row faster than that.""")
def growth_4k(s):
    ring, flags, cached = figures(s, "delivered_per_us", "M/s", (
        "ring, 4 KiB", "flag per record, 4 KiB", "ring of 4 MiB, overrun, 4 KiB"))
    s.compare(cached, flags)
    against(s, "4 KiB records, to a flag for each and no validation", ring, flags, AT_LEAST, 0.8)


@section("growth-rings", "Growth: number of rings", """
One writer publishes records of 32 bytes to 1 to 64 rings in turn, which have 32 MiB together,
so that the caches see as much memory each time. Plain stores go to as many places in turn.""")
def growth_rings(s):
    cost_and_ratio_plots(s, "number of rings", "rings")
    for points in curves(s, "rings").values():
        say_bend(s, "by number of rings", points, "{:.0f}".format)
    say_caches(s)
    s.note("rings that start at pages advance in step: their lines have the same place in a page, "
           "and compete for the ways of the same sets of the first cache")


@section("growth-readers", "Growth: number of readers", """
What a record of 32 bytes costs the writer, in bursts of 64, when 1 to 64 threads on the other
core read all of them, each with 20 us between two looks at an empty ring. The limit, nobody,
stands at its left.""")
def growth_readers(s):
    s.plot("growth-readers-cost", "Cost of a record by number of readers", "readers (0.5: nobody)",
           "ns", log_x=True)
    cost = [s.series(name, "writer_ns", "ns",
                     place=("growth-readers-cost", "ring, 32 B", samples[0]["readers"] or 0.5))
            for name, samples in list(s.samples.items())]
    if not cost:
        return
    for series in cost[1:]:
        s.compare(series, cost[1])
    s.ratio_target("cost with 64 readers, to one", cost[-1], cost[1], AT_MOST, 1.2)
    s.note(f"nobody {cost[0].median():.1f} ns, one reader {cost[1].median():.1f} ns, 64 readers "
           f"{cost[-1].median():.1f} ns a record")


# BPF programs


@section("bpf", "Publishing from a BPF program", """
What one record costs the program, on this kernel. All readers are on the other core, check
every record, and look for records alike: a batching one takes what is there and leaves it alone
for 20 us, a spinning one looks again at once. The loop that publishes is in every figure. The
first limit is storing the same bytes, header and all, into one element of a map. A program that
any CPU may run, and that another may interrupt, also needs a look for its CPU's memory and a
guard: that is the second limit.""")
def bpf(s):
    c = {name: s.series(name, "writer_ns", "ns") for name in s.samples}
    buffer = "BPF ring buffer"
    for a, b in (
            ("plain stores to the CPU's own memory, guarded", "plain stores"),
            ("ring, without the look for sleepers", "ring, nobody reads"),
            ("ring, somebody sleeps on and on", "ring, nobody reads"),
            ("ring, a batching reader, another sleeps", "ring, a batching reader"),
            (f"{buffer}, output, a batching reader", f"{buffer}, a batching reader"),
            ("perf buffer, a batching reader", f"{buffer}, a batching reader")):
        s.compare(c.get(a), c.get(b))
    for what, who, limit in (
            ("32 bytes, a batching reader, cheapest clock, to the BPF ring buffer",
             "coarse clock, a batching reader", 0.5),
            ("the same without a clock", "a batching reader", 0.25),
            ("32 bytes, a batching reader, fine clock, to the BPF ring buffer",
             "clock, a batching reader", 0.7),
            ("32 bytes, a spinning reader, fine clock, to the BPF ring buffer",
             "clock, a spinning reader", 0.8)):
        against(s, what, c.get(f"ring, {who}"), c.get(f"{buffer}, {who}"), AT_MOST, limit)
    alone = c.get("ring, nobody reads")
    against(s, "32 bytes, nobody reads, to plain stores into one map element", alone,
            c.get("plain stores"), AT_MOST, 1.5)
    s.ratio_target("the same, to guarded stores into the CPU's own memory", alone,
                   c.get("plain stores to the CPU's own memory, guarded"), AT_MOST, 1.5)


BUFFERS = ("ring", "BPF ring buffer, reserve", "BPF ring buffer, output", "perf buffer")


def lengths(s):
    """Of the payloads in this section, in the order of the samples."""
    return list(dict.fromkeys(x[0]["payload_bytes"] for x in s.samples.values()
                              if "payload_bytes" in x[0]))


@section("bpf-size", "Records of other sizes from a BPF program", """
No clock, one batching reader, the writer flat out. Up to 64 bytes the program makes the payload
in place; up to 256 bytes it copies the payload inline, above that with a helper of the
kernel.""")
def bpf_size(s):
    s.plot("bpf-cost", "Cost of a record to a BPF program", "payload, bytes", "ns", log_x=True,
           log_y=True)
    s.plot("bpf-rate", "Delivered to one reader", "payload, bytes", "records per microsecond",
           log_x=True, log_y=True)
    for n in lengths(s):
        rate = []
        for curve in BUFFERS + ("plain stores",):
            name = f"{curve}, {n} B"
            s.series(name, "writer_ns", "ns", place=("bpf-cost", curve, n))
            if curve in BUFFERS:
                rate.append(s.series(name, "delivered_per_us", "M/s", f"{name}, delivered",
                                     account=False, place=("bpf-rate", curve, n)))
        compare_all(s, rate)
        s.target(f"{n} bytes flat out, delivered, to the best of the others",
                 rate[0].median() / max(r.median() for r in rate[1:]), "x", AT_LEAST,
                 2.5 if n == 32 else 1)


@section("bpf-rate", "Kernel to user: rates and their cost", """
One batching reader, no clock; in a round the fast ones go round their ring or buffer of 32 MiB
several times. Lossless is the highest rate, found by halving the pause between bursts of 512, at
which one of three rounds lost nothing. Flat out the writer does not care; a contender that drops
is not faster for it. The costs are those of a million records a second, in bursts of 100, to a
reader that sleeps until so many have come.""")
def bpf_rate(s):
    for n in lengths(s):
        safe, flat = [], []
        for kind in BUFFERS:
            safe.append(s.series(f"{kind}, {n} B", "lossless_per_us", "M/s",
                                 f"{kind}, {n} B, lossless"))
            flat.append(s.series(f"{kind} flat out, {n} B", "delivered_per_us", "M/s",
                                 f"{kind}, {n} B, delivered flat out"))
        compare_all(s, safe)
        compare_all(s, flat)
        s.ratio_target(f"{n} bytes, lossless rate, to the BPF ring buffer", safe[0], safe[1],
                       AT_LEAST, 2.5 if n == 32 else 1)
        worst = max(other.ratio(safe[0]) for other in safe[1:])
        s.target(f"{n} bytes, lossless rate, to the best of the others", 1 / worst, "x",
                 AT_LEAST, 1)
    for wake in (1, 100, 1000):
        series = {}
        for kind in BUFFERS:
            name = f"{kind}, 32 B, wake for {wake}"
            for field, unit, what in (("writer_ns", "ns", "writer"),
                                      ("reader_cpu_ns", "ns", "reader's CPU time"),
                                      ("sleeps_per_1000_records", "", "sleeps per 1000")):
                one = s.series(name, field, unit, f"{name}, {what}", account=what == "writer")
                series.setdefault(what, []).append(one)
        compare_all(s, series["writer"])
        compare_all(s, series["reader's CPU time"])


FANS = ("ring, batching", "ring, sleeping", "a BPF ring buffer each",
        "one BPF ring buffer, passed on by pipes", "one BPF ring buffer, passed on by copies")


@section("bpf-fan", "Many readers", """
32-byte records with a fine clock from a BPF program that does not wait for its readers. All
readers share the other core, so what each of them gets falls with their number. A sleeping one
wakes when half the ring is unread. In a relay, the first reader passes the records on to all
others, 64 KiB at a time.""")
def bpf_fan(s):
    s.plot("fan-cost", "Cost of a record to the writer", "readers", "ns", log_x=True, log_y=True)
    s.plot("fan-rate", "Delivered to each reader", "readers", "records per microsecond", log_x=True,
           log_y=True)
    cost = {}
    for curve in FANS:
        for n in (1, 2, 4, 8, 16, 64):
            name = f"{curve}, {n}"
            cost[name] = s.series(name, "writer_ns", "ns", place=("fan-cost", curve, n))
            s.series(name, "delivered_per_us", "M/s", f"{name}, each reader", account=False,
                     place=("fan-rate", curve, n))
            s.compare(cost[name], cost["ring, batching, 1"])
    for how in ("batching", "sleeping"):
        s.ratio_target(f"cost with 64 {how} readers, to one", cost[f"ring, {how}, 64"],
                       cost[f"ring, {how}, 1"], AT_MOST, 1.2)
    s.ratio_target("cost of eight BPF ring buffers, to one ring with eight readers",
                   cost["a BPF ring buffer each, 8"], cost["ring, batching, 8"], AT_LEAST, 10)
    memory, nr = (s.figure("further readers", field) for field in ("memory_bytes", "nr"))
    s.target("memory of a further reader, beside page tables", nr and memory / nr / 4096, "pages",
             AT_MOST, 2)


@section("bpf-wake", "A reader that sleeps", """
What a record costs the program when a reader wants to be woken; the writer goes flat out, so
most of the time the reader is awake.""")
def bpf_wake(s):
    for what, ours, peer, limit in (
            ("cost with a wake-up for each, to the BPF ring buffer", "each", "for each", 1),
            ("cost with a wake-up every 100, to the BPF ring buffer", "100", "every 100", 0.7),
            (None, "1000", "every 1000", None)):
        ring = s.series(f"ring, clock, sleeper wants {ours}", "writer_ns", "ns")
        other = s.series(f"BPF ring buffer, clock, wakes {peer}", "writer_ns", "ns")
        s.compare(ring, other)
        if what:
            s.ratio_target(what, ring, other, AT_MOST, limit)


# The module, in a VM


@section("snapshots", "Snapshots of shared state", """
The kernel changes a state every 200 us; processes copy it, as often as they can, and check that
what they have is one state and not a mixture of two. The state stands behind a mutex that
ioctl() takes and releases; behind a spinlock word in the shared page; as the newest record of a
seqring; and with no lock at all, which is the limit, and wrong. All readers together.""")
def snapshots(s):
    kinds = ("ioctl mutex", "spinlock word", "seqring, ring_newest()", "seqring, reader.h",
             "no lock")
    for who in dict.fromkeys(name.split("ioctl mutex, ")[1] for name in s.samples
                             if name.startswith("ioctl mutex, ")):
        mutex, spin, library, inline, plain = (
            s.series(f"{kind}, {who}", lambda x: x["snapshots_per_s"] / 1e3, "k/s", account=False)
            for kind in kinds)
        for other in (spin, library, inline, plain):
            s.compare(other, mutex)
        torn, read = (sum(x[key] for x in s.samples[f"no lock, {who}"])
                      for key in ("torn", "snapshots"))
        s.note(f"without a lock, {who}: {torn} of {read} copies were mixtures of two states")
        s.note(f"{who}: copies with no lock at all, the limit, are {plain.ratio(mutex):.1f} times "
               f"the ioctl mutex's; reader.h gets {inline.ratio(plain):.2f} of that limit")
        if who.endswith(", 64 B"):
            s.ratio_target(f"snapshots a second, to the ioctl mutex's, {who}", inline, mutex,
                           AT_LEAST, 50)


STREAMS = ("seqring", "read() on a character device", "relay", "netlink multicast",
           "perf buffer, of a tracepoint", "perf buffer, BPF program on a tracepoint",
           "BPF ring buffer, program on a tracepoint")


def streams(s, field, unit, scale):
    for length in ("64 B", "256 B"):
        compare_all(s, [s.series(f"{kind}, {length}", lambda x: x[field] / scale, unit)
                        for kind in STREAMS])


@section("streams-cost", "A record from kernel code, by each of the ways", """
A thread of the kernel publishes bursts of 64 records every 2 ms; one consumer on the other
processor takes what is there, checks it, and looks again after 200 us. Time in the kernel for
one record. Each buffer has 1 MiB.""")
def streams_cost(s):
    streams(s, "writer_ns", "ns", 1)


@section("streams-rate", "The same flat out", """
The kernel does not pause; so each contender loses records, shown beside it: ours the oldest, the
others the newest. Records a second that reach the consumer.""")
def streams_rate(s):
    streams(s, "delivered_per_s", "k/s", 1e3)


@section("writer-stall", "What readers do to the kernel's writer", """
The kernel changes a state of 64 bytes every 199 us, while nobody is there, while four processes
compute, or read as often as they can, or one of these is stopped, or was killed, in the middle of
a snapshot. The figures say how long one update takes, with the wait for the lock. The clock
advances by 1 ns with each instruction that one of the two processors executes, which take turns;
so no other load of the host is in the figures. A writer waits for the mutex without end, for the
spinlock word at most 1 ms, after which it gives the update up: without such a bound the processor
would be gone for as long as the process is stopped. "lost" are updates given up.""")
def writer_stall(s):
    situations = ("nobody there", "4 processes that compute", "4 readers",
                  "4 readers, one stopped inside", "4 readers, one killed inside")
    p999 = {}
    for kind in ("ioctl mutex", "spinlock word", "seqring"):
        idle = {}
        for i, what in enumerate(situations):
            name = f"{kind}, {what}"
            one = {"worst": s.percentile(name, 1, "us", f"{name}: worst", 1e-3, account=False),
                   "p99.9": s.percentile(name, 0.999, "us", f"{name}: p99.9", 1e-3, account=False)}
            idle = idle or one
            p999[name] = one["p99.9"]
            if i < 2 or not one["worst"]:
                continue
            s.compare(one["worst"], idle["worst"])
            s.compare(one["p99.9"], idle["p99.9"])
            updates = s.series(name, "updates_per_s", "/s", f"{name}: updates", account=False)
            updates.published, updates.lost = (sum(x[key] for x in s.samples[name])
                                               for key in ("tried", "gave_up"))
            if i > 2:
                s.series(name, "snapshots_per_s", "/s", f"{name}: snapshots", account=False)
    for what in situations[2:]:
        s.ratio_target(f"seqring's p99.9, {what}, to {situations[0]}", p999[f"seqring, {what}"],
                       p999[f"seqring, {situations[0]}"], AT_MOST, 1.1)
    s.note("p99.9 decides: where the worst is longer, the emulator gave the other processor its "
           "turn in the middle, as it does when that one only computes")
    s.note(f"counted in instructions, {s.run['rounds']} rounds of {s.run['round_ms']} ms by that "
           "clock")


def count_parts(s, compared):
    """Instructions of each part without those of the first one. @compared: starts of names."""
    names = list(s.samples)
    if not names:
        return
    loop = min(x["instructions"] for x in s.samples[names[0]])
    before = None
    for name in names:
        series = s.series(name, lambda x, base=loop if before else 0: x["instructions"] - base,
                          "instructions")
        if not before and series.median() > 1.1 * loop:
            raise Bad(f"the clock does not count instructions: a loop takes {loop:.2f}, or "
                      f"{series.median():.2f}")
        if compared and name.startswith(compared):
            s.compare(before, series)
        before = series
    s.note("counted in instructions")


@section("module-parts", "Cost of publishing a record in the module, part by part", """
Instructions, counted by the VM's clock, without those of the loop around. Instructions differ: a
full fence or a locked instruction takes some 20 cycles on a real processor, most others less than
one. Each step of a repeated string instruction counts.""")
def module_parts(s):
    count_parts(s, "memcpy")


@section("bpf-parts", "Cost of publishing a record from a BPF program", """
Instructions, counted by the VM's clock, without those of the loop around. A name says how
libring-bpf's loader keeps programs of one CPU out of each other's records on this kernel: the
kernel turns preemption off around the program; the program does it by kfuncs; or neither, and a
compare-and-exchange takes the ring. `any program` is compiled without SEQRING_BPF_NO_PREEMPT, so
it has a full fence for each record, and here without the kfuncs. A full fence or a locked
instruction takes some 20 cycles on a real processor, most others less than one.""")
def bpf_parts(s):
    count_parts(s, "")

# SPDX-License-Identifier: GPL-2.0-only
"""
Mutants of ringctl's commands. Each is built in a copy of the tree. A mutant's test is `PART TEST`,
a test of tests/cli/PART.sh.
"""
import os

import copied
import mutant
from mutant import TOP, Mutant, drop, never, swap

DIR = os.path.join(TOP, "build", "mutants", "ringctl")
RINGCTL = "build/native/ringctl"

SET = mutant.Set(("tools/ringctl", "tools/lib"), [
    Mutant("top sorts the last ring to overrun first", "by_overrun",
           swap("by_number((double)$b->change.overrun_ns, (double)$a->change.overrun_ns)",
                "by_number((double)$a->change.overrun_ns, (double)$b->change.overrun_ns)"),
           "top top_overrun"),
    Mutant("top does not sort", "view_update", drop("qsort_r($shown, $v->nr, sizeof(*$shown), compare_rows, $v);"),
           "top top_screen"),
    Mutant("top cannot invert the order", "compare_rows", swap("$v->inverted ? -1 : 1", "1"),
           "top top_screen"),
    Mutant("the filter of top hides nothing", "is_shown",
           swap("return strcasestr($r->name, $v->filter);", "return $r && $v;"), "top top_screen"),
    Mutant("the time to overrun is that of half the ring", "change_add",
           swap("(double)$data_size / (double)$bytes", "(double)$data_size / 2 / (double)$bytes"),
           "top top_overrun"),
    Mutant("the time to overrun is that of the slowest ring", "change_add",
           swap("$lap_ns < (double)$c->overrun_ns", "$lap_ns > (double)$c->overrun_ns"),
           "watch stat_sums"),
    Mutant("top leaves the terminal as it was", "terminal_close", drop("endwin();"), "top top_restores"),
    Mutant("top stops with the terminal as it was", "terminal/stop", drop("endwin();"), "top top_stops"),
    Mutant("top does not come back after a stop from outside", "take_signal",
           drop("reset_prog_mode();"), "top top_stops"),
    Mutant("top does not learn a new size", "terminal/set_size", drop("resizeterm($size.ws_row, $size.ws_col);"),
           "top top_sizes"),
    Mutant("NO_COLOR has no effect", "set_styles", drop("&& !($no_color && *$no_color)"),
           "top top_colours"),
    Mutant("names of rings are printed as they are", "add_row",
           swap("escape_string($r->label, size, $name);",
                "strcpy($r->label, $name);"), "top top_hostile"),
    Mutant("names of processes are printed as they are", "note_process",
           swap("escape_string(safe, sizeof(safe), comm);", "strcpy(safe, comm);"),
           "top top_hostile"),
    Mutant("the writer of a ring is taken for a reader", "is_mapping", drop("&& mode[1] == '-'"),
           "top top_ring"),
    Mutant("another charset gets UTF-8", "take_char", drop("|| !terminal.is_utf8"), "top top_hostile"),
    Mutant("top and metrics wait for a process that does not answer", "opening_begin",
           drop(", .flags = RING_NONBLOCK"), "top top_stuck"),
    Mutant("top never takes a late answer", "update_row",
           swap("note_opened($r, watched_join(&$r->watched));", "(void)note_opened;"), "top top_stuck"),
    Mutant("top keeps rings that are gone", "rows/scan", swap("$err || $t->all[$i]->listed || $t->all[$i]->asked", "1"),
           "top top_screen"),
    Mutant("top does not look for the next ring of a name", "update_row",
           drop("look_for_next($r);"), "top top_comes"),
    Mutant("top counts the drops of the interval alone", "row_remark",
           never("$r->change.dropped[$cause] && $n < $size"), "top top_plain"),
    Mutant("top counts a ring's old records as new types", "types_begin",
           drop("ring_seek($w->ring, RING_HEAD, 0);"), "top top_ring"),
    Mutant("top has no end by --count", "top_is_over", never("$t->count && $t->done >= $t->count"),
           "top top_plain"),
    Mutant("a flight recording begins at the trigger", "capture_begin",
           swap("open.value = $c->at_ns - $opts->before_ns;", "open.value = $c->at_ns;"), "flight flight"),
    Mutant("a flight recording begins with the oldest record", "capture_begin",
           drop("open.whence = RING_TIME;"), "flight flight"),
    Mutant("a flight recording ends at the trigger", "fire",
           never("passed < $f->opts->after_ns"), "flight flight"),
    Mutant("a flight recording has what came too late", "flight/capture/create",
           never("$c->at_ns && $opts->after_ns < UINT64_MAX - $c->at_ns"), "flight flight_late"),
    Mutant("what came within a flight recording is left out", "flight/record",
           swap("err = capture_copy(&f->capture, f->opts);",
                "err = last ? capture_copy(&f->capture, f->opts) : -ENODEV;"), "flight flight"),
    Mutant("a rate remembers half of its records", "trigger_match",
           swap("% $t->limit", "% (($t->limit + 1) / 2)"), "flight flight_rate"),
    Mutant("a rate counts for ever", "trigger_match",
           never("rec->ts_ns > oldest && rec->ts_ns - oldest >= NSEC_PER_SEC"), "flight flight_rate"),
    Mutant("a rate counts all records", "trigger_match",
           swap("!ring_filter_match($t->filter, $rec)", "0"), "flight flight_rate"),
    Mutant("a loss fires nothing", "flight/watch", drop("fire_kind($f, TRIGGER_LOSS);"), "flight flight_loss"),
    Mutant("there is no cooldown", "fire", swap("now_ns() < f->quiet_until", "0"), "flight flight_cooldown"),
    Mutant("triggers within a recording are not counted", "fire", drop("c->more++;"),
           "flight flight_cooldown"),
    Mutant("a flight recorder ignores --count", "flight/run",
           drop("last |= f->opts->count && f->done == f->opts->count;"), "flight flight_cooldown"),
    Mutant("a command keeps the recorder's blocked signals", "spawn",
           drop("POSIX_SPAWN_SETSIGMASK |"), "flight flight_exec"),
    Mutant("a command has the recorder's input", "spawn",
           drop("err = posix_spawn_file_actions_addopen(&files, 0, \"/dev/null\", O_RDONLY, 0);"),
           "flight flight_exec"),
    Mutant("a command may fail", "command_reap", swap("WIFEXITED(status) && !WEXITSTATUS(status)", "1"),
           "flight flight_exec"),
    Mutant("a full disk counts as a recording", "end_capture",
           swap("capture_end(&$f->capture, $opts) || $failed", "capture_end(&$f->capture, $opts) < 0 && $failed"),
           "flight flight_full_disk"),
    Mutant("metrics listens everywhere", "parse_address", never("!is_loopback($a)"),
           "watch listen_errors"),
    Mutant("a request cannot choose OpenMetrics", "listen_prefers_openmetrics",
           swap("return $open > 0 && $open >= weight_of($accept, \"text/plain\");", "return $open < 0;"),
           "watch metrics_listen"),
    Mutant("the weights of a request do not count", "weight_of",
           swap("if ($one > $weight) $weight = $one;", "$weight = 1;"), "watch metrics_listen"),
    Mutant("a request for another path gets the counters", "http/answer",
           never("strcmp($url, \"/metrics\")"), "watch metrics_listen"),
    Mutant("metrics never asks again whether a process has answered", "metrics_text/gather",
           drop("opening_await($ring->reader, $until_ns);"), "watch metrics"),
])


def command(test):
    """The command, and what its environment has beside this one's."""
    part, name = test.split()
    return ["env", f"ONLY={name}", os.path.join(TOP, "tests", "cli", "run.sh"),
            os.path.join(DIR, RINGCTL), part]


COPY = copied.Copied(DIR, (RINGCTL, "WERROR="), command, 300, ("tools", "test-build"))


def run(wanted):
    """Yields (mutant, caught by, what)."""
    return copied.run(SET, wanted, COPY)

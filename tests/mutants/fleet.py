# SPDX-License-Identifier: GPL-2.0-only
"""
Mutants of the agent and of its messages. Each is built in a copy of the tree. A mutant's test is a
unit test, or a test of tests/fleet/agent.py, which runs the changed agent against real servers.
"""
import os
import shutil
import subprocess

import mutant
from mutant import TOP, Mutant, drop, never, swap
from outcome import fails

DIR = os.path.join(TOP, "build", "mutants", "fleet")
BUILD = os.path.join(DIR, "build", "native")
LIMIT_S = 300

UNIT = "test_fleet"
ACCOUNT = "test_fleet_account"
UNITS = (UNIT, ACCOUNT)

SET = mutant.Set(("tools/fleet", "tools/ringd"), [
    Mutant("the checksum of a message's header is not compared", "fleet_decode_header",
           never("le32toh($w.header_crc) != libring_crc32c(0, &$w, "
                 "offsetof(struct wire, header_crc))"), UNIT),
    Mutant("the checksum of a message's body is not compared", "fleet_check_body",
           never("le32toh($w.body_crc) != libring_crc32c(0, $body, $m->body_size)"), UNIT),
    Mutant("a batch may have records of other seqs", "check_batch",
           swap("$h.stamp != $m->first + $i ||", ""), UNIT),
    Mutant("a batch may be longer than its records", "check_batch",
           never("$at != $m->body_size"), UNIT),
    Mutant("a message may be shorter than it says", "fleet_decode",
           never("$size - FLEET_HEADER_SIZE != $in.body_size"), UNIT),
    Mutant("counters may be in the future", "check_counters",
           drop("|| $c.next > $c.published + 1"), UNIT),
    Mutant("a nonce does not tell the kinds of rings apart", "fleet_nonce",
           swap("(uint64_t)$writer << 56 ^ $creation", "$creation ^ 0 * $writer"), UNIT),
    Mutant("a record that comes twice counts twice", "fleet_ranges_add",
           swap("$last - $first + 1 - $known", "$last - $first + 1 - 0 * $known"), ACCOUNT),
    Mutant("what only counters speak of is not missing", "take_counters",
           drop("$r->published = $c.published;"), ACCOUNT),
    Mutant("a ring that was created anew continues the account", "get_ring",
           swap("!memcmp(&$a->rings[$i].id, $id, sizeof(*$id))",
                "!memcmp($a->rings[$i].id.name, $id->name, sizeof($id->name))"), ACCOUNT),
    Mutant("records that the ring overwrote are not reported", "take_record",
           swap("report_loss($f, $rec->ring, $rec->seq - 1, $r->cause)",
                "($r->next = $rec->seq, 0)"), "overrun"),
    Mutant("what was lost while reading stopped is taken for an overrun", "follow_pause",
           swap("FLEET_LOSS_SPOOL", "FLEET_LOSS_OVERRUN"), "spool_full"),
    Mutant("an agent reads again what an earlier one has spooled", "set_places",
           swap("$known ? $known->next[$i] : 1", "1"), "agent_killed"),
    Mutant("a new file of the spool does not say how far the rings were spooled", "begin_file",
           swap("state_pack(&$sp->state, &$state, &$size)",
                "state_pack(&(struct state) { 0 }, &$state, &$size)"), "both_killed"),
    Mutant("what follows a message that did not fit is spooled", "spooler/run",
           drop("&& !$s->dropping"), "stop_while_full"),
    Mutant("a torn body at the end of the spool is kept", "scan_messages",
           never("$err == -EBADMSG && $found + fleet_padded_size(&$m) == $f->bytes"), "torn"),
    Mutant("a damaged body is sent as it is", "spool_read",
           swap("fleet_check_body($m, $header, $buf + sizeof($header), &$why)", "0"), "damaged"),
    Mutant("a full spool takes more", "spool/make_room", swap("$full ? -ENOBUFS : 0", "$full * 0"),
           "spool_full"),
    Mutant("a message does not name the one before it", "nats_send",
           drop("$o.ExpectLastMsgId = $before;"), "two_agents"),
    Mutant("the server's acknowledgement releases the spool", "nats_mark",
           swap("$s->c->nats_release == RELEASE_STORED", "1"), "release"),
    Mutant("a message is left out after each failure", "resume",
           swap("$p->next = $last->number + 1", "$p->next = $last->number + 2"), "server_killed"),
    Mutant("a stream of another agent is taken over", "resume",
           never("$last->number && ($p->own_seen || $first != 1)"), "two_agents"),
    Mutant("a ring that is gone is not reported", "find_vanished", swap("send_vanished($r, $k);", "(void)send_vanished;"),
           "vanished"),
    Mutant("an unknown key of the configuration is ignored", "take_line",
           drop("unknown_key($s, $section, $name);"), "mistakes"),
    Mutant("a number of the configuration has no limits", "set_number",
           drop("&& $v >= $k->min && $v <= $k->max"), "mistakes"),
    Mutant("a password is printed", "config_print",
           swap('$k->kind == SECRET ? "..." : *text_of($c, $k)', "*text_of($c, $k)"), "order"),
    Mutant("the watchdog is fed although nothing is read", "feed_watchdog",
           never("$rounds != $a->rounds"), "systemd"),
])


def command(test):
    if test in UNITS:
        return [os.path.join(BUILD, "tests", "unit", test)]
    return [os.path.join(TOP, "tests", "fleet", "agent.py"), "--build",
            os.path.join(TOP, "build", "native"), "--ringd", os.path.join(BUILD, "ringd"), test]


def build():
    """The compiler's last words; None: it is built."""
    done = subprocess.run(["make", "-s", "-j2", "build/native/ringd",
                           *(f"build/native/tests/unit/{unit}" for unit in UNITS)],
                          cwd=DIR, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.stdout.strip().splitlines()[-1] if done.returncode else None


def plant():
    """A copy of what the agent and its unit tests are built from."""
    os.makedirs(DIR, exist_ok=True)
    for folder in ("include", "libring", "tools", "tests", "kmod", "mk", "bench"):
        shutil.copytree(os.path.join(TOP, folder), os.path.join(DIR, folder), dirs_exist_ok=True)
    for name in ("Makefile", "VERSION"):
        shutil.copy2(os.path.join(TOP, name), DIR)


def run(wanted):
    """Yields (mutant, caught by, what)."""
    chosen = list(filter(wanted, SET.mutants))
    subprocess.run(["make", "-s", "-j2", "tools", "test-build"], check=True, cwd=TOP,
                   stdout=subprocess.DEVNULL)
    plant()
    why = build()
    if why:
        yield None, why, ""
        return
    for test in sorted({m.tests for m in chosen}):
        if fails(command(test), LIMIT_S):
            yield None, test, ""
            return
    for m in chosen:
        path, text = SET.mutate(m)
        mutant.write(DIR, path, text)
        why = build()
        if why:
            yield m, None, "it does not build: " + why
        elif fails(command(m.tests), LIMIT_S):
            yield m, m.tests, m.tests
        else:
            yield m, None, f"survived {m.tests}"
        with open(os.path.join(TOP, path), encoding="utf-8") as f:
            mutant.write(DIR, path, f.read())

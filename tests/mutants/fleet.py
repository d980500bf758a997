# SPDX-License-Identifier: GPL-2.0-only
"""
Mutants of the agent and of its messages. Each is built in a copy of the tree. A mutant's test is a
unit test, or a test of tests/fleet, which runs the changed program against real servers: that of
fetch.py is named fetch_TEST, that of agent.py TEST.
"""
import os

import copied
import mutant
from mutant import TOP, Mutant, drop, never, swap

DIR = os.path.join(TOP, "build", "mutants", "fleet")
BUILD = os.path.join(DIR, "build", "native")

UNIT = "test_fleet"
ACCOUNT = "test_fleet_account"
WRITER = "test_fleet_writer"
UNITS = (UNIT, ACCOUNT, WRITER)

SET = mutant.Set(("tools/fleet", "tools/ringd", "tools/nats", "tools/ringctl/fetch"), [
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
    Mutant("two programs write to a directory", "fleet_writer_open",
           never("flock($w->dir, LOCK_EX | LOCK_NB)"), WRITER),
    Mutant("a message that is not whole stays in front of others", "writer/scan_file",
           never("ftruncate($w->fd, (off_t)$at)"), WRITER),
    Mutant("whole messages behind damage are cut off", "writer/scan_file",
           swap("has_message_behind($w, $at, $size)", "has_message_behind($w, $size, $size)"), WRITER),
    Mutant("a message that comes again is written again", "keep_take",
           never("fleet_ranges_count(&$e->numbers, $m.number, $m.number)"), "fetch_duplicates"),
    Mutant("what an earlier run has written is not known", "keep_open",
           swap("fleet_archive_read($dir, note, note_damage, $k)", "0 * note_damage($dir, 0, $dir, (void *)note)"), "fetch_resume"),
    Mutant("what is no message is dropped", "keep_take",
           swap("return set_aside($k, $stream, $seq, $data, $size, $why);", "return 0 * set_aside($k, $stream, $seq, $data, 0, $why);"),
           "fetch_poisoned"),
    Mutant("a message is acknowledged before it is on the disk", "serve",
           never("keep_sync(&$f->keep)"), "fetch_no_sync"),
    Mutant("a fetch ends before all is acknowledged", "check_done",
           swap("$floor >= $s->end || (!$left && !$unacked)", "$floor + 1 > 0"), "fetch_no_sync"),
    Mutant("messages that are missing are not told", "keep_print_missing",
           drop("$missing += $gap.last - $gap.first + 1;"), "fetch_purged"),
    Mutant("a consumer that acknowledges many messages at once is used", "check_consumer",
           drop("$cfg->AckPolicy == js_AckExplicit &&"), "fetch_consumer_deleted"),
    Mutant("a deleted stream is not told", "find_deleted",
           swap("$s->c || $s->done", "$s->c || 1"), "fetch_purged"),
])


def command(test):
    if test in UNITS:
        return [os.path.join(BUILD, "tests", "unit", test)]
    program = "fetch.py" if test.startswith("fetch_") else "agent.py"
    return [os.path.join(TOP, "tests", "fleet", program), "--build",
            os.path.join(TOP, "build", "native"), "--ringd", os.path.join(BUILD, "ringd"),
            "--ringctl", os.path.join(BUILD, "ringctl"), test.removeprefix("fetch_")]


COPY = copied.Copied(DIR, ("build/native/ringd", "build/native/ringctl",
                           *(f"build/native/tests/unit/{unit}" for unit in UNITS)),
                     command, 300, ("tools", "test-build"))


def run(wanted):
    """Yields (mutant, caught by, what)."""
    return copied.run(SET, wanted, COPY)

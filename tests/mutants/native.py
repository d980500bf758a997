# SPDX-License-Identifier: GPL-2.0-only
"""
Mutants of the protocol's headers. A mutant's test is a kind: the torture test, the unit tests
or the model. Fences, acquire and release make a difference on weakly ordered machines only:
tests/proof/model weakens those.
"""
import os
import shutil
import subprocess

import mutant
from mutant import TOP, Mutant, after, before, drop, never, swap
from outcome import fails

DIR = os.path.join(TOP, "build", "mutants")

TORTURE = "torture"
UNIT = "unit"
MODEL = "model"

SET = mutant.Set(("include/seqring",), [
    Mutant("recheck always reports the record intact", "seqring_reader_intact",
           swap("seqring_read(&$r->ctl->tail) <= $pos", "1 | ($pos == 0)"), TORTURE),
    Mutant("a reader can be given a limit that exceeds its data area", "seqring_reader_limit",
           drop("|| $payload_max > SEQRING_PAYLOAD_MAX($r->mask + 1)"), UNIT),
    Mutant("recheck accepts a record that tail has just passed", "seqring_reader_intact",
           swap("seqring_read(&$r->ctl->tail) <= $pos",
                "seqring_read(&$r->ctl->tail) < $pos"), UNIT),
    Mutant("a run takes a record longer than the ring allows", "seqring_reader_peek_run",
           drop("|| $meta.len > $r->payload_max"), UNIT),
    Mutant("a copy of 65 bytes or more leaves the middle out", "seqring_two_blocks_copy",
           drop("seqring_32_copy($to + $len - 64, $from + $len - 64);"), UNIT),
    Mutant("a copy of 65 bytes or more leaves the end out", "seqring_two_blocks_copy",
           swap("$len > SEQRING_BLOCK_LEN", "0"), UNIT),
    Mutant("a run takes a record that ends beyond the data area", "seqring_reader_peek_run",
           drop("|| $size > $room"), UNIT),
    Mutant("a run takes a PAD for a record", "seqring_reader_peek_run",
           drop("$meta.flags & SEQRING_REC_PAD ||"), UNIT),
    Mutant("a run takes a record with any stamp", "seqring_reader_peek_run",
           never("seqring_unlikely(seqring_load_acquire(PUBLISH, &$rec->stamp) != $r->seq)"),
           UNIT),
    Mutant("a run goes on where no header fits", "seqring_reader_peek_run",
           swap("($room - $size < sizeof(*$rec) ? $room - $size : 0)", "0"), UNIT),
    Mutant("tail moves to the segment being overwritten instead of the one after it",
           "seqring_writer_reclaim",
           swap("($segment + 1) & (SEQRING_SEGMENTS - 1)",
                "$segment & (SEQRING_SEGMENTS - 1)"), TORTURE),
    Mutant("tail never moves", "seqring_writer_reclaim",
           swap("$cold->first[($segment + 1) & (SEQRING_SEGMENTS - 1)]", "0"), TORTURE),
    Mutant("the reclaim check ignores the header after the record", "seqring_writer_prepare",
           swap("$next + sizeof(struct seqring_record) > seqring_writer_cold($w)->limit",
                "$next > seqring_writer_cold($w)->limit"), UNIT),
    Mutant("the reclaim limit is one segment too far", "seqring_writer_reclaim",
           swap("$cold->limit = ($segment + 1)", "$cold->limit = ($segment + 2)"), TORTURE),
    Mutant("the writer does not clear the stamp of the next header", "seqring_writer_stamp",
           drop("seqring_store_word(&$behind->stamp, 0);"), TORTURE),
    Mutant("publish stores the stamp before the payload", "seqring_writer_publish",
           after("$open.rec = seqring_writer_at($w, $w->pos); "
                 "seqring_writer_write_header($open.rec, seqring_meta($len, $type, 0), $ts_ns);",
                 "seqring_store_release(PUBLISH, &$open.rec->stamp, $w->seq + 1);"), TORTURE),
    Mutant("publish stores the stamp before len and type, and delays", "seqring_writer_publish",
           after("$open.rec = seqring_writer_at($w, $w->pos);",
                 "seqring_store_release(PUBLISH, &$open.rec->stamp, $w->seq + 1); for (volatile "
                 "int i = 0; i < 50; i++) ;"), TORTURE),
    Mutant("publish stores the stamp early for a record that leaves its segment",
           "seqring_writer_publish_cold",
           after("$open = seqring_writer_advance($w, $next);",
                 "seqring_store_release(PUBLISH, &$open.rec->stamp, $open.seq); for (volatile "
                 "int i = 0; i < 500; i++) ;"), TORTURE),
    Mutant("publish does not enter the next segment after a record that leaves its own",
           "seqring_writer_publish_cold",
           drop("if ($next >= $w->seg_end) seqring_writer_enter_segment($w, $next);"), UNIT),
    Mutant("commit does not enter the next segment after a record that leaves its own",
           "seqring_writer_commit",
           drop("if (seqring_unlikely($w->pos >= $w->seg_end)) seqring_writer_enter_segment($w, "
                "$w->pos);"), UNIT),
    Mutant("the writer stores head before the stamp", "seqring_writer_close",
           before("seqring_writer_stamp($open->rec, $open->behind, $open->seq);",
                  "seqring_store_release(JOIN, &$open->ctl->head, $open->next); for (volatile "
                  "int i = 0; i < 50; i++) ;"), TORTURE),
    Mutant("a PAD consumes a sequence number", "seqring_writer_pad",
           swap("$w->seq + 1", "++$w->seq"), TORTURE),
    Mutant("a PAD record lacks its PAD flag", "seqring_writer_pad",
           swap("seqring_meta($len, 0, SEQRING_REC_PAD)", "seqring_meta($len, 0, 0)"), TORTURE),
    Mutant("the writer does not skip a rest that is too short for a header", "seqring_writer_make_room",
           swap("seqring_normalize($w->pos + $size, $w->mask)", "$w->pos + $size"), UNIT),
    Mutant("the writer does not note the first record of a segment", "seqring_writer_enter_segment",
           drop("seqring_writer_cold($w)->first[$i] = $pos;"), TORTURE),
    Mutant("segment_pos is 8 bytes past the first record of the segment", "seqring_writer_enter_segment",
           swap("&$w->ctl->segment_pos[$i], $pos)",
                "&$w->ctl->segment_pos[$i], $pos + 8)"), TORTURE),
    Mutant("last points at the next record instead of the newest", "seqring_writer_close",
           swap("&$open->ctl->last, $open->pos)", "&$open->ctl->last, $open->next)"), UNIT),
    Mutant("the writer does not zero the padding", "seqring_writer_zero_padding",
           drop("seqring_store_word($last, *$last & (~0ULL >> $unused));"), UNIT),
    Mutant("reserve accepts a record longer than payload_max", "seqring_writer_make_room",
           drop("if ($len > seqring_writer_cold($w)->payload_max) return -EMSGSIZE;"), UNIT),
    Mutant("the fast path accepts records that leave their segment", "seqring_writer_fits_segment",
           swap("$next + sizeof(struct seqring_record) <= $seg_end",
                "$next <= $seg_end + (1ULL << 40)"), UNIT),
    Mutant("the fast path ignores the header after the last record of a segment",
           "seqring_writer_fits_segment",
           swap("$next + sizeof(struct seqring_record) <= $seg_end", "$next <= $seg_end"), UNIT),
    Mutant("publish_vec accepts pieces longer than payload_max in total", "seqring_writer_publish_vec",
           drop("if ($vec[$i].len > $w->cold.payload_max - $len) return -EMSGSIZE;"), UNIT),
    Mutant("an overrun does not count the lost records", "seqring_reader_classify_stamp",
           drop("$r->lost += $stamp - $r->seq"), TORTURE),
    Mutant("the reader reports the same loss twice", "seqring_reader_consume",
           drop("$r->lost = 0;"), TORTURE),
    Mutant("resync continues at the first record after tail, where the writer is next",
           "seqring_reader_resync", swap("$pos >= $want &&", "$pos > tail &&"), UNIT),
    Mutant("peek accepts any stamp", "seqring_reader_classify_stamp",
           drop("if (!$r->any || $stamp < $r->seq) return SEQRING_CORRUPT;"), UNIT),
    Mutant("peek accepts an unpublished record below head", "seqring_reader_classify_stamp",
           drop("if ($r->pos < $r->snap) return SEQRING_CORRUPT;"), UNIT),
    Mutant("peek does not compare the length with payload_max", "seqring_reader_peek",
           drop("$meta.len > $r->payload_max ||"), UNIT),
    Mutant("peek does not compare the length with the end of the ring", "seqring_reader_peek",
           drop("|| seqring_record_size($meta.len) > $room"), UNIT),
    Mutant("peek accepts a PAD as long as the whole ring", "seqring_reader_peek",
           drop("$room > $r->mask ||"), UNIT),
    Mutant("the reader accepts any position as a record's position", "seqring_reader_goto",
           drop("if (($pos & 7) || seqring_normalize($pos, $r->mask) != $pos) return "
                "SEQRING_CORRUPT;"), UNIT),
    Mutant("resync may move the reader backwards", "seqring_reader_resync",
           drop("if ($best <= $r->pos) return SEQRING_CORRUPT;"), UNIT),
    Mutant("the reader reports the end without a last look at head", "seqring_reader_snapshot",
           swap("$r->snap = seqring_load_acquire(JOIN, &$r->ctl->head); return $r->pos < "
                "$r->snap ? SEQRING_OK : SEQRING_DEAD;",
                "return SEQRING_DEAD;"), MODEL),
    Mutant("the writer does not store the state DEAD at its end", "seqring_writer_end",
           drop("seqring_store_release(END, &$w->ctl->state, SEQRING_STATE_DEAD);"), UNIT),
    Mutant("the newest record is returned without a recheck", "seqring_reader_newest",
           swap("return seqring_reader_recheck($r, $v);", "return SEQRING_OK;"), UNIT),
    Mutant("the newest record may be a PAD", "seqring_reader_peek_newest",
           drop("$meta.flags & SEQRING_REC_PAD ||"), UNIT),
    Mutant("the newest record's length is not compared with the end of the ring",
           "seqring_reader_peek_newest", drop("|| seqring_record_size($meta.len) > $room"), UNIT),
    Mutant("the newest record is looked at by the hot path where a lap ends",
           "seqring_reader_peek_newest",
           swap("$only_short ? SEQRING_SHORT_ROOM : sizeof(*$rec)", "8"), UNIT),
    Mutant("the hot path of the newest record takes a PAD and any length",
           "seqring_reader_peek_newest",
           swap("!!($meta.word & SEQRING_NOT_SHORT)", "0"), UNIT),
    Mutant("the hot path of reading does not end before a record whose seq is not known",
           "seqring_reader_run_end", drop("$r->any ||"), UNIT),
    Mutant("the hot path of reading does not end before a loss is told", "seqring_reader_run_end",
           drop("|| $r->lost"), UNIT),
    Mutant("the hot path of reading takes records longer than the header allows",
           "seqring_reader_run_end", drop("|| $r->payload_max < SEQRING_SHORT_LEN"), UNIT),
    Mutant("the hot path of reading does not end with the lap", "seqring_reader_run_end",
           drop("$end -= SEQRING_SHORT_ROOM;"), UNIT),
    Mutant("the hot path of reading goes on where positions begin anew", "seqring_reader_run_end",
           never("seqring_unlikely(!$end)"), UNIT),
    Mutant("the hot path of reading goes beyond head", "seqring_reader_run_end",
           swap("$end < $r->snap ? $end : $r->snap", "$end"), UNIT),
    Mutant("the hot path of reading takes an old record", "seqring_reader_peek_short",
           never("seqring_unlikely($v->seq != $r->seq)"), UNIT),
    Mutant("the hot path of reading takes a PAD and any length", "seqring_reader_peek_short",
           never("seqring_unlikely($meta.word & SEQRING_NOT_SHORT)"), UNIT),
    Mutant("a peek takes a record that tail has passed for whole", "seqring_reader_peek_whole",
           swap("$outcome ? $outcome : seqring_reader_recheck($r, $v)", "$outcome"), UNIT),
    Mutant("the writer has no full fence before it reads the wake threshold", "seqring_writer_wake_due",
           swap("seqring_fence_full(WAKE)", "seqring_compiler_barrier(WAKE)"), MODEL),
    # On x86 the atomic minimum before the fence is a full fence already.
    Mutant("the reader has no full fence after it arms the wake threshold", "seqring_reader_arm",
           swap("seqring_fence_full(WAKE)", "seqring_compiler_barrier(WAKE)"), MODEL),
    Mutant("a wake-up does not disarm the wake threshold", "seqring_writer_disarm",
           drop("seqring_write(&$wait->pos, SEQRING_WAIT_NONE);"), UNIT),
    Mutant("the writer clears an announcement without a full fence", "seqring_writer_wake_due_announced",
           swap("; seqring_fence_full(WAKE);", ";"), MODEL),
    Mutant("the writer does not wake the reader whose announcement it clears",
           "seqring_writer_wake_due_announced",
           swap("seqring_writer_disarm($wait); return SEQRING_WAKE_DUE | SEQRING_WAKE_SLOTS; }",
                "return 0; }"), MODEL),
    Mutant("a reader takes another reader's announcement for its own grace period",
           "seqring_reader_announce", swap("$found == *$known", "$found != mine"), MODEL),
    Mutant("a wake-up by position waits for one more record", "seqring_writer_wake_due_at",
           swap("$pos <= seqring_read(&$wait->pos) &&",
                "$pos <= seqring_read(&$wait->pos) + 32 &&"), UNIT),
    Mutant("a wake-up by sequence number comes one record late", "seqring_writer_wake_due_at",
           swap("$seq < seqring_read(&$wait->seq)", "$seq <= seqring_read(&$wait->seq)"), UNIT),
    Mutant("the writer has no full fence before it reads the slots", "seqring_writer_wake_begin",
           drop("seqring_fence_full(WAKE);"), MODEL),
    Mutant("the reader has no full fence behind its slot", "seqring_reader_arm_slot",
           drop("seqring_fence_full(WAKE);"), MODEL),
    Mutant("the writer does not reset a slot that is due", "seqring_writer_slot_due",
           drop("seqring_write(&$own->pos, SEQRING_WAIT_NONE);"), UNIT),
    Mutant("a slot is due one record late", "seqring_writer_slot_due",
           swap("$pos <= $own_pos && $seq < $own_seq", "$pos <= $own_pos && $seq <= $own_seq"),
           UNIT),
    Mutant("the writer does not arm again for slots that are not due", "seqring_writer_wake_end",
           drop("seqring_atomic_min(&$wait->pos, $lowest->pos);"), MODEL),
    Mutant("arming raises a wake threshold that another reader has lowered", "barrier/seqring_atomic_min",
           swap("$cur > $v && !__atomic_compare_exchange_n",
                "$cur != $v && !__atomic_compare_exchange_n"), UNIT),
])


def build(name, include, source, libs):
    out = os.path.join(DIR, name)
    lang = ["g++", "-std=gnu++14"] if source.endswith(".cc") else ["gcc", "-std=gnu11"]
    cmd = lang + ["-O2", "-D_GNU_SOURCE", "-w", "-I" + include, "-I" + os.path.join(TOP, "include"),
                  # Where the headers find the backend of test_overrun.
                  "-iquote", os.path.join(TOP, "include/seqring"),
                  "-I" + os.path.join(TOP, "tests/proof/model"), "-pthread", "-o", out, source] + libs
    subprocess.run(cmd, check=True, cwd=TOP)
    return out


def detectors(include, kinds):
    """Yields (name, commands, seconds). The mutant is caught when any command fails."""
    if TORTURE in kinds:
        exe = build("torture", include, "tests/stress/torture.c", [])
        yield "torture", [[exe, "--seconds", "1", "--readers", "6", "--seed", str(seed)]
                          for seed in (1, 2, 3)], 10
    if UNIT in kinds:
        for test in ("test_protocol", "test_position", "test_hostile", "test_hot", "test_overrun",
                     "test_edge"):
            exe = build(test, include, f"tests/unit/{test}.c",
                        ["build/native/libring.a", "-lcmocka", *mutant.ZSTD])
            yield test, [[exe]], 20
    if MODEL in kinds:
        exe = build("model", include, "tests/proof/model/model.cc", [])
        yield "model", [[exe, "20000", "only"]], 120


def caught_by(include, kinds):
    for name, commands, limit in detectors(include, kinds):
        for cmd in commands:
            if fails(cmd, limit):
                return name
    return None


def run(wanted):
    """Yields (mutant, caught by, what)."""
    os.makedirs(DIR, exist_ok=True)
    plain = caught_by(os.path.join(TOP, "include"), (TORTURE, UNIT))
    if plain:
        yield None, plain, ""
        return
    for m in filter(wanted, SET.mutants):
        path, text = SET.mutate(m)
        include = os.path.join(DIR, "include")
        shutil.rmtree(include, ignore_errors=True)
        shutil.copytree(os.path.join(TOP, "include"), include)
        mutant.write(DIR, path, text)
        by = caught_by(include, (m.tests,))
        yield m, by, by or f"survived {m.tests}"

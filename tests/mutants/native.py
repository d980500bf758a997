# SPDX-License-Identifier: GPL-2.0-only
"""
Mutants of the protocol's headers: (name, header, text, replacement, what must catch it).
What only a weakly ordered machine can show (fences, acquire and release) is not here but
in tests/proof/model.
"""
import os
import shutil
import subprocess

from outcome import fails

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIR = os.path.join(TOP, "build", "mutants")

TORTURE = "torture"
UNIT = "unit"
MODEL = "model"

MUTANTS = [
    ("the recheck says yes to everything", "reader.h",
     "return seqring_read(&r->ctl->tail) <= pos;", "return 1 | (pos == 0);", TORTURE),
    ("the recheck lets the record at tail go", "reader.h",
     "return seqring_read(&r->ctl->tail) <= pos;",
     "return seqring_read(&r->ctl->tail) < pos;", UNIT),
    ("tail moves one segment short", "writer.h",
     "cold->first[(segment + 1) & (SEQRING_SEGMENTS - 1)]",
     "cold->first[segment & (SEQRING_SEGMENTS - 1)]", TORTURE),
    ("tail does not move", "writer.h",
     "cold->first[(segment + 1) & (SEQRING_SEGMENTS - 1)]", "0", TORTURE),
    ("what is reclaimed ends before the next header", "writer.h",
     "if (seqring_unlikely(next + sizeof(struct seqring_record) > seqring_writer_cold(w)->limit))",
     "if (seqring_unlikely(next > seqring_writer_cold(w)->limit))", UNIT),
    ("the limit is one segment too far", "writer.h",
     "cold->limit = (segment + 1) << cold->seg_shift;",
     "cold->limit = (segment + 2) << cold->seg_shift;", TORTURE),
    ("the next header keeps its old bytes", "writer.h",
     "seqring_store_word(&behind->stamp, 0);", "", TORTURE),
    ("the stamp comes before the payload", "writer.h",
     "	open = seqring_writer_advance(w, next, 1);\n",
     "	open = seqring_writer_advance(w, next, 1);\n"
     "	seqring_store_release(PUBLISH, &open.rec->stamp, open.seq);\n", TORTURE),
    ("the stamp comes before len and type", "writer.h",
     "	open = seqring_writer_advance(w, next, 1);\n	seqring_writer_write_header(open.rec,",
     "	open = seqring_writer_advance(w, next, 1);\n"
     "	seqring_store_release(PUBLISH, &open.rec->stamp, open.seq);\n"
     "	for (volatile int i = 0; i < 50; i++)\n		;\n"
     "	seqring_writer_write_header(open.rec,", TORTURE),
    ("the stamp of a record that leaves its segment comes before the payload", "writer.h",
     "	open = seqring_writer_advance(w, next, 0);\n	seqring_writer_write_header(open.rec,",
     "	open = seqring_writer_advance(w, next, 0);\n"
     "	seqring_store_release(PUBLISH, &open.rec->stamp, open.seq);\n"
     "	for (volatile int i = 0; i < 500; i++)\n		;\n"
     "	seqring_writer_write_header(open.rec,", TORTURE),
    ("a record that leaves its segment does not enter the next", "writer.h",
     "	if (next >= w->seg_end)\n		seqring_writer_enter_segment(w, next);\n", "", UNIT),
    ("a commit that leaves its segment does not enter the next", "writer.h",
     "	if (seqring_unlikely(w->pos >= w->seg_end))\n"
     "		seqring_writer_enter_segment(w, w->pos);\n", "", UNIT),
    ("head comes before the stamp", "writer.h",
     "	seqring_writer_stamp(open->rec, open->behind, open->seq);\n",
     "	seqring_store_release(JOIN, &open->ctl->head, open->next);\n"
     "	for (volatile int i = 0; i < 50; i++)\n		;\n"
     "	seqring_writer_stamp(open->rec, open->behind, open->seq);\n",
     TORTURE),
    ("a PAD takes a seq", "writer.h",
     "seqring_writer_stamp(rec, seqring_writer_at(w, w->pos + room), w->seq + 1);",
     "seqring_writer_stamp(rec, seqring_writer_at(w, w->pos + room), ++w->seq);", TORTURE),
    ("a PAD without its flag", "writer.h",
     "seqring_meta(len, 0, SEQRING_REC_PAD)", "seqring_meta(len, 0, 0)", TORTURE),
    ("the writer skips no short rest", "writer.h",
     "	*next = seqring_normalize(w->pos + size, w->mask);",
     "	*next = w->pos + size;", UNIT),
    ("the first record of a segment is not noted", "writer.h",
     "		seqring_writer_cold(w)->first[i] = pos;\n", "", TORTURE),
    ("segment_pos is one record old", "writer.h",
     "seqring_store_release(JOIN, &w->ctl->segment_pos[i], pos);",
     "seqring_store_release(JOIN, &w->ctl->segment_pos[i], pos + 8);", TORTURE),
    ("last is where the next record comes", "writer.h",
     "seqring_store_release(JOIN, &open->ctl->last, open->pos);",
     "seqring_store_release(JOIN, &open->ctl->last, open->next);", UNIT),
    ("the padding is not zeroed", "writer.h",
     "	seqring_store_word(last, *last & (~0ULL >> unused));", "", UNIT),
    ("too long a record is taken", "writer.h",
     "	if (len > seqring_writer_cold(w)->payload_max)\n		return -EMSGSIZE;\n", "", UNIT),
    ("what goes past a segment is not looked at", "writer.h",
     "seqring_likely(next + sizeof(struct seqring_record) <= seg_end)",
     "seqring_likely(next <= seg_end + (1ULL << 40))", UNIT),
    ("the header behind a segment's last record is not looked at", "writer.h",
     "seqring_likely(next + sizeof(struct seqring_record) <= seg_end)",
     "seqring_likely(next <= seg_end)", UNIT),
    ("too long a sum of pieces is taken", "writer.h",
     "		if (vec[i].len > w->cold.payload_max - len)\n			return -EMSGSIZE;\n",
     "", UNIT),
    ("a lap does not count what it lost", "reader.h",
     "		r->lost += stamp - r->seq;", "		;", TORTURE),
    ("what was lost is told twice", "reader.h",
     "		r->lost = 0;\n	}\n}", "	}\n}", TORTURE),
    ("a lap leads to the very edge", "reader.h",
     "		if (pos >= want && (!best || pos < best))",
     "		if (pos > tail && (!best || pos < best))", UNIT),
    ("any stamp will do", "reader.h",
     "	if (!r->any || stamp < r->seq)\n		return SEQRING_CORRUPT;\n", "", UNIT),
    ("nothing below head is no fault", "reader.h",
     "		if (r->pos < r->snap)\n			return SEQRING_CORRUPT;\n", "", UNIT),
    ("a length is not checked against the largest", "reader.h",
     "meta.len > r->payload_max || seqring_record_size(meta.len) > room",
     "seqring_record_size(meta.len) > room", UNIT),
    ("a length is not checked against the end", "reader.h",
     "meta.len > r->payload_max || seqring_record_size(meta.len) > room",
     "meta.len > r->payload_max", UNIT),
    ("a PAD may be a whole lap", "reader.h",
     "if (room > r->mask || !seqring_reader_intact(r, r->pos))",
     "if (!seqring_reader_intact(r, r->pos))", UNIT),
    ("any position is a place for a record", "reader.h",
     "	if ((pos & 7) || seqring_normalize(pos, r->mask) != pos)\n"
     "		return SEQRING_CORRUPT;\n", "", UNIT),
    ("a lap may lead backwards", "reader.h",
     "	if (best <= r->pos)\n		return SEQRING_CORRUPT;\n", "", UNIT),
    ("the end is believed before the last look", "reader.h",
     "	r->snap = seqring_load_acquire(JOIN, &r->ctl->head);\n"
     "	return r->pos < r->snap ? SEQRING_OK : SEQRING_DEAD;",
     "	return SEQRING_DEAD;", MODEL),
    ("the end is never said", "writer.h",
     "	seqring_store_release(END, &w->ctl->state, SEQRING_STATE_DEAD);", "", UNIT),
    ("the newest record is not rechecked", "reader.h",
     "	if (seqring_unlikely(!seqring_reader_intact(r, pos)))\n", "	if (0)\n", UNIT),
    ("the newest record is taken for a PAD's bytes", "reader.h",
     "!stamp || meta.flags & SEQRING_REC_PAD || meta.len > r->payload_max ||",
     "!stamp || meta.len > r->payload_max ||", UNIT),
    ("the newest record's length is not checked against the end", "reader.h",
     "meta.len > r->payload_max ||\n			     seqring_record_size(meta.len) > room))",
     "meta.len > r->payload_max))", UNIT),
    ("the writer has no fence before it looks who sleeps", "writer.h",
     "	else\n		seqring_fence_full(WAKE);", "	else\n		seqring_compiler_barrier(WAKE);",
     MODEL),
    # On x86 the atomic minimum before it is a full fence already.
    ("the reader has no fence after it armed", "reader.h",
     "	seqring_fence_full(WAKE);", "	seqring_compiler_barrier(WAKE);", MODEL),
    ("a wake-up does not disarm", "writer.h",
     "	seqring_write(&wait->pos, SEQRING_WAIT_NONE);\n", "", UNIT),
    ("an announcement is forgotten without a fence", "writer.h",
     "	/* Who arms too late for this fence finds the announcement gone. */\n"
     "	seqring_fence_full(WAKE);\n", "", MODEL),
    ("who has armed is not told that its announcement is forgotten", "writer.h",
     "	seqring_writer_disarm(wait);\n	return 1;\n}\n\n/**\n * seqring_writer_end",
     "	return 0;\n}\n\n/**\n * seqring_writer_end", MODEL),
    ("another reader's announcement is taken for its grace period, too", "reader.h",
     "	if (found == *known)\n", "	if (found != mine)\n", MODEL),
    ("a wake-up waits for one record more", "writer.h",
     "pos <= seqring_read(&wait->pos) &&", "pos <= seqring_read(&wait->pos) + 32 &&", UNIT),
    ("a wake-up by seq comes one too late", "writer.h",
     "seq < seqring_read(&wait->seq)", "seq <= seqring_read(&wait->seq)", UNIT),
    ("arming raises what another armed lower", "barrier.h",
     "	while (cur > v && !__atomic_compare_exchange_n(", "	while (cur != v && !__atomic_compare_exchange_n(",
     UNIT),
]


def build(name, include, source, libs):
    out = os.path.join(DIR, name)
    lang = ["g++", "-std=gnu++14"] if source.endswith(".cc") else ["gcc", "-std=gnu11"]
    cmd = lang + ["-O2", "-D_GNU_SOURCE", "-w", "-I" + include, "-I" + os.path.join(TOP, "include"),
                  "-I" + os.path.join(TOP, "tests/proof/model"), "-pthread", "-o", out, source] + libs
    subprocess.run(cmd, check=True, cwd=TOP)
    return out


def detectors(include, kinds):
    """(name, commands, seconds): each command is run until one fails."""
    if TORTURE in kinds:
        exe = build("torture", include, "tests/stress/torture.c", [])
        yield "torture", [[exe, "--seconds", "1", "--readers", "6", "--seed", str(seed)]
                          for seed in (1, 2, 3)], 10
    if UNIT in kinds:
        for test in ("test_protocol", "test_position", "test_hostile", "test_overrun", "test_edge"):
            exe = build(test, include, "tests/unit/%s.c" % test,
                        ["build/native/libring.a", "-lcmocka"])
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
    """Yields (mutant, caught by, why not)."""
    os.makedirs(DIR, exist_ok=True)
    plain = caught_by(os.path.join(TOP, "include"), (TORTURE, UNIT))
    if plain:
        yield None, plain, ""
        return
    for mutant in MUTANTS:
        _, header, old, new, kind = mutant
        if not wanted(mutant):
            continue
        include = os.path.join(DIR, "include")
        shutil.rmtree(include, ignore_errors=True)
        shutil.copytree(os.path.join(TOP, "include"), include)
        path = os.path.join(include, "seqring", header)
        with open(path) as f:
            text = f.read()
        if text.count(old) != 1:
            yield mutant, None, "its text occurs %d times in %s" % (text.count(old), header)
            continue
        with open(path, "w") as f:
            f.write(text.replace(old, new))
        yield mutant, caught_by(include, (kind,)), "survived %s" % kind

# SPDX-License-Identifier: GPL-2.0-only
"""
Mutants of the BPF writer, of what sets it up and of what reads it, for run.py. A file
is named from the top of the tree; those of libring are built once more and linked in
front of the library.
"""
import os
import platform
import shutil
import subprocess

TORTURE = "bpf torture"
WAKE = "bpf wake"
SLEEP = "bpf sleep"
LIFE = "bpf life"
ACCESS = "bpf access"
ALL = (TORTURE, WAKE, SLEEP, LIFE, ACCESS)

BPF = "include/seqring/bpf.h"
BARRIER = "include/seqring/barrier_bpf.h"
LOAD = "libring/bpf/load.c"
PINS = "libring/bpf/pins.c"
END = "libring/bpf/end.c"
WAIT = "libring/wait_bpf.c"
OWNER = "libring/owner.c"

# name, file, text, replacement, what must catch it
MUTANTS = [
    ("a nested program writes all the same", BPF,
     "		if (seqring_read(&state->owner))\n			return 0;\n",
     "", TORTURE),
    ("one ring is taken without an atomic instruction", BPF,
     "__sync_val_compare_and_swap(&state->owner, 0, 1)",
     "(state->owner ? 1 : (bpf_ktime_get_ns(), state->owner = 1, 0))", TORTURE),
    ("the ring is given back before the record is published", BPF,
     "	seqring_writer_close(&open);\n}",
     "	seqring_bpf_leave(ctl);\n	bpf_ktime_get_ns();\n"
     "	seqring_writer_close(&open);\n}", TORTURE),
    ("the ring is not given back after a drop", BPF,
     "	seqring_add(&ctl->dropped[cause], 1);\n	seqring_bpf_leave(ctl);\n",
     "	seqring_add(&ctl->dropped[cause], 1);\n", TORTURE),
    ("the ring is not given back after a discard", BPF,
     "	seqring_bpf_forget(o);\n	seqring_bpf_leave(o->ctl);\n}",
     "	seqring_bpf_forget(o);\n}", TORTURE),
    ("a PAD in front of what is discarded is forgotten", BPF,
     "	if (o->pos == o->ctl->head)\n		return;\n", "	return;\n", TORTURE),
    ("the writer does not go on behind such a PAD", BPF,
     "	w->pos = state->pos;\n	w->seg_end = state->pad_seg_end;\n",
     "	w->seg_end = state->pad_seg_end;\n", TORTURE),
    ("a drop is not counted", BPF,
     "	seqring_add(&ctl->dropped[cause], 1);\n", "", TORTURE),
    ("a busy ring is not counted", BPF,
     "	seqring_add(&ctl->dropped[SEQRING_DROP_BUSY], 1);\n", "", TORTURE),
    ("a ring that has ended is not counted", BPF,
     "		seqring_add(&ctl->dropped[SEQRING_DROP_DEAD], 1);\n", "", TORTURE),
    ("a drop has the wrong cause", BPF,
     "return seqring_bpf_drop(o->ctl, SEQRING_DROP_FAULT, -EFAULT);",
     "return seqring_bpf_drop(o->ctl, SEQRING_DROP_TOO_BIG, -EFAULT);", TORTURE),
    ("what could not be copied is published", BPF,
     "	if (err) {\n		seqring_bpf_forget(o);",
     "	if (err > 0) {\n		seqring_bpf_forget(o);", TORTURE),
    ("a payload comes from the wrong place", BPF,
     "bpf_probe_read_user(payload, len, src)", "bpf_probe_read_kernel(payload, len, src)",
     TORTURE),
    ("a record may be trimmed to more than was reserved", BPF,
     "	if (len > o->len)\n		return -EMSGSIZE;\n", "", TORTURE),
    ("the segment that a record entered is forgotten", BPF,
     "		seqring_writer_enter_segment(&w, w.pos);\n"
     "	seqring_bpf_state(ctl)->seg_end = w.seg_end;\n",
     "		seqring_writer_enter_segment(&w, w.pos);\n", TORTURE),
    # Without the store, the next record enters that segment once more, as if it were the
    # first there: a lap keeps a record less, which nobody was promised.
    ("the segment that a PAD entered never ends", BPF,
     "	seqring_bpf_state(ctl)->seg_end = w.seg_end;\n	return w.pos;\n",
     "	seqring_bpf_state(ctl)->seg_end = w.seg_end + (1ULL << 40);\n	return w.pos;\n",
     TORTURE),
    ("programs go on after the end", BPF,
     "__sync_val_compare_and_swap(&state->owner, 0, SEQRING_BPF_ENDED)",
     "(state->owner ? state->owner : SEQRING_BPF_ENDED)", TORTURE),
    ("the end is not said", BPF,
     "	seqring_store_release(END, &ctl->state, SEQRING_STATE_DEAD);\n", "", TORTURE),
    ("the writer has no fence before it looks who sleeps", BARRIER,
     "#define seqring_fence_full(tag)			seqring_bpf_fence()",
     "#define seqring_fence_full(tag)			seqring_bpf_keep()", WAKE),
    ("a publish wakes nobody", BPF,
     "	if (!err)\n		seqring_bpf_done(o);\n",
     "	if (!err)\n		seqring_bpf_leave(o->ctl);\n", WAKE),
    ("a commit wakes nobody", BPF,
     "		seqring_bpf_close(o->ctl, o->geo, o->pos, o->len);\n	seqring_bpf_done(o);\n",
     "		seqring_bpf_close(o->ctl, o->geo, o->pos, o->len);\n"
     "	seqring_bpf_leave(o->ctl);\n", WAKE),
    ("the doorbell is not rung", BPF,
     "	bpf_ringbuf_discard(p, BPF_RB_FORCE_WAKEUP);\n	seqring_add(wakeups, 1);",
     "	bpf_ringbuf_discard(p, BPF_RB_NO_WAKEUP);\n	seqring_add(wakeups, 1);", WAKE),
    ("a doorbell that did not ring is not rung again", BPF,
     "		seqring_write(&wait->pos, 0);\n		return -EAGAIN;",
     "		return -EAGAIN;", SLEEP),
    ("nobody makes room in the doorbell", WAIT,
     "	advance_doorbell(r);\n	libring_watch_owner(r, false);",
     "	libring_watch_owner(r, false);", SLEEP),
    ("the doorbell's last ring is heard away", WAIT,
     "		seqring_write(r->doorbell_heard, rung - DOORBELL_RECORD);",
     "		seqring_write(r->doorbell_heard, rung);", WAKE),
    ("a sleeper is not announced", WAIT, "		announce(r);\n", "		;\n", WAKE),
    ("the end wakes nobody", END,
     "	woken = libring_bpf_wake_all(ctl);\n", "	woken = 0;\n", WAKE),
    ("the owner is not watched", WAIT,
     "		libring_poll_add(r, r->sock, EPOLLIN | EPOLLET);\n", "		;\n", LIFE),
    ("a new owner is not noticed", WAIT,
     "	libring_watch_owner(r, false);\n	libring_arm_words", "	libring_arm_words", LIFE),
    ("who is alive is not asked", LOAD,
     "	if (libring_owner_alive(h.owner, h.owner_pidns))\n", "	if (0)\n", LIFE),
    ("a PID that is used again is the same process", OWNER,
     "return pid | (uint64_t)start_time(pid) << 32;", "return pid;", LIFE),
    ("a ring of another shape is gone on with", LOAD,
     "	return !memcmp(&x, &y, sizeof(x));", "	return true;", LIFE),
    ("two may take a ring over", LOAD,
     "	if (!err && (libring_owner_alive(h.owner, h.owner_pidns) || has_ended(&b->pins, &h)))",
     "	if (0)", LIFE),
    ("the writers before are not detached", LOAD,
     "	if (!err)\n		err = libring_pins_unlink_links(&b->pins);\n", "", LIFE),
    ("whatever has the name is removed", PINS,
     "		same = ours.id == theirs.id;", "		same = true;", LIFE),
    ("nobody waits for others who look at the name", PINS,
     "	while (flock(*fd, LOCK_EX)) {", "	while (0) {", LIFE),
    ("the map is not frozen", LOAD,
     "	err = bpf_map_freeze(bpf_map__fd(b->map));\n", "	err = 0;\n", ACCESS),
    ("everybody may read", PINS, "	if (chmod(path, mode))", "	if (chmod(path, 0666))",
     ACCESS),
    ("everybody may end it", PINS,
     'pin(tmp.dir, "ctl", bpf_program__fd(b->ctl), 0600)',
     'pin(tmp.dir, "ctl", bpf_program__fd(b->ctl), 0666)', ACCESS),
]

# program, objects, arguments, seconds
RUNS = {
    TORTURE: ("torture", ("torture", "torture_preempt"),
              [["--ms", "700"], ["--ms", "500", "--one-ring"]], 30),
    WAKE: ("wake", ("wake",),
           [["--events", "1000", "--readers", "1,3", "--rounds", "100000", "single", "race"]],
           25),
    SLEEP: ("sleep", ("wake",), [["--kills", "10"]], 25),
    LIFE: ("life", ("wake",), [[]], 40),
    ACCESS: ("access", ("wake",), [[]], 30),
}


def missing(top):
    """Why there can be no BPF ring here, or None."""
    run = subprocess.run([os.path.join(top, "build/native/tests/bpf/reject")], cwd=top,
                         stdout=subprocess.PIPE, check=False, universal_newlines=True)
    return run.stdout.strip() if run.returncode == 77 else None


def mutate(top, work, name, old, new):
    """Copies the sources, with the change. Returns how often its text occurs."""
    for part in ("include", "libring"):
        shutil.rmtree(os.path.join(work, part), ignore_errors=True)
        shutil.copytree(os.path.join(top, part), os.path.join(work, part))
    path = os.path.join(work, name)
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace(old, new))
    return text.count(old)


def detector(top, work, name, kind):
    """Builds what must fail. (commands, seconds)"""
    prog, objects, args, limit = RUNS[kind]
    where = os.path.join(work, "bpf")
    exe = os.path.join(where, prog)
    include = "-I" + os.path.join(work, "include")
    arch = {"x86_64": "x86", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    shutil.rmtree(where, ignore_errors=True)
    os.makedirs(where)
    for obj in objects:
        subprocess.run(["clang", "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-w",
                        "-D__TARGET_ARCH_" + arch, "-idirafter",
                        "/usr/include/%s-linux-gnu" % platform.machine(), include, "-c", "-o",
                        os.path.join(where, obj + ".bpf.o"), "tests/bpf/%s.bpf.c" % obj],
                       check=True, cwd=top)
    own = [os.path.join(work, name)] if name.endswith(".c") else []
    subprocess.run(["gcc", "-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-w", include, "-pthread",
                    "-o", exe, "tests/bpf/%s.c" % prog] + own +
                   ["build/native/libring-bpf.a", "build/native/libring.a", "-lbpf"],
                   check=True, cwd=top)
    return [[exe] + a for a in args], limit

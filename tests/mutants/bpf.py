# SPDX-License-Identifier: GPL-2.0-only
"""
Mutants of the BPF writer, of its loader and of the reader of BPF rings. A changed file of
libring is linked in front of the library. A mutant's test is a key of RUNS.
"""
import os
import platform
import shutil
import subprocess

import mutant
from mutant import TOP, Mutant, before, drop, never, swap
from outcome import fails

DIR = os.path.join(TOP, "build", "mutants", "bpf-tree")

TORTURE = "bpf torture"
WAKE = "bpf wake"
SLEEP = "bpf sleep"
LIFE = "bpf life"
FOLLOW = "bpf follow"
LEFTOVERS = "bpf leftovers"
OWNER = "bpf owner"
ACCESS = "bpf access"
REJECT = "reject"
HANDOVER = "bpf handover"
BETWEEN = "bpf between"
FORGOTTEN = "bpf forgotten"
KEEP = "bpf keep"
BARE = "bpf bare"
GATHER = "bpf gather"
PREEMPT = "bpf preempt"
CPUS = "bpf cpus"
MISSED = "bpf missed"
REFUSE = "bpf refuse"
SLOTS = "bpf slots"

SET = mutant.Set(("include/seqring", "include/libring*", "libring"), [
    Mutant("a program rings the doorbells of all slots for any that is due",
           "seqring_bpf_wake_slots", swap("$pos | $all", "SEQRING_WAIT_NONE"), SLOTS),
    Mutant("a program does not arm again for the slots that are not due",
           "seqring_bpf_wake_slots", drop("seqring_writer_wake_end($wait, &$lowest);"), SLOTS),
    Mutant("a program that forgets a sleeper does not wake the slots that are not due",
           "seqring_bpf_wake_slots", swap("$due & SEQRING_WAKE_SLOTS", "0"), SLOTS),
    Mutant("a program does not try again to ring the doorbell of a slot", "seqring_bpf_ring_slot",
           drop("seqring_write(&own->pos, 0);"), SLOTS),
    Mutant("the end of a ring does not reach the slots", "seqring_bpf_ring_all",
           swap("$geo->slots && ", "0 && "), SLOTS),
    Mutant("a program rings the shared doorbell only for readers that know slots",
           "seqring_bpf_ring_doorbell", drop("&& !seqring_read(&$wait->always)"), SLOTS),
    Mutant("a reader that shares the doorbell does not say so", "bpf_arm",
           swap("if (!$b->t.own)", "if (0)"), SLOTS),
    Mutant("a reader of one ring shares the doorbell with those of others", "choose_slot",
           drop("|| $m->nr_src != $r->mapping.hdr.nr_rings"), SLOTS),
    Mutant("a reader takes a slot only when it has one already", "choose_slot",
           swap("libring_watermark_records($r) != 1 ||", "0 ||"), SLOTS),
    Mutant("a reader takes the slot of a process that lives", "is_free",
           swap("$search && *$was != SEQRING_SLOT_TAKEN &&", "$search ||"), SLOTS),
    Mutant("nobody takes the slot of a process that is gone", "is_free",
           swap("$search && *$was != SEQRING_SLOT_TAKEN &&", "0 &&"), SLOTS),
    Mutant("a reader that closes keeps its slot", "libring_slot_close", drop("give_back($s);"),
           SLOTS),
    Mutant("a child goes on in the slot of its parent", "libring_slot_is_own",
           drop("getpid() == $s->pid &&"), SLOTS),
    Mutant("what rang for the last reader of a slot wakes the next one", "listen_to_slot",
           drop("seqring_write($s->doorbell.consumed, seqring_read($s->doorbell.produced));"),
           SLOTS),
    Mutant("an object that knows no slots continues a ring that has them", "resolve_existing",
           never("$h.features & SEQRING_FEAT_SLOTS && !$b->geo.slots"), SLOTS),
    Mutant("the loader lets other users open a ring while they may load programs",
           "check_permissions", swap("if ($value != '0')", "if (1)"), ACCESS),
    Mutant("the loader lets a group open a ring while it may load programs",
           "check_permissions", swap("0066", "0006"), ACCESS),
    Mutant("ring_missed counts the programs of other rings", "add_program",
           swap("if ($maps[i] != $map)", "if (0)"), MISSED),
    Mutant("ring_missed counts nothing", "add_program",
           drop("*$sum += $info.recursion_misses;"), MISSED),
    Mutant("ring_missed takes a refusal for the end of the programs", "ring_missed",
           swap("if (!$err && errno != ENOENT)", "if (0)"), MISSED),
    Mutant("the record of a CPU without a ring vanishes", "seqring_bpf_reject_cpu",
           swap("if ($element)", "if (0)"), CPUS),
    Mutant("publishing turns preemption off and never on again", "seqring_bpf_unguard",
           swap("$geo->guard == SEQRING_BPF_GUARD_KFUNC", "0"), PREEMPT),
    Mutant("publishing never turns preemption off", "seqring_bpf_guard",
           swap("$geo->guard == SEQRING_BPF_GUARD_KFUNC", "0"), PREEMPT),
    Mutant("the loader accepts a program that may sleep with SEQRING_BPF_NO_PREEMPT",
           "check_writer", swap("const bool sleeps = get_habit(prog) == SLEEPS;",
                                "const bool sleeps = false;"), REFUSE),
    Mutant("the loader refuses each program that may sleep, whatever it uses", "check_writer",
           drop("|| !uses_map(prog, $map_id)"), REFUSE),
    Mutant("a nested BPF program writes to the ring that is already in use", "seqring_bpf_take",
           swap("seqring_unlikely(seqring_read(&$state->owner))", "0"), TORTURE),
    Mutant("a BPF program takes a shared ring without an atomic instruction", "seqring_bpf_take",
           swap("seqring_cmpxchg_full(NEST, &$state->owner, 0, SEQRING_BPF_TAKEN)",
                "($state->owner ? 1 : (bpf_ktime_get_ns(), $state->owner = 1, 0))"), TORTURE),
    Mutant("a BPF program releases the ring before the record is published",
           "seqring_bpf_close_within",
           before("seqring_writer_close(&$open);",
                  "seqring_bpf_leave(ctl); bpf_ktime_get_ns();"), TORTURE),
    Mutant("a BPF program does not release the ring after a drop", "seqring_bpf_drop",
           drop("seqring_bpf_leave($ctl);"), TORTURE),
    Mutant("a BPF program does not release the ring after a discard", "seqring_bpf_discard",
           drop("seqring_bpf_leave($o->ctl);"), TORTURE),
    Mutant("a discard forgets the PAD in front of the record", "seqring_bpf_forget",
           drop("if ($o->pos == $o->ctl->head)"), TORTURE),
    Mutant("the BPF writer does not continue after the PAD of a discarded record",
           "seqring_bpf_load_writer", drop("$w->pos = $state->pos;"), TORTURE),
    Mutant("the BPF writer does not count a drop", "seqring_bpf_drop",
           drop("seqring_add(&$ctl->dropped[cause], 1);"), TORTURE),
    Mutant("the BPF writer does not count a drop on a busy ring", "seqring_bpf_reject_take",
           drop("seqring_add(&$ctl->dropped[cause], 1);"), TORTURE),
    Mutant("the BPF writer does not count a drop on a ring that has ended",
           "seqring_bpf_reject_take",
           drop("seqring_add(&$ctl->dropped[SEQRING_DROP_DEAD], 1);"), TORTURE),
    Mutant("the BPF writer counts a failed copy as too long", "seqring_bpf_publish_fetched",
           swap("seqring_bpf_drop($o->ctl, SEQRING_DROP_FAULT,",
                "seqring_bpf_drop($o->ctl, SEQRING_DROP_TOO_BIG,"), TORTURE),
    Mutant("the BPF writer publishes a payload that could not be copied",
           "seqring_bpf_publish_fetched", swap("if ($err) {", "if ($err > 0) {"), TORTURE),
    Mutant("the BPF writer copies a user payload with the kernel helper",
           "seqring_bpf_publish_fetched",
           swap("bpf_probe_read_user", "bpf_probe_read_kernel"), TORTURE),
    Mutant("a BPF record may be trimmed to more than it reserved", "seqring_bpf_trim",
           drop("if ($len > $o->len) return -EMSGSIZE;"), TORTURE),
    Mutant("the BPF writer forgets the segment that a record has entered", "seqring_bpf_close",
           drop("seqring_bpf_state($ctl)->seg_end = $w.seg_end;"), TORTURE),
    # Without the store, the next record enters that segment again as if it were the first: the
    # ring keeps one record less, which breaks no promise.
    Mutant("the segment that a PAD has entered never ends for the BPF writer",
           "seqring_bpf_make_room",
           swap("seqring_bpf_state($ctl)->seg_end = $w.seg_end;",
                "seqring_bpf_state($ctl)->seg_end = $w.seg_end + (1ULL << 40);"), TORTURE),
    Mutant("BPF programs continue to write after the end", "seqring_bpf_do_ctl",
           swap("seqring_cmpxchg_full(NEST, &$state->owner, 0, SEQRING_BPF_ENDED)",
                "($state->owner ? $state->owner : SEQRING_BPF_ENDED)"), TORTURE),
    Mutant("the end of a BPF ring does not store the state DEAD", "seqring_bpf_do_ctl",
           drop("seqring_store_release(END, &$ctl->state, "
                "SEQRING_STATE_DEAD | ($c->owner ? SEQRING_STATE_REPLACED : 0));"), TORTURE),
    Mutant("the BPF writer has no full fence before it reads the wake threshold",
           "barrier_bpf/seqring_fence_full",
           swap("seqring_bpf_fence()", "seqring_bpf_keep()"), WAKE),
    Mutant("the publish call of a BPF program wakes no reader", "seqring_bpf_do_publish",
           swap("seqring_bpf_finish($o);", "seqring_bpf_leave($o->ctl);"), WAKE),
    Mutant("the commit call of a BPF program wakes no reader", "seqring_bpf_do_commit",
           swap("seqring_bpf_finish($o);", "seqring_bpf_leave($o->ctl);"), WAKE),
    Mutant("the BPF writer does not ring the doorbell", "seqring_bpf_ring",
           swap("BPF_RB_FORCE_WAKEUP", "BPF_RB_NO_WAKEUP"), WAKE),
    Mutant("the BPF writer does not retry a doorbell that did not ring", "seqring_bpf_try_again",
           drop("seqring_write(&$wait->pos, 0);"), SLEEP),
    Mutant("a doorbell that did not ring is retried only while a sleeper is announced",
           "seqring_bpf_try_again",
           drop("if (!seqring_read(&$wait->announced)) "
                "seqring_write(&$wait->announced, bpf_ktime_get_ns());"), SLEEP),
    Mutant("the reader makes no room in the BPF doorbell", "bpf_arm",
           drop("libring_doorbell_advance($b->t.own ? &$b->slot.doorbell : &$b->shared);"), SLEEP),
    Mutant("the reader drains the last BPF doorbell record as well", "libring_doorbell_advance",
           swap("$consumed = $produced - DOORBELL_RECORD", "$consumed = $produced"), WAKE),
    Mutant("the reader of a BPF ring does not announce that it sleeps", "bpf_arm",
           swap("announce($b, &$r->merge)", "true"), WAKE),
    Mutant("the reader of a BPF ring takes a forbidden grace period for one", "bpf/announce",
           swap("return false;", "return true;"), SLEEP),
    Mutant("the end of a BPF ring wakes no reader", "libring_bpf_end_rings",
           drop("libring_bpf_wake_all($ctl, $doorbell);"), WAKE),
    Mutant("a full doorbell keeps the end of a BPF ring from its readers", "libring_bpf_wake_all",
           drop("empty_doorbell($doorbell);"), HANDOVER),
    Mutant("the reader of a BPF ring does not watch its owner", "watch_owner",
           drop("libring_poller_add(&$b->t.poller, $b->pidfd, EPOLLIN | EPOLLET, POLLER_OWNER)"),
           LIFE),
    Mutant("the reader of a BPF ring does not notice a new owner", "bpf_arm",
           drop("watch_owner($r, false);"), LIFE),
    Mutant("a loader takes over a BPF ring without asking whether its owner is alive",
           "resolve_existing", drop("if (!$err) $err = check_owner($b->name, &$b->pins, &$h);"), LIFE),
    Mutant("the lock of a BPF ring's owner is not asked for", "look_at_lock",
           swap("if ($dir < 0 ||", "if (1 ||"), OWNER),
    Mutant("a BPF ring's owner takes no lock", "libring_pins_lock_owner",
           swap("libring_owner_lock($fd)", "0"), OWNER),
    Mutant("a child keeps the lock of a BPF ring's owner", "drop_loader",
           drop("libring_pins_unlock_owner(&$b->owner_dir);"), OWNER),
    Mutant("a child that closes a BPF ring ends it", "libring_own_check",
           swap("if (!$own->inherited)", "if (1)"), OWNER),
    Mutant("a process that keeps a BPF ring keeps the owner's lock", "libring_bpf_disown",
           drop("libring_pins_unlock_owner(&$b->owner_dir);"), OWNER),
    Mutant("a reader that found its writer dead does not look again", "bpf_revive",
           drop("watch_owner($r, false);"), OWNER),
    Mutant("a ring that was kept after its owner's death stays dead", "watch_owner",
           drop("$r->merge.writer_gone = false;"), OWNER),
    Mutant("readers are not told that a BPF ring was replaced", "end_each",
           swap(".owner = $replaced", ".owner = 0"), OWNER),
    Mutant("who adopts a BPF ring does not become its owner", "ring_bpf_adopt",
           swap("libring_bpf_own($b)", "0"), OWNER),
    Mutant("a loader takes over a BPF ring of another shape", "has_same_shape",
           swap("!memcmp(&$x, &$y, sizeof($x))", "true"), LIFE),
    Mutant("two loaders may take over the same BPF ring", "libring_bpf_take_over",
           never("!$err && (libring_pins_look_at_owner(&$b->pins, &$h) != OWNER_GONE || "
                 "libring_bpf_has_ended($b->pins.ring, &$h))"), LIFE),
    Mutant("a takeover does not detach the programs of the previous owner", "switch_writers",
           drop("if ($silent) libring_pins_detach_others(&$b->pins, $b->geo.epoch);"), LIFE),
    Mutant("a takeover does not detach programs without an epoch", "switch_writers",
           drop("if (!$err && !$silent) "
                "$err = libring_pins_detach_others(&$b->pins, $b->geo.epoch);"), HANDOVER),
    Mutant("a BPF program publishes to a ring of another epoch", "seqring_bpf_is_foreign",
           swap("seqring_read(&$state->epoch) != $epoch", "0"), HANDOVER),
    Mutant("a BPF program that was replaced counts nothing", "seqring_bpf_reject_foreign",
           swap("$next && $age >= 0", "$next && !$age"), HANDOVER),
    Mutant("nobody counts the events between two loaders", "seqring_bpf_reject_foreign",
           swap("$next && $age >= 0", "$next && $age > 0"), HANDOVER),
    Mutant("a takeover does not wait for programs that have just found their epoch",
           "libring_bpf_close_epoch",
           swap("libring_bpf_wait_programs()", "0"), HANDOVER),
    Mutant("a takeover does not wait for the events that are under way", "switch_writers",
           swap("libring_bpf_wait_events()", "0"), BETWEEN),
    Mutant("a takeover does not wait until a program on system calls is freed", "wait_freed",
           swap("while (($err = look_at_canary($c)) == -EAGAIN)", "while (0)"), BETWEEN),
    Mutant("a takeover waits for ever for a task in an event", "wait_freed",
           swap("if (libring_now_ns() > $end)", "if (0)"), BETWEEN),
    Mutant("a takeover needs the right to look programs up", "libring_bpf_wait_events",
           swap("if ($err == -EPERM)", "if (0)"), BETWEEN),
    Mutant("a program that holds no event counts as freed", "release_with_event",
           swap("release_canary($c, $map)", "release_canary($c, -1)"), BETWEEN),
    Mutant("a failure to wait for BPF programs is ignored", "libring_bpf_wait_programs",
           swap("replace_inner_map()", "0"), HANDOVER),
    Mutant("a takeover that fails leaves the ring without writers", "switch_writers",
           drop("libring_bpf_set_epoch($ctl, $b->hdr.nr_rings, &$before);"), HANDOVER),
    Mutant("a takeover that fails leaves the ring without its owner", "libring_bpf_hand_over",
           drop("libring_bpf_set_owner($b->parts.ctl, $b->parts.doorbell, "
                "$h->owner, $h->owner_pidns);"), HANDOVER),
    Mutant("a takeover leaves a ring to a program that has forgotten it", "libring_bpf_free_rings",
           swap("if ($forgotten) return reset_rings($ctl, $nr_rings);", "if ($forgotten) return 0;"),
           FORGOTTEN),
    Mutant("the end of a BPF ring waits for a program that has forgotten it", "libring_bpf_end",
           swap("recover($ctl, $ring, $h)", "1"), FORGOTTEN),
    Mutant("a ring has no writers after a reservation was forgotten", "recover",
           drop("libring_bpf_set_epoch($ctl, $h->nr_rings, &$before);"), FORGOTTEN),
    Mutant("a forgotten ring continues in front of a PAD", "seqring_bpf_reset",
           drop("$state->seg_end = 0;"), FORGOTTEN),
    Mutant("a ring with an epoch can be reset", "seqring_bpf_reset",
           swap("seqring_read(&$state->epoch) != SEQRING_BPF_EPOCH_NONE", "0"), FORGOTTEN),
    Mutant("nobody counts the records of an abandoned ring", "seqring_bpf_taken_cause",
           swap("seqring_read(&$state->seen_by) == $task", "1"), FORGOTTEN),
    Mutant("a ring that another program has seen taken counts as abandoned at once",
           "seqring_bpf_taken_cause", swap("seqring_read(&$state->seen_by) == $task", "0"),
           FORGOTTEN),
    Mutant("a ring that has become free is marked as taken", "seqring_bpf_taken_cause",
           swap("seqring_cmpxchg_full(NEST, &$state->owner, SEQRING_BPF_TAKEN, SEQRING_BPF_SEEN)",
                "(seqring_write(&$state->owner, SEQRING_BPF_SEEN), 0)"), FORGOTTEN),
    Mutant("a hand-over counts as a busy ring", "seqring_bpf_taken_cause",
           swap("$epoch ? SEQRING_DROP_HANDOVER : SEQRING_DROP_BUSY", "SEQRING_DROP_BUSY"),
           FORGOTTEN),
    Mutant("a BPF ring belongs to nobody's programs when it starts", "start/start",
           swap("libring_bpf_open_epoch($b)", "0"), HANDOVER),
    Mutant("a call to keep a BPF ring that fails takes away what was kept before",
           "libring_pins_add_writers",
           swap("libring_pins_remove_writers($b, $dir, $first)",
                "libring_pins_remove_writers($b, $dir, 0)"), KEEP),
    Mutant("a loader that cannot pin its links takes the ring over", "switch_writers",
           swap("libring_pins_add_writers($b, $b->pins.dir, $b->links, $b->nr_links)",
                "(libring_pins_add_writers($b, $b->pins.dir, $b->links, $b->nr_links), 0)"), KEEP),
    Mutant("a takeover detaches its own programs", "unpin_all",
           drop("|| (except && !strncmp($e->d_name, ours, strlen(ours)))"), KEEP),
    Mutant("a ring that is to be kept ends with its loader", "ring_bpf_start_fds",
           drop("if ($b->started && $b->keeps) $err = finish_keep($b);"), KEEP),
    Mutant("a new ring that cannot be kept appears", "libring_pins_create",
           drop("if (!$err) $err = libring_pins_add_writers($b, $tmp.dir, $b->links, "
                "$b->nr_links);"), KEEP),
    Mutant("what is no link can be kept", "check_link",
           swap("!strncmp($what, prefix, strlen(prefix)) && strstr($what, \"link\")", "1"), KEEP),
    Mutant("a map of another shape becomes a ring", "parts/check_map",
           never("$info.type != $w->type || $info.value_size != $w->value_size || "
                 "$info.max_entries != $w->entries || ($info.map_flags & $w->flags) != $w->flags"),
           BARE),
    Mutant("the control program of another ring is accepted", "check_ctl",
           never("!has_map($ids, $info.nr_map_ids, ring) || "
                 "!has_map($ids, $info.nr_map_ids, doorbell) || "
                 "!has_map($ids, $info.nr_map_ids, geometry)"), BARE),
    Mutant("programs of another geometry are accepted", "parts/check_geometry",
           swap("memcmp(&$geo, &$b->geo, sizeof($geo))", "0"), BARE),
    Mutant("a ring continues with other maps", "libring_bpf_check_parts",
           swap("!$err && $b->continued", "0"), BARE),
    Mutant("a ring continues with other maps for slots", "check_slots",
           swap("!$err && needed", "0"), BARE),
    Mutant("a map of another shape becomes the slots of a ring", "check_slots",
           swap("check_map(&maps[0], &ids[0])", "0"), BARE),
    Mutant("bytes that are no geometry are taken for one", "read_geometry",
           swap("if (!$geo.payload_limit)", "if (0)"), BARE),
    Mutant("a record of a length known at run time may be longer than the verifier knows",
           "seqring_bpf_do_reserve_dynptr",
           swap("$len > SEQRING_BPF_PAYLOAD_MAX", "$len > 2 * SEQRING_BPF_PAYLOAD_MAX"), GATHER),
    Mutant("a record that is too long for a dynptr keeps the ring", "seqring_bpf_do_reserve_dynptr",
           swap("seqring_bpf_drop($o->ctl, SEQRING_DROP_TOO_BIG, -EMSGSIZE)", "-EMSGSIZE"), GATHER),
    Mutant("the second piece of a record overwrites the first", "seqring_bpf_write_pieces",
           drop("$at += $pieces[$i].len;"), GATHER),
    Mutant("a batch of a BPF program wakes no reader", "seqring_bpf_end_batch",
           swap("seqring_bpf_finish($o)", "seqring_bpf_leave($o->ctl)"), GATHER),
    Mutant("a loader removes pins that belong to another ring", "libring_pins_match",
           swap("$ours.id == $theirs.id", "true"), LIFE),
    Mutant("a loader does not wait for the lock on the pinned name", "libring_pins_lock",
           swap("if (!flock(*$fd, LOCK_EX | LOCK_NB))", "if (1)"), LIFE),
    Mutant("the loader does not freeze the map", "fill_map",
           swap("bpf_map_freeze($b->parts.ring)", "0"), ACCESS),
    Mutant("every user may open the pinned map", "make_pin",
           swap("chmod($path, $mode)", "chmod($path, 0666)"), ACCESS),
    Mutant("every user may end the BPF ring", "libring_pins_create",
           swap("$b->parts.ctl, 0600", "$b->parts.ctl, 0666"), ACCESS),
    Mutant("a BPF file system is mounted over a directory that was there",
           "libring_pins_make_base",
           swap("check_own_dir($base) : say_not_mounted($base)",
                "check_own_dir($base) : mount_bpffs($base, permissions)"), REJECT),
    Mutant("rings are pinned in a directory of another user", "open_own_dir",
           swap("if (!fstat(*fd, &$st) && (!$st.st_uid || $st.st_uid == geteuid()))",
                "if (1)"), REJECT),
    Mutant("a process that keeps the lock blocks all others", "libring_pins_lock",
           drop("| LOCK_NB"), REJECT),
    Mutant("programs can be executed from the BPF file system", "mount_bpffs",
           drop("| MS_NOEXEC"), REJECT),
    Mutant("the umask decides who may search the directory of a ring", "make_locked",
           never("chmod($tmp->dir, libring_pins_dir_mode($mode))"), REJECT),
    Mutant("the rest of a ring that was removed in part stays", "destroy_pinned",
           drop("if (libring_pins_are_partial($p)) return destroy_partial(name, $p);"), REJECT),
    Mutant("pins that a living process collects count as left", "libring_pins_look_at_maker",
           swap("$state = libring_owner_look(anyone, 0, $dir);", "$state = OWNER_GONE;"),
           LEFTOVERS),
    Mutant("half-made pins of the same PID stop a loader", "make_locked",
           never("$err == EEXIST && libring_pins_look_at_maker($tmp) == OWNER_GONE"), LEFTOVERS),
    Mutant("without the lock on all names, a maker counts as gone", "judge_pins",
           drop("&& $l->locked"), LEFTOVERS),
    Mutant("a whole ring counts as half removed", "look_at_entry",
           drop("&& libring_pins_are_partial(&$l->p)"), LEFTOVERS),
    Mutant("a follower takes the ring that has ended for the next one", "accept_next",
           never("$f->same && !goes_on($f)"), FOLLOW),
    Mutant("a follower does not notice that a file system is mounted", "libring_watch_begin",
           swap("libring_poller_add($p, $w->mounts, EPOLLPRI | EPOLLET, POLLER_MOUNT);",
                "(void)$p;"), FOLLOW),
    Mutant("nobody counts that another process goes on with a BPF ring", "watch_owner",
           drop("$r->past.restarts += $b->watching && $owner;"), FOLLOW),
])

# program, objects, arguments, seconds
RUNS = {
    TORTURE: ("torture", ("torture", "torture_preempt"),
              [["--ms", "700"], ["--ms", "500", "--one-ring"]], 30),
    WAKE: ("wake", ("wake",),
           [["--events", "1000", "--readers", "1,3", "--rounds", "100000", "single", "race"]],
           25),
    SLEEP: ("sleep", ("wake", "wake_idle"), [["--kills", "10"]], 25),
    SLOTS: ("slots", ("wake", "wake_idle"), [["--patience-ms", "3000"]], 60),
    LIFE: ("life", ("wake",), [[]], 40),
    FOLLOW: ("follow", ("wake",), [[]], 60),
    LEFTOVERS: ("leftovers", ("wake",), [[]], 60),
    OWNER: ("owner", ("wake",), [[]], 60),
    ACCESS: ("access", ("wake",), [[]], 30),
    REJECT: ("reject", ("wake", "plain", "large"), [[]], 60),
    MISSED: ("missed", ("missed", "wake"), [[]], 60),
    CPUS: ("cpus", ("wake",), [[]], 60),
    REFUSE: ("refuse", ("wake", "refuse"), [[]], 60),
    HANDOVER: ("handover", ("handover",), [["full"], ["denied", "failed", "superseded"], []], 120),
    BETWEEN: ("between", ("between", "handover"), [["held", "few_rights"]], 60),
    FORGOTTEN: ("forgotten", ("handover",), [[]], 60),
    KEEP: ("keep", ("handover",), [[]], 60),
    GATHER: ("gather", ("gather",), [[]], 60),
    BARE: ("bare", ("bare", "handover"), [[]], 60),
    PREEMPT: ("preempt", ("preempt", "preempt_any"), [["500"]], 60),
}


def missing():
    """Why BPF rings do not work on this machine, or None."""
    run_ = subprocess.run([os.path.join(TOP, "build/native/tests/bpf/reject")], cwd=TOP,
                          stdout=subprocess.PIPE, check=False, universal_newlines=True)
    return run_.stdout.strip() if run_.returncode == 77 else None


def plant(path=None, text=None):
    """Copies the sources, with one file changed."""
    shutil.rmtree(DIR, ignore_errors=True)
    for part in ("include", "libring"):
        shutil.copytree(os.path.join(TOP, part), os.path.join(DIR, part))
    if path:
        mutant.write(DIR, path, text)


def caught(kind, path=""):
    """Builds the test and runs it: whether it fails."""
    prog, objects, args, limit = RUNS[kind]
    where = os.path.join(DIR, "bpf")
    exe = os.path.join(where, prog)
    include = "-I" + os.path.join(DIR, "include")
    arch = {"x86_64": "x86", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    os.makedirs(where, exist_ok=True)
    for obj in objects:
        subprocess.run(["clang", "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-w",
                        "-D__TARGET_ARCH_" + arch, "-idirafter",
                        f"/usr/include/{platform.machine()}-linux-gnu", include, "-c", "-o",
                        os.path.join(where, obj + ".bpf.o"), f"tests/bpf/{obj}.bpf.c"],
                       check=True, cwd=TOP)
    own = [os.path.join(DIR, path)] if path.endswith(".c") else []
    subprocess.run(["gcc", "-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-w", include, "-pthread",
                    "-o", exe, f"tests/bpf/{prog}.c", *own, "build/native/libring-bpf.a",
                    "build/native/libring.a", "-lbpf", "-lseccomp", *mutant.ZSTD], check=True, cwd=TOP)
    return any(fails([exe, *arg], limit) for arg in args)


def run(wanted):
    """Yields (mutant, caught by, what)."""
    why = missing()
    if why:
        print(f"skip mutants of BPF rings - {why}")
        return
    chosen = list(filter(wanted, SET.mutants))
    plant()
    for kind in sorted({m.tests for m in chosen}):
        if caught(kind):
            yield None, kind, ""
            return
    for m in chosen:
        path, text = SET.mutate(m)
        plant(path, text)
        by = m.tests if caught(m.tests, path) else None
        yield m, by, by or f"survived {m.tests}"

# SPDX-License-Identifier: GPL-2.0-only
"""
Mutants of libring. The changed file is built and linked in front of the library. A mutant's
tests are unit tests, or with `@` programs of tests/stress; one of them must fail. The
mutants of BPF rings are in bpf.py.
"""
import os
import re
import shutil
import subprocess

import anchor
import mutant
from mutant import TOP, Mutant, drop, never, swap
from outcome import fails

DIR = os.path.join(TOP, "build", "mutants", "libring")
TREE = os.path.join(DIR, "tree")
OBJECTS = "build/native"
LIMIT_S = 120

SET = mutant.Set(("include/libring*", "libring"), [
    Mutant("a header of a version to come is read", "check_version",
           never("$h->compat_version > SEQRING_VERSION"), "test_hostile test_open"),
    Mutant("a header without a version is read", "check_version",
           drop("!$h->compat_version ||"), "test_hostile test_open"),
    Mutant("a header that needs an unknown feature is read", "check_version",
           swap("if ($h->features_required & ~SEQRING_FEATURES_REQUIRED_KNOWN) return",
                "if (0) return"), "test_hostile test_open"),
    Mutant("a header without its magic is read", "check_version",
           never("$h->magic != SEQRING_MAGIC"), "test_hostile test_open"),
    Mutant("a header with any data_size is read", "check_record_format",
           never("!SEQRING_DATA_SIZE_OK($size)"), "test_open test_hostile"),
    Mutant("a header with any payload_max is read", "check_record_format",
           never("!$h->payload_max || $h->payload_max > SEQRING_PAYLOAD_MAX($size)"),
           "test_open test_hostile"),
    Mutant("a header with any number of segments is read", "check_record_format",
           never("$h->nr_segments != SEQRING_SEGMENTS"), "test_open test_hostile"),
    Mutant("a header with any size of record header is read", "check_record_format",
           never("$h->record_header_size != sizeof(struct seqring_record)"),
           "test_open test_hostile"),
    Mutant("a header with any alignment is read", "check_record_format",
           never("$h->record_align != SEQRING_RECORD_ALIGN"), "test_open test_hostile"),
    Mutant("a header with too many rings is read", "check_rings",
           drop("|| $h->nr_rings > SEQRING_RINGS_MAX"), "test_open test_hostile"),
    Mutant("rings off the page are mapped", "check_rings",
           never("$h->ring_offset % $page || $h->ring_stride % $page || $h->data_offset % $page"),
           "test_open test_hostile"),
    Mutant("rings upon the header are mapped", "check_rings",
           never("$h->ring_offset < $page || $h->data_offset < $page"), "test_open test_hostile"),
    Mutant("rings that overlap are mapped", "check_rings",
           never("$h->ring_stride < $span"), "test_open test_hostile"),
    Mutant("rings beyond the end are mapped", "check_rings",
           drop("|| *$end > $h->total_size"), "test_open test_hostile"),
    Mutant("a schema size without a place is taken", "check_schema",
           swap("REJECT_IF($h->schema_size,", "REJECT_IF(0,"), "test_open test_hostile"),
    Mutant("a schema of any size is taken", "check_schema",
           never("!$h->schema_size || $h->schema_size > SEQRING_SCHEMA_SIZE_MAX"),
           "test_open test_hostile"),
    Mutant("a schema upon the header is taken", "check_schema",
           drop("$h->schema_offset < $h->header_size ||"), "test_open test_hostile"),
    Mutant("a schema beyond the end is taken", "check_schema",
           drop("$end > $h->total_size ||"), "test_open test_hostile"),
    Mutant("a schema upon the rings is taken", "check_schema",
           never("($end > $h->ring_offset && $h->schema_offset < $rings_end)"),
           "test_open test_hostile"),
    Mutant("pages of another size are mapped", "check_header",
           never("$h->page_size != $page"), "test_open test_hostile"),
    Mutant("a header of any size is read", "check_header",
           never("$h->header_size < sizeof(*$h) || $h->header_size > $page"),
           "test_open test_hostile"),
    Mutant("more than the file has is mapped", "check_header",
           drop("|| $h->total_size > $file_size"), "test_hostile test_open"),
    Mutant("a file of less than a page is mapped", "libring_map",
           swap("REJECT_IF($file_size < $page,", "REJECT_IF(0,"), "test_open test_hostile"),
    Mutant("any clock is asked for", "libring_check_shape",
           never("$clock_id > SEQRING_CLOCK_MAX"),
           "test_writer test_open test_device test_control"),
    Mutant("any size is asked for", "libring_check_shape",
           never("!SEQRING_DATA_SIZE_OK($data_size)"), "test_writer test_open"),
    Mutant("a schema without a size is asked for", "libring_check_shape",
           never("!$schema != !$schema_size || $schema_size > SEQRING_SCHEMA_SIZE_MAX"),
           "test_writer test_open test_control"),
    Mutant("unknown flags are taken", "open/get_opts",
           never("$opts->flags & ~RING_EAGER"), "test_open"),
    Mutant("one_ring may be any number", "open/get_opts",
           never("$opts->one_ring > 1"), "test_open"),
    Mutant("a ring without one_ring is taken", "open/get_opts",
           never("$opts->ring && !$opts->one_ring"), "test_open"),
    Mutant("a ring that there is not is read", "alloc_sources",
           never("$opts->one_ring && $opts->ring >= $r->hdr.nr_rings"), "test_open"),
    Mutant("a merge window without a clock", "alloc_sources",
           never("$opts->merge_window_ns && $r->hdr.clock_id != SEQRING_CLOCK_MONOTONIC"),
           "test_open test_merge"),
    Mutant("descriptors that are closed are taken", "ring_open_fds",
           never("fcntl($fds->ring, F_GETFD) < 0 || fcntl($fds->wait, F_GETFD) < 0 || "
                 "fcntl($fds->doorbell, F_GETFD) < 0"), "test_open test_fd"),
    Mutant("anything is opened to see what it is", "open_path",
           never("!S_ISCHR($st.st_mode) && !S_ISREG($st.st_mode)"), "test_open"),
    Mutant("a closed reader keeps its mapping", "ring_close",
           drop("munmap($r->map, $r->map_size)"), "test_open test_fd"),
    Mutant("a closed reader keeps its epoll instance", "ring_close",
           drop("close_fd($r->epfd);"), "test_open test_fd"),
    Mutant("a closed reader keeps its timer", "ring_close",
           drop("close_fd($r->timer);"), "test_open test_fd"),
    Mutant("a closed reader keeps the doorbell", "ring_close",
           drop("close_fd($r->doorbell);"), "test_open test_fd"),
    Mutant("a closed reader keeps its connection", "ring_close",
           drop("close_fd($r->sock);"), "test_open test_fd test_serve"),
    Mutant("a failed open keeps the descriptor", "open_any",
           drop("close($fd);"), "test_open test_fd"),
    Mutant("an option struct may be too short", "libring_get_opts",
           swap("if ($size < $known)", "if (0)"), "test_open test_writer test_control"),
    Mutant("an option struct may be of any length", "libring_get_opts",
           never("$size > OPTS_MAX"), "test_open test_writer"),
    Mutant("options that this library does not know are taken", "libring_get_opts",
           never("$from[i]"), "test_open test_writer"),
    Mutant("any name is looked for", "libring_check_name",
           drop("&& libring_name_ok($name)"), "test_open test_serve test_control"),
    Mutant("a name may start with a dot", "libring_name_ok",
           drop("$name[0] != '.' &&"), "test_open test_serve test_control"),
    Mutant("a name may be too long", "libring_name_ok",
           drop("$len < SEQRING_NAME_SIZE &&"), "test_open test_serve test_control"),
    Mutant("a path may be cut", "libring_socket_path",
           swap("if ($n < 0 || (size_t)$n >= $size)", "if (0)"), "test_serve test_open"),
    Mutant("a ring that may shrink is mapped", "check_seals",
           never("($seals & needed) != needed"), "test_open test_hostile"),
    Mutant("a ring that others may write is mapped", "wait_memfd/map_ring",
           never("!(fcntl($fd, F_GET_SEALS) & (F_SEAL_FUTURE_WRITE | F_SEAL_WRITE))"),
           "test_open test_hostile"),
    Mutant("a ring of huge pages is mapped", "check_seals",
           never("(unsigned long)$st.f_type == HUGETLBFS_MAGIC"), "test_open test_hostile"),
    Mutant("armed words that are too few are mapped", "wait_memfd/map_wait",
           drop("|| (uint64_t)$st.st_size < $size"), "test_open test_hostile"),
    Mutant("the process that serves is not watched", "libring_memfd_open",
           never("!$err && $sock >= 0"), "test_serve test_wait"),
    Mutant("the ring's memfd is not sealed", "create",
           swap("seal($w->fds.ring, F_SEAL_FUTURE_WRITE)", "0"), "test_writer test_open"),
    Mutant("the ring stays writable for others", "create",
           swap("seal($w->fds.ring, F_SEAL_FUTURE_WRITE)",
                "seal($w->fds.ring, 0)"), "test_writer test_open"),
    Mutant("the armed words may be cut off", "create",
           swap("return $err ? $err : seal($w->fds.wait, 0);",
                "return $err;"), "test_writer test_open"),
    Mutant("a writer without options", "create/get_opts",
           never("!user"), "test_writer"),
    Mutant("a writer with unknown flags", "create/get_opts",
           drop("$o->flags & ~RING_WRITER_FULL_FENCE ||"), "test_writer"),
    Mutant("a writer with reserved fields", "create/get_opts",
           drop("|| $o->reserved"), "test_writer"),
    Mutant("a writer of too many rings", "create/get_opts",
           never("$o->nr_rings > SEQRING_RINGS_MAX"), "test_writer"),
    Mutant("a writer with too long a name", "create/get_opts",
           never("$o->name && strlen($o->name) >= SEQRING_NAME_SIZE"), "test_writer"),
    Mutant("a closed writer does not say so", "ring_writer_close",
           drop("seqring_writer_end(&$w->rings[$i].w)"), "test_writer test_wait"),
    Mutant("a closed writer wakes nobody", "ring_writer_close",
           drop("libring_ring_doorbell($w);"), "test_wait test_wakeup test_writer"),
    Mutant("the doorbell may stop the writer", "libring_ring_doorbell",
           drop("if ($w->aio && ring_by_kernel($w)) return;"), "@crowd"),
    Mutant("the doorbell rings for what was done before only", "ring_by_kernel",
           drop("if (errno != EAGAIN)"), "@crowd"),
    Mutant("a doorbell that overflows is taken for the end", "libring_drain",
           swap("$events[$i].data.u32 != DOORBELL_EVENT", "1"), "@crowd"),
    Mutant("armed, and no second look", "arm_and_look",
           swap("ready($r, false, $at)", "-EAGAIN"), "test_wait test_wakeup"),
    Mutant("the watermark is never looked at", "ready",
           never("!$vouched && !watermark_met($r)"), "test_wakeup test_wait"),
    Mutant("half a ring is not enough", "libring_watermark_bytes",
           swap("return $r->wake_bytes && $r->wake_bytes < $half ? $r->wake_bytes : $half",
                "(void)$half; return $r->wake_bytes ? $r->wake_bytes : LIBRING_NEVER"),
           "test_wakeup test_wait"),
    Mutant("a dead writer's last records wait for more", "has_enough",
           drop("|| seqring_read(&$s->rd.ctl->state) & SEQRING_STATE_DEAD"),
           "test_wakeup test_wait"),
    Mutant("the descriptor is not armed anew", "libring_rearm",
           swap("} while ($err == -EAGAIN && $r->due_ns != $due); if ($err != -EAGAIN) "
                "$r->ops->kick($r);",
                "} while (0); (void)$due;"), "test_fd test_wakeup"),
    Mutant("what there is does not make the descriptor readable", "libring_rearm",
           drop("if ($err != -EAGAIN) $r->ops->kick($r);"), "test_fd test_wakeup"),
    Mutant("another watermark is not armed", "ring_set_wakeup",
           drop("libring_changed($r);"), "test_fd test_wakeup"),
    Mutant("without the means to sleep it sleeps", "ring_wait",
           drop("if (!$r->ops) return no_means();"), "test_wait test_open"),
    Mutant("the time of the watermark does not run", "ready",
           swap("if ($r->wake_timeout_ns)", "if (0)"), "test_wakeup test_wait"),
    Mutant("the descriptor's time does not run", "libring_arm_words",
           never("!$first && $r->wake_timeout_ns"), "test_wakeup test_fd"),
    Mutant("who polls is woken by each first record", "arm_timeout",
           swap("($r->fired || $r->calm) && $r->read == $r->armed_read",
                "true"), "test_wakeup test_fd"),
    Mutant("a stalled greeting is waited for without end", "libring_receive",
           drop("$now < until"), "test_serve"),
    Mutant("any greeting will do", "check_hello",
           never("(size_t)$len < sizeof(*$hello) || $hello->magic != SEQRING_MAGIC"), "test_serve"),
    Mutant("a greeting of another version", "check_hello",
           never("$hello->version != LIBRING_HELLO_VERSION"), "test_serve"),
    Mutant("a greeting that says no", "check_hello",
           swap("if ($hello->error)", "if (0)"), "test_serve"),
    Mutant("a greeting with fewer descriptors", "check_hello",
           never("$nr < NR_FDS || $cut"), "test_serve"),
    Mutant("a refused greeting's descriptors stay open", "libring_receive",
           drop("close_all($fds, $nr);"), "test_serve"),
    Mutant("a stale socket is not replaced", "remove_stale",
           never("!$err && unlink($path) && errno != ENOENT"), "test_serve"),
    Mutant("a socket that is served is replaced", "remove_stale",
           never("!connect($fd, (const struct sockaddr *)$addr, sizeof(*$addr)) || errno != "
                 "ECONNREFUSED"), "test_serve"),
    Mutant("what is no socket is replaced", "remove_stale",
           never("!S_ISSOCK($st.st_mode)"), "test_serve"),
    Mutant("a name that another has taken is removed", "libring_serve_close",
           drop("&& $st.st_dev == $s->dev && $st.st_ino == $s->ino"), "test_serve"),
    Mutant("readers without number", "accept_one",
           swap("$s->nr_conns < CONNS_MAX ? 0 : EUSERS", "0"), "test_serve"),
    Mutant("who cannot be taken is asked again and again", "accept_all",
           drop("if ((errno != EMFILE && errno != ENFILE) || $s->spare < 0)"), "test_serve"),
    Mutant("who left keeps a place", "drop",
           drop("$s->conns[$i] = $s->conns[--$s->nr_conns]; close($conn);"), "test_serve"),
    Mutant("a copy is not rechecked", "take",
           drop("if (seqring_unlikely(seqring_reader_recheck(&$s->rd, $v))) return torn($r, $s);"),
           "test_overrun"),
    Mutant("a record that was peeked at is always whole", "ring_recheck",
           swap("!seqring_reader_recheck(&$s->rd, &$r->peek_view)",
                "true"), "test_position test_read test_overrun"),
    Mutant("advancing needs no recheck", "ring_advance",
           drop("|| !$r->whole"), "test_read"),
    Mutant("advancing needs no peek", "ring_advance",
           swap("if (!$s || !$r->whole)", "if (!$s) return 0; if (!$r->whole)"), "test_read"),
    Mutant("a batch of none", "ring_read_batch",
           swap("if (!$max) return libring_fail", "if (0) return libring_fail"), "test_read"),
    Mutant("a batch to any address", "ring_read_batch",
           never("(uintptr_t)$buf & 7"), "test_read"),
    Mutant("a batch runs over its buffer", "ring_read_batch",
           drop("if ($n && $s->view.len > $room) break;"), "test_read"),
    Mutant("a corrupt ring is read on", "libring_source_peek",
           drop("$s->corrupt = $err == -EBADMSG;"), "test_hostile test_read"),
    Mutant("a callback's no is not heard", "ring_consume",
           swap("$err = fn(&$rec, $arg); if ($err) return $err;",
                "$err = 0; fn(&$rec, $arg);"), "test_read"),
    Mutant("the end of a ring that hung up is not said", "libring_select",
           drop("if ($err == -EAGAIN && $r->hup) return -ENODEV;"),
           "test_wait test_serve test_writer"),
    Mutant("any whence is sought", "check",
           never("$whence > RING_TIME"), "test_open"),
    Mutant("a time is sought without a clock", "check",
           never("$whence == RING_TIME && $r->hdr.clock_id == SEQRING_CLOCK_NONE"), "test_open"),
    Mutant("a seq is sought on many rings", "check",
           swap("if ($r->nr_src > 1) return libring_fail(EOPNOTSUPP",
                "if (0) return libring_fail(EOPNOTSUPP"), "test_position test_merge"),
    Mutant("a seq to come is sought", "check",
           never("$value && $value - 1 > newest"), "test_open"),
    Mutant("the newest of a ring that there is not", "ring_newest",
           swap("if ($ring >= $r->hdr.nr_rings)", "if (0)"), "test_position test_read"),
    Mutant("a seek leaves what was peeked at", "libring_seek",
           drop("$r->peeked = NULL;"), "test_position test_read"),
    Mutant("a seek leaves what was merged", "libring_seek",
           drop("libring_merge_reset($r)"), "test_merge test_position"),
    Mutant("the first record is not number 1", "seek_ring",
           drop("if (!$rd->pos && $rd->any && !$rd->seq) $rd->seq = 1;"),
           "test_position test_read test_overrun"),
    Mutant("the merge takes the other one", "before",
           swap("$a->key < $b->key", "$a->key > $b->key"), "test_merge"),
    Mutant("the merge does not look at idle rings", "libring_merge_select",
           swap("(!$r->pass || ($r->nr_heap && $r->heap[0]->seen > $r->pass))",
                "!$r->nr_heap && !$r->pass"), "test_merge"),
    Mutant("the merge looks at idle rings once", "libring_merge_select",
           swap("(!$r->pass || ($r->nr_heap && $r->heap[0]->seen > $r->pass))",
                "!$r->pass"), "test_overrun"),
    Mutant("the merge holds nothing back", "libring_merge_select",
           never("$r->window_ns && $r->nr_idle && !$r->hup"), "test_merge"),
    Mutant("what came out of order is not counted", "libring_merge_taken",
           drop("$r->misordered++"), "test_merge"),
    Mutant("a ring that hung up is waited for", "libring_merge_select",
           swap("$r->nr_idle && !$r->hup ? -EAGAIN",
                "$r->nr_idle ? -EAGAIN"), "test_merge test_serve"),
    Mutant("publishing to a ring that there is not", "find",
           swap("seqring_likely($ring < $w->nr_rings)", "1"), "test_writer"),
    Mutant("publishing in front of a reservation", "find_free",
           never("seqring_unlikely((*$out)->w.resv_next)"), "test_writer"),
    Mutant("too long a payload is not counted", "too_big",
           drop("seqring_write(&$o->w.ctl->dropped[SEQRING_DROP_TOO_BIG], ++$o->too_big);"),
           "test_writer"),
    Mutant("a payload's length is cut to 32 bits", "ring_writer_publish",
           drop("$len > UINT32_MAX ||"), "test_writer"),
    Mutant("a reservation's length is cut to 32 bits", "ring_writer_reserve",
           drop("$len > UINT32_MAX ||"), "test_writer"),
    Mutant("pieces without number", "ring_writer_publish_iov",
           never("$nr < 0 || $nr > IOV_MAX_PIECES"), "test_writer"),
    Mutant("a commit of nothing", "find_reserved",
           never("!(*$out)->w.resv_next"), "test_writer"),
    Mutant("a batch wakes nobody", "ring_writer_publish_batch",
           drop("if ($i) wake($w, $o);"), "test_writer test_wait test_wakeup"),
    Mutant("publishing wakes nobody", "ring_writer_publish",
           drop("wake($w, $o);"), "test_wait test_wakeup"),
    Mutant("gathered pieces wake nobody", "ring_writer_publish_iov",
           drop("wake($w, $o);"), "test_wait test_wakeup test_writer"),
    Mutant("a commit wakes nobody", "ring_writer_commit",
           drop("wake($w, $o);"), "test_wait test_wakeup test_writer"),
    Mutant("a writer listens twice", "ring_writer_listen",
           swap("if ($w->server)", "if (0)"), "test_serve"),
    Mutant("serving without listening", "ring_writer_serve",
           never("!$w->server"), "test_serve"),
    Mutant("what was lost before the next record is not told", "libring_account",
           drop("*$lost += $seq - $t.rd.seq + 1"), "test_read test_position test_overrun"),
    Mutant("the stats of a ring that there is not", "info/ring_stats_at",
           swap("if ($ring >= $r->hdr.nr_rings)", "if (0)"), "test_read test_open test_position"),
])

# See kmod.UNSEEN.
UNSEEN = [
    ("membarrier() after arming (wait_memfd.c)",
     "on x86 the writer's store and the reader's atomic minimum act as fences; the model and "
     "tests/proof/spin/wake.pml show the lost wake-up."),
    ("the check that nr_rings is not 0 (layout.c)",
     "the computed end of the last ring overflows, and that check rejects the header as well."),
]

CFLAGS = ["-std=gnu11", "-O2", "-D_GNU_SOURCE", "-w", f"-I{TREE}/include"]


def included(test):
    """The paths of the library's files that a unit test includes."""
    folder = os.path.join("tests", "unit")
    with open(os.path.join(TOP, folder, test + ".c"), encoding="utf-8") as f:
        names = re.findall(r'^#include "(.*\.c)"', f.read(), re.M)
    return [os.path.normpath(os.path.join(folder, name)) for name in names]


def build(test, path=None, objects=()):
    """Links @test with the @objects that replace @path in front of the library."""
    out = os.path.join(DIR, test.lstrip("@"))
    cmd = ["gcc", "-pthread", "-o", out, *CFLAGS]
    own = [] if test.startswith("@") else included(test)
    if test.startswith("@"):
        cmd += [f"tests/stress/{test[1:]}.c", *objects]
    elif own:
        # The test has its own copy of a file that it includes.
        cmd += [f"{TREE}/tests/unit/{test}.c", *(objects if path not in own else ())]
    else:
        cmd += [f"{OBJECTS}/tests/unit/{test}.o", *objects]
    subprocess.run([*cmd, f"{OBJECTS}/libring-bpf.a", f"{OBJECTS}/libring.a", "-lcmocka", "-lbpf",
                    "-lelf", "-lz"], check=True, cwd=TOP)
    return out


def plant():
    """A copy of the library, and of the tests because some include its files."""
    shutil.rmtree(TREE, ignore_errors=True)
    for folder in ("include", "libring", "tests"):
        shutil.copytree(os.path.join(TOP, folder), os.path.join(TREE, folder))


def compile_in_tree(path, text):
    """Returns (objects, the compiler's last words or None). A header changes every file."""
    plant()
    mutant.write(TREE, path, text)
    sources = [path] if path.endswith(".c") else \
        [p for p in anchor.Index.files(TREE, ("libring",)) if p.endswith(".c")]
    objects = []
    for source in sources:
        objects.append(os.path.join(DIR, source.replace("/", "-") + ".o"))
        done = subprocess.run(["gcc", *CFLAGS, "-c", "-o", objects[-1], os.path.join(TREE, source)],
                              cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        if done.returncode:
            return [], done.stdout.strip().splitlines()[-1]
    return objects, None


def run(wanted):
    """Yields (mutant, caught by, what)."""
    os.makedirs(DIR, exist_ok=True)
    plant()
    subprocess.run(["make", "-s", "-j2", "lib", "test-build"], check=True, cwd=TOP,
                   stdout=subprocess.DEVNULL)
    chosen = list(filter(wanted, SET.mutants))
    for test in sorted({test for m in chosen for test in m.tests.split()}):
        if fails([build(test)], LIMIT_S):
            yield None, test, ""
            return
    for m in chosen:
        path, text = SET.mutate(m)
        objects, why = compile_in_tree(path, text)
        if why:
            yield m, None, "it does not build: " + why
            continue
        by = next((test.lstrip("@") for test in m.tests.split()
                   if fails([build(test, path, objects)], LIMIT_S)), None)
        yield m, by, by or f"survived {m.tests}"

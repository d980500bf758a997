# SPDX-License-Identifier: GPL-2.0-only
"""
Mutants of libring: (name, file, text, replacement, unit tests, of which one must fail). The
file is built once more and linked in front of the library. Those of wait_bpf.c are in
bpf.py. `@`: a program of tests/stress.
"""
import os
import shutil
import subprocess

from outcome import fails

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIR = os.path.join(TOP, "build", "mutants", "libring")
OBJECTS = "build/native"
LIMIT_S = 120
# It includes read.c, seek.c and merge.c.
INCLUDES = "test_overrun"
INCLUDED = ("merge.c", "read.c", "seek.c")

LAYOUT = [
    ("a header of a version to come is read", "layout.c",
     "	if (h->compat_version > SEQRING_VERSION)\n", "	if (0)\n", "test_hostile test_open"),
    ("a header without a version is read", "layout.c", "!h->compat_version || ", "",
     "test_hostile test_open"),
    ("a header that needs an unknown feature is read", "layout.c",
     "h->features_required & ~SEQRING_FEATURES_REQUIRED_KNOWN)\n		return",
     "0)\n		return", "test_hostile test_open"),
    ("a header without its magic is read", "layout.c", "h->magic != SEQRING_MAGIC,", "0,",
     "test_hostile test_open"),
    ("a header with any data_size is read", "layout.c", "REJECT_IF(!SEQRING_DATA_SIZE_OK(size),",
     "REJECT_IF(0,", "test_open test_hostile"),
    ("a header with any payload_max is read", "layout.c",
     "!h->payload_max || h->payload_max > SEQRING_PAYLOAD_MAX(size),", "0,", "test_open test_hostile"),
    ("a header with any number of segments is read", "layout.c",
     "h->nr_segments != SEQRING_SEGMENTS,", "0,", "test_open test_hostile"),
    ("a header with any size of record header is read", "layout.c",
     "h->record_header_size != sizeof(struct seqring_record),", "0,", "test_open test_hostile"),
    ("a header with any alignment is read", "layout.c",
     "h->record_align != SEQRING_RECORD_ALIGN,", "0,", "test_open test_hostile"),
    ("a header with too many rings is read", "layout.c",
     "!h->nr_rings || h->nr_rings > SEQRING_RINGS_MAX", "!h->nr_rings", "test_open test_hostile"),
    ("rings off the page are mapped", "layout.c",
     "h->ring_offset % page || h->ring_stride % page || h->data_offset % page,", "0,",
     "test_open test_hostile"),
    ("rings upon the header are mapped", "layout.c", "h->ring_offset < page || h->data_offset < page,",
     "0,", "test_open test_hostile"),
    ("rings that overlap are mapped", "layout.c", "			  h->ring_stride < span,", "			  0,",
     "test_open test_hostile"),
    ("rings beyond the end are mapped", "layout.c", " || *end > h->total_size,", ",",
     "test_open test_hostile"),
    ("a schema size without a place is taken", "layout.c",
     "		REJECT_IF(h->schema_size, ", "		REJECT_IF(0, ", "test_open test_hostile"),
    ("a schema of any size is taken", "layout.c",
     "!h->schema_size || h->schema_size > SEQRING_SCHEMA_SIZE_MAX,\n		  \"ring header", "0,\n		  \"ring header",
     "test_open test_hostile"),
    ("a schema upon the header is taken", "layout.c", "h->schema_offset < h->header_size ||\n", "\n",
     "test_open test_hostile"),
    ("a schema beyond the end is taken", "layout.c", "			  end > h->total_size ||\n", "",
     "test_open test_hostile"),
    ("a schema upon the rings is taken", "layout.c",
     "(end > h->ring_offset && h->schema_offset < rings_end),", "0,", "test_open test_hostile"),
    ("pages of another size are mapped", "layout.c", "h->page_size != page,", "0,", "test_open test_hostile"),
    ("a header of any size is read", "layout.c",
     "h->header_size < sizeof(*h) || h->header_size > page,", "0,", "test_open test_hostile"),
    ("more than the file has is mapped", "layout.c", " || h->total_size > file_size,", ",",
     "test_hostile test_open"),
    ("a file of less than a page is mapped", "layout.c", "REJECT_IF(file_size < page,",
     "REJECT_IF(0,", "test_open test_hostile"),
    ("any clock is asked for", "layout.c", "	if (clock_id > SEQRING_CLOCK_MAX)\n", "	if (0)\n",
     "test_writer test_open test_device test_control"),
    ("any size is asked for", "layout.c", "	if (!SEQRING_DATA_SIZE_OK(data_size))\n", "	if (0)\n",
     "test_writer test_open"),
    ("a schema without a size is asked for", "layout.c",
     "!schema != !schema_size || schema_size > SEQRING_SCHEMA_SIZE_MAX)", "0)",
     "test_writer test_open test_control"),
]

OPEN = [
    ("unknown flags are taken", "open.c", "opts->flags & ~RING_EAGER)", "0)", "test_open"),
    ("one_ring may be any number", "open.c", "opts->one_ring > 1)", "0)", "test_open"),
    ("a ring without one_ring is taken", "open.c", "opts->ring && !opts->one_ring)", "0)", "test_open"),
    ("a ring that there is not is read", "open.c", "opts->one_ring && opts->ring >= r->hdr.nr_rings)",
     "0)", "test_open"),
    ("a merge window without a clock", "open.c",
     "opts->merge_window_ns && r->hdr.clock_id != SEQRING_CLOCK_MONOTONIC)", "0)",
     "test_open test_merge"),
    ("descriptors that are closed are taken", "open.c",
     "	if (fcntl(fds->ring, F_GETFD) < 0 || fcntl(fds->wait, F_GETFD) < 0 ||\n"
     "	    fcntl(fds->doorbell, F_GETFD) < 0)\n", "	if (0)\n", "test_open test_fd"),
    ("anything is opened to see what it is", "open.c",
     "	if (!S_ISCHR(st.st_mode) && !S_ISREG(st.st_mode))\n", "	if (0)\n", "test_open"),
    ("a closed reader keeps its mapping", "open.c", "		munmap(r->map, r->map_size);\n", "		;\n",
     "test_open test_fd"),
    ("a closed reader keeps its epoll instance", "open.c", "	close_fd(r->epfd);\n", "",
     "test_open test_fd"),
    ("a closed reader keeps its timer", "open.c", "	close_fd(r->timer);\n", "", "test_open test_fd"),
    ("a closed reader keeps the doorbell", "open.c", "	close_fd(r->doorbell);\n", "", "test_open test_fd"),
    ("a closed reader keeps its connection", "open.c", "	close_fd(r->sock);\n", "",
     "test_open test_fd test_serve"),
    ("a failed open keeps the descriptor", "open.c", "	close(fd);\n	return err;\n}\n\nstatic int open_pins",
     "	return err;\n}\n\nstatic int open_pins", "test_open test_fd"),
    ("an option struct may be too short", "error.c", "	if (size < known)\n", "	if (0)\n",
     "test_open test_writer test_control"),
    ("an option struct may be of any length", "error.c", "	if (size > OPTS_MAX)\n", "	if (0)\n",
     "test_open test_writer"),
    ("options that this library does not know are taken", "error.c", "		if (from[i])\n",
     "		if (0)\n", "test_open test_writer"),
    ("any name is looked for", "name.c", "	if (name && libring_name_ok(name))\n", "	if (name)\n",
     "test_open test_serve test_control"),
    ("a name may start with a dot", "name.c", " && name[0] != '.' &&", " &&",
     "test_open test_serve test_control"),
    ("a name may be too long", "name.c", "len < SEQRING_NAME_SIZE && ", "",
     "test_open test_serve test_control"),
    ("a path may be cut", "name.c",
     "	if (n < 0 || (size_t)n >= size)\n		return libring_fail(ENAMETOOLONG,\n				    \"%s%s%s",
     "	if (0)\n		return libring_fail(ENAMETOOLONG,\n				    \"%s%s%s", "test_serve test_open"),
]

MEMFD = [
    ("a ring that may shrink is mapped", "wait_memfd.c", "	if ((seals & needed) != needed)\n",
     "	if (0)\n", "test_open test_hostile"),
    ("a ring that others may write is mapped", "wait_memfd.c",
     "	if (!(fcntl(fd, F_GET_SEALS) & (F_SEAL_FUTURE_WRITE | F_SEAL_WRITE)))\n", "	if (0)\n",
     "test_open test_hostile"),
    ("a ring of huge pages is mapped", "wait_memfd.c",
     "	if ((unsigned long)st.f_type == HUGETLBFS_MAGIC)\n", "	if (0)\n", "test_open test_hostile"),
    ("armed words that are too few are mapped", "wait_memfd.c",
     " || (uint64_t)st.st_size < size)", ")", "test_open test_hostile"),
    ("the process that serves is not watched", "wait_memfd.c", "	if (!err && sock >= 0)\n",
     "	if (0)\n", "test_serve test_wait"),
    ("the ring's memfd is not sealed", "create.c",
     "	err = seal(w->fds.ring, F_SEAL_FUTURE_WRITE);\n", "	err = 0;\n", "test_writer test_open"),
    ("the ring stays writable for others", "create.c", "seal(w->fds.ring, F_SEAL_FUTURE_WRITE)",
     "seal(w->fds.ring, 0)", "test_writer test_open"),
    ("the armed words may be cut off", "create.c", "	return err ? err : seal(w->fds.wait, 0);",
     "	return err;", "test_writer test_open"),
    ("a writer without options", "create.c",
     "	if (!user)\n		return libring_fail(EINVAL, \"a ring cannot",
     "	if (0)\n		return libring_fail(EINVAL, \"a ring cannot", "test_writer"),
    ("a writer with unknown flags", "create.c", "o->flags & ~RING_WRITER_FULL_FENCE || o->reserved)",
     "o->reserved)", "test_writer"),
    ("a writer with reserved fields", "create.c", "o->flags & ~RING_WRITER_FULL_FENCE || o->reserved)",
     "o->flags & ~RING_WRITER_FULL_FENCE)", "test_writer"),
    ("a writer of too many rings", "create.c", "	if (o->nr_rings > SEQRING_RINGS_MAX)\n", "	if (0)\n",
     "test_writer"),
    ("a writer with too long a name", "create.c",
     "	if (o->name && strlen(o->name) >= SEQRING_NAME_SIZE)\n", "	if (0)\n", "test_writer"),
    ("a closed writer does not say so", "create.c", "		seqring_writer_end(&w->rings[i].w);\n", "		;\n",
     "test_writer test_wait"),
    ("a closed writer wakes nobody", "create.c", "	libring_ring_doorbell(w);\n	destroy(w);", "	destroy(w);",
     "test_wait test_wakeup test_writer"),
    ("the doorbell may stop the writer", "doorbell.c", "	if (w->aio && ring_by_kernel(w))\n		return;\n", "",
     "@crowd"),
    ("the doorbell rings for what was done before only", "doorbell.c", "		if (errno != EAGAIN)\n			return false;\n",
     "		return false;\n", "@crowd"),
    ("a doorbell that overflows is taken for the end", "wait.c",
     "events[i].data.u32 != DOORBELL_EVENT &&\n", "1 &&\n", "@crowd"),
]

WAIT = [
    ("armed, and no second look", "wait.c", "		err = ready(r, false, at);\n", "		err = -EAGAIN;\n",
     "test_wait test_wakeup"),
    ("the watermark is never looked at", "wait.c", "	if (!vouched && !watermark_met(r)) {\n", "	if (0) {\n",
     "test_wakeup test_wait"),
    ("half a ring is not enough", "wait.c",
     "	return r->wake_bytes && r->wake_bytes < half ? r->wake_bytes : half;",
     "	(void)half;\n	return r->wake_bytes ? r->wake_bytes : LIBRING_NEVER;", "test_wakeup test_wait"),
    ("a dead writer's last records wait for more", "wait.c",
     " ||\n	       seqring_read(&s->rd.ctl->state) & SEQRING_STATE_DEAD;", ";", "test_wakeup test_wait"),
    ("the descriptor is not armed anew", "wait.c", "	} while (err == -EAGAIN && r->due_ns != due);\n	if (err != -EAGAIN)\n		r->ops->kick(r);",
     "	} while (0);\n	(void)due;", "test_fd test_wakeup"),
    ("what there is does not make the descriptor readable", "wait.c",
     "	if (err != -EAGAIN)\n		r->ops->kick(r);\n", "", "test_fd test_wakeup"),
    ("another watermark is not armed", "wait.c", "	r->wake_timeout_ns = timeout_ns;\n	libring_changed(r);\n",
     "	r->wake_timeout_ns = timeout_ns;\n", "test_fd test_wakeup"),
    ("without the means to sleep it sleeps", "wait.c", "	if (!r->ops)\n		return no_means();\n	if (timeout_ms",
     "	if (timeout_ms", "test_wait test_open"),
    ("the time of the watermark does not run", "wait.c", "		if (r->wake_timeout_ns)\n", "		if (0)\n",
     "test_wakeup test_wait"),
    ("the descriptor's time does not run", "words.c", "	if (!first && r->wake_timeout_ns)\n", "	if (0)\n",
     "test_wakeup test_fd"),
    ("who polls is woken by each first record", "words.c", "	r->calm = (r->fired || r->calm) && r->read == r->armed_read;",
     "	r->calm = true;", "test_wakeup test_fd"),
    ("a stalled greeting is waited for without end", "connect.c", "	for (; now < until; now",
     "	for (; ; now", "test_serve"),
    ("any greeting will do", "connect.c", "(size_t)len < sizeof(*hello) || hello->magic != SEQRING_MAGIC)",
     "0)", "test_serve"),
    ("a greeting of another version", "connect.c", "	if (hello->version != LIBRING_HELLO_VERSION)\n",
     "	if (0)\n", "test_serve"),
    ("a greeting that says no", "connect.c", "	if (hello->error)\n", "	if (0)\n", "test_serve"),
    ("a greeting with fewer descriptors", "connect.c", "	if (nr < NR_FDS || cut)\n", "	if (0)\n",
     "test_serve"),
    ("a refused greeting's descriptors stay open", "connect.c", "		close_all(fds, nr);\n", "",
     "test_serve"),
    ("a stale socket is not replaced", "serve.c", "!err && unlink(path) && errno != ENOENT)",
     "0)", "test_serve"),
    ("a socket that is served is replaced", "serve.c",
     "	if (!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) || errno != ECONNREFUSED)\n",
     "	if (0)\n", "test_serve"),
    ("what is no socket is replaced", "serve.c", "	if (!S_ISSOCK(st.st_mode))\n", "	if (0)\n",
     "test_serve"),
    ("a name that another has taken is removed", "serve.c",
     " && st.st_dev == s->dev && st.st_ino == s->ino)", ")", "test_serve"),
    ("readers without number", "serve.c", "s->nr_conns < CONNS_MAX ? 0 : EUSERS", "0", "test_serve"),
    ("who cannot be taken is asked again and again", "serve.c",
     "		if ((errno != EMFILE && errno != ENFILE) || s->spare < 0)\n			return;\n",
     "		return;\n", "test_serve"),
    ("who left keeps a place", "serve.c", "			s->conns[i] = s->conns[--s->nr_conns];\n			close(conn);\n",
     "", "test_serve"),
]

READ = [
    ("a copy is not rechecked", "read.c",
     "	if (seqring_unlikely(seqring_reader_recheck(&s->rd, v)))\n		return torn(r, s);\n", "",
     "test_overrun"),
    ("a record that was peeked at is always whole", "read.c",
     "	r->whole = !seqring_reader_recheck(&s->rd, &r->peek_view);", "	r->whole = true;",
     "test_position test_read test_overrun"),
    ("advancing needs no recheck", "read.c", "	if (!s || !r->whole)\n", "	if (!s)\n", "test_read"),
    ("advancing needs no peek", "read.c", "	if (!s || !r->whole)\n",
     "	if (!s)\n		return 0;\n	if (!r->whole)\n", "test_read"),
    ("a batch of none", "read.c", "	if (!max)\n		return libring_fail(EINVAL, \"max",
     "	if (0)\n		return libring_fail(EINVAL, \"max", "test_read"),
    ("a batch to any address", "read.c", "	if ((uintptr_t)buf & 7)\n", "	if (0)\n", "test_read"),
    ("a batch runs over its buffer", "read.c", "		if (n && s->view.len > room)\n			break;\n", "",
     "test_read"),
    ("a corrupt ring is read on", "read.c", "		s->corrupt = err == -EBADMSG;\n", "", "test_hostile test_read"),
    ("a callback's no is not heard", "read.c", "		err = fn(&rec, arg);\n		if (err)\n			return err;\n",
     "		err = 0;\n		fn(&rec, arg);\n", "test_read"),
    ("the end of a ring that hung up is not said", "read.c", "	if (err == -EAGAIN && r->hup)\n		return -ENODEV;\n",
     "", "test_wait test_serve test_writer"),
    ("any whence is sought", "seek.c", "	if (whence > RING_TIME)\n", "	if (0)\n", "test_open"),
    ("a time is sought without a clock", "seek.c",
     "	if (whence == RING_TIME && r->hdr.clock_id == SEQRING_CLOCK_NONE)\n", "	if (0)\n", "test_open"),
    ("a seq is sought on many rings", "seek.c", "	if (r->nr_src > 1)\n		return libring_fail(EOPNOTSUPP",
     "	if (0)\n		return libring_fail(EOPNOTSUPP", "test_position test_merge"),
    ("a seq to come is sought", "seek.c", "	if (value && value - 1 > newest)\n", "	if (0)\n", "test_open"),
    ("the newest of a ring that there is not", "seek.c", "	if (ring >= r->hdr.nr_rings)\n", "	if (0)\n",
     "test_position test_read"),
    ("a seek leaves what was peeked at", "seek.c", "	r->peeked = NULL;\n	if (r->nr_src", "	if (r->nr_src",
     "test_position test_read"),
    ("a seek leaves what was merged", "seek.c", "		libring_merge_reset(r);\n", "		;\n",
     "test_merge test_position"),
    ("the first record is not number 1", "seek.c",
     "	if (!rd->pos && rd->any && !rd->seq)\n		rd->seq = 1;\n", "", "test_position test_read test_overrun"),
    ("the merge takes the other one", "merge.c", "a->key < b->key : a->ring", "a->key > b->key : a->ring",
     "test_merge"),
    ("the merge does not look at idle rings", "merge.c",
     "	while (r->nr_idle && (!r->pass || (r->nr_heap && r->heap[0]->seen > r->pass))) {\n",
     "	while (r->nr_idle && !r->nr_heap && !r->pass) {\n", "test_merge"),
    ("the merge looks at idle rings once", "merge.c",
     "(!r->pass || (r->nr_heap && r->heap[0]->seen > r->pass))", "!r->pass", "test_overrun"),
    ("the merge holds nothing back", "merge.c",
     "	if (r->window_ns && r->nr_idle && !r->hup &&\n", "	if (0 &&\n", "test_merge"),
    ("what came out of order is not counted", "merge.c", "		r->misordered++;\n", "		;\n", "test_merge"),
    ("a ring that hung up is waited for", "merge.c", "		return r->nr_idle && !r->hup ? -EAGAIN : -ENODEV;",
     "		return r->nr_idle ? -EAGAIN : -ENODEV;", "test_merge test_serve"),
]

WRITE = [
    ("publishing to a ring that there is not", "writer.c", "	if (seqring_likely(ring < w->nr_rings))\n",
     "	if (1)\n", "test_writer"),
    ("publishing in front of a reservation", "writer.c", "	if (seqring_unlikely((*out)->w.resv_next))\n",
     "	if (0)\n", "test_writer"),
    ("too long a payload is not counted", "writer.c",
     "	seqring_write(&o->w.ctl->dropped[SEQRING_DROP_TOO_BIG], ++o->too_big);\n", "", "test_writer"),
    ("a payload's length is cut to 32 bits", "writer.c",
     "	if (len > UINT32_MAX || seqring_writer_publish(", "	if (seqring_writer_publish(", "test_writer"),
    ("a reservation's length is cut to 32 bits", "writer.c",
     "	if (len > UINT32_MAX || seqring_writer_reserve(", "	if (seqring_writer_reserve(", "test_writer"),
    ("pieces without number", "writer.c", "	if (nr < 0 || nr > IOV_MAX_PIECES)\n", "	if (0)\n",
     "test_writer"),
    ("a commit of nothing", "writer.c", "	if (!(*out)->w.resv_next)\n", "	if (0)\n", "test_writer"),
    ("a batch wakes nobody", "writer.c", "	if (i)\n		wake(w, o);\n", "", "test_writer test_wait test_wakeup"),
    ("publishing wakes nobody", "writer.c", "(uint32_t)len))\n		return too_big(o);\n	wake(w, o);\n",
     "(uint32_t)len))\n		return too_big(o);\n", "test_wait test_wakeup"),
    ("gathered pieces wake nobody", "writer.c", "(unsigned int)nr))\n		return too_big(o);\n	wake(w, o);\n",
     "(unsigned int)nr))\n		return too_big(o);\n", "test_wait test_wakeup test_writer"),
    ("a commit wakes nobody", "writer.c", "	seqring_writer_commit(&o->w, type, time_ns(w));\n	wake(w, o);\n",
     "	seqring_writer_commit(&o->w, type, time_ns(w));\n", "test_wait test_wakeup test_writer"),
    ("a writer listens twice", "writer.c", "	if (w->server)\n		return libring_fail(EALREADY",
     "	if (0)\n		return libring_fail(EALREADY", "test_serve"),
    ("serving without listening", "writer.c", "	if (!w->server)\n", "	if (0)\n", "test_serve"),
    ("what was lost before the next record is not told", "info.c",
     "		*lost += seq - t.rd.seq + 1;\n", "		;\n", "test_read test_position test_overrun"),
    ("the stats of a ring that there is not", "info.c", "	if (ring >= r->hdr.nr_rings)\n", "	if (0)\n",
     "test_read test_open test_position"),
]

# As kmod.UNSEEN.
UNSEEN = [
    ("wait_memfd.c: membarrier() after arming",
     "on x86 the writer's store and the reader's atomic minimum hide its absence; the model and "
     "tests/proof/spin/wake.pml show the lost wake-up."),
    ("layout.c: nr_rings is not 0", "the end of the last ring, computed from it, overflows as well."),
]

MUTANTS = LAYOUT + OPEN + MEMFD + WAIT + READ + WRITE


def cflags():
    return ["-std=gnu11", "-O2", "-D_GNU_SOURCE", "-w", "-Iinclude"]


def build(obj, test, file=""):
    """@test with @obj, made of @file, or with None, in front of the library."""
    out = os.path.join(DIR, test.lstrip("@"))
    front = [obj] if obj else []
    cmd = ["gcc", "-pthread", "-o", out]
    if test.startswith("@"):
        cmd += [*cflags(), f"tests/stress/{test[1:]}.c", *front]
    elif test == INCLUDES:
        cmd += [*cflags(), f"-I{DIR}/tree/libring", f"-I{TOP}/tests/unit",
                f"{DIR}/tree/tests/unit/{test}.c"]
        # What it includes it has already.
        if file not in INCLUDED:
            cmd += front
    else:
        cmd += [f"{OBJECTS}/tests/unit/{test}.o", *front]
    subprocess.run([*cmd, f"{OBJECTS}/libring-bpf.a", f"{OBJECTS}/libring.a", "-lcmocka", "-lbpf",
                    "-lelf", "-lz"], check=True, cwd=TOP)
    return out


def plant():
    """Copies of what the test that includes some of libring's files needs, beside these."""
    tree = os.path.join(DIR, "tree")
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(os.path.join(TOP, "libring"), os.path.join(tree, "libring"))
    shutil.copytree(os.path.join(TOP, "tests", "unit"), os.path.join(tree, "tests", "unit"))


def compile_one(file, text):
    plant()
    source, obj = os.path.join(DIR, "tree", "libring", file), os.path.join(DIR, "mutant.o")
    with open(source, "w") as f:
        f.write(text)
    done = subprocess.run(["gcc", *cflags(), "-c", "-o", obj, source], cwd=TOP, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return obj, done.stdout.strip().splitlines()[-1] if done.returncode else None


def run(wanted):
    """Yields (mutant, caught by, why not)."""
    os.makedirs(DIR, exist_ok=True)
    plant()
    subprocess.run(["make", "-s", "-j2", "lib", "test-build"], check=True, cwd=TOP,
                   stdout=subprocess.DEVNULL)
    for test in sorted({t for m in MUTANTS for t in m[4].split()}):
        if fails([build(None, test)], LIMIT_S):
            yield None, test, ""
            return
    for mutant in MUTANTS:
        _, file, old, new, tests = mutant
        if not wanted(mutant):
            continue
        with open(os.path.join(TOP, "libring", file)) as f:
            text = f.read()
        if text.count(old) != 1:
            yield mutant, None, f"its text occurs {text.count(old)} times in libring/{file}"
            continue
        obj, why = compile_one(file, text.replace(old, new))
        if why:
            yield mutant, None, "it does not build: " + why
            continue
        by = next((t for t in tests.split() if fails([build(obj, t, file)], LIMIT_S)), None)
        yield mutant, by and by.lstrip("@"), "survived " + tests

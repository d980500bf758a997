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
    Mutant("libring accepts a header of a newer incompatible version", "check_version",
           never("$h->compat_version > SEQRING_VERSION"), "test_hostile test_open"),
    Mutant("libring accepts a header whose version is 0", "check_version",
           drop("!$h->compat_version ||"), "test_hostile test_open"),
    Mutant("libring accepts a header that requires an unknown feature", "check_version",
           swap("if ($h->features_required & ~SEQRING_FEATURES_REQUIRED_KNOWN) return",
                "if (0) return"), "test_hostile test_open"),
    Mutant("libring accepts a header without the magic number", "check_version",
           never("$h->magic != SEQRING_MAGIC"), "test_hostile test_open"),
    Mutant("libring accepts a header with any data_size", "check_record_format",
           never("!SEQRING_DATA_SIZE_OK($size)"), "test_open test_hostile"),
    Mutant("libring accepts a header with any payload_max", "check_record_format",
           never("!$h->payload_max || $h->payload_max > SEQRING_PAYLOAD_MAX($size)"),
           "test_open test_hostile"),
    Mutant("libring's reader accepts a record longer than the header allows",
           "libring_init_reader", drop("seqring_reader_limit($rd, $m->hdr.payload_max);"),
           "test_hostile"),
    Mutant("libring opens a memfd that says it is a device", "libring_check_kind",
           drop("$kind == SEQRING_WRITER_MODULE ||"), "test_open"),
    Mutant("libring accepts a header with any number of segments", "check_record_format",
           never("$h->nr_segments != SEQRING_SEGMENTS"), "test_open test_hostile"),
    Mutant("libring accepts a header with any record header size", "check_record_format",
           never("$h->record_header_size != sizeof(struct seqring_record)"),
           "test_open test_hostile"),
    Mutant("libring accepts a header with any record alignment", "check_record_format",
           never("$h->record_align != SEQRING_RECORD_ALIGN"), "test_open test_hostile"),
    Mutant("libring accepts a header with more than SEQRING_RINGS_MAX rings", "check_rings",
           drop("|| $h->nr_rings > SEQRING_RINGS_MAX"), "test_open test_hostile"),
    Mutant("libring accepts ring offsets that are not page-aligned", "check_rings",
           never("$h->ring_offset % $page || $h->ring_stride % $page || $h->data_offset % $page"),
           "test_open test_hostile"),
    Mutant("libring accepts rings that overlap the header page", "check_rings",
           never("$h->ring_offset < $page || $h->data_offset < $page"), "test_open test_hostile"),
    Mutant("libring accepts rings that overlap each other", "check_rings",
           never("$h->ring_stride < $span"), "test_open test_hostile"),
    Mutant("libring accepts rings that end beyond the map", "check_rings",
           drop("|| *$end > $h->total_size"), "test_open test_hostile"),
    Mutant("libring accepts a schema size without a schema offset", "check_schema",
           swap("REJECT_IF($h->schema_size,", "REJECT_IF(0,"), "test_open test_hostile"),
    Mutant("libring accepts a schema of any size", "check_schema",
           never("!$h->schema_size || $h->schema_size > SEQRING_SCHEMA_SIZE_MAX"),
           "test_open test_hostile"),
    Mutant("libring accepts a schema that overlaps the header", "check_schema",
           drop("$h->schema_offset < $h->header_size ||"), "test_open test_hostile"),
    Mutant("libring accepts a schema that ends beyond the map", "check_schema",
           drop("$end > $h->total_size ||"), "test_open test_hostile"),
    Mutant("libring accepts a schema that overlaps the rings", "check_schema",
           never("($end > $h->ring_offset && $h->schema_offset < $rings_end)"),
           "test_open test_hostile"),
    Mutant("libring accepts a header with another page size", "check_header",
           never("$h->page_size != $page"), "test_open test_hostile"),
    Mutant("libring accepts a header with any header_size", "check_header",
           never("$h->header_size < sizeof(*$h) || $h->header_size > $page"),
           "test_open test_hostile"),
    Mutant("libring maps more bytes than the file has", "check_header",
           drop("|| $h->total_size > $file_size"), "test_hostile test_open"),
    Mutant("libring maps a file smaller than a page", "libring_map_ring",
           swap("REJECT_IF($file_size < $page,", "REJECT_IF(0,"), "test_open test_hostile"),
    Mutant("creation accepts any clock id", "libring_check_shape",
           never("$clock_id > SEQRING_CLOCK_MAX"),
           "test_writer test_open test_device test_control"),
    Mutant("creation accepts any data_size", "libring_check_shape",
           never("!SEQRING_DATA_SIZE_OK($data_size)"), "test_writer test_open"),
    Mutant("creation accepts a schema without a size", "libring_check_shape",
           never("!$schema != !$schema_size || $schema_size > SEQRING_SCHEMA_SIZE_MAX"),
           "test_writer test_open test_control"),
    Mutant("open accepts unknown flags", "open/get_opts",
           never("$opts->flags & ~RING_EAGER"), "test_open"),
    Mutant("open accepts any value of one_ring", "open/get_opts",
           never("$opts->one_ring > 1"), "test_open"),
    Mutant("open accepts a ring number without one_ring", "open/get_opts",
           never("$opts->ring && !$opts->one_ring"), "test_open"),
    Mutant("open accepts a ring number beyond nr_rings", "add_sources",
           never("$opts->one_ring && $opts->ring >= $h->nr_rings"), "test_open"),
    Mutant("open accepts a merge window without the monotonic clock", "add_sources",
           never("$opts->merge_window_ns && $h->clock_id != SEQRING_CLOCK_MONOTONIC"),
           "test_open test_merge"),
    Mutant("ring_open_fds accepts closed descriptors", "ring_open_fds",
           never("fcntl($fds->ring, F_GETFD) < 0 || fcntl($fds->wait, F_GETFD) < 0 || "
                 "fcntl($fds->doorbell, F_GETFD) < 0"), "test_open test_fd"),
    Mutant("open probes a path that is neither a character device nor a regular file", "open_path",
           swap("if ($err == LIBRING_NOT_MINE) return",
                "if ($err == LIBRING_NOT_MINE) $err = libring_open_file(path, &origin.fds.ring); "
                "if (0) return"), "test_open"),
    Mutant("close does not unmap the ring", "libring_unmap_ring",
           drop("munmap($m->map, $m->size)"), "test_open test_fd"),
    Mutant("close leaks the epoll instance", "libring_poller_close",
           drop("libring_close_fd($p->epfd);"), "test_open test_fd"),
    Mutant("close leaks the timer descriptor", "libring_poller_close",
           drop("libring_close_fd($p->timer);"), "test_open test_fd"),
    Mutant("close leaks the doorbell descriptor", "libring_thresholds_close",
           drop("libring_close_fd($t->doorbell);"), "test_open test_fd"),
    Mutant("close leaks the socket to the serving process", "memfd_close",
           drop("libring_close_fd($f->conn);"), "test_open test_fd test_serve"),
    Mutant("a failed open leaks the descriptor", "drop_origin",
           drop("libring_close_fds(&$origin->fds);"), "test_open test_fd"),
    Mutant("a failed open leaks the connection to the serving process", "drop_origin",
           drop("libring_close_fd($origin->conn);"), "test_serve"),
    Mutant("an option struct shorter than the first version is accepted",
           "libring_get_grown_opts", swap("if ($size < $first)", "if (0)"), "test_open test_writer test_control"),
    Mutant("an option struct of any length is accepted", "libring_get_grown_opts",
           never("$size > OPTS_MAX"), "test_open test_writer"),
    Mutant("non-zero options that this library does not know are accepted",
           "libring_get_grown_opts", never("$from[i]"), "test_open test_writer"),
    Mutant("a lookup accepts an invalid name", "libring_check_name",
           drop("&& libring_is_name($name)"), "test_open test_serve test_control"),
    Mutant("a name that starts with a dot is accepted", "libring_is_name",
           drop("$name[0] != '.' &&"), "test_open test_serve test_control"),
    Mutant("a name longer than SEQRING_NAME_SIZE is accepted", "libring_is_name",
           drop("$len < SEQRING_NAME_SIZE &&"), "test_open test_serve test_control"),
    Mutant("a socket path that was cut short is used", "libring_socket_path",
           swap("if ($n < 0 || (size_t)$n >= $size)", "if (0)"), "test_serve test_open"),
    Mutant("libring maps a memfd that is not sealed against shrinking", "check_seals",
           never("($seals & needed) != needed"), "test_open test_hostile"),
    Mutant("libring maps a memfd that other processes can write", "memfd/map_ring",
           never("!(fcntl($fd, F_GET_SEALS) & (F_SEAL_FUTURE_WRITE | F_SEAL_WRITE))"),
           "test_open test_hostile"),
    Mutant("libring maps a memfd of huge pages", "check_seals",
           never("(unsigned long)$st.f_type == HUGETLBFS_MAGIC"), "test_open test_hostile"),
    Mutant("libring maps a wait memfd with too few wake thresholds", "memfd/map_thresholds",
           drop("|| (uint64_t)$st.st_size < $size"), "test_open test_hostile"),
    Mutant("the reader does not watch the serving process", "memfd_open",
           swap("libring_poller_add(&$f->t.poller, $f->conn, EPOLLRDHUP | EPOLLET, POLLER_PEER)",
                "0"), "test_serve test_wait"),
    Mutant("the writer does not seal the ring's memfd", "create",
           swap("seal($w->fds.ring, F_SEAL_FUTURE_WRITE)", "0"), "test_writer test_open"),
    Mutant("the writer does not seal the ring's memfd against future writes", "create",
           swap("seal($w->fds.ring, F_SEAL_FUTURE_WRITE)",
                "seal($w->fds.ring, 0)"), "test_writer test_open"),
    Mutant("the writer does not seal the memfd of the wake thresholds", "create",
           swap("return $err ? $err : seal($w->fds.wait, 0);",
                "return $err;"), "test_writer test_open"),
    Mutant("a user-space writer without options is created", "create/get_opts",
           never("!user"), "test_writer"),
    Mutant("a user-space writer with unknown flags is created", "create/get_opts",
           drop("$o->flags & ~RING_WRITER_FULL_FENCE ||"), "test_writer"),
    Mutant("a user-space writer with non-zero reserved fields is created", "create/get_opts",
           drop("|| $o->reserved"), "test_writer"),
    Mutant("a user-space writer with more than SEQRING_RINGS_MAX rings is created",
           "create/get_opts", never("$o->nr_rings > SEQRING_RINGS_MAX"), "test_writer"),
    Mutant("a user-space writer with too long a name is created", "create/get_opts",
           never("$o->name && strlen($o->name) >= SEQRING_NAME_SIZE"), "test_writer"),
    Mutant("closing a user-space writer does not mark its rings as ended", "ring_writer_close",
           drop("seqring_writer_end(&$w->rings[$i].w)"), "test_writer test_wait"),
    Mutant("closing a user-space writer does not ring the doorbell", "ring_writer_close",
           drop("libring_doorbell_ring($w);"), "test_wait test_wakeup test_writer"),
    Mutant("ringing the doorbell may block the writer", "libring_doorbell_ring",
           drop("if ($w->aio && ring_by_kernel($w)) return;"), "@crowd"),
    Mutant("the doorbell never collects its completed kernel requests", "ring_by_kernel",
           drop("if (errno != EAGAIN)"), "@crowd"),
    Mutant("the reader takes a doorbell overflow for the end of the writer",
           "libring_poller_drain",
           swap("$found |= $events[$i].data.u32",
                "$found |= $events[$i].events & EPOLLERR ? POLLER_PEER : $events[$i].data.u32"),
           "@crowd"),
    Mutant("the reader does not look again after it arms", "libring_arm_and_check",
           swap("libring_check_ready($r, false, $at)", "-EAGAIN"), "test_wait test_wakeup"),
    Mutant("ring_wait never checks the watermark", "libring_check_ready",
           never("!$vouched && !watermark_met($r)"), "test_wakeup test_wait"),
    Mutant("a watermark above half the ring is not lowered to half", "libring_watermark_bytes",
           swap("return $r->wakeup.bytes && $r->wakeup.bytes < $half ? $r->wakeup.bytes : $half",
                "(void)$half; return $r->wakeup.bytes ? $r->wakeup.bytes : LIBRING_NEVER"),
           "test_wakeup test_wait"),
    Mutant("the last records of a dead writer wait for the watermark", "has_enough",
           drop("|| seqring_read(&$s->rd.ctl->state) & SEQRING_STATE_DEAD"),
           "test_wakeup test_wait"),
    Mutant("re-arming does not repeat the look when the deadline has changed", "libring_rearm",
           swap("} while ($err == -EAGAIN && $r->merge.due_ns != $due); if ($err != -EAGAIN) "
                "$r->backend->kick($r);",
                "} while (0); (void)$due;"), "test_fd test_wakeup"),
    Mutant("re-arming does not make the descriptor readable when records are waiting",
           "libring_rearm", drop("if ($err != -EAGAIN) $r->backend->kick($r);"),
           "test_fd test_wakeup"),
    Mutant("ring_consume leaves the descriptor of an emptied ring unarmed", "ring_consume",
           drop("else if (seqring_unlikely($r->wakeup.fd_given) && $n) libring_settle($r);"),
           "test_fd"),
    Mutant("ring_read_batch leaves the descriptor of an emptied ring unarmed", "ring_read_batch",
           drop("if (seqring_unlikely($r->wakeup.fd_given) && $n) libring_settle($r);"),
           "test_fd"),
    Mutant("ring_read leaves the descriptor of an emptied ring unarmed", "ring_read",
           drop("if (seqring_unlikely($r->wakeup.fd_given) && !$err) libring_settle_empty($r);"),
           "test_fd"),
    Mutant("ring_advance leaves the descriptor of an emptied ring unarmed", "ring_advance",
           drop("if (seqring_unlikely($r->wakeup.fd_given)) libring_settle_empty($r);"),
           "test_fd"),
    Mutant("records that a call leaves unread give no new edge", "libring_settle",
           drop("tell($r);"), "test_fd test_wakeup"),
    Mutant("nobody who waits for a device notices what a call left unread", "tell",
           drop("if ($r->backend->look) $r->backend->look($r);"), "test_device"),
    Mutant("nobody who waits for a device notices what a call left below the watermark",
           "libring_settle", drop("else if ($r->backend->look) $r->backend->look($r);"),
           "test_device"),
    Mutant("an armed descriptor is never armed again", "libring_rearm",
           drop("$r->wakeup.armed = false;"), "test_wakeup"),
    Mutant("a descriptor counts as armed after a wake-up", "libring_rearm",
           swap("if (!$r->backend->drain($r) && armed)", "if ($r->backend->drain($r), armed)"),
           "test_wakeup test_fd"),
    Mutant("a descriptor counts as armed after a seek", "libring_update_wakeup",
           drop("$r->wakeup.armed = false;"), "test_fd test_wakeup"),
    Mutant("a whole timeout runs anew for what a call left unread", "arm_timeout",
           drop("if ($r->wakeup.ready_ns != LIBRING_NEVER) { $t->idle_timeout = false; return "
                "$r->wakeup.ready_ns; }"), "test_fd"),
    Mutant("ring_set_wakeup does not apply the new watermark to the descriptor", "ring_set_wakeup",
           drop("libring_update_wakeup($r);"), "test_fd test_wakeup"),
    Mutant("nobody who waits for a device notices a change", "libring_update_wakeup",
           drop("if ($r->backend->look) $r->backend->look($r);"), "test_device"),
    Mutant("the instance of a merge window asks the device once, before the cursors are stored",
           "chardev_arm", drop("libring_poller_look(&$c->poller, $c->fd, EPOLLIN, POLLER_PEER);"),
           "test_device"),
    Mutant("ring_wait sleeps on a reader that has no means to sleep", "ring_wait",
           drop("$err = libring_check_can_sleep($r); if ($err) return $err;"),
           "test_wait test_open"),
    Mutant("the watermark's timeout does not run in ring_wait", "libring_check_ready",
           swap("if ($r->wakeup.timeout_ns)", "if (0)"), "test_wakeup test_wait"),
    Mutant("the watermark's timeout does not run for the descriptor", "libring_thresholds_arm",
           never("!$first && $r->wakeup.timeout_ns"), "test_wakeup test_fd"),
    Mutant("each poll arms for the first record as if its reader were idle", "arm_timeout",
           swap("($t->timer_fired || $t->idle_timeout) && $r->read == $t->armed_read",
                "true"), "test_wakeup test_fd"),
    Mutant("the wait for a stalled greeting has no time limit", "libring_receive_fds",
           swap("while ($now < $until_ns);", "while (1);"), "test_serve"),
    Mutant("the caller's limit for an opening counts for nothing", "no_origin",
           swap("$ms * LIBRING_MSEC_NS", "5000 * LIBRING_MSEC_NS"),
           "test_serve"),
    Mutant("a connection waits without a limit for room in the backlog", "libring_connect",
           drop("&& libring_now_ns() < $until_ns"), "test_serve"),
    Mutant("a child keeps the sockets of its parent's ring", "drop_writer",
           drop("if ($w->server) libring_serve_drop($w->server);"), "test_fork"),
    Mutant("a child publishes on its parent's ring", "drop_writer",
           drop("$w->nr_rings = 0;"), "test_fork"),
    Mutant("a child that closes a writer removes its parent's socket", "libring_serve_drop",
           drop("$s->bound = false;"), "test_fork"),
    Mutant("a child does not know that it inherited a writer", "in_child",
           drop("$own->inherited = true;"), "test_fork"),
    Mutant("a process that cannot see the owner's start takes it for gone", "look_at_pid",
           drop("if (!$start || !start_of($owner)) return OWNER_UNKNOWN;"), "test_owner"),
    Mutant("a PID of another namespace is looked up", "same_pidns",
           swap("$pidns && $pidns == own_pidns()", "true"), "test_owner"),
    Mutant("a /proc of another namespace is read", "start_time",
           drop("if (!is_proc_own()) return 0;"), "test_owner"),
    Mutant("a reused PID counts as the same owner", "look_at_pid",
           swap("$start == start_of($owner) ? OWNER_LIVES : OWNER_GONE", "OWNER_LIVES"),
           "test_owner"),
    Mutant("a lock that cannot be asked for counts as dropped", "look_at_lock",
           swap("if ($dir < 0 || fcntl($dir, F_OFD_GETLK, &$l)) return OWNER_UNKNOWN;",
                "if ($dir < 0 || fcntl($dir, F_OFD_GETLK, &$l)) return OWNER_GONE;"),
           "test_owner"),
    Mutant("the death of a writer looks like its end", "libring_get_end",
           swap("RING_ENDED : RING_KILLED", "RING_ENDED : RING_ENDED"), "test_fork"),
    Mutant("the reader accepts a greeting without the magic number", "check_hello",
           never("(size_t)$len < sizeof(*$hello) || $hello->magic != SEQRING_MAGIC"), "test_serve"),
    Mutant("the reader accepts a greeting of another version", "check_hello",
           never("$hello->version != LIBRING_HELLO_VERSION"), "test_serve"),
    Mutant("the reader ignores the error in a greeting", "check_hello",
           swap("if ($hello->error)", "if (0)"), "test_serve"),
    Mutant("the reader accepts a greeting with too few descriptors", "check_hello",
           never("$nr < NR_FDS || $cut"), "test_serve"),
    Mutant("a reader takes any two descriptors of a greeting for memfds", "check_kinds",
           never("!libring_is_memfd($fds[0]) || !libring_is_memfd($fds[1])"), "test_kind"),
    Mutant("a reader takes any descriptor for a doorbell", "memfd_open",
           drop('if (!$err) $err = libring_check_eventfd($fds->doorbell, "doorbell");'),
           "test_kind"),
    Mutant("a reader without /proc takes any anonymous file for a doorbell", "is_eventfd",
           swap("if ($len < 0) return ask_aio($fd);", "if ($len < 0) return 1;"), "test_kind"),
    Mutant("a rejected descriptor is closed even if its file system does not answer", "close_all",
           swap("libring_close_foreign($fds[--$nr]);", "close($fds[--$nr]);"), "test_kind"),
    Mutant("a reader does not know who serves its ring", "memfd_open",
           drop("get_peer($origin->conn, &$r->peer);"), "test_kind"),
    Mutant("a result is filled beyond what the caller has room for", "libring_put_result",
           swap("if ($size > $known)", ""), "test_kind"),
    Mutant("a rejected greeting leaks its descriptors", "libring_receive_fds",
           drop("close_all($fds, $nr);"), "test_serve"),
    Mutant("the server does not replace a stale socket", "remove_stale",
           never("!$err && unlink($path) && errno != ENOENT"), "test_serve"),
    Mutant("the server replaces a socket that another process serves", "remove_stale",
           never("!connect($fd, (const struct sockaddr *)$addr, sizeof(*$addr)) || errno != "
                 "ECONNREFUSED"), "test_serve"),
    Mutant("the server replaces a file that is not a socket", "remove_stale",
           never("!S_ISSOCK($st.st_mode)"), "test_serve"),
    Mutant("the server removes a socket that another process has created since",
           "libring_serve_close",
           drop("&& $st.st_dev == $s->dev && $st.st_ino == $s->ino"), "test_serve"),
    Mutant("the server accepts any number of connections", "accept_one",
           drop("$s->nr_conns >= $s->max ||"), "test_serve"),
    Mutant("one user's readers may take every place", "accept_one",
           drop("|| (!is_trusted($c->uid) && count_conns($s, $c->uid, false) >= $s->share)"),
           "test_share"),
    Mutant("one user may leave any number of greetings in its sockets", "try_greet",
           never("!is_trusted($c->uid) && count_conns($s, $c->uid, true) >= UNTAKEN"),
           "test_share"),
    Mutant("a reader that had to wait is never greeted", "libring_serve_pending",
           drop("greet_waiting($s);"), "test_share"),
    Mutant("readers may take all descriptors of their writer", "make_room",
           never("!getrlimit(RLIMIT_NOFILE, &$files) && $s->max > $files.rlim_cur / 2"),
           "test_share"),
    Mutant("the umask decides who may open a served ring", "bind_and_listen",
           never("chmod($path, $s->opts.permissions ? $s->opts.permissions : 0600)"),
           "test_share"),
    Mutant("a served ring's socket keeps the group of its process", "bind_and_listen",
           never("$s->opts.set_group && lchown($path, (uid_t)-1, $s->opts.group)"),
           "test_share"),
    Mutant("a runtime directory of another user is searched for sockets", "own_runtime_dir",
           drop("|| $st.stx_uid != geteuid()"), "test_dirs"),
    Mutant("a runtime directory where others may write is searched for sockets",
           "own_runtime_dir", drop("|| $st.stx_mode & 022"), "test_dirs"),
    Mutant("a directory that may not be searched is like an empty one", "open_name",
           swap("$b->dir_is_private ? barred : closed", "barred"), "test_dirs"),
    Mutant("the server does not refuse a connection that it has no descriptor for", "accept_all",
           drop("if ((errno != EMFILE && errno != ENFILE) || $s->spare < 0)"), "test_serve"),
    Mutant("a closed connection keeps its place in the server's table", "drop",
           swap("*$c = $s->conns[--$s->nr_conns];", ""), "test_serve"),
    Mutant("ring_read returns a copy without a recheck", "copy_out",
           drop("if (seqring_unlikely(seqring_reader_recheck(&$s->rd, $v))) return "
                "skip_torn($r, $s);"),
           "test_overrun"),
    Mutant("ring_recheck always reports the peeked record intact", "ring_recheck",
           swap("!seqring_reader_recheck(&$s->rd, &$r->peek_view)",
                "true"), "test_position test_read test_overrun"),
    Mutant("ring_advance does not require a successful recheck", "ring_advance",
           drop("|| !$r->whole"), "test_read"),
    Mutant("ring_advance succeeds without a peeked record", "ring_advance",
           swap("if (!$s || !$r->whole)", "if (!$s) return 0; if (!$r->whole)"), "test_read"),
    Mutant("ring_read_batch accepts a maximum of 0 records", "ring_read_batch",
           swap("if (!$max) return libring_set_error", "if (0) return libring_set_error"),
           "test_read"),
    Mutant("ring_read_batch accepts an unaligned buffer", "ring_read_batch",
           never("(uintptr_t)$buf & 7"), "test_read"),
    Mutant("ring_read_batch writes past the end of its buffer", "ring_read_batch",
           drop("if ($n && $s->view.len > $room) break;"), "test_read"),
    Mutant("the reader continues on a corrupt ring", "libring_source_peek",
           drop("$s->corrupt = $err == -EBADMSG;"), "test_hostile test_read"),
    Mutant("ring_consume ignores the callback's return value", "consume_each",
           swap("if (fn(&$rec, $arg)) { *$nr = $n; return RING_STOPPED; }",
                "fn(&$rec, $arg);"), "test_read"),
    Mutant("a callback of ring_consume may call ring_consume", "ring_consume",
           never("seqring_unlikely($r->consuming)"), "test_nested"),
    Mutant("ring_close in a callback frees the reader at once", "ring_close",
           swap("if (!$r->consuming)", "if (1)"), "test_nested"),
    Mutant("ring_consume goes on with a reader that its callback closed", "consume_each",
           drop("if (seqring_unlikely($r->closed)) break;"), "test_nested"),
    Mutant("a reader that was closed in a callback is never freed", "ring_consume",
           drop("if (seqring_unlikely($r->closed)) libring_free_reader($r);"), "test_nested"),
    Mutant("the reader does not report the end after the writer has gone", "libring_merge_next",
           drop("if ($err == -EAGAIN && $m->writer_gone) return -ENODEV;"),
           "test_wait test_serve test_writer"),
    Mutant("seek accepts any whence", "check_target",
           never("$whence > RING_TIME"), "test_open"),
    Mutant("seek by time is accepted on a ring without a clock", "check_target",
           never("$whence == RING_TIME && $r->mapping.hdr.clock_id == SEQRING_CLOCK_NONE"),
           "test_open"),
    Mutant("seek by sequence number is accepted on several rings", "check_target",
           swap("if ($r->merge.nr_src > 1) return libring_set_error(EOPNOTSUPP",
                "if (0) return libring_set_error(EOPNOTSUPP"), "test_position test_merge"),
    Mutant("seek accepts a sequence number in the future", "check_target",
           never("$value && $value - 1 > newest"), "test_open"),
    Mutant("ring_newest accepts a ring number beyond nr_rings", "ring_newest",
           swap("if ($ring >= $r->mapping.hdr.nr_rings)", "if (0)"), "test_position test_read"),
    Mutant("seek keeps the peeked record", "libring_merge_reset",
           drop("$m->peeked = NULL;"), "test_position test_read"),
    Mutant("seek keeps the merge heap", "libring_merge_reset",
           drop("$m->nr_heap = 0;"), "test_merge test_position"),
    Mutant("a reader at the start of the ring does not expect sequence number 1", "seek_ring",
           drop("if (!$rd->pos && $rd->any && !$rd->seq) $rd->seq = 1;"),
           "test_position test_read test_overrun"),
    Mutant("the merge orders records by descending time", "before",
           swap("$a->key < $b->key", "$a->key > $b->key"), "test_merge"),
    Mutant("the merge never looks at idle rings while it has records", "next_of_several",
           swap("(!$m->pass || ($m->nr_heap && $m->heap[0]->seen > $m->pass))",
                "!$m->nr_heap && !$m->pass"), "test_merge"),
    Mutant("the merge looks at idle rings only in its first pass", "next_of_several",
           swap("(!$m->pass || ($m->nr_heap && $m->heap[0]->seen > $m->pass))",
                "!$m->pass"), "test_overrun"),
    Mutant("the merge does not hold records back for its window", "next_of_several",
           never("$m->window_ns && $m->nr_idle && !$m->writer_gone"), "test_merge"),
    Mutant("the merge does not count misordered records", "libring_merge_consumed",
           drop("$m->misordered++"), "test_merge"),
    Mutant("the merge waits for a ring after its writer has gone", "next_of_several",
           swap("$m->nr_idle && !$m->writer_gone ? -EAGAIN",
                "$m->nr_idle ? -EAGAIN"), "test_merge test_serve"),
    Mutant("ring_writer_publish accepts a ring number beyond nr_rings", "find_ring",
           never("seqring_unlikely($ring >= $w->nr_rings)"), "test_writer"),
    Mutant("ring_writer_publish accepts a ring that has an open reservation", "find_free",
           never("seqring_unlikely((*$out)->w.resv_next)"), "test_writer"),
    Mutant("libring's writer does not count a payload that is too long", "drop_too_big",
           drop("seqring_write(&$o->w.ctl->dropped[SEQRING_DROP_TOO_BIG], ++$o->too_big);"),
           "test_writer"),
    Mutant("ring_writer_publish cuts the length to 32 bits", "ring_writer_publish",
           drop("$len > UINT32_MAX ||"), "test_writer"),
    Mutant("ring_writer_reserve cuts the length to 32 bits", "ring_writer_reserve",
           drop("$len > UINT32_MAX ||"), "test_writer"),
    Mutant("ring_writer_publish_iov accepts any number of pieces", "ring_writer_publish_iov",
           never("$nr < 0 || $nr > IOV_MAX_PIECES"), "test_writer"),
    Mutant("ring_writer_commit accepts a ring without a reservation", "find_reserved",
           never("!(*$out)->w.resv_next"), "test_writer"),
    Mutant("ring_writer_publish_batch wakes no reader", "ring_writer_publish_batch",
           drop("if ($i) wake($w, $o);"), "test_writer test_wait test_wakeup"),
    Mutant("ring_writer_publish wakes no reader", "ring_writer_publish",
           drop("wake($w, $o);"), "test_wait test_wakeup"),
    Mutant("ring_writer_publish_iov wakes no reader", "ring_writer_publish_iov",
           drop("wake($w, $o);"), "test_wait test_wakeup test_writer"),
    Mutant("ring_writer_commit wakes no reader", "ring_writer_commit",
           drop("wake($w, $o);"), "test_wait test_wakeup test_writer"),
    Mutant("ring_writer_listen may be called twice", "ring_writer_listen_opts",
           swap("if ($w->server)", "if (0)"), "test_serve"),
    Mutant("ring_writer_serve may be called before ring_writer_listen", "ring_writer_serve",
           never("!$w->server"), "test_serve"),
    Mutant("the accounts leave out records lost before the next readable one",
           "libring_source_account",
           drop("*$lost += $seq - $t.rd.seq + 1"), "test_read test_position test_overrun"),
    Mutant("ring_stats_at accepts a ring number beyond nr_rings", "info/ring_stats_at",
           swap("if ($ring >= $r->mapping.hdr.nr_rings)", "if (0)"),
           "test_read test_open test_position"),
])

# See kmod.UNSEEN.
UNSEEN = [
    ("membarrier() after arming (memfd.c)",
     "on x86 the writer's store and the reader's atomic minimum act as fences; the model and "
     "tests/proof/spin/wake.pml show the lost wake-up."),
    ("the check that nr_rings is not 0 (mapping.c)",
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
    """A copy of the library, of the tests because some include its files, and of what the
    tests share with the module's."""
    shutil.rmtree(TREE, ignore_errors=True)
    for folder in ("include", "libring", "tests", "kmod/tests"):
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

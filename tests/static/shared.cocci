// SPDX-License-Identifier: GPL-2.0-only
//
// Finds accesses to shared memory that are neither marked nor go through barrier.h. Taking
// an address (&ctl->head) is no access. So where an address loses its type, the function
// that takes it must be one of those named here.

virtual report

@initialize:python@
@@
def say(p, what):
    print("%s:%s: %s: %s" % (p[0].file, p[0].line, p[0].current_element, what))

// ---- control area, record header, wake thresholds, reader page, header page

@address@
struct seqring_ring_ctl *ctl;
struct seqring_record *rec;
struct seqring_wait *wait;
struct seqring_reader_page *page;
struct seqring_cursor *cursor;
struct seqring_bpf_state *state;
identifier fld;
expression tag, v, old;
position p;
@@
(
 \(seqring_read\|seqring_load_word\|READ_ONCE\|seqring_prefetch\)
	(<+... \(ctl->fld@p\|rec->fld@p\|wait->fld@p\|page->fld@p\|cursor->fld@p\|state->fld@p\) ...+>)
|
 \(seqring_write\|seqring_store_word\|seqring_add\|seqring_atomic_min\|WRITE_ONCE\|seqring_bpf_count\)
	(<+... \(ctl->fld@p\|rec->fld@p\|wait->fld@p\|page->fld@p\|cursor->fld@p\|state->fld@p\) ...+>, v)
|
 seqring_load_acquire(tag,
	<+... \(ctl->fld@p\|rec->fld@p\|wait->fld@p\|state->fld@p\) ...+>)
|
 seqring_store_release(tag,
	<+... \(ctl->fld@p\|rec->fld@p\|wait->fld@p\|state->fld@p\) ...+>, v)
|
 seqring_cmpxchg(<+... \(wait->fld@p\|state->fld@p\) ...+>, old, v)
)

@plain@
struct seqring_ring_ctl *ctl;
struct seqring_record *rec;
struct seqring_wait *wait;
struct seqring_reader_page *page;
struct seqring_cursor *cursor;
identifier fld;
position p != address.p;
@@
(
 ctl->fld@p
|
 rec->fld@p
|
 wait->fld@p
|
 page->fld@p
|
 cursor->fld@p
)

@script:python@
p << plain.p;
fld << plain.fld;
@@
say(p, "plain access to ->%s" % fld)

// ---- words of the data area

// ---- whole pieces

@piece@
identifier f = {memcpy, memmove, memset, memcmp, memchr, strcpy, strncpy, strscpy, strlcpy,
	strcmp, strncmp, strlen, strnlen, bcopy, bzero, memcpy_fromio, memcpy_toio, copy_to_user,
	copy_from_user, copy_from_iter, copy_from_iter_full, copy_to_iter, read, write, pread,
	pwrite, recv, send, __builtin_memcpy, __builtin_memset, __builtin_memmove, memzero_explicit,
	bpf_probe_read_kernel, bpf_probe_read_user};
struct seqring_ring_ctl *ctl;
struct seqring_record *rec;
struct seqring_wait *wait;
struct seqring_reader_page *page;
struct seqring_header *h;
seqring_word *w;
struct seqring_area area;
struct seqring_area *areap;
struct seqring_writer *wr;
struct seqring_writer wrs;
struct seqring_reader *rd;
struct seqring_reader rds;
struct seqring_view *v;
struct seqring_view vs;
struct ring_record *rr;
struct ring_record rrs;
identifier map = {map, payload, base};
expression x;
position p;
@@
 f@p(..., <+... \(ctl\|rec\|wait\|page\|h\|w\|area.addr\|areap->addr\|wr->data\|wrs.data\|rd->data\|rds.data\|v->payload\|vs.payload\|rr->payload\|rrs.payload\|map\|x->map\) ...+>, ...)

@script:python@
p << piece.p;
f << piece.f;
@@
say(p, "%s() on shared bytes" % f)

// ---- whole structs, and words of the data area

@size@
struct seqring_ring_ctl *ctl;
struct seqring_record *rec;
struct seqring_wait *wait;
struct seqring_reader_page *page;
struct seqring_header *h;
position p;
@@
 sizeof(\(*ctl@p\|*rec@p\|*wait@p\|*page@p\|*h@p\))

@whole@
struct seqring_ring_ctl *ctl;
struct seqring_record *rec;
struct seqring_wait *wait;
struct seqring_reader_page *page;
struct seqring_header *h;
seqring_word *w;
position p != size.p;
@@
(
 *ctl@p
|
 *rec@p
|
 *wait@p
|
 *page@p
|
 *h@p
|
 *w@p
)

@script:python@
p << whole.p;
@@
say(p, "a plain access to all of it")

@index@
seqring_word *w;
expression i;
position p;
@@
 &w@p[i]

@word@
seqring_word *w;
expression i;
position p != index.p;
@@
 w@p[i]

@script:python@
p << word.p;
@@
say(p, "a plain access to a word")

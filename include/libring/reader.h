/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Open, read and close rings. Concepts, and rules for all functions: libring.h. */
#ifndef LIBRING_READER_H
#define LIBRING_READER_H

#include <libring/common.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct ring_reader;

/* Where a reader starts, and the whence of ring_seek(). */
enum ring_whence {
	RING_OLDEST = 0, /* the oldest record that is still there */
	RING_NEWEST = 1, /* the newest record: it is the next one read */
	RING_HEAD = 2,	 /* behind the newest record: only what is published from now on */
	RING_SEQ = 3,	 /* value: the seq of the next record */
	RING_TIME = 4,	 /* value: nanoseconds; the first record with ts_ns >= value */
	RING_REALTIME = 5, /* the same by CLOCK_REALTIME, converted as ring_wall_time() does */
};

/* ring_open_opts.flags */
#define RING_EAGER    (1u << 0) /* lowest latency, at the greatest cost for the writer */
#define RING_PREFAULT (1u << 1) /* take all page faults at the opening, not in the first lap */
#define RING_LOCK     (1u << 2) /* what was read once stays in memory; see ring_open_opts */
#define RING_FOLLOW   (1u << 3) /* wait for the name, and go on to its next ring */
#define RING_NONBLOCK (1u << 4) /* ring_open() does not wait */

/**
 * struct ring_open_opts - how to open a ring for reading
 * @size: sizeof(struct ring_open_opts)
 * @flags: RING_* or 0. RING_FOLLOW and RING_NONBLOCK are for ring_open() alone, and explained
 *           there. RING_PREFAULT gets all pages of the rings that are read into memory and into
 *           this process's page tables: a memfd ring then has all its memory. Without it, each
 *           page costs a fault when it is first read, much more than its records. RING_LOCK keeps
 *           pages in memory from their first use on, with RING_PREFAULT from the opening on
 *           (mlock2(2), MLOCK_ONFAULT). It counts against RLIMIT_MEMLOCK. Neither is inherited by
 *           fork(). A device's pages are always in memory
 * @whence: where to start, an enum ring_whence
 * @value: for @whence
 * @merge_window_ns: hold a record back until it is so many nanoseconds old, or until every ring
 *           has a later one; see ring_read(). 0: never hold back. It yields to the rings: once
 *           a ring is half unread, no record is held, and the window in force shrinks to what
 *           fills about a quarter of that ring at the present rate. It doubles back when it was
 *           in force for four times its length and held less than a quarter of any ring.
 *           ring_stats tells the window in force, and counts the records that came @early
 * @wake_records: wake when a ring has so many unread records. 0: no such limit
 * @wake_bytes: or when it has so many unread bytes, headers included. 0: no such limit. If
 *           both are 0, any record wakes. Half of the data area unread always wakes
 * @wake_timeout_ns: or so many nanoseconds after the first unread record. 0: no such limit
 * @one_ring: 1: read ring @ring alone; 0: read all rings of the device
 * @ring: number of the ring, from 0; 0 without @one_ring
 * @open_timeout_ms: how long the opening waits at most: for the process that serves the ring,
 *           and with RING_FOLLOW also for the name. At most an hour; 0: 5000
 * @nr_types: number of @types: 0 to 65536. 0: records of all types are read
 * @types:   the types of the records to read; NULL if @nr_types is 0. Records of other types are
 *           consumed and not delivered: ring_stats.filtered counts them, and they are never lost.
 *           Watermarks count them all the same: the writer does not know who reads what.
 *           ring_newest() ignores @types
 */
struct ring_open_opts {
	size_t size;
	uint32_t flags;
	uint32_t whence;
	uint64_t value;
	uint64_t merge_window_ns;
	uint64_t wake_records;
	uint64_t wake_bytes;
	uint64_t wake_timeout_ns;
	uint32_t one_ring;
	uint32_t ring;
	uint32_t open_timeout_ms;
	uint32_t nr_types;
	const uint16_t *types;
};

/**
 * ring_open() - open a ring for reading, by name or path
 * @where: a name, which is looked up in this order:
 *         - a device of the module, /dev/seqring/NAME;
 *         - a ring that a process serves, see ring_writer_listen(): a socket in $RINGDIR,
 *           or else in $XDG_RUNTIME_DIR/seqring and then in /run/seqring. $XDG_RUNTIME_DIR
 *           counts only if the effective user owns it, and no one else may write there;
 *         - a ring of BPF programs, pinned in $RINGBPFDIR/NAME, or else in
 *           /sys/fs/bpf/seqring/NAME.
 *         Or a path, with a slash: of a device, of a served ring's socket, of a ring's
 *         memfd (/proc/PID/fd/N), of the directory of a BPF ring's pins, or of a pinned map; of
 *         a recording's directory, or of one file of it
 * @opts: NULL for the defaults: oldest record, all rings, no merge window. Used during the
 *        call only
 * @out: set to the reader on success; ring_close() frees it
 *
 * May sleep, for @opts->open_timeout_ms at most while the serving process does not accept or
 * answer. Any thread.
 *
 * With RING_NONBLOCK, the call does not wait. If the serving process has not answered yet, the
 * reader has no ring at first: ring_read() and all functions that return properties or a place
 * of the ring return -EAGAIN. ring_wait() and ring_fd() wait for the answer, too. When it has
 * come, the next call that reads returns -EREMCHG once, and the reader has its ring. If it does
 * not come in @opts->open_timeout_ms, or is a refusal, that call returns the error that
 * ring_open() would have returned.
 *
 * With RING_FOLLOW, the reader follows the name (or the path), as tail -F follows a file:
 *
 * - If there is no such ring yet, the call waits for one, @opts->open_timeout_ms at most. With
 *   RING_NONBLOCK it returns a reader without a ring, as above, which waits without a limit.
 * - When the ring has ended, or its writer's process is gone, and all its records are read, the
 *   reader waits for the next ring of the name: ring_read() returns -EAGAIN, not -ENODEV.
 * - When that ring is there, the next call that reads returns -EREMCHG, once. From then on the
 *   reader is on the new ring, at its oldest record. The first record's @lost counts the records
 *   of the new ring that were overwritten before.
 * - -EREMCHG is the moment to ask ring_info() again: the schema, the size of payloads, the
 *   number of rings and the clock may be others. Only a call that returns it makes pointers
 *   into the old ring invalid: those of ring_peek(), and ring_info.schema.
 * - The descriptor of ring_fd() and the watermark stay the same.
 * - Records of the old ring that could not be read any more are in ring_stats.lost.
 *   ring_stats.restarts counts the changes of the ring, or of its writer.
 * - If another process goes on with the same ring, seq and place go on, too. For a BPF ring
 *   nothing returns -EREMCHG then; for a served ring (ring_writer_adopt()) it tells that
 *   pointers are invalid.
 *
 * What following cannot do: it knows one ring at a time, so a ring that comes and goes while an
 * older one is being read is never seen, and neither is a new ring of the name while the old
 * one's writer lives. @opts->whence and value are for a ring that is there when ring_open() is
 * called; later ones are read from their start. A ring that can be opened only without the means
 * to sleep is refused: -EOPNOTSUPP. The kernel tells when a name appears (inotify). By time the
 * reader looks again: every second, if it may search but not read a directory of the name, or
 * may have no inotify instance; and at growing intervals, 1 ms to about a minute, while the name
 * leads to something that cannot be opened, such as the socket of a killed process. If that is
 * not a name in change (a ring of another version, say), a call that reads returns the error of
 * ring_open() after 8 tries, a quarter of a second, and may be repeated. If a directory that is
 * not the name's own is renamed, that goes unnoticed.
 *
 * A ring that is opened by the path of its memfd or map alone has no means to sleep, and
 * neither has a BPF ring that this process may only read: then ring_wait() and ring_fd()
 * return -EOPNOTSUPP.
 *
 * A recording (libring/recording.h) is read as a ring. While its recorder runs, on this machine,
 * calls return -EAGAIN after the last record, and ring_wait() and ring_fd() wait for what the
 * recorder adds, which comes some 50 ms after its records with ringctl record. When the recorder
 * has ended the recording, was killed (then ring_stats.end is RING_KILLED), or cannot be known to
 * run, because one file of the recording is opened or the file system has no locks, calls return
 * -ENODEV. That it was killed is noticed as of the writer of a ring, within a second. Then
 * ring_now() tells the time of the last record. ring_stats.published is the seq of it;
 * ring_wall_time() uses what the recorder measured. RING_EAGER, RING_PREFAULT and RING_LOCK have
 * no effect, and RING_FOLLOW is refused: -EOPNOTSUPP. All functions that read or seek may sleep to
 * read the files. A chunk that cannot be read, or has a wrong CRC, is lost, and
 * ring_recording_info() counts it.
 *
 * Return: 0; -ENOENT no such ring; -EACCES not allowed; -EINVAL bad name or options, or a
 * merge window without CLOCK_MONOTONIC; -E2BIG @opts has unknown fields; -EPROTO not a
 * ring, or its geometry contradicts itself or its file; -ENOTSUP a ring of an incompatible
 * version, or with a feature that this library or this process lacks; -EPERM a memfd that
 * its writer could shrink or that is not sealed against other writers, or a BPF map that
 * is not frozen; -ERANGE @opts->whence is RING_SEQ and the value is in the future;
 * -EOPNOTSUPP RING_SEQ on several rings, or RING_TIME without a clock; -EPIPE the writer
 * was faster than the search for the value; -ECONNREFUSED the serving process is gone or
 * takes no more readers; -ETIMEDOUT it did not accept or answer in time, or no ring had the
 * name in time (RING_FOLLOW); -ENAMETOOLONG;
 * -ENOSPC this user's limit on memory for open devices is reached; -ENOMEM, with RING_LOCK also
 * more than RLIMIT_MEMLOCK; -EPERM RING_LOCK, and that limit is 0; -EMFILE and what open(2),
 * mmap(2), madvise(2), mlock2(2), bpf(2) and connect(2) give.
 */
int ring_open(const char *where, const struct ring_open_opts *opts, struct ring_reader **out);

/**
 * ring_open_fd() - open a ring for reading, by one descriptor
 * @fd: a device, a ring's memfd, a ring's BPF map, or a connection to a served ring. It
 *      stays the caller's, and the reader does not need it after the call
 * @opts, @out: as in ring_open()
 *
 * May sleep, as ring_open().
 *
 * The cursor by which a device wakes its reader belongs to the open file description: do
 * not open two readers by descriptors of one open(2).
 *
 * Return: as ring_open(); -EBADF @fd is not open; -EINVAL RING_FOLLOW or RING_NONBLOCK.
 */
int ring_open_fd(int fd, const struct ring_open_opts *opts, struct ring_reader **out);

/**
 * ring_open_fds() - open a memfd or BPF ring for reading, with the means to sleep
 * @fds: from ring_writer_fds() or ring_bpf_fds(), inherited or received. They stay the
 *       caller's, and the reader does not need them after the call
 * @opts, @out: as in ring_open()
 *
 * May sleep.
 *
 * Return: as ring_open(); -EBADF one of @fds is not open; -EINVAL RING_FOLLOW or RING_NONBLOCK.
 */
int ring_open_fds(const struct ring_fds *fds, const struct ring_open_opts *opts,
		  struct ring_reader **out);

/**
 * ring_close() - close a reader
 * @r: the reader; NULL is allowed
 *
 * May sleep. Pointers that the reader gave out, and its descriptor, are invalid afterwards.
 * Within a function that ring_consume() calls, they stay valid until that function returns, and
 * ring_consume() then frees the reader and returns as if no record were left.
 */
void ring_close(struct ring_reader *r);

/**
 * ring_read() - copy the next record out
 * @r: the reader
 * @rec: filled on success; rec->payload is @buf
 * @buf: room for the payload; NULL if @size is 0
 * @size: bytes of @buf. Of a longer payload only so many are copied; rec->len is the
 *        payload's length all the same
 *
 * Never sleeps and makes no system call, unless ring_fd() was called and no record is left:
 * then it arms the descriptor, and sleeps as ring_fd() does.
 *
 * Order: records of one ring always come in the order of seq. Records of several rings come
 * in the order of ts_ns among those that are there when the function peeks at the rings. A
 * record comes late if its writer took the time, but published the record only after a
 * later one of another ring was read; ring_stats.misordered counts these. With
 * merge_window_ns = W no record comes late if every writer publishes within W of taking
 * the time, and no record was read early: ring_stats.early counts records that were read
 * before they were W old, since a ring could not hold them so long. A record with a time in the
 * future is not held either, and counts as early. Rings without a clock take turns.
 *
 * W is counted by the ring's clock, also if this process or the writer's is in a time namespace
 * that shifts it, see ring_now().
 *
 * If the process that serves the ring is killed, it cannot end the ring. Only ring_wait(),
 * or ring_read() after ring_fd(), notices.
 *
 * With ring_open_opts.types or a filter (libring/filter.h) a call that passes 65536 or more records
 * may return -EAGAIN although there are more. The descriptor of ring_fd() stays readable then.
 *
 * With several rings each call peeks at every ring that was empty: this is one cache line
 * per ring. ring_read_batch() and ring_consume() peek once per batch.
 *
 * Return: 0, and the record is consumed; otherwise @rec is unchanged, @buf may be overwritten
 * and no record is consumed: -EAGAIN nothing to read now; -ENODEV nothing is left, and the
 * writer is gone; -EBADMSG the ring's bytes do not follow the protocol, and ring_seek() is
 * needed to continue; -EPIPE the writer overran the reader 64 times in a row: call again.
 *
 * Only for a reader with RING_FOLLOW or RING_NONBLOCK: it has no ring yet, or its ring has ended:
 * then the call makes a few system calls to look for the next one, and returns -EAGAIN; -EREMCHG
 * the reader has got its ring, or the next one; -EBUSY it would, but the function that
 * ring_consume() calls made this call; what ring_open() returns.
 */
int ring_read(struct ring_reader *r, struct ring_record *rec, void *buf, size_t size);

/**
 * ring_read_batch() - copy several records out
 * @r: the reader
 * @recs: array to fill; the payloads point into @buf, 8-byte aligned
 * @max: entries of @recs, at least 1
 * @buf: room for the payloads, 8-byte aligned. Only a first payload that is longer is cut,
 *       as in ring_read()
 * @size: bytes of @buf
 * @nr: set to the number of records that were read, also on failure (then 0)
 *
 * Sleeps as ring_read(); after ring_fd() it arms the descriptor, or gives it a new edge, see
 * there. The order of ring_read() holds, by one peek for the whole batch.
 *
 * Return: 0 at least one record was read; otherwise none, and @buf may be overwritten: as
 * ring_read(); -EINVAL @max is 0 or @buf is not aligned.
 */
int ring_read_batch(struct ring_reader *r, struct ring_record *recs, unsigned int max, void *buf,
		    size_t size, unsigned int *nr);

/* What ring_consume() returns when its function stopped it. No error of the library is positive. */
#define RING_STOPPED 1

/*
 * Called with a record. @rec and its payload, a copy, are valid until it returns, whatever it
 * does. It may call any function with the same reader, except that ring_consume() returns
 * -EBUSY. After ring_close() it may not use the reader any more, and it is not called again.
 * It must return: no longjmp(), no exception. Return: 0 to continue; anything else stops.
 */
typedef int (*ring_fn)(const struct ring_record *rec, void *arg);

/**
 * ring_consume() - call a function for the records that are there
 * @r: the reader
 * @fn: called for each record, in the order of ring_read()
 * @arg: for @fn
 * @max: at most so many records; 0: those that were published when the call began. Records that
 *       ring_open_opts.types or a filter leaves out do not count
 * @nr: set to the number of records @fn was called for, also on failure; may be NULL
 *
 * Sleeps and arms as ring_read_batch(). The limit ends the call even if the writer never pauses.
 *
 * Return: 0 @fn was called at least once; RING_STOPPED @fn returned something else than 0 at
 * last: its record is consumed, and what it returned is between @fn and its @arg; otherwise as
 * ring_read(), and @fn was not called; -EBUSY @fn of the same reader called; -ENOMEM.
 */
int ring_consume(struct ring_reader *r, ring_fn fn, void *arg, unsigned int max, unsigned int *nr);

/**
 * ring_peek() - see the next record in place
 * @r: the reader
 * @rec: filled on success; the payload is in the ring
 *
 * Sleeps as ring_read(). Does not consume the record. rec->len bytes of payload may be read
 * until ring_close() (or -EREMCHG, see ring_open()), but the writer may overwrite them at any
 * time: copy or compute, then call ring_recheck(), and use the result only if that returns 0.
 * Only ring_info(), ring_stats(), ring_stats_at() and ring_newest() may be called in between: any
 * other call may forget the record.
 *
 * Return: as ring_read(), but the record is not consumed.
 */
int ring_peek(struct ring_reader *r, struct ring_record *rec);

/* What ring_peek_batch() gives at most. */
#define RING_PEEK_MAX 128

/**
 * ring_peek_batch() - see several records in place
 * @r: the reader
 * @recs: array to fill; the payloads are in the ring
 * @max: entries of @recs, at least 1. More than RING_PEEK_MAX are not filled
 * @nr: set to the number of records, also on failure (then 0)
 *
 * As ring_peek(), of several records: one ring_recheck() tells whether all of them were whole,
 * and one ring_advance() consumes all of them. Nothing is copied, so this is the cheapest way to
 * read. A reader of several rings, or with RING_EAGER, sees one record at a time.
 *
 *	while (!ring_peek_batch(r, recs, 64, &nr)) {
 *		for (sum = 0, i = 0; i < nr; i++)
 *			sum += value_of(&recs[i]);
 *		if (!ring_recheck(r)) {
 *			total += sum;
 *			ring_advance(r);
 *		}
 *	}
 *
 * Return: as ring_peek(); -EINVAL @max is 0.
 */
int ring_peek_batch(struct ring_reader *r, struct ring_record *recs, unsigned int max,
		    unsigned int *nr);

/**
 * ring_recheck() - check that everything read since ring_peek() was whole
 * @r: the reader
 *
 * Never sleeps. May be called several times.
 *
 * Return: 0 it was, of all records that were peeked at; -ESTALE some of it was not: discard all.
 * The next ring_peek() continues with a later record and says what was lost; -EINVAL nothing is
 * peeked at.
 */
int ring_recheck(struct ring_reader *r);

/**
 * ring_advance() - consume what was peeked at
 * @r: the reader
 *
 * Sleeps and arms as ring_read(); after ring_peek_batch() as ring_read_batch().
 *
 * Return: 0; -EINVAL nothing is peeked at, or ring_recheck() has not returned 0 for it.
 */
int ring_advance(struct ring_reader *r);

/**
 * ring_advance_some() - consume the first records that were peeked at
 * @r: the reader
 * @nr: how many: 0 to what ring_peek_batch() gave
 *
 * Sleeps and arms as ring_advance(), if @nr is not 0. The next call gives the others again.
 *
 * Return: as ring_advance(); -EINVAL also @nr is too large: nothing is consumed, and the records
 * are still peeked at.
 */
int ring_advance_some(struct ring_reader *r, unsigned int nr);

/**
 * ring_wait() - sleep until the watermark is met
 * @r: the reader
 * @timeout_ms: milliseconds to sleep at most; 0: do not sleep; -1: no limit
 *
 * May sleep. The watermark is that of ring_open_opts or ring_set_wakeup().
 *
 * Readers of some rings need membarrier(2) to sleep: of memfd rings without
 * RING_WRITER_FULL_FENCE, and of BPF rings. ring_open() returns -ENOTSUP where the kernel lacks
 * it. If it fails later, since a filter of system calls (seccomp) forbids it, the writer may not
 * see that this reader sleeps. Then the reader looks at the ring each 10 ms, so that a wake-up
 * comes so much late at most, the descriptor of ring_fd() becomes readable as often, and
 * ring_stats.unfenced counts.
 *
 * After -ETIMEDOUT there may be unread records: fewer than the watermark asks for, or held back by
 * the merge window. Then ring_strerror() says how many, as does ring_stats.lag_records, and
 * ring_read() returns those that are not held back.
 *
 * Return: 0 ring_read() has a record, or returns something other than -EAGAIN and -ENODEV (with
 * ring_open_opts.types or a filter also: ring_read() has many records to pass); -ETIMEDOUT the time
 * is over, and the watermark is not met; -EINTR a signal came; -ENODEV nothing is left, and the
 * writer is gone; -ECANCELED ring_wake() was called; -EOPNOTSUPP the reader has no means to sleep,
 * see ring_open().
 */
int ring_wait(struct ring_reader *r, int timeout_ms);

#define RING_WAIT_MAX 1024u /* readers in one call of ring_wait_any() */

/**
 * ring_wait_any() - sleep until the watermark of one of several readers is met
 * @readers: the readers; all belong to this thread during the call
 * @nr: number of readers, 1 to RING_WAIT_MAX
 * @timeout_ms: as in ring_wait()
 * @index: set to the number in @readers of the one that the outcome is about: after 0, -ENODEV,
 *         -ECANCELED and -EOPNOTSUPP. Unchanged otherwise
 *
 * May sleep. The search for a reader that is ready begins behind the one that readers[0] remembers
 * as found last, so a busy ring does not hide the others.
 *
 * A reader whose ring has ended makes each call return -ENODEV: leave it out of the next one.
 *
 * Return: 0 ring_wait() of readers[*index] would return 0; -ETIMEDOUT the time is over, and no
 * watermark is met: the unread records of all readers are counted as in ring_wait(); -EINTR a
 * signal came; -ENODEV, -ECANCELED, -EOPNOTSUPP as ring_wait() of readers[*index]; -EINVAL @nr is
 * out of range.
 */
int ring_wait_any(struct ring_reader *const *readers, unsigned int nr, int timeout_ms,
		  unsigned int *index);

/**
 * ring_wake() - end the ring_wait() of another thread
 * @r: the reader
 *
 * Any thread, also while another one uses @r, except in ring_close(). May be called in a signal
 * handler. Never sleeps.
 *
 * The call of ring_wait() or ring_wait_any() that waits for @r, or else the next one, returns
 * -ECANCELED, even if there are records. That return takes all calls of ring_wake() before it.
 * Nothing else notices the call: the descriptor of ring_fd() does not become readable, and
 * ring_read() goes on.
 *
 * The call orders no other memory: pass data to the woken thread by means of your own.
 *
 * Return: 0, also for a reader without the means to sleep, which has no effect.
 */
int ring_wake(struct ring_reader *r);

/**
 * ring_fd() - get a descriptor for the application's own event loop
 * @r: the reader
 * @fd: set to the descriptor. It stays the reader's and is valid until ring_close()
 *
 * May sleep for an RCU grace period, 8 to 32 ms, on a BPF ring that no reader has slept on
 * for long. Never sleeps on other rings.
 *
 * The descriptor is readable, level-triggered or edge-triggered, when the watermark is met
 * or ring_read() would return -ENODEV or -EREMCHG. It may wake earlier than the watermark says,
 * and never later.
 *
 * One call of ring_consume() or ring_read_batch(), or one round of ring_peek_batch() and
 * ring_advance(), for each event is enough, also with EPOLLET, EPOLLONESHOT and multishot polls of
 * io_uring: what the call leaves unread, because it came meanwhile or exceeded a limit, gives a new
 * edge if it meets the watermark; otherwise the call arms the next wake-up. Functions that take one
 * record arm when they took the last one; they give no new edge for those that are left, so call
 * them until -EAGAIN, or wait by level.
 *
 * Return: 0; -EOPNOTSUPP as ring_wait().
 */
int ring_fd(struct ring_reader *r, int *fd);

/**
 * ring_set_wakeup() - change the watermark
 * @r: the reader
 * @records, @bytes, @timeout_ns: as wake_records, wake_bytes and wake_timeout_ns of struct
 *      ring_open_opts; in force from the next ring_wait() or poll of the descriptor, and for
 *      whoever waits for the descriptor already. (A module before SEQRING_IOC_LOOK does not
 *      wake the latter.)
 *
 * Sleeps as ring_fd(), if that was called; otherwise never.
 *
 * Return: 0.
 */
int ring_set_wakeup(struct ring_reader *r, uint64_t records, uint64_t bytes, uint64_t timeout_ns);

/**
 * ring_seek() - move to another place, on all rings that are read
 * @r: the reader
 * @whence: where to
 * @value: for @whence
 *
 * Sleeps as ring_fd(), if that was called; otherwise never. Records between the old and the
 * new place do not count as lost. With RING_SEQ, records from @value on that are not there
 * any more do.
 *
 * Return: 0; -EINVAL no such whence, -ERANGE @value is in the future, -EOPNOTSUPP RING_SEQ
 * on several rings or RING_TIME without a clock, -EAGAIN there is no ring yet: the reader has
 * not moved; -EBADMSG, -EPIPE as ring_read(): the place is undefined, seek again.
 */
int ring_seek(struct ring_reader *r, enum ring_whence whence, uint64_t value);

/**
 * ring_wall_time() - convert the time of a record to that of the wall clock
 * @r: the reader
 * @ts_ns: ring_record.ts_ns, or any other time of the ring's clock
 * @realtime_ns: set to nanoseconds of CLOCK_REALTIME since 1970, UTC
 *
 * Never sleeps; reads clocks. CLOCK_REALTIME steps when somebody sets the time, and CLOCK_MONOTONIC
 * stops during a suspend. So the reader keeps pairs of both times: it measures when it is opened,
 * in each call of this function, and whenever it prepares to sleep in ring_wait() or arms the
 * descriptor of ring_fd(). Each step makes a pair, and the last 16 are kept. A record converts by
 * the pair of its time:
 * - A record from before a step keeps its time of then, if the reader measured between the record
 *   and the step; otherwise it gets the time as of after the step. Convert records soon.
 * - A record that is older than the reader converts by the first pair.
 *
 * The result is as exact as the measurement, some 100 ns unless an interrupt came each time; with
 * SEQRING_CLOCK_COARSE it is the time of the last tick before the record, and a record may be on
 * the wrong side of a step that came within that tick.
 *
 * Return: 0; -EOPNOTSUPP the ring has no clock; -ERANGE the result lies before 1970 or after 2262.
 */
int ring_wall_time(struct ring_reader *r, uint64_t ts_ns, uint64_t *realtime_ns);

/**
 * ring_now() - get the present time by the clock of a ring
 * @r: the reader; does not move
 * @ns: set to the time; compares to the ts_ns of the ring's records, and to the value of RING_TIME
 *
 * The kernel's time differs from what clock_gettime(2) says in a time namespace with an offset,
 * and so does the time of a writer in another namespace. The difference was found when the ring
 * was opened, by /proc: without it, this is what clock_gettime(2) says.
 *
 * Never sleeps.
 *
 * Return: 0; -EOPNOTSUPP the ring has no clock, or one that this library does not know.
 */
int ring_now(struct ring_reader *r, uint64_t *ns);

/**
 * ring_newest() - copy the newest record of a ring: a consistent snapshot of shared state
 * @r: the reader; does not move
 * @ring: number of the ring in the device, from 0; need not be one that is read
 * @rec, @buf, @size: as in ring_read(); rec->lost is 0
 *
 * Never sleeps. The record may have any type, whatever ring_open_opts.types says.
 *
 * Return: 0; -EAGAIN no record was published yet, or there is no ring yet; -ENODEV none was, and
 * the writer is gone; -ENOENT no such ring; -EBADMSG, -EPIPE as ring_read(). After a failure @rec
 * is unchanged, and @buf may be overwritten.
 */
int ring_newest(struct ring_reader *r, unsigned int ring, struct ring_record *rec, void *buf,
		size_t size);

/**
 * struct ring_info - properties of a ring, and who serves it; they never change, unless the
 * reader goes on to another ring (RING_FOLLOW)
 * @size: sizeof(struct ring_info), filled by the caller
 * @writer: SEQRING_WRITER_* of seqring/abi.h
 * @nr_rings: number of rings of the device
 * @clock_id: SEQRING_CLOCK_* of seqring/abi.h
 * @page_size: bytes of a page where the ring was created
 * @features: SEQRING_FEAT_* of seqring/abi.h
 * @data_size: bytes of each ring's data area
 * @payload_max: bytes of the longest payload
 * @schema_size: bytes of @schema; 0: none
 * @schema: description of its records, in the mapping; NULL: none. Not trusted, and valid
 *          until ring_close(), or -EREMCHG of a call that reads
 * @name: name from its header, terminated by a zero
 * @peer_known: 1: the ring was opened by a socket, and the kernel vouches for the next three
 *           fields; 0: they are 0
 * @peer_pid: process that listened at the socket, in this process's PID namespace; 0: it is in
 *           another one. It may be gone, and its number may be another process's by now
 * @peer_uid, @peer_gid: its effective user and group when it began to listen
 * @path: the path that ring_open() found for the name, or was given: a device, a socket, a memfd or
 *           pins. NULL: the ring was opened by descriptors. Valid until ring_close()
 * @creation: a number that no other ring of the same kind of writer has had since this machine
 *           booted: inode of the ring's memfd, id of its BPF map, or inode of its device in sysfs.
 *           It is the same for all readers, and as long as the ring lives. 0: it is not known, or a
 *           recording is read
 */
struct ring_info {
	size_t size;
	uint32_t writer;
	uint32_t nr_rings;
	uint32_t clock_id;
	uint32_t page_size;
	uint64_t features;
	uint64_t data_size;
	uint32_t payload_max;
	uint32_t schema_size;
	const void *schema;
	char name[32];
	uint32_t peer_known;
	uint32_t peer_pid;
	uint32_t peer_uid;
	uint32_t peer_gid;
	const char *path;
	uint64_t creation;
};

/**
 * ring_info() - get the properties of a ring
 * @r: the reader
 * @info: its size is read, all else is filled on success
 *
 * Never sleeps. Any thread, also while another one uses @r, except in ring_close() and, with
 * RING_FOLLOW, in a call that reads.
 *
 * Return: 0; -EINVAL @info->size is too small; -E2BIG @info has unknown fields; -EAGAIN there is
 * no ring yet (RING_NONBLOCK).
 */
int ring_info(struct ring_reader *r, struct ring_info *info);

/* Why there will be no more records: ring_stats.end, and what ring_strerror() says of -ENODEV. */
enum ring_end {
	RING_RUNS = 0,	   /* the writer is there, or nothing tells that it is gone */
	RING_ENDED = 1,	   /* the writer, or who owns the ring, has ended it */
	RING_KILLED = 2,   /* the writer's process is gone, and did not end the ring */
	RING_REPLACED = 3, /* that process was gone, and another one took the name for a new ring */
};

/**
 * struct ring_stats - statistics of a reader, and of the rings that it reads
 * @size: sizeof(struct ring_stats), filled by the caller
 * @read: records that this reader got, from all rings that it was on
 * @lost: records that this reader lost, including those that the next record will tell; of all
 *        rings that it was on (RING_FOLLOW), as @overruns and @misordered
 * @overruns: times that the writer overwrote what this reader was about to deliver
 * @waits: calls of ring_wait() that slept
 * @misordered: records that came late: after a record of another ring with a greater ts_ns; see
 *           ring_read()
 * @lag_records: records that are published and unread, selected or not
 * @lag_bytes: their bytes, headers included
 * @published: records published since the rings' creation
 * @dropped: records that the rings' writers dropped since then
 * @wakeups: wake-ups by the rings' writers since then
 * @dead: 1: the writers of all these rings are gone
 * @end: how they ended, an enum ring_end: RING_RUNS unless @dead
 * @unfenced: times that this reader prepared to sleep while membarrier(2) failed; see ring_wait()
 * @early: records that were read before they were merge_window_ns old, while another ring could
 *           still get one that belongs before it
 * @window_ns: the merge window in force: merge_window_ns, or less while the rings cannot hold so
 *           much
 * @filtered: records that this reader passed: of other types than ring_open_opts.types, or left out
 *           by ring_set_filter(). @read, @lost and @filtered are all records since it began
 * @restarts: times that this reader went on to another ring (RING_FOLLOW), or found another
 *        process as the writer of its BPF ring, when there was nothing to read
 */
struct ring_stats {
	size_t size;
	uint64_t read;
	uint64_t lost;
	uint64_t overruns;
	uint64_t waits;
	uint64_t misordered;
	uint64_t lag_records;
	uint64_t lag_bytes;
	uint64_t published;
	uint64_t dropped;
	uint64_t wakeups;
	uint32_t dead;
	uint32_t end;
	uint64_t unfenced;
	uint64_t early;
	uint64_t window_ns;
	uint64_t filtered;
	uint64_t restarts;
};

/**
 * ring_stats() - get the statistics of a reader
 * @r: the reader
 * @stats: its size is read, all else is filled on success. The values of a ring that is being
 *         written are read one after the other, not at one moment
 *
 * Never sleeps. Only the thread that uses @r: the call looks at what that thread changes.
 * Another thread that wants the counters of the rings opens a reader of its own.
 *
 * Return: 0; -EINVAL @stats->size is too small; -E2BIG @stats has unknown fields.
 */
int ring_stats(struct ring_reader *r, struct ring_stats *stats);

/**
 * struct ring_stats_at - statistics of one ring
 * @size: sizeof(struct ring_stats_at), filled by the caller
 * @head: position behind the newest record
 * @tail: position of the oldest record
 * @published: records since its creation, which is also the newest seq
 * @dropped: records dropped since then, by SEQRING_DROP_* of seqring/abi.h
 * @wakeups: wake-ups by its writer since then
 * @id: its number, or its CPU
 * @dead: 1: its writer is gone
 * @dropped_before: of a recording, those of @dropped that were dropped before its first file was
 *                  begun; 0 of a ring
 */
struct ring_stats_at {
	size_t size;
	uint64_t head;
	uint64_t tail;
	uint64_t published;
	uint64_t dropped[8];
	uint64_t wakeups;
	uint32_t id;
	uint32_t dead;
	uint64_t dropped_before[8];
};

/**
 * ring_stats_at() - get the statistics of one ring of the device
 * @r: the reader
 * @ring: number of the ring, from 0; need not be one that is read
 * @stats: as in ring_stats()
 *
 * Never sleeps. The thread that uses @r, as ring_stats().
 *
 * Return: 0; -ENOENT no such ring; -EAGAIN there is no ring yet; -EINVAL, -E2BIG as ring_stats().
 */
int ring_stats_at(struct ring_reader *r, unsigned int ring, struct ring_stats_at *stats);

/**
 * ring_missed() - count the events that the kernel kept from the programs of a BPF ring
 * @r: the reader
 * @missed: set on success
 *
 * The kernel does not run a BPF program that is running on that CPU already. Such an event is
 * neither published nor dropped: no program that could count it runs. The kernel counts it for
 * each program. The sum is that of all programs that use the ring and are loaded now: a program
 * that is gone has taken its count along, and programs that a loader has replaced still count
 * until they are gone.
 *
 * Never sleeps for long: makes three system calls for each BPF program of the machine. Only the
 * thread that uses @r. Needs CAP_SYS_ADMIN.
 *
 * Return: 0; -EPERM this process may not look at BPF programs; -EOPNOTSUPP no BPF programs write
 * the ring; -EAGAIN there is no ring yet (RING_NONBLOCK); what bpf(2) gives.
 */
int ring_missed(struct ring_reader *r, uint64_t *missed);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_READER_H */

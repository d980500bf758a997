/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * libring: read the rings of the kernel module or of another process, and
 * publish a ring of one's own.
 *
 * Every function returns 0 or -errno unless it says otherwise; an object comes
 * back through its last parameter and is untouched on failure. ring_strerror()
 * has the sentence that goes with the last failure.
 *
 * A struct ring_reader or struct ring_writer belongs to one thread at a time. Different
 * ones are independent, also when they are on the same ring. After fork() only
 * one of the two processes may go on using a handle. No function is safe in a
 * signal handler.
 */
#ifndef LIBRING_H
#define LIBRING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBRING_VERSION_MAJOR 0
#define LIBRING_VERSION_MINOR 1
#define LIBRING_VERSION_PATCH 0

/* Exported, also from a library that is built with -fvisibility=hidden. */
#pragma GCC visibility push(default)

struct ring_reader;
struct ring_writer;

/*
 * Option structs start with their size: fill it with sizeof(). A library that
 * knows fewer fields accepts a longer struct when the rest is zero (-E2BIG
 * otherwise), one that knows more takes missing fields as zero.
 */

/* Where a reader starts, and the whence of ring_seek(). */
enum ring_whence {
	RING_OLDEST = 0, /* the oldest record still there */
	RING_NEWEST = 1, /* the newest record is the next one read */
	RING_HEAD = 2,	 /* only what is published from now on */
	RING_SEQ = 3,	 /* value: the seq that comes next */
	RING_TIME = 4,	 /* value: the first record with ts_ns >= it */
};

/* ring_open_opts.flags */
#define RING_EAGER (1u << 0) /* lowest latency, dearest for the writer */

/**
 * struct ring_open_opts - how to open a ring for reading
 * @size: sizeof(struct ring_open_opts)
 * @flags: RING_EAGER or 0
 * @whence: where to start, an enum ring_whence
 * @ring: with @one_ring, the number of the only ring to read
 * @value: for @whence
 * @merge_window_ns: hold a record back until it is this old, or every ring has
 *           a later one; see ring_read(). 0: never hold back
 * @wake_records: ring_wait() and the descriptor wake when a ring has this many
 *           records unread
 * @wake_bytes: or this many bytes, headers included. 0: no such limit; both 0:
 *           any record. Half of the data area unread always wakes
 * @wake_timeout_ns: or this long after the first unread record; 0: no such limit
 * @one_ring: 1: read ring @ring alone
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
};

/**
 * struct ring_record - one record
 * @seq: its number in its ring, from 1, without gaps in what was published
 * @ts_ns: its time in the ring's clock; 0 when the ring has none
 * @lost: records of the same ring lost between the one read before and this one
 * @payload: its bytes; who owns them, each function says
 * @len: how many it has, also when fewer were copied
 * @ring: number of its ring
 * @type: the producer's
 */
struct ring_record {
	uint64_t seq;
	uint64_t ts_ns;
	uint64_t lost;
	const void *payload;
	uint32_t len;
	uint32_t ring;
	uint16_t type;
	uint16_t reserved[3];
};

/**
 * ring_open() - open a ring for reading
 * @where: a name (a device of the module, /dev/seqring/NAME, or else a ring that
 *         a process serves, see ring_writer_listen(), or else one that BPF programs
 *         write, pinned in /sys/fs/bpf/seqring/NAME or $RINGBPFDIR/NAME), or a path:
 *         of a device, of a served ring's socket, of a ring's memfd
 *         (/proc/PID/fd/N), of the directory of a BPF ring's pins, or of a pinned map
 * @opts: NULL for the defaults: oldest record, every ring, no merge window
 * @out: the reader; ring_close() it
 *
 * May sleep. A ring opened by the path of its memfd or map alone comes without the
 * means to sleep, and so does a BPF ring that this process may only read: ring_wait()
 * and ring_fd() say -EOPNOTSUPP.
 *
 * Return: 0; -ENOENT no such ring; -EACCES not allowed; -EINVAL bad name, bad
 * options, or a merge window without CLOCK_MONOTONIC;
 * -E2BIG options of a later version; -EPROTO not a ring, or its geometry
 * contradicts itself or its file; -ENOTSUP a ring of an incompatible version, or
 * one that needs a feature this library lacks; -EPERM a memfd that its writer
 * could shrink or that is not sealed against other writers, or a BPF map that is not
 * frozen; -ERANGE @whence is
 * RING_SEQ and value lies in the future; -EOPNOTSUPP RING_SEQ on several rings
 * or RING_TIME without a clock; -EPIPE the writer was faster than the search for
 * value; -ECONNREFUSED the serving process is gone or takes no more readers;
 * -ETIMEDOUT it did not answer within 5 s; -ENAMETOOLONG; -ENOMEM, -EMFILE and
 * what open(2), mmap(2) and connect(2) give.
 */
int ring_open(const char *where, const struct ring_open_opts *opts, struct ring_reader **out);

/**
 * ring_open_fd() - open a ring by descriptor
 * @fd: a device, a ring's memfd, its BPF map, or a connection to a served ring;
 *      stays the caller's, is not used after the call returned
 * @opts, @out: as in ring_open()
 *
 * The cursor that a device wakes its reader by belongs to the open file: do not
 * open two readers by descriptors of one open().
 *
 * Return: as ring_open(); -EBADF.
 */
int ring_open_fd(int fd, const struct ring_open_opts *opts, struct ring_reader **out);

/**
 * struct ring_fds - what a memfd ring or a BPF ring consists of
 * @ring: the sealed memfd; or the frozen map
 * @wait: memfd or map with the armed words, writable by readers
 * @doorbell: eventfd that the writer rings; or a map, of type BPF_MAP_TYPE_RINGBUF
 */
struct ring_fds {
	int ring;
	int wait;
	int doorbell;
};

/**
 * ring_open_fds() - open a memfd ring or a BPF ring with the means to sleep
 * @fds: from ring_writer_fds() or ring_bpf_fds(), inherited or received; stay the
 *       caller's
 * @opts, @out: as in ring_open()
 *
 * Return: as ring_open(); -EBADF.
 */
int ring_open_fds(const struct ring_fds *fds, const struct ring_open_opts *opts, struct ring_reader **out);

/* Closes a reader; NULL is allowed. Pointers that it gave out are void then. */
void ring_close(struct ring_reader *r);

/**
 * ring_read() - copy the next record out
 * @r: the reader
 * @rec: filled on success; its payload is @buf
 * @buf: room for the payload; NULL when @size is 0
 * @size: bytes there; of a longer payload only these are copied, rec->len tells
 *
 * Never sleeps. Makes no system call, but for a ring whose descriptor was asked
 * for (ring_fd()) and which is found empty.
 *
 * Order: the records of one ring always come in the order of their seq. Records
 * of several rings come in the order of ts_ns among those that are there when
 * the function looks. A record whose writer took its time, but published it only
 * after a later one of another ring was read, comes late; ring_stats.misordered
 * counts those. With merge_window_ns = W none does, provided that every writer
 * publishes within W of taking the time. Rings without a clock take turns.
 *
 * That the process which served the ring was killed, and so did not end it, is
 * noticed by ring_wait() and by ring_read() after ring_fd() only.
 *
 * With several rings each call looks at every ring that had nothing; that is one
 * cache line per ring, which ring_read_batch() and ring_consume() pay once.
 *
 * Return: 0; -EAGAIN nothing to read now; -ENODEV nothing left and the writer is
 * gone; -EBADMSG the ring's contents are not a ring's (ring_seek() to go on);
 * -EPIPE the writer overrun the reader many times in a row, call again.
 */
int ring_read(struct ring_reader *r, struct ring_record *rec, void *buf, size_t size);

/**
 * ring_read_batch() - copy several records out
 * @r: the reader
 * @recs: array to fill; the payloads point into @buf, 8-byte aligned
 * @max: its length, at least 1
 * @buf: room for the payloads, 8-byte aligned; a first payload that is longer is
 *       cut as in ring_read()
 * @size: bytes there
 * @nr: set to how many were read, also on failure (then 0)
 *
 * The order that ring_read() states goes by one look for the whole batch.
 *
 * Return: 0 with at least one; else as ring_read(); -EINVAL @max is 0 or @buf
 * not aligned.
 */
int ring_read_batch(struct ring_reader *r, struct ring_record *recs, unsigned int max, void *buf,
		    size_t size, unsigned int *nr);

/* Called with a record whose payload is valid until it returns. Not 0: stop. */
typedef int (*ring_fn)(const struct ring_record *rec, void *arg);

/**
 * ring_consume() - call a function for what is there
 * @r: the reader
 * @fn: called for each record, in order, with a copy of it
 * @arg: for @fn
 * @max: at most this many records; 0: those published when the call began
 * @nr: set to how many @fn was called for; may be NULL
 *
 * The bound makes a pass end also when the writer never pauses.
 *
 * Return: 0 with at least one; what @fn returned, when it was not 0 (that record
 * is consumed); else as ring_read(); -ENOMEM.
 */
int ring_consume(struct ring_reader *r, ring_fn fn, void *arg, unsigned int max, unsigned int *nr);

/**
 * ring_peek() - look at the next record where it lies
 * @r: the reader
 * @rec: filled on success; the payload is in the ring
 *
 * rec->len bytes can be read without harm for as long as the reader is open, but
 * the writer may overwrite them at any time. Copy or compute, then ring_recheck():
 * only its 0 says that what was read was whole. Does not advance.
 *
 * Return: as ring_read().
 */
int ring_peek(struct ring_reader *r, struct ring_record *rec);

/**
 * ring_recheck() - ask whether all that was read since ring_peek() was whole
 * @r: the reader
 *
 * Return: 0: yes; -ESTALE: no, throw it away; the next ring_peek() goes on with
 * a later record and says what was lost; -EINVAL: nothing was peeked at.
 */
int ring_recheck(struct ring_reader *r);

/**
 * ring_advance() - be done with the record that was peeked at
 * @r: the reader
 *
 * Return: 0; -EINVAL: nothing was peeked at, or it was not found whole.
 */
int ring_advance(struct ring_reader *r);

/**
 * ring_wait() - sleep until there is something to read
 * @r: the reader
 * @timeout_ms: at the longest; 0: do not sleep, -1: no limit
 *
 * "Something" is what wake_records, wake_bytes and wake_timeout_ns ask for.
 *
 * Return: 0; -ETIMEDOUT; -EINTR a signal came; -ENODEV nothing left and the
 * writer is gone; -EOPNOTSUPP the ring was opened without the means to sleep.
 */
int ring_wait(struct ring_reader *r, int timeout_ms);

/**
 * ring_fd() - a descriptor for the application's own event loop
 * @r: the reader
 * @fd: stays the library's; valid until ring_close()
 *
 * Readable (level-triggered or edge-triggered) when ring_read() has something, or
 * -ENODEV to say. The application reads until -EAGAIN before it polls again: that
 * is what arms the next wake-up. It may wake earlier than asked for, never later.
 *
 * Return: 0; -EOPNOTSUPP as ring_wait().
 */
int ring_fd(struct ring_reader *r, int *fd);

/**
 * ring_set_wakeup() - change what wakes this reader
 * @r: the reader
 * @records, @bytes, @timeout_ns: as in struct ring_open_opts; in force from the
 *      next ring_wait() or the next time the descriptor is polled
 *
 * Return: 0.
 */
int ring_set_wakeup(struct ring_reader *r, uint64_t records, uint64_t bytes, uint64_t timeout_ns);

/**
 * ring_seek() - go somewhere else, on all rings that are read
 * @r: the reader
 * @whence: enum ring_whence
 * @value: for it
 *
 * Nothing counts as lost between the old and the new place; with RING_SEQ, what
 * is missing from @value on does.
 *
 * Return: 0; -EINVAL no such whence; -ERANGE @value lies in the future;
 * -EOPNOTSUPP RING_SEQ on several rings, RING_TIME without a clock; -EBADMSG;
 * -EPIPE as ring_read().
 */
int ring_seek(struct ring_reader *r, enum ring_whence whence, uint64_t value);

/**
 * ring_newest() - copy the newest record: a consistent snapshot of shared state
 * @r: the reader; does not move
 * @ring: which ring of the device
 * @rec, @buf, @size: as in ring_read(); rec->lost is 0
 *
 * Return: 0; -EAGAIN nothing was ever published; -ENODEV nothing ever will be;
 * -ENOENT no such ring; -EBADMSG; -EPIPE as ring_read().
 */
int ring_newest(struct ring_reader *r, unsigned int ring, struct ring_record *rec, void *buf, size_t size);

/**
 * struct ring_info - what a ring is
 * @size: sizeof(struct ring_info), filled by the caller
 * @writer: SEQRING_WRITER_* of seqring/abi.h
 * @nr_rings, @clock_id, @page_size, @features: as in its header
 * @data_size: bytes of each ring's data area
 * @payload_max: largest payload
 * @schema, @schema_size: the description of its records; NULL and 0: none. In
 *          the mapping, valid until ring_close()
 * @name: its name, terminated
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
};

/* Return: 0; -EINVAL: @info->size is too small; -E2BIG as for options. */
int ring_info(struct ring_reader *r, struct ring_info *info);

/**
 * struct ring_stats - how a reader and its rings stand
 * @size: sizeof(struct ring_stats), filled by the caller
 * @read: records this reader got
 * @lost: records this reader lost, those included that the next record will tell
 * @overruns: times that it was overtaken and threw away what it had read
 * @waits: times that it slept
 * @misordered: records that came later than their ts_ns; see ring_read()
 * @lag_records, @lag_bytes: published and not read yet
 * @published, @dropped, @wakeups: of the rings that are read, since their creation
 * @dead: every ring's writer is gone
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
	uint32_t reserved;
};

/* Return: 0; -EINVAL: @stats->size is too small; -E2BIG as for options. */
int ring_stats(struct ring_reader *r, struct ring_stats *stats);

/**
 * struct ring_stats_at - how one ring stands
 * @size: sizeof(struct ring_stats_at), filled by the caller
 * @head, @tail: positions
 * @published: records, which is also the newest seq
 * @dropped: by cause, SEQRING_DROP_* of seqring/abi.h
 * @id: its number, or its CPU
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
};

/* Return: 0; -ENOENT: no such ring; -EINVAL, -E2BIG as ring_stats(). */
int ring_stats_at(struct ring_reader *r, unsigned int ring, struct ring_stats_at *stats);

/* Devices of the module. */

/**
 * struct ring_create_opts - a device to create
 * @size: sizeof(struct ring_create_opts)
 * @clock_id: SEQRING_CLOCK_* of seqring/abi.h
 * @permissions: of the device node; 0: 0600
 * @data_size: a power of two, 64 KiB to 1 GiB
 * @schema, @schema_size: description of its records, or NULL and 0
 */
struct ring_create_opts {
	size_t size;
	uint32_t clock_id;
	uint32_t permissions;
	uint64_t data_size;
	const void *schema;
	size_t schema_size;
};

/**
 * ring_create() - create a device that is written with write(2)
 * @name: 1 to 31 of [A-Za-z0-9._-], not starting with a dot
 * @opts: its shape
 *
 * Return: 0; -EEXIST, -EINVAL, -ENOSPC, -ENOMEM, -EINTR as SEQRING_CTL_CREATE
 * says; -EACCES or -EPERM not allowed; -ENOENT the module is not loaded; -E2BIG.
 */
int ring_create(const char *name, const struct ring_create_opts *opts);

/* Return: 0; -ENOENT no such device; -EPERM a kernel module owns it; -EACCES. */
int ring_destroy(const char *name);

/*
 * Called with a name that ring_open() takes, and SEQRING_WRITER_* of seqring/abi.h:
 * a device of the module, a ring that BPF programs write, or one that a process serves.
 */
typedef int (*ring_list_fn)(const char *name, unsigned int writer, void *arg);

/* Return: 0; what @fn returned, when it was not 0; -errno of opendir(3). */
int ring_list(ring_list_fn fn, void *arg);

/* A ring of this process, in a memfd. */

/* ring_writer_opts.flags */
#define RING_WRITER_FULL_FENCE (1u << 0) /* no membarrier(2) in readers */

/**
 * struct ring_writer_opts - a ring to create
 * @size: sizeof(struct ring_writer_opts)
 * @flags: 0 or RING_WRITER_FULL_FENCE
 * @clock_id: SEQRING_CLOCK_NONE, _MONOTONIC or _COARSE
 * @nr_rings: 0 means 1; each ring may have a writing thread of its own
 * @data_size: of each ring, a power of two, 64 KiB to 1 GiB
 * @name: up to 31 bytes, for the header; NULL: none
 * @schema, @schema_size: description of its records, or NULL and 0
 */
struct ring_writer_opts {
	size_t size;
	uint32_t flags;
	uint32_t clock_id;
	uint32_t nr_rings;
	uint32_t reserved;
	uint64_t data_size;
	const char *name;
	const void *schema;
	size_t schema_size;
};

/**
 * ring_writer_create() - create a ring
 * @opts: its shape
 * @out: the writer; ring_writer_close() it
 *
 * Return: 0; -EINVAL bad options; -E2BIG; -ENOMEM, -EMFILE, -ENOSYS and what
 * memfd_create(2), mmap(2) and eventfd(2) give.
 */
int ring_writer_create(const struct ring_writer_opts *opts, struct ring_writer **out);

/* Ends the ring: readers drain it, then see -ENODEV. NULL is allowed. */
void ring_writer_close(struct ring_writer *w);

/**
 * ring_writer_publish() - publish one record and wake who waits for it
 * @w: the writer
 * @ring: which ring; a thread writes only to its own
 * @type: the producer's
 * @payload: only read, not kept
 * @len: bytes, 0 to payload_max
 *
 * Makes a system call only when a sleeper is due. The clock is read here.
 *
 * Return: 0; -EMSGSIZE too long (counted as a drop); -ENOENT no such ring;
 * -EBUSY a reservation is open.
 */
int ring_writer_publish(struct ring_writer *w, unsigned int ring, uint16_t type,
			const void *payload, size_t len);

/* The same, gathered. Return: as ring_writer_publish(); -EINVAL: @nr > 1024. */
int ring_writer_publish_iov(struct ring_writer *w, unsigned int ring, uint16_t type,
			    const struct iovec *iov, int nr);

/**
 * ring_writer_publish_batch() - publish several records, one clock, one wake-up
 * @w, @ring: as in ring_writer_publish()
 * @recs: type, payload and len of each are used
 * @nr: how many
 * @done: set to how many were published; may be NULL
 *
 * Return: 0 all; -EMSGSIZE the record recs[*done] is too long, those before it
 * are published; -ENOENT, -EBUSY.
 */
int ring_writer_publish_batch(struct ring_writer *w, unsigned int ring,
			      const struct ring_record *recs, unsigned int nr, unsigned int *done);

/**
 * ring_writer_reserve() - write the payload where it will lie
 * @w, @ring: as in ring_writer_publish()
 * @len: its length
 * @payload: @len bytes to fill, 8-byte aligned, old bytes; the caller's until
 *           ring_writer_commit() or ring_writer_discard()
 *
 * Return: as ring_writer_publish().
 */
int ring_writer_reserve(struct ring_writer *w, unsigned int ring, size_t len, void **payload);

/* Publishes what was reserved. Return: 0; -ENOENT; -EINVAL: nothing is reserved. */
int ring_writer_commit(struct ring_writer *w, unsigned int ring, uint16_t type);

/* Drops what was reserved. Return: 0; -ENOENT; -EINVAL: nothing is reserved. */
int ring_writer_discard(struct ring_writer *w, unsigned int ring);

/* The descriptors, for ring_open_fds() elsewhere; stay the writer's. Return: 0. */
int ring_writer_fds(struct ring_writer *w, struct ring_fds *fds);

/**
 * ring_writer_listen() - let other processes open the ring by name
 * @w: the writer
 * @where: a name, which makes a socket in the run-time directory ($RINGDIR, or
 *         $XDG_RUNTIME_DIR/seqring, or /run/seqring), or a path with a slash
 * @fd: readable when ring_writer_serve() has something to do; the writer's
 *
 * Return: 0; -EADDRINUSE another process serves that name; -EALREADY this writer
 * listens already; -EINVAL bad name; -ENAMETOOLONG; what socket(2), bind(2) and
 * mkdir(2) give. A socket that nobody serves any more is replaced.
 */
int ring_writer_listen(struct ring_writer *w, const char *where, int *fd);

/* Gives the descriptors to whoever asked; never sleeps. Return: 0; -EINVAL: not listening. */
int ring_writer_serve(struct ring_writer *w);

/**
 * ring_strerror() - what the last failing call of this thread had to say
 *
 * Return: a sentence, "" when none failed; valid until the thread's next call
 * into the library.
 */
const char *ring_strerror(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_H */

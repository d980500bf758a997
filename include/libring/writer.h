/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Publish on a ring of this process, in a memfd. Rules for all functions: libring.h. */
#ifndef LIBRING_WRITER_H
#define LIBRING_WRITER_H

#include <sys/uio.h>

#include <libring/common.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct ring_writer;

/* ring_writer_opts.flags */
/*
 * Readers need no membarrier(2) to sleep. Without the flag the kernel executes the writer's fence
 * for them; where the writer's process may not register for that, the ring is as with the flag.
 *
 * A call that takes the last record of a reader with ring_fd() arms before it returns. With the
 * flag such a lone record arrives in half of the time: after 2.6 us in place of 4.6, where an
 * eventfd took 2.2 (make bench, latency-sleep). Each record costs the writer a full fence.
 */
#define RING_WRITER_FULL_FENCE (1u << 0)
#define RING_WRITER_PREFAULT   (1u << 1) /* take all page faults now, not in the first lap */
#define RING_WRITER_LOCK       (1u << 2) /* what was written once stays in memory */
/*
 * A thread of the library wakes the readers that are due. Publishing then costs one short system
 * call when a reader is due, however many are. Without the flag, the thread that publishes wakes
 * each of them. Readers that are woken on the publishing thread's CPU interrupt it all the same:
 * give it a CPU of its own. The thread takes no signals and ends with the writer. Each wake-up
 * makes the kernel execute a fence on the CPUs that publish, as each reader that goes to sleep
 * does.
 */
#define RING_WRITER_WAKE_THREAD (1u << 3)

/**
 * struct ring_writer_opts - a ring to create
 * @size: sizeof(struct ring_writer_opts)
 * @flags: 0, or RING_WRITER_FULL_FENCE, RING_WRITER_PREFAULT, RING_WRITER_LOCK and
 *        RING_WRITER_WAKE_THREAD. PREFAULT and LOCK do for the writer what RING_PREFAULT and
 *        RING_LOCK do for a reader, see struct ring_open_opts: a page fault takes longer
 *        than a hundred short records. They hold for this process, not for a child that adopts
 *        the writer
 * @clock_id: SEQRING_CLOCK_* of seqring/abi.h
 * @nr_rings: number of rings; 0: 1. Each ring may have a writing thread of its own
 * @reserved: 0
 * @data_size: bytes of each ring's data area: a power of two, 64 KiB to 1 GiB
 * @name: for the header, at most 31 bytes; NULL: none
 * @schema: description of its records; NULL: none
 * @schema_size: bytes of @schema; 0: none
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
 * @opts: its shape; there are no defaults. Used during the call only
 * @out: set to the writer on success; ring_writer_close() frees it
 *
 * May sleep. Any thread.
 *
 * Return: 0; -EINVAL bad options, or @opts is NULL, or a kernel before Linux 5.1, which
 * cannot seal the memfd; -EAGAIN RING_WRITER_WAKE_THREAD, and no thread can be started; -E2BIG
 * @opts has unknown fields; -ENOMEM, with RING_WRITER_LOCK also more than RLIMIT_MEMLOCK; -EPERM
 * RING_WRITER_LOCK, and that limit is 0; -EMFILE, -ENFILE, -ENOSYS and what memfd_create(2),
 * ftruncate(2), mmap(2), madvise(2), mlock2(2) and eventfd(2) give.
 */
int ring_writer_create(const struct ring_writer_opts *opts, struct ring_writer **out);

/**
 * ring_writer_close() - end the ring and free the writer
 * @w: the writer; NULL is allowed
 *
 * May sleep. No other thread may use @w. In a child that inherited @w by fork() and has not
 * adopted it, the ring goes on, and only the child's memory is freed. Otherwise the ring ends:
 * readers that have it open drain it, then get -ENODEV. A reservation is discarded. The socket of
 * ring_writer_listen() is removed.
 */
void ring_writer_close(struct ring_writer *w);

/**
 * ring_writer_adopt() - go on with a writer that this process inherited by fork()
 * @w: the writer
 *
 * For a program that goes to the background after it has created the ring. The parent must not
 * use @w from then on: it exits without ring_writer_close(), which would end the ring. Readers
 * that opened a served ring before take the parent's end for the ring's end, and open it again.
 * The child calls ring_writer_listen() again to serve the ring. A child that only inherits @w
 * need do nothing: libring has closed there what would make a dead parent look alive.
 *
 * Never sleeps. If membarrier(2) is forbidden here, publishing costs a full fence from now on. The
 * thread of RING_WRITER_WAKE_THREAD is started here again; if that fails, publishing wakes the
 * readers itself.
 *
 * Return: 0; -EINVAL this process has not inherited @w, or has adopted it already.
 */
int ring_writer_adopt(struct ring_writer *w);

/*
 * Threads: of the functions below up to ring_writer_discard(), those that get the same @w
 * and the same @ring belong to one thread at a time. Different rings may be written by
 * different threads at the same time.
 *
 * While other threads publish, one more thread at a time may call ring_writer_listen(),
 * ring_writer_listen_opts() and ring_writer_serve(). ring_writer_fds() may be called by any thread
 * at any time. ring_writer_close() and ring_writer_adopt() exclude all others.
 */

/**
 * ring_writer_publish() - publish a record and wake readers that are due
 * @w: the writer
 * @ring: number of the ring, from 0
 * @type: a number of the producer's choice
 * @payload: the payload, copied; may be NULL if @len is 0
 * @len: bytes of the payload: 0 to payload_max of the ring
 *
 * Never sleeps. Reads the clock, and makes a system call only to wake readers.
 *
 * Return: 0 the record is published; otherwise nothing is: -EMSGSIZE @len is too long, which
 * counts as a dropped record; -ENOENT no such ring; -EBUSY a reservation is open on @ring;
 * -EPERM the process inherited @w by fork(), see ring_writer_adopt().
 */
int ring_writer_publish(struct ring_writer *w, unsigned int ring, uint16_t type,
			const void *payload, size_t len);

/**
 * ring_writer_publish_at() - publish a record with a time of its own
 * @w, @ring, @type, @payload, @len: as in ring_writer_publish()
 * @ts_ns: its time by the ring's clock, not earlier than that of the record before it on @ring:
 *         readers search by time. Ignored if the ring has no clock
 *
 * For records that happened before they are published, such as those of a recording. A reader's
 * merge window takes them for old.
 *
 * Never sleeps.
 *
 * Return: as ring_writer_publish(); -EINVAL @ts_ns is earlier: nothing is published.
 */
int ring_writer_publish_at(struct ring_writer *w, unsigned int ring, uint16_t type, uint64_t ts_ns,
			   const void *payload, size_t len);

/**
 * ring_writer_publish_iov() - publish a record that is gathered from pieces
 * @w, @ring, @type: as in ring_writer_publish()
 * @iov: the pieces, copied
 * @nr: number of pieces: 0 to 1024
 *
 * Never sleeps.
 *
 * Return: as ring_writer_publish(); -EINVAL @nr is out of range.
 */
int ring_writer_publish_iov(struct ring_writer *w, unsigned int ring, uint16_t type,
			    const struct iovec *iov, int nr);

/**
 * ring_writer_publish_batch() - publish several records with one time and one wake-up
 * @w, @ring: as in ring_writer_publish()
 * @recs: type, payload and len of each are used; payloads are copied
 * @nr: number of records
 * @done: set to the number of records that were published, also on failure; may be NULL
 *
 * Never sleeps.
 *
 * Return: 0 all are published; -EMSGSIZE recs[*@done] is too long, which counts as a
 * dropped record: the records before it are published, none after it is; -ENOENT, -EBUSY, -EPERM
 * as ring_writer_publish(), and none is published.
 */
int ring_writer_publish_batch(struct ring_writer *w, unsigned int ring,
			      const struct ring_record *recs, unsigned int nr, unsigned int *done);

/**
 * ring_writer_reserve() - get room in the ring to write a payload in place
 * @w, @ring: as in ring_writer_publish()
 * @len: bytes of the payload: 0 to payload_max of the ring
 * @payload: set to @len bytes in the ring, 8-byte aligned, which contain old data. They
 *           are the caller's until ring_writer_commit() or ring_writer_discard()
 *
 * Never sleeps. A ring has one reservation at a time.
 *
 * Return: as ring_writer_publish(); on failure there is no new reservation.
 */
int ring_writer_reserve(struct ring_writer *w, unsigned int ring, size_t len, void **payload);

/**
 * ring_writer_commit() - publish the reservation and wake readers that are due
 * @w, @ring, @type: as in ring_writer_publish()
 *
 * Never sleeps. Reads the clock.
 *
 * Return: 0; -ENOENT no such ring; -EINVAL nothing is reserved on @ring; -EPERM as in
 * ring_writer_publish().
 */
int ring_writer_commit(struct ring_writer *w, unsigned int ring, uint16_t type);

/**
 * ring_writer_discard() - give the reservation up; no reader sees it
 * @w, @ring: as in ring_writer_publish()
 *
 * Never sleeps.
 *
 * Return: 0; -ENOENT no such ring; -EINVAL nothing is reserved on @ring; -EPERM as in
 * ring_writer_publish().
 */
int ring_writer_discard(struct ring_writer *w, unsigned int ring);

/**
 * ring_writer_fds() - get the descriptors of the ring
 * @w: the writer
 * @fds: set to the descriptors, for ring_open_fds() here or in a process that inherits or
 *       receives them. They stay the writer's: do not close them. Readers that are opened by them
 *       share one doorbell, so each is woken whenever any reader of the ring is. A reader that
 *       opens the ring by its socket has its own
 *
 * Never sleeps. Any thread, at any time before ring_writer_close().
 *
 * Return: 0.
 */
int ring_writer_fds(struct ring_writer *w, struct ring_fds *fds);

/**
 * struct ring_listen_opts - who may open a served ring, and how many
 * @size: sizeof(struct ring_listen_opts)
 * @permissions: of the socket, bits of 0666, whatever the umask; 0: 0600. A process that can
 *           write to the socket can open the ring
 * @set_group: 1: the socket gets the group @group; 0: the process's own
 * @group: a group of this process, or any for root; 0 without @set_group
 * @readers_max: readers that have the ring open at the same time; 0: 1024. At most 65536, and
 *           half of the descriptors that the process may have (RLIMIT_NOFILE) when it begins
 *           to listen. Up to 1024 of them, as long as these take a quarter of the descriptors at
 *           most, have a doorbell of their own, which is one more descriptor. They are woken by
 *           their own watermark; the others whenever any reader is
 * @readers_per_user: of these, readers of one other user; 0: a quarter of them. It does not
 *           limit root and the process's own effective user
 * @reserved: 0
 */
struct ring_listen_opts {
	size_t size;
	uint32_t permissions;
	uint32_t set_group;
	uint32_t group;
	uint32_t readers_max;
	uint32_t readers_per_user;
	uint32_t reserved;
};

/**
 * ring_writer_listen() - let other processes open the ring by name
 * @w: the writer
 * @where: a name, which makes a socket in the directory $RINGDIR, or
 *         $XDG_RUNTIME_DIR/seqring (if the effective user owns that directory, and no one else
 *         may write there), or /run/seqring; or a path with a slash
 * @fd: set to a descriptor that is readable when ring_writer_serve() has something to do.
 *      It stays the writer's and is valid until ring_writer_close()
 *
 * May sleep, for about a second at most while another process has the directory locked. Any
 * thread, also while others publish.
 * Creates the directory of a name. Replaces a socket that no process serves any more.
 *
 * Return: 0; -EPERM as in ring_writer_publish(); -EINVAL bad name; -EALREADY this writer listens
 * already; -EADDRINUSE another process serves @where, or keeps the directory locked, or @where
 * is no socket; -EACCES not allowed; -ENAMETOOLONG; -ENOMEM; what socket(2), bind(2),
 * listen(2), mkdir(2), open(2) and epoll_create1(2) give.
 */
int ring_writer_listen(struct ring_writer *w, const char *where, int *fd);

/**
 * ring_writer_listen_opts() - the same, with options
 * @w, @where, @fd: as in ring_writer_listen(), which has the defaults
 * @opts: NULL for the defaults. Used during the call only
 *
 * A user may leave 16 greetings in its sockets without receiving them; its next readers get
 * theirs when it has received one. So no user can take all descriptors that the kernel lets
 * this process have in flight. This does not limit root and the process's own user, either.
 *
 * Return: as ring_writer_listen(); -EINVAL also bad options; -E2BIG @opts has unknown fields;
 * -EPERM the process may not give the socket to that group; what chmod(2) gives.
 */
int ring_writer_listen_opts(struct ring_writer *w, const char *where,
			    const struct ring_listen_opts *opts, int *fd);

/**
 * ring_writer_serve() - give the ring's descriptors to processes that connected
 * @w: the writer
 *
 * Never sleeps. Any thread, one at a time; others may publish at the same time.
 *
 * Return: 0; -EINVAL ring_writer_listen() was not called; -EPERM as in ring_writer_publish().
 */
int ring_writer_serve(struct ring_writer *w);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_WRITER_H */

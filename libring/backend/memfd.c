// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A memfd ring. Its doorbell is an eventfd that nobody ever reads. Each reader has an epoll
 * instance of its own with the doorbell in it, edge-triggered: whenever the writer rings
 * the doorbell, every reader gets an edge. The order that loses no wake-up:
 *
 *	drain the edges, arm, fence (by membarrier() when the writer has none),
 *	peek at the rings once more, sleep
 */

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/fd.h"
#include "../base/kind.h"
#include "../base/membarrier.h"
#include "../base/names.h"
#include "../reader/reader.h"
#include "connect.h"
#include "kinds.h"
#include "thresholds.h"

/* @conn: connection to the process that serves the ring, a descriptor of our own; or -1 */
struct memfd {
	struct ring_thresholds t;
	int conn;
};

static int memfd_dir(unsigned int nr, char *dir, size_t size)
{
	const size_t max = sizeof(((struct sockaddr_un *)0)->sun_path);

	return libring_socket_dir(nr, dir, size < max ? size : max);
}

static int memfd_find(const char *path, const struct stat *st, struct ring_origin *origin)
{
	int err;

	/* In a BPF file system, a regular file is a pin. */
	if (S_ISREG(st->st_mode) && !libring_on_bpffs(path))
		return libring_open_file(path, &origin->fds.ring);
	if (!S_ISSOCK(st->st_mode))
		return LIBRING_NOT_MINE;
	err = libring_connect(path, origin->until_ns, &origin->conn);
	if (!err && origin->no_wait)
		return -EINPROGRESS;
	return err ? err :
		     libring_receive_fds(origin->conn, origin->until_ns, &origin->fds,
					 &origin->slot_offset);
}

static bool memfd_probe(int fd, mode_t type)
{
	(void)fd;
	return S_ISREG(type);
}

static bool memfd_drain(struct ring_reader *r)
{
	struct memfd *f = r->state;
	uint32_t found = libring_thresholds_drain(&f->t);

	if (found & POLLER_PEER)
		r->merge.writer_gone = true;
	return found;
}

static void memfd_arm(struct ring_reader *r, bool for_fd)
{
	struct memfd *f = r->state;
	bool fenced;

	libring_thresholds_arm(&f->t, r, for_fd);
	/*
	 * Pairs with the compiler barrier in seqring_writer_wake_due(). A filter of system calls
	 * may forbid it at any time.
	 */
	fenced = !(r->mapping.hdr.features & SEQRING_FEAT_MEMBARRIER) ||
		 libring_membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) >= 0;
	libring_thresholds_note_fence(&f->t, r, for_fd, fenced);
}

static void memfd_kick(struct ring_reader *r)
{
	struct memfd *f = r->state;

	libring_thresholds_kick(&f->t);
}

static void memfd_close(struct ring_reader *r)
{
	struct memfd *f = r->state;

	if (!f)
		return;
	libring_thresholds_close(&f->t);
	libring_close_fd(f->conn);
	free(f);
}

static int check_seals(int fd, int needed, const char *what)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs st;

	if (seals < 0 || fstatfs(fd, &st))
		return libring_set_error(EPROTO, "not a ring: the %s is no memfd", what);
	/* These are mapped and unmapped only in multiples of their size. */
	if ((unsigned long)st.f_type == HUGETLBFS_MAGIC)
		return libring_set_error(EPROTO, "the %s consists of huge pages", what);
	if ((seals & needed) != needed)
		return libring_set_error(EPERM,
					 "the %s is not sealed against shrinking, growing and "
					 "the change of its seals: this could kill its readers",
					 what);
	return 0;
}

static int map_ring(struct ring_reader *r, int fd)
{
	struct stat st;
	int err;

	err = check_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, "ring's memfd");
	if (err)
		return err;
	if (!(fcntl(fd, F_GET_SEALS) & (F_SEAL_FUTURE_WRITE | F_SEAL_WRITE)))
		return libring_set_error(EPERM,
					 "the ring's memfd is not sealed against other writers");
	if (fstat(fd, &st))
		return libring_set_error(errno, "cannot stat the ring's memfd: %s",
					 strerror(errno));
	r->ring_id = st.st_ino;
	/* The kernel counts the inodes of its memfds in 64 bits. */
	r->creation = st.st_ino;
	err = libring_map_ring(&r->mapping, fd, (uint64_t)st.st_size);
	return err ? err : libring_check_kind(&r->mapping, SEQRING_WRITER_MEMFD);
}

/* @slot_offset: as in struct ring_origin */
static int map_thresholds(struct ring_reader *r, struct ring_thresholds *t, int fd,
			  uint64_t slot_offset)
{
	size_t size = r->mapping.hdr.nr_rings * sizeof(struct seqring_wait);
	struct stat st;
	int err;

	err = check_seals(fd, F_SEAL_SHRINK | F_SEAL_SEAL, "memfd with the wake thresholds");
	if (err)
		return err;
	if (fstat(fd, &st) || (uint64_t)st.st_size < size)
		return libring_set_error(EPROTO,
					 "the memfd with the wake thresholds is shorter than the "
					 "%zu bytes of %u rings",
					 size, r->mapping.hdr.nr_rings);
	err = libring_thresholds_map(t, r->mapping.hdr.nr_rings, fd);
	if (err || !slot_offset)
		return err;
	return libring_thresholds_map_slot(t, r->mapping.hdr.nr_rings, fd, (uint64_t)st.st_size,
					   slot_offset);
}

static int check_membarrier(const struct ring_reader *r)
{
	if (!(r->mapping.hdr.features & SEQRING_FEAT_MEMBARRIER) ||
	    libring_membarrier_has(MEMBARRIER_CMD_GLOBAL_EXPEDITED))
		return 0;
	return libring_set_error(ENOTSUP,
				 "the ring's readers need membarrier(2) to sleep, and this "
				 "process has none: create it with RING_WRITER_FULL_FENCE");
}

/* Notes who listened at the socket. A peer cannot lie about it. */
static void get_peer(int conn, struct ring_peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return;
	*peer = (struct ring_peer) {
		.known = true,
		.pid = (uint32_t)cred.pid,
		.uid = cred.uid,
		.gid = cred.gid,
	};
}

static int memfd_open(struct ring_reader *r, const struct ring_origin *origin)
{
	const struct ring_fds *fds = &origin->fds;
	struct memfd *f;
	int err;

	f = malloc(sizeof(*f));
	r->state = f;
	if (!f)
		return libring_set_error(ENOMEM, "no memory for a reader");
	libring_thresholds_init(&f->t);
	f->conn = -1;
	err = map_ring(r, fds->ring);
	if (err || fds->wait < 0)
		return err;
	err = check_membarrier(r);
	if (!err)
		err = libring_check_eventfd(fds->doorbell, "doorbell");
	if (!err)
		err = map_thresholds(r, &f->t, fds->wait, origin->slot_offset);
	if (!err)
		err = libring_thresholds_listen(&f->t, r, fds->doorbell);
	if (err || origin->conn < 0)
		return err;
	get_peer(origin->conn, &r->peer);
	f->conn = fcntl(origin->conn, F_DUPFD_CLOEXEC, 0);
	if (f->conn < 0)
		return libring_set_error(errno, "the connection to the ring's process: %s",
					 strerror(errno));
	return libring_poller_add(&f->t.poller, f->conn, EPOLLRDHUP | EPOLLET, POLLER_PEER);
}

const struct ring_backend libring_backend_memfd = {
	.writer = SEQRING_WRITER_MEMFD,
	.node_type = S_IFSOCK,
	.dir = memfd_dir,
	.find = memfd_find,
	.probe = memfd_probe,
	.open = memfd_open,
	.close = memfd_close,
	.drain = memfd_drain,
	.arm = memfd_arm,
	.kick = memfd_kick,
};

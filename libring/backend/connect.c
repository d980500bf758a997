// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The reader's end of a served ring's socket. writer/serve.c has the other end. */

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <seqring/abi.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/hello.h"
#include "../base/kind.h"
#include "../base/names.h"
#include "connect.h"

#define BUSY_MS 10
#define NR_FDS	LIBRING_HELLO_FDS

/*
 * Connects to the socket at @path, until @until_ns at the latest.
 *
 * Return: 0; -ENOENT without a sentence: the caller tries elsewhere; -ECONNREFUSED; -errno.
 */
int libring_connect(const char *path, uint64_t until_ns, int *sock)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, err;

	err = libring_socket_path(NULL, path, addr.sun_path, sizeof(addr.sun_path));
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return libring_set_error(errno, "cannot create a socket: %s", strerror(errno));
	while (connect(fd, (const struct sockaddr *)&addr, sizeof(addr))) {
		err = errno;
		/* EAGAIN: the backlog is full, and nothing can be polled for room in it. */
		if (err == EINTR || (err == EAGAIN && libring_now_ns() < until_ns)) {
			poll(NULL, 0, err == EAGAIN ? BUSY_MS : 0);
			continue;
		}
		close(fd);
		switch (err) {
		case ENOENT:
		case ENOTDIR:
			return -ENOENT;
		case EAGAIN:
			return libring_set_error(ETIMEDOUT,
						 "%s: its backlog is full: the process "
						 "that serves the ring does not accept",
						 path);
		case ECONNREFUSED:
			return libring_set_error(ECONNREFUSED,
						 "%s: the process that served the ring "
						 "is gone",
						 path);
		case EPROTOTYPE:
			return libring_set_error(EPROTO, "%s: not the socket of a ring", path);
		default:
			return libring_set_error(err, "%s: %s", path, strerror(err));
		}
	}
	*sock = fd;
	return 0;
}

static void close_all(const int *fds, size_t nr)
{
	while (nr)
		libring_close_foreign(fds[--nr]);
}

/* Takes the descriptors out of @msg. Return: their number, at most NR_FDS. */
static size_t take_fds(struct msghdr *msg, int *fds)
{
	struct cmsghdr *c;
	size_t nr;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		nr = nr < NR_FDS ? nr : NR_FDS;
		memcpy(fds, CMSG_DATA(c), nr * sizeof(int));
		return nr;
	}
	return 0;
}

static int check_hello(const struct libring_hello *hello, ssize_t len, size_t nr, bool cut)
{
	if (!len)
		return libring_set_error(ECONNREFUSED, "the process that serves the ring hung up");
	if ((size_t)len < LIBRING_HELLO_MIN || hello->magic != SEQRING_MAGIC)
		return libring_set_error(EPROTO, "not the socket of a ring: it sent no greeting");
	if (hello->version != LIBRING_HELLO_VERSION)
		return libring_set_error(ENOTSUP,
					 "the ring is served in version %u of the greeting; "
					 "this library knows %u",
					 hello->version, LIBRING_HELLO_VERSION);
	if (hello->error)
		return libring_set_error(ECONNREFUSED,
					 "the process that serves the ring takes no more "
					 "readers: %s",
					 strerror((int)hello->error));
	if (nr < NR_FDS && cut)
		return libring_set_error(EMFILE,
					 "this process has no room for the ring's %d "
					 "descriptors",
					 NR_FDS);
	if (nr < NR_FDS || cut)
		return libring_set_error(EPROTO, "the greeting came with %s than %d descriptors",
					 cut ? "more" : "fewer", NR_FDS);
	return 0;
}

/* Checks the kinds of the descriptors, before anything else is done with them. */
static int check_kinds(const int *fds)
{
	if (!libring_is_memfd(fds[0]) || !libring_is_memfd(fds[1]))
		return libring_set_error(EPROTO, "the greeting came with a descriptor that is no "
						 "memfd");
	return libring_check_eventfd(fds[2], "doorbell");
}

/**
 * libring_receive_fds() - receive a ring's descriptors from the process that serves it
 * @sock: the connection; stays the caller's
 * @until_ns: when that process must have answered
 * @out: the descriptors, the caller's after success
 * @slot_offset: set to where the reader's slot is in the second one; 0: it has none
 */
int libring_receive_fds(int sock, uint64_t until_ns, struct ring_fds *out, uint64_t *slot_offset)
{
	uint64_t now = libring_now_ns();
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(NR_FDS * sizeof(int))];
	} control;
	struct libring_hello hello = { 0 };
	struct iovec iov = { .iov_base = &hello, .iov_len = sizeof(hello) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		/* Not CMSG_SPACE: its padding has room for one more descriptor. */
		.msg_controllen = CMSG_LEN(NR_FDS * sizeof(int)),
	};
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	int fds[NR_FDS] = { -1, -1, -1 };
	ssize_t len;
	size_t nr;
	int err;

	/* Once at least: the answer may be there already. */
	do {
		if (poll(&pfd, 1,
			 now < until_ns ? (int)((until_ns - now) / LIBRING_MSEC_NS) + 1 : 0) > 0)
			break;
		now = libring_now_ns();
	} while (now < until_ns);
	if (!pfd.revents)
		return libring_set_error(ETIMEDOUT, "the process that serves the ring did not "
						    "answer in time");
	len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (len < 0)
		return libring_set_error(errno == ECONNRESET ? ECONNREFUSED : errno,
					 "cannot receive the ring's descriptors: %s",
					 strerror(errno));
	nr = take_fds(&msg, fds);
	err = check_hello(&hello, len, nr, msg.msg_flags & MSG_CTRUNC);
	if (!err)
		err = check_kinds(fds);
	if (err) {
		close_all(fds, nr);
		return err;
	}
	out->ring = fds[0];
	out->wait = fds[1];
	out->doorbell = fds[2];
	*slot_offset = (size_t)len < sizeof(hello) ? 0 : hello.slot_offset;
	return 0;
}

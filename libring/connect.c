// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The reader's end of a served ring's socket. serve.c has the other end. */

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

#define PATIENCE_MS 5000
#define BUSY_MS	    10
#define NR_FDS	    3

/*
 * Connects to the socket at @path.
 *
 * Return: 0; -ENOENT silently, others look elsewhere; -ECONNREFUSED; -errno.
 */
int libring_connect(const char *path, int *sock)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	uint64_t until = libring_now_ns() + PATIENCE_MS * 1000000ULL;
	int fd, err;

	err = libring_socket_path(NULL, path, addr.sun_path, sizeof(addr.sun_path));
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return libring_fail(errno, "cannot create a socket: %s", strerror(errno));
	while (connect(fd, (const struct sockaddr *)&addr, sizeof(addr))) {
		err = errno;
		/* EAGAIN: as many wait to be accepted as may; there is nothing to poll for. */
		if (err == EINTR || (err == EAGAIN && libring_now_ns() < until)) {
			poll(NULL, 0, err == EAGAIN ? BUSY_MS : 0);
			continue;
		}
		close(fd);
		switch (err) {
		case ENOENT:
		case ENOTDIR:
			return -ENOENT;
		case EAGAIN:
			return libring_fail(ETIMEDOUT,
					    "%s: its process does not serve the many "
					    "who wait",
					    path);
		case ECONNREFUSED:
			return libring_fail(ECONNREFUSED,
					    "%s: the process that served the ring "
					    "is gone",
					    path);
		case EPROTOTYPE:
			return libring_fail(EPROTO, "%s: not the socket of a ring", path);
		default:
			return libring_fail(err, "%s: %s", path, strerror(err));
		}
	}
	*sock = fd;
	return 0;
}

static void close_all(const int *fds, size_t nr)
{
	while (nr)
		close(fds[--nr]);
}

/* Takes the descriptors out of @msg. Return: how many there are, at most NR_FDS. */
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
		return libring_fail(ECONNREFUSED, "the process that serves the ring hung up");
	if ((size_t)len < sizeof(*hello) || hello->magic != SEQRING_MAGIC)
		return libring_fail(EPROTO, "not the socket of a ring: what came is no greeting");
	if (hello->version != LIBRING_HELLO_VERSION)
		return libring_fail(ENOTSUP,
				    "the ring is served in version %u of the greeting; "
				    "this library knows %u",
				    hello->version, LIBRING_HELLO_VERSION);
	if (hello->error)
		return libring_fail(ECONNREFUSED,
				    "the process that serves the ring takes no more "
				    "readers: %s",
				    strerror((int)hello->error));
	if (nr < NR_FDS && cut)
		return libring_fail(EMFILE,
				    "this process has no room for the ring's %d "
				    "descriptors",
				    NR_FDS);
	if (nr < NR_FDS || cut)
		return libring_fail(EPROTO, "the greeting came with %s than %d descriptors",
				    cut ? "more" : "fewer", NR_FDS);
	return 0;
}

/**
 * libring_receive() - take a ring's descriptors from who serves it
 * @sock: the connection; stays the caller's
 * @out: the descriptors, the caller's then
 */
int libring_receive(int sock, struct ring_fds *out)
{
	uint64_t now = libring_now_ns(), until = now + PATIENCE_MS * 1000000ULL;
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
		/* Not CMSG_SPACE: its padding has room for one more. */
		.msg_controllen = CMSG_LEN(NR_FDS * sizeof(int)),
	};
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	int fds[NR_FDS] = { -1, -1, -1 };
	ssize_t len;
	size_t nr;
	int err;

	for (; now < until; now = libring_now_ns()) {
		if (poll(&pfd, 1, (int)((until - now) / 1000000) + 1) > 0)
			break;
	}
	if (!pfd.revents)
		return libring_fail(ETIMEDOUT,
				    "the process that serves the ring did not answer "
				    "within %d s",
				    PATIENCE_MS / 1000);
	len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (len < 0)
		return libring_fail(errno == ECONNRESET ? ECONNREFUSED : errno,
				    "cannot receive the ring's descriptors: %s", strerror(errno));
	nr = take_fds(&msg, fds);
	err = check_hello(&hello, len, nr, msg.msg_flags & MSG_CTRUNC);
	if (err) {
		close_all(fds, nr);
		return err;
	}
	out->ring = fds[0];
	out->wait = fds[1];
	out->doorbell = fds[2];
	return 0;
}

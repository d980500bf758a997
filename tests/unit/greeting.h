/* SPDX-License-Identifier: GPL-2.0-only */
/* A process that serves a ring, as far as a reader sees it. */
#ifndef TESTS_UNIT_GREETING_H
#define TESTS_UNIT_GREETING_H

#include <sys/socket.h>

#include "../../libring/base/hello.h"
#include "unit.h"

/* Opens a ring by a connection whose peer sends @len bytes of a greeting, and descriptors. */
static inline int open_greeted(struct libring_hello hello, size_t len, struct ring_fds fds,
			       struct ring_reader **r)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = { .header = { CMSG_LEN(sizeof(fds)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { &hello, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int ends[2], err;

	memcpy(CMSG_DATA(&control.header), &fds, sizeof(fds));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(sendmsg(ends[0], &msg, 0), len);
	err = ring_open_fd(ends[1], NULL, r);
	close(ends[0]);
	close(ends[1]);
	return err;
}

#endif /* TESTS_UNIT_GREETING_H */

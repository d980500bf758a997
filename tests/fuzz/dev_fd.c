// SPDX-License-Identifier: GPL-2.0-only
/* Calls that open, copy, pass and close descriptors. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devfuzz.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static long run_open(struct fuzz_args *a)
{
	return open(a->text, a->v[1], 0);
}

static void check_open(struct fuzz_args *a, long ret, int err)
{
	bool writable = (a->v[1] & O_ACCMODE) != O_RDONLY;

	if (ret < 0)
		return;
	if (a->v[1] & O_PATH || (a->v[1] & O_ACCMODE) == O_ACCMODE ||
	    strncmp(a->text, SEQRING_DEV_DIR "/", sizeof(SEQRING_DEV_DIR)) ||
	    strchr(a->text + sizeof(SEQRING_DEV_DIR), '/') || strstr(a->text, "/.") ||
	    !a->text[sizeof(SEQRING_DEV_DIR)]) {
		close(ret);
		return;
	}
	fuzz_add_fd(ret, FUZZ_DEV, writable);
}

/* Opens a device by a valid name, so that most programs have one to work on. */
static int open_good(uint64_t name, uint64_t flags)
{
	static const char *const names[] = { "fz0", "fz1", "fz2", "fz3", "fzl", "fzp", "honest" };
	static const int modes[] = { O_RDONLY, O_RDWR, O_RDONLY | O_NONBLOCK, O_RDWR | O_NONBLOCK };
	char path[64];

	snprintf(path, sizeof(path), SEQRING_DEV_DIR "/%s", names[name % LEN(names)]);
	return open(path, modes[flags % LEN(modes)] | O_CLOEXEC);
}

static long run_open_good(struct fuzz_args *a)
{
	return open_good(a->v[0], a->v[1]);
}

static void check_open_good(struct fuzz_args *a, long ret, int err)
{
	if (ret >= 0)
		fuzz_add_fd(ret, FUZZ_DEV, a->v[1] % 2);
}

static long run_close(struct fuzz_args *a)
{
	/* Descriptors 0 to 2 stay open: the fuzzer prints to them. */
	return close(a->v[0] > 2 ? a->v[0] : 9999);
}

static void check_close(struct fuzz_args *a, long ret, int err)
{
	if (ret == 0)
		fuzz_forget_fd(a->v[0]);
}

static long run_dup(struct fuzz_args *a)
{
	if (a->v[1] % 3 == 0)
		return fcntl(a->v[0], F_DUPFD_CLOEXEC, 10);
	return dup(a->v[0]);
}

static void check_dup(struct fuzz_args *a, long ret, int err)
{
	if (ret < 0)
		return;
	if (a->slot < 0)
		close(ret);
	else
		fuzz_add_fd(ret, a->h.kind, a->h.writable);
}

/* Copies a descriptor onto another one, which this closes. */
static long run_dup_onto(struct fuzz_args *a)
{
	if ((int)a->v[1] < 3)
		return -1;
	return dup3(a->v[0], a->v[1], a->v[2] % 2 ? O_CLOEXEC : 0);
}

static void check_dup_onto(struct fuzz_args *a, long ret, int err)
{
	if (ret < 0)
		return;
	fuzz_forget_fd(ret);
	check_dup(a, ret, err);
}

static long run_fcntl(struct fuzz_args *a)
{
	static const int cmds[] = { F_GETFD,	 F_SETFD,      F_GETFL,	   F_SETFL,
				    F_GETOWN,	 F_SETPIPE_SZ, F_GETLEASE, F_ADD_SEALS,
				    F_GET_SEALS, F_GET_RW_HINT };
	struct flock lock = { .l_type = a->v[2] % 3 };

	switch (a->v[1] % 16) {
	case 15:
		return fcntl(a->v[0], F_SETLK, &lock);
	case 14:
		return flock(a->v[0], LOCK_NB | (a->v[2] % 2 ? LOCK_SH : LOCK_EX));
	case 13:
		return fcntl(a->v[0], F_SETFL, a->v[2] % 2 ? O_NONBLOCK : 0);
	default:
		return fcntl(a->v[0], cmds[a->v[1] % LEN(cmds)], a->v[2]);
	}
}

static long run_socketpair(struct fuzz_args *a)
{
	int socks[2];

	if (socketpair(AF_UNIX,
		       (a->v[0] % 2 ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       socks))
		return -1;
	fuzz_add_fd(socks[0], FUZZ_SOCKET, true);
	fuzz_add_fd(socks[1], FUZZ_SOCKET, true);
	return 0;
}

static void need_reader(struct fuzz_rnd *r)
{
	int slot, fd;

	fuzz_need_fd(r, FUZZ_DEV);
	slot = fuzz_slot(r, FUZZ_DEV);
	if (slot < 0 || fuzz.h[slot].kind != FUZZ_DEV)
		return;
	fd = ioctl(fuzz.h[slot].fd, SEQRING_IOC_READER_FD, 0);
	if (fd >= 0)
		fuzz_add_fd(fd, FUZZ_READER, true);
}

void fuzz_need_fd(struct fuzz_rnd *r, enum fuzz_kind kind)
{
	struct fuzz_args a = { .slot = -1 };
	unsigned int i, tries;
	int fd;

	for (i = 0; i < FUZZ_HANDLES; i++)
		if (fuzz.h[i].kind == kind)
			return;
	if (fuzz.verbose && !fuzz.is_child)
		printf("#   (opens one of kind %d)\n", kind);
	switch (kind) {
	case FUZZ_DEV:
		for (fd = -1, tries = 0; fd < 0 && tries < 4; tries++) {
			a.v[1] = fuzz_rnd(r);
			fd = open_good(fuzz_rnd(r), a.v[1]);
		}
		check_open_good(&a, fd, 0);
		break;
	case FUZZ_READER:
		need_reader(r);
		break;
	case FUZZ_EPOLL:
		fd = epoll_create1(EPOLL_CLOEXEC);
		if (fd >= 0)
			fuzz_add_fd(fd, FUZZ_EPOLL, true);
		break;
	case FUZZ_SOCKET:
		a.v[0] = fuzz_rnd(r);
		run_socketpair(&a);
		break;
	default:
		break;
	}
}

/* Sends a descriptor. It may stay in flight even when both ends are closed. */
static long run_send_fd(struct fuzz_args *a)
{
	char data = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &data, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fd = a->v[1];

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(a->v[0], &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static long run_receive_fd(struct fuzz_args *a)
{
	char data, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &data, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(a->v[0], &msg, MSG_DONTWAIT) != 1)
		return -1;
	if (CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void check_receive_fd(struct fuzz_args *a, long ret, int err)
{
	char path[48], target[64];
	ssize_t len;

	if (ret < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%ld", ret);
	len = readlink(path, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = 0;
	if (!strncmp(target, SEQRING_DEV_DIR "/", sizeof(SEQRING_DEV_DIR)))
		fuzz_add_fd(ret, FUZZ_DEV, fcntl(ret, F_GETFL) & O_ACCMODE);
	else if (strstr(target, "[seqring-reader]"))
		fuzz_add_fd(ret, FUZZ_READER, true);
	else
		close(ret);
}

static const struct fuzz_call calls[] = {
	{ "open", 8, { T_NAME, T_OPEN_FLAGS }, run_open, check_open },
	{ "open_good", 10, { T_RAW, T_RAW }, run_open_good, check_open_good },
	{ "close", 4, { T_FD }, run_close, check_close, .thread = true },
	{ "dup", 4, { T_FD, T_RAW }, run_dup, check_dup },
	{ "dup_onto", 2, { T_FD, T_FD, T_RAW }, run_dup_onto, check_dup_onto, .alone = true },
	{ "fcntl", 4, { T_FD, T_RAW, T_RAW }, run_fcntl },
	{ "socketpair", 3, { T_RAW }, run_socketpair },
	{ "send_fd", 4, { T_SOCKET, T_FD }, run_send_fd },
	{ "receive_fd", 4, { T_SOCKET }, run_receive_fd, check_receive_fd },
};

const struct fuzz_group fuzz_fd_calls = { calls, LEN(calls) };

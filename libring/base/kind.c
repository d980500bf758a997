// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * What a descriptor is, found out before it is used. Another process may have sent it, and it
 * may belong to a file system that this process's peer implements (FUSE). A call that asks such
 * a file system sleeps for as long as the peer likes, and not even SIGKILL ends it: stat, poll,
 * mmap, ioctl, and also close(2), which flushes. Nothing here asks.
 */

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "kind.h"

/* True if @fd is a memfd, or another file in memory that can be sealed. */
bool libring_is_memfd(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0;
}

/* Gets the S_IF* of @fd, as far as the kernel knows it. Return: 0; -errno. */
int libring_get_type(int fd, mode_t *type)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st))
		return libring_set_error(errno, "cannot stat descriptor %d: %s", fd,
					 strerror(errno));
	*type = st.stx_mode & S_IFMT;
	return 0;
}

/*
 * Asks the kernel to ring @fd when it has read from the writing end of a pipe. It looks at @fd
 * first, and refuses what is no eventfd; then it refuses to read. So nothing rings.
 *
 * Return: 1; 0 no eventfd; -errno there is no AIO.
 */
static int ask_aio(int fd)
{
	struct iocb read_nothing = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd,
	};
	struct iocb *one = &read_nothing;
	aio_context_t ctx = 0;
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	read_nothing.aio_fildes = (uint32_t)ends[1];
	err = syscall(SYS_io_setup, 1, &ctx) ? -errno : 0;
	if (!err) {
		err = syscall(SYS_io_submit, ctx, 1L, &one) < 0 ? -errno : 0;
		syscall(SYS_io_destroy, ctx);
		err = err == -EBADF ? 1 : err == -EINVAL ? 0 : -ENOSYS;
	}
	close(ends[0]);
	close(ends[1]);
	return err;
}

/* Return: 1; 0 no eventfd; -errno cannot tell. */
static int is_eventfd(int fd)
{
	static const char wanted[] = "anon_inode:[eventfd]";
	char path[32], text[sizeof(wanted)];
	mode_t type;
	ssize_t len;

	/* Like all anonymous files, an eventfd has no type. */
	if (libring_get_type(fd, &type))
		return -errno;
	if (type)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, text, sizeof(text));
	if (len < 0)
		return ask_aio(fd);
	return len == sizeof(wanted) - 1 && !memcmp(text, wanted, sizeof(wanted) - 1);
}

/* Checks that @fd is an eventfd: @what names it. Return: 0; -EPROTO; -ENOTSUP cannot tell. */
int libring_check_eventfd(int fd, const char *what)
{
	int is = is_eventfd(fd);

	if (is > 0)
		return 0;
	if (!is)
		return libring_set_error(EPROTO, "descriptor %d is no %s: that is an eventfd", fd,
					 what);
	return libring_set_error(ENOTSUP,
				 "cannot check that descriptor %d is a %s, an eventfd: this "
				 "process has neither /proc nor AIO",
				 fd, what);
}

/*
 * Closes a descriptor that another process sent, unless that could sleep. The descriptor then
 * stays open: a reader must not hang because of what it refuses.
 */
void libring_close_foreign(int fd)
{
	mode_t type;

	if (libring_is_memfd(fd) || (!libring_get_type(fd, &type) && (!type || S_ISFIFO(type))))
		close(fd);
}

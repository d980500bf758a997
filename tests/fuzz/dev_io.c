// SPDX-License-Identifier: GPL-2.0-only
/* Calls that read, write, seek and wait. */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devfuzz.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Splits the buffer into up to four pieces. */
static int split(const struct fuzz_args *a, struct iovec *iov)
{
	uint64_t len = a->v[2], part = len / 3 + 1, at = 0;
	int nr = 0;

	do {
		iov[nr].iov_base = (void *)(a->v[1] + at);
		iov[nr].iov_len = len - at < part ? len - at : part;
		at += iov[nr++].iov_len;
	} while (at < len && nr < 4);
	return nr;
}

static long run_read(struct fuzz_args *a)
{
	return read(a->v[0], (void *)a->v[1], a->v[2]);
}

static long run_readv(struct fuzz_args *a)
{
	struct iovec iov[4];

	return readv(a->v[0], iov, split(a, iov));
}

static long run_pread(struct fuzz_args *a)
{
	return pread(a->v[0], (void *)a->v[1], a->v[2], a->v[3]);
}

/* Checks that the buffer has whole records in the documented format. */
static void check_records(const unsigned char *p, uint64_t len, const struct fuzz_handle *h)
{
	struct seqring_record rec;
	uint64_t at = 0, size, i;

	while (at < len) {
		if (len - at < sizeof(rec))
			fuzz_fail("read", "%lu bytes after the last record", len - at);
		memcpy(&rec, p + at, sizeof(rec));
		size = (sizeof(rec) + (uint64_t)rec.meta.len + 7) & ~7ULL;
		if (!rec.stamp || rec.meta.flags || rec.meta.len > h->payload_max ||
		    size > len - at)
			fuzz_fail("read", "stamp %llu, len %u, flags %x at %lu of %lu",
				  (unsigned long long)rec.stamp, rec.meta.len, rec.meta.flags, at,
				  len);
		for (i = sizeof(rec) + rec.meta.len; i < size; i++)
			if (p[at + i])
				fuzz_fail("read", "a byte of the padding is %u", p[at + i]);
		at += size;
	}
}

static void check_read(struct fuzz_args *a, long ret, int err)
{
	if (ret <= 0 || a->slot < 0)
		return;
	if (a->target == FUZZ_DEV)
		fuzz_fail("read", "it read %ld bytes into ring pages", ret);
	if ((uint64_t)ret > a->v[2])
		fuzz_fail("read", "it read %ld bytes, at most %lu are allowed", ret, a->v[2]);
	if (a->h.kind == FUZZ_READER)
		fuzz_fail("read", "it read %ld bytes from a reader page's file", ret);
	if (a->h.kind == FUZZ_DEV && a->v[1] < FUZZ_ARENA)
		check_records((const unsigned char *)a->v[1], ret, &a->h);
}

static long run_write(struct fuzz_args *a)
{
	return write(a->v[0], (const void *)a->v[1], a->v[2]);
}

static long run_writev(struct fuzz_args *a)
{
	struct iovec iov[4];

	return writev(a->v[0], iov, split(a, iov));
}

static void check_write(struct fuzz_args *a, long ret, int err)
{
	if (ret < 0 || a->slot < 0)
		return;
	if (a->h.kind == FUZZ_READER || (a->h.kind == FUZZ_DEV && !a->h.takes_writes))
		fuzz_fail("write", "it wrote %ld bytes to a file that takes no writes", ret);
	if (a->h.kind == FUZZ_DEV && ((uint64_t)ret != a->v[2] || a->v[2] > a->h.payload_max))
		fuzz_fail("write", "it wrote %ld of %lu bytes, at most %lu are allowed", ret,
			  a->v[2], a->h.payload_max);
}

static long run_lseek(struct fuzz_args *a)
{
	return lseek(a->v[0], a->v[1], a->v[2]);
}

static void check_lseek(struct fuzz_args *a, long ret, int err)
{
	if (ret < 0 || a->h.kind != FUZZ_DEV || a->slot < 0)
		return;
	if (a->v[1] || a->v[2] > SEEK_END || a->v[2] == SEEK_CUR || ret)
		fuzz_fail("lseek", "it accepted offset %lld, whence %lld", (long long)a->v[1],
			  (long long)a->v[2]);
}

static long run_poll(struct fuzz_args *a)
{
	struct pollfd p[2] = { { a->v[0], a->v[2], 0 }, { a->v[1], POLLIN, 0 } };

	return poll(p, 2, a->v[3] % 4);
}

static long run_epoll_new(struct fuzz_args *a)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

static void check_epoll_new(struct fuzz_args *a, long ret, int err)
{
	if (ret >= 0)
		fuzz_add_fd(ret, FUZZ_EPOLL, true);
}

static long run_epoll_ctl(struct fuzz_args *a)
{
	static const uint32_t more[] = { 0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE };
	struct epoll_event ev = { .events = a->v[2] | more[a->v[3] % 4] };
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD,
				   EPOLL_CTL_DEL };

	return epoll_ctl(a->v[0], ops[a->v[4] % 5], a->v[1], &ev);
}

static long run_epoll_wait(struct fuzz_args *a)
{
	struct epoll_event ev[4];

	return epoll_wait(a->v[0], ev, 4, a->v[1] % 4);
}

static long run_sendfile(struct fuzz_args *a)
{
	return sendfile(a->v[0], a->v[1], NULL, a->v[2] % 65536);
}

static long run_splice(struct fuzz_args *a)
{
	int pipes[2], err;
	long ret;

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		return -1;
	if (a->v[2] % 2)
		ret = splice(a->v[0], NULL, pipes[1], NULL, a->v[1] % 65536, SPLICE_F_NONBLOCK);
	else if (write(pipes[1], "from a pipe", 11) == 11)
		ret = splice(pipes[0], NULL, a->v[0], NULL, 11, SPLICE_F_NONBLOCK);
	else
		ret = -1;
	err = errno;
	close(pipes[0]);
	close(pipes[1]);
	errno = err;
	return ret;
}

/* Calls that make no sense for a device. They must do no harm. */
static long run_odd(struct fuzz_args *a)
{
	struct stat sb;

	switch (a->v[1] % 8) {
	case 0:
		return ftruncate(a->v[0], a->v[2]);
	case 1:
		return fallocate(a->v[0], a->v[3] % 4, 0, a->v[2] >> 1);
	case 2:
		return fsync(a->v[0]);
	case 3:
		return posix_fadvise(a->v[0], 0, a->v[2] >> 1, a->v[3] % 6) ? -1 : 0;
	case 4:
		return readahead(a->v[0], 0, a->v[2]);
	case 5:
		return fstat(a->v[0], &sb);
	case 6:
		return copy_file_range(a->v[0], NULL, a->v[0], NULL, a->v[2] % 65536, 0);
	default:
		return sync_file_range(a->v[0], 0, a->v[2] >> 1, 7);
	}
}

static void check_odd(struct fuzz_args *a, long ret, int err)
{
	if (ret == 0 && a->h.kind == FUZZ_DEV && a->slot >= 0 && a->v[1] % 8 < 2)
		fuzz_fail("truncate", "a device was truncated, or got a hole");
}

static const struct fuzz_call calls[] = {
	{ "read", 10, { T_DEV, T_BUF }, run_read, check_read },
	{ "readv", 3, { T_DEV, T_BUF }, run_readv },
	{ "pread", 2, { T_DEV, T_BUF, T_RAW }, run_pread, check_read },
	{ "read_any", 1, { T_FD, T_BUF }, run_read, check_read },
	{ "write", 8, { T_DEV, T_BUF }, run_write, check_write, .thread = true },
	{ "writev", 4, { T_DEV, T_BUF }, run_writev, .thread = true },
	{ "write_any", 1, { T_READER, T_BUF }, run_write, check_write },
	{ "lseek", 4, { T_DEV, T_ZERO, T_WHENCE }, run_lseek, check_lseek, .thread = true },
	{ "poll", 8, { T_DEV, T_FD, T_EVENTS, T_RAW }, run_poll },
	{ "epoll_create", 2, { T_END }, run_epoll_new, check_epoll_new },
	{ "epoll_ctl", 5, { T_EPOLL, T_DEV, T_EVENTS, T_RAW, T_RAW }, run_epoll_ctl },
	{ "epoll_wait", 3, { T_EPOLL, T_RAW }, run_epoll_wait },
	{ "sendfile", 1, { T_FD, T_DEV, T_RAW }, run_sendfile },
	{ "splice", 1, { T_DEV, T_RAW, T_RAW }, run_splice },
	{ "odd", 2, { T_FD, T_RAW, T_RAW, T_RAW }, run_odd, check_odd },
};

const struct fuzz_group fuzz_io_calls = { calls, LEN(calls) };

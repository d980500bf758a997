// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's ways to pass records from one process to another: a pipe, a Unix datagram
 * socket, a POSIX message queue. Each loses nothing; the writer sleeps while it is full.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peers.h"

#define GROUP	    64u	       /* records in one system call, where there can be several */
#define PIPE_BYTES  (1u << 20) /* as much as anyone may have by default */
#define READ_BYTES  (64u << 10)
#define SOCK_BYTES  (4 << 20)
#define QUEUE_DEPTH 1024

/*
 * @reader, @poller: two descriptors of the same end; reads of the first sleep
 * @at, @end: the bytes of @buf that were read and not yet taken
 */
struct channel {
	int writer;
	unsigned int group;
	uint64_t *batch;
	struct mmsghdr *out;

	int reader __attribute__((aligned(128)));
	int poller;
	size_t at;
	size_t end;
	unsigned char *buf;
	struct mmsghdr *in;
};

/* The variant of a row: records in a system call; NULL: one. */
const unsigned int channel_group = GROUP;

static struct channel *channel_new(struct stream *s)
{
	struct channel *c = stream_alloc(s, sizeof(*c));

	c->group = s->variant ? *(const unsigned int *)s->variant : 1;
	c->batch = stream_alloc(s, (size_t)c->group * s->len);
	c->poller = -1;
	s->impl = c;
	return c;
}

static void channel_destroy(struct stream *s)
{
	const struct channel *c = s->impl;

	close(c->writer);
	close(c->reader);
	if (c->poller >= 0)
		close(c->poller);
}

static void __attribute__((noreturn)) refused(const struct stream *s, const char *what)
{
	fail("%s: %s: %s", s->kind->name, what, strerror(errno));
}

/* Fills the next @n payloads in. */
static void fill(struct stream *s, struct channel *c, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		payload_fill(c->batch + (size_t)i * s->len / 8, s->len, ++s->seq);
}

static inline unsigned int smaller(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Nothing is lost on the way, so the records come in a row. */
static void take(struct stream *s, struct reader *rd, const void *payload)
{
	payload_check(payload, s->len, ++rd->newest, s->kind->name);
	rd->read++;
}

static const char *pipe_create(struct stream *s)
{
	struct channel *c = channel_new(s);
	char path[64];
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		refused(s, "pipe2");
	if (fcntl(fd[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
		refused(s, "F_SETPIPE_SZ");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
	c->writer = fd[1];
	c->reader = fd[0];
	c->poller = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (c->poller < 0)
		refused(s, path);
	c->buf = stream_alloc(s, READ_BYTES);
	return NULL;
}

static void pipe_write(struct stream *s, unsigned int n)
{
	struct channel *c = s->impl;
	unsigned int group;

	for (; n; n -= group) {
		size_t done = 0, bytes;

		group = smaller(n, c->group);
		bytes = (size_t)group * s->len;
		fill(s, c, group);
		while (done < bytes) {
			ssize_t got = write(c->writer, (char *)c->batch + done, bytes - done);

			if (got < 0)
				refused(s, "write");
			done += (size_t)got;
		}
	}
}

/* One read() at most. */
static unsigned int pipe_collect(struct stream *s, struct reader *rd, unsigned int max)
{
	struct channel *c = s->impl;
	unsigned int n = 0;
	ssize_t got;

	if (c->end - c->at < s->len) {
		memmove(c->buf, c->buf + c->at, c->end - c->at);
		c->end -= c->at;
		c->at = 0;
		got = read(rd->may_block ? c->reader : c->poller, c->buf + c->end,
			   READ_BYTES - c->end);
		if (got < 0 && errno != EAGAIN)
			refused(s, "read");
		if (got > 0)
			c->end += (size_t)got;
	}
	for (; n < max && c->end - c->at >= s->len; n++, c->at += s->len)
		take(s, rd, c->buf + c->at);
	return n;
}

/* Makes a message header for each of @n payloads, from @base on. */
static struct mmsghdr *headers(struct stream *s, unsigned int n, void *base)
{
	struct mmsghdr *h = stream_alloc(s, n * sizeof(*h));
	struct iovec *iov = stream_alloc(s, n * sizeof(*iov));
	unsigned int i;

	for (i = 0; i < n; i++) {
		iov[i] = (struct iovec) { (char *)base + i * s->len, s->len };
		h[i].msg_hdr.msg_iov = &iov[i];
		h[i].msg_hdr.msg_iovlen = 1;
	}
	return h;
}

static const char *datagram_create(struct stream *s)
{
	struct channel *c = channel_new(s);
	int fd[2], bytes = SOCK_BYTES;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fd))
		refused(s, "socketpair");
	/* Beyond the machine's limit if that is allowed, else up to the limit. */
	if (setsockopt(fd[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) &&
	    setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)))
		refused(s, "SO_SNDBUF");
	c->writer = fd[0];
	c->reader = fd[1];
	c->buf = stream_alloc(s, (size_t)GROUP * s->len);
	c->out = headers(s, c->group, c->batch);
	c->in = headers(s, GROUP, c->buf);
	return NULL;
}

static void datagram_write(struct stream *s, unsigned int n)
{
	struct channel *c = s->impl;
	unsigned int group, done;

	for (; n; n -= group) {
		group = smaller(n, c->group);
		fill(s, c, group);
		if (group == 1) {
			if (send(c->writer, c->batch, s->len, 0) != (ssize_t)s->len)
				refused(s, "send");
			continue;
		}
		for (done = 0; done < group;) {
			int got = sendmmsg(c->writer, c->out + done, group - done, 0);

			if (got < 0)
				refused(s, "sendmmsg");
			done += (unsigned int)got;
		}
	}
}

/* One recvmmsg() at most. */
static unsigned int datagram_collect(struct stream *s, struct reader *rd, unsigned int max)
{
	struct channel *c = s->impl;
	int i, got;

	got = recvmmsg(c->reader, c->in, smaller(max, GROUP),
		       rd->may_block ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
	if (got < 0) {
		if (errno != EAGAIN)
			refused(s, "recvmmsg");
		return 0;
	}
	for (i = 0; i < got; i++) {
		if (c->in[i].msg_len != s->len)
			wrong("%s: a record of %u bytes", s->kind->name, c->in[i].msg_len);
		take(s, rd, c->buf + (size_t)i * s->len);
	}
	/* A full group: there may be more. */
	return got == GROUP ? max : (unsigned int)got;
}

static const char *mqueue_create(struct stream *s)
{
	const struct rlimit no_limit = { RLIM_INFINITY, RLIM_INFINITY };
	struct mq_attr attr = { .mq_maxmsg = QUEUE_DEPTH, .mq_msgsize = s->len };
	struct channel *c = channel_new(s);
	FILE *limit;
	char name[64];

	snprintf(name, sizeof(name), "/ringbench-%d-%u", (int)getpid(), s->len);
	/* Both need privileges; without them, the queue has the depth that the system grants. */
	setrlimit(RLIMIT_MSGQUEUE, &no_limit);
	c->writer = mq_open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	if (c->writer < 0) {
		limit = fopen("/proc/sys/fs/mqueue/msg_max", "re");
		if (!limit || fscanf(limit, "%ld", &attr.mq_maxmsg) != 1)
			refused(s, "fs.mqueue.msg_max");
		fclose(limit);
		c->writer = mq_open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	}
	if (c->writer < 0)
		refused(s, "mq_open");
	c->reader = mq_open(name, O_RDONLY | O_CLOEXEC);
	c->poller = mq_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	mq_unlink(name);
	if (c->reader < 0 || c->poller < 0)
		refused(s, "mq_open");
	c->buf = stream_alloc(s, s->len);
	return NULL;
}

static void mqueue_write(struct stream *s, unsigned int n)
{
	struct channel *c = s->impl;

	for (; n; n--) {
		fill(s, c, 1);
		if (mq_send(c->writer, (const char *)c->batch, s->len, 0))
			refused(s, "mq_send");
	}
}

static unsigned int mqueue_collect(struct stream *s, struct reader *rd, unsigned int max)
{
	struct channel *c = s->impl;
	unsigned int n;
	ssize_t got;

	for (n = 0; n < max; n++) {
		/* Sleeps only for the first record. */
		got = mq_receive(rd->may_block && !n ? c->reader : c->poller, (char *)c->buf,
				 s->len, NULL);
		if (got < 0) {
			if (errno != EAGAIN)
				refused(s, "mq_receive");
			break;
		}
		if (got != (ssize_t)s->len)
			wrong("%s: a record of %zd bytes", s->kind->name, got);
		take(s, rd, c->buf);
	}
	return n;
}

#define CHANNEL_KIND(says, which)                                               \
	{                                                                       \
		.name = says, .create = which##_create, .write = which##_write, \
		.collect = which##_collect, .destroy = channel_destroy,         \
	}

const struct stream_kind kind_pipe = CHANNEL_KIND("pipe", pipe);
const struct stream_kind kind_datagram = CHANNEL_KIND("Unix datagrams", datagram);
const struct stream_kind kind_mqueue = CHANNEL_KIND("POSIX message queue", mqueue);

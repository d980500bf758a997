// SPDX-License-Identifier: GPL-2.0-only
/*
 * Consumers of streams that need no tracepoint: a ring, read(2) on a device, relay,
 * netlink.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libring.h>

#include "consumers.h"

#define RELAY_FILE  "/sys/kernel/debug/seqring-locks/stream0" /* of CPU 0 */
#define BUFFER_SIZE 65536u
#define MESSAGES    64u
#define MESSAGE_MAX 512u

static bool consumer_see(struct consumer *c, const void *record, size_t len)
{
	const struct locks_state *s = record;

	if (len < c->len || !state_whole(s, c->len) || s->n < c->next)
		return false;
	c->lost += s->n - c->next;
	c->next = s->n + 1;
	c->read++;
	return true;
}

void consumer_take(struct consumer *c, const void *record, size_t len)
{
	if (!consumer_see(c, record, len))
		wrong("%s: %zu bytes came that are not record %llu or a later one", c->kind->name,
		      len, (unsigned long long)c->next);
}

/*
 * Starts at head and knows the next seq, so losses count from the first record on. With a ring for
 * each CPU, all records are in the ring of CPU 0, where the writer runs.
 */
static const char *ring_stream_open(struct consumer *c)
{
	const struct ring_open_opts opts = { .size = sizeof(opts), .one_ring = 1 };
	struct ring_stats stats = { .size = sizeof(stats) };
	struct ring_reader *ring;
	int err = ring_open(c->kind->writer == STREAM_RING ? LOCKS_STREAM_RING :
							     LOCKS_STREAM_PERCPU,
			    &opts, &ring);

	if (!err)
		err = ring_stats(ring, &stats);
	if (!err)
		err = ring_seek(ring, RING_SEQ, stats.published + 1);
	if (err)
		return ring_strerror();
	c->told = 0;
	c->impl = ring;
	return NULL;
}

/* Looks at records where they lie, as the consumer of relay does. */
static bool ring_see(struct consumer *c, const struct ring_record *recs, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		c->told += recs[i].lost;
		if (!consumer_see(c, recs[i].payload, recs[i].len))
			return false;
	}
	return true;
}

static void ring_stream_drain(struct consumer *c)
{
	struct ring_record recs[RING_PEEK_MAX];
	struct consumer seen;
	unsigned int nr;
	bool whole;
	int err;

	for (;;) {
		err = ring_peek_batch(c->impl, recs, RING_PEEK_MAX, &nr);
		if (err == -EPIPE)
			continue;
		if (err == -EAGAIN)
			return;
		if (err)
			fail("ring_peek_batch(): %s", ring_strerror());
		seen = *c;
		whole = ring_see(&seen, recs, nr);
		/* What was overwritten meanwhile is lost, and counted with the next record. */
		if (ring_recheck(c->impl))
			continue;
		if (!whole)
			wrong("%s: what the library calls whole is not record %llu or a later one",
			      c->kind->name, (unsigned long long)seen.next);
		*c = seen;
		if (ring_advance(c->impl))
			fail("ring_advance(): %s", ring_strerror());
	}
}

static void ring_stream_close(struct consumer *c)
{
	ring_close(c->impl);
}

const struct consumer_kind consumer_ring = {
	.name = "seqring",
	.writer = STREAM_RING,
	.open = ring_stream_open,
	.drain = ring_stream_drain,
	.close = ring_stream_close,
};

const struct consumer_kind consumer_ring_percpu = {
	.name = "seqring, a ring per CPU",
	.writer = STREAM_RING_PERCPU,
	.open = ring_stream_open,
	.drain = ring_stream_drain,
	.close = ring_stream_close,
};

static const char *chardev_open(struct consumer *c)
{
	c->fd = open(LOCKS_PATH, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (c->fd < 0)
		return keep("%s: %s", LOCKS_PATH, strerror(errno));
	c->impl = alloc(BUFFER_SIZE);
	return NULL;
}

static void chardev_drain(struct consumer *c)
{
	ssize_t got, at;

	for (;;) {
		got = read(c->fd, c->impl, BUFFER_SIZE);
		if (got < 0 && errno != EAGAIN)
			fail("%s: read: %s", c->kind->name, strerror(errno));
		if (got <= 0)
			return;
		if (got % c->len)
			wrong("%s: a part of a record", c->kind->name);
		for (at = 0; at < got; at += c->len)
			consumer_take(c, (char *)c->impl + at, c->len);
	}
}

static void chardev_close(struct consumer *c)
{
	close(c->fd);
	free(c->impl);
}

const struct consumer_kind consumer_chardev = {
	.name = "read() on a character device",
	.writer = STREAM_CHARDEV,
	.open = chardev_open,
	.drain = chardev_drain,
	.close = chardev_close,
};

/*
 * Takes whole sub-buffers from the mapped buffer. read(2) of relay takes no lock: beside a
 * writer that fills the buffer, it sometimes returns a sub-buffer that is being written.
 */
struct relay {
	const char *map;
	int control;
	uint64_t done;
};

static const char *relay_open(struct consumer *c)
{
	struct relay *r;

	c->fd = open(RELAY_FILE, O_RDWR | O_CLOEXEC);
	if (c->fd < 0)
		return keep("%s: %s", RELAY_FILE, strerror(errno));
	r = alloc(sizeof(*r));
	r->map = mmap(NULL, LOCKS_STREAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	if (r->map == MAP_FAILED)
		fail("%s: %s", RELAY_FILE, strerror(errno));
	r->control = locks_open();
	c->impl = r;
	return NULL;
}

static void relay_drain(struct consumer *c)
{
	struct relay *r = c->impl;
	struct locks_relay state = { 0 };
	uint32_t size = LOCKS_STREAM_BYTES / LOCKS_RELAY_SUBBUFS, end, at;

	if (ioctl(r->control, LOCKS_IOC_RELAY, &state))
		fail("LOCKS_IOC_RELAY: %s", strerror(errno));
	for (;;) {
		end = size;
		if (r->done == state.produced)
			end = c->ended && state.offset <= size ? state.offset : 0;
		for (at = 0; at < end; at += c->len)
			consumer_take(c, r->map + r->done % LOCKS_RELAY_SUBBUFS * size + at,
				      c->len);
		if (r->done == state.produced)
			return;
		r->done++;
		state.consumed = 1;
		if (ioctl(r->control, LOCKS_IOC_RELAY, &state))
			fail("LOCKS_IOC_RELAY: %s", strerror(errno));
	}
}

static void relay_close(struct consumer *c)
{
	struct relay *r = c->impl;

	munmap((void *)r->map, LOCKS_STREAM_BYTES);
	close(r->control);
	close(c->fd);
	free(r);
}

const struct consumer_kind consumer_relay = {
	.name = "relay",
	.writer = STREAM_RELAY,
	.open = relay_open,
	.drain = relay_drain,
	.close = relay_close,
};

/* The socket is the library's; records come as fast as the kernel gives them. */
struct netlink {
	struct nl_sock *sock;
	struct mmsghdr head[MESSAGES];
	struct iovec iov[MESSAGES];
	char message[MESSAGES][MESSAGE_MAX] __attribute__((aligned(8)));
};

static const char *netlink_open(struct consumer *c)
{
	struct netlink *n = alloc(sizeof(*n));
	int size = LOCKS_STREAM_BYTES / 2; /* the kernel doubles it */
	int group, i;

	n->sock = nl_socket_alloc();
	if (!n->sock || genl_connect(n->sock))
		fail("no generic netlink socket");
	group = genl_ctrl_resolve_grp(n->sock, LOCKS_GENL_NAME, LOCKS_GENL_GROUP);
	if (group < 0 || nl_socket_add_membership(n->sock, group))
		fail("no multicast group '%s'", LOCKS_GENL_GROUP);
	c->fd = nl_socket_get_fd(n->sock);
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		fail("SO_RCVBUFFORCE: %s", strerror(errno));
	for (i = 0; i < (int)MESSAGES; i++) {
		n->iov[i] = (struct iovec) { n->message[i], MESSAGE_MAX };
		n->head[i].msg_hdr.msg_iov = &n->iov[i];
		n->head[i].msg_hdr.msg_iovlen = 1;
	}
	c->impl = n;
	return NULL;
}

static void netlink_take(struct consumer *c, const struct nlmsghdr *head, size_t len)
{
	const struct nlattr *attr = genlmsg_attrdata(nlmsg_data(head), 0);

	if (len < NLMSG_HDRLEN || head->nlmsg_len > len)
		wrong("%s: a message of %zu bytes", c->kind->name, len);
	consumer_take(c, nla_data(attr), (size_t)nla_len(attr));
}

static void netlink_drain(struct consumer *c)
{
	struct netlink *n = c->impl;
	int got, i;

	for (;;) {
		got = recvmmsg(c->fd, n->head, MESSAGES, MSG_DONTWAIT, NULL);
		/* Something was lost: the numbers tell how much. */
		if (got < 0 && errno == ENOBUFS)
			continue;
		if (got < 0 && errno != EAGAIN)
			fail("netlink: %s", strerror(errno));
		if (got <= 0)
			return;
		for (i = 0; i < got; i++)
			netlink_take(c, (const void *)n->message[i], n->head[i].msg_len);
	}
}

static void netlink_close(struct consumer *c)
{
	struct netlink *n = c->impl;

	nl_socket_free(n->sock);
	free(n);
}

const struct consumer_kind consumer_netlink = {
	.name = "netlink multicast",
	.writer = STREAM_NETLINK,
	.open = netlink_open,
	.drain = netlink_drain,
	.close = netlink_close,
};

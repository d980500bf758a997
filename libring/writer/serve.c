// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Serving a ring by name: a reader that connects to the socket gets the descriptors. It
 * keeps the connection: when that ends, this process is gone. backend/connect.c has the
 * other end.
 */

#include <fcntl.h>
#include <libgen.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <seqring/abi.h>

#include "../base/error.h"
#include "../base/fd.h"
#include "../base/hello.h"
#include "../base/names.h"
#include "../base/options.h"
#include "libring.h"
#include "serve.h"
#include "slots.h"

#define BACKLOG	   64
#define CONNS_MAX  1024 /* readers at the same time, unless the options say another number */
#define CONNS_TOP  65536
#define SHARE	   4  /* another user's readers are at most this part of them */
#define UNTAKEN	   16 /* greetings that another user may leave in its sockets */
#define NR_FDS	   LIBRING_HELLO_FDS
#define LOCK_TRIES 100
#define LOCK_MS	   10

/*
 * A reader's connection. @slot: -1: it has the ring's own doorbell.
 *
 * A greeting that its reader does not receive keeps three descriptors
 * in flight, of which the kernel allows this process a limited number. So another user may
 * have only UNTAKEN of them at once; its other connections wait for their greeting.
 */
enum conn_state { CONN_WAITS, CONN_GREETED, CONN_TOOK };

struct conn {
	int fd;
	uid_t uid;
	int slot;
	enum conn_state state;
};

/*
 * @listener: the socket, bound to @addr; @dev and @ino tell whether @addr is still this socket
 * @spare:    closed to make room when there are no more descriptors: then accept and refuse
 * @conns:    connections of the readers, at most @max, and @share of one other user
 * @slots:    of the writer; so many readers have one: @slots_max
 */
struct libring_server {
	int fds[NR_FDS];
	int listener;
	int epfd;
	int spare;
	bool bound;
	dev_t dev;
	ino_t ino;
	unsigned int nr_conns;
	unsigned int max;
	unsigned int share;
	unsigned int slots_max;
	struct ring_slots *slots;
	struct conn *conns;
	struct sockaddr_un addr;
	struct ring_listen_opts opts;
};

static int get_opts(const struct ring_listen_opts *user, struct ring_listen_opts *o)
{
	int err;

	*o = (struct ring_listen_opts) { .size = sizeof(*o) };
	if (!user)
		return 0;
	err = libring_get_opts(o, sizeof(*o), user, "ring_listen_opts");
	if (err)
		return err;
	if (o->permissions & ~0666u)
		return libring_set_error(EINVAL,
					 "ring_listen_opts.permissions is 0%o: bits of 0666, or 0 "
					 "for 0600",
					 o->permissions);
	if (o->reserved)
		return libring_set_error(EINVAL, "ring_listen_opts.reserved is %u: 0", o->reserved);
	if (o->set_group > 1 || (o->group && !o->set_group))
		return libring_set_error(EINVAL,
					 "ring_listen_opts.set_group is %u and group %u: 1 and a "
					 "group, or 0 and 0",
					 o->set_group, o->group);
	if (o->readers_max > CONNS_TOP || o->readers_per_user > CONNS_TOP)
		return libring_set_error(EINVAL,
					 "ring_listen_opts.readers_max is %u and readers_per_user "
					 "%u: at most %u, or 0 for the default",
					 o->readers_max, o->readers_per_user, CONNS_TOP);
	return 0;
}

/*
 * Decides how many readers there may be, and how many have a slot. The connections are at most
 * half of the descriptors that this process may have, and the doorbells a quarter.
 */
static int make_room(struct libring_server *s)
{
	struct rlimit files;

	s->slots_max = LIBRING_SLOTS;
	s->max = s->opts.readers_max ? s->opts.readers_max : CONNS_MAX;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		if (s->max > files.rlim_cur / 2)
			s->max = (unsigned int)(files.rlim_cur / 2);
		if (s->slots_max > files.rlim_cur / 4)
			s->slots_max = (unsigned int)(files.rlim_cur / 4);
	}
	s->share = s->opts.readers_per_user;
	if (!s->share)
		s->share = s->max > SHARE ? s->max / SHARE : 1;
	s->conns = calloc(s->max + 1, sizeof(*s->conns));
	return s->conns ? 0 : libring_set_error(ENOMEM, "no memory for %u readers", s->max);
}

static int get_path(const char *where, char *path, size_t size)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int err;

	if (where && strchr(where, '/'))
		return libring_socket_path(NULL, where, path, size);
	err = libring_check_name(where);
	if (!err)
		err = libring_socket_dir(0, dir, sizeof(dir));
	if (err)
		return err;
	/* The umask does not decide who may look a socket up. */
	if (mkdir(dir, 0755) ? errno != EEXIST : chmod(dir, 0755))
		return libring_set_error(errno, "cannot create %s: %s", dir, strerror(errno));
	return libring_socket_path(dir, where, path, size);
}

/* Locks the directory: one process at a time may replace a stale socket. */
static int lock_dir(const char *path, int *lock)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *dir;
	int tries;

	snprintf(copy, sizeof(copy), "%s", path);
	dir = dirname(copy);
	*lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*lock < 0)
		return libring_set_error(errno, "%s: %s", dir, strerror(errno));
	for (tries = 0; tries < LOCK_TRIES; tries++) {
		if (!flock(*lock, LOCK_EX | LOCK_NB))
			return 0;
		poll(NULL, 0, LOCK_MS);
	}
	close(*lock);
	return libring_set_error(EADDRINUSE,
				 "%s: another process holds the lock on the directory of "
				 "this socket",
				 path);
}

/* Removes the socket at @addr unless a process serves it. Return: 0: there is none now. */
static int remove_stale(const struct sockaddr_un *addr)
{
	const char *path = addr->sun_path;
	struct stat st;
	int fd, err = 0;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 :
					 libring_set_error(errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return libring_set_error(EADDRINUSE, "%s is there and is no socket", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return libring_set_error(errno, "cannot create a socket: %s", strerror(errno));
	if (!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) || errno != ECONNREFUSED)
		err = libring_set_error(errno == EACCES ? EACCES : EADDRINUSE,
					"%s: another process serves it", path);
	close(fd);
	if (!err && unlink(path) && errno != ENOENT)
		err = libring_set_error(errno, "cannot replace the stale socket %s: %s", path,
					strerror(errno));
	return err;
}

static int bind_and_listen(struct libring_server *s)
{
	const char *path = s->addr.sun_path;
	struct stat st;

	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return libring_set_error(errno, "cannot create a socket: %s", strerror(errno));
	if (bind(s->listener, (const struct sockaddr *)&s->addr, sizeof(s->addr)))
		return libring_set_error(errno, "cannot create the socket %s: %s", path,
					 strerror(errno));
	s->bound = !lstat(path, &st);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	/* Before listen(2), since nobody can connect until then. */
	if (s->opts.set_group && lchown(path, (uid_t)-1, s->opts.group))
		return libring_set_error(errno, "cannot give the socket %s to group %u: %s", path,
					 s->opts.group, strerror(errno));
	if (chmod(path, s->opts.permissions ? s->opts.permissions : 0600))
		return libring_set_error(errno, "cannot set the mode of the socket %s: %s", path,
					 strerror(errno));
	if (listen(s->listener, BACKLOG))
		return libring_set_error(errno, "cannot listen on %s: %s", path, strerror(errno));
	return 0;
}

static int watch(struct libring_server *s, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	if (epoll_ctl(s->epfd, EPOLL_CTL_ADD, fd, &ev))
		return libring_set_error(errno, "epoll_ctl: %s", strerror(errno));
	return 0;
}

static int open_server(struct libring_server *s)
{
	int lock, err;

	err = lock_dir(s->addr.sun_path, &lock);
	if (err)
		return err;
	err = remove_stale(&s->addr);
	if (!err)
		err = bind_and_listen(s);
	close(lock);
	if (err)
		return err;
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (s->spare < 0 || s->epfd < 0)
		return libring_set_error(errno, "cannot serve the ring: %s", strerror(errno));
	return watch(s, s->listener, EPOLLIN);
}

/**
 * libring_serve_open() - create the socket of a ring
 * @where: a name, or a path with a slash
 * @opts: NULL: the defaults
 * @fds: what readers get; stay the caller's
 * @slots: of the readers; stay the caller's
 * @out: the server; libring_serve_close() it
 */
int libring_serve_open(const char *where, const struct ring_listen_opts *opts,
		       const struct ring_fds *fds, struct ring_slots *slots,
		       struct libring_server **out)
{
	struct libring_server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return libring_set_error(ENOMEM, "no memory to serve the ring");
	s->fds[0] = fds->ring;
	s->fds[1] = fds->wait;
	s->fds[2] = fds->doorbell;
	s->slots = slots;
	s->listener = -1;
	s->epfd = -1;
	s->spare = -1;
	s->addr.sun_family = AF_UNIX;
	err = get_opts(opts, &s->opts);
	if (!err)
		err = make_room(s);
	if (!err)
		err = get_path(where, s->addr.sun_path, sizeof(s->addr.sun_path));
	if (!err)
		err = open_server(s);
	if (err) {
		libring_serve_close(s);
		return err;
	}
	*out = s;
	return 0;
}

int libring_serve_fd(const struct libring_server *s)
{
	return s->epfd;
}

/*
 * Sends the descriptors, or @error instead. @slot: of the reader, or -1.
 *
 * Return: whether the descriptors were sent.
 */
static bool greet(const struct libring_server *s, int conn, int slot, int error)
{
	struct libring_hello hello = {
		.magic = SEQRING_MAGIC,
		.version = LIBRING_HELLO_VERSION,
		.error = (uint32_t)error,
		.slot_offset = slot < 0 ? 0 : s->slots->offset + (size_t)slot * s->slots->stride,
	};
	int fds[NR_FDS];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(s->fds))];
	} control = { .header = {
			      .cmsg_len = CMSG_LEN(sizeof(s->fds)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
		      } };
	struct iovec iov = { .iov_base = &hello, .iov_len = sizeof(hello) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (!error) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		memcpy(fds, s->fds, sizeof(fds));
		if (slot >= 0)
			fds[2] = s->slots->doorbell[slot];
		memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	}
	return sendmsg(conn, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(hello) && !error;
}

/* True for users who can do worse to this process than to be many readers. */
static bool is_trusted(uid_t uid)
{
	return !uid || uid == geteuid();
}

/* Counts the connections of @uid; of those whose greeting is not taken if @untaken. */
static unsigned int count_conns(const struct libring_server *s, uid_t uid, bool untaken)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->nr_conns; i++)
		n += s->conns[i].uid == uid && (!untaken || s->conns[i].state == CONN_GREETED);
	return n;
}

/* Whose reader @conn is; nobody, if the kernel does not say. */
static uid_t get_uid(int conn)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &cred, &len) ? (uid_t)-1 : cred.uid;
}

/* Greets a reader, unless too many greetings wait for its user. Return: false: drop it. */
static bool try_greet(struct libring_server *s, struct conn *c)
{
	if (!is_trusted(c->uid) && count_conns(s, c->uid, true) >= UNTAKEN)
		return true;
	c->state = CONN_GREETED;
	c->slot = libring_slots_take(s->slots, s->slots_max);
	return greet(s, c->fd, c->slot, 0);
}

static void drop(struct libring_server *s, struct conn *c)
{
	libring_slots_give_back(s->slots, c->slot);
	close(c->fd);
	*c = s->conns[--s->nr_conns];
}

static void accept_one(struct libring_server *s, int conn)
{
	struct conn *c = &s->conns[s->nr_conns];

	*c = (struct conn) { .fd = conn, .uid = get_uid(conn), .slot = -1 };
	if (s->nr_conns >= s->max ||
	    (!is_trusted(c->uid) && count_conns(s, c->uid, false) >= s->share)) {
		greet(s, conn, -1, EUSERS);
		close(conn);
		return;
	}
	/* EPOLLOUT, at its edge: the reader took its greeting. */
	s->nr_conns++;
	if (!try_greet(s, c) || watch(s, conn, EPOLLRDHUP | EPOLLOUT | EPOLLET))
		drop(s, c);
}

/* Accepts a bounded number of the connections that wait. */
static void accept_all(struct libring_server *s)
{
	int i, conn;

	for (i = 0; i < 2 * BACKLOG; i++) {
		conn = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (conn >= 0) {
			accept_one(s, conn);
			continue;
		}
		if ((errno != EMFILE && errno != ENFILE) || s->spare < 0)
			return;
		/* A connection that nobody accepts would wake this process again and again. */
		close(s->spare);
		conn = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (conn >= 0) {
			greet(s, conn, -1, EMFILE);
			close(conn);
		}
		s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
}

/* Handles the @events of the connection @fd. */
static void handle_conn(struct libring_server *s, int fd, uint32_t events)
{
	unsigned int i;
	int left;

	for (i = 0; i < s->nr_conns && s->conns[i].fd != fd; i++)
		;
	if (i == s->nr_conns)
		return;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		drop(s, &s->conns[i]);
	else if (s->conns[i].state == CONN_GREETED && !ioctl(fd, SIOCOUTQ, &left) && !left)
		s->conns[i].state = CONN_TOOK;
}

/* Greets the readers that wait for others of their user. */
static void greet_waiting(struct libring_server *s)
{
	unsigned int i = 0;

	while (i < s->nr_conns) {
		if (s->conns[i].state == CONN_WAITS && !try_greet(s, &s->conns[i]))
			drop(s, &s->conns[i]);
		else
			i++;
	}
}

/* Does what the server's descriptor is readable for. */
void libring_serve_pending(struct libring_server *s)
{
	struct epoll_event events[32];
	bool connecting = false;
	int i, n;

	n = epoll_wait(s->epfd, events, 32, 0);
	for (i = 0; i < n; i++) {
		if (events[i].data.fd == s->listener)
			connecting = true;
		else
			handle_conn(s, events[i].data.fd, events[i].events);
	}
	greet_waiting(s);
	libring_slots_collect(s->slots);
	/* After the connections that ended, which make room. */
	if (connecting)
		accept_all(s);
}

/*
 * In a child right after fork(): closes what tells readers and other servers that the server lives.
 * The socket's name stays the parent's.
 */
void libring_serve_drop(struct libring_server *s)
{
	while (s->nr_conns)
		close(s->conns[--s->nr_conns].fd);
	libring_close_fd(s->listener);
	libring_close_fd(s->epfd);
	s->listener = -1;
	s->epfd = -1;
	s->bound = false;
}

void libring_serve_close(struct libring_server *s)
{
	struct stat st;
	unsigned int i;

	for (i = 0; i < s->nr_conns; i++)
		libring_slots_give_back(s->slots, s->conns[i].slot);

	/* Unless another process took the name meanwhile. */
	if (s->bound && !lstat(s->addr.sun_path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->addr.sun_path);
	libring_serve_drop(s);
	libring_close_fd(s->spare);
	free(s->conns);
	free(s);
}

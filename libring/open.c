// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Opening a ring by whatever leads to it, and closing it. */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void libring_close_fds(const struct ring_fds *fds)
{
	close_fd(fds->ring);
	close_fd(fds->wait);
	close_fd(fds->doorbell);
}

static int get_opts(const struct ring_open_opts *user, struct ring_open_opts *opts)
{
	int err;

	*opts = (struct ring_open_opts) { .size = sizeof(*opts) };
	if (!user)
		return 0;
	err = libring_get_opts(opts, sizeof(*opts), user, "ring_open_opts");
	if (err)
		return err;
	if (opts->flags & ~RING_EAGER)
		return libring_fail(EINVAL, "ring_open_opts.flags is 0x%x: RING_EAGER or 0",
				    opts->flags);
	if (opts->one_ring > 1)
		return libring_fail(EINVAL, "ring_open_opts.one_ring is %u: 0 or 1",
				    opts->one_ring);
	if (opts->ring && !opts->one_ring)
		return libring_fail(EINVAL, "ring_open_opts.ring is %u, which needs one_ring",
				    opts->ring);
	return 0;
}

static int alloc_sources(struct ring_reader *r, const struct ring_open_opts *opts)
{
	uint32_t i, first = opts->one_ring ? opts->ring : 0;

	if (opts->one_ring && opts->ring >= r->hdr.nr_rings)
		return libring_fail(EINVAL, "ring_open_opts.ring is %u: the device has %u, from 0",
				    opts->ring, r->hdr.nr_rings);
	if (opts->merge_window_ns && r->hdr.clock_id != SEQRING_CLOCK_MONOTONIC)
		return libring_fail(EINVAL, "ring_open_opts.merge_window_ns needs a ring with "
					    "CLOCK_MONOTONIC");
	r->nr_src = opts->one_ring ? 1 : r->hdr.nr_rings;
	r->src = aligned_alloc(_Alignof(struct ring_source), r->nr_src * sizeof(*r->src));
	r->heap = calloc(r->nr_src, sizeof(*r->heap));
	r->idle = calloc(r->nr_src, sizeof(*r->idle));
	if (!r->src || !r->heap || !r->idle)
		return libring_fail(ENOMEM, "no memory to read %u rings", r->nr_src);
	memset(r->src, 0, r->nr_src * sizeof(*r->src));
	for (i = 0; i < r->nr_src; i++) {
		r->src[i].ring = first + i;
		libring_reader_init(r, first + i, &r->src[i].rd);
		r->src[i].rd.eager = opts->flags & RING_EAGER;
	}
	return 0;
}

static struct ring_reader *alloc_ring(const struct ring_open_opts *opts)
{
	struct ring_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->poll_fd = -1;
	r->app_fd = -1;
	r->epfd = -1;
	r->timer = -1;
	r->doorbell = -1;
	r->sock = -1;
	r->dev = -1;
	r->window_ns = opts->merge_window_ns;
	r->wake_records = opts->wake_records;
	r->wake_bytes = opts->wake_bytes;
	r->wake_timeout_ns = opts->wake_timeout_ns;
	return r;
}

/* The ring is mapped, or @err says why not. */
static int finish(struct ring_reader *r, int err, const struct ring_open_opts *opts,
		  struct ring_reader **out)
{
	if (!err)
		err = alloc_sources(r, opts);
	if (!err)
		err = libring_seek(r, opts->whence, opts->value);
	if (err) {
		ring_close(r);
		return err == -EBADMSG ? -EPROTO : err;
	}
	*out = r;
	return 0;
}

static int no_memory(void)
{
	return libring_fail(ENOMEM, "no memory for a reader");
}

/* @fds stay the caller's, @sock does not. */
static int open_fds(const struct ring_fds *fds, int sock, const struct ring_open_opts *opts,
		    struct ring_reader **out)
{
	struct ring_reader *r = alloc_ring(opts);
	int err;

	if (!r) {
		if (sock >= 0)
			close(sock);
		return no_memory();
	}
	if (sock < 0 && fcntl(fds->ring, F_GET_SEALS) < 0 && libring_is_bpf_map(fds->ring))
		err = libring_bpf_open(r, fds);
	else
		err = libring_memfd_open(r, fds, sock);
	return finish(r, err, opts, out);
}

/* Takes @sock. */
static int open_sock(int sock, const struct ring_open_opts *opts, struct ring_reader **out)
{
	struct ring_fds fds;
	int err;

	err = libring_receive(sock, &fds);
	if (err) {
		close(sock);
		return err;
	}
	err = open_fds(&fds, sock, opts, out);
	libring_close_fds(&fds);
	return err;
}

/* Takes @fd. */
static int open_any(int fd, const struct ring_open_opts *opts, struct ring_reader **out)
{
	struct ring_fds fds = { .ring = fd, .wait = -1, .doorbell = -1 };
	struct stat st;
	struct ring_reader *r;
	int err;

	if (fstat(fd, &st)) {
		err = libring_fail(errno, "cannot stat descriptor %d: %s", fd, strerror(errno));
	} else if (S_ISSOCK(st.st_mode)) {
		return open_sock(fd, opts, out);
	} else if (S_ISCHR(st.st_mode)) {
		r = alloc_ring(opts);
		if (r)
			return finish(r, libring_chardev_open(r, fd), opts, out);
		err = no_memory();
	} else if (S_ISREG(st.st_mode) || libring_is_bpf_map(fd)) {
		err = open_fds(&fds, -1, opts, out);
	} else {
		err = libring_fail(EPROTO, "not a ring: neither a device, nor a memfd, nor a BPF "
					   "map, nor a socket");
	}
	close(fd);
	return err;
}

static int open_pins(const char *path, bool is_dir, const struct ring_open_opts *opts,
		     struct ring_reader **out)
{
	struct ring_fds fds;
	int err;

	err = libring_bpf_get(path, is_dir, &fds);
	if (err)
		return err;
	err = open_fds(&fds, -1, opts, out);
	libring_close_fds(&fds);
	return err;
}

/* Return: as ring_open(); -ENOENT without a sentence. */
static int open_path(const char *path, const struct ring_open_opts *opts, struct ring_reader **out)
{
	struct stat st;
	int fd, err;

	if (stat(path, &st)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return -ENOENT;
		return libring_fail(errno, "%s: %s", path, strerror(errno));
	}
	if (S_ISSOCK(st.st_mode)) {
		err = libring_connect(path, &fd);
		return err ? err : open_sock(fd, opts, out);
	}
	if (!S_ISCHR(st.st_mode) && libring_on_bpffs(path))
		return open_pins(path, S_ISDIR(st.st_mode), opts, out);
	/* Opening anything else may sleep for long, or do something. */
	if (!S_ISCHR(st.st_mode) && !S_ISREG(st.st_mode))
		return libring_fail(EPROTO,
				    "%s: neither a device, nor a memfd, nor a socket, nor in a "
				    "BPF file system",
				    path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return libring_fail(errno, "%s: %s", path, strerror(errno));
	return open_any(fd, opts, out);
}

static int open_name(const char *name, const struct ring_open_opts *opts, struct ring_reader **out)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char path[PATH_MAX + SEQRING_NAME_SIZE], bpf_dir[PATH_MAX];
	unsigned int i;
	int err;

	snprintf(path, sizeof(path), "%s/%s", SEQRING_DEV_DIR, name);
	err = open_path(path, opts, out);
	for (i = 0; err == -ENOENT; i++) {
		err = libring_socket_dir(i, dir, sizeof(dir));
		if (err == -ENOENT)
			break;
		if (!err)
			err = libring_socket_path(dir, name, path, sizeof(dir) + SEQRING_NAME_SIZE);
		if (!err)
			err = open_path(path, opts, out);
	}
	if (err != -ENOENT)
		return err;
	/* In a BPF file system no name has a dot; looking for one is not allowed even. */
	if (strchr(name, '.'))
		return libring_fail(ENOENT, "%s: there is no such ring", name);
	err = libring_bpf_dir(bpf_dir, sizeof(bpf_dir));
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/%s", bpf_dir, name);
	/* Only root may look into a BPF file system, as a rule. */
	if (access(path, F_OK) && errno == EACCES)
		return libring_fail(ENOENT,
				    "%s: there is no such ring, unless a BPF program's: "
				    "this process may not look into %s",
				    name, bpf_dir);
	err = open_path(path, opts, out);
	return err == -ENOENT ? libring_fail(ENOENT, "%s: there is no such ring", name) : err;
}

int ring_open(const char *where, const struct ring_open_opts *user, struct ring_reader **out)
{
	struct ring_open_opts opts;
	int err;

	err = get_opts(user, &opts);
	if (err)
		return err;
	if (where && strchr(where, '/')) {
		err = open_path(where, &opts, out);
		if (err == -ENOENT)
			err = libring_fail(ENOENT, "%s: there is no such ring", where);
		return err;
	}
	err = libring_check_name(where);
	return err ? err : open_name(where, &opts, out);
}

int ring_open_fd(int fd, const struct ring_open_opts *user, struct ring_reader **out)
{
	struct ring_open_opts opts;
	int own, err;

	err = get_opts(user, &opts);
	if (err)
		return err;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return libring_fail(errno, "descriptor %d: %s", fd, strerror(errno));
	return open_any(own, &opts, out);
}

int ring_open_fds(const struct ring_fds *fds, const struct ring_open_opts *user,
		  struct ring_reader **out)
{
	struct ring_open_opts opts;
	int err;

	err = get_opts(user, &opts);
	if (err)
		return err;
	if (fcntl(fds->ring, F_GETFD) < 0 || fcntl(fds->wait, F_GETFD) < 0 ||
	    fcntl(fds->doorbell, F_GETFD) < 0)
		return libring_fail(EBADF, "of ring %d, wait %d and doorbell %d, not all are open",
				    fds->ring, fds->wait, fds->doorbell);
	return open_fds(fds, -1, &opts, out);
}

void ring_close(struct ring_reader *r)
{
	if (!r)
		return;
	if (r->ops)
		r->ops->close(r);
	if (r->map)
		munmap(r->map, r->map_size);
	close_fd(r->epfd);
	close_fd(r->timer);
	close_fd(r->doorbell);
	close_fd(r->sock);
	close_fd(r->dev);
	free(r->src);
	free(r->heap);
	free(r->idle);
	free(r->bounce);
	free(r);
}

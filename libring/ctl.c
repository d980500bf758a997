// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Devices of the module: create, destroy, and a list of all rings with a name. */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

static int explain(int err, const char *name)
{
	switch (err) {
	case EEXIST:
		return libring_fail(err, "%s: a device of that name exists", name);
	case ENOENT:
		return libring_fail(err, "%s: there is no such device", name);
	case EPERM:
		return libring_fail(err,
				    "%s: not allowed: a kernel module owns it, or this "
				    "process may not",
				    name);
	case ENOSPC:
		return libring_fail(err,
				    "%s: the module's limit on memory or on devices is "
				    "reached",
				    name);
	default:
		return libring_fail(err, "%s: %s", name, strerror(err));
	}
}

/* One request to the control node. */
static int control(unsigned long request, void *arg, const char *name)
{
	int fd, err = 0;

	fd = open(SEQRING_CTL_PATH, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		return libring_fail(ENOENT,
				    "%s is not there: the module is not loaded (modprobe "
				    "seqring)",
				    SEQRING_CTL_PATH);
	if (fd < 0)
		return libring_fail(errno, "%s: %s", SEQRING_CTL_PATH, strerror(errno));
	if (ioctl(fd, request, arg))
		err = explain(errno, name);
	close(fd);
	return err;
}

int ring_create(const char *name, const struct ring_create_opts *user)
{
	struct seqring_ctl_create req = { .size = sizeof(req) };
	struct ring_create_opts o;
	int err;

	if (!user)
		return libring_fail(EINVAL, "a device cannot be created without options: "
					    "data_size has no default");
	err = libring_get_opts(&o, sizeof(o), user, "ring_create_opts");
	if (!err && o.permissions & ~0666u)
		err = libring_fail(EINVAL, "ring_create_opts.permissions is 0%o: bits of 0666",
				   o.permissions);
	if (!err)
		err = libring_check_shape("ring_create_opts", o.clock_id, o.data_size, o.schema,
					  o.schema_size);
	if (!err)
		err = libring_check_name(name);
	if (err)
		return err;
	memcpy(req.name, name, strlen(name));
	req.data_size = o.data_size;
	req.clock_id = o.clock_id;
	req.permissions = o.permissions;
	req.schema = (uintptr_t)o.schema;
	req.schema_size = (uint32_t)o.schema_size;
	return control(SEQRING_CTL_CREATE, &req, name);
}

int ring_destroy(const char *name)
{
	struct seqring_ctl_destroy req = { .size = sizeof(req) };
	int err;

	err = libring_check_name(name);
	if (err)
		return err;
	memcpy(req.name, name, strlen(name));
	return control(SEQRING_CTL_DESTROY, &req, name);
}

/* A place where names are: devices, a directory of sockets, or one of pins. */
struct place {
	unsigned int writer;
	mode_t type;
	unsigned int sockets; /* directories of sockets that come before it */
};

/* Whether ring_open(@name) finds it before it has come to the @nr-th directory of sockets. */
static bool hidden(const char *name, unsigned int nr)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char path[sizeof(dir) + SEQRING_NAME_SIZE];
	unsigned int i;

	if (libring_socket_path(SEQRING_DEV_DIR, name, path, sizeof(path)) || !access(path, F_OK))
		return true;
	for (i = 0; i < nr; i++)
		if (libring_socket_dir(i, dir, sizeof(dir)) ||
		    libring_socket_path(dir, name, path, sizeof(path)) || !access(path, F_OK))
			return true;
	return false;
}

static int list_dir(const char *path, const struct place *p, ring_list_fn fn, void *arg)
{
	struct dirent *e;
	struct stat st;
	int err = 0;
	DIR *dir;

	dir = opendir(path);
	if (!dir && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	/* Only root may look into a BPF file system, as a rule. */
	if (!dir && errno == EACCES && p->writer == SEQRING_WRITER_BPF)
		return 0;
	if (!dir)
		return libring_fail(errno, "%s: %s", path, strerror(errno));
	while (!err && (e = readdir(dir))) {
		if (!libring_name_ok(e->d_name) || fstatat(dirfd(dir), e->d_name, &st, 0) ||
		    (st.st_mode & S_IFMT) != p->type ||
		    (p->writer != SEQRING_WRITER_MODULE && hidden(e->d_name, p->sockets)))
			continue;
		err = fn(e->d_name, p->writer, arg);
	}
	closedir(dir);
	return err;
}

int ring_list(ring_list_fn fn, void *arg)
{
	struct place devices = { SEQRING_WRITER_MODULE, S_IFCHR, 0 };
	struct place sockets = { SEQRING_WRITER_MEMFD, S_IFSOCK, 0 };
	struct place pins = { SEQRING_WRITER_BPF, S_IFDIR, 0 };
	char dir[PATH_MAX];
	int err;

	err = list_dir(SEQRING_DEV_DIR, &devices, fn, arg);
	while (!err) {
		err = libring_socket_dir(sockets.sockets, dir,
					 sizeof(((struct sockaddr_un *)0)->sun_path));
		if (err)
			break;
		err = list_dir(dir, &sockets, fn, arg);
		sockets.sockets++;
	}
	if (err != -ENOENT)
		return err;
	pins.sockets = sockets.sockets;
	err = libring_bpf_dir(dir, sizeof(dir));
	return err ? err : list_dir(dir, &pins, fn, arg);
}

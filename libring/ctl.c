// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Devices of the module: create, destroy, and a list of all rings with a name. */

#include <dirent.h>
#include <fcntl.h>
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

/* Whether ring_open(@name) finds it before the @nr-th directory of sockets. */
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

/* @nr < 0: devices; else the sockets of that directory. */
static int list_dir(const char *path, int nr, ring_list_fn fn, void *arg)
{
	mode_t type = nr < 0 ? S_IFCHR : S_IFSOCK;
	struct dirent *e;
	struct stat st;
	int err = 0;
	DIR *dir;

	dir = opendir(path);
	if (!dir && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!dir)
		return libring_fail(errno, "%s: %s", path, strerror(errno));
	while (!err && (e = readdir(dir))) {
		if (!libring_name_ok(e->d_name) || fstatat(dirfd(dir), e->d_name, &st, 0) ||
		    (st.st_mode & S_IFMT) != type ||
		    (nr >= 0 && hidden(e->d_name, (unsigned int)nr)))
			continue;
		err = fn(e->d_name, nr < 0, arg);
	}
	closedir(dir);
	return err;
}

int ring_list(ring_list_fn fn, void *arg)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int i, err;

	err = list_dir(SEQRING_DEV_DIR, -1, fn, arg);
	for (i = 0; !err; i++) {
		err = libring_socket_dir((unsigned int)i, dir, sizeof(dir));
		if (err == -ENOENT)
			return 0;
		if (!err)
			err = list_dir(dir, i, fn, arg);
	}
	return err;
}

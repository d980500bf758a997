// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Creating and destroying devices of the module. */

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <seqring/abi.h>

#include "../base/error.h"
#include "../base/names.h"
#include "../base/options.h"
#include "libring.h"

static int explain_errno(int err, unsigned long request, const char *name)
{
	if (err == EPERM && request == SEQRING_CTL_CREATE)
		return libring_set_error(err,
					 "%s: not allowed: only CAP_CHOWN gives a device to "
					 "another user or to a foreign group",
					 name);
	switch (err) {
	case EEXIST:
		return libring_set_error(err, "%s: a device of that name exists", name);
	case ENOENT:
		return libring_set_error(err, "%s: there is no such device", name);
	case EPERM:
		return libring_set_error(err,
					 "%s: not allowed: a kernel module owns it, or another "
					 "user and this process has no CAP_SYS_ADMIN",
					 name);
	case ENOSPC:
		return libring_set_error(err,
					 "%s: the module's limit on memory or on devices is "
					 "reached",
					 name);
	default:
		return libring_set_error(err, "%s: %s", name, strerror(err));
	}
}

/* Sends one request to the control node. */
static int send_request(unsigned long request, void *arg, const char *name)
{
	int fd, err = 0;

	fd = open(SEQRING_CTL_PATH, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		return libring_set_error(ENOENT,
					 "%s is not there: the module is not loaded (modprobe "
					 "seqring)",
					 SEQRING_CTL_PATH);
	if (fd < 0)
		return libring_set_error(errno, "%s: %s", SEQRING_CTL_PATH, strerror(errno));
	if (ioctl(fd, request, arg))
		err = explain_errno(errno, request, name);
	close(fd);
	return err;
}

static int get_opts(const struct ring_create_opts *user, struct ring_create_opts *o)
{
	const uint32_t known = SEQRING_CREATE_UID | SEQRING_CREATE_GID;
	/* The struct's first version ended here. */
	const size_t first = offsetof(struct ring_create_opts, flags);
	int err;

	memset(o, 0, sizeof(*o));
	err = libring_get_opts(o, user->size == first ? first : sizeof(*o), user,
			       "ring_create_opts");
	if (err)
		return err;
	if (o->permissions & ~0666u)
		return libring_set_error(EINVAL,
					 "ring_create_opts.permissions is 0%o: bits of 0666",
					 o->permissions);
	if (o->flags & ~known)
		return libring_set_error(EINVAL,
					 "ring_create_opts.flags is %#x: bits of "
					 "SEQRING_CREATE_UID and SEQRING_CREATE_GID",
					 o->flags);
	if ((o->uid && !(o->flags & SEQRING_CREATE_UID)) ||
	    (o->gid && !(o->flags & SEQRING_CREATE_GID)))
		return libring_set_error(EINVAL,
					 "ring_create_opts.uid and gid need SEQRING_CREATE_UID and "
					 "SEQRING_CREATE_GID in flags");
	if (o->wake_interval_ns > SEQRING_WAKE_INTERVAL_MAX &&
	    o->wake_interval_ns != SEQRING_WAKE_UNLIMITED)
		return libring_set_error(EINVAL,
					 "ring_create_opts.wake_interval_ns is %u: at most %u, or "
					 "SEQRING_WAKE_UNLIMITED",
					 o->wake_interval_ns, SEQRING_WAKE_INTERVAL_MAX);
	return libring_check_shape("ring_create_opts", o->clock_id, o->data_size, o->schema,
				   o->schema_size);
}

int ring_create(const char *name, const struct ring_create_opts *user)
{
	struct seqring_ctl_create req = { .size = sizeof(req) };
	struct ring_create_opts o;
	int err;

	libring_forget_error();
	if (!user)
		return libring_set_error(EINVAL, "a device cannot be created without options: "
						 "data_size has no default");
	err = get_opts(user, &o);
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
	req.flags = o.flags;
	req.uid = o.uid;
	req.gid = o.gid;
	req.wake_interval_ns = o.wake_interval_ns;
	return send_request(SEQRING_CTL_CREATE, &req, name);
}

int ring_destroy(const char *name)
{
	struct seqring_ctl_destroy req = { .size = sizeof(req) };
	int err;

	libring_forget_error();
	err = libring_check_name(name);
	if (err)
		return err;
	memcpy(req.name, name, strlen(name));
	return send_request(SEQRING_CTL_DESTROY, &req, name);
}

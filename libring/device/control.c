// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Creating and destroying devices of the module. */

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <seqring/abi.h>

#include "../base/error.h"
#include "../base/names.h"
#include "../base/options.h"
#include "libring.h"

static int explain_errno(int err, const char *name)
{
	switch (err) {
	case EEXIST:
		return libring_set_error(err, "%s: a device of that name exists", name);
	case ENOENT:
		return libring_set_error(err, "%s: there is no such device", name);
	case EPERM:
		return libring_set_error(err,
					 "%s: not allowed: a kernel module owns it, or this "
					 "process may not",
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
		err = explain_errno(errno, name);
	close(fd);
	return err;
}

int ring_create(const char *name, const struct ring_create_opts *user)
{
	struct seqring_ctl_create req = { .size = sizeof(req) };
	struct ring_create_opts o;
	int err;

	if (!user)
		return libring_set_error(EINVAL, "a device cannot be created without options: "
						 "data_size has no default");
	err = libring_get_opts(&o, sizeof(o), user, "ring_create_opts");
	if (!err && o.permissions & ~0666u)
		err = libring_set_error(EINVAL, "ring_create_opts.permissions is 0%o: bits of 0666",
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
	return send_request(SEQRING_CTL_CREATE, &req, name);
}

int ring_destroy(const char *name)
{
	struct seqring_ctl_destroy req = { .size = sizeof(req) };
	int err;

	err = libring_check_name(name);
	if (err)
		return err;
	memcpy(req.name, name, strlen(name));
	return send_request(SEQRING_CTL_DESTROY, &req, name);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Facts that only a device of the module knows. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <seqring/abi.h>

#include "device.h"

void device_path(const char *name, char *buf, size_t size)
{
	if (strchr(name, '/'))
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s/%s", SEQRING_DEV_DIR, name);
}

int device_stat(const char *name, uint32_t *readers, uint32_t *mode)
{
	struct seqring_geometry geo = { .size = sizeof(geo) };
	struct seqring_stats st = { .size = sizeof(st) };
	char path[PATH_MAX];
	int err = 0;
	int fd;

	device_path(name, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, SEQRING_IOC_GEOMETRY, &geo) || ioctl(fd, SEQRING_IOC_STATS, &st))
		err = -errno;
	close(fd);
	if (err)
		return err;
	*readers = st.readers ? st.readers - 1 : 0;
	*mode = geo.mode;
	return 0;
}

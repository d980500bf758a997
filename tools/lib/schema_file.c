// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <seqring/abi.h>

#include "message.h"
#include "schema_file.h"

int load_schema_file(const char *cmd, const char *file, void **data, size_t *size)
{
	const size_t cap = SEQRING_SCHEMA_SIZE_MAX + 1;
	size_t len = 0;
	ssize_t n = 0;
	char *buf;
	int fd;

	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(cmd, "--schema %s: %s", file, strerror(errno));
	buf = malloc(cap);
	if (!buf) {
		close(fd);
		return fail(cmd, "--schema %s: %s", file, strerror(ENOMEM));
	}
	while (len < cap) {
		n = read(fd, buf + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (n < 0)
		fail(cmd, "--schema %s: %s", file, strerror(errno));
	else if (!len || len == cap)
		fail(cmd, "--schema %s: %s (1 to %u bytes)", file, len ? "too long" : "empty",
		     SEQRING_SCHEMA_SIZE_MAX);
	close(fd);
	if (n < 0 || !len || len == cap) {
		free(buf);
		return EXIT_FAIL;
	}
	*data = buf;
	*size = len;
	return EXIT_OK;
}

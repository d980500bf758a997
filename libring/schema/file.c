// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Makes schemas from files that compilers and pahole write. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/btf.h>

#include "internal.h"

#define FILE_MAX (256u << 20)

/* Reads a whole file. Files in sysfs and pipes do not tell their size. */
static int read_file(const char *path, unsigned char **data, size_t *size)
{
	size_t cap = 1 << 16, len = 0, n;
	unsigned char *buf = NULL, *more;
	FILE *f = fopen(path, "re");
	int err = 0;

	if (!f)
		return libring_set_error(errno, "%.100s: %s", path, strerror(errno));
	do {
		cap *= 2;
		more = cap <= FILE_MAX ? realloc(buf, cap) : NULL;
		if (!more) {
			err = libring_set_error(ENOMEM, "%.100s: too large", path);
			break;
		}
		buf = more;
		n = fread(buf + len, 1, cap - len, f);
		len += n;
	} while (len == cap);
	if (!err && ferror(f))
		err = libring_set_error(errno ? errno : EIO, "%.100s: %s", path, strerror(errno));
	fclose(f);
	if (err) {
		free(buf);
		return err;
	}
	*data = buf;
	*size = len;
	return 0;
}

static int parse_elf(const char *path, struct btf **out)
{
	*out = btf__parse_elf(path, NULL);
	if (*out)
		return 0;
	if (errno == ENOENT || errno == ENODATA)
		return libring_set_error(ENODATA,
					 "%.100s: has no BTF (clang -target bpf -g, or pahole -J, "
					 "makes it)",
					 path);
	return libring_set_error(errno == ENOMEM ? ENOMEM : EPROTO,
				 "%.100s: libbpf cannot read it: %s", path, strerror(errno));
}

int ring_schema_from_file(const char *path, void **blob, size_t *size)
{
	struct btf *btf = NULL;
	unsigned char *data = NULL;
	uint16_t magic = 0;
	size_t len = 0;
	int err;

	err = read_file(path, &data, &len);
	if (err)
		return err;
	if (len >= sizeof(magic))
		memcpy(&magic, data, sizeof(magic));
	if (len >= 4 && !memcmp(data, "\177ELF", 4))
		err = parse_elf(path, &btf);
	else if (magic == BTF_MAGIC || magic == __builtin_bswap16(BTF_MAGIC))
		err = libring_schema_parse(data, len, &btf);
	else
		err = libring_set_error(EPROTO, "%.100s: neither an ELF file nor BTF", path);
	free(data);
	if (!err)
		err = ring_schema_from_btf(btf, blob, size);
	btf__free(btf);
	return libring_finish(err);
}

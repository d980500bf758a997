// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Zstandard, the compression of recordings. */

#include "zstd.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"

#ifdef LIBRING_ZSTD

#include <zstd.h>

/* @room: bytes of @buf: any result fits */
struct libring_packer {
	ZSTD_CCtx *ctx;
	int level;
	void *buf;
	size_t room;
};

bool libring_has_zstd(void)
{
	return true;
}

int libring_packer_open(int level, size_t longest, struct libring_packer **out)
{
	struct libring_packer *p = calloc(1, sizeof(*p));

	*out = p;
	if (p) {
		p->level = level;
		p->room = ZSTD_compressBound(longest);
		p->buf = malloc(p->room);
		p->ctx = ZSTD_createCCtx();
	}
	if (p && p->buf && p->ctx)
		return 0;
	libring_packer_close(p);
	*out = NULL;
	return libring_set_error(ENOMEM, "no memory to compress a recording");
}

void libring_packer_close(struct libring_packer *p)
{
	if (!p)
		return;
	ZSTD_freeCCtx(p->ctx);
	free(p->buf);
	free(p);
}

size_t libring_pack(struct libring_packer *p, const void *from, size_t size, const void **out)
{
	size_t n = ZSTD_compressCCtx(p->ctx, p->buf, p->room, from, size, p->level);

	*out = p->buf;
	return ZSTD_isError(n) || n >= size ? 0 : n;
}

bool libring_unpack(void *to, size_t size, const void *from, size_t from_size)
{
	/* An error is no size that a buffer has. */
	return ZSTD_decompress(to, size, from, from_size) == size;
}

#else

bool libring_has_zstd(void)
{
	return false;
}

int libring_packer_open(int level, size_t longest, struct libring_packer **out)
{
	(void)level;
	(void)longest;
	*out = NULL;
	return libring_set_error(ENOTSUP, "this library was built without Zstandard (libzstd): it "
					  "cannot compress a recording");
}

void libring_packer_close(struct libring_packer *p)
{
	(void)p;
}

size_t libring_pack(struct libring_packer *p, const void *from, size_t size, const void **out)
{
	(void)p;
	(void)size;
	*out = from;
	return 0;
}

bool libring_unpack(void *to, size_t size, const void *from, size_t from_size)
{
	(void)to;
	(void)size;
	(void)from;
	(void)from_size;
	return false;
}

#endif /* LIBRING_ZSTD */

// SPDX-License-Identifier: GPL-2.0-only
/* The expression of --where. */
#include <errno.h>
#include <string.h>

#include <libring/schema.h>

#include "decode.h"
#include "message.h"
#include "where.h"

int where_compile(struct ring_reader *ring, const char *text, struct ring_filter **out)
{
	struct decoder *decoder = NULL;
	int err = decoder_open(ring, &decoder);

	if (!err || err == -ENOENT || err == -EPROTO)
		err = ring_filter_compile(decoder ? decoder_schema(decoder) : NULL, text, out);
	decoder_close(decoder);
	return err;
}

int where_set(const char *cmd, struct ring_reader *ring, const char *text)
{
	struct ring_filter *filter = NULL;
	int err;

	if (!text)
		return EXIT_OK;
	err = where_compile(ring, text, &filter);
	if (!err)
		err = ring_set_filter(ring, filter);
	if (err)
		fail(cmd, "--where %.200s: %s", text, reason_of(err));
	ring_filter_free(filter);
	return err ? EXIT_FAIL : EXIT_OK;
}

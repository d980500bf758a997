// SPDX-License-Identifier: GPL-2.0-only
/* In the place of http.c in a program without libmicrohttpd (make HTTP=). */
#include <errno.h>

#include "http.h"

int http_begin(const struct sockaddr *addr, http_fn fn, void *arg)
{
	(void)addr;
	(void)fn;
	(void)arg;
	return -ENOTSUP;
}

void http_end(void)
{
}

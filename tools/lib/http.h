/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters by HTTP, as Prometheus asks for them. */
#ifndef LIB_HTTP_H
#define LIB_HTTP_H

#include <stddef.h>

struct sockaddr;

/* The types of both text formats. */
#define HTTP_PROMETHEUS	 "text/plain; version=0.0.4; charset=utf-8"
#define HTTP_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

/*
 * Makes an answer, in a thread of its own, one at a time. @accept: the header Accept of the
 * request; empty if it has none. @type: set to what the text is. Return: the text, which is
 * freed; NULL: the connection is closed without an answer.
 */
typedef char *(*http_fn)(void *arg, const char *accept, const char **type, size_t *size);

/**
 * http_begin() - answer GET /metrics until http_end()
 * @addr: IPv4 or IPv6, with the port
 * @fn, @arg: make the answers
 *
 * There is one server in a process. Its thread has the signal mask of the caller.
 *
 * Return: 0; -ENOTSUP: this program was built without libmicrohttpd; -EADDRINUSE and what
 * socket(2), bind(2) and listen(2) give.
 */
int http_begin(const struct sockaddr *addr, http_fn fn, void *arg);
void http_end(void);

#endif /* LIB_HTTP_H */

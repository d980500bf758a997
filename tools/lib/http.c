// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <microhttpd.h>

#include "http.h"

#define CONNECTIONS 8u
#define TIMEOUT_S   10u

static struct {
	struct MHD_Daemon *daemon;
	http_fn fn;
	void *arg;
} server;

/* @text is freed. */
static enum MHD_Result send_text(struct MHD_Connection *conn, unsigned int status, const char *type,
				 char *text, size_t size)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (!text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", type);
	result = MHD_queue_response(conn, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_refusal(struct MHD_Connection *conn, unsigned int status,
				    const char *why)
{
	return send_text(conn, status, "text/plain; charset=utf-8", strdup(why), strlen(why));
}

/* For libmicrohttpd. */
static enum MHD_Result answer(void *arg, struct MHD_Connection *conn, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	const char *accept, *type = HTTP_PROMETHEUS;
	size_t size = 0;
	char *text;

	(void)arg;
	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	if (strcmp(method, "GET"))
		return send_refusal(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is allowed\n");
	if (strcmp(url, "/metrics"))
		return send_refusal(conn, MHD_HTTP_NOT_FOUND, "only /metrics is here\n");
	accept = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	text = server.fn(server.arg, accept ? accept : "", &type, &size);
	return send_text(conn, MHD_HTTP_OK, type, text, size);
}

int http_begin(const struct sockaddr *addr, http_fn fn, void *arg)
{
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD;

	if (addr->sa_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	server.fn = fn;
	server.arg = arg;
	errno = 0;
	server.daemon = MHD_start_daemon(flags, 0, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR,
					 addr, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
					 MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_END);
	if (server.daemon)
		return 0;
	return errno ? -errno : -EADDRINUSE;
}

void http_end(void)
{
	if (server.daemon)
		MHD_stop_daemon(server.daemon);
	server.daemon = NULL;
}

// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../../lib/clock.h"
#include "../../lib/http.h"
#include "../../lib/message.h"
#include "../../lib/parse.h"
#include "../../lib/signals.h"
#include "listen.h"
#include "metrics.h"

#define FORMS "PORT, 127.0.0.1:PORT or [::1]:PORT"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool is_loopback(const union address *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

/* Parses the host in front of the port. Return: 0; -EINVAL. */
static int parse_host(const char *host, union address *a)
{
	const size_t n = strlen(host);
	char inner[INET6_ADDRSTRLEN];

	if (!n) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return 0;
	}
	if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		return 0;
	}
	if (host[0] != '[' || host[n - 1] != ']' || n - 2 >= sizeof(inner))
		return -EINVAL;
	snprintf(inner, sizeof(inner), "%.*s", (int)n - 2, host + 1);
	a->v6.sin6_family = AF_INET6;
	return inet_pton(AF_INET6, inner, &a->v6.sin6_addr) == 1 ? 0 : -EINVAL;
}

/* Return: 0; EXIT_USAGE: the message was printed. */
static int parse_address(const char *s, union address *a)
{
	const char *colon = strrchr(s, ':'), *port = colon ? colon + 1 : s;
	const char *end = port;
	uint64_t number = 0;
	char host[64];

	*a = (union address) { .v6 = { 0 } };
	snprintf(host, sizeof(host), "%.*s", colon ? (int)(colon - s) : 0, s);
	if ((colon && (colon == s || colon - s >= (int)sizeof(host))) ||
	    !scan_digits(port, &end, &number) || *end || parse_host(host, a))
		return fail_usage("metrics", "--listen %s: not an address (" FORMS ")", s);
	if (!number || number > UINT16_MAX)
		return fail_usage("metrics", "--listen %s: no such port (1 to 65535)", s);
	if (!is_loopback(a))
		return fail_usage(
			"metrics",
			"--listen %s: not the loopback: whoever reaches it would read the "
			"counters (" FORMS ")",
			s);
	/* The port is at the same place in both. */
	a->v4.sin_port = htons((uint16_t)number);
	return 0;
}

/*
 * The weight of the type @type in the header Accept, by RFC 9110; 0: it is not there. @type may be
 * a range.
 */
static double weight_of(const char *accept, const char *type)
{
	const size_t n = strlen(type);
	double weight = 0, one;

	while (*accept) {
		const char *end = accept + strcspn(accept, ","), *q;

		accept += strspn(accept, " \t");
		if (!strncasecmp(accept, type, n) && strchr(",; \t", accept[n])) {
			one = 1;
			for (q = accept + n; q < end && one == 1; q++)
				if (*q == ';' && sscanf(q, "; q=%lf", &one) == 1)
					break;
			if (one > weight)
				weight = one;
		}
		accept = *end ? end + 1 : end;
	}
	return weight;
}

bool listen_prefers_openmetrics(const char *accept)
{
	const double open = weight_of(accept, "application/openmetrics-text");

	return open > 0 && open >= weight_of(accept, "text/plain");
}

/* For http_begin(). */
static char *answer(void *arg, const char *accept, const char **type, size_t *size)
{
	const bool openmetrics = listen_prefers_openmetrics(accept);
	char *text = NULL;

	*type = openmetrics ? HTTP_OPENMETRICS : HTTP_PROMETHEUS;
	if (metrics_text(arg, openmetrics, &text, size)) {
		free(text);
		return NULL;
	}
	return text;
}

int listen_run(const char *where, const struct metrics_names *names)
{
	struct metrics_names served = *names;
	union address address;
	struct pollfd pfd;
	int err, status = parse_address(where, &address);

	if (status)
		return status;
	err = signals_init();
	if (err)
		return fail("metrics", "signals: %s", reason_of(err));
	err = http_begin(&address.any, answer, &served);
	if (err == -ENOTSUP)
		return fail("metrics", "--listen: this ringctl was built without libmicrohttpd "
				       "(--output writes a file)");
	if (err)
		return fail("metrics", "--listen %s: %s", where, strerror(-err));
	pfd = (struct pollfd) { .fd = signals_fd(), .events = POLLIN };
	while (!signals_take())
		poll_until(&pfd, 1, UINT64_MAX);
	http_end();
	return EXIT_OK;
}

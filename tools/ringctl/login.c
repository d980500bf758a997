// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "../lib/message.h"
#include "login.h"

bool login_take(struct nats_login *l, int opt)
{
	const char **texts[LOGIN_OPTIONS_END - LOGIN_FROM] = {
		[0] = &l->servers,
		[LOGIN_USER - LOGIN_FROM] = &l->user,
		[LOGIN_PASSWORD_FILE - LOGIN_FROM] = &l->password_file,
		[LOGIN_NKEY - LOGIN_FROM] = &l->nkey,
		[LOGIN_SEED_FILE - LOGIN_FROM] = &l->seed_file,
		[LOGIN_CREDENTIALS - LOGIN_FROM] = &l->credentials,
		[LOGIN_TLS_CA - LOGIN_FROM] = &l->tls_ca,
		[LOGIN_TLS_CERT - LOGIN_FROM] = &l->tls_cert,
		[LOGIN_TLS_KEY - LOGIN_FROM] = &l->tls_key,
		[LOGIN_TLS_HOSTNAME - LOGIN_FROM] = &l->tls_hostname,
	};

	if (opt < LOGIN_FROM || opt >= LOGIN_OPTIONS_END)
		return false;
	if (opt == LOGIN_TLS)
		l->tls = true;
	else
		*texts[opt - LOGIN_FROM] = optarg;
	return true;
}

int login_check(const char *cmd, const struct nats_login *l)
{
	if (!l->servers || !*l->servers)
		return fail_usage(cmd, "no server (use --from nats://HOST:PORT)");
	if (!l->user != !l->password_file)
		return fail_usage(cmd, "--user and --password-file: each needs the other one "
				       "(or use --from nats://USER:PASSWORD@HOST)");
	if (!l->nkey != !l->seed_file)
		return fail_usage(cmd, "--nkey and --seed-file: each needs the other one");
	if (!!l->user + !!l->nkey + !!l->credentials > 1)
		return fail_usage(cmd, "--user, --nkey and --credentials: only one may be given");
	if (!l->tls_cert != !l->tls_key)
		return fail_usage(cmd, "--tls-cert and --tls-key: each needs the other one");
	if (!l->tls && (l->tls_ca || l->tls_cert || l->tls_hostname))
		return fail_usage(cmd, "--tls-ca, --tls-cert and --tls-hostname: need --tls");
	return 0;
}

/* A URL may have USER:PASSWORD@ in front of the host. */
const char *login_shown(const struct nats_login *l, char *buf, size_t size)
{
	const char *p = l->servers;
	size_t len, n = 0;

	buf[0] = '\0';
	while (n < size) {
		const char *user, *host;

		p += strspn(p, " \t,");
		len = strcspn(p, " \t,");
		if (!len)
			break;
		user = strstr(p, "://");
		user = user && user < p + len ? user + 3 : p;
		host = memrchr(user, '@', (size_t)(p + len - user));
		host = host ? host + 1 : user;
		n += (size_t)snprintf(buf + n, size - n, "%s%.*s%.*s", n ? "," : "",
				      (int)(user - p), p, (int)(p + len - host), host);
		p += len;
	}
	return buf;
}

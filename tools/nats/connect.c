// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <nats/nats.h>
#include <stdio.h>
#include <string.h>

#include "connect.h"

#define SERVERS_MAX 32
#define CONNECT_MS  2000

static int wrong(struct nats_mistake *mistake, const char *field, const char *value,
		 const char *why, int err)
{
	mistake->field = field;
	mistake->value = value;
	snprintf(mistake->why, sizeof(mistake->why), "%s", why);
	return err;
}

static int fail(struct nats_mistake *mistake, const char *field, const char *value,
		natsStatus status)
{
	return wrong(mistake, field, value, natsStatus_GetText(status), -EINVAL);
}

static natsStatus set_servers(const char *servers, natsOptions *o)
{
	const char *list[SERVERS_MAX];
	char copy[4096], *p, *save = NULL;
	int nr = 0;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", servers) >= sizeof(copy))
		return NATS_INVALID_ARG;
	for (p = strtok_r(copy, " \t,", &save); p; p = strtok_r(NULL, " \t,", &save)) {
		if (nr == SERVERS_MAX)
			return NATS_INVALID_ARG;
		list[nr++] = p;
	}
	return nr ? natsOptions_SetServers(o, list, nr) : NATS_ADDRESS_MISSING;
}

/* Reads the first line of the file. */
static int read_password(const char *path, char *buf, size_t size, struct nats_mistake *mistake)
{
	FILE *f = fopen(path, "re");
	char *got;

	if (!f)
		return wrong(mistake, "password_file", path, strerror(errno), -errno);
	got = fgets(buf, (int)size, f);
	fclose(f);
	if (got)
		buf[strcspn(buf, "\r\n")] = '\0';
	if (got && *buf)
		return 0;
	return wrong(mistake, "password_file", path, "no password in its first line", -EINVAL);
}

static int set_user(const struct nats_login *l, natsOptions *o, struct nats_mistake *mistake)
{
	const char *password = l->password;
	char buf[512] = "";
	natsStatus status = NATS_OK;
	int err;

	if (l->password_file) {
		err = read_password(l->password_file, buf, sizeof(buf), mistake);
		if (err)
			return err;
		password = buf;
	}
	if (l->user)
		status = natsOptions_SetUserInfo(o, l->user, password);
	explicit_bzero(buf, sizeof(buf));
	if (status != NATS_OK)
		return fail(mistake, "user", l->user, status);
	if (l->nkey)
		status = natsOptions_SetNKeyFromSeed(o, l->nkey, l->seed_file);
	if (status != NATS_OK)
		return fail(mistake, "nkey", l->nkey, status);
	if (l->credentials)
		status = natsOptions_SetUserCredentialsFromFiles(o, l->credentials, NULL);
	return status == NATS_OK ? 0 : fail(mistake, "credentials", l->credentials, status);
}

static int set_tls(const struct nats_login *l, natsOptions *o, struct nats_mistake *mistake)
{
	natsStatus status;

	if (!l->tls)
		return 0;
	status = natsOptions_SetSecure(o, true);
	if (status != NATS_OK)
		return fail(mistake, "tls", "yes", status);
	if (l->tls_ca)
		status = natsOptions_LoadCATrustedCertificates(o, l->tls_ca);
	if (status != NATS_OK)
		return fail(mistake, "tls_ca", l->tls_ca, status);
	if (l->tls_cert)
		status = natsOptions_LoadCertificatesChain(o, l->tls_cert, l->tls_key);
	if (status != NATS_OK)
		return fail(mistake, "tls_cert", l->tls_cert, status);
	if (l->tls_hostname)
		status = natsOptions_SetExpectedHostname(o, l->tls_hostname);
	return status == NATS_OK ? 0 : fail(mistake, "tls_hostname", l->tls_hostname, status);
}

/*
 * With the library's defaults a client hangs for as long as the leader is stopped: it waits for an
 * answer to a ping for minutes, and in a write without a limit.
 */
static natsStatus set_times(natsOptions *o)
{
	natsStatus status = natsOptions_SetTimeout(o, CONNECT_MS);

	if (status == NATS_OK)
		status = natsOptions_SetPingInterval(o, 1000);
	if (status == NATS_OK)
		status = natsOptions_SetMaxPingsOut(o, 2);
	if (status == NATS_OK)
		status = natsOptions_SetWriteDeadline(o, 2000);
	if (status == NATS_OK)
		status = natsOptions_SetAllowReconnect(o, false);
	return status;
}

int nats_options(const struct nats_login *l, natsOptions **out, struct nats_mistake *mistake)
{
	natsOptions *o = NULL;
	natsStatus status = natsOptions_Create(&o);
	int err = 0;

	if (status == NATS_OK)
		status = set_times(o);
	if (status == NATS_OK)
		status = natsOptions_SetName(o, l->name);
	if (status != NATS_OK)
		err = wrong(mistake, NULL, NULL, natsStatus_GetText(status), -EIO);
	if (!err) {
		status = set_servers(l->servers, o);
		if (status != NATS_OK)
			err = fail(mistake, "servers", l->servers, status);
	}
	if (!err)
		err = set_user(l, o, mistake);
	if (!err)
		err = set_tls(l, o, mistake);
	if (err)
		natsOptions_Destroy(o);
	else
		*out = o;
	return err;
}

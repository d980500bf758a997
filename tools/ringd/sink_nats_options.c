// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <nats/nats.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "sink_nats_options.h"

#define SERVERS_MAX 32
#define CONNECT_MS  2000

static int fail(const char *key, const char *value, natsStatus status)
{
	log_error("nats.%s = %s: %s", key, value, natsStatus_GetText(status));
	return -EINVAL;
}

static natsStatus set_servers(const struct config *c, natsOptions *o)
{
	const char *list[SERVERS_MAX];
	char copy[4096], *p, *save = NULL;
	int nr = 0;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", c->nats_servers) >= sizeof(copy))
		return NATS_INVALID_ARG;
	for (p = strtok_r(copy, " \t,", &save); p; p = strtok_r(NULL, " \t,", &save)) {
		if (nr == SERVERS_MAX)
			return NATS_INVALID_ARG;
		list[nr++] = p;
	}
	return nr ? natsOptions_SetServers(o, list, nr) : NATS_ADDRESS_MISSING;
}

/* Reads the first line of the file. */
static int read_password(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	char *got;

	if (!f) {
		log_error("nats.password_file = %s: %s", path, strerror(errno));
		return -errno;
	}
	got = fgets(buf, (int)size, f);
	fclose(f);
	if (got)
		buf[strcspn(buf, "\r\n")] = '\0';
	if (got && *buf)
		return 0;
	log_error("nats.password_file = %s: no password in its first line", path);
	return -EINVAL;
}

static int set_user(const struct config *c, natsOptions *o)
{
	const char *password = c->nats_password;
	char buf[512];
	natsStatus status = NATS_OK;
	int err;

	if (c->nats_password_file) {
		err = read_password(c->nats_password_file, buf, sizeof(buf));
		if (err)
			return err;
		password = buf;
	}
	if (c->nats_user)
		status = natsOptions_SetUserInfo(o, c->nats_user, password);
	explicit_bzero(buf, sizeof(buf));
	if (status != NATS_OK)
		return fail("user", c->nats_user, status);
	if (c->nats_nkey)
		status = natsOptions_SetNKeyFromSeed(o, c->nats_nkey, c->nats_seed_file);
	if (status != NATS_OK)
		return fail("nkey", c->nats_nkey, status);
	if (c->nats_credentials)
		status = natsOptions_SetUserCredentialsFromFiles(o, c->nats_credentials, NULL);
	return status == NATS_OK ? 0 : fail("credentials", c->nats_credentials, status);
}

static int set_tls(const struct config *c, natsOptions *o)
{
	natsStatus status;

	if (!c->nats_tls)
		return 0;
	status = natsOptions_SetSecure(o, true);
	if (status != NATS_OK)
		return fail("tls", "yes", status);
	if (c->nats_tls_ca)
		status = natsOptions_LoadCATrustedCertificates(o, c->nats_tls_ca);
	if (status != NATS_OK)
		return fail("tls_ca", c->nats_tls_ca, status);
	if (c->nats_tls_cert)
		status = natsOptions_LoadCertificatesChain(o, c->nats_tls_cert, c->nats_tls_key);
	if (status != NATS_OK)
		return fail("tls_cert", c->nats_tls_cert, status);
	if (c->nats_tls_hostname)
		status = natsOptions_SetExpectedHostname(o, c->nats_tls_hostname);
	return status == NATS_OK ? 0 : fail("tls_hostname", c->nats_tls_hostname, status);
}

/*
 * With the library's defaults a publisher hangs for as long as the leader is stopped: it waits for
 * an answer to a ping for minutes, and in a write without a limit.
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

int nats_options(const struct config *c, natsOptions **out)
{
	natsOptions *o = NULL;
	natsStatus status = natsOptions_Create(&o);
	char name[96];
	int err = 0;

	snprintf(name, sizeof(name), "ringd %s", c->agent_name);
	if (status == NATS_OK)
		status = set_times(o);
	if (status == NATS_OK)
		status = natsOptions_SetName(o, name);
	if (status != NATS_OK) {
		log_error("nats: %s", natsStatus_GetText(status));
		err = -EIO;
	}
	if (!err) {
		status = set_servers(c, o);
		if (status != NATS_OK)
			err = fail("servers", c->nats_servers, status);
	}
	if (!err)
		err = set_user(c, o);
	if (!err)
		err = set_tls(c, o);
	if (err)
		natsOptions_Destroy(o);
	else
		*out = o;
	return err;
}

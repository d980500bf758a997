// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "../nats/connect.h"
#include "log.h"
#include "sink_nats_login.h"

int sink_nats_login(const struct config *c, struct __natsOptions **out)
{
	char name[96];
	const struct nats_login login = {
		.name = name,
		.servers = c->nats_servers,
		.user = c->nats_user,
		.password = c->nats_password,
		.password_file = c->nats_password_file,
		.nkey = c->nats_nkey,
		.seed_file = c->nats_seed_file,
		.credentials = c->nats_credentials,
		.tls = c->nats_tls,
		.tls_ca = c->nats_tls_ca,
		.tls_cert = c->nats_tls_cert,
		.tls_key = c->nats_tls_key,
		.tls_hostname = c->nats_tls_hostname,
	};
	struct nats_mistake mistake;
	int err;

	snprintf(name, sizeof(name), "ringd %s", c->agent_name);
	err = nats_options(&login, out, &mistake);
	if (err && mistake.field)
		log_error("nats.%s = %s: %s", mistake.field, mistake.value, mistake.why);
	else if (err)
		log_error("nats: %s", mistake.why);
	return err;
}

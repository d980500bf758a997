/* SPDX-License-Identifier: GPL-2.0-only */
/* How to connect to servers of NATS: the same for the agent and for who reads its messages. */
#ifndef NATS_CONNECT_H
#define NATS_CONNECT_H

#include <stdbool.h>

struct __natsOptions;

/**
 * struct nats_login - servers, and who one is there
 * @name: of this client, which the servers' logs and lists show
 * @servers: URLs, with commas or white space between them; any of them will do
 * @user, @password, @password_file: a name and a password, which the file's first line has
 * @nkey, @seed_file: a public key, and the file with its seed
 * @credentials: a file with a token and a seed
 * @tls: encrypt; the other fields with tls are only used then
 * @tls_ca: certificates of authorities; NULL: those of the system
 * @tls_cert, @tls_key: one's own certificate and its key
 * @tls_hostname: the name that the server's certificate must have
 *
 * A text that was not given is NULL.
 */
struct nats_login {
	const char *name;
	const char *servers;
	const char *user;
	const char *password;
	const char *password_file;
	const char *nkey;
	const char *seed_file;
	const char *credentials;
	bool tls;
	const char *tls_ca;
	const char *tls_cert;
	const char *tls_key;
	const char *tls_hostname;
};

/**
 * struct nats_mistake - which field of a login is wrong, and why
 * @field: its name; NULL: none in particular
 * @value: what it has
 */
struct nats_mistake {
	const char *field;
	const char *value;
	char why[256];
};

/*
 * Makes the options of a connection that notices a dead server within seconds, and is never
 * repaired: after a failure one makes another connection. natsOptions_Destroy() frees @out.
 * Return: 0; -EINVAL, -EIO, -errno of a file: @mistake is filled.
 */
int nats_options(const struct nats_login *l, struct __natsOptions **out,
		 struct nats_mistake *mistake);

#endif /* NATS_CONNECT_H */

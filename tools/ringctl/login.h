/* SPDX-License-Identifier: GPL-2.0-only */
/* The options by which commands connect to servers of NATS. */
#ifndef RINGCTL_LOGIN_H
#define RINGCTL_LOGIN_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include "../nats/connect.h"

/* Their lines in the help of a command. */
#define LOGIN_HELP                                                                     \
	"  --user NAME          connect as this user, with --password-file\n"          \
	"  --password-file FILE the first line of the file is the password\n"          \
	"  --nkey KEY           connect by a key, with --seed-file\n"                  \
	"  --seed-file FILE     the seed of the key\n"                                 \
	"  --credentials FILE   connect by a token and a seed\n"                       \
	"  --tls                encrypt\n"                                             \
	"  --tls-ca FILE        authorities that the server's certificate may be of\n" \
	"  --tls-cert FILE      this client's certificate, with --tls-key\n"           \
	"  --tls-key FILE       its key\n"                                             \
	"  --tls-hostname NAME  the name that the server's certificate must have\n"

/* Their numbers for getopt_long(); a command's own begin with LOGIN_OPTIONS_END. */
enum {
	LOGIN_FROM = 512,
	LOGIN_USER,
	LOGIN_PASSWORD_FILE,
	LOGIN_NKEY,
	LOGIN_SEED_FILE,
	LOGIN_CREDENTIALS,
	LOGIN_TLS,
	LOGIN_TLS_CA,
	LOGIN_TLS_CERT,
	LOGIN_TLS_KEY,
	LOGIN_TLS_HOSTNAME,
	LOGIN_OPTIONS_END,
};

/* clang-format off */
#define LOGIN_OPTIONS                                                                              \
	{ "from", required_argument, NULL, LOGIN_FROM },                                           \
	{ "user", required_argument, NULL, LOGIN_USER },                                           \
	{ "password-file", required_argument, NULL, LOGIN_PASSWORD_FILE },                         \
	{ "nkey", required_argument, NULL, LOGIN_NKEY },                                           \
	{ "seed-file", required_argument, NULL, LOGIN_SEED_FILE },                                 \
	{ "credentials", required_argument, NULL, LOGIN_CREDENTIALS },                             \
	{ "tls", no_argument, NULL, LOGIN_TLS },                                                   \
	{ "tls-ca", required_argument, NULL, LOGIN_TLS_CA },                                       \
	{ "tls-cert", required_argument, NULL, LOGIN_TLS_CERT },                                   \
	{ "tls-key", required_argument, NULL, LOGIN_TLS_KEY },                                     \
	{ "tls-hostname", required_argument, NULL, LOGIN_TLS_HOSTNAME }
/* clang-format on */

/* Takes an option, whose value is in optarg. Return: whether it is one of these. */
bool login_take(struct nats_login *l, int opt);

/* Checks that the options fit each other. Return: 0; EXIT_USAGE: a message was printed. */
int login_check(const char *cmd, const struct nats_login *l);

/* The servers as messages show them: without passwords, cut to @size. Return: @buf. */
const char *login_shown(const struct nats_login *l, char *buf, size_t size);

#endif /* RINGCTL_LOGIN_H */

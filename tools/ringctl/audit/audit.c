// SPDX-License-Identifier: GPL-2.0-only
/* ringctl audit: the account of records that agents have sent. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../fleet/archive.h"
#include "../../fleet/names.h"
#include "../../lib/message.h"
#include "../command.h"
#include "../fetch/streams.h"
#include "audit.h"

static const char help[] =
	"usage: ringctl audit DIR... [OPTION]...\n"
	"       ringctl audit --from nats://HOST:PORT[,...] [OPTION]...\n"
	"\n"
	"Reads directories of messages (by ringctl fetch, or by ringd with sink.type =\n"
	"file), or agents' streams of NATS JetStream, and prints the account of each ring\n"
	"of each host. It acknowledges nothing, and changes nothing.\n"
	"\n"
	"  HOST       machine id of the host, its first 8 digits\n"
	"  RING       name of the ring, and its number if the device has several; a ring\n"
	"             that was created anew has a line of its own\n"
	"  READ       records that are there\n"
	"  LOST       records that the agent reports as lost; the causes follow below\n"
	"  MISSING    records that nobody has accounted for; the gaps follow below\n"
	"  PUBLISHED  READ + LOST + MISSING: what the writer has published, as far as\n"
	"             the messages say\n"
	"  DROPPED    records that the writer could not publish; - if not known\n"
	"  END        how the ring ended; - if it goes on\n"
	"\n"
	"  --from URL[,URL...]  read streams; any of these servers will do\n"
	"  --stream PATTERN     streams, as in a shell (default " FLEET_STREAM_PREFIX
	"*)\n" LOGIN_HELP "  --json               one JSON object, with all identities in full\n"
	"  --help               show this help\n"
	"\n"
	"Exit status: 0 if every record is accounted for, 1 if one is missing or a\n"
	"message is damaged, 2 for wrong usage. A stream may no longer have its first\n"
	"messages, since agents remove what is acknowledged: they are missing in its sum.\n"
	"\n"
	"Examples:\n"
	"  ringctl audit /var/lib/ringd/messages\n"
	"  ringctl audit --from nats://far:4222 --stream SEQRING_web1\n"
	"  ringctl audit /srv/fleet/* --json | jq '.rings[] | select(.missing > 0)'\n";

static int take(const struct fleet_message *m, const void *body, void *arg)
{
	struct audit *a = arg;

	a->messages++;
	return fleet_account_take(&a->account, m, body);
}

/* All of what is wrong goes to standard error, so that JSON stays JSON. */
static int take_damage(const char *file, uint64_t at, const char *why, void *arg)
{
	struct audit *a = arg;

	a->damaged++;
	fail("audit", "%s: at byte %llu: %s", file, (unsigned long long)at, why);
	return 0;
}

static bool is_complete(const struct audit *a)
{
	size_t i;

	for (i = 0; i < a->account.nr; i++)
		if (fleet_account_missing(&a->account.rings[i]))
			return false;
	return !a->damaged;
}

/* A message of a stream. */
static int take_item(const char *stream, uint64_t seq, const void *data, size_t size, void *arg)
{
	struct audit *a = arg;
	struct fleet_message m;
	const void *body;
	const char *why;

	if (!fleet_decode(data, size, &m, &body, &why))
		return take(&m, body, a);
	a->damaged++;
	fail("audit", "%s: message %" PRIu64 ": %s", stream, seq, why);
	return 0;
}

static int read_dirs(struct audit *a, char **dirs)
{
	int err;

	for (; *dirs; dirs++) {
		err = fleet_archive_read(*dirs, take, take_damage, a);
		if (err == -ENOENT)
			return fail("audit", "%s: there are no files of messages", *dirs);
		if (err)
			return fail("audit", "%s: %s", *dirs, strerror(-err));
	}
	return EXIT_OK;
}

static int print(const struct audit *a, bool json)
{
	int status = json ? audit_print_json(a) : audit_print_text(a);

	if (!status)
		status = finish_stdout("audit");
	return status || is_complete(a) ? status : EXIT_FAIL;
}

enum {
	OPT_STREAM = LOGIN_OPTIONS_END,
	OPT_JSON,
};

static const struct option options[] = {
	LOGIN_OPTIONS,
	{ "stream", required_argument, NULL, OPT_STREAM },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* @has_login: an option was given that only streams have */
struct audit_opts {
	struct nats_login login;
	const char *stream;
	bool has_login;
	bool json;
};

static int check(const struct audit_opts *o, int dirs)
{
	if (!o->has_login && !dirs)
		return fail_usage("audit",
				  "no directory: name those with messages (ringctl audit DIR..., "
				  "or --from URL for streams)");
	if (!o->has_login)
		return 0;
	if (dirs)
		return fail_usage("audit", "a directory and streams: only one may be given");
	return login_check("audit", &o->login);
}

static int audit(const struct audit_opts *o, char **dirs)
{
	struct audit a = { 0 };
	int status;

	if (o->has_login)
		status = streams_read("audit", &o->login, o->stream, take_item, &a);
	else
		status = read_dirs(&a, dirs);
	if (!status)
		status = print(&a, o->json);
	fleet_account_free(&a.account);
	return status;
}

static int run(int argc, char **argv)
{
	struct audit_opts o = {
		.login.name = PROGRAM_NAME " audit",
		.stream = FLEET_STREAM_PREFIX "*",
	};
	int c, err;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&audit_command);
		if (c == '?' || c == ':')
			return fail_option("audit", c, argv, options);
		if (c == OPT_JSON) {
			o.json = true;
			continue;
		}
		o.has_login = true;
		if (!login_take(&o.login, c))
			o.stream = optarg;
	}
	err = check(&o, argc - optind);
	return err ? err : audit(&o, argv + optind);
}

const struct command audit_command = {
	.name = "audit",
	.run = run,
	.summary = "account for the records that agents have sent",
	.help = help,
};

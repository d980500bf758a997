// SPDX-License-Identifier: GPL-2.0-only
/* ringctl audit: the account of records that agents have sent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../fleet/archive.h"
#include "../../lib/message.h"
#include "../command.h"
#include "audit.h"

static const char help[] =
	"usage: ringctl audit DIR... [OPTION]...\n"
	"\n"
	"Reads directories of messages that agents have written (ringd with sink.type =\n"
	"file), and prints the account of each ring of each host:\n"
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
	"  --json               one JSON object, with all identities in full\n"
	"  --help               show this help\n"
	"\n"
	"Exit status: 0 if every record is accounted for, 1 if one is missing or a\n"
	"message is damaged, 2 for wrong usage.\n"
	"\n"
	"Examples:\n"
	"  ringctl audit /var/lib/ringd/messages\n"
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

static int audit(char **dirs, bool json)
{
	struct audit a = { 0 };
	int err, status = EXIT_OK;

	for (; *dirs && !status; dirs++) {
		err = fleet_archive_read(*dirs, take, take_damage, &a);
		if (err == -ENOENT)
			status = fail("audit", "%s: there are no files of messages", *dirs);
		else if (err)
			status = fail("audit", "%s: %s", *dirs, strerror(-err));
	}
	if (!status) {
		status = json ? audit_print_json(&a) : audit_print_text(&a);
		if (!status)
			status = finish_stdout("audit");
		if (!status && !is_complete(&a))
			status = EXIT_FAIL;
	}
	fleet_account_free(&a.account);
	return status;
}

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int run(int argc, char **argv)
{
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&audit_command);
		if (c != 'j')
			return fail_option("audit", c, argv, options);
		json = true;
	}
	if (optind == argc)
		return fail_usage("audit",
				  "no directory: name those with messages (ringctl audit DIR...)");
	return audit(argv + optind, json);
}

const struct command audit_command = {
	.name = "audit",
	.run = run,
	.summary = "account for the records that agents have sent",
	.help = help,
};

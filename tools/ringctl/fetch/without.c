// SPDX-License-Identifier: GPL-2.0-only
/* In the place of the other files here, in a ringctl without libnats (make NATS=). */
#include "../../lib/message.h"
#include "../command.h"
#include "streams.h"

static int fail_without(const char *cmd)
{
	return fail(cmd, "this ringctl was built without libnats: it reads no streams");
}

static int run(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return fail_without("fetch");
}

int streams_read(const char *cmd, const struct nats_login *l, const char *pattern, stream_fn fn,
		 void *arg)
{
	(void)l;
	(void)pattern;
	(void)fn;
	(void)arg;
	return fail_without(cmd);
}

const struct command fetch_command = {
	.name = "fetch",
	.run = run,
	.summary = "write what agents have sent into files",
	.help = "usage: ringctl fetch\n"
		"\n"
		"This ringctl was built without libnats: it reads no streams of agents.\n",
};

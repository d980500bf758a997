// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nats/nats.h>

#include "../../lib/message.h"
#include "../../nats/consume.h"
#include "streams.h"

/* What streams_read() hands on to. */
struct reading {
	const char *stream;
	stream_fn fn;
	void *arg;
};

int streams_login(const char *cmd, const struct nats_login *l, struct __natsOptions **out)
{
	struct nats_mistake mistake;
	char option[32], shown[256], *p;

	if (!nats_options(l, out, &mistake))
		return 0;
	if (!mistake.field)
		return fail(cmd, "%s", mistake.why);
	snprintf(option, sizeof(option), "%s",
		 strcmp(mistake.field, "servers") ? mistake.field : "from");
	while ((p = strchr(option, '_')))
		*p = '-';
	if (!strcmp(option, "from"))
		return fail(cmd, "--from %s: %s", login_shown(l, shown, sizeof(shown)),
			    mistake.why);
	return fail(cmd, "--%s %s: %s", option, mistake.value, mistake.why);
}

static int hand_on(const struct nats_item *item, void *arg)
{
	const struct reading *r = arg;

	return r->fn(r->stream, item->seq, item->data, item->size, r->arg);
}

static int read_all(struct nats_session *s, const char *cmd, const char *where, const char *pattern,
		    struct reading *r)
{
	char why[NATS_WHY_SIZE];
	char **names;
	size_t nr, i;
	int err;

	err = nats_list_streams(s, pattern, &names, &nr, why);
	if (err)
		return fail(cmd, "%s: %s: %s", where, pattern, why);
	for (i = 0; i < nr && !err; i++) {
		r->stream = names[i];
		if (nats_read_stream(s, names[i], hand_on, r, why))
			err = fail(cmd, "%s: %s", names[i], why);
	}
	nats_free_names(names, nr);
	return err;
}

int streams_read(const char *cmd, const struct nats_login *l, const char *pattern, stream_fn fn,
		 void *arg)
{
	struct reading r = { .fn = fn, .arg = arg };
	char why[NATS_WHY_SIZE], where[256];
	struct nats_session *s = NULL;
	natsOptions *opts;
	int err = streams_login(cmd, l, &opts);

	if (err)
		return err;
	login_shown(l, where, sizeof(where));
	if (nats_session_open(opts, &s, why))
		err = fail(cmd, "%s: %s", where, why);
	else
		err = read_all(s, cmd, where, pattern, &r);
	nats_session_close(s);
	natsOptions_Destroy(opts);
	nats_CloseAndWait(0);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* What killed processes left: shown by ringctl list, removed by ringctl destroy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <libring/bpf.h>
#include <seqring/abi.h>

#include "../lib/json.h"
#include "../lib/message.h"
#include "leftovers.h"

/* A copy of a struct ring_leftover. */
struct leftover {
	uint32_t kind;
	bool maker_gone;
	int removed;
	char *name;
	char *path;
	char *why; /* it was not removed */
};

static const char *const kinds[] = {
	[RING_LEFTOVER_SOCKET] = "socket",
	[RING_LEFTOVER_HALF_MADE] = "half-made pins",
	[RING_LEFTOVER_HALF_REMOVED] = "half-removed pins",
};

static const char *maker_of(const struct leftover *l)
{
	return l->maker_gone ? "gone" : "unknown";
}

/* For ring_leftovers(). */
static int note(const struct ring_leftover *found, void *arg)
{
	struct leftovers *l = arg;
	struct leftover *all = realloc(l->all, (l->nr + 1) * sizeof(*all));
	struct leftover *one;

	if (!all)
		return -ENOMEM;
	l->all = all;
	one = &all[l->nr++];
	*one = (struct leftover) {
		.kind = found->kind,
		.maker_gone = found->maker_gone,
		.removed = found->removed,
		.name = strdup(found->name),
		.path = strdup(found->path),
		.why = found->removed < 0 ? strdup(strerror(-found->removed)) : NULL,
	};
	return one->name && one->path && (found->removed >= 0 || one->why) ? 0 : -ENOMEM;
}

int leftovers_find(struct leftovers *l, uint32_t flags)
{
	int err = ring_leftovers(flags, note, l);

	return err ? err : ring_bpf_leftovers(flags, note, l);
}

void leftovers_free(struct leftovers *l)
{
	while (l->nr) {
		const struct leftover *one = &l->all[--l->nr];

		free(one->name);
		free(one->path);
		free(one->why);
	}
	free(l->all);
}

bool leftovers_have(const struct leftovers *l, const char *name, unsigned int writer)
{
	const uint32_t kind = writer == SEQRING_WRITER_BPF ? RING_LEFTOVER_HALF_REMOVED :
							     RING_LEFTOVER_SOCKET;
	unsigned int i;

	for (i = 0; i < l->nr && writer != SEQRING_WRITER_MODULE; i++)
		if (l->all[i].kind == kind && !strcmp(l->all[i].name, name))
			return true;
	return false;
}

void leftovers_print(const struct leftovers *l)
{
	unsigned int i;

	if (l->nr)
		printf("%-24s %-17s %-7s  %s\n", "LEFTOVER OF", "WHAT", "MAKER", "PATH");
	for (i = 0; i < l->nr; i++)
		printf("%-24s %-17s %-7s  %s\n", l->all[i].name, kinds[l->all[i].kind],
		       maker_of(&l->all[i]), l->all[i].path);
}

int leftovers_add(const struct leftovers *l, struct json_object *array)
{
	unsigned int i;

	for (i = 0; i < l->nr; i++) {
		const struct leftover *one = &l->all[i];
		struct json_object *obj = json_object_new_object();

		if (!obj || json_add_string(obj, "name", one->name) ||
		    json_add_string(obj, "kind", "leftover") ||
		    json_add_string(obj, "what", kinds[one->kind]) ||
		    json_add_string(obj, "maker", maker_of(one)) ||
		    json_add_string(obj, "path", one->path) || json_object_array_add(array, obj)) {
			json_object_put(obj);
			return -ENOMEM;
		}
	}
	return 0;
}

int leftovers_remove(bool unknown)
{
	const uint32_t flags = RING_LEFTOVERS_REMOVE | (unknown ? RING_LEFTOVERS_UNKNOWN : 0);
	struct leftovers l = { 0 };
	int err, status = EXIT_OK;
	unsigned int i;

	err = leftovers_find(&l, flags);
	if (err)
		status = fail("destroy", "leftovers: %s", reason_of(err));
	for (i = 0; i < l.nr; i++) {
		const struct leftover *one = &l.all[i];

		if (one->removed > 0)
			printf("removed %s (%s)\n", one->path, kinds[one->kind]);
		else if (one->removed < 0)
			status = fail("destroy", "%s (%s): %s", one->path, kinds[one->kind],
				      one->why);
		else
			status = fail("destroy",
				      "%s (%s): nothing that this process may look at tells "
				      "whether its maker is gone (--unknown removes it)",
				      one->path, kinds[one->kind]);
	}
	leftovers_free(&l);
	err = finish_stdout("destroy");
	return err ? err : status;
}

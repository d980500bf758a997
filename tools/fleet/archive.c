// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"

#define DIGITS 10u

/* A directory that is read. @body: room for any message so far */
struct archive {
	const char *dir;
	fleet_archive_fn fn;
	fleet_damage_fn damage;
	void *arg;
	unsigned char *body;
	size_t room;
};

static int is_file(const struct dirent *e)
{
	const char *name = e->d_name;

	return strspn(name, "0123456789") == DIGITS && !strcmp(name + DIGITS, FLEET_ARCHIVE_SUFFIX);
}

/* Return: 0; -ENOMEM. */
static int make_room(struct archive *a, size_t size)
{
	unsigned char *body;

	if (size <= a->room)
		return 0;
	body = realloc(a->body, size);
	if (!body)
		return -ENOMEM;
	a->body = body;
	a->room = size;
	return 0;
}

/* Return: 1: all @size bytes are read; 0: the file ends before; -EIO. */
static int read_bytes(FILE *f, void *to, size_t size, bool *cut)
{
	size_t n = fread(to, 1, size, f);

	*cut |= n > 0;
	if (n == size)
		return 1;
	return ferror(f) ? -EIO : 0;
}

/*
 * Reads a message, and hands it or its damage on. Return: 1; 0 at the end of the file, @cut: within
 * a message; -EBADMSG: nothing tells where the next one is; -errno; what a function returned.
 */
static int read_message(struct archive *a, FILE *f, const char *path, uint64_t *at, bool *cut)
{
	unsigned char header[FLEET_HEADER_SIZE];
	struct fleet_message m;
	const char *why;
	size_t size;
	int err;

	*cut = false;
	err = read_bytes(f, header, sizeof(header), cut);
	if (err <= 0)
		return err;
	if (fleet_decode_header(header, &m, &why)) {
		err = a->damage(path, *at, why, a->arg);
		return err ? err : -EBADMSG;
	}
	size = (size_t)fleet_padded_size(&m) - sizeof(header);
	if (make_room(a, size ? size : 1))
		return -ENOMEM;
	err = read_bytes(f, a->body, size, cut);
	if (err <= 0)
		return err;
	err = fleet_check_body(&m, header, a->body, &why) ? a->damage(path, *at, why, a->arg) :
							    a->fn(&m, a->body, a->arg);
	*at += fleet_padded_size(&m);
	return err ? err : 1;
}

static int read_file(struct archive *a, const char *name, bool newest)
{
	char path[4096];
	uint64_t at = 0;
	bool cut;
	FILE *f;
	int err;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", a->dir, name) >= sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	do {
		err = read_message(a, f, path, &at, &cut);
	} while (err == 1);
	fclose(f);
	if (err == -EBADMSG)
		return 0;
	/* The writer goes on there, or cuts it off when it starts again. */
	if (!err && cut && !newest)
		return a->damage(path, at, "the file ends within a message", a->arg);
	return err;
}

int fleet_archive_read(const char *dir, fleet_archive_fn fn, fleet_damage_fn damage, void *arg)
{
	struct archive a = { .dir = dir, .fn = fn, .damage = damage, .arg = arg };
	struct dirent **names;
	int nr = scandir(dir, &names, is_file, alphasort), i, err = 0;

	if (nr < 0)
		return -errno;
	for (i = 0; i < nr && !err; i++)
		err = read_file(&a, names[i]->d_name, i == nr - 1);
	if (!nr)
		err = -ENOENT;
	while (nr)
		free(names[--nr]);
	free(names);
	free(a.body);
	return err;
}

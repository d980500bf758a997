/* SPDX-License-Identifier: GPL-2.0-only */
/* Directories of messages, as fleet/writer.h writes them. */
#ifndef FLEET_ARCHIVE_H
#define FLEET_ARCHIVE_H

#include <stddef.h>

#include "message.h"

/* A file's name is 10 digits and this. */
#define FLEET_ARCHIVE_SUFFIX ".fleet"

/* Called with each message that is whole. Return: 0 to continue; a negative number. */
typedef int (*fleet_archive_fn)(const struct fleet_message *m, const void *body, void *arg);

/*
 * Called where the bytes of @file are no whole message: what is wrong, and at which byte. Return: 0
 * to continue, with the next message if it can be found, else with the next file.
 */
typedef int (*fleet_damage_fn)(const char *file, uint64_t at, const char *why, void *arg);

/**
 * fleet_archive_read() - read all messages of a directory, in the order of its files
 * @dir: its path
 *
 * The files may grow meanwhile; the end of the newest one is then no damage.
 *
 * Return: 0; what a function returned, if not 0; -ENOENT there is no file of messages; -ENOMEM;
 * what open(2) and read(2) give.
 */
int fleet_archive_read(const char *dir, fleet_archive_fn fn, fleet_damage_fn damage, void *arg);

#endif /* FLEET_ARCHIVE_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Names of rings, and the directories that have them. */
#ifndef LIBRING_BASE_NAMES_H
#define LIBRING_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "export.h"

/* The pin of a BPF ring that has the doorbell of the slot with this number. */
#define LIBRING_SLOT_DOORBELL "doorbell-%u"

bool libring_is_name(const char *name);
LIBRING_SHARED int libring_check_name(const char *name);
int libring_socket_dir(unsigned int nr, char *dir, size_t size);
int libring_socket_path(const char *dir, const char *name, char *path, size_t size);
LIBRING_SHARED int libring_bpf_dir(char *dir, size_t size);
LIBRING_SHARED bool libring_on_bpffs(const char *path);

#endif /* LIBRING_BASE_NAMES_H */

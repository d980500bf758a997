/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of this process. */
#ifndef LIB_LIMIT_H
#define LIB_LIMIT_H

/*
 * Allows as many descriptors as the administrator does (RLIMIT_NOFILE), for commands that need
 * some for each of many things. Without effect if that fails: open(2) then says so.
 */
void raise_files_limit(void);

#endif /* LIB_LIMIT_H */

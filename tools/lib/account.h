/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIB_ACCOUNT_H
#define LIB_ACCOUNT_H

#include <stdint.h>

/*
 * Each parses @s, the value of option @opt: a number or a name. Return: 0, or EXIT_USAGE with the
 * message printed.
 */
int parse_user(const char *cmd, const char *opt, const char *s, uint32_t *uid);
int parse_group(const char *cmd, const char *opt, const char *s, uint32_t *gid);

#endif /* LIB_ACCOUNT_H */

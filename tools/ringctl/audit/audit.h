/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RINGCTL_AUDIT_H
#define RINGCTL_AUDIT_H

#include <stdint.h>

#include "../../fleet/account.h"

/**
 * struct audit - what the messages say
 * @messages: that were whole
 * @damaged: places where the bytes were no message
 */
struct audit {
	struct fleet_account account;
	uint64_t messages;
	uint64_t damaged;
};

/* audit_print.c. Return: the exit status. */
int audit_print_text(const struct audit *a);
int audit_print_json(const struct audit *a);

#endif /* RINGCTL_AUDIT_H */

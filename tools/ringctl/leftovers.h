/* SPDX-License-Identifier: GPL-2.0-only */
/* What killed processes left: shown by ringctl list, removed by ringctl destroy. */
#ifndef RINGCTL_LEFTOVERS_H
#define RINGCTL_LEFTOVERS_H

#include <stdbool.h>
#include <stdint.h>

#include <libring.h>

struct json_object;

/* The leftovers of all kinds of rings. */
struct leftovers {
	struct leftover *all;
	unsigned int nr;
};

/* Finds the leftovers, and removes them by @flags of ring_leftovers(). Return: 0; -errno. */
int leftovers_find(struct leftovers *l, uint32_t flags);
void leftovers_free(struct leftovers *l);

/* True if ring_list() gave a leftover as the ring @name of a writer of kind @writer. */
bool leftovers_have(const struct leftovers *l, const char *name, unsigned int writer);

void leftovers_print(const struct leftovers *l);
int leftovers_add(const struct leftovers *l, struct json_object *array);

/* Removes the leftovers, and says what it did. @unknown: also of makers that may live. */
int leftovers_remove(bool unknown);

#endif /* RINGCTL_LEFTOVERS_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contenders take turns, so that all of them see the same machine.
 */
#include <string.h>

#include "bench.h"

void contender_set(struct contender *c, const char *key, double value)
{
	unsigned int i;

	for (i = 0; i < c->nr_figures && strcmp(c->figure[i].key, key); i++)
		;
	if (i == NR(c->figure))
		fail("%s has too many figures", c->name);
	c->figure[i] = (struct figure) { key, value };
	if (i == c->nr_figures)
		c->nr_figures++;
}

void contender_cold(struct contender *c)
{
	(void)c;
}

/* Repeats a round that something disturbed. Return: whether the last try was disturbed, too. */
static bool one_round(struct contender *c)
{
	unsigned int i;

	for (i = 0; i < BENCH_TRIES; i++)
		if (!c->round(c))
			return false;
	return true;
}

void alternate(const char *section, struct contender *const *c, unsigned int n, unsigned int rounds)
{
	unsigned int i, k;
	bool disturbed;

	for (k = 0; k < n; k++) {
		if (c[k] && c[k]->warm_up)
			c[k]->warm_up(c[k]);
		else if (c[k])
			c[k]->round(c[k]);
	}
	for (i = 0; i < rounds; i++) {
		for (k = 0; k < n; k++) {
			if (!c[k])
				continue;
			disturbed = one_round(c[k]);
			emit_sample(section, c[k], i, disturbed);
		}
	}
}

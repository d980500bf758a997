/* SPDX-License-Identifier: GPL-2.0-only */
/* When a test's writer laps the ring: at the loads and fences of the code under test. */
#ifndef LAPS_H
#define LAPS_H

#include <stdbool.h>

static unsigned int skip; /* loads and fences before the writer laps the ring */
static unsigned int laps_left;

/* Counts a load or a fence. Return: whether to lap the ring now. */
static bool is_lap_due(void)
{
	if (!laps_left)
		return false;
	if (skip) {
		skip--;
		return false;
	}
	laps_left--;
	return true;
}

#endif /* LAPS_H */

// SPDX-License-Identifier: GPL-2.0-only
/* The ring is taken by an atomic instruction: programs may preempt each other. */
#include "torture.h"

// SPDX-License-Identifier: GPL-2.0-only
/* Programs that may preempt each other, for all that their object says. */
#include "preempt_programs.h"

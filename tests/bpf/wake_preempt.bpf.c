// SPDX-License-Identifier: GPL-2.0-only
/* Checks for sleepers with each record. */
#include "wake_programs.h"

// SPDX-License-Identifier: GPL-2.0-only
/* Always looks who sleeps. */
#include "wake_programs.h"

// SPDX-License-Identifier: GPL-2.0-only
/* Checks for sleepers only while a sleeper is announced. */
#define SEQRING_BPF_NO_PREEMPT
#include "wake_programs.h"

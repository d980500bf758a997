// SPDX-License-Identifier: GPL-2.0-only
/* Compiled as for most producers: programs on tracepoints, one ring per CPU. */
#define SEQRING_BPF_NO_PREEMPT
#include "torture.h"

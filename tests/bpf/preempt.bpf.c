// SPDX-License-Identifier: GPL-2.0-only
/* Programs on tracepoints, as most producers compile them. */
#define SEQRING_BPF_NO_PREEMPT
#include "preempt_programs.h"

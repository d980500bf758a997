// SPDX-License-Identifier: GPL-2.0-only
/* Compiled as for a machine that reorders stores, or an unknown one. */
#undef __TARGET_ARCH_x86
#undef __TARGET_ARCH_s390
#define SEQRING_BPF_NO_PREEMPT
#include "torture.h"

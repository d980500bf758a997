// SPDX-License-Identifier: GPL-2.0-only
/* As on a machine that may reorder stores, or is not known. */
#undef __TARGET_ARCH_x86
#undef __TARGET_ARCH_s390
#define SEQRING_BPF_NO_PREEMPT
#include "torture.h"

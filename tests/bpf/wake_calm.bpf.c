// SPDX-License-Identifier: GPL-2.0-only
/* As wake.bpf.c, but forgets after a few records that a sleeper was announced. */
#define SEQRING_BPF_NO_PREEMPT
#define SEQRING_BPF_CALM 1
#include "wake_programs.h"

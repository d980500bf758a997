// SPDX-License-Identifier: GPL-2.0-only
/* Like wake.bpf.c, but forgets an announced sleeper after a few records. */
#define SEQRING_BPF_NO_PREEMPT
#define SEQRING_BPF_IDLE_PUBLISHES 1
#include "wake_programs.h"

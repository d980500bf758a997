/* SPDX-License-Identifier: GPL-2.0-only */
/* What the BPF programs of this part and the program that runs them agree on. */
#ifndef RINGBENCH_LATENCY_PROGRAMS_H
#define RINGBENCH_LATENCY_PROGRAMS_H

#define LATENCY_TYPE 7u

#endif

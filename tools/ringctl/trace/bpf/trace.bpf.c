// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BPF programs of ringctl trace, which publish events of the kernel to a ring. User
 * space selects programs, events and filters before it loads this object: config is
 * constant to the verifier, which removes unreachable code.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <stddef.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* All programs here are on tracepoints. */
#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf.h>

#include "../config.h"
#include "kernel.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(trace);

#define RECORD(tag, number, task, print) SEQRING_SCHEMA_TYPE(tag);
#include "../events.def"

#include "filter.bpf.h"

/* The programs, on_TRACEPOINT. A group of events has a file. */
#include "sched.bpf.h"
#include "process.bpf.h"
#include "syscalls.bpf.h"
#include "block.bpf.h"
#include "tcp.bpf.h"

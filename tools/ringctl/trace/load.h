/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads and attaches the BPF programs. */
#ifndef TRACE_LOAD_H
#define TRACE_LOAD_H

#include <libring.h>

#include "events.h"

struct ring_bpf;
struct trace_bpf;

/**
 * struct trace_load - loaded programs, which are the writer of a ring
 * @ring: a reader from the first record on; NULL with @keep of the options
 */
struct trace_load {
	struct trace_bpf *skel;
	struct ring_bpf *bpf;
	struct ring_reader *ring;
	struct bpf_link *links[NR_PROGS];
	uint32_t nr_links;
};

/* Starts to publish. Return: 0, or EXIT_FAIL with the message printed. */
int trace_start(const struct trace_opts *opts, struct trace_load *l);

/* Stops publishing; readers get the remaining records, then the end. Return: 0 or -errno. */
int trace_stop(struct trace_load *l);

/* How often the kernel skipped a program because it was already running on that CPU. */
uint64_t trace_missed(const struct trace_load *l);

void trace_free(struct trace_load *l);

/*
 * True if a process of the list of PIDs has not begun to end, or has begun to and @is_running says
 * that it still runs.
 */
bool trace_any_listed(const struct trace_load *l, bool (*is_running)(uint32_t pid));

/* Adds the calling process to the followed ones. Return: 0 or -errno. */
int trace_follow_caller(const struct trace_load *l);

#endif /* TRACE_LOAD_H */

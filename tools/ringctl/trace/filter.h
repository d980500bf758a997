/* SPDX-License-Identifier: GPL-2.0-only */
/* The values of --pid, --comm and --call. */
#ifndef TRACE_FILTER_H
#define TRACE_FILTER_H

#include "options.h"

/* Each returns 0, or EXIT_USAGE with the message printed. */
int trace_parse_pids(struct trace_opts *opts, const char *s);
int trace_parse_comms(struct trace_opts *opts, const char *s);
int trace_parse_calls(struct trace_opts *opts, const char *s);

#endif /* TRACE_FILTER_H */

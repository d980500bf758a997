/* SPDX-License-Identifier: GPL-2.0-only */
/* The tracepoints of lttng.c. LTTng's headers read this one several times. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER ringbench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./lttng_events.h"

#if !defined(RINGBENCH_LTTNG_EVENTS_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define RINGBENCH_LTTNG_EVENTS_H

#include <stdint.h>

#include <lttng/tracepoint.h>

/* clang-format off */
LTTNG_UST_TRACEPOINT_EVENT(ringbench, small,
	LTTNG_UST_TP_ARGS(const uint64_t *, words),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(uint64_t, a, words[0])
		lttng_ust_field_integer(uint64_t, b, words[1])
		lttng_ust_field_integer(uint64_t, c, words[2])
		lttng_ust_field_integer(uint64_t, d, words[3])))

LTTNG_UST_TRACEPOINT_EVENT(ringbench, live,
	LTTNG_UST_TP_ARGS(const uint64_t *, words),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(uint64_t, a, words[0])
		lttng_ust_field_integer(uint64_t, b, words[1])
		lttng_ust_field_integer(uint64_t, c, words[2])
		lttng_ust_field_integer(uint64_t, d, words[3])))

LTTNG_UST_TRACEPOINT_EVENT(ringbench, large,
	LTTNG_UST_TP_ARGS(const uint64_t *, words),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_array(uint64_t, words, words, 128)))
/* clang-format on */

#endif

#include <lttng/tracepoint-event.h>

/* SPDX-License-Identifier: GPL-2.0-only */
/* Definitions of macros for cppcheck, which does not read their headers. */
#ifdef __KERNEL__
#define list_for_each_entry(pos, head, member) for ((pos) = first(head); (pos); (pos) = next(pos))
#define list_for_each_entry_safe(pos, n, head, member) \
	for ((pos) = first(head); (pos); (pos) = next(pos))
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < nr_cpus(); (cpu)++)
#else
#define LTTNG_UST_TRACEPOINT_EVENT(...)
#define LIBBPF_OPTS(type, name, ...) struct type name = { .sz = sizeof(struct type), __VA_ARGS__ }
#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Filters: readers that get only the records that an expression selects. ring_filter_compile() of
 * libring/schema.h makes a filter from text, such as "type == sched_switch && prev.pid in {1, 7}".
 * docs/reference/filter.md has the language. Rules for all functions: libring.h.
 *
 * A filter never changes, so any number of threads may use it at once.
 */
#ifndef LIBRING_FILTER_H
#define LIBRING_FILTER_H

#include <libring/common.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct ring_filter;
struct ring_reader;

/**
 * ring_set_filter() - deliver only the records that a filter selects, from now on
 * @r: the reader. Between its calls, and not within the function that ring_consume() calls
 * @f: the filter, made for the schema of this ring; it is copied. NULL: no filter any more
 *
 * Sleeps as ring_fd(), if that was called; otherwise never.
 *
 * All functions that read pass the other records: they are consumed, and ring_stats.filtered
 * counts them. So the records that were read, lost and filtered are all that were published,
 * whatever the filter. What is lost before a record that is passed is told by the next record
 * that is delivered. Both the filter and ring_open_opts.types have to select a record.
 *
 * The filter looks at a record where it lies in the ring, and what it finds counts only if the
 * record was whole until then. A call that passes 65536 or more records may return -EAGAIN
 * although there are more, as with ring_open_opts.types. Watermarks count all records.
 * ring_newest() ignores the filter.
 *
 * A call that returns -EREMCHG (RING_FOLLOW, RING_NONBLOCK) removes the filter: the next ring may
 * have another schema. Compile the expression again for it before reading on.
 *
 * Return: 0; -EAGAIN there is no ring yet (RING_NONBLOCK); -EBUSY the function that ring_consume()
 * calls made this call; -ENOMEM. After a failure the reader keeps the filter that it had.
 */
int ring_set_filter(struct ring_reader *r, const struct ring_filter *f);

/**
 * ring_filter_match() - tell whether a filter selects a record
 * @f: the filter
 * @rec: the record. Its payload has rec->len bytes, which may have any value
 *
 * Never sleeps, allocates nothing, and reads nothing outside the payload. The time is bounded by
 * the length of the expression, and with a pattern (~) by its length times that of the text.
 *
 * Return: 1 it does; 0 it does not.
 */
int ring_filter_match(const struct ring_filter *f, const struct ring_record *rec);

/**
 * ring_filter_free() - free a filter
 * @f: the filter, or NULL. Readers that have it keep their copy
 */
void ring_filter_free(struct ring_filter *f);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_FILTER_H */

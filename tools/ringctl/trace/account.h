/* SPDX-License-Identifier: GPL-2.0-only */
/* The account of a reader: every published record was read, lost or filtered. */
#ifndef TRACE_ACCOUNT_H
#define TRACE_ACCOUNT_H

#include <stdbool.h>

#include <libring.h>
#include <seqring/abi.h>

/*
 * The records read from one ring; sequence numbers of the first and the last one.
 *
 * @dropped_before: what the ring dropped before the reader began
 */
struct trace_ring_account {
	uint64_t first;
	uint64_t last;
	uint64_t read;
	uint64_t lost;
	uint64_t dropped_before[SEQRING_DROP_CAUSES];
};

/**
 * struct trace_account - the account
 * @name: what to call the ring
 * @missed: events for which the kernel did not run a program
 * @recording: the reader reads a recording: its drops count from the beginning of that
 * @from_start: the reader was there before the first record
 * @is_filtered: some records are left out, and are not among those that the account is told of
 * @ended: every published record was available
 */
struct trace_account {
	const char *name;
	struct trace_ring_account *rings;
	uint32_t nr_rings;
	uint64_t read;
	uint64_t missed;
	bool recording;
	bool from_start;
	bool is_filtered;
	bool ended;
};

/* Of a reader that begins now, unless it is there from the start. Return: 0 or -errno. */
int trace_account_init(struct trace_account *a, struct ring_reader *ring, uint32_t nr_rings);
void trace_account_free(struct trace_account *a);

void trace_account_add(struct trace_account *a, const struct ring_record *rec);

/*
 * Prints the account, and one for each ring if @per_ring. Return: whether what was read,
 * lost and filtered adds up to published; with a filter, true where nothing tells what was
 * published.
 */
bool trace_account_print(const struct trace_account *a, struct ring_reader *ring, bool per_ring);

#endif /* TRACE_ACCOUNT_H */

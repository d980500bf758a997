/* SPDX-License-Identifier: GPL-2.0-only */
/* The consumers of each kind of stream in user space. */
#ifndef VMBENCH_CONSUMERS_H
#define VMBENCH_CONSUMERS_H

#include "guest.h"

/*
 * A consumer and its account, which must be exact: a record's number shows how many are
 * missing before it.
 *
 * @next: number of the next record
 * @ended: the writer has stopped
 * @told: lost records by the contender's own count; NOT_TOLD if it does not count
 */
#define NOT_TOLD UINT64_MAX

struct consumer {
	const struct consumer_kind *kind;
	uint32_t len;
	uint64_t next;
	uint64_t read;
	uint64_t lost;
	uint64_t told;
	bool ended;
	void *impl;
	int fd;
};

/*
 * @open:  makes records come from now on; returns NULL, or why not
 * @drain: gives all available records to consumer_take()
 */
struct consumer_kind {
	const char *name;
	enum locks_kind writer;
	const char *(*open)(struct consumer *c);
	void (*drain)(struct consumer *c);
	void (*close)(struct consumer *c);
};

extern const struct consumer_kind consumer_ring;
extern const struct consumer_kind consumer_ring_percpu;
extern const struct consumer_kind consumer_chardev;
extern const struct consumer_kind consumer_netlink;
extern const struct consumer_kind consumer_relay;
extern const struct consumer_kind consumer_perf;
extern const struct consumer_kind consumer_bpf_ringbuf;
extern const struct consumer_kind consumer_bpf_perf;

/* Checks a record and enters it into the account. */
void consumer_take(struct consumer *c, const void *record, size_t len);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that publish in the kernel, and those who read what they publish.
 */
#ifndef RINGBENCH_BPF_CONTENDER_H
#define RINGBENCH_BPF_CONTENDER_H

#include <pthread.h>
#include <seqring/reader.h>

#include "../stream.h"
#include "programs.h"

#define REST_NS 20000u

/* How a reader looks for records. */
enum policy {
	NOBODY,
	BATCH, /* takes what is there, then leaves it alone for REST_NS */
	SPIN,  /* looks again at once */
	SLEEP, /* until it is woken */
};

/* What passes the records on to the other readers, where only one can have them. */
enum relay {
	DIRECT,
	BY_PIPES,
	BY_MEMORY,
};

/*
 * @program: what publishes: run_@program
 * @len: payload bytes
 * @readers: how many consumers, all of them on the other core
 * @wake_records: SLEEP: wake for so many; BATCH, and not 0: somebody else sleeps
 * @size: bytes of the ring or buffer; 0: RING_LARGE
 */
struct setup {
	const char *name;
	const char *program;
	uint32_t len;
	enum policy policy;
	enum bench_clock clock;
	unsigned int readers;
	uint32_t wake_records;
	enum relay relay;
	uint64_t size;
};

struct contender;

/* @buf: the payload that was copied out, or what a relay passes on */
struct consumer {
	struct contender *c;
	struct seqring_reader rd;
	struct ring_reader *sleeper;
	struct ring_buffer *rb;
	struct perf_buffer *pb;
	pthread_t thread;
	int pipe[2];
	unsigned char *buf;
	size_t used;
	uint64_t expected;
	uint64_t read;
	uint64_t lost;
} __attribute__((aligned(128)));

enum kind { OURS, RING_BUFFER, PERF_BUFFER, NO_BUFFER };

/*
 * @writer_ns: of the program's time for one record
 * @rate: records per microsecond that were published
 * @delivered: records per microsecond that each consumer had while it ran
 * @reader_ns: of the reader's processor time for one record; @switches: how often it
 *	slept for 1000 of them
 * @gap_ns, @burst: with @gap_ns, the writer publishes so many records, then waits
 */
struct contender {
	struct setup setup;
	enum kind kind;
	struct bench_bpf *skel;
	struct ring_bpf *ring;
	struct bench_run *run;
	int prog;
	struct consumer *consumer;
	uint64_t gap_ns;
	uint32_t burst;

	uint64_t published;
	uint64_t lost_in_all;
	uint64_t published_in_all;
	double writer_ns;
	double rate;
	double delivered;
	double reader_ns;
	double switches;
	bool disturbed;

	unsigned int ready __attribute__((aligned(128)));
	unsigned int stop __attribute__((aligned(128)));
};

struct contender *contender_new(const struct setup *setup);
void contender_free(struct contender *c);

/* One round; for undisturbed(). Ends the program when the account is wrong. */
bool contender_round(void *arg);
void contender_warm_up(struct contender *c);

/* contender_new() and _free() of what the consumers need; @fd of ring buffer number i. */
void consumers_open(struct contender *c);
void consumers_close(struct contender *c);
/* A round's consumers begin, and end when c->stop is set and nothing is left. */
void consumers_start(struct contender *c);
void consumers_wait(struct contender *c);

/* Whether BPF programs run here; if not, says so. */
bool bpf_here(const char *section);

/* All contenders in each round. @cost, @rate: a series each; NULL: not of interest. */
void alternate(struct contender **c, struct series **cost, struct series **rate, unsigned int n);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs that publish in the kernel, and the readers of what they publish. */
#ifndef RINGBENCH_BPF_H
#define RINGBENCH_BPF_H

#include <seqring/reader.h>

#include "../../core/stream.h"
#include "programs.h"

/* The way to further readers of a buffer that only one reader can read. */
enum relay {
	DIRECT,
	BY_PIPES,
	BY_MEMORY,
};

/*
 * The variant of a row.
 *
 * @program: the program that publishes: run_@program
 * @wake_records: of readers that sleep: wake for so many; of others, and not 0: somebody
 *                else sleeps
 */
struct bpf_variant {
	const char *program;
	enum bench_clock clock;
	uint32_t wake_records;
	enum relay relay;
};

/* Programs that publish in a loop, and programs that publish one record for each run. */
extern const struct stream_kind kind_bpf;
extern const struct stream_kind kind_bpf_once;

/* True if BPF programs run here; if not, notes that they are skipped. */
bool bpf_here(const char *section);

enum bpf_target { OURS, RING_BUFFER, PERF_BUFFER, NO_BUFFER };

/* The stream's impl. */
struct bpf {
	const struct bpf_variant *v;
	enum bpf_target target;
	struct bench_bpf *skel;
	struct ring_bpf *ring;
	struct bench_run *run;
	int prog;
	uint64_t dropped; /* records dropped before the round */
};

void consumers_open(struct stream *s);
void consumers_close(struct stream *s);
void consumer_join(struct stream *s, struct reader *rd);
unsigned int consumer_collect(struct stream *s, struct reader *rd, unsigned int max);
void consumer_settle(struct stream *s, struct reader *rd);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of disks. Part of trace.bpf.c. */
#ifndef TRACE_BLOCK_BPF_H
#define TRACE_BLOCK_BPF_H

/* A request that a disk has got. @listed: the list of PIDs had its task */
struct issued {
	__u64 since_ns;
	__u64 listed;
	struct trace_task task;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct issued);
} requests SEC(".maps");

static __always_inline void fill_block(struct trace_block *io, struct request *rq)
{
	struct gendisk *disk = rq->q->disk;
	const __u64 *from = (const __u64 *)disk->disk_name;
	__u64 *to = (__u64 *)io->disk;

	to[0] = from[0];
	to[1] = from[1];
	io->major = disk->major;
	io->minor = disk->first_minor;
	io->sector = rq->__sector;
	io->op = rq->cmd_flags & 0xff;
	io->flags = rq->cmd_flags >> 8;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(on_block_rq_issue, struct request *rq)
{
	__u64 key = (__u64)rq;
	const bool listed = is_current_listed();
	struct block_issue e;
	struct issued issued;

	__builtin_memset(&e, 0, sizeof(e));
	fill_current(&e.io.task);
	if (is_enabled(TRACE_BLOCK_COMPLETE)) {
		issued.since_ns = bpf_ktime_get_ns();
		issued.listed = listed;
		issued.task = e.io.task;
		bpf_map_update_elem(&requests, &key, &issued, BPF_ANY);
	}
	if (!is_enabled(TRACE_BLOCK_ISSUE) || !is_wanted_if(&e.io.task, listed))
		return 0;
	fill_block(&e.io, rq);
	e.io.bytes = rq->__data_len;
	seqring_bpf_publish(trace, block_issue, &e, sizeof(e));
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_block_rq_complete, struct request *rq, int status, unsigned int bytes)
{
	__u64 key = (__u64)rq;
	struct block_complete e;
	struct issued *issued;
	bool listed = false;

	__builtin_memset(&e, 0, sizeof(e));
	issued = bpf_map_lookup_elem(&requests, &key);
	if (issued) {
		e.io.task = issued->task;
		listed = issued->listed;
		e.latency_ns = bpf_ktime_get_ns() - issued->since_ns;
		/* __data_len is the rest of the request, including @bytes. */
		if (bytes >= rq->__data_len)
			bpf_map_delete_elem(&requests, &key);
	}
	if (!is_wanted_if(&e.io.task, listed))
		return 0;
	fill_block(&e.io, rq);
	e.io.bytes = bytes;
	e.status = status;
	seqring_bpf_publish(trace, block_complete, &e, sizeof(e));
	return 0;
}

#endif /* TRACE_BLOCK_BPF_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Decides which events to publish, and for which tasks. Part of trace.bpf.c. */
#ifndef TRACE_FILTER_BPF_H
#define TRACE_FILTER_BPF_H

const volatile struct trace_config config = {};

/* The PID that config.leave_out_self leaves out; 0: none. */
__u32 self;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TRACE_PIDS_MAX);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps");

/*
 * Processes whose threads have all begun to end. The key is the signal_struct, which the threads
 * share and which outlives them; the value is the PID if the process was listed, else 0. What a
 * task does while it ends, such as closing its sockets, belongs to it; but its PID leaves the list,
 * since another process may get the PID.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TRACE_FOLLOW_MAX);
	__type(key, __u64);
	__type(value, __u32);
} ending SEC(".maps");

struct comm_key {
	__u64 words[TRACE_COMM_SIZE / 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TRACE_COMMS_MAX);
	__type(key, struct comm_key);
	__type(value, __u8);
} comms SEC(".maps");

/* Notes the caller's PID in the initial PID namespace, which getpid() may not return. */
SEC("syscall")
int store_self(void *ctx)
{
	self = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

/* Adds the caller to the listed processes. */
SEC("syscall")
int follow_caller(void *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u8 yes = 1;

	return bpf_map_update_elem(&pids, &pid, &yes, BPF_ANY);
}

static __always_inline bool is_enabled(enum trace_event event)
{
	return config.events & (1u << event);
}

/* This is a hot path: copies words. __set_task_comm() pads the name with zeros. */
static __always_inline void fill_task(struct trace_task *t, struct task_struct *p)
{
	__u64 *to = (__u64 *)t->comm;
	const __u64 *from = (const __u64 *)p->comm;

	t->pid = p->tgid;
	t->tid = p->pid;
	to[0] = from[0];
	to[1] = from[1];
}

static __always_inline void fill_current(struct trace_task *t)
{
	fill_task(t, bpf_get_current_task_btf());
}

static __always_inline bool is_own(const struct trace_task *t)
{
	const __u64 *comm = (const __u64 *)t->comm;

	if (config.leave_out_self && (__u32)t->pid == self)
		return true;
	return config.own_comm[0] && comm[0] == config.own_comm[0] && comm[1] == config.own_comm[1];
}

/*
 * True if an event concerns only this process and idle CPUs. An event that concerns another
 * task as well is part of that task's history and is published.
 */
static __always_inline bool is_own_only(const struct trace_task *a, const struct trace_task *b)
{
	return (is_own(a) || !a->tid) && (is_own(b) || !b->tid);
}

#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000

/* True if the list of PIDs has the process of @p. */
static __always_inline bool is_listed(const struct task_struct *p)
{
	__u32 pid = p->tgid, *listed;
	__u64 key;

	if (bpf_map_lookup_elem(&pids, &pid))
		return true;
	if (!(p->flags & PF_EXITING))
		return false;
	key = (__u64)p->signal;
	listed = bpf_map_lookup_elem(&ending, &key);
	/* A signal_struct is used again, perhaps before its old entry is removed. */
	return listed && *listed == pid;
}

/* The same for the present task, to be remembered with an object of the task. */
static __always_inline bool is_current_listed(void)
{
	return config.pids && is_listed(bpf_get_current_task_btf());
}

static __always_inline bool is_listed_comm(const struct trace_task *t)
{
	const __u64 *comm = (const __u64 *)t->comm;
	struct comm_key key = { { comm[0], comm[1] } };

	return bpf_map_lookup_elem(&comms, &key);
}

/* True if @filter passes an item; @listed: its list has the item. */
static __always_inline bool passes(__u32 filter, bool listed)
{
	const bool only = filter == TRACE_FILTER_ONLY;

	return listed == only;
}

/* True if the filters pass an event that concerns these two tasks, @a of @p and @b of @q. */
static __always_inline bool is_wanted_pair(const struct trace_task *a, const struct task_struct *p,
					   const struct trace_task *b, const struct task_struct *q)
{
	if (config.pids && !passes(config.pids, is_listed(p) || is_listed(q)))
		return false;
	return !config.comms || passes(config.comms, is_listed_comm(a) || is_listed_comm(b));
}

/* True if the filters pass an event of @t. @listed: the list of PIDs has or had the process. */
static __always_inline bool is_wanted_if(const struct trace_task *t, bool listed)
{
	if (is_own(t))
		return false;
	if (config.pids && !passes(config.pids, listed))
		return false;
	return !config.comms || passes(config.comms, is_listed_comm(t));
}

static __always_inline bool is_wanted(const struct trace_task *t, const struct task_struct *p)
{
	return is_wanted_if(t, config.pids && is_listed(p));
}

#endif /* TRACE_FILTER_BPF_H */

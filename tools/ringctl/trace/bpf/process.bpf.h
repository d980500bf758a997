/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of processes. Part of trace.bpf.c. */
#ifndef TRACE_PROCESS_BPF_H
#define TRACE_PROCESS_BPF_H

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct process_fork e;
	__u8 yes = 1;
	__u32 pid;

	__builtin_memset(&e, 0, sizeof(e));
	fill_task(&e.parent, parent);
	fill_task(&e.child, child);
	e.is_thread = e.parent.pid == e.child.pid;
	if (config.follow && !e.is_thread && is_listed(parent)) {
		pid = e.child.pid;
		bpf_map_update_elem(&pids, &pid, &yes, BPF_ANY);
	}
	if (!is_enabled(TRACE_PROCESS_FORK) || is_own(&e.parent) ||
	    !is_wanted_pair(&e.parent, parent, &e.child, child))
		return 0;
	seqring_bpf_publish(trace, process_fork, &e, sizeof(e));
	return 0;
}

/* Fills the member of variable length. Return: its length. */
static __always_inline __u32 read_command(struct process_exec *e, struct task_struct *p,
					  struct linux_binprm *bprm)
{
	unsigned long from = p->mm->arg_start, size = p->mm->arg_end - from;
	long len = bpf_probe_read_kernel_str(e->command, TRACE_FILE_MAX, bprm->filename);
	__u32 file, args;
	char behind = 0;

	if (len < 1 || len > TRACE_FILE_MAX) {
		e->command[0] = 0;
		len = 1;
	}
	file = len;
	args = size < TRACE_ARGS_MAX ? size : TRACE_ARGS_MAX;
	/* A name that just fits has its zero there. */
	if (file == TRACE_FILE_MAX)
		bpf_probe_read_kernel(&behind, 1, bprm->filename + TRACE_FILE_MAX - 1);
	e->file_truncated = behind;
	e->args_truncated = args < size;
	e->args_unreadable = false;
	e->args_size = size;
	/* The kernel has just written them. A page that is swapped out already is not read. */
	if (args && bpf_probe_read_user(&e->command[file], args, (const void *)from)) {
		e->args_truncated = false;
		e->args_unreadable = true;
		args = 0;
	}
	return file + args;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_sched_process_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	struct seqring_bpf_open o;
	struct process_exec *e;
	struct trace_task task;
	void *payload;
	__u32 len;

	fill_task(&task, p);
	if (!is_wanted(&task, p))
		return 0;
	if (seqring_bpf_reserve(trace, &o, sizeof(*e) + TRACE_FILE_MAX + TRACE_ARGS_MAX, &payload))
		return 0;
	e = payload;
	e->task = task;
	e->ppid = p->real_parent->tgid;
	e->uid = p->cred->uid.val;
	len = read_command(e, p, bprm);
	seqring_bpf_trim(&o, offsetof(struct process_exec, command) + len);
	seqring_bpf_commit(&o, process_exec);
	return 0;
}

#define EEXIST 17

/*
 * True for one thread of the process, after all have begun to end. Its PID leaves the list then.
 * @says_last: what the kernel says, if config.exit_says_last
 */
static __always_inline bool end_thread(struct task_struct *p, bool says_last)
{
	__u64 key = (__u64)p->signal;
	__u32 pid = p->tgid, listed;

	/* Threads that end at once may all see that none is left. */
	if (config.exit_says_last ? !says_last : p->signal->live.counter)
		return false;
	listed = config.pids && bpf_map_lookup_elem(&pids, &pid) ? pid : 0;
	if (!config.exit_says_last &&
	    bpf_map_update_elem(&ending, &key, &listed, BPF_NOEXIST) == -EEXIST)
		return false;
	if (!listed)
		return true;
	/* Before the PID leaves: another thread, which ends as well, is listed all the time. */
	if (config.exit_says_last)
		bpf_map_update_elem(&ending, &key, &listed, BPF_ANY);
	bpf_map_delete_elem(&pids, &pid);
	return true;
}

SEC("tp_btf/sched_process_exit")
int on_sched_process_exit(__u64 *ctx)
{
	struct task_struct *p = (struct task_struct *)ctx[0];
	struct process_exit e;
	int code = p->exit_code;
	bool publish;

	__builtin_memset(&e, 0, sizeof(e));
	fill_task(&e.task, p);
	publish = is_enabled(TRACE_PROCESS_EXIT) && is_wanted(&e.task, p);
	/* Older kernels have no second argument; the verifier does not look at it then. */
	e.is_last = end_thread(p, config.exit_says_last && (__u8)ctx[1]);
	if (!publish)
		return 0;
	e.lifetime_ns = bpf_ktime_get_ns() - p->start_time;
	e.status = code >> 8;
	e.signal = code & 0x7f;
	e.dumped_core = code & 0x80;
	seqring_bpf_publish(trace, process_exit, &e, sizeof(e));
	return 0;
}

/* The leader of a process is freed after its other threads have gone. */
SEC("tp_btf/sched_process_free")
int BPF_PROG(on_sched_process_free, struct task_struct *p)
{
	__u64 key = (__u64)p->signal;

	if (p->pid == p->tgid)
		bpf_map_delete_elem(&ending, &key);
	return 0;
}

#endif /* TRACE_PROCESS_BPF_H */

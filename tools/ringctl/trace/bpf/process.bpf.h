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
	if (config.follow && !e.is_thread && is_listed_pid(&e.parent)) {
		pid = e.child.pid;
		bpf_map_update_elem(&pids, &pid, &yes, BPF_ANY);
	}
	if (!is_enabled(TRACE_PROCESS_FORK) || is_own(&e.parent) ||
	    !is_wanted_pair(&e.parent, &e.child))
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

	if (len < 1 || len > TRACE_FILE_MAX) {
		e->command[0] = 0;
		len = 1;
	}
	file = len;
	args = size < TRACE_ARGS_MAX ? size : TRACE_ARGS_MAX;
	e->truncated = file == TRACE_FILE_MAX || args < size;
	e->args_size = size;
	/* The kernel has just written them. A page that is swapped out already is not read. */
	if (args && bpf_probe_read_user(&e->command[file], args, (const void *)from)) {
		e->args_size = 0;
		e->truncated = true;
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
	if (!is_wanted(&task))
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

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_sched_process_exit, struct task_struct *p)
{
	struct process_exit e;
	int code = p->exit_code;
	bool publish;
	__u32 pid;

	__builtin_memset(&e, 0, sizeof(e));
	fill_task(&e.task, p);
	e.is_last = !p->signal->live.counter;
	publish = is_enabled(TRACE_PROCESS_EXIT) && is_wanted(&e.task);
	if (config.follow && e.is_last) {
		pid = e.task.pid;
		bpf_map_delete_elem(&pids, &pid);
	}
	if (!publish)
		return 0;
	e.lifetime_ns = bpf_ktime_get_ns() - p->start_time;
	e.status = code >> 8;
	e.signal = code & 0x7f;
	e.dumped_core = code & 0x80;
	seqring_bpf_publish(trace, process_exit, &e, sizeof(e));
	return 0;
}

#endif /* TRACE_PROCESS_BPF_H */

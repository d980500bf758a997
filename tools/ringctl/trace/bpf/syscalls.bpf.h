/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of system calls. Part of trace.bpf.c. */
#ifndef TRACE_SYSCALLS_BPF_H
#define TRACE_SYSCALLS_BPF_H

/*
 * A system call in progress.
 *
 * @since_ns: 0: none
 * @seen_exit: the task has returned from a call since the trace began
 */
struct call {
	__u64 since_ns;
	__s32 nr;
	__u16 is_compat;
	__u16 seen_exit;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call);
} calls SEC(".maps");

/* True if the task is in a system call of the 32-bit table. */
static __always_inline bool in_compat_call(struct task_struct *p)
{
#if defined(__TARGET_ARCH_x86)
	return p->thread_info.status & 2; /* TS_COMPAT */
#elif defined(__TARGET_ARCH_arm64)
	return p->thread_info.flags & (1u << 22); /* TIF_32BIT */
#else
	return false;
#endif
}

static __always_inline bool is_wanted_call(__u32 nr, bool compat)
{
	__u64 word = compat ? TRACE_CALLS_MAX / 64 : 0;
	bool listed = false;

	if (!config.calls)
		return true;
	if (nr < TRACE_CALLS_MAX) {
		word |= nr / 64;
		/* Redundant for the compiler, but the verifier of 6.1 does not see the bounds. */
		barrier_var(word);
		word &= TRACE_CALL_WORDS - 1;
		listed = config.call_bits[word] >> (nr & 63) & 1;
	}
	return passes(config.calls, listed);
}

static __always_inline void fill_args(struct syscall_enter *e, struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	if (e->is_compat) {
		e->args[0] = (__u32)regs->bx;
		e->args[1] = (__u32)regs->cx;
		e->args[2] = (__u32)regs->dx;
		e->args[3] = (__u32)regs->si;
		e->args[4] = (__u32)regs->di;
		e->args[5] = (__u32)regs->bp;
	} else {
		e->args[0] = regs->di;
		e->args[1] = regs->si;
		e->args[2] = regs->dx;
		e->args[3] = regs->r10;
		e->args[4] = regs->r8;
		e->args[5] = regs->r9;
	}
#elif defined(__TARGET_ARCH_arm64)
	e->args[0] = regs->orig_x0;
	e->args[1] = regs->regs[1];
	e->args[2] = regs->regs[2];
	e->args[3] = regs->regs[3];
	e->args[4] = regs->regs[4];
	e->args[5] = regs->regs[5];
#endif
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long nr)
{
	struct task_struct *p = bpf_get_current_task_btf();
	struct syscall_enter e;
	struct call *call;

	__builtin_memset(&e, 0, sizeof(e));
	e.is_compat = in_compat_call(p);
	if (!is_wanted_call(nr, e.is_compat))
		return 0;
	fill_task(&e.task, p);
	if (!is_wanted(&e.task, p))
		return 0;
	e.call = nr;
	if (is_enabled(TRACE_SYSCALL_EXIT)) {
		call = bpf_task_storage_get(&calls, p, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (call) {
			call->nr = nr;
			call->is_compat = e.is_compat;
			call->since_ns = bpf_ktime_get_ns();
		}
	}
	if (!is_enabled(TRACE_SYSCALL_ENTER))
		return 0;
	fill_args(&e, regs);
	seqring_bpf_publish(trace, syscall_enter, &e, sizeof(e));
	return 0;
}

/* sigreturn leaves -1: it has restored the registers of the interrupted code. */
static __always_inline __s32 call_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#elif defined(__TARGET_ARCH_arm64)
	return regs->syscallno;
#else
	return -1;
#endif
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long result)
{
	struct task_struct *p = bpf_get_current_task_btf();
	struct syscall_exit e;
	bool entered = false;
	struct call *call;

	__builtin_memset(&e, 0, sizeof(e));
	e.call = call_number(regs);
	e.is_compat = in_compat_call(p);
	/*
	 * A filter of seccomp refuses a call before the tracepoint of its entry. So an exit without
	 * an entry is that of a refused call, except for the task's first exit: that call may have
	 * begun before the trace, or be the one that created the task.
	 */
	call = bpf_task_storage_get(&calls, p, 0,
				    p->seccomp.mode ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	if (call) {
		entered = call->since_ns;
		e.by_seccomp = p->seccomp.mode && call->seen_exit && !entered;
		call->seen_exit = true;
	}
	if (call && entered) {
		/* The call may have changed the registers (sigreturn) or the table (exec). */
		e.call = call->nr;
		e.is_compat = call->is_compat;
		e.duration_ns = bpf_ktime_get_ns() - call->since_ns;
		call->since_ns = 0;
	}
	/* The number of a wanted call is known from its entry, also if the call has replaced it. */
	if (config.calls && e.call < 0 && !entered)
		return 0;
	if (!is_wanted_call(e.call, e.is_compat))
		return 0;
	fill_task(&e.task, p);
	if (!is_wanted(&e.task, p))
		return 0;
	e.result = result;
	seqring_bpf_publish(trace, syscall_exit, &e, sizeof(e));
	return 0;
}

#endif /* TRACE_SYSCALLS_BPF_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishes events of the kernel into a ring, for ringctl trace. Which of the programs
 * are loaded, what they publish and about whom, user space decides before it loads them:
 * config is constant to the verifier, which removes what is never reached.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <stddef.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* All programs here are on tracepoints, which run with preemption off. */
#define SEQRING_BPF_NO_PREEMPT
#include <seqring/bpf.h>

#include "events.h"
#include "kernel.h"
#include "wanted.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEQRING_BPF(trace);

SEQRING_SCHEMA_TYPE(sched_switch);
SEQRING_SCHEMA_TYPE(sched_wakeup);
SEQRING_SCHEMA_TYPE(process_fork);
SEQRING_SCHEMA_TYPE(process_exec);
SEQRING_SCHEMA_TYPE(process_exit);
SEQRING_SCHEMA_TYPE(syscall_enter);
SEQRING_SCHEMA_TYPE(syscall_exit);
SEQRING_SCHEMA_TYPE(block_issue);
SEQRING_SCHEMA_TYPE(block_complete);
SEQRING_SCHEMA_TYPE(tcp4_state);
SEQRING_SCHEMA_TYPE(tcp6_state);

/* A state as the scheduler's, of which what is behind the first set bit is detail. */
static __always_inline enum trace_task_state state_of(bool preempted, unsigned int state)
{
	if (preempted)
		return TASK_PREEMPTED;
	if (!state)
		return TASK_RUNNABLE;
	if ((state & 0x402) == 0x402)
		return TASK_IDLE;
	if (state & 0x01)
		return TASK_SLEEPING;
	if (state & 0x02)
		return TASK_UNINTERRUPTIBLE;
	if (state & 0x04)
		return TASK_STOPPED;
	if (state & 0x08)
		return TASK_TRACED;
	if (state & 0xb0)
		return TASK_DEAD;
	if (state & 0x40)
		return TASK_PARKED;
	return TASK_OTHER;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	struct sched_switch e;

	__builtin_memset(&e, 0, sizeof(e));
	fill_task(&e.prev, prev);
	fill_task(&e.next, next);
	if (only_own(&e.prev, &e.next) || !wanted2(&e.prev, &e.next))
		return 0;
	e.prev_prio = prev->prio;
	e.next_prio = next->prio;
	e.prev_state = state_of(preempt, prev_state);
	seqring_bpf_publish(trace, sched_switch, &e, sizeof(e));
	return 0;
}

static __always_inline __u32 cpu_of(struct task_struct *p)
{
	return bpf_core_field_exists(p->thread_info.cpu) ? p->thread_info.cpu : 0;
}

static __always_inline int wakeup(struct task_struct *p, bool is_new)
{
	struct sched_wakeup e;

	__builtin_memset(&e, 0, sizeof(e));
	fill_task(&e.task, p);
	fill_current(&e.by);
	if (is_own(&e.task) || !wanted2(&e.task, &e.by))
		return 0;
	e.prio = p->prio;
	e.cpu = cpu_of(p);
	e.is_new = is_new;
	seqring_bpf_publish(trace, sched_wakeup, &e, sizeof(e));
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_sched_wakeup, struct task_struct *p)
{
	return wakeup(p, false);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_sched_wakeup_new, struct task_struct *p)
{
	return wakeup(p, true);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct process_fork e;
	__u8 yes = 1;
	__u32 pid;

	__builtin_memset(&e, 0, sizeof(e));
	fill_task(&e.parent, parent);
	fill_task(&e.child, child);
	e.is_thread = e.parent.pid == e.child.pid;
	if (config.follow && !e.is_thread && listed_pid(&e.parent)) {
		pid = e.child.pid;
		bpf_map_update_elem(&pids, &pid, &yes, BPF_ANY);
	}
	if (!published(TRACE_PROCESS_FORK) || is_own(&e.parent) || !wanted2(&e.parent, &e.child))
		return 0;
	seqring_bpf_publish(trace, process_fork, &e, sizeof(e));
	return 0;
}

/* Fills the part of the record that has no fixed length. Return: how much that is. */
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
	/* They were written a moment ago; pages that are not there any more cannot be had. */
	if (args && bpf_probe_read_user(&e->command[file], args, (const void *)from)) {
		e->args_size = 0;
		e->truncated = true;
		args = 0;
	}
	return file + args;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_process_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	struct seqring_bpf_open o;
	struct process_exec *e;
	struct trace_task task;
	void *payload;
	__u32 len;

	fill_task(&task, p);
	if (!wanted(&task))
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
int BPF_PROG(on_process_exit, struct task_struct *p)
{
	struct process_exit e;
	int code = p->exit_code;
	bool asked_for;
	__u32 pid;

	__builtin_memset(&e, 0, sizeof(e));
	fill_task(&e.task, p);
	e.is_last = !p->signal->live.counter;
	asked_for = published(TRACE_PROCESS_EXIT) && wanted(&e.task);
	if (config.follow && e.is_last) {
		pid = e.task.pid;
		bpf_map_delete_elem(&pids, &pid);
	}
	if (!asked_for)
		return 0;
	e.lifetime_ns = bpf_ktime_get_ns() - p->start_time;
	e.status = code >> 8;
	e.signal = code & 0x7f;
	e.dumped_core = code & 0x80;
	seqring_bpf_publish(trace, process_exit, &e, sizeof(e));
	return 0;
}

/* System calls. */

struct call {
	__u64 since_ns;
	__u32 nr;
	__u32 is_compat;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call);
} calls SEC(".maps");

/* Whether a 64-bit kernel is serving a call of the 32-bit table. */
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

static __always_inline bool wanted_call(__u32 nr, bool compat)
{
	__u64 word = compat ? TRACE_CALLS_MAX / 64 : 0;
	bool listed = false;

	if (!config.calls)
		return true;
	if (nr < TRACE_CALLS_MAX) {
		word |= nr / 64;
		/* The compiler knows the bounds already, the verifier of 6.1 not yet. */
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
int BPF_PROG(on_syscall_enter, struct pt_regs *regs, long nr)
{
	struct task_struct *p = bpf_get_current_task_btf();
	struct syscall_enter e;
	struct call *call;

	__builtin_memset(&e, 0, sizeof(e));
	e.is_compat = in_compat_call(p);
	if (!wanted_call(nr, e.is_compat))
		return 0;
	fill_task(&e.task, p);
	if (!wanted(&e.task))
		return 0;
	e.call = nr;
	if (published(TRACE_SYSCALL_EXIT)) {
		call = bpf_task_storage_get(&calls, p, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (call) {
			call->nr = nr;
			call->is_compat = e.is_compat;
			call->since_ns = bpf_ktime_get_ns();
		}
	}
	if (!published(TRACE_SYSCALL_ENTER))
		return 0;
	fill_args(&e, regs);
	seqring_bpf_publish(trace, syscall_enter, &e, sizeof(e));
	return 0;
}

static __always_inline __u32 nr_of(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#elif defined(__TARGET_ARCH_arm64)
	return regs->syscallno;
#else
	return ~0u;
#endif
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_syscall_exit, struct pt_regs *regs, long result)
{
	struct task_struct *p = bpf_get_current_task_btf();
	struct syscall_exit e;
	struct call *call;

	__builtin_memset(&e, 0, sizeof(e));
	e.call = nr_of(regs);
	e.is_compat = in_compat_call(p);
	call = bpf_task_storage_get(&calls, p, 0, 0);
	if (call && call->since_ns) {
		/* It may have changed the registers (sigreturn) or the table (exec). */
		e.call = call->nr;
		e.is_compat = call->is_compat;
		e.duration_ns = bpf_ktime_get_ns() - call->since_ns;
		call->since_ns = 0;
	}
	if (!wanted_call(e.call, e.is_compat))
		return 0;
	fill_task(&e.task, p);
	if (!wanted(&e.task))
		return 0;
	e.result = result;
	seqring_bpf_publish(trace, syscall_exit, &e, sizeof(e));
	return 0;
}

/* Block I/O. */

struct issued {
	__u64 since_ns;
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
int BPF_PROG(on_block_issue, struct request *rq)
{
	__u64 key = (__u64)rq;
	struct block_issue e;
	struct issued issued;

	__builtin_memset(&e, 0, sizeof(e));
	fill_current(&e.io.task);
	if (published(TRACE_BLOCK_COMPLETE)) {
		issued.task = e.io.task;
		issued.since_ns = bpf_ktime_get_ns();
		bpf_map_update_elem(&requests, &key, &issued, BPF_ANY);
	}
	if (!published(TRACE_BLOCK_ISSUE) || !wanted(&e.io.task))
		return 0;
	fill_block(&e.io, rq);
	e.io.bytes = rq->__data_len;
	seqring_bpf_publish(trace, block_issue, &e, sizeof(e));
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_block_complete, struct request *rq, int status, unsigned int bytes)
{
	__u64 key = (__u64)rq;
	struct block_complete e;
	struct issued *issued;

	__builtin_memset(&e, 0, sizeof(e));
	issued = bpf_map_lookup_elem(&requests, &key);
	if (issued) {
		e.io.task = issued->task;
		e.latency_ns = bpf_ktime_get_ns() - issued->since_ns;
		/* __data_len is what was left before these. */
		if (bytes >= rq->__data_len)
			bpf_map_delete_elem(&requests, &key);
	}
	if (!wanted(&e.io.task))
		return 0;
	fill_block(&e.io, rq);
	e.io.bytes = bytes;
	e.status = status;
	seqring_bpf_publish(trace, block_complete, &e, sizeof(e));
	return 0;
}

/* TCP. */

#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6

struct connection {
	__u64 since_ns;
	struct trace_task task;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

/* States that only a system call of the socket's owner leads to. */
static __always_inline bool owner_did(int state)
{
	return state == TCP_SYN_SENT || state == TCP_LISTEN || state == TCP_FIN_WAIT1 ||
	       state == TCP_LAST_ACK;
}

/* Fills @t. Return: whether the event is wanted. */
static __always_inline bool follow_connection(struct trace_tcp *t, const struct sock *sk,
					      int old_state, int new_state)
{
	__u64 key = (__u64)sk, now = bpf_ktime_get_ns();
	struct connection c, *known;

	__builtin_memset(&c, 0, sizeof(c));
	known = bpf_map_lookup_elem(&connections, &key);
	if (known) {
		c = *known;
		t->duration_ns = now - c.since_ns;
	}
	if (owner_did(new_state))
		fill_current(&c.task);
	c.since_ns = now;
	if (new_state == TCP_CLOSE)
		bpf_map_delete_elem(&connections, &key);
	else
		bpf_map_update_elem(&connections, &key, &c, BPF_ANY);
	t->task = c.task;
	t->old_state = old_state;
	t->new_state = new_state;
	/* Unlike skc_num it stays until the end. */
	t->local_port = bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
	t->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	return wanted(&t->task);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, const struct sock *sk, int old_state, int new_state)
{
	const struct sock_common *common = &sk->__sk_common;
	struct tcp6_state e6;
	struct tcp4_state e4;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (common->skc_family == AF_INET) {
		__builtin_memset(&e4, 0, sizeof(e4));
		if (!follow_connection(&e4.tcp, sk, old_state, new_state))
			return 0;
		e4.local = common->skc_rcv_saddr;
		e4.remote = common->skc_daddr;
		seqring_bpf_publish(trace, tcp4_state, &e4, sizeof(e4));
	} else if (common->skc_family == AF_INET6 && bpf_core_field_exists(common->skc_v6_daddr)) {
		__builtin_memset(&e6, 0, sizeof(e6));
		if (!follow_connection(&e6.tcp, sk, old_state, new_state))
			return 0;
		bpf_probe_read_kernel(e6.local, sizeof(e6.local), &common->skc_v6_rcv_saddr);
		bpf_probe_read_kernel(e6.remote, sizeof(e6.remote), &common->skc_v6_daddr);
		seqring_bpf_publish(trace, tcp6_state, &e6, sizeof(e6));
	}
	return 0;
}

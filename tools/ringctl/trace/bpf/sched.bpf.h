/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of the scheduler. Part of trace.bpf.c. */
#ifndef TRACE_SCHED_BPF_H
#define TRACE_SCHED_BPF_H

/* Maps the scheduler's state, a set of bits, to the first one that matches. */
static __always_inline enum trace_task_state task_state(bool preempted, unsigned int state)
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
	if (is_own_only(&e.prev, &e.next) || !is_wanted_pair(&e.prev, prev, &e.next, next))
		return 0;
	e.prev_prio = prev->prio;
	e.next_prio = next->prio;
	e.prev_state = task_state(preempt, prev_state);
	seqring_bpf_publish(trace, sched_switch, &e, sizeof(e));
	return 0;
}

static __always_inline __u32 task_cpu(struct task_struct *p)
{
	return bpf_core_field_exists(p->thread_info.cpu) ? p->thread_info.cpu : 0;
}

static __always_inline int publish_wakeup(struct task_struct *p, bool is_new)
{
	struct task_struct *by = bpf_get_current_task_btf();
	struct sched_wakeup e;

	__builtin_memset(&e, 0, sizeof(e));
	fill_task(&e.task, p);
	fill_task(&e.by, by);
	if (is_own(&e.task) || !is_wanted_pair(&e.task, p, &e.by, by))
		return 0;
	e.prio = p->prio;
	e.cpu = task_cpu(p);
	e.is_new = is_new;
	seqring_bpf_publish(trace, sched_wakeup, &e, sizeof(e));
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_sched_wakeup, struct task_struct *p)
{
	return publish_wakeup(p, false);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_sched_wakeup_new, struct task_struct *p)
{
	return publish_wakeup(p, true);
}

#endif /* TRACE_SCHED_BPF_H */

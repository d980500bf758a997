// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduler's events on /dev/seqring/sched, one ring per CPU. An example of a whole
 * producer, and the source of the demo.
 */

#include <linux/binfmts.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <trace/events/sched.h>

#include <linux/seqring.h>
#include <seqring/sched.h>

#include "../compat.h"

/* build.sh makes the header; a plain build by Kbuild has no schema. */
#if __has_include("sched_schema.h")
#include "sched_schema.h"
#define SCHEMA		sched_schema
#define SCHEMA_SIZE	sizeof(sched_schema)
#else
#define SCHEMA		NULL
#define SCHEMA_SIZE	0
#endif

static unsigned long data_size = 1UL << 20;
module_param(data_size, ulong, 0444);
MODULE_PARM_DESC(data_size, "bytes of each CPU's ring, a power of two");

static ushort permissions = 0400;
module_param(permissions, ushort, 0444);
MODULE_PARM_DESC(permissions, "of the device node (0400)");

static struct seqring_device *ring;

static_assert(SEQRING_SCHED_COMM == TASK_COMM_LEN);

static void probe_sched_switch(void *unused, bool preempt, struct task_struct *prev,
			       struct task_struct *next, unsigned int prev_state)
{
	struct seqring_sched_switch ev = {
		.prev_pid = prev->pid,
		.prev_prio = prev->prio,
		.next_pid = next->pid,
		.next_prio = next->prio,
		.prev_state = preempt ? 0 : prev_state,
		.preempt = preempt,
	};

	memcpy(ev.prev_comm, prev->comm, sizeof(ev.prev_comm));
	memcpy(ev.next_comm, next->comm, sizeof(ev.next_comm));
	seqring_publish(ring, SEQRING_SCHED_SWITCH, &ev, sizeof(ev));
}

static void probe_sched_wakeup(void *unused, struct task_struct *p)
{
	struct seqring_sched_wakeup ev = {
		.pid = p->pid,
		.prio = p->prio,
		.target_cpu = task_cpu(p),
	};

	memcpy(ev.comm, p->comm, sizeof(ev.comm));
	seqring_publish(ring, SEQRING_SCHED_WAKEUP, &ev, sizeof(ev));
}

static void probe_sched_process_exec(void *unused, struct task_struct *p, pid_t old_pid,
				     struct linux_binprm *bprm)
{
	size_t len = strnlen(bprm->filename, PATH_MAX);
	struct seqring_sched_exec *ev;
	struct seqring_resv resv;

	if (seqring_reserve(ring, sizeof(*ev) + len, &resv))
		return;
	ev = resv.data;
	ev->pid = p->pid;
	ev->old_pid = old_pid;
	memcpy(ev->filename, bprm->filename, len);
	seqring_commit(&resv, SEQRING_SCHED_EXEC);
}

static void probe_sched_process_exit(SEQRING_PROBE_EXIT_ARGS)
{
	struct seqring_sched_exit ev = {
		.pid = p->pid,
		.tgid = p->tgid,
		.exit_code = p->exit_code,
		.prio = p->prio,
	};

	memcpy(ev.comm, p->comm, sizeof(ev.comm));
	seqring_publish(ring, SEQRING_SCHED_EXIT, &ev, sizeof(ev));
}

struct probe {
	const char *name;
	void *probe;
	struct tracepoint *tp;
	bool on;
};

static struct probe probes[4];
static unsigned int nr_probes;

/*
 * The registration takes any function: the kernel calls it with the arguments that its version
 * of the tracepoint has. This does not compile if the probe has others.
 */
#define add_probe(event) do {						\
	check_trace_callback_type_##event(probe_##event);		\
	probes[nr_probes].name = #event;				\
	probes[nr_probes++].probe = probe_##event;			\
} while (0)

/* These tracepoints are not exported to modules, so the module finds them by name. */
static void find_tracepoint(struct tracepoint *tp, void *unused)
{
	unsigned int i;

	for (i = 0; i < nr_probes; i++)
		if (!strcmp(tp->name, probes[i].name))
			probes[i].tp = tp;
}

static void detach(void)
{
	unsigned int i;

	for (i = 0; i < nr_probes; i++)
		if (probes[i].on)
			tracepoint_probe_unregister(probes[i].tp, probes[i].probe, NULL);
	/* Probes that are running now may still publish. */
	tracepoint_synchronize_unregister();
}

static int __init seqring_sched_init(void)
{
	struct seqring_params params = {
		.name = SEQRING_SCHED_DEVICE,
		.data_size = data_size,
		.mode = SEQRING_MODE_PERCPU,
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.permissions = permissions,
		.schema = SCHEMA,
		.schema_size = SCHEMA_SIZE,
	};
	unsigned int i;
	int err;

	err = seqring_create(&params, &ring);
	if (err)
		return err;
	add_probe(sched_switch);
	add_probe(sched_wakeup);
	add_probe(sched_process_exec);
	add_probe(sched_process_exit);
	for_each_kernel_tracepoint(find_tracepoint, NULL);
	for (i = 0; i < nr_probes; i++) {
		err = -ENOENT;
		if (probes[i].tp)
			err = tracepoint_probe_register(probes[i].tp, probes[i].probe, NULL);
		if (err) {
			pr_err("no tracepoint %s: %d\n", probes[i].name, err);
			goto destroy;
		}
		probes[i].on = true;
	}
	return 0;

destroy:
	detach();
	seqring_destroy(ring);
	return err;
}

static void __exit seqring_sched_exit(void)
{
	detach();
	seqring_destroy(ring);
}

module_init(seqring_sched_init);
module_exit(seqring_sched_exit);

MODULE_DESCRIPTION("Scheduler events on a seqring, one ring per CPU");
MODULE_LICENSE("GPL");
MODULE_VERSION(SEQRING_RELEASE);

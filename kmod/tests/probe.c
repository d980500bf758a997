// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test driver publishes from probes: at places where an ordinary tracer may publish, and
 * where waiting for this CPU would never end.
 */

#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "driver.h"

#ifdef CONFIG_KRETPROBES
/*
 * @task: only this task's hits publish; NULL: none do. ERR_PTR(-1): all of them
 * @left: records to publish; for "quiet", calls that were seen
 */
static struct {
	struct test_dev *d;
	struct task_struct *task;
	atomic_t left;
	unsigned char buf[TEST_SHORT];
} probe;

static DEFINE_MUTEX(probe_lock); /* one command at a time */

#define EVERY_TASK	((struct task_struct *)ERR_PTR(-1))

static void test_hit(void)
{
	struct task_struct *task = READ_ONCE(probe.task);

	if (in_nmi() || (task != EVERY_TASK && task != current))
		return;
	if (atomic_dec_if_positive(&probe.left) >= 0)
		test_publish_one(probe.d, probe.buf, TEST_SHORT);
}

static int test_hit_entry(struct kprobe *kp, struct pt_regs *regs)
{
	test_hit();
	return 0;
}

static int test_hit_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	test_hit();
	return 0;
}

/* Publishes records, each with a probe hit on its way. */
static int test_probed_flood(u32 count)
{
	unsigned char *buf = kmalloc(TEST_SHORT, GFP_KERNEL);
	unsigned long flags;
	int err = buf ? 0 : -ENOMEM;

	while (!err && count--) {
		/* No interrupt of this task is a hit. */
		local_irq_save(flags);
		/* Several places of one publish may hit. */
		atomic_set(&probe.left, 2);
		WRITE_ONCE(probe.task, current);
		err = test_publish_one(probe.d, buf, TEST_SHORT);
		WRITE_ONCE(probe.task, NULL);
		local_irq_restore(flags);
		cond_resched();
		if (signal_pending(current))
			err = -EINTR;
	}
	kfree(buf);
	return err;
}

/* Waits until other contexts have published @count records. */
static int test_probed_wait(u32 count)
{
	int seconds;

	atomic_set(&probe.left, count);
	WRITE_ONCE(probe.task, EVERY_TASK);
	for (seconds = 0; atomic_read(&probe.left) > 0 && seconds < 60; seconds++)
		if (msleep_interruptible(1000))
			break;
	WRITE_ONCE(probe.task, NULL);
	return atomic_read(&probe.left) > 0 ? -ETIMEDOUT : 0;
}

static int test_hit_print(struct kprobe *kp, struct pt_regs *regs)
{
	if (READ_ONCE(probe.task) == current)
		atomic_inc(&probe.left);
	return 0;
}

/* The command "quiet", see driver.c. */
int test_quiet(struct test_dev *d)
{
	struct kprobe print = { .symbol_name = "_printk", .pre_handler = test_hit_print };
	struct seqring_resv resv;
	unsigned long flags;
	int err, nested = 0;

	if (!mutex_trylock(&probe_lock))
		return -EBUSY;
	atomic_set(&probe.left, 0);
	err = register_kprobe(&print);
	if (!err) {
		local_irq_save(flags);
		WRITE_ONCE(probe.task, current);
		err = seqring_reserve(d->sdev, 8, &resv);
		if (!err) {
			nested = seqring_publish(d->sdev, 1, "second", 6);
			seqring_discard(&resv);
		}
		WRITE_ONCE(probe.task, NULL);
		local_irq_restore(flags);
		unregister_kprobe(&print);
	}
	if (!err && nested != -EBUSY)
		err = -EPROTO;
	if (!err && atomic_read(&probe.left))
		err = -EDEADLK;
	mutex_unlock(&probe_lock);
	return err;
}

/* The command "probe", see driver.c. */
int test_probe(struct test_dev *d, u64 where, u32 count)
{
	static const char * const places[] = {
		NULL, "_raw_spin_lock", "_raw_spin_unlock", "update_vsyscall",
	};
	struct kretprobe after = { .handler = test_hit_return };
	struct kprobe before = { .pre_handler = test_hit_entry };
	int err;

	if (!where || where >= ARRAY_SIZE(places))
		return -EINVAL;
	if (!mutex_trylock(&probe_lock))
		return -EBUSY;
	probe.d = d;
	probe.task = NULL;
	/* The lock is taken when the function returns. */
	if (where == 1) {
		after.kp.symbol_name = places[where];
		err = register_kretprobe(&after);
	} else {
		before.symbol_name = places[where];
		err = register_kprobe(&before);
	}
	if (!err) {
		err = where == 3 ? test_probed_wait(count) : test_probed_flood(count);
		if (where == 1)
			unregister_kretprobe(&after);
		else
			unregister_kprobe(&before);
		/* A return that was missed would hide that nothing nested. */
		if (!err && where == 1 && after.nmissed)
			err = -EAGAIN;
	}
	mutex_unlock(&probe_lock);
	return err;
}
#else
int test_probe(struct test_dev *d, u64 where, u32 count)
{
	return -EOPNOTSUPP;
}

int test_quiet(struct test_dev *d)
{
	return -EOPNOTSUPP;
}
#endif

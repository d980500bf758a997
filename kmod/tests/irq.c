// SPDX-License-Identifier: GPL-2.0-only
/* The test driver publishes from interrupts and NMIs. */

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/nmi.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/apic.h>
#include <asm/nmi.h>
#endif

#include "driver.h"

/* A run from interrupts: each publishes one record, until none is left. */
struct test_run {
	struct irq_work work;
	call_single_data_t csd;
	struct completion done;
	struct test_dev *d;
	unsigned char *buf;
	u32 left;
	u32 max;
	int err;
	int last;	/* result of the latest record */
};

static struct test_run nmi_run;
static DEFINE_MUTEX(nmi_lock); /* protects nmi_run and the handler */

static void test_run_step(struct test_run *run)
{
	run->last = test_publish_one(run->d, run->buf, run->max);
	/* A nested writer finds the ring busy: the ring counts it, so it is no error here. */
	if (run->last && run->last != -EBUSY)
		run->err = run->last;
}

static void test_run_done(struct test_run *run)
{
	/* Stored after the record: test_run_wait() sees it and may free the run. */
	smp_store_release(&run->left, run->left - 1);
}

static void test_irq(struct irq_work *work)
{
	struct test_run *run = container_of(work, struct test_run, work);

	test_run_step(run);
	complete(&run->done);
}

static void test_irq_within(struct irq_work *work)
{
	struct test_run *run = container_of(work, struct test_run, work);

	test_run_step(run);
	test_run_done(run);
}

static void test_call_within(void *run)
{
	test_run_step(run);
	test_run_done(run);
}

static int test_run_init(struct test_run *run, struct test_dev *d, u32 count, u32 max)
{
	memset(run, 0, sizeof(*run));
	init_completion(&run->done);
	run->d = d;
	run->left = count;
	run->max = max;
	run->buf = kvmalloc(TEST_PAYLOAD, GFP_KERNEL);
	return run->buf ? 0 : -ENOMEM;
}

int test_from_irq(struct test_dev *d, u32 count, u32 max)
{
	struct test_run *run = kmalloc(sizeof(*run), GFP_KERNEL);
	int err;

	if (!run)
		return -ENOMEM;
	err = test_run_init(run, d, count, max);
	/* HARD: in interrupt context also on PREEMPT_RT. */
	run->work = IRQ_WORK_INIT_HARD(test_irq);
	while (!err && run->left--) {
		irq_work_queue(&run->work);
		wait_for_completion(&run->done);
		err = run->err;
	}
	irq_work_sync(&run->work);
	kvfree(run->buf);
	kfree(run);
	return err;
}

#ifdef CONFIG_X86_LOCAL_APIC
static int test_nmi(unsigned int cmd, struct pt_regs *regs)
{
	if (!READ_ONCE(nmi_run.left))
		return NMI_DONE;
	test_run_step(&nmi_run);
	test_run_done(&nmi_run);
	return NMI_HANDLED;
}

static int test_nmi_begin(void)
{
	return register_nmi_handler(NMI_LOCAL, test_nmi, 0, "seqring_test");
}

static void test_nmi_end(void)
{
	unregister_nmi_handler(NMI_LOCAL, "seqring_test");
}

static void test_nmi_send(int cpu)
{
	apic->send_IPI(cpu, NMI_VECTOR);
}
#else
static int test_nmi_begin(void)
{
	return -EOPNOTSUPP;
}

static void test_nmi_end(void) { }
static void test_nmi_send(int cpu) { }
#endif

/* Another online CPU, or this one if there is none. */
static int test_other_cpu(void)
{
	int cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());

	return cpu < nr_cpu_ids ? cpu : raw_smp_processor_id();
}

/*
 * Publishes with interrupts off, so that the interrupt which wakes the readers comes when
 * they are on again, and measures how long they stay on.
 */
int test_interrupt(struct test_dev *d)
{
	unsigned char buf[8];
	unsigned long flags;
	u64 begin, end;
	int err;

	local_irq_save(flags);
	err = test_publish_one(d, buf, sizeof(buf));
	begin = ktime_get_mono_fast_ns();
	local_irq_restore(flags);
	cpu_relax();
	local_irq_save(flags);
	end = ktime_get_mono_fast_ns();
	local_irq_restore(flags);
	WRITE_ONCE(d->interrupt_ns, end - begin);
	return err;
}

/* Waits, without sleeping, until fewer than @left records are left. */
static bool test_run_wait(struct test_run *run, u32 left, u32 ms)
{
	u64 until = ktime_get_mono_fast_ns() + (u64)ms * NSEC_PER_MSEC;

	/* Pairs with the release in test_run_done(). */
	while (smp_load_acquire(&run->left) == left) {
		if (ktime_get_mono_fast_ns() > until)
			return false;
		cpu_relax();
	}
	return true;
}

/* Sends NMIs to the other CPU, which may be flooding the same ring. */
static int test_from_nmi(struct test_dev *d, u32 count, u32 max)
{
	int err;

	err = test_run_init(&nmi_run, d, count, max);
	if (err)
		return err;
	err = test_nmi_begin();
	if (err)
		goto free;
	while (!err && nmi_run.left) {
		u32 left = nmi_run.left;

		/* A CPU that goes offline takes none. */
		cpus_read_lock();
		test_nmi_send(test_other_cpu());
		err = test_run_wait(&nmi_run, left, 5000) ? nmi_run.err : -ETIMEDOUT;
		cpus_read_unlock();
		cond_resched();
	}
	test_nmi_end();
free:
	kvfree(nmi_run.buf);
	return err;
}

/*
 * The command "within", see driver.c. A record is open until the other one was tried, or for
 * @ms.
 */
static int test_open_while(struct test_dev *d, bool nmi, bool other, u32 ms)
{
	struct test_run *run = &nmi_run;
	struct seqring_resv resv;
	bool nested;
	u64 *number, n;
	int err, cpu;

	preempt_disable();
	number = test_number(d);
	/* The other record may take the next number, too. */
	n = *number;
	err = seqring_reserve(d->sdev, test_payload_len(n, TEST_SHORT), &resv);
	if (err) {
		preempt_enable();
		return err;
	}
	cpu = other ? test_other_cpu() : smp_processor_id();
	if (nmi)
		test_nmi_send(cpu);
	else if (cpu != smp_processor_id())
		smp_call_function_single_async(cpu, &run->csd);
	else
		irq_work_queue(&run->work);
	nested = test_run_wait(run, 1, ms);
	test_payload_fill(resv.data, n, resv.len);
	seqring_commit(&resv, 2);
	*number = n + 1;
	test_count(d, 1, 0);
	preempt_enable();
	if (!test_run_wait(run, 1, 5000))
		return -ETIMEDOUT;
	return nested || run->last ? run->last : -EINPROGRESS;
}

static int test_within(struct test_dev *d, u64 context, bool other, u32 ms)
{
	int err = context == 1 || context == 2 ? 0 : -EINVAL;

	if (!err)
		err = test_run_init(&nmi_run, d, 1, TEST_SHORT);
	if (err)
		return err;
	nmi_run.work = IRQ_WORK_INIT_HARD(test_irq_within);
	INIT_CSD(&nmi_run.csd, test_call_within, &nmi_run);
	err = context == 2 ? test_nmi_begin() : 0;
	if (!err) {
		err = test_open_while(d, context == 2, other, ms);
		irq_work_sync(&nmi_run.work);
		if (context == 2)
			test_nmi_end();
	}
	kvfree(nmi_run.buf);
	return err;
}

/* @at: how far both CPUs are */
struct test_crossing {
	call_single_data_t csd;
	struct seqring_device *mine;
	struct seqring_device *theirs;
	int err;
	atomic_t at;
};

static void test_meet(struct test_crossing *x, int at)
{
	u64 until = ktime_get_mono_fast_ns() + 5 * NSEC_PER_SEC;

	atomic_inc(&x->at);
	while (atomic_read(&x->at) < at && ktime_get_mono_fast_ns() < until)
		cpu_relax();
}

/* Return: 0 if the other device was busy. */
static int test_cross_half(struct test_crossing *x, struct seqring_device *mine,
			   struct seqring_device *theirs)
{
	struct seqring_resv resv;
	int err = seqring_reserve(mine, 8, &resv), ret = -EPROTO;

	test_meet(x, 2);
	if (!err)
		ret = seqring_publish(theirs, 1, "cross", 5);
	test_meet(x, 4);
	if (!err)
		seqring_discard(&resv);
	return err ? err : ret == -EBUSY ? 0 : -EPROTO;
}

static void test_cross_there(void *arg)
{
	struct test_crossing *x = arg;

	x->err = test_cross_half(x, x->theirs, x->mine);
	/* test_cross() sees the error, and may return. */
	smp_store_release(&x->mine, NULL);
}

/* A writer that nests in another locked ring takes no nested records itself. */
static int test_shut(struct seqring_device *outer, struct seqring_device *inner)
{
	struct seqring_resv a, b;
	int err = seqring_reserve(outer, 8, &a), ret;

	if (err)
		return err;
	err = seqring_reserve(inner, 8, &b);
	if (!err) {
		ret = seqring_publish(inner, 1, "shut", 4);
		err = ret == -EBUSY ? 0 : -EPROTO;
		seqring_discard(&b);
	}
	seqring_discard(&a);
	return err;
}

/* The command "cross", see driver.c. */
int test_cross(struct test_dev *d)
{
	struct seqring_params params = {
		.name = "test-cross", .data_size = SEQRING_DATA_SIZE_MIN,
		.mode = SEQRING_MODE_LOCKED,
	};
	struct test_crossing x = { .mine = d->sdev };
	int err = seqring_create(&params, &x.theirs);

	if (err)
		return err;
	INIT_CSD(&x.csd, test_cross_there, &x);
	preempt_disable();
	err = smp_call_function_single_async(test_other_cpu(), &x.csd);
	if (!err)
		err = test_cross_half(&x, d->sdev, x.theirs);
	preempt_enable();
	/* Pairs with the release in test_cross_there(), which does not fail. */
	while (smp_load_acquire(&x.mine))
		cond_resched();
	err = err ? err : x.err;
	if (!err)
		err = test_shut(d->sdev, x.theirs);
	seqring_destroy(x.theirs);
	return err;
}

/* Runs "nmi" or "within", one at a time. */
int test_on_nmi_run(struct test_dev *d, const char *verb, u64 a, u64 b, u64 c)
{
	int err = -EINVAL;

	if (!mutex_trylock(&nmi_lock))
		return -EBUSY;
	if (!strcmp(verb, "within"))
		err = test_within(d, a, b, c);
	else if (!strcmp(verb, "nmi") && b >= 8 && b <= TEST_PAYLOAD)
		err = test_from_nmi(d, a, b);
	mutex_unlock(&nmi_lock);
	return err;
}

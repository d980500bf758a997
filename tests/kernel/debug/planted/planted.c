// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes mistakes on purpose, one for each check of the kernel. selftest.sh tests that the
 * kernel finds the mistake and that vm.sh notices. insmod planted.ko what=NAME makes one
 * mistake and fails, so that the module does not stay. "nothing" makes none.
 */

#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

static char *what = "nothing";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "the mistake");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(lock);
/* All accesses use READ_ONCE() and WRITE_ONCE(), so that the compiler sees no mistake. */
static int eight = 8;
static int few[8];
static long counter;
static char hex[2 * sizeof(int)];
static void (*racing)(int i);

/* There is no deadlock here: lockdep reports two orders even if no task waits. */
static void lock_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleeps_with_spinlock(void)
{
	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
}

static void past_slab(void)
{
	char *p = kmalloc(24, GFP_KERNEL);

	if (p)
		WRITE_ONCE(p[16 + READ_ONCE(eight)], 1);
	kfree(p);
}

static void after_free(void)
{
	char *p = kmalloc(24, GFP_KERNEL);

	kfree(p);
	if (p)
		WRITE_ONCE(p[READ_ONCE(eight)], 1);
}

static void past_vmalloc(void)
{
	char *p = vmalloc(PAGE_SIZE - 16);

	if (p)
		WRITE_ONCE(p[PAGE_SIZE - 16 + READ_ONCE(eight)], 1);
	vfree(p);
}

static void past_array(void)
{
	few[READ_ONCE(eight) - 8] = 1;
	counter += few[READ_ONCE(eight)];
}

static void warns(void)
{
	WARN_ON(READ_ONCE(eight) == 8);
}

static void counts_below_zero(void)
{
	refcount_t count = REFCOUNT_INIT(1);

	refcount_dec(&count);
}

static void cpu_may_change(void)
{
	counter += smp_processor_id();
}

static enum hrtimer_restart expires(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

static void timer_outlived(void)
{
	struct hrtimer *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer->function = expires;
	hrtimer_start(timer, ktime_set(60, 0), HRTIMER_MODE_REL);
	kfree(timer);
}

static void leaks(void)
{
	int i;

	/* Many, since pointers to some of them may stay in registers or on the stack. */
	for (i = 0; i < 16; i++)
		kmalloc(40, GFP_KERNEL);
}

static void counts(int i)
{
	counter++;
}

static void writes_hex(int i)
{
	bin2hex(hex, &i, sizeof(i));
}

static int repeats(void *unused)
{
	int i;

	for (i = 0; i < 2000000 && !kthread_should_stop(); i++) {
		racing(i);
		if (i % 4096 == 0)
			cond_resched();
	}
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

static void two_at_once(void (*does)(int i))
{
	struct task_struct *a, *b;

	racing = does;
	a = kthread_run(repeats, NULL, "planted/a");
	b = kthread_run(repeats, NULL, "planted/b");
	msleep(3000);
	if (!IS_ERR(a))
		kthread_stop(a);
	if (!IS_ERR(b))
		kthread_stop(b);
}

static void race(void)
{
	two_at_once(counts);
}

static void race_in_call(void)
{
	two_at_once(writes_hex);
}

static const struct {
	const char *name;
	void (*make)(void);
} mistakes[] = {
	{ "lock_order", lock_order },
	{ "sleeps_with_spinlock", sleeps_with_spinlock },
	{ "past_slab", past_slab },
	{ "after_free", after_free },
	{ "past_vmalloc", past_vmalloc },
	{ "past_array", past_array },
	{ "warns", warns },
	{ "counts_below_zero", counts_below_zero },
	{ "cpu_may_change", cpu_may_change },
	{ "timer_outlived", timer_outlived },
	{ "leaks", leaks },
	{ "race", race },
	{ "race_in_call", race_in_call },
};

static int __init planted_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++)
		if (!strcmp(what, mistakes[i].name))
			mistakes[i].make();
	return -ECANCELED;
}
module_init(planted_init);

MODULE_DESCRIPTION("Makes a mistake when loaded");
MODULE_LICENSE("GPL");

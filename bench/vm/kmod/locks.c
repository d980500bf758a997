// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two usual ways to share a page between kernel and user with a lock, done well, beside
 * a seqring; for the benchmark in the VM, and not for use elsewhere.
 *
 * One writer, a thread on CPU 0, publishes in the way that a run asks for. The user's
 * programs map the page and take the lock in their way.
 */

#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "internal.h"

static unsigned long spin_limit_ns = NSEC_PER_MSEC;
module_param(spin_limit_ns, ulong, 0644);
MODULE_PARM_DESC(spin_limit_ns, "how long the kernel tries for the spinlock word");

static struct locks_page *page;
static struct seqring_device *state_ring;

/*
 * Not a struct mutex: a task must not return to user space with one. The open file owns the
 * lock, so that the lock does not outlive the file. While the kernel waits for the lock, no
 * process gets it: so the kernel waits for one process at most.
 */
static struct locks_file *owner;
static struct locks_file kernel_file;
static bool kernel_waits;
static DECLARE_WAIT_QUEUE_HEAD(owner_wq);

static bool try_own(struct locks_file *f)
{
	return !cmpxchg_acquire(&owner, NULL, f);
}

static bool user_try_own(struct locks_file *f)
{
	return !READ_ONCE(kernel_waits) && try_own(f);
}

static int user_lock(struct locks_file *f)
{
	if (READ_ONCE(owner) == f)
		return -EDEADLK;
	if (user_try_own(f))
		return 0;
	return wait_event_interruptible_exclusive(owner_wq, user_try_own(f));
}

static int unlock(struct locks_file *f)
{
	if (cmpxchg_release(&owner, f, NULL) != f)
		return -EPERM;
	if (wq_has_sleeper(&owner_wq))
		wake_up(&owner_wq);
	return 0;
}

/*
 * @copy: the kernel's own state, of which it publishes copies
 * @copy_lock: the writer and write(2) change it
 * @waiting_since_ns: of the publication that waits for the lock; 0: none does
 */
static struct {
	struct task_struct *task;
	struct locks_run run;
	struct locks_result result;
	struct locks_state copy;
	spinlock_t copy_lock; /* over copy, and the publication of it */
	u64 waiting_since_ns;
	u32 *samples;
} writer;

static DEFINE_MUTEX(control_lock);

static void state_fill(struct locks_state *s, u32 len, u64 n, u64 setpoint)
{
	u32 i;

	WRITE_ONCE(s->n, n);
	WRITE_ONCE(s->setpoint, setpoint);
	for (i = 0; i < len / 8 - 2; i++)
		WRITE_ONCE(s->word[i], locks_word(n, setpoint, i));
}

/* With the user's lock held, or with none: keeps the user's part of the page. */
static void page_fill(u32 len, u64 n)
{
	state_fill(&page->state, len, n, READ_ONCE(page->state.setpoint));
}

static int publish_mutex(u32 len, u64 n)
{
	if (!try_own(&kernel_file)) {
		WRITE_ONCE(writer.waiting_since_ns, ktime_get_mono_fast_ns());
		WRITE_ONCE(kernel_waits, true);
		wait_event(owner_wq, kthread_should_stop() || try_own(&kernel_file));
		WRITE_ONCE(kernel_waits, false);
		WRITE_ONCE(writer.waiting_since_ns, 0);
		if (READ_ONCE(owner) != &kernel_file) {
			wake_up(&owner_wq);
			return -EINTR;
		}
	}
	page_fill(len, n);
	return unlock(&kernel_file);
}

/*
 * Interrupts are off, as in spin_lock_irqsave(): other work of this CPU must not prolong the
 * time in which the word is held. The bound keeps the machine alive if the user's process
 * does not release the word.
 */
static int publish_spin(u32 len, u64 n)
{
	unsigned long flags;
	u64 until;

	local_irq_save(flags);
	if (cmpxchg_acquire(&page->holder, 0, LOCKS_KERNEL)) {
		until = ktime_get_mono_fast_ns() + spin_limit_ns;
		do {
			if (ktime_get_mono_fast_ns() > until) {
				local_irq_restore(flags);
				return -ETIMEDOUT;
			}
			cpu_relax();
		} while (READ_ONCE(page->holder) ||
			 cmpxchg_acquire(&page->holder, 0, LOCKS_KERNEL));
	}
	page_fill(len, n);
	/* Pairs with the acquire of the next holder, here or in user space. */
	smp_store_release(&page->holder, 0);
	local_irq_restore(flags);
	return 0;
}

static int publish_ring(u32 len, u64 n)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&writer.copy_lock, flags);
	state_fill(&writer.copy, len, n, writer.copy.setpoint);
	err = seqring_publish(state_ring, 1, &writer.copy, len);
	spin_unlock_irqrestore(&writer.copy_lock, flags);
	return err;
}

static int publish_stream(u32 kind, u32 len, u64 n)
{
	state_fill(&writer.copy, len, n, 0);
	return stream_publish(kind, &writer.copy, len);
}

static int publish_one(const struct locks_run *run, u64 n)
{
	switch (run->kind) {
	case LOCKS_PLAIN:
		page_fill(run->len, n);
		return 0;
	case LOCKS_MUTEX:
		return publish_mutex(run->len, n);
	case LOCKS_SPIN:
		return publish_spin(run->len, n);
	case LOCKS_RING:
		return publish_ring(run->len, n);
	default:
		return publish_stream(run->kind, run->len, n);
	}
}

static void publish_some(const struct locks_run *run)
{
	struct locks_result *r = &writer.result;
	u32 i;
	int err;

	for (i = 0; i < run->burst; i++) {
		err = publish_one(run, r->tried + 1);
		if (err == -EINTR)
			return;
		WRITE_ONCE(r->tried, r->tried + 1);
		if (err == -ETIMEDOUT)
			WRITE_ONCE(r->gave_up, r->gave_up + 1);
		else if (err)
			WRITE_ONCE(r->refused, r->refused + 1);
	}
}

/*
 * An interrupt that comes meanwhile must not count for the publication. A writer that
 * sleeps for a lock has to let interrupts in.
 */
static u64 publish_timed(const struct locks_run *run)
{
	bool sleeps = run->kind != LOCKS_SPIN && run->kind != LOCKS_RING;
	unsigned long flags = 0;
	u64 start, ns;

	if (!sleeps)
		local_irq_save(flags);
	start = ktime_get_mono_fast_ns();
	publish_some(run);
	ns = ktime_get_mono_fast_ns() - start;
	if (!sleeps)
		local_irq_restore(flags);
	return ns;
}

static void publish_burst(const struct locks_run *run)
{
	struct locks_result *r = &writer.result;
	u64 ns = publish_timed(run);

	r->busy_ns += ns;
	WRITE_ONCE(r->worst_ns, max(READ_ONCE(r->worst_ns), ns));
	if (r->nr_samples < LOCKS_SAMPLES_MAX)
		writer.samples[r->nr_samples++] = min_t(u64, ns, U32_MAX);
}

static int writer_main(void *unused)
{
	const struct locks_run *run = &writer.run;
	ktime_t next = ktime_get();

	while (!kthread_should_stop()) {
		publish_burst(run);
		if (!run->period_ns) {
			cond_resched();
			continue;
		}
		/* A publication that took too long is not made up for. */
		next = max_t(ktime_t, ktime_add_ns(next, run->period_ns), ktime_get());
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop()) {
			__set_current_state(TASK_RUNNING);
			break;
		}
		schedule_hrtimeout(&next, HRTIMER_MODE_ABS);
	}
	return 0;
}

static int writer_start(const struct locks_run *run)
{
	struct task_struct *task;

	if (run->kind >= LOCKS_KINDS || run->reserved || run->len < LOCKS_LEN_MIN ||
	    run->len > LOCKS_LEN_MAX || run->len % 8 || !run->burst || run->burst > 4096 ||
	    run->period_ns > NSEC_PER_SEC)
		return -EINVAL;
	if (writer.task)
		return -EBUSY;
	writer.run = *run;
	writer.waiting_since_ns = 0;
	memset(&writer.result, 0, sizeof(writer.result));
	state_fill(&writer.copy, run->len, 0, 0);
	state_fill(&page->state, run->len, 0, 0);
	stream_reset(run->len);
	if (run->kind == LOCKS_RING)
		seqring_publish(state_ring, 1, &writer.copy, run->len);
	task = kthread_create(writer_main, NULL, "locks-writer");
	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, 0);
	/* At the set times it runs at once; with no pauses it must leave others some. */
	if (run->period_ns)
		sched_set_fifo(task);
	writer.task = task;
	wake_up_process(task);
	return 0;
}

static void writer_stop(void)
{
	if (!writer.task)
		return;
	kthread_stop(writer.task);
	writer.task = NULL;
}

static long ioctl_stats(struct locks_result __user *user)
{
	struct locks_result r = {
		.tried = READ_ONCE(writer.result.tried),
		.refused = READ_ONCE(writer.result.refused),
		.gave_up = READ_ONCE(writer.result.gave_up),
		.worst_ns = xchg(&writer.result.worst_ns, 0),
	};
	u64 since = READ_ONCE(writer.waiting_since_ns);

	if (since)
		r.waiting_ns = ktime_get_mono_fast_ns() - since;
	return copy_to_user(user, &r, sizeof(r)) ? -EFAULT : 0;
}

static long ioctl_stop(struct locks_result __user *user)
{
	struct locks_result r;

	if (copy_from_user(&r, user, sizeof(r)))
		return -EFAULT;
	if (!writer.task)
		return -ENODEV;
	writer_stop();
	writer.result.samples = r.samples;
	writer.result.nr_samples = min(writer.result.nr_samples, r.samples ? r.nr_samples : 0);
	if (copy_to_user(u64_to_user_ptr(r.samples), writer.samples,
			 writer.result.nr_samples * sizeof(*writer.samples)) ||
	    copy_to_user(user, &writer.result, sizeof(r)))
		return -EFAULT;
	return 0;
}

static long locks_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct locks_run run;
	long err;

	/* Without the lock of the runs: these come while one goes on. */
	switch (cmd) {
	case LOCKS_IOC_LOCK:
		return user_lock(file->private_data);
	case LOCKS_IOC_UNLOCK:
		return unlock(file->private_data);
	case LOCKS_IOC_RELAY:
		return stream_relay_ioctl(user);
	}
	mutex_lock(&control_lock);
	switch (cmd) {
	case LOCKS_IOC_START:
		err = copy_from_user(&run, user, sizeof(run)) ? -EFAULT : writer_start(&run);
		break;
	case LOCKS_IOC_STATS:
		err = ioctl_stats(user);
		break;
	case LOCKS_IOC_STOP:
		err = ioctl_stop(user);
		break;
	case LOCKS_IOC_PARTS:
		err = writer.task ? -EBUSY : parts_ioctl(user);
		break;
	default:
		err = -ENOTTY;
	}
	mutex_unlock(&control_lock);
	return err;
}

static int locks_mmap(struct file *file, struct vm_area_struct *vma)
{
	return remap_vmalloc_range(vma, page, vma->vm_pgoff);
}

/*
 * The user's part of the state, changed by the publisher. No process waits for another one
 * here, only for the copy of a few words.
 */
static ssize_t locks_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	unsigned long flags;
	u64 setpoint;
	int err;

	if (count != sizeof(setpoint))
		return -EINVAL;
	if (copy_from_user(&setpoint, buf, sizeof(setpoint)))
		return -EFAULT;
	if (!writer.run.len)
		return -ENODEV;
	spin_lock_irqsave(&writer.copy_lock, flags);
	state_fill(&writer.copy, writer.run.len, writer.copy.n, setpoint);
	err = seqring_publish(state_ring, 1, &writer.copy, writer.run.len);
	spin_unlock_irqrestore(&writer.copy_lock, flags);
	return err ? err : count;
}

static int locks_open(struct inode *inode, struct file *file)
{
	struct locks_file *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	mutex_init(&f->lock);
	file->private_data = f;
	return 0;
}

/* Called when the last descriptor is closed, even one that a child has inherited. */
static int locks_release(struct inode *inode, struct file *file)
{
	unlock(file->private_data);
	kfree(file->private_data);
	return 0;
}

static const struct file_operations locks_fops = {
	.owner = THIS_MODULE,
	.open = locks_open,
	.release = locks_release,
	.unlocked_ioctl = locks_ioctl,
	.mmap = locks_mmap,
	.read = stream_read,
	.write = locks_write,
	.llseek = noop_llseek,
};

static struct miscdevice locks_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "seqring-locks",
	.fops = &locks_fops,
	.mode = 0600,
};

static int __init locks_init(void)
{
	static const struct seqring_params params = {
		.name = LOCKS_STATE_RING,
		.data_size = 65536,
		.mode = SEQRING_MODE_LOCKED,
		.clock_id = SEQRING_CLOCK_NONE,
	};
	int err = -ENOMEM;

	spin_lock_init(&writer.copy_lock);
	page = vmalloc_user(PAGE_SIZE);
	writer.samples = vmalloc(LOCKS_SAMPLES_MAX * sizeof(*writer.samples));
	if (!page || !writer.samples)
		goto free;
	err = seqring_create(&params, &state_ring);
	if (err)
		goto free;
	err = streams_init();
	if (err)
		goto destroy;
	err = misc_register(&locks_misc);
	if (!err)
		return 0;
	streams_exit();
destroy:
	seqring_destroy(state_ring);
free:
	vfree(writer.samples);
	vfree(page);
	return err;
}

static void __exit locks_exit(void)
{
	misc_deregister(&locks_misc);
	writer_stop();
	streams_exit();
	seqring_destroy(state_ring);
	vfree(writer.samples);
	vfree(page);
}

module_init(locks_init);
module_exit(locks_exit);

MODULE_DESCRIPTION("Contenders of the seqring benchmark: pages shared with locks");
MODULE_LICENSE("GPL");

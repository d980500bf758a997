// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives the kernel API for the tests; not for other use. A write to /dev/seqring-test is
 * one command:
 *
 *   create NAME MODE SIZE FLAGS CLOCK
 *                                 seqring_create(); all but the name are numbers. Without
 *                                 CLOCK: SEQRING_CLOCK_MONOTONIC
 *   destroy NAME
 *   flood NAME COUNT MAX HOW      COUNT records from this process. HOW is 0: publish;
 *                                 1: reserve and commit; 2: batches; 3: all of them and
 *                                 discards. HOW + 4: EBUSY is no error
 *   irq NAME COUNT MAX            the same, from hard interrupts
 *   nmi NAME COUNT MAX            the same, from NMIs
 *   later NAME NS PERIOD          one record from a timer interrupt NS from now, then one
 *                                 every PERIOD, until the next such command
 *   within NAME CONTEXT CPU MS    one record from a hard interrupt (CONTEXT 1) or an
 *                                 NMI (2), on this CPU (0) or another one (1), while
 *                                 this process has a record of the ring open, for at
 *                                 most MS. 0: it was published or kept. EBUSY: it was
 *                                 dropped. EINPROGRESS: it came after the ring was free
 *                                 again
 *   interrupt NAME                one record with interrupts off, then the time that the
 *                                 interrupt takes which wakes its readers
 *   probe NAME PLACE COUNT        COUNT records of this process, each with another one from
 *                                 a probe behind _raw_spin_lock (PLACE 1) or before
 *                                 _raw_spin_unlock (2) on the way of the first. 3: COUNT
 *                                 records from a probe on update_vsyscall, in the update of
 *                                 the clocks
 *   quiet NAME                    a second writer on a device of SEQRING_MODE_CALLER: EDEADLK
 *                                 if something is printed while it publishes
 *   cross NAME                    two CPUs have a record of one locked device open each, and
 *                                 publish on the other's: both must be EBUSY, as a writer
 *                                 that nests in that one of two that nest
 *   calls NAME WHAT               the tests of calls.c: 1: times, 2: pieces, 3: reading,
 *                                 4: bound, which uses a device of its own
 *   skip NAME COUNT LEN           COUNT records that keep the old bytes as payload, to
 *                                 advance the position fast
 *   nest NAME                     between reserve and commit, publish more than a side buffer
 *                                 holds, each of which must be kept or EBUSY, and too long a
 *                                 record, and reserve again, which must be EBUSY. Counts them
 *   toobig NAME                   too long a record, in each way to publish: must be
 *                                 EMSGSIZE
 *   args                          seqring_create() with each wrong parameter
 *
 * The write returns the result of the command. A read gives, for each device, the sum of
 * what its commands tried: "NAME published N busy N interrupt_ns N nested N". The nested ones
 * are those published that came while "flood" published on the same CPU; interrupt_ns is the time
 * of the last "interrupt". Payloads are numbered per ring. If
 * several writers share a ring (LOCKED), numbers may repeat or swap, and a payload proves
 * only that its own record is whole.
 */

#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../compat.h"
#include "calls.h"
#include "driver.h"

#define TEST_DEVICES	8
#define TEST_BATCH	16

static struct test_dev devices[TEST_DEVICES];
static DEFINE_MUTEX(devices_lock);

static struct test_dev *test_find(const char *name)
{
	int i;

	for (i = 0; i < TEST_DEVICES; i++)
		if (devices[i].sdev && !strcmp(devices[i].name, name))
			return &devices[i];
	return NULL;
}

int test_count(struct test_dev *d, u32 published, int err)
{
	atomic64_add(published, &d->published);
	if (err == -EBUSY)
		atomic64_inc(&d->busy);
	return err;
}

/* The device that "flood" publishes on, on this CPU. */
static DEFINE_PER_CPU(struct test_dev *, flooding);

int test_publish_one(struct test_dev *d, unsigned char *buf, u32 max)
{
	u64 *number = test_number(d), n = READ_ONCE(*number);
	u32 len = test_payload_len(n, max);
	int err;

	test_payload_fill(buf, n, len);
	err = seqring_publish(d->sdev, 1, buf, len);
	if (!err)
		WRITE_ONCE(*number, n + 1);
	if (!err && (in_nmi() || in_hardirq()) && __this_cpu_read(flooding) == d)
		atomic64_inc(&d->nested);
	return test_count(d, !err, err);
}

static int test_reserve_one(struct test_dev *d, u32 max, bool discard)
{
	u64 *number = test_number(d), n = READ_ONCE(*number);
	struct seqring_resv resv;
	int err;

	err = seqring_reserve(d->sdev, test_payload_len(n, max), &resv);
	if (err)
		return test_count(d, 0, err);
	test_payload_fill(resv.data, discard ? ~n : n, resv.len);
	if (discard) {
		seqring_discard(&resv);
	} else {
		seqring_commit(&resv, 2);
		WRITE_ONCE(*number, n + 1);
	}
	return test_count(d, !discard, 0);
}

static int test_batch(struct test_dev *d, unsigned char *buf, u32 max, u32 nr)
{
	u64 *number = test_number(d), n = READ_ONCE(*number);
	struct seqring_item items[TEST_BATCH];
	unsigned int i, done;
	int err;

	for (i = 0; i < nr; i++) {
		items[i].data = buf;
		items[i].len = test_payload_len(n + i, min(max, TEST_PAYLOAD / TEST_BATCH));
		items[i].type = 3;
		test_payload_fill(buf, n + i, items[i].len);
		buf += items[i].len;
	}
	err = seqring_publish_batch(d->sdev, items, nr, &done);
	WRITE_ONCE(*number, n + done);
	return test_count(d, done, err);
}

static int test_flood(struct test_dev *d, u32 count, u32 max, u32 how)
{
	unsigned char *buf = kvmalloc(TEST_PAYLOAD, GFP_KERNEL);
	int err = 0;
	u32 i, step;

	if (!buf)
		return -ENOMEM;
	for (i = 0; i < count && !err; i += step) {
		bool discard = (how & 3) == 3 && test_mix(i) % 5 == 0;

		step = 1;
		preempt_disable();
		__this_cpu_write(flooding, d);
		switch (how & 3) {
		case 0:
			err = test_publish_one(d, buf, max);
			break;
		case 1:
			err = test_reserve_one(d, max, false);
			break;
		case 2:
			step = min_t(u32, TEST_BATCH, count - i);
			err = test_batch(d, buf, max, step);
			break;
		default:
			err = discard || i % 2 ? test_reserve_one(d, max, discard) :
						 test_publish_one(d, buf, max);
		}
		__this_cpu_write(flooding, NULL);
		preempt_enable();
		if (!(i % 64))
			cond_resched();
		if (err == -EBUSY && how & 4)
			err = 0;
		if (signal_pending(current))
			err = -EINTR;
	}
	kvfree(buf);
	return err;
}

static int test_skip(struct test_dev *d, u64 count, u32 len)
{
	struct seqring_resv resv;
	int err = 0;
	u64 i;

	for (i = 0; i < count && !err; i++) {
		err = seqring_reserve(d->sdev, len, &resv);
		if (!err)
			seqring_commit(&resv, 0);
		test_count(d, !err, err);
		if (!(i % 64))
			cond_resched();
		if (signal_pending(current))
			err = -EINTR;
	}
	return err;
}

static enum hrtimer_restart test_later(struct hrtimer *timer)
{
	struct test_dev *d = container_of(timer, struct test_dev, later);
	unsigned char buf[TEST_SHORT];

	test_publish_one(d, buf, sizeof(buf));
	if (!d->period_ns)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(d->period_ns));
	return HRTIMER_RESTART;
}

static int test_nest(struct test_dev *d)
{
	struct seqring_resv resv, inner;
	int err, i, ret = 0;
	u64 *number, n;

	preempt_disable();
	number = test_number(d);
	n = *number;
	err = seqring_reserve(d->sdev, test_payload_len(n, 64), &resv);
	if (!err) {
		/* The last of them do not fit. */
		for (i = 0; i < 100; i++) {
			ret = test_count(d, 0, seqring_publish(d->sdev, 9, "nested", 6));
			if (ret && ret != -EBUSY)
				err = -EPROTO;
			if (!ret)
				test_count(d, 1, 0);
		}
		if (seqring_publish(d->sdev, 9, ZERO_SIZE_PTR, U32_MAX) != -EMSGSIZE)
			err = -EPROTO;
		if (ret != -EBUSY ||
		    test_count(d, 0, seqring_reserve(d->sdev, 8, &inner)) != -EBUSY)
			err = -EPROTO;
		test_payload_fill(resv.data, n, resv.len);
		seqring_commit(&resv, 2);
		test_count(d, 1, 0);
		*number = n + 1;
	}
	preempt_enable();
	return err;
}

static int test_too_big(struct test_dev *d)
{
	struct seqring_item item = { .data = ZERO_SIZE_PTR, .len = U32_MAX };
	struct seqring_resv resv;
	unsigned int done = 1;

	if (seqring_publish(d->sdev, 1, ZERO_SIZE_PTR, U32_MAX) != -EMSGSIZE ||
	    seqring_reserve(d->sdev, U32_MAX, &resv) != -EMSGSIZE ||
	    seqring_publish_batch(d->sdev, &item, 1, &done) != -EMSGSIZE || done)
		return -EPROTO;
	return 0;
}

static int test_create(const char *name, u32 mode, u64 size, u32 flags, u32 clock_id)
{
	struct seqring_params params = {
		.name = name,
		.data_size = size,
		.mode = mode,
		.clock_id = clock_id,
		.flags = flags,
		.permissions = 0644,
	};
	struct test_dev *d;
	int err;

	for (d = devices; d < devices + TEST_DEVICES && d->sdev; d++)
		;
	if (d == devices + TEST_DEVICES)
		return -ENOSPC;
	d->number = kcalloc(nr_cpu_ids, sizeof(*d->number), GFP_KERNEL);
	if (!d->number)
		return -ENOMEM;
	err = seqring_create(&params, &d->sdev);
	if (err) {
		kfree(d->number);
		return err;
	}
	strscpy(d->name, name, sizeof(d->name));
	d->mode = mode;
	seqring_hrtimer_setup(&d->later, test_later, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	atomic64_set(&d->published, 0);
	atomic64_set(&d->busy, 0);
	atomic64_set(&d->nested, 0);
	return 0;
}

static void test_destroy(struct test_dev *d)
{
	if (!d->sdev)
		return;
	hrtimer_cancel(&d->later);
	seqring_destroy(d->sdev);
	d->sdev = NULL;
	kfree(d->number);
}

/* Tries every parameter that seqring_create() must refuse, one at a time. */
static int test_args(void)
{
	static const struct seqring_params good = {
		.name = "test-args", .data_size = 65536, .mode = SEQRING_MODE_LOCKED,
		.clock_id = SEQRING_CLOCK_NONE,
	};
	struct seqring_params p;
	struct seqring_device *sdev = NULL;
	int bad = 0;

#define REFUSED(field, value) do {					\
	p = good;							\
	p.field = value;						\
	if (seqring_create(&p, &sdev) != -EINVAL || sdev) {			\
		pr_err("seqring_create took a bad " #field "\n");	\
		bad++;							\
	}								\
} while (0)
	REFUSED(name, NULL);
	REFUSED(name, "");
	REFUSED(name, ".hidden");
	REFUSED(name, "a/b");
	REFUSED(name, "12345678901234567890123456789012");
	REFUSED(data_size, 0);
	REFUSED(data_size, 32768);
	REFUSED(data_size, 65537);
	REFUSED(data_size, 1ULL << 31);
	REFUSED(mode, 3);
	REFUSED(clock_id, SEQRING_CLOCK_MAX + 1);
	REFUSED(flags, 2);
	REFUSED(permissions, 01000);
	REFUSED(permissions, 0111);
	REFUSED(schema, "x");
	REFUSED(schema_size, 1);
	REFUSED(uid, INVALID_UID);
	REFUSED(gid, INVALID_GID);
#undef REFUSED
	p = good;
	p.mode = SEQRING_MODE_CALLER;
	p.flags = SEQRING_F_WRITE;
	if (seqring_create(&p, &sdev) != -EINVAL)
		bad++;
	p = good;
	if (seqring_create(&p, &sdev))
		return -EPROTO;
	if (seqring_create(&p, &devices[TEST_DEVICES - 1].sdev) != -EEXIST)
		bad++;
	seqring_destroy(sdev);
	seqring_destroy(NULL);
	return bad ? -EPROTO : 0;
}

static int test_calls(struct test_dev *d, u64 what)
{
	const bool nests = d->mode != SEQRING_MODE_CALLER;

	switch (what) {
	case 1:
		return test_call_times(d->sdev, nests);
	case 2:
		return test_call_pieces(d->sdev, nests);
	case 3:
		return test_call_reading(d->sdev, nests);
	case 4:
		return test_call_bound();
	}
	return -EINVAL;
}

/* Runs a command that needs a device. Such commands may run at the same time. */
static int test_on_device(struct test_dev *d, const char *verb, u64 a, u64 b, u64 c)
{
	if (!strcmp(verb, "flood") && a <= U32_MAX && b >= 8 && b <= TEST_PAYLOAD)
		return test_flood(d, a, b, c);
	if (!strcmp(verb, "irq") && b >= 8 && b <= TEST_PAYLOAD)
		return test_from_irq(d, a, b);
	if (!strcmp(verb, "nmi") || !strcmp(verb, "within"))
		return test_on_nmi_run(d, verb, a, b, c);
	if (!strcmp(verb, "interrupt"))
		return test_interrupt(d);
	if (!strcmp(verb, "probe"))
		return test_probe(d, a, b);
	if (!strcmp(verb, "quiet"))
		return test_quiet(d);
	if (!strcmp(verb, "calls"))
		return test_calls(d, a);
	if (!strcmp(verb, "cross"))
		return test_cross(d);
	if (!strcmp(verb, "skip"))
		return test_skip(d, a, b);
	if (!strcmp(verb, "nest"))
		return test_nest(d);
	if (!strcmp(verb, "toobig"))
		return test_too_big(d);
	if (!strcmp(verb, "later")) {
		hrtimer_cancel(&d->later);
		d->period_ns = b;
		hrtimer_start(&d->later, ns_to_ktime(a), HRTIMER_MODE_REL_HARD);
		return 0;
	}
	return -EINVAL;
}

static int test_command(const char *line)
{
	char verb[16], name[64] = "";
	u64 a = 0, b = 0, c = 0, clock_id = SEQRING_CLOCK_MONOTONIC;
	struct test_dev *d;
	int err;

	if (sscanf(line, "%15s %63s %llu %llu %llu %llu", verb, name, &a, &b, &c, &clock_id) < 1)
		return -EINVAL;
	mutex_lock(&devices_lock);
	d = test_find(name);
	if (!strcmp(verb, "create"))
		err = d ? -EEXIST : test_create(name, a, b, c, clock_id);
	else if (!strcmp(verb, "args"))
		err = test_args();
	else
		err = d ? 1 : -ENOENT;
	if (err == 1 && !strcmp(verb, "destroy")) {
		test_destroy(d);
		err = 0;
	}
	mutex_unlock(&devices_lock);
	return err == 1 ? test_on_device(d, verb, a, b, c) : err;
}

static ssize_t test_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	char *line;
	int err;

	if (count > 128)
		return -EINVAL;
	line = memdup_user_nul(buf, count);
	if (IS_ERR(line))
		return PTR_ERR(line);
	err = test_command(line);
	kfree(line);
	return err ? err : count;
}

static ssize_t test_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	char text[TEST_DEVICES * 150];
	size_t len = 0;
	int i;

	mutex_lock(&devices_lock);
	for (i = 0; i < TEST_DEVICES; i++) {
		struct test_dev *d = &devices[i];

		if (d->sdev)
			len += scnprintf(text + len, sizeof(text) - len,
					 "%s published %lld busy %lld interrupt_ns %llu nested %lld\n",
					 d->name, atomic64_read(&d->published),
					 atomic64_read(&d->busy), READ_ONCE(d->interrupt_ns),
					 atomic64_read(&d->nested));
	}
	mutex_unlock(&devices_lock);
	return simple_read_from_buffer(buf, count, ppos, text, len);
}

static const struct file_operations test_fops = {
	.owner = THIS_MODULE,
	.read = test_read,
	.write = test_write,
	.llseek = default_llseek,
};

static struct miscdevice test_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "seqring-test",
	.fops = &test_fops,
	.mode = 0600,
};

static int __init test_init(void)
{
	return misc_register(&test_misc);
}

static void __exit test_exit(void)
{
	int i;

	misc_deregister(&test_misc);
	for (i = 0; i < TEST_DEVICES; i++)
		test_destroy(&devices[i]);
}

module_init(test_init);
module_exit(test_exit);

MODULE_DESCRIPTION("Test driver of seqring");
MODULE_LICENSE("GPL");

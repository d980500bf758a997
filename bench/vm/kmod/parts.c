// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost of the module's publish path: as a whole, by mode and size, and of each part
 * alone, each REPEAT times in a loop. The caller has a clock that counts instructions.
 */

#include <linux/irqflags.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <seqring/writer.h>
#include "internal.h"

#define PARTS_MAX	40
#define REPEAT_MAX	8192u	/* what a stream's buffer has room for */
#define BATCH		16
#define RINGS		6

/*
 * @rings: by mode, each without a clock and with one
 * @w, @wait: a writer of the bare protocol
 */
static struct {
	struct seqring_device *rings[RINGS];
	struct seqring_writer w;
	struct seqring_wait wait;
	void *data;
	struct seqring_ring_ctl *ctl;
	raw_spinlock_t lock;
	struct seqring_device *ring;
	u32 len;
	u64 source[LOCKS_LEN_MAX / 8];
	u64 target[LOCKS_LEN_MAX / 8];
} p;

static noinline void part_nothing(void)
{
	barrier();
}

static noinline void part_clock(void)
{
	WRITE_ONCE(p.target[0], ktime_get_mono_fast_ns());
}

static noinline void part_irq(void)
{
	unsigned long flags;

	local_irq_save(flags);
	local_irq_restore(flags);
}

static noinline void part_spinlock(void)
{
	raw_spin_lock(&p.lock);
	raw_spin_unlock(&p.lock);
}

static noinline void part_copy(void)
{
	seqring_writer_copy_payload(p.target, p.source, p.len);
}

static noinline void part_memcpy(void)
{
	memcpy(p.target, p.source, p.len);
	barrier_data(p.target);
}

static noinline void part_wake(void)
{
	if (seqring_writer_wake_due(&p.w, &p.wait))
		p.target[0]++;
}

static noinline void part_protocol(void)
{
	seqring_writer_publish(&p.w, 1, 0, p.source, p.len);
}

static noinline void part_publish(void)
{
	seqring_publish(p.ring, 1, p.source, p.len);
}

static noinline void part_reserve(void)
{
	struct seqring_resv resv;

	if (seqring_reserve(p.ring, p.len, &resv))
		return;
	memcpy(resv.data, p.source, p.len);
	seqring_commit(&resv, 1);
}

static noinline void part_discard(void)
{
	struct seqring_resv resv;

	if (!seqring_reserve(p.ring, p.len, &resv))
		seqring_discard(&resv);
}

static noinline void part_batch(void)
{
	struct seqring_item items[BATCH];
	int i;

	for (i = 0; i < BATCH; i++)
		items[i] = (struct seqring_item){ .data = p.source, .len = p.len, .type = 1 };
	seqring_publish_batch(p.ring, items, BATCH, NULL);
}

/* The cost of other ways of a stream, into an empty buffer of LOCKS_STREAM_BYTES. */
static noinline void part_chardev(void)
{
	stream_publish(STREAM_CHARDEV, (void *)p.source, p.len);
}

static noinline void part_relay(void)
{
	stream_publish(STREAM_RELAY, (void *)p.source, p.len);
}

static void measure(struct locks_part *part, u32 repeat, void (*fn)(void), u32 len,
		    const char *name)
{
	u64 start;
	u32 i;

	p.len = len;
	/* Not all of the names have a length in them. */
	snprintf(part->name, sizeof(part->name), name, len);
	preempt_disable();
	for (i = 0; i < repeat / 16; i++)
		fn();
	start = ktime_get_mono_fast_ns();
	for (i = 0; i < repeat; i++)
		fn();
	part->ns = ktime_get_mono_fast_ns() - start;
	preempt_enable();
	part->n = repeat;
	cond_resched();
}

static u32 measure_all(struct locks_part *part, u32 repeat)
{
	static const u32 lens[] = { 16, 64, 256, 1024 };
	static const char percpu[] = "publish %u B, PERCPU, no clock";
	static const char * const by_ring[] = {
		"publish %u B, CALLER, no clock", "publish %u B, CALLER, monotonic",
		"publish %u B, LOCKED, no clock", "publish %u B, LOCKED, monotonic",
		percpu,				  "publish %u B, PERCPU, monotonic",
	};
	struct locks_part *first = part;
	u32 i;

	measure(part++, repeat, part_nothing, 0, "loop and call");
	measure(part++, repeat, part_clock, 0, "clock: ktime_get_mono_fast_ns()");
	measure(part++, repeat, part_irq, 0, "interrupts off and on");
	measure(part++, repeat, part_spinlock, 0, "raw spinlock, free");
	measure(part++, repeat, part_wake, 0, "wake check: full fence and compare");
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		measure(part++, repeat, part_copy, lens[i], "copy %u B, marked stores");
		measure(part++, repeat, part_memcpy, lens[i], "memcpy %u B");
		measure(part++, repeat, part_protocol, lens[i], "protocol with copy, %u B");
	}
	for (i = 0; i < RINGS; i++) {
		p.ring = p.rings[i];
		measure(part++, repeat, part_publish, 64, by_ring[i]);
	}
	p.ring = p.rings[2 * SEQRING_MODE_PERCPU];
	measure(part++, repeat, part_publish, 16, percpu);
	measure(part++, repeat, part_publish, 256, percpu);
	measure(part++, repeat, part_publish, 1024, percpu);
	measure(part++, repeat, part_reserve, 64, "reserve, memcpy %u B, commit, PERCPU");
	measure(part++, repeat, part_discard, 64, "reserve %u B, discard, PERCPU");
	measure(part, repeat / BATCH, part_batch, 64, "batch of 16 of %u B, PERCPU, no clock");
	part->n *= BATCH;
	part++;
	stream_reset(64);
	measure(part++, repeat, part_chardev, 64, "to compare: kfifo of %u B records, spinlock");
	measure(part++, repeat, part_relay, 64, "to compare: relay_write(), %u B");
	return part - first;
}

static void parts_free(void)
{
	int i;

	for (i = 0; i < RINGS; i++)
		seqring_destroy(p.rings[i]);
	memset(p.rings, 0, sizeof(p.rings));
	vfree(p.data);
	vfree(p.ctl);
}

static int parts_alloc(void)
{
	char name[SEQRING_NAME_SIZE];
	struct seqring_params params = { .name = name, .data_size = 1 << 20 };
	int i, err;

	memset(p.rings, 0, sizeof(p.rings));
	raw_spin_lock_init(&p.lock);
	p.data = vzalloc(1 << 20);
	p.ctl = vzalloc(PAGE_SIZE);
	if (!p.data || !p.ctl) {
		vfree(p.data);
		vfree(p.ctl);
		return -ENOMEM;
	}
	err = seqring_writer_init(&p.w, p.ctl, p.data, 1 << 20);
	seqring_writer_disarm(&p.wait);
	for (i = 0; !err && i < RINGS; i++) {
		params.mode = i / 2;
		params.clock_id = i % 2 ? SEQRING_CLOCK_MONOTONIC : SEQRING_CLOCK_NONE;
		snprintf(name, sizeof(name), "locks-parts-%d", i);
		err = seqring_create(&params, &p.rings[i]);
	}
	if (err)
		parts_free();
	return err;
}

long parts_ioctl(struct locks_parts __user *user)
{
	struct locks_part *parts;
	struct locks_parts req;
	long err;

	if (copy_from_user(&req, user, sizeof(req)))
		return -EFAULT;
	if (req.repeat < BATCH || req.repeat > REPEAT_MAX || req.nr < PARTS_MAX)
		return -EINVAL;
	parts = kcalloc(PARTS_MAX, sizeof(*parts), GFP_KERNEL);
	if (!parts)
		return -ENOMEM;
	err = parts_alloc();
	if (!err) {
		req.nr = measure_all(parts, req.repeat);
		parts_free();
		if (copy_to_user(u64_to_user_ptr(req.parts), parts, req.nr * sizeof(*parts)) ||
		    copy_to_user(user, &req, sizeof(req)))
			err = -EFAULT;
	}
	kfree(parts);
	return err;
}

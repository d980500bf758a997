/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the two halves of the test driver. */
#ifndef _SEQRING_TEST_DRIVER_H
#define _SEQRING_TEST_DRIVER_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/smp.h>

#include <linux/seqring.h>
#include "payload.h"

#define TEST_PAYLOAD	65536
#define TEST_SHORT	256	/* longest payload of "later" and "within" */

struct test_dev {
	char name[SEQRING_NAME_SIZE];
	struct seqring_device *sdev;
	u32 mode;
	u64 *number;		/* next number of each ring: [cpu] or [0] */
	struct hrtimer later;
	u64 period_ns;
	u64 interrupt_ns;
	atomic64_t published;
	atomic64_t busy;
	atomic64_t nested;
};

/* The next number of the ring that this context writes. The caller stays on its CPU. */
static inline u64 *test_number(struct test_dev *d)
{
	return &d->number[d->mode == SEQRING_MODE_PERCPU ? smp_processor_id() : 0];
}

/* driver.c */
int test_count(struct test_dev *d, u32 published, int err);
int test_publish_one(struct test_dev *d, unsigned char *buf, u32 max);

/* probe.c */
int test_probe(struct test_dev *d, u64 where, u32 count);
int test_quiet(struct test_dev *d);

/* irq.c */
int test_interrupt(struct test_dev *d);
int test_from_irq(struct test_dev *d, u32 count, u32 max);
int test_cross(struct test_dev *d);
int test_on_nmi_run(struct test_dev *d, const char *verb, u64 a, u64 b, u64 c);

#endif /* _SEQRING_TEST_DRIVER_H */

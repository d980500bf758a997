// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the protocol inside the kernel, where KASAN and KCSAN see it: reader.h in threads,
 * against writers that use the API in every mode. The kernel's sanitizers cannot see
 * readers in user space, which read through a mapping.
 */

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../internal.h"
#include "calls.h"
#include "payload.h"

#define DATA_SIZE	65536
#define PAYLOAD_TOP	512
#define READERS		3
#define WRITERS		2

static unsigned int records = 20000;
module_param(records, uint, 0444);
MODULE_PARM_DESC(records, "that each writer publishes");

/* @start_seq: seq of each ring before the first record */
struct run {
	struct kunit *test;
	struct seqring_device *sdev;
	u64 start_seq;
	bool numbered;
	atomic_t writing;
	struct completion go;
};

struct reader {
	struct run *run;
	struct completion done;
	u64 read, lost, overruns, torn, waits;
	const char *wrong;
	u64 wrong_seq;
	unsigned int kind;
};

struct writer {
	struct run *run;
	struct completion done;
	unsigned int index;
	u64 published;
	int err;
};

static struct seqring_device *make(struct kunit *test, u32 mode)
{
	struct seqring_params params = {
		.name = "kunit", .data_size = DATA_SIZE, .mode = mode,
		.clock_id = SEQRING_CLOCK_MONOTONIC,
	};
	struct seqring_device *sdev;

	KUNIT_ASSERT_EQ(test, seqring_create(&params, &sdev), 0);
	return sdev;
}

static void reader_of(struct kunit *test, struct seqring_device *sdev, u32 ring,
		      struct seqring_reader *r)
{
	void *area = sdev->rings[ring]->area.addr;

	KUNIT_ASSERT_EQ(test, seqring_reader_init(r, area, area + PAGE_SIZE, DATA_SIZE), 0);
}

/* Sets the rings as after 4 GiB and nearly 2^32 records, with no record left. */
static u64 start_late(struct seqring_device *sdev)
{
	u64 pos = (u64)U32_MAX + 1 - 2 * DATA_SIZE, seq = U32_MAX - 1000;
	u32 i;

	for (i = 0; i < sdev->nr_rings; i++) {
		struct seqring_writer *w = &sdev->rings[i]->w;

		w->pos = pos;
		w->seq = seq;
		w->seg_end = pos + DATA_SIZE / SEQRING_SEGMENTS;
		w->cold.limit = pos + DATA_SIZE;
		seqring_write(&w->ctl->head, pos);
		seqring_write(&w->ctl->tail, pos);
		seqring_write(&w->ctl->last, pos);
		seqring_write(&w->ctl->seq, seq);
	}
	return seq;
}

static int publish_one(struct seqring_device *sdev, unsigned char *buf, u64 n)
{
	u32 len = test_payload_len(n, PAYLOAD_TOP);
	struct seqring_resv resv;
	struct seqring_item item;
	int err;

	switch (n % 4) {
	case 0:
		err = seqring_reserve(sdev, len, &resv);
		if (err)
			return err;
		test_payload_fill(resv.data, n, len);
		seqring_commit(&resv, 1);
		return 0;
	case 1:
		err = seqring_reserve(sdev, PAYLOAD_TOP, &resv);
		if (err)
			return err;
		memset(resv.data, 0xdb, PAYLOAD_TOP);
		seqring_discard(&resv);
		break;
	case 2:
		test_payload_fill(buf, n, len);
		item = (struct seqring_item){ .data = buf, .len = len, .type = 1 };
		return seqring_publish_batch(sdev, &item, 1, NULL);
	}
	test_payload_fill(buf, n, len);
	return seqring_publish(sdev, 1, buf, len);
}

static int writer_thread(void *arg)
{
	struct writer *w = arg;
	unsigned char *buf = kmalloc(PAYLOAD_TOP, GFP_KERNEL);
	u64 n;

	wait_for_completion(&w->run->go);
	w->err = buf ? 0 : -ENOMEM;
	for (n = 1; n <= records && !w->err; n++) {
		w->err = publish_one(w->run->sdev, buf, n);
		w->published += !w->err;
		if (n % 64 == 0)
			cond_resched();
		/* Let readers on the same CPU run. */
		if (n % 1024 == 0)
			usleep_range(50, 100);
	}
	kfree(buf);
	/* Full barrier: a reader that sees no writer left sees all records. */
	atomic_dec_return(&w->run->writing);
	complete(&w->done);
	return 0;
}

static void wrong(struct reader *rd, const char *what, u64 seq)
{
	if (!rd->wrong) {
		rd->wrong = what;
		rd->wrong_seq = seq;
	}
}

/* Checks a record in place. A fault counts only if the recheck finds the record whole. */
static enum seqring_outcome peek(struct reader *rd, struct seqring_reader *r,
				 struct seqring_view *v, unsigned char *buf)
{
	enum seqring_outcome outcome = seqring_reader_peek(r, v);
	bool ok;

	if (outcome)
		return outcome;
	if (v->len <= PAYLOAD_TOP)
		seqring_reader_copy(buf, v->payload, v->len);
	ok = v->len <= PAYLOAD_TOP && test_payload_ok(buf, v->len, PAYLOAD_TOP);
	outcome = seqring_reader_recheck(r, v);
	rd->torn += outcome && !ok;
	if (outcome)
		return outcome;
	seqring_reader_consume(r, v);
	if (!ok)
		wrong(rd, "a torn record passed the recheck", v->seq);
	return SEQRING_OK;
}

static enum seqring_outcome take(struct reader *rd, struct seqring_reader *r, unsigned char *buf)
{
	struct seqring_view v;
	enum seqring_outcome outcome;
	u64 expected = r->seq, any = r->any;

	if (rd->kind == 0) {
		outcome = seqring_reader_read(r, &v, buf, PAYLOAD_TOP);
		if (!outcome && (v.len > PAYLOAD_TOP || !test_payload_ok(buf, v.len, PAYLOAD_TOP)))
			wrong(rd, "a torn record was accepted", v.seq);
	} else {
		outcome = peek(rd, r, &v, buf);
	}
	if (outcome)
		return outcome;
	if (!any && expected && v.seq != expected)
		wrong(rd, "a seq is not the next one", v.seq);
	rd->read++;
	rd->lost += v.lost;
	return SEQRING_OK;
}

static void snapshot(struct reader *rd, struct seqring_reader *r, unsigned char *buf)
{
	u64 seq = seqring_read(&r->ctl->seq);
	struct seqring_view v;
	enum seqring_outcome outcome = seqring_reader_newest(r, &v, buf, PAYLOAD_TOP);

	if (outcome == SEQRING_CORRUPT)
		wrong(rd, "the newest is corrupt", seq);
	else if (!outcome && (v.seq < seq || !test_payload_ok(buf, v.len, PAYLOAD_TOP)))
		wrong(rd, "the newest is torn or old", v.seq);
}

/* Waits until the writer has overwritten the reader's place, so that each run has an overrun. */
static void wait_for_overrun(struct run *run, const struct seqring_reader *r)
{
	while (atomic_read(&run->writing) && seqring_read(&r->ctl->tail) <= r->pos)
		usleep_range(200, 400);
}

/* Reads all of one ring, from its first record on, until all writers are done. */
static void follow(struct reader *rd, u32 ring, unsigned char *buf)
{
	struct run *run = rd->run;
	struct seqring_reader r;
	enum seqring_outcome outcome;
	bool last = false;

	reader_of(run->test, run->sdev, ring, &r);
	/* Records that are overwritten already count as lost. */
	r.seq = run->start_seq + 1;
	if (rd->kind == 1)
		wait_for_overrun(run, &r);
	for (;;) {
		outcome = take(rd, &r, buf);
		if (outcome == SEQRING_OVERRUN) {
			rd->overruns++;
			if (seqring_reader_resync(&r))
				outcome = SEQRING_CORRUPT;
		}
		if (outcome == SEQRING_CORRUPT) {
			wrong(rd, "corrupt", r.seq);
			break;
		}
		if (outcome == SEQRING_EMPTY) {
			if (last)
				break;
			/* Full barrier: check the ring once more after the last writer. */
			last = !atomic_add_return(0, &run->writing);
			rd->waits++;
			if (rd->kind == 2)
				snapshot(rd, &r, buf);
			cond_resched();
		}
		/* This reader is too slow on purpose. */
		if (rd->kind == 1 && rd->read % 256 == 255)
			usleep_range(200, 400);
		if (rd->wrong)
			break;
	}
	/* No later record tells the loss at the very end. */
	if (r.any)
		rd->lost += seqring_read(&r.ctl->seq) + 1 - r.seq;
}

static int reader_thread(void *arg)
{
	struct reader *rd = arg;
	unsigned char *buf = kmalloc(PAYLOAD_TOP, GFP_KERNEL);
	u32 ring;

	if (!buf)
		wrong(rd, "no memory", 0);
	for (ring = 0; buf && ring < rd->run->sdev->nr_rings; ring++)
		follow(rd, ring, buf);
	kfree(buf);
	complete(&rd->done);
	return 0;
}

static void start(struct kunit *test, int (*fn)(void *), void *arg, int cpu)
{
	struct task_struct *task = kthread_create(fn, arg, "seqring_kunit");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	if (cpu >= 0)
		kthread_bind(task, cpu);
	wake_up_process(task);
}

/* Runs @writers in @mode with readers of all kinds; all of their counts must be exact. */
static void race(struct kunit *test, u32 mode, unsigned int writers, bool late)
{
	struct reader *rd = kunit_kcalloc(test, READERS, sizeof(*rd), GFP_KERNEL);
	struct writer *w = kunit_kcalloc(test, WRITERS, sizeof(*w), GFP_KERNEL);
	struct run *run = kunit_kzalloc(test, sizeof(*run), GFP_KERNEL);
	u64 published = 0, counted = 0, lost = 0;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, rd && w && run);
	run->test = test;
	run->sdev = make(test, mode);
	run->start_seq = late ? start_late(run->sdev) : 0;
	atomic_set(&run->writing, writers);
	init_completion(&run->go);
	for (i = 0; i < READERS; i++) {
		rd[i].run = run;
		rd[i].kind = i;
		init_completion(&rd[i].done);
		start(test, reader_thread, &rd[i], -1);
	}
	for (i = 0; i < writers; i++) {
		w[i].run = run;
		w[i].index = i;
		init_completion(&w[i].done);
		/* Each writer has the ring of its CPU. */
		start(test, writer_thread, &w[i],
		      mode == SEQRING_MODE_CALLER ? -1 : cpumask_local_spread(i, NUMA_NO_NODE));
	}
	complete_all(&run->go);
	for (i = 0; i < writers; i++) {
		wait_for_completion(&w[i].done);
		KUNIT_EXPECT_EQ(test, w[i].err, 0);
		published += w[i].published;
	}
	for (i = 0; i < READERS; i++)
		wait_for_completion(&rd[i].done);
	for (i = 0; i < run->sdev->nr_rings; i++)
		counted += seqring_read(&run->sdev->rings[i]->w.ctl->seq) - run->start_seq;
	KUNIT_EXPECT_EQ(test, counted, published);
	for (i = 0; i < READERS; i++) {
		kunit_info(test,
			   "reader %u: read %llu lost %llu overruns %llu torn %llu waits %llu", i,
			   rd[i].read, rd[i].lost, rd[i].overruns, rd[i].torn, rd[i].waits);
		KUNIT_EXPECT_STREQ_MSG(test, rd[i].wrong ?: "", "", "at %llu", rd[i].wrong_seq);
		KUNIT_EXPECT_EQ(test, rd[i].read + rd[i].lost, published);
		lost += rd[i].lost;
	}
	/* Without an overrun the run has shown little. */
	KUNIT_EXPECT_GT(test, lost, 0ULL);
	seqring_destroy(run->sdev);
}

static void caller_test(struct kunit *test)
{
	race(test, SEQRING_MODE_CALLER, 1, false);
}

static void locked_test(struct kunit *test)
{
	race(test, SEQRING_MODE_LOCKED, WRITERS, false);
}

static void percpu_test(struct kunit *test)
{
	race(test, SEQRING_MODE_PERCPU, WRITERS, false);
}

/* Both position and seq cross 2^32. */
static void late_test(struct kunit *test)
{
	race(test, SEQRING_MODE_CALLER, 1, true);
}

static void publish_numbers(struct kunit *test, struct seqring_device *sdev, u64 from, u64 to)
{
	for (; from < to; from++)
		KUNIT_ASSERT_EQ(test, seqring_publish(sdev, 1, &from, sizeof(from)), 0);
}

static void loss_test(struct kunit *test)
{
	const u64 nr = 3 * DATA_SIZE / 32;
	struct seqring_device *sdev = make(test, SEQRING_MODE_LOCKED);
	struct seqring_reader r, joiner;
	struct seqring_view v;
	u64 n = 0, payload;

	reader_of(test, sdev, 0, &r);
	publish_numbers(test, sdev, 1, 2);
	KUNIT_EXPECT_EQ(test, seqring_reader_read(&r, &v, &payload, sizeof(payload)), SEQRING_OK);
	KUNIT_EXPECT_EQ(test, seqring_reader_read(&r, &v, &payload, sizeof(payload)),
			SEQRING_EMPTY);
	/* Overwrite the ring three times. */
	publish_numbers(test, sdev, 2, nr + 1);
	KUNIT_EXPECT_EQ(test, seqring_reader_read(&r, &v, &payload, sizeof(payload)),
			SEQRING_OVERRUN);
	KUNIT_EXPECT_EQ(test, seqring_reader_resync(&r), SEQRING_OK);
	KUNIT_EXPECT_EQ(test, seqring_reader_read(&r, &v, &payload, sizeof(payload)), SEQRING_OK);
	KUNIT_EXPECT_EQ(test, v.lost, v.seq - 2);
	KUNIT_EXPECT_EQ(test, payload, v.seq);
	/* A reader that joins now starts at the oldest record; both end at the last. */
	reader_of(test, sdev, 0, &joiner);
	KUNIT_EXPECT_EQ(test, seqring_reader_read(&joiner, &v, &payload, sizeof(payload)),
			SEQRING_OK);
	KUNIT_EXPECT_EQ(test, payload, v.seq);
	KUNIT_EXPECT_EQ(test, v.lost, 0ULL);
	while (!seqring_reader_read(&joiner, &v, &payload, sizeof(payload)))
		n = payload;
	KUNIT_EXPECT_EQ(test, n, nr);
	while (!seqring_reader_read(&r, &v, &payload, sizeof(payload)))
		n = payload;
	KUNIT_EXPECT_EQ(test, n, nr);
	seqring_destroy(sdev);
}

/* Reads the only record of @type in the device. Return: its seq, 0 if there is none. */
static u64 seq_of(struct kunit *test, struct seqring_device *sdev, u16 type, u64 *ts_ns)
{
	struct seqring_reader r;
	struct seqring_view v;
	u64 payload, seq = 0;
	u32 i;

	for (i = 0; i < sdev->nr_rings; i++) {
		reader_of(test, sdev, i, &r);
		while (!seqring_reader_read(&r, &v, &payload, sizeof(payload))) {
			if (v.type != type)
				continue;
			seq = v.seq;
			*ts_ns = v.ts_ns;
		}
	}
	return seq;
}

/* A nested writer's record follows that of the writer it interrupts, or is counted. */
static void nest_test(struct kunit *test)
{
	static const u32 modes[] = {
		SEQRING_MODE_CALLER, SEQRING_MODE_LOCKED, SEQRING_MODE_PERCPU,
	};
	struct seqring_resv resv, inner;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		const bool kept = modes[i] != SEQRING_MODE_CALLER;
		struct seqring_device *sdev = make(test, modes[i]);
		u64 dropped = 0, published = 0, outer_ns = 0, nested_ns = 0;
		int ret[4];
		u32 ring;

		migrate_disable();
		ret[0] = seqring_reserve(sdev, 8, &resv);
		ret[1] = seqring_publish(sdev, 8, "nested", 6);
		ret[2] = seqring_reserve(sdev, 8, &inner);
		*(u64 *)resv.data = 42;
		seqring_commit(&resv, 7);
		/* The ring is free again. */
		ret[3] = seqring_publish(sdev, 9, "after", 5);
		migrate_enable();
		KUNIT_EXPECT_EQ(test, ret[0], 0);
		KUNIT_EXPECT_EQ(test, ret[1], kept ? 0 : -EBUSY);
		KUNIT_EXPECT_EQ(test, ret[2], -EBUSY);
		KUNIT_EXPECT_EQ(test, ret[3], 0);
		for (ring = 0; ring < sdev->nr_rings; ring++) {
			struct seqring_ring_ctl *ctl = sdev->rings[ring]->w.ctl;

			dropped += seqring_read(&ctl->dropped[SEQRING_DROP_BUSY]);
			published += seqring_read(&ctl->seq);
		}
		KUNIT_EXPECT_EQ(test, dropped, kept ? 1ULL : 2ULL);
		KUNIT_EXPECT_EQ(test, published, kept ? 3ULL : 2ULL);
		KUNIT_EXPECT_EQ(test, seq_of(test, sdev, 7, &outer_ns), 1ULL);
		KUNIT_EXPECT_EQ(test, seq_of(test, sdev, 8, &nested_ns), kept ? 2ULL : 0ULL);
		if (kept)
			KUNIT_EXPECT_GE(test, nested_ns, outer_ns);
		seqring_destroy(sdev);
	}
}

/* What does not fit into the side buffer is dropped and counted; what fits comes in order. */
static void nest_full_test(struct kunit *test)
{
	struct seqring_device *sdev = make(test, SEQRING_MODE_LOCKED);
	u64 n, kept = 0, dropped = 0, payload = 0, expected = 0;
	struct seqring_resv resv;
	struct seqring_reader r;
	struct seqring_view v;
	int wrong = 0, ret;

	ret = seqring_reserve(sdev, 8, &resv);
	for (n = 1; n <= 1000 && !ret; n++) {
		int err = seqring_publish(sdev, 1, &n, sizeof(n));

		kept += !err;
		dropped += err == -EBUSY;
		/* Once full, always full. */
		wrong += (err && err != -EBUSY) || (!err && dropped);
	}
	if (!ret) {
		wrong += seqring_publish(sdev, 1, &n, DATA_SIZE / 2) != -EMSGSIZE;
		seqring_discard(&resv);
	}
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GT(test, kept, 50ULL);
	KUNIT_EXPECT_EQ(test, kept + dropped, 1000ULL);
	KUNIT_EXPECT_EQ(test, seqring_read(&sdev->rings[0]->w.ctl->dropped[SEQRING_DROP_BUSY]),
			dropped);
	reader_of(test, sdev, 0, &r);
	while (!seqring_reader_read(&r, &v, &payload, sizeof(payload)))
		KUNIT_EXPECT_EQ(test, payload, ++expected);
	KUNIT_EXPECT_EQ(test, expected, kept);
	seqring_destroy(sdev);
}

static void call_in_each_mode(struct kunit *test,
			      int (*call)(struct seqring_device *sdev, bool nests))
{
	u32 mode;

	for (mode = SEQRING_MODE_CALLER; mode <= SEQRING_MODE_PERCPU; mode++) {
		struct seqring_device *sdev = make(test, mode);

		KUNIT_EXPECT_EQ(test, call(sdev, mode != SEQRING_MODE_CALLER), 0);
		seqring_destroy(sdev);
	}
}

static void times_test(struct kunit *test)
{
	call_in_each_mode(test, test_call_times);
}

static void pieces_test(struct kunit *test)
{
	call_in_each_mode(test, test_call_pieces);
}

static void reading_test(struct kunit *test)
{
	call_in_each_mode(test, test_call_reading);
}

static void bound_test(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, test_call_bound(), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(loss_test),
	KUNIT_CASE(nest_test),
	KUNIT_CASE(nest_full_test),
	KUNIT_CASE(times_test),
	KUNIT_CASE(pieces_test),
	KUNIT_CASE(reading_test),
	KUNIT_CASE(bound_test),
	KUNIT_CASE(caller_test),
	KUNIT_CASE(locked_test),
	KUNIT_CASE(percpu_test),
	KUNIT_CASE(late_test),
	{}
};

static struct kunit_suite suite = {
	.name = "seqring",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("KUnit tests of seqring");
MODULE_LICENSE("GPL");

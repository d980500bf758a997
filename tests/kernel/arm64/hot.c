// SPDX-License-Identifier: GPL-2.0-only
/* Contains every function of the protocol once, for barriers.py to examine. It never runs. */
#include <seqring/reader.h>
#include <seqring/writer.h>

/* barrier.h has this one in the kernel alone; no rule examines it. */
#define seqring_cmpxchg_full(tag, p, old, new) __sync_val_compare_and_swap(p, old, new)
#include "thresholds.h"

int hot_init(struct seqring_writer *w, struct seqring_reader *r, struct seqring_ring_ctl *ctl,
	     void *data, __u64 size);
int hot_publish(struct seqring_writer *w, const void *src, __u32 len);
int hot_reserve(struct seqring_writer *w, __u32 len, void **payload);
void hot_commit(struct seqring_writer *w, __u64 ts_ns);
int hot_vec(struct seqring_writer *w, const struct seqring_vec *vec, unsigned int nr);
int hot_wake(struct seqring_writer *w, struct seqring_wait *wait);
int hot_wake_announced(struct seqring_writer *w, struct seqring_wait *wait, __u32 *idle);
void hot_end(struct seqring_writer *w);
int hot_read(struct seqring_reader *r, struct seqring_view *v, void *buf, __u32 size);
int hot_batch(struct seqring_reader *r, struct seqring_view *v, void *buf, size_t size,
	      unsigned int *nr);
int hot_newest(struct seqring_reader *r, struct seqring_view *v, void *buf, __u32 size);
int hot_resync(struct seqring_reader *r);
int hot_seek(struct seqring_reader *r, int by_time, __u64 value);
int hot_ends(struct seqring_reader *r, int which);
void hot_arm(struct seqring_wait *wait, __u64 pos, __u64 seq);
int hot_thresholds_wake(struct seqring_writer *w, struct seqring_thresholds *t);
int hot_thresholds_sleep(struct seqring_thresholds *t, __u64 pos, __u64 seq);

int hot_init(struct seqring_writer *w, struct seqring_reader *r, struct seqring_ring_ctl *ctl,
	     void *data, __u64 size)
{
	return seqring_writer_init(w, ctl, data, size) || seqring_reader_init(r, ctl, data, size);
}

int hot_publish(struct seqring_writer *w, const void *src, __u32 len)
{
	return seqring_writer_publish(w, 1, 2, src, len);
}

int hot_reserve(struct seqring_writer *w, __u32 len, void **payload)
{
	return seqring_writer_reserve(w, len, payload);
}

void hot_commit(struct seqring_writer *w, __u64 ts_ns)
{
	seqring_writer_commit(w, 1, ts_ns);
}

int hot_vec(struct seqring_writer *w, const struct seqring_vec *vec, unsigned int nr)
{
	return seqring_writer_publish_vec(w, 1, 2, vec, nr);
}

int hot_wake(struct seqring_writer *w, struct seqring_wait *wait)
{
	return seqring_writer_wake_due(w, wait);
}

int hot_wake_announced(struct seqring_writer *w, struct seqring_wait *wait, __u32 *idle)
{
	return seqring_writer_wake_due_announced(w->ctl, wait, idle, 1000);
}

void hot_end(struct seqring_writer *w)
{
	seqring_writer_end(w);
}

int hot_read(struct seqring_reader *r, struct seqring_view *v, void *buf, __u32 size)
{
	return seqring_reader_read(r, v, buf, size);
}

int hot_batch(struct seqring_reader *r, struct seqring_view *v, void *buf, size_t size,
	      unsigned int *nr)
{
	return seqring_reader_read_batch(r, v, 16, buf, size, nr);
}

int hot_newest(struct seqring_reader *r, struct seqring_view *v, void *buf, __u32 size)
{
	return seqring_reader_newest(r, v, buf, size);
}

int hot_resync(struct seqring_reader *r)
{
	return seqring_reader_resync(r);
}

int hot_seek(struct seqring_reader *r, int by_time, __u64 value)
{
	return seqring_reader_seek(r, by_time, value);
}

int hot_ends(struct seqring_reader *r, int which)
{
	return which ? seqring_reader_seek_head(r) : seqring_reader_seek_newest(r);
}

void hot_arm(struct seqring_wait *wait, __u64 pos, __u64 seq)
{
	seqring_reader_arm(wait, pos, seq);
}

int hot_thresholds_wake(struct seqring_writer *w, struct seqring_thresholds *t)
{
	return seqring_thresholds_watched(t) && seqring_thresholds_due(t, w->pos, w->seq);
}

int hot_thresholds_sleep(struct seqring_thresholds *t, __u64 pos, __u64 seq)
{
	seqring_thresholds_store(t, pos, seq, 1);
	return seqring_thresholds_announced(t);
}

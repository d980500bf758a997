// SPDX-License-Identifier: GPL-2.0-only
/*
 * The side buffers: a writer that nests in another one on its CPU leaves its record there, and
 * the other one publishes it when it leaves the ring.
 *
 * Only one CPU touches a side buffer, and its contexts nest: whoever interrupts another one is
 * done before that one goes on. So a record below @used is complete whenever the interrupted
 * writer looks, and only the steps of @used have to be atomic with regard to NMIs.
 */

#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "nest.h"

static size_t seqring_nest_size(u32 len)
{
	return sizeof(struct seqring_nested) + ALIGN((size_t)len, sizeof(u64));
}

/*
 * Adds a record, whose payload is gathered from @vec, in all @rec->len bytes.
 *
 * Return: 0; -EBUSY if there is no room.
 */
int seqring_nest_put(struct seqring_cpu *c, const struct seqring_nested *rec,
		     const struct seqring_vec *vec, unsigned int nr)
{
	size_t size = seqring_nest_size(rec->len);
	long used = local_read(&c->used), at;
	unsigned char *to;
	unsigned int i;

	/* Repeats once for each NMI that adds a record in between. */
	do {
		at = used;
		if (size > SEQRING_NEST_BYTES - at)
			return -EBUSY;
		used = local_cmpxchg(&c->used, at, at + (long)size);
	} while (used != at);
	to = c->buf + at;
	memcpy(to, rec, sizeof(*rec));
	to += sizeof(*rec);
	for (i = 0; i < nr; to += vec[i].len, i++)
		memcpy(to, vec[i].base, vec[i].len);
	return 0;
}

/*
 * Sets @at, 0 at first, behind the next record. NMIs may add records between two calls.
 *
 * Return: the record; NULL if there is none, and then the side buffer is empty.
 */
struct seqring_nested *seqring_nest_next(struct seqring_cpu *c, long *at)
{
	struct seqring_nested *rec = (struct seqring_nested *)(c->buf + *at);

	if (*at == local_read(&c->used) && local_cmpxchg(&c->used, *at, 0) == *at)
		return NULL;
	*at += (long)seqring_nest_size(rec->len);
	return rec;
}

/* Return: 0 or -ENOMEM; seqring_nest_free() frees what there is in either case. */
int seqring_nest_init(struct seqring_device *sdev)
{
	struct seqring_cpu *c;
	int cpu;

	sdev->cpus = alloc_percpu_gfp(struct seqring_cpu, GFP_KERNEL_ACCOUNT);
	if (!sdev->cpus)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(sdev->cpus, cpu);
		c->buf = kmalloc_node(SEQRING_NEST_BYTES, GFP_KERNEL_ACCOUNT, cpu_to_node(cpu));
		if (!c->buf)
			return -ENOMEM;
	}
	return 0;
}

void seqring_nest_free(struct seqring_device *sdev)
{
	int cpu;

	if (!sdev->cpus)
		return;
	for_each_possible_cpu(cpu)
		kfree(per_cpu_ptr(sdev->cpus, cpu)->buf);
	free_percpu(sdev->cpus);
}

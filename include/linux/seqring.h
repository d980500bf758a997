/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel API of seqring: publish records from any kernel code, and any
 * number of user-space readers follow them through /dev/seqring/NAME.
 */
#ifndef _LINUX_SEQRING_H
#define _LINUX_SEQRING_H

#include <linux/types.h>
#include <seqring/abi.h>

struct seqring_device;
struct seqring_ring;

/* seqring_params.flags */
#define SEQRING_F_WRITE	BIT(0)	/* write(2) on the device publishes, too */

/* Largest record that write(2) may publish on a ring that kernel code writes. */
#define SEQRING_WRITE_MAX_SHARED	65536U

/**
 * struct seqring_params - a device to create
 * @name: 1 to 31 of [A-Za-z0-9._-], not starting with a dot
 * @data_size: bytes of each ring, a power of two, 64 KiB to 1 GiB
 * @mode: who serialises the writers:
 *	SEQRING_MODE_CALLER: the caller does; a second writer is warned about
 *	once and its record dropped;
 *	SEQRING_MODE_LOCKED: a raw spinlock inside; from NMI it is only tried;
 *	SEQRING_MODE_PERCPU: one ring per possible CPU, no lock; a nested writer
 *	(NMI) is dropped
 * @clock_id: SEQRING_CLOCK_MONOTONIC, _COARSE or _NONE
 * @flags: SEQRING_F_WRITE (not with SEQRING_MODE_CALLER) or 0
 * @permissions: of the device node, read bits; 0 means 0400, or 0600 with
 *	SEQRING_F_WRITE
 * @schema: description of the records for readers, copied; or NULL
 * @schema_size: its size, at most SEQRING_SCHEMA_SIZE_MAX
 */
struct seqring_params {
	const char *name;
	u64 data_size;
	u32 mode;
	u32 clock_id;
	u32 flags;
	umode_t permissions;
	const void *schema;
	u32 schema_size;
};

/**
 * struct seqring_resv - an open reservation; lives on the caller's stack
 * @data: where the payload goes, 8-byte aligned
 * @len: bytes there
 */
struct seqring_resv {
	void *data;
	u32 len;
	/* private: */
	struct seqring_ring *ring;
	unsigned long irq_flags;
};

/**
 * struct seqring_item - one record of a batch
 * @data: payload
 * @len: its length
 * @type: the producer's type
 */
struct seqring_item {
	const void *data;
	u32 len;
	u16 type;
};

int seqring_create(const struct seqring_params *params, struct seqring_device **out);
void seqring_destroy(struct seqring_device *sr);

int seqring_reserve(struct seqring_device *sr, u32 len, struct seqring_resv *resv);
void seqring_commit(struct seqring_resv *resv, u16 type);
void seqring_discard(struct seqring_resv *resv);

int seqring_publish(struct seqring_device *sr, u16 type, const void *data, u32 len);
int seqring_publish_batch(struct seqring_device *sr, const struct seqring_item *items,
			  unsigned int nr, unsigned int *done);

#endif /* _LINUX_SEQRING_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel API of seqring: kernel code publishes records from any context, and any
 * number of user-space readers follow them through /dev/seqring/NAME. The functions are
 * described where they are defined: kmod/device.c, kmod/publish.c, kmod/kreader.c. The guide is
 * docs/guide/kernel.md.
 */
#ifndef _LINUX_SEQRING_H
#define _LINUX_SEQRING_H

#include <linux/types.h>
#include <linux/uidgid.h>
#include <seqring/abi.h>
#include <seqring/reader.h>
#include <seqring/writer.h>

struct device;
struct seqring_device;
struct seqring_ring;
struct seqring_cpu;

/* seqring_params.flags */
#define SEQRING_F_WRITE	BIT(0)	/* write(2) on the device publishes as well */

/* Longest record, in bytes, that write(2) may publish on a ring that kernel code writes. */
#define SEQRING_WRITE_MAX_SHARED	65536U

/**
 * struct seqring_params - a device to create
 * @name: 1 to 31 characters of [A-Za-z0-9._-], not starting with a dot
 * @data_size: bytes of each ring's data area, a power of two, 64 KiB to 1 GiB
 * @mode: how the writers are serialised:
 *	SEQRING_MODE_CALLER: by the caller. The record of a second writer is dropped, and
 *	the first such drop is logged. If the module is loaded with exact_check=0, this costs
 *	one locked instruction less for each record, and two writers that race may corrupt the
 *	kernel's memory;
 *	SEQRING_MODE_LOCKED: by a raw spinlock. An NMI only tries it, as does a writer that
 *	nests in a writer of another such device on its CPU; its record is dropped if another
 *	CPU holds the lock. Between seqring_reserve() and seqring_commit() the caller takes no
 *	lock that another publisher of the device may hold;
 *	SEQRING_MODE_PERCPU: by one ring per possible CPU, without a lock.
 *	In the last two, a writer that interrupts another one of its ring on its CPU (an NMI, a
 *	probe) leaves its record to that one: see seqring_publish()
 * @clock_id: SEQRING_CLOCK_* of seqring/abi.h
 * @flags: SEQRING_F_WRITE (not with SEQRING_MODE_CALLER) or 0
 * @permissions: permission bits of the device node, within 0666; 0 means 0400, or 0600
 *	with SEQRING_F_WRITE
 * @parent: the device's parent in sysfs, or NULL
 * @uid: owner of the device node; zero, as in a new struct, is root
 * @gid: group of the device node
 * @schema: description of the records for readers; the module copies it. NULL: none
 * @schema_size: bytes of @schema, at most SEQRING_SCHEMA_SIZE_MAX; 0 without a schema
 * @wake_interval_ns: shortest time from one wake-up of a ring's sleepers to the next, up to
 *	SEQRING_WAKE_INTERVAL_MAX; 0: SEQRING_WAKE_INTERVAL_NS; SEQRING_WAKE_UNLIMITED: no
 *	limit. The longer it is, the less can sleepers cost the writer, and the later may a
 *	sleeper learn of a record that comes soon after its last wake-up
 */
struct seqring_params {
	const char *name;
	u64 data_size;
	u32 mode;
	u32 clock_id;
	u32 flags;
	umode_t permissions;
	struct device *parent;
	const void *schema;
	u32 schema_size;
	u32 wake_interval_ns;
	kuid_t uid;
	kgid_t gid;
};

/**
 * struct seqring_resv - an open reservation, on the caller's stack
 * @data: address of the payload, 8-byte aligned
 * @len: bytes of the payload
 */
struct seqring_resv {
	void *data;
	u32 len;
	/* private: */
	struct seqring_ring *ring;
	struct seqring_cpu *cpu;
	unsigned long irq_flags;
};

/**
 * struct seqring_item - one record of a batch
 * @data: the payload; only read
 * @len: bytes of the payload
 * @type: type of the record, defined by the producer
 */
struct seqring_item {
	const void *data;
	u32 len;
	u16 type;
};

/**
 * struct seqring_kreader - a reader of one ring, in the kernel
 * @r: the reader of seqring/reader.h. Its functions apply, such as seqring_reader_peek(),
 *	seqring_reader_newest() and seqring_reader_seek_newest()
 *
 * Each reader has one user at a time. It does not slow the writer, nor do other readers notice it.
 */
struct seqring_kreader {
	struct seqring_reader r;
	/* private: */
	struct seqring_device *sdev;
};

int seqring_create(const struct seqring_params *params, struct seqring_device **out);
int devm_seqring_create(struct device *parent, const struct seqring_params *params,
			struct seqring_device **out);
void seqring_destroy(struct seqring_device *sdev);

int seqring_reserve(struct seqring_device *sdev, u32 len, struct seqring_resv *resv);
void seqring_commit(struct seqring_resv *resv, u16 type);
void seqring_commit_at(struct seqring_resv *resv, u16 type, u64 ts_ns);
void seqring_discard(struct seqring_resv *resv);

int seqring_publish(struct seqring_device *sdev, u16 type, const void *data, u32 len);
int seqring_publish_at(struct seqring_device *sdev, u16 type, u64 ts_ns, const void *data,
		       u32 len);
int seqring_publish_vec(struct seqring_device *sdev, u16 type, const struct seqring_vec *vec,
			unsigned int nr);
int seqring_publish_batch(struct seqring_device *sdev, const struct seqring_item *items,
			  unsigned int nr, unsigned int *done);

u32 seqring_nr_rings(const struct seqring_device *sdev);
int seqring_kreader_open(struct seqring_device *sdev, u32 ring, struct seqring_kreader *out);
int seqring_kreader_read(struct seqring_kreader *kr, struct seqring_view *view, void *buf,
			 u32 size);
void seqring_kreader_close(struct seqring_kreader *kr);

#endif /* _LINUX_SEQRING_H */

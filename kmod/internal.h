/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SEQRING_INTERNAL_H
#define _SEQRING_INTERNAL_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include <linux/seqring.h>
#include <seqring/reader.h>
#include <seqring/writer.h>

#include "clock.h"

/* Pages that are also mapped in the kernel, in a row. */
struct seqring_area {
	void *addr;
	struct page **pages;
	unsigned long nr_pages;
};

/**
 * struct seqring_ring - one ring of a device
 * @w: the protocol's writer; the context that holds the ring (see publish.c) owns it
 * @busy: 0: free; else 1 + the CPU that holds the ring
 * @lock: serialises the writers in SEQRING_MODE_LOCKED
 * @wait: wake thresholds of the sleepers
 * @work: wakes the sleepers, from any context
 * @sdev: the device
 * @area: control page, then the data area
 * @wakeups: wake-ups that the writer asked for; the control page has a copy
 */
struct seqring_ring {
	struct seqring_writer w;
	u32 busy;
	raw_spinlock_t lock;
	struct seqring_wait wait ____cacheline_aligned;
	struct irq_work work ____cacheline_aligned;
	struct seqring_device *sdev;
	struct seqring_area area;
	u64 wakeups;
};

/**
 * struct seqring_device - a device
 * @dev: its references keep the device; each file and the owner hold one
 * @cdev: the device node
 * @head: header page, then the schema
 * @rings: all rings
 * @cpu_ring: the ring of each CPU, in SEQRING_MODE_PERCPU
 * @wq: all sleepers of the device
 * @list: entry of seqring_devices, under seqring_devices_lock
 * @write_lock: serialises write(2) on a device without another writer, and every write(2)
 *	with the end of the device
 * @charged_pages: pages that count against the module's limit
 * @user_owned: created through the control node
 * @dead: the owner has ended the device
 * @warned: bit 0: a second writer was reported
 * @nr_files: open files
 */
struct seqring_device {
	struct device dev;
	struct cdev cdev;
	struct seqring_area head;
	struct seqring_ring **rings;
	struct seqring_ring * __percpu *cpu_ring;
	wait_queue_head_t wq;
	struct list_head list;
	struct mutex write_lock; /* serialises write(2) with itself and with the end */
	u64 data_size;
	u64 total_size;
	unsigned long charged_pages;
	u32 nr_rings;
	u32 mode;
	u32 clock_id;
	u32 flags;
	umode_t permissions;
	bool user_owned;
	bool dead;
	unsigned long warned;
	atomic_t nr_files;
	char name[SEQRING_NAME_SIZE];
};

/**
 * struct seqring_cursors - the reader page of an open file
 * @ref: the file and each descriptor of the page hold a reference
 * @area: the reader page
 */
struct seqring_cursors {
	struct kref ref;
	struct seqring_area area;
};

/**
 * struct seqring_file - an open file
 * @sdev: the device
 * @lock: protects all fields below it except the timer
 * @cursors: the reader page; NULL until a process asks for it, constant afterwards
 * @timer: fires when the wake-up timeout since the first unread record is over
 * @timer_wq: sleepers that the timer wakes
 * @unread_since_ns: when poll() first saw an unread record; 0: none is unread
 * @write_type: type of the records that write(2) publishes
 * @overrun: read(2) still has to return EPIPE
 * @r: position of read(2), for each ring
 */
struct seqring_file {
	struct seqring_device *sdev;
	struct mutex lock; /* protects the fields below, except the timer */
	struct seqring_cursors *cursors;
	struct hrtimer timer;
	wait_queue_head_t timer_wq;
	u64 unread_since_ns;
	u16 write_type;
	bool overrun;
	struct seqring_reader r[];
};

extern const struct file_operations seqring_fops;
extern struct class seqring_class;

/* main.c */
extern struct list_head seqring_devices;
extern struct mutex seqring_devices_lock;
int seqring_get_devt(dev_t *devt);
void seqring_put_devt(dev_t devt);

/* device.c */
int seqring_create_device(const struct seqring_params *params, bool user_owned,
			  struct seqring_device **out);
void seqring_unregister(struct seqring_device *sdev);
void seqring_end(struct seqring_device *sdev);
bool seqring_name_ok(const char *name);

/* memory.c */
int seqring_charge(unsigned long nr_pages);
void seqring_uncharge(unsigned long nr_pages);
int seqring_area_alloc(struct seqring_area *area, unsigned long nr_pages, int node);
void seqring_area_free(struct seqring_area *area);

/* map.c */
int seqring_mmap(struct file *file, struct vm_area_struct *vma);
int seqring_reader_fd(struct seqring_file *f);
void seqring_cursors_put(struct seqring_cursors *c);
unsigned long seqring_cursors_size(const struct seqring_device *sdev);

/* publish.c */
void seqring_count_drop(struct seqring_ring *ring, enum seqring_drop cause);
void seqring_wake_sleepers(struct irq_work *work);
void seqring_wake(struct seqring_ring *ring);

/* Time of a record, now. Any context, NMI included. */
static inline u64 seqring_now(const struct seqring_device *sdev)
{
	return seqring_clock_ns(sdev->clock_id);
}

static inline void seqring_wake_if_due(struct seqring_ring *ring)
{
	if (unlikely(seqring_writer_wake_due(&ring->w, &ring->wait)))
		seqring_wake(ring);
}

/* poll.c */
__poll_t seqring_fop_poll(struct file *file, struct poll_table_struct *wait);
bool seqring_arm_and_check(struct seqring_file *f, const struct seqring_cursors *c, bool *drained);
enum hrtimer_restart seqring_wake_on_timeout(struct hrtimer *timer);

/* read.c */
ssize_t seqring_fop_read(struct file *file, char __user *buf, size_t count, loff_t *ppos);
loff_t seqring_fop_llseek(struct file *file, loff_t off, int whence);
int seqring_seek(struct seqring_file *f, u32 whence, u64 value);

/* write.c */
ssize_t seqring_fop_write_iter(struct kiocb *iocb, struct iov_iter *from);

/* control.c */
extern struct miscdevice seqring_control;
int seqring_get_arg(void *arg, size_t size, size_t min, const void __user *user,
		    u32 *user_size);

#endif /* _SEQRING_INTERNAL_H */

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
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <asm/local.h>

#include <linux/seqring.h>
#include <seqring/reader.h>
#include <seqring/writer.h>

#include "clock.h"
#include "thresholds.h"

/* Bytes that a system call copies before other tasks may run. */
#define SEQRING_COPY_CHUNK	65536U
/* Pages that are mapped or freed before other tasks may run. */
#define SEQRING_PAGES_CHUNK	512UL

/* Pages that are also mapped in the kernel, in a row. */
struct seqring_area {
	void *addr;
	struct page **pages;
	unsigned long nr_pages;
};

/**
 * struct seqring_ring - one ring of a device
 * @w: the protocol's writer; the context that holds the ring (see publish.c) owns it
 * @busy: in SEQRING_MODE_CALLER, 1 while a writer has the ring, else 0
 * @newest_ns: time of the newest record; the writer owns it
 * @lock: serialises the writers in SEQRING_MODE_LOCKED
 * @thresholds: what the writer looks at after each record
 * @wake_irq: looks at the sleepers, from any context
 * @wake_work: goes on where an interrupt has done its share
 * @pause_timer: ends the pause after a wake-up
 * @pause_end_ns: until then no record wakes anybody
 * @sleepers_lock: protects the fields below it, the thresholds except the writer's, and
 *	the sleepers of this ring in all files
 * @by_pos, @by_seq: the armed sleepers, the lowest threshold first
 * @nr_sleepers: armed sleepers
 * @wakeups: how often sleepers were woken; the control page has a copy
 * @ended: no record follows, so nobody may arm
 * @announcing: this ring's sleepers are being announced; see seqring_announce()
 * @sdev: the device
 * @area: control page, then the data area
 * @dir: its directory in sysfs; NULL before it is added
 */
struct seqring_ring {
	struct seqring_writer w;
	u32 busy;
	raw_spinlock_t lock;
	u64 newest_ns;
	struct seqring_device *sdev;
	struct seqring_thresholds thresholds ____cacheline_aligned;
	raw_spinlock_t sleepers_lock ____cacheline_aligned; /* see above */
	struct rb_root_cached by_pos;
	struct rb_root_cached by_seq;
	u64 pause_end_ns;
	u64 wakeups;
	u32 nr_sleepers;
	bool ended;
	bool announcing;
	struct irq_work wake_irq;
	struct hrtimer pause_timer;
	struct work_struct wake_work;
	struct seqring_area area;
	struct kobject *dir;
};

/*
 * Whether a writer on this CPU is between seqring_enter() and seqring_leave(), and what it
 * does with the records of writers that nest in it.
 */
enum seqring_cpu_state {
	SEQRING_CPU_FREE,	/* no writer */
	SEQRING_CPU_OPEN,	/* publishes all of them when it leaves */
	SEQRING_CPU_DRAINING,	/* publishes those from NMIs, drops the others */
	SEQRING_CPU_SHUT,	/* drops all of them */
};

/* Bytes of a side buffer. */
#define SEQRING_NEST_BYTES	2048

/**
 * struct seqring_cpu - a CPU's part of a device, in SEQRING_MODE_LOCKED and SEQRING_MODE_PERCPU
 * @ring: the ring that writers on this CPU take
 * @state: enum seqring_cpu_state
 * @used: bytes of @buf that nested writers have taken
 * @buf: the side buffer of nested writers' records, see nest.c
 */
struct seqring_cpu {
	struct seqring_ring *ring;
	u32 state;
	local_t used;
	unsigned char *buf;
};

/**
 * struct seqring_device - a device
 * @dev: its references keep the device; each file and the owner hold one
 * @cdev: the device node
 * @head: header page, then the schema
 * @rings: all rings
 * @rings_dir: the directory of their directories in sysfs
 * @cpus: what each CPU has of the device; NULL in SEQRING_MODE_CALLER
 * @files: all open files; @files_lock protects the list
 * @list: entry of seqring_devices, under seqring_devices_lock
 * @write_lock: serialises write(2) on a device without another writer, and every write(2)
 *	with the end of the device
 * @charged_pages: pages that count against the module's limit
 * @wake_interval_ns: shortest time from one wake-up of a ring to the next; 0: no limit
 * @user_owned: created through the control node
 * @uid: owner of the node; may destroy the device if it is user_owned
 * @gid: group of the node
 * @dead: the owner has ended the device
 * @warned: bit 0: a second writer was reported
 * @warning: reports it, in a context that may print
 * @nr_files: open files
 */
struct seqring_device {
	struct device dev;
	struct cdev cdev;
	struct seqring_area head;
	struct seqring_ring **rings;
	struct kobject *rings_dir;
	struct seqring_cpu __percpu *cpus;
	struct list_head files;
	struct mutex files_lock; /* protects the list of files */
	struct list_head list;
	struct mutex write_lock; /* serialises write(2) with itself and with the end */
	u64 data_size;
	u64 total_size;
	u64 wake_interval_ns;
	unsigned long charged_pages;
	u32 nr_rings;
	u32 mode;
	u32 clock_id;
	u32 flags;
	umode_t permissions;
	kuid_t uid;
	kgid_t gid;
	bool user_owned;
	bool dead;
	unsigned long warned;
	struct irq_work warning;
	atomic_t nr_files;
	char name[SEQRING_NAME_SIZE];
};

/**
 * struct seqring_cursors - the reader page of an open file
 * @ref: the file and each descriptor of the page hold a reference
 * @area: the reader page
 * @uid: the user whose account has its memory
 */
struct seqring_cursors {
	struct kref ref;
	kuid_t uid;
	struct seqring_area area;
};

/* Who armed a sleeper: the two may read from different positions of one file. */
#define SEQRING_BY_POLL		1u	/* goes by the reader page, if there is one */
#define SEQRING_BY_READ		2u	/* goes by the position of read(2) */

/**
 * struct seqring_goal - when to wake a sleeper
 * @pos: when head is above it
 * @seq: when this seq is published; SEQRING_WAIT_NONE: at no seq
 * @timeout_ns: this long after head has moved above @first_pos; 0: at no time
 * @first_pos: see @timeout_ns
 * @by: SEQRING_BY_*
 * @told: who asks is told of the unread records; other waiters of the file may not be
 */
struct seqring_goal {
	u64 pos;
	u64 seq;
	u64 timeout_ns;
	u64 first_pos;
	u32 by;
	bool told;
};

/**
 * struct seqring_sleeper - what an open file waits for on one ring
 * @file: the open file
 * @pos_node, @seq_node: in the ring's trees, if @armed
 * @goal: when to wake it
 * @pos: what it is sorted by: goal.first_pos before the timeout has begun, else goal.pos
 * @seq: goal.seq, or SEQRING_WAIT_NONE before the timeout has begun
 * @noticed_pos: head when unread records were noticed
 * @noticed_ns: when that was; 0: none was unread
 */
struct seqring_sleeper {
	struct seqring_file *file;
	struct rb_node pos_node;
	struct rb_node seq_node;
	struct seqring_goal goal;
	u64 pos;
	u64 seq;
	u64 noticed_pos;
	u64 noticed_ns;
	bool armed;
};

/**
 * struct seqring_file_ring - a ring of an open file
 * @r: position of read(2)
 * @view: the next record of read(2), while the ring is in the file's heap
 * @sleeper: what poll(2) and read(2) wait for
 */
struct seqring_file_ring {
	struct seqring_reader r;
	struct seqring_view view;
	struct seqring_sleeper sleeper;
};

/* Bits of seqring_file.state. */
#define SEQRING_FILE_WOKEN	0	/* woken since it last looked at the rings */

/**
 * struct seqring_file - an open file, a reader of its own
 * @ref: the open file, its wake-ups in progress and its work item hold references
 * @sdev: the device
 * @list: entry of sdev->files
 * @tasks: tasks that sleep in a system call: poll, select, read. Few are woken from an
 *	interrupt. Its lock also protects @closed
 * @others: all other waiters: epoll, io_uring, AIO. A work item wakes them
 * @state: SEQRING_FILE_*
 * @pause_end_ns: until then @wake_work waits
 * @wake_work: wakes all waiters
 * @timer: fires when the wake-up timeout since the first unread record is over
 * @lock: protects the fields below it. Nobody waits for user space while he holds it
 * @cursors: the reader page; NULL until a process asks for it, constant afterwards
 * @write_type: type of the records that write(2) publishes
 * @overrun: read(2) still has to return EPIPE
 * @moves: how often the position of read(2) has moved
 * @nr_heap: rings in @heap
 * @heap: numbers of the rings with a next record, the oldest record first
 * @ring: the rings
 */
struct seqring_file {
	struct kref ref;
	struct seqring_device *sdev;
	struct list_head list;
	wait_queue_head_t tasks;
	wait_queue_head_t others;
	unsigned long state;
	bool closed;
	u64 pause_end_ns;
	struct delayed_work wake_work;
	struct hrtimer timer;
	struct mutex lock; /* see above */
	struct seqring_cursors *cursors;
	u16 write_type;
	bool overrun;
	u64 moves;
	u32 nr_heap;
	u32 *heap;
	struct seqring_file_ring ring[];
};

extern const struct file_operations seqring_fops;
extern struct class seqring_class;
extern const struct device_type seqring_device_type;

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

/* sysfs.c */
extern const struct attribute_group *seqring_device_groups[];
int seqring_sysfs_add(struct seqring_device *sdev);
void seqring_sysfs_remove(struct seqring_device *sdev);

/* trace.c */
void seqring_trace_drop(const struct seqring_ring *ring, enum seqring_drop cause);
void seqring_trace_wake(const struct seqring_ring *ring);
void seqring_trace_overrun(const struct seqring_ring *ring, u64 seq);

/* memory.c */
int seqring_charge(unsigned long nr_pages);
void seqring_uncharge(unsigned long nr_pages);
int seqring_user_charge(kuid_t uid, size_t bytes);
void seqring_user_uncharge(kuid_t uid, size_t bytes);
int seqring_area_alloc(struct seqring_area *area, unsigned long nr_pages, int node);
void seqring_area_free(struct seqring_area *area);

/* map.c */
int seqring_mmap(struct file *file, struct vm_area_struct *vma);
int seqring_reader_fd(struct seqring_file *f, kuid_t uid);
void seqring_cursors_put(struct seqring_cursors *c);
unsigned long seqring_cursors_size(const struct seqring_device *sdev);

/* nest.c */
int seqring_nest_init(struct seqring_device *sdev);
void seqring_nest_free(struct seqring_device *sdev);

/* publish.c */
void seqring_warn_second_writer(struct irq_work *work);
void seqring_count_drop(struct seqring_ring *ring, enum seqring_drop cause);

/*
 * The times of a ring never run backwards: a record gets at least the time of the one before
 * it. The clock may do so between two CPUs that take a locked ring in turn, and in an NMI that
 * interrupts the clock's update. A nested writer takes its time before the ring is free.
 */
static inline u64 seqring_not_before(struct seqring_ring *ring, u64 ns)
{
	if (unlikely(ns < ring->newest_ns))
		return ring->newest_ns;
	ring->newest_ns = ns;
	return ns;
}

/* Time of the next record. Any context, NMI included; the caller holds the ring. */
static inline u64 seqring_stamp(struct seqring_ring *ring, u32 clock_id)
{
	if (clock_id == SEQRING_CLOCK_NONE)
		return 0;
	return seqring_not_before(ring, seqring_clock_ns(clock_id));
}

/* The time of the next record, which is given. The caller holds the ring. */
static inline u64 seqring_given(struct seqring_ring *ring, u64 ns)
{
	if (ring->sdev->clock_id == SEQRING_CLOCK_NONE)
		return ns;
	return seqring_not_before(ring, ns);
}

/*
 * Waking takes at most about a ninth of the time of a CPU: the pause after a wake-up is so many
 * times as long as the wake-up took. Rings and files each have a limit of their own.
 */
#define SEQRING_PAUSE_FACTOR	8

/* waiters.c */
/* Tasks that one interrupt wakes. */
#define SEQRING_IRQ_TASKS	8
void seqring_file_init_wake(struct seqring_file *f);
void seqring_file_end_wake(struct seqring_file *f);
void seqring_wake_file(struct seqring_file *f, unsigned int *max_tasks, u64 now);
void seqring_wake_file_now(struct seqring_file *f);
void seqring_file_put(struct seqring_file *f);

/* wake.c */
extern struct workqueue_struct *seqring_wq;
int seqring_wake_init(void);
void seqring_wake_exit(void);
void seqring_wake(struct seqring_ring *ring);
void seqring_arm(struct seqring_ring *ring, struct seqring_sleeper *s,
		 const struct seqring_goal *goal, u64 now);
void seqring_announce(struct seqring_device *sdev);
void seqring_ring_init_wake(struct seqring_ring *ring);
void seqring_disarm(struct seqring_ring *ring, struct seqring_sleeper *s, u32 by);
void seqring_ring_end_wake(struct seqring_ring *ring);

static inline void seqring_wake_if_due(struct seqring_ring *ring)
{
	if (unlikely(seqring_thresholds_watched(&ring->thresholds)))
		seqring_wake(ring);
}

/* poll.c */
void seqring_poll_init(void);
__poll_t seqring_fop_poll(struct file *file, struct poll_table_struct *wait);
bool seqring_arm_read(struct seqring_file *f);

/* read.c */
ssize_t seqring_fop_read_iter(struct kiocb *iocb, struct iov_iter *to);
loff_t seqring_fop_llseek(struct file *file, loff_t off, int whence);
int seqring_seek(struct seqring_file *f, u32 whence, u64 value);

/* write.c */
ssize_t seqring_fop_write_iter(struct kiocb *iocb, struct iov_iter *from);
int seqring_write_empty(struct seqring_file *f);

/* control.c */
extern struct miscdevice seqring_control;
int seqring_get_arg(void *arg, size_t size, size_t min, const void __user *user,
		    u32 *user_size);

#endif /* _SEQRING_INTERNAL_H */

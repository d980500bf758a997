// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways in which kernel code sends a stream of records to user space without a seqring,
 * each with a buffer of LOCKS_STREAM_BYTES.
 */

#include <linux/debugfs.h>
#include <linux/kfifo.h>
#include <linux/relay.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <net/genetlink.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct seqring_device *locks_stream_ring;
static struct seqring_device *percpu_ring;

static struct kfifo fifo;
static DEFINE_SPINLOCK(fifo_lock); /* over what goes in; the device's reader takes out */
static DEFINE_MUTEX(fifo_reader);
static DECLARE_WAIT_QUEUE_HEAD(fifo_wq);
static u32 fifo_len;

static int chardev_publish(const void *record, u32 len)
{
	unsigned long flags;
	bool room;

	spin_lock_irqsave(&fifo_lock, flags);
	room = kfifo_avail(&fifo) >= len;
	if (room)
		kfifo_in(&fifo, record, len);
	spin_unlock_irqrestore(&fifo_lock, flags);
	if (!room)
		return -ENOSPC;
	if (wq_has_sleeper(&fifo_wq))
		wake_up_interruptible(&fifo_wq);
	return 0;
}

/* As many whole records as there are and fit. */
ssize_t stream_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	unsigned int copied = 0;
	int err;

	if (!fifo_len || count < fifo_len)
		return -EINVAL;
	count -= count % fifo_len;
	if (mutex_lock_interruptible(&fifo_reader))
		return -ERESTARTSYS;
	if (kfifo_is_empty(&fifo) && (file->f_flags & O_NONBLOCK))
		err = -EAGAIN;
	else
		err = wait_event_interruptible(fifo_wq, !kfifo_is_empty(&fifo));
	if (!err)
		err = kfifo_to_user(&fifo, buf, count, &copied);
	mutex_unlock(&fifo_reader);
	return err ?: (ssize_t)copied;
}

enum { STREAM_A_UNSPEC, STREAM_A_RECORD, STREAM_A_MAX = STREAM_A_RECORD };
enum { STREAM_C_RECORD = 1 };

/* Generic netlink requires a command with a handler. */
static int netlink_nothing(struct sk_buff *skb, struct genl_info *info)
{
	return -EOPNOTSUPP;
}

static const struct genl_small_ops netlink_ops[] = {
	{ .cmd = STREAM_C_RECORD, .flags = GENL_ADMIN_PERM, .doit = netlink_nothing },
};

static const struct genl_multicast_group netlink_groups[] = {
	{ .name = LOCKS_GENL_GROUP },
};

static struct genl_family netlink_family __ro_after_init = {
	.name = LOCKS_GENL_NAME,
	.version = 1,
	.maxattr = STREAM_A_MAX,
	.module = THIS_MODULE,
	.small_ops = netlink_ops,
	.n_small_ops = ARRAY_SIZE(netlink_ops),
	.resv_start_op = STREAM_C_RECORD + 1,
	.mcgrps = netlink_groups,
	.n_mcgrps = ARRAY_SIZE(netlink_groups),
};

static int netlink_publish(const void *record, u32 len)
{
	struct sk_buff *skb;
	void *head;

	if (!genl_has_listeners(&netlink_family, &init_net, 0))
		return -ENOENT;
	skb = genlmsg_new(nla_total_size(len), GFP_KERNEL);
	if (!skb)
		return -ENOSPC;
	head = genlmsg_put(skb, 0, 0, &netlink_family, 0, STREAM_C_RECORD);
	if (!head || nla_put(skb, STREAM_A_RECORD, len, record)) {
		nlmsg_free(skb);
		return -ENOSPC;
	}
	genlmsg_end(skb, head);
	/* If a reader's socket is full, the reader gets ENOBUFS, and we get no error. */
	return genlmsg_multicast(&netlink_family, skb, 0, 0, GFP_KERNEL);
}

static struct dentry *relay_dir;
static struct rchan *relay_channel;
static u64 relay_lost;

static struct dentry *relay_create(const char *name, struct dentry *parent, umode_t mode,
				   struct rchan_buf *buf, int *is_global)
{
	/* Not debugfs_create_file(): its files cannot be mapped. */
	return debugfs_create_file_unsafe(name, mode, parent, buf, &relay_file_operations);
}

static int relay_remove(struct dentry *dentry)
{
	debugfs_remove(dentry);
	return 0;
}

/* If all sub-buffers are full, the new record is lost, not the oldest one. */
static int relay_subbuf_start(struct rchan_buf *buf, void *subbuf, void *prev_subbuf,
			      size_t prev_padding)
{
	if (!relay_buf_full(buf))
		return 1;
	relay_lost++;
	return 0;
}

static const struct rchan_callbacks relay_calls = {
	.create_buf_file = relay_create,
	.remove_buf_file = relay_remove,
	.subbuf_start = relay_subbuf_start,
};

static int relay_publish(const void *record, u32 len)
{
	u64 before = relay_lost;

	relay_write(relay_channel, record, len);
	return relay_lost == before ? 0 : -ENOSPC;
}

/* Releases sub-buffers of the writer's CPU, and says how much the buffer has. */
long stream_relay_ioctl(struct locks_relay __user *user)
{
	struct rchan_buf *buf = *per_cpu_ptr(relay_channel->buf, 0);
	struct locks_relay r;

	if (copy_from_user(&r, user, sizeof(r)))
		return -EFAULT;
	if (r.consumed > LOCKS_RELAY_SUBBUFS)
		return -EINVAL;
	relay_subbufs_consumed(relay_channel, 0, r.consumed);
	r.consumed = 0;
	r.offset = READ_ONCE(buf->offset);
	r.produced = READ_ONCE(buf->subbufs_produced);
	return copy_to_user(user, &r, sizeof(r)) ? -EFAULT : 0;
}

int stream_publish(u32 kind, const struct locks_state *record, u32 len)
{
	switch (kind) {
	case STREAM_RING:
		return seqring_publish(locks_stream_ring, 1, record, len);
	case STREAM_RING_PERCPU:
		return seqring_publish(percpu_ring, 1, record, len);
	case STREAM_CHARDEV:
		return chardev_publish(record, len);
	case STREAM_NETLINK:
		return netlink_publish(record, len);
	case STREAM_RELAY:
		return relay_publish(record, len);
	default:
		trace_locks_record(record, len);
		return 0;
	}
}

void stream_reset(u32 len)
{
	mutex_lock(&fifo_reader);
	kfifo_reset(&fifo);
	fifo_len = len;
	mutex_unlock(&fifo_reader);
	relay_lost = 0;
	relay_reset(relay_channel);
}

int streams_init(void)
{
	struct seqring_params params = {
		.name = LOCKS_STREAM_RING,
		.data_size = LOCKS_STREAM_BYTES,
		.mode = SEQRING_MODE_LOCKED,
		.clock_id = SEQRING_CLOCK_NONE,
	};
	int err;

	err = kfifo_alloc(&fifo, LOCKS_STREAM_BYTES, GFP_KERNEL);
	if (err)
		return err;
	err = genl_register_family(&netlink_family);
	if (err)
		goto free_fifo;
	relay_dir = debugfs_create_dir("seqring-locks", NULL);
	relay_channel = relay_open("stream", relay_dir, LOCKS_STREAM_BYTES / LOCKS_RELAY_SUBBUFS,
				   LOCKS_RELAY_SUBBUFS, &relay_calls, NULL);
	if (!relay_channel) {
		err = -ENOMEM;
		goto remove;
	}
	err = seqring_create(&params, &locks_stream_ring);
	if (err)
		goto close;
	params.name = LOCKS_STREAM_PERCPU;
	params.mode = SEQRING_MODE_PERCPU;
	err = seqring_create(&params, &percpu_ring);
	if (!err)
		return 0;
	seqring_destroy(locks_stream_ring);
close:
	relay_close(relay_channel);
remove:
	debugfs_remove(relay_dir);
	genl_unregister_family(&netlink_family);
free_fifo:
	kfifo_free(&fifo);
	return err;
}

void streams_exit(void)
{
	seqring_destroy(percpu_ring);
	seqring_destroy(locks_stream_ring);
	relay_close(relay_channel);
	debugfs_remove(relay_dir);
	genl_unregister_family(&netlink_family);
	kfifo_free(&fifo);
	tracepoint_synchronize_unregister();
}

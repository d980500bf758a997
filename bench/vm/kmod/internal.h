/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SEQRING_LOCKS_INTERNAL_H
#define _SEQRING_LOCKS_INTERNAL_H

#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include <linux/seqring.h>
#include "locks.h"

/* An open file, which may own the lock behind ioctl(). */
struct locks_file {
	struct mutex lock; /* over reads of the stream */
};

/* streams.c */
extern struct seqring_device *locks_stream_ring;
int streams_init(void);
void streams_exit(void);
/* Drops the records that an earlier run has left. */
void stream_reset(u32 len);
/* Return: 0; -ENOSPC: no room, the record is lost; -ENOENT: nobody listens. */
int stream_publish(u32 kind, const struct locks_state *record, u32 len);
/* read(2) on LOCKS_PATH. */
ssize_t stream_read(struct file *file, char __user *buf, size_t count, loff_t *ppos);
long stream_relay_ioctl(struct locks_relay __user *user);

/* parts.c */
long parts_ioctl(struct locks_parts __user *user);

#endif /* _SEQRING_LOCKS_INTERNAL_H */

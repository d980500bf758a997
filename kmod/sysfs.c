// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device and its rings count, as text below /sys/class/seqring. Whoever may read the
 * device when it is created may read these files.
 */

#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "compat.h"
#include "internal.h"

/* The directory of a ring. Something may hold a kobject longer than the ring lives. */
struct seqring_dir {
	struct kobject kobj;
	const struct seqring_ring *ring;
};

/* @offset: of the u64 in the ring's control page. */
struct seqring_ring_attr {
	struct attribute attr;
	size_t offset;
};

static umode_t seqring_attr_mode(const struct seqring_device *sdev)
{
	return sdev->permissions & 0444 ?: 0400;
}

static ssize_t seqring_counter_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	const struct seqring_ring *ring = container_of(kobj, struct seqring_dir, kobj)->ring;
	const struct seqring_ring_attr *a = container_of(attr, struct seqring_ring_attr, attr);
	const u64 *counter = (const void *)ring->w.ctl + a->offset;

	if (a->offset == offsetof(struct seqring_ring_ctl, id))
		return sysfs_emit(buf, "%u\n", READ_ONCE(ring->w.ctl->id));
	return sysfs_emit(buf, "%llu\n", READ_ONCE(*counter));
}

#define SEQRING_RING_ATTR(name_, field)						\
	static struct seqring_ring_attr seqring_ring_##name_ = {		\
		.attr = { .name = #name_, .mode = 0444 },			\
		.offset = offsetof(struct seqring_ring_ctl, field),		\
	}

SEQRING_RING_ATTR(head, head);
SEQRING_RING_ATTR(tail, tail);
SEQRING_RING_ATTR(seq, seq);
SEQRING_RING_ATTR(dropped_busy, dropped[SEQRING_DROP_BUSY]);
SEQRING_RING_ATTR(dropped_too_big, dropped[SEQRING_DROP_TOO_BIG]);
SEQRING_RING_ATTR(dropped_dead, dropped[SEQRING_DROP_DEAD]);
SEQRING_RING_ATTR(dropped_fault, dropped[SEQRING_DROP_FAULT]);
SEQRING_RING_ATTR(wakeups, wakeups);
SEQRING_RING_ATTR(id, id);

static struct attribute *seqring_ring_attrs[] = {
	&seqring_ring_head.attr,
	&seqring_ring_tail.attr,
	&seqring_ring_seq.attr,
	&seqring_ring_dropped_busy.attr,
	&seqring_ring_dropped_too_big.attr,
	&seqring_ring_dropped_dead.attr,
	&seqring_ring_dropped_fault.attr,
	&seqring_ring_wakeups.attr,
	&seqring_ring_id.attr,
	NULL,
};

static umode_t seqring_ring_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	return seqring_attr_mode(container_of(kobj, struct seqring_dir, kobj)->ring->sdev);
}

static const struct attribute_group seqring_ring_group = {
	.attrs = seqring_ring_attrs,
	.is_visible = seqring_ring_visible,
};

static const struct attribute_group *seqring_ring_groups[] = {
	&seqring_ring_group,
	NULL,
};

static void seqring_dir_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct seqring_dir, kobj));
}

static void seqring_dir_ownership(SEQRING_DEVNODE_CONST struct kobject *kobj, kuid_t *uid,
				  kgid_t *gid)
{
	const struct seqring_ring *ring = container_of(kobj, struct seqring_dir, kobj)->ring;
	const struct seqring_device *sdev = ring->sdev;

	*uid = sdev->uid;
	*gid = sdev->gid;
}

static const struct sysfs_ops seqring_dir_ops = {
	.show = seqring_counter_show,
};

static const struct kobj_type seqring_dir_type = {
	.release = seqring_dir_release,
	.sysfs_ops = &seqring_dir_ops,
	.default_groups = seqring_ring_groups,
	.get_ownership = seqring_dir_ownership,
};

static int seqring_add_dir(struct seqring_device *sdev, u32 i)
{
	struct seqring_dir *dir = kzalloc(sizeof(*dir), GFP_KERNEL);
	int err;

	if (!dir)
		return -ENOMEM;
	dir->ring = sdev->rings[i];
	err = kobject_init_and_add(&dir->kobj, &seqring_dir_type, sdev->rings_dir, "%u", i);
	if (err)
		kobject_put(&dir->kobj);
	else
		sdev->rings[i]->dir = &dir->kobj;
	return err;
}

/* Makes the directory of each ring. After a failure, seqring_sysfs_remove() removes the rest. */
int seqring_sysfs_add(struct seqring_device *sdev)
{
	int err = 0;
	u32 i;

	sdev->rings_dir = kobject_create_and_add("rings", &sdev->dev.kobj);
	if (!sdev->rings_dir)
		return -ENOMEM;
	for (i = 0; i < sdev->nr_rings && !err; i++)
		err = seqring_add_dir(sdev, i);
	return err;
}

/* Waits for those who read a file of a ring now. */
void seqring_sysfs_remove(struct seqring_device *sdev)
{
	u32 i;

	for (i = 0; i < sdev->nr_rings; i++)
		kobject_put(sdev->rings[i]->dir);
	kobject_put(sdev->rings_dir);
}

static struct seqring_device *seqring_of(struct device *dev)
{
	return container_of(dev, struct seqring_device, dev);
}

static ssize_t data_size_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", seqring_of(dev)->data_size);
}
static DEVICE_ATTR_RO(data_size);

static ssize_t nr_rings_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", seqring_of(dev)->nr_rings);
}
static DEVICE_ATTR_RO(nr_rings);

static ssize_t readers_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", atomic_read(&seqring_of(dev)->nr_files));
}
static DEVICE_ATTR_RO(readers);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	static const char *const modes[] = {
		[SEQRING_MODE_CALLER] = "caller",
		[SEQRING_MODE_LOCKED] = "locked",
		[SEQRING_MODE_PERCPU] = "percpu",
	};

	return sysfs_emit(buf, "%s\n", modes[seqring_of(dev)->mode]);
}
static DEVICE_ATTR_RO(mode);

static ssize_t clock_show(struct device *dev, struct device_attribute *attr, char *buf)
{
#define SEQRING_CLOCK_TEXT(ID, number, name, ...) \
	[SEQRING_CLOCK_##ID] = name,
	static const char *const names[] = { SEQRING_CLOCKS(SEQRING_CLOCK_TEXT) };
#undef SEQRING_CLOCK_TEXT

	return sysfs_emit(buf, "%s\n", names[seqring_of(dev)->clock_id]);
}
static DEVICE_ATTR_RO(clock);

static struct attribute *seqring_device_attrs[] = {
	&dev_attr_data_size.attr,
	&dev_attr_nr_rings.attr,
	&dev_attr_readers.attr,
	&dev_attr_mode.attr,
	&dev_attr_clock.attr,
	NULL,
};

static umode_t seqring_device_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	return seqring_attr_mode(seqring_of(kobj_to_dev(kobj)));
}

static const struct attribute_group seqring_device_group = {
	.attrs = seqring_device_attrs,
	.is_visible = seqring_device_visible,
};

const struct attribute_group *seqring_device_groups[] = {
	&seqring_device_group,
	NULL,
};

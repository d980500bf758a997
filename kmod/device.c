// SPDX-License-Identifier: GPL-2.0-only
/* The life of a device: create and destroy. */

#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/topology.h>

#include "internal.h"

static void seqring_ring_free(struct seqring_ring *ring)
{
	if (!ring)
		return;
	seqring_area_free(&ring->area);
	kfree(ring);
}

static void seqring_free(struct seqring_device *sdev)
{
	u32 i;

	for (i = 0; sdev->rings && i < sdev->nr_rings; i++)
		seqring_ring_free(sdev->rings[i]);
	kvfree(sdev->rings);
	seqring_nest_free(sdev);
	seqring_area_free(&sdev->head);
	seqring_uncharge(sdev->charged_pages);
	kfree(sdev);
}

static void seqring_dev_release(struct device *dev)
{
	struct seqring_device *sdev = container_of(dev, struct seqring_device, dev);

	seqring_put_devt(dev->devt);
	seqring_free(sdev);
}

/* The caller holds seqring_devices_lock. */
static bool seqring_name_taken(const char *name)
{
	struct seqring_device *sdev;

	lockdep_assert_held(&seqring_devices_lock);
	list_for_each_entry(sdev, &seqring_devices, list)
		if (!strcmp(sdev->name, name))
			return true;
	return false;
}

bool seqring_name_ok(const char *name)
{
	size_t len = strnlen(name, SEQRING_NAME_SIZE), i;

	if (!len || len == SEQRING_NAME_SIZE || name[0] == '.')
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || !(isalnum(name[i]) || strchr("._-", name[i])))
			return false;
	return true;
}

static int seqring_check_params(const struct seqring_params *p, bool user_owned)
{
	if (!p->name || !seqring_name_ok(p->name))
		return -EINVAL;
	if (p->data_size < SEQRING_DATA_SIZE_MIN || p->data_size > SEQRING_DATA_SIZE_MAX ||
	    !is_power_of_2(p->data_size))
		return -EINVAL;
	if (p->mode > SEQRING_MODE_PERCPU || p->clock_id > SEQRING_CLOCK_MAX)
		return -EINVAL;
	if (p->wake_interval_ns > SEQRING_WAKE_INTERVAL_MAX &&
	    p->wake_interval_ns != SEQRING_WAKE_UNLIMITED)
		return -EINVAL;
	if (p->flags & ~SEQRING_F_WRITE || p->permissions & ~0666)
		return -EINVAL;
	/* write(2) would be a second writer, which the caller cannot serialise. */
	if (p->mode == SEQRING_MODE_CALLER && p->flags & SEQRING_F_WRITE && !user_owned)
		return -EINVAL;
	if (p->schema_size > SEQRING_SCHEMA_SIZE_MAX || !p->schema != !p->schema_size)
		return -EINVAL;
	if (!uid_valid(p->uid) || !gid_valid(p->gid))
		return -EINVAL;
	return 0;
}

/* The node of that CPU's memory, or of this CPU's if it has none yet: it is not plugged in. */
static int seqring_node_of(int cpu)
{
	int node = cpu < 0 ? NUMA_NO_NODE : cpu_to_mem(cpu);

	return node == NUMA_NO_NODE || !node_online(node) ? NUMA_NO_NODE : node;
}

static int seqring_add_ring(struct seqring_device *sdev, u32 index, int cpu)
{
	int node = seqring_node_of(cpu);
	struct seqring_ring *ring;
	int err;

	ring = kzalloc_node(sizeof(*ring), GFP_KERNEL_ACCOUNT, node);
	if (!ring)
		return -ENOMEM;
	err = seqring_area_alloc(&ring->area, 1 + (sdev->data_size >> PAGE_SHIFT), node);
	if (err) {
		kfree(ring);
		return err;
	}
	seqring_writer_init(&ring->w, ring->area.addr, ring->area.addr + PAGE_SIZE,
			    sdev->data_size);
	seqring_write(&ring->w.ctl->id, cpu < 0 ? 0 : cpu);
	ring->sdev = sdev;
	raw_spin_lock_init(&ring->lock);
	seqring_ring_init_wake(ring);
	sdev->rings[index] = ring;
	if (cpu >= 0)
		per_cpu_ptr(sdev->cpus, cpu)->ring = ring;
	return 0;
}

static int seqring_add_rings(struct seqring_device *sdev)
{
	u32 index = 0;
	int cpu, err;

	sdev->rings = kvcalloc(sdev->nr_rings, sizeof(*sdev->rings), GFP_KERNEL_ACCOUNT);
	if (!sdev->rings)
		return -ENOMEM;
	if (sdev->mode != SEQRING_MODE_CALLER) {
		err = seqring_nest_init(sdev);
		if (err)
			return err;
	}
	if (sdev->mode != SEQRING_MODE_PERCPU) {
		err = seqring_add_ring(sdev, 0, -1);
		if (err || sdev->mode == SEQRING_MODE_CALLER)
			return err;
		for_each_possible_cpu(cpu)
			per_cpu_ptr(sdev->cpus, cpu)->ring = sdev->rings[0];
		return 0;
	}
	/* A possible CPU may be plugged in and publish while the device exists. */
	for_each_possible_cpu(cpu) {
		err = seqring_add_ring(sdev, index++, cpu);
		if (err)
			return err;
	}
	return 0;
}

/* No reader can open the device yet. */
static void seqring_fill_header(struct seqring_device *sdev, const struct seqring_params *p)
{
	const struct seqring_shape shape = {
		.writer_kind = SEQRING_WRITER_MODULE,
		.page_size = PAGE_SIZE,
		.nr_rings = sdev->nr_rings,
		.clock_id = sdev->clock_id,
		.features = p->flags & SEQRING_F_WRITE ? SEQRING_FEAT_WRITE : 0,
		.data_size = sdev->data_size,
		.payload_max = SEQRING_PAYLOAD_MAX(sdev->data_size),
		.ring_offset = (u64)sdev->head.nr_pages << PAGE_SHIFT,
		.ring_stride = PAGE_SIZE + sdev->data_size,
		.total_size = sdev->total_size,
		.schema_offset = PAGE_SIZE,
		.schema_size = p->schema_size,
		.name = sdev->name,
	};

	seqring_header_init(sdev->head.addr, &shape);
	if (p->schema_size)
		memcpy(sdev->head.addr + PAGE_SIZE, p->schema, p->schema_size);
	seqring_header_publish(sdev->head.addr);
}

static struct seqring_device *seqring_alloc(const struct seqring_params *p, bool user_owned)
{
	unsigned long head_pages = 1 + DIV_ROUND_UP(p->schema_size, PAGE_SIZE);
	u32 nr_rings = p->mode == SEQRING_MODE_PERCPU ? num_possible_cpus() : 1;
	u64 total;
	struct seqring_device *sdev;
	int err;

	if (nr_rings > SEQRING_RINGS_MAX ||
	    check_mul_overflow((u64)nr_rings, PAGE_SIZE + p->data_size, &total) ||
	    check_add_overflow(total, (u64)head_pages << PAGE_SHIFT, &total))
		return ERR_PTR(-ENOSPC);
	err = seqring_charge(total >> PAGE_SHIFT);
	if (err)
		return ERR_PTR(err);
	sdev = kzalloc(sizeof(*sdev), GFP_KERNEL_ACCOUNT);
	if (!sdev) {
		seqring_uncharge(total >> PAGE_SHIFT);
		return ERR_PTR(-ENOMEM);
	}
	sdev->charged_pages = total >> PAGE_SHIFT;
	sdev->total_size = total;
	sdev->data_size = p->data_size;
	sdev->nr_rings = nr_rings;
	sdev->mode = p->mode;
	sdev->clock_id = p->clock_id;
	sdev->flags = p->flags;
	sdev->user_owned = user_owned;
	sdev->wake_interval_ns = p->wake_interval_ns ?: SEQRING_WAKE_INTERVAL_NS;
	if (p->wake_interval_ns == SEQRING_WAKE_UNLIMITED)
		sdev->wake_interval_ns = 0;
	sdev->uid = p->uid;
	sdev->gid = p->gid;
	sdev->permissions = p->permissions;
	if (!sdev->permissions)
		sdev->permissions = p->flags & SEQRING_F_WRITE ? 0600 : 0400;
	strscpy(sdev->name, p->name, sizeof(sdev->name));
	init_irq_work(&sdev->warning, seqring_warn_second_writer);
	mutex_init(&sdev->write_lock);
	mutex_init(&sdev->files_lock);
	INIT_LIST_HEAD(&sdev->files);
	INIT_LIST_HEAD(&sdev->list);

	err = seqring_area_alloc(&sdev->head, head_pages, NUMA_NO_NODE);
	if (!err)
		err = seqring_add_rings(sdev);
	if (err) {
		seqring_free(sdev);
		return ERR_PTR(err);
	}
	seqring_fill_header(sdev, p);
	return sdev;
}

/* Reserves the number of a device before anything is allocated for it. */
static int seqring_reserve_devt(const char *name, dev_t *devt)
{
	int err;

	mutex_lock(&seqring_devices_lock);
	err = seqring_name_taken(name) ? -EEXIST : seqring_get_devt(devt);
	mutex_unlock(&seqring_devices_lock);
	return err;
}

/* Makes the device visible. Another one may have got its name meanwhile. */
static int seqring_register(struct seqring_device *sdev)
{
	int err;

	mutex_lock(&seqring_devices_lock);
	err = seqring_name_taken(sdev->name) ? -EEXIST : cdev_device_add(&sdev->cdev, &sdev->dev);
	if (!err) {
		list_add_tail(&sdev->list, &seqring_devices);
		err = seqring_sysfs_add(sdev);
		if (err)
			seqring_unregister(sdev);
	}
	mutex_unlock(&seqring_devices_lock);
	return err;
}

int seqring_create_device(const struct seqring_params *params, bool user_owned,
			  struct seqring_device **out)
{
	struct seqring_device *sdev;
	dev_t devt;
	int err;

	err = seqring_check_params(params, user_owned);
	if (!err)
		err = seqring_reserve_devt(params->name, &devt);
	if (err)
		return err;
	sdev = seqring_alloc(params, user_owned);
	if (IS_ERR(sdev)) {
		seqring_put_devt(devt);
		return PTR_ERR(sdev);
	}
	device_initialize(&sdev->dev);
	sdev->dev.class = &seqring_class;
	sdev->dev.parent = params->parent;
	sdev->dev.type = &seqring_device_type;
	sdev->dev.groups = seqring_device_groups;
	sdev->dev.release = seqring_dev_release;
	sdev->dev.devt = devt;
	cdev_init(&sdev->cdev, &seqring_fops);
	sdev->cdev.owner = THIS_MODULE;
	err = dev_set_name(&sdev->dev, "seqring!%s", sdev->name);
	if (!err)
		err = seqring_register(sdev);
	if (err) {
		/* A process may have opened it, if what failed came after the node. */
		seqring_end(sdev);
		return err;
	}
	*out = sdev;
	return 0;
}

/**
 * seqring_create() - create a device, /dev/seqring/NAME
 * @params: shape of the device; the module keeps no reference to it
 * @out: set to the device on success, unchanged on failure
 *
 * The caller owns the device and ends it with seqring_destroy(), at the latest when its
 * module is removed. Readers can open the device when this returns.
 *
 * Context: process context, may sleep.
 * Return:
 * * 0: the device exists
 * * -EINVAL: a parameter is out of bounds
 * * -EEXIST: a device has that name
 * * -ENOSPC: the module's limit on devices or memory is reached, or the machine has more
 *   CPUs than a device may have rings
 * * -ENOMEM: no memory
 * * -EINTR: a fatal signal is pending
 * * another error of the driver core, which registers the device
 */
int seqring_create(const struct seqring_params *params, struct seqring_device **out)
{
	return seqring_create_device(params, false, out);
}
EXPORT_SYMBOL_GPL(seqring_create);

/* Removes the device node: no further open() can find the device. */
void seqring_unregister(struct seqring_device *sdev)
{
	lockdep_assert_held(&seqring_devices_lock);
	list_del(&sdev->list);
	seqring_sysfs_remove(sdev);
	cdev_device_del(&sdev->cdev, &sdev->dev);
}

/* Ends the rings, wakes all sleepers and drops the owner's reference. */
void seqring_end(struct seqring_device *sdev)
{
	struct seqring_file *f;
	u32 i;

	mutex_lock(&sdev->write_lock);
	for (i = 0; i < sdev->nr_rings; i++)
		seqring_writer_end(&sdev->rings[i]->w);
	seqring_store_release(END, &sdev->dead, true);
	mutex_unlock(&sdev->write_lock);

	for (i = 0; i < sdev->nr_rings; i++)
		seqring_ring_end_wake(sdev->rings[i]);
	irq_work_sync(&sdev->warning);
	mutex_lock(&sdev->files_lock);
	list_for_each_entry(f, &sdev->files, list)
		seqring_wake_file_now(f);
	mutex_unlock(&sdev->files_lock);
	put_device(&sdev->dev);
}

/**
 * seqring_destroy() - end a device
 * @sdev: the device, from seqring_create(), invalid afterwards; NULL has no effect
 *
 * The caller guarantees that no publish is in progress or follows, and that no
 * reservation is open. Readers read the remaining records and then see the end. The
 * memory is freed when the last file and mapping are closed.
 *
 * Context: process context, may sleep.
 */
void seqring_destroy(struct seqring_device *sdev)
{
	if (!sdev)
		return;
	mutex_lock(&seqring_devices_lock);
	seqring_unregister(sdev);
	mutex_unlock(&seqring_devices_lock);
	seqring_end(sdev);
}
EXPORT_SYMBOL_GPL(seqring_destroy);

static void seqring_devm_destroy(void *sdev)
{
	seqring_destroy(sdev);
}

/**
 * devm_seqring_create() - create a device that ends with the driver of another one
 * @parent: a device with a driver; it is also the new device's parent in sysfs
 * @params: as for seqring_create(), except that @params->parent is ignored
 * @out: set to the device on success, unchanged on failure
 *
 * The device is destroyed when the driver is unbound from @parent, or its probe fails. The
 * caller does not destroy it, and stops publishing before.
 *
 * Context: process context, may sleep.
 * Return: as for seqring_create().
 */
int devm_seqring_create(struct device *parent, const struct seqring_params *params,
			struct seqring_device **out)
{
	struct seqring_params p = *params;
	struct seqring_device *sdev;
	int err;

	p.parent = parent;
	err = seqring_create(&p, &sdev);
	if (err)
		return err;
	err = devm_add_action_or_reset(parent, seqring_devm_destroy, sdev);
	if (err)
		return err;
	*out = sdev;
	return 0;
}
EXPORT_SYMBOL_GPL(devm_seqring_create);

// SPDX-License-Identifier: GPL-2.0-only
/* Life of a device: create and destroy. */

#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "internal.h"

static void seqring_ring_free(struct seqring_ring *ring)
{
	if (!ring)
		return;
	seqring_area_free(&ring->area);
	kfree(ring);
}

static void seqring_free(struct seqring_device *sr)
{
	u32 i;

	for (i = 0; sr->rings && i < sr->nr_rings; i++)
		seqring_ring_free(sr->rings[i]);
	kvfree(sr->rings);
	free_percpu(sr->cpu_ring);
	seqring_area_free(&sr->head);
	seqring_uncharge(sr->charged_pages);
	kfree(sr);
}

static void seqring_dev_release(struct device *dev)
{
	struct seqring_device *sr = container_of(dev, struct seqring_device, dev);

	if (dev->devt)
		seqring_put_devt(dev->devt);
	seqring_free(sr);
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

static int seqring_params_check(const struct seqring_params *p, bool user_owned)
{
	if (!p->name || !seqring_name_ok(p->name))
		return -EINVAL;
	if (p->data_size < SEQRING_DATA_SIZE_MIN || p->data_size > SEQRING_DATA_SIZE_MAX ||
	    !is_power_of_2(p->data_size))
		return -EINVAL;
	if (p->mode > SEQRING_MODE_PERCPU || p->clock_id > SEQRING_CLOCK_MAX)
		return -EINVAL;
	if (p->flags & ~SEQRING_F_WRITE || p->permissions & ~0666)
		return -EINVAL;
	/* write(2) would be a second writer beside the caller. */
	if (p->mode == SEQRING_MODE_CALLER && p->flags & SEQRING_F_WRITE && !user_owned)
		return -EINVAL;
	if (p->schema_size > SEQRING_SCHEMA_SIZE_MAX || !p->schema != !p->schema_size)
		return -EINVAL;
	return 0;
}

static int seqring_add_ring(struct seqring_device *sr, u32 index, int cpu)
{
	int node = cpu < 0 ? NUMA_NO_NODE : cpu_to_node(cpu);
	struct seqring_ring *ring;
	int err;

	ring = kzalloc_node(sizeof(*ring), GFP_KERNEL_ACCOUNT, node);
	if (!ring)
		return -ENOMEM;
	err = seqring_area_alloc(&ring->area, 1 + (sr->data_size >> PAGE_SHIFT), node);
	if (err) {
		kfree(ring);
		return err;
	}
	seqring_writer_init(&ring->w, ring->area.addr, ring->area.addr + PAGE_SIZE, sr->data_size);
	seqring_write(&ring->w.ctl->id, cpu < 0 ? 0 : cpu);
	ring->wait.pos = SEQRING_WAIT_NONE;
	ring->wait.seq = SEQRING_WAIT_NONE;
	ring->sr = sr;
	raw_spin_lock_init(&ring->lock);
	init_irq_work(&ring->work, seqring_wake_sleepers);
	sr->rings[index] = ring;
	if (cpu >= 0)
		*per_cpu_ptr(sr->cpu_ring, cpu) = ring;
	return 0;
}

static int seqring_add_rings(struct seqring_device *sr)
{
	u32 index = 0;
	int cpu, err;

	sr->rings = kvcalloc(sr->nr_rings, sizeof(*sr->rings), GFP_KERNEL_ACCOUNT);
	if (!sr->rings)
		return -ENOMEM;
	if (sr->mode != SEQRING_MODE_PERCPU)
		return seqring_add_ring(sr, 0, -1);

	sr->cpu_ring = alloc_percpu(struct seqring_ring *);
	if (!sr->cpu_ring)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		err = seqring_add_ring(sr, index++, cpu);
		if (err)
			return err;
	}
	return 0;
}

/* No reader can open the device yet. */
static void seqring_fill_header(struct seqring_device *sr, const struct seqring_params *p)
{
	const struct seqring_shape shape = {
		.writer_kind = SEQRING_WRITER_MODULE,
		.page_size = PAGE_SIZE,
		.nr_rings = sr->nr_rings,
		.clock_id = sr->clock_id,
		.features = p->flags & SEQRING_F_WRITE ? SEQRING_FEAT_WRITE : 0,
		.data_size = sr->data_size,
		.payload_max = SEQRING_PAYLOAD_MAX(sr->data_size),
		.ring_offset = (u64)sr->head.nr_pages << PAGE_SHIFT,
		.ring_stride = PAGE_SIZE + sr->data_size,
		.total_size = sr->total_size,
		.schema_offset = PAGE_SIZE,
		.schema_size = p->schema_size,
		.name = sr->name,
	};

	seqring_header_init(sr->head.addr, &shape);
	if (p->schema_size)
		memcpy(sr->head.addr + PAGE_SIZE, p->schema, p->schema_size);
	seqring_header_publish(sr->head.addr);
}

static struct seqring_device *seqring_alloc(const struct seqring_params *p, bool user_owned)
{
	unsigned long head_pages = 1 + DIV_ROUND_UP(p->schema_size, PAGE_SIZE);
	u32 nr_rings = p->mode == SEQRING_MODE_PERCPU ? num_possible_cpus() : 1;
	u64 total;
	struct seqring_device *sr;
	int err;

	if (nr_rings > SEQRING_RINGS_MAX ||
	    check_mul_overflow((u64)nr_rings, PAGE_SIZE + p->data_size, &total) ||
	    check_add_overflow(total, (u64)head_pages << PAGE_SHIFT, &total))
		return ERR_PTR(-ENOSPC);
	err = seqring_charge(total >> PAGE_SHIFT);
	if (err)
		return ERR_PTR(err);
	sr = kzalloc(sizeof(*sr), GFP_KERNEL_ACCOUNT);
	if (!sr) {
		seqring_uncharge(total >> PAGE_SHIFT);
		return ERR_PTR(-ENOMEM);
	}
	sr->charged_pages = total >> PAGE_SHIFT;
	sr->total_size = total;
	sr->data_size = p->data_size;
	sr->nr_rings = nr_rings;
	sr->mode = p->mode;
	sr->clock_id = p->clock_id;
	sr->flags = p->flags;
	sr->user_owned = user_owned;
	sr->permissions = p->permissions;
	if (!sr->permissions)
		sr->permissions = p->flags & SEQRING_F_WRITE ? 0600 : 0400;
	strscpy(sr->name, p->name, sizeof(sr->name));
	init_waitqueue_head(&sr->wq);
	mutex_init(&sr->write_lock);
	INIT_LIST_HEAD(&sr->list);

	err = seqring_area_alloc(&sr->head, head_pages, NUMA_NO_NODE);
	if (!err)
		err = seqring_add_rings(sr);
	if (err) {
		seqring_free(sr);
		return ERR_PTR(err);
	}
	seqring_fill_header(sr, p);
	return sr;
}

/* Makes the device visible. Under seqring_devices_lock. */
static int seqring_register(struct seqring_device *sr)
{
	struct seqring_device *other;
	dev_t devt;
	int err;

	lockdep_assert_held(&seqring_devices_lock);
	list_for_each_entry(other, &seqring_devices, list)
		if (!strcmp(other->name, sr->name))
			return -EEXIST;
	err = seqring_get_devt(&devt);
	if (err)
		return err;
	sr->dev.devt = devt;
	cdev_init(&sr->cdev, &seqring_fops);
	sr->cdev.owner = THIS_MODULE;
	err = cdev_device_add(&sr->cdev, &sr->dev);
	if (err)
		return err;
	list_add_tail(&sr->list, &seqring_devices);
	return 0;
}

int seqring_create_device(const struct seqring_params *params, bool user_owned,
			  struct seqring_device **out)
{
	struct seqring_device *sr;
	int err;

	err = seqring_params_check(params, user_owned);
	if (err)
		return err;
	sr = seqring_alloc(params, user_owned);
	if (IS_ERR(sr))
		return PTR_ERR(sr);
	device_initialize(&sr->dev);
	sr->dev.class = &seqring_class;
	sr->dev.release = seqring_dev_release;
	err = dev_set_name(&sr->dev, "seqring!%s", sr->name);
	if (!err) {
		mutex_lock(&seqring_devices_lock);
		err = seqring_register(sr);
		mutex_unlock(&seqring_devices_lock);
	}
	if (err) {
		put_device(&sr->dev);
		return err;
	}
	*out = sr;
	return 0;
}

/**
 * seqring_create() - create a device, /dev/seqring/NAME
 * @params: its shape; nothing of it is kept
 * @out: the device, set on success; seqring_destroy() it
 *
 * The caller's module must call seqring_destroy() before it goes. Readers may
 * open the device from the moment this returns.
 *
 * Context: process, may sleep.
 * Return: 0; -EINVAL bad parameters; -EEXIST the name is taken; -ENOSPC the
 * limit on devices or memory is reached; -ENOMEM; -EINTR on a fatal signal.
 */
int seqring_create(const struct seqring_params *params, struct seqring_device **out)
{
	return seqring_create_device(params, false, out);
}
EXPORT_SYMBOL_GPL(seqring_create);

/* Takes the device out of sight; no new open from here on. */
void seqring_unregister(struct seqring_device *sr)
{
	lockdep_assert_held(&seqring_devices_lock);
	list_del(&sr->list);
	cdev_device_del(&sr->cdev, &sr->dev);
}

/* Ends the rings and gives up the owner's reference. */
void seqring_end(struct seqring_device *sr)
{
	u32 i;

	mutex_lock(&sr->write_lock);
	for (i = 0; i < sr->nr_rings; i++)
		seqring_writer_end(&sr->rings[i]->w);
	seqring_store_release(END, &sr->dead, true);
	mutex_unlock(&sr->write_lock);

	for (i = 0; i < sr->nr_rings; i++)
		irq_work_sync(&sr->rings[i]->work);
	wake_up_all(&sr->wq);
	put_device(&sr->dev);
}

/**
 * seqring_destroy() - end a device
 * @sr: from seqring_create(); NULL is allowed
 *
 * No publish may be under way or follow. Readers drain what is there and then
 * see the end; the memory goes with the last of them.
 *
 * Context: process, may sleep.
 */
void seqring_destroy(struct seqring_device *sr)
{
	if (!sr)
		return;
	mutex_lock(&seqring_devices_lock);
	seqring_unregister(sr);
	mutex_unlock(&seqring_devices_lock);
	seqring_end(sr);
}
EXPORT_SYMBOL_GPL(seqring_destroy);

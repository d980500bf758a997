// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading the module, and the state that all devices share. */

#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "compat.h"
#include "internal.h"

#define SEQRING_DEVICES_MAX	256
/*
 * Minor numbers are handed out in turn, so a number is used again only after all others.
 * If a device is destroyed after an open() has found its node, the open() must not reach
 * another device by that number.
 */
#define SEQRING_MINORS		((unsigned int)MINORMASK + 1)

LIST_HEAD(seqring_devices);
/* Protects the list, and serialises the creation and removal of devices. */
DEFINE_MUTEX(seqring_devices_lock);

static dev_t seqring_devt;
static DEFINE_IDA(seqring_minors);
static unsigned int seqring_next_minor;
static atomic_t seqring_nr_devices = ATOMIC_INIT(0);

static char *seqring_devnode(SEQRING_DEVNODE_CONST struct device *dev, umode_t *mode, kuid_t *uid,
			     kgid_t *gid)
{
	SEQRING_DEVNODE_CONST struct seqring_device *sdev =
		container_of(dev, struct seqring_device, dev);

	if (mode)
		*mode = sdev->permissions;
	if (uid)
		*uid = sdev->uid;
	if (gid)
		*gid = sdev->gid;
	return NULL;
}

/* A class's devnode cannot name an owner. */
const struct device_type seqring_device_type = {
	.name = "seqring",
	.devnode = seqring_devnode,
};

static void seqring_get_ownership(SEQRING_DEVNODE_CONST struct device *dev, kuid_t *uid,
				  kgid_t *gid)
{
	seqring_devnode(dev, NULL, uid, gid);
}

struct class seqring_class = {
	.name = "seqring",
	.get_ownership = seqring_get_ownership,
};

/* Return: 0; -ENOSPC if SEQRING_DEVICES_MAX devices exist; -ENOMEM. */
int seqring_get_devt(dev_t *devt)
{
	int minor;

	lockdep_assert_held(&seqring_devices_lock);
	if (!atomic_add_unless(&seqring_nr_devices, 1, SEQRING_DEVICES_MAX))
		return -ENOSPC;
	minor = ida_alloc_range(&seqring_minors, seqring_next_minor, SEQRING_MINORS - 1,
				GFP_KERNEL);
	if (minor == -ENOSPC)
		minor = ida_alloc_range(&seqring_minors, 0, SEQRING_MINORS - 1, GFP_KERNEL);
	if (minor < 0) {
		atomic_dec(&seqring_nr_devices);
		return minor;
	}
	seqring_next_minor = (minor + 1) % SEQRING_MINORS;
	*devt = MKDEV(MAJOR(seqring_devt), minor);
	return 0;
}

void seqring_put_devt(dev_t devt)
{
	ida_free(&seqring_minors, MINOR(devt));
	atomic_dec(&seqring_nr_devices);
}

static int __init seqring_init(void)
{
	int err;

	seqring_poll_init();
	err = seqring_wake_init();
	if (err)
		return err;
	err = alloc_chrdev_region(&seqring_devt, 0, SEQRING_MINORS, "seqring");
	if (err)
		goto exit_wake;
	err = class_register(&seqring_class);
	if (err)
		goto unregister_region;
	err = misc_register(&seqring_control);
	if (err)
		goto unregister_class;
	return 0;

unregister_class:
	class_unregister(&seqring_class);
unregister_region:
	unregister_chrdev_region(seqring_devt, SEQRING_MINORS);
exit_wake:
	seqring_wake_exit();
	return err;
}

/*
 * No file is open and no producer module is loaded: each holds a reference to this
 * module. Only devices created through the control node are left.
 */
static void __exit seqring_exit(void)
{
	struct seqring_device *sdev, *next;

	misc_deregister(&seqring_control);
	list_for_each_entry_safe(sdev, next, &seqring_devices, list)
		seqring_destroy(sdev);
	class_unregister(&seqring_class);
	unregister_chrdev_region(seqring_devt, SEQRING_MINORS);
	ida_destroy(&seqring_minors);
	seqring_wake_exit();
}

module_init(seqring_init);
module_exit(seqring_exit);

MODULE_DESCRIPTION("Rings of records for many lock-free user-space readers");
MODULE_LICENSE("GPL");
MODULE_VERSION(SEQRING_RELEASE);

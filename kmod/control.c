// SPDX-License-Identifier: GPL-2.0-only
/* /dev/seqring-control: create and destroy devices from user space. */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "internal.h"

/**
 * seqring_get_arg() - copy in an ioctl's struct, which starts with its size
 * @arg: where to
 * @size: the size that this version knows
 * @min: the size of the first version
 * @user: the user's
 * @user_size: set to the size that the user gave
 *
 * Context: may sleep. Return: 0; -EFAULT; -EINVAL below @min; -E2BIG when what
 * this version does not know is not zero.
 */
int seqring_get_arg(void *arg, size_t size, size_t min, const void __user *user, u32 *user_size)
{
	if (get_user(*user_size, (const u32 __user *)user))
		return -EFAULT;
	if (*user_size < min)
		return -EINVAL;
	if (*user_size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(arg, size, user, *user_size);
}

static int seqring_ctl_create(const void __user *user)
{
	struct seqring_ctl_create arg;
	struct seqring_params params = { .mode = SEQRING_MODE_CALLER, .flags = SEQRING_F_WRITE };
	struct seqring_device *sr;
	void *schema = NULL;
	u32 size;
	int err;

	err = seqring_get_arg(&arg, sizeof(arg), sizeof(arg), user, &size);
	if (err)
		return err;
	if (arg.flags || arg.reserved0 || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	if (arg.schema_size > SEQRING_SCHEMA_SIZE_MAX || !arg.schema != !arg.schema_size)
		return -EINVAL;
	if (arg.schema_size) {
		schema = vmemdup_user(u64_to_user_ptr(arg.schema), arg.schema_size);
		if (IS_ERR(schema))
			return PTR_ERR(schema);
	}
	params.name = arg.name;
	params.data_size = arg.data_size;
	params.clock_id = arg.clock_id;
	params.permissions = arg.permissions;
	params.schema = schema;
	params.schema_size = arg.schema_size;
	/* A permission that does not fit the kernel's type is a wrong one. */
	err = arg.permissions & ~0666 ? -EINVAL : seqring_create_device(&params, true, &sr);
	kvfree(schema);
	return err;
}

static int seqring_ctl_destroy(const void __user *user)
{
	struct seqring_ctl_destroy arg;
	struct seqring_device *sr;
	u32 size;
	int err;

	err = seqring_get_arg(&arg, sizeof(arg), sizeof(arg), user, &size);
	if (err)
		return err;
	if (arg.flags || !seqring_name_ok(arg.name))
		return -EINVAL;
	mutex_lock(&seqring_devices_lock);
	err = -ENOENT;
	list_for_each_entry(sr, &seqring_devices, list) {
		if (strcmp(sr->name, arg.name))
			continue;
		err = sr->user_owned ? 0 : -EPERM;
		if (!err)
			seqring_unregister(sr);
		break;
	}
	mutex_unlock(&seqring_devices_lock);
	if (!err)
		seqring_end(sr);
	return err;
}

static long seqring_ctl_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const void __user *user = (const void __user *)arg;

	if (_IOC_TYPE(cmd) != SEQRING_IOC_MAGIC)
		return -ENOTTY;
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(SEQRING_CTL_CREATE):
		return seqring_ctl_create(user);
	case _IOC_NR(SEQRING_CTL_DESTROY):
		return seqring_ctl_destroy(user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations seqring_ctl_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = seqring_ctl_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

struct miscdevice seqring_control = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "seqring-control",
	.fops = &seqring_ctl_fops,
	.mode = 0600,
};

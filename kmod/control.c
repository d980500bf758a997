// SPDX-License-Identifier: GPL-2.0-only
/* The control node, /dev/seqring-control: user space creates and destroys devices. */

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "internal.h"

/**
 * seqring_get_arg() - copy an ioctl's struct, which starts with its size, from user space
 * @arg: the copy
 * @size: bytes of the struct that this version knows
 * @min: bytes of the struct in the first version
 * @user: the struct in user space
 * @user_size: set to the size that user space gave
 *
 * Context: may sleep.
 * Return: 0; -EFAULT; -EINVAL if the size is below @min; -E2BIG if bytes beyond @size are
 * not zero, or the size is above a page.
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

/*
 * Finds out who shall own the device. As with chown(2), giving it to another user or to a
 * foreign group needs CAP_CHOWN.
 */
static int seqring_get_owner(const struct seqring_ctl_create *arg, struct seqring_params *params)
{
	struct user_namespace *ns = current_user_ns();

	params->uid = current_fsuid();
	params->gid = current_fsgid();
	if (arg->flags & SEQRING_CREATE_UID)
		params->uid = make_kuid(ns, arg->uid);
	else if (arg->uid)
		return -EINVAL;
	if (arg->flags & SEQRING_CREATE_GID)
		params->gid = make_kgid(ns, arg->gid);
	else if (arg->gid)
		return -EINVAL;
	if (!uid_valid(params->uid) || !gid_valid(params->gid))
		return -EINVAL;
	if (!uid_eq(params->uid, current_fsuid()) && !capable(CAP_CHOWN))
		return -EPERM;
	if (!in_group_p(params->gid) && !capable(CAP_CHOWN))
		return -EPERM;
	return 0;
}

/* A device of a kernel module ends with that module. */
static bool seqring_may_destroy(const struct seqring_device *sdev)
{
	return sdev->user_owned && (uid_eq(sdev->uid, current_fsuid()) || capable(CAP_SYS_ADMIN));
}

static int seqring_ctl_create(const void __user *user)
{
	const u32 known_flags = SEQRING_CREATE_UID | SEQRING_CREATE_GID;
	struct seqring_ctl_create arg;
	struct seqring_params params = { .mode = SEQRING_MODE_CALLER, .flags = SEQRING_F_WRITE };
	struct seqring_device *sdev;
	void *schema = NULL;
	u32 size;
	int err;

	err = seqring_get_arg(&arg, sizeof(arg), sizeof(arg), user, &size);
	if (err)
		return err;
	if (arg.flags & ~known_flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	if (arg.schema_size > SEQRING_SCHEMA_SIZE_MAX || !arg.schema != !arg.schema_size)
		return -EINVAL;
	err = seqring_get_owner(&arg, &params);
	if (err)
		return err;
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
	params.wake_interval_ns = arg.wake_interval_ns;
	/* Checked here: params.permissions, a umode_t, may have cut other bits off. */
	err = arg.permissions & ~0666 ? -EINVAL : seqring_create_device(&params, true, &sdev);
	kvfree(schema);
	return err;
}

static int seqring_ctl_destroy(const void __user *user)
{
	struct seqring_ctl_destroy arg;
	struct seqring_device *sdev;
	u32 size;
	int err;

	err = seqring_get_arg(&arg, sizeof(arg), sizeof(arg), user, &size);
	if (err)
		return err;
	if (arg.flags || !seqring_name_ok(arg.name))
		return -EINVAL;
	mutex_lock(&seqring_devices_lock);
	err = -ENOENT;
	list_for_each_entry(sdev, &seqring_devices, list) {
		if (strcmp(sdev->name, arg.name))
			continue;
		err = seqring_may_destroy(sdev) ? 0 : -EPERM;
		if (!err)
			seqring_unregister(sdev);
		break;
	}
	mutex_unlock(&seqring_devices_lock);
	if (!err)
		seqring_end(sdev);
	return err;
}

static long seqring_ctl_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const void __user *user = (const void __user *)arg;

	if (_IOC_TYPE(cmd) != SEQRING_IOC_MAGIC)
		return -ENOTTY;
	/* All of them change something. */
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
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

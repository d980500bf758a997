// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The options of a BPF ring: defaults, and what is refused. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

#define DATA_SIZE_DEFAULT (1u << 20)
#define DATA_SIZE_MAX	  (1u << 28)

static int check_pin_name(const char *name)
{
	int err = libring_check_name(name);

	if (!err && strchr(name, '.'))
		return libring_set_error(EINVAL, "bad name %s: a BPF file system allows no dots",
					 name);
	return err;
}

/*
 * Freezing a map keeps processes from writing it, and not the programs that they load. Where users
 * without rights may load programs, whoever may open the ring's pin may write it.
 *
 * Return: 0; -EPERM.
 */
static int check_permissions(uint32_t permissions)
{
	char value = 0;
	FILE *f;

	if (!(permissions & 0066))
		return 0;
	f = fopen("/proc/sys/kernel/unprivileged_bpf_disabled", "re");
	if (f) {
		value = (char)fgetc(f);
		fclose(f);
	}
	if (value != '0')
		return 0;
	return libring_set_error(EPERM,
				 "ring_bpf_opts.permissions is 0%o, and any user may load BPF "
				 "programs here, which could write the ring: set the sysctl "
				 "kernel.unprivileged_bpf_disabled to 1 or 2, or allow 0600 only",
				 permissions);
}

/* Copies @user, which may be NULL, to @o, fills in defaults and checks them. */
int libring_bpf_read_opts(const struct ring_bpf_opts *user, struct ring_bpf_opts *o)
{
	const uint32_t flags = RING_BPF_ONE_RING | RING_BPF_CONTINUE | RING_BPF_MOUNT;
	int err;

	*o = (struct ring_bpf_opts) { .size = sizeof(*o) };
	if (user) {
		err = libring_get_opts(o, sizeof(*o), user, "ring_bpf_opts");
		if (err)
			return err;
	}
	if (!o->data_size)
		o->data_size = DATA_SIZE_DEFAULT;
	if (o->flags & ~flags || o->reserved)
		return libring_set_error(EINVAL,
					 "ring_bpf_opts.flags is 0x%x and reserved %u: flags are "
					 "RING_BPF_*, reserved is 0",
					 o->flags, o->reserved);
	if (o->permissions & ~0666u)
		return libring_set_error(EINVAL, "ring_bpf_opts.permissions is 0%o: bits of 0666",
					 o->permissions);
	if (o->flags & RING_BPF_CONTINUE && !o->name)
		return libring_set_error(EINVAL, "RING_BPF_CONTINUE needs a name");
	err = libring_check_shape("ring_bpf_opts", o->clock_id, o->data_size, o->schema,
				  o->schema_size);
	if (err)
		return err;
	if (o->data_size > DATA_SIZE_MAX)
		return libring_set_error(EINVAL,
					 "ring_bpf_opts.data_size is %" PRIu64 ": a BPF program "
					 "can write to 256 MiB at most",
					 o->data_size);
	err = o->name ? check_pin_name(o->name) : 0;
	return err ? err : check_permissions(o->permissions);
}

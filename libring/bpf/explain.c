// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Finds out if this process can use BPF, and explains why an object does not load. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "internal.h"

/* The newest requirement: programs of type syscall, such as the control program. */
#define KERNEL_MIN "5.15"

static bool is_kernel_too_old(struct utsname *u)
{
	unsigned int major = 0, minor = 0;

	return !uname(u) && sscanf(u->release, "%u.%u", &major, &minor) == 2 &&
	       (major < 5 || (major == 5 && minor < 15));
}

int ring_bpf_supported(void)
{
	struct utsname u;
	int fd;

	if (is_kernel_too_old(&u))
		return libring_set_error(
			ENOSYS, "Linux %s is too old: rings of BPF programs need " KERNEL_MIN,
			u.release);
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "seqring_probe", 0, 0,
			    (uint32_t)sysconf(_SC_PAGESIZE), NULL);
	if (fd == -EPERM)
		return libring_set_error(EPERM,
					 "not allowed to use BPF: be root, or have CAP_BPF and "
					 "CAP_PERFMON");
	if (fd == -ENOSYS || fd == -EINVAL)
		return libring_set_error(ENOSYS, "this kernel has no BPF (CONFIG_BPF_SYSCALL)");
	if (fd < 0)
		return libring_set_error(-fd, "cannot create a BPF map: %s", strerror(-fd));
	close(fd);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return libring_set_error(ENOENT, "this kernel has no type information in "
						 "/sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)");
	return libring_finish(0);
}

int ring_bpf_explain(int negative)
{
	const int err = -negative;
	struct rlimit lim;

	switch (err) {
	case 0:
		return libring_finish(0);
	case EPERM:
		if (!getrlimit(RLIMIT_MEMLOCK, &lim) && lim.rlim_cur != RLIM_INFINITY && !geteuid())
			return libring_set_error(
				err,
				"the kernel refused the BPF object: not allowed, or "
				"larger than RLIMIT_MEMLOCK (%lu bytes) permits",
				(unsigned long)lim.rlim_cur);
		return libring_set_error(err, "not allowed to load a BPF object: be root, or have "
					      "CAP_BPF and CAP_PERFMON");
	case E2BIG:
		return libring_set_error(err,
					 "the BPF object has a map or program that is larger than "
					 "the kernel allows: use smaller rings");
	case ENOMEM:
		return libring_set_error(err,
					 "no memory for the maps of the BPF object: use smaller "
					 "rings");
	case ESRCH:
		return libring_set_error(err,
					 "this kernel has no type information (BTF), or not the "
					 "function or tracepoint that the BPF object attaches to");
	case EACCES:
	case EINVAL:
		return libring_set_error(err,
					 "the kernel's verifier rejects the BPF object (%s): "
					 "libbpf's log says why",
					 strerror(err));
	default:
		return libring_set_error(err, "cannot load the BPF object: %s", strerror(err));
	}
}

int ring_bpf_load(struct bpf_object *obj)
{
	int err = bpf_object__load(obj);

	return ring_bpf_explain(err);
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Finds out if this process can use BPF, and explains why an object does not load. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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

static bool has_capability(const struct __user_cap_data_struct *data, unsigned int cap)
{
	return data[cap / 32].effective & 1u << cap % 32;
}

/* Return: the capabilities that this process lacks for programs that trace; NULL: none. */
static const char *lacking(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	bool bpf, perfmon;

	/* If the kernel does not tell, it must be bpf(2) that says no. */
	if (syscall(SYS_capget, &header, data) || has_capability(data, CAP_SYS_ADMIN))
		return NULL;
	bpf = has_capability(data, CAP_BPF);
	perfmon = has_capability(data, CAP_PERFMON);
	if (bpf)
		return perfmon ? NULL : "CAP_PERFMON";
	return perfmon ? "CAP_BPF" : "both";
}

/* Says why the kernel answers EPERM when this process wants to @what. Return: -EPERM. */
static int explain_refusal(const char *what)
{
	const char *lacks = lacking();

	if (lacks)
		return libring_set_error(EPERM,
					 "not allowed to %s: be root, or have CAP_BPF and "
					 "CAP_PERFMON (this process lacks %s)",
					 what, lacks);
	return libring_set_error(EPERM,
				 "not allowed to %s, although this process has the capabilities: a "
				 "seccomp filter, a container or a user namespace refuses bpf(2)",
				 what);
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
		return explain_refusal("use BPF");
	if (fd == -ENOSYS || fd == -EINVAL)
		return libring_set_error(ENOSYS, "this kernel has no BPF (CONFIG_BPF_SYSCALL)");
	if (fd < 0)
		return libring_set_error(-fd, "cannot create a BPF map: %s", strerror(-fd));
	close(fd);
	/* CAP_BPF alone makes maps; programs that trace need more. */
	if (lacking())
		return explain_refusal("use BPF");
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
		return explain_refusal("load a BPF object");
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

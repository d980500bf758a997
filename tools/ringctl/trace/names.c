// SPDX-License-Identifier: GPL-2.0-only
/* Names of system calls and of their errors. */
#include <string.h>

#include <seccomp.h>

#include "config.h"
#include "names.h"

uint32_t trace_table_arch(bool compat)
{
	uint32_t native = seccomp_arch_native();

	if (!compat)
		return native;
	switch (native) {
	case SCMP_ARCH_X86_64:
		return SCMP_ARCH_X86;
	case SCMP_ARCH_AARCH64:
		return SCMP_ARCH_ARM;
	}
	return 0;
}

const char *trace_call_name(int32_t nr, bool compat)
{
	static char *names[2][TRACE_CALLS_MAX];
	static bool known[2][TRACE_CALLS_MAX];
	uint32_t arch = trace_table_arch(compat);

	if (nr < 0 || nr >= TRACE_CALLS_MAX || !arch)
		return NULL;
	if (!known[compat][nr]) {
		names[compat][nr] = seccomp_syscall_resolve_num_arch(arch, nr);
		known[compat][nr] = true;
	}
	return names[compat][nr];
}

bool trace_call_is_sigreturn(const char *name)
{
	return name && (!strcmp(name, "rt_sigreturn") || !strcmp(name, "sigreturn"));
}

/* Codes of the kernel itself, from its include/linux/errno.h. */
static const char *const kernel_errors[] = {
	[512] = "ERESTARTSYS",
	[513] = "ERESTARTNOINTR",
	[514] = "ERESTARTNOHAND",
	[515] = "ENOIOCTLCMD",
	[516] = "ERESTART_RESTARTBLOCK",
	[517] = "EPROBE_DEFER",
	[518] = "EOPENSTALE",
	[519] = "ENOPARAM",
	[521] = "EBADHANDLE",
	[522] = "ENOTSYNC",
	[523] = "EBADCOOKIE",
	[524] = "ENOTSUPP",
	[525] = "ETOOSMALL",
	[526] = "ESERVERFAULT",
	[527] = "EBADTYPE",
	[528] = "EJUKEBOX",
	[529] = "EIOCBQUEUED",
	[530] = "ERECALLCONFLICT",
	[531] = "ENOGRACE",
};

const char *trace_errno_name(int64_t result)
{
	const char *name;
	size_t nr;

	if (result >= 0 || result < -4095)
		return NULL;
	nr = (size_t)-result;
	name = strerrorname_np((int)nr);
	if (!name && nr < sizeof(kernel_errors) / sizeof(kernel_errors[0]))
		name = kernel_errors[nr];
	return name;
}

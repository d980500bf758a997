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

const char *trace_call_name(uint32_t nr, bool compat)
{
	static char *names[2][TRACE_CALLS_MAX];
	static bool known[2][TRACE_CALLS_MAX];
	uint32_t arch = trace_table_arch(compat);

	if (nr >= TRACE_CALLS_MAX || !arch)
		return NULL;
	if (!known[compat][nr]) {
		names[compat][nr] = seccomp_syscall_resolve_num_arch(arch, (int)nr);
		known[compat][nr] = true;
	}
	return names[compat][nr];
}

/* Codes with which the kernel restarts a call are not in <errno.h>. */
const char *trace_errno_name(int64_t result)
{
	return result < 0 && result >= -4095 ? strerrorname_np((int)-result) : NULL;
}

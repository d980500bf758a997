// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The machines on which BPF programs may write rings, and the objects that are right there. */

#include "internal.h"

static const char *const names[] = {
	[SEQRING_BPF_TARGET_ANY] = "any machine", [SEQRING_BPF_TARGET_X86] = "x86",
	[SEQRING_BPF_TARGET_ARM64] = "arm64",	  [SEQRING_BPF_TARGET_RISCV] = "riscv",
	[SEQRING_BPF_TARGET_S390] = "s390",
};

/* Return: SEQRING_BPF_TARGET_* of this machine; SEQRING_BPF_TARGET_UNKNOWN: any other machine. */
uint32_t libring_bpf_get_machine(void)
{
#if defined(__x86_64__)
	return SEQRING_BPF_TARGET_X86;
#elif defined(__aarch64__)
	return SEQRING_BPF_TARGET_ARM64;
#elif defined(__riscv) && __riscv_xlen == 64
	return SEQRING_BPF_TARGET_RISCV;
#elif defined(__s390x__)
	return SEQRING_BPF_TARGET_S390;
#else
	return SEQRING_BPF_TARGET_UNKNOWN;
#endif
}

/**
 * libring_bpf_check_target() - check that an object orders its stores as a machine needs it
 * @target: SEQRING_BPF_TARGET_* of the object; SEQRING_BPF_TARGET_UNKNOWN: the object is from
 *	before there were targets
 * @machine: of the machine
 *
 * Return: 0; -ENOTSUP.
 */
int libring_bpf_check_target(uint32_t target, uint32_t machine)
{
	if (machine == SEQRING_BPF_TARGET_UNKNOWN)
		return libring_set_error(
			ENOTSUP,
			"BPF programs write rings on x86-64, arm64, riscv64 and s390x only: on "
			"other machines the kernel's atomic instructions of BPF are not fully "
			"ordered, or nobody has checked that they are");
	if (target >= sizeof(names) / sizeof(names[0]))
		return libring_set_error(ENOTSUP,
					 "the object was compiled for machine %u of a later "
					 "seqring/bpf.h: this is %s",
					 target, names[machine]);
	/* Without a target, the object may rely on an order that only these machines have. */
	if (target == SEQRING_BPF_TARGET_UNKNOWN) {
		if (machine == SEQRING_BPF_TARGET_X86 || machine == SEQRING_BPF_TARGET_S390)
			return 0;
		return libring_set_error(ENOTSUP,
					 "the object was compiled with an older seqring/bpf.h, "
					 "which does not say for which machine: compile it again "
					 "for %s",
					 names[machine]);
	}
	if (target != SEQRING_BPF_TARGET_ANY && target != machine)
		return libring_set_error(ENOTSUP,
					 "the object was compiled for %s: compile it with "
					 "-D__TARGET_ARCH_%s, or without __TARGET_ARCH_*",
					 names[target], names[machine]);
	return 0;
}

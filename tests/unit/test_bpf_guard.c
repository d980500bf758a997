// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the loader of BPF programs decides from facts about the kernel and the object: the guard of
 * a ring, whether the object was compiled for this machine, and how many rings there are.
 */

#include "unit.h"

#include "../../libring/bpf/internal.h"

#define PROMISE (SEQRING_BPF_CAN_CALLER | SEQRING_BPF_CAN_KFUNC)
#define GENERAL (SEQRING_BPF_CAN_ATOMIC | SEQRING_BPF_CAN_KFUNC)

static const struct ring_bpf_kernel linux_6_1 = { "6.1.0", 6, 1, false };
static const struct ring_bpf_kernel linux_6_18 = { "6.18.0", 6, 18, true };
static const struct ring_bpf_kernel linux_7_2 = { "7.2.0", 7, 2, true };
/* As without type information; no such kernel is known. */
static const struct ring_bpf_kernel linux_7_bare = { "7.2.0", 7, 2, false };
static const struct ring_bpf_kernel linux_personality = { "2.6.66", 2, 6, false };

static void assert_guard(uint32_t can, bool unpreempted, const struct ring_bpf_kernel *k,
			 uint32_t wanted)
{
	uint32_t guard = 99;

	assert_int_equal(libring_bpf_choose_guard(can, unpreempted, k, &guard), 0);
	assert_int_equal(guard, wanted);
}

static void test_guard(void **state)
{
	(void)state;
	/* Where preemption is off anyway, no record pays for more. */
	assert_guard(PROMISE, true, &linux_6_18, SEQRING_BPF_GUARD_CALLER);
	assert_guard(GENERAL, true, &linux_6_18, SEQRING_BPF_GUARD_CALLER);
	assert_guard(GENERAL, true, &linux_6_1, SEQRING_BPF_GUARD_CALLER);
	assert_guard(PROMISE, true, &linux_7_2, SEQRING_BPF_GUARD_CALLER);
	/* Elsewhere publishing turns it off, if it can. */
	assert_guard(PROMISE, false, &linux_7_2, SEQRING_BPF_GUARD_KFUNC);
	assert_guard(PROMISE, false, &linux_6_18, SEQRING_BPF_GUARD_KFUNC);
	assert_guard(GENERAL, false, &linux_7_2, SEQRING_BPF_GUARD_KFUNC);
	assert_guard(GENERAL, false, &linux_6_18, SEQRING_BPF_GUARD_KFUNC);
	assert_guard(GENERAL, false, &linux_6_1, SEQRING_BPF_GUARD_ATOMIC);
	assert_guard(GENERAL, false, &linux_7_bare, SEQRING_BPF_GUARD_ATOMIC);
	assert_guard(SEQRING_BPF_CAN_ATOMIC, false, &linux_7_2, SEQRING_BPF_GUARD_ATOMIC);
	/* The kernel runs tracepoints with preemption off. The writers are checked later. */
	assert_guard(PROMISE, false, &linux_6_1, SEQRING_BPF_GUARD_CALLER);
}

static void assert_refused(uint32_t can, const struct ring_bpf_kernel *k, const char *words)
{
	uint32_t guard = 99;

	assert_rejected(libring_bpf_choose_guard(can, false, k, &guard), ENOTSUP);
	assert_non_null(strstr(ring_strerror(), words));
	assert_non_null(strstr(ring_strerror(), k->release));
	assert_int_equal(guard, 99);
}

static void test_guard_refused(void **state)
{
	(void)state;
	assert_refused(PROMISE, &linux_7_bare, "has no bpf_preempt_disable()");
	assert_refused(PROMISE, &linux_personality, "has no bpf_preempt_disable()");
	assert_refused(SEQRING_BPF_CAN_CALLER, &linux_7_2, "SEQRING_BPF_NO_KFUNC");
}

static const uint32_t machines[] = { SEQRING_BPF_TARGET_X86, SEQRING_BPF_TARGET_ARM64,
				     SEQRING_BPF_TARGET_RISCV, SEQRING_BPF_TARGET_S390 };

static void test_target(void **state)
{
	unsigned int i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(machines); i++) {
		assert_int_equal(libring_bpf_check_target(SEQRING_BPF_TARGET_ANY, machines[i]), 0);
		for (j = 0; j < ARRAY_SIZE(machines); j++) {
			int err = libring_bpf_check_target(machines[i], machines[j]);

			assert_int_equal(err, i == j ? 0 : -ENOTSUP);
		}
	}
}

static void test_target_refused(void **state)
{
	(void)state;
	assert_rejected(libring_bpf_check_target(SEQRING_BPF_TARGET_X86, SEQRING_BPF_TARGET_ARM64),
			ENOTSUP);
	assert_non_null(strstr(ring_strerror(), "compiled for x86"));
	assert_non_null(strstr(ring_strerror(), "-D__TARGET_ARCH_arm64"));
	assert_rejected(libring_bpf_check_target(SEQRING_BPF_TARGET_ANY,
						 SEQRING_BPF_TARGET_UNKNOWN),
			ENOTSUP);
	assert_non_null(strstr(ring_strerror(), "x86-64, arm64, riscv64 and s390x only"));
	assert_rejected(libring_bpf_check_target(77, SEQRING_BPF_TARGET_X86), ENOTSUP);
	assert_non_null(strstr(ring_strerror(), "machine 77"));
}

/* An object from before there were targets was compiled for x86 in most cases. */
static void test_old_object(void **state)
{
	(void)state;
	assert_int_equal(libring_bpf_check_target(SEQRING_BPF_TARGET_UNKNOWN,
						  SEQRING_BPF_TARGET_X86),
			 0);
	assert_int_equal(libring_bpf_check_target(SEQRING_BPF_TARGET_UNKNOWN,
						  SEQRING_BPF_TARGET_S390),
			 0);
	assert_rejected(libring_bpf_check_target(SEQRING_BPF_TARGET_UNKNOWN,
						 SEQRING_BPF_TARGET_ARM64),
			ENOTSUP);
	assert_non_null(strstr(ring_strerror(), "older seqring/bpf.h"));
}

/* Counts the rings for a list of possible CPUs. Return: as libring_bpf_count_rings(). */
static int count_rings(const char *list)
{
	char path[] = "/tmp/seqring-cpus-XXXXXX";
	int fd = mkstemp(path), nr;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, list, strlen(list)), (ssize_t)strlen(list));
	close(fd);
	nr = libring_bpf_count_rings(path);
	unlink(path);
	return nr;
}

static void test_cpu_numbers(void **state)
{
	(void)state;
	assert_int_equal(count_rings("0\n"), 1);
	assert_int_equal(count_rings("0-1\n"), 2);
	assert_int_equal(count_rings("0-127"), 128);
	/* A program finds its ring by the number of its CPU. */
	assert_int_equal(count_rings("0,2\n"), 3);
	assert_int_equal(count_rings("0,2-3\n"), 4);
	assert_int_equal(count_rings("0-3,8,12-15\n"), 16);
	assert_true(libring_bpf_count_rings(NULL) >= (int)sysconf(_SC_NPROCESSORS_ONLN));
}

static void test_cpus_refused(void **state)
{
	(void)state;
	assert_rejected(count_rings("0-5000\n"), EINVAL);
	assert_non_null(strstr(ring_strerror(), "up to 5000"));
	assert_non_null(strstr(ring_strerror(), "RING_BPF_ONE_RING"));
	assert_rejected(count_rings("0,99999\n"), EINVAL);
	assert_rejected(count_rings(""), EPROTO);
	assert_rejected(count_rings("\n"), EPROTO);
	assert_rejected(count_rings("0-3,x\n"), EPROTO);
	assert_rejected(libring_bpf_count_rings("/nonexistent/possible"), ENOENT);
}

static void test_gap(void **state)
{
	static const struct ring_bpf_kernel linux_5_15 = { "5.15.0", 5, 15, false };
	static const struct ring_bpf_kernel linux_6_12 = { "6.12.95", 6, 12, true };
	static const struct ring_bpf_kernel linux_6_13 = { "6.13.0", 6, 13, true };
	static const struct ring_bpf_kernel linux_6_19 = { "6.19.1", 6, 19, true };
	static const struct ring_bpf_kernel linux_7_0 = { "7.0.0", 7, 0, true };

	(void)state;
	assert_int_equal(libring_bpf_get_gap(&linux_5_15), GAP_NONE);
	assert_int_equal(libring_bpf_get_gap(&linux_6_12), GAP_NONE);
	assert_int_equal(libring_bpf_get_gap(&linux_6_13), GAP_SYSCALLS);
	assert_int_equal(libring_bpf_get_gap(&linux_6_19), GAP_SYSCALLS);
	assert_int_equal(libring_bpf_get_gap(&linux_7_0), GAP_ANY_EVENT);
	assert_int_equal(libring_bpf_get_gap(&linux_personality), GAP_ANY_EVENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guard),	     cmocka_unit_test(test_guard_refused),
		cmocka_unit_test(test_target),	     cmocka_unit_test(test_target_refused),
		cmocka_unit_test(test_old_object),   cmocka_unit_test(test_cpu_numbers),
		cmocka_unit_test(test_cpus_refused), cmocka_unit_test(test_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

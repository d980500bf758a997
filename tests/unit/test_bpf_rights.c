// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring_bpf_supported() names the right that a process lacks for BPF, and tells a lacking right from
 * a filter that forbids bpf(2). Rights that were given up are gone, so each test has a child.
 */

#include <linux/bpf.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <libring/bpf.h>

#include "unit.h"

#include "../lib/forbid.h"

#define NO_BPF 99 /* the child's answer if it may not use BPF to begin with */

/* Keeps of CAP_SYS_ADMIN, CAP_BPF and CAP_PERFMON those in @keep, in effect. */
static bool keep_capabilities(uint64_t keep)
{
	const uint64_t all = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_BPF | 1ULL << CAP_PERFMON;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return false;
	data[0].effective &= ~(uint32_t)(all & ~keep);
	data[1].effective &= ~(uint32_t)((all & ~keep) >> 32);
	return !syscall(SYS_capset, &header, data);
}

/* In a child, which ends: 0 if ring_bpf_supported() fails with EPERM and says @words. */
static void expect_refusal(const char *words)
{
	const int err = ring_bpf_supported();

	if (err == -EPERM && strstr(ring_strerror(), words))
		_exit(0);
	fprintf(stderr, "got %d, '%s', not '%s'\n", err, ring_strerror(), words);
	_exit(1);
}

static void lack_both(void)
{
	keep_capabilities(0);
	expect_refusal("lacks both");
}

static void lack_perfmon(void)
{
	keep_capabilities(1ULL << CAP_BPF);
	expect_refusal("lacks CAP_PERFMON");
}

static void lack_bpf(void)
{
	keep_capabilities(1ULL << CAP_PERFMON);
	expect_refusal("lacks CAP_BPF)");
}

/* As in a container whose filter knows no bpf(2). */
static void lack_call(void)
{
	if (!forbid_bpf(BPF_MAP_CREATE))
		_exit(NO_BPF);
	expect_refusal("a seccomp filter, a container or a user namespace");
}

/* What is enough: no message. */
static void lack_nothing(void)
{
	keep_capabilities(1ULL << CAP_BPF | 1ULL << CAP_PERFMON);
	_exit(ring_bpf_supported() || *ring_strerror() ? 1 : 0);
}

static void run_child(void (*child)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		if (ring_bpf_supported())
			_exit(NO_BPF);
		child();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_BPF)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_lacks_both(void **state)
{
	(void)state;
	run_child(lack_both);
}

static void test_lacks_perfmon(void **state)
{
	(void)state;
	run_child(lack_perfmon);
}

static void test_lacks_bpf(void **state)
{
	(void)state;
	run_child(lack_bpf);
}

static void test_lacks_call(void **state)
{
	(void)state;
	run_child(lack_call);
}

static void test_lacks_nothing(void **state)
{
	(void)state;
	run_child(lack_nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lacks_both),    cmocka_unit_test(test_lacks_perfmon),
		cmocka_unit_test(test_lacks_bpf),     cmocka_unit_test(test_lacks_call),
		cmocka_unit_test(test_lacks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

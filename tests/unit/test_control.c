// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring_create() and ring_destroy(), without the module: the system calls that
 * reach the control node are defined here.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "unit.h"

/* The control node. */
static struct {
	int err;
	int open_err;
	unsigned long request;
	struct seqring_ctl_create create;
	struct seqring_ctl_destroy destroy;
} ctl;

static int fail_with(int err)
{
	errno = err;
	return err ? -1 : 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	ctl.request = request;
	switch (request) {
	case SEQRING_CTL_CREATE:
		memcpy(&ctl.create, arg, sizeof(ctl.create));
		return fail_with(ctl.err);
	case SEQRING_CTL_DESTROY:
		memcpy(&ctl.destroy, arg, sizeof(ctl.destroy));
		return fail_with(ctl.err);
	}
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if (!strcmp(path, SEQRING_CTL_PATH))
		return ctl.open_err ? fail_with(ctl.open_err) : dup(0);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static int setup(void **state)
{
	(void)state;
	memset(&ctl, 0, sizeof(ctl));
	return 0;
}

static void test_create(void **state)
{
	static const char schema[] = "schema";
	struct ring_create_opts o = {
		.size = sizeof(o),
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.permissions = 0640,
		.data_size = DATA_SIZE,
		.schema = schema,
		.schema_size = sizeof(schema),
	}, bad;

	(void)state;
	assert_int_equal(ring_create("a-Name_1.x", &o), 0);
	assert_int_equal(ctl.request, SEQRING_CTL_CREATE);
	assert_int_equal(ctl.create.size, sizeof(ctl.create));
	assert_int_equal(ctl.create.flags, 0);
	assert_string_equal(ctl.create.name, "a-Name_1.x");
	assert_int_equal(ctl.create.data_size, DATA_SIZE);
	assert_int_equal(ctl.create.clock_id, SEQRING_CLOCK_MONOTONIC);
	assert_int_equal(ctl.create.permissions, 0640);
	assert_int_equal(ctl.create.schema, (uintptr_t)schema);
	assert_int_equal(ctl.create.schema_size, sizeof(schema));
	assert_int_equal(ctl.create.wake_interval_ns, 0);
	assert_int_equal(ctl.create.uid, 0);
	assert_int_equal(ctl.create.gid, 0);

	o.flags = SEQRING_CREATE_UID | SEQRING_CREATE_GID;
	o.uid = 1234;
	o.gid = 5678;
	assert_int_equal(ring_create("owned", &o), 0);
	assert_int_equal(ctl.create.flags, SEQRING_CREATE_UID | SEQRING_CREATE_GID);
	assert_int_equal(ctl.create.uid, 1234);
	assert_int_equal(ctl.create.gid, 5678);
	/* A struct of the first version, with other things behind it. */
	bad = o;
	bad.size = offsetof(struct ring_create_opts, flags);
	bad.flags = ~0u;
	assert_int_equal(ring_create("first", &bad), 0);
	assert_int_equal(ctl.create.flags, 0);
	assert_int_equal(ctl.create.uid, 0);
	o.flags = 0;
	o.uid = 0;
	o.gid = 0;

	ctl.request = 0;
	assert_rejected(ring_create("x", NULL), EINVAL);
	assert_rejected(ring_create(NULL, &o), EINVAL);
	assert_rejected(ring_create("", &o), EINVAL);
	assert_rejected(ring_create("a/b", &o), EINVAL);
	assert_rejected(ring_create("12345678901234567890123456789012", &o), EINVAL);
#define BAD(field, value, err)                                \
	do {                                                  \
		bad = o;                                      \
		bad.field = (value);                          \
		assert_rejected(ring_create("x", &bad), err); \
	} while (0)
	BAD(size, 0, EINVAL);
	BAD(size, SIZE_MAX, E2BIG);
	BAD(clock_id, SEQRING_CLOCK_MAX + 1, EINVAL);
	BAD(permissions, 0700, EINVAL);
	BAD(permissions, 01000, EINVAL);
	BAD(data_size, 0, EINVAL);
	BAD(data_size, 100000, EINVAL);
	BAD(data_size, 1ULL << 31, EINVAL);
	BAD(schema, NULL, EINVAL);
	BAD(schema_size, 0, EINVAL);
	BAD(schema_size, SEQRING_SCHEMA_SIZE_MAX + 1, EINVAL);
	BAD(size, offsetof(struct ring_create_opts, flags) - 1, EINVAL);
	BAD(size, offsetof(struct ring_create_opts, uid), EINVAL);
	BAD(flags, 4, EINVAL);
	BAD(uid, 1, EINVAL);
	BAD(gid, 1, EINVAL);
	BAD(wake_interval_ns, SEQRING_WAKE_INTERVAL_MAX + 1, EINVAL);
	BAD(wake_interval_ns, SEQRING_WAKE_UNLIMITED - 1, EINVAL);
	assert_int_equal(ctl.request, 0);
}

static void test_control_errors(void **state)
{
	static const int errs[] = { EEXIST, EINVAL, ENOSPC, ENOMEM, EINTR, EPERM, ENOENT, E2BIG };
	struct ring_create_opts o = { .size = sizeof(o), .data_size = DATA_SIZE };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(errs); i++) {
		ctl.err = errs[i];
		assert_rejected(ring_create("x", &o), errs[i]);
		assert_rejected(ring_destroy("x"), errs[i]);
	}
	ctl.err = 0;
	assert_int_equal(ring_destroy("gone"), 0);
	assert_int_equal(ctl.request, SEQRING_CTL_DESTROY);
	assert_int_equal(ctl.destroy.size, sizeof(ctl.destroy));
	assert_string_equal(ctl.destroy.name, "gone");
	assert_rejected(ring_destroy("a b"), EINVAL);
	assert_rejected(ring_destroy(NULL), EINVAL);

	ctl.open_err = EACCES;
	assert_rejected(ring_create("x", &o), EACCES);
	assert_rejected(ring_destroy("x"), EACCES);
	ctl.open_err = ENOENT;
	assert_rejected(ring_create("x", &o), ENOENT);
	assert_non_null(strstr(ring_strerror(), "not loaded"));
	assert_rejected(ring_destroy("x"), ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_create, setup),
		cmocka_unit_test_setup(test_control_errors, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

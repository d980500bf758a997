// SPDX-License-Identifier: GPL-2.0-only
/* The three answers to the question whether the process that a BPF ring ends with lives. */

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../libring/base/owner.h"
#include "unit.h"

/* A process that has the lock on @dir, or none if @dir is -1. */
struct owner {
	pid_t pid;
	__u64 id;
	__u64 pidns;
};

static int lock_dir(char *path)
{
	strcpy(path, "/tmp/ring-owner-XXXXXX");
	assert_non_null(mkdtemp(path));
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static struct owner start(const char *path)
{
	struct owner o = { 0 };
	int p[2];
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int dir = path ? open(path, O_RDONLY | O_DIRECTORY) : -1;

		if (path && libring_owner_lock(dir))
			_exit(1);
		libring_owner_self(&o.id, &o.pidns);
		if (write(p[1], &o, sizeof(o)) != sizeof(o))
			_exit(1);
		/* If the test fails, nobody ends this process. */
		alarm(120);
		pause();
		_exit(0);
	}
	close(p[1]);
	assert_int_equal(read(p[0], &o, sizeof(o)), sizeof(o));
	o.pid = pid;
	close(p[0]);
	return o;
}

/* Runs @fn in a child: what it does to its namespaces and limits ends with it. 77: not possible. */
static int in_child(int (*fn)(const struct owner *o, int dir), const struct owner *o, int dir)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(fn(o, dir));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static int look(const struct owner *o, int dir)
{
	return libring_owner_look(o->id, o->pidns, dir);
}

static int look_by_pidfd(const struct owner *o, int dir)
{
	int fd, state = libring_owner_open(o->id, o->pidns, dir, &fd);

	if (fd >= 0)
		close(fd);
	return state;
}

static int without_proc(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("none", "/proc", "tmpfs", 0, NULL) || !access("/proc/self", F_OK);
}

static int look_without_proc(const struct owner *o, int dir)
{
	if (without_proc())
		return 77;
	return look(o, dir) == look_by_pidfd(o, dir) ? look(o, dir) : 100;
}

/* As with ProtectProc=invisible: other users' processes are not there. */
static int look_with_hidepid(const struct owner *o, int dir)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, "hidepid=2") || setgid(65534) || setuid(65534))
		return 77;
	return look(o, dir) == look_by_pidfd(o, dir) ? look(o, dir) : 100;
}

/* Without a free descriptor. */
static int look_at_limit(const struct owner *o, int dir)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_NOFILE, &none))
		return 77;
	return look(o, dir) == look_by_pidfd(o, dir) ? look(o, dir) : 100;
}

static int look_from_pidns(const struct owner *o, int dir)
{
	pid_t pid;
	int status;

	if (unshare(CLONE_NEWPID))
		return 77;
	pid = fork();
	if (!pid)
		_exit(look(o, dir) == look_by_pidfd(o, dir) ? look(o, dir) : 100);
	return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 101;
}

static const struct {
	int (*look)(const struct owner *o, int dir);
	/* Without the lock: of one that lives, and of one that is gone. */
	enum libring_owner_state lives;
	enum libring_owner_state gone;
} places[] = {
	{ look, OWNER_LIVES, OWNER_GONE },
	{ look_by_pidfd, OWNER_LIVES, OWNER_GONE },
	{ look_without_proc, OWNER_UNKNOWN, OWNER_UNKNOWN },
	{ look_with_hidepid, OWNER_UNKNOWN, OWNER_GONE },
	{ look_at_limit, OWNER_UNKNOWN, OWNER_GONE },
	{ look_from_pidns, OWNER_UNKNOWN, OWNER_UNKNOWN },
};

static void test_by_pid(void **state)
{
	struct owner o = start(NULL);
	bool skipped = false;
	int lives[ARRAY_SIZE(places)], got;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(places); i++)
		lives[i] = in_child(places[i].look, &o, -1);
	kill_and_reap(o.pid);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		got = in_child(places[i].look, &o, -1);
		skipped |= got == 77;
		if (got == 77)
			continue;
		assert_int_equal(lives[i], places[i].lives);
		assert_int_equal(got, places[i].gone);
	}
	if (skipped)
		skip();
}

/* The lock tells the same everywhere. */
static void test_by_lock(void **state)
{
	char path[64];
	int dir = lock_dir(path), got;
	struct owner o = start(path);
	bool skipped = false;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		got = in_child(places[i].look, &o, dir);
		skipped |= got == 77;
		if (got != 77)
			assert_int_equal(got, OWNER_LIVES);
	}
	kill_and_reap(o.pid);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		got = in_child(places[i].look, &o, dir);
		if (got != 77)
			assert_int_equal(got, OWNER_GONE);
	}
	close(dir);
	rmdir(path);
	if (skipped)
		skip();
}

/* In a PID namespace that still has the /proc of another one, whose PIDs are others'. */
static int look_by_foreign_proc(const struct owner *unused, int dir)
{
	struct owner o;
	int status, got;
	pid_t pid;

	(void)unused;
	if (unshare(CLONE_NEWPID))
		return 77;
	pid = fork();
	if (!pid) {
		o = start(NULL);
		got = look(&o, dir) == look_by_pidfd(&o, dir) ? look(&o, dir) : 100;
		kill_and_reap(o.pid);
		_exit(got);
	}
	return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 101;
}

static void test_foreign_proc(void **state)
{
	int got = in_child(look_by_foreign_proc, NULL, -1);

	(void)state;
	if (got == 77)
		skip();
	assert_int_equal(got, OWNER_UNKNOWN);
}

static void test_nobody(void **state)
{
	(void)state;
	assert_int_equal(libring_owner_look(0, 0, -1), OWNER_GONE);
}

/* A process with the PID of one that is gone, but another start time. */
static void test_other_start(void **state)
{
	struct owner o = start(NULL), other = o;
	int fd;

	(void)state;
	other.id ^= 1ULL << 40;
	assert_int_equal(look(&other, -1), OWNER_GONE);
	assert_int_equal(libring_owner_open(other.id, other.pidns, -1, &fd), OWNER_GONE);
	assert_int_equal(fd, -1);
	/* One whose start was not known when the ring was made. */
	other.id = (uint32_t)o.id;
	assert_int_equal(look(&other, -1), OWNER_UNKNOWN);
	kill_and_reap(o.pid);
	assert_int_equal(look(&other, -1), OWNER_GONE);
}

/* The descriptor tells the end. */
static void test_pidfd(void **state)
{
	struct owner o = start(NULL);
	struct pollfd pfd = { .events = POLLIN };

	(void)state;
	assert_int_equal(libring_owner_open(o.id, o.pidns, -1, &pfd.fd), OWNER_LIVES);
	assert_true(pfd.fd >= 0);
	assert_true(fcntl(pfd.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	kill_and_reap(o.pid);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	close(pfd.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_pid),	     cmocka_unit_test(test_by_lock),
		cmocka_unit_test(test_foreign_proc), cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_other_start),  cmocka_unit_test(test_pidfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

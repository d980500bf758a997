// SPDX-License-Identifier: GPL-2.0-only
/* The directories that are searched for sockets, and those that are not. Needs root. */

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "run_dir.h"

static int setup(void **state)
{
	run_dir_name();
	*state = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	alarm(120);
	return 0;
}

static int teardown(void **state)
{
	alarm(0);
	ring_writer_close(*state);
	run_dir_remove();
	return 0;
}

static int impostor(const char *name, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	mkdir(dir, 0755);
	strcpy(addr.sun_path, path_of(name));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/*
 * Opens a ring in a $XDG_RUNTIME_DIR of @mode, owned by @owner, as user @as.
 * Return: the errno of ring_open().
 */
static int open_in_runtime_dir(mode_t mode, uid_t owner, uid_t as)
{
	struct ring_reader *r = NULL;
	char run[96];
	int listener, status;
	pid_t pid;

	snprintf(run, sizeof(run), "%s/seqring", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(mkdir(run, 0755), 0);
	strcat(dir, "/seqring");
	listener = impostor("rt-unit", SOCK_SEQPACKET);
	*strrchr(dir, '/') = 0;
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(chown(dir, owner, (gid_t)-1), 0);
	assert_int_equal(chmod(dir, mode), 0);
	unsetenv("RINGDIR");
	setenv("XDG_RUNTIME_DIR", dir, 1);
	pid = fork();
	if (!pid) {
		/* The impostor hangs up: a reader that finds it gets -ECONNREFUSED. */
		if (as && (setgid(as) || setuid(as)))
			_exit(1);
		_exit(-ring_open("rt-unit", NULL, &r));
	}
	if (!waitpid(pid, &status, WNOHANG)) {
		struct pollfd pfd = { .fd = listener, .events = POLLIN };

		while (!waitpid(pid, &status, WNOHANG))
			if (poll(&pfd, 1, 1) > 0)
				close(accept(listener, NULL, NULL));
	}
	close(listener);
	assert_true(WIFEXITED(status));
	unsetenv("XDG_RUNTIME_DIR");
	setenv("RINGDIR", dir, 1);
	run_dir_clear();
	return WEXITSTATUS(status);
}

/* Only a directory of the user's own counts, and another one breaks nothing. */
static void test_runtime_dir(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(open_in_runtime_dir(0700, 0, 0), ECONNREFUSED);
	assert_int_equal(open_in_runtime_dir(0755, 0, 0), ECONNREFUSED);
	/* Root does not trust another user's, nor one where others may write. */
	assert_int_equal(open_in_runtime_dir(0700, 12345, 0), ENOENT);
	assert_int_equal(open_in_runtime_dir(0770, 0, 0), ENOENT);
	assert_int_equal(open_in_runtime_dir(0707, 0, 0), ENOENT);
	/* A user with root's gets on without it, as after su. */
	assert_int_equal(open_in_runtime_dir(0700, 0, 12345), ENOENT);
	assert_int_equal(open_in_runtime_dir(0755, 0, 12345), ENOENT);
}

/* A directory that was named, but may not be searched, is an error of its own. */
static void test_closed_dir(void **state)
{
	struct ring_reader *r = NULL;
	int fd, status;
	pid_t pid;

	if (geteuid())
		skip();
	assert_int_equal(ring_writer_listen(*state, "unit", &fd), 0);
	pid = fork();
	if (!pid)
		_exit(setgid(12345) || setuid(12345) ? 1 : -ring_open("unit", NULL, &r));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, EACCES << 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_runtime_dir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_dir, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

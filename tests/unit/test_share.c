// SPDX-License-Identifier: GPL-2.0-only
/* Who may open a served ring: modes, groups, and a share for each user. Needs root. */

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "run_dir.h"

#include "../../libring/base/hello.h"

#define OTHER 54321 /* a user and a group that own nothing */

#define LISTEN_OPTS(...) \
	(&(struct ring_listen_opts) { .size = sizeof(struct ring_listen_opts), __VA_ARGS__ })

static struct rlimit files;
static mode_t mask;

static int setup(void **state)
{
	strcpy(dir, "/tmp/ring-share-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	setenv("RINGDIR", dir, 1);
	getrlimit(RLIMIT_NOFILE, &files);
	mask = umask(077);
	*state = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	alarm(120);
	return 0;
}

static int teardown(void **state)
{
	alarm(0);
	ring_writer_close(*state);
	umask(mask);
	setrlimit(RLIMIT_NOFILE, &files);
	assert_int_equal(rmdir(dir), 0);
	unsetenv("RINGDIR");
	return 0;
}

/* The umask of setup() would close every socket to others. */
static void test_permissions(void **state)
{
	const struct {
		uint32_t asked;
		mode_t got;
	} table[] = { { 0, 0600 }, { 0666, 0666 }, { 0660, 0660 }, { 0600, 0600 } };
	struct stat st;
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct ring_writer *w = make_writer(1, 0, 0);

		assert_int_equal(ring_writer_listen_opts(w, "unit",
							 LISTEN_OPTS(.permissions = table[i].asked),
							 &fd),
				 0);
		assert_int_equal(stat(path_of("unit"), &st), 0);
		assert_int_equal(st.st_mode & 07777, table[i].got);
		ring_writer_close(w);
	}
}

static void test_group(void **state)
{
	struct stat st;
	int fd;

	if (geteuid())
		skip();
	assert_int_equal(ring_writer_listen_opts(*state, "unit",
						 LISTEN_OPTS(.permissions = 0660, .set_group = 1,
							     .group = OTHER),
						 &fd),
			 0);
	assert_int_equal(stat(path_of("unit"), &st), 0);
	assert_int_equal(st.st_gid, OTHER);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void test_bad_options(void **state)
{
	int fd = -7, err, status;
	pid_t pid;

	assert_rejected(ring_writer_listen_opts(*state, "unit", LISTEN_OPTS(.permissions = 0777),
						&fd),
			EINVAL);
	assert_rejected(ring_writer_listen_opts(*state, "unit", LISTEN_OPTS(.set_group = 2), &fd),
			EINVAL);
	assert_rejected(ring_writer_listen_opts(*state, "unit", LISTEN_OPTS(.group = 1), &fd),
			EINVAL);
	assert_rejected(ring_writer_listen_opts(*state, "unit", LISTEN_OPTS(.readers_max = 65537),
						&fd),
			EINVAL);
	assert_rejected(ring_writer_listen_opts(*state, "unit",
						LISTEN_OPTS(.readers_per_user = 65537), &fd),
			EINVAL);
	assert_rejected(ring_writer_listen_opts(*state, "unit", LISTEN_OPTS(.reserved = 1), &fd),
			EINVAL);
	assert_int_equal(fd, -7);
	assert_int_equal(access(path_of("unit"), F_OK), -1);
	if (geteuid())
		return;
	/* Any group is root's to give, but not another user's. */
	pid = fork();
	if (!pid) {
		if (chmod(dir, 0777) || setgroups(0, NULL) || setgid(OTHER) || setuid(OTHER))
			_exit(1);
		err = ring_writer_listen_opts(*state, "unit", LISTEN_OPTS(.set_group = 1), &fd);
		_exit(err == -EPERM && access(path_of("unit"), F_OK) ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Connects as another user, @nr times, and receives the greeting of @receive of them. */
static pid_t fork_crowd(int nr, int receive, int *ready)
{
	int p[2];
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };
		struct rlimit lim = { 4096, 4096 };
		char greeting[64];
		int i, fd;

		setrlimit(RLIMIT_NOFILE, &lim);
		if (setgroups(0, NULL) || setgid(OTHER) || setuid(OTHER))
			_exit(1);
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/unit", dir);
		for (i = 0; i < nr; i++) {
			fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
			if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
				_exit(2);
			if (i < receive && recv(fd, greeting, sizeof(greeting), 0) < 0)
				_exit(3);
			if (write(p[1], "x", 1) != 1)
				_exit(4);
		}
		for (;;)
			pause();
	}
	close(p[1]);
	*ready = p[0];
	return pid;
}

/* Serves until the crowd has connected @nr times, and a bit longer. */
static void serve_crowd(struct ring_writer *w, int fd, int ready, int nr)
{
	struct pollfd pfd[2] = { { .fd = fd, .events = POLLIN },
				 { .fd = ready, .events = POLLIN } };
	char c;
	int i;

	while (nr) {
		assert_true(poll(pfd, 2, PATIENCE_MS) > 0);
		if (pfd[0].revents)
			assert_int_equal(ring_writer_serve(w), 0);
		if (pfd[1].revents) {
			assert_int_equal(read(ready, &c, 1), 1);
			nr--;
		}
	}
	for (i = 0; i < 20; i++) {
		if (poll(pfd, 1, 1) > 0)
			ring_writer_serve(w);
	}
}

/* Serves for @ms, which is more than a few connections need. */
static void serve_for(struct ring_writer *w, int fd, unsigned int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t until = now_ns() + ms * MS;

	while (now_ns() < until)
		if (poll(&pfd, 1, 1) > 0)
			ring_writer_serve(w);
}

/* An honest reader of this user, while a thread would serve: open, serve and read in turn. */
static void check_honest_reader(struct ring_writer *w, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct ring_reader *r;

		_exit(ring_open("unit", NULL, &r) ? 1 : 0);
	}
	while (!waitpid(pid, &status, WNOHANG))
		if (poll(&pfd, 1, 1) > 0)
			ring_writer_serve(w);
	assert_int_equal(status, 0);
}

static void end_crowd(pid_t pid, int ready)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready);
}

/* One user's connections, received or not, take neither our descriptors nor others' places. */
static void test_crowds(void **state)
{
	const int crowd = 400, share = 100;
	struct rlimit lim = files;
	int receive, before;

	(void)state;
	if (geteuid() || lim.rlim_max < 1024)
		skip();
	for (receive = 0; receive <= crowd; receive += crowd) {
		struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
		int fd, ready;
		pid_t pid;

		lim.rlim_cur = 1024;
		setrlimit(RLIMIT_NOFILE, &lim);
		assert_int_equal(ring_writer_listen_opts(w, "unit",
							 LISTEN_OPTS(.permissions = 0666,
								     .readers_per_user = share),
							 &fd),
				 0);
		before = count_fds();
		pid = fork_crowd(crowd, receive, &ready);
		serve_crowd(w, fd, ready, crowd);
		/* A connection for each, and a doorbell for each that was greeted. */
		assert_true(count_fds() <= before + 2 * share + 1);
		assert_true(count_fds() >= before + share);
		check_honest_reader(w, fd);
		end_crowd(pid, ready);
		ring_writer_close(w);
	}
}

/* Counts the greetings with descriptors in these sockets, and leaves them there. */
static int count_greetings(const int *fds, int nr)
{
	struct libring_hello hello;
	int i, n = 0;

	for (i = 0; i < nr; i++)
		if (recv(fds[i], &hello, sizeof(hello), MSG_PEEK | MSG_DONTWAIT) == sizeof(hello))
			n += !hello.error;
	return n;
}

/* Another user that receives nothing has a limited number of descriptors in flight. */
static void test_untaken(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, fds[40], i, done[2], status;
	pid_t pid;
	char c;

	if (geteuid())
		skip();
	assert_int_equal(pipe(done), 0);
	assert_int_equal(ring_writer_listen_opts(*state, "unit", LISTEN_OPTS(.permissions = 0666),
						 &fd),
			 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(done[1]);
		if (setgroups(0, NULL) || setgid(OTHER) || setuid(OTHER))
			_exit(100);
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/unit", dir);
		for (i = 0; i < 40; i++) {
			fds[i] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
			if (connect(fds[i], (struct sockaddr *)&addr, sizeof(addr)))
				_exit(101);
		}
		_exit(read(done[0], &c, 1) ? 102 : count_greetings(fds, 40));
	}
	serve_for(*state, fd, 500);
	close(done[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 16 << 8);
	close(done[0]);
}

/* Readers whose greeting had to wait get it when others of their user have taken theirs. */
static void test_waiting_is_served(void **state)
{
	const int nr = 60;
	int fd, i, status;
	pid_t pid;

	if (geteuid())
		skip();
	assert_int_equal(ring_writer_listen_opts(*state, "unit", LISTEN_OPTS(.permissions = 0666),
						 &fd),
			 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };
		struct libring_hello hello;
		static int fds[60];

		if (setgroups(0, NULL) || setgid(OTHER) || setuid(OTHER))
			_exit(1);
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/unit", dir);
		for (i = 0; i < nr; i++) {
			fds[i] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
			if (connect(fds[i], (struct sockaddr *)&addr, sizeof(addr)))
				_exit(2);
		}
		for (i = 0; i < nr; i++)
			if (recv(fds[i], &hello, sizeof(hello), 0) != sizeof(hello) || hello.error)
				_exit(3);
		_exit(0);
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		if (poll(&pfd, 1, 1) > 0)
			ring_writer_serve(*state);
	}
	assert_int_equal(status, 0);
}

/* Readers leave their writer half of its descriptors, whatever it asks for. */
static void test_descriptors_are_left(void **state)
{
	struct rlimit lim = files;
	int fd, conns[64], i, n = 0;

	lim.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &lim);
	assert_int_equal(ring_writer_listen_opts(*state, "unit", LISTEN_OPTS(.readers_max = 1000),
						 &fd),
			 0);
	lim.rlim_cur = files.rlim_cur;
	setrlimit(RLIMIT_NOFILE, &lim);
	for (i = 0; i < 64; i++) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };
		struct libring_hello hello = { 0 };
		int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

		conns[i] = s;
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/unit", dir);
		assert_int_equal(connect(s, (struct sockaddr *)&addr, sizeof(addr)), 0);
		assert_int_equal(ring_writer_serve(*state), 0);
		assert_int_equal(recv(s, &hello, sizeof(hello), 0), sizeof(hello));
		n += !hello.error;
		assert_true(!hello.error || hello.error == EUSERS);
	}
	assert_int_equal(n, 32);
	for (i = 0; i < 64; i++)
		close(conns[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_permissions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_untaken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waiting_is_served, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors_are_left, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

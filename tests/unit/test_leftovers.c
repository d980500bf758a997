// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that killed processes left: they are found, and removed if their maker is gone. */

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "follow.h"

struct found {
	unsigned int nr;
	struct ring_leftover last;
};

static int note(const struct ring_leftover *l, void *arg)
{
	struct found *f = arg;

	f->nr++;
	f->last = *l;
	assert_int_equal(l->kind, RING_LEFTOVER_SOCKET);
	assert_string_equal(l->path, path_of(l->name));
	return 0;
}

static int stop_at_first(const struct ring_leftover *l, void *arg)
{
	(void)l;
	++*(int *)arg;
	return 17;
}

static struct found look(uint32_t flags)
{
	struct found f = { 0 };

	assert_int_equal(ring_leftovers(flags, note, &f), 0);
	return f;
}

static bool is_there(const char *name)
{
	return !access(path_of(name), F_OK);
}

/* A process that is killed while it serves. */
static void leave_socket(void)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .flags = RING_FOLLOW };
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	pid_t pid = fork_writer(w);
	struct ring_reader *r = NULL;

	opts.open_timeout_ms = PATIENCE_MS;
	assert_int_equal(ring_open(NAME, &opts, &r), 0);
	ring_close(r);
	kill_and_reap(pid);
	ring_writer_close(w);
	assert_true(is_there(NAME));
}

static void test_killed_server(void **state)
{
	int stopped = 0;
	struct found f;

	(void)state;
	/* No directory, no leftovers. */
	assert_int_equal(look(0).nr, 0);
	leave_socket();
	f = look(0);
	assert_int_equal(f.nr, 1);
	assert_int_equal(f.last.maker_gone, 1);
	assert_int_equal(f.last.removed, 0);
	assert_true(is_there(NAME));
	assert_int_equal(ring_leftovers(0, stop_at_first, &stopped), 17);
	f = look(RING_LEFTOVERS_REMOVE);
	assert_int_equal(f.nr, 1);
	assert_int_equal(f.last.removed, 1);
	assert_false(is_there(NAME));
	assert_int_equal(look(0).nr, 0);
}

/* What lives is no leftover: a server that sleeps, one that is stopped, and what is no ring's. */
static void test_alive(void **state)
{
	const uint32_t all = RING_LEFTOVERS_REMOVE | RING_LEFTOVERS_UNKNOWN;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ring_writer *w = start_writer(1);
	int fd, file;

	(void)state;
	assert_int_equal(look(all).nr, 0);
	assert_true(is_there(NAME));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(addr.sun_path, path_of("stream"));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	file = open(path_of("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	assert_int_equal(symlink("nowhere", path_of("link")), 0);
	assert_int_equal(look(all).nr, 0);
	assert_true(is_there("stream"));
	assert_true(is_there("file"));
	close(file);
	close(fd);
	ring_writer_close(w);
}

/* A process that begins to serve holds the lock: until then, nothing is known. */
static void test_unknown(void **state)
{
	struct found f;
	int lock;

	(void)state;
	leave_socket();
	lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	f = look(RING_LEFTOVERS_REMOVE);
	assert_int_equal(f.nr, 1);
	assert_int_equal(f.last.maker_gone, 0);
	assert_int_equal(f.last.removed, 0);
	assert_true(is_there(NAME));
	f = look(RING_LEFTOVERS_REMOVE | RING_LEFTOVERS_UNKNOWN);
	assert_int_equal(f.last.removed, 1);
	assert_false(is_there(NAME));
	close(lock);
}

static void test_bad_flags(void **state)
{
	struct found f = { 0 };

	(void)state;
	assert_rejected(ring_leftovers(4, note, &f), EINVAL);
	/* To remove what is unknown and leave what is known makes no sense. */
	assert_rejected(ring_leftovers(RING_LEFTOVERS_UNKNOWN, note, &f), EINVAL);
	assert_int_equal(f.nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_flags, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Rings by name: a process serves one, others open it, and one of them dies. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "run_dir.h"

#include "../../libring/base/hello.h"

static struct rlimit files;

static int setup(void **state)
{
	run_dir_name();
	getrlimit(RLIMIT_NOFILE, &files);
	*state = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	return 0;
}

static int teardown(void **state)
{
	setrlimit(RLIMIT_NOFILE, &files);
	ring_writer_close(*state);
	run_dir_remove();
	return 0;
}

/* Serves as long as it lives; reports the start on @ready. */
static pid_t fork_server(struct ring_writer *w, const char *name, int *ready)
{
	struct pollfd pfd = { .events = POLLIN };
	pid_t pid;
	int p[2];

	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (ring_writer_adopt(w) || ring_writer_listen(w, name, &pfd.fd))
			_exit(1);
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		publish_numbers(w, 0, 5);
		for (;;) {
			if (poll(&pfd, 1, -1) == 1)
				ring_writer_serve(w);
		}
	}
	close(p[1]);
	*ready = p[0];
	return pid;
}

static const char *path_in(struct ring_reader *r)
{
	struct ring_info info = { .size = sizeof(info) };

	assert_int_equal(ring_info(r, &info), 0);
	return info.path;
}

static void test_across_fork(void **state)
{
	struct ring_writer *w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	struct ring_record rec;
	struct ring_reader *r, *by_path;
	int ready, i;
	uint64_t n;
	pid_t pid;

	(void)state;
	pid = fork_server(w, "served", &ready);
	assert_int_equal(read(ready, &n, 1), 1);
	assert_int_equal(ring_open("served", NULL, &r), 0);
	assert_int_equal(ring_open(path_of("served"), NULL, &by_path), 0);
	/* The path that the name led to is that of the socket. */
	assert_string_equal(path_in(r), path_of("served"));
	assert_string_equal(path_in(by_path), path_of("served"));
	for (i = 0; i < 5; i++) {
		assert_int_equal(wait_woken(r), 0);
		assert_int_equal(ring_read(r, &rec, &n, sizeof(n)), 0);
		assert_int_equal(n, i);
		assert_int_equal(ring_read(by_path, &rec, &n, sizeof(n)), 0);
	}
	close(ready);
	ring_close(by_path);
	ring_close(r);
	r = open_reader(w, NULL);
	assert_null(path_in(r));
	ring_close(r);
	kill_and_reap(pid);
	ring_writer_close(w);
}

/* A killed writer sends nothing; the end of the connection shows its death. */
static void killed(unsigned int nr_rings)
{
	struct ring_writer *w = make_writer(nr_rings, SEQRING_CLOCK_MONOTONIC, 0);
	struct pollfd pfd = { .events = POLLIN };
	struct ring_reader *waits, *polls;
	struct ring_record rec;
	int ready, i, err;
	char c;
	pid_t pid;

	pid = fork_server(w, "killed", &ready);
	/* Not ring_writer_close() here: that would end the ring properly. */
	assert_int_equal(read(ready, &c, 1), 1);
	assert_int_equal(ring_open("killed", NULL, &waits), 0);
	assert_int_equal(ring_open("killed", NULL, &polls), 0);
	assert_int_equal(ring_fd(polls, &pfd.fd), 0);
	kill_and_reap(pid);

	for (i = 0; i < 5; i++) {
		assert_int_equal(wait_woken(waits), 0);
		assert_int_equal(ring_read(waits, &rec, NULL, 0), 0);
	}
	assert_rejected(ring_wait(waits, 0), ENODEV);
	assert_rejected(ring_wait(waits, PATIENCE_MS), ENODEV);
	assert_rejected(ring_read(waits, &rec, NULL, 0), ENODEV);
	assert_int_equal(stats_of(waits).dead, 1);

	for (i = 0;; i++) {
		err = ring_read(polls, &rec, NULL, 0);
		if (err == -ENODEV)
			break;
		if (err == -EAGAIN)
			assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
		else
			assert_int_equal(err, 0);
	}
	assert_int_equal(stats_of(polls).read, 5);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	ring_close(waits);
	ring_close(polls);

	/* No process serves the name any more, so any process may take it. */
	assert_rejected(ring_open("killed", NULL, &waits), ECONNREFUSED);
	assert_int_equal(ring_writer_listen(w, "killed", &pfd.fd), 0);
	ring_writer_close(w);
	assert_int_equal(access(path_of("killed"), F_OK), -1);
	close(ready);
}

static void test_killed(void **state)
{
	(void)state;
	killed(1);
	/* Rings that are merged have another end. */
	killed(2);
}

struct server {
	struct ring_writer *w;
	int fd;
	int stop[2];
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct server *s = arg;
	struct pollfd pfd[2] = {
		{ .fd = s->fd, .events = POLLIN },
		{ .fd = s->stop[0], .events = POLLIN },
	};

	for (;;) {
		if (poll(pfd, 2, -1) < 0)
			continue;
		if (pfd[1].revents)
			return NULL;
		if (pfd[0].revents && ring_writer_serve(s->w))
			abort();
	}
}

static void start(struct server *s, struct ring_writer *w, const char *name)
{
	s->w = w;
	assert_int_equal(ring_writer_listen(w, name, &s->fd), 0);
	assert_int_equal(pipe(s->stop), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	close(s->stop[1]);
	pthread_join(s->thread, NULL);
	close(s->stop[0]);
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void test_by_connection(void **state)
{
	struct ring_writer *w = *state;
	struct ring_record rec;
	struct server s;
	struct ring_reader *r;
	int fd;

	start(&s, w, "unit");
	fd = connect_to(path_of("unit"));
	assert_int_equal(ring_open_fd(fd, NULL, &r), 0);
	close(fd);
	publish_numbers(w, 0, 1);
	assert_int_equal(wait_woken(r), 0);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	stop(&s);
	ring_close(r);
}

static void test_readers_come_and_go(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r[20];
	struct server s;
	int i, round, before;

	start(&s, w, "unit");
	before = count_fds();
	for (round = 0; round < 30; round++) {
		for (i = 0; i < 20; i++)
			assert_int_equal(ring_open("unit", NULL, &r[i]), 0);
		for (i = 0; i < 20; i++)
			ring_close(r[i]);
	}
	stop(&s);
	/* One more look at the connections finds all of them closed. */
	ring_writer_serve(w);
	/* The two ends of the pipe that stopped the server are closed as well. */
	assert_int_equal(count_fds(), before - 2);
}

static void test_listen_rejections(void **state)
{
	struct ring_writer *w = *state, *other = make_writer(1, 0, 0);
	char path[200];
	int fd, file;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	assert_rejected(ring_writer_serve(w), EINVAL);
	assert_rejected(ring_writer_listen(w, NULL, &fd), EINVAL);
	assert_rejected(ring_writer_listen(w, "", &fd), EINVAL);
	assert_rejected(ring_writer_listen(w, ".x", &fd), EINVAL);
	assert_rejected(ring_writer_listen(w, "a b", &fd), EINVAL);
	assert_rejected(ring_writer_listen(w, path, &fd), ENAMETOOLONG);
	assert_rejected(ring_writer_listen(w, "/no/such/dir/x", &fd), ENOENT);
	setenv("RINGDIR", path, 1);
	assert_rejected(ring_writer_listen(w, "unit", &fd), ENAMETOOLONG);
	path[60] = 0;
	path[1] = '/';
	path[3] = '/';
	setenv("RINGDIR", path, 1);
	assert_rejected(ring_writer_listen(w, "unit", &fd), ENOENT);
	setenv("RINGDIR", dir, 1);

	assert_int_equal(ring_writer_listen(w, "unit", &fd), 0);
	assert_rejected(ring_writer_listen(w, "unit", &fd), EALREADY);
	assert_rejected(ring_writer_listen(w, "else", &fd), EALREADY);
	assert_rejected(ring_writer_listen(other, "unit", &fd), EADDRINUSE);
	/* A file that is no socket is not replaced. */
	file = open(path_of("file"), O_CREAT | O_WRONLY, 0600);
	close(file);
	assert_rejected(ring_writer_listen(other, "file", &fd), EADDRINUSE);
	assert_int_equal(access(path_of("file"), F_OK), 0);
	assert_int_equal(ring_writer_listen(other, path_of("by-path"), &fd), 0);
	ring_writer_close(other);
	assert_int_equal(access(path_of("by-path"), F_OK), -1);
	assert_int_equal(access(path_of("unit"), F_OK), 0);
}

/* Closing a writer spares its name if another writer has taken it over. */
static void test_close_spares_a_successor(void **state)
{
	struct ring_writer *w = *state, *old = make_writer(1, 0, 0);
	int fd;

	assert_int_equal(ring_writer_listen(old, "unit", &fd), 0);
	assert_int_equal(unlink(path_of("unit")), 0);
	assert_int_equal(ring_writer_listen(w, "unit", &fd), 0);
	ring_writer_close(old);
	assert_int_equal(access(path_of("unit"), F_OK), 0);
}

/* A socket of another program, and what it may send. */
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

struct reply {
	int listener;
	struct libring_hello hello;
	size_t len;
	int nr_fds;
	int fd;
	bool hang_up;
};

static void *answer(void *arg)
{
	struct reply *a = arg;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = { &a->hello, a->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int conn = accept(a->listener, NULL, NULL), i;

	memset(&control, 0, sizeof(control));
	if (a->nr_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE((size_t)a->nr_fds * sizeof(int));
		control.header.cmsg_len = CMSG_LEN((size_t)a->nr_fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		for (i = 0; i < a->nr_fds; i++)
			memcpy(CMSG_DATA(&control.header) + (size_t)i * sizeof(int), &a->fd,
			       sizeof(int));
	}
	if (!a->hang_up && sendmsg(conn, &msg, 0) < 0)
		abort();
	close(conn);
	return NULL;
}

#define GREETING(...) ((struct libring_hello) { __VA_ARGS__ })
#define HELLO	      GREETING(.magic = SEQRING_MAGIC, .version = 1)

static void test_bad_greetings(void **state)
{
	int listener = impostor("bad", SOCK_SEQPACKET), sent = eventfd(0, EFD_CLOEXEC), before;
	const size_t len = sizeof(struct libring_hello);
	const struct {
		struct reply reply;
		int err;
		const char *says;
	} table[] = {
		{ { .hang_up = true }, ECONNREFUSED, "hung up" },
		{ { .hello = HELLO, .len = LIBRING_HELLO_MIN - 1, .nr_fds = 3 },
		  EPROTO,
		  "no greeting" },
		{ { .hello = GREETING(.magic = 1, .version = 1), .len = len, .nr_fds = 3 },
		  EPROTO,
		  "no greeting" },
		{ { .hello = GREETING(.magic = SEQRING_MAGIC, .version = 2),
		    .len = len,
		    .nr_fds = 3 },
		  ENOTSUP,
		  "version 2" },
		{ { .hello = GREETING(.magic = SEQRING_MAGIC, .version = 1, .error = EUSERS),
		    .len = len },
		  ECONNREFUSED,
		  "no more readers" },
		{ { .hello = HELLO, .len = len, .nr_fds = 0 }, EPROTO, "fewer than 3" },
		{ { .hello = HELLO, .len = len, .nr_fds = 2 }, EPROTO, "fewer than 3" },
		{ { .hello = HELLO, .len = len, .nr_fds = 4 }, EPROTO, "more than 3" },
		{ { .hello = HELLO, .len = len, .nr_fds = 8 }, EPROTO, "more than 3" },
		{ { .hello = HELLO, .len = len, .nr_fds = 3 }, EPROTO, "no memfd" },
	};
	struct ring_reader *r = NULL;
	size_t i;

	(void)state;
	before = count_fds();
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct reply reply = table[i].reply;
		pthread_t thread;

		reply.listener = listener;
		reply.fd = sent;
		pthread_create(&thread, NULL, answer, &reply);
		assert_rejected(ring_open("bad", NULL, &r), table[i].err);
		assert_non_null(strstr(ring_strerror(), table[i].says));
		pthread_join(thread, NULL);
	}
	assert_int_equal(count_fds(), before);
	assert_null(r);
	close(sent);
	close(listener);
	assert_rejected(ring_open("bad", NULL, &r), ECONNREFUSED);
	listener = impostor("stream", SOCK_STREAM);
	assert_rejected(ring_open("stream", NULL, &r), EPROTO);
	close(listener);
}

/* Connected, but never served: the opening takes as long as its caller lets it. */
static void test_not_served(void **state)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .open_timeout_ms = 200 };
	uint64_t begin, took_long, took_short;
	struct ring_reader *r = NULL;
	int fd;

	assert_int_equal(ring_writer_listen(*state, "unit", &fd), 0);
	begin = now_ns();
	assert_rejected(ring_open("unit", NULL, &r), ETIMEDOUT);
	took_long = now_ns() - begin;
	assert_true(took_long >= 5000 * MS);
	begin = now_ns();
	assert_rejected(ring_open("unit", &opts, &r), ETIMEDOUT);
	took_short = now_ns() - begin;
	assert_true(took_short >= 200 * MS);
	/* The long opening is the control, so a busy machine changes nothing. */
	assert_true(took_short < took_long);
	assert_null(r);
}

/* The backlog is full: there is no room even to connect. */
static void test_full_backlog(void **state)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .open_timeout_ms = 100 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ring_reader *r = NULL;
	int fds[200], fd, n;

	assert_int_equal(ring_writer_listen(*state, "unit", &fd), 0);
	assert_true(strlen(path_of("unit")) < sizeof(addr.sun_path));
	strcpy(addr.sun_path, path_of("unit"));
	for (n = 0; n < 200; n++) {
		fds[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		assert_true(fds[n] >= 0);
		if (connect(fds[n], (struct sockaddr *)&addr, sizeof(addr)))
			break;
	}
	assert_true(n < 200);
	assert_rejected(ring_open("unit", &opts, &r), ETIMEDOUT);
	assert_non_null(strstr(ring_strerror(), "backlog"));
	for (; n >= 0; n--)
		close(fds[n]);
}

/* Without free descriptors, readers get an error and the server does not spin. */
static void test_server_without_descriptors(void **state)
{
	struct ring_writer *w = *state;
	struct rlimit low = files;
	struct pollfd pfd = { .events = POLLIN };
	struct libring_hello hello;
	int conn, next;

	assert_int_equal(ring_writer_listen(w, "unit", &pfd.fd), 0);
	conn = connect_to(path_of("unit"));
	next = dup(0);
	close(next);
	low.rlim_cur = (rlim_t)next;
	setrlimit(RLIMIT_NOFILE, &low);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	ring_writer_serve(w);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	setrlimit(RLIMIT_NOFILE, &files);
	assert_int_equal(recv(conn, &hello, sizeof(hello), 0), sizeof(hello));
	assert_int_equal(hello.error, EMFILE);
	close(conn);
	/* Later there is room again. */
	conn = connect_to(path_of("unit"));
	ring_writer_serve(w);
	assert_int_equal(recv(conn, &hello, sizeof(hello), 0), sizeof(hello));
	assert_int_equal(hello.error, 0);
	close(conn);
}

static void test_too_many_readers(void **state)
{
	enum { MAX = 1024 };
	struct ring_writer *w = *state;
	struct rlimit lim = files;
	struct libring_hello hello;
	static int conns[MAX];
	int fd, i, extra;

	if (lim.rlim_max < 3 * MAX)
		skip();
	lim.rlim_cur = 3 * MAX;
	setrlimit(RLIMIT_NOFILE, &lim);
	assert_int_equal(ring_writer_listen(w, "unit", &fd), 0);
	for (i = 0; i < MAX; i++) {
		conns[i] = connect_to(path_of("unit"));
		ring_writer_serve(w);
		assert_int_equal(recv(conns[i], &hello, sizeof(hello), 0), sizeof(hello));
		assert_int_equal(hello.error, 0);
	}
	extra = connect_to(path_of("unit"));
	ring_writer_serve(w);
	assert_int_equal(recv(extra, &hello, sizeof(hello), 0), sizeof(hello));
	assert_int_equal(hello.error, EUSERS);
	close(extra);
	/* A reader that leaves makes room. */
	close(conns[0]);
	conns[0] = connect_to(path_of("unit"));
	ring_writer_serve(w);
	assert_int_equal(recv(conns[0], &hello, sizeof(hello), 0), sizeof(hello));
	assert_int_equal(hello.error, 0);
	for (i = 0; i < MAX; i++)
		close(conns[i]);
}

struct names {
	int nr;
	int stop_at;
	char all[8][32];
};

static int note_name(const char *name, unsigned int writer, void *arg)
{
	struct names *n = arg;

	/* This machine may have other rings. */
	if (writer != SEQRING_WRITER_MEMFD)
		return 0;
	strcpy(n->all[n->nr++], name);
	return n->nr == n->stop_at ? 42 : 0;
}

static void test_list(void **state)
{
	struct ring_writer *w[3] = { make_writer(1, 0, 0), make_writer(1, 0, 0),
				     make_writer(1, 0, 0) };
	struct names n = { 0 };
	char run[80];
	int fd, i, j;

	(void)state;
	assert_int_equal(ring_list(note_name, &n), 0);
	assert_int_equal(n.nr, 0);
	assert_int_equal(ring_writer_listen(w[0], "one", &fd), 0);
	assert_int_equal(ring_writer_listen(w[1], "two", &fd), 0);
	assert_int_equal(ring_writer_listen(w[2], path_of("not a name"), &fd), 0);
	close(open(path_of("file"), O_CREAT | O_WRONLY, 0600));
	assert_int_equal(ring_list(note_name, &n), 0);
	assert_int_equal(n.nr, 2);
	for (i = 0, j = 0; i < 2; i++)
		j += !strcmp(n.all[i], "one") + 2 * !strcmp(n.all[i], "two");
	assert_int_equal(j, 3);
	n = (struct names) { .stop_at = 1 };
	assert_int_equal(ring_list(note_name, &n), 42);
	assert_int_equal(n.nr, 1);

	/* $XDG_RUNTIME_DIR/seqring, where there is no $RINGDIR. */
	unsetenv("RINGDIR");
	*strrchr(dir, '/') = 0;
	setenv("XDG_RUNTIME_DIR", dir, 1);
	snprintf(run, sizeof(run), "%s/seqring", dir);
	assert_int_equal(ring_writer_listen(*state, "three", &fd), 0);
	n = (struct names) { 0 };
	assert_int_equal(ring_list(note_name, &n), 0);
	for (i = 0, j = 0; i < n.nr; i++)
		j += !strcmp(n.all[i], "three");
	assert_int_equal(j, 1);
	assert_int_equal(access(run, F_OK), 0);
	unsetenv("XDG_RUNTIME_DIR");
	strcat(dir, "/run");
	for (i = 0; i < 3; i++)
		ring_writer_close(w[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_across_fork, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readers_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listen_rejections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_spares_a_successor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_greetings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_served, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_backlog, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_without_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

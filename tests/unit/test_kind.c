// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors that another process sends are checked by their kind before anything else is
 * done with them. The last tests have a file system of their own (FUSE), which never answers.
 */

#include <errno.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "greeting.h"

#define LIMIT_S 60

static int setup(void **state)
{
	alarm(LIMIT_S);
	*state = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	return 0;
}

static int teardown(void **state)
{
	ring_writer_close(*state);
	alarm(0);
	return 0;
}

/* Opens a ring by a connection whose peer sends these descriptors. */
static int open_sent(const struct ring_fds *fds, struct ring_reader **r)
{
	const struct libring_hello hello = { SEQRING_MAGIC, LIBRING_HELLO_VERSION, 0, 0 };

	return open_greeted(hello, sizeof(hello), *fds, r);
}

enum { EVENTFD, EPOLL, TIMER, PIPE, SOCKET, MEMFD, DEVICE, NR_KINDS };

static int make_fd(int kind)
{
	int fds[2] = { -1, -1 };

	switch (kind) {
	case EVENTFD:
		return eventfd(0, EFD_CLOEXEC);
	case EPOLL:
		return epoll_create1(EPOLL_CLOEXEC);
	case TIMER:
		return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	case PIPE:
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		break;
	case SOCKET:
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		break;
	case MEMFD:
		return memfd_create("kind", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	default:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	}
	close(fds[1]);
	return fds[0];
}

/* True if a reader was opened, or refused with the reason, as doorbells of that kind deserve. */
static bool judged_well(int err, struct ring_reader *r, int kind)
{
	if (kind != EVENTFD)
		return err == -EPROTO && strstr(ring_strerror(), "eventfd");
	if (!err)
		ring_close(r);
	return !err;
}

/* Return: the first kind of doorbell that was misjudged; -1: none. No assertion: a child asks. */
static int misjudged_doorbell(struct ring_writer *w)
{
	struct ring_reader *r = NULL;
	struct ring_fds fds;
	bool good = true;
	int kind, err;

	for (kind = 0; kind < NR_KINDS && good; kind++) {
		ring_writer_fds(w, &fds);
		fds.doorbell = make_fd(kind);
		err = ring_open_fds(&fds, NULL, &r);
		good = fds.doorbell >= 0 && judged_well(err, r, kind);
		err = open_sent(&fds, &r);
		good &= judged_well(err, r, kind);
		close(fds.doorbell);
	}
	return good ? -1 : kind - 1;
}

static void test_doorbells(void **state)
{
	assert_int_equal(misjudged_doorbell(*state), -1);
}

/* What is sent as the ring or as its thresholds is a memfd, even if it would work otherwise. */
static void test_not_memfds(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = NULL;
	struct ring_fds fds;
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		if (kind == MEMFD)
			continue;
		ring_writer_fds(w, &fds);
		fds.ring = make_fd(kind);
		assert_rejected(open_sent(&fds, &r), EPROTO);
		assert_non_null(strstr(ring_strerror(), "no memfd"));
		close(fds.ring);
		ring_writer_fds(w, &fds);
		fds.wait = make_fd(kind);
		assert_rejected(open_sent(&fds, &r), EPROTO);
		assert_non_null(strstr(ring_strerror(), "no memfd"));
		close(fds.wait);
	}
}

/* In a mount namespace of its own, without /proc. */
static void check_without_proc(struct ring_writer *w, bool *possible)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", "/proc", "tmpfs", 0, NULL) || !access("/proc/self", F_OK))
			_exit(77);
		_exit(misjudged_doorbell(w) + 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*possible = status != 77 << 8;
	if (*possible)
		assert_int_equal(status, 0);
}

static void test_doorbells_without_proc(void **state)
{
	bool possible;

	check_without_proc(*state, &possible);
	if (!possible)
		skip();
}

/*
 * A file system with one file, /file, in a process of its own. It answers what an open needs,
 * and no more. When that process ends, so does whatever waits for an answer.
 *
 * @asked: requests that have no answer; shared
 */
struct fs {
	int fd;
	char dir[32];
	pid_t pid;
	atomic_uint *asked;
};

static void reply(const struct fs *fs, uint64_t id, const void *data, size_t size)
{
	struct {
		struct fuse_out_header h;
		char data[256];
	} out = { .h = { .len = (uint32_t)(sizeof(out.h) + size), .unique = id } };

	memcpy(out.data, data, size);
	if (write(fs->fd, &out, out.h.len) < 0)
		_exit(1);
}

static void answer_one(const struct fs *fs, const struct fuse_in_header *in)
{
	const struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
					    .minor = 31,
					    .max_write = 4096 };
	const struct fuse_attr dir = { .ino = 1, .nlink = 1, .mode = S_IFDIR | 0755 };
	const struct fuse_attr file = { .ino = 2, .nlink = 1, .mode = S_IFREG | 0644 };

	if (in->opcode == FUSE_INIT)
		reply(fs, in->unique, &init, sizeof(init));
	else if (in->opcode == FUSE_LOOKUP)
		reply(fs, in->unique, &(struct fuse_entry_out) { .nodeid = 2, .attr = file },
		      sizeof(struct fuse_entry_out));
	else if (in->opcode == FUSE_GETATTR && in->nodeid == FUSE_ROOT_ID)
		reply(fs, in->unique, &(struct fuse_attr_out) { .attr = dir },
		      sizeof(struct fuse_attr_out));
	else if (in->opcode == FUSE_OPEN)
		reply(fs, in->unique, &(struct fuse_open_out) { .fh = 1 },
		      sizeof(struct fuse_open_out));
	else if (in->opcode != FUSE_INTERRUPT)
		atomic_fetch_add(fs->asked, 1);
}

static void run_fs(const struct fs *fs)
{
	static union {
		struct fuse_in_header h;
		char bytes[1 << 18];
	} in;

	alarm(LIMIT_S / 2);
	while (read(fs->fd, &in, sizeof(in)) > 0)
		answer_one(fs, &in.h);
	_exit(0);
}

static bool mount_fs(struct fs *fs)
{
	char options[128];

	*fs = (struct fs) { .dir = "/tmp/ring-fuse-XXXXXX" };
	fs->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fs->fd < 0)
		return false;
	assert_non_null(mkdtemp(fs->dir));
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fs->fd);
	if (mount("unit", fs->dir, "fuse", MS_NOSUID | MS_NODEV, options)) {
		rmdir(fs->dir);
		close(fs->fd);
		return false;
	}
	fs->asked = mmap(NULL, sizeof(*fs->asked), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fs->pid = fork();
	if (!fs->pid)
		run_fs(fs);
	close(fs->fd);
	return true;
}

static void unmount_fs(struct fs *fs)
{
	kill(fs->pid, SIGKILL);
	waitpid(fs->pid, NULL, 0);
	umount2(fs->dir, MNT_DETACH);
	rmdir(fs->dir);
	munmap(fs->asked, sizeof(*fs->asked));
}

static int open_file(struct fs *fs)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", fs->dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* The file stands for each of the descriptors. Nothing may be asked of its file system. */
static void test_file_system_that_hangs(void **state)
{
	struct ring_writer *w = *state;
	struct ring_reader *r = NULL;
	unsigned int asked;
	struct fs fs;
	int which, fd;

	if (!mount_fs(&fs))
		skip();
	fd = open_file(&fs);
	for (which = 0; which < 3; which++) {
		struct ring_fds fds;

		ring_writer_fds(w, &fds);
		*(which == 0 ? &fds.ring : which == 1 ? &fds.wait : &fds.doorbell) = fd;
		assert_rejected(open_sent(&fds, &r), EPROTO);
		assert_rejected(ring_open_fds(&fds, NULL, &r), EPROTO);
	}
	assert_rejected(ring_open_fd(fd, NULL, &r), EPROTO);
	asked = atomic_load(fs.asked);
	unmount_fs(&fs);
	close(fd);
	assert_int_equal(asked, 0);
}

/* The kernel says who listens at a socket; a connection without a listener has no such process. */
static void test_peer(void **state)
{
	struct ring_info info = { .size = sizeof(info) };
	struct ring_reader *r = open_reader(*state, NULL);
	struct ring_fds fds;

	memset(&info.peer_known, 0xff, 4 * sizeof(info.peer_known));
	assert_int_equal(ring_info(r, &info), 0);
	assert_int_equal(info.peer_known | info.peer_pid | info.peer_uid | info.peer_gid, 0);
	ring_close(r);

	ring_writer_fds(*state, &fds);
	assert_int_equal(open_sent(&fds, &r), 0);
	assert_int_equal(ring_info(r, &info), 0);
	assert_int_equal(info.peer_known, 1);
	assert_int_equal(info.peer_pid, getpid());
	assert_int_equal(info.peer_uid, geteuid());
	assert_int_equal(info.peer_gid, getegid());

	/* A program that was built with the first version of the struct. */
	info.size = offsetof(struct ring_info, peer_known);
	info.peer_pid = 77;
	assert_int_equal(ring_info(r, &info), 0);
	assert_int_equal(info.peer_pid, 77);
	assert_string_equal(info.name, "unit");
	info.size--;
	assert_rejected(ring_info(r, &info), EINVAL);
	ring_close(r);
}

static uint64_t creation_of(struct ring_reader *r)
{
	struct ring_info info = { .size = sizeof(info) };

	assert_int_equal(ring_info(r, &info), 0);
	ring_close(r);
	return info.creation;
}

/* All readers of a ring agree which one it is, and a ring of the same name and shape is another. */
static void test_creation(void **state)
{
	struct ring_info info = { .size = offsetof(struct ring_info, creation), .creation = 77 };
	struct ring_reader *r = open_reader(*state, NULL);
	uint64_t first, again, other;
	struct ring_writer *w;
	struct ring_fds fds;

	assert_int_equal(ring_info(r, &info), 0);
	assert_int_equal(info.creation, 77);
	first = creation_of(r);
	assert_int_not_equal(first, 0);
	ring_writer_fds(*state, &fds);
	assert_int_equal(open_sent(&fds, &r), 0);
	again = creation_of(r);
	assert_true(first == again);

	w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	other = creation_of(open_reader(w, NULL));
	ring_writer_close(w);
	assert_int_not_equal(other, 0);
	assert_true(other != first);
	/* The number of a ring that is gone does not come back. */
	w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	assert_true(creation_of(open_reader(w, NULL)) != other);
	ring_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_doorbells, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_memfds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_doorbells_without_proc, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_system_that_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_creation, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

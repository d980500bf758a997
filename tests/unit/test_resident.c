// SPDX-License-Identifier: GPL-2.0-only
/* Rings whose memory is there before it is used, and stays. */

#include <limits.h>
#include <sys/resource.h>

#include "unit.h"

#define SIZE (16u << 20)
/* Page faults of the test itself. Sanitizers have memory of their own for each page in use. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FEW LONG_MAX
#else
#define FEW 64
#endif
#define NOBODY	 65534
#define PAGE_MIN 4096u

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

static int create(uint32_t flags, uint32_t nr_rings, struct ring_writer **w)
{
	const struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.flags = flags,
		.nr_rings = nr_rings,
		.data_size = SIZE,
	};

	return ring_writer_create(&opts, w);
}

/* Publishes almost a lap. Return: the page faults that it took. */
static long publish_lap(struct ring_writer *w, unsigned int ring)
{
	static const char payload[1000];
	long before = faults();
	unsigned int i;

	for (i = 0; i < SIZE / 1032; i++)
		assert_int_equal(ring_writer_publish(w, ring, 0, payload, sizeof(payload)), 0);
	return faults() - before;
}

static long read_all(struct ring_reader *r)
{
	struct ring_record rec;
	char buf[1000];
	long before = faults();

	while (!ring_read(r, &rec, buf, sizeof(buf)))
		;
	return faults() - before;
}

/* The memory of this process that is locked, in bytes. */
static size_t locked(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	size_t kib = SIZE_MAX;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %zu kB", &kib) == 1)
			break;
	fclose(f);
	assert_true(kib != SIZE_MAX);
	return kib * 1024;
}

/* The control shows that the test would see the faults. */
static void test_prefault(void **state)
{
	struct ring_writer *w, *control;
	struct ring_reader *r;
	long slow;

	(void)state;
	assert_int_equal(create(RING_WRITER_PREFAULT, 1, &w), 0);
	assert_in_range(publish_lap(w, 0), 0, FEW);
	assert_int_equal(create(0, 1, &control), 0);
	slow = publish_lap(control, 0);
	if (slow < SIZE / 4096 / 4)
		print_message("# faults cannot be told here: %ld for %u bytes\n", slow, SIZE);

	r = open_reader(w, OPEN_OPTS(.flags = RING_PREFAULT));
	assert_in_range(read_all(r), 0, FEW);
	ring_close(r);
	r = open_reader(w, OPEN_OPTS(.flags = RING_PREFAULT | RING_EAGER));
	assert_in_range(read_all(r), 0, FEW);
	ring_close(r);
	ring_writer_close(control);
	ring_writer_close(w);
}

/* Only the ring that is read: the others may be large. */
static void test_one_ring(void **state)
{
	struct ring_writer *w;
	struct ring_reader *r;
	size_t before = locked();

	(void)state;
	assert_int_equal(create(0, 3, &w), 0);
	publish_lap(w, 1);
	r = open_reader(w, OPEN_OPTS(.flags = RING_PREFAULT | RING_LOCK, .one_ring = 1, .ring = 1));
	assert_in_range(locked() - before, SIZE, SIZE + 65536);
	assert_in_range(read_all(r), 0, FEW);
	ring_close(r);
	assert_int_equal(locked(), before);
	ring_writer_close(w);
}

static void test_lock(void **state)
{
	struct ring_writer *w;
	struct ring_reader *r;
	size_t before = locked();

	(void)state;
	assert_int_equal(create(RING_WRITER_LOCK, 1, &w), 0);
	assert_true(locked() - before >= SIZE);
	r = open_reader(w, OPEN_OPTS(.flags = RING_LOCK));
	assert_true(locked() - before >= 2 * SIZE);
	ring_close(r);
	ring_writer_close(w);
	assert_int_equal(locked(), before);
}

/* Of a process without privileges. The exit status says which check failed. */
static void try_locking(struct ring_writer *w, rlim_t limit, int err)
{
	const struct rlimit memlock = { limit, limit };
	struct ring_open_opts lock = { .size = sizeof(lock), .flags = RING_LOCK };
	struct ring_open_opts prefault = { .size = sizeof(prefault), .flags = RING_PREFAULT };
	struct ring_reader *r = NULL;
	struct ring_writer *other = NULL;
	struct ring_fds fds;

	ring_writer_fds(w, &fds);
	if (setrlimit(RLIMIT_MEMLOCK, &memlock) || (!getuid() && setresuid(NOBODY, NOBODY, NOBODY)))
		_exit(1);
	if (ring_open_fds(&fds, &lock, &r) != -err || r)
		_exit(2);
	if (!strstr(ring_strerror(), "RLIMIT_MEMLOCK"))
		_exit(3);
	if (create(RING_WRITER_LOCK, 1, &other) != -err || other)
		_exit(4);
	if (!strstr(ring_strerror(), "RLIMIT_MEMLOCK"))
		_exit(5);
	/* What needs no lock works. */
	if (ring_open_fds(&fds, &prefault, &r))
		_exit(6);
	ring_close(r);
	_exit(0);
}

static void check_refused(rlim_t limit, int err)
{
	struct ring_writer *w;
	int status;
	pid_t pid;

	assert_int_equal(create(0, 1, &w), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		try_locking(w, limit, err);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	ring_writer_close(w);
}

static void test_limit(void **state)
{
	(void)state;
	check_refused(0, EPERM);
	check_refused(PAGE_MIN, ENOMEM);
}

static void test_flags(void **state)
{
	struct ring_reader *r = NULL;
	struct ring_writer *w;
	struct ring_fds fds;

	(void)state;
	assert_rejected(create(1u << 4, 1, &w), EINVAL);
	assert_int_equal(create(RING_WRITER_FULL_FENCE | RING_WRITER_PREFAULT, 1, &w), 0);
	ring_writer_fds(w, &fds);
	assert_rejected(ring_open_fds(&fds, OPEN_OPTS(.flags = 1u << 3), &r), EINVAL);
	assert_null(r);
	ring_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefault), cmocka_unit_test(test_one_ring),
		cmocka_unit_test(test_lock),	 cmocka_unit_test(test_limit),
		cmocka_unit_test(test_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

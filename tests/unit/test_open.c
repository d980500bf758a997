// SPDX-License-Identifier: GPL-2.0-only
/* Opening: what is accepted, and every rejection of options, files and headers. */

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "unit.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static const char schema[] = "a schema";

static int setup(void **state)
{
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.nr_rings = 3,
		.data_size = DATA_SIZE,
		.name = "unit",
		.schema = schema,
		.schema_size = sizeof(schema),
	};
	struct ring_writer *w;

	assert_int_equal(ring_writer_create(&opts, &w), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	ring_writer_close(*state);
	return 0;
}

/* A memfd with the contents of @w's ring, but of @size bytes and with @seals. */
static int copy_of(const struct ring_writer *w, size_t size, int seals)
{
	int fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING), ro;
	size_t len = size < w->map_size ? size : w->map_size;
	char path[64];

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, w->map, len, 0), len);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	if (!(seals & F_SEAL_WRITE))
		return fd;
	/* Before Linux 6.7, a write-sealed memfd can be mapped from such a descriptor only. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return ro;
}

static void open_copy(const struct ring_writer *w, size_t size, int seals, int expected)
{
	int fd = copy_of(w, size, seals);
	struct ring_reader *r = NULL;

	if (expected) {
		assert_rejected(ring_open_fd(fd, NULL, &r), expected);
		assert_null(r);
	} else {
		assert_int_equal(ring_open_fd(fd, NULL, &r), 0);
		ring_close(r);
	}
	close(fd);
}

#define FIELD(f) offsetof(struct seqring_header, f), sizeof(((struct seqring_header *)0)->f)

static void test_header(void **state)
{
	struct ring_writer *w = *state;
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t total = w->map_size;
	const struct {
		size_t offset, size;
		uint64_t value;
		int err;
	} table[] = {
		{ FIELD(magic), 0, EPROTO },
		{ FIELD(magic), SEQRING_MAGIC ^ 1, EPROTO },
		{ FIELD(version), 0, EPROTO },
		{ FIELD(version), 7, 0 },
		{ FIELD(compat_version), 0, EPROTO },
		{ FIELD(compat_version), 2, EPROTO }, /* of version 1 */
		{ FIELD(features), ~0ULL & ~SEQRING_FEAT_MEMBARRIER, 0 },
		{ FIELD(features_required), 1, ENOTSUP },
		{ FIELD(features_required), 1ULL << 63, ENOTSUP },
		{ FIELD(header_size), 0, EPROTO },
		{ FIELD(header_size), 511, EPROTO },
		{ FIELD(header_size), page, 0 },
		{ FIELD(header_size), page + 1, EPROTO },
		{ FIELD(page_size), 0, EPROTO },
		{ FIELD(page_size), page / 2, EPROTO },
		{ FIELD(page_size), page * 2, EPROTO },
		{ FIELD(nr_rings), 0, EPROTO },
		{ FIELD(nr_rings), 1, 0 },
		{ FIELD(nr_rings), 4, EPROTO },
		{ FIELD(nr_rings), 4097, EPROTO },
		{ FIELD(nr_rings), UINT32_MAX, EPROTO },
		{ FIELD(clock_id), 99, 0 },
		{ FIELD(total_size), 0, EPROTO },
		{ FIELD(total_size), total - page, EPROTO },
		{ FIELD(total_size), total + 1, EPROTO },
		{ FIELD(total_size), total + page, EPROTO }, /* the file has less */
		{ FIELD(total_size), ~0ULL, EPROTO },
		{ FIELD(ring_offset), 0, EPROTO },
		{ FIELD(ring_offset), page + 8, EPROTO },
		{ FIELD(ring_offset), 3 * page, EPROTO },
		{ FIELD(ring_offset), ~(page - 1), EPROTO },
		{ FIELD(ring_offset), page, EPROTO }, /* over the schema */
		{ FIELD(ring_stride), 0, EPROTO },
		{ FIELD(ring_stride), DATA_SIZE, EPROTO },
		{ FIELD(ring_stride), DATA_SIZE + page + 8, EPROTO },
		{ FIELD(ring_stride), DATA_SIZE + 2 * page, EPROTO },
		{ FIELD(ring_stride), ~(page - 1), EPROTO },
		{ FIELD(ring_stride), 1ULL << 63, EPROTO },
		{ FIELD(data_offset), 0, EPROTO },
		{ FIELD(data_offset), 512, EPROTO },
		{ FIELD(data_offset), 2 * page, EPROTO },
		{ FIELD(data_offset), ~(page - 1), EPROTO },
		{ FIELD(data_size), 0, EPROTO },
		{ FIELD(data_size), DATA_SIZE / 2, EPROTO },
		{ FIELD(data_size), DATA_SIZE + 8, EPROTO },
		{ FIELD(data_size), DATA_SIZE * 2, EPROTO },
		{ FIELD(data_size), 1ULL << 31, EPROTO },
		{ FIELD(data_size), ~0ULL, EPROTO },
		{ FIELD(nr_segments), 8, EPROTO },
		{ FIELD(nr_segments), 32, EPROTO },
		{ FIELD(record_header_size), 0, EPROTO },
		{ FIELD(record_header_size), 16, EPROTO },
		{ FIELD(record_header_size), 32, EPROTO },
		{ FIELD(record_align), 4, EPROTO },
		{ FIELD(record_align), 0, EPROTO },
		{ FIELD(payload_max), 0, EPROTO },
		{ FIELD(payload_max), SEQRING_PAYLOAD_MAX(DATA_SIZE) + 1, EPROTO },
		{ FIELD(payload_max), UINT32_MAX, EPROTO },
		{ FIELD(schema_offset), 0, EPROTO }, /* with a size */
		{ FIELD(schema_offset), 8, EPROTO }, /* in the header */
		{ FIELD(schema_offset), 512, 0 },
		{ FIELD(schema_offset), total, EPROTO },
		{ FIELD(schema_offset), ~0ULL, EPROTO },
		{ FIELD(schema_offset), 2 * page, EPROTO }, /* in a ring */
		{ FIELD(schema_size), 0, EPROTO },
		{ FIELD(schema_size), page, 0 },
		{ FIELD(schema_size), page + 1, EPROTO },
		{ FIELD(schema_size), SEQRING_SCHEMA_SIZE_MAX + 1, EPROTO },
		{ FIELD(schema_size), ~0ULL, EPROTO },
		{ FIELD(writer_kind), 9, 0 },
		{ FIELD(writer_kind), SEQRING_WRITER_MODULE, EPROTO },
		{ FIELD(writer_kind), SEQRING_WRITER_BPF, EPROTO },
		{ FIELD(owner), 9, 0 },
	};
	struct seqring_header saved, *h = (struct seqring_header *)w->map;
	size_t i;

	open_copy(w, w->map_size, SEALS, 0);
	memcpy(&saved, h, sizeof(saved));
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		memcpy((unsigned char *)h + table[i].offset, &table[i].value, table[i].size);
		open_copy(w, w->map_size, SEALS, table[i].err);
		memcpy(h, &saved, sizeof(saved));
	}
	/* None of these is rejected only because the sizes no longer fit. */
	h->nr_rings = SEQRING_RINGS_MAX + 1;
	h->total_size = h->ring_offset + h->nr_rings * h->ring_stride;
	open_copy(w, h->total_size, SEALS, EPROTO);
	memcpy(h, &saved, sizeof(saved));
	h->total_size += 4 * page;
	h->ring_offset += 8;
	open_copy(w, h->total_size, SEALS, EPROTO);
	h->ring_offset -= 8;
	h->ring_stride += 8;
	open_copy(w, h->total_size, SEALS, EPROTO);
	h->ring_stride += page - 8;
	h->data_offset += 8;
	open_copy(w, h->total_size, SEALS, EPROTO);
	memcpy(h, &saved, sizeof(saved));
	/* A format newer than this library. */
	h->version = 3;
	h->compat_version = 2;
	open_copy(w, w->map_size, SEALS, ENOTSUP);
	memcpy(h, &saved, sizeof(saved));
	/* Another format of records: a newer version, or a contradiction. */
	h->record_header_size += 8;
	h->version = 2;
	open_copy(w, w->map_size, SEALS, EPROTO);
	h->compat_version = 2;
	open_copy(w, w->map_size, SEALS, ENOTSUP);
	h->record_header_size -= 8;
	h->compat_version = 1;
	open_copy(w, w->map_size, SEALS, 0);
	memcpy(h, &saved, sizeof(saved));
	memset(h->name, 'x', sizeof(h->name));
	open_copy(w, w->map_size, SEALS, EPROTO);
	memcpy(h, &saved, sizeof(saved));
	h->schema_offset = 0;
	h->schema_size = 0;
	open_copy(w, w->map_size, SEALS, 0);
	memcpy(h, &saved, sizeof(saved));
}

static void test_file_size(void **state)
{
	struct ring_writer *w = *state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	open_copy(w, 0, SEALS, EPROTO);
	open_copy(w, 100, SEALS, EPROTO);
	open_copy(w, page, SEALS, EPROTO);
	open_copy(w, w->map_size - page, SEALS, EPROTO);
	open_copy(w, w->map_size - 1, SEALS, EPROTO);
	open_copy(w, w->map_size + 2 * page, SEALS, 0);
}

static void test_seals(void **state)
{
	struct ring_writer *w = *state;
	size_t size = w->map_size;

	open_copy(w, size, 0, EPERM);
	open_copy(w, size, SEALS & ~F_SEAL_SHRINK, EPERM);
	open_copy(w, size, SEALS & ~F_SEAL_GROW, EPERM);
	open_copy(w, size, SEALS & ~F_SEAL_SEAL, EPERM);
	open_copy(w, size, SEALS & ~F_SEAL_FUTURE_WRITE, EPERM);
	open_copy(w, size, (SEALS & ~F_SEAL_FUTURE_WRITE) | F_SEAL_WRITE, 0);
}

/* The writer's own ring: no holder of the descriptor can write it. */
static void test_writer_is_sealed(void **state)
{
	struct ring_writer *w = *state;
	struct ring_fds fds;

	assert_int_equal(ring_writer_fds(w, &fds), 0);
	assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds.ring, 0) ==
		    MAP_FAILED);
	assert_int_equal(write(fds.ring, "x", 1), -1);
	assert_int_equal(ftruncate(fds.ring, 0), -1);
	assert_int_equal(fcntl(fds.ring, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(ftruncate(fds.wait, 0), -1);
	assert_true(fcntl(fds.ring, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fds.wait, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fds.doorbell, F_GETFD) & FD_CLOEXEC);
}

static void test_not_a_ring(void **state)
{
	struct ring_reader *r = NULL;
	int p[2], fd;

	(void)state;
	assert_rejected(ring_open_fd(-1, NULL, &r), EBADF);
	assert_rejected(ring_open_fd(1 << 20, NULL, &r), EBADF);
	assert_int_equal(pipe(p), 0);
	assert_rejected(ring_open_fd(p[0], NULL, &r), EPROTO);
	close(p[0]);
	close(p[1]);
	fd = open("/dev/null", O_RDONLY);
	assert_rejected(ring_open_fd(fd, NULL, &r), EPROTO);
	close(fd);
	fd = open("/proc/self/exe", O_RDONLY);
	assert_rejected(ring_open_fd(fd, NULL, &r), EPROTO);
	close(fd);
	assert_rejected(ring_open("/dev/null", NULL, &r), EPROTO);
	assert_rejected(ring_open("/proc/self/exe", NULL, &r), EPROTO);
	assert_rejected(ring_open("/", NULL, &r), EPROTO);
	assert_null(r);
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", ".hidden", "a b", "a\n", "12345678901234567890123456789012", "a:b",
	};
	struct ring_reader *r = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_rejected(ring_open(bad[i], NULL, &r), EINVAL);
	assert_rejected(ring_open(NULL, NULL, &r), EINVAL);
	assert_rejected(ring_open("no-such-ring", NULL, &r), ENOENT);
	assert_rejected(ring_open("/no/such/path", NULL, &r), ENOENT);
	assert_rejected(ring_open("/proc/self/exe/x", NULL, &r), ENOENT);
	assert_null(r);
}

static void test_path_of_memfd(void **state)
{
	struct ring_writer *w = *state;
	struct ring_record rec;
	struct ring_fds fds;
	struct ring_reader *r;
	char path[64];
	int fd;

	ring_writer_fds(w, &fds);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fds.ring);
	assert_int_equal(ring_open(path, NULL, &r), 0);
	publish_numbers(w, 1, 1);
	assert_int_equal(ring_read(r, &rec, NULL, 0), 0);
	assert_int_equal(rec.ring, 1);
	/* Without the doorbell it cannot sleep. */
	assert_rejected(ring_wait(r, 0), EOPNOTSUPP);
	assert_rejected(ring_fd(r, &fd), EOPNOTSUPP);
	assert_int_equal(ring_set_wakeup(r, 1, 2, 3), 0);
	ring_close(r);
	ring_close(NULL);
}

static void try_opts(struct ring_writer *w, struct ring_open_opts opts, int err)
{
	struct ring_fds fds;
	struct ring_reader *r = NULL;

	ring_writer_fds(w, &fds);
	if (err) {
		assert_rejected(ring_open_fds(&fds, &opts, &r), err);
		assert_rejected(ring_open_fd(fds.ring, &opts, &r), err);
		assert_null(r);
	} else {
		assert_int_equal(ring_open_fds(&fds, &opts, &r), 0);
		ring_close(r);
	}
}

#define OPTS(...) ((struct ring_open_opts) { .size = sizeof(struct ring_open_opts), __VA_ARGS__ })

static void test_options(void **state)
{
	struct ring_writer *w = *state;

	try_opts(w, OPTS(.flags = 0), 0);
	try_opts(w, OPTS(.flags = RING_EAGER), 0);
	try_opts(w, OPTS(.flags = 1u << 31), EINVAL);
	try_opts(w, OPTS(.flags = ~0u), EINVAL);
	try_opts(w, OPTS(.whence = RING_NEWEST), 0);
	try_opts(w, OPTS(.whence = RING_HEAD), 0);
	try_opts(w, OPTS(.whence = RING_SEQ), EOPNOTSUPP);
	try_opts(w, OPTS(.whence = RING_SEQ, .one_ring = 1, .value = 1), 0);
	try_opts(w, OPTS(.whence = RING_SEQ, .one_ring = 1, .value = 2), ERANGE);
	try_opts(w, OPTS(.whence = RING_SEQ, .one_ring = 1, .value = ~0ULL), ERANGE);
	try_opts(w, OPTS(.whence = RING_TIME), EOPNOTSUPP); /* no clock */
	try_opts(w, OPTS(.whence = 6), EINVAL);
	try_opts(w, OPTS(.one_ring = 1, .ring = 2), 0);
	try_opts(w, OPTS(.one_ring = 1, .ring = 3), EINVAL);
	try_opts(w, OPTS(.one_ring = 2), EINVAL);
	try_opts(w, OPTS(.ring = 1), EINVAL);
	try_opts(w, OPTS(.merge_window_ns = 1), EINVAL); /* no clock */
	try_opts(w, (struct ring_open_opts) { .size = 0 }, EINVAL);
	/* The first version ended with ring. */
	try_opts(w,
		 (struct ring_open_opts) {
			 .size = offsetof(struct ring_open_opts, open_timeout_ms) },
		 0);
	try_opts(w,
		 (struct ring_open_opts) {
			 .size = offsetof(struct ring_open_opts, open_timeout_ms) - 1 },
		 EINVAL);
	try_opts(w, OPTS(.open_timeout_ms = 1), 0);
	try_opts(w, OPTS(.open_timeout_ms = 3600000), 0);
	try_opts(w, OPTS(.open_timeout_ms = 3600001), EINVAL);
	try_opts(w, (struct ring_open_opts) { .size = 1 << 30 }, E2BIG);
}

/* A longer struct of a later version is accepted if its new fields are zero. */
static void test_later_options(void **state)
{
	struct {
		struct ring_open_opts opts;
		uint32_t later[5];
	} o = { .opts.size = sizeof(o) };
	struct ring_writer *w = *state;
	struct ring_fds fds;
	struct ring_reader *r = NULL;

	ring_writer_fds(w, &fds);
	assert_int_equal(ring_open_fds(&fds, &o.opts, &r), 0);
	ring_close(r);
	o.later[4] = 1;
	r = NULL;
	assert_rejected(ring_open_fds(&fds, &o.opts, &r), E2BIG);
	assert_rejected(ring_open("name", &o.opts, &r), E2BIG);
	assert_null(r);
}

/* A size that no option struct ever has is rejected, even if the struct is zero. */
static void test_endless_options(void **state)
{
	static union {
		struct ring_open_opts opts;
		char bytes[8192];
	} o = { .opts.size = sizeof(o) };
	struct ring_fds fds;
	struct ring_reader *r = NULL;

	ring_writer_fds(*state, &fds);
	assert_rejected(ring_open_fds(&fds, &o.opts, &r), E2BIG);
	assert_null(r);
}

/* Opening a FIFO would wait for a writer. */
static void test_fifo(void **state)
{
	char path[] = "/tmp/seqring-unit-XXXXXX";
	struct ring_reader *r = NULL;

	(void)state;
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20);
	assert_rejected(ring_open(path, NULL, &r), EPROTO);
	alarm(0);
	unlink(path);
	assert_null(r);
}

static void test_bad_fds(void **state)
{
	struct ring_writer *w = *state;
	struct ring_fds fds, bad;
	struct ring_reader *r = NULL;

	ring_writer_fds(w, &fds);
	bad = fds;
	bad.ring = -1;
	assert_rejected(ring_open_fds(&bad, NULL, &r), EBADF);
	bad = fds;
	bad.wait = -1;
	assert_rejected(ring_open_fds(&bad, NULL, &r), EBADF);
	bad = fds;
	bad.doorbell = -1;
	assert_rejected(ring_open_fds(&bad, NULL, &r), EBADF);
	/* Not a memfd, not sealed, too short, and not possible to poll. */
	bad = fds;
	bad.wait = fds.doorbell;
	assert_rejected(ring_open_fds(&bad, NULL, &r), EPROTO);
	bad.wait = copy_of(w, 4096, 0);
	assert_rejected(ring_open_fds(&bad, NULL, &r), EPERM);
	close(bad.wait);
	bad.wait = copy_of(w, 3 * 128 - 1, SEALS & ~F_SEAL_FUTURE_WRITE);
	assert_rejected(ring_open_fds(&bad, NULL, &r), EPROTO);
	close(bad.wait);
	bad.wait = copy_of(w, 4096, SEALS); /* not for readers to write */
	assert_rejected(ring_open_fds(&bad, NULL, &r), EPERM);
	close(bad.wait);
	bad = fds;
	bad.doorbell = fds.wait;
	assert_rejected(ring_open_fds(&bad, NULL, &r), EPROTO);
	assert_null(r);
}

/* A failure leaves nothing open, and the caller's descriptors stay. */
static void test_no_leaks(void **state)
{
	struct ring_writer *w = *state;
	struct ring_open_opts bad = OPTS(.whence = RING_TIME);
	struct ring_fds fds;
	struct ring_reader *r;
	int before = count_fds(), maps = count_maps("seqring"), i;
	char path[64];

	ring_writer_fds(w, &fds);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds.ring);
	for (i = 0; i < 50; i++) {
		assert_int_equal(ring_open_fds(&fds, NULL, &r), 0);
		ring_close(r);
		assert_int_equal(ring_open_fds(&fds, &bad, &r), -EOPNOTSUPP);
		assert_int_equal(ring_open_fd(fds.ring, &bad, &r), -EOPNOTSUPP);
		assert_int_equal(ring_open_fd(fds.doorbell, &bad, &r), -EPROTO);
		/* What the library itself has opened. */
		assert_int_equal(ring_open(path, &bad, &r), -EOPNOTSUPP);
	}
	assert_int_equal(count_fds(), before);
	assert_int_equal(count_maps("seqring"), maps);
	assert_true(fcntl(fds.ring, F_GETFD) >= 0);
}

static void test_corrupt_start(void **state)
{
	struct ring_writer *w = *state;
	struct ring_open_opts newest = OPTS(.whence = RING_NEWEST);
	struct ring_fds fds;
	struct ring_reader *r = NULL;

	ring_writer_fds(w, &fds);
	w->rings[2].w.ctl->tail = 3;
	assert_rejected(ring_open_fds(&fds, NULL, &r), EPROTO);
	w->rings[2].w.ctl->tail = DATA_SIZE - 8;
	assert_rejected(ring_open_fds(&fds, NULL, &r), EPROTO);
	w->rings[2].w.ctl->last = 3;
	assert_rejected(ring_open_fds(&fds, &newest, &r), EPROTO);
	assert_null(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writer_is_sealed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_a_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_of_memfd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endless_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fifo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_fds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_leaks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corrupt_start, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

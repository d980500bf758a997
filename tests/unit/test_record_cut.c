// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recorders that are killed in the middle of a write, or that cannot write; and files that were
 * changed afterwards.
 */

#include <sys/resource.h>

#include "../lib/random.h"
#include "recording.h"

/* A sanitizer makes each child ten times as slow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KILLS 100
#else
#define KILLS 1000
#endif
#define FLIPS	1000
#define BATCH	35
#define BATCHES 170

/* Shared with the child: records that it knows to be in the files. */
struct shared {
	volatile uint64_t recorded;
	volatile uint64_t segment;
};

static void limit_files(rlim_t bytes)
{
	const struct rlimit limit = { bytes, RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Records @batches batches. In file number @segment, byte @cut and later cannot be written. */
static void record_until(struct recorded *t, struct shared *shared, int batches, uint64_t segment,
			 rlim_t cut)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };
	int i;

	t->w = make_writer(1, SEQRING_CLOCK_MONOTONIC, 0);
	t->r = open_reader(t->w, NULL);
	if (segment == 1)
		limit_files(cut);
	assert_int_equal(ring_recorder_create(t->dir, t->r, RECORDER_OPTS(.segment_bytes = 1 << 16),
					      &t->rec),
			 0);
	for (i = 0; i < batches; i++) {
		assert_int_equal(ring_recorder_stats(t->rec, &st), 0);
		shared->segment = st.segments;
		/* The next file begins at any time from now on. */
		if (st.segments == segment - 1 && st.bytes > (segment - 1) * 60000)
			limit_files(cut);
		publish_numbers(t->w, 0, BATCH);
		recorded_copy(t);
		shared->recorded += BATCH;
	}
	assert_int_equal(ring_recorder_close(t->rec), 0);
}

/* Reads what is whole. Return: the number of records, which have no gap. */
static uint64_t read_whole(struct ring_reader *r)
{
	struct ring_record rec;
	uint64_t number, n = 0;

	while (!ring_read(r, &rec, &number, sizeof(number))) {
		assert_int_equal(rec.seq, ++n);
		assert_int_equal(rec.lost, 0);
		assert_int_equal(number, (n - 1) % BATCH);
	}
	return n;
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_size;
}

/* Kills a recorder at one byte. Adds to @killed and @torn: whether it was, and what it left. */
static void kill_once(struct shared *shared, uint64_t segment, rlim_t cut, int *killed, int *torn)
{
	struct recorded t = { 0 };
	struct ring_recording_info ri;
	struct ring_reader *r = NULL;
	uint64_t n;
	int status;
	pid_t pid;

	recorded_dir(&t);
	shared->recorded = 0;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		record_until(&t, shared, BATCHES, segment, cut);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*killed += WIFSIGNALED(status);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGXFSZ);
	} else {
		assert_int_equal(WEXITSTATUS(status), 0);
		assert_int_equal(shared->recorded, BATCH * BATCHES);
	}
	if (ring_open(t.dir, NULL, &r)) {
		/* Killed in the header of the first file, which has no name yet. */
		assert_int_equal(shared->recorded, 0);
		assert_true(segment == 1 && cut < 1024);
		recorded_end(&t);
		return;
	}
	n = read_whole(r);
	/* The last write may have ended in time, and the recorder before it could say so. */
	assert_true(n == shared->recorded || n == shared->recorded + BATCH);
	ri = recorded_info(r);
	assert_int_equal(ri.records, n);
	assert_int_equal(ri.complete, WIFEXITED(status));
	assert_int_equal(ri.damaged, 0);
	assert_int_equal(stats_of(r).end, ri.complete ? RING_ENDED : RING_KILLED);
	assert_non_null(strstr((ring_wait(r, 0), ring_strerror()),
			       ri.complete ? "ends here" : "has no end"));
	/* The limit came at the end of the file before, or in this one. */
	if (ri.torn_bytes)
		assert_true(size_of(recorded_file(&t, (unsigned int)segment)) == (off_t)cut ||
			    size_of(recorded_file(&t, (unsigned int)segment - 1)) == (off_t)cut);
	*torn += !!ri.torn_bytes;
	ring_close(r);
	recorded_end(&t);
}

static void test_killed_at_any_byte_the_rest_is_read(void **state)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t seed = 20240607;
	int i, killed = 0, torn = 0;

	(void)state;
	assert_true(shared != MAP_FAILED);
	for (i = 0; i < KILLS; i++)
		kill_once(shared, 1 + next_random(&seed) % 3, next_random(&seed) % 64000, &killed,
			  &torn);
	/* A cut between two chunks, or in the header of a file, leaves nothing torn: about half. */
	assert_true(killed > KILLS / 2);
	assert_true(torn > killed / 4);
	munmap(shared, sizeof(*shared));
}

/* The disk is full for a while. Nothing is lost, since the ring has room. */
static void test_a_full_disk_is_told_and_got_over(void **state)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };
	struct ring_recording_info ri;
	uint64_t nr, before, published = 0;
	struct ring_reader *r;
	struct recorded t;
	int err = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	limit_files(10001);
	while (!err || err == -EAGAIN) {
		assert_int_equal(ring_recorder_stats(t.rec, &st), 0);
		before = st.records;
		publish_numbers(t.w, 0, BATCH);
		published += BATCH;
		err = ring_recorder_copy(t.rec, &nr);
	}
	assert_int_equal(err, -EFBIG);
	assert_non_null(strstr(ring_strerror(), t.dir));
	assert_int_equal(nr, 0);
	assert_int_equal(ring_recorder_stats(t.rec, &st), 0);
	assert_int_equal(st.records, before);
	assert_int_equal(st.lost, 0);
	assert_int_equal(st.bytes, size_of(recorded_file(&t, 1)));
	assert_rejected(ring_recorder_copy(t.rec, &nr), EFBIG);
	/* Nothing half-valid is there now. */
	r = recorded_open(&t, NULL);
	assert_int_equal(read_whole(r), before);
	assert_int_equal(recorded_info(r).torn_bytes, 0);
	ring_close(r);

	limit_files(RLIM_INFINITY);
	assert_int_equal(recorded_copy(&t), published - before);
	recorded_close(&t);
	r = recorded_open(&t, NULL);
	assert_int_equal(read_whole(r), published);
	ri = recorded_info(r);
	assert_true(ri.complete && !ri.recorder_lost);
	ring_close(r);
	recorded_end(&t);
}

/* A disk that stays full: what was counted is there. */
static void test_a_failure_at_the_end_leaves_the_records(void **state)
{
	struct ring_reader *r;
	struct recorded t;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	publish_numbers(t.w, 0, BATCH);
	recorded_copy(&t);
	limit_files((rlim_t)size_of(recorded_file(&t, 1)) + 50);
	assert_rejected(ring_recorder_close(t.rec), EFBIG);
	t.rec = NULL;
	limit_files(RLIM_INFINITY);
	r = recorded_open(&t, NULL);
	assert_int_equal(read_whole(r), BATCH);
	assert_false(recorded_info(r).complete);
	assert_int_equal(recorded_info(r).torn_bytes, 0);
	ring_close(r);
	recorded_end(&t);
}

static void test_a_directory_that_is_gone_is_told(void **state)
{
	struct recorded t;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	recorded_publish(&t, 10);
	assert_int_equal(unlink(recorded_file(&t, 1)), 0);
	assert_int_equal(rmdir(t.dir), 0);
	publish_numbers(t.w, 0, 10);
	assert_rejected(ring_recorder_copy(t.rec, NULL), ENOENT);
	assert_rejected(ring_recorder_sync(t.rec), ENOENT);
	assert_rejected(ring_recorder_close(t.rec), ENOENT);
	t.rec = NULL;
	recorded_end(&t);
}

static void flip_byte(const char *path, off_t at, unsigned char bits)
{
	unsigned char byte;
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= bits;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* Reads with a byte changed. Each record is right, and each one that is missing is counted. */
static void read_flipped(const struct recorded *t, uint64_t total, uint64_t *missing)
{
	struct ring_reader *r = NULL;
	struct ring_recording_info ri;
	struct ring_stats st;
	struct ring_record rec;
	uint64_t number, n = 0, seq = 0;
	int err;

	err = ring_open(t->dir, OPEN_OPTS(.whence = RING_SEQ, .value = 1), &r);
	if (err) {
		assert_rejected(err, EPROTO);
		*missing += total;
		return;
	}
	while (!(err = ring_read(r, &rec, &number, sizeof(number)))) {
		assert_int_equal(rec.seq, seq + 1 + rec.lost);
		seq = rec.seq;
		assert_int_equal(number, (seq - 1) % BATCH);
		n++;
	}
	assert_int_equal(err, -ENODEV);
	st = stats_of(r);
	assert_int_equal(n + st.lost, total);
	assert_int_equal(st.lag_records, 0);
	ri = recorded_info(r);
	assert_true(ri.damaged <= st.lost);
	*missing += st.lost;
	ring_close(r);
}

static void test_changed_bytes_are_found(void **state)
{
	const uint64_t total = BATCH * 100;
	uint64_t seed = 99, missing = 0;
	struct shared shared = { 0 };
	struct recorded t = { 0 };
	unsigned char bits;
	off_t size, at;
	int i;

	(void)state;
	recorded_dir(&t);
	record_until(&t, &shared, 100, 9, 0);
	t.rec = NULL;
	size = size_of(recorded_file(&t, 1));
	read_flipped(&t, total, &missing);
	assert_int_equal(missing, 0);
	for (i = 0; i < FLIPS; i++) {
		at = (off_t)(next_random(&seed) % (uint64_t)size);
		bits = (unsigned char)(1 + next_random(&seed) % 255);
		flip_byte(recorded_file(&t, 1), at, bits);
		read_flipped(&t, total, &missing);
		flip_byte(recorded_file(&t, 1), at, bits);
	}
	/* A changed record costs its chunk; a changed index costs none. */
	assert_true(missing >= BATCH * FLIPS / 4);
	assert_true(missing < FLIPS * total / 4);
	recorded_end(&t);
}

/* The file gets shorter while it is read: the rest is lost, and nothing is killed. */
static void test_a_file_that_shrinks_kills_nobody(void **state)
{
	struct ring_reader *r;
	struct ring_stats st;
	struct recorded t;
	uint64_t n = 0;
	struct ring_record rec;
	uint64_t number;

	(void)state;
	recorded_begin(&t, 1, SEQRING_CLOCK_MONOTONIC, NULL);
	recorded_publish(&t, 10000);
	recorded_close(&t);
	r = recorded_open(&t, NULL);
	assert_int_equal(truncate(recorded_file(&t, 1), 100000), 0);
	while (!ring_read(r, &rec, &number, sizeof(number)))
		n++;
	st = stats_of(r);
	assert_true(n > 1000 && n < 10000);
	assert_int_equal(n + st.lost, 10000);
	assert_int_equal(recorded_info(r).damaged, st.lost);
	ring_close(r);
	recorded_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_at_any_byte_the_rest_is_read),
		cmocka_unit_test(test_a_full_disk_is_told_and_got_over),
		cmocka_unit_test(test_a_failure_at_the_end_leaves_the_records),
		cmocka_unit_test(test_a_directory_that_is_gone_is_told),
		cmocka_unit_test(test_changed_bytes_are_found),
		cmocka_unit_test(test_a_file_that_shrinks_kills_nobody),
	};

	return cmocka_run_group_tests_name("record_cut", tests, NULL, NULL);
}

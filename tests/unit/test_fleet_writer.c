// SPDX-License-Identifier: GPL-2.0-only
/* Directories of messages: what was written is read, whatever the end of the newest file is. */
#include <errno.h>
#include <sys/stat.h>

#include "../../tools/fleet/archive.h"
#include "../../tools/fleet/writer.h"
#include "run_dir.h"

#define FILE_SIZE (1u << 20)
#define SIZE	  sizeof(struct whole)

/* A batch of one record with 8 bytes: header, record, payload. */
struct whole {
	_Alignas(8) unsigned char bytes[FLEET_HEADER_SIZE + 32];
};

/* What fleet_archive_read() found. */
struct found {
	uint64_t numbers[16];
	unsigned int nr;
	unsigned int damaged;
};

static struct fleet_message make(uint64_t number, struct whole *w)
{
	const struct fleet_message m = {
		.kind = FLEET_BATCH,
		.epoch = 5,
		.number = number,
		.id = { .nonce = 99, .name = "ticks" },
		.first = number,
		.last = number,
		.first_ns = 1,
		.last_ns = 1,
		.body_size = 32,
	};

	fleet_put_record(w->bytes + FLEET_HEADER_SIZE, number, 1, 1, "12345678", 8);
	assert_int_equal(fleet_encode(&m, w->bytes + FLEET_HEADER_SIZE, w->bytes), 0);
	return m;
}

static struct fleet_writer *open_writer(uint64_t file_size, struct fleet_written *found)
{
	struct fleet_writer *w = NULL;
	const char *what = "";

	assert_int_equal(fleet_writer_open(dir, file_size, found, &w, &what), 0);
	assert_non_null(w);
	return w;
}

static void append(struct fleet_writer *w, uint64_t from, uint64_t to)
{
	struct fleet_message m;
	struct whole bytes;
	const char *what;

	for (; from <= to; from++) {
		m = make(from, &bytes);
		assert_int_equal(fleet_writer_append(w, &m, bytes.bytes, &what), 0);
	}
	assert_true(fleet_writer_unsynced(w) >= SIZE);
	assert_int_equal(fleet_writer_sync(w, &what), 0);
	assert_int_equal(fleet_writer_unsynced(w), 0);
}

static int take(const struct fleet_message *m, const void *body, void *arg)
{
	struct found *f = arg;

	(void)body;
	assert_true(f->nr < ARRAY_SIZE(f->numbers));
	f->numbers[f->nr++] = m->number;
	return 0;
}

static int take_damage(const char *file, uint64_t at, const char *why, void *arg)
{
	struct found *f = arg;

	(void)file;
	(void)at;
	assert_true(strlen(why) > 10);
	f->damaged++;
	return 0;
}

/* Reads the directory, which has to have the messages @from to @to, and no others. */
static void assert_read(uint64_t from, uint64_t to)
{
	struct found f = { 0 };
	unsigned int i;

	assert_int_equal(fleet_archive_read(dir, take, take_damage, &f), 0);
	assert_int_equal(f.damaged, 0);
	assert_int_equal(f.nr, to - from + 1);
	for (i = 0; i < f.nr; i++)
		assert_int_equal(f.numbers[i], from + i);
}

static void write_first(uint64_t to)
{
	struct fleet_written found;
	struct fleet_writer *w = open_writer(FILE_SIZE, &found);

	assert_int_equal(found.last.number, 0);
	append(w, 1, to);
	fleet_writer_close(w);
}

static off_t size_of(const char *file)
{
	struct stat st;

	return stat(path_of(file), &st) ? -1 : st.st_size;
}

static void change_byte(const char *file, off_t at)
{
	int fd = open(path_of(file), O_RDWR);
	unsigned char c;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

static void test_files(void **state)
{
	struct fleet_written found;
	struct fleet_writer *w;

	(void)state;
	run_dir_clear();
	/* Two messages fit, a third one begins another file. */
	w = open_writer(2 * SIZE, &found);
	append(w, 1, 5);
	fleet_writer_close(w);
	assert_int_equal(size_of("0000000001.fleet"), 2 * SIZE);
	assert_int_equal(size_of("0000000003.fleet"), SIZE);
	w = open_writer(2 * SIZE, &found);
	assert_int_equal(found.last.number, 5);
	assert_int_equal(found.cut + found.kept, 0);
	append(w, 6, 7);
	fleet_writer_close(w);
	assert_int_equal(size_of("0000000003.fleet"), 2 * SIZE);
	assert_int_equal(size_of("0000000004.fleet"), SIZE);
	assert_read(1, 7);
}

static void test_one_writer(void **state)
{
	struct fleet_written found;
	struct fleet_writer *w, *other;
	const char *what = "";

	(void)state;
	run_dir_clear();
	w = open_writer(FILE_SIZE, &found);
	assert_int_equal(fleet_writer_open(dir, FILE_SIZE, &found, &other, &what), -EWOULDBLOCK);
	assert_true(strlen(what) > 10);
	fleet_writer_close(w);
	fleet_writer_close(open_writer(FILE_SIZE, &found));
}

/* The last message is cut, as after a crash. */
static void test_torn(void **state)
{
	struct fleet_written found;
	struct fleet_writer *w;
	size_t bytes;

	(void)state;
	for (bytes = 0; bytes <= SIZE; bytes += 16) {
		run_dir_clear();
		write_first(3);
		assert_int_equal(truncate(path_of("0000000001.fleet"), (off_t)(2 * SIZE + bytes)),
				 0);
		w = open_writer(FILE_SIZE, &found);
		assert_int_equal(found.last.number, bytes == SIZE ? 3 : 2);
		assert_int_equal(found.cut, bytes == SIZE ? 0 : bytes);
		assert_int_equal(found.kept, 0);
		assert_int_equal(size_of("0000000001.fleet"), found.last.number * SIZE);
		append(w, found.last.number + 1, 4);
		fleet_writer_close(w);
		assert_read(1, 4);
	}
}

/* A file that a crash left empty says nothing of the last message. */
static void test_empty(void **state)
{
	struct fleet_written found;
	struct fleet_writer *w;
	int fd;

	(void)state;
	run_dir_clear();
	write_first(2);
	fd = open(path_of("0000000002.fleet"), O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	w = open_writer(FILE_SIZE, &found);
	assert_int_equal(found.last.number, 2);
	append(w, 3, 3);
	fleet_writer_close(w);
	assert_read(1, 3);
}

/* A byte of a message in the middle changes: the messages behind it stay. */
static void test_damaged(void **state)
{
	struct fleet_written found;
	struct fleet_writer *w;
	size_t byte;

	(void)state;
	for (byte = 0; byte < SIZE; byte += 19) {
		run_dir_clear();
		write_first(3);
		change_byte("0000000001.fleet", (off_t)(SIZE + byte));
		w = open_writer(FILE_SIZE, &found);
		assert_int_equal(found.last.number, 1);
		assert_int_equal(found.cut, 0);
		assert_int_equal(found.kept, 2 * SIZE);
		append(w, 2, 2);
		fleet_writer_close(w);
		assert_int_equal(size_of("0000000001.fleet"), 3 * SIZE);
		assert_int_equal(size_of("0000000002.fleet"), SIZE);
	}
}

static void test_failures(void **state)
{
	struct fleet_written found;
	struct fleet_writer *w = NULL;
	const char *what = "";

	(void)state;
	assert_int_equal(fleet_writer_open("/proc/none", FILE_SIZE, &found, &w, &what), -ENOENT);
	assert_true(strlen(what) > 10);
	assert_int_equal(fleet_writer_open("/dev/null", FILE_SIZE, &found, &w, &what), -ENOTDIR);
	assert_true(strlen(what) > 10);
	assert_null(w);
	fleet_writer_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),	cmocka_unit_test(test_one_writer),
		cmocka_unit_test(test_torn),	cmocka_unit_test(test_empty),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, run_dir_setup, run_dir_teardown);
}

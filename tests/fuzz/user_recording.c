// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as the files of a recording. Most inputs get the right magic numbers and CRCs first, so
 * that it is the values that lie. A file may be cut in two files, or be written while it is read.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <seqring/recording.h>

#include "libring.h"
#include "user_fuzz.h"
#include "../../libring/base/crc32c.h"

#define OPS	    16
#define BOTH	    1024u /* bytes of both headers */
#define RECORDS_MAX 200000u
#define BATCH	    7u

/* Bits of the first byte. */
#define AS_IT_IS  1 /* no CRC is mended */
#define TWO_FILES 2
#define ONE_FILE  4 /* is opened, not the directory */
#define LIVE	  8 /* a recorder seems to run, and writes the second half later */

static char dir[64];
static uint64_t sum;

/* @prev: the seq of the record before, by ring; 0: any one may follow */
static struct {
	struct ring_reader *r;
	uint64_t prev[SEQRING_RINGS_MAX];
	uint64_t read;
} t;

static uint64_t whole(uint64_t size)
{
	return sizeof(struct seqring_chunk) + ((size + 7) & ~7ull);
}

/* Where the chunks begin, as far as the file has them. */
static size_t chunks_at(const unsigned char *file, size_t size)
{
	const struct seqring_recording *rec = (const void *)(file + 512);

	return rec->chunk_offset < BOTH || rec->chunk_offset > size || rec->chunk_offset & 7 ?
		       BOTH :
		       (size_t)rec->chunk_offset;
}

/* Makes magic numbers and CRCs of the headers right. */
static void mend_header(unsigned char *file, size_t size)
{
	struct seqring_header *h = (void *)file;
	struct seqring_recording *rec = (void *)(file + 512);

	if (size < BOTH)
		return;
	h->magic = SEQRING_MAGIC;
	h->features_required = SEQRING_REQUIRE_RECORDING;
	rec->magic = SEQRING_RECORDING_MAGIC;
	rec->version = SEQRING_RECORDING_VERSION;
	rec->chunk_offset = chunks_at(file, size);
	rec->crc = 0;
	rec->crc = libring_crc32c(0, file, (size_t)rec->chunk_offset);
}

/* The same for the chunks, each of which ends within the file. */
static void mend_chunks(unsigned char *file, size_t size)
{
	struct seqring_chunk c;
	size_t at = size < BOTH ? size : chunks_at(file, size);

	while (size - at >= sizeof(c)) {
		memcpy(&c, file + at, sizeof(c));
		c.magic = SEQRING_CHUNK_MAGIC;
		c.offset = at;
		if (c.size > size - at - sizeof(c))
			c.size = (size - at - sizeof(c)) & ~7ull;
		if (whole(c.size) > size - at)
			c.size &= ~7ull;
		c.crc = libring_crc32c(0, file + at + sizeof(c), (size_t)c.size);
		c.header_crc = libring_crc32c(0, &c, offsetof(struct seqring_chunk, header_crc));
		memcpy(file + at, &c, sizeof(c));
		at += (size_t)whole(c.size);
	}
}

static void path_of(char *path, size_t size, unsigned int nr)
{
	snprintf(path, size, "%s/%010u.seg", dir, nr);
}

static void write_file(unsigned int nr, const void *p, size_t size, int flags)
{
	char path[96];
	int fd;

	path_of(path, sizeof(path), nr);
	fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
	FUZZ_CHECK(fd >= 0 && write(fd, p, size) == (ssize_t)size, "%s: cannot write", path);
	close(fd);
}

static void outcome(int err)
{
	static const int known[] = { 0,	     EAGAIN, ENODEV,	EBADMSG, EPIPE, EOPNOTSUPP,
				     ERANGE, ENOENT, ETIMEDOUT, EINVAL,	 EBUSY };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (err == -known[i])
			return;
	fuzz_fail("a call returns %d: %s", err, ring_strerror());
}

static int check_record(const struct ring_record *rec, void *arg)
{
	const unsigned char *p = rec->payload;
	uint64_t *prev = &t.prev[rec->ring % SEQRING_RINGS_MAX];
	uint32_t i;

	(void)arg;
	for (i = 0; i < rec->len; i++)
		sum += p[i];
	FUZZ_CHECK(!*prev || (rec->seq > *prev && rec->seq == *prev + 1 + rec->lost),
		   "seq %llu follows %llu with %llu lost", (unsigned long long)rec->seq,
		   (unsigned long long)*prev, (unsigned long long)rec->lost);
	*prev = rec->seq;
	return ++t.read > RECORDS_MAX;
}

static void read_batch(void)
{
	static uint64_t buf[SEQRING_DATA_SIZE_MIN / 8];
	struct ring_record recs[BATCH];
	unsigned int nr, i;

	outcome(ring_read_batch(t.r, recs, BATCH, buf, sizeof(buf), &nr));
	for (i = 0; i < nr; i++)
		check_record(&recs[i], NULL);
}

static void seek(enum ring_whence whence, uint64_t value)
{
	memset(t.prev, 0, sizeof(t.prev));
	outcome(ring_seek(t.r, whence, value));
}

/* @rest: what a recorder adds, @size bytes; written once */
static void one_call(uint8_t op, const unsigned char **rest, size_t size)
{
	struct ring_stats st = { .size = sizeof(st) };
	struct ring_recording_info ri = { .size = sizeof(ri) };
	struct ring_record rec;
	unsigned char buf[64];
	uint64_t ns;

	switch (op & 15) {
	case 0:
	case 1:
		ring_consume(t.r, check_record, NULL, 0, NULL);
		break;
	case 2:
		read_batch();
		break;
	case 3:
		seek(RING_SEQ, op >> 4);
		break;
	case 4:
		outcome(ring_recording_info(t.r, &ri));
		seek(RING_TIME, op & 16 ? ri.last_ns : ri.first_ns + (op >> 4));
		break;
	case 5:
		seek(op & 16 ? RING_NEWEST : RING_HEAD, 0);
		break;
	case 6:
		seek(RING_OLDEST, 0);
		break;
	case 7:
		outcome(ring_newest(t.r, op >> 6, &rec, buf, sizeof(buf)));
		break;
	case 8:
		outcome(ring_stats(t.r, &st));
		break;
	case 9:
		outcome(ring_wall_time(t.r, 1ull << (op >> 4), &ns));
		outcome(ring_now(t.r, &ns));
		break;
	case 10:
		seek(RING_REALTIME, 1ull << (op >> 2));
		break;
	case 11:
	case 12:
		if (*rest)
			write_file(1, *rest, size, O_APPEND);
		*rest = NULL;
		break;
	case 13:
		outcome(ring_wait(t.r, 0));
		break;
	default:
		if (!ring_read(t.r, &rec, buf, sizeof(buf))) {
			rec.payload = buf;
			rec.len = rec.len < sizeof(buf) ? rec.len : sizeof(buf);
			check_record(&rec, NULL);
		}
	}
}

static void make_dir(void)
{
	strcpy(dir, access("/dev/shm", W_OK) ? "/tmp/fuzz-recording-XXXXXX" :
					       "/dev/shm/fuzz-recording-XXXXXX");
	FUZZ_CHECK(mkdtemp(dir), "no directory");
}

static void remove_files(void)
{
	char path[96];
	unsigned int nr;

	for (nr = 1; nr <= 2; nr++) {
		path_of(path, sizeof(path), nr);
		unlink(path);
	}
	rmdir(dir);
}

/* The end of the chunk that is in the middle of the file. */
static size_t middle(const unsigned char *file, size_t size)
{
	struct seqring_chunk c;
	size_t at = size < BOTH ? size : chunks_at(file, size);

	while (at < size / 2 && size - at >= sizeof(c)) {
		memcpy(&c, file + at, sizeof(c));
		if (c.size > size - at - sizeof(c) || whole(c.size) > size - at)
			break;
		at += (size_t)whole(c.size);
	}
	return at;
}

/* Writes the files. Return: what is written later, of @left bytes; NULL: nothing. */
static const unsigned char *write_files(uint8_t flags, unsigned char *file, size_t size,
					size_t *left)
{
	size_t half = size, head = size < BOTH ? size : chunks_at(file, size);
	unsigned char *second;

	if (!(flags & AS_IT_IS)) {
		mend_header(file, size);
		mend_chunks(file, size);
	}
	if (flags & (TWO_FILES | LIVE))
		half = middle(file, size);
	write_file(1, file, half, O_TRUNC);
	*left = size - half;
	if (!(flags & TWO_FILES))
		return flags & LIVE ? file + half : NULL;
	second = malloc(head + *left + 1);
	memcpy(second, file, head);
	memcpy(second + head, file + half, *left);
	if (!(flags & AS_IT_IS))
		mend_chunks(second, head + *left);
	write_file(2, second, head + *left, O_TRUNC);
	free(second);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ring_open_opts opts = { .size = sizeof(opts) };
	const unsigned char *rest;
	unsigned char *file;
	uint8_t ops[OPS], flags;
	char path[96];
	size_t left, i;
	int lock;

	if (size < 1 + OPS)
		return 0;
	flags = data[0];
	memcpy(ops, data + 1, OPS);
	size -= 1 + OPS;
	file = malloc(size + 1);
	memcpy(file, data + 1 + OPS, size);
	make_dir();
	rest = write_files(flags, file, size, &left);
	lock = open(dir, O_RDONLY | O_DIRECTORY);
	if (flags & LIVE)
		flock(lock, LOCK_EX | LOCK_NB);
	path_of(path, sizeof(path), 1);
	memset(&t, 0, sizeof(t));
	if (!ring_open(flags & ONE_FILE ? path : dir, &opts, &t.r)) {
		for (i = 0; i < OPS; i++)
			one_call(ops[i], &rest, left);
		/* Its recorder is killed, and all that is left is read. */
		close(lock);
		lock = -1;
		for (i = 0; i < 8; i++)
			ring_consume(t.r, check_record, NULL, 0, NULL);
		ring_close(t.r);
	}
	if (lock >= 0)
		close(lock);
	remove_files();
	free(file);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * libring on any three descriptors: a memfd that is a ring, almost a ring, or no ring, of
 * any size, sealed or not; a memfd with the wake thresholds; a doorbell. A header that is
 * true has any values that the format allows, and not those that our own writer chooses.
 * Inaccessible pages surround each mapping of the library.
 */

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user_fuzz.h"
#include "libring.h"
#include "../../libring/base/fd.h"
#include "../../libring/reader/reader.h"

#define PAGE	   4096u
#define SCHEMA	   24u
#define GAP_MAX	   3 /* pages between two areas that need none */
#define HEADER_MAX (PAGE - SCHEMA)
#define ALL_SEALS  (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
#define MAPS_MAX   16
#define BATCH_MAX  5u
#define READ_STEPS (64 * FUZZ_DATA_SIZE)
#define PEEK_MAX   20

void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t off);
int __real_munmap(void *at, size_t size);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *at, size_t size);

/* The library's mappings. */
static struct {
	unsigned char *at;
	size_t size;
} maps[MAPS_MAX];

static struct {
	struct ring_reader *r;
	struct ring_fds fds;
	unsigned char *map; /* the writer's mapping, of @total bytes */
	size_t total;
	uint32_t payload_max; /* that the reader was told at the opening */
	struct seqring_wait *wait;
	uint64_t expected[FUZZ_RINGS_MAX];
	uint64_t sum; /* of the bytes read, so that the compiler keeps the loads */
} t;

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t off)
{
	const size_t whole = (size + PAGE - 1) / PAGE * PAGE;
	unsigned char *room;
	unsigned int i;
	void *p;

	if (at || fd < 0)
		return __real_mmap(at, size, prot, flags, fd, off);
	FUZZ_CHECK(fd == t.fds.wait || !(prot & PROT_WRITE), "the ring is mapped writable");
	for (i = 0; i < MAPS_MAX && maps[i].at; i++)
		;
	room = __real_mmap(NULL, whole + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FUZZ_CHECK(i < MAPS_MAX && room != MAP_FAILED, "too many mappings");
	p = __real_mmap(room + PAGE, size, prot, flags | MAP_FIXED, fd, off);
	if (p == MAP_FAILED) {
		__real_munmap(room, whole + 2 * PAGE);
		return p;
	}
	maps[i].at = p;
	maps[i].size = size;
	return p;
}

int __wrap_munmap(void *at, size_t size)
{
	const size_t whole = (size + PAGE - 1) / PAGE * PAGE;
	unsigned int i;

	for (i = 0; i < MAPS_MAX; i++) {
		if (maps[i].at == at) {
			FUZZ_CHECK(maps[i].size == size, "only a part of a mapping is unmapped");
			maps[i].at = NULL;
			return __real_munmap((unsigned char *)at - PAGE, whole + 2 * PAGE);
		}
	}
	return __real_munmap(at, size);
}

bool fuzz_is_shared(const void *p, size_t size)
{
	uintptr_t at = (uintptr_t)p;
	unsigned int i;

	for (i = 0; i < MAPS_MAX; i++) {
		uintptr_t from = (uintptr_t)maps[i].at;

		if (from && at >= from && at - from <= maps[i].size &&
		    maps[i].size - (at - from) >= size)
			return true;
	}
	return false;
}

/* Mostly 0: a gap between two areas is legal, but our own writer leaves none. */
static uint64_t gap(void)
{
	const uint8_t pick = fuzz_8(&fuzz.lies);

	return pick & 0xc0 ? 0 : (uint64_t)(pick % (GAP_MAX + 1)) * PAGE;
}

/* A payload_max that the format allows; with our own writer it is the largest. */
static uint32_t any_payload_max(void)
{
	const uint32_t max = SEQRING_PAYLOAD_MAX(FUZZ_DATA_SIZE);
	const uint8_t pick = fuzz_8(&fuzz.lies);

	return pick & 0xc0 ? max : 1 + (fuzz_16(&fuzz.lies) >> (pick & 15)) % max;
}

/* Sets each field to any value that is allowed with the fields before it. */
static void fill_header(struct seqring_header *h)
{
	const uint8_t schema = fuzz_8(&fuzz.lies), version = fuzz_8(&fuzz.lies);
	uint64_t room;

	*h = (struct seqring_header) {
		.magic = SEQRING_MAGIC,
		.version = SEQRING_VERSION + version % 3,
		.compat_version = SEQRING_COMPAT_VERSION,
		.features = (uint64_t)(version & 0x80) << 24,
		.header_size = sizeof(*h) + fuzz_16(&fuzz.lies) % (HEADER_MAX - sizeof(*h) + 1),
		.page_size = PAGE,
		.nr_rings = fuzz.nr_rings,
		.clock_id = fuzz_8(&fuzz.lies) % 4,
		.ring_offset = 2 * PAGE + gap(),
		.data_offset = PAGE + gap(),
		.data_size = FUZZ_DATA_SIZE,
		.nr_segments = SEQRING_SEGMENTS,
		.record_header_size = sizeof(struct seqring_record),
		.record_align = SEQRING_RECORD_ALIGN,
		.payload_max = any_payload_max(),
		.writer_kind = SEQRING_WRITER_MEMFD,
		.name = "fuzz",
	};
	/* The writer does not know of this limit. */
	fuzz.lied |= h->payload_max < SEQRING_PAYLOAD_MAX(FUZZ_DATA_SIZE);
	h->ring_stride = h->data_offset + FUZZ_DATA_SIZE + gap();
	h->total_size = h->ring_offset + h->nr_rings * h->ring_stride + gap();
	if (schema & 7) {
		h->schema_size = SCHEMA;
		room = h->ring_offset - h->header_size - SCHEMA + 1;
		/* Before the rings, at any byte; or at the end of a page behind them. */
		h->schema_offset = h->header_size + fuzz_16(&fuzz.lies) % room;
		if (schema & 8) {
			h->total_size += PAGE;
			h->schema_offset = h->total_size - SCHEMA;
		}
	}
}

static unsigned char *new_memfd(size_t size, int *fd)
{
	void *p;

	*fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || ftruncate(*fd, (off_t)size))
		fuzz_fail("cannot make a memfd");
	p = __real_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	FUZZ_CHECK(p != MAP_FAILED, "mmap");
	return p;
}

/* May change the file's size or leave out seals; mostly does neither. */
static void spoil_file(int fd, size_t size)
{
	const uint8_t how = fuzz_8(&fuzz.lies);
	int seals = ALL_SEALS;
	off_t to = (off_t)size;

	if ((how & 7) == 1)
		to = (off_t)(fuzz_16(&fuzz.lies) * 64u);
	if ((how & 7) == 2)
		to -= fuzz_8(&fuzz.lies);
	if ((how & 0x70) == 0x10)
		seals = fuzz_8(&fuzz.lies) & 0x1f;
	if (ftruncate(fd, to))
		fuzz_fail("ftruncate");
	/* The writer must not write beyond the end of the file. */
	if (to < (off_t)size) {
		fuzz.no_writer = true;
		fuzz.lied = true;
	}
	/* The kernel refuses F_SEAL_WRITE while the writer has the file mapped. */
	seals &= ~F_SEAL_WRITE;
	if (fd == t.fds.wait)
		seals &= ~F_SEAL_FUTURE_WRITE;
	if (fcntl(fd, F_ADD_SEALS, seals))
		fuzz_fail("F_ADD_SEALS");
}

static int new_doorbell(void)
{
	switch (fuzz_8(&fuzz.lies)) {
	case 1:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 2:
		return memfd_create("doorbell", MFD_CLOEXEC);
	case 3:
		return dup(t.fds.wait);
	default:
		return eventfd(fuzz_8(&fuzz.lies), EFD_CLOEXEC | EFD_NONBLOCK);
	}
}

/* Lies before the reader opens the ring, above all in the header. */
static void first_lies(void)
{
	uint8_t n = fuzz_8(&fuzz.lies) % 8;

	if (fuzz.no_writer && fuzz.lied)
		return;
	for (; n; n--) {
		if (fuzz_8(&fuzz.lies) & 1) {
			uint64_t *word = (uint64_t *)fuzz.header + fuzz_8(&fuzz.lies) % 26;

			*word = fuzz_value(&fuzz.lies, *word);
			fuzz.lied = true;
		} else {
			fuzz_event();
		}
	}
}

static void make_ring(void)
{
	uint8_t flags = fuzz_8(&fuzz.lies);
	struct seqring_header h;
	unsigned int i;

	fuzz.nr_rings = 1 + flags % FUZZ_RINGS_MAX;
	fill_header(&h);
	if (flags & 64)
		h.features |= SEQRING_FEAT_MEMBARRIER;
	t.total = h.total_size;
	t.map = new_memfd(t.total, &t.fds.ring);
	t.wait = (void *)new_memfd(PAGE, &t.fds.wait);
	fuzz.header = (void *)t.map;
	*fuzz.header = h;
	for (i = 0; i < fuzz.nr_rings; i++) {
		unsigned char *at = t.map + h.ring_offset + i * h.ring_stride;

		fuzz.ring[i].ctl = (void *)at;
		fuzz.ring[i].data = at + h.data_offset;
		fuzz.ring[i].wait = &t.wait[i];
		t.wait[i].pos = SEQRING_WAIT_NONE;
		t.wait[i].seq = SEQRING_WAIT_NONE;
	}
	fuzz_start_writers();
	first_lies();
	spoil_file(t.fds.ring, t.total);
	spoil_file(t.fds.wait, PAGE);
	t.fds.doorbell = new_doorbell();
}

/* Ends the events if a file is too short, since they would write beyond its end. */
static void end_lies_of_short_files(void)
{
	if (fuzz.no_writer && fuzz.lied && lseek(t.fds.ring, 0, SEEK_END) < (off_t)t.total)
		fuzz.lies.at = fuzz.lies.end;
	if (lseek(t.fds.wait, 0, SEEK_END) < (off_t)PAGE)
		fuzz.lies.at = fuzz.lies.end;
	if (fuzz.lies.at == fuzz.lies.end)
		fuzz.nr_sticky = 0;
}

static void drop_ring(void)
{
	unsigned int i;

	__real_munmap(t.map, t.total);
	__real_munmap(t.wait, PAGE);
	libring_close_fds(&t.fds);
	for (i = 0; i < MAPS_MAX; i++)
		FUZZ_CHECK(!maps[i].at, "a mapping was not unmapped");
}

/* Checks that an error is a documented one and has a message. */
static int outcome(int err, const int *allowed)
{
	if (!err)
		return 0;
	while (*allowed && -*allowed != err)
		allowed++;
	FUZZ_CHECK(*allowed, "error %d is not documented", err);
	FUZZ_CHECK(err == -EAGAIN || *ring_strerror(), "error %d has no message", err);
	FUZZ_CHECK(err != -EBADMSG || fuzz.lied, "a true ring is called corrupt");
	return err;
}

#define ERRORS(...) ((const int[]) { __VA_ARGS__, 0 })
#define READ_ERRORS ERRORS(EAGAIN, ENODEV, EBADMSG, EPIPE)

/* Buffers are sized by what the reader was told, so no record may exceed it. */
static void check_len(const struct ring_record *rec)
{
	FUZZ_CHECK(rec->len <= t.payload_max, "a record of %u bytes where the header allows %u",
		   rec->len, t.payload_max);
}

static void check_record(const struct ring_record *rec, size_t have)
{
	const unsigned char *p = rec->payload;
	uint64_t *next;
	size_t i;

	FUZZ_CHECK(rec->ring < FUZZ_RINGS_MAX || fuzz.lied, "a record of ring %u", rec->ring);
	check_len(rec);
	for (i = 0; i < rec->len && i < have; i++)
		t.sum += p[i];
	if (fuzz.lied)
		return;
	fuzz_check_record(rec->seq, rec->ts_ns, rec->len, rec->type, p, have);
	next = &t.expected[rec->ring];
	FUZZ_CHECK(!*next || rec->seq == *next + rec->lost,
		   "record %llu of ring %u with %llu lost, but %llu comes next",
		   (unsigned long long)rec->seq, rec->ring, (unsigned long long)rec->lost,
		   (unsigned long long)*next);
	*next = rec->seq + 1;
}

static void read_one(size_t size)
{
	struct ring_record rec;
	void *buf = malloc(size + 1);

	fuzz_call(READ_STEPS);
	if (!outcome(ring_read(t.r, &rec, buf, size), READ_ERRORS))
		check_record(&rec, size);
	free(buf);
}

static void read_batch(size_t size)
{
	struct ring_record recs[BATCH_MAX];
	unsigned char *buf = malloc(size + 1);
	unsigned int nr = 99, i;

	fuzz_call(BATCH_MAX * READ_STEPS);
	outcome(ring_read_batch(t.r, recs, BATCH_MAX, buf, size, &nr), READ_ERRORS);
	FUZZ_CHECK(nr <= BATCH_MAX, "a batch of %u", nr);
	for (i = 0; i < nr; i++) {
		const unsigned char *at = recs[i].payload;

		FUZZ_CHECK(at >= buf && at <= buf + size, "a payload is not in the buffer");
		check_record(&recs[i], (size_t)(buf + size - at));
	}
	free(buf);
}

static int take(const struct ring_record *rec, void *arg)
{
	(void)arg;
	check_record(rec, SIZE_MAX);
	return fuzz_8(&fuzz.what) == 255;
}

static void consume(unsigned int max)
{
	unsigned int nr;
	int err;

	/* The library reads all records that the ring claims to have, which may be a lie. */
	fuzz_call(max ? max * READ_STEPS : 16 * READ_STEPS);
	err = ring_consume(t.r, take, NULL, max, &nr);
	if (err != RING_STOPPED)
		outcome(err, ERRORS(EAGAIN, ENODEV, EBADMSG, EPIPE, ENOMEM));
}

static void peek(unsigned int max)
{
	static unsigned char copy[FUZZ_DATA_SIZE];
	static struct ring_record recs[PEEK_MAX];
	unsigned int nr = 1, i;
	size_t used = 0;
	int err;

	fuzz_call(max * READ_STEPS);
	err = max > 1 ? ring_peek_batch(t.r, recs, max, &nr) : ring_peek(t.r, recs);
	if (outcome(err, READ_ERRORS)) {
		FUZZ_CHECK(ring_recheck(t.r) == -EINVAL && ring_advance(t.r) == -EINVAL,
			   "a record that was not peeked at is whole");
		return;
	}
	FUZZ_CHECK(nr && nr <= max, "%u records of %u were peeked at", nr, max);
	for (i = 0; i < nr; i++) {
		check_len(&recs[i]);
		FUZZ_CHECK(fuzz_is_shared(recs[i].payload, recs[i].len),
			   "a payload of %u bytes is not in the ring", recs[i].len);
		if (recs[i].len > sizeof(copy) - used)
			break;
		memcpy(copy + used, recs[i].payload, recs[i].len);
		recs[i].payload = copy + used;
		used += recs[i].len;
	}
	err = outcome(ring_recheck(t.r), ERRORS(ESTALE));
	if (!err) {
		FUZZ_CHECK(!ring_advance_some(t.r, i), "whole records are not consumed");
		for (nr = 0; nr < i; nr++)
			check_record(&recs[nr], recs[nr].len);
	}
	FUZZ_CHECK(ring_advance(t.r) == -EINVAL, "a record is consumed twice");
}

static void newest(unsigned int ring, size_t size)
{
	struct ring_record rec;
	void *buf = malloc(size + 1);

	fuzz_call(READ_STEPS);
	if (!outcome(ring_newest(t.r, ring, &rec, buf, size),
		     ERRORS(EAGAIN, ENODEV, ENOENT, EBADMSG, EPIPE))) {
		check_len(&rec);
		if (!fuzz.lied)
			fuzz_check_record(rec.seq, rec.ts_ns, rec.len, rec.type, buf, size);
	}
	free(buf);
}

static void seek(uint8_t whence)
{
	const uint64_t value = fuzz_value(&fuzz.what, fuzz.ring->w.seq);

	fuzz_call(256 * READ_STEPS);
	outcome(ring_seek(t.r, whence, value), ERRORS(EINVAL, ERANGE, EOPNOTSUPP, EBADMSG, EPIPE));
	memset(t.expected, 0, sizeof(t.expected));
}

static void ask(void)
{
	struct ring_stats_at one = { .size = sizeof(one) };
	struct ring_stats all = { .size = sizeof(all) };
	struct ring_info info = { .size = sizeof(info) };
	size_t i;

	fuzz_call(READ_STEPS);
	outcome(ring_stats(t.r, &all), ERRORS(0));
	outcome(ring_stats_at(t.r, fuzz_8(&fuzz.what), &one), ERRORS(ENOENT));
	outcome(ring_info(t.r, &info), ERRORS(0));
	for (i = 0; i < info.schema_size; i++)
		t.sum += ((const unsigned char *)info.schema)[i];
	FUZZ_CHECK(memchr(info.name, 0, sizeof(info.name)), "a name has no terminating zero");
}

static void act(void)
{
	uint8_t op = fuzz_8(&fuzz.what) % 16;
	int fd;

	switch (op) {
	case 0:
	case 1:
		peek(op ? 1 : PEEK_MAX);
		break;
	case 2:
	case 3:
		read_batch(fuzz_16(&fuzz.what));
		break;
	case 4:
		consume(fuzz_8(&fuzz.what) % 16);
		break;
	case 5:
		newest(fuzz_8(&fuzz.what) % 4, fuzz_16(&fuzz.what));
		break;
	case 6:
	case 7:
		seek(fuzz_8(&fuzz.what) % 6);
		break;
	case 8:
	case 9:
		fuzz_call(READ_STEPS);
		outcome(ring_wait(t.r, 0), ERRORS(ETIMEDOUT, ENODEV, EOPNOTSUPP));
		break;
	case 10:
		ask();
		break;
	case 11:
		fuzz_call(READ_STEPS);
		outcome(ring_fd(t.r, &fd), ERRORS(EOPNOTSUPP));
		break;
	case 12:
		fuzz_call(READ_STEPS);
		outcome(ring_set_wakeup(t.r, fuzz_8(&fuzz.what), fuzz_16(&fuzz.what),
					fuzz_8(&fuzz.what)),
			ERRORS(0));
		break;
	default:
		read_one(fuzz_16(&fuzz.what));
		break;
	}
}

/* If a ring can be opened, other processes can neither shrink nor write it. */
static void check_sealed(void)
{
	void *p = __real_mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, t.fds.ring, 0);

	FUZZ_CHECK(p == MAP_FAILED && ftruncate(t.fds.ring, 0),
		   "a ring was opened that others can shrink or write");
	FUZZ_CHECK(t.r->wakeup.poll_fd < 0 || ftruncate(t.fds.wait, 0),
		   "the wake thresholds can be cut off");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ring_open_opts opts = { .size = sizeof(opts) };
	struct ring_info info = { .size = sizeof(info) };
	uint8_t how;
	int err;

	fuzz_begin(data, size);
	memset(&t, 0, sizeof(t));
	make_ring();
	how = fuzz_8(&fuzz.what);
	opts.flags = how & 1 ? RING_EAGER : 0;
	opts.one_ring = !!(how & 2);
	opts.whence = (how >> 2) % 5;
	opts.wake_records = how & 64 ? 1000 : 0;
	if (how & 128)
		opts.merge_window_ns = 1000000;
	end_lies_of_short_files();
	fuzz_call(256 * READ_STEPS);
	err = how & 32 ? ring_open_fd(t.fds.ring, &opts, &t.r) : ring_open_fds(&t.fds, &opts, &t.r);
	outcome(err, ERRORS(EPROTO, ENOTSUP, EPERM, EINVAL, ERANGE, EOPNOTSUPP, EPIPE, ENOMEM));
	if (!err) {
		fuzz.pos = &t.r->merge.src->rd.pos;
		fuzz.reads = 0;
		check_sealed();
		FUZZ_CHECK(!ring_info(t.r, &info), "ring_info() fails");
		t.payload_max = info.payload_max;
		while (fuzz.what.at < fuzz.what.end)
			act();
	}
	fuzz.busy = true;
	ring_close(t.r);
	drop_ring();
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * reader.h on any ring. The control area ends where its mapping ends, and the data area is
 * between inaccessible pages. The reader's mapping of both is read-only.
 */

#include <sys/mman.h>
#include <unistd.h>

#include "user_fuzz.h"

#define PAGE	   4096u
#define SEEK_STEPS (16 * (FUZZ_DATA_SIZE / 24 + 8) * 10)
#define READ_STEPS (64 + FUZZ_DATA_SIZE / 32)
#define BATCH_MAX  4u

/* One page and the data area: the writer's mapping, and the reader's mapping with gaps. */
static unsigned char *shared;
static const struct seqring_ring_ctl *reader_ctl;
static const unsigned char *reader_data;

static struct seqring_reader rd;
/* The seq of the next record, as long as there was no lie. */
static uint64_t expected;

static void *map(void *at, size_t size, int prot, int fd, off_t off)
{
	void *p = mmap(at, size, prot, MAP_SHARED | (at ? MAP_FIXED : 0), fd, off);

	FUZZ_CHECK(p != MAP_FAILED, "mmap");
	return p;
}

static void make_mappings(void)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	unsigned char *room;

	if (fd < 0 || ftruncate(fd, PAGE + FUZZ_DATA_SIZE))
		fuzz_fail("cannot make a memfd");
	shared = map(NULL, PAGE + FUZZ_DATA_SIZE, PROT_READ | PROT_WRITE, fd, 0);
	room = mmap(NULL, FUZZ_DATA_SIZE + 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FUZZ_CHECK(room != MAP_FAILED, "mmap");
	map(room + PAGE, PAGE, PROT_READ, fd, 0);
	reader_ctl = (const void *)(room + 2 * PAGE - sizeof(*reader_ctl));
	reader_data = map(room + 3 * PAGE, FUZZ_DATA_SIZE, PROT_READ, fd, PAGE);
	close(fd);
}

static bool within(const void *p, size_t size, const void *area, size_t area_size)
{
	uintptr_t at = (uintptr_t)p, from = (uintptr_t)area;

	return at >= from && at - from <= area_size && area_size - (at - from) >= size;
}

bool fuzz_is_shared(const void *p, size_t size)
{
	return within(p, size, reader_ctl, sizeof(*reader_ctl)) ||
	       within(p, size, reader_data, FUZZ_DATA_SIZE);
}

/* Checks that a record is the next one, after those that the reader reports as lost. */
static void in_order(const struct seqring_view *v)
{
	if (fuzz.lied)
		return;
	FUZZ_CHECK(!expected || v->seq == expected + v->lost,
		   "record %llu with %llu lost, but %llu comes next", (unsigned long long)v->seq,
		   (unsigned long long)v->lost, (unsigned long long)expected);
	expected = v->seq + 1;
}

static void check_view(const struct seqring_view *v)
{
	FUZZ_CHECK(v->len <= SEQRING_PAYLOAD_MAX(FUZZ_DATA_SIZE) &&
			   within(v->payload, v->len, reader_data, FUZZ_DATA_SIZE),
		   "a payload of %u bytes is not in the data area", v->len);
	FUZZ_CHECK(v->next > v->pos && !(v->next & 7), "the next record is not after this one");
}

/* Checks an outcome without a record against the ring, if there was no lie. */
static void check_outcome(enum seqring_outcome outcome, uint64_t head)
{
	FUZZ_CHECK((unsigned int)outcome <= SEQRING_DEAD, "outcome %d", outcome);
	if (fuzz.lied)
		return;
	FUZZ_CHECK(outcome != SEQRING_CORRUPT, "a true ring is called corrupt");
	if (outcome == SEQRING_EMPTY || outcome == SEQRING_DEAD)
		FUZZ_CHECK(head <= rd.pos, "a record was there, and the reader found none");
}

static void resync(void)
{
	const uint64_t was = rd.pos;
	enum seqring_outcome outcome;

	fuzz_call(64);
	outcome = seqring_reader_resync(&rd);
	FUZZ_CHECK(outcome == SEQRING_OK || outcome == SEQRING_CORRUPT, "outcome %d", outcome);
	FUZZ_CHECK(outcome || rd.pos > was, "resync went back");
	FUZZ_CHECK(!outcome || fuzz.lied, "a true ring is called corrupt");
}

static void peek(void)
{
	static unsigned char copy[FUZZ_DATA_SIZE];
	const uint64_t head = fuzz.ring->w.pos;
	enum seqring_outcome outcome;
	struct seqring_view v;

	fuzz_call(64 + READ_STEPS);
	outcome = seqring_reader_peek(&rd, &v);
	check_outcome(outcome, head);
	if (!outcome) {
		check_view(&v);
		/* Stands for a caller that uses the payload in place. */
		memcpy(copy, v.payload, v.len);
		fuzz_step(NULL, 0);
		outcome = seqring_reader_recheck(&rd, &v);
		if (!outcome && !fuzz.lied)
			fuzz_check_record(v.seq, v.ts_ns, v.len, v.type, copy, v.len);
		if (!outcome) {
			in_order(&v);
			seqring_reader_consume(&rd, &v);
		}
	}
	if (outcome == SEQRING_OVERRUN)
		resync();
}

static void read_one(uint16_t size)
{
	const uint64_t head = fuzz.ring->w.pos;
	enum seqring_outcome outcome;
	struct seqring_view v;
	void *buf = malloc(size + 1u);

	fuzz_call(READ_STEPS);
	outcome = seqring_reader_read(&rd, &v, buf, size);
	check_outcome(outcome, head);
	if (!outcome) {
		FUZZ_CHECK(v.payload == buf && v.len <= SEQRING_PAYLOAD_MAX(FUZZ_DATA_SIZE),
			   "the view of a copy is another record's");
		if (!fuzz.lied)
			fuzz_check_record(v.seq, v.ts_ns, v.len, v.type, buf, size);
		in_order(&v);
	}
	free(buf);
	if (outcome == SEQRING_OVERRUN)
		resync();
}

static void read_batch(uint16_t size)
{
	const uint64_t head = fuzz.ring->w.pos;
	enum seqring_outcome outcome;
	struct seqring_view v[BATCH_MAX];
	unsigned char *buf = malloc(size + 1u), *at = buf;
	unsigned int nr, i;

	fuzz_call(BATCH_MAX * READ_STEPS);
	outcome = seqring_reader_read_batch(&rd, v, BATCH_MAX, buf, size, &nr);
	check_outcome(outcome, head);
	FUZZ_CHECK(!outcome == !!nr && nr <= BATCH_MAX, "a batch of %u", nr);
	for (i = 0; i < nr; i++) {
		at = (unsigned char *)v[i].payload;
		FUZZ_CHECK(at >= buf && at <= buf + size, "a payload is not in the buffer");
		FUZZ_CHECK(!i || v[i].len <= (size_t)(buf + size - at), "a payload was cut");
		if (!fuzz.lied)
			fuzz_check_record(v[i].seq, v[i].ts_ns, v[i].len, v[i].type, at,
					  (size_t)(buf + size - at));
		in_order(&v[i]);
	}
	free(buf);
	if (outcome == SEQRING_OVERRUN)
		resync();
}

static void newest(uint16_t size)
{
	const uint64_t seq = fuzz.ring->w.seq;
	enum seqring_outcome outcome;
	struct seqring_view v;
	void *buf = malloc(size + 1u);

	fuzz_call(2 * READ_STEPS);
	outcome = seqring_reader_newest(&rd, &v, buf, size);
	FUZZ_CHECK((unsigned int)outcome <= SEQRING_DEAD, "outcome %d", outcome);
	if (!fuzz.lied) {
		FUZZ_CHECK(outcome != SEQRING_CORRUPT, "a true ring is called corrupt");
		if (!outcome) {
			fuzz_check_record(v.seq, v.ts_ns, v.len, v.type, buf, size);
			FUZZ_CHECK(v.seq >= seq && !v.lost, "the newest record is an old one");
		}
	}
	free(buf);
}

static void seek(unsigned int how)
{
	uint64_t value = fuzz_value(&fuzz.what, rd.seq);
	enum seqring_outcome outcome;

	/* A future seq is the caller's mistake; its effects are not checked. Take a past one. */
	if (how == 3 && !fuzz.lied && value > fuzz.ring->w.seq + 1)
		value %= fuzz.ring->w.seq + 2;

	fuzz_call(SEEK_STEPS);
	if (how == 0)
		outcome = seqring_reader_seek_oldest(&rd);
	else if (how == 1)
		outcome = seqring_reader_seek_newest(&rd);
	else if (how == 2)
		outcome = seqring_reader_seek_head(&rd);
	else
		outcome = seqring_reader_seek(&rd, how == 4, value);
	expected = 0;
	FUZZ_CHECK(outcome == SEQRING_OK || outcome == SEQRING_OVERRUN ||
			   outcome == SEQRING_CORRUPT,
		   "outcome %d of a seek", outcome);
	FUZZ_CHECK(outcome != SEQRING_CORRUPT || fuzz.lied, "a true ring is called corrupt");
}

static void act(void)
{
	__u64 records, bytes;
	uint8_t op = fuzz_8(&fuzz.what) % 16;

	switch (op) {
	case 0:
	case 1:
	case 2:
		peek();
		break;
	case 3:
		fuzz_call(2);
		seqring_reader_lag(&rd, &records, &bytes);
		break;
	case 4:
		rd.eager = fuzz_8(&fuzz.what) & 1;
		break;
	case 5:
		newest(fuzz_16(&fuzz.what));
		break;
	case 6:
	case 7:
		read_batch(fuzz_16(&fuzz.what));
		break;
	case 8:
	case 9:
	case 10:
	case 11:
	case 12:
		seek(op - 8u);
		break;
	case 13:
		fuzz_call(2);
		fuzz.lied |= seqring_reader_init(&rd, reader_ctl, reader_data, FUZZ_DATA_SIZE) != 0;
		expected = 0;
		break;
	default:
		read_one(fuzz_16(&fuzz.what));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!shared)
		make_mappings();
	memset(shared, 0, PAGE + FUZZ_DATA_SIZE);
	fuzz_begin(data, size);
	fuzz.nr_rings = 1;
	fuzz.ring[0].ctl = (void *)(shared + PAGE - sizeof(*reader_ctl));
	fuzz.ring[0].data = shared + PAGE;
	fuzz.pos = &rd.pos;
	fuzz_start_writers();
	expected = 0;
	fuzz_call(8);
	/* A ring that was refused is used anyway: a program may ignore the error. */
	seqring_reader_init(&rd, reader_ctl, reader_data, FUZZ_DATA_SIZE);
	while (fuzz.what.at < fuzz.what.end)
		act();
	return 0;
}

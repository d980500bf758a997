// SPDX-License-Identifier: GPL-2.0-only
/* The writers of the fuzz targets, and their lies. */

#include <stdarg.h>

#include "user_fuzz.h"

struct fuzz fuzz;

void fuzz_fail(const char *fmt, ...)
{
	va_list ap;

	fuzz.busy = true;
	va_start(ap, fmt);
	fprintf(stderr, "fuzz: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	abort();
}

uint8_t fuzz_8(struct fuzz_input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

uint16_t fuzz_16(struct fuzz_input *in)
{
	uint16_t low = fuzz_8(in);

	return (uint16_t)(low | fuzz_8(in) << 8);
}

uint64_t fuzz_64(struct fuzz_input *in)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 64; i += 8)
		v |= (uint64_t)fuzz_8(in) << i;
	return v;
}

uint64_t fuzz_value(struct fuzz_input *in, uint64_t now)
{
	const struct fuzz_ring *ring = &fuzz.ring[fuzz.reads];
	const uint8_t kind = fuzz_8(in) % 10;
	const int8_t near = (int8_t)fuzz_8(in);
	const uint64_t eighths = (uint64_t)(int64_t)near * 8;

	switch (kind) {
	case 0:
		return fuzz_64(in);
	case 1:
		return (uint64_t)(int64_t)near;
	case 2:
		return now + eighths;
	case 3:
		return (fuzz.pos ? *fuzz.pos : 0) + eighths;
	case 4:
		return ring->w.pos + eighths;
	case 5:
		return ((uint64_t)FUZZ_DATA_SIZE << (near & 3)) + (uint64_t)(int64_t)(near >> 2);
	case 6:
		return 1ULL << (near & 63);
	case 7:
		return ring->w.seq + (uint64_t)(int64_t)near;
	case 8:
		return now + (uint64_t)near * FUZZ_DATA_SIZE / SEQRING_SEGMENTS;
	default:
		return now + (uint64_t)(int64_t)near;
	}
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint32_t fuzz_len(uint64_t seq)
{
	return (uint32_t)(mix(seq) % ((1u << fuzz.len_bits) + 1)) %
	       (SEQRING_PAYLOAD_MAX(FUZZ_DATA_SIZE) + 1);
}

static unsigned char byte_of(uint64_t seq, uint32_t i)
{
	return (unsigned char)(seq * 31 + i * 7 + (i >> 8));
}

void fuzz_publish(struct fuzz_ring *ring, unsigned int nr)
{
	static unsigned char buf[FUZZ_DATA_SIZE];
	const uint32_t max = SEQRING_PAYLOAD_MAX(FUZZ_DATA_SIZE);

	if (fuzz.no_writer)
		return;
	for (; nr; nr--) {
		uint64_t seq = ring->w.seq + 1;
		uint32_t len = fuzz_len(seq), i;

		for (i = 0; i < len; i++)
			buf[i] = byte_of(seq, i);
		if (len > max || seqring_writer_publish(&ring->w, (uint16_t)seq, ~seq, buf, len))
			fuzz_fail("the writer cannot publish %u bytes", len);
	}
}

void fuzz_check_record(uint64_t seq, uint64_t ts_ns, uint32_t len, uint16_t type, const void *p,
		       size_t have)
{
	const unsigned char *bytes = p;
	size_t i;

	FUZZ_CHECK(ts_ns == ~seq && type == (uint16_t)seq && len == fuzz_len(seq),
		   "record %llu has a torn header: ts %llx len %u type %u", (unsigned long long)seq,
		   (unsigned long long)ts_ns, len, type);
	for (i = 0; i < len && i < have; i++)
		FUZZ_CHECK(bytes[i] == byte_of(seq, (uint32_t)i), "record %llu is torn at byte %zu",
			   (unsigned long long)seq, i);
}

/* Puts the ring at @pos, the start of a lap, as if it had run for a long time. */
static void preset(struct fuzz_ring *ring, uint64_t pos, uint64_t seq)
{
	unsigned int i;

	ring->w.pos = pos;
	ring->w.seq = seq;
	ring->w.cold.limit = pos + FUZZ_DATA_SIZE;
	ring->w.seg_end = pos + FUZZ_DATA_SIZE / SEQRING_SEGMENTS;
	for (i = 0; i < SEQRING_SEGMENTS; i++) {
		ring->w.cold.first[i] = pos;
		ring->ctl->segment_pos[i] = pos;
	}
	ring->ctl->tail = pos;
	ring->ctl->head = pos;
	ring->ctl->last = pos;
	ring->ctl->seq = seq;
}

void fuzz_begin(const uint8_t *data, size_t size)
{
	size_t cut = 0;

	memset(&fuzz, 0, sizeof(fuzz));
	fuzz.what = (struct fuzz_input) { data, data + size };
	cut = fuzz_8(&fuzz.what);
	/* The cut is in 64ths, so that it hardly moves when the input grows. */
	fuzz.lies.end = data + size;
	fuzz.lies.at = fuzz.what.at + (size_t)(fuzz.lies.end - fuzz.what.at) * (cut & 63) / 64;
	fuzz.what.end = fuzz.lies.at;
	fuzz.busy = true;
}

/* Overwrites the control area with words of the input and the data area with its bytes. */
static void anything(struct fuzz_ring *ring)
{
	uint64_t *words = (uint64_t *)ring->ctl;
	uint16_t at = fuzz_16(&fuzz.lies) % FUZZ_DATA_SIZE, i;

	for (i = 0; i < sizeof(*ring->ctl) / 8; i++)
		words[i] = fuzz_64(&fuzz.lies);
	for (i = 0; i < 512 && fuzz.lies.at < fuzz.lies.end; i++)
		ring->data[(at + i) % FUZZ_DATA_SIZE] = fuzz_8(&fuzz.lies);
	fuzz.lied = true;
}

void fuzz_start_writers(void)
{
	/* Near the overflow of a half word; the last is 65536 laps before the end of positions. */
	static const uint64_t starts[] = { 0, 0, 0xffff0000, 0x7fffffffffff0000,
					   0xffffffff00000000 };
	const uint8_t start = fuzz_8(&fuzz.lies), flags = fuzz_8(&fuzz.lies);
	unsigned int i;

	fuzz.len_bits = fuzz_8(&fuzz.lies) % 15;
	for (i = 0; i < fuzz.nr_rings; i++) {
		struct fuzz_ring *ring = &fuzz.ring[i];

		seqring_writer_init(&ring->w, ring->ctl, ring->data, FUZZ_DATA_SIZE);
		if (start % 5)
			preset(ring, starts[start % 5], starts[start % 5]);
		fuzz_publish(ring, fuzz_8(&fuzz.lies));
		if (flags & 1)
			anything(ring);
	}
	if (flags & 2)
		fuzz.no_writer = true;
	fuzz.due = fuzz_8(&fuzz.lies);
}

static uint64_t *ctl_word(struct fuzz_ring *ring)
{
	static const uint8_t favourites[] = { 0, 1, 2, 16 };
	const uint8_t pick = fuzz_8(&fuzz.lies);
	const size_t i = pick & 128 ? favourites[pick & 3] : pick & 63;

	return (uint64_t *)ring->ctl + i;
}

static void set(uint64_t *word)
{
	*word = fuzz_value(&fuzz.lies, *word);
	fuzz.lied = true;
}

/* Changes the header of a record, at the reader's position or of the newest record. */
static void lie_about_record(struct fuzz_ring *ring)
{
	const uint8_t kind = fuzz_8(&fuzz.lies);
	uint64_t pos = (fuzz.pos ? *fuzz.pos : 0) & ~7ULL;
	struct seqring_record *rec;

	if (kind & 8)
		pos = ring->ctl->last & ~7ULL;
	pos &= FUZZ_DATA_SIZE - 1;
	if (pos > FUZZ_DATA_SIZE - sizeof(*rec))
		return;
	rec = (struct seqring_record *)(ring->data + pos);
	fuzz.lied = true;
	if ((kind & 3) == 0)
		rec->stamp = fuzz_value(&fuzz.lies, rec->stamp);
	else if ((kind & 3) == 1)
		rec->meta.len = (uint32_t)fuzz_value(&fuzz.lies, rec->meta.len);
	else if ((kind & 3) == 2)
		rec->meta.flags ^= SEQRING_REC_PAD;
	else
		rec->ts_ns = fuzz_value(&fuzz.lies, rec->ts_ns);
}

static void stick_to(__u64 *word, uint64_t by)
{
	if (fuzz.nr_sticky < FUZZ_STICKY_MAX)
		fuzz.sticky[fuzz.nr_sticky++] = (struct fuzz_sticky) { (uint64_t *)word, by };
	fuzz.lied = true;
}

static void stick(struct fuzz_ring *ring)
{
	const uint8_t by = fuzz_8(&fuzz.lies);

	if (by & 128) {
		stick_to((__u64 *)ctl_word(ring), fuzz_value(&fuzz.lies, 0));
		return;
	}
	/* The overrun never ends: the newest record is always far ahead, and already gone. */
	stick_to(&ring->ctl->tail, by * 8ULL);
	stick_to(&ring->ctl->last, by * 8ULL);
}

void fuzz_event(void)
{
	struct fuzz_ring *ring = &fuzz.ring[fuzz_8(&fuzz.lies) % fuzz.nr_rings];

	switch (fuzz_8(&fuzz.lies) % 14) {
	case 0:
	case 1:
	case 2:
		set(ctl_word(ring));
		break;
	case 3:
	case 4:
		lie_about_record(ring);
		break;
	case 5:
		set((uint64_t *)ring->data + fuzz_16(&fuzz.lies) % (FUZZ_DATA_SIZE / 8));
		break;
	case 6:
		stick(ring);
		break;
	case 7:
		if (fuzz.header)
			set((uint64_t *)fuzz.header + fuzz_8(&fuzz.lies) % 64);
		break;
	case 8:
		if (ring->wait)
			set((uint64_t *)ring->wait + fuzz_8(&fuzz.lies) % 4);
		break;
	case 9:
		seqring_writer_end(&ring->w);
		fuzz.no_writer = true;
		break;
	case 10:
		fuzz_publish(ring, 1 + fuzz_8(&fuzz.lies) * 4);
		break;
	default:
		fuzz_publish(ring, 1 + fuzz_8(&fuzz.lies) % 4);
		break;
	}
}

void fuzz_call(uint64_t limit)
{
	fuzz.steps = 0;
	fuzz.limit = limit;
	fuzz.busy = false;
}

__attribute__((weak)) bool fuzz_is_shared(const void *p, size_t size)
{
	(void)p;
	(void)size;
	return true;
}

void fuzz_step(const void *p, size_t size)
{
	unsigned int i;

	if (fuzz.busy)
		return;
	FUZZ_CHECK(!size || fuzz_is_shared(p, size), "a load of %zu bytes is outside the ring",
		   size);
	FUZZ_CHECK(++fuzz.steps <= fuzz.limit, "a call does not end: %llu steps",
		   (unsigned long long)fuzz.limit);
	fuzz.busy = true;
	for (i = 0; i < fuzz.nr_sticky; i++)
		*fuzz.sticky[i].word += fuzz.sticky[i].by;
	for (i = 0; i < 8 && !fuzz.due && fuzz.lies.at < fuzz.lies.end; i++) {
		fuzz_event();
		fuzz.due = fuzz_8(&fuzz.lies);
		/* The next event is mostly soon, sometimes much later. */
		fuzz.due = fuzz.due < 128 ? fuzz.due % 16 :
			   fuzz.due < 224 ? fuzz.due :
					    fuzz.due * 32;
	}
	if (fuzz.due)
		fuzz.due--;
	fuzz.busy = false;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the structs of the ioctls: valid, almost valid, and random. Each ends at the end of a
 * page, and the next page is inaccessible, so that an access to one more byte faults.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "devfuzz.h"

#define CANARY 0xc5

static unsigned char *memory_end(void)
{
	/* Two areas in turn, since two calls may run at once. */
	static unsigned char *ends[2];
	static unsigned int turn;
	unsigned char *map;

	turn = !turn;
	if (ends[turn])
		return ends[turn];
	map = mmap(NULL, FUZZ_STRUCT_MAX + FUZZ_PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + FUZZ_STRUCT_MAX, FUZZ_PAGE, PROT_NONE))
		fuzz_fail("setup", "cannot map memory: %s", strerror(errno));
	ends[turn] = map + FUZZ_STRUCT_MAX;
	return ends[turn];
}

static uint32_t make_size(struct fuzz_rnd *r, uint32_t known)
{
	switch (fuzz_below(r, 16)) {
	case 0:
		return known - 1 - fuzz_below(r, 8);
	case 1:
		return fuzz_below(r, known);
	case 2:
		return known + 1 + fuzz_below(r, 64);
	case 3:
		return 4096 - fuzz_below(r, 2);
	case 4:
		return 4097 + fuzz_below(r, 4000);
	case 5:
		return fuzz_rnd(r);
	default:
		return known;
	}
}

/* Puts @known bytes of @arg where the call finds them. The first field of @arg is a size. */
static void put(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v, void *arg, uint32_t known)
{
	uint32_t size = a->tame ? known : make_size(r, known), room = size;
	unsigned char *at;

	memcpy(arg, &size, sizeof(size));
	if (!a->tame && fuzz_one_in(r, 8)) {
		uint32_t bit = fuzz_below(r, 8 * known);

		((unsigned char *)arg)[bit / 8] ^= 1 << bit % 8;
		memcpy(&size, arg, sizeof(size));
		room = size;
	}
	if (room < known)
		room = known;
	if (room > FUZZ_STRUCT_MAX)
		room = FUZZ_STRUCT_MAX;
	at = memory_end() - room;
	memset(at, 0, room);
	memcpy(at, arg, known);
	memcpy(a->in, arg, known);
	a->known = known;
	a->in_size = size;
	a->tail_zero = true;
	a->out = at;
	if (room > known && fuzz_one_in(r, 3)) {
		at[known + fuzz_below(r, room - known)] = 1 + fuzz_below(r, 255);
		a->tail_zero = false;
	}
	/* The kernel must not touch bytes beyond the struct's size. */
	if (size < known)
		memset(at + size, CANARY, known - size);
	*v = (uintptr_t)at;
	switch (a->tame ? 39 : fuzz_below(r, 20)) {
	case 0:
		*v += 1 + fuzz_below(r, known);
		break;
	case 1:
		*v = fuzz_rnd(r) | 1ULL << 63;
		break;
	case 2:
		*v = fuzz_below(r, FUZZ_PAGE);
		break;
	case 3:
		*v = FUZZ_ARENA + fuzz_below(r, FUZZ_ARENA_PAGES) * FUZZ_PAGE;
		break;
	default:
		return;
	}
	a->in_size = 0;
}

/* Return: whether the kernel should accept the struct, judging by its size. */
bool fuzz_struct_ok(const struct fuzz_args *a)
{
	return a->in_size >= a->known && a->in_size <= FUZZ_PAGE && a->tail_zero;
}

static const char *bad_name(struct fuzz_rnd *r, char *buf, size_t size)
{
	static const char *const bad[] = { "",	      ".",   "..",	 ".hidden", "a/b",
					   "../null", "a b", "\xff\xfe", "x\n",	    "%s%n" };
	unsigned int i;

	if (fuzz_one_in(r, 2))
		return bad[fuzz_below(r, sizeof(bad) / sizeof(bad[0]))];
	for (i = 0; i < size - 1; i++)
		buf[i] = fuzz_one_in(r, 8) ? 1 + fuzz_below(r, 255) : 'a' + fuzz_below(r, 26);
	buf[size - 1 - fuzz_below(r, 3)] = 0;
	buf[size - 1] = 0;
	return buf;
}

/* Return: the name of a device of the control node or the driver, or an invalid name. */
const char *fuzz_device_name(struct fuzz_rnd *r)
{
	static char buf[40];
	static const char *const fixed[] = { "honest", "fzl", "fzp", "fzc" };

	switch (fuzz_below(r, 16)) {
	case 0:
		return bad_name(r, buf, 33 + fuzz_below(r, 3));
	case 1:
	case 2:
	case 3:
	case 4:
		return fixed[fuzz_below(r, 4)];
	case 5:
		snprintf(buf, sizeof(buf), "fzt%u", (unsigned int)fuzz_below(r, 4));
		return buf;
	default:
		snprintf(buf, sizeof(buf), "fz%u", (unsigned int)fuzz_below(r, 5));
		return buf;
	}
}

/* Copies a name; a name of the full size has no zero at its end. */
static void put_name(char *to, const char *name)
{
	memcpy(to, name, strnlen(name, SEQRING_NAME_SIZE));
}

static uint64_t make_data_size(struct fuzz_rnd *r, const struct fuzz_args *a)
{
	switch (a->tame ? 11 : fuzz_below(r, 12)) {
	case 0:
		return fuzz_rnd(r) >> fuzz_below(r, 64);
	case 1:
		return 1ULL << fuzz_below(r, 64);
	case 2:
		return (SEQRING_DATA_SIZE_MIN << fuzz_below(r, 3)) + fuzz_below(r, 3) - 1;
	default:
		return SEQRING_DATA_SIZE_MIN << fuzz_below(r, 4);
	}
}

static void make_create(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	static const char schema[1 << 16] = "not a schema, which the kernel does not check";
	static const uint32_t modes[] = { 0, 0, 0666, 0444, 0644, 0777, 01000, 04666, 1U << 31 };
	struct seqring_ctl_create c;

	memset(&c, 0, sizeof(c));
	put_name(c.name, fuzz_device_name(r));
	c.data_size = make_data_size(r, a);
	c.clock_id = fuzz_below(r, 3 + !a->tame) +
		     (!a->tame && fuzz_one_in(r, 16) ? fuzz_rnd(r) : 0);
	c.permissions = modes[fuzz_below(r, a->tame ? 5 : sizeof(modes) / sizeof(modes[0]))];
	if (fuzz_one_in(r, 4)) {
		c.schema = (uintptr_t)schema;
		c.schema_size = fuzz_below(r, sizeof(schema) + 1);
	}
	if (!a->tame && fuzz_one_in(r, 8))
		c.schema_size = fuzz_rnd(r) >> fuzz_below(r, 32);
	if (!a->tame && fuzz_one_in(r, 8))
		c.schema = fuzz_rnd(r);
	if (!a->tame && fuzz_one_in(r, 8))
		c.flags = fuzz_rnd(r) >> fuzz_below(r, 32);
	if (fuzz_one_in(r, 4)) {
		c.flags |= SEQRING_CREATE_UID;
		c.uid = a->tame ? 0 : fuzz_rnd(r) >> fuzz_below(r, 32);
	}
	if (fuzz_one_in(r, 4)) {
		c.flags |= SEQRING_CREATE_GID;
		c.gid = a->tame ? 0 : fuzz_rnd(r) >> fuzz_below(r, 32);
	}
	put(r, a, v, &c, sizeof(c));
}

static void make_destroy(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	struct seqring_ctl_destroy d;

	memset(&d, 0, sizeof(d));
	put_name(d.name, fuzz_device_name(r));
	if (!a->tame && fuzz_one_in(r, 8))
		d.flags = fuzz_rnd(r);
	put(r, a, v, &d, sizeof(d));
}

static void make_stats(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	struct seqring_stats st;

	memset(&st, 0, sizeof(st));
	st.ring = fuzz_below(r, 3) + (!a->tame && fuzz_one_in(r, 8) ? fuzz_rnd(r) : 0);
	if (!a->tame && fuzz_one_in(r, 8))
		st.reserved[fuzz_below(r, 2)] = fuzz_rnd(r);
	put(r, a, v, &st, sizeof(st));
}

static void make_geometry(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	struct seqring_geometry g;

	memset(&g, 0, sizeof(g));
	if (!a->tame && fuzz_one_in(r, 8))
		g.reserved[fuzz_below(r, 2)] = fuzz_rnd(r);
	put(r, a, v, &g, sizeof(g));
}

static void make_seek(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	struct seqring_seek s;

	memset(&s, 0, sizeof(s));
	s.whence = fuzz_below(r, 6) + (!a->tame && fuzz_one_in(r, 16) ? fuzz_rnd(r) : 0);
	if (s.whence >= SEQRING_SEEK_SEQ || (!a->tame && fuzz_one_in(r, 8)))
		s.value = fuzz_rnd(r) >> fuzz_below(r, 64);
	put(r, a, v, &s, sizeof(s));
}

static void make_write_type(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	struct seqring_write_type t;

	memset(&t, 0, sizeof(t));
	t.type = fuzz_rnd(r) >> (a->tame ? 48 : 32 + fuzz_below(r, 32));
	put(r, a, v, &t, sizeof(t));
}

void fuzz_make_struct(enum fuzz_type t, struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	switch (t) {
	case T_CREATE:
		make_create(r, a, v);
		break;
	case T_DESTROY:
		make_destroy(r, a, v);
		break;
	case T_STATS:
		make_stats(r, a, v);
		break;
	case T_GEOMETRY:
		make_geometry(r, a, v);
		break;
	case T_SEEK:
		make_seek(r, a, v);
		break;
	case T_WRITE_TYPE:
		make_write_type(r, a, v);
		break;
	default:
		fuzz_fail("grammar", "no function makes type %d", t);
	}
}

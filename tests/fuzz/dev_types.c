// SPDX-License-Identifier: GPL-2.0-only
/* Makes a value of each type of argument. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devfuzz.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t any_word(struct fuzz_rnd *r)
{
	static const uint64_t edges[] = {
		0,
		1,
		2,
		7,
		8,
		4095,
		4096,
		65535,
		65536,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x100000000,
		0x7fffffffffffffff,
		0x8000000000000000,
		~0ULL,
		-4096ULL,
		-8ULL,
	};

	if (fuzz_one_in(r, 2))
		return edges[fuzz_below(r, LEN(edges))] + fuzz_below(r, 3) - 1;
	return fuzz_rnd(r) >> fuzz_below(r, 64);
}

static uint64_t one_of(struct fuzz_rnd *r, const int *list, unsigned int nr)
{
	return (int64_t)list[fuzz_below(r, nr)];
}

static uint64_t some_bits(struct fuzz_rnd *r, const int *list, unsigned int nr)
{
	uint64_t bits = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (fuzz_one_in(r, 4))
			bits |= (unsigned int)list[i];
	return bits;
}

/* Picks mostly a descriptor of that kind, else another one, or an invalid one. */
static void make_fd(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v, enum fuzz_kind kind)
{
	static const int none[] = { -1, 9999, 1 << 30, AT_FDCWD };
	int slot;

	if (a->tame)
		fuzz_need_fd(r, kind);
	slot = fuzz_slot(r, !a->tame && fuzz_one_in(r, 12) ? FUZZ_ANY : kind);
	if (slot < 0 || (!a->tame && fuzz_one_in(r, 32))) {
		*v = one_of(r, none, LEN(none));
		return;
	}
	*v = fuzz.h[slot].fd;
	if (a->slot < 0) {
		a->slot = slot;
		a->h = fuzz.h[slot];
	}
}

static void make_range(struct fuzz_rnd *r, const struct fuzz_args *a, uint64_t *v)
{
	unsigned int i, nr = 0, pages, from;
	const struct fuzz_map *m;

	if (a->tame)
		fuzz_need_map(r);
	for (i = 0; i < FUZZ_MAPS; i++)
		nr += fuzz.map[i].len != 0;
	if (!nr || (!a->tame && fuzz_one_in(r, 16))) {
		v[0] = FUZZ_ARENA + fuzz_below(r, FUZZ_ARENA_PAGES) * FUZZ_PAGE;
		v[1] = (1 + fuzz_below(r, 64)) * FUZZ_PAGE;
		return;
	}
	m = &fuzz.map[fuzz_below(r, nr)];
	pages = m->len / FUZZ_PAGE;
	if (pages > FUZZ_ARENA_PAGES)
		pages = FUZZ_ARENA_PAGES;
	from = fuzz_below(r, pages);
	v[0] = m->addr;
	v[1] = m->len;
	switch (a->tame ? 7 * fuzz_below(r, 2) : fuzz_below(r, 8)) {
	case 0:
	case 1:
	case 2:
		return;
	case 3:
		v[1] += FUZZ_PAGE * (1 + fuzz_below(r, 40)); /* past its end */
		return;
	case 4:
		v[0] += fuzz_below(r, 2 * FUZZ_PAGE); /* not aligned */
		v[1] = fuzz_below(r, m->len + 1);
		return;
	default:
		v[0] += from * FUZZ_PAGE;
		v[1] = FUZZ_PAGE * (1 + fuzz_below(r, pages - from));
	}
}

/* Picks any place, or the one after another mapping, which may then be merged. */
static uint64_t make_place(struct fuzz_rnd *r)
{
	const struct fuzz_map *m = &fuzz.map[fuzz_below(r, FUZZ_MAPS)];

	if (m->len && m->addr + m->len < FUZZ_ARENA + FUZZ_ARENA_PAGES * FUZZ_PAGE &&
	    !fuzz_one_in(r, 3))
		return m->addr + m->len;
	if (fuzz_one_in(r, 32))
		return FUZZ_ARENA + fuzz_below(r, FUZZ_PAGE);
	return FUZZ_ARENA + fuzz_below(r, FUZZ_ARENA_PAGES) * FUZZ_PAGE;
}

static uint64_t make_map_len(struct fuzz_rnd *r, const struct fuzz_args *a)
{
	uint64_t total = a->h.total ? a->h.total : FUZZ_PAGE;

	switch (a->tame ? fuzz_below(r, 5) : fuzz_below(r, 8)) {
	case 0:
	case 1:
	case 2:
		return total;
	case 3:
	case 4:
		return FUZZ_PAGE * (1 + fuzz_below(r, total / FUZZ_PAGE));
	case 5:
		return total + FUZZ_PAGE * fuzz_below(r, 3) - (total > FUZZ_PAGE ? FUZZ_PAGE : 0);
	case 6:
		return FUZZ_PAGE;
	default:
		/* Within the span, or longer than any mapping. */
		return fuzz_one_in(r, 4) ? -FUZZ_PAGE * fuzz_below(r, 4) :
					   fuzz_rnd(r) >> (28 + fuzz_below(r, 36));
	}
}

static uint64_t make_map_off(struct fuzz_rnd *r, const struct fuzz_args *a)
{
	uint64_t total = a->h.total ? a->h.total : FUZZ_PAGE;

	if (a->tame)
		return a->v[2] < total ?
			       FUZZ_PAGE * fuzz_below(r, (total - a->v[2]) / FUZZ_PAGE + 1) :
			       0;
	switch (fuzz_below(r, 8)) {
	case 0:
	case 1:
	case 2:
		return 0;
	case 3:
	case 4:
		return FUZZ_PAGE * fuzz_below(r, total / FUZZ_PAGE + 2);
	case 5:
		return total + FUZZ_PAGE * fuzz_below(r, 3) - FUZZ_PAGE;
	case 6:
		return -FUZZ_PAGE * (1 + fuzz_below(r, 40));
	default:
		return any_word(r);
	}
}

static uint64_t make_prot(struct fuzz_rnd *r, const struct fuzz_args *a)
{
	static const int bits[] = { PROT_READ, PROT_WRITE, PROT_EXEC, 0x8 /* PROT_SEM */,
				    PROT_GROWSDOWN };

	if (a->tame)
		return a->h.kind == FUZZ_READER || fuzz_one_in(r, 4) ? PROT_READ | PROT_WRITE :
								       PROT_READ;
	switch (fuzz_below(r, 6)) {
	case 0:
		return PROT_READ | PROT_WRITE;
	case 1:
		return fuzz_one_in(r, 8) ? any_word(r) : some_bits(r, bits, LEN(bits));
	case 2:
		return PROT_NONE;
	default:
		return PROT_READ;
	}
}

static uint64_t make_map_flags(struct fuzz_rnd *r, const struct fuzz_args *a)
{
	static const int bits[] = { MAP_LOCKED,	   MAP_POPULATE, MAP_NORESERVE, MAP_NONBLOCK,
				    MAP_GROWSDOWN, MAP_STACK,	 MAP_HUGETLB,	MAP_SYNC };
	static const int types[] = { MAP_SHARED, MAP_SHARED,	      MAP_SHARED,
				     MAP_SHARED, MAP_SHARED_VALIDATE, MAP_PRIVATE };

	if (a->tame)
		return MAP_FIXED | MAP_SHARED | (fuzz_one_in(r, 8) ? MAP_POPULATE : 0);
	return MAP_FIXED | one_of(r, types, LEN(types)) |
	       (fuzz_one_in(r, 3) ? some_bits(r, bits, LEN(bits)) : 0);
}

static uint64_t make_remap_len(struct fuzz_rnd *r, const struct fuzz_args *a)
{
	switch (fuzz_below(r, 4)) {
	case 0:
		return a->v[1];
	case 1:
		return a->v[1] + FUZZ_PAGE * (1 + fuzz_below(r, 8));
	case 2:
		return FUZZ_PAGE * fuzz_below(r, a->v[1] / FUZZ_PAGE + 1);
	default:
		return fuzz_below(r, 64) * FUZZ_PAGE;
	}
}

static uint64_t make_advice(struct fuzz_rnd *r)
{
	/* All kinds of advice except those that poison memory. */
	if (fuzz_one_in(r, 2)) {
		static const int often[] = { MADV_DONTNEED, MADV_REMOVE, MADV_DONTFORK,
					     MADV_DOFORK,   22,		 23,
					     MADV_DODUMP };

		return one_of(r, often, LEN(often));
	}
	return fuzz_below(r, 26);
}

/* Makes the address and the length of a buffer that the kernel reads or writes. */
static void make_buf(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	static unsigned char memory[1 << 17];
	static const unsigned int sizes[] = { 0,    1,	  7,	 8,	24,    31,    32,     100,
					      1000, 4096, 16360, 16361, 65536, 65537, 1 << 17 };
	uint64_t most = a->h.payload_max;

	v[0] = (uintptr_t)memory;
	v[1] = fuzz_one_in(r, 3) ? fuzz_below(r, 2000) : sizes[fuzz_below(r, LEN(sizes))];
	if (most && most < sizeof(memory) && fuzz_one_in(r, 8))
		v[1] = most - 1 + fuzz_below(r, 3);
	switch (a->tame ? 3 : fuzz_below(r, 16)) {
	case 0:
		make_range(r, a, v);
		break;
	case 1:
		v[0] = any_word(r);
		break;
	case 2:
		v[1] = any_word(r);
		if (v[1] > sizeof(memory))
			v[0] = FUZZ_ARENA; /* our own memory must not be overwritten */
		break;
	default:
		v[0] += fuzz_below(r, 16) * (v[1] < 65536);
	}
	/* An address in the kernel's half serves as any other wrong address. */
	if (v[0] < FUZZ_ARENA && v[0] != (uintptr_t)memory && v[0] - (uintptr_t)memory > 16)
		v[0] |= 1ULL << 63;
}

static uint64_t make_ioc(struct fuzz_rnd *r)
{
	static const unsigned long all[] = {
		SEQRING_IOC_GEOMETRY,
		SEQRING_IOC_STATS,
		SEQRING_IOC_SEEK,
		SEQRING_IOC_WRITE_TYPE,
		SEQRING_IOC_READER_FD,
		SEQRING_IOC_LOOK,
		SEQRING_IOC_WRITE_EMPTY,
		SEQRING_CTL_CREATE,
		SEQRING_CTL_DESTROY,
		FIONREAD,
		FIOASYNC,
		FIOCLEX,
		FIONBIO,
		FIOQSIZE,
	};

	switch (fuzz_below(r, 4)) {
	case 0:
		return all[fuzz_below(r, LEN(all))];
	case 1:
		return _IOC(fuzz_below(r, 4), SEQRING_IOC_MAGIC, fuzz_below(r, 256),
			    fuzz_below(r, 1 << 14));
	case 2:
		return all[fuzz_below(r, LEN(all))] ^ 1UL << fuzz_below(r, 32);
	default:
		return (uint32_t)fuzz_rnd(r);
	}
}

static void make_name(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	snprintf(a->text, sizeof(a->text), SEQRING_DEV_DIR "/%s", fuzz_device_name(r));
	*v = (uintptr_t)a->text;
}

static uint64_t make_open_flags(struct fuzz_rnd *r, const struct fuzz_args *a)
{
	static const int bits[] = { O_CLOEXEC, O_APPEND, O_TRUNC, O_SYNC,
				    O_PATH,    O_DIRECT, O_ASYNC, O_NOCTTY };
	static const int modes[] = { O_RDONLY, O_RDONLY, O_RDWR, O_WRONLY, O_ACCMODE };

	return one_of(r, modes, LEN(modes)) | (fuzz_one_in(r, 3) ? 0 : O_NONBLOCK) |
	       (!a->tame && fuzz_one_in(r, 3) ? some_bits(r, bits, LEN(bits)) : 0);
}

/* Each worker creates and destroys its own device of the driver. */
static void make_command(struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	char own[16];
	const char *name, *shared[] = { "fzl", "fzp", own, own };

	snprintf(own, sizeof(own), "fzt%u", fuzz.worker);
	name = shared[fuzz_below(r, 4)];
	switch (fuzz_below(r, 10)) {
	case 0:
	case 1:
		snprintf(a->text, sizeof(a->text), "create %s %u %u %u", own,
			 (unsigned int)fuzz_below(r, 4), 65536U << fuzz_below(r, 3),
			 (unsigned int)fuzz_below(r, 2));
		break;
	case 2:
		snprintf(a->text, sizeof(a->text), "destroy %s", own);
		break;
	case 3:
		snprintf(a->text, sizeof(a->text), "later %s %u", name,
			 (unsigned int)fuzz_below(r, 2000000));
		break;
	case 4:
		snprintf(a->text, sizeof(a->text), "irq %s %u 256", name,
			 (unsigned int)fuzz_below(r, 4));
		break;
	case 5:
		snprintf(a->text, sizeof(a->text), fuzz_one_in(r, 2) ? "nest %s" : "toobig %s",
			 name);
		break;
	case 6:
		snprintf(a->text, sizeof(a->text), "bad %llx %llx", (unsigned long long)fuzz_rnd(r),
			 (unsigned long long)fuzz_rnd(r));
		break;
	default:
		snprintf(a->text, sizeof(a->text), "flood %s %u %u %u", name,
			 (unsigned int)fuzz_below(r, 100), 8 + (unsigned int)fuzz_below(r, 1017),
			 (unsigned int)fuzz_below(r, 4));
	}
	*v = (uintptr_t)a->text;
}

unsigned int fuzz_type_width(enum fuzz_type t)
{
	return t == T_RANGE || t == T_BUF ? 2 : 1;
}

void fuzz_make(enum fuzz_type t, struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v)
{
	static const enum fuzz_kind kinds[] = {
		[T_CTL] = FUZZ_CTL,	  [T_DEV] = FUZZ_DEV,	    [T_READER] = FUZZ_READER,
		[T_DRIVER] = FUZZ_DRIVER, [T_SOCKET] = FUZZ_SOCKET, [T_EPOLL] = FUZZ_EPOLL,
		[T_FD] = FUZZ_ANY,
	};
	static const int remap[] = { 0,
				     MREMAP_MAYMOVE,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     MREMAP_MAYMOVE | 4,
				     4,
				     8 };
	static const int whence[] = { SEEK_SET, SEEK_END, SEEK_CUR, SEEK_DATA, SEEK_HOLE, 77 };
	static const int events[] = { POLLIN, POLLOUT, POLLERR, POLLHUP, POLLPRI, POLLRDHUP };

	switch (t) {
	case T_CTL:
	case T_DEV:
	case T_READER:
	case T_DRIVER:
	case T_SOCKET:
	case T_EPOLL:
	case T_FD:
		make_fd(r, a, v, kinds[t]);
		break;
	case T_RANGE:
		make_range(r, a, v);
		break;
	case T_PLACE:
		*v = make_place(r);
		break;
	case T_MAP_LEN:
		*v = make_map_len(r, a);
		break;
	case T_MAP_OFF:
		*v = make_map_off(r, a);
		break;
	case T_PROT:
		*v = make_prot(r, a);
		break;
	case T_MAP_FLAGS:
		*v = make_map_flags(r, a);
		break;
	case T_REMAP_LEN:
		*v = make_remap_len(r, a);
		break;
	case T_REMAP_FLAGS:
		*v = one_of(r, remap, LEN(remap));
		break;
	case T_ADVICE:
		*v = make_advice(r);
		break;
	case T_BUF:
		make_buf(r, a, v);
		break;
	case T_ZERO:
		*v = !a->tame && fuzz_one_in(r, 4) ? any_word(r) : 0;
		break;
	case T_IOC:
		*v = make_ioc(r);
		break;
	case T_NAME:
		make_name(r, a, v);
		break;
	case T_OPEN_FLAGS:
		*v = make_open_flags(r, a);
		break;
	case T_COMMAND:
		make_command(r, a, v);
		break;
	case T_WHENCE:
		*v = one_of(r, whence, LEN(whence));
		break;
	case T_EVENTS:
		*v = some_bits(r, events, LEN(events));
		break;
	case T_RAW:
		*v = any_word(r);
		break;
	default:
		fuzz_make_struct(t, r, a, v);
	}
}

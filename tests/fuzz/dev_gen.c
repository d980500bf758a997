// SPDX-License-Identifier: GPL-2.0-only
/* Makes programs: new ones from a seed, mutants from programs that reached new places. */
#include "devfuzz.h"

uint64_t fuzz_rnd(struct fuzz_rnd *r)
{
	return test_mix(r->state += 0x9e3779b97f4a7c15ULL);
}

uint64_t fuzz_below(struct fuzz_rnd *r, uint64_t n)
{
	return n ? (fuzz_rnd(r) >> 8) % n : 0;
}

bool fuzz_one_in(struct fuzz_rnd *r, unsigned int n)
{
	return !fuzz_below(r, n);
}

void fuzz_fresh(struct fuzz_program *p, uint64_t seed)
{
	struct fuzz_rnd r = { seed };
	unsigned int i;

	p->seed = seed;
	p->nr = 3 + fuzz_below(&r, FUZZ_CALLS_MAX - 2);
	for (i = 0; i < p->nr; i++)
		p->call[i] = fuzz_rnd(&r);
}

static void insert_at(struct fuzz_program *p, unsigned int at, uint64_t call)
{
	if (p->nr == FUZZ_CALLS_MAX)
		p->nr--;
	if (at > p->nr)
		at = p->nr;
	memmove(&p->call[at + 1], &p->call[at], (p->nr - at) * sizeof(p->call[0]));
	p->call[at] = call;
	p->nr++;
}

static void remove_at(struct fuzz_program *p, unsigned int at)
{
	if (p->nr < 2)
		return;
	p->nr--;
	memmove(&p->call[at], &p->call[at + 1], (p->nr - at) * sizeof(p->call[0]));
}

/* Joins the beginning of one program and the end of another. */
static void splice(struct fuzz_program *p, struct fuzz_rnd *r)
{
	unsigned int nr = __atomic_load_n(&fuzz_all->corpus_nr, __ATOMIC_ACQUIRE);
	const struct fuzz_program *other = &fuzz_all->corpus[fuzz_below(r, nr)];
	unsigned int from = fuzz_below(r, other->nr);

	p->nr = fuzz_below(r, p->nr) + 1;
	while (from < other->nr && p->nr < FUZZ_CALLS_MAX)
		p->call[p->nr++] = other->call[from++];
}

void fuzz_mutate(struct fuzz_program *p, struct fuzz_rnd *r)
{
	unsigned int times = 1 + fuzz_below(r, 4);

	p->seed = 0;
	while (times--) {
		unsigned int at = fuzz_below(r, p->nr);

		switch (fuzz_below(r, 5)) {
		case 0:
			insert_at(p, at, fuzz_rnd(r));
			break;
		case 1:
			remove_at(p, at);
			break;
		case 2:
			insert_at(p, fuzz_below(r, p->nr + 1), p->call[at]);
			break;
		case 3:
			/* Other arguments for the same call, which the high half selects. */
			p->call[at] = (p->call[at] & ~0xffffffffULL) | (uint32_t)fuzz_rnd(r);
			break;
		default:
			splice(p, r);
		}
	}
}

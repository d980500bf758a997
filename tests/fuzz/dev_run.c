// SPDX-License-Identifier: GPL-2.0-only
/* Runs programs and prints their calls. */
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "devfuzz.h"

static const struct fuzz_group *const groups[] = {
	&fuzz_ioctl_calls, &fuzz_io_calls,   &fuzz_fd_calls,
	&fuzz_mm_calls,	   &fuzz_door_calls, &fuzz_proc_calls,
};

static const struct fuzz_call *table[FUZZ_TABLE_MAX];
static unsigned int table_nr;
/* Contains each call as often as its weight. */
static unsigned char weighted[1024];
static unsigned int weighted_nr;

unsigned int fuzz_table_nr(void)
{
	return table_nr;
}

const struct fuzz_call *fuzz_table_at(unsigned int i)
{
	return table[i];
}

void fuzz_run_init(void)
{
	unsigned int g, i, w;

	for (g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		for (i = 0; i < groups[g]->nr; i++) {
			const struct fuzz_call *c = &groups[g]->call[i];

			table[table_nr] = c;
			for (w = 0; w < c->weight; w++)
				weighted[weighted_nr++] = table_nr;
			table_nr++;
		}
	}
}

/* The timer's signal ends blocking calls with EINTR. */
void fuzz_restart_timer(void)
{
	struct itimerval it = { { 0, 50000 }, { 0, 50000 } };

	setitimer(ITIMER_REAL, &it, NULL);
}

const struct fuzz_call *fuzz_pick(uint64_t seed)
{
	return table[weighted[(seed >> 32) % weighted_nr]];
}

const struct fuzz_call *fuzz_pick_thread(uint64_t seed)
{
	struct fuzz_rnd r = { seed };
	const struct fuzz_call *c;

	do {
		c = fuzz_pick(fuzz_rnd(&r));
	} while (!c->thread);
	return c;
}

void fuzz_make_args(const struct fuzz_call *c, uint64_t seed, struct fuzz_args *a)
{
	struct fuzz_rnd r = { seed };
	unsigned int i, at = 0;

	memset(a, 0, sizeof(*a));
	a->slot = -1;
	a->tame = fuzz_one_in(&r, 2);
	for (i = 0; i < FUZZ_ARGS && c->arg[i] != T_END; i++) {
		fuzz_make(c->arg[i], &r, a, &a->v[at]);
		at += fuzz_type_width(c->arg[i]);
	}
	/* If the buffer is a mapping, its kind decides whether the kernel may write it. */
	for (i = 0; i < at; i++)
		if (c->arg[1] == T_BUF && a->v[1] >= FUZZ_ARENA &&
		    a->v[1] < FUZZ_ARENA + FUZZ_ARENA_SPAN)
			a->target = fuzz_mapped_at(a->v[1]);
}

static void say(const struct fuzz_call *c, const struct fuzz_args *a, long ret, int err)
{
	unsigned int i, at = 0, w;
	char line[512];
	int len = 0;

	for (i = 0; i < FUZZ_ARGS && c->arg[i] != T_END; i++) {
		for (w = fuzz_type_width(c->arg[i]); w; w--, at++)
			len += snprintf(line + len, sizeof(line) - len, "%s%#llx", at ? ", " : "",
					(unsigned long long)a->v[at]);
	}
	line[len] = 0;
	printf("# %s%s(%s)%s%s = %ld%s%s\n", fuzz.is_child ? "  child: " : "", c->name, line,
	       a->text[0] ? " " : "", a->text, ret, ret < 0 ? " " : "",
	       ret < 0 ? strerror(err) : "");
}

void fuzz_check_call(const struct fuzz_call *c, struct fuzz_args *a, long ret, int err)
{
	unsigned int i;

	if (fuzz.verbose)
		say(c, a, ret, err);
	for (i = 0; i < table_nr && table[i] != c; i++)
		;
	__atomic_fetch_add(&fuzz_all->tried[i], 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&fuzz_all->calls, 1, __ATOMIC_RELAXED);
	if (ret >= 0)
		__atomic_fetch_add(&fuzz_all->good[i], 1, __ATOMIC_RELAXED);
	if (c->check)
		c->check(a, ret, err);
	if (c->maps && ret >= 0)
		fuzz_check_maps();
}

static unsigned int run_call(uint64_t seed)
{
	const struct fuzz_call *c = fuzz_pick(seed);
	unsigned int found;
	struct fuzz_args a;
	long ret;
	int err;

	if (c->alone && fuzz.is_child)
		return 0;
	fuzz_make_args(c, seed, &a);
	fuzz_kcov_start();
	errno = 0;
	ret = c->run(&a);
	err = errno;
	/* KCOV does not record children. */
	found = fuzz.is_child ? 0 : fuzz_kcov_stop();
	fuzz_check_call(c, &a, ret, err);
	return found;
}

void fuzz_run_calls(struct fuzz_rnd *r, unsigned int nr)
{
	while (nr--)
		run_call(fuzz_rnd(r));
}

static void keep(const struct fuzz_program *p)
{
	unsigned int i = __atomic_fetch_add(&fuzz_all->corpus_nr, 1, __ATOMIC_RELAXED);

	/* A reader of this entry may see a mix of two programs, which is a program, too. */
	if (i >= FUZZ_CORPUS_MAX) {
		__atomic_fetch_sub(&fuzz_all->corpus_nr, 1, __ATOMIC_RELAXED);
		return;
	}
	fuzz_all->corpus[i] = *p;
}

void fuzz_run_program(const struct fuzz_program *p)
{
	struct fuzz_program *now = fuzz_all->now[fuzz.worker];
	unsigned int i, found = 0;

	now[1] = now[0];
	now[0] = *p;
	fuzz.program = p;
	if (fuzz.verbose)
		printf("# program %#llx of %u calls\n", (unsigned long long)p->seed, p->nr);
	fuzz_state_reset();
	for (i = 0; i < p->nr; i++)
		found += run_call(p->call[i]);
	fuzz_check_maps();
	if (found)
		keep(p);
	__atomic_fetch_add(&fuzz_all->programs, 1, __ATOMIC_RELAXED);
}

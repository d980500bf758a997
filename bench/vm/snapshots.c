// SPDX-License-Identifier: GPL-2.0-only
/*
 * The latest state of something in the kernel, for processes: behind a mutex that ioctl()
 * takes, behind a spinlock word in the shared page, and as the newest record of a seqring.
 * Measures the snapshots of the readers, and their effect on the kernel's writer while they
 * read, are stopped in the middle, or die there.
 */
#include "guest.h"

#define READERS	  4u
#define LEN	  64u
#define PERIOD_NS 199000u /* between two updates by the kernel; in no step with its ticks */
#define SETTLE_MS 20u

/* The activity of the processes while the kernel publishes. */
enum situation { IDLE, COMPUTE, READ, STOPPED, KILLED, SITUATIONS };

struct snapshots {
	struct contender c;
	const struct snapshot_kind *kind;
	unsigned int readers;
	uint32_t len;
	enum situation what;
};

static struct {
	struct snapshot_team *team;
	uint32_t *samples;
	uint64_t *ns; /* the same, as a contender has them */
	struct locks_page *page;
	int device;
} guest;

static void guest_init(void)
{
	if (guest.team)
		return;
	guest.team = map_shared(sizeof(*guest.team), NULL);
	guest.samples = alloc(LOCKS_SAMPLES_MAX * sizeof(*guest.samples));
	guest.ns = alloc(LOCKS_SAMPLES_MAX * sizeof(*guest.ns));
	guest.device = locks_open();
	guest.page = locks_map(guest.device);
}

static void set_figures(struct snapshots *s, const struct locks_result *r, uint64_t read,
			uint64_t torn, double seconds)
{
	uint32_t i;

	contender_set(&s->c, "payload_bytes", s->len);
	contender_set(&s->c, "snapshots", (double)read);
	contender_set(&s->c, "torn", (double)torn);
	contender_set(&s->c, "snapshots_per_s", (double)read / seconds);
	contender_set(&s->c, "updates_per_s",
		      (double)(r->tried - r->gave_up - r->refused) / seconds);
	contender_set(&s->c, "tried", (double)r->tried);
	contender_set(&s->c, "gave_up", (double)r->gave_up);
	for (i = 0; i < r->nr_samples; i++)
		guest.ns[i] = guest.samples[i];
	s->c.ticks = guest.ns;
	s->c.nr_ticks = r->nr_samples;
	s->c.tick_ns = 1;
}

static bool snapshots_round(struct contender *c)
{
	struct snapshots *s = (struct snapshots *)c;
	const struct snapshot_kind *crowd = s->what == COMPUTE ? &snapshot_none : s->kind;
	struct snapshot_team *team = guest.team;
	struct locks_result r;
	uint64_t start, before, read, torn;
	double seconds;

	/* A reader that stops at once needs a state to stop in. */
	writer_start(guest.device, s->kind->writer, s->len, 1, PERIOD_NS);
	writer_stop(guest.device, &r, NULL);
	team_start(team, crowd, s->what == IDLE ? 0 : s->readers, s->len, s->what >= STOPPED);
	if (s->what == KILLED)
		team_kill(team);
	writer_start(guest.device, s->kind->writer, s->len, 1, PERIOD_NS);
	team_go(team);
	start = now_ns();
	before = team_total(team).read;
	sleep_us(opt.round_ms * 1000ull);
	read = team_total(team).read - before;
	seconds = (double)(now_ns() - start) / 1e9;
	if (s->what == STOPPED) {
		/* The waiting writer goes on now, so its wait becomes a sample. */
		team_continue(team);
		sleep_us(SETTLE_MS * 1000ull);
	}
	writer_stop(guest.device, &r, guest.samples);
	/* For the next round. Only this program knows that the holder is dead. */
	if (s->what == KILLED)
		__atomic_store_n(&guest.page->holder, 0, __ATOMIC_RELEASE);
	team_stop(team);
	torn = team_total(team).torn;
	set_figures(s, &r, read, torn, seconds);
	if (torn && !crowd->may_tear)
		wrong("%s: %llu of %llu snapshots are torn", s->kind->name,
		      (unsigned long long)torn, (unsigned long long)read);
	return false;
}

static struct contender *snapshots_new(const struct snapshots *like, const char *name)
{
	struct snapshots *s = alloc(sizeof(*s));

	guest_init();
	*s = *like;
	s->c.name = name;
	s->c.round = snapshots_round;
	s->c.warm_up = contender_cold;
	return &s->c;
}

static void rates(unsigned int readers, uint32_t len)
{
	static const struct snapshot_kind *const kinds[] = {
		&snapshot_mutex,  &snapshot_spin,  &snapshot_library,
		&snapshot_inline, &snapshot_plain,
	};
	const char *who = keep("%u reader%s, %u B", readers, readers > 1 ? "s" : "", len);
	struct contender *c[NR(kinds)];
	unsigned int k;

	for (k = 0; k < NR(kinds); k++)
		c[k] = snapshots_new(&(struct snapshots) { .kind = kinds[k],
							   .readers = readers,
							   .len = len,
							   .what = READ },
				     keep("%s, %s", kinds[k]->name, who));
	alternate("snapshots", c, NR(c), opt.rounds);
}

void case_snapshots(void)
{
	rates(1, LEN);
	rates(READERS, LEN);
	if (opt.quick)
		return;
	rates(1, 256);
	rates(READERS, 256);
}

void case_stall(void)
{
	static const char *const situations[SITUATIONS] = {
		[IDLE] = "nobody there",
		[COMPUTE] = "4 processes that compute",
		[READ] = "4 readers",
		[STOPPED] = "4 readers, one stopped inside",
		[KILLED] = "4 readers, one killed inside",
	};
	static const struct {
		const char *name;
		const struct snapshot_kind *kind;
	} kinds[] = {
		{ "ioctl mutex", &snapshot_mutex },
		{ "spinlock word", &snapshot_spin },
		{ "seqring", &snapshot_library },
	};
	struct contender *c[NR(kinds) * SITUATIONS];
	unsigned int k, n = 0;
	int what;

	for (k = 0; k < NR(kinds); k++)
		for (what = IDLE; what < SITUATIONS; what++)
			c[n++] = snapshots_new(&(struct snapshots) { .kind = kinds[k].kind,
								     .readers = READERS,
								     .len = LEN,
								     .what = (enum situation)what },
					       keep("%s, %s", kinds[k].name, situations[what]));
	alternate("writer-stall", c, n, opt.rounds);
}

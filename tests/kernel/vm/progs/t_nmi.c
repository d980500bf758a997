// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishing from hard interrupts and NMIs, into the middle of a publish to the same
 * device. Where the caller does not serialise, the interrupted writer publishes the nested
 * record. Other records that find the ring busy are dropped and counted, nothing is torn,
 * nothing hangs, and every sleeper is woken. Needs two CPUs.
 */
#include "mod.h"

#define NAME "nm"
#define SIZE 65536
#define MAX  256 /* the driver's limit for single records */

#define IRQ 1
#define NMI 2

static const char *const modes[] = { "caller", "locked", "percpu" };

static void create(unsigned int mode)
{
	if (dev_command("create " NAME " %u %u 0", mode, SIZE))
		T_DIE("nmi.setup", "create: %s", strerror(errno));
}

static void destroy(void)
{
	if (dev_command("destroy " NAME))
		T_DIE("nmi.setup", "destroy: %s", strerror(errno));
}

/* The driver's and the device's counts agree, record by record. */
static void counts_agree(const char *what)
{
	struct tried tried = mod_tried(NAME), counted = mod_counted(NAME);
	char name[64];

	snprintf(name, sizeof(name), "nmi.%s.published", what);
	T_EQ(name, counted.published, tried.published);
	snprintf(name, sizeof(name), "nmi.%s.dropped", what);
	T_EQ(name, counted.busy, tried.busy);
}

/*
 * One record from another context while one is open. On the own CPU an interrupt
 * comes only after a record that was open with interrupts off; on the other CPU it
 * waits for the lock there.
 */
static void into_an_open_record(unsigned int mode)
{
	static const int expected[3][2][2] = {
		/* hard interrupt: here, there;   NMI: here, there */
		[SEQRING_MODE_CALLER] = { { EBUSY, EBUSY }, { EBUSY, EBUSY } },
		[SEQRING_MODE_LOCKED] = { { EINPROGRESS, EINPROGRESS }, { 0, EBUSY } },
		[SEQRING_MODE_PERCPU] = { { EINPROGRESS, 0 }, { 0, 0 } },
	};
	static const char *const contexts[] = { "irq", "nmi" };
	unsigned int context, other, round;
	struct tried before, after;
	char name[64];
	pid_t reader;

	create(mode);
	reader = follower(NAME, MAX);
	for (context = IRQ; context <= NMI; context++) {
		for (other = 0; other < 2; other++) {
			int want = expected[mode][context - 1][other], wrong = 0, got = 0;
			unsigned int rounds = want == EINPROGRESS ? 5 : 50;

			before = mod_counted(NAME);
			for (round = 0; round < rounds; round++) {
				/* Do not wait for a record that comes only after the end. */
				int ret = dev_command("within " NAME " %u %u %u", context, other,
						      want == EINPROGRESS ? 10 : 5000);

				if ((ret ? errno : 0) != want) {
					got = ret ? errno : 0;
					wrong++;
				}
			}
			after = mod_counted(NAME);
			snprintf(name, sizeof(name), "nmi.%s.%s_%s", modes[mode],
				 contexts[context - 1], other ? "there" : "here");
			t_check(!wrong, name, "%d of %u: %s, expected %s", wrong, rounds,
				strerror(got), strerror(want));
			t_check(after.busy - before.busy == (want == EBUSY ? rounds : 0) &&
					after.published - before.published ==
						(want == EBUSY ? rounds : 2 * rounds),
				strcat(name, ".exact"), "%llu more published, %llu more dropped",
				(unsigned long long)(after.published - before.published),
				(unsigned long long)(after.busy - before.busy));
		}
	}
	counts_agree(modes[mode]);
	destroy();
	snprintf(name, sizeof(name), "nmi.%s.follower", modes[mode]);
	T_EQ(name, ended(reader), 0);
}

/* A sleeper is woken by one record from an interrupt or an NMI. */
static void wakes(const char *verb, unsigned int mode)
{
	unsigned int i, rounds = 50, woken = 0;
	static unsigned char buf[SIZE];
	struct seqring_view v;
	char name[64];
	struct dev d;
	pid_t pid;

	create(mode);
	dev_open(&d, NAME, O_RDONLY);
	dev_reader_page(&d);
	for (i = 0; i < rounds && woken == i; i++) {
		unsigned int ring;

		for (ring = 0; ring < d.g.nr_rings; ring++) {
			while (dev_read(&d, ring, &v, buf, sizeof(buf)) == SEQRING_OK)
				;
			dev_store_cursor(&d, ring);
		}
		pid = fork();
		if (!pid) {
			sleep_us(1000 + i % 5 * 500);
			_exit(!!dev_command("%s " NAME " 1 256", verb));
		}
		woken += dev_woken(d.fd, 10000) == POLLIN;
		if (ended(pid))
			T_DIE("nmi.setup", "%s: does not publish", verb);
	}
	snprintf(name, sizeof(name), "nmi.%s.%s_wakes", modes[mode], verb);
	T_EQ(name, woken, rounds);
	dev_close(&d);
	destroy();
}

/* Return: how many writers failed. */
static unsigned int storm_once(unsigned int mode)
{
	unsigned int flood = mod_debug_kernel() ? 2000 : 8000, i, bad = 0;
	pid_t pid[3];

	for (i = 0; i < 3; i++) {
		fflush(stdout);
		pid[i] = fork();
		if (pid[i])
			continue;
		alarm(200);
		/* All writers of the first mode interrupt each other on one CPU. */
		mod_pin(i == 0);
		if (i == 2)
			_exit(!!dev_command("nmi " NAME " %u 256", flood / 8));
		/* The timer stays on the CPU that starts it. */
		if (i == 0 &&
		    dev_command("later " NAME " 50000 %u", mod_debug_kernel() ? 1000000 : 200000))
			_exit(1);
		/* One flood, where the caller serialises. */
		if (i == 1 && mode == SEQRING_MODE_CALLER)
			_exit(0);
		_exit(!!dev_command("flood " NAME " %u 256 5", 4 * flood));
	}
	for (i = 0; i < 3; i++)
		bad += ended(pid[i]) != 0;
	return bad;
}

/* Writers have met on the ring: one found it busy, or nested in another. */
static bool met(unsigned int mode)
{
	struct tried tried = mod_tried(NAME);

	return mode == SEQRING_MODE_CALLER ? tried.busy : tried.nested;
}

/* At random places of floods: timer interrupts, and NMIs from the other CPU. */
static void storm(unsigned int mode)
{
	unsigned int bad = 0, tries = 0;
	char name[64];
	pid_t reader;

	create(mode);
	reader = follower(NAME, MAX);
	/* On a busy host the writers may miss each other. */
	do
		bad += storm_once(mode);
	while (!bad && !met(mode) && ++tries < 5);
	/* One more record comes, and then none. */
	dev_command("later " NAME " 1 0");
	sleep_us(50000);
	snprintf(name, sizeof(name), "nmi.storm_%s.writers", modes[mode]);
	T_EQ(name, bad, 0);
	snprintf(name, sizeof(name), "storm_%s", modes[mode]);
	counts_agree(name);
	t_note("storm %s: %llu published, %llu busy, %llu nested", modes[mode],
	       (unsigned long long)mod_counted(NAME).published,
	       (unsigned long long)mod_counted(NAME).busy,
	       (unsigned long long)mod_tried(NAME).nested);
	snprintf(name, sizeof(name), "nmi.storm_%s.met", modes[mode]);
	t_check(met(mode), name, "nothing was ever nested");
	destroy();
	snprintf(name, sizeof(name), "nmi.storm_%s.follower", modes[mode]);
	T_EQ(name, ended(reader), 0);
}

int main(void)
{
	unsigned int mode;

	alarm(600);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		T_DIE("nmi.setup", "needs two CPUs");
	for (mode = SEQRING_MODE_CALLER; mode <= SEQRING_MODE_PERCPU; mode++) {
		mod_pin(0);
		into_an_open_record(mode);
		wakes("nmi", mode);
		wakes("irq", mode);
		storm(mode);
	}
	return t_done();
}

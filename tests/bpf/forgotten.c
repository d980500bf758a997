// SPDX-License-Identifier: GPL-2.0-only
/* A program reserves a record and ends without commit or discard. */
#include "upgrade.h"

/* Fires the event for which the program of @number forgets its reservation, in this task. */
static void forget(void)
{
	make_event(0, FORGET);
}

/* The same from a task of its own. */
static void event_of_other_task(void)
{
	pid_t pid = fork();

	if (!pid) {
		pin_to(0);
		events(1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* Fires @nr events, and reads on the way what the ring does not hold. */
static void events_read(struct account *a, unsigned int nr)
{
	for (; nr > 100; nr -= 100) {
		events(100);
		read_events(a);
	}
	events(nr);
	read_events(a);
}

/* A kept ring that a program has taken for good. */
static void start_forgotten(struct account *a, unsigned int nr)
{
	memset(a, 0, sizeof(*a));
	T_EQ("forgotten.start", restart(1), 0);
	a->r = open_ring(RING_OLDEST);
	events_read(a, nr);
	T_EQ("forgotten.before", a->got, (uint64_t)nr);
	forget();
	events(3);
	CHECK_EVENTS("forgotten.taken", a, 0, 1);
}

static void counted(void)
{
	struct account a;

	start_forgotten(&a, 2);
	T_EQ("counted.busy", dropped(a.r, SEQRING_DROP_BUSY), 3);
	T_EQ("counted.same_task", dropped(a.r, SEQRING_DROP_ABANDONED), 0);
	event_of_other_task();
	event_of_other_task();
	T_EQ("counted.other_task", dropped(a.r, SEQRING_DROP_ABANDONED), 2);
	T_EQ("counted.busy_before", dropped(a.r, SEQRING_DROP_BUSY), 3);
	T_EQ("counted.destroy", ring_bpf_destroy(NAME), 0);
	read_events(&a);
	T_EQ("counted.end", a.err, -ENODEV);
	T_EQ("counted.destroyed", ring_bpf_destroy(NAME), -ENOENT);
	ring_close(a.r);
}

/*
 * The loader takes the ring over between a program's attempt to take the ring and its count of the
 * drop. The ring is free, and nobody has forgotten it.
 */
static void late_epoch(void)
{
	struct account a = { 0 };

	T_EQ("late_epoch.start", restart(1), 0);
	a.r = open_ring(RING_OLDEST);
	make_event(0, LATE_EPOCH);
	T_EQ("late_epoch.handover", dropped(a.r, SEQRING_DROP_HANDOVER), 1);
	events(3);
	event_of_other_task();
	CHECK_EVENTS("late_epoch.free", &a, 4, 1);
	T_EQ("late_epoch.abandoned", dropped(a.r, SEQRING_DROP_ABANDONED), 0);
	ring_close(a.r);
	T_EQ("late_epoch.destroy", ring_bpf_destroy(NAME), 0);
}

/* A mended loader takes over. @nr: of events before, which decides where the reservation lies. */
static void mended(const char *test, unsigned int nr)
{
	struct account a;
	char name[64];

	start_forgotten(&a, nr);
	snprintf(name, sizeof(name), "%s.restart", test);
	t_check(!restart(2), name, "%s", ring_strerror());
	events_read(&a, 4000);
	snprintf(name, sizeof(name), "%s.read", test);
	T_EQ(name, a.got, (uint64_t)nr + 4000);
	snprintf(name, sizeof(name), "%s.lives", test);
	T_EQ(name, a.err, -EAGAIN);
	snprintf(name, sizeof(name), "%s.once", test);
	T_EQ(name, a.twice, 0);
	ring_close(a.r);
	snprintf(name, sizeof(name), "%s.destroy", test);
	T_EQ(name, ring_bpf_destroy(NAME), 0);
}

/* The loader of the forgetful program ends its ring. */
static void ended(void)
{
	const struct seqring_bpf_ctl reset = { .cmd = SEQRING_BPF_CTL_RESET };
	struct account a = { 0 };
	struct loader l;

	T_EQ("ended.load", load(&l, 1), 0);
	T_EQ("ended.attach", attach(&l), 0);
	T_EQ("ended.start", ring_bpf_start(l.ring), 0);
	a.r = open_ring(RING_OLDEST);
	events(2);
	forget();
	CHECK_EVENTS("ended.taken", &a, 2, 1);
	/* While programs may write the ring, nothing tells that it was forgotten. */
	T_EQ("ended.no_reset", run_prog(prog_fd(l.obj, "ring_ctl"), &reset, sizeof(reset), -1),
	     -EINVAL);
	T_EQ("ended.end", ring_bpf_end(l.ring), 0);
	read_events(&a);
	T_EQ("ended.reader", a.err, -ENODEV);
	events(4);
	T_EQ("ended.too_late", dropped(a.r, SEQRING_DROP_DEAD), 4);
	unload(&l);
	ring_close(a.r);
}

int main(void)
{
	const char *bpffs;

	need_bpf("forgotten");
	bpffs = own_bpffs();
	trigger_nr();
	pin_to(0);
	ring_data_size = SEQRING_DATA_SIZE_MIN;
	counted();
	late_epoch();
	ended();
	mended("mended", 10);
	/* The reservation does not fit before the end of the data area: a PAD is there. */
	mended("mended.pad", (SEQRING_DATA_SIZE_MIN - FORGOTTEN_LEN / 2) / EVENT_SIZE);
	/* It lies in another segment than the last record. */
	mended("mended.segment", (SEQRING_DATA_SIZE_MIN / 16 - FORGOTTEN_LEN / 2) / EVENT_SIZE);
	umount(bpffs);
	return t_done();
}

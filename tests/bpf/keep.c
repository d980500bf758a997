// SPDX-License-Identifier: GPL-2.0-only
/* A loader cannot keep its ring, before or after it has taken the ring over: who writes then? */
#include "../lib/forbid.h"
#include "upgrade.h"

static const char *bpffs;

static bool has_pin(const char *what)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" NAME "%s", getenv("RINGBPFDIR"), what);
	return !access(path, F_OK);
}

/* What a loader in a process of its own does; see run(). @errs: of its steps, in their order */
struct loading {
	void (*body)(struct loading *l);
	int errs[4];
	struct loader loader;
	int go[2];
	int done[2];
};

/* Tells the test that a step is over, and waits for its word. */
static void pause_here(struct loading *l)
{
	char c = 0;

	if (write(l->done[1], &c, 1) != 1 || read(l->go[0], &c, 1) != 1)
		_exit(1);
}

static struct loading *start_loading(void (*body)(struct loading *l))
{
	struct loading *l = map_shared(sizeof(*l));
	char c;

	l->body = body;
	if (pipe(l->go) || pipe(l->done))
		die("pipe");
	fflush(stdout);
	if (!fork()) {
		hush(true);
		l->body(l);
		_exit(0);
	}
	close(l->done[1]);
	if (read(l->done[0], &c, 1) != 1)
		die("the loader is gone");
	return l;
}

/* Lets the loader go on to its end. */
static void finish_loading(struct loading *l)
{
	int status;
	char c = 0;

	if (write(l->go[1], &c, 1) != 1)
		die("the loader is gone");
	wait(&status);
	close(l->go[0]);
	close(l->go[1]);
	close(l->done[0]);
	munmap(l, sizeof(*l));
	wait_for_programs();
}

static void forbid_pins(void)
{
	if (!forbid_bpf(BPF_OBJ_PIN))
		die("seccomp");
}

/* --- after the switch ------------------------------------------------------------- */

static void keep_late(struct loading *l)
{
	l->errs[0] = load(&l->loader, 2);
	l->errs[1] = attach(&l->loader);
	l->errs[2] = ring_bpf_start(l->loader.ring);
	forbid_pins();
	l->errs[3] = keep(&l->loader);
	pause_here(l);
	unload(&l->loader);
}

/* The loader goes on with its ring, which ends with the loader: readers hear of it. */
static void after_switch(void)
{
	struct account a = { 0 };
	struct loading *l;

	T_EQ("after_switch.first", restart(1), 0);
	a.r = open_ring(RING_OLDEST);
	l = start_loading(keep_late);
	T_EQ("after_switch.start", l->errs[0] | l->errs[1] | l->errs[2], 0);
	T_EQ("after_switch.keep", l->errs[3], -EPERM);
	events(3);
	CHECK_EVENTS("after_switch.writes", &a, 3, 2);
	T_EQ("after_switch.reader", ring_wait(a.r, 50), -ETIMEDOUT);
	finish_loading(l);
	events(2);
	CHECK_EVENTS("after_switch.closed", &a, 0, 2);
	T_EQ("after_switch.told", a.err, -ENODEV);
	ring_close(a.r);
	T_EQ("after_switch.no_name", ring_bpf_destroy(NAME), -ENOENT);
}

static void keep_twice(struct loading *l)
{
	l->errs[0] = load(&l->loader, 2) | attach(&l->loader) | ring_bpf_start(l->loader.ring);
	l->errs[1] = keep(&l->loader);
	forbid_pins();
	l->errs[2] = keep(&l->loader);
	pause_here(l);
	unload(&l->loader);
}

/* What was kept by an earlier call stays kept. */
static void twice(void)
{
	struct account a = { 0 };
	struct loading *l;

	T_EQ("twice.first", restart(1), 0);
	a.r = open_ring(RING_OLDEST);
	l = start_loading(keep_twice);
	T_EQ("twice.start", l->errs[0], 0);
	T_EQ("twice.keep", l->errs[1], 0);
	T_TRUE("twice.again_fails", l->errs[2] < 0);
	events(3);
	CHECK_EVENTS("twice.writes", &a, 3, 2);
	finish_loading(l);
	events(4);
	CHECK_EVENTS("twice.kept", &a, 4, 2);
	T_EQ("twice.reader", ring_wait(a.r, 50), -ETIMEDOUT);
	T_EQ("twice.destroy", ring_bpf_destroy(NAME), 0);
	ring_close(a.r);
}

/* A loader that failed once keeps its ring when the cause is gone, and adds to what it keeps. */
static void again(void)
{
	struct account a = { 0 };
	struct bpf_link *links[2];
	struct loader l;

	T_EQ("again.first", restart(1), 0);
	a.r = open_ring(RING_OLDEST);
	T_EQ("again.start", load(&l, 2) | attach(&l) | ring_bpf_start(l.ring), 0);
	links[0] = l.link;
	links[1] = NULL;
	T_EQ("again.null", ring_bpf_keep(l.ring, links, 2), -EINVAL);
	T_TRUE("again.null.why", strstr(ring_strerror(), "link 1 is NULL"));
	T_EQ("again.keep", keep(&l), 0);
	T_EQ("again.more", keep(&l), 0);
	unload(&l);
	events(3);
	CHECK_EVENTS("again.kept", &a, 3, 2);
	T_EQ("again.next", restart(3), 0);
	events(3);
	CHECK_EVENTS("again.next.writes", &a, 3, 3);
	T_EQ("again.none_left", dropped(a.r, SEQRING_DROP_SUPERSEDED), 0);
	T_EQ("again.destroy", ring_bpf_destroy(NAME), 0);
	ring_close(a.r);
}

/* --- before the switch ------------------------------------------------------------ */

/* @first: of the loader before, whose programs go on */
static void keep_early(struct loading *l)
{
	l->errs[0] = load(&l->loader, 2) | attach(&l->loader);
	l->errs[1] = keep(&l->loader);
	forbid_pins();
	l->errs[2] = ring_bpf_start(l->loader.ring);
	l->errs[3] = keep(&l->loader);
	pause_here(l);
	unload(&l->loader);
}

static void before_switch(void)
{
	struct account a = { 0 };
	struct loading *l;
	struct loader next;

	T_EQ("before_switch.first", restart(1), 0);
	a.r = open_ring(RING_OLDEST);
	l = start_loading(keep_early);
	T_EQ("before_switch.note", l->errs[0] | l->errs[1], 0);
	T_EQ("before_switch.start", l->errs[2], -EPERM);
	T_EQ("before_switch.failed", l->errs[3], -EINVAL);
	events(3);
	CHECK_EVENTS("before_switch.writes", &a, 3, 1);
	finish_loading(l);
	events(4);
	CHECK_EVENTS("before_switch.kept", &a, 4, 1);
	T_EQ("before_switch.reader", ring_wait(a.r, 50), -ETIMEDOUT);
	T_EQ("before_switch.no_gap", dropped(a.r, SEQRING_DROP_HANDOVER), 0);

	/* The same without the fault. */
	T_EQ("before_switch.next", load(&next, 3) | attach(&next) | keep(&next), 0);
	T_EQ("before_switch.next.start", ring_bpf_start(next.ring), 0);
	unload(&next);
	events(5);
	CHECK_EVENTS("before_switch.next.kept", &a, 5, 3);
	T_EQ("before_switch.next.reader", ring_wait(a.r, 50), -ETIMEDOUT);
	T_EQ("before_switch.none_left", dropped(a.r, SEQRING_DROP_SUPERSEDED), 0);
	T_EQ("before_switch.destroy", ring_bpf_destroy(NAME), 0);
	ring_close(a.r);
}

/* A new ring appears with its writers, or not at all. */
static void from_the_start(void)
{
	struct account a = { 0 };
	struct loading *l = start_loading(keep_early);
	struct loader one;

	T_EQ("from_the_start.fails", l->errs[2], -EPERM);
	T_TRUE("from_the_start.no_name", !has_pin(""));
	finish_loading(l);
	T_TRUE("from_the_start.nothing_left", !has_pin(""));
	T_EQ("from_the_start.note", load(&one, 1) | attach(&one) | keep(&one), 0);
	T_EQ("from_the_start.start", ring_bpf_start(one.ring), 0);
	a.r = open_ring(RING_OLDEST);
	unload(&one);
	events(3);
	CHECK_EVENTS("from_the_start.kept", &a, 3, 1);
	T_EQ("from_the_start.reader", ring_wait(a.r, 50), -ETIMEDOUT);
	T_EQ("from_the_start.destroy", ring_bpf_destroy(NAME), 0);
	ring_close(a.r);
}

/* Objects without epochs give their links names that those of the last loader have. */
static void no_epoch(void)
{
	struct account a = { 0 };
	struct loader l;
	int i;

	for (i = 1; i <= 2; i++) {
		T_EQ("no_epoch.load", load_as(&l, (uint64_t)i, true) | keep(&l), -EINVAL);
		unload(&l);
		T_EQ("no_epoch.note", load_as(&l, (uint64_t)i, true) | attach(&l) | keep(&l), 0);
		T_EQ("no_epoch.start", ring_bpf_start(l.ring), 0);
		unload(&l);
		if (!a.r)
			a.r = open_ring(RING_HEAD);
		events(3);
		CHECK_EVENTS("no_epoch.kept", &a, 3, i);
	}
	T_EQ("no_epoch.destroy", ring_bpf_destroy(NAME), 0);
	ring_close(a.r);
}

/* --- what is refused -------------------------------------------------------------- */

static void refused(void)
{
	struct loader l;
	int fd;

	T_EQ("refused.load", load(&l, 1) | attach(&l), 0);
	fd = prog_fd(l.obj, "on_event");
	T_EQ("refused.program", ring_bpf_keep_fds(l.ring, &fd, 1), -EINVAL);
	T_TRUE("refused.program.why", strstr(ring_strerror(), "bpf-prog"));
	fd = 9999;
	T_EQ("refused.closed", ring_bpf_keep_fds(l.ring, &fd, 1), -EBADF);
	T_EQ("refused.start", ring_bpf_start(l.ring), 0);
	T_EQ("refused.end", ring_bpf_end(l.ring), 0);
	T_EQ("refused.ended", keep(&l), -EINVAL);
	T_TRUE("refused.ended.why", strstr(ring_strerror(), "has not ended"));
	unload(&l);
}

static const struct t_test tests[] = {
	{ "after_switch", after_switch },
	{ "twice", twice },
	{ "again", again },
	{ "before_switch", before_switch },
	{ "from_the_start", from_the_start },
	{ "no_epoch", no_epoch },
	{ "refused", refused },
};

int main(int argc, char **argv)
{
	need_bpf("keep");
	bpffs = own_bpffs();
	trigger_nr();
	pin_to(0);
	t_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
	umount(bpffs);
	return t_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who owns a BPF ring, and who learns of the owner's death: in another PID namespace, with
 * children that inherited its descriptors, and when a later owner goes on with the ring.
 */
#include <poll.h>

#include "loader.h"

#define PATIENCE_MS 30000

static unsigned int end_of(struct ring_reader *r)
{
	struct ring_stats st = { .size = sizeof(st) };

	if (ring_stats(r, &st))
		die("ring_stats");
	return st.end;
}

/* Return: what ends the reading. */
static int read_on(struct ring_reader *r, uint64_t *next, int *nr)
{
	int err;

	*nr = read_all(r, next, &err);
	return err;
}

/* A loader lives, and then is killed, in a PID namespace that this process is not in. */
static void other_pidns(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "pidns");
	uint64_t next = 1;
	struct ring_reader *r;
	struct loader l, second;
	int nr;

	loader_start_in(&l, &opts, true);
	T_EQ("owner.pidns.start", l.err, 0);
	r = open_name("pidns");
	T_EQ("owner.pidns.attach", loader_do(&l, ATTACH), 0);
	trigger(3);
	T_EQ("owner.pidns.lives", read_on(r, &next, &nr), -EAGAIN);
	T_EQ("owner.pidns.read", nr, 3);
	T_EQ("owner.pidns.wait", ring_wait(r, 50), -ETIMEDOUT);
	loader_start(&second, &opts);
	T_EQ("owner.pidns.owned", second.errs[0], -EBUSY);
	loader_end(&second, false);
	T_EQ("owner.pidns.destroy_owned", ring_bpf_destroy("pidns"), -EBUSY);
	T_EQ("owner.pidns.runs", end_of(r), RING_RUNS);

	loader_end(&l, true);
	T_EQ("owner.pidns.gone", ring_wait(r, PATIENCE_MS), -ENODEV);
	T_EQ("owner.pidns.killed", end_of(r), RING_KILLED);
	/* In the next container, and here. */
	loader_start_in(&l, &opts, true);
	T_EQ("owner.pidns.again", l.err, 0);
	T_EQ("owner.pidns.replaced", end_of(r), RING_REPLACED);
	T_EQ("owner.pidns.replaced.read", read_on(r, &next, &nr), -ENODEV);
	T_TRUE("owner.pidns.replaced.says", strstr(ring_strerror(), "open it again"));
	loader_end(&l, true);
	opts.flags = RING_BPF_CONTINUE;
	loader_start_in(&l, &opts, true);
	T_EQ("owner.pidns.continue", l.err, 0);
	loader_end(&l, true);
	T_EQ("owner.pidns.destroy", ring_bpf_destroy("pidns"), 0);
	ring_close(r);
}

/* A reader that was told of a death goes on when another loader goes on. */
static void revived(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "revived", .flags = RING_BPF_CONTINUE);
	struct pollfd pfd = { .events = POLLIN };
	uint64_t next = 1, by_fd_next = 1;
	struct ring_reader *r, *by_fd;
	struct loader l;
	int nr, i, wakeups;

	loader_start(&l, &opts);
	r = open_name("revived");
	by_fd = open_name("revived");
	if (ring_fd(by_fd, &pfd.fd))
		die("ring_fd");
	loader_do(&l, ATTACH);
	for (i = 0; i < 3; i++) {
		trigger(2);
		T_EQ("owner.revived.before", read_on(r, &next, &nr), -EAGAIN);
		T_EQ("owner.revived.read", nr, 2);
		read_on(by_fd, &by_fd_next, &nr);
		loader_end(&l, true);
		T_EQ("owner.revived.gone", ring_wait(r, PATIENCE_MS), -ENODEV);
		T_EQ("owner.revived.gone_read", read_on(r, &next, &nr), -ENODEV);
		T_EQ("owner.revived.killed", end_of(r), RING_KILLED);
		T_EQ("owner.revived.fd", poll(&pfd, 1, PATIENCE_MS), 1);
		T_EQ("owner.revived.fd_read", read_on(by_fd, &by_fd_next, &nr), -ENODEV);
		loader_start(&l, &opts);
		T_EQ("owner.revived.start", l.err, 0);
		T_EQ("owner.revived.back", read_on(r, &next, &nr), -EAGAIN);
		T_EQ("owner.revived.runs", end_of(r), RING_RUNS);
		T_EQ("owner.revived.waits", ring_wait(r, 50), -ETIMEDOUT);
		/* The descriptor is quiet again, and then tells each record. */
		T_EQ("owner.revived.fd_back", read_on(by_fd, &by_fd_next, &nr), -EAGAIN);
		T_EQ("owner.revived.fd_quiet", poll(&pfd, 1, 50), 0);
		loader_do(&l, ATTACH);
		trigger(1);
		T_EQ("owner.revived.fd_wakes", poll(&pfd, 1, PATIENCE_MS), 1);
		read_on(by_fd, &by_fd_next, &nr);
		T_EQ("owner.revived.fd_gets", nr, 1);
		for (wakeups = 0; wakeups < 10 && poll(&pfd, 1, 10) == 1; wakeups++)
			read_on(by_fd, &by_fd_next, &nr);
		T_TRUE("owner.revived.fd_sleeps", wakeups < 10);
		T_EQ("owner.revived.record", read_on(r, &next, &nr), -EAGAIN);
	}
	T_EQ("owner.revived.end", loader_do(&l, END), 0);
	T_EQ("owner.revived.ended", read_on(r, &next, &nr), -ENODEV);
	T_EQ("owner.revived.ended_by", end_of(r), RING_ENDED);
	loader_end(&l, false);
	ring_close(by_fd);
	ring_close(r);
}

/* A child that only inherited the loader's descriptors does not stand for it. */
static void idle_child(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "child");
	struct ring_reader *r;
	struct loader l, next;
	int child;

	loader_start(&l, &opts);
	r = open_name("child");
	T_EQ("owner.child.close", loader_do(&l, CLOSE_IN_CHILD), 0);
	T_EQ("owner.child.lives", ring_wait(r, 50), -ETIMEDOUT);
	child = loader_do(&l, FORK);
	T_TRUE("owner.child.forked", child > 0);
	kill(l.pid, SIGKILL);
	waitpid(l.pid, NULL, 0);
	close(l.sock);
	T_EQ("owner.child.gone", ring_wait(r, PATIENCE_MS), -ENODEV);
	T_EQ("owner.child.killed", end_of(r), RING_KILLED);
	T_TRUE("owner.child.still_there", !kill(child, 0));
	loader_start(&next, &opts);
	T_EQ("owner.child.name_is_free", next.err, 0);
	loader_end(&next, true);
	kill(child, SIGKILL);
	T_EQ("owner.child.destroy", ring_bpf_destroy("child"), 0);
	ring_close(r);
}

/* A process that keeps a ring no longer owns it, however long it goes on. */
static void kept_on(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "on", .flags = RING_BPF_CONTINUE);
	struct loader first, second, third;
	struct ring_reader *r;
	uint64_t next = 1;
	int nr;

	loader_start(&first, &opts);
	r = open_name("on");
	T_EQ("owner.on.keep", loader_do(&first, KEEP), 0);
	loader_start(&second, &opts);
	T_EQ("owner.on.second", second.err, 0);
	loader_start(&third, &opts);
	T_EQ("owner.on.owned", third.errs[0], -EBUSY);
	loader_end(&third, false);
	T_EQ("owner.on.reader", ring_wait(r, 0), -ETIMEDOUT);
	loader_end(&second, true);
	T_EQ("owner.on.killed", ring_wait(r, PATIENCE_MS), -ENODEV);
	loader_start(&third, &opts);
	T_EQ("owner.on.third", third.err, 0);
	/* The reader has not looked while the ring had an owner. */
	T_EQ("owner.on.third.keep", loader_do(&third, KEEP), 0);
	T_EQ("owner.on.third.reader", read_on(r, &next, &nr), -EAGAIN);
	T_EQ("owner.on.third.runs", end_of(r), RING_RUNS);
	loader_end(&third, false);
	loader_end(&first, false);
	ring_close(r);
	T_EQ("owner.on.destroy", ring_bpf_destroy("on"), 0);
}

/* A loader goes to the background: its child owns the ring. */
static void adopted(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "adopted");
	struct loader l, second;
	struct ring_reader *r;
	uint64_t next = 1;
	int child, nr;

	loader_start(&l, &opts);
	r = open_name("adopted");
	child = loader_do(&l, ADOPT);
	T_TRUE("owner.adopted.child", child > 0);
	waitpid(l.pid, NULL, 0);
	T_EQ("owner.adopted.lives", ring_wait(r, 100), -ETIMEDOUT);
	loader_start(&second, &opts);
	T_EQ("owner.adopted.owned", second.errs[0], -EBUSY);
	loader_end(&second, false);
	T_EQ("owner.adopted.attach", loader_do(&l, ATTACH), 0);
	trigger(2);
	T_EQ("owner.adopted.read", read_on(r, &next, &nr), -EAGAIN);
	T_EQ("owner.adopted.read_nr", nr, 2);
	kill(child, SIGKILL);
	T_EQ("owner.adopted.gone", ring_wait(r, PATIENCE_MS), -ENODEV);
	T_EQ("owner.adopted.killed", end_of(r), RING_KILLED);
	T_EQ("owner.adopted.destroy", ring_bpf_destroy("adopted"), 0);
	close(l.sock);
	ring_close(r);
}

int main(void)
{
	const char *bpffs;

	need_bpf("owner");
	bpffs = own_bpffs();
	pin_to(0);
	other_pidns();
	revived();
	idle_child();
	kept_on();
	adopted();
	umount(bpffs);
	return t_done();
}

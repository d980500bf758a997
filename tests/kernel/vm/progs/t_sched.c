// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduler producer, seqring_sched.ko, which is loaded at the start and is
 * unloaded here: real events of every CPU, checked against the switches, processes and
 * execs of this program.
 */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <seqring/sched.h>
#include "../../../lib/process.h"
#include "dev.h"

#define PROGRAM	  "/bin/busybox"
#define EXIT_CODE 37

/* The account of one CPU's ring. */
struct seen {
	unsigned int switches;
	unsigned int wakeups;
	unsigned int bad;
	int last_next; /* next_pid of the switch before; -1: not known */
	uint64_t ts;
	const char *why;
};

static struct seen seen[DEV_RINGS_MAX];
static pid_t child[DEV_RINGS_MAX];
static unsigned int exec_seen[DEV_RINGS_MAX], exit_seen[DEV_RINGS_MAX];
static unsigned int cpus;

static void bad(struct seen *s, const char *why)
{
	s->bad++;
	s->why = why;
}

static int name_ok(const char *comm)
{
	size_t len = strnlen(comm, SEQRING_SCHED_COMM);
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)comm[i] < ' ')
			return 0;
	return len && len < SEQRING_SCHED_COMM;
}

static void check_switch(struct seen *s, const struct seqring_sched_switch *ev, uint64_t lost)
{
	if (ev->prev_pid < 0 || ev->next_pid < 0 || ev->prev_pid == ev->next_pid ||
	    !name_ok(ev->prev_comm) || !name_ok(ev->next_comm) || ev->preempt > 1 ||
	    ev->prev_prio < 0 || ev->prev_prio > 140 || ev->next_prio < 0 || ev->next_prio > 140)
		bad(s, "switch: a field cannot be");
	/* The next switch must leave the task that this one entered. */
	if (s->last_next >= 0 && !lost && ev->prev_pid != s->last_next)
		bad(s, "switch: not from the task before");
	s->last_next = ev->next_pid;
	s->switches++;
}

static void check_record(unsigned int ring, const struct seqring_view *v, const void *payload)
{
	const struct seqring_sched_wakeup *wakeup = payload;
	const struct seqring_sched_exec *ex = payload;
	const struct seqring_sched_exit *end = payload;
	struct seen *s = &seen[ring];
	unsigned int i;

	if (v->lost)
		s->last_next = -1;
	if (v->ts_ns < s->ts || v->ts_ns > now_ns())
		bad(s, "time goes back");
	s->ts = v->ts_ns;
	switch (v->type) {
	case SEQRING_SCHED_SWITCH:
		if (v->len != sizeof(struct seqring_sched_switch))
			bad(s, "switch: length");
		check_switch(s, payload, v->lost);
		break;
	case SEQRING_SCHED_WAKEUP:
		if (v->len != sizeof(*wakeup) || wakeup->pid <= 0 || wakeup->target_cpu >= cpus ||
		    wakeup->reserved || !name_ok(wakeup->comm))
			bad(s, "wakeup: a field cannot be");
		s->wakeups++;
		break;
	case SEQRING_SCHED_EXEC:
		if (v->len < sizeof(*ex))
			bad(s, "exec: length");
		for (i = 0; i < cpus; i++)
			exec_seen[i] += ring == i && ex->pid == child[i] &&
					ex->old_pid == child[i] &&
					v->len == sizeof(*ex) + strlen(PROGRAM) &&
					!memcmp(ex->filename, PROGRAM, strlen(PROGRAM));
		break;
	case SEQRING_SCHED_EXIT:
		if (v->len != sizeof(*end) || !name_ok(end->comm))
			bad(s, "exit: a field cannot be");
		for (i = 0; i < cpus; i++)
			exit_seen[i] += ring == i && end->pid == child[i] &&
					end->tgid == child[i] &&
					end->exit_code == (EXIT_CODE + (int)i) << 8;
		break;
	default:
		bad(s, "unknown type");
	}
}

/* Starts a process on that CPU, which runs a program that sleeps and exits. */
static void spawn(unsigned int cpu)
{
	char script[64];
	int status;

	snprintf(script, sizeof(script), "sleep 0.1; exit %u", EXIT_CODE + cpu);
	child[cpu] = fork();
	if (!child[cpu]) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (!sched_setaffinity(0, sizeof(set), &set))
			execl(PROGRAM, "sh", "-c", script, NULL);
		_exit(127);
	}
	waitpid(child[cpu], &status, 0);
	if (WEXITSTATUS(status) != (int)(EXIT_CODE + cpu))
		T_DIE("sched.setup", "child: status %x", status);
}

static void read_all(struct dev *d)
{
	static unsigned char buf[65536];
	struct seqring_view v;
	enum seqring_outcome outcome;
	unsigned int i;

	for (i = 0; i < cpus; i++) {
		while ((outcome = dev_read(d, i, &v, buf, sizeof(buf))) == SEQRING_OK)
			check_record(i, &v, buf);
		if (outcome == SEQRING_CORRUPT)
			bad(&seen[i], "corrupt");
	}
}

static void events(struct dev *d)
{
	unsigned int i;
	char name[48];

	for (i = 0; i < cpus; i++) {
		seqring_reader_seek_head(&d->r[i]);
		seen[i].last_next = -1;
	}
	for (i = 0; i < cpus; i++)
		spawn(i);
	read_all(d);
	for (i = 0; i < cpus; i++) {
		snprintf(name, sizeof(name), "sched.cpu%u", i);
		t_check(seen[i].switches > 5 && seen[i].wakeups > 1, name,
			"%u switches, %u wake-ups", seen[i].switches, seen[i].wakeups);
		snprintf(name, sizeof(name), "sched.cpu%u.sane", i);
		t_check(!seen[i].bad, name, "%u are not, last: %s", seen[i].bad, seen[i].why);
		snprintf(name, sizeof(name), "sched.cpu%u.exec", i);
		T_EQ(name, exec_seen[i], 1);
		snprintf(name, sizeof(name), "sched.cpu%u.exit", i);
		T_EQ(name, exit_seen[i], 1);
		snprintf(name, sizeof(name), "sched.cpu%u.id", i);
		T_EQ(name, d->r[i].ctl->id, i);
		snprintf(name, sizeof(name), "sched.cpu%u.no_drop", i);
		T_EQ(name, dev_stats(d->fd, i).dropped[SEQRING_DROP_BUSY], 0);
	}
}

/* The producer goes while one reader sleeps and another has not read at all yet. */
static void producer_goes(struct dev *d)
{
	struct pollfd p = { .fd = d->fd, .events = POLLIN };
	uint64_t published = 0, head = 0;
	int status, reader, n = 0, *is_open = map_shared(sizeof(*is_open));
	char buf[65536];
	unsigned int i;
	pid_t pid;

	T_ERR("sched.rmmod_seqring", syscall(SYS_delete_module, "seqring", O_NONBLOCK),
	      EWOULDBLOCK);
	reader = dev_open_fd(SEQRING_SCHED_DEVICE, O_RDONLY);
	pid = fork();
	if (!pid) {
		struct pollfd mine = { .fd = dev_open_fd(SEQRING_SCHED_DEVICE, O_RDONLY),
				       .events = POLLIN };

		set_flag(is_open);
		/* Its own events keep it busy until the end. */
		alarm(120);
		while (poll(&mine, 1, -1) == 1 && !(mine.revents & POLLHUP))
			while (mine.revents & POLLIN && read(mine.fd, buf, sizeof(buf)) > 0)
				if (poll(&mine, 1, 0) != 1)
					break;
		_exit(mine.revents & POLLHUP ? 0 : 1);
	}
	T_TRUE("sched.follower_is_open", wait_for_flag(is_open));
	sleep_us(200000);
	T_RET("sched.rmmod_while_open", syscall(SYS_delete_module, "seqring_sched", O_NONBLOCK), 0);
	waitpid(pid, &status, 0);
	T_EQ("sched.follower_sees_end", status, 0);
	T_TRUE("sched.pollin_after", poll(&p, 1, 0) == 1 && p.revents & POLLIN);
	for (i = 0; i < cpus; i++)
		published += dev_stats(d->fd, i).seq;
	read_all(d);
	for (i = 0; i < cpus; i++) {
		head += d->r[i].seq - 1;
		dev_store_cursor(d, i);
	}
	T_EQ("sched.drained", head, published);
	T_TRUE("sched.hup", poll(&p, 1, 0) == 1 && p.revents == POLLHUP);

	/* The other reader may have been overrun. */
	p.fd = reader;
	while (poll(&p, 1, 0) == 1 && p.revents & POLLIN && n < 100000) {
		ssize_t got = read(reader, buf, sizeof(buf));

		if (got <= 0 && errno != EPIPE)
			break;
		n++;
	}
	T_RET("sched.late_reader_ends", read(reader, buf, sizeof(buf)), 0);
	T_TRUE("sched.late_reader_hup", n > 0 && poll(&p, 1, 0) == 1 && p.revents == POLLHUP);
	T_TRUE("sched.no_device", dev_open_fd(SEQRING_SCHED_DEVICE, O_RDONLY) < 0);
	close(reader);
}

int main(void)
{
	struct dev d;

	alarm(100);
	dev_open(&d, SEQRING_SCHED_DEVICE, O_RDONLY);
	dev_reader_page(&d);
	cpus = d.g.nr_rings;
	T_EQ("sched.a_ring_per_cpu", cpus, sysconf(_SC_NPROCESSORS_CONF));
	T_EQ("sched.mode", d.g.mode, SEQRING_MODE_PERCPU);
	T_ERR("sched.no_writing", dev_open_fd(SEQRING_SCHED_DEVICE, O_RDWR), EACCES);
	events(&d);
	producer_goes(&d);
	dev_close(&d);
	return t_done();
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Waits until each task that is in the middle of an event has left it.
 *
 * The kernel runs the programs on a tracepoint one after the other. From Linux 6.13 on a task may
 * be preempted, or sleep, between two programs on the entry or the exit of a system call, and from
 * 7.0 on between two on any tracepoint. An RCU grace period does not wait for such a task. The
 * kernel itself does when it frees a link to a tracepoint: by Tasks Trace RCU for system calls, by
 * SRCU for the others. So this attaches a program that does nothing, detaches it, and waits until
 * it is freed.
 */

#include <bpf/bpf.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/clock.h"
#include "internal.h"

/*
 * Tasks Trace RCU lets callbacks wait for a quarter of a second on Linux 6.13 to 6.19, unless so
 * many wait at once. Fewer links only take longer.
 */
#define MANY_LINKS 40

/*
 * A program on a tracepoint.
 *
 * @nr_links: how often it is attached
 * @id: of the program, which is looked up; 0: there is no such tracepoint
 * @event: leads a group of perf events, of which the program holds the other one; -1: none
 */
struct canary {
	const char *tracepoint;
	unsigned int nr_links;
	uint32_t id;
	int event;
};

/* Loads a program that does nothing. @map: it holds this map; -1: none. Return: its fd; -errno. */
static int load_nothing(int map, uint32_t *id)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd, err;

	fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "ring_nothing", "GPL", insns,
			   sizeof(insns) / sizeof(insns[0]), NULL);
	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (!err && map >= 0)
		err = bpf_prog_bind_map(fd, map, NULL);
	if (err) {
		close(fd);
		return err;
	}
	*id = info.id;
	return fd;
}

/*
 * Attaches and detaches a program: the kernel frees it, and @map, when all tasks have left the
 * events that were under way. Return: 0; -errno.
 */
static int release_canary(struct canary *c, int map)
{
	int links[MANY_LINKS], prog, err = 0;
	unsigned int nr = 0;

	prog = load_nothing(map, &c->id);
	if (prog < 0)
		return prog;
	while (nr < c->nr_links && !err) {
		links[nr] = bpf_raw_tracepoint_open(c->tracepoint, prog);
		if (links[nr] < 0)
			err = links[nr];
		else
			nr++;
	}
	if (!nr && err == -ENOENT)
		c->id = 0;
	/* One link is enough. Before Linux 6.10 a program has only one on a tracepoint. */
	if (nr || err == -ENOENT)
		err = 0;
	while (nr)
		close(links[--nr]);
	close(prog);
	return err;
}

/* Return: a perf event that never counts, in the group of @leader; -errno. */
static int open_event(int leader)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.read_format = PERF_FORMAT_GROUP,
		.disabled = 1,
		.exclude_kernel = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, leader, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Releases a program that holds a map, which holds an event. Return: 0; -errno. */
static int release_with_event(struct canary *c)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_PRESERVE_ELEMS);
	const __u32 first = 0;
	int event, map, err;

	c->event = open_event(-1);
	if (c->event < 0)
		return c->event;
	event = open_event(c->event);
	if (event < 0)
		return event;
	map = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "ring_event", sizeof(first),
			     sizeof(first), 1, &opts);
	err = map < 0 ? map : bpf_map_update_elem(map, &first, &event, BPF_ANY);
	close(event);
	if (!err)
		err = release_canary(c, map);
	if (map >= 0)
		close(map);
	return err;
}

/* Return: 0 the program is freed; -EAGAIN it is not yet; -EPERM no right to know; -errno. */
static int look_at_canary(const struct canary *c)
{
	uint64_t group[3] = { 0 };
	int fd;

	if (c->event >= 0) {
		/* The number of events, and their counts. */
		if (read(c->event, group, sizeof(group)) < (ssize_t)sizeof(group[0]))
			return -errno;
		return group[0] == 1 ? 0 : -EAGAIN;
	}
	fd = bpf_prog_get_fd_by_id(c->id);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	close(fd);
	return -EAGAIN;
}

/* Return: 0; -EBUSY a program is not freed by @end; -errno. */
static int wait_freed(const struct canary *c, uint64_t end)
{
	int err;

	if (!c->id)
		return 0;
	while ((err = look_at_canary(c)) == -EAGAIN) {
		if (libring_now_ns() > end)
			return -EBUSY;
		usleep(1000);
	}
	return err;
}

/*
 * @with_events: look at perf events, not at the programs. This takes longer, but CAP_PERFMON is
 * enough; looking programs up takes CAP_SYS_ADMIN. Return: as wait_freed().
 */
static int wait_for_canaries(struct canary *c, unsigned int nr, uint64_t end, bool with_events)
{
	unsigned int i;
	int err = 0;

	/* All first, so that their grace periods overlap. */
	for (i = 0; i < nr; i++)
		c[i].event = -1;
	for (i = 0; i < nr && !err; i++)
		err = with_events ? release_with_event(&c[i]) : release_canary(&c[i], -1);
	for (i = 0; i < nr && !err; i++)
		err = wait_freed(&c[i], end);
	for (i = 0; i < nr; i++)
		if (c[i].event >= 0)
			close(c[i].event);
	return err;
}

/**
 * libring_bpf_get_gap() - find out between which programs a task may be preempted
 * @k: the kernel. One with a name of personality(2), such as 2.6.60, counts as the newest
 *
 * Return: in which events.
 */
enum libring_bpf_gap libring_bpf_get_gap(const struct ring_bpf_kernel *k)
{
	if (k->major < 5 || k->major >= 7)
		return GAP_ANY_EVENT;
	return k->major == 6 && k->minor >= 13 ? GAP_SYSCALLS : GAP_NONE;
}

/**
 * libring_bpf_wait_events() - wait until the events that are under way now are over
 *
 * Programs on tracepoints that run after this are in events that began after it was called. Call
 * libring_bpf_wait_programs(), too: this waits for no other program.
 *
 * Return: 0; -EBUSY a task was in an event for LIBRING_BPF_EVENT_MS; -errno: nothing is known.
 */
int libring_bpf_wait_events(void)
{
	const uint64_t end = libring_now_ns() + LIBRING_BPF_EVENT_MS * LIBRING_MSEC_NS;
	struct canary canaries[] = {
		{ .tracepoint = "sys_enter", .nr_links = 1 },
		/* An event that is rare on every kernel. */
		{ .tracepoint = "sched_kthread_stop", .nr_links = 1 },
	};
	struct ring_bpf_kernel k;
	enum libring_bpf_gap gap;
	unsigned int nr;
	int err;

	libring_bpf_look_at_kernel(&k);
	gap = libring_bpf_get_gap(&k);
	if (gap == GAP_NONE)
		return 0;
	if (gap == GAP_SYSCALLS)
		canaries[0].nr_links = MANY_LINKS;
	nr = gap == GAP_ANY_EVENT ? 2 : 1;
	err = wait_for_canaries(canaries, nr, end, false);
	if (err == -EPERM)
		err = wait_for_canaries(canaries, nr, end, true);
	if (err == -EACCES)
		return libring_set_error(
			EACCES,
			"continuing a ring takes CAP_SYS_ADMIN on Linux %s, or the "
			"sysctl kernel.perf_event_paranoid below 3",
			k.release);
	if (err == -EBUSY)
		return libring_set_error(EBUSY,
					 "a task was in the middle of an event for %d ms, so its "
					 "event could be published twice",
					 LIBRING_BPF_EVENT_MS);
	return err ? libring_set_error(-err, "cannot wait for the events that are under way: %s",
				       strerror(-err)) :
		     0;
}

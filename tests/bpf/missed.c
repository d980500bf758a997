// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel does not run a program that runs on that CPU already. A reader counts these events
 * like the loader, and no other programs' events.
 */
#include "loader.h"

#define TRIES 50

/* Loads missed.bpf.o and attaches its program to two tracepoints. Return: the second link. */
static int load_missed(struct loaded *l, uint32_t permissions)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "missed", .permissions = permissions);
	struct bpf_map *map;
	size_t size;
	int fd;

	memset(l, 0, sizeof(*l));
	l->obj = open_object("missed");
	map = bpf_object__find_map_by_name(l->obj, ".rodata");
	*(uint64_t *)bpf_map__initial_value(map, &size) = (uint64_t)trigger_nr();
	if (ring_bpf_prepare(l->obj, "ring", &opts, &l->ring) || ring_bpf_load(l->obj) ||
	    ring_bpf_start(l->ring))
		die("missed");
	l->link = bpf_program__attach(bpf_object__find_program_by_name(l->obj, "on_event"));
	fd = bpf_raw_tracepoint_open("hrtimer_expire_entry", prog_fd(l->obj, "on_event"));
	if (!l->link || fd < 0)
		die("attach");
	return fd;
}

static uint64_t count_by_program(const struct loaded *l)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd(l->obj, "on_event"), &info, &len))
		die("info");
	return info.recursion_misses;
}

/* A user without rights is told that it may not know. Return: what ring_missed() returned. */
static int ask_as_nobody(void)
{
	struct ring_reader *r;
	uint64_t missed = 0;
	int err, status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (ring_open("missed", NULL, &r) || setresuid(65534, 65534, 65534))
			_exit(0);
		err = ring_missed(r, &missed);
		_exit(missed || !strstr(ring_strerror(), "BPF programs") ? 0 : -err);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? -WEXITSTATUS(status) : 0;
}

/* The programs of another ring do not count. Return: what its reader finds. */
static uint64_t other_ring(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "other");
	struct ring_reader *r;
	uint64_t missed = 99;
	struct loaded l;
	int errs[3];

	if (load_ring(&l, &opts, errs) || ring_open("other", NULL, &r) || ring_missed(r, &missed))
		die("other");
	ring_close(r);
	unload_ring(&l);
	return missed;
}

static void memfd_ring(void)
{
	const struct ring_writer_opts opts = { .size = sizeof(opts),
					       .nr_rings = 1,
					       .data_size = SEQRING_DATA_SIZE_MIN,
					       .name = "none" };
	struct ring_writer *w;
	struct ring_reader *r;
	struct ring_fds fds;
	uint64_t missed = 7;

	if (ring_writer_create(&opts, &w) || ring_writer_fds(w, &fds) ||
	    ring_open_fds(&fds, NULL, &r))
		die("memfd");
	T_EQ("missed.memfd", ring_missed(r, &missed), -EOPNOTSUPP);
	T_TRUE("missed.memfd.why", strstr(ring_strerror(), "no BPF programs"));
	T_EQ("missed.memfd.unchanged", missed, 7);
	ring_close(r);
	ring_writer_close(w);
}

int main(void)
{
	uint64_t missed = 0, before, after;
	struct ring_reader *r;
	struct loaded l;
	int timer, i;

	need_bpf("missed");
	own_bpffs();
	pin_to(0);
	timer = load_missed(&l, 0);
	if (ring_open("missed", NULL, &r))
		die("open");
	for (i = 0; i < TRIES && !missed; i++) {
		trigger(1);
		if (ring_missed(r, &missed))
			die("ring_missed");
	}
	T_TRUE("missed.some", missed > 0);
	close(timer);
	detach_ring(&l);
	wait_for_programs();
	before = count_by_program(&l);
	T_EQ("missed.call", ring_missed(r, &missed), 0);
	after = count_by_program(&l);
	t_note("missed: %" PRIu64 " after %d events", missed, i);
	T_TRUE("missed.equal", before <= missed && missed <= after);
	T_EQ("missed.another", other_ring(), 0);
	T_EQ("missed.nobody", ask_as_nobody(), -EPERM);
	ring_close(r);
	unload_ring(&l);
	memfd_ring();
	return t_done();
}

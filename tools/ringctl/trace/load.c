// SPDX-License-Identifier: GPL-2.0-only
/* Loads and attaches the BPF programs that the options need. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libring/bpf.h>
#include <seqring/bpf.h>

#include "../../lib/message.h"
#include "events.h"
#include "load.h"

#include "tools/ringctl/trace/bpf/trace.skel.h"

#define BATCH_NS 10000000ULL

/* The skeleton has every program of events.def, or this does not compile. */
static struct bpf_program *find_program(const struct trace_load *l, uint32_t program)
{
	switch (program) {
#define PROGRAM(tracepoint, nr_args) \
	case PROG_##tracepoint:      \
		return l->skel->progs.on_##tracepoint;
#include "events.def"
	}
	return NULL;
}

/* Creates the maps of @events, and no others. */
static void select_maps(const struct trace_load *l, uint32_t events)
{
#define MAP(name) bpf_map__set_autocreate(l->skel->maps.name, false);
#include "events.def"
#define MAP(name) bpf_map__set_autocreate(l->skel->maps.name, true);
#define EVENT(id, name, what, programs, records) \
	if (events & 1u << TRACE_##id) {         \
		programs                         \
	}
#include "events.def"
}

/* Sets what the verifier takes as constant, and selects programs and maps. */
static void configure(const struct trace_opts *opts, struct trace_load *l)
{
	uint32_t i, programs = trace_programs_for(opts);
	struct trace_config *config = &l->skel->rodata->config;

	*config = opts->config;
	config->events = opts->events;
	/* With --pin the readers come later: their name is known, their PIDs are not. */
	if (!opts->self && opts->keep)
		prctl(PR_GET_NAME, config->own_comm);
	else
		config->leave_out_self = !opts->self;
	for (i = 0; i < NR_PROGS; i++)
		bpf_program__set_autoload(find_program(l, i), programs & 1u << i);
	if (config->follow)
		bpf_map__set_max_entries(l->skel->maps.pids, TRACE_FOLLOW_MAX);
	select_maps(l, opts->events);
}

static int fill_lists(const struct trace_opts *opts, struct trace_load *l)
{
	const __u8 yes = 1;
	uint32_t i;
	int err = 0;

	for (i = 0; i < opts->nr_pids && !err; i++)
		err = bpf_map__update_elem(l->skel->maps.pids, &opts->pids[i],
					   sizeof(opts->pids[i]), &yes, sizeof(yes), BPF_ANY);
	for (i = 0; i < opts->nr_comms && !err; i++)
		err = bpf_map__update_elem(l->skel->maps.comms, opts->comms[i],
					   sizeof(opts->comms[i]), &yes, sizeof(yes), BPF_ANY);
	return err ? fail("trace", "the filters cannot be set: %s", strerror(-err)) : 0;
}

/* Runs a program once, for this process. */
static int run_program(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int err = bpf_prog_test_run_opts(bpf_program__fd(prog), &run);

	return err ? err : (int)run.retval;
}

int trace_follow_caller(const struct trace_load *l)
{
	return run_program(l->skel->progs.follow_caller);
}

/* Makes the programs note the PID of this process. */
static int store_self(const struct trace_load *l)
{
	int err = run_program(l->skel->progs.store_self);

	return err ? fail("trace", "the PID of ringctl cannot be noted: %s", strerror(-err)) : 0;
}

static int attach(struct trace_load *l, uint32_t programs)
{
	uint32_t i;

	for (i = 0; i < NR_PROGS; i++) {
		struct bpf_link *link;

		if (!(programs & 1u << i))
			continue;
		link = bpf_program__attach(find_program(l, i));
		if (!link)
			return fail("trace", "tracepoint %s: %s", trace_programs[i].tracepoint,
				    strerror(errno));
		l->links[l->nr_links++] = link;
	}
	return 0;
}

/* Opens our reader; of a new ring, before the first record. */
static int open_reader(const struct trace_opts *opts, struct trace_load *l)
{
	struct ring_open_opts open = {
		.size = sizeof(open),
		.whence = RING_OLDEST,
		.merge_window_ns = opts->merge_window_ns,
		/* A ring that is an eighth full wakes at once. */
		.wake_records = 1u << 30,
		.wake_bytes = opts->data_size / 8,
		.wake_timeout_ns = BATCH_NS,
	};
	struct ring_fds fds;
	int err = ring_bpf_fds(l->bpf, &fds);

	if (!err)
		err = ring_open_fds(&fds, &open, &l->ring);
	return err ? fail("trace", "%s", ring_strerror()) : 0;
}

/* Prints the library's sentence about @err, with a hint if the name is taken. */
static int fail_name(const struct trace_opts *opts, int err)
{
	if (opts->name && err == -EEXIST)
		return fail("trace", "%s%s", ring_strerror(),
			    opts->bpf_flags & RING_BPF_CONTINUE ?
				    "" :
				    " (ringctl destroy ends it, --continue takes it over)");
	return fail("trace", "%s", ring_strerror());
}

static int prepare(const struct trace_opts *opts, struct trace_load *l)
{
	struct ring_bpf_opts shape = {
		.size = sizeof(shape),
		.flags = opts->bpf_flags | RING_BPF_MOUNT,
		.clock_id = opts->clock_id,
		.permissions = opts->permissions,
		.data_size = opts->data_size,
		.name = opts->name,
	};
	int err;

	l->skel = trace_bpf__open();
	if (!l->skel)
		return fail("trace", "the BPF programs cannot be opened: %s", strerror(errno));
	configure(opts, l);
	err = ring_bpf_prepare(l->skel->obj, "trace", &shape, &l->bpf);
	if (err)
		return fail_name(opts, err);
	if (ring_bpf_load(l->skel->obj))
		return fail("trace", "%s%s", ring_strerror(),
			    opts->verbose ? "" : " (--verbose shows the messages of the kernel)");
	return 0;
}

/* Makes the ring, or takes it over, and opens our reader. */
static int start_ring(const struct trace_opts *opts, struct trace_load *l)
{
	const int err = ring_bpf_start(l->bpf);

	if (err)
		return fail_name(opts, err);
	return opts->keep ? 0 : open_reader(opts, l);
}

static int keep(const struct trace_opts *opts, struct trace_load *l)
{
	if (!opts->keep || !ring_bpf_keep(l->bpf, l->links, l->nr_links))
		return 0;
	return fail("trace", "%s", ring_strerror());
}

/*
 * A ring that exists already has writers. A trace that cannot attach or cannot be kept leaves them
 * alone, so the ring comes last. A new ring comes first: a process that is forked while the
 * programs are silent would be followed without the record of its fork.
 */
static int start_and_attach(const struct trace_opts *opts, struct trace_load *l)
{
	const bool ring_first = !(opts->bpf_flags & RING_BPF_CONTINUE);
	int status = ring_first ? start_ring(opts, l) : 0;

	if (!status)
		status = attach(l, trace_programs_for(opts));
	if (!status)
		status = keep(opts, l);
	if (!status && !ring_first)
		status = start_ring(opts, l);
	return status;
}

int trace_start(const struct trace_opts *opts, struct trace_load *l)
{
	int status;

	status = prepare(opts, l);
	if (!status && !opts->self && !opts->keep)
		status = store_self(l);
	if (!status)
		status = fill_lists(opts, l);
	if (status)
		return status;
	return start_and_attach(opts, l);
}

bool trace_any_listed(const struct trace_load *l, bool (*is_running)(uint32_t pid))
{
	const int ending = bpf_map__fd(l->skel->maps.ending);
	uint64_t key, *last = NULL;
	uint32_t pid;

	if (!bpf_map_get_next_key(bpf_map__fd(l->skel->maps.pids), NULL, &pid))
		return true;
	for (; !bpf_map_get_next_key(ending, last, &key); last = &key)
		if (!bpf_map_lookup_elem(ending, &key, &pid) && pid && is_running(pid))
			return true;
	return false;
}

static void detach(struct trace_load *l)
{
	while (l->nr_links)
		bpf_link__destroy(l->links[--l->nr_links]);
}

int trace_stop(struct trace_load *l)
{
	detach(l);
	return ring_bpf_end(l->bpf);
}

uint64_t trace_missed(const struct trace_load *l)
{
	uint64_t missed = 0;
	uint32_t i;

	for (i = 0; i < NR_PROGS; i++) {
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(find_program(l, i));

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			missed += info.recursion_misses;
	}
	return missed;
}

void trace_free(struct trace_load *l)
{
	ring_close(l->ring);
	detach(l);
	ring_bpf_close(l->bpf);
	if (l->skel)
		trace_bpf__destroy(l->skel);
}

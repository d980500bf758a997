// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Chooses why two programs of one CPU never write a ring at once: SEQRING_BPF_GUARD_*. Refuses
 * programs for which nothing guarantees that.
 */

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "internal.h"

/* What a program of that type may do while it publishes. */
enum habit {
	NEVER_PREEMPTED,
	PREEMPTED_FROM_7_0,
	PREEMPTED,
	SLEEPS,
};

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* Asks whether @prog asks for the right to sleep. */
bool libring_bpf_is_sleepable(const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);
	const size_t len = strcspn(section, "/");

	/* As in fentry.s/NAME. */
	return (len >= 2 && !strncmp(section + len - 2, ".s", 2)) ||
	       bpf_program__flags(prog) & BPF_F_SLEEPABLE;
}

static enum habit get_habit(const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);

	if (bpf_program__type(prog) == BPF_PROG_TYPE_SYSCALL || libring_bpf_is_sleepable(prog))
		return SLEEPS;
	switch (bpf_program__type(prog)) {
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
		return NEVER_PREEMPTED;
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
		return PREEMPTED_FROM_7_0;
	case BPF_PROG_TYPE_KPROBE:
		/* uprobe, uretprobe, usdt have that type, too. */
		return starts_with(section, "u") || strstr(section, ".multi") ? PREEMPTED :
										NEVER_PREEMPTED;
	case BPF_PROG_TYPE_TRACING:
		return bpf_program__expected_attach_type(prog) == BPF_TRACE_RAW_TP ?
			       PREEMPTED_FROM_7_0 :
			       PREEMPTED;
	default:
		return PREEMPTED;
	}
}

/* A name of personality(2), such as 2.6.60, tells nothing: as the newest kernel. */
static bool preempts_tracepoints(const struct ring_bpf_kernel *k)
{
	return k->major < 5 || k->major >= 7;
}

/* Asks whether the kernel itself runs @prog with preemption off. */
static bool runs_unpreempted(const struct bpf_program *prog, const struct ring_bpf_kernel *k)
{
	switch (get_habit(prog)) {
	case NEVER_PREEMPTED:
		return true;
	case PREEMPTED_FROM_7_0:
		return !preempts_tracepoints(k);
	default:
		return false;
	}
}

/*
 * Asks whether the kernel runs each program of @o that may publish with preemption off. With
 * SEQRING_BPF_NO_PREEMPT no program publishes that only BPF_PROG_RUN starts.
 */
static bool all_run_unpreempted(const struct ring_object *o, bool promises,
				const struct ring_bpf_kernel *k)
{
	struct bpf_program *prog;

	/* Another loader knows what programs there are: they may be on raw tracepoints. */
	if (!o)
		return promises && !preempts_tracepoints(k);
	bpf_object__for_each_program(prog, o->obj)
		if (prog != o->ctl && bpf_program__autoload(prog) && !runs_unpreempted(prog, k) &&
		    !(promises && bpf_program__type(prog) == BPF_PROG_TYPE_SYSCALL))
			return false;
	return true;
}

/**
 * libring_bpf_look_at_kernel() - find out what the choice of a guard depends on
 * @k: set, but for @k->has_kfunc
 */
void libring_bpf_look_at_kernel(struct ring_bpf_kernel *k)
{
	struct utsname u;

	*k = (struct ring_bpf_kernel) { 0 };
	if (!uname(&u)) {
		snprintf(k->release, sizeof(k->release), "%s", u.release);
		if (sscanf(u.release, "%u.%u", &k->major, &k->minor) != 2)
			k->major = 0;
	}
}

/**
 * libring_bpf_look_for_kfunc() - find out whether programs can turn preemption off
 * @k: ->has_kfunc is set
 *
 * Reads the kernel's type information, which takes long.
 */
void libring_bpf_look_for_kfunc(struct ring_bpf_kernel *k)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (libbpf_get_error(btf))
		return;
	k->has_kfunc = btf__find_by_name_kind(btf, "bpf_preempt_disable", BTF_KIND_FUNC) > 0 &&
		       btf__find_by_name_kind(btf, "bpf_preempt_enable", BTF_KIND_FUNC) > 0;
	btf__free(btf);
}

/**
 * libring_bpf_choose_guard() - choose the guard before the object is loaded
 * @can: SEQRING_BPF_CAN_* of the object
 * @unpreempted: the kernel runs all programs of the object with preemption off
 * @k: the kernel
 * @guard: set on success
 *
 * Return: 0; -ENOTSUP nothing keeps the programs from preempting each other.
 */
int libring_bpf_choose_guard(uint32_t can, bool unpreempted, const struct ring_bpf_kernel *k,
			     uint32_t *guard)
{
	if (!unpreempted && can & SEQRING_BPF_CAN_KFUNC && k->has_kfunc)
		*guard = SEQRING_BPF_GUARD_KFUNC;
	else if (!unpreempted && can & SEQRING_BPF_CAN_ATOMIC)
		*guard = SEQRING_BPF_GUARD_ATOMIC;
	else if (!unpreempted && preempts_tracepoints(k))
		return libring_set_error(
			ENOTSUP,
			"SEQRING_BPF_NO_PREEMPT: Linux %s runs programs on raw tracepoints with "
			"preemption on, and %s: compile the object without SEQRING_BPF_NO_PREEMPT",
			k->release,
			can & SEQRING_BPF_CAN_KFUNC ?
				"has no bpf_preempt_disable()" :
				"the object was compiled with SEQRING_BPF_NO_KFUNC or an older "
				"seqring/bpf.h, so it cannot turn preemption off");
	else
		/* libring_bpf_check_writers() judges the programs that use the ring. */
		*guard = SEQRING_BPF_GUARD_CALLER;
	return 0;
}

/* The flags of objects from before there were flags follow from another field. */
static uint32_t get_flags(const struct ring_bpf *b)
{
	if (b->can)
		return b->can;
	return b->promises ? SEQRING_BPF_CAN_CALLER : SEQRING_BPF_CAN_ATOMIC;
}

/**
 * libring_bpf_set_guard() - choose the guard of @b's programs
 * @b: ->can and ->promises are set; ->geo.guard is set on success
 * @o: the object; NULL: its programs are not known
 *
 * Return: as libring_bpf_choose_guard().
 */
int libring_bpf_set_guard(struct ring_bpf *b, const struct ring_object *o)
{
	struct ring_bpf_kernel k;
	bool unpreempted;
	uint32_t can;

	libring_bpf_look_at_kernel(&k);
	b->can = get_flags(b);
	/* Another loader need not know kfuncs, so it gets them only if nothing else is right. */
	can = b->can;
	if (!o && can & SEQRING_BPF_CAN_ATOMIC)
		can = SEQRING_BPF_CAN_ATOMIC;
	unpreempted = all_run_unpreempted(o, b->can & SEQRING_BPF_CAN_CALLER, &k);
	if (!unpreempted && can & SEQRING_BPF_CAN_KFUNC)
		libring_bpf_look_for_kfunc(&k);
	return libring_bpf_choose_guard(can, unpreempted, &k, &b->geo.guard);
}

/* Asks whether @prog, which is loaded, uses the map @id. */
static bool uses_map(const struct bpf_program *prog, uint32_t id)
{
	uint32_t ids[64] = { 0 }, i, len;
	struct bpf_prog_info info = {
		.nr_map_ids = sizeof(ids) / sizeof(ids[0]),
		.map_ids = (uintptr_t)ids,
	};

	len = sizeof(info);
	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		return true;
	/* Of a program with more maps the kernel tells some. */
	if (info.nr_map_ids > sizeof(ids) / sizeof(ids[0]))
		return true;
	for (i = 0; i < info.nr_map_ids; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* Return: 0; -ENOTSUP @prog uses the ring, and nothing keeps it from being preempted. */
static int check_writer(const struct ring_bpf *b, const struct bpf_program *prog,
			const struct ring_bpf_kernel *k, uint32_t map_id)
{
	const bool sleeps = get_habit(prog) == SLEEPS;

	if (prog == b->object.ctl || bpf_program__fd(prog) < 0 ||
	    (!sleeps && (b->geo.guard != SEQRING_BPF_GUARD_CALLER || runs_unpreempted(prog, k))) ||
	    !uses_map(prog, map_id))
		return 0;
	return libring_set_error(
		ENOTSUP,
		"SEQRING_BPF_NO_PREEMPT: the program %s (%s) uses the ring and %s: allowed are "
		"programs on tracepoints, kprobes and perf events; compile the object without "
		"SEQRING_BPF_NO_PREEMPT",
		bpf_program__name(prog), bpf_program__section_name(prog),
		sleeps ? "may sleep" : "may be preempted");
}

/**
 * libring_bpf_check_writers() - refuse programs that break the promise of SEQRING_BPF_NO_PREEMPT
 * @b: its object is loaded
 *
 * Return: 0; -ENOTSUP.
 */
int libring_bpf_check_writers(const struct ring_bpf *b)
{
	struct bpf_map_info map = { 0 };
	uint32_t len = sizeof(map);
	struct bpf_program *prog;
	struct ring_bpf_kernel k;
	int err;

	if (!(b->can & SEQRING_BPF_CAN_CALLER))
		return 0;
	err = bpf_obj_get_info_by_fd(bpf_map__fd(b->object.map), &map, &len);
	if (err)
		return libring_set_error(-err, "cannot look at the ring's map: %s", strerror(-err));
	libring_bpf_look_at_kernel(&k);
	bpf_object__for_each_program(prog, b->object.obj) {
		err = check_writer(b, prog, &k, map.id);
		if (err)
			return err;
	}
	return 0;
}

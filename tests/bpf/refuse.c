// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects that nothing makes right on this kernel or this machine: programs that break the promise
 * of SEQRING_BPF_NO_PREEMPT, and objects for another machine.
 */
#include "../../libring/bpf/internal.h"
#include "loader.h"

/* A copy of the last attempt's sentence, for callers that call the library again. */
static char kept[512];

/* @call fails with @err, and the sentence has @words. */
#define REJECTED(name, call, err, words)                                                          \
	do {                                                                                      \
		int got = call;                                                                   \
		t_check(got == -(err) && strstr(kept, words), name,                               \
			"line %d: %d, expected %d; \"%s\" without \"%s\"", __LINE__, got, -(err), \
			kept, words);                                                             \
	} while (0)

static struct seqring_bpf_geometry *geometry_of(const struct bpf_object *obj)
{
	size_t size;

	return (struct seqring_bpf_geometry *)
		bpf_map__initial_value(bpf_object__find_map_by_name(obj, ".rodata.ring"), &size);
}

/*
 * Starts a ring with the programs @one and @two of refuse.bpf.o. @guard: to force; -1: as chosen
 * Return: the result of ring_bpf_start().
 */
static int start_with(const char *one, const char *two, int guard)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.flags = 0);
	struct bpf_object *obj = open_object("refuse");
	struct bpf_program *prog;
	struct ring_bpf *ring;
	int err;

	bpf_object__for_each_program(prog, obj) {
		const char *name = bpf_program__name(prog);

		bpf_program__set_autoload(prog, !strcmp(name, one) || !strcmp(name, two) ||
							!strcmp(name, "ring_ctl"));
	}
	if (ring_bpf_prepare(obj, "ring", &opts, &ring))
		die("prepare");
	if (guard >= 0) {
		ring->geo.guard = (uint32_t)guard;
		geometry_of(obj)->guard = ring->geo.guard;
	}
	if (ring_bpf_load(obj))
		die("load");
	err = ring_bpf_start(ring);
	snprintf(kept, sizeof(kept), "%s", err ? ring_strerror() : "");
	ring_bpf_close(ring);
	bpf_object__close(obj);
	return err;
}

/* Programs that break the promise of SEQRING_BPF_NO_PREEMPT. */
static void promises(void)
{
	REJECTED("promise.sleeps", start_with("sleeps", "is_right", -1), ENOTSUP,
		 "sleeps (iter.s/task) uses the ring and may sleep");
	REJECTED("promise.sleeps_guarded",
		 start_with("sleeps", "is_right", SEQRING_BPF_GUARD_CALLER), ENOTSUP, "may sleep");
	REJECTED("promise.run", start_with("is_run", "is_right", -1), ENOTSUP,
		 "is_run (syscall) uses the ring and may sleep");
	T_EQ("promise.right", start_with("is_right", "is_other", -1), 0);
}

/* A program that may be preempted is refused only if the loader relies on the kernel. */
static void preempted_programs(void)
{
	struct ring_bpf_kernel k;

	libring_bpf_look_at_kernel(&k);
	libring_bpf_look_for_kfunc(&k);
	if (!k.has_kfunc) {
		REJECTED("promise.preempted", start_with("is_preempted", "is_right", -1), ENOTSUP,
			 "is_preempted (iter/task) uses the ring and may be preempted");
		return;
	}
	T_EQ("promise.turned_off", start_with("is_preempted", "is_right", -1), 0);
}

static int prepare_target(uint32_t target)
{
	struct bpf_object *obj = open_object("wake");
	struct ring_bpf *ring = NULL;
	int err;

	geometry_of(obj)->target = target;
	err = ring_bpf_prepare(obj, "ring", NULL, &ring);
	snprintf(kept, sizeof(kept), "%s", err ? ring_strerror() : "");
	ring_bpf_close(ring);
	bpf_object__close(obj);
	return err;
}

/* The object was compiled for another machine. */
static void targets(void)
{
	const uint32_t mine = libring_bpf_get_machine();
	uint32_t other = mine == SEQRING_BPF_TARGET_X86 ? SEQRING_BPF_TARGET_ARM64 :
							  SEQRING_BPF_TARGET_X86;

	T_EQ("target.mine", prepare_target(mine), 0);
	T_EQ("target.any", prepare_target(SEQRING_BPF_TARGET_ANY), 0);
	REJECTED("target.other", prepare_target(other), ENOTSUP, "compiled for");
	REJECTED("target.later", prepare_target(1000), ENOTSUP, "machine 1000");
}

int main(void)
{
	need_bpf("refuse");
	promises();
	preempted_programs();
	targets();
	return t_done();
}

// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The calls for an object of libbpf, built on those for descriptors. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static bool can_sleep(const struct bpf_program *prog)
{
	switch (bpf_program__type(prog)) {
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
		return false;
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
		return libring_bpf_is_sleepable(prog);
	default:
		return true;
	}
}

/* Asks whether each program of @o that may publish is an RCU read-side critical section. */
static bool never_sleeps(const struct ring_object *o)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, o->obj)
		if (prog != o->ctl && bpf_program__autoload(prog) && can_sleep(prog))
			return false;
	return true;
}

int ring_bpf_start(struct ring_bpf *b)
{
	const struct ring_object *o = &b->object;
	struct ring_bpf_parts parts = { .size = sizeof(parts) };
	int err;

	if (!o->obj)
		return libring_set_error(EINVAL, "the ring has no object of libbpf: start it with "
						 "ring_bpf_start_fds()");
	/* A child that inherited the ring and a ring that was started hear that first. */
	if (!b->own.inherited && !b->tried && bpf_map__fd(o->map) < 0)
		return libring_set_error(EINVAL, "the object is not loaded yet");
	if (!b->own.inherited && !b->tried) {
		err = libring_bpf_check_writers(b);
		if (err)
			return err;
	}
	parts.flags = never_sleeps(o) ? RING_BPF_NO_SLEEP : 0;
	parts.ring = bpf_map__fd(o->map);
	parts.wait = bpf_map__fd(o->wait);
	parts.doorbell = bpf_map__fd(o->doorbell);
	if (o->slots && o->doorbells) {
		parts.slots = bpf_map__fd(o->slots);
		parts.doorbells = bpf_map__fd(o->doorbells);
	}
	parts.geometry = bpf_map__fd(o->geometry);
	parts.ctl = bpf_program__fd(o->ctl);
	return ring_bpf_start_fds(b, &parts);
}

int ring_bpf_keep(struct ring_bpf *b, struct bpf_link *const *links, unsigned int nr)
{
	unsigned int i;
	int *fds, err = 0;

	fds = calloc(nr + 1, sizeof(*fds));
	if (!fds)
		return libring_set_error(ENOMEM, "no memory for %u links", nr);
	for (i = 0; !err && i < nr; i++) {
		if (!links[i])
			err = libring_set_error(EINVAL,
						"link %u is NULL: its program is not attached", i);
		else
			fds[i] = bpf_link__fd(links[i]);
	}
	if (!err)
		err = ring_bpf_keep_fds(b, fds, nr);
	free(fds);
	return err;
}

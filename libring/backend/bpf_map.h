/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Maps and pins of BPF rings, and the reader's side of a BPF ring buffer that is a doorbell. */
#ifndef LIBRING_BACKEND_BPF_MAP_H
#define LIBRING_BACKEND_BPF_MAP_H

#include <linux/types.h>

struct bpf_map_info;

/* @consumed, @produced: positions, each in a page of its own; NULL: not mapped */
struct ring_doorbell {
	__u64 *consumed;
	__u64 *produced;
};

int libring_bpf_map_info(int fd, struct bpf_map_info *info);
int libring_bpf_get_pin(const char *path, int *fd);

int libring_doorbell_map(struct ring_doorbell *d, int fd);
void libring_doorbell_unmap(struct ring_doorbell *d);
void libring_doorbell_advance(const struct ring_doorbell *d);

#endif /* LIBRING_BACKEND_BPF_MAP_H */

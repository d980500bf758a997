/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A ring's header, validated and copied, and the ring's mapping. */
#ifndef LIBRING_READER_MAPPING_H
#define LIBRING_READER_MAPPING_H

#include <seqring/reader.h>

/*
 * @hdr: copy of the header; the mapped one may change at any time
 * @map: the whole ring, read-only; NULL: not mapped yet
 */
struct ring_mapping {
	struct seqring_header hdr;
	unsigned char *map;
	size_t size;
};

int libring_check_header(const struct seqring_header *h, uint64_t file_size);
int libring_map_ring(struct ring_mapping *m, int fd, uint64_t file_size);
int libring_check_kind(const struct ring_mapping *m, uint32_t own);
void libring_unmap_ring(struct ring_mapping *m);
const struct seqring_ring_ctl *libring_ring_ctl(const struct ring_mapping *m, uint32_t ring);
void libring_init_reader(const struct ring_mapping *m, uint32_t ring, struct seqring_reader *rd);

#endif /* LIBRING_READER_MAPPING_H */

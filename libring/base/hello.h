/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The greeting that a reader gets when it connects to the socket of a served ring, with the
 * ring's three descriptors. writer/serve.c sends it, backend/connect.c receives it.
 */
#ifndef LIBRING_BASE_HELLO_H
#define LIBRING_BASE_HELLO_H

#include <stdint.h>

#define LIBRING_HELLO_VERSION 1u
#define LIBRING_HELLO_FDS     3

struct libring_hello {
	uint64_t magic; /* SEQRING_MAGIC */
	uint32_t version;
	uint32_t error; /* an errno: no descriptors follow */
	/*
	 * Of the reader's slot in the second memfd, which is struct seqring_wait_slot; the third
	 * descriptor is its doorbell. 0: the reader has none. Version 0.1.0 sends and reads
	 * nothing from here on.
	 */
	uint64_t slot_offset;
};

/* Bytes that every greeting has. */
#define LIBRING_HELLO_MIN 16

#endif /* LIBRING_BASE_HELLO_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Definitions for readers and writers of rings. libring.h describes the concepts. */
#ifndef LIBRING_COMMON_H
#define LIBRING_COMMON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBRING_VERSION_MAJOR 0
#define LIBRING_VERSION_MINOR 1
#define LIBRING_VERSION_PATCH 0

/* Exported, also from a library that is built with -fvisibility=hidden. */
#pragma GCC visibility push(default)

/**
 * struct ring_record - one record
 * @seq: its number in its ring: 1 for the first, without gaps in what was published
 * @ts_ns: its time in nanoseconds of the ring's clock; 0: the ring has no clock
 * @lost: records of the same ring that were lost between the one read before and this one
 * @payload: its bytes; each function says how long the pointer is valid
 * @len: bytes of the payload, also if fewer were copied
 * @ring: number of its ring in the device, from 0
 * @type: a number that the producer chose
 * @reserved: 0
 */
struct ring_record {
	uint64_t seq;
	uint64_t ts_ns;
	uint64_t lost;
	const void *payload;
	uint32_t len;
	uint32_t ring;
	uint16_t type;
	uint16_t reserved[3];
};

/**
 * struct ring_fds - the descriptors of a memfd ring or a BPF ring
 * @ring: the ring: a sealed memfd, or a frozen BPF map
 * @wait: the wake thresholds, which readers write: a memfd, or a BPF map
 * @doorbell: what the writer rings to wake readers: an eventfd, or a BPF map of type
 *            BPF_MAP_TYPE_RINGBUF
 */
struct ring_fds {
	int ring;
	int wait;
	int doorbell;
};

/**
 * ring_strerror() - explain the failure of the calling thread's last call
 *
 * Never sleeps. Each thread has its own sentence. Functions that return nothing, such as
 * ring_close(), keep it, and so does ring_wake(): so clean up first and print then, if you like.
 *
 * Return: a sentence without a final period; "" if the last call of this thread into the library,
 * other than those, succeeded. It is the library's, and valid until the thread's next call.
 */
const char *ring_strerror(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBRING_COMMON_H */

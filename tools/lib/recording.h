/* SPDX-License-Identifier: GPL-2.0-only */
/* What a command that has read a recording says about it. */
#ifndef LIB_RECORDING_H
#define LIB_RECORDING_H

#include <stdbool.h>

#include <libring.h>

bool recording_is(struct ring_reader *ring);

/* Prints why records are missing in a recording, and whether it has an end. */
void recording_print(const char *name, struct ring_reader *ring);

#endif /* LIB_RECORDING_H */

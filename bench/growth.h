/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RINGBENCH_GROWTH_H
#define RINGBENCH_GROWTH_H

/* On the first way round, and on the second. */
void growth_first_lap(unsigned int rounds);
/* By number of readers. */
void growth_readers(void);

#endif

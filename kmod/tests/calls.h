/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SEQRING_TEST_CALLS_H
#define _SEQRING_TEST_CALLS_H

#include <linux/seqring.h>

/*
 * @sdev: a device with SEQRING_CLOCK_MONOTONIC and SEQRING_DATA_SIZE_MIN that nobody else writes
 * @nests: its mode keeps the records of nested writers
 *
 * Return: 0; -EPROTO if a check failed, which the log names; another error.
 */
int test_call_times(struct seqring_device *sdev, bool nests);
int test_call_pieces(struct seqring_device *sdev, bool nests);
int test_call_reading(struct seqring_device *sdev, bool nests);

/* Return: as above. */
int test_call_bound(void);

#endif /* _SEQRING_TEST_CALLS_H */

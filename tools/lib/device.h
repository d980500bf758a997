/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts that only a device of the module knows, and that libring does not report. */
#ifndef LIB_DEVICE_H
#define LIB_DEVICE_H

#include <stddef.h>
#include <stdint.h>

/* Path of device @name, which may already be a path. */
void device_path(const char *name, char *buf, size_t size);

/**
 * device_stat() - ask a device for its readers and its publishing mode
 * @name: a name or a path
 * @readers: open files, not counting the one of this call
 * @mode: SEQRING_MODE_*
 *
 * Return: 0 or -errno.
 */
int device_stat(const char *name, uint32_t *readers, uint32_t *mode);

#endif /* LIB_DEVICE_H */

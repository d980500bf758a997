/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Marks the functions that libring-bpf uses too: LIBRING_PRIVATE in libring.map lists them. */
#ifndef LIBRING_BASE_EXPORT_H
#define LIBRING_BASE_EXPORT_H

#define LIBRING_SHARED __attribute__((visibility("default")))

#endif /* LIBRING_BASE_EXPORT_H */

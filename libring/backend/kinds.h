/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The backends, for open/backends.c. */
#ifndef LIBRING_BACKEND_KINDS_H
#define LIBRING_BACKEND_KINDS_H

#include "../reader/backend.h"

extern const struct ring_backend libring_backend_chardev;
extern const struct ring_backend libring_backend_recording;
extern const struct ring_backend libring_backend_memfd;
extern const struct ring_backend libring_backend_bpf;

#endif /* LIBRING_BACKEND_KINDS_H */

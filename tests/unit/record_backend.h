/* SPDX-License-Identifier: GPL-2.0-only */
/* The backend of overrun_backend.h, which also lets a test act before each load of a word. */
#ifndef RECORD_BACKEND_H
#define RECORD_BACKEND_H

#include "overrun_backend.h"

void at_load(void);

#undef seqring_load_word
#define seqring_load_word(p) (at_load(), __atomic_load_n(p, __ATOMIC_RELAXED))

#endif /* RECORD_BACKEND_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for formats that allow UTF-8 only. */
#ifndef EXPORT_UTF8_H
#define EXPORT_UTF8_H

#include <stddef.h>

struct out;

/* Appends text. Each byte that is not UTF-8 becomes U+FFFD: up to three times as many bytes. */
void append_utf8(struct out *o, const char *p, size_t n);

#endif /* EXPORT_UTF8_H */

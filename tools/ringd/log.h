/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of one line on standard error, with the levels that the journal knows. Any thread. */
#ifndef RINGD_LOG_H
#define RINGD_LOG_H

#include <stdbool.h>

/* Puts <3> and the like in front of each message, for the journal. */
void log_init(bool levels);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* RINGD_LOG_H */

// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include "log.h"

static bool with_levels;

void log_init(bool levels)
{
	with_levels = levels;
}

/* One write for each message: those of several threads do not mix. */
static void print(char level, const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	if (with_levels)
		fprintf(stderr, "<%c>ringd: %s\n", level, line);
	else
		fprintf(stderr, "ringd: %s\n", line);
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print('3', fmt, ap);
	va_end(ap);
}

void log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print('4', fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print('6', fmt, ap);
	va_end(ap);
}

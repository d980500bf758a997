// SPDX-License-Identifier: GPL-2.0-only
/* What several pages have. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../lib/clock.h"
#include "screen.h"
#include "terminal.h"

void screen_bar(int line, const char *text)
{
	terminal_text(line, 0, terminal_width(), STYLE_HEAD, text);
}

void screen_title(const struct screen *s, const char *left)
{
	const double interval = (double)s->top->interval_ns / (double)NSEC_PER_SEC;
	char text[64], clock[16];
	time_t now = time(NULL);
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	snprintf(text, sizeof(text), " every %g s  %s", interval, clock);
	terminal_text(0, 0, terminal_width(), STYLE_TITLE, left);
	if ((int)(strlen(left) + strlen(text)) <= terminal_width())
		terminal_text(0, terminal_width() - (int)strlen(text), (int)strlen(text),
			      STYLE_PLAIN, text);
}

// SPDX-License-Identifier: GPL-2.0-only
/* ringctl top on a terminal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/clock.h"
#include "../../lib/message.h"
#include "screen.h"
#include "terminal.h"

static const char *const help_lines[] = {
	"Up Down PgUp PgDn Home End, j k   choose a ring",
	"Enter       show the chosen ring; Enter, q or Escape leads back",
	"/           filter by name: a part of it, or a pattern such as net*;",
	"            Enter keeps the filter, Escape shows all rings",
	"n r b f d e o   sort by name, records, bytes, fill, dropped, readers, overrun",
	"< >         sort by the column to the left, to the right",
	"i           invert the order",
	"q           end",
	"",
	"FILL        how much of the ring has records to read. After the first lap it",
	"            stays near 100%: that is no sign of trouble",
	"DROPPED     records that could not be published since the creation; red if any",
	"            were in the last interval. CAUSE: see ringctl help info",
	"READERS     open files of a device. Nobody knows the readers of other rings",
	"OVERRUN     seconds until a reader that stops now begins to lose records, at",
	"            this rate; red below 1, yellow below 10",
};

static void draw_help(const struct screen *s)
{
	const int nr = (int)(sizeof(help_lines) / sizeof(help_lines[0]));
	int i;

	screen_title(s, "ringctl top: help");
	for (i = 0; i < nr && i + 2 < terminal_lines() - 1; i++)
		terminal_text(i + 2, 0, terminal_width(), STYLE_PLAIN, help_lines[i]);
	screen_bar(terminal_lines() - 1, "any key leads back");
}

static void draw(struct screen *s)
{
	terminal_begin();
	switch (s->page) {
	case PAGE_LIST:
		list_draw(s);
		break;
	case PAGE_RING:
		ring_draw(s);
		break;
	case PAGE_HELP:
		draw_help(s);
		break;
	}
	terminal_finish();
}

/* Return: true: the program ends. */
static bool take_key(struct screen *s, int key)
{
	*s->note = '\0';
	switch (s->page) {
	case PAGE_LIST:
		return list_key(s, key);
	case PAGE_RING:
		if (key == 'q' || key == TERMINAL_ESCAPE || key == TERMINAL_ENTER ||
		    key == TERMINAL_ERASE) {
			ring_leave(s);
			s->page = PAGE_LIST;
		}
		break;
	case PAGE_HELP:
		s->page = PAGE_LIST;
		break;
	}
	return false;
}

/* Return: 0; -ENOMEM. */
static int sample(struct screen *s)
{
	int err = top_sample(s->top);
	const struct row *r;

	if (err || s->page != PAGE_RING)
		return err;
	r = rows_get(&s->top->rows, s->ring);
	if (r) {
		err = ring_count(s);
		types_turn(&s->types);
		return err;
	}
	ring_leave(s);
	s->page = PAGE_LIST;
	snprintf(s->note, sizeof(s->note), "the ring is gone");
	return 0;
}

/*
 * Waits for a key until the interval is over. The page of a ring counts meanwhile. Return: as
 * terminal_wait(); -ENOMEM in @err.
 */
static int wait_for_key(struct screen *s, uint64_t until_ns, int *err)
{
	uint64_t count_ns;
	int key;

	while (s->page == PAGE_RING && !*err) {
		*err = ring_count(s);
		count_ns = ring_count_ns(s);
		if (count_ns >= until_ns)
			break;
		key = terminal_wait(count_ns);
		if (key != TERMINAL_TIMEOUT)
			return key;
	}
	return terminal_wait(until_ns);
}

/* Return: 0: a signal or a key ended it, or the last interval is over; -ENOMEM. */
static int loop(struct screen *s)
{
	uint64_t next = now_ns();
	int key, err = 0;

	while (!top_is_over(s->top) && !err) {
		draw(s);
		next = next_turn(next, s->top->interval_ns);
		while ((key = wait_for_key(s, next, &err)) != TERMINAL_TIMEOUT && !err) {
			if (key == TERMINAL_END)
				return 0;
			if (key != TERMINAL_REDRAW && take_key(s, key))
				return 0;
			/* The page counts from its first picture on. */
			if (s->page == PAGE_RING && !s->types_of)
				err = ring_count(s);
			draw(s);
		}
		if (!err)
			err = sample(s);
	}
	return err;
}

int screen_run(struct top *t)
{
	struct screen s = { .top = t };
	int err, status = terminal_open();

	if (status)
		return status;
	err = loop(&s);
	ring_leave(&s);
	terminal_close();
	return err ? fail("top", "%s", strerror(-err)) : EXIT_OK;
}

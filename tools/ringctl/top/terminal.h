/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal, by ncurses. It is given back as it was, whatever ends or stops the program. */
#ifndef TOP_TERMINAL_H
#define TOP_TERMINAL_H

#include <stdint.h>

/* What terminal_wait() returns beside a key. */
#define TERMINAL_TIMEOUT 0
#define TERMINAL_END	 (-1) /* a signal came, or the terminal is gone */
#define TERMINAL_REDRAW	 (-2) /* its size has changed, or the program was stopped */

/* Keys that are no characters. */
enum {
	TERMINAL_UP = 0x100,
	TERMINAL_DOWN,
	TERMINAL_PAGE_UP,
	TERMINAL_PAGE_DOWN,
	TERMINAL_HOME,
	TERMINAL_LAST,
	TERMINAL_ENTER,
	TERMINAL_ESCAPE,
	TERMINAL_ERASE,
	TERMINAL_OTHER,
};

enum terminal_style {
	STYLE_PLAIN,
	STYLE_TITLE,
	STYLE_HEAD,
	STYLE_SORTED, /* the title of the column that sorts */
	STYLE_CHOSEN,
	STYLE_WARN,
	STYLE_BAD,
	NR_STYLES,
};

/* After signals_init(). Return: 0; EXIT_FAIL: the message was printed. */
int terminal_open(void);

/* Gives the terminal back. If SIGQUIT came, it then ends the process. */
void terminal_close(void);

int terminal_lines(void);
int terminal_width(void);

/* Draws begin with an empty screen, and appear at the end. */
void terminal_begin(void);
void terminal_finish(void);

/*
 * Writes @text, which is safe to print, into @width columns: a positive width fills the field from
 * the left, a negative one from the right. What does not fit is cut. Outside of the screen nothing
 * is written.
 */
void terminal_text(int line, int column, int width, enum terminal_style style, const char *text);

/* The cursor after the next terminal_finish(); only then it is visible. */
void terminal_cursor(int line, int column);

/* Waits for a key until now_ns() is @until_ns. Return: the key, or TERMINAL_*. */
int terminal_wait(uint64_t until_ns);

#endif /* TOP_TERMINAL_H */

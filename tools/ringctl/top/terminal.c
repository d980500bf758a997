// SPDX-License-Identifier: GPL-2.0-only
/*
 * All signals that end, stop or resize come through descriptors. So none interrupts ncurses, and
 * the terminal is given back before the process stops or ends.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <curses.h>

#include "../../lib/clock.h"
#include "../../lib/message.h"
#include "../../lib/signals.h"
#include "terminal.h"

#define ESCAPE_MS 25 /* a key that sends a sequence sends all of it in this time */

struct terminal {
	SCREEN *screen;
	int signals; /* descriptor for those that lib/signals.h leaves */
	bool is_utf8;
	bool has_quit;
	int cursor_line;
	int cursor_column;
	attr_t styles[NR_STYLES];
};

static struct terminal terminal;

/* As lib/signals.c: a signal that is ignored stays ignored. */
static int open_signals(void)
{
	static const int all[] = { SIGTSTP, SIGCONT, SIGWINCH, SIGQUIT };
	struct sigaction old;
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!sigaction(all[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaddset(&set, all[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	terminal.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return terminal.signals < 0 ? -errno : 0;
}

static void set_styles(void)
{
	const char *no_color = getenv("NO_COLOR");
	attr_t red = A_BOLD, yellow = A_NORMAL;

	if (has_colors() && !(no_color && *no_color)) {
		start_color();
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
		init_pair(2, COLOR_YELLOW, -1);
		red |= COLOR_PAIR(1);
		yellow |= COLOR_PAIR(2);
	}
	terminal.styles[STYLE_PLAIN] = A_NORMAL;
	terminal.styles[STYLE_TITLE] = A_BOLD;
	terminal.styles[STYLE_HEAD] = A_REVERSE;
	terminal.styles[STYLE_SORTED] = A_REVERSE | A_BOLD | A_UNDERLINE;
	terminal.styles[STYLE_CHOSEN] = A_REVERSE;
	terminal.styles[STYLE_WARN] = yellow;
	terminal.styles[STYLE_BAD] = red;
}

/* Without XON/XOFF, so that Ctrl-S cannot make the next write sleep. */
static void set_modes(void)
{
	struct termios modes;

	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	if (!tcgetattr(STDOUT_FILENO, &modes)) {
		modes.c_iflag &= ~(tcflag_t)IXON;
		tcsetattr(STDOUT_FILENO, TCSANOW, &modes);
	}
	def_prog_mode();
}

int terminal_open(void)
{
	const char *type = getenv("TERM");
	int err = open_signals();

	if (err)
		return fail("top", "signals: %s", strerror(-err));
	/* Numbers stay as they are. */
	setlocale(LC_CTYPE, "");
	terminal.is_utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	terminal.screen = newterm(NULL, stdout, stdin);
	if (!terminal.screen)
		return fail("top",
			    "TERM is %.40s: no such terminal is known (--plain prints lines)",
			    type && *type ? type : "not set");
	/* ncurses sets a handler of its own; see stop(). */
	signal(SIGTSTP, SIG_DFL);
	set_modes();
	set_styles();
	return 0;
}

void terminal_close(void)
{
	if (!terminal.screen)
		return;
	/* A terminal with one screen keeps the picture, and the shell goes on in its last line. */
	move(LINES - 1, 0);
	clrtoeol();
	refresh();
	endwin();
	delscreen(terminal.screen);
	terminal.screen = NULL;
	close(terminal.signals);
	if (terminal.has_quit) {
		sigset_t quit;

		sigemptyset(&quit);
		sigaddset(&quit, SIGQUIT);
		raise(SIGQUIT);
		sigprocmask(SIG_UNBLOCK, &quit, NULL);
	}
}

int terminal_lines(void)
{
	return LINES;
}

int terminal_width(void)
{
	return COLS;
}

void terminal_begin(void)
{
	erase();
	terminal.cursor_line = -1;
}

void terminal_finish(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	/* A terminal that takes nothing now gets the next picture. */
	if (poll(&out, 1, 0) != 1)
		return;
	curs_set(terminal.cursor_line >= 0);
	if (terminal.cursor_line >= 0)
		move(terminal.cursor_line, terminal.cursor_column);
	refresh();
}

void terminal_cursor(int line, int column)
{
	terminal.cursor_line = line;
	terminal.cursor_column = column;
}

/*
 * Takes the next character of @text as wide characters. In another charset than UTF-8, a byte of
 * UTF-8 becomes \xNN. Return: the columns that it takes.
 */
static int take_char(const char **text, wchar_t *to)
{
	const unsigned char c = (unsigned char)**text;
	mbstate_t state = { 0 };
	size_t n;

	if (c < 0x80 || !terminal.is_utf8) {
		(*text)++;
		if (c >= 0x80)
			return swprintf(to, 5, L"\\x%02x", c);
		to[0] = c >= 0x20 && c < 0x7f ? c : L'?';
		to[1] = 0;
		return 1;
	}
	n = mbrtowc(to, *text, strlen(*text), &state);
	to[1] = 0;
	if (n == (size_t)-1 || n == (size_t)-2 || wcwidth(to[0]) < 0) {
		to[0] = L'?';
		n = 1;
	}
	*text += n;
	return wcwidth(to[0]);
}

/* The columns that @text takes, and the bytes of it that fit into @width. */
static int measure(const char *text, int width, size_t *fit)
{
	const char *at = text;
	wchar_t chars[5];
	int sum = 0, w;

	*fit = 0;
	while (*at) {
		w = take_char(&at, chars);
		if (sum + w > width)
			break;
		sum += w;
		*fit = (size_t)(at - text);
	}
	return sum;
}

void terminal_text(int line, int column, int width, enum terminal_style style, const char *text)
{
	int room = abs(width), used;
	const char *end;
	wchar_t chars[5];
	size_t fit;

	if (line < 0 || line >= LINES || column < 0 || column >= COLS)
		return;
	if (room > COLS - column)
		room = COLS - column;
	used = measure(text, room, &fit);
	attrset(terminal.styles[style]);
	move(line, column);
	hline(' ' | terminal.styles[style], room);
	move(line, column + (width < 0 ? room - used : 0));
	for (end = text + fit; text < end;) {
		take_char(&text, chars);
		addwstr(chars);
	}
	attrset(A_NORMAL);
}

static void set_size(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	clearok(curscr, TRUE);
}

/* Stops as the shell asks, and goes on when it says so. */
static void stop(void)
{
	sigset_t set;

	endwin();
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	set_size();
	refresh();
}

/* Return: TERMINAL_REDRAW, TERMINAL_END; TERMINAL_TIMEOUT: there was no signal. */
static int take_signal(void)
{
	struct signalfd_siginfo info;

	if (read(terminal.signals, &info, sizeof(info)) != sizeof(info))
		return TERMINAL_TIMEOUT;
	switch (info.ssi_signo) {
	case SIGQUIT:
		terminal.has_quit = true;
		return TERMINAL_END;
	case SIGTSTP:
		stop();
		break;
	case SIGCONT:
		/* After SIGSTOP, the shell may have set other modes. */
		reset_prog_mode();
		set_size();
		break;
	default:
		set_size();
	}
	return TERMINAL_REDRAW;
}

/* Return: a key; TERMINAL_TIMEOUT: there is none. */
static int take_key(void)
{
	static const struct {
		int curses;
		int key;
	} keys[] = {
		{ KEY_UP, TERMINAL_UP },
		{ KEY_DOWN, TERMINAL_DOWN },
		{ KEY_PPAGE, TERMINAL_PAGE_UP },
		{ KEY_NPAGE, TERMINAL_PAGE_DOWN },
		{ KEY_HOME, TERMINAL_HOME },
		{ KEY_END, TERMINAL_LAST },
		{ KEY_ENTER, TERMINAL_ENTER },
		{ '\r', TERMINAL_ENTER },
		{ '\n', TERMINAL_ENTER },
		{ 27, TERMINAL_ESCAPE },
		{ KEY_BACKSPACE, TERMINAL_ERASE },
		{ 127, TERMINAL_ERASE },
		{ 8, TERMINAL_ERASE },
	};
	int c = getch();
	size_t i;

	if (c == ERR)
		return TERMINAL_TIMEOUT;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].curses == c)
			return keys[i].key;
	return c >= 0x20 && c < 0x7f ? c : TERMINAL_OTHER;
}

int terminal_wait(uint64_t until_ns)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = signals_fd(), .events = POLLIN },
		{ .fd = terminal.signals, .events = POLLIN },
	};
	int key;

	for (;;) {
		if (signals_take())
			return TERMINAL_END;
		key = take_signal();
		/* ncurses keeps keys that it has read already. */
		if (!key)
			key = take_key();
		if (key)
			return key;
		if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
			return TERMINAL_END;
		if (!ns_until(until_ns))
			return TERMINAL_TIMEOUT;
		if (poll_until(fds, 3, until_ns) < 0 && errno != EINTR)
			return TERMINAL_END;
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/* The page with all rings. */
#include <stdio.h>
#include <string.h>

#include "../../lib/clock.h"
#include "screen.h"
#include "terminal.h"

#define FIRST_LINE 2  /* of the rows */
#define LABEL_MIN  12 /* columns that the name has at least, and at most */
#define LABEL_MAX  48

#define BAD_NS	NSEC_PER_SEC
#define WARN_NS (10 * NSEC_PER_SEC)

/* Which columns fit, and how wide the name is. */
struct layout {
	bool shown[NR_COLUMNS];
	int name_width;
};

static void choose_columns(struct layout *l)
{
	int left = terminal_width() - LABEL_MIN;
	unsigned int rank, i;

	*l = (struct layout) { .shown[COLUMN_NAME] = true };
	for (rank = 1; rank < NR_COLUMNS; rank++) {
		for (i = 0; columns[i].rank != rank; i++)
			;
		if (columns[i].width + 1 > left)
			break;
		l->shown[i] = true;
		left -= columns[i].width + 1;
	}
	l->name_width = LABEL_MIN + left;
	if (l->name_width > LABEL_MAX)
		l->name_width = LABEL_MAX;
}

static enum terminal_style style_of(const struct row *r, enum column_id id)
{
	if ((id == COLUMN_DROPPED || id == COLUMN_CAUSE) && change_dropped(&r->change))
		return STYLE_BAD;
	if (id == COLUMN_OVERRUN && r->change.overrun_ns < BAD_NS)
		return STYLE_BAD;
	if (id == COLUMN_OVERRUN && r->change.overrun_ns < WARN_NS)
		return STYLE_WARN;
	return STYLE_PLAIN;
}

static void draw_row(const struct layout *l, int line, const struct row *r, bool is_chosen)
{
	int at = l->name_width;
	char text[TOP_TEXT], why[512];
	enum terminal_style style;
	unsigned int i;

	if (is_chosen)
		terminal_text(line, 0, terminal_width(), STYLE_CHOSEN, "");
	terminal_text(line, 0, l->name_width, is_chosen ? STYLE_CHOSEN : STYLE_PLAIN, r->label);
	if (!row_has_sample(r)) {
		row_remark(r, why, sizeof(why));
		terminal_text(line, at + 1, terminal_width() - at - 1,
			      is_chosen ? STYLE_CHOSEN : STYLE_WARN, why);
		return;
	}
	for (i = 0; i < NR_COLUMNS; i++) {
		if (!columns[i].format || !l->shown[i])
			continue;
		columns[i].format(r, false, text);
		if (i == COLUMN_OVERRUN && r->state == ROW_ENDED)
			snprintf(text, sizeof(text), "ended");
		/* Trouble is also visible in the chosen row. */
		style = style_of(r, (enum column_id)i);
		if (is_chosen && style == STYLE_PLAIN)
			style = STYLE_CHOSEN;
		terminal_text(line, at + 1,
			      i == COLUMN_CAUSE ? columns[i].width : -columns[i].width, style,
			      text);
		at += columns[i].width + 1;
	}
}

static void draw_header(const struct layout *l, enum column_id sort)
{
	int at = l->name_width;
	unsigned int i;

	screen_bar(1, "");
	terminal_text(1, 0, 4, sort == COLUMN_NAME ? STYLE_SORTED : STYLE_HEAD, "NAME");
	for (i = 0; i < NR_COLUMNS; i++) {
		const int length = (int)strlen(columns[i].title);

		if (!columns[i].format || !l->shown[i])
			continue;
		terminal_text(1, at + 1 + (i == COLUMN_CAUSE ? 0 : columns[i].width - length),
			      length, sort == i ? STYLE_SORTED : STYLE_HEAD, columns[i].title);
		at += columns[i].width + 1;
	}
}

/* Position of the chosen row; the first one, until a key chooses another one. */
static unsigned int find_chosen(const struct screen *s)
{
	const struct view *v = &s->top->view;
	unsigned int i;

	for (i = 0; i < v->nr; i++)
		if (v->shown[i]->id == s->chosen)
			return i;
	return 0;
}

static unsigned int lines_for_rows(void)
{
	const int lines = terminal_lines() - FIRST_LINE - 1;

	return lines > 0 ? (unsigned int)lines : 1;
}

static void draw_footer(const struct screen *s)
{
	const int line = terminal_lines() - 1;
	char text[160];

	if (s->is_typing) {
		snprintf(text, sizeof(text), "/%s", s->top->view.filter);
		terminal_text(line, 0, terminal_width(), STYLE_PLAIN, text);
		terminal_cursor(line, (int)strlen(text) < terminal_width() ? (int)strlen(text) :
									     terminal_width() - 1);
		return;
	}
	if (*s->note)
		snprintf(text, sizeof(text), "%s", s->note);
	else
		snprintf(text, sizeof(text),
			 "Enter one ring  / filter%s%s  i invert  ? help  q end",
			 *s->top->view.filter ? ": " : "", s->top->view.filter);
	screen_bar(line, text);
}

void list_draw(struct screen *s)
{
	const struct view *v = &s->top->view;
	const unsigned int room = lines_for_rows(), chosen = find_chosen(s);
	struct layout l;
	char text[192];
	unsigned int i;

	if (chosen < s->first)
		s->first = chosen;
	if (chosen >= s->first + room)
		s->first = chosen - room + 1;
	if (v->nr < s->first + room)
		s->first = v->nr > room ? v->nr - room : 0;
	if (*s->top->rows.why)
		snprintf(text, sizeof(text), "ringctl top: %.160s", s->top->rows.why);
	else
		snprintf(text, sizeof(text), "ringctl top: %u of %u rings, by %s%s", v->nr,
			 s->top->rows.nr, columns[v->sort].name, v->inverted ? ", inverted" : "");
	screen_title(s, text);
	choose_columns(&l);
	draw_header(&l, v->sort);
	for (i = 0; i < room && s->first + i < v->nr; i++)
		draw_row(&l, FIRST_LINE + (int)i, v->shown[s->first + i], s->first + i == chosen);
	if (!v->nr)
		terminal_text(FIRST_LINE, 0, terminal_width(), STYLE_PLAIN,
			      s->top->rows.nr ? "no ring has such a name" : "there is no ring now");
	draw_footer(s);
}

static void choose(struct screen *s, unsigned int position)
{
	const struct view *v = &s->top->view;

	if (v->nr)
		s->chosen = v->shown[position < v->nr ? position : v->nr - 1]->id;
}

/* The view after a change of its order or filter has as many rows at most: no memory is needed. */
static void update(struct screen *s)
{
	view_update(&s->top->view, &s->top->rows);
}

static void type(struct screen *s, int key)
{
	char *filter = s->top->view.filter;
	const size_t n = strlen(filter);

	if (key == TERMINAL_ENTER || key == TERMINAL_ESCAPE)
		s->is_typing = false;
	if (key == TERMINAL_ESCAPE)
		*filter = '\0';
	else if (key == TERMINAL_ERASE && n)
		filter[n - 1] = '\0';
	else if (key >= 0x20 && key < 0x7f && n + 1 < sizeof(s->top->view.filter))
		snprintf(filter + n, 2, "%c", key);
	update(s);
}

static void move_sort(struct screen *s, int step)
{
	int i = (int)s->top->view.sort;

	do {
		i = (i + step + NR_COLUMNS) % NR_COLUMNS;
	} while (!columns[i].name);
	s->top->view.sort = (enum column_id)i;
	update(s);
}

static void sort_by_key(struct screen *s, int key)
{
	unsigned int i;

	for (i = 0; i < NR_COLUMNS; i++) {
		if (!columns[i].key || columns[i].key != key)
			continue;
		s->top->view.sort = (enum column_id)i;
		s->top->view.inverted = false;
		update(s);
	}
}

bool list_key(struct screen *s, int key)
{
	const unsigned int at = find_chosen(s), room = lines_for_rows();

	if (s->is_typing) {
		type(s, key);
		return false;
	}
	switch (key) {
	case 'q':
		return true;
	case '?':
	case 'h':
		s->page = PAGE_HELP;
		break;
	case '/':
		s->is_typing = true;
		break;
	case TERMINAL_ESCAPE:
		type(s, key);
		break;
	case TERMINAL_ENTER:
		if (s->top->view.nr) {
			s->ring = s->top->view.shown[at]->id;
			s->page = PAGE_RING;
		}
		break;
	case TERMINAL_UP:
	case 'k':
		choose(s, at ? at - 1 : 0);
		break;
	case TERMINAL_DOWN:
	case 'j':
		choose(s, at + 1);
		break;
	case TERMINAL_PAGE_UP:
		choose(s, at > room ? at - room : 0);
		break;
	case TERMINAL_PAGE_DOWN:
		choose(s, at + room);
		break;
	case TERMINAL_HOME:
		choose(s, 0);
		break;
	case TERMINAL_LAST:
		choose(s, s->top->view.nr);
		break;
	case '<':
		move_sort(s, -1);
		break;
	case '>':
		move_sort(s, 1);
		break;
	case 'i':
		s->top->view.inverted = !s->top->view.inverted;
		update(s);
		break;
	default:
		sort_by_key(s, key);
	}
	return false;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples as lines of JSON. bench/report evaluates them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static FILE *out;
static const char *part = "";
static bool first; /* the innermost object has no member yet */
static bool empty; /* the part has no line yet */

int emit_open(const char *path)
{
	out = path ? fopen(path, "we") : stdout;
	return out ? 0 : -1;
}

int emit_close(void)
{
	int err = ferror(out);

	return (out == stdout ? fflush(out) : fclose(out)) || err ? -1 : 0;
}

static void put_text(const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

/* Writes counts exactly, and measurements with their significant digits. JSON has no NaN. */
static void put_number(double value)
{
	if (!isfinite(value))
		fputs("null", out);
	else if (value == floor(value) && fabs(value) < 1e15)
		fprintf(out, "%.0f", value);
	else
		fprintf(out, "%.7g", value);
}

void emit_key(const char *key)
{
	if (!first)
		fputc(',', out);
	first = false;
	put_text(key);
	fputc(':', out);
}

void emit_text(const char *key, const char *text)
{
	emit_key(key);
	put_text(text);
}

void emit_number(const char *key, double value)
{
	emit_key(key);
	put_number(value);
}

void emit_object(const char *key)
{
	if (key)
		emit_key(key);
	fputc('{', out);
	first = true;
}

void emit_end(void)
{
	fputc('}', out);
	first = false;
}

static void begin_line(const char *section)
{
	emit_object(NULL);
	emit_text("part", part);
	emit_text("section", section);
	empty = false;
}

void emit_line(void)
{
	emit_end();
	fputc('\n', out);
	fflush(out);
}

void emit_part(const char *name)
{
	part = name;
	empty = true;
}

bool emit_part_empty(void)
{
	return empty;
}

static int compare_ticks(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Writes each value once with its count: exact, in a fraction of the size. */
static void put_ticks(const struct contender *c)
{
	uint64_t i, begin;

	qsort(c->ticks, c->nr_ticks, sizeof(*c->ticks), compare_ticks);
	emit_number("ns_per_tick", c->tick_ns > 0 ? c->tick_ns : ns_per_tick());
	emit_key("ticks_counts");
	fputc('[', out);
	for (begin = i = 0; begin < c->nr_ticks; begin = i) {
		while (i < c->nr_ticks && c->ticks[i] == c->ticks[begin])
			i++;
		fprintf(out, "%s[%llu,%llu]", begin ? "," : "", (unsigned long long)c->ticks[begin],
			(unsigned long long)(i - begin));
	}
	fputc(']', out);
}

void emit_sample(const char *section, const struct contender *c, unsigned int round, bool disturbed)
{
	unsigned int i;

	begin_line(section);
	emit_text("contender", c->name);
	emit_number("round", round);
	emit_number("disturbed", disturbed);
	for (i = 0; i < c->nr_figures; i++)
		emit_number(c->figure[i].key, c->figure[i].value);
	if (c->nr_ticks)
		put_ticks(c);
	emit_line();
}

void emit_note_text(const char *section, const char *text)
{
	begin_line(section);
	emit_text("note", text);
	emit_line();
}

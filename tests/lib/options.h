/* SPDX-License-Identifier: GPL-2.0-only */
/* Options of a test program, from a table: --NAME N, --NAME TEXT, or --NAME alone. */
#ifndef TESTS_LIB_OPTIONS_H
#define TESTS_LIB_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One of @number, @text and @flag is set. */
struct test_option {
	const char *name;
	const char *help;
	uint64_t *number;
	const char **text;
	bool *flag;
};

/* Prints the options, and ends the program: with 0 after --help, with 2 after a mistake. */
__attribute__((noreturn)) static inline void options_usage(const char *program,
							   const struct test_option *o, size_t nr,
							   int status)
{
	FILE *f = status ? stderr : stdout;

	fprintf(f, "usage: %s [OPTION...]\n", program);
	for (; nr; nr--, o++)
		fprintf(f, "  --%s%s: %s\n", o->name,
			o->number ? " N" :
			o->text	  ? " TEXT" :
				    "",
			o->help);
	exit(status);
}

static inline bool option_number(const char *text, uint64_t *number)
{
	char *end;

	*number = strtoull(text, &end, 0);
	return end != text && !*end;
}

static inline void options_parse(const char *program, const struct test_option *o, size_t nr,
				 char **argv)
{
	size_t i;

	while (*++argv) {
		for (i = 0; i < nr; i++)
			if (!strncmp(*argv, "--", 2) && !strcmp(*argv + 2, o[i].name))
				break;
		if (i == nr)
			options_usage(program, o, nr, strcmp(*argv, "--help") ? 2 : 0);
		if (o[i].flag)
			*o[i].flag = true;
		else if (!*++argv)
			options_usage(program, o, nr, 2);
		else if (o[i].text)
			*o[i].text = *argv;
		else if (!option_number(*argv, o[i].number))
			options_usage(program, o, nr, 2);
	}
}

#endif /* TESTS_LIB_OPTIONS_H */

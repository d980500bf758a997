/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line per check: "ok NAME", or "not ok NAME - " and what was found instead. A test
 * that cannot run here prints "skip NAME - " and the reason; "# " begins a note. The exit
 * status of the program is t_done(): 1 if any check failed or none was made.
 * $T_PREFIX goes before each name, for a program that runs in several builds.
 */
#ifndef TESTS_LIB_TAP_H
#define TESTS_LIB_TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int t_failures;
static int t_checks;

static inline const char *t_prefix(void)
{
	const char *prefix = getenv("T_PREFIX");

	return prefix ? prefix : "";
}

__attribute__((format(printf, 3, 4))) static inline int t_check(int good, const char *name,
								const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	t_checks++;
	if (!good)
		t_failures++;
	/* One write each: several programs share the console. */
	printf("%sok %s%s%s%s\n", good ? "" : "not ", t_prefix(), name, good ? "" : " - ",
	       good ? "" : why);
	fflush(stdout);
	return good;
}

__attribute__((format(printf, 2, 3))) static inline void t_skip(const char *name, const char *fmt,
								...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	printf("skip %s%s - %s\n", t_prefix(), name, why);
	fflush(stdout);
}

__attribute__((format(printf, 1, 2))) static inline void t_note(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("# %s\n", text);
	fflush(stdout);
}

static inline int t_done(void)
{
	return t_failures || !t_checks;
}

/* The set-up of a test failed, so nothing after it would mean anything. */
#define T_DIE(name, fmt, ...)                                                       \
	do {                                                                        \
		t_check(0, name, "%s:%d: " fmt, __FILE__, __LINE__, ##__VA_ARGS__); \
		exit(1);                                                            \
	} while (0)

#define T_TRUE(name, cond) t_check(!!(cond), name, "line %d: false: %s", __LINE__, #cond)

#define T_EQ(name, got, want)                                                                  \
	do {                                                                                   \
		long long t_got = (long long)(got), t_want = (long long)(want);                \
		t_check(t_got == t_want, name, "line %d: %s is %lld, expected %lld", __LINE__, \
			#got, t_got, t_want);                                                  \
	} while (0)

/* A call that fails with -1 and this errno. */
#define T_ERR(name, call, err)                                                                     \
	do {                                                                                       \
		errno = 0;                                                                         \
		long t_ret = (long)(call);                                                         \
		int t_errno = errno;                                                               \
		t_check(t_ret == -1 && t_errno == (err), name,                                     \
			"line %d: returned %ld, errno %d (%s), expected %d (%s)", __LINE__, t_ret, \
			t_ret == -1 ? t_errno : 0, t_ret == -1 ? strerror(t_errno) : "-", (err),   \
			strerror(err));                                                            \
	} while (0)

/* A call that returns @want. */
#define T_RET(name, call, want)                                                                \
	do {                                                                                   \
		errno = 0;                                                                     \
		long t_ret = (long)(call);                                                     \
		int t_errno = errno;                                                           \
		t_check(t_ret == (long)(want), name,                                           \
			"line %d: returned %ld, errno %d (%s), expected %ld", __LINE__, t_ret, \
			t_errno, strerror(t_errno), (long)(want));                             \
	} while (0)

struct t_test {
	const char *name;
	void (*run)(void);
};

/* Runs the tests that the arguments of main() name, all if there are none. */
static inline void t_run(const struct t_test *tests, unsigned int nr, int argc, char **argv)
{
	unsigned int i;
	int j;

	for (i = 0; i < nr; i++) {
		bool wanted = argc == 1;

		for (j = 1; j < argc; j++)
			wanted |= !strcmp(argv[j], tests[i].name);
		if (wanted)
			tests[i].run();
	}
}

#endif /* TESTS_LIB_TAP_H */

// SPDX-License-Identifier: GPL-2.0-only
/* The values of --pid, --comm and --call. */
#include <string.h>

#include <seccomp.h>

#include "../../lib/message.h"
#include "../../lib/parse.h"
#include "filter.h"
#include "names.h"

/*
 * Takes the next word of the list "A,B,C" to @word. A character after a backslash is part of the
 * word, whatever it is. Return: the length of the word, which may not fit; 0: the list is
 * malformed.
 */
static size_t next_word(const char **s, char *word, size_t size)
{
	const char *p = *s;
	size_t len = 0;

	for (; *p && *p != ','; p++) {
		if (*p == '\\' && !*++p)
			return 0;
		if (len < size - 1)
			word[len] = *p;
		len++;
	}
	word[len < size ? len : size - 1] = '\0';
	/* Behind a comma there is a word. */
	if (*p == ',' && !*++p)
		return 0;
	*s = p;
	return len;
}

/*
 * Sets @filter: a list that begins with "!" says what to leave out. Another list of the same
 * option adds to it. Return: the first word; NULL, with the message printed: it is a list of the
 * other kind.
 */
static const char *begin_list(const char *opt, uint32_t *filter, const char *s)
{
	const uint32_t kind = *s == '!' ? TRACE_FILTER_EXCEPT : TRACE_FILTER_ONLY;

	if (*filter && *filter != kind) {
		fail_usage("trace",
			   "%s %s: a list of what to trace and a list of exceptions (which begins "
			   "with !) contradict each other (use only one kind)",
			   opt, s);
		return NULL;
	}
	*filter = kind;
	return s + (*s == '!');
}

static int fail_pids(const char *s)
{
	return fail_usage("trace",
			  "--pid %s: not a list of process IDs (1234, or 1,1234, or all except "
			  "these: !1,1234)",
			  s);
}

int trace_parse_pids(struct trace_opts *opts, const char *s)
{
	const char *p = begin_list("--pid", &opts->config.pids, s), *end;
	char word[16];
	uint64_t pid;
	size_t len;

	if (!p)
		return EXIT_USAGE;
	do {
		len = next_word(&p, word, sizeof(word));
		if (!len || len >= sizeof(word) || !scan_digits(word, &end, &pid) || *end ||
		    pid > INT32_MAX)
			return fail_pids(s);
		if (opts->nr_pids == TRACE_PIDS_MAX)
			return fail_usage("trace", "--pid: too many (at most %u)", TRACE_PIDS_MAX);
		opts->pids[opts->nr_pids++] = (uint32_t)pid;
	} while (*p);
	return 0;
}

int trace_parse_comms(struct trace_opts *opts, const char *s)
{
	const char *p = begin_list("--comm", &opts->config.comms, s);
	char word[TRACE_COMM_SIZE];
	size_t len;

	if (!p)
		return EXIT_USAGE;
	do {
		len = next_word(&p, word, sizeof(word));
		if (!len)
			return fail_usage(
				"trace",
				"--comm %s: not a list of command names (1 to %d characters each: "
				"bash, or bash,sshd, or all except these: !bash,sshd; a comma in a "
				"name is \\,)",
				s, TRACE_COMM_SIZE - 1);
		if (len >= sizeof(word))
			return fail_usage("trace",
					  "--comm %s: a name is too long (the kernel keeps the "
					  "first %d characters: use %s)",
					  s, TRACE_COMM_SIZE - 1, word);
		if (opts->nr_comms == TRACE_COMMS_MAX)
			return fail_usage("trace", "--comm: too many (at most %u)",
					  TRACE_COMMS_MAX);
		/* Pads with zeros: the BPF programs compare all bytes. */
		strncpy(opts->comms[opts->nr_comms++], word, TRACE_COMM_SIZE);
	} while (*p);
	return 0;
}

static void set_call_bit(struct trace_opts *opts, uint32_t nr, bool compat)
{
	opts->config.call_bits[(compat ? TRACE_CALLS_MAX : 0) / 64 + nr / 64] |= 1ULL << nr % 64;
}

/* A name selects the call in every table, a number only in the native one. */
static bool add_call(struct trace_opts *opts, const char *word)
{
	bool found = false;
	const char *end;
	uint64_t nr;
	int table, n;

	if (scan_digits(word, &end, &nr) && !*end) {
		if (nr < TRACE_CALLS_MAX)
			set_call_bit(opts, (uint32_t)nr, false);
		return nr < TRACE_CALLS_MAX;
	}
	for (table = 0; table < 2; table++) {
		uint32_t arch = trace_table_arch(table);

		n = arch ? seccomp_syscall_resolve_name_arch(arch, word) : -1;
		if (n >= 0 && n < TRACE_CALLS_MAX) {
			set_call_bit(opts, (uint32_t)n, table);
			found = true;
		}
	}
	return found;
}

int trace_parse_calls(struct trace_opts *opts, const char *s)
{
	const char *p = begin_list("--call", &opts->config.calls, s);
	char word[64];
	size_t len;

	if (!p)
		return EXIT_USAGE;
	do {
		len = next_word(&p, word, sizeof(word));
		if (!len)
			return fail_usage("trace",
					  "--call %s: not a list of system calls (openat, or "
					  "read,write,1, or all except these: !read,write)",
					  s);
		if (len >= sizeof(word) || !add_call(opts, word))
			return fail_usage(
				"trace",
				"--call %s: this machine has no such system call (a name such as "
				"openat, or a number from 0 to %d)",
				word, TRACE_CALLS_MAX - 1);
	} while (*p);
	return 0;
}

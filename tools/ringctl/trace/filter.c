// SPDX-License-Identifier: GPL-2.0-only
/* The values of --pid, --comm and --call. */
#include <string.h>

#include <seccomp.h>

#include "../../lib/message.h"
#include "../../lib/parse.h"
#include "filter.h"
#include "names.h"

/* Takes the next word of the list "A,B,C" to @word. Return: false: the list is malformed. */
static bool next_word(const char **s, char *word, size_t size)
{
	size_t len = strcspn(*s, ",");

	if (!len || len >= size)
		return false;
	memcpy(word, *s, len);
	word[len] = '\0';
	*s += len;
	if (**s == ',')
		(*s)++;
	else
		*s = "";
	return true;
}

/*
 * Sets @filter: a list that begins with "!" says what to leave out. Return: the first word;
 * NULL: there was a list already.
 */
static const char *begin_list(uint32_t *filter, const char *s)
{
	if (*filter)
		return NULL;
	*filter = *s == '!' ? TRACE_FILTER_EXCEPT : TRACE_FILTER_ONLY;
	return s + (*s == '!');
}

static int fail_pids(const char *s)
{
	return fail_usage("trace",
			  "--pid %s: not a list of process IDs (1234, or 1,1234, or all except "
			  "these: !1,1234; only once)",
			  s);
}

int trace_parse_pids(struct trace_opts *opts, const char *s)
{
	const char *p = begin_list(&opts->config.pids, s), *end;
	size_t len = strlen(s);
	char word[16];
	uint64_t pid;

	if (!p || (len && s[len - 1] == ','))
		return fail_pids(s);
	do {
		if (!next_word(&p, word, sizeof(word)) || !scan_digits(word, &end, &pid) || *end ||
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
	const char *p = begin_list(&opts->config.comms, s);
	char word[TRACE_COMM_SIZE];
	size_t len = strlen(s);

	if (!p || (len && s[len - 1] == ','))
		goto bad;
	do {
		if (!next_word(&p, word, sizeof(word)))
			goto bad;
		if (opts->nr_comms == TRACE_COMMS_MAX)
			return fail_usage("trace", "--comm: too many (at most %u)",
					  TRACE_COMMS_MAX);
		/* Pads with zeros: the BPF programs compare all bytes. */
		strncpy(opts->comms[opts->nr_comms++], word, TRACE_COMM_SIZE);
	} while (*p);
	return 0;
bad:
	return fail_usage(
		"trace",
		"--comm %s: not a list of command names (1 to %d characters each: bash, or "
		"bash,sshd, or all except these: !bash,sshd; only once)",
		s, TRACE_COMM_SIZE - 1);
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
	const char *p = begin_list(&opts->config.calls, s);
	size_t len = strlen(s);
	char word[64];

	if (!p || (len && s[len - 1] == ','))
		goto bad;
	do {
		if (!next_word(&p, word, sizeof(word)))
			goto bad;
		if (!add_call(opts, word))
			return fail_usage(
				"trace",
				"--call %s: this machine has no such system call (a name such as "
				"openat, or a number from 0 to %d)",
				word, TRACE_CALLS_MAX - 1);
	} while (*p);
	return 0;
bad:
	return fail_usage("trace",
			  "--call %s: not a list of system calls (openat, or read,write,1, or all "
			  "except these: !read,write; only once)",
			  s);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The values of --pid, --comm and --call, and the names of system calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <seccomp.h>

#include "trace.h"

/* Architecture that libseccomp knows a table by. 0: this machine has no such table. */
static uint32_t table_arch(bool compat)
{
	uint32_t native = seccomp_arch_native();

	if (!compat)
		return native;
	switch (native) {
	case SCMP_ARCH_X86_64:
		return SCMP_ARCH_X86;
	case SCMP_ARCH_AARCH64:
		return SCMP_ARCH_ARM;
	}
	return 0;
}

const char *trace_call_name(uint32_t nr, bool compat)
{
	static char *names[2][TRACE_CALLS_MAX];
	static bool known[2][TRACE_CALLS_MAX];
	uint32_t arch = table_arch(compat);

	if (nr >= TRACE_CALLS_MAX || !arch)
		return NULL;
	if (!known[compat][nr]) {
		names[compat][nr] = seccomp_syscall_resolve_num_arch(arch, (int)nr);
		known[compat][nr] = true;
	}
	return names[compat][nr];
}

/*
 * Takes the next word of a list "A,B,C" into @word. A list that begins with "!" says
 * what is not wanted. Return: false at its end; *@s is NULL when the list is wrong.
 */
static bool next_word(const char **s, char *word, size_t size)
{
	size_t len = strcspn(*s, ",");

	if (!len || len >= size) {
		*s = NULL;
		return false;
	}
	memcpy(word, *s, len);
	word[len] = '\0';
	*s += len;
	if (**s == ',')
		(*s)++;
	else
		*s = "";
	return true;
}

/* Sets @filter by the list's beginning. Return: where its words begin, NULL when wrong. */
static const char *begin(uint32_t *filter, const char *s)
{
	if (*filter)
		return NULL;
	*filter = *s == '!' ? TRACE_FILTER_EXCEPT : TRACE_FILTER_ONLY;
	return s + (*s == '!');
}

static int bad_pid(const char *s)
{
	return usage("trace",
		     "--pid %s: not a list of process IDs (1234, or 1,1234, or all but those: "
		     "!1,1234; once)",
		     s);
}

int trace_parse_pids(struct trace_opts *opts, const char *s)
{
	const char *p = begin(&opts->config.pids, s), *end;
	size_t len = strlen(s);
	char word[16];
	uint64_t pid;

	if (!p || (len && s[len - 1] == ','))
		return bad_pid(s);
	do {
		if (!next_word(&p, word, sizeof(word)) || !digits(word, &end, &pid) || *end ||
		    pid > INT32_MAX)
			return bad_pid(s);
		if (opts->nr_pids == TRACE_PIDS_MAX)
			return usage("trace", "--pid: too many (at most %u)", TRACE_PIDS_MAX);
		opts->pids[opts->nr_pids++] = (uint32_t)pid;
	} while (*p);
	return 0;
}

int trace_parse_comms(struct trace_opts *opts, const char *s)
{
	const char *p = begin(&opts->config.comms, s);
	char word[TRACE_COMM_SIZE];
	size_t len = strlen(s);

	if (!p || (len && s[len - 1] == ','))
		goto bad;
	do {
		if (!next_word(&p, word, sizeof(word)))
			goto bad;
		if (opts->nr_comms == TRACE_COMMS_MAX)
			return usage("trace", "--comm: too many (at most %u)", TRACE_COMMS_MAX);
		/* Zeros behind it: the kernel compares all of it. */
		strncpy(opts->comms[opts->nr_comms++], word, TRACE_COMM_SIZE);
	} while (*p);
	return 0;
bad:
	return usage("trace",
		     "--comm %s: not a list of command names (1 to %d characters each: bash, or "
		     "bash,sshd, or all but those: !bash,sshd; once)",
		     s, TRACE_COMM_SIZE - 1);
}

static void add_call(struct trace_opts *opts, uint32_t nr, bool compat)
{
	opts->config.call_bits[(compat ? TRACE_CALLS_MAX : 0) / 64 + nr / 64] |= 1ULL << nr % 64;
}

/* A name counts in each table that has it, a number in the machine's own one. */
static bool take_call(struct trace_opts *opts, const char *word)
{
	bool found = false;
	const char *end;
	uint64_t nr;
	int table, n;

	if (digits(word, &end, &nr) && !*end) {
		if (nr < TRACE_CALLS_MAX)
			add_call(opts, (uint32_t)nr, false);
		return nr < TRACE_CALLS_MAX;
	}
	for (table = 0; table < 2; table++) {
		uint32_t arch = table_arch(table);

		n = arch ? seccomp_syscall_resolve_name_arch(arch, word) : -1;
		if (n >= 0 && n < TRACE_CALLS_MAX) {
			add_call(opts, (uint32_t)n, table);
			found = true;
		}
	}
	return found;
}

int trace_parse_calls(struct trace_opts *opts, const char *s)
{
	const char *p = begin(&opts->config.calls, s);
	size_t len = strlen(s);
	char word[64];

	if (!p || (len && s[len - 1] == ','))
		goto bad;
	do {
		if (!next_word(&p, word, sizeof(word)))
			goto bad;
		if (!take_call(opts, word))
			return usage(
				"trace",
				"--call %s: no such system call here (a name such as openat, or "
				"a number from 0 to %d)",
				word, TRACE_CALLS_MAX - 1);
	} while (*p);
	return 0;
bad:
	return usage("trace",
		     "--call %s: not a list of system calls (openat, or read,write,1, or all but "
		     "those: !read,write; once)",
		     s);
}

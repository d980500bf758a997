// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments of a user: the options and filters of ringctl trace, numbers, sizes and
 * durations. The input is the arguments, separated by zero bytes.
 */

#include "user_fuzz.h"
#include "../../tools/lib/message.h"
#include "../../tools/lib/parse.h"
#include "../../tools/ringctl/trace/events.h"
#include "../../tools/ringctl/trace/filter.h"

#define ARGS_MAX 24

/* Every function here must return a documented exit status. */
static void status(int got)
{
	FUZZ_CHECK(!got || got == EXIT_FAIL || got == EXIT_USAGE, "exit status %d", got);
}

static void one_word(const char *s)
{
	struct trace_opts opts = { 0 };
	uint64_t v;
	uint32_t word;

	status(trace_parse_pids(&opts, s));
	status(trace_parse_comms(&opts, s));
	status(trace_parse_calls(&opts, s));
	status(trace_add_event(&opts, s));
	FUZZ_CHECK(opts.nr_pids <= TRACE_PIDS_MAX && opts.nr_comms <= TRACE_COMMS_MAX,
		   "too many filters");
	if (!parse_number("fuzz", "--number", s, 3, 1000, &v))
		FUZZ_CHECK(v >= 3 && v <= 1000, "%llu is not within 3 and 1000",
			   (unsigned long long)v);
	status(parse_size("fuzz", "--size", s, &v));
	status(parse_duration("fuzz", "--duration", s, &v));
	status(parse_mode("fuzz", "--mode", s, &word));
	status(parse_clock("fuzz", "--clock", s, &word));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[ARGS_MAX + 2] = { (char *)"trace" };
	struct trace_opts opts;
	int argc = 1;
	size_t i;

	memcpy(text, data, size);
	text[size] = 0;
	one_word(text);
	for (i = 0; i < size && argc <= ARGS_MAX; i += strlen(text + i) + 1)
		argv[argc++] = text + i;
	optind = 0;
	status(trace_parse(argc, argv, &opts));
	free(text);
	return 0;
}

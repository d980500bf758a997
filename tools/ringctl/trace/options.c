// SPDX-License-Identifier: GPL-2.0-only
/* The options of ringctl trace. */
#include <string.h>

#include <libring/bpf.h>
#include <seqring/abi.h>

#include "../../lib/message.h"
#include "../../lib/parse.h"
#include "events.h"
#include "filter.h"
#include "options.h"

#define DATA_SIZE	(1u << 20)
#define DATA_SIZE_MAX	(256u << 20)
#define MERGE_WINDOW_NS 10000000ULL

static const char help_begin[] =
	"usage: ringctl trace EVENT... [OPTION]... [-- COMMAND [ARG]...]\n"
	"       ringctl trace --from NAME|PATH [OPTION]...\n"
	"       ringctl trace --list\n"
	"\n"
	"Prints events of this kernel as they happen, until interrupted. With COMMAND,\n"
	"runs it, prints the events of it and its descendants until it ends, and exits\n"
	"with its status, or with 128 and its signal. A signal goes on to COMMAND. BPF\n"
	"programs publish the events to one ring per CPU. This needs no module, but root\n"
	"or CAP_BPF and CAP_PERFMON. EVENT is one of these, or a group such as sched for\n"
	"all events in it, or all:\n"
	"\n";

static const char help_end[] =
	"\n"
	"  --list               show which events this kernel has, and why others are\n"
	"                       missing\n"
	"\n"
	"Which events (the kernel discards the others before they reach a ring):\n"
	"  --pid LIST           of these processes, until all of them have ended: 1234 or\n"
	"                       1,1234; of all except these: !1,1234\n"
	"  --comm LIST          of commands with these names: bash,sshd or !bash; a comma\n"
	"                       in a name is \\,\n"
	"  --call LIST          these system calls: openat,read,59 or !futex\n"
	"  --children           with --pid: also of processes that these create from now\n"
	"                       on\n"
	"  --self               also what ringctl itself causes\n"
	"An event concerns one task, or two: a switch concerns both tasks, a wake-up the\n"
	"woken and the running task. It passes a list if the list has one of its tasks,\n"
	"and a list that begins with ! if the list has none of them.\n"
	"\n"
	"Which of these to print:\n"
	"  --where EXPRESSION   events for which EXPRESSION is true, as in ringctl cat;\n"
	"                       the others are read, and counted as filtered\n"
	"\n"
	"When to end:\n"
	"  --count N            after N events\n"
	"  --duration TIME      after TIME, such as 500ms, 10s or 5m\n"
	"\n"
	"How to print:\n"
	"  --output FILE        to FILE instead of standard output (-), once the trace\n"
	"                       has begun\n"
	"  --json               one JSON object per line\n"
	"  --full               all arguments of a program\n"
	"  --merge-window TIME  hold events back for TIME, to print the events of all\n"
	"                       CPUs in order of time, or until a ring is half full\n"
	"                       (default 10ms; 0: hold nothing back, as other clocks than\n"
	"                       monotonic do)\n"
	"  --per-ring           also print an account for each CPU\n"
	"  --quiet              no account at the end\n"
	"  --verbose            show the messages of libbpf and of the verifier\n"
	"\n"
	"The ring:\n"
	"  --size SIZE          bytes for each CPU: a power of two from 64K to 256M\n"
	"                       (default 1M)\n"
	"  --one-ring           one ring for all CPUs; simultaneous events are dropped\n"
	"                       except for one\n"
	"  --clock CLOCK        clock: " CLOCK_NAMES_HELP "\n"
	"  --name NAME          other readers can open the ring by NAME while this one\n"
	"                       runs\n"
	"  --pin NAME           print nothing and exit; the programs continue until\n"
	"                       ringctl destroy NAME\n"
	"  --continue           with --pin or --name: take over an existing ring of that\n"
	"                       name, together with its readers\n"
	"  --mode MODE          with --pin or --name: permissions, octal: 0444 to read,\n"
	"                       0666 to also sleep (default 0600)\n"
	"  --from NAME          print what another ringctl trace publishes, from the\n"
	"                       oldest event in the ring on; or, by its path, a recording\n"
	"                       that ringctl record made of it: --from ./DIR\n"
	"  --since WHEN         with --from: start at WHEN: 5s, 200ms or 2m ago (of a\n"
	"                       recording: before its end); a time in ns of the ring's\n"
	"                       clock; real:SECONDS since 1970; or seq:N, for one ring\n"
	"  --until WHEN         with --from: end before the first event from WHEN on\n"
	"  --help               show this help\n"
	"\n"
	"Text:  SECONDS [CPU] COMM/TID EVENT ...\n"
	"       -- cpu N: lost M records --      before the event after the gap\n"
	"JSON:  {\"event\":..,\"cpu\":..,\"seq\":..,\"ring\":..,\"ts_ns\":..,\"type\":..,\n"
	"       \"len\":..,\"lost\":..,\"name\":..,\"fields\":{..}}, as ringctl cat prints it,\n"
	"       and call_name, error_name; text that is not UTF-8 is {\"hex\":\"..\"}\n"
	"\n"
	"The account on standard error:\n"
	"  ringctl: trace: read R + lost L = published P; dropped D (CAUSE N, ...)\n"
	"With --where: read R + lost L + filtered F = published P, or without P where\n"
	"only the events that were printed tell it.\n"
	"Lost: this reader was too slow. Dropped: the event could not be published (busy:\n"
	"an interrupt arrived during another publish). Missed: the kernel did not run the\n"
	"program. Late: the event was printed after a younger one. Of a recording, a line\n"
	"says what is missing in it, and why.\n"
	"\n"
	"Examples:\n"
	"  ringctl trace process                    executed programs and their arguments\n"
	"  ringctl trace syscalls --pid 1234 --call openat,read\n"
	"  ringctl trace process syscalls --output trace.txt -- make -j2\n"
	"  ringctl trace syscalls --where 'type == syscall_exit && result < 0'\n"
	"  ringctl trace all --duration 5s --json >trace.json\n"
	"  ringctl trace sched --pin sched; ringctl cat sched; ringctl destroy sched\n"
	"  ringctl record sched -o tape; ringctl trace --from ./tape --since 5s\n";

enum {
	OPT_LIST = 256,
	OPT_PID,
	OPT_COMM,
	OPT_CALL,
	OPT_CHILDREN,
	OPT_SELF,
	OPT_COUNT,
	OPT_DURATION,
	OPT_OUTPUT,
	OPT_JSON,
	OPT_FULL,
	OPT_MERGE_WINDOW,
	OPT_PER_RING,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_SIZE,
	OPT_ONE_RING,
	OPT_CLOCK,
	OPT_NAME,
	OPT_PIN,
	OPT_CONTINUE,
	OPT_MODE,
	OPT_FROM,
	OPT_WHERE,
	OPT_SINCE,
	OPT_UNTIL,
};

static const struct option options[] = {
	{ "list", no_argument, NULL, OPT_LIST },
	{ "pid", required_argument, NULL, OPT_PID },
	{ "comm", required_argument, NULL, OPT_COMM },
	{ "call", required_argument, NULL, OPT_CALL },
	{ "children", no_argument, NULL, OPT_CHILDREN },
	{ "self", no_argument, NULL, OPT_SELF },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "output", required_argument, NULL, OPT_OUTPUT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "full", no_argument, NULL, OPT_FULL },
	{ "merge-window", required_argument, NULL, OPT_MERGE_WINDOW },
	{ "per-ring", no_argument, NULL, OPT_PER_RING },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "one-ring", no_argument, NULL, OPT_ONE_RING },
	{ "clock", required_argument, NULL, OPT_CLOCK },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "pin", required_argument, NULL, OPT_PIN },
	{ "continue", no_argument, NULL, OPT_CONTINUE },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "where", required_argument, NULL, OPT_WHERE },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static uint32_t bit_of(int opt)
{
	return 1u << (opt - OPT_LIST);
}

/* Options of the writer, which --from does not have, and of the reader, which --pin lacks. */
#define WRITER_OPTS                                                                       \
	(bit_of(OPT_PID) | bit_of(OPT_COMM) | bit_of(OPT_CALL) | bit_of(OPT_CHILDREN) |   \
	 bit_of(OPT_SELF) | bit_of(OPT_SIZE) | bit_of(OPT_ONE_RING) | bit_of(OPT_CLOCK) | \
	 bit_of(OPT_NAME) | bit_of(OPT_PIN) | bit_of(OPT_CONTINUE) | bit_of(OPT_MODE))
#define READER_OPTS                                                                               \
	(bit_of(OPT_COUNT) | bit_of(OPT_DURATION) | bit_of(OPT_OUTPUT) | bit_of(OPT_JSON) |       \
	 bit_of(OPT_FULL) | bit_of(OPT_MERGE_WINDOW) | bit_of(OPT_PER_RING) | bit_of(OPT_QUIET) | \
	 bit_of(OPT_WHERE))

static int set_size(struct trace_opts *o, const char *s)
{
	int err = parse_size("trace", "--size", s, &o->data_size);

	if (!err && o->data_size > DATA_SIZE_MAX)
		return fail_usage("trace", "--size %s: too large (at most 256M for a BPF program)",
				  s);
	return err;
}

static int set_duration(struct trace_opts *o, const char *s)
{
	int err = parse_duration("trace", "--duration", s, &o->duration_ns);

	if (!err && !o->duration_ns)
		return fail_usage("trace", "--duration %s: too short (at least 1ns)", s);
	/* The clock does not count further. */
	if (!err && o->duration_ns > INT64_MAX)
		o->duration_ns = INT64_MAX;
	return err;
}

static int set_flag(bool *flag)
{
	*flag = true;
	return 0;
}

static int take_option(struct trace_opts *o, int opt)
{
	switch (opt) {
	case OPT_LIST:
		return set_flag(&o->list);
	case OPT_PID:
		return trace_parse_pids(o, optarg);
	case OPT_COMM:
		return trace_parse_comms(o, optarg);
	case OPT_CALL:
		return trace_parse_calls(o, optarg);
	case OPT_CHILDREN:
		o->config.follow = 1;
		return 0;
	case OPT_SELF:
		return set_flag(&o->self);
	case OPT_COUNT:
		return parse_number("trace", "--count", optarg, 1, UINT64_MAX, &o->count);
	case OPT_DURATION:
		return set_duration(o, optarg);
	case OPT_OUTPUT:
		o->output = optarg;
		return 0;
	case OPT_JSON:
		return set_flag(&o->json);
	case OPT_FULL:
		return set_flag(&o->full);
	case OPT_MERGE_WINDOW:
		return parse_duration("trace", "--merge-window", optarg, &o->merge_window_ns);
	case OPT_PER_RING:
		return set_flag(&o->per_ring);
	case OPT_QUIET:
		return set_flag(&o->quiet);
	case OPT_VERBOSE:
		return set_flag(&o->verbose);
	case OPT_SIZE:
		return set_size(o, optarg);
	case OPT_ONE_RING:
		o->bpf_flags |= RING_BPF_ONE_RING;
		return 0;
	case OPT_CLOCK:
		return parse_clock("trace", "--clock", optarg, &o->clock_id);
	case OPT_PIN:
		o->keep = true;
		/* fallthrough */
	case OPT_NAME:
		o->name = optarg;
		return 0;
	case OPT_CONTINUE:
		o->bpf_flags |= RING_BPF_CONTINUE;
		return 0;
	case OPT_MODE:
		return parse_mode("trace", "--mode", optarg, &o->permissions);
	case OPT_FROM:
		o->from = optarg;
		return 0;
	case OPT_WHERE:
		o->where = optarg;
		return 0;
	case OPT_SINCE:
		return parse_when("trace", "--since", optarg, &o->since);
	case OPT_UNTIL:
		return parse_when("trace", "--until", optarg, &o->until);
	}
	return EXIT_USAGE;
}

/* Name of the first option that is in @given and in @set. */
static const char *first_option(uint32_t given, uint32_t set)
{
	const struct option *o;

	for (o = options; o->name; o++)
		if (o->val >= OPT_LIST && given & set & bit_of(o->val))
			return o->name;
	return NULL;
}

/* Refuses contradictory options. Return: 0, or EXIT_USAGE with the message printed. */
static int check_options(const struct trace_opts *o, uint32_t given)
{
	const uint32_t not_with_command = bit_of(OPT_LIST) | bit_of(OPT_FROM) | bit_of(OPT_PIN) |
					  bit_of(OPT_PID);
	const char *odd = NULL, *with = NULL;

	if (o->list) {
		odd = first_option(given, ~(bit_of(OPT_LIST) | bit_of(OPT_VERBOSE)));
		with = "--list";
	} else if (o->from) {
		odd = first_option(given, WRITER_OPTS);
		with = "--from, which only reads";
	} else if (o->keep) {
		odd = first_option(given, READER_OPTS | bit_of(OPT_NAME));
		with = "--pin, which prints nothing (ringctl trace --from NAME prints)";
	}
	if (odd)
		return fail_usage("trace", "--%s: not possible with %s", odd, with);
	if (o->command && given & not_with_command)
		return fail_usage("trace", "%s: a command is not possible with --%s", o->command[0],
				  first_option(given, not_with_command));
	if (o->config.follow && o->config.pids != TRACE_FILTER_ONLY && !o->command)
		return fail_usage("trace", "--children: needs the parents (use --pid LIST)");
	if (!o->from && given & (bit_of(OPT_SINCE) | bit_of(OPT_UNTIL)))
		return fail_usage("trace", "--%s: needs events that are there (use --from NAME)",
				  first_option(given, bit_of(OPT_SINCE) | bit_of(OPT_UNTIL)));
	if (!o->name && given & (bit_of(OPT_CONTINUE) | bit_of(OPT_MODE)))
		return fail_usage("trace", "--%s: needs a name (use --pin NAME or --name NAME)",
				  first_option(given, bit_of(OPT_CONTINUE) | bit_of(OPT_MODE)));
	if (o->clock_id != SEQRING_CLOCK_MONOTONIC && given & bit_of(OPT_MERGE_WINDOW) &&
	    o->merge_window_ns)
		return fail_usage("trace",
				  "--merge-window: needs --clock monotonic (the present time "
				  "decides how long an event is held back)");
	if (o->json && o->full)
		return fail_usage("trace",
				  "--full: not possible with --json, which is always full");
	if (o->where && o->per_ring)
		return fail_usage("trace", "--per-ring: not possible with --where, which counts "
					   "what it leaves out for all rings together");
	return 0;
}

static int take_events(struct trace_opts *o, int argc, char **argv)
{
	int err = 0;

	if (o->list || o->from) {
		if (optind < argc)
			return fail_usage("trace", "%s: an event is not possible with --%s",
					  argv[optind], o->list ? "list" : "from");
		return 0;
	}
	if (optind == argc)
		return fail_usage("trace",
				  "no event: name events (ringctl trace --list shows them; all "
				  "selects every event)");
	for (; optind < argc && !err; optind++)
		err = trace_add_event(o, argv[optind]);
	if (!err && o->config.calls &&
	    !(o->events & (1u << TRACE_SYSCALL_ENTER | 1u << TRACE_SYSCALL_EXIT)))
		return fail_usage("trace",
				  "--call: selects system calls (use syscalls, syscalls:enter or "
				  "syscalls:exit)");
	return err;
}

int trace_parse(int argc, char **argv, struct trace_opts *o)
{
	uint32_t given = 0;
	int c, err;

	*o = (struct trace_opts) {
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.data_size = DATA_SIZE,
		.merge_window_ns = MERGE_WINDOW_NS,
	};
	/* First, because getopt_long() would move the events next to the command. */
	for (c = 1; c < argc && strcmp(argv[c], "--"); c++)
		;
	if (c < argc) {
		o->command = &argv[c + 1];
		if (c + 1 == argc)
			return fail_usage("trace", "--: no command (give -- COMMAND [ARG]...)");
		argc = c;
	}
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h') {
			o->help = true;
			return 0;
		}
		if (c == '?' || c == ':')
			return fail_option("trace", c, argv, options);
		given |= bit_of(c);
		err = take_option(o, c);
		if (err)
			return err;
	}
	err = check_options(o, given);
	if (o->clock_id != SEQRING_CLOCK_MONOTONIC)
		o->merge_window_ns = 0;
	if (!err && o->command) {
		o->config.pids = TRACE_FILTER_ONLY;
		o->config.follow = 1;
	}
	return err ? err : take_events(o, argc, argv);
}

void trace_print_help(FILE *to)
{
	fputs(help_begin, to);
	trace_print_events(to);
	fputs(help_end, to);
}

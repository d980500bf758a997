// SPDX-License-Identifier: GPL-2.0-only
/* ringctl doctor: says what this machine can do, and what mends the rest. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "../lib/json.h"
#include "../lib/message.h"
#include "command.h"
#include "doctor.h"

static const char help[] =
	"usage: ringctl doctor [PART]... [OPTION]...\n"
	"\n"
	"Says what this user can do on this machine, what is missing, and the command\n"
	"that mends it. Changes nothing.\n"
	"\n"
	"  process  rings that processes write\n"
	"  bpf      rings that BPF programs write, and ringctl trace\n"
	"  module   devices of the kernel module\n"
	"\n"
	"Without a PART: all of them. Each line has a check, its state and a finding:\n"
	"\n"
	"  ok       it works\n"
	"  limited  it works, with the limit that the finding names\n"
	"  missing  it does not work\n"
	"  unknown  this user cannot find out\n"
	"\n"
	"A line with an arrow says what mends it. The commands are for root.\n"
	"\n"
	"  --json   one JSON object\n"
	"  --help   show this help\n"
	"\n"
	"Exit status: 0: nothing is missing, 1: something is missing, 2: wrong usage.\n"
	"\n"
	"Examples:\n"
	"  ringctl doctor\n"
	"  ringctl doctor bpf && ringctl trace process\n"
	"  ringctl doctor --json | jq -r '.checks[].fix | strings'\n";

static const char *const state_names[] = {
	[FINDING_OK] = "ok",
	[FINDING_LIMITED] = "limited",
	[FINDING_MISSING] = "missing",
	[FINDING_UNKNOWN] = "unknown",
};

static const struct {
	const char *name;
	unsigned int part;
} parts[] = {
	{ "general", DOCTOR_GENERAL },
	{ "process", DOCTOR_PROCESS },
	{ "bpf", DOCTOR_BPF },
	{ "module", DOCTOR_MODULE },
};

#define NR_PARTS (sizeof(parts) / sizeof(parts[0]))

struct doctor {
	struct json_object *checks; /* NULL: text */
	unsigned int parts;
	bool any_missing;
	int err;
};

static const char *part_name(unsigned int part)
{
	size_t i;

	for (i = 0; i < NR_PARTS - 1; i++)
		if (parts[i].part == part)
			break;
	return parts[i].name;
}

static int add_check(struct json_object *array, const struct doctor_check *check,
		     const struct finding *f)
{
	struct json_object *obj = json_object_new_object();

	if (!obj || json_add_string(obj, "name", check->name) ||
	    json_add_string(obj, "part", part_name(check->parts)) ||
	    json_add_string(obj, "state", state_names[f->state]) ||
	    json_add_string(obj, "finding", f->text) ||
	    (*f->fix ? json_add_string(obj, "fix", f->fix) :
		       json_object_object_add(obj, "fix", NULL)) ||
	    json_object_array_add(array, obj)) {
		json_object_put(obj);
		return -ENOMEM;
	}
	return 0;
}

static void run_checks(struct doctor *d, const struct doctor_check *check)
{
	for (; check->name && !d->err; check++) {
		struct finding f = { 0 };

		/* The general ones hold for each part. */
		if (!(check->parts & (d->parts | DOCTOR_GENERAL)))
			continue;
		check->ask(&f);
		d->any_missing |= f.state == FINDING_MISSING;
		if (d->checks) {
			d->err = add_check(d->checks, check, &f);
			continue;
		}
		printf("%-13s %-8s %s\n", check->name, state_names[f.state], f.text);
		if (*f.fix)
			printf("%-13s %-8s -> %s\n", "", "", f.fix);
	}
}

/* One object: whether nothing is missing, and the checks. */
static int write_object(struct doctor *d)
{
	struct json_object *obj = json_object_new_object();
	int err = -ENOMEM;

	if (obj && !json_add(obj, "ok", json_object_new_boolean(!d->any_missing)) &&
	    !json_object_object_add(obj, "checks", json_object_get(d->checks)))
		err = json_write(stdout, obj);
	json_object_put(obj);
	return err;
}

static int examine(unsigned int which, bool json)
{
	struct doctor d = { .parts = which };
	int status;

	if (json) {
		d.checks = json_object_new_array();
		if (!d.checks)
			return fail("doctor", "%s", strerror(ENOMEM));
	} else {
		printf("%-13s %-8s %s\n", "CHECK", "STATE", "FINDING");
	}
	run_checks(&d, doctor_general);
	run_checks(&d, doctor_bpf);
	run_checks(&d, doctor_module);
	if (json && !d.err)
		d.err = write_object(&d);
	json_object_put(d.checks);
	if (d.err)
		return fail("doctor", "%s", strerror(-d.err));
	status = finish_stdout("doctor");
	return status ? status : d.any_missing ? EXIT_FAIL : EXIT_OK;
}

/* Takes the parts of the arguments. Return: 0 or EXIT_USAGE. */
static int parse_parts(int argc, char **argv, unsigned int *which)
{
	size_t i;

	for (; optind < argc; optind++) {
		/* The general checks are no choice. */
		for (i = 1; i < NR_PARTS; i++)
			if (!strcmp(argv[optind], parts[i].name))
				break;
		if (i == NR_PARTS)
			return fail_usage("doctor", "%s: no such part (process, bpf or module)",
					  argv[optind]);
		*which |= parts[i].part;
	}
	if (!*which)
		*which = DOCTOR_PROCESS | DOCTOR_BPF | DOCTOR_MODULE;
	return 0;
}

static int discard_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int run(int argc, char **argv)
{
	unsigned int which = 0;
	bool json = false;
	int c, status;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&doctor_command);
		if (c != 'j')
			return fail_option("doctor", c, argv, options);
		json = true;
	}
	status = parse_parts(argc, argv, &which);
	if (status)
		return status;
	libbpf_set_print(discard_message);
	return examine(which, json);
}

const struct command doctor_command = {
	.name = "doctor",
	.run = run,
	.summary = "say what this machine can do, and what is missing",
	.help = help,
};

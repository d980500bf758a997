// SPDX-License-Identifier: GPL-2.0-only
/* ringctl trace: prints events of the kernel, which BPF programs publish to a ring. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <libring/bpf.h>
#include <seqring/abi.h>

#include "../../lib/clock.h"
#include "../../lib/decode.h"
#include "../../lib/message.h"
#include "../../lib/out.h"
#include "../../lib/recording.h"
#include "../../lib/signals.h"
#include "../../lib/wakeup.h"
#include "../../lib/where.h"
#include "../command.h"
#include "account.h"
#include "child.h"
#include "kernel.h"
#include "load.h"
#include "options.h"
#include "print.h"
#include "print_record.h"
#include "targets.h"

#define FLUSH_BYTES    (1u << 16)
#define SIGNAL_RECORDS 64 /* records between two checks for a signal */
#define BATCH_NS       10000000ULL

struct trace {
	const struct trace_opts *opts;
	struct trace_load load;
	struct trace_child child;
	struct trace_targets targets;
	struct ring_reader *ring; /* of the load, or of another writer with --from */
	struct trace_format format;
	struct out out;
	struct trace_account account;
	uint64_t until_ns;
	struct when until; /* of --until */
	int ring_fd;
	int output; /* of --output; -1: none */
	int signal; /* that ended the trace */
	bool output_is_new;
	bool stop;
};

static void update_stop(struct trace *t)
{
	if (t->out.err || t->out.signal)
		t->stop = true;
}

static void check_signal(struct trace *t)
{
	out_check_signal(&t->out);
	update_stop(t);
}

static void flush(struct trace *t)
{
	out_flush(&t->out);
	update_stop(t);
}

/* The descriptor that tells the end of the command, or of a process of --pid; -1: none. */
static int end_fd(const struct trace *t)
{
	if (t->account.ended)
		return -1;
	return t->targets.fd >= 0 ? t->targets.fd : t->child.fd;
}

/* Sleeps until there are records, a signal arrives, or the time or the command ends. */
static void wait_for_input(struct trace *t)
{
	uint64_t now = now_ns(), ns;

	flush(t);
	ns = when_left(t->ring, &t->until, t->account.rings->last, t->opts->merge_window_ns);
	if (!ns)
		t->stop = true;
	if (t->stop || (t->until_ns && now >= t->until_ns))
		return;
	if (t->until_ns && t->until_ns - now < ns)
		ns = t->until_ns - now;
	if (!t->account.ended && trace_targets_timeout(&t->targets) < ns)
		ns = trace_targets_timeout(&t->targets);
	out_wait(&t->out, ns, t->ring_fd, end_fd(t));
	update_stop(t);
}

/* Nobody reads the output, or --count is reached. */
static bool is_enough(const struct trace *t)
{
	return t->out.err || (t->opts->count && t->account.read >= t->opts->count);
}

/* For ring_consume(). */
static int print_record(const struct ring_record *rec, void *arg)
{
	struct trace *t = arg;

	if (when_reached(t->ring, &t->until, rec)) {
		t->stop = true;
		return true;
	}
	trace_account_add(&t->account, rec);
	if (t->opts->json)
		trace_print_json(&t->out, rec, &t->format);
	else
		trace_print_text(&t->out, rec, &t->format);

	if (is_enough(t))
		t->stop = true;
	else if (t->out.len >= FLUSH_BYTES)
		flush(t);
	if (t->account.read % SIGNAL_RECORDS == 0)
		check_signal(t);
	return t->stop;
}

/* Reads until there is a reason to stop. Return: 0; -ENODEV: the writer is gone; -errno. */
static int follow(struct trace *t)
{
	int err;

	while (!t->stop) {
		err = ring_consume(t->ring, print_record, t, 0, NULL);
		if (err == -EAGAIN)
			wait_for_input(t);
		else if (err < 0 && err != -EPIPE)
			return err;
		check_signal(t);
		if ((t->until_ns && now_ns() >= t->until_ns) || trace_child_ended(&t->child) ||
		    trace_targets_ended(&t->targets, &t->load))
			t->stop = true;
	}
	return 0;
}

/*
 * Stops our own writer, then prints the rest of the ring, unless nobody reads the output or
 * --count is reached. A second signal ends that, too. The first one may come only now, if
 * something else ended the trace.
 */
static int stop_writer(struct trace *t)
{
	bool all = !is_enough(t);
	int err;

	t->account.missed = trace_missed(&t->load);
	err = trace_stop(&t->load);
	if (err)
		return err;
	t->account.ended = true;
	t->stop = false;
	t->until_ns = 0;
	t->signal = t->out.signal;
	t->out.signal = 0;
	while (all && !t->stop) {
		err = ring_consume(t->ring, print_record, t, 0, NULL);
		if (err == -ENODEV)
			break;
		if (err == -EAGAIN)
			wait_for_input(t);
		else if (err < 0 && err != -EPIPE)
			return err;
		check_signal(t);
		if (t->out.signal && !t->signal) {
			t->signal = t->out.signal;
			t->out.signal = 0;
			t->stop = is_enough(t);
		}
	}
	return 0;
}

static int finish(struct trace *t, int err)
{
	int status = EXIT_OK;

	if (err == -ENODEV) {
		t->account.ended = true;
		err = 0;
	} else if (!err && !t->opts->from) {
		err = stop_writer(t);
	}
	/* Only root is told of other processes' programs; others print no count. */
	if (t->opts->from && ring_missed(t->ring, &t->account.missed))
		t->account.missed = 0;
	if (err)
		status = fail("trace", "%s", reason_of(err));
	flush(t);
	if (t->out.err == -EINTR)
		status = fail("trace",
			      "standard output: the reader did not take the last %zu bytes",
			      t->out.len);
	else if (t->out.err && t->out.err != -EPIPE)
		status = fail("trace", "standard output: %s", strerror(-t->out.err));
	if (!t->opts->quiet && t->out.err != -EPIPE &&
	    !trace_account_print(&t->account, t->ring, t->opts->per_ring))
		status = EXIT_FAIL;
	if (!t->opts->quiet && t->out.err != -EPIPE)
		recording_print(t->account.name, t->ring);
	return status;
}

/* Goes to where --since says. Return: 0 or -errno. */
static int seek_since(struct trace *t)
{
	struct when since = t->opts->since;
	int err;

	if (!since.given)
		return 0;
	err = when_resolve(t->ring, &since);
	return err ? err : ring_seek(t->ring, since.whence, since.value);
}

/* Opens a ring that another ringctl trace writes, or a recording of it. */
static int open_other(struct trace *t)
{
	struct ring_open_opts open = {
		.size = sizeof(open),
		.whence = RING_OLDEST,
		.merge_window_ns = t->opts->merge_window_ns,
	};
	int err;

	err = ring_open(t->opts->from, &open, &t->ring);
	if (err == -EINVAL && open.merge_window_ns) {
		/* The ring may have no clock. */
		open.merge_window_ns = 0;
		err = ring_open(t->opts->from, &open, &t->ring);
	}
	if (!err)
		err = wakeup_in_batches(t->ring, BATCH_NS);
	if (!err)
		err = seek_since(t);
	if (err)
		return fail_ring("trace", t->opts->from, err);
	t->until = t->opts->until;
	return when_resolve_until("trace", t->opts->from, t->ring, false, &t->until);
}

/*
 * Opens the file of --output, which loses nothing until the trace begins. Signals are not blocked
 * yet: they end a process that waits for the reader of a FIFO.
 */
static int open_output(struct trace *t)
{
	const char *path = t->opts->output;
	const int flags = O_WRONLY | O_CREAT | O_CLOEXEC;

	if (!path || !strcmp(path, "-"))
		return 0;
	t->output = open(path, flags | O_EXCL, 0666);
	t->output_is_new = t->output >= 0;
	if (t->output < 0 && errno == EEXIST)
		t->output = open(path, flags, 0666);
	return t->output < 0 ? fail("trace", "--output %s: %s", path, strerror(errno)) : 0;
}

/* Makes the file of --output, if there is one, the standard output. */
static int begin_output(struct trace *t)
{
	struct stat st;

	if (t->output < 0)
		return 0;
	if (fstat(t->output, &st) || (S_ISREG(st.st_mode) && ftruncate(t->output, 0)) ||
	    dup2(t->output, STDOUT_FILENO) < 0)
		return fail("trace", "--output %s: %s", t->opts->output, strerror(errno));
	t->output_is_new = false;
	return 0;
}

/* A trace that never began leaves no new file. */
static void close_output(struct trace *t)
{
	if (t->output_is_new)
		unlink(t->opts->output);
	if (t->output >= 0)
		close(t->output);
}

/* Sets up decoder, account and output, and starts the command. */
static int prepare(struct trace *t)
{
	struct ring_info info = { .size = sizeof(info) };
	int err;

	err = ring_info(t->ring, &info);
	if (!err)
		err = ring_fd(t->ring, &t->ring_fd);
	if (!err) {
		err = decoder_open(t->ring, &t->format.decoder);
		if (err == -ENOENT || (!err && !trace_knows(decoder_schema(t->format.decoder))))
			return fail("trace",
				    "%s: the records are not those of this ringctl trace "
				    "(ringctl cat prints them)",
				    t->opts->from ? t->opts->from : "ring");
	}
	if (err)
		return fail("trace", "%s", reason_of(err));
	if (where_set("trace", t->ring, t->opts->where))
		return EXIT_FAIL;
	t->account.is_filtered = t->opts->where;
	t->format.full = t->opts->full;
	/* A recording may come from a machine with another number of CPUs. */
	t->format.per_cpu = recording_is(t->ring) ?
				    info.nr_rings > 1 :
				    !(t->opts->bpf_flags & RING_BPF_ONE_RING) &&
					    (int)info.nr_rings == libbpf_num_possible_cpus();
	/* An existing ring may have lost records before our reader came. */
	t->account.from_start = !t->opts->from && !(t->opts->bpf_flags & RING_BPF_CONTINUE);
	t->account.recording = recording_is(t->ring);
	t->account.name = t->opts->from ? t->opts->from : t->opts->name;
	if (!t->account.name)
		t->account.name = "trace";
	err = trace_account_init(&t->account, t->ring, info.nr_rings);
	if (err)
		return fail("trace", "%s", reason_of(err));
	/* The command inherits our standard output. */
	if (t->opts->command && trace_run_child(t->opts->command, &t->load, &t->child))
		return EXIT_FAIL;
	if (begin_output(t))
		return EXIT_FAIL;
	out_init(&t->out);
	if (t->opts->duration_ns)
		t->until_ns = now_ns() + t->opts->duration_ns;
	return 0;
}

static int run_trace(const struct trace_opts *opts)
{
	struct trace t = {
		.opts = opts, .ring_fd = -1, .child.fd = -1, .targets.fd = -1, .output = -1
	};
	int status, command;

	if (open_output(&t))
		return EXIT_FAIL;
	status = trace_targets_open(&t.targets, opts);
	if (!status && signals_init())
		status = fail("trace", "signals: %s", strerror(errno));
	if (!status)
		status = opts->from ? open_other(&t) : trace_start(opts, &t.load);
	if (!opts->from)
		t.ring = t.load.ring;
	if (!status && opts->keep) {
		fprintf(stderr,
			PROGRAM_NAME
			": trace: %s continues (ringctl trace --from %s or ringctl cat "
			"%s reads it, ringctl destroy %s ends it)\n",
			opts->name, opts->name, opts->name, opts->name);
	} else if (!status) {
		status = prepare(&t);
		if (!status)
			status = finish(&t, follow(&t));
	}
	trace_targets_close(&t.targets);
	command = trace_end_child(&t.child, t.signal);
	close_output(&t);
	if (opts->from)
		ring_close(t.ring);
	decoder_close(t.format.decoder);
	trace_free(&t.load);
	out_free(&t.out);
	trace_account_free(&t.account);
	return status ? status : command;
}

/* For libbpf_set_print(): our own messages are enough. */
static int discard_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int run(int argc, char **argv)
{
	static struct trace_opts opts;
	int status;

	status = trace_parse(argc, argv, &opts);
	if (status)
		return status;
	if (opts.help)
		return show_help(&trace_command);
	if (!opts.verbose)
		libbpf_set_print(discard_message);
	if (opts.list)
		return trace_list_events();
	if (!opts.from)
		status = trace_check_events(&opts);
	return status ? status : run_trace(&opts);
}

const struct command trace_command = {
	.name = "trace",
	.run = run,
	.summary = "print events of this kernel",
	.print_help = trace_print_help,
};

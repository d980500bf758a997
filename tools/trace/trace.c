// SPDX-License-Identifier: GPL-2.0-only
/* ringctl trace: events of the kernel, by programs that publish them into a ring. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <libring/bpf.h>
#include <seqring/abi.h>

#include "../decode.h"
#include "trace.h"

#define FLUSH_BYTES    (1u << 16)
#define SIGNAL_RECORDS 64 /* look for a signal so often when busy */
#define BATCH_NS       10000000ULL

/* What of one ring went by. */
struct account {
	uint64_t first;
	uint64_t last;
	uint64_t read;
	uint64_t lost;
};

struct trace {
	const struct trace_opts *opts;
	struct trace_load load;
	struct trace_child child;
	struct ring_reader *ring; /* the load's, or another writer's that was opened by name */
	struct trace_format format;
	struct out out;
	struct account *accounts;
	uint32_t nr_accounts;
	uint64_t read;
	uint64_t until_ns;
	uint64_t missed;
	int ring_fd;
	bool stop;
	bool ended; /* everything there will ever be was there */
};

static void check_signal(struct trace *t)
{
	int sig = signals_take();

	if (sig)
		t->out.signal = sig;
	if (t->out.signal)
		t->stop = true;
}

static void flush(struct trace *t)
{
	if (out_flush(&t->out) || t->out.signal)
		t->stop = true;
}

/* Sleeps until there is something to read, a signal comes, the time or the command ends. */
static void rest(struct trace *t)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd(), .events = POLLIN },
		{ .fd = STDOUT_FILENO }, /* for POLLERR */
		{ .fd = t->ring_fd, .events = POLLIN },
		{ .fd = t->ended ? -1 : t->child.fd, .events = POLLIN },
	};
	uint64_t now = now_ns(), left;
	struct timespec ts;

	flush(t);
	if (t->stop || (t->until_ns && now >= t->until_ns))
		return;
	left = t->until_ns ? t->until_ns - now : 0;
	ts.tv_sec = (time_t)(left / NSEC_PER_SEC);
	ts.tv_nsec = (long)(left % NSEC_PER_SEC);
	if (ppoll(fds, 4, t->until_ns ? &ts : NULL, NULL) < 0)
		return;
	if (fds[0].revents)
		check_signal(t);
	if (fds[1].revents & (POLLERR | POLLHUP)) {
		t->out.err = -EPIPE;
		t->stop = true;
	}
}

/* For ring_consume(). */
static int show(const struct ring_record *rec, void *arg)
{
	struct trace *t = arg;
	struct account *a = rec->ring < t->nr_accounts ? &t->accounts[rec->ring] : NULL;

	if (a && !a->first)
		a->first = rec->seq - rec->lost;
	if (a) {
		a->last = rec->seq;
		a->read++;
		a->lost += rec->lost;
	}
	t->read++;
	if (t->opts->json)
		trace_print_json(&t->out, rec, &t->format);
	else
		trace_print_text(&t->out, rec, &t->format);

	if (t->out.err || (t->opts->count && t->read >= t->opts->count))
		t->stop = true;
	else if (t->out.len >= FLUSH_BYTES)
		flush(t);
	if (t->read % SIGNAL_RECORDS == 0)
		check_signal(t);
	return t->stop;
}

/* Until something says stop. Return: 0, -ENODEV the writer is gone, or an error. */
static int follow(struct trace *t)
{
	int err;

	while (!t->stop) {
		err = ring_consume(t->ring, show, t, 0, NULL);
		if (err == -EAGAIN)
			rest(t);
		else if (err < 0 && err != -EPIPE)
			return err;
		check_signal(t);
		if ((t->until_ns && now_ns() >= t->until_ns) || trace_command_ended(&t->child))
			t->stop = true;
	}
	return 0;
}

/*
 * Ends our own writer; what is in the ring by then still counts, unless there is no
 * one to print it for. A second signal ends also that.
 */
static int wind_up(struct trace *t)
{
	bool all = !t->out.err && !(t->opts->count && t->read >= t->opts->count);
	int err;

	t->missed = trace_missed(&t->load);
	err = trace_stop(&t->load);
	if (err)
		return err;
	t->ended = true;
	t->stop = false;
	t->until_ns = 0;
	t->out.signal = 0;
	while (all && !t->stop) {
		err = ring_consume(t->ring, show, t, 0, NULL);
		if (err == -ENODEV)
			break;
		if (err == -EAGAIN)
			rest(t);
		else if (err < 0 && err != -EPIPE)
			return err;
		check_signal(t);
	}
	return 0;
}

static void say_drops(const uint64_t *dropped)
{
	static const char *const causes[] = {
		[SEQRING_DROP_BUSY] = "busy",
		[SEQRING_DROP_TOO_BIG] = "too big",
		[SEQRING_DROP_DEAD] = "too late",
		[SEQRING_DROP_FAULT] = "unreadable",
	};
	uint64_t sum = 0;
	const char *sep = " (";
	int i;

	for (i = 0; i < SEQRING_DROP_CAUSES; i++)
		sum += dropped[i];
	fprintf(stderr, "; dropped %llu", (unsigned long long)sum);
	for (i = 0; i < SEQRING_DROP_CAUSES; i++) {
		if (!dropped[i])
			continue;
		fprintf(stderr, "%s%s %llu", sep, causes[i], (unsigned long long)dropped[i]);
		sep = ", ";
	}
	if (*sep == ',')
		fputc(')', stderr);
}

/* One line of the account. Return: whether it adds up. */
static bool say(const char *name, uint64_t published, uint64_t read, uint64_t lost, uint64_t unread)
{
	bool right = read + lost + unread == published;

	fprintf(stderr, "ringctl: %s: read %llu + lost %llu", name, (unsigned long long)read,
		(unsigned long long)lost);
	if (unread)
		fprintf(stderr, " + unread %llu", (unsigned long long)unread);
	fprintf(stderr, " %s published %llu", right ? "=" : "!=", (unsigned long long)published);
	return right;
}

/*
 * Records of ring @i that this reader was there for: of a ring that has ended, up to its
 * last one; else up to the last one that was read, by its number.
 */
static uint64_t published_since(const struct trace *t, uint32_t i, uint64_t published)
{
	const struct account *a = &t->accounts[i];

	if (!t->ended)
		return a->first ? a->last - a->first + 1 : 0;
	/* Our own reader was there before the first. */
	return t->opts->from && a->first ? published - a->first + 1 : published;
}

static void say_ring(const char *name, const struct account *a, const struct ring_stats_at *st,
		     uint64_t published)
{
	fprintf(stderr, "ringctl: %s: cpu %u: read %llu, lost %llu, published %llu", name, st->id,
		(unsigned long long)a->read, (unsigned long long)a->lost,
		(unsigned long long)published);
	say_drops(st->dropped);
	fputc('\n', stderr);
}

/* What was read, what was lost, what was published. Return: whether it adds up. */
static bool account(const struct trace *t)
{
	const char *name = t->opts->name ? t->opts->name : "trace";
	struct ring_stats st = { .size = sizeof(st) };
	uint64_t dropped[SEQRING_DROP_CAUSES] = { 0 };
	uint64_t published = 0, told = 0, here, unread;
	bool right;
	uint32_t i;
	int c;

	if (t->opts->from)
		name = t->opts->from;
	if (ring_stats(t->ring, &st))
		return false;
	for (i = 0; i < t->nr_accounts; i++) {
		struct ring_stats_at r = { .size = sizeof(r) };

		if (ring_stats_at(t->ring, i, &r))
			return false;
		here = published_since(t, i, r.published);
		published += here;
		told += t->accounts[i].lost;
		for (c = 0; c < SEQRING_DROP_CAUSES; c++)
			dropped[c] += r.dropped[c];
		if (t->opts->per_ring && r.published)
			say_ring(name, &t->accounts[i], &r, here);
	}
	/* Lost at the end: no record came any more to tell. */
	if (!t->ended)
		published += st.lost - told;
	unread = t->ended ? st.lag_records : 0;
	right = say(name, published, t->read, st.lost, unread);
	say_drops(dropped);
	if (t->missed)
		fprintf(stderr, ", missed %llu", (unsigned long long)t->missed);
	if (st.misordered)
		fprintf(stderr, "; late %llu", (unsigned long long)st.misordered);
	fputc('\n', stderr);
	return right;
}

static int finish(struct trace *t, int err)
{
	int status = EXIT_OK;

	if (err == -ENODEV) {
		t->ended = true;
		err = 0;
	} else if (!err && !t->opts->from) {
		err = wind_up(t);
	}
	if (err)
		status = fail("trace", "%s", *ring_strerror() ? ring_strerror() : strerror(-err));
	flush(t);
	if (t->out.err == -EINTR)
		status = fail("trace", "standard output: nobody took the last %zu bytes",
			      t->out.len);
	else if (t->out.err && t->out.err != -EPIPE)
		status = fail("trace", "standard output: %s", strerror(-t->out.err));
	if (!t->opts->quiet && t->out.err != -EPIPE && !account(t))
		status = EXIT_FAIL;
	return status;
}

/* A ring that another ringctl trace writes. */
static int open_other(struct trace *t)
{
	struct ring_open_opts open = {
		.size = sizeof(open),
		.whence = RING_OLDEST,
		.merge_window_ns = t->opts->merge_window_ns,
	};
	struct ring_info info = { .size = sizeof(info) };
	int err;

	err = ring_open(t->opts->from, &open, &t->ring);
	if (err == -EINVAL && open.merge_window_ns) {
		/* It may have no clock. */
		open.merge_window_ns = 0;
		err = ring_open(t->opts->from, &open, &t->ring);
	}
	if (!err)
		err = ring_info(t->ring, &info);
	if (!err)
		err = ring_set_wakeup(t->ring, 1u << 30, info.data_size / 8, BATCH_NS);
	return err ? fail_ring("trace", t->opts->from, err) : 0;
}

/* Everything between an open ring and the first record. */
static int prepare(struct trace *t, int output)
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
				    "%s: its records are not those of this ringctl trace "
				    "(ringctl cat shows them)",
				    t->opts->from ? t->opts->from : "ring");
	}
	if (err)
		return fail("trace", "%s", *ring_strerror() ? ring_strerror() : strerror(-err));
	t->format.full = t->opts->full;
	t->format.per_cpu = !(t->opts->bpf_flags & RING_BPF_ONE_RING) &&
			    (int)info.nr_rings == libbpf_num_possible_cpus();
	t->nr_accounts = info.nr_rings;
	t->accounts = calloc(info.nr_rings, sizeof(*t->accounts));
	if (!t->accounts)
		return fail("trace", "%s", strerror(ENOMEM));
	/* The command keeps our standard output. */
	if (t->opts->command && trace_run_command(t->opts->command, &t->load, &t->child))
		return EXIT_FAIL;
	if (output >= 0 && dup2(output, STDOUT_FILENO) < 0)
		return fail("trace", "--output: %s", strerror(errno));
	out_init(&t->out);
	if (t->opts->duration_ns)
		t->until_ns = now_ns() + t->opts->duration_ns;
	return 0;
}

static int run_trace(const struct trace_opts *opts)
{
	struct trace t = { .opts = opts, .ring_fd = -1, .child.fd = -1 };
	int status, output = -1;

	if (signals_init())
		return fail("trace", "signals: %s", strerror(errno));
	if (opts->output) {
		output = open(opts->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (output < 0)
			return fail("trace", "--output %s: %s", opts->output, strerror(errno));
	}
	status = opts->from ? open_other(&t) : trace_start(opts, &t.load);
	if (!opts->from)
		t.ring = t.load.ring;
	if (!status && opts->keep) {
		fprintf(stderr,
			"ringctl: trace: %s goes on (ringctl trace --from %s, ringctl cat "
			"%s; ringctl destroy %s ends it)\n",
			opts->name, opts->name, opts->name, opts->name);
	} else if (!status) {
		status = prepare(&t, output);
		if (!status)
			status = finish(&t, follow(&t));
	}
	trace_end_command(&t.child);
	if (output >= 0)
		close(output);
	if (opts->from)
		ring_close(t.ring);
	decoder_close(t.format.decoder);
	trace_free(&t.load);
	out_free(&t.out);
	free(t.accounts);
	return status;
}

/* Our own messages say it. */
static int no_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int run(int argc, char **argv)
{
	static struct trace_opts opts;
	bool done = false;
	int status;

	status = trace_parse(argc, argv, &opts, &done);
	if (status || done)
		return status;
	if (!opts.verbose)
		libbpf_set_print(no_log);
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
	.help = trace_help,
};

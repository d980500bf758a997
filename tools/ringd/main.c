// SPDX-License-Identifier: GPL-2.0-only
/* ringd: sends the records of this machine's rings to others. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libring.h>
#include <systemd/sd-daemon.h>

#include "../lib/clock.h"
#include "../lib/signals.h"
#include "log.h"
#include "metrics.h"
#include "rings.h"
#include "spooler.h"

#define SETS_MAX    64
#define QUEUE_BYTES (8u << 20)
#define EXIT_FAIL   1
#define EXIT_USAGE  2

static const char help[] =
	"usage: ringd [OPTION]...\n"
	"\n"
	"Follows rings, and sends their records to a stream of NATS JetStream, into files,\n"
	"or to standard output. What was read stays in a spool on the disk until it is\n"
	"safe elsewhere. Each record that is not sent is reported as lost, with the cause.\n"
	"\n"
	"  --config FILE        the configuration (default " CONFIG_FILE "; it need not\n"
	"                       exist). ringd.conf(5) has all keys\n"
	"  --set SECTION.KEY=VALUE\n"
	"                       set a key; overrides RINGD_SECTION_KEY in the environment,\n"
	"                       which overrides the file\n"
	"  --check              check the configuration, say what is wrong, and end\n"
	"  --print              the same, and print all values, without passwords\n"
	"  --keys               print all keys, and end\n"
	"  --help               show this help\n"
	"  --version            show the version\n"
	"\n"
	"SIGHUP reads agent.rings again. SIGTERM and SIGINT spool what was read, send what\n"
	"is spooled for up to agent.stop_time, and end.\n"
	"\n"
	"Examples:\n"
	"  ringd --set agent.rings='sched net*' --set nats.servers=nats://far:4222\n"
	"  ringd --set sink.type=stdout --set spool.directory=/tmp/spool | jq .\n"
	"\n"
	"Exit status: 0: success, 1: failure, 2: wrong usage or configuration.\n";

enum {
	OPT_CHECK = 256,
	OPT_KEYS,
	OPT_PRINT,
	OPT_SET,
	OPT_VERSION,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },    { "set", required_argument, NULL, OPT_SET },
	{ "check", no_argument, NULL, OPT_CHECK },     { "print", no_argument, NULL, OPT_PRINT },
	{ "keys", no_argument, NULL, OPT_KEYS },       { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION }, { NULL, 0, NULL, 0 },
};

struct args {
	const char *config;
	char *sets[SETS_MAX];
	unsigned int nr_sets;
	bool check;
	bool print;
};

/* All parts of the agent. */
struct agent {
	const struct args *args;
	struct config *c;
	struct spool *sp;
	struct queue *q;
	struct publisher *p;
	struct spooler *s;
	struct reader *rd;
	struct rings *rings;
	uint64_t watchdog_ns;
	uint64_t rounds;
};

static int fail_usage(const char *what, const char *why)
{
	log_error("%s: %s (see ringd --help)", what, why);
	return EXIT_USAGE;
}

static int take_option(struct args *a, int opt)
{
	switch (opt) {
	case 'c':
		a->config = optarg;
		return -1;
	case OPT_SET:
		if (a->nr_sets == SETS_MAX)
			return fail_usage("--set", "given too often");
		a->sets[a->nr_sets++] = optarg;
		return -1;
	case OPT_PRINT:
		a->print = true;
		return -1;
	case OPT_CHECK:
		a->check = true;
		return -1;
	case OPT_KEYS:
		config_print_keys();
		return EXIT_SUCCESS;
	case OPT_VERSION:
		printf("ringd %d.%d.%d\n", LIBRING_VERSION_MAJOR, LIBRING_VERSION_MINOR,
		       LIBRING_VERSION_PATCH);
		return EXIT_SUCCESS;
	case 'h':
		fputs(help, stdout);
		return EXIT_SUCCESS;
	}
	return EXIT_USAGE;
}

/* Return: -1: go on; else the exit status. */
static int take_options(struct args *a, int argc, char **argv)
{
	int c, status = -1;

	while (status < 0 && (c = getopt_long(argc, argv, ":hc:", options, NULL)) != -1) {
		if (c == '?')
			return fail_usage(argv[optind - 1], "no such option");
		if (c == ':')
			return fail_usage(argv[optind - 1], "it needs a value");
		status = take_option(a, c);
	}
	if (status < 0 && optind < argc)
		return fail_usage(argv[optind], "ringd takes options only");
	return status;
}

/* Starts all parts. Return: 0; -errno, which was logged. */
static int start(struct agent *a)
{
	struct state known = { 0 };
	int err;

	err = spool_open(a->c->spool_directory, a->c->spool_size, &a->sp);
	if (!err)
		err = publisher_start(a->c, a->sp, &a->p);
	if (err)
		return err;
	err = queue_open(QUEUE_BYTES, &a->q);
	if (!err)
		err = spool_state(a->sp, &known);
	if (!err)
		err = spooler_start(a->c, a->q, a->sp, a->p, &a->s);
	if (!err)
		err = reader_start(a->q, &a->rd);
	if (err)
		log_error("cannot start: %s", strerror(-err));
	else
		err = rings_open(a->c, a->q, a->rd, &known, &a->rings);
	if (!err && a->c->metrics_port) {
		err = metrics_serve(a->sp, a->c->agent_name, (unsigned int)a->c->metrics_port);
		if (err)
			log_error("metrics.port = %u: %s", (unsigned int)a->c->metrics_port,
				  strerror(-err));
	}
	return err;
}

/* Ends all parts: first those that make messages. */
static void stop(struct agent *a)
{
	metrics_end();
	if (a->rd)
		reader_stop(a->rd);
	else if (a->q)
		queue_end(a->q);
	spooler_stop(a->s);
	publisher_stop(a->p, now_ns() + a->c->agent_stop_time);
	rings_close(a->rings);
	if (a->sp && a->c->metrics_file)
		metrics_write(a->sp, a->c->agent_name, a->c->metrics_file);
	queue_close(a->q);
	spool_close(a->sp);
}

static void write_metrics(const struct agent *a)
{
	static int said;
	int err;

	if (!a->c->metrics_file)
		return;
	err = metrics_write(a->sp, a->c->agent_name, a->c->metrics_file);
	if (err && err != said)
		log_warning("metrics.file = %s: %s", a->c->metrics_file, strerror(-err));
	said = err;
}

/* Reads agent.rings again. Other values need a new start. */
static void reload(struct agent *a)
{
	struct config *c;

	sd_notify(0, "RELOADING=1");
	if (config_load(a->args->config, a->args->sets, a->args->nr_sets, &c)) {
		log_error("the configuration stays as it was");
	} else {
		if (rings_set_patterns(a->rings, c->agent_rings))
			log_error("no memory for agent.rings: it stays as it was");
		else
			log_info("agent.rings is now %s", c->agent_rings);
		config_free(c);
	}
	sd_notify(0, "READY=1");
}

/* Tells systemd that the reading thread, which never waits for anything else, goes on. */
static void feed_watchdog(struct agent *a)
{
	const uint64_t rounds = get_metric(&metrics.rounds);

	if (rounds != a->rounds)
		sd_notify(0, "WATCHDOG=1");
	a->rounds = rounds;
	sd_notifyf(0, "STATUS=%llu rings, message %llu has arrived",
		   (unsigned long long)get_metric(&metrics.rings),
		   (unsigned long long)get_metric(&metrics.acked));
}

static int run(struct agent *a)
{
	struct pollfd pfd = { .fd = signals_fd(), .events = POLLIN };
	uint64_t scan_at = 0, metrics_at = 0, feed_at = 0, until;
	int sig;

	for (;;) {
		const uint64_t now = now_ns();

		if (now >= scan_at) {
			rings_scan(a->rings);
			if (!scan_at)
				sd_notify(0, "READY=1");
			scan_at = now_ns() + a->c->agent_scan;
		}
		if (now >= metrics_at) {
			write_metrics(a);
			metrics_at = now + a->c->metrics_interval;
		}
		if (now >= feed_at) {
			feed_watchdog(a);
			feed_at = now + a->watchdog_ns;
		}
		if (publisher_failed(a->p))
			return EXIT_FAIL;
		until = scan_at < metrics_at ? scan_at : metrics_at;
		poll_until(&pfd, 1, until < feed_at ? until : feed_at);
		sig = signals_take();
		if (sig == SIGHUP) {
			reload(a);
			scan_at = 1;
		} else if (sig) {
			log_info("stops: what was read is spooled");
			sd_notify(0, "STOPPING=1");
			return EXIT_SUCCESS;
		}
	}
}

static int run_agent(const struct args *args, struct config *c)
{
	struct agent a = { .args = args, .c = c, .watchdog_ns = NSEC_PER_SEC * 2 };
	uint64_t usec;
	int status = EXIT_FAIL, err;

	signal(SIGPIPE, SIG_IGN);
	/* Before the threads, so that they have the signals blocked as well. */
	err = signals_init();
	if (err)
		log_error("signals: %s", strerror(-err));
	if (sd_watchdog_enabled(0, &usec) > 0)
		a.watchdog_ns = usec * 1000 / 3;
	if (!err)
		err = start(&a);
	if (!err)
		status = run(&a);
	stop(&a);
	return status;
}

int main(int argc, char **argv)
{
	struct args args = { 0 };
	struct config *c = NULL;
	int status;

	log_init(getenv("JOURNAL_STREAM"));
	status = take_options(&args, argc, argv);
	if (status >= 0)
		return status;
	if (config_load(args.config, args.sets, args.nr_sets, &c))
		return EXIT_USAGE;
	if (args.print)
		config_print(c);
	if (args.print || args.check)
		status = EXIT_SUCCESS;
	else
		status = run_agent(&args, c);
	config_free(c);
	return status;
}

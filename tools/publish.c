// SPDX-License-Identifier: GPL-2.0-only
/* ringctl publish: make records from lines. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <seqring/abi.h>

#include "ringctl.h"

#define READ_BYTES (1u << 16)
#define FOREVER	   UINT64_MAX
#define BUSY_TRIES 100
#define BUSY_NS	   1000000

enum unit { LINES, NULS, WHOLE };

struct publish_opts {
	const char *name;
	const char *file; /* NULL: standard input */
	const char *schema;
	enum unit unit;
	bool keep_newline;
	bool serve;
	bool serve_only; /* an option that means nothing without --serve */
	uint16_t type;
	uint32_t clock_id;
	uint64_t size;
	uint64_t count;
	uint64_t rate;
	uint64_t linger_ns;
};

/* Bytes from @start to @len are read and not published yet. */
struct input {
	char *buf;
	size_t start;
	size_t scanned; /* no delimiter from @start to there */
	size_t len;
	size_t cap;
	int fd;
	bool eof;
};

struct publish {
	const struct publish_opts *opts;
	struct input in;
	struct ring_writer *writer; /* with --serve */
	int dev_fd;		    /* else the device */
	int listen_fd;
	uint32_t payload_max;
	uint64_t done;
	int signal;
};

/* Sleeps until @fd has input, @deadline or a signal, answering readers meanwhile. */
static void rest(struct publish *p, int fd, uint64_t deadline)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd(), .events = POLLIN },
		{ .fd = p->listen_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	while (!p->signal) {
		struct timespec ts = { 0 };
		uint64_t now = now_ns();

		if (deadline != FOREVER && now < deadline) {
			ts.tv_sec = (time_t)((deadline - now) / NSEC_PER_SEC);
			ts.tv_nsec = (long)((deadline - now) % NSEC_PER_SEC);
		}
		if (ppoll(fds, 3, deadline == FOREVER ? NULL : &ts, NULL) < 0)
			continue;
		if (fds[0].revents)
			p->signal = signals_take();
		if (fds[1].revents)
			ring_writer_serve(p->writer);
		if (fds[2].revents || now >= deadline)
			return;
	}
}

static int too_long(const struct publish *p)
{
	char what[48] = "the input";

	if (p->opts->unit != WHOLE)
		snprintf(what, sizeof(what), "%s %llu", p->opts->unit == LINES ? "line" : "record",
			 (unsigned long long)p->done + 1);
	return fail("publish", "%s: %s is too long (at most %u bytes); published %llu before it",
		    p->opts->name, what, p->payload_max, (unsigned long long)p->done);
}

/*
 * Finds the next record in what was read.
 *
 * Return: 1 at @payload, 0 more input is needed, -EMSGSIZE too long.
 */
static int next_record(struct publish *p, const char **payload, size_t *len)
{
	const struct publish_opts *opts = p->opts;
	struct input *in = &p->in;
	size_t have = in->len - in->start;
	char *end = NULL;
	size_t n = have;

	if (opts->unit != WHOLE && in->scanned < in->len)
		end = memchr(in->buf + in->scanned, opts->unit == NULS ? '\0' : '\n',
			     in->len - in->scanned);
	in->scanned = in->len;
	if (end)
		n = (size_t)(end - in->buf) - in->start + opts->keep_newline;
	if (n > p->payload_max)
		return -EMSGSIZE;
	/* The last line may come without its newline; nothing after one is no line. */
	if (!end && (!in->eof || (!have && opts->unit != WHOLE)))
		return 0;
	*payload = in->buf + in->start;
	*len = n;
	in->start = end ? (size_t)(end - in->buf) + 1 : in->len;
	in->scanned = in->start;
	return 1;
}

/* Return: 0 or EXIT_FAIL. */
static int read_more(struct publish *p)
{
	const char *file = p->opts->file ? p->opts->file : "standard input";
	struct input *in = &p->in;
	ssize_t n;

	if (in->start) {
		memmove(in->buf, in->buf + in->start, in->len - in->start);
		in->len -= in->start;
		in->scanned -= in->start;
		in->start = 0;
	}
	if (in->cap - in->len < READ_BYTES) {
		/* Ends: next_record() says -EMSGSIZE above payload_max. */
		size_t cap = in->cap ? 2 * in->cap : (size_t)2 * READ_BYTES;
		char *buf = realloc(in->buf, cap);

		if (!buf)
			return fail("publish", "%s: %s", file, strerror(ENOMEM));
		in->buf = buf;
		in->cap = cap;
	}
	n = read(in->fd, in->buf + in->len, in->cap - in->len);
	if (n > 0)
		in->len += (size_t)n;
	else if (!n)
		in->eof = true;
	else if (errno != EINTR && errno != EAGAIN)
		return fail("publish", "%s: %s", file, strerror(errno));
	return 0;
}

static int put_device(struct publish *p, const char *payload, size_t len)
{
	ssize_t n;

	/* Not writev(): that one returns early when there are no bytes. */
	do {
		n = write(p->dev_fd, payload, len);
	} while (n < 0 && errno == EINTR && !(p->signal = signals_take()));
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

static int put(struct publish *p, const char *payload, size_t len)
{
	const char *why;
	int err, tries;

	/* EBUSY: kernel code that writes the device, too, was just at it. */
	for (tries = 0; tries < BUSY_TRIES; tries++) {
		if (p->writer)
			err = ring_writer_publish(p->writer, 0, p->opts->type, payload, len);
		else
			err = put_device(p, payload, len);
		if (err != -EBUSY || p->signal)
			break;
		rest(p, -1, now_ns() + BUSY_NS);
	}
	if (!err) {
		p->done++;
		return 0;
	}
	why = p->writer && *ring_strerror() ? ring_strerror() : strerror(-err);
	return fail("publish", "%s: %s; published %llu before that", p->opts->name, why,
		    (unsigned long long)p->done);
}

static uint64_t rate_deadline(uint64_t start, uint64_t rate, uint64_t n)
{
	return start + n / rate * NSEC_PER_SEC + n % rate * NSEC_PER_SEC / rate;
}

static int publish_all(struct publish *p)
{
	const struct publish_opts *opts = p->opts;
	uint64_t start = now_ns();
	const char *payload;
	size_t len;
	int r;

	while (!opts->count || p->done < opts->count) {
		r = next_record(p, &payload, &len);
		if (r < 0)
			return too_long(p);
		if (!r && p->in.eof)
			return 0;
		if (!r)
			rest(p, p->in.fd, FOREVER);
		else if (opts->rate)
			rest(p, -1, rate_deadline(start, opts->rate, p->done));
		if (p->signal)
			return fail("publish", "%s: interrupted; published %llu", opts->name,
				    (unsigned long long)p->done);
		r = r ? put(p, payload, len) : read_more(p);
		if (r)
			return r;
		if (opts->unit == WHOLE && p->done)
			return 0;
	}
	return 0;
}

/* Why the device would not open. A ring that nobody may write says EACCES, too. */
static int no_device(const char *name, const char *path, int err)
{
	struct seqring_geometry geo = { .size = sizeof(geo) };
	bool asked = false;
	int fd;

	if (err == ENOENT || err == ENOTDIR)
		return fail("publish",
			    "%s: no such device (ringctl create makes one, "
			    "--serve a ring of this process)",
			    name);
	if (err != EACCES)
		return fail("publish", "%s: %s", name, strerror(err));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0) {
		asked = !ioctl(fd, SEQRING_IOC_GEOMETRY, &geo);
		close(fd);
	}
	if (asked && !(geo.features & SEQRING_FEAT_WRITE))
		return fail("publish",
			    "%s: its kernel module alone writes it "
			    "(ringctl create makes one to publish to)",
			    name);
	return fail("publish", "%s: %s (the mode of the device decides)", name, strerror(err));
}

static int open_device(struct publish *p)
{
	struct seqring_write_type type = { .size = sizeof(type), .type = p->opts->type };
	struct seqring_geometry geo = { .size = sizeof(geo) };
	const char *name = p->opts->name;
	char path[PATH_MAX];

	device_path(name, path, sizeof(path));
	p->dev_fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (p->dev_fd < 0)
		return no_device(name, path, errno);
	if (ioctl(p->dev_fd, SEQRING_IOC_GEOMETRY, &geo))
		return fail("publish", "%s: %s", name,
			    errno == ENOTTY ? "not a device of seqring" : strerror(errno));
	if (p->opts->type && ioctl(p->dev_fd, SEQRING_IOC_WRITE_TYPE, &type))
		return fail("publish", "%s: type %u: %s", name, p->opts->type, strerror(errno));
	p->payload_max = geo.payload_max;
	return 0;
}

static int open_writer(struct publish *p)
{
	const char *name = p->opts->name;
	const char *base = strrchr(name, '/');
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.clock_id = p->opts->clock_id,
		.data_size = p->opts->size,
	};
	void *schema = NULL;
	char short_name[SEQRING_NAME_SIZE];
	int err;

	/* A path may be longer than the ring's name. */
	snprintf(short_name, sizeof(short_name), "%s", base ? base + 1 : name);
	opts.name = short_name;
	if (p->opts->schema) {
		err = load_schema("publish", p->opts->schema, &schema, &opts.schema_size);
		if (err)
			return err;
		opts.schema = schema;
	}
	err = ring_writer_create(&opts, &p->writer);
	free(schema);
	if (!err)
		err = ring_writer_listen(p->writer, name, &p->listen_fd);
	if (err)
		return fail_ring("publish", name, err);
	p->payload_max = SEQRING_PAYLOAD_MAX(p->opts->size);
	return 0;
}

static int publish(const struct publish_opts *opts)
{
	struct publish p = { .opts = opts, .dev_fd = -1, .listen_fd = -1 };
	int status;

	status = signals_init();
	if (status)
		return fail("publish", "signals: %s", strerror(-status));
	if (opts->file) {
		p.in.fd = open(opts->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (p.in.fd < 0)
			return fail("publish", "%s: %s", opts->file, strerror(errno));
	}
	status = opts->serve ? open_writer(&p) : open_device(&p);
	if (!status)
		status = publish_all(&p);
	if (!status && opts->serve && opts->linger_ns)
		rest(&p, -1, opts->linger_ns == FOREVER ? FOREVER : now_ns() + opts->linger_ns);

	ring_writer_close(p.writer);
	if (p.dev_fd >= 0)
		close(p.dev_fd);
	if (p.in.fd > 0)
		close(p.in.fd);
	free(p.in.buf);
	return status;
}

static const char help[] =
	"usage: ringctl publish NAME [FILE] [OPTION]...\n"
	"\n"
	"Publishes a record for each line of FILE or of standard input, without its\n"
	"newline. NAME is a device that ringctl create made. With --serve it is a new\n"
	"ring of this process, which others read by that name until the input ends.\n"
	"\n"
	"  --type N             type of the records, 0 (the default) to 65535\n"
	"  --keep-newline       leave the newline in the record\n"
	"  --null               records end with a zero byte instead of a newline\n"
	"  --whole              the whole input is one record\n"
	"  --count N            end after N records\n"
	"  --rate N             at most N records a second\n"
	"  --help               show this\n"
	"\n"
	"A ring of this process:\n"
	"  --serve              make one and serve it\n"
	"  --size SIZE          its size: a power of two from 64K to 1G (default 1M)\n"
	"  --memfd SIZE         the same as --serve --size SIZE\n"
	"  --clock CLOCK        " CLOCK_NAMES_HELP "\n"
	"  --schema FILE        description of the records, at most 1 MiB\n"
	"  --linger TIME        stay for TIME (10s, 5m or forever) after the input's end,\n"
	"                       so that readers can still come\n"
	"\n"
	"A line longer than the ring's largest payload (a quarter of its size, less 24\n"
	"bytes) ends it with an error that names the line. Interrupted before the input's\n"
	"end, it says how many records it published and fails.\n"
	"\n"
	"Examples:\n"
	"  echo hello | ringctl publish log\n"
	"  ringctl publish log /var/log/syslog --type 7\n"
	"  vmstat 1 | ringctl publish vm --serve &\n"
	"  ringctl cat vm\n";

enum {
	OPT_TYPE = 256,
	OPT_KEEP_NEWLINE,
	OPT_NULL,
	OPT_WHOLE,
	OPT_COUNT,
	OPT_RATE,
	OPT_SERVE,
	OPT_SIZE,
	OPT_MEMFD,
	OPT_CLOCK,
	OPT_SCHEMA,
	OPT_LINGER,
};

static const struct option options[] = {
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "keep-newline", no_argument, NULL, OPT_KEEP_NEWLINE },
	{ "null", no_argument, NULL, OPT_NULL },
	{ "whole", no_argument, NULL, OPT_WHOLE },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "serve", no_argument, NULL, OPT_SERVE },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "memfd", required_argument, NULL, OPT_MEMFD },
	{ "clock", required_argument, NULL, OPT_CLOCK },
	{ "schema", required_argument, NULL, OPT_SCHEMA },
	{ "linger", required_argument, NULL, OPT_LINGER },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int take_option(struct publish_opts *o, int opt)
{
	uint64_t v = 0;
	int err = 0;

	switch (opt) {
	case OPT_TYPE:
		err = parse_number("publish", "--type", optarg, 0, UINT16_MAX, &v);
		o->type = (uint16_t)v;
		return err;
	case OPT_KEEP_NEWLINE:
		o->keep_newline = true;
		return 0;
	case OPT_NULL:
		o->unit = NULS;
		return 0;
	case OPT_WHOLE:
		o->unit = WHOLE;
		return 0;
	case OPT_COUNT:
		return parse_number("publish", "--count", optarg, 1, UINT64_MAX, &o->count);
	case OPT_RATE:
		return parse_number("publish", "--rate", optarg, 1, NSEC_PER_SEC, &o->rate);
	case OPT_SERVE:
		o->serve = true;
		return 0;
	case OPT_SIZE:
		o->serve_only = true;
		return parse_size("publish", "--size", optarg, &o->size);
	case OPT_MEMFD:
		o->serve = true;
		return parse_size("publish", "--memfd", optarg, &o->size);
	case OPT_CLOCK:
		o->serve_only = true;
		return parse_clock("publish", "--clock", optarg, &o->clock_id);
	case OPT_SCHEMA:
		o->serve_only = true;
		o->schema = optarg;
		return 0;
	case OPT_LINGER:
		o->serve_only = true;
		if (!strcmp(optarg, "forever"))
			o->linger_ns = FOREVER;
		else
			err = parse_duration("publish", "--linger", optarg, &o->linger_ns);
		return err;
	}
	return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	struct publish_opts o = { .size = 1 << 20, .clock_id = SEQRING_CLOCK_MONOTONIC };
	int c, err;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return show_help(&publish_command);
		if (c == '?' || c == ':')
			return bad_option("publish", c, argv, options);
		err = take_option(&o, c);
		if (err)
			return err;
	}
	if (optind >= argc || argc - optind > 2)
		return usage("publish",
			     "%s: one ring and at most one file are to be named "
			     "(ringctl publish NAME [FILE])",
			     optind < argc ? argv[optind + 2] : "no name");
	if (o.serve_only && !o.serve)
		return usage("publish", "--size, --clock, --schema, --linger: only for a ring "
					"of this process (with --serve)");
	if (o.keep_newline && o.unit != LINES)
		return usage("publish", "--keep-newline: only for lines "
					"(not with --null, --whole)");
	o.name = argv[optind];
	if (optind + 1 < argc && strcmp(argv[optind + 1], "-"))
		o.file = argv[optind + 1];
	return publish(&o);
}

const struct command publish_command = {
	.name = "publish",
	.run = run,
	.summary = "make records from lines",
	.help = help,
};

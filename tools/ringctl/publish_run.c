// SPDX-License-Identifier: GPL-2.0-only
/* Publishes the records of the input to a device, or to a ring of this process. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libring.h>
#include <seqring/abi.h>

#include "../lib/clock.h"
#include "../lib/device.h"
#include "../lib/message.h"
#include "../lib/schema_file.h"
#include "../lib/signals.h"
#include "publish.h"

#define BUSY_TRIES 100
#define BUSY_NS	   1000000

struct publish {
	const struct publish_opts *opts;
	struct publish_input in;
	struct ring_writer *writer; /* NULL: the destination is a device */
	int dev_fd;
	int listen_fd;
	uint32_t payload_max;
	uint64_t published;
	int signal;
};

/* Serves readers until @fd has input, the deadline passes or a signal arrives. */
static void wait_for_input(struct publish *p, int fd, uint64_t deadline)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd(), .events = POLLIN },
		{ .fd = p->listen_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	while (!p->signal) {
		uint64_t now = now_ns();

		if (poll_until(fds, 3, deadline) < 0)
			continue;
		if (fds[0].revents)
			p->signal = signals_take();
		if (fds[1].revents)
			ring_writer_serve(p->writer);
		if (fds[2].revents || now >= deadline)
			return;
	}
}

static int fail_too_long(const struct publish *p)
{
	char what[48] = "the input";

	if (p->opts->unit != PUBLISH_WHOLE)
		snprintf(what, sizeof(what), "%s %llu",
			 p->opts->unit == PUBLISH_LINES ? "line" : "record",
			 (unsigned long long)p->published + 1);
	return fail("publish", "%s: %s is too long (at most %u bytes); published %llu before it",
		    p->opts->name, what, p->payload_max, (unsigned long long)p->published);
}

static int write_device(struct publish *p, const char *payload, size_t len)
{
	ssize_t n;

	do {
		/* write(2) of 0 bytes publishes a record only on a module without the ioctl. */
		n = len ? -1 : ioctl(p->dev_fd, SEQRING_IOC_WRITE_EMPTY, 0);
		if (len || (n < 0 && errno == ENOTTY))
			n = write(p->dev_fd, payload, len);
	} while (n < 0 && errno == EINTR && !(p->signal = signals_take()));
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

static int publish_record(struct publish *p, const char *payload, size_t len)
{
	const char *why;
	int err, tries;

	/* EBUSY: kernel code was writing to the same device. */
	for (tries = 0; tries < BUSY_TRIES; tries++) {
		if (p->writer)
			err = ring_writer_publish(p->writer, 0, p->opts->type, payload, len);
		else
			err = write_device(p, payload, len);
		if (err != -EBUSY || p->signal)
			break;
		wait_for_input(p, -1, now_ns() + BUSY_NS);
	}
	if (!err) {
		p->published++;
		return 0;
	}
	why = p->writer ? reason_of(err) : strerror(-err);
	return fail("publish", "%s: %s; published %llu before that", p->opts->name, why,
		    (unsigned long long)p->published);
}

static uint64_t rate_deadline(uint64_t start, uint64_t rate, uint64_t n)
{
	return start + n / rate * NSEC_PER_SEC + n % rate * NSEC_PER_SEC / rate;
}

static int publish_input(struct publish *p)
{
	const struct publish_opts *opts = p->opts;
	uint64_t start = now_ns();
	const char *payload;
	size_t len;
	int r;

	while (!opts->count || p->published < opts->count) {
		r = publish_next_record(&p->in, opts, p->payload_max, &payload, &len);
		if (r < 0)
			return fail_too_long(p);
		if (!r && p->in.eof)
			return 0;
		if (!r)
			wait_for_input(p, p->in.fd, PUBLISH_FOREVER);
		else if (opts->rate)
			wait_for_input(p, -1, rate_deadline(start, opts->rate, p->published));
		if (p->signal)
			return fail("publish", "%s: interrupted; published %llu", opts->name,
				    (unsigned long long)p->published);
		r = r ? publish_record(p, payload, len) : publish_read_more(&p->in, opts);
		if (r)
			return r;
		if (opts->unit == PUBLISH_WHOLE && p->published)
			return 0;
	}
	return 0;
}

/* Explains why the device cannot be opened. EACCES can also mean that only the kernel writes. */
static int fail_device(const char *name, const char *path, int err)
{
	struct seqring_geometry geo = { .size = sizeof(geo) };
	bool known = false;
	int fd;

	if (err == ENOENT || err == ENOTDIR)
		return fail("publish",
			    "%s: no such device (ringctl create makes one, "
			    "--serve makes a ring of this process)",
			    name);
	if (err != EACCES)
		return fail("publish", "%s: %s", name, strerror(err));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0) {
		known = !ioctl(fd, SEQRING_IOC_GEOMETRY, &geo);
		close(fd);
	}
	if (known && !(geo.features & SEQRING_FEAT_WRITE))
		return fail("publish",
			    "%s: only its kernel module writes it "
			    "(ringctl create makes a device to publish to)",
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
		return fail_device(name, path, errno);
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
		err = load_schema_file("publish", p->opts->schema, &schema, &opts.schema_size);
		if (err)
			return err;
		opts.schema = schema;
	}
	err = ring_writer_create(&opts, &p->writer);
	free(schema);
	if (!err)
		err = ring_writer_listen_opts(p->writer, name, &p->opts->listen, &p->listen_fd);
	if (err)
		return fail_ring("publish", name, err);
	p->payload_max = SEQRING_PAYLOAD_MAX(p->opts->size);
	return 0;
}

int publish(const struct publish_opts *opts)
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
		status = publish_input(&p);
	if (!status && opts->serve && opts->linger_ns)
		wait_for_input(&p, -1,
			       opts->linger_ns == PUBLISH_FOREVER ? PUBLISH_FOREVER :
								    now_ns() + opts->linger_ns);

	ring_writer_close(p.writer);
	if (p.dev_fd >= 0)
		close(p.dev_fd);
	if (p.in.fd > 0)
		close(p.in.fd);
	free(p.in.buf);
	return status;
}

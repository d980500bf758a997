// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Waits for a ring beside other descriptors, and counts records. */
#include <errno.h>
#include <libring.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int count(const struct ring_record *rec, void *arg)
{
	unsigned long long *records = arg;

	*records += 1 + rec->lost;
	return 0;
}

int main(int argc, char **argv)
{
	/* Not one wake-up for each record: when 1000 are unread, or 0.1 s after the first. */
	const struct ring_open_opts opts = { .size = sizeof(opts),
					     .wake_records = 1000,
					     .wake_timeout_ns = 100000000 };
	unsigned long long records = 0;
	struct ring_reader *r;
	struct pollfd fds[2];
	int err, fd;

	err = ring_open(argc > 1 ? argv[1] : "sched", &opts, &r);
	if (!err)
		err = ring_fd(r, &fd);
	while (!err) {
		fds[0] = (struct pollfd) { .fd = fd, .events = POLLIN };
		fds[1] = (struct pollfd) { .fd = STDIN_FILENO, .events = POLLIN };
		if (poll(fds, 2, -1) < 0 || fds[1].revents)
			break;
		err = ring_consume(r, count, &records, 0, NULL);
		/* Nothing yet, or overrun while reading: the next call knows what was lost. */
		if (err == -EAGAIN || err == -EPIPE)
			err = 0;
	}
	if (err && err != -ENODEV) {
		fprintf(stderr, "%s\n", ring_strerror());
		return 1;
	}
	printf("%llu records\n", records);
	ring_close(r);
	return 0;
}

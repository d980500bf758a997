// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Prints the number, type and length of each record, until the writer is gone. */
#include <errno.h>
#include <inttypes.h>
#include <libring.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct ring_reader *r;
	struct ring_record rec;
	unsigned char buf[4096];
	int err;

	err = ring_open(argc > 1 ? argv[1] : "sched", NULL, &r);
	if (err) {
		fprintf(stderr, "%s\n", ring_strerror());
		return 1;
	}
	for (;;) {
		err = ring_read(r, &rec, buf, sizeof(buf));
		if (err == -EAGAIN)
			err = ring_wait(r, -1);
		else if (!err)
			printf("%" PRIu64 ": type %u, %u bytes, %" PRIu64 " lost before\n", rec.seq,
			       rec.type, rec.len, rec.lost);
		if (err && err != -EPIPE && err != -EINTR)
			break;
	}
	if (err != -ENODEV)
		fprintf(stderr, "%s\n", ring_strerror());
	ring_close(r);
	return err != -ENODEV;
}

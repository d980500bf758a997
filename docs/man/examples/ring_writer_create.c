// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Publishes ten records to everybody who opens the ring "ticks". */
#include <libring.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>

int main(void)
{
	const struct ring_writer_opts opts = { .size = sizeof(opts), .data_size = 1 << 16 };
	struct pollfd visitors = { .events = POLLIN };
	struct ring_writer *w = NULL;
	uint32_t i;
	int err;

	err = ring_writer_create(&opts, &w);
	if (!err)
		err = ring_writer_listen(w, "ticks", &visitors.fd);
	for (i = 0; !err && i < 10; i++) {
		err = ring_writer_publish(w, 0, 1, &i, sizeof(i));
		/* Gives the ring to processes that ask, and is idle for 0.1 s before the next. */
		while (!err && poll(&visitors, 1, 100) > 0)
			err = ring_writer_serve(w);
	}
	if (err)
		fprintf(stderr, "%s\n", ring_strerror());
	ring_writer_close(w);
	return err != 0;
}

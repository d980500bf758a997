// SPDX-License-Identifier: GPL-2.0-only
/* ring NAME: reads the state until it is killed; ring set VALUE: changes it. */
#include <libring.h>

#include "demo.h"

/* The driver changes its state, as asked, and publishes it. */
static int set(const char *value)
{
	__u64 setpoint = strtoull(value, NULL, 0);
	int fd = open(LOCKS_PATH, O_WRONLY);

	if (fd < 0 || write(fd, &setpoint, sizeof(setpoint)) != sizeof(setpoint))
		demo_die(LOCKS_PATH);
	close(fd);
	return 0;
}

/* As ring_newest(), with a place to stop at: in the middle of the copy. */
static int newest(struct ring_reader *r, struct locks_state *copy)
{
	struct ring_record rec;
	int err;

	do {
		err = ring_seek(r, RING_NEWEST, 0);
		if (!err)
			err = ring_peek(r, &rec);
		if (err)
			return err;
		memcpy(copy, rec.payload, DEMO_LEN / 2);
		demo_stop_here();
		memcpy((char *)copy + DEMO_LEN / 2, (const char *)rec.payload + DEMO_LEN / 2,
		       DEMO_LEN / 2);
		err = ring_recheck(r);
	} while (err == -ESTALE);
	return err;
}

int main(int argc, char **argv)
{
	struct locks_state copy;
	struct ring_record rec;
	struct ring_reader *r;
	int err;

	if (argc < 2)
		return 2;
	if (argc == 3)
		return set(argv[2]);
	signal(SIGUSR1, demo_on_signal);
	err = ring_open(LOCKS_STATE_RING, NULL, &r);
	while (!err) {
		if (demo_stop_wanted)
			err = newest(r, &copy);
		else
			err = ring_newest(r, 0, &rec, &copy, DEMO_LEN);
		if (!err)
			demo_count(argv[1], &copy);
	}
	fprintf(stderr, "%s\n", ring_strerror());
	return 1;
}

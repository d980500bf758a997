// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands on a device that guest.sh cannot give with echo:
 *
 *   control create NAME SIZE
 *   control destroy NAME
 *   control publish NAME COUNT MAX   self-proving records, by write(2)
 *   control dropped NAME             the drops of all rings, by cause
 *   control readers NAME             open files of it, without this one
 *   control head NAME                head of its first ring
 *   control lap NAME                 returns when that head is a lap further, or at the end
 */
#include "dev.h"

static int publish(const char *name, uint64_t count, uint32_t max)
{
	static unsigned char buf[65536];
	int fd = dev_open_fd(name, O_RDWR);
	uint64_t n;

	if (fd < 0 || max > sizeof(buf))
		return -1;
	for (n = 0; n < count; n++) {
		uint32_t len = test_payload_len(n, max);

		test_payload_fill(buf, n, len);
		/* EBUSY: the kernel's own writer was first; the ring counts the drop. */
		if (write(fd, buf, len) != (ssize_t)len && errno != EBUSY)
			return -1;
	}
	return close(fd);
}

static int dropped(const char *name)
{
	int fd = dev_open_fd(name, O_RDONLY);
	uint64_t sum[SEQRING_DROP_CAUSES] = { 0 };
	struct seqring_stats st;
	unsigned int i, cause;

	if (fd < 0)
		return -1;
	for (i = 0; i < dev_geometry(fd).nr_rings; i++) {
		st = dev_stats(fd, i);
		for (cause = 0; cause < SEQRING_DROP_CAUSES; cause++)
			sum[cause] += st.dropped[cause];
	}
	printf("busy=%llu too_big=%llu dead=%llu fault=%llu\n",
	       (unsigned long long)sum[SEQRING_DROP_BUSY],
	       (unsigned long long)sum[SEQRING_DROP_TOO_BIG],
	       (unsigned long long)sum[SEQRING_DROP_DEAD],
	       (unsigned long long)sum[SEQRING_DROP_FAULT]);
	return close(fd);
}

static int head(const char *name)
{
	int fd = dev_open_fd(name, O_RDONLY);

	if (fd < 0)
		return -1;
	printf("%llu\n", (unsigned long long)dev_stats(fd, 0).head);
	return close(fd);
}

static int lap(const char *name)
{
	int fd = dev_open_fd(name, O_RDONLY);
	uint64_t data_size, begin;
	struct seqring_stats st;

	if (fd < 0)
		return -1;
	data_size = dev_geometry(fd).data_size;
	st = dev_stats(fd, 0);
	for (begin = st.head; st.head - begin < data_size; st = dev_stats(fd, 0)) {
		if (st.state & SEQRING_STATE_DEAD)
			break;
		sleep_us(50000);
	}
	return close(fd);
}

static int readers(const char *name)
{
	int fd = dev_open_fd(name, O_RDONLY);

	if (fd < 0)
		return -1;
	printf("%u\n", dev_stats(fd, 0).readers - 1);
	return close(fd);
}

int main(int argc, char **argv)
{
	int ret = -1;

	errno = EINVAL;
	if (argc == 4 && !strcmp(argv[1], "create"))
		ret = dev_create(argv[2], strtoull(argv[3], NULL, 0));
	else if (argc == 3 && !strcmp(argv[1], "destroy"))
		ret = dev_destroy(argv[2]);
	else if (argc == 5 && !strcmp(argv[1], "publish"))
		ret = publish(argv[2], strtoull(argv[3], NULL, 0), atoi(argv[4]));
	else if (argc == 3 && !strcmp(argv[1], "dropped"))
		ret = dropped(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "readers"))
		ret = readers(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "head"))
		ret = head(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "lap"))
		ret = lap(argv[2]);
	if (ret)
		perror("control");
	return !!ret;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that create, destroy, open, map, write, poll and close the same few
 * devices at once, as fast as they can. Calls may fail only as the interface
 * documents, and all memory must be back afterwards.
 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "dev.h"

#define WORKERS 4
#define NAMES	3
#define LIMIT	"/sys/module/seqring/parameters/max_total_mib"

enum op { CREATE, DESTROY, READ, WRITE, MAP, POLL, NR_OPS };

/* Successes by operation, shared by all workers. */
static unsigned int *done;

/* Divides the work on a kernel that checks every access. */
static int slow = 1;

static long meminfo(const char *field)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			kib = atol(line + strlen(field) + 1);
	if (f)
		fclose(f);
	return kib;
}

/* Areas of ring pages that the kernel has mapped. */
static int kernel_areas(void)
{
	FILE *f = fopen("/proc/vmallocinfo", "r");
	char line[512];
	int n = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, "seqring_area_alloc");
	fclose(f);
	return n;
}

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (write(fd, "3", 1) != 1)
		T_DIE("race.setup", "drop_caches: %s", strerror(errno));
	close(fd);
	sleep_us(300000);
}

static void write_limit(const char *mib)
{
	int fd = open(LIMIT, O_WRONLY);

	if (write(fd, mib, strlen(mib)) < 0)
		T_DIE("race.setup", "%s: %s", LIMIT, strerror(errno));
	close(fd);
}

static void use(const char *name, enum op op, uint64_t *rnd)
{
	int fd = dev_open_fd(name, O_RDWR | O_NONBLOCK);
	struct seqring_geometry g = { .size = sizeof(g) };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	static unsigned char buf[1 << 16];
	struct seqring_reader_page *page;
	const struct seqring_header *map;
	int reader, i;

	if (fd < 0) {
		/* The node appears a moment before the device, and stays a moment longer. */
		if (errno != ENOENT && errno != ENODEV && errno != ENXIO)
			T_DIE("race.open", "%s", strerror(errno));
		return;
	}
	if (ioctl(fd, SEQRING_IOC_GEOMETRY, &g))
		T_DIE("race.geometry", "%s", strerror(errno));
	if (op == WRITE) {
		for (i = 0; i < 50; i++) {
			ssize_t n = write(fd, buf, next_random(rnd) % g.payload_max);

			if (n < 0 && errno != ENODEV)
				T_DIE("race.write", "%s", strerror(errno));
		}
	} else if (op == READ) {
		for (i = 0; i < 50; i++)
			if (read(fd, buf, sizeof(buf)) < 0 && errno != EPIPE && errno != EAGAIN)
				T_DIE("race.read", "%s", strerror(errno));
	} else if (op == MAP) {
		map = mmap(NULL, g.total_size, PROT_READ, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			T_DIE("race.mmap", "%s", strerror(errno));
		if (next_random(rnd) % 2) {
			close(fd);
			fd = -1;
		}
		sleep_us(next_random(rnd) % 500);
		if (map->magic != SEQRING_MAGIC || strcmp(map->name, name))
			T_DIE("race.map", "of %s, with magic %llx, on opening %s", map->name,
			      (unsigned long long)map->magic, name);
		munmap((void *)(uintptr_t)map, g.total_size);
	} else {
		reader = ioctl(fd, SEQRING_IOC_READER_FD, 0);
		page = mmap(NULL, g.reader_size, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0);
		if (reader < 0 || page == MAP_FAILED)
			T_DIE("race.reader", "%s", strerror(errno));
		page->wake_records = next_random(rnd) % 4;
		page->wake_timeout_ns = next_random(rnd) % 2 * 1000000;
		poll(&p, 1, 1);
		if (next_random(rnd) % 2) {
			close(fd);
			fd = -1;
		}
		close(reader);
		munmap(page, g.reader_size);
	}
	if (fd >= 0)
		close(fd);
	__atomic_fetch_add(&done[op], 1, __ATOMIC_RELAXED);
}

static void worker(unsigned int number)
{
	uint64_t rnd = number * 1000;
	char name[16];
	int i;

	for (i = 0; i < 400 / slow; i++) {
		enum op op = next_random(&rnd) % NR_OPS;

		snprintf(name, sizeof(name), "race-%u", (unsigned int)(next_random(&rnd) % NAMES));
		if (op == CREATE) {
			if (!dev_create(name, 65536ULL << next_random(&rnd) % 3))
				__atomic_fetch_add(&done[op], 1, __ATOMIC_RELAXED);
			else if (errno != EEXIST)
				T_DIE("race.create", "%s", strerror(errno));
		} else if (op == DESTROY) {
			if (!dev_destroy(name))
				__atomic_fetch_add(&done[op], 1, __ATOMIC_RELAXED);
			else if (errno != ENOENT)
				T_DIE("race.destroy", "%s", strerror(errno));
		} else {
			use(name, op, &rnd);
		}
	}
}

/* Two processes use one name: each create succeeds or fails with EEXIST. */
static void same_name(unsigned int number)
{
	int i;

	(void)number;
	for (i = 0; i < 400 / slow; i++) {
		if (!dev_create("race-same", 65536))
			__atomic_fetch_add(&done[CREATE], 1, __ATOMIC_RELAXED);
		else if (errno != EEXIST)
			T_DIE("race.same.create", "%s", strerror(errno));
		if (!dev_destroy("race-same"))
			__atomic_fetch_add(&done[DESTROY], 1, __ATOMIC_RELAXED);
		else if (errno != ENOENT)
			T_DIE("race.same.destroy", "%s", strerror(errno));
	}
}

static int run(void (*fn)(unsigned int number), unsigned int nr)
{
	int status, bad = 0;
	unsigned int i;

	memset(done, 0, NR_OPS * sizeof(*done));
	for (i = 0; i < nr; i++) {
		if (fork())
			continue;
		alarm(100);
		fn(i);
		exit(0);
	}
	while (wait(&status) > 0)
		bad += status != 0;
	return bad;
}

static void everything_at_once(void)
{
	char name[16];
	int i;

	T_EQ("race.workers", run(worker, WORKERS), 0);
	T_TRUE("race.each_op_succeeded", done[CREATE] > 20U / slow && done[DESTROY] > 20U / slow &&
						 done[READ] > 20U / slow &&
						 done[WRITE] > 20U / slow &&
						 done[MAP] > 20U / slow && done[POLL] > 20U / slow);
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "race-%d", i);
		dev_destroy(name);
	}
	T_EQ("race.same_name", run(same_name, 2), 0);
	T_TRUE("race.same_name_balance",
	       done[CREATE] > 20U / slow && done[CREATE] == done[DESTROY]);
}

/* Allocates so much in total that a tenth left behind would exceed the machine's memory. */
static void large_rings(const char *name)
{
	struct dev d;
	long i, sum = 0;
	size_t off;

	for (i = 0; i < 60 / slow; i++) {
		if (dev_create("race-large", 8 << 20))
			T_DIE("race.large", "create %ld: %s", i, strerror(errno));
		dev_open(&d, "race-large", O_RDWR);
		dev_reader_page(&d);
		d.page->wake_records = 1;
		for (off = 0; off < d.g.total_size; off += 4096)
			sum += d.map[off];
		if (i % 2)
			dev_destroy("race-large");
		dev_close(&d);
		if (i % 2 == 0)
			dev_destroy("race-large");
	}
	T_TRUE(name, sum > 0);
}

static void many_opens(void)
{
	int i, fd, reader;

	dev_create("race-open", 65536);
	for (i = 0; i < 4000 / slow; i++) {
		fd = dev_open_fd("race-open", O_RDWR);
		reader = ioctl(fd, SEQRING_IOC_READER_FD, 0);
		if (reader < 0)
			T_DIE("race.open_close", "%s", strerror(errno));
		close(fd);
		close(reader);
	}
	dev_destroy("race-open");
}

int main(void)
{
	/* KASAN keeps 1/32 of the memory in quarantine; there, kmemleak looks for leaks. */
	long available, slab, quarantine = 0;

	if (!access("/proc/self/fail-nth", F_OK)) {
		slow = 4;
		quarantine = 65536;
	}
	done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* One run before measuring: the kernel keeps some memory after a first use. */
	dev_create("race-first", 65536);
	T_TRUE("race.areas_are_seen", kernel_areas() == 2);
	dev_destroy("race-first");
	T_EQ("race.first_workers", run(worker, WORKERS), 0);
	large_rings("race.first_large");
	many_opens();
	drop_caches();
	available = meminfo("MemAvailable:");
	slab = meminfo("SUnreclaim:");

	everything_at_once();
	large_rings("race.large");
	many_opens();
	drop_caches();
	available -= meminfo("MemAvailable:");
	slab = meminfo("SUnreclaim:") - slab;
	T_EQ("race.areas_gone", kernel_areas(), 0);
	t_check(available < 16384 + quarantine, "race.memory_back", "%ld KiB missing", available);
	t_check(slab < 2048 + quarantine, "race.slab_back", "%ld KiB more", slab);

	/* The module's own account agrees: a bit over 1 MiB fits into 2 MiB once. */
	write_limit("2");
	T_RET("race.account", dev_create("race-account", 1 << 20), 0);
	T_ERR("race.account_full", dev_create("race-account2", 1 << 20), ENOSPC);
	dev_destroy("race-account");
	write_limit("0");
	return t_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recording a ring: what a record costs the recorder, how much it gets into files in memory,
 * compressed and not, and how many records a second it follows without a loss.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libring.h>
#include <seqring/record.h>

#include "kinds.h"

#define LEN	     32u
#define WRITE_BYTES  (1u << 18) /* of one write(2), as the recorder's */
#define SEGMENT	     (16ull << 20)
#define FILES_MAX    (128ull << 20)
#define LIVE_PER_US  21.0 /* records that a writer publishes */
#define PACE_RECORDS 1050u
#define PACE_NS	     (PACE_RECORDS * 1000u / 21u)
#define SMALL_RECORD 56u /* seqring_record_size(LEN), as a constant for the plain copy */

/* A record as a tracer has them: times and counts that grow, few different tasks and calls. */
struct event {
	uint64_t seq;
	uint64_t ns;
	uint32_t task;
	uint32_t call;
	uint64_t result;
};

/* @compression, @level: of the recorder; @plain: no recorder, but write(2) of as many bytes */
struct recording {
	struct contender c;
	uint32_t compression;
	uint32_t level;
	bool plain;
	struct ring_writer *w;
	struct ring_reader *r;
	struct ring_recorder *rec;
	char dir[64];
	int fd;
	unsigned char *bytes;
	uint64_t seq;
	uint64_t recorded;
};

static void remove_files(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}

static void publish(struct recording *k, uint64_t n)
{
	struct event e;

	for (; n; n--) {
		e.seq = ++k->seq;
		e.ns = 1700000000000000000ull + k->seq * 1700 + (k->seq * 2654435761u >> 7) % 500;
		e.task = 1000 + (uint32_t)(k->seq / 37 % 5);
		e.call = (uint32_t)(k->seq * 2654435761u >> 16) % 24;
		e.result = e.call & 1 ? 0 : k->seq % 4096;
		if (ring_writer_publish(k->w, 0, TYPE, &e, sizeof(e)))
			fail("libring does not publish: %s", ring_strerror());
	}
}

static void recording_open(struct recording *k, uint64_t size)
{
	struct ring_open_opts open_opts = { .size = sizeof(open_opts), .flags = RING_PREFAULT };
	struct ring_recorder_opts opts = {
		.size = sizeof(opts),
		.segment_bytes = SEGMENT,
		.size_max = FILES_MAX,
		.compression = k->compression,
		.compression_level = k->level,
	};
	struct ring_fds fds;

	strcpy(k->dir,
	       access("/dev/shm", W_OK) ? "/tmp/ringbench-XXXXXX" : "/dev/shm/ringbench-XXXXXX");
	if (!mkdtemp(k->dir))
		fail("no directory for a recording: %s", strerror(errno));
	k->w = library_writer(size);
	if (ring_writer_fds(k->w, &fds) || ring_open_fds(&fds, &open_opts, &k->r))
		fail("libring does not open its ring: %s", ring_strerror());
	if (ring_recorder_create(k->dir, k->r, &opts, &k->rec))
		fail("no recorder: %s", ring_strerror());
}

static void recording_close(struct recording *k)
{
	ring_recorder_close(k->rec);
	ring_close(k->r);
	ring_writer_close(k->w);
	remove_files(k->dir);
}

static struct ring_recorder_stats stats_of(const struct recording *k)
{
	struct ring_recorder_stats st = { .size = sizeof(st) };

	if (ring_recorder_stats(k->rec, &st))
		fail("no account of a recorder: %s", ring_strerror());
	return st;
}

/* Copies what is in the ring. Return: records. */
static uint64_t copy(struct recording *k)
{
	uint64_t n, sum = 0;
	int err;

	do {
		err = ring_recorder_copy(k->rec, &n);
		sum += n;
	} while (!err);
	if (err != -EAGAIN)
		fail("the recorder: %s", ring_strerror());
	return sum;
}

/*
 * The recorder empties a ring that is filled to seven eighths. Its processor's time counts: while
 * write(2) waits, others use the core.
 */
static bool copy_round(struct contender *c)
{
	struct recording *k = (struct recording *)c;
	const uint64_t n = RING_LARGE / 8 * 7 / SMALL_RECORD;
	struct ring_recorder_stats st;
	struct watch watch;
	uint64_t start, ns;

	publish(k, n);
	watch_start(&watch);
	start = cpu_ns();
	if (copy(k) != n)
		wrong("the recorder has not recorded %llu records", (unsigned long long)n);
	ns = cpu_ns() - start;
	st = stats_of(k);
	if (st.lost)
		wrong("the recorder lost %llu records of a ring that nobody wrote",
		      (unsigned long long)st.lost);
	contender_set(c, "published", (double)n);
	contender_set(c, "lost", 0);
	contender_set(c, "readers", 1);
	contender_set(c, "ring_bytes", RING_LARGE);
	contender_set(c, "recorder_ns", (double)ns / (double)n);
	contender_set(c, "recorded_per_us", (double)n * 1000 / (double)ns);
	contender_set(c, "file_bytes",
		      (double)st.bytes / (double)(st.records - st.removed_records));
	return watch_disturbed(&watch);
}

/* The limit: as many bytes, copied once as the recorder does, and written to one file. */
static bool plain_round(struct contender *c)
{
	struct recording *k = (struct recording *)c;
	const uint64_t n = RING_LARGE / 8 * 7 / SMALL_RECORD;
	uint64_t left = n * SMALL_RECORD, at = 0, start, ns, part;
	static unsigned char buf[WRITE_BYTES];
	struct watch watch;

	if (ftruncate(k->fd, 0))
		fail("%s: %s", k->dir, strerror(errno));
	watch_start(&watch);
	start = cpu_ns();
	for (; left; left -= part, at += part) {
		part = left < sizeof(buf) ? left : sizeof(buf);
		memcpy(buf, k->bytes + at, part);
		if (pwrite(k->fd, buf, part, (off_t)at) != (ssize_t)part)
			fail("%s: %s", k->dir, strerror(errno));
	}
	ns = cpu_ns() - start;
	contender_set(c, "recorder_ns", (double)ns / (double)n);
	contender_set(c, "recorded_per_us", (double)n * 1000 / (double)ns);
	contender_set(c, "file_bytes", SMALL_RECORD);
	return watch_disturbed(&watch);
}

static void plain_open(struct recording *k)
{
	strcpy(k->dir,
	       access("/dev/shm", W_OK) ? "/tmp/ringbench-XXXXXX" : "/dev/shm/ringbench-XXXXXX");
	k->fd = mkstemp(k->dir);
	if (k->fd < 0)
		fail("no file: %s", strerror(errno));
	unlink(k->dir);
	k->bytes = map_shared(RING_LARGE, NULL);
	memset(k->bytes, 1, RING_LARGE);
}

static void copies(void)
{
	static struct recording all[] = {
		{ .c = { "copy and write(2)", plain_round }, .plain = true },
		{ .c = { "recorder", copy_round } },
		{ .c = { "recorder, zstd:1", copy_round },
		  .compression = RING_COMPRESSION_ZSTD,
		  .level = 1 },
		{ .c = { "recorder, zstd:3", copy_round },
		  .compression = RING_COMPRESSION_ZSTD,
		  .level = 3 },
	};
	struct contender *c[NR(all)];
	unsigned int i;

	for (i = 0; i < NR(all); i++) {
		c[i] = &all[i].c;
		if (all[i].plain)
			plain_open(&all[i]);
		else
			recording_open(&all[i], RING_LARGE);
	}
	alternate("record", c, NR(c), few_rounds());
	for (i = 0; i < NR(all); i++) {
		if (all[i].plain)
			close(all[i].fd);
		else
			recording_close(&all[i]);
	}
}

/* @end_ns: when the writer ends; it says in @done that it has */
struct live {
	struct recording *k;
	uint64_t end_ns;
	uint32_t done;
};

/* Publishes bursts when they are due. What was late is not made up for. */
static void write_paced(void *arg)
{
	struct live *l = arg;
	uint64_t due = now_ns();

	while (now_ns() < l->end_ns) {
		publish(l->k, PACE_RECORDS);
		due += PACE_NS;
		if (now_ns() > due)
			due = now_ns();
		while (now_ns() < due)
			cpu_relax();
	}
	__atomic_store_n(&l->done, 1, __ATOMIC_RELEASE);
}

/* The recorder follows a writer on the other core, without a pause. */
static void live(void)
{
	static struct recording k = { .c = { "one long run" } };
	struct live l = { .k = &k };
	uint64_t start, ns, n = 0;
	struct watch watch;
	bool done;

	recording_open(&k, 4 * RING_LARGE);
	publish(&k, RING_LARGE / SMALL_RECORD);
	copy(&k);
	watch_start(&watch);
	start = now_ns();
	l.end_ns = start + (uint64_t)(opt.seconds * 1e9);
	other_start(write_paced, &l);
	do {
		done = __atomic_load_n(&l.done, __ATOMIC_ACQUIRE);
		n += copy(&k);
	} while (!done);
	ns = now_ns() - start;
	other_wait();
	contender_set(&k.c, "published", (double)(n + stats_of(&k).lost));
	contender_set(&k.c, "lost", (double)stats_of(&k).lost);
	contender_set(&k.c, "readers", 1);
	contender_set(&k.c, "ring_bytes", 4 * RING_LARGE);
	contender_set(&k.c, "seconds", (double)ns / 1e9);
	contender_set(&k.c, "recorded_per_us", (double)n * 1000 / (double)ns);
	emit_sample("record-live", &k.c, 0, watch_disturbed(&watch));
	recording_close(&k);
}

void case_record(void)
{
	copies();
	live();
	record_tools();
}

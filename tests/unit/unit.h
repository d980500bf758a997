/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the unit tests. */
#ifndef UNIT_H
#define UNIT_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libring.h"
#include "../../libring/reader/reader.h"
#include "../../libring/writer/writer.h"

#include "../lib/clock.h"
#include "../lib/payload.h"

#define DATA_SIZE     65536u
#define PATIENCE_MS   60000 /* a wait that must succeed may take so long */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define OPEN_OPTS(...) \
	(&(struct ring_open_opts) { .size = sizeof(struct ring_open_opts), __VA_ARGS__ })

/* Checks a rejection: its errno, and that it has a sentence. */
#define assert_rejected(call, err)                         \
	do {                                               \
		assert_int_equal(call, -(err));            \
		assert_true(strlen(ring_strerror()) > 10); \
	} while (0)

static inline struct ring_writer *make_writer(uint32_t nr_rings, uint32_t clock_id, uint32_t flags)
{
	struct ring_writer_opts opts = {
		.size = sizeof(opts),
		.flags = flags,
		.clock_id = clock_id,
		.nr_rings = nr_rings,
		.data_size = DATA_SIZE,
		.name = "unit",
	};
	struct ring_writer *w = NULL;

	assert_int_equal(ring_writer_create(&opts, &w), 0);
	assert_non_null(w);
	return w;
}

static inline struct ring_reader *open_reader(struct ring_writer *w,
					      const struct ring_open_opts *opts)
{
	struct ring_fds fds;
	struct ring_reader *r = NULL;

	assert_int_equal(ring_writer_fds(w, &fds), 0);
	assert_int_equal(ring_open_fds(&fds, opts, &r), 0);
	assert_non_null(r);
	return r;
}

/* Publishes with a time that the test chooses; the library would take it from the clock. */
static inline void publish_at(struct ring_writer *w, unsigned int ring, uint64_t ts_ns,
			      const void *payload, uint32_t len)
{
	assert_int_equal(seqring_writer_publish(&w->rings[ring].w, 0, ts_ns, payload, len), 0);
}

/* Counts the open descriptors of this process. */
static inline int count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Counts this process's mappings of files with @what in their names. */
static inline int count_maps(const char *what)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, what);
	fclose(f);
	return n;
}

/* Publishes @nr records, each with its number in this call as payload. */
static inline void publish_numbers(struct ring_writer *w, unsigned int ring, uint64_t nr)
{
	uint64_t i;

	for (i = 0; i < nr; i++)
		assert_int_equal(ring_writer_publish(w, ring, 7, &i, sizeof(i)), 0);
}

/* Checks that a wake-up ended ring_wait(), which also returns 0 at its timeout. */
static inline int wait_woken(struct ring_reader *r)
{
	uint64_t start = now_ns();
	int err = ring_wait(r, PATIENCE_MS);

	return err ? err : now_ns() - start < PATIENCE_MS * MS ? 0 : -ETIME;
}

/* Kills a child, which must not have ended before. */
static inline void kill_and_reap(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

#define TRIES 5

/*
 * For checks that hold only until some time has passed. @once makes the check and returns
 * whether the machine was fast enough for it; if not, it is called again.
 */
static inline void judge_in_time(bool (*once)(void *arg), void *arg)
{
	int i;

	for (i = 0; i < TRIES; i++)
		if (once(arg))
			return;
	fail_msg("the machine was too slow, %d times", TRIES);
}

static inline struct ring_stats stats_of(struct ring_reader *r)
{
	struct ring_stats st = { .size = sizeof(st) };

	assert_int_equal(ring_stats(r, &st), 0);
	return st;
}

/*
 * Memory with nothing mapped before and behind it, so that an access outside ends
 * the test also without a sanitizer. @size is a multiple of the page size.
 */
static inline void *guarded_alloc(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *p = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + page, size, PROT_READ | PROT_WRITE), 0);
	return p + page;
}

static inline void guarded_free(void *p, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	munmap((unsigned char *)p - page, size + 2 * page);
}

/* A ring in plain memory, for the inline protocol. */
struct bare {
	struct seqring_ring_ctl *ctl;
	unsigned char *data;
	struct seqring_writer w;
	struct seqring_reader r;
};

static inline void bare_init(struct bare *b)
{
	b->ctl = guarded_alloc((size_t)sysconf(_SC_PAGESIZE));
	b->data = guarded_alloc(DATA_SIZE);
	assert_int_equal(seqring_writer_init(&b->w, b->ctl, b->data, DATA_SIZE), 0);
	assert_int_equal(seqring_reader_init(&b->r, b->ctl, b->data, DATA_SIZE), 0);
}

static inline void bare_free(struct bare *b)
{
	guarded_free(b->ctl, (size_t)sysconf(_SC_PAGESIZE));
	guarded_free(b->data, DATA_SIZE);
}

/* Puts the ring at @pos, the start of a lap, after record @seq, as after a long run. */
static inline void bare_preset(struct bare *b, uint64_t pos, uint64_t seq)
{
	int i;

	assert_int_equal(pos % DATA_SIZE, 0);
	b->w.pos = pos;
	b->w.seq = seq;
	b->w.cold.limit = pos + DATA_SIZE;
	b->w.seg_end = pos + DATA_SIZE / SEQRING_SEGMENTS;
	for (i = 0; i < (int)SEQRING_SEGMENTS; i++) {
		b->w.cold.first[i] = pos;
		b->ctl->segment_pos[i] = pos;
	}
	b->ctl->tail = pos;
	b->ctl->head = pos;
	b->ctl->last = pos;
	b->ctl->seq = seq;
	assert_int_equal(seqring_reader_init(&b->r, b->ctl, b->data, DATA_SIZE), 0);
}

static inline void bare_publish(struct bare *b, uint32_t len)
{
	static unsigned char buf[DATA_SIZE];

	payload_fill(buf, b->w.seq + 1, len);
	assert_int_equal(seqring_writer_publish(&b->w, (uint16_t)len, b->w.seq + 1000, buf, len),
			 0);
}

static inline void check_record(const struct seqring_view *v, const void *payload)
{
	assert_int_equal(v->type, (uint16_t)v->len);
	assert_int_equal(v->ts_ns, v->seq - 1 + 1000);
	assert_true(test_payload_is(payload, v->seq, v->len));
}

/* Reads all records. Return: their number. Adds the lost records to @lost. */
static inline uint64_t bare_drain(struct bare *b, uint64_t *lost)
{
	static unsigned char buf[DATA_SIZE];
	enum seqring_outcome outcome;
	struct seqring_view v;
	uint64_t n = 0;

	for (;;) {
		outcome = seqring_reader_read(&b->r, &v, buf, sizeof(buf));
		if (outcome == SEQRING_EMPTY || outcome == SEQRING_DEAD)
			return n;
		if (outcome == SEQRING_OVERRUN) {
			assert_int_equal(seqring_reader_resync(&b->r), SEQRING_OK);
			continue;
		}
		assert_int_equal(outcome, SEQRING_OK);
		check_record(&v, buf);
		*lost += v.lost;
		n++;
	}
}

#endif /* UNIT_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Torture of the protocol: one writer flat out, readers of every kind, and a ring so
 * small that the writer laps it all the time. At the end, records read and lost by each
 * reader must add up to those published.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "../lib/options.h"
#include "../lib/random.h"
#include "torture.h"

#define READERS_MAX 64

enum kind { READ, EAGER, PEEK, BATCH, SEEK, STOPPED, KINDS };

static const char *const kind_names[KINDS] = {
	"read", "eager", "peek", "batch", "seek", "stopped",
};

struct result {
	uint64_t got;
	uint64_t lost;
	uint64_t overruns;
	uint64_t torn;	/* peeked at, and rejected by the recheck */
	uint64_t first; /* seq that the account starts with; 0: no account */
	uint64_t bad_seq;
	const char *bad; /* the mistake; the same address in every process */
	int done;
};

static struct {
	uint64_t seconds;
	uint64_t readers;
	uint64_t seed;
	uint64_t data_size;
	uint64_t start_pos;
	bool threads;
} opt = { .seconds = 5, .readers = 4, .seed = 1, .data_size = 65536 };

static struct seqring_ring_ctl *writable;
static const struct seqring_ring_ctl *ctl;
static struct result *results;

/* Puts a ring into its state after @pos bytes and nearly 2^32 records, none left. */
static void start_at(struct seqring_writer *w, uint64_t pos)
{
	pos &= ~w->mask;
	w->pos = pos;
	w->cold.limit = pos + opt.data_size;
	w->seg_end = pos + opt.data_size / SEQRING_SEGMENTS;
	w->seq = pos ? 0xfffff000ULL : 0;
	writable->head = pos;
	writable->tail = pos;
	writable->last = pos;
	writable->seq = w->seq;
}

static void publish_pieces(struct seqring_writer *w, uint16_t type, uint64_t ts,
			   const unsigned char *p, uint32_t len, uint64_t r)
{
	uint32_t a = len ? (uint32_t)(r % (len + 1)) : 0;
	uint32_t b = len - a ? (uint32_t)((r >> 32) % (len - a + 1)) : 0;
	struct seqring_vec vec[] = {
		{ p, a },
		{ p + a, b },
		{ NULL, 0 },
		{ p + a + b, len - a - b },
	};

	if (seqring_writer_publish_vec(w, type, ts, vec, 4))
		abort();
}

/* Under ThreadSanitizer, leaves out accesses that are unmarked on purpose. */
static bool plain_stores(void)
{
#ifdef SEQRING_TSAN
	return false;
#else
	return true;
#endif
}

static void write_one(struct seqring_writer *w, unsigned char *buf, uint64_t *rnd)
{
	uint64_t seq = w->seq + 1, r = next_random(rnd);
	uint32_t len = record_len(seq, w->cold.payload_max);
	void *payload;

	payload_fill(buf, seq, len);
	switch (r & 15) {
	case 0:
		if (plain_stores()) {
			/* A reservation of any size, filled and discarded; no reader may see it. */
			uint32_t n = (uint32_t)((r >> 8) % (w->cold.payload_max + 1));

			if (seqring_writer_reserve(w, n, &payload))
				abort();
			memset(payload, 0xdb, n < 256 ? n : 256);
			seqring_writer_discard(w);
		}
		/* fall through */
	case 1:
	case 2:
		publish_pieces(w, (uint16_t)seq, ~seq, buf, len, r >> 4);
		break;
	case 3:
		if (plain_stores()) {
			if (seqring_writer_reserve(w, len, &payload))
				abort();
			memcpy(payload, buf, len);
			seqring_writer_commit(w, (uint16_t)seq, ~seq);
			break;
		}
		/* fall through */
	default:
		if (seqring_writer_publish(w, (uint16_t)seq, ~seq, buf, len))
			abort();
	}
}

static void writer(struct seqring_writer *w)
{
	unsigned char *buf = malloc(TORTURE_BUF + 8);
	uint64_t end = now_ns() + opt.seconds * 1000000000ULL, rnd = opt.seed;
	int i;

	if (!buf)
		abort();
	do {
		for (i = 0; i < 64; i++)
			write_one(w, buf, &rnd);
		/* Let readers catch up now and then, so that not every record is a race. */
		if (next_random(&rnd) % 4096 == 0)
			sleep_us(next_random(&rnd) % 2000);
	} while (now_ns() < end);
	free(buf);
	seqring_writer_end(w);
}

static void fail(struct result *res, const char *what, uint64_t seq)
{
	if (!res->bad) {
		res->bad = what;
		res->bad_seq = seq;
	}
}

static void count(struct result *res, const struct seqring_view *v)
{
	if (!res->first)
		res->first = v->seq - v->lost;
	else if (v->seq != res->first + res->got + res->lost + v->lost)
		fail(res, "seq, read and lost do not add up", v->seq);
	res->got++;
	res->lost += v->lost;
}

static enum seqring_outcome step(struct result *res, struct seqring_reader *r, enum kind kind,
				 unsigned char *buf, uint64_t *rnd)
{
	struct seqring_view v[16];
	enum seqring_outcome outcome;
	unsigned int n = 1, i;
	/* Also buffers that are too small for the record. */
	uint32_t size = next_random(rnd) % 8 ? TORTURE_BUF : 64;
	bool in_place = kind == PEEK && plain_stores();

	if (kind == BATCH) {
		outcome = seqring_reader_read_batch(r, v, 1 + next_random(rnd) % 16, buf, size, &n);
	} else if (in_place) {
		outcome = seqring_reader_peek(r, v);
		if (!outcome) {
			bool ok = record_ok(v, v->payload, r->payload_max, TORTURE_BUF);

			outcome = seqring_reader_recheck(r, v);
			if (!outcome && !ok)
				fail(res, "torn record passed the recheck", v->seq);
			res->torn += outcome && !ok;
			if (!outcome)
				seqring_reader_consume(r, v);
		}
	} else {
		outcome = seqring_reader_read(r, v, buf, size);
	}
	for (i = 0; !outcome && i < n; i++) {
		const unsigned char *p = v[i].payload;

		/* A peeked record was checked in place, before the recheck. */
		if (!in_place && !record_ok(&v[i], p, r->payload_max, (uint32_t)(buf + size - p)))
			fail(res, "torn or foreign record accepted", v[i].seq);
		count(res, &v[i]);
	}
	return res->bad ? SEQRING_CORRUPT : outcome;
}

/* Seeks to another place, and sets what must be there. */
static void seek(struct result *res, struct seqring_reader *r, unsigned char *buf, uint64_t *rnd)
{
	uint64_t random = next_random(rnd), seq = seqring_read(&ctl->seq), target = 0;
	enum seqring_outcome outcome;
	struct seqring_view v;

	switch (random % 5) {
	case 0:
		outcome = seqring_reader_seek_oldest(r);
		break;
	case 1:
		outcome = seqring_reader_seek_newest(r);
		break;
	case 2:
		outcome = seqring_reader_seek_head(r);
		break;
	case 3:
		outcome = seqring_reader_newest(r, &v, buf, TORTURE_BUF);
		if (!outcome && (v.seq < seq || !record_ok(&v, buf, r->payload_max, TORTURE_BUF)))
			fail(res, "the newest record is torn or old", v.seq);
		outcome = outcome == SEQRING_CORRUPT ? outcome : SEQRING_OK;
		break;
	default:
		if (!seq)
			return;
		target = seq - random / 8 % 3000 % seq;
		outcome = seqring_reader_seek(r, 0, target);
	}
	if (outcome == SEQRING_CORRUPT)
		fail(res, "a seek ended CORRUPT", seq);
	else if (random % 5 != 3)
		/* A new account; after a seek by seq it starts with that seq. */
		*res = (struct result) { .overruns = res->overruns, .first = target };
}

static void reader(unsigned int index)
{
	enum kind kind = index % KINDS;
	struct result *res = &results[index];
	unsigned char *buf = malloc(TORTURE_BUF + 64);
	uint64_t rnd = opt.seed * 977 + index;
	enum seqring_outcome outcome;
	struct seqring_reader r;

	if (!buf || seqring_reader_init(&r, ctl, (const char *)ctl + 4096, opt.data_size))
		abort();
	r.eager = kind == EAGER;
	for (;;) {
		outcome = step(res, &r, kind, buf, &rnd);
		if (outcome == SEQRING_OVERRUN && seqring_reader_resync(&r))
			outcome = SEQRING_CORRUPT;
		if (outcome == SEQRING_CORRUPT || outcome == SEQRING_DEAD)
			break;
		if (outcome == SEQRING_EMPTY)
			sched_yield();
		if (kind == SEEK && next_random(&rnd) % 64 == 0)
			seek(res, &r, buf, &rnd);
		if (kind == PEEK && next_random(&rnd) % 512 == 0)
			sleep_us(next_random(&rnd) % 500);
		if (kind == STOPPED && opt.threads && next_random(&rnd) % 65536 == 0)
			sleep_us(50000);
	}
	if (outcome == SEQRING_CORRUPT)
		fail(res, "CORRUPT", r.seq);
	/* After the last overrun no record may have followed that reports the loss. */
	if (r.any && r.seq)
		res->lost += r.lost + seqring_read(&ctl->seq) + 1 - r.seq;
	res->overruns = r.overruns;
	res->done = 1;
	free(buf);
}

static void *reader_thread(void *arg)
{
	reader((unsigned int)(uintptr_t)arg);
	return NULL;
}

static int settle(unsigned int index)
{
	struct result *res = &results[index];
	uint64_t published = ctl->seq;

	if (!res->done)
		fail(res, "the reader died", 0);
	if (!res->bad && res->first && res->got + res->lost != published - (res->first - 1))
		fail(res, "read + lost is not what was published", published);
	printf("# reader %-2u %-7s first %" PRIu64 " read %" PRIu64 " lost %" PRIu64
	       " overruns %" PRIu64 " torn %" PRIu64,
	       index, kind_names[index % KINDS], res->first, res->got, res->lost, res->overruns,
	       res->torn);
	if (res->bad)
		printf(": WRONG: %s, at %" PRIu64, res->bad, res->bad_seq);
	printf("\n");
	return !!res->bad;
}

static void parse(char **argv)
{
	static const struct test_option options[] = {
		{ "seconds", "how long the writer writes (5)", .number = &opt.seconds },
		{ "seed", "of all that is random (1)", .number = &opt.seed },
		{ "data-size", "bytes, a power of two (65536)", .number = &opt.data_size },
		{ "readers",
		  "1 to 64, of kinds in turn: read, eager, peek, batch, seek, stopped and "
		  "continued (4)",
		  .number = &opt.readers },
		{ "start-pos", "start near this position and seq 2^32 (0: at the start)",
		  .number = &opt.start_pos },
		{ "threads", "readers are threads, not processes (always with TSan)",
		  .flag = &opt.threads },
	};
	const size_t nr = sizeof(options) / sizeof(options[0]);

	options_parse("torture", options, nr, argv);
	if (!opt.readers || opt.readers > READERS_MAX || opt.data_size < SEQRING_DATA_SIZE_MIN ||
	    opt.data_size > SEQRING_DATA_SIZE_MAX || (opt.data_size & (opt.data_size - 1)))
		options_usage("torture", options, nr, 2);
	if (!plain_stores())
		opt.threads = true;
}

static void *map(int fd, size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

/* Stops and continues the readers of that kind while the writer writes. */
static void *stopper(void *arg)
{
	const pid_t *pids = arg;
	uint64_t end = now_ns() + opt.seconds * 1000000000ULL;
	unsigned int i;

	while (now_ns() < end) {
		for (i = STOPPED; i < opt.readers; i += KINDS)
			kill(pids[i], SIGSTOP);
		sleep_us(30000);
		for (i = STOPPED; i < opt.readers; i += KINDS)
			kill(pids[i], SIGCONT);
		sleep_us(20000);
	}
	return NULL;
}

static void run_threads(struct seqring_writer *w)
{
	pthread_t threads[READERS_MAX];
	unsigned int i;

	for (i = 0; i < opt.readers; i++)
		if (pthread_create(&threads[i], NULL, reader_thread, (void *)(uintptr_t)i))
			abort();
	writer(w);
	for (i = 0; i < opt.readers; i++)
		pthread_join(threads[i], NULL);
}

static void run_processes(struct seqring_writer *w)
{
	pid_t pids[READERS_MAX];
	pthread_t stop;
	unsigned int i;

	for (i = 0; i < opt.readers; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			reader(i);
			_exit(0);
		}
		if (pids[i] < 0)
			abort();
	}
	if (pthread_create(&stop, NULL, stopper, pids))
		abort();
	writer(w);
	pthread_join(stop, NULL);
	for (i = 0; i < opt.readers; i++)
		waitpid(pids[i], NULL, 0);
}

int main(int argc, char **argv)
{
	uint64_t start_seq, start_pos;
	struct seqring_writer w;
	unsigned int i;
	int fd, bad = 0;

	(void)argc;
	parse(argv);
	fd = memfd_create("torture", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)(4096 + opt.data_size))) {
		perror("memfd");
		return 1;
	}
	writable = map(fd, 4096 + opt.data_size, PROT_READ | PROT_WRITE);
	ctl = map(fd, 4096 + opt.data_size, PROT_READ);
	results = map(-1, sizeof(*results) * opt.readers, PROT_READ | PROT_WRITE);
	if (seqring_writer_init(&w, writable, (char *)writable + 4096, opt.data_size))
		return 1;
	if (opt.start_pos)
		start_at(&w, opt.start_pos);
	start_seq = w.seq;
	start_pos = w.pos;
	/* ThreadSanitizer identifies memory by address, so both sides use one mapping there. */
	if (opt.threads)
		ctl = writable;
	printf("# seed %" PRIu64 ", data size %" PRIu64 ", %" PRIu64 " readers\n", opt.seed,
	       opt.data_size, opt.readers);
	fflush(stdout);

	if (opt.threads)
		run_threads(&w);
	else
		run_processes(&w);
	for (i = 0; i < opt.readers; i++)
		bad += settle(i);
	printf("# published %" PRIu64 " records, %" PRIu64 " bytes\n",
	       (uint64_t)ctl->seq - start_seq, (uint64_t)ctl->head - start_pos);
	return bad ? 1 : 0;
}

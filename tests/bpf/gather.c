// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of seqring/bpf_gather.h: every length, around every boundary of segments and laps, and
 * the accounts of records that were not published.
 */
#include <pthread.h>

#include "common.h"
#include "gather.h"

#include "../lib/cost.h"

#define DATA_SIZE   SEQRING_DATA_SIZE_MIN
#define PATIENCE_MS 30000

struct rig {
	struct bpf_object *obj;
	struct ring_bpf *ring;
	struct ring_reader *r;
	unsigned char *bytes;
	int err;
};

static void set_up(struct rig *g, uint64_t data_size)
{
	const struct ring_bpf_opts opts = { .size = sizeof(opts),
					    .flags = RING_BPF_ONE_RING,
					    .clock_id = SEQRING_CLOCK_MONOTONIC,
					    .data_size = data_size };
	struct ring_fds fds;
	unsigned int i;

	g->obj = open_object("gather");
	if (ring_bpf_prepare(g->obj, "ring", &opts, &g->ring) || ring_bpf_load(g->obj) ||
	    ring_bpf_start(g->ring) || ring_bpf_fds(g->ring, &fds) ||
	    ring_open_fds(&fds, NULL, &g->r))
		die("a ring");
	g->bytes = map_map(g->obj, "bytes", 2 * GATHER_MAX);
	for (i = 0; i < 2 * GATHER_MAX; i++)
		g->bytes[i] = (unsigned char)(i * 7 + i / 256);
}

static void tear_down(struct rig *g)
{
	munmap(g->bytes, 2 * GATHER_MAX);
	ring_close(g->r);
	ring_bpf_close(g->ring);
	bpf_object__close(g->obj);
}

static int run(struct rig *g, const char *prog, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t args[3] = { a, b, c };

	return run_prog(prog_fd(g->obj, prog), args, sizeof(args), -1);
}

static uint64_t drops(struct rig *g, unsigned int cause)
{
	struct ring_stats_at st = { .size = sizeof(st) };

	if (ring_stats_at(g->r, 0, &st))
		die("stats");
	return st.dropped[cause];
}

/* Reads one record. Return: its length; -1: none, lost ones before it, or of another type. */
static int read_one(struct rig *g, uint16_t type, void *payload)
{
	struct ring_record rec;

	if (ring_read(g->r, &rec, payload, GATHER_MAX) || rec.lost || rec.type != type)
		return -1;
	return (int)rec.len;
}

static bool nothing_left(struct rig *g)
{
	struct ring_record rec;
	unsigned char payload[GATHER_MAX];

	return ring_read(g->r, &rec, payload, sizeof(payload)) == -EAGAIN;
}

/* --- a length known at run time --------------------------------------------------- */

/* Each length, whole and trimmed: so a record starts and ends anywhere in the ring. */
static void varying(void)
{
	unsigned char got[GATHER_MAX];
	struct rig g;
	int len, shorter, bad = 0;

	set_up(&g, DATA_SIZE);
	for (len = 0; len <= GATHER_MAX && !bad; len += len < 300 ? 1 : 37) {
		shorter = len - len / 3;
		bad |= run(&g, "varying", (uint64_t)len, (uint64_t)len, 0) != 0;
		bad |= read_one(&g, GATHER_VARYING, got) != len ||
		       memcmp(got, g.bytes, (size_t)len);
		bad |= run(&g, "varying", (uint64_t)len, (uint64_t)shorter, 0) != 0;
		bad |= read_one(&g, GATHER_VARYING, got) != shorter ||
		       memcmp(got, g.bytes, (size_t)shorter);
		bad |= run(&g, "varying", (uint64_t)len, (uint64_t)len, 1) != -ECANCELED;
		bad |= !nothing_left(&g);
	}
	t_check(!bad, "varying.each_length", "length %d", len);
	T_EQ("varying.max", run(&g, "varying", GATHER_MAX, GATHER_MAX, 0), 0);
	T_EQ("varying.max.read", read_one(&g, GATHER_VARYING, got), GATHER_MAX);
	T_EQ("varying.too_big", run(&g, "varying", GATHER_MAX + 1, 0, 0), -EMSGSIZE);
	/* One that fits into its segment all the same is too long for the verifier only. */
	T_EQ("varying.huge", run(&g, "varying", 0xfffffff0, 0, 0), -EMSGSIZE);
	T_EQ("varying.too_big.counted", drops(&g, SEQRING_DROP_TOO_BIG), 2);
	T_EQ("varying.longer_trim", run(&g, "varying", 8, 9, 0), -ECANCELED);
	T_EQ("varying.free", run(&g, "varying", 8, 8, 0), 0);
	T_EQ("varying.free.read", read_one(&g, GATHER_VARYING, got), 8);
	T_EQ("varying.none_busy", drops(&g, SEQRING_DROP_BUSY), 0);
	tear_down(&g);
	/* Here a segment has room for it. */
	set_up(&g, 1 << 20);
	T_EQ("varying.in_segment", run(&g, "varying", GATHER_MAX + 1, 0, 0), -EMSGSIZE);
	T_EQ("varying.in_segment.counted", drops(&g, SEQRING_DROP_TOO_BIG), 1);
	T_EQ("varying.in_segment.free", run(&g, "varying", 8, 8, 0), 0);
	T_EQ("varying.in_segment.read", read_one(&g, GATHER_VARYING, got), 8);
	tear_down(&g);
}

/* --- several pieces --------------------------------------------------------------- */

static void pieces(void)
{
	static const unsigned int lens[] = { 0, 1, 7, 8, 9, 100, 1000, 2039 };
	const unsigned int nr = sizeof(lens) / sizeof(lens[0]);
	unsigned char got[GATHER_MAX];
	struct gather_head head;
	struct rig g;
	unsigned int i, n, m;
	int bad = 0;

	set_up(&g, DATA_SIZE);
	for (i = 0; i < 4 * nr * nr && !bad; i++) {
		n = lens[i % nr];
		m = lens[i / nr % nr];
		bad |= run(&g, "pieces", i, n, m) != 0;
		bad |= read_one(&g, GATHER_PIECES, got) != (int)(sizeof(head) + n + m);
		memcpy(&head, got, sizeof(head));
		bad |= head.id != i || head.len != n || memcmp(got + sizeof(head), g.bytes, n) ||
		       memcmp(got + sizeof(head) + n, g.bytes + 16, m);
	}
	t_check(!bad, "pieces.each", "%u and %u bytes", n, m);
	T_EQ("pieces.too_big", run(&g, "pieces", 0, GATHER_MAX, 0), -EMSGSIZE);
	T_EQ("pieces.max", run(&g, "pieces", 0, GATHER_MAX - 16, 0), 0);
	T_EQ("pieces.max.read", read_one(&g, GATHER_PIECES, got), GATHER_MAX);
	T_EQ("pieces.counted", drops(&g, SEQRING_DROP_TOO_BIG), 1);
	T_TRUE("pieces.nothing_left", nothing_left(&g));
	tear_down(&g);
}

/* --- several records -------------------------------------------------------------- */

/* Reads @nr records of ids from @id on. Return: whether they are there, and of one time. */
static bool read_batch(struct rig *g, uint64_t id, unsigned int nr)
{
	struct gather_head head;
	struct ring_record rec;
	uint64_t ts_ns = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (ring_read(g->r, &rec, &head, sizeof(head)) || rec.lost ||
		    rec.type != GATHER_ONE || rec.len != sizeof(head) || head.id != id + i)
			return false;
		if (i && rec.ts_ns != ts_ns)
			return false;
		ts_ns = rec.ts_ns;
	}
	return true;
}

static void *wait_in_thread(void *arg)
{
	struct rig *g = arg;
	const uint64_t start = now_ns();

	g->err = ring_wait(g->r, PATIENCE_MS);
	/* At its timeout ring_wait() looks once more. */
	if (now_ns() - start >= PATIENCE_MS * MS)
		g->err = -ETIME;
	return NULL;
}

/* Publishes a batch while a reader sleeps. Return: of the reader. */
static int wake_by_batch(struct rig *g, uint64_t id)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_in_thread, g);
	/* A first sleep takes a grace period. A reader that is not asleep yet finds the records. */
	sleep_us(200000);
	if (run(g, "batch", id, 2, 0))
		die("a batch");
	pthread_join(thread, NULL);
	return g->err;
}

static void batch(void)
{
	struct rig g;
	unsigned int i, nr;
	uint64_t id = 0;
	int bad = 0;

	set_up(&g, DATA_SIZE);
	for (i = 0; i < 3000 && !bad; i++) {
		nr = i % (GATHER_BATCH + 1);
		bad |= run(&g, "batch", id, nr, 0) != 0;
		bad |= !read_batch(&g, id, nr);
		id += nr;
	}
	t_check(!bad, "batch.each", "batch %u", i);
	T_EQ("batch.nested", run(&g, "batch", id, 3, 1), -EBUSY);
	T_TRUE("batch.nested.read", read_batch(&g, id, 3));
	T_EQ("batch.nested.counted", drops(&g, SEQRING_DROP_BUSY), 1);
	T_TRUE("batch.nothing_left", nothing_left(&g));
	T_EQ("batch.woken", wake_by_batch(&g, id), 0);
	T_EQ("batch.end", ring_bpf_end(g.ring), 0);
	T_EQ("batch.ended", run(&g, "batch", id, 2, 0), -ENODEV);
	T_EQ("batch.ended.counted", drops(&g, SEQRING_DROP_DEAD), 1);
	tear_down(&g);
}

#define COST_BATCHES 1000

static double ns_of(struct rig *g, const char *prog)
{
	const uint64_t start = cpu_ns();

	if (run(g, prog, 0, COST_BATCHES, 0) != COST_BATCHES)
		die(prog);
	return (double)(cpu_ns() - start) / COST_BATCHES / GATHER_BATCH;
}

static double cost_of_singles(void *arg)
{
	return ns_of(arg, "many_singles");
}

static double cost_of_batches(void *arg)
{
	return ns_of(arg, "many_batches");
}

/* A batch has one lookup, one time and one look for sleepers. */
static void cost(void)
{
	struct rig g;
	const struct cost_pair c = {
		.name = "batch.cost",
		.control = cost_of_singles,
		.subject = cost_of_batches,
		.arg = &g,
		.rounds = 31,
		.bound = 1.0,
	};

	set_up(&g, DATA_SIZE);
	cost_check(&c);
	tear_down(&g);
}

static const struct t_test tests[] = {
	{ "varying", varying },
	{ "pieces", pieces },
	{ "batch", batch },
	{ "cost", cost },
};

int main(int argc, char **argv)
{
	need_bpf("gather");
	pin_to(0);
	t_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
	return t_done();
}

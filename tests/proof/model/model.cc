// SPDX-License-Identifier: GPL-2.0-only
/*
 * The protocol under a model checker. The real writer.h and reader.h run against each
 * other on a ring of four records, in random interleavings, and a load returns any stale
 * value that C11 allows. Then each side of each ordering pair is weakened in turn, and a
 * scenario must catch that. A pair that no scenario misses is not needed, or not tested.
 *
 * usage: model [ITERATIONS [only]]; only: no weakened pairs
 */
#include <relacy/relacy.hpp>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

#define SEQRING_BARRIER_BACKEND "backend.h"
#include "seqring/reader.h"
#include "seqring/writer.h"

/* Each scenario runs in its own process, which exits with VIOLATED when it fails. */
enum { VIOLATED = 42, BROKEN = 43 };

#define MUST(cond) do { if (!(cond)) _exit(VIOLATED); } while (0)

/* A lap holds four records; record n starts at 128 * (n - 1). */
enum : unsigned {
	DATA_SIZE = 512,
	PAYLOAD = DATA_SIZE / 4 - sizeof(struct seqring_record),
	RECORD = DATA_SIZE / 4,
	CTL_CELLS = sizeof(struct seqring_ring_ctl) / 8,
	WAIT_CELL = CTL_CELLS + DATA_SIZE / 8,
	CELLS = WAIT_CELL + 3,
};

/* The mistakes: each weakens one side of one pair, for one word if there are several. */
enum weak {
	NOTHING,
	PUBLISH_STORE, PUBLISH_LOAD,
	RECLAIM_WRITE, RECLAIM_READ, RECLAIM_ACQUIRE,
	JOIN_TAIL_STORE, JOIN_TAIL_LOAD,
	JOIN_HEAD_STORE, JOIN_HEAD_LOAD,
	JOIN_LAST_STORE, JOIN_LAST_LOAD,
	JOIN_SEGMENT_STORE, JOIN_SEGMENT_LOAD,
	WAKE_WRITER, WAKE_READER,
	END_STORE, END_LOAD,
	ANNOUNCE_GRACE, ANNOUNCE_OTHERS,
	WEAK_COUNT,
};

static const char *const weak_names[WEAK_COUNT] = {
	"nothing",
	"PUBLISH: the stamp is stored without release",
	"PUBLISH: the stamp is loaded without acquire",
	"RECLAIM: the writer has no write fence",
	"RECLAIM: the reader has no read fence",
	"RECLAIM: an acquire load of tail replaces the read fence",
	"JOIN: tail is stored without release",
	"JOIN: tail is loaded without acquire",
	"JOIN: head is stored without release",
	"JOIN: head is loaded without acquire",
	"JOIN: last is stored without release",
	"JOIN: last is loaded without acquire",
	"JOIN: segment_pos is stored without release",
	"JOIN: segment_pos is loaded without acquire",
	"WAKE: the writer has no full fence",
	"WAKE: the reader has no full fence",
	"END: state is stored without release",
	"END: state is loaded without acquire",
	"ANNOUNCE: no sleeper waits for a grace period",
	"ANNOUNCE: a sleeper that finds an announcement waits for no grace period",
};

static weak weakened;
static rl::atomic<uint64_t> *cells;

/* Provides addresses only. It is never read or written; the cells stand for its words. */
alignas(128) static unsigned char arena[CELLS * 8];

static struct seqring_ring_ctl *const ctl = (struct seqring_ring_ctl *)arena;
static unsigned char *const data = arena + sizeof(struct seqring_ring_ctl);
static struct seqring_wait *const sleepers = (struct seqring_wait *)(arena + WAIT_CELL * 8);

namespace model {

rl::atomic<uint64_t> &at(const void *p)
{
	return cells[((const unsigned char *)p - arena) / 8];
}

static weak side(model_tag tag, const void *p, bool load)
{
	size_t off = (const unsigned char *)p - arena;
	weak store;

	switch (tag) {
	case PUBLISH:
		store = PUBLISH_STORE;
		break;
	case END:
		store = END_STORE;
		break;
	default:
		if (off == offsetof(struct seqring_ring_ctl, head))
			store = JOIN_HEAD_STORE;
		else if (off == offsetof(struct seqring_ring_ctl, last))
			store = JOIN_LAST_STORE;
		else if (off == offsetof(struct seqring_ring_ctl, tail))
			store = JOIN_TAIL_STORE;
		else
			store = JOIN_SEGMENT_STORE;
	}
	return load ? (weak)(store + 1) : store;
}

rl::memory_order load_order(model_tag tag, const void *p)
{
	return weakened == side(tag, p, true) ? rl::mo_relaxed : rl::mo_acquire;
}

rl::memory_order store_order(model_tag tag, const void *p)
{
	return weakened == side(tag, p, false) ? rl::mo_relaxed : rl::mo_release;
}

void fence(model_tag tag, rl::memory_order order, bool reader)
{
	weak off = tag == WAKE ? (reader ? WAKE_READER : WAKE_WRITER) :
		   (reader ? RECLAIM_READ : RECLAIM_WRITE);

	if (weakened == off || (weakened == RECLAIM_ACQUIRE && off == RECLAIM_READ))
		return;
	rl::atomic_thread_fence(order, $);
}

rl::memory_order plain_order()
{
	return weakened == RECLAIM_ACQUIRE ? rl::mo_acquire : rl::mo_relaxed;
}

bool in_reader()
{
	/* In all scenarios the writer is the first thread. */
	return rl::thread_index() != 0;
}

} /* namespace model */

static inline void seqring_atomic_min(__u64 *p, __u64 v)
{
	uint64_t cur = model::at(p).load(rl::mo_relaxed, $);

	while (cur > v && !model::at(p).compare_exchange_strong(cur, v, rl::mo_relaxed, $))
		;
}

static uint64_t content(uint64_t seq)
{
	return seq * 1000003;
}

/* State and steps that all scenarios share. Thread 0 is the writer. */
struct ring_model {
	rl::atomic<uint64_t> memory[CELLS];
	struct seqring_writer w;

	/* Makes a ring with @published records that all threads see. */
	void start(unsigned int published)
	{
		cells = memory;
		for (unsigned int i = 0; i < CELLS; i++)
			memory[i].store(0, rl::mo_relaxed, $);
		sleep_words(SEQRING_WAIT_NONE);
		memset(&w, 0, sizeof(w));
		w.data = data;
		w.ctl = ctl;
		w.mask = DATA_SIZE - 1;
		w.cold.limit = DATA_SIZE;
		w.cold.seg_shift = 5;
		w.seg_end = 32;
		w.cold.payload_max = PAYLOAD;
		while (w.seq < published)
			publish();
	}

	void sleep_words(uint64_t v)
	{
		seqring_write(&sleepers->pos, v);
		seqring_write(&sleepers->seq, v);
	}

	/* Writes only the first word of the payload, so that there are fewer steps to explore. */
	void publish()
	{
		void *payload;

		MUST(!seqring_writer_reserve(&w, PAYLOAD, &payload));
		seqring_store_word((seqring_word *)payload, content(w.seq + 1));
		seqring_writer_commit(&w, 7, w.seq + 1);
	}

	static void reader(struct seqring_reader *r, bool eager)
	{
		memset(r, 0, sizeof(*r));
		r->ctl = ctl;
		r->data = data;
		r->mask = DATA_SIZE - 1;
		r->payload_max = PAYLOAD;
		r->eager = eager;
		r->any = 1;
	}

	/* Reads once. A record that is accepted must be whole and one that was published. */
	static enum seqring_outcome read(struct seqring_reader *r, struct seqring_view *v)
	{
		enum seqring_outcome outcome = seqring_reader_peek(r, v);
		uint64_t word;

		MUST(outcome != SEQRING_CORRUPT);
		if (outcome)
			return outcome;
		word = seqring_load_word((const seqring_word *)v->payload);
		outcome = seqring_reader_recheck(r, v);
		if (outcome)
			return outcome;
		MUST(word == content(v->seq));
		MUST(v->pos == RECORD * (v->seq - 1));
		MUST(v->ts_ns == v->seq && v->len == PAYLOAD && v->type == 7);
		seqring_reader_consume(r, v);
		return SEQRING_OK;
	}
};

/*
 * The writer laps the ring while a reader starts at the oldest record and resyncs after
 * each overrun. The records that it read and those that it lost must leave no gap.
 */
template <bool eager> struct follow : rl::test_suite<follow<eager>, 2>, ring_model {
	void before()
	{
		start(4);
	}

	void thread(unsigned int index)
	{
		struct seqring_reader r;
		struct seqring_view v;
		uint64_t next = 2, got = 0;

		if (!index) {
			for (int i = 0; i < 5; i++)
				publish();
			return;
		}
		reader(&r, eager);
		/* Where tail is after four records in this ring. */
		r.pos = RECORD;
		r.seq = next;
		r.any = 0;
		for (int tries = 0; tries < 8; tries++) {
			switch (read(&r, &v)) {
			case SEQRING_OK:
				got++;
				MUST(v.seq == next + v.lost);
				next = v.seq + 1;
				MUST(got + r.lost_total == next - 2);
				break;
			case SEQRING_OVERRUN:
				MUST(!seqring_reader_resync(&r));
				break;
			default:
				break;
			}
		}
	}
};

/*
 * A reader joins after the writer has made any number of steps. Nothing orders these steps
 * before the reader's loads: its first load may be stale, and its later loads must be
 * consistent with the first.
 */
static void unseen_steps(unsigned int limit)
{
	for (unsigned int n = rl::rand(limit); n; n--)
		model::at(&sleepers->pos).load(rl::mo_relaxed, $);
}

enum where { TAIL, LAST, HEAD };

template <where at, unsigned int before_it, bool eager>
struct join : rl::test_suite<join<at, before_it, eager>, 2>, ring_model {
	void before()
	{
		start(before_it);
	}

	void thread(unsigned int index)
	{
		enum seqring_outcome outcome;
		struct seqring_reader r;
		struct seqring_view v;

		if (!index) {
			for (int i = 0; i < 6; i++)
				publish();
			return;
		}
		reader(&r, eager);
		unseen_steps(80);
		if (at == TAIL)
			MUST(!seqring_reader_seek_oldest(&r));
		else if (at == LAST)
			MUST(!seqring_reader_seek_newest(&r));
		else
			MUST(!seqring_reader_seek_head(&r));
		outcome = read(&r, &v);
		/* Once tail and last have moved, each names a record, not a free place. */
		if (at != HEAD && r.pos)
			MUST(outcome != SEQRING_EMPTY);
	}
};

/* A reader that is far behind resyncs by segment_pos while the writer moves on. */
struct resync : rl::test_suite<resync, 2>, ring_model {
	void before()
	{
		start(6);
	}

	void thread(unsigned int index)
	{
		struct seqring_reader r;
		struct seqring_view v;

		if (!index) {
			for (int i = 0; i < 6; i++)
				publish();
			return;
		}
		reader(&r, true);
		r.seq = 1;
		unseen_steps(80);
		MUST(!seqring_reader_resync(&r));
		if (read(&r, &v) == SEQRING_OK)
			MUST(v.lost == v.seq - 1);
	}
};

/* A reader seeks a seq, using segment_pos, while the writer moves on. */
struct seek : rl::test_suite<seek, 2>, ring_model {
	void before()
	{
		start(4);
	}

	void thread(unsigned int index)
	{
		enum seqring_outcome outcome;
		struct seqring_reader r;
		struct seqring_view v;

		if (!index) {
			for (int i = 0; i < 6; i++)
				publish();
			return;
		}
		reader(&r, true);
		unseen_steps(80);
		outcome = seqring_reader_seek(&r, 0, 5);
		MUST(outcome != SEQRING_CORRUPT);
		if (outcome || read(&r, &v))
			return;
		MUST(v.seq >= 5 && v.lost == v.seq - 5);
		/* The reader reports record 5 as lost, so it must be gone. */
		if (v.seq > 5)
			MUST(seqring_read(&ctl->tail) > RECORD * 4);
	}
};

/* A sleeper arms while the writer publishes: at least one of them must see the other. */
struct wake : rl::test_suite<wake, 2>, ring_model {
	bool woken, slept;

	void before()
	{
		start(1);
		woken = slept = false;
	}

	void thread(unsigned int index)
	{
		if (!index) {
			publish();
			woken = seqring_writer_wake_due(&w, sleepers);
			return;
		}
		seqring_reader_arm(sleepers, RECORD, SEQRING_WAIT_NONE);
		slept = seqring_read(&ctl->head) <= RECORD;
	}

	void after()
	{
		MUST(woken || !slept);
	}
};

/*
 * Sleepers announce themselves to a writer that has no fence otherwise. The writer forgets
 * them after @idle_max records that wake nobody. @before_it is an announcement from long
 * ago; its sleeper has done all that belongs to it. The lock stands for RCU: a section
 * either ends before a grace period does, or begins after the grace period began.
 */
template <unsigned int idle_max, unsigned int before_it, unsigned int sleepers_nr>
struct announce : rl::test_suite<announce<idle_max, before_it, sleepers_nr>, 1 + sleepers_nr>,
		  ring_model {
	enum { RECORDS = 3 };
	rl::mutex rcu;
	__u32 idle;
	bool slept[3];
	uint64_t from[3];
	rl::atomic<unsigned int> doorbell;
	unsigned int drained[3];

	void before()
	{
		start(1);
		seqring_write(&sleepers->announced, before_it);
		idle = 0;
		doorbell.store(0, rl::mo_relaxed, $);
		slept[1] = slept[2] = false;
	}

	void grace_period(bool mine)
	{
		if (weakened == ANNOUNCE_GRACE || (weakened == ANNOUNCE_OTHERS && !mine))
			return;
		rcu.lock($);
		rcu.unlock($);
	}

	void thread(unsigned int index)
	{
		__u64 known = before_it;

		if (!index) {
			for (int i = 0; i < RECORDS; i++) {
				rcu.lock($);
				publish();
				if (seqring_writer_wake_due_announced(ctl, sleepers, &idle, idle_max))
					doorbell.fetch_add(1, rl::mo_release, $);
				rcu.unlock($);
			}
			return;
		}
		unseen_steps(80);
		drained[index] = doorbell.load(rl::mo_acquire, $);
		from[index] = seqring_read(&ctl->head);
		seqring_reader_arm(sleepers, from[index], SEQRING_WAIT_NONE);
		if (seqring_reader_announce(sleepers, index, &known))
			grace_period(known == index);
		slept[index] = seqring_read(&ctl->head) <= from[index];
	}

	/* Each ring of the doorbell wakes all sleepers that drained it before. */
	void after()
	{
		for (unsigned int i = 1; i <= sleepers_nr; i++)
			MUST(!slept[i] || w.pos <= from[i] ||
			     doorbell.load(rl::mo_relaxed, $) != drained[i]);
	}
};

/* A reader that sees the end must have seen every record. */
template <bool eager> struct end : rl::test_suite<end<eager>, 2>, ring_model {
	void before()
	{
		start(0);
	}

	void thread(unsigned int index)
	{
		struct seqring_reader r;
		struct seqring_view v;
		int got = 0;

		if (!index) {
			publish();
			publish();
			seqring_writer_end(&w);
			return;
		}
		reader(&r, eager);
		for (int tries = 0; tries < 8; tries++) {
			enum seqring_outcome outcome = read(&r, &v);

			got += outcome == SEQRING_OK;
			if (outcome == SEQRING_DEAD) {
				MUST(got == 2);
				break;
			}
		}
	}
};

/* Return: 0 if nothing was violated, VIOLATED, or another value if the checker itself failed. */
static int explore(bool (*simulate)(rl::test_params &), unsigned int iterations)
{
	std::ostringstream quiet;
	rl::test_params params;
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (child < 0)
		return BROKEN;
	if (!child) {
		params.iteration_count = iterations;
		params.output_stream = &quiet;
		params.progress_stream = &quiet;
		params.execution_depth_limit = 20000;
		_exit(simulate(params) ? 0 : BROKEN);
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return BROKEN;
	return WEXITSTATUS(status);
}

static const struct {
	const char *name;
	bool (*simulate)(rl::test_params &);
} scenarios[] = {
	{ "follow", rl::simulate<follow<false>> },
	{ "follow eagerly", rl::simulate<follow<true>> },
	{ "join at the oldest", rl::simulate<join<TAIL, 4, true>> },
	{ "join at the oldest by head", rl::simulate<join<TAIL, 4, false>> },
	{ "join in the first lap", rl::simulate<join<TAIL, 0, true>> },
	{ "join at the newest", rl::simulate<join<LAST, 4, true>> },
	{ "join at head", rl::simulate<join<HEAD, 4, true>> },
	{ "resync", rl::simulate<resync> },
	{ "seek", rl::simulate<seek> },
	{ "wake", rl::simulate<wake> },
	{ "announce", rl::simulate<announce<100, 0, 2>> },
	{ "announce, and be forgotten", rl::simulate<announce<0, 0, 2>> },
	{ "be forgotten", rl::simulate<announce<0, 7, 1>> },
	{ "be forgotten later", rl::simulate<announce<1, 7, 1>> },
	{ "end", rl::simulate<end<false>> },
	{ "end eagerly", rl::simulate<end<true>> },
};

static const char *caught_by(unsigned int iterations)
{
	for (const auto &s : scenarios)
		if (explore(s.simulate, iterations) == VIOLATED)
			return s.name;
	return nullptr;
}

int main(int argc, char **argv)
{
	unsigned int iterations = argc > 1 ? strtoul(argv[1], nullptr, 0) : 20000;
	int failed = 0;

	for (const auto &s : scenarios) {
		bool good = !explore(s.simulate, iterations);

		printf("%s model: %s, %u runs\n", good ? "ok" : "not ok", s.name, iterations);
		failed += !good;
	}
	for (int i = NOTHING + 1; i < WEAK_COUNT && argc < 3; i++) {
		const char *by;

		weakened = (weak)i;
		by = caught_by(iterations);
		if (by)
			printf("ok model: %s, caught by %s\n", weak_names[i], by);
		else
			printf("not ok model: %s - nothing failed\n", weak_names[i]);
		failed += !by;
	}
	return failed ? 1 : 0;
}

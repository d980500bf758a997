// SPDX-License-Identifier: GPL-2.0-only
/*
 * The protocol under a model checker. The real writer.h and reader.h run against each
 * other on a ring of four records, in random interleavings, and a load returns any stale
 * value that C11 allows. Sleepers and the writer meet in the module's real thresholds.h.
 * Then each side of each ordering pair is weakened in turn, and a scenario must catch that.
 * A pair that no scenario misses is not needed, or not tested.
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

/* How many records the module's writer publishes before it forgets an announcement. */
static unsigned int idle_publishes;
#define SEQRING_IDLE_PUBLISHES idle_publishes
#include "../../../kmod/thresholds.h"

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
	SLOT_CELL = WAIT_CELL + 3,
	SLOTS = 2,
	CELLS = SLOT_CELL + 2 * SLOTS,
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
	SLOT_WRITER, SLOT_READER,
	/* The module's thresholds. */
	DUE_FENCE, STORE_FENCE, CALL_FENCE, CALL_NONE, CALL_REPLY, HALF_TRUSTED, ANNOUNCED_LOAD,
	CONFIRM_STORE, FORGET_FENCE, FORGET_RESTORE,
	WEAK_COUNT,
	MODULE_FIRST = DUE_FENCE,
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
	"WAKE: the writer has no full fence before it reads the slots",
	"WAKE: the reader has no full fence between its slot and the ring's thresholds",
	"WAKE: the module's writer has no full fence before it compares",
	"WAKE: the module's sleeper has no full fence behind its threshold",
	"WAKE: the announcer has no full fence before it interrupts the writer",
	"WAKE: the announcer interrupts nobody",
	"WAKE: the interrupt executes no full fence",
	"WAKE: a sleeper trusts an announcement whose interrupt is not over",
	"WAKE: the announcement is loaded without acquire",
	"WAKE: a late sleeper confirms an announcement that was forgotten",
	"WAKE: the writer forgets an announcement without a full fence",
	"WAKE: the writer forgets an announcement and ignores the sleepers",
};

static weak weakened;
static rl::atomic<uint64_t> *cells;
/* Two words of the module share eight bytes, so each four bytes have a cell of their own. */
static rl::atomic<uint64_t> *threshold_cells;
/* Provides addresses only. It is never read or written; the cells stand for its words. */
alignas(128) static unsigned char arena[CELLS * 8];

static struct seqring_ring_ctl *const ctl = (struct seqring_ring_ctl *)arena;
static unsigned char *const data = arena + sizeof(struct seqring_ring_ctl);
static struct seqring_wait *const sleepers = (struct seqring_wait *)(arena + WAIT_CELL * 8);
static struct seqring_threshold *const slots =
	(struct seqring_threshold *)(arena + SLOT_CELL * 8);
static struct seqring_thresholds thresholds;

enum { THREADS_MAX = 3, THRESHOLD_CELLS = sizeof(thresholds) / 4 };

/* The mistake that leaves out the next full fence of each thread. */
static weak fence_of[THREADS_MAX];
/* Runs in the writer wherever an interrupt may arrive; NULL: there is none. */
static void (*interrupt_handler)();

namespace model {

static bool in_thresholds(const void *p)
{
	return (const char *)p >= (const char *)&thresholds &&
	       (const char *)p < (const char *)(&thresholds + 1);
}

rl::atomic<uint64_t> &at(const void *p)
{
	if (in_thresholds(p))
		return threshold_cells[((const char *)p - (const char *)&thresholds) / 4];
	return cells[((const unsigned char *)p - arena) / 8];
}

/* Only between the accesses by which the writer and the sleepers meet: fewer steps. */
void interrupt(const void *p)
{
	if (!interrupt_handler || in_reader() || !(in_thresholds(p) || p == &ctl->head))
		return;
	interrupt_handler();
}

static bool in_slots(const void *p)
{
	return (const char *)p >= (const char *)slots &&
	       (const char *)p < (const char *)(slots + SLOTS);
}

bool left_out(const void *p, uint64_t v)
{
	/* A reader arms its slot. The next fence is behind that. */
	if (in_slots(p) && in_reader())
		fence_of[rl::thread_index()] = SLOT_READER;
	if (p != &thresholds.announced || in_reader())
		return false;
	/* The writer forgets an announcement. The next fence is behind that. */
	if (v == SEQRING_ANNOUNCED_NONE)
		fence_of[0] = FORGET_FENCE;
	else if (weakened == FORGET_RESTORE)
		return true;
	return false;
}

bool plain_exchange()
{
	return weakened == CONFIRM_STORE;
}

static weak side(model_tag tag, const void *p, bool load)
{
	size_t off = (const unsigned char *)p - arena;
	weak store;

	switch (tag) {
	case WAKE:
		return ANNOUNCED_LOAD;
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

	if (tag == WAKE && fence_of[rl::thread_index()])
		off = fence_of[rl::thread_index()];
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

	/* The fence of seqring_reader_arm_slot() is over. */
	if (fence_of[rl::thread_index()] == SLOT_READER)
		fence_of[rl::thread_index()] = NOTHING;
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
 * Sleepers with slots arm while the writer publishes and wakes. The lowest threshold is that of
 * the ring; the writer lowers it again for the sleepers that are not due.
 */
struct wake_slots : rl::test_suite<wake_slots, 1 + SLOTS>, ring_model {
	bool woken[1 + SLOTS], slept[1 + SLOTS];

	void before()
	{
		start(1);
		for (unsigned int i = 0; i < SLOTS; i++) {
			seqring_write(&slots[i].pos, SEQRING_WAIT_NONE);
			seqring_write(&slots[i].seq, SEQRING_WAIT_NONE);
		}
		for (unsigned int i = 0; i <= SLOTS; i++) {
			woken[i] = slept[i] = false;
			fence_of[i] = NOTHING;
		}
	}

	/* wake_due_readers() in libring/writer/wake.c */
	void wake_due_readers()
	{
		struct seqring_threshold lowest = { SEQRING_WAIT_NONE, SEQRING_WAIT_NONE };

		fence_of[0] = SLOT_WRITER;
		seqring_writer_wake_begin();
		fence_of[0] = NOTHING;
		for (unsigned int i = 0; i < SLOTS; i++)
			if (seqring_writer_slot_due(w.pos, w.seq, &slots[i], &lowest))
				woken[1 + i] = true;
		seqring_writer_wake_end(sleepers, &lowest);
	}

	/* The first sleeper wants one record, the second one two. */
	void thread(unsigned int index)
	{
		if (!index) {
			for (int i = 0; i < 2; i++) {
				publish();
				if (seqring_writer_wake_due(&w, sleepers))
					wake_due_readers();
			}
			return;
		}
		seqring_reader_arm_slot(sleepers, &slots[index - 1], RECORD * index,
					SEQRING_WAIT_NONE);
		slept[index] = seqring_read(&ctl->head) <= RECORD * index;
	}

	void after()
	{
		for (unsigned int i = 1; i <= SLOTS; i++)
			MUST(woken[i] || !slept[i]);
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
				if (seqring_writer_wake_due_announced(ctl, sleepers, &idle, idle_max) &
				    SEQRING_WAKE_DUE)
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

/*
 * The sleepers of a device. Each arms once, and announces itself to a writer that has no
 * fence until then. The writer forgets the announcement after @idle_max records without a
 * sleeper. @before_it is an announcement from long ago. If there is only one sleeper, the
 * other thread announces this ring because of another ring of the device; or, if @before_it
 * is half an announcement, it was woken while it announced itself, and confirms late.
 *
 * The writer looks for a call before each access at which it may meet a sleeper: there the
 * interrupt arrives. The call and the reply order nothing by themselves.
 */
template <unsigned int idle_max, unsigned int before_it, unsigned int sleepers_nr>
struct sleep_on_device : rl::test_suite<sleep_on_device<idle_max, before_it, sleepers_nr>,
					THREADS_MAX>, ring_model {
	typedef sleep_on_device<idle_max, before_it, sleepers_nr> self;
	enum { RECORDS_MAX = 3 };
	rl::atomic<uint64_t> words[THRESHOLD_CELLS];
	rl::mutex sleepers_lock, announce_lock;
	rl::atomic<unsigned int> call, reply;
	bool armed[THREADS_MAX], slept[THREADS_MAX], woken[THREADS_MAX];
	uint64_t from[THREADS_MAX];
	static self *running;

	void before()
	{
		/* start() needs no interrupt. */
		interrupt_handler = nullptr;
		threshold_cells = words;
		for (unsigned int i = 0; i < THRESHOLD_CELLS; i++)
			words[i].store(0, rl::mo_relaxed, $);
		seqring_thresholds_init(&thresholds);
		seqring_write(&thresholds.pos, SEQRING_WAIT_NONE);
		seqring_write(&thresholds.seq, SEQRING_WAIT_NONE);
		seqring_write(&thresholds.announced, before_it);
		start(1);
		idle_publishes = idle_max;
		call.store(0, rl::mo_relaxed, $);
		reply.store(0, rl::mo_relaxed, $);
		for (unsigned int i = 0; i < THREADS_MAX; i++) {
			armed[i] = slept[i] = woken[i] = false;
			fence_of[i] = NOTHING;
		}
		running = this;
		interrupt_handler = answer;
	}

	/* seqring_fence_here() */
	static void answer()
	{
		unsigned int number = running->call.load(rl::mo_relaxed, $);
		weak outer = fence_of[0];

		if (number == running->reply.load(rl::mo_relaxed, $))
			return;
		fence_of[0] = CALL_REPLY;
		seqring_fence_full(WAKE);
		fence_of[0] = outer;
		running->reply.store(number, rl::mo_relaxed, $);
	}

	/* seqring_show_thresholds(); under the lock */
	void show()
	{
		uint64_t pos = SEQRING_WAIT_NONE;
		unsigned int nr = 0;

		for (unsigned int i = 1; i < THREADS_MAX; i++) {
			if (!armed[i])
				continue;
			nr++;
			if (from[i] < pos)
				pos = from[i];
		}
		seqring_thresholds_store(&thresholds, pos, SEQRING_WAIT_NONE, nr);
	}

	/* seqring_wake_ring() */
	void wake_ring()
	{
		bool due = true;

		while (due) {
			sleepers_lock.lock($);
			for (unsigned int i = 1; i < THREADS_MAX; i++) {
				if (armed[i] && seqring_load_acquire(JOIN, &ctl->head) > from[i]) {
					armed[i] = false;
					woken[i] = true;
				}
			}
			show();
			due = seqring_thresholds_reached(&thresholds,
							 seqring_load_acquire(JOIN, &ctl->head),
							 seqring_read(&ctl->seq));
			sleepers_lock.unlock($);
		}
	}

	void writer()
	{
		for (unsigned int n = 1 + rl::rand(RECORDS_MAX); n; n--) {
			publish();
			/* seqring_wake_if_due() */
			if (!seqring_thresholds_watched(&thresholds))
				continue;
			fence_of[0] = DUE_FENCE;
			if (seqring_thresholds_due(&thresholds, w.pos, w.seq)) {
				fence_of[0] = NOTHING;
				wake_ring();
			}
			fence_of[0] = NOTHING;
		}
		/* Whoever interrupts from now on needs the fence for what was published. */
		interrupt_handler = nullptr;
		fence_of[0] = CALL_REPLY;
		seqring_fence_full(WAKE);
		reply.store(~0U, rl::mo_relaxed, $);
	}

	/* seqring_announce() */
	void announce(unsigned int me)
	{
		unsigned int number;

		announce_lock.lock($);
		if (!seqring_thresholds_announced(&thresholds)) {
			seqring_thresholds_announce(&thresholds);
			fence_of[me] = CALL_FENCE;
			seqring_fence_full(WAKE);
			fence_of[me] = NOTHING;
			number = call.load(rl::mo_relaxed, $) + 1;
			call.store(number, rl::mo_relaxed, $);
			while (weakened != CALL_NONE && reply.load(rl::mo_acquire, $) < number)
				rl::yield(1, $);
			seqring_thresholds_confirm(&thresholds);
		}
		announce_lock.unlock($);
	}

	/* seqring_look_and_arm() */
	void sleeper(unsigned int me)
	{
		bool announced;

		unseen_steps(60);
		from[me] = seqring_load_acquire(JOIN, &ctl->head);
		sleepers_lock.lock($);
		armed[me] = true;
		fence_of[me] = STORE_FENCE;
		show();
		fence_of[me] = NOTHING;
		sleepers_lock.unlock($);
		unseen_steps(20);
		announced = seqring_thresholds_announced(&thresholds);
		if (weakened == HALF_TRUSTED)
			announced |= seqring_read(&thresholds.announced) == SEQRING_ANNOUNCED_HALF;
		if (!announced)
			announce(me);
		slept[me] = seqring_load_acquire(JOIN, &ctl->head) <= from[me];
	}

	void thread(unsigned int index)
	{
		if (!index) {
			writer();
		} else if (index <= sleepers_nr) {
			sleeper(index);
		} else if (before_it != SEQRING_ANNOUNCED_HALF) {
			unseen_steps(60);
			announce(index);
		} else {
			announce_lock.lock($);
			unseen_steps(60);
			seqring_thresholds_confirm(&thresholds);
			announce_lock.unlock($);
		}
	}

	void after()
	{
		for (unsigned int i = 1; i <= sleepers_nr; i++)
			MUST(!slept[i] || woken[i] || w.pos <= from[i]);
	}
};

template <unsigned int idle_max, unsigned int before_it, unsigned int sleepers_nr>
sleep_on_device<idle_max, before_it, sleepers_nr> *
	sleep_on_device<idle_max, before_it, sleepers_nr>::running;

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

/* @module: runs the module's thresholds */
static const struct {
	const char *name;
	bool (*simulate)(rl::test_params &);
	bool module;
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
	{ "wake by slots", rl::simulate<wake_slots> },
	{ "announce", rl::simulate<announce<100, 0, 2>> },
	{ "announce, and be forgotten", rl::simulate<announce<0, 0, 2>> },
	{ "be forgotten", rl::simulate<announce<0, 7, 1>> },
	{ "be forgotten later", rl::simulate<announce<1, 7, 1>> },
	{ "end", rl::simulate<end<false>> },
	{ "end eagerly", rl::simulate<end<true>> },
	{ "sleep on a device",
	  rl::simulate<sleep_on_device<100, SEQRING_ANNOUNCED_NONE, 2>>, true },
	{ "sleep on a device that another announces",
	  rl::simulate<sleep_on_device<100, SEQRING_ANNOUNCED_NONE, 1>>, true },
	{ "sleep on a watched device",
	  rl::simulate<sleep_on_device<1, SEQRING_ANNOUNCED_FULL, 2>>, true },
	{ "sleep on a device, and be forgotten",
	  rl::simulate<sleep_on_device<0, SEQRING_ANNOUNCED_NONE, 2>>, true },
	{ "sleep on a device that forgets",
	  rl::simulate<sleep_on_device<0, SEQRING_ANNOUNCED_FULL, 2>>, true },
	{ "confirm late",
	  rl::simulate<sleep_on_device<0, SEQRING_ANNOUNCED_HALF, 1>>, true },
};

/* A mistake of the module is in no other scenario, so only the module's can catch it. */
static const char *caught_by(unsigned int iterations)
{
	for (const auto &s : scenarios)
		if (s.module == (weakened >= MODULE_FIRST) &&
		    explore(s.simulate, iterations) == VIOLATED)
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

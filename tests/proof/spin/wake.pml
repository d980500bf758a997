/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sleeping and waking, step by step, as a state machine for spin. No sleeper may sleep
 * forever while there is a record for it (an invalid end state), and none may run forever
 * without a new record (a non-progress cycle).
 *
 * The writer's store of head stays in a store buffer until a fence, or until the machine
 * empties the buffer. Without this buffer the WAKE and ANNOUNCE pairs would not be needed
 * at all. tests/proof/litmus and model.cc explore all other reordering.
 *
 * RECORDS is the number of published records. One macro selects the kind of sleeper:
 *   LEVEL      poll(2) on a device: seqring_fop_poll()
 *   EDGE       EPOLLET on a device: poll() checks it only after an event
 *   WATERMARK  poll(2) with a watermark of two records and a timeout
 *   DOORBELL   an epoll instance with an eventfd or a BPF ring buffer: the sleeper drains
 *              the doorbell, arms, and checks head again: arm_and_check() in libring/reader/wait.c
 *   ANNOUNCE   DOORBELL, but the writer loads the wake threshold only while a sleeper is
 *              announced: seqring_reader_announce(), seqring_writer_wake_due_announced()
 * Each macro BREAK_... makes one mistake, which the search must find; spin.sh lists them.
 */

#ifndef RECORDS
#define RECORDS 2
#endif
#define SLEEPERS 2
#define NONE 255

byte head;		/* as everyone except the writer sees it */
byte mine;		/* as the writer sees it */
byte threshold = NONE;	/* the wake threshold, seqring_wait.pos */
bool due;		/* irq_work is queued */
bool queued[SLEEPERS];	/* on the wait queue; an epoll instance: it contains the doorbell */
bool woken[SLEEPERS];
bool timer[SLEEPERS];
bool expired[SLEEPERS];

#ifdef ANNOUNCE
byte announced;
byte idle;		/* records since a wake-up */
bool section;		/* the writer's RCU read-side critical section */
byte sections;		/* number of sections that have ended */
#endif

/* seqring_atomic_min(): one atomic instruction. */
inline lower(pos)
{
	d_step {
		if
		:: threshold > pos -> threshold = pos
		:: else
		fi
	}
}

/* Waits until the store buffer is empty. */
inline fence()
{
#ifndef BREAK_FENCE
	head == mine
#else
	skip
#endif
}

inline wake_all()
{
#if defined(LEVEL) || defined(EDGE) || defined(WATERMARK)
	due = true	/* irq_work_queue() */
#else
	/* The doorbell is an edge for every epoll instance that contains it. */
	d_step {
		woken[0] = woken[0] || queued[0];
		woken[1] = woken[1] || queued[1]
	}
#endif
}

/* seqring_writer_wake_due_at(), then seqring_wake() */
inline wake_if_due()
{
	if
	:: threshold < mine ->
#ifdef BREAK_DISARM
		wake_all();
		threshold = NONE
#else
		threshold = NONE;
		wake_all()
#endif
	:: else
	fi
}

/* seqring_writer_wake_due_announced() */
inline wake_if_announced()
{
#ifdef ANNOUNCE
	if
	:: announced == 0
	:: announced != 0 && idle < 1 ->
		idle++;
		fence();
		wake_if_due()
	:: announced != 0 && idle >= 1 ->
		idle = 0;
		announced = 0;
#ifndef BREAK_FORGET
		fence();
		if
		:: threshold != NONE ->
			threshold = NONE;
			wake_all()
		:: else
		fi
#endif
	fi
#endif
}

active proctype writer()
{
	byte n;

	do
	:: n < RECORDS ->
#ifdef ANNOUNCE
		section = true;
#endif
		head == mine;	/* the buffer holds one store */
		mine++;
		n++;
#ifdef ANNOUNCE
		wake_if_announced();
		d_step {
			section = false;
			sections++
		}
#else
		fence();
		wake_if_due()
#endif
	:: else -> break
	od
}

/* The store buffer, irq_work and the timers: each acts at any time. */
active proctype machine()
{
end:	do
	:: head < mine -> head++
	:: due ->
		due = false;
		/* seqring_wake_sleepers(), under the queue's lock */
		d_step {
			woken[0] = woken[0] || queued[0];
			woken[1] = woken[1] || queued[1]
		}
	:: timer[0] ->
		d_step {
			timer[0] = false;
			expired[0] = true;
			woken[0] = true
		}
	:: timer[1] ->
		d_step {
			timer[1] = false;
			expired[1] = true;
			woken[1] = true
		}
	od
}

/* Reads all records and moves the cursor in the reader page. */
inline drain_ring()
{
	if
	:: head > cursor ->
progress_read:
		cursor = head
	:: else
	fi
}

#ifdef BREAK_RECHECK
#define ENOUGH(seen) (seen > cursor)
#else
#define ENOUGH(seen) (head > cursor)
#endif

/* Sets @ready: whether poll() reports records. */
inline poll_ring()
{
	seen = head;
#if defined(WATERMARK)
	if
	:: expired[i] && seen > cursor ->
		/* seqring_arm_heads() */
		expired[i] = false;
		lower(head);
		ready = true
	:: else ->
		expired[i] = false;
		if
#ifndef BREAK_TIMEOUT
		:: seen == cursor -> lower(cursor)
#endif
		:: seen >= cursor + 2 -> lower(seen)
		:: else -> lower(cursor + 1)
		fi;
		/* One unread record is not enough, but starts the timer. */
		seen = head;
		ready = (seen >= cursor + 2);
		if
		:: !ready && seen > cursor -> timer[i] = true
		:: else
		fi
	fi;
#elif defined(BREAK_EDGE)
	if
	:: seen > cursor -> ready = true
	:: else ->
		lower(cursor);
		ready = (head > cursor)
	fi;
#else
	/* seqring_arm_ring() arms at head if there are enough records already. */
	if
	:: seen > cursor -> lower(seen)
	:: else -> lower(cursor)
	fi;
#ifdef BREAK_SPIN
	ready = (head >= cursor);
#else
	ready = ENOUGH(seen);
#endif
#endif
	/* A stale value would only multiply the states. */
	seen = 0
}

#if defined(LEVEL) || defined(WATERMARK)
proctype sleeper(byte i)
{
	byte cursor, seen;
	bool ready;

	do
	:: cursor == RECORDS -> break
	:: else ->
		/* do_poll() joins the queue at its first call. */
		woken[i] = false;
#ifndef BREAK_QUEUE
		queued[i] = true;
#endif
		do
		:: true ->
			poll_ring();
			if
			:: ready -> break
			:: else
			fi;
#ifdef BREAK_QUEUE
			queued[i] = true;
#endif
			/* schedule() */
			woken[i];
progress_sleep:		woken[i] = false
		od;
		queued[i] = false;
		timer[i] = false;
		drain_ring()
	od
}
#endif

#ifdef EDGE
proctype sleeper(byte i)
{
	byte cursor, seen;
	bool ready;

	/* EPOLL_CTL_ADD joins the queue and polls once. */
	queued[i] = true;
	poll_ring();
	if
	:: ready -> woken[i] = true
	:: else
	fi;
	do
	:: cursor == RECORDS -> break
	:: else ->
		/* epoll_wait() polls a file on its ready list and takes it off the list. */
		woken[i];
progress_sleep:	woken[i] = false;
		poll_ring();
		if
		:: ready ->
			do
			:: head > cursor -> drain_ring()
			:: else -> break
			od
		:: else
		fi
	od
}
#endif

#if defined(DOORBELL) || defined(ANNOUNCE)
/* membarrier(MEMBARRIER_CMD_GLOBAL): waits for the sections that run now. */
inline grace_period()
{
#if defined(ANNOUNCE) && !defined(BREAK_GRACE)
	old = sections;
	!section || sections != old;
	/* The stores of those sections become visible, too. */
	seen = mine;
	head >= seen;
	d_step {
		seen = 0;
		old = 0
	}
#else
	skip
#endif
}

proctype sleeper(byte i)
{
	byte cursor, seen, old, known, found;

	queued[i] = true;
	do
	:: cursor == RECORDS -> break
	:: else ->
#ifndef BREAK_DRAIN
		woken[i] = false;	/* the backend drains */
#endif
#ifndef BREAK_ARM
		lower(cursor);
#endif
#ifdef ANNOUNCE
		/* seqring_reader_announce(), with a compare-and-exchange */
		d_step {
			found = announced;
			if
			:: found == 0 ->
				found = i + 1;
				announced = found
			:: else
			fi
		}
		if
		:: found != known ->
			known = found;
#ifdef BREAK_OTHERS
			if
			:: found == i + 1 -> grace_period()
			:: else
			fi
#else
			grace_period()
#endif
		:: else
		fi;
#endif
		if
		:: head > cursor -> drain_ring()
		:: else ->
#ifdef BREAK_DRAIN
			woken[i] = false;
#endif
			woken[i];
progress_sleep:		skip
		fi
	od
}
#endif

init {
	atomic {
		run sleeper(0);
		run sleeper(1)
	}
}

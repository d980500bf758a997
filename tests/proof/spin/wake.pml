/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sleeping and waking, step by step, as a state machine for spin. Nobody may sleep for
 * ever on a record that is there (an invalid end state), and nobody may run for ever
 * without a new record (a non-progress cycle).
 *
 * The writer's store of head waits in a store buffer until a fence, or until the machine
 * likes: without it the WAKE and ANNOUNCE pairs would not be needed at all. All other
 * reordering is for tests/proof/litmus and model.cc to explore.
 *
 * RECORDS: how many are published. One of these kinds of sleeper:
 *   LEVEL     poll(2) on a device: seqring_fop_poll(), seqring_arm_and_look()
 *   EDGE      EPOLLET on a device: asked by poll() only after an event
 *   WATERMARK      poll(2) with a watermark for two records and a timeout
 *   DOORBELL      an epoll instance with an eventfd or a BPF ring buffer: drain, arm, check
 *             (arm_and_check() in libring/reader/wait.c)
 *   ANNOUNCE  DOORBELL, where the writer looks at the armed word only while a sleeper is
 *             announced: seqring_reader_announce(), seqring_writer_wake_due_announced()
 * BREAK_...: with one thing wrong, which must be found.
 */

#ifndef RECORDS
#define RECORDS 2
#endif
#define SLEEPERS 2
#define NONE 255

byte head;		/* as all but the writer see it */
byte mine;		/* as the writer sees it */
byte armed = NONE;	/* seqring_wait.pos */
bool due;		/* irq_work is queued */
bool queued[SLEEPERS];	/* on the wait queue; of an epoll instance: the doorbell is in it */
bool woken[SLEEPERS];
bool timer[SLEEPERS];
bool expired[SLEEPERS];

#ifdef ANNOUNCE
byte announced;
byte calm;
bool section;		/* the writer's RCU read-side critical section */
byte sections;		/* how many have ended */
#endif

/* seqring_atomic_min(): one atomic instruction. */
inline lower(pos)
{
	d_step {
		if
		:: armed > pos -> armed = pos
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
	/* The doorbell: an edge for every epoll instance that it is in. */
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
	:: armed < mine ->
#ifdef BREAK_DISARM
		wake_all();
		armed = NONE
#else
		armed = NONE;
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
	:: announced != 0 && calm < 1 ->
		calm++;
		fence();
		wake_if_due()
	:: announced != 0 && calm >= 1 ->
		calm = 0;
		announced = 0;
#ifndef BREAK_FORGET
		fence();
		if
		:: armed != NONE ->
			armed = NONE;
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

/* The store buffer, and irq_work: both come when they like. */
active proctype machine()
{
end:	do
	:: head < mine -> head++
	:: due ->
		due = false;
		/* seqring_wake_sleepers(): under the queue's lock */
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

/* Reads what is there, and says so in the reader page. */
inline drain_ring()
{
	if
	:: head > cursor ->
progress_read:
		cursor = head
	:: else
	fi
}

#ifdef BREAK_LOOK
#define ENOUGH(seen) (seen > cursor)
#else
#define ENOUGH(seen) (head > cursor)
#endif

/* Return in @ready: whether poll() says that there is something. */
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
		/* One unread record is not enough, but starts the time. */
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
	/* seqring_arm_ring(): at head where there is enough already. */
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
	/* What is not needed any more only multiplies the states. */
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
		/* do_poll(): on the queue from the first call on. */
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

	/* EPOLL_CTL_ADD: on the queue, and asked once. */
	queued[i] = true;
	poll_ring();
	if
	:: ready -> woken[i] = true
	:: else
	fi;
	do
	:: cursor == RECORDS -> break
	:: else ->
		/* epoll_wait(): who is on its list is asked, and is then off it. */
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
/* Waits for the sections that run now; membarrier(MEMBARRIER_CMD_GLOBAL). */
inline grace_period()
{
#if defined(ANNOUNCE) && !defined(BREAK_GRACE)
	old = sections;
	!section || sections != old;
	/* What those sections have stored is seen, too. */
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

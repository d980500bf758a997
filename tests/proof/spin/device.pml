/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kinds of wake.pml that sleep on a device: kmod/thresholds.h, wake.c, waiters.c and
 * poll.c. A d_step is a part under the ring's lock, or one atomic operation. The writer
 * holds no lock, so nothing that it can come between is in one step.
 *
 * How many files an interrupt wakes, and whether a pause follows, is left open. After a
 * record that finds no sleeper, the writer forgets the announcement.
 */

#define NOBODY 0	/* SEQRING_ANNOUNCED_NONE */
#define HALF 1
#define FULL 2

/* BEGUN: the sleeper that was due began its timeout, and no file is woken. */
#define BEGUN 254

#if defined(SHARED) || defined(PAUSE)
#define FILES 1
#define PAUSES
#elif defined(EDGE)
#define FILES 1
#else
#define FILES 2
#endif

/* Two records are enough for a watermark, or else one. */
#ifdef WATERMARK
#define WANTED 2
#else
#define WANTED 1
#endif

byte announced;
byte nr;		/* sleepers of the ring: nr_sleepers */
bool announcing;	/* seqring_announce_lock */
bool due;		/* the irq_work is queued */
#ifdef PAUSE
bool work;		/* the ring's work item is queued */
#endif
#ifdef PAUSES
bool paused;		/* the ring pauses after a wake-up */
bool pause_timer;
bool extended;		/* the pause is longer than when its timer was started */
#else
#define paused false
#endif

/* A file's sleeper on the ring */
bool armed[FILES];
byte pos[FILES];
bool begins[FILES];	/* the next record begins the timeout, and wakes nobody */

bool marked[FILES];	/* SEQRING_FILE_WOKEN */
bool file_work[FILES];	/* the file's work item is queued */
bool file_timer[FILES];
bool expired[FILES];
byte cursor[FILES];
#ifdef SHARED
bool file_lock;
#endif

#ifdef PAUSE
#define QUEUE_WORK work = true
#else
/* Otherwise an interrupt does all the work itself. */
#define QUEUE_WORK due = true
#endif

#define DUE(f) (armed[f] && head > pos[f])

/* seqring_show_thresholds(); in a d_step */
inline show_thresholds()
{
	threshold = NONE;
	nr = 0;
	if
	:: armed[0] ->
		threshold = pos[0];
		nr++
	:: else
	fi;
#if FILES == 2
	if
	:: armed[1] ->
		nr++;
		if
		:: pos[1] < threshold -> threshold = pos[1]
		:: else
		fi
	:: else
	fi;
#endif
	if
	:: threshold != NONE && paused ->
		threshold = NONE;
#if defined(PAUSES) && !defined(BREAK_PAUSE)
		pause_timer = true
#endif
	:: else
	fi
}

/* seqring_wake_if_due() and seqring_wake() */
inline wake_if_due()
{
	if
	:: announced == NOBODY
	:: else ->
		if
		:: FENCED && threshold < mine ->
#ifdef BREAK_RESET
			due = true;
			threshold = NONE
#else
			threshold = NONE;
			due = true
#endif
		:: FENCED && threshold >= mine ->
			if
			:: nr > 0
			:: nr == 0 ->
				old = announced;
				announced = NOBODY;
				if
#ifndef BREAK_FORGET
				:: FENCED && nr > 0 -> announced = old
				:: FENCED && nr == 0
#else
				:: FENCED
#endif
				fi;
				old = 0
			fi
		fi
	fi
}

proctype writer()
{
	byte old;

	do
	:: mine < RECORDS ->
		/* The buffer holds one store. */
		d_step { head == mine -> mine++ };
		wake_if_due()
	:: else -> break
	od
}

/* Tasks in poll(2) are woken by whoever wakes the file, all others by the file's work item. */
inline wake_tasks(f)
{
#if defined(LEVEL) || defined(PAUSE) || defined(WATERMARK)
	woken[f] = woken[f] || queued[f]
#elif defined(SHARED)
	woken[0] = woken[0] || queued[0];
	file_work[f] = file_work[f] || queued[1]
#else
	file_work[f] = file_work[f] || queued[f]
#endif
}

/* seqring_wake_file(); in a d_step */
inline wake_file(f)
{
	if
	:: !marked[f] ->
		marked[f] = true;
		wake_tasks(f)
	:: else
	fi
}

/* seqring_take_due() */
inline take_due()
{
	d_step {
		if
		:: DUE(0) -> f = 0
#if FILES == 2
		:: !DUE(0) && DUE(1) -> f = 1
#endif
		:: else -> f = NONE
		fi;
		if
#ifndef BREAK_WAKES
		:: f != NONE && begins[f] ->
			/* seqring_begin_timeout() */
			begins[f] = false;
			pos[f] = pos[f] + WANTED - 1;
#ifndef BREAK_BEGIN
			file_timer[f] = true;
#endif
			f = BEGUN
		:: f != NONE && !begins[f] ->
#else
		:: f != NONE ->
#endif
			armed[f] = false
		:: else
		fi
	}
}

/* seqring_wake_due() of one sleeper */
inline wake_one()
{
	take_due();
	if
	:: f < FILES ->
		d_step {
			wake_file(f);
			woke = true
		}
	:: else
	fi
}

/* seqring_end_wake(); sets @again */
inline end_wake()
{
#ifdef PAUSES
#ifdef SHARED
	/* Some devices do not pause. */
	if
	:: woke = false
	:: true
	fi;
#endif
#endif
	d_step {
#ifdef PAUSES
		if
		:: woke ->
			paused = true;
			extended = pause_timer
		:: else
		fi;
#endif
		woke = false;
		show_thresholds()
	}
#ifdef BREAK_COMPARE
	again = false
#else
	again = (threshold < head)
#endif
}

/* seqring_wake_ring(): the irq_work and the timer that ends the pause */
active proctype interrupt()
{
	byte f;
	bool woke, again, early;

end:	do
#ifdef PAUSES
	:: due || (pause_timer && (!paused || extended)) ->
		d_step {
			if
			:: due -> due = false
			:: else ->
				pause_timer = false;
				extended = false
			fi;
			early = paused
		}
#else
	:: due ->
		due = false;
#endif
		do
		:: early -> break
		:: !early ->
			wake_one();
			if
			:: f == NONE -> break
			:: f != NONE
#ifdef PAUSE
			/* It has done its share. */
			:: f != NONE ->
				again = true;
				break
#endif
			fi
		od;
		if
		:: again
		:: !again ->
#ifdef BREAK_EXTEND
			if
			:: !early -> end_wake()
			:: else
			fi
#else
			end_wake()
#endif
		fi;
		d_step {
#ifdef BREAK_DROP
			again = again && !early;
#endif
#ifndef BREAK_MORE
			if
			:: again -> QUEUE_WORK
			:: else
			fi;
#endif
			f = 0;
			woke = false;
			again = false;
			early = false
		}
	od
}

#ifdef PAUSE
/* seqring_wake_ring_work() */
active proctype worker()
{
	byte f;
	bool woke, again;

end:	do
	:: work ->
		work = false;
		do
		:: true ->
			wake_one();
			if
			:: f == NONE ->
				end_wake();
				if
				:: again
				:: else -> break
				fi
			:: else
			fi
		od;
		f = 0
	od
}
#endif

/* The store buffer, the time, the timers and the work items: each acts at any time. */
active proctype machine()
{
end:	do
	:: d_step { head < mine -> head++ }
#ifdef PAUSES
	:: paused ->
		d_step {
			paused = false;
			extended = false
		}
#endif
#if defined(EDGE) || defined(SHARED)
	:: file_work[0] ->
		d_step {
			file_work[0] = false;
#ifdef SHARED
			woken[1] = true
#else
			woken[0] = true
#endif
		}
#endif
#ifdef WATERMARK
	:: file_timer[0] ->
		d_step {
			file_timer[0] = false;
			expired[0] = true;
			wake_file(0)
		}
	:: file_timer[1] ->
		d_step {
			file_timer[1] = false;
			expired[1] = true;
			wake_file(1)
		}
#endif
	od
}

/* seqring_thresholds_announced(), and seqring_announce() if necessary */
inline announce()
{
	if
#ifdef BREAK_HALF
	:: announced != NOBODY
#else
	:: announced == FULL
#endif
	:: else ->
		d_step {
			!announcing ->
			announcing = true
		}
		if
		:: announced == FULL
		:: else ->
			announced = HALF;
#ifndef BREAK_INTERRUPT
			/* The interrupt executes a fence, wherever the writer is. */
			head = mine;
#endif
			/* seqring_thresholds_confirm(), a compare-and-exchange */
			d_step {
				if
				:: announced == HALF -> announced = FULL
				:: else
				fi
			}
		fi;
		announcing = false
	fi
}

/* seqring_arm_ring() and seqring_arm(): @seen is head, @told whether the reader is told of it. */
inline arm(f)
{
	d_step {
		told = told || seen >= cursor[f] + WANTED;
		goal = (told -> seen : cursor[f]);
#ifndef BREAK_TOLD
		if
		:: told && DUE(f) -> goal = (pos[f] < goal -> pos[f] : goal)
		:: else
		fi;
#endif
#ifdef WATERMARK
#ifndef BREAK_FIRST
		begins[f] = (seen == cursor[f] || told);
#endif
		goal = (begins[f] -> goal : goal + WANTED - 1);
#endif
		pos[f] = goal;
		armed[f] = true;
		show_thresholds();
		goal = 0;
		seen = 0;
		told = false
	}
}

/* seqring_look_at_rings(); sets @ready */
inline look(f)
{
	d_step {
#ifdef SHARED
		last = head;
#endif
#ifdef BREAK_SPIN
		ready = true
#else
		ready = (head >= cursor[f] + WANTED || (expired[f] && head > cursor[f]))
#endif
	}
}

/* seqring_look_and_arm(), as seqring_fop_poll() calls it */
inline poll_file(f, always)
{
#ifdef SHARED
	d_step {
		!file_lock ->
		file_lock = true
	}
#endif
	look(f);
	if
#ifdef BREAK_EDGE
	:: ready
#else
	:: ready && !always
#endif
	:: else ->
		d_step {
			told = expired[f] && ready;
#ifndef BREAK_MARK
			marked[f] = false;
#endif
			seen = head
		}
		arm(f);
		announce();
#ifndef BREAK_RECHECK
		look(f);
#endif
#ifdef WATERMARK
		d_step {
			if
			:: !ready && head > cursor[f] -> file_timer[f] = true
			:: else
			fi
		}
#endif
	fi;
#ifdef SHARED
	file_lock = false
#endif
}

/* Reads all records; in a d_step */
inline drain_ring(f)
{
	cursor[f] = head;
	expired[f] = false;
	file_timer[f] = false
}

/* A task that sleeps in poll(2) */
inline level(f)
{
	do
	:: cursor[f] == RECORDS -> break
	:: else ->
		/* do_poll() joins the queue at its first call. */
		d_step {
			woken[i] = false;
#ifndef BREAK_QUEUE
			queued[i] = true
#endif
		}
		do
		:: true ->
			poll_file(f, false);
#ifdef WATERMARK
			/* The first record alone wakes nobody. */
			assert(!asleep || ready);
			asleep = true;
#endif
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
		if
		:: head > cursor[f] ->
progress_read:		skip
		:: else
		fi;
		d_step {
			queued[i] = false;
			drain_ring(f)
		}
	od
}

/* An epoll instance that looks at the file at once, and then after each event only */
inline edge(f)
{
	/* EPOLL_CTL_ADD joins the queue and asks once. */
	queued[i] = true;
	poll_file(f, true);
	if
	:: ready -> woken[i] = true
	:: else
	fi;
	do
#ifdef SHARED
	/* The other one reads. This one must have looked at each record, or later. */
	:: last == RECORDS -> break
#else
	:: cursor[f] == RECORDS -> break
#endif
	:: else ->
		/* epoll_wait() asks a file on its ready list and takes it off the list. */
		woken[i];
progress_event:	woken[i] = false;
		poll_file(f, true);
#ifndef SHARED
		do
		:: ready && head > cursor[f] ->
progress_drain:		d_step { drain_ring(f) }
		:: else -> break
		od
#endif
	od
}

proctype sleeper(byte i)
{
	byte seen, goal;
	bool ready, told;
#ifdef SHARED
	byte last;
#endif
#ifdef WATERMARK
	bool asleep;
#endif

#if defined(LEVEL) || defined(PAUSE) || defined(WATERMARK)
	level(i)
#elif defined(EDGE)
	edge(i)
#else
	if
	:: i == 0 -> level(0)
	:: else -> edge(0)
	fi
#endif
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds DOORBELL and ANNOUNCE of wake.pml: memfd and BPF rings. */

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

/* The doorbell is an edge for every epoll instance that contains it. */
inline wake_all()
{
	d_step {
		woken[0] = woken[0] || queued[0];
		woken[1] = woken[1] || queued[1]
	}
}

/* seqring_writer_wake_due_at(), then the ring of the doorbell */
inline wake_if_due()
{
	if
	:: threshold < mine ->
#ifdef BREAK_RESET
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
		FENCED;
		wake_if_due()
	:: announced != 0 && idle >= 1 ->
		idle = 0;
		announced = 0;
#ifndef BREAK_FORGET
		FENCED;
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

proctype writer()
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
		FENCED;
		wake_if_due()
#endif
	:: else -> break
	od
}

/* The store buffer, which the machine may empty at any time. */
active proctype machine()
{
end:	do
	:: head < mine -> head++
	od
}

/* Reads all records. */
inline drain_ring()
{
	if
	:: head > cursor ->
progress_read:
		cursor = head
	:: else
	fi
}

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

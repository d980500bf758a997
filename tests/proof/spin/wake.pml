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
 * RECORDS is the number of published records. One macro selects the kind of sleeper. On a
 * device (device.pml):
 *   LEVEL      poll(2) by two tasks, each on an open file of its own
 *   EDGE       an epoll instance with EPOLLET
 *   SHARED     poll(2) and EPOLLET on one open file, on a ring that pauses after a wake-up
 *   PAUSE      poll(2) by one task, on a ring that pauses; an interrupt may leave work
 *   WATERMARK  poll(2) by two tasks with a watermark of two records and a timeout
 * On a memfd or BPF ring (doorbell.pml):
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

#if defined(LEVEL) || defined(EDGE) || defined(SHARED) || defined(PAUSE) || defined(WATERMARK)
#define DEVICE
#endif

byte head;		/* as everyone except the writer sees it */
byte mine;		/* as the writer sees it */
byte threshold = NONE;	/* the lowest wake threshold that the writer sees */
bool queued[SLEEPERS];	/* on the wait queue; an epoll instance: it contains the doorbell */
bool woken[SLEEPERS];

/* A fence waits until the store buffer is empty. */
#ifndef BREAK_FENCE
#define FENCED (head == mine)
#else
#define FENCED true
#endif

#ifdef DEVICE
#include "device.pml"
#else
#include "doorbell.pml"
#endif

init {
	atomic {
#ifdef DEVICE
		/* Nobody was announced before, or somebody was, and is gone. */
		if
#ifndef PAUSES
		:: announced = NOBODY
#endif
		:: announced = FULL
		fi;
#endif
#ifdef PAUSES
		/* The ring pauses, or the timer that ended the pause is late. */
		if
		:: paused = true
		:: pause_timer = true
		fi;
#endif
		run writer();
		run sleeper(0);
#if !defined(PAUSE) && !defined(EDGE)
		run sleeper(1)
#endif
	}
}

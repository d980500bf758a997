/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * libring: read rings of the kernel module, of another process or of BPF programs, and
 * publish on a ring of this process.
 *
 * Concepts
 *
 * A ring is a block of memory with one writer and any number of readers. It has a data
 * area of fixed size and a control area. Readers map both read-only, so they can disturb
 * neither the writer nor each other. One or more rings, for example one per CPU, make a
 * device and are opened together. Where there is no doubt, "ring" also means the device.
 *
 * A record is what a writer publishes: a header and a payload of 0 to payload_max bytes.
 * Its type is a number that the producer chooses; its time is that of the ring's clock.
 *
 * A position counts bytes of a ring since its creation, and never decreases. The data area
 * shows the records between two positions: tail, the oldest record, and head, the end of
 * the newest one. The writer overwrites the oldest records when it needs room.
 *
 * A seq numbers the records of one ring from 1. A record has one seq more than the record
 * before it. So a reader knows how many records it lost, and every read says so.
 *
 * An overrun happens to a reader when the writer overwrites the place where it reads. The
 * reader then continues at a record that is still there and counts what it lost. The
 * writer never waits for a reader.
 *
 * A cursor is the place of one reader: the position and the seq of the record it reads
 * next. It belongs to the reader; the ring does not know it. ring_seek() moves it.
 *
 * A watermark says when to wake a reader: at a number of unread records, at a number of
 * unread bytes, or at a time after the first unread record. Wake thresholds are the
 * positions and seqs that follow from watermark and cursor; the writer compares with them.
 *
 * A filter selects the records that a reader gets, by type (ring_open_opts.types) or by an
 * expression over their fields (libring/filter.h). The others are passed, and counted apart from
 * those that are lost.
 *
 * A doorbell is what the writer of a memfd or BPF ring rings when it passes the lowest wake
 * threshold. It wakes all readers that sleep. A reader sleeps again if its own watermark is
 * not met.
 *
 * What a reader may assume
 *
 * - A record that a function delivers is whole: all its bytes are as they were published.
 * - Records of one ring come in the order of seq, each once, or they are counted as lost.
 * - The order of records of several rings is that of ring_read().
 * - The contents of a ring are not trusted: whatever they are, no function reads outside
 *   the mapping or loops without a bound. Payloads are the producer's: check them.
 * - No wake-up is lost: a record that is published while ring_wait() prepares to sleep
 *   counts for the watermark.
 *
 * Rules for all functions
 *
 * Every function returns 0 or -errno unless it says otherwise, and ring_strerror() explains a
 * failure until the next call that succeeds. An object comes back through the last parameter;
 * on failure that parameter is unchanged, unless the function says otherwise.
 *
 * A struct ring_reader or struct ring_writer belongs to one thread at a time, except where a
 * function says "any thread". Different ones are independent, even on the same ring. After fork()
 * only one of the two processes may use a reader. A writer stays the parent's: in the child its
 * functions return -EPERM until ring_writer_adopt() or ring_bpf_adopt(), and closing it there frees
 * memory and nothing else.
 * No function except ring_wake() is safe in a signal handler. "Never sleeps" means that a
 * function makes no blocking system call; a page fault may still sleep.
 *
 * An option struct starts with its size: fill it with sizeof(). A library that knows fewer
 * fields accepts a longer struct if the rest is zero, and returns -E2BIG otherwise. A
 * library that knows more fields takes missing ones as zero.
 *
 * libring/bpf.h and libring/schema.h belong to a library of their own, libring-bpf.
 */
#ifndef LIBRING_H
#define LIBRING_H

#include <libring/common.h>
#include <libring/device.h>
#include <libring/filter.h>
#include <libring/reader.h>
#include <libring/recording.h>
#include <libring/writer.h>

#endif /* LIBRING_H */

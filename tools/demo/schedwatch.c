// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader of the demo. Reads the scheduler's events from /dev/seqring/sched until their
 * producer is unloaded, then prints the account: published = read + lost.
 *
 * usage: schedwatch NAME [--print EVERY] [--slow USEC]
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libring.h"
#include "seqring/abi.h"
#include "seqring/sched.h"

#define CPUS_MAX  256
#define BUF_BYTES 8192

struct watch {
	struct ring_reader *ring;
	const char *name;
	uint64_t first_seq[CPUS_MAX];
	unsigned long print_every;
	unsigned long slow_us;
	uint64_t read;
};

static void print_lost(const struct watch *w, const struct ring_record *rec)
{
	printf("%-8s cpu%-2u  ... %" PRIu64 " records lost here\n", w->name, rec->ring, rec->lost);
}

/* Prints up to @max bytes, as far as there is no zero. A name may contain any bytes. */
static void print_text(const char *before, const char *s, size_t max)
{
	size_t i, n = strnlen(s, max);

	fputs(before, stdout);
	for (i = 0; i < n; i++)
		putchar(s[i] >= ' ' && s[i] <= '~' ? s[i] : '?');
}

/* Bytes that a record of @type has at least; UINT32_MAX: the type is unknown. */
static uint32_t min_len(uint16_t type)
{
	switch (type) {
	case SEQRING_SCHED_SWITCH:
		return sizeof(struct seqring_sched_switch);
	case SEQRING_SCHED_WAKEUP:
		return sizeof(struct seqring_sched_wakeup);
	case SEQRING_SCHED_EXEC:
		return sizeof(struct seqring_sched_exec);
	case SEQRING_SCHED_EXIT:
		return sizeof(struct seqring_sched_exit);
	default:
		return UINT32_MAX;
	}
}

/* Of a payload that is longer than the buffer, only so many bytes were copied. */
static void print_event(const struct watch *w, const struct ring_record *rec)
{
	const size_t have = rec->len < BUF_BYTES ? rec->len : BUF_BYTES;
	const void *p = rec->payload;
	const struct seqring_sched_switch *sw = p;
	const struct seqring_sched_wakeup *wake = p;
	const struct seqring_sched_exec *exec = p;
	const struct seqring_sched_exit *ex = p;

	printf("%-8s cpu%-2u %5" PRIu64 ".%06" PRIu64 " #%-7" PRIu64, w->name, rec->ring,
	       rec->ts_ns / 1000000000, rec->ts_ns / 1000 % 1000000, rec->seq);
	switch (have < min_len(rec->type) ? 0 : rec->type) {
	case SEQRING_SCHED_SWITCH:
		print_text(" switch ", sw->prev_comm, sizeof(sw->prev_comm));
		printf("/%d", sw->prev_pid);
		print_text(" -> ", sw->next_comm, sizeof(sw->next_comm));
		printf("/%d\n", sw->next_pid);
		break;
	case SEQRING_SCHED_WAKEUP:
		print_text(" wakeup ", wake->comm, sizeof(wake->comm));
		printf("/%d on cpu %u\n", wake->pid, wake->target_cpu);
		break;
	case SEQRING_SCHED_EXEC:
		printf(" exec   %d", exec->pid);
		print_text(": ", exec->filename, have - sizeof(*exec));
		printf("\n");
		break;
	case SEQRING_SCHED_EXIT:
		print_text(" exit   ", ex->comm, sizeof(ex->comm));
		printf("/%d with %d\n", ex->pid, ex->exit_code >> 8);
		break;
	default:
		printf(" type %u, %u bytes\n", rec->type, rec->len);
	}
}

static void handle_record(struct watch *w, const struct ring_record *rec)
{
	if (rec->ring < CPUS_MAX && !w->first_seq[rec->ring])
		w->first_seq[rec->ring] = rec->seq - rec->lost;
	if (w->print_every && rec->lost)
		print_lost(w, rec);
	if (w->print_every && w->read % w->print_every == 0)
		print_event(w, rec);
	w->read++;
	if (w->slow_us)
		usleep(w->slow_us);
}

/* Reads until the producer is gone and the rings are empty. */
static int follow(struct watch *w)
{
	_Alignas(8) char buf[BUF_BYTES];
	struct ring_record rec;
	int err;

	for (;;) {
		err = ring_read(w->ring, &rec, buf, sizeof(buf));
		if (!err) {
			handle_record(w, &rec);
		} else if (err == -EAGAIN) {
			fflush(stdout);
			err = ring_wait(w->ring, -1);
			if (err && err != -EINTR && err != -ENODEV)
				return err;
		} else if (err != -EPIPE) {
			return err == -ENODEV ? 0 : err;
		}
	}
}

static int print_account(const struct watch *w)
{
	struct ring_stats st = { .size = sizeof(st) };
	struct ring_info info = { .size = sizeof(info) };
	uint64_t before = 0;
	uint32_t i;

	if (ring_stats(w->ring, &st) || ring_info(w->ring, &info))
		return 1;
	for (i = 0; i < info.nr_rings && i < CPUS_MAX; i++)
		before += w->first_seq[i] ? w->first_seq[i] - 1 : 0;
	printf("%-8s published %" PRIu64 " = read %" PRIu64 " + lost %" PRIu64, w->name,
	       st.published - before, w->read, st.lost);
	if (before)
		printf(" (started after the first %" PRIu64 ")", before);
	printf("; overruns %" PRIu64 ", waits %" PRIu64 ": %s\n", st.overruns, st.waits,
	       st.published - before == w->read + st.lost ? "exact" : "WRONG");
	return st.published - before != w->read + st.lost;
}

int main(int argc, char **argv)
{
	/* Each wake-up causes an event itself, so read a few hundred records at a time. */
	struct ring_open_opts opts = {
		.size = sizeof(opts),
		.wake_records = 256,
		.wake_timeout_ns = 100000000,
	};
	struct watch w = { 0 };
	int i, err;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--print") && i + 1 < argc)
			w.print_every = strtoul(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--slow") && i + 1 < argc)
			w.slow_us = strtoul(argv[++i], NULL, 0);
		else if (argv[i][0] != '-' && !w.name)
			w.name = argv[i];
		else
			goto usage;
	}
	if (!w.name)
		goto usage;
	err = ring_open(SEQRING_SCHED_DEVICE, &opts, &w.ring);
	if (err) {
		fprintf(stderr, "schedwatch: %s: %s\n", SEQRING_SCHED_DEVICE, ring_strerror());
		return 1;
	}
	err = follow(&w);
	if (err)
		fprintf(stderr, "schedwatch: %s: %s\n", w.name, ring_strerror());
	err = print_account(&w) || err;
	ring_close(w.ring);
	return err;

usage:
	fprintf(stderr, "usage: schedwatch NAME [--print EVERY] [--slow USEC]\n");
	return 2;
}

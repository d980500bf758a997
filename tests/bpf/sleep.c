// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping on a ring that a BPF program writes: nothing below the watermark wakes, an idle
 * sleeper costs nothing, and a reader that dies asleep costs the others nothing.
 *
 * usage: sleep [--kills N] [--patience-ms MS]
 */
#include <signal.h>
#include <sys/resource.h>

#include <seqring/reader.h>

#include "../lib/forbid.h"
#include "sleeper.h"

static unsigned int kills = 1000;

/* --- watermarks ------------------------------------------------------------------- */

static void *publish_later(void *arg)
{
	pin_to(0);
	sleep_us(100000);
	publish((uintptr_t)arg, 0);
	return NULL;
}

/* Nothing below the watermark wakes; the record that reaches it does. */
static void watermark(enum how how, const char *what, const struct ring_open_opts *opts,
		      uint64_t below, uint64_t more)
{
	char name[80];
	struct told t = { 0 };
	pthread_t thread;
	struct sleeper s;
	uint64_t start;
	int err;

	set_up(SEQRING_DATA_SIZE_MIN);
	snprintf(name, sizeof(name), "sleep.watermark.%s.%s", what, how_names[how]);
	sleeper_open(&s, how, opts);
	drain(s.r, &t);
	start = now_ns();
	pthread_create(&thread, NULL, publish_later, (void *)(uintptr_t)below);
	err = sleep_ms(&s, 400);
	pthread_join(thread, NULL);
	t_check(err == -ETIMEDOUT && now_ns() - start >= 400 * MS, name,
		"woke for %" PRIu64 " records: %d", below, err);

	snprintf(name, sizeof(name), "sleep.watermark.%s.%s.met", what, how_names[how]);
	start = now_ns();
	pthread_create(&thread, NULL, publish_later, (void *)(uintptr_t)more);
	err = sleep_ms(&s, (int)patience_ms);
	pthread_join(thread, NULL);
	t_check(!err && now_ns() - start < patience_ms * MS && now_ns() - start >= 90 * MS, name,
		"%" PRIu64 " ms, %d", (now_ns() - start) / MS, err);
	drain(s.r, &t);
	snprintf(name, sizeof(name), "sleep.watermark.%s.%s.read", what, how_names[how]);
	t_check(t.got == below + more && !t.bad, name, "%" PRIu64 " read", t.got);
	sleeper_close(&s);
	tear_down();
}

/* The first record wakes a timeout later, and not before. */
static void watermark_timeout(enum how how)
{
	struct ring_open_opts opts = { .size = sizeof(opts),
				       .wake_records = 1000,
				       .wake_timeout_ns = 300 * MS };
	struct told t = { 0 };
	pthread_t thread;
	struct sleeper s;
	uint64_t ms;
	char name[80];
	int err = 0;

	set_up(SEQRING_DATA_SIZE_MIN);
	sleeper_open(&s, how, &opts);
	drain(s.r, &t);
	ms = now_ns() / MS;
	pthread_create(&thread, NULL, publish_later, (void *)(uintptr_t)3);
	/* A descriptor may wake earlier: it is asked again after each -EAGAIN. */
	while (!err && !t.got) {
		err = sleep_ms(&s, (int)patience_ms);
		if (!err)
			drain(s.r, &t);
	}
	ms = now_ns() / MS - ms;
	pthread_join(thread, NULL);
	snprintf(name, sizeof(name), "sleep.watermark.timeout.%s", how_names[how]);
	t_check(!err && t.got == 3 && ms >= (how == BY_WAIT ? 395 : 95) && ms < patience_ms, name,
		"%d: %" PRIu64 " records after %" PRIu64 " ms", err, t.got, ms);
	sleeper_close(&s);
	tear_down();
}

static void watermarks(void)
{
	const struct ring_open_opts records = { .size = sizeof(records), .wake_records = 10 };
	/* A record of 8 payload bytes takes 32. */
	const struct ring_open_opts bytes = { .size = sizeof(bytes), .wake_bytes = 3200 };
	unsigned int how;

	for (how = 0; how < HOWS; how++) {
		watermark(how, "records", &records, 9, 1);
		watermark(how, "bytes", &bytes, 99, 1);
		watermark_timeout(how);
	}
}

/* --- one call for each event ---------------------------------------------------- */

static int count_next(const struct ring_record *rec, void *arg)
{
	struct told *t = arg;

	t->bad += rec->seq != t->got + 1;
	t->got++;
	return 0;
}

/* An application that calls once for each event, and never sees -EAGAIN, misses none. */
static void one_call(enum how how)
{
	static struct ring_record recs[16];
	static unsigned char buf[256] __attribute__((aligned(8)));
	struct told t = { 0 };
	unsigned int i, n, nr;
	struct sleeper s;
	char name[64];
	int err = 0;

	set_up(SEQRING_DATA_SIZE_MIN);
	sleeper_open(&s, how, NULL);
	drain(s.r, &t);
	for (i = 0; i < 40 && !err; i++) {
		nr = 1 + i % 3;
		publish(nr, 0);
		err = sleep_ms(&s, (int)patience_ms);
		if (err)
			break;
		if (i % 2) {
			err = ring_consume(s.r, count_next, &t, 0, &n);
		} else {
			err = ring_read_batch(s.r, recs, 16, buf, sizeof(buf), &n);
			t.got += n;
		}
		t.bad += n != nr;
		/* Nothing is left, so there is no event. */
		t.bad += sleep_ms(&s, 0) != -ETIMEDOUT;
	}
	snprintf(name, sizeof(name), "sleep.one_call.%s", how_names[how]);
	t_check(!err && !t.bad, name, "event %u: %d, %" PRIu64 " wrong", i, err, t.bad);
	sleeper_close(&s);
	tear_down();
}

/* --- a filter forbids the grace period ------------------------------------------- */

/* In a child: the filter stays. The doorbell does not ring for it, as if a program missed it. */
static void sleep_forbidden(enum how how)
{
	struct ring_stats st = { .size = sizeof(st) };
	struct told t = { 0 };
	struct sleeper s;
	uint64_t start;

	sleeper_open(&s, how, NULL);
	if (!forbid_membarrier())
		_exit(77);
	start = now_ns();
	while (drain(s.r, &t) == -EAGAIN && !t.got && now_ns() - start < patience_ms * MS) {
		if (sleep_ms(&s, (int)patience_ms))
			_exit(1);
	}
	/* At its timeout ring_wait() looks once more. */
	if (now_ns() - start >= patience_ms * MS)
		_exit(1);
	ring_stats(s.r, &st);
	_exit(t.got != 1 ? 2 : !st.unfenced ? 3 : 0);
}

static void forbidden(enum how how)
{
	uint64_t zero = 0;
	char name[64];
	int status;
	pid_t pid;

	set_up(SEQRING_DATA_SIZE_MIN);
	snprintf(name, sizeof(name), "sleep.forbidden.%s", how_names[how]);
	pid = fork();
	if (!pid)
		sleep_forbidden(how);
	while (seqring_read(&wait_words[0].pos) == SEQRING_WAIT_NONE || !is_asleep(pid))
		sleep_us(1000);
	/* A program that did not see the announcement rings no doorbell. */
	seqring_write(&wait_words[0].announced, zero);
	seqring_write(&wait_words[0].pos, SEQRING_WAIT_NONE);
	publish(1, 0);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		t_skip(name, "no filter of system calls here");
	else
		t_check(!status, name, "status %#x", status);
	tear_down();
}

/* --- sleepers that cost nothing ------------------------------------------------ */

#define IDLE_TRIES 5

struct idle {
	int err;
	uint64_t us;
	long switches;
	long grace_period; /* switches of one grace period, without a reader */
};

static uint64_t cpu_us(const struct rusage *u)
{
	return (uint64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u->ru_utime.tv_usec + u->ru_stime.tv_usec);
}

/* Sleeps for two seconds on a ring to which nothing is published. */
static struct idle idle_once(enum how how)
{
	struct rusage before, after, start;
	struct idle idle = { 0 };
	struct told t = { 0 };
	struct sleeper s;

	set_up(SEQRING_DATA_SIZE_MIN);
	sleeper_open(&s, how, NULL);
	publish(10, 0);
	getrusage(RUSAGE_SELF, &start);
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	getrusage(RUSAGE_SELF, &before);
	idle.grace_period = before.ru_nvcsw - start.ru_nvcsw;
	drain(s.r, &t);
	getrusage(RUSAGE_SELF, &before);
	idle.err = sleep_ms(&s, 2000);
	getrusage(RUSAGE_SELF, &after);
	idle.us = cpu_us(&after) - cpu_us(&before);
	idle.switches = after.ru_nvcsw - before.ru_nvcsw;
	sleeper_close(&s);
	tear_down();
	return idle;
}

/*
 * A sleeper switches once for the grace period before it sleeps and once for its sleep. A
 * grace period beside other BPF programs takes more switches: as many as one just before
 * are allowed, and a sleeper that exceeds this is asked again.
 */
static void idle(void)
{
	struct idle idle = { 0 };
	unsigned int how, i;
	char name[64];
	long allowed;

	for (how = 0; how < HOWS; how++) {
		for (i = 0; i < IDLE_TRIES; i++) {
			idle = idle_once(how);
			allowed = 1 + (idle.grace_period > 1 ? idle.grace_period : 1);
			if (idle.err != -ETIMEDOUT || (idle.us < 20000 && idle.switches <= allowed))
				break;
		}
		snprintf(name, sizeof(name), "sleep.idle.%s", how_names[how]);
		t_check(i < IDLE_TRIES && idle.err == -ETIMEDOUT, name,
			"%d: %" PRIu64 " us of CPU, %ld switches in 2 s, %ld of a grace period; "
			"%u tries",
			idle.err, idle.us, idle.switches, idle.grace_period, i);
	}
}

/* Return: a child that has armed and sleeps. */
static pid_t armed_child(enum how how)
{
	const struct ring_open_opts opts = { .size = sizeof(opts), .whence = RING_HEAD };
	uint64_t end = now_ns() + patience_ms * MS;
	struct told t = { 0 };
	struct sleeper s;
	pid_t pid;

	seqring_write(&wait_words[0].pos, SEQRING_WAIT_NONE);
	pid = fork();
	if (!pid) {
		sleeper_open(&s, how, &opts);
		/* A wake-up meant for another reader may wake this one, too. */
		for (;;) {
			drain(s.r, &t);
			sleep_ms(&s, -1);
		}
	}
	while (seqring_read(&wait_words[0].pos) == SEQRING_WAIT_NONE || !is_asleep(pid)) {
		if (now_ns() > end)
			die("a child does not arm");
		sleep_us(50);
	}
	return pid;
}

/* Sleeping readers are killed one after the other; another reader survives them all. */
static void killed(void)
{
	struct ring_reader *r;
	uint64_t before, n = 0;
	pid_t survivor;
	unsigned int i;
	bool all = true;

	set_up(SEQRING_DATA_SIZE_MIN);
	r = open_reader(NULL);
	survivor = start_reader(0, BY_EDGE);
	for (i = 0; i < kills; i++) {
		kill_and_reap(armed_child(i % HOWS));
		/* Every other watermark is left behind; a wake-up clears the rest. */
		if (i % 2) {
			publish(1, 0);
			all &= wait_for_all(1, ++n);
		}
	}
	publish(1, 0);
	all &= wait_for_all(1, ++n);
	check_told("sleep.killed.survivor", 1, n, all);
	kill_and_reap(survivor);

	/* The thresholds that dead readers left cost one wake-up at most. */
	publish(1, 0);
	before = wakeups(r);
	publish(1000, 0);
	T_EQ("sleep.killed.cost", wakeups(r) - before, 0);

	/* The doorbell holds 256 wake-ups. With a reader that hears them, any number fits. */
	told[1].got = n + 1001;
	memset(&told[0], 0, sizeof(told[0]));
	survivor = start_reader(0, BY_WAIT);
	all = wait_for_all(1, n + 1001);
	before = wakeups(r);
	n += 1001;
	for (i = 0; all && i < 2000; i++) {
		while (!is_asleep(survivor) ||
		       seqring_read(&wait_words[0].pos) == SEQRING_WAIT_NONE)
			sched_yield();
		publish(1, 0);
		all = wait_for_all(1, ++n);
	}
	check_told("sleep.killed.doorbell", 1, n, all);
	t_check(wakeups(r) - before >= 1000, "sleep.killed.doorbell.rung", "%" PRIu64 " times",
		wakeups(r) - before);
	end_readers("sleep.killed.end", 1, &survivor);
	ring_close(r);
	tear_down();
}

/* No reader hears the doorbell until it is full; then a reader comes. */
static void full(void)
{
	uint64_t before, i;
	struct ring_reader *r;
	pid_t reader;
	bool all;

	set_up(SEQRING_DATA_SIZE_MIN);
	r = open_reader(NULL);
	kill_and_reap(armed_child(BY_WAIT));
	for (i = 0; i < 1000; i++) {
		/* As if a reader died before it heard anything. */
		seqring_write(&wait_words[0].pos, 0);
		publish(1, 0);
	}
	before = wakeups(r);
	t_check(before >= 200 && before <= 300, "sleep.full.rung", "%" PRIu64 " times", before);
	publish(10, 0);
	T_EQ("sleep.full.tries_again", seqring_read(&wait_words[0].pos), 0);
	T_EQ("sleep.full.stays", wakeups(r), before);

	told[0].got = 0;
	reader = start_reader(0, BY_WAIT);
	all = wait_for_all(1, 1010);
	for (i = 1; all && i <= 100; i++) {
		publish(1, 0);
		all = wait_for_all(1, 1010 + i);
	}
	check_told("sleep.full.newcomer", 1, 1110, all);
	T_TRUE("sleep.full.rings_again", wakeups(r) > before);
	end_readers("sleep.full.end", 1, &reader);
	ring_close(r);
	tear_down();
}

/* Waits for a sleeper, whose doorbell then refuses the record that forgets the sleeper. */
static void *refuse_doorbell(void *arg)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t *consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fds.doorbell, 0);
	uint64_t *produced = mmap(NULL, page, PROT_READ, MAP_SHARED, fds.doorbell, (off_t)page);
	uint64_t had;

	(void)arg;
	if (consumed == MAP_FAILED || produced == MAP_FAILED)
		die("the doorbell");
	pin_to(0);
	while (!seqring_read(&wait_words[0].announced))
		sleep_us(1000);
	/* It sleeps once the grace period is over. */
	sleep_us(100000);
	had = seqring_read(consumed);
	/* No room, as if the kernel's lock was taken. */
	seqring_write(consumed, seqring_read(produced) - page);
	publish(3, 0);
	seqring_write(consumed, had);
	publish(300, 0);
	munmap(consumed, page);
	munmap(produced, page);
	return NULL;
}

/* The next record makes good for a doorbell that did not ring, and was the last to know of it. */
static void refused(void)
{
	const struct ring_open_opts opts = { .size = sizeof(opts), .wake_records = 100 };
	struct told t = { 0 };
	pthread_t thread;
	struct sleeper s;
	uint64_t start;
	int err;

	object = "wake_idle";
	set_up(SEQRING_DATA_SIZE_MIN);
	sleeper_open(&s, BY_WAIT, &opts);
	drain(s.r, &t);
	start = now_ns();
	pthread_create(&thread, NULL, refuse_doorbell, NULL);
	err = sleep_ms(&s, (int)patience_ms);
	t_check(!err && now_ns() - start < patience_ms * MS, "sleep.refused",
		"%d after %" PRIu64 " ms", err, (now_ns() - start) / MS);
	pthread_join(thread, NULL);
	drain(s.r, &t);
	T_EQ("sleep.refused.read", t.got, 303);
	sleeper_close(&s);
	tear_down();
	object = "wake";
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "kills", 1, NULL, 'k' },
		{ "patience-ms", 1, NULL, 'p' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'k')
			kills = (unsigned int)strtoul(optarg, NULL, 0);
		else if (c == 'p')
			patience_ms = (unsigned int)strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	need_bpf("sleep");
	watermarks();
	one_call(BY_LEVEL);
	one_call(BY_EDGE);
	forbidden(BY_WAIT);
	forbidden(BY_EDGE);
	idle();
	killed();
	full();
	refused();
	return t_done();
}

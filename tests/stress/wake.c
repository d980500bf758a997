// SPDX-License-Identifier: GPL-2.0-only
/*
 * The WAKE pair as a race: in each round a writer publishes one record and asks whether
 * to wake, while a reader arms and checks for a record. If neither sees the other, a
 * wake-up is lost. The writer starts after a delay that differs in each round, so that the
 * stores of both are still in the store buffers when they load. Without a fence, x86 loses
 * a wake-up within some ten thousand rounds.
 *
 * With --light the writer has no fence and the reader calls membarrier(2) instead.
 *
 * usage: wake [--light] [ROUNDS]
 */
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/process.h"
#include "seqring/reader.h"
#include "seqring/writer.h"

enum { DATA_SIZE = 65536 };

static struct seqring_ring_ctl *ctl;
static struct seqring_wait sleepers = { .pos = SEQRING_WAIT_NONE, .seq = SEQRING_WAIT_NONE };
static unsigned int rounds = 150000;
static unsigned int ready, go, done;
static int empty, light;

static void wait_for(unsigned int *word, unsigned int value)
{
	unsigned int spins = 0;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		if (++spins % 4096 == 0)
			sched_yield();
}

static void *reader(void *arg)
{
	unsigned int i;
	__u64 head = 0;

	(void)arg;
	pin_to(1);
	for (i = 1; i <= rounds; i++) {
		__atomic_store_n(&ready, i, __ATOMIC_RELEASE);
		wait_for(&go, i);
		seqring_reader_arm(&sleepers, head, SEQRING_WAIT_NONE);
		if (light)
			syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
		empty = seqring_read(&ctl->head) <= head;
		__atomic_store_n(&done, i, __ATOMIC_RELEASE);
		wait_for(&go, 0);
		head = seqring_load_acquire(JOIN, &ctl->head);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned int i, late, lost = 0, woken = 0, seen = 0;
	struct seqring_writer w;
	pthread_t thread;
	char *p;
	int due;

	if (argc > 1 && !strcmp(argv[1], "--light")) {
		light = 1;
		argc--;
		argv++;
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0)) {
			printf("# no membarrier(2) here\n");
			return 77;
		}
	}
	if (argc > 1)
		rounds = (unsigned int)strtoul(argv[1], NULL, 0);
	p = mmap(NULL, 4096 + DATA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 1;
	ctl = (struct seqring_ring_ctl *)p;
	if (seqring_writer_init(&w, ctl, p + 4096, DATA_SIZE))
		return 1;
	w.light_wake = (__u32)light;
	pin_to(0);
	if (pthread_create(&thread, NULL, reader, NULL))
		return 1;
	for (i = 1; i <= rounds; i++) {
		wait_for(&ready, i);
		__atomic_store_n(&go, i, __ATOMIC_RELEASE);
		for (late = i * 7 % 400; late; late--)
			seqring_compiler_barrier(WAKE);
		seqring_writer_publish(&w, 1, 0, NULL, 0);
		due = seqring_writer_wake_due(&w, &sleepers);
		wait_for(&done, i);
		lost += !due && empty;
		woken += due;
		seen += !empty;
		seqring_write(&sleepers.pos, SEQRING_WAIT_NONE);
		__atomic_store_n(&go, 0, __ATOMIC_RELEASE);
	}
	pthread_join(thread, NULL);
	printf("# %u rounds: woken in %u, seen in %u, neither in %u\n", rounds, woken, seen, lost);
	return lost != 0;
}

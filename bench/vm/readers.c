// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that take snapshots of the state that the kernel publishes: the contenders, seen
 * from user space.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libring.h>
#include <seqring/reader.h>

#include "guest.h"

/* Tries for the spinlock word before the processor is left to others. */
#define SPIN_TRIES 100u

static void page_open(struct snapshot_reader *r)
{
	r->fd = locks_open();
	r->page = locks_map(r->fd);
}

static void plain_take(struct snapshot_reader *r, struct locks_state *copy, bool stop)
{
	if (stop)
		raise(SIGSTOP);
	memcpy(copy, &r->page->state, r->len);
}

const struct snapshot_kind snapshot_plain = {
	.name = "no lock",
	.writer = LOCKS_PLAIN,
	.may_tear = true,
	.open = page_open,
	.take = plain_take,
};

static void mutex_lock(struct snapshot_reader *r)
{
	while (ioctl(r->fd, LOCKS_IOC_LOCK))
		if (errno != EINTR)
			fail("LOCKS_IOC_LOCK: %s", strerror(errno));
}

static void mutex_unlock(struct snapshot_reader *r)
{
	if (ioctl(r->fd, LOCKS_IOC_UNLOCK))
		fail("LOCKS_IOC_UNLOCK: %s", strerror(errno));
}

static void mutex_take(struct snapshot_reader *r, struct locks_state *copy, bool stop)
{
	mutex_lock(r);
	plain_take(r, copy, stop);
	mutex_unlock(r);
}

const struct snapshot_kind snapshot_mutex = {
	.name = "ioctl mutex",
	.writer = LOCKS_MUTEX,
	.open = page_open,
	.take = mutex_take,
	.lock = mutex_lock,
	.unlock = mutex_unlock,
};

static void spin_lock(struct snapshot_reader *r)
{
	uint32_t free, me = (uint32_t)getpid();
	unsigned int tries = 0;

	for (;;) {
		free = 0;
		if (!__atomic_load_n(&r->page->holder, __ATOMIC_RELAXED) &&
		    __atomic_compare_exchange_n(&r->page->holder, &free, me, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
		if (++tries % SPIN_TRIES)
			cpu_relax();
		else
			sched_yield();
	}
}

static void spin_unlock(struct snapshot_reader *r)
{
	__atomic_store_n(&r->page->holder, 0, __ATOMIC_RELEASE);
}

static void spin_take(struct snapshot_reader *r, struct locks_state *copy, bool stop)
{
	spin_lock(r);
	plain_take(r, copy, stop);
	spin_unlock(r);
}

const struct snapshot_kind snapshot_spin = {
	.name = "spinlock word",
	.writer = LOCKS_SPIN,
	.open = page_open,
	.take = spin_take,
	.lock = spin_lock,
	.unlock = spin_unlock,
};

static void library_open(struct snapshot_reader *r)
{
	struct ring_reader *ring;

	if (ring_open(LOCKS_STATE_RING, NULL, &ring))
		fail("%s", ring_strerror());
	r->impl = ring;
}

/* Stops in the middle of a copy. Return: whether the library says that the copy is whole. */
static bool library_stop(struct snapshot_reader *r, struct locks_state *copy)
{
	struct ring_record rec;

	if (ring_seek(r->impl, RING_NEWEST, 0) || ring_peek(r->impl, &rec) || rec.len != r->len)
		fail("ring_peek(): %s", ring_strerror());
	memcpy(copy, rec.payload, r->len / 2);
	raise(SIGSTOP);
	memcpy((char *)copy + r->len / 2, (const char *)rec.payload + r->len / 2, r->len / 2);
	return !ring_recheck(r->impl);
}

static void library_take(struct snapshot_reader *r, struct locks_state *copy, bool stop)
{
	struct ring_record rec;
	int err;

	if (stop && library_stop(r, copy))
		return;
	do
		err = ring_newest(r->impl, 0, &rec, copy, r->len);
	while (err == -EPIPE);
	if (err)
		fail("ring_newest(): %s", ring_strerror());
}

const struct snapshot_kind snapshot_library = {
	.name = "seqring, ring_newest()",
	.writer = LOCKS_RING,
	.open = library_open,
	.take = library_take,
};

static void inline_open(struct snapshot_reader *r)
{
	struct seqring_geometry g = { .size = sizeof(g) };
	const struct seqring_header *h;
	struct seqring_reader *reader = alloc(sizeof(*reader));
	const char *map;

	r->fd = open(SEQRING_DEV_DIR "/" LOCKS_STATE_RING, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0 || ioctl(r->fd, SEQRING_IOC_GEOMETRY, &g))
		fail("cannot open %s: %s", LOCKS_STATE_RING, strerror(errno));
	map = mmap(NULL, g.total_size, PROT_READ, MAP_SHARED, r->fd, 0);
	if (map == MAP_FAILED)
		fail("cannot map %s: %s", LOCKS_STATE_RING, strerror(errno));
	h = (const struct seqring_header *)map;
	if (seqring_reader_init(reader, (const void *)(map + h->ring_offset),
				map + h->ring_offset + h->data_offset, g.data_size))
		fail("%s is not a ring", LOCKS_STATE_RING);
	r->impl = reader;
}

static void inline_take(struct snapshot_reader *r, struct locks_state *copy, bool stop)
{
	enum seqring_outcome outcome;
	struct seqring_view v;

	(void)stop;
	do
		outcome = seqring_reader_newest(r->impl, &v, copy, r->len);
	while (outcome == SEQRING_OVERRUN);
	if (outcome)
		fail("seqring_reader_newest(): outcome %d", (int)outcome);
}

const struct snapshot_kind snapshot_inline = {
	.name = "seqring, reader.h",
	.writer = LOCKS_RING,
	.open = inline_open,
	.take = inline_take,
};

static void none_open(struct snapshot_reader *r)
{
	static struct locks_page own;

	r->page = &own;
	own.state.word[0] = locks_word(0, 0, 0);
}

const struct snapshot_kind snapshot_none = {
	.name = "no reader",
	.open = none_open,
	.take = plain_take,
	.may_tear = true,
};

static void reader_main(struct snapshot_team *t, unsigned int i, const struct snapshot_kind *kind,
			uint32_t len, bool stopped)
{
	struct snapshot_reader r = { .kind = kind, .len = len, .fd = -1 };
	struct snapshot_slot *slot = &t->slot[i];
	struct locks_state copy;
	uint64_t last = 0;

	pin_to(opt.cpu[!(i % 2)]);
	kind->open(&r);
	__atomic_store_n(&slot->ready, 1, __ATOMIC_RELEASE);
	if (stopped)
		kind->take(&r, &copy, true);
	/* A state of an earlier run does not count: its number may be higher. */
	while (!__atomic_load_n(&t->go, __ATOMIC_ACQUIRE))
		sleep_us(1000);
	while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		kind->take(&r, &copy, false);
		if (__builtin_expect(!state_whole(&copy, len) || copy.n < last, 0))
			__atomic_store_n(&slot->torn, slot->torn + 1, __ATOMIC_RELAXED);
		last = copy.n;
		__atomic_store_n(&slot->read, slot->read + 1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

void team_start(struct snapshot_team *t, const struct snapshot_kind *kind, unsigned int nr,
		uint32_t len, bool stopped)
{
	unsigned int i;
	int status;
	pid_t pid;

	memset(t, 0, sizeof(*t));
	fflush(stdout);
	for (i = 0; i < nr; i++) {
		pid = fork();
		if (pid < 0)
			fail("cannot fork: %s", strerror(errno));
		if (!pid)
			reader_main(t, i, kind, len, stopped && !i);
		t->pid[i] = pid;
		t->nr++;
		/* Wait until the reader has hold of the state. */
		if (stopped && !i &&
		    (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status)))
			fail("a reader did not stop");
		while (!__atomic_load_n(&t->slot[i].ready, __ATOMIC_ACQUIRE))
			sleep_us(1000);
	}
}

void team_go(struct snapshot_team *t)
{
	__atomic_store_n(&t->go, 1, __ATOMIC_RELEASE);
}

void team_continue(struct snapshot_team *t)
{
	kill(t->pid[0], SIGCONT);
}

/* Kills the stopped process. If it holds the spinlock word, the word is never released. */
void team_kill(struct snapshot_team *t)
{
	int status;

	kill(t->pid[0], SIGKILL);
	if (waitpid(t->pid[0], &status, 0) != t->pid[0])
		fail("a reader cannot be killed");
	t->pid[0] = 0;
}

void team_stop(struct snapshot_team *t)
{
	unsigned int i;
	int status;

	__atomic_store_n(&t->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < t->nr; i++) {
		if (!t->pid[i])
			continue;
		if (waitpid(t->pid[i], &status, 0) != t->pid[i] || !WIFEXITED(status))
			fail("a reader died of signal %d", WTERMSIG(status));
		if (WEXITSTATUS(status))
			_exit(WEXITSTATUS(status));
	}
}

struct snapshot_slot team_total(const struct snapshot_team *t)
{
	struct snapshot_slot sum = { 0 };
	unsigned int i;

	for (i = 0; i < t->nr; i++) {
		sum.read += __atomic_load_n(&t->slot[i].read, __ATOMIC_RELAXED);
		sum.torn += __atomic_load_n(&t->slot[i].torn, __ATOMIC_RELAXED);
	}
	return sum;
}

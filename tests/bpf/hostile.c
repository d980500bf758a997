// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BPF ring among readers that are hostile, stopped or dead: a reader that may sleep on
 * the ring may write the wake thresholds and the doorbell's consumer position, and nothing
 * else. Then maps that look like a ring, or like a part of one.
 */
#include <sys/prctl.h>

#include "../lib/cost.h"
#include "sleeper.h"

#define ROUND	   5000u
#define ROUNDS	   41
#define NR_STOPPED 6

/* The report of a reader process, in shared memory. */
struct account {
	uint64_t first;
	uint64_t got;
	uint64_t lost;
	uint64_t bad;
	int end;
};

static struct account *accounts;
static uint64_t *scribbles;

/* The doorbell's positions: of its consumer, and of its producer. */
static uint64_t *heard;
static const uint64_t *rung;

static void map_doorbell(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	heard = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fds.doorbell, 0);
	rung = mmap(NULL, page, PROT_READ, MAP_SHARED, fds.doorbell, (off_t)page);
	if (heard == MAP_FAILED || rung == MAP_FAILED)
		die("the doorbell");
}

/* Arms like a sleeper that waits for the next record, and makes room in the doorbell. */
static void ask(void)
{
	seqring_write(heard, seqring_read(rung));
	seqring_write(&wait_words[0].announced, 1);
	seqring_write(&wait_words[0].pos, 0);
}

/*
 * Nanoseconds for each of ROUND records, the start of the program included. Wall time: CPU
 * time excludes interrupts, and the doorbell is one.
 */
static double cost_by(int prog)
{
	uint64_t start = now_ns();

	publish_by(prog, ROUND, 0);
	return (double)(now_ns() - start) / ROUND;
}

static double cost(void *arg)
{
	(void)arg;
	return cost_by(publish_fd);
}

/* The cost on a ring without readers; @arg: its program. */
static double quiet_cost(void *arg)
{
	return cost_by(*(int *)arg);
}

/* The cost if each record wakes a sleeper: one run of the program for each record. */
static double woken_cost(void *arg)
{
	const unsigned int n = ROUND / 10;
	uint64_t start = now_ns();
	unsigned int i;

	(void)arg;
	for (i = 0; i < n; i++) {
		ask();
		publish(1, 0);
	}
	return (double)(now_ns() - start) / n;
}

static void count_all(struct ring_reader *r, struct account *a)
{
	struct ring_record rec;
	uint64_t next = 0, word;
	int err;

	for (;;) {
		err = ring_read(r, &rec, &word, sizeof(word));
		if (err == -EAGAIN)
			err = ring_wait(r, 1000) == -ENODEV ? -ENODEV : -EPIPE;
		if (err == -EPIPE)
			continue;
		if (err)
			break;
		if (!next) {
			next = rec.seq - rec.lost;
			a->first = next;
		}
		a->bad += rec.seq != next + rec.lost || rec.len != 8 || rec.ring;
		next = rec.seq + 1;
		a->got++;
		a->lost += rec.lost;
	}
	a->end = err;
}

static pid_t start_counting(unsigned int i)
{
	const struct ring_open_opts opts = { .size = sizeof(opts), .one_ring = 1 };
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		count_all(open_reader(&opts), &accounts[i]);
		_exit(0);
	}
	return pid;
}

static uint64_t published(struct ring_reader *r)
{
	struct ring_stats_at st = { .size = sizeof(st) };

	if (ring_stats_at(r, 0, &st))
		die("ring_stats_at");
	return st.published;
}

/* Checks that records read and lost by each reader add up to those published. */
static void check_accounts(const char *name, const pid_t *pids, unsigned int n, uint64_t all)
{
	unsigned int i, wrong = 0;
	uint64_t got = 0, lost = 0;
	int status;

	for (i = 0; i < n; i++) {
		const struct account *a = &accounts[i];

		waitpid(pids[i], &status, 0);
		if (status || a->bad || !a->first || a->end != -ENODEV ||
		    a->first - 1 + a->got + a->lost != all)
			wrong++;
		got += a->got;
		lost += a->lost;
	}
	t_check(!wrong, name, "%u of %u are wrong", wrong, n);
	t_note("%s: of %" PRIu64 " records %u readers got %" PRIu64 " and lost %" PRIu64, name, all,
	       n, got, lost);
}

/* Writes all that a reader may write, without a pause. @worst: as if waiting for each. */
static void scribble(bool worst)
{
	uint64_t x = 88172645463325252ULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (worst) {
			ask();
		} else {
			seqring_write(&wait_words[0].pos, x);
			seqring_write(&wait_words[0].seq, x >> (x & 63));
			seqring_write(&wait_words[0].announced, x & (x >> 7));
			/* A doorbell that no reader ever heard, or any other position. */
			seqring_write(heard, x & 1 ? 0 : x);
		}
		__atomic_fetch_add(scribbles, 1, __ATOMIC_RELAXED);
	}
}

static pid_t start_scribbling(bool worst)
{
	pid_t pid;

	__atomic_store_n(scribbles, 0, __ATOMIC_RELAXED);
	pid = fork();
	if (!pid) {
		pin_to(1);
		scribble(worst);
	}
	while (!__atomic_load_n(scribbles, __ATOMIC_RELAXED))
		sleep_us(100);
	return pid;
}

/* A round in which the scribbler wrote, on another CPU; on a busy machine many pass without. */
static double cost_beside(bool worst)
{
	const uint64_t end = now_ns() + patience_ms * MS;
	const pid_t pid = start_scribbling(worst);
	uint64_t was, did = 0;
	double ns = 0;

	while (did < ROUND / 50 && now_ns() < end) {
		was = __atomic_load_n(scribbles, __ATOMIC_RELAXED);
		ns = cost(NULL);
		did = __atomic_load_n(scribbles, __ATOMIC_RELAXED) - was;
	}
	kill_and_reap(pid);
	if (did < ROUND / 50)
		die("the scribbler never wrote while something was published");
	return ns;
}

static double random_cost(void *arg)
{
	(void)arg;
	return cost_beside(false);
}

/* @arg: an account that counts the rings of the doorbell. */
struct rings {
	struct ring_reader *r;
	uint64_t n;
};

static double worst_cost(void *arg)
{
	struct rings *rings = arg;
	uint64_t before = wakeups(rings->r);
	double ns = cost_beside(true);

	rings->n += wakeups(rings->r) - before;
	return ns;
}

/* Return: how many of @n single records woke a sleeper, up to the first that did not. */
static unsigned int count_woken(unsigned int n)
{
	const struct ring_open_opts opts = { .size = sizeof(opts), .whence = RING_HEAD };
	struct ring_reader *r = open_reader(&opts);
	unsigned int i, woken = 0;
	struct ring_record rec;
	pid_t pid;

	for (i = 0; i < n && woken == i; i++) {
		uint64_t start = now_ns(), word;

		while (!ring_read(r, &rec, &word, sizeof(word)))
			;
		pid = fork();
		if (!pid) {
			sleep_us(2000);
			publish(1, 0);
			_exit(0);
		}
		/* At its timeout ring_wait() looks once more. */
		woken += !ring_wait(r, (int)patience_ms) && now_ns() - start < patience_ms * MS;
		waitpid(pid, NULL, 0);
	}
	ring_close(r);
	return woken;
}

static void hostile(void)
{
	struct rings rings = { 0 };
	/* With any wake thresholds, no record costs more than a record that wakes. */
	const struct cost_pair random = {
		"hostile.random", woken_cost, random_cost, NULL, ROUNDS, 1
	};
	const struct cost_pair worst = {
		"hostile.worst", woken_cost, worst_cost, &rings, ROUNDS, 1
	};
	unsigned int n;
	pid_t reader;

	set_up(SEQRING_DATA_SIZE_MIN);
	map_doorbell();
	memset(accounts, 0, sizeof(*accounts));
	rings.r = open_reader(NULL);
	reader = start_counting(0);
	cost_check(&random);
	cost_check(&worst);
	t_check(rings.n > ROUNDS, "hostile.rings", "only %" PRIu64 " times", rings.n);
	t_note("hostile: at worst the doorbell rang %" PRIu64 " times", rings.n);
	n = count_woken(50);
	t_check(n == 50, "hostile.gone", "%u of 50 wake-ups came after the scribbler was gone", n);
	if (ring_bpf_end(ring))
		die("end");
	check_accounts("hostile.accounts", &reader, 1, published(rings.r));
	ring_close(rings.r);
	tear_down();
}

/* The cost beside stopped readers, in turn with the cost on a ring without readers. */
static void stopped(void)
{
	struct bpf_object *quiet_obj;
	struct ring_bpf *quiet_ring;
	int quiet;
	/* As long as their announcement stands, the writer looks at the thresholds. */
	const struct cost_pair pair = { "stopped.cost", quiet_cost, cost, &quiet, ROUNDS, 2.5 };
	pid_t pids[NR_STOPPED];
	struct ring_reader *r;
	unsigned int i;

	start_ring(&quiet_obj, &quiet_ring, SEQRING_DATA_SIZE_MIN);
	quiet = prog_fd(quiet_obj, "publish");
	set_up(SEQRING_DATA_SIZE_MIN);
	r = open_reader(NULL);
	for (i = 0; i < NR_STOPPED; i++)
		pids[i] = start_counting(i);
	publish(100, 0);
	for (i = 0; i < NR_STOPPED; i++) {
		/* Stopped after the first record, so that each has an account. */
		while (!__atomic_load_n(&accounts[i].got, __ATOMIC_RELAXED))
			sleep_us(1000);
		kill(pids[i], SIGSTOP);
		waitpid(pids[i], NULL, WUNTRACED);
	}
	cost_check(&pair);
	for (i = 0; i < NR_STOPPED; i++)
		kill(pids[i], SIGCONT);
	sleep_us(50000);
	publish(1000, 0);
	if (ring_bpf_end(ring))
		die("end");
	check_accounts("stopped.accounts", pids, NR_STOPPED, published(r));
	ring_close(r);
	tear_down();
	ring_bpf_close(quiet_ring);
	bpf_object__close(quiet_obj);
}

/* --- maps that are no ring ------------------------------------------------------ */

static int make(enum bpf_map_type type, uint32_t flags, uint32_t value, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	const bool keyless = type == BPF_MAP_TYPE_RINGBUF || type == BPF_MAP_TYPE_QUEUE ||
			     type == BPF_MAP_TYPE_USER_RINGBUF;
	int fd = bpf_map_create(type, "hostile", keyless ? 0 : 4, value, entries, &opts);

	if (fd < 0)
		die("a map");
	return fd;
}

static void rejected(const char *name, int fd, int err, const char *words)
{
	struct ring_reader *r = NULL;
	int got;

	got = ring_open_fd(fd, NULL, &r);
	t_check(got == -err && !r && strstr(ring_strerror(), words), name, "%d: \"%s\"", got,
		ring_strerror());
	ring_close(r);
	close(fd);
}

static void rejected_part(const char *name, int wait, int doorbell, int err, const char *words)
{
	const struct ring_fds parts = { fds.ring, wait < 0 ? fds.wait : wait,
					doorbell < 0 ? fds.doorbell : doorbell };
	struct ring_reader *r = NULL;
	int got = ring_open_fds(&parts, NULL, &r);

	t_check(got == -err && !r && strstr(ring_strerror(), words), name, "%d: \"%s\"", got,
		ring_strerror());
	ring_close(r);
	if (wait >= 0)
		close(wait);
	if (doorbell >= 0)
		close(doorbell);
}

static void maps(void)
{
	const uint32_t words = sizeof(struct seqring_wait);
	const uint32_t rings = (uint32_t)libbpf_num_possible_cpus();
	int fd;

	rejected("maps.percpu_array", make(BPF_MAP_TYPE_PERCPU_ARRAY, 0, 8192, 1), EPROTO,
		 "of type 6");
	rejected("maps.lru", make(BPF_MAP_TYPE_LRU_HASH, 0, 8192, 1), EPROTO, "of type 9");
	rejected("maps.prog_array", make(BPF_MAP_TYPE_PROG_ARRAY, 0, 4, 1), EPROTO, "of type 3");
	rejected("maps.queue", make(BPF_MAP_TYPE_QUEUE, 0, 8192, 1), EPROTO, "not a ring");
	rejected("maps.array_write_only",
		 make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE | BPF_F_WRONLY, 1 << 17, 1), EACCES,
		 "cannot map");
	rejected("maps.one_byte", make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 1, 1), EPROTO,
		 "less than a page");
	rejected("maps.many_small", make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 8, 4096), EPROTO,
		 "magic is 0x0000000000000000");

	set_up(SEQRING_DATA_SIZE_MIN);
	rejected("maps.program", dup(publish_fd), EPROTO, "not a ring");
	rejected("maps.words", dup(fds.wait), EPROTO, "not a ring");
	rejected("maps.doorbell", dup(fds.doorbell), EPROTO, "of type 27");
	rejected_part("maps.part.words_short",
		      make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, words, rings - 1 ? rings - 1 : 1),
		      rings == 1 ? dup(fds.wait) : -1, EPROTO,
		      rings == 1 ? "no doorbell" : "wake thresholds");
	rejected_part("maps.part.words_size",
		      make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, words / 2, 2 * rings), -1, EPROTO,
		      "wake thresholds");
	fd = make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, words, rings);
	bpf_map_freeze(fd);
	rejected_part("maps.part.words_frozen", fd, -1, EPERM, "cannot map the wake thresholds");
	rejected_part("maps.part.words_read_only",
		      make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE | BPF_F_RDONLY, words, rings), -1,
		      EACCES, "cannot map the wake thresholds");
	rejected_part("maps.part.words_program", dup(publish_fd), -1, EPROTO, "wake thresholds");
	rejected_part("maps.part.doorbell_program", -1, dup(publish_fd), EPROTO, "no doorbell");
	rejected_part("maps.part.doorbell_ring", -1, dup(fds.ring), EPROTO, "no doorbell");
	rejected_part("maps.part.doorbell_user", -1, make(BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096),
		      EPROTO, "no doorbell");
	tear_down();
}

int main(void)
{
	need_bpf("hostile");
	if (nr_cpus_online() < 2) {
		t_skip("hostile", "two CPUs are needed");
		return 77;
	}
	accounts = map_shared(sizeof(*accounts) * NR_STOPPED);
	scribbles = map_shared(4096);
	maps();
	stopped();
	hostile();
	return t_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BPF ring among readers that mean harm, are stopped or die: those who may sleep on it
 * may write the armed words and the doorbell's consumer position, and nothing else. And maps
 * that look like a ring's, or like what belongs to one.
 */
#include <signal.h>
#include <sys/prctl.h>

#include "sleeper.h"

#define ROUND	   5000u
#define ROUNDS	   41
#define NR_STOPPED 6

/* What a reader has come to, in memory that it shares with the test. */
struct account {
	uint64_t first;
	uint64_t got;
	uint64_t lost;
	uint64_t bad;
	int end;
};

static struct account *accounts;
static uint64_t *scribbles;

/* The doorbell's positions: up to where it counts as heard, and how far it was rung. */
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

/* As if somebody waited for the next record, and the doorbell had room. */
static void ask(void)
{
	seqring_write(heard, seqring_read(rung));
	seqring_write(&wait_words[0].announced, 1);
	seqring_write(&wait_words[0].pos, 0);
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/*
 * Nanoseconds for each of ROUND records, the program's start included. Not of CPU time:
 * of that an interrupt's is taken off, and the doorbell is one.
 */
static double cost(void)
{
	uint64_t start = now_ns();

	publish(ROUND, 0);
	return (double)(now_ns() - start) / ROUND;
}

/* The same when each wakes who sleeps: a run of the program for each. */
static double cost_woken(void)
{
	const unsigned int n = ROUND / 10;
	uint64_t start = now_ns();
	unsigned int i;

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

/* Each got or missed all of it, and said so. */
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
	t_note("%s: of %" PRIu64 " records %u readers got %" PRIu64 " and lost %" PRIu64, name,
	       all, n, got, lost);
}

static void check_cost(const char *name, double than, double got, double bound)
{
	t_check(got <= bound * than, name, "%.0f ns, more than %.1f times %.0f", got, bound, than);
	t_note("%s: %.0f ns a record, to compare with %.0f", name, got, than);
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Whatever a reader may write, all the time. @worst: as if somebody waited for each. */
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
			/* As if nobody ever heard the doorbell; or from anywhere. */
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

/*
 * A round during which the other process was at it all the time, on another CPU: on a busy
 * machine most are not.
 */
static double cost_beside(bool worst)
{
	const uint64_t end = now_ns() + patience_ms * MS;
	const pid_t pid = start_scribbling(worst);
	uint64_t was, did = 0;
	double ns = 0;

	while (did < ROUND / 50 && now_ns() < end) {
		was = __atomic_load_n(scribbles, __ATOMIC_RELAXED);
		ns = cost();
		did = __atomic_load_n(scribbles, __ATOMIC_RELAXED) - was;
	}
	end_child(pid);
	if (did < ROUND / 50)
		die("it never wrote while something was published");
	return ns;
}

/* Wake-ups in time, of @n, of who looks for them. */
static unsigned int woken_in_time(unsigned int n)
{
	const struct ring_open_opts opts = { .size = sizeof(opts), .whence = RING_HEAD };
	struct ring_reader *r = open_reader(&opts);
	unsigned int i, in_time = 0;
	struct ring_record rec;
	pid_t pid;

	for (i = 0; i < n; i++) {
		uint64_t start = now_ns(), word;

		while (!ring_read(r, &rec, &word, sizeof(word)))
			;
		pid = fork();
		if (!pid) {
			sleep_us(2000);
			publish(1, 0);
			_exit(0);
		}
		in_time += !ring_wait(r, (int)patience_ms) &&
			   now_ns() - start < patience_ms * MS / 2;
		waitpid(pid, NULL, 0);
	}
	ring_close(r);
	return in_time;
}

static void hostile(void)
{
	double quiet[ROUNDS], with[ROUNDS], woken[ROUNDS], worst[ROUNDS];
	uint64_t rings = 0;
	unsigned int i, n;
	pid_t reader;
	struct ring_reader *r;

	set_up(SEQRING_DATA_SIZE_MIN);
	map_doorbell();
	memset(accounts, 0, sizeof(*accounts));
	r = open_reader(NULL);
	reader = start_counting(0);
	for (i = 0; i < ROUNDS; i++) {
		quiet[i] = cost();
		woken[i] = cost_woken();
		with[i] = cost_beside(false);
		rings -= wakeups(r);
		worst[i] = cost_beside(true);
		rings += wakeups(r);
	}
	/* A record never costs more than one that wakes, whatever stands in the words. */
	t_note("hostile: %.0f ns a record among good readers", median(quiet, ROUNDS));
	t_check(rings > ROUNDS, "hostile.rings", "only %" PRIu64 " times", rings);
	t_note("hostile: at worst the doorbell rang %" PRIu64 " times in %d rounds", rings, ROUNDS);
	check_cost("hostile.random", median(woken, ROUNDS), median(with, ROUNDS), 2);
	check_cost("hostile.worst", median(woken, ROUNDS), median(worst, ROUNDS), 2);
	n = woken_in_time(50);
	t_check(n == 50, "hostile.gone", "%u of 50 wake-ups came after it was gone", n);
	if (ring_bpf_end(ring))
		die("end");
	check_accounts("hostile.accounts", &reader, 1, published(r));
	ring_close(r);
	tear_down();
}

static void stopped(void)
{
	double quiet[ROUNDS], with[ROUNDS];
	pid_t pids[NR_STOPPED];
	struct ring_reader *r;
	unsigned int i;

	set_up(SEQRING_DATA_SIZE_MIN);
	r = open_reader(NULL);
	for (i = 0; i < NR_STOPPED; i++)
		pids[i] = start_counting(i);
	publish(100, 0);
	sleep_us(100000);
	for (i = 0; i < NR_STOPPED; i++) {
		kill(pids[i], SIGSTOP);
		waitpid(pids[i], NULL, WUNTRACED);
	}
	for (i = 0; i < ROUNDS; i++)
		with[i] = cost();
	for (i = 0; i < NR_STOPPED; i++)
		kill(pids[i], SIGCONT);
	sleep_us(50000);
	publish(1000, 0);
	if (ring_bpf_end(ring))
		die("end");
	check_accounts("stopped.accounts", pids, NR_STOPPED, published(r));
	ring_close(r);
	tear_down();

	set_up(SEQRING_DATA_SIZE_MIN);
	for (i = 0; i < ROUNDS; i++)
		quiet[i] = cost();
	/* Their announcement stands: the writer looks at the words for as long as that. */
	check_cost("stopped.cost", median(quiet, ROUNDS), median(with, ROUNDS), 2.5);
	tear_down();
}

/* --- maps that are not what they seem ------------------------------------------- */

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

static void rejected_part(const char *name, int wait, int doorbell, const char *words)
{
	const struct ring_fds parts = { fds.ring, wait < 0 ? fds.wait : wait,
					doorbell < 0 ? fds.doorbell : doorbell };
	struct ring_reader *r = NULL;
	int got = ring_open_fds(&parts, NULL, &r);

	t_check(got < 0 && !r && strstr(ring_strerror(), words), name, "%d: \"%s\"", got,
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
	rejected("maps.words", dup(fds.wait), EPROTO, "");
	rejected("maps.doorbell", dup(fds.doorbell), EPROTO, "of type 27");
	rejected_part("maps.part.words_short",
		      make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, words, rings - 1 ? rings - 1 : 1),
		      rings == 1 ? dup(fds.wait) : -1, rings == 1 ? "no doorbell" : "armed words");
	rejected_part("maps.part.words_size",
		      make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, words / 2, 2 * rings), -1,
		      "armed words");
	fd = make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, words, rings);
	bpf_map_freeze(fd);
	rejected_part("maps.part.words_frozen", fd, -1, "cannot map the armed words");
	rejected_part("maps.part.words_read_only",
		      make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE | BPF_F_RDONLY, words, rings), -1,
		      "cannot map the armed words");
	rejected_part("maps.part.words_program", dup(publish_fd), -1, "armed words");
	rejected_part("maps.part.doorbell_program", -1, dup(publish_fd), "no doorbell");
	rejected_part("maps.part.doorbell_ring", -1, dup(fds.ring), "no doorbell");
	rejected_part("maps.part.doorbell_user", -1, make(BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096),
		      "no doorbell");
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

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Torture of a ring that BPF programs write: on every CPU one in a loop, without a
 * pause; tracepoints that fire in between; interrupts that another CPU sends into the
 * middle of a publish. Readers of every kind read along. At the end, records read and lost
 * by each reader must add up to those published. The ring's counts of records published
 * and dropped, by cause, must equal the programs' own counts.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../lib/options.h"
#include "../../libring/bpf/internal.h"
#include "common.h"
#include "record.h"

#define READERS_MAX 32
#define CPUS_MAX    64
#define START_SEQ   0xfffff000ULL /* with --start-pos, of each ring */

enum kind { READ, BATCH, PEEK, WAIT, STOPPED, SLOW, NEWEST, EAGER, KINDS };

static const char *const kind_names[KINDS] = {
	"read", "batch", "peek", "wait", "stopped", "slow", "newest", "eager",
};

/* The account of one reader on one ring. */
struct account {
	uint64_t first; /* seq of its first record; 0: nothing was read */
	uint64_t last;
	uint64_t got;
	uint64_t lost;
	uint64_t ts_ns;
	uint64_t n[STREAMS][CPUS_MAX];
};

struct result {
	struct account rings[CPUS_MAX];
	uint64_t read; /* of ring_stats() at the end */
	uint64_t lost;
	uint64_t overruns;
	uint64_t looks; /* NEWEST */
	uint64_t torn;	/* peeked at, and rejected by the recheck */
	uint64_t bad_seq;
	char bad[160];
	int ready;
	int done;
};

static struct {
	const char *object;
	uint64_t ms;
	uint64_t readers;
	uint64_t data_size;
	uint64_t start_pos;
	bool one_ring;
	bool preempted;
	bool atomic;
} opt = { .object = "torture", .ms = 5000, .readers = KINDS, .data_size = 65536 };

static struct bpf_object *obj;
static struct ring_bpf *ring;
static struct ring_fds fds;
static int nr_cpus; /* possible CPUs, which number the rings and slots */
static int task_fd, ipi_fd;
static char *user_words;
static struct slot *slots;
static struct result *results;
static int stop, failed;

static void problem(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void problem(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# WRONG: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	failed = 1;
}

/* --- readers ---------------------------------------------------------------- */

static void fail(struct result *res, const char *what, uint64_t seq)
{
	if (!*res->bad) {
		snprintf(res->bad, sizeof(res->bad), "%s", what);
		res->bad_seq = seq;
	}
}

/* The user memory that was published, from word @start on. */
static bool user_words_ok(const unsigned char *p, uint32_t len, uint32_t start)
{
	uint64_t want;
	uint32_t i;

	for (i = 0; i < len; i += 8) {
		want = user_word(start + i / 8);
		if (memcmp(p + i, &want, len - i < 8 ? len - i : 8))
			return false;
	}
	return true;
}

/* True if @p is the payload of @rec. @id: set to the record's id; 0: it has none */
static bool record_ok(const struct ring_record *rec, const unsigned char *p, uint64_t *id)
{
	uint64_t want = short_word(rec->type);
	struct plan plan;

	*id = 0;
	if (rec->type & 0x8000)
		return rec->len <= RECORD_MAX && user_words_ok(p, rec->len, rec->type & 0xfff);
	if (rec->len < 8)
		return !memcmp(p, &want, rec->len);
	memcpy(id, p, 8);
	if (*id >> 56 >= STREAMS || (*id >> 40 & 0xffff) >= (uint64_t)nr_cpus)
		return false;
	make_plan(*id, *id >> 56 <= STREAM_SECOND, &plan);
	return plan.type == rec->type && plan.len == rec->len && test_payload_is(p, *id, rec->len);
}

static void count(struct result *res, const struct ring_record *rec, uint64_t id)
{
	struct account *a = &res->rings[rec->ring];
	uint64_t n = id & 0xffffffffffULL;
	uint32_t stream = id >> 56, cpu = id >> 40 & 0xffff;

	if (!a->first)
		a->first = rec->seq - rec->lost;
	else if (rec->seq != a->last + rec->lost + 1)
		fail(res, "seq and lost do not add up", rec->seq);
	a->last = rec->seq;
	a->got++;
	a->lost += rec->lost;
	/* The clock of BPF may step back a little when it is adjusted. */
	if (!rec->ts_ns || rec->ts_ns + MS < a->ts_ns)
		fail(res, "time goes back", rec->seq);
	a->ts_ns = rec->ts_ns;
	if (!id)
		return;
	if (!opt.one_ring && cpu != rec->ring)
		fail(res, "a record of another CPU", rec->seq);
	if (n <= a->n[stream][cpu])
		fail(res, "a record comes twice, or late", rec->seq);
	a->n[stream][cpu] = n;
}

static void check(struct result *res, const struct ring_record *rec, const void *payload)
{
	uint64_t id;

	if (!record_ok(rec, payload, &id))
		fail(res, "a torn or foreign record was accepted", rec->seq);
	else
		count(res, rec, id);
}

static int peek(struct result *res, struct ring_reader *r)
{
	struct ring_record rec;
	uint64_t id;
	bool ok;
	int err;

	err = ring_peek(r, &rec);
	if (err)
		return err;
	ok = record_ok(&rec, rec.payload, &id);
	if (ring_recheck(r)) {
		res->torn += !ok;
		return 0;
	}
	if (ok)
		count(res, &rec, id);
	else
		fail(res, "a torn record passed the recheck", rec.seq);
	return ring_advance(r);
}

static int read_some(struct result *res, struct ring_reader *r, enum kind kind, void *buf,
		     uint64_t turn)
{
	struct ring_record recs[16];
	unsigned int nr = 1, i;
	int err;

	if (kind == PEEK)
		return peek(res, r);
	if (kind == BATCH)
		err = ring_read_batch(r, recs, 1 + turn % 16, buf, 8192, &nr);
	else
		err = ring_read(r, recs, buf, RECORD_MAX);
	for (i = 0; !err && i < nr; i++)
		/* A batch cuts a record that it has no room for. */
		if (recs[i].len <= RECORD_MAX)
			check(res, &recs[i], recs[i].payload);
	return err;
}

/* Takes snapshots of the newest record; such a reader keeps no account. */
static int look_at_newest(struct result *res, struct ring_reader *r, void *buf)
{
	int i, err, dead = 0, rings = opt.one_ring ? 1 : nr_cpus;
	struct ring_record rec;
	uint64_t id;

	for (i = 0; i < rings; i++) {
		struct ring_stats_at st = { .size = sizeof(st) };

		ring_stats_at(r, (unsigned int)i, &st);
		dead += st.dead;
		err = ring_newest(r, (unsigned int)i, &rec, buf, RECORD_MAX);
		if (err && err != -EAGAIN && err != -EPIPE && err != -ENODEV)
			return err;
		if (err)
			continue;
		if (!record_ok(&rec, buf, &id) || rec.seq < st.published || rec.lost)
			fail(res, "the newest record is torn or old", rec.seq);
		res->looks++;
	}
	return dead == rings ? -ENODEV : 0;
}

static void reader(unsigned int index)
{
	struct ring_open_opts opts = { .size = sizeof(opts) };
	struct ring_stats st = { .size = sizeof(st) };
	struct result *res = &results[index];
	enum kind kind = index % KINDS;
	void *buf = malloc(8192);
	uint64_t turn = 0;
	struct ring_reader *r;
	int err;

	opts.flags = kind == EAGER ? RING_EAGER : 0;
	if (!buf || ring_open_fds(&fds, &opts, &r))
		die("reader");
	__atomic_store_n(&res->ready, 1, __ATOMIC_RELEASE);
	do {
		turn++;
		err = kind == NEWEST ? look_at_newest(res, r, buf) :
				       read_some(res, r, kind, buf, turn);
		if (err == -EAGAIN && kind == WAIT)
			err = ring_wait(r, 10000) == -ETIMEDOUT ? -ETIMEDOUT : 0;
		else if (err == -EAGAIN || err == -EPIPE)
			err = sched_yield();
		if (kind == SLOW && turn % 64 == 0)
			sleep_us(1000);
	} while (!err && !*res->bad);
	if (err && err != -ENODEV)
		fail(res, ring_strerror(), 0);
	if (!ring_stats(r, &st)) {
		res->read = st.read;
		res->lost = st.lost;
		res->overruns = st.overruns;
	}
	ring_close(r);
	free(buf);
	res->done = 1;
}

/* Stops and continues the readers of that kind while programs write. */
static void *stopper(void *arg)
{
	const pid_t *pids = arg;
	bool on = false;
	unsigned int i;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED) || on) {
		on = !on;
		for (i = STOPPED; i < opt.readers; i += KINDS)
			kill(pids[i], on ? SIGSTOP : SIGCONT);
		sleep_us(30000);
	}
	return NULL;
}

/* --- writers ---------------------------------------------------------------- */

static void run_flat(uint32_t stream, uint64_t n, int cpu)
{
	struct run run = { .stream = stream, .count = n };

	if (stream != STREAM_IPI)
		run.user = (uintptr_t)user_words;
	if (run_prog(stream == STREAM_IPI ? ipi_fd : task_fd, &run, sizeof(run), cpu))
		problem("a program cannot be run: %s", strerror(errno));
}

/* One per CPU, or two where programs may preempt each other. */
static void *flat_out(void *arg)
{
	int cpu = (int)(uintptr_t)arg % CPUS_MAX, second = (int)(uintptr_t)arg / CPUS_MAX;
	int other = (cpu + 1) % nr_cpus_online();
	uint64_t turn = 0;

	if (!pin_to(cpu))
		return NULL;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		run_flat(second ? STREAM_SECOND : STREAM_FLAT, 100, -1);
		if (!second && other != cpu && ++turn % 4 == 0)
			run_flat(STREAM_IPI, 2, other);
		/* Let readers catch up now and then, so that not every record is a race. */
		if (turn % 1024 == 1023)
			sleep_us(2000);
	}
	return NULL;
}

/* --- the run ----------------------------------------------------------------- */

static void set_up(void)
{
	struct ring_bpf_opts opts = {
		.size = sizeof(opts),
		.flags = opt.one_ring ? RING_BPF_ONE_RING : 0,
		.clock_id = SEQRING_CLOCK_MONOTONIC,
		.data_size = opt.data_size,
	};
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size, user = USER_WORDS * 8;
	size_t whole = (user + page - 1) & ~(page - 1);
	struct seqring_bpf_geometry *geo;
	struct bpf_map *map;
	uint32_t i;

	obj = open_object(opt.object);
	nr_cpus = libbpf_num_possible_cpus();
	if (nr_cpus > CPUS_MAX)
		die("too many CPUs");
	map = bpf_object__find_map_by_name(obj, ".rodata");
	*(uint32_t *)bpf_map__initial_value(map, &size) = (uint32_t)nr_cpus;
	map = bpf_object__find_map_by_name(obj, "slots");
	if (bpf_map__set_max_entries(map, (uint32_t)(STREAMS * nr_cpus)) ||
	    ring_bpf_prepare(obj, "ring", &opts, &ring))
		die("set-up");
	map = bpf_object__find_map_by_name(obj, ".rodata.ring");
	geo = (struct seqring_bpf_geometry *)bpf_map__initial_value(map, &size);
	if (opt.atomic) {
		ring->geo.guard = SEQRING_BPF_GUARD_ATOMIC;
		geo->guard = ring->geo.guard;
	}
	printf("# guard %u\n", geo->guard);
	if (ring_bpf_load(obj) || ring_bpf_start(ring) || ring_bpf_fds(ring, &fds))
		die("set-up");
	task_fd = prog_fd(obj, opt.preempted ? "flat_preempted" : "flat");
	ipi_fd = prog_fd(obj, "flat_ipi");
	slots = map_map(obj, "slots", STREAMS * (size_t)nr_cpus * sizeof(*slots));

	/* The memory ends with its page, and nothing is mapped behind it. */
	user_words = mmap(NULL, whole + page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (user_words == MAP_FAILED || mprotect(user_words + whole, page, PROT_NONE))
		die("user memory");
	user_words += whole - user;
	for (i = 0; i < USER_WORDS; i++)
		((uint64_t *)user_words)[i] = user_word(i);
	results = map_shared(sizeof(*results) * opt.readers);
}

static void go_to_start(void)
{
	uint64_t pos = opt.start_pos & ~(opt.data_size - 1);
	uint64_t i, ctx[3] = { 0, pos, START_SEQ };

	for (i = 0; i < (opt.one_ring ? 1 : (uint64_t)nr_cpus); i++) {
		ctx[0] = i;
		if (run_prog(prog_fd(obj, "start_at"), ctx, sizeof(ctx), -1))
			die("start_at");
	}
}

static void write_and_read(void)
{
	struct bpf_link *links[3];
	const char *const progs[] = { "on_syscall", "on_switch", "on_timer" };
	pthread_t writers[2 * CPUS_MAX], stop_thread;
	pid_t pids[READERS_MAX];
	int cpu, nr = 0, cpus = nr_cpus_online();
	unsigned int i;

	for (i = 0; i < opt.readers; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			/* A reader of a broken ring may never end. */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			reader(i);
			fflush(stdout);
			_exit(0);
		}
		while (!__atomic_load_n(&results[i].ready, __ATOMIC_ACQUIRE) &&
		       !waitpid(pids[i], NULL, WNOHANG))
			sleep_us(200);
	}
	for (i = 0; i < 3; i++) {
		links[i] = bpf_program__attach(bpf_object__find_program_by_name(obj, progs[i]));
		if (!links[i])
			die(progs[i]);
	}
	for (cpu = 0; cpu < cpus; cpu++) {
		pthread_create(&writers[nr++], NULL, flat_out, (void *)(uintptr_t)cpu);
		if (opt.preempted)
			pthread_create(&writers[nr++], NULL, flat_out,
				       (void *)(uintptr_t)(cpu + CPUS_MAX));
	}
	pthread_create(&stop_thread, NULL, stopper, pids);
	sleep_us(opt.ms * 1000ULL);
	/* While writers and readers run. */
	if (ring_bpf_end(ring))
		problem("the ring does not end: %s", ring_strerror());
	sleep_us(20000);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	while (nr--)
		pthread_join(writers[nr], NULL);
	pthread_join(stop_thread, NULL);
	for (i = 0; i < 3; i++)
		bpf_link__destroy(links[i]);
	for (i = 0; i < opt.readers; i++)
		waitpid(pids[i], NULL, 0);
	wait_for_programs();
}

/* Sum of the counts of the slots of @ring; with one ring, of all slots. */
static uint64_t counted(int ring_id, enum outcome what)
{
	uint64_t sum = 0;
	int stream, cpu;

	for (stream = 0; stream < STREAMS; stream++)
		for (cpu = 0; cpu < nr_cpus; cpu++)
			if (opt.one_ring || cpu == ring_id)
				sum += slots[stream * nr_cpus + cpu].count[what];
	return sum;
}

/* The drops that the programs of @ring counted and that the ring counts under @cause. */
static uint64_t counted_drops(int ring_id, unsigned int cause)
{
	switch (cause) {
	case SEQRING_DROP_BUSY:
		return counted(ring_id, OUTCOME_BUSY) + counted(ring_id, OUTCOME_NESTED);
	case SEQRING_DROP_TOO_BIG:
		return counted(ring_id, OUTCOME_TOO_BIG);
	case SEQRING_DROP_DEAD:
		return counted(ring_id, OUTCOME_DEAD);
	case SEQRING_DROP_FAULT:
		return counted(ring_id, OUTCOME_FAULT);
	}
	return 0;
}

static void settle_reader(unsigned int index, const uint64_t *published, uint64_t first_seq)
{
	struct result *res = &results[index];
	uint64_t due = 0, got = 0;
	int i;

	for (i = 0; i < (opt.one_ring ? 1 : nr_cpus); i++) {
		struct account *a = &res->rings[i];

		if (a->first && a->got + a->lost != a->last - (a->first - 1))
			problem("ring %d: read %" PRIu64 " + lost %" PRIu64 " is not %" PRIu64, i,
				a->got, a->lost, a->last - (a->first - 1));
		/* It was there before the first record, and reads the last one. */
		if (index % KINDS != NEWEST && !a->first && published[i] > first_seq)
			problem("ring %d: nothing was read", i);
		if (a->first)
			due += published[i] - (a->first - 1);
		got += a->got;
	}
	if (!res->done)
		fail(res, "the reader died", 0);
	if (!*res->bad && index % KINDS != NEWEST &&
	    (res->read != got || res->read + res->lost != due))
		fail(res, "read + lost is not what was published", due);
	if (index % KINDS == NEWEST && !res->looks)
		fail(res, "nothing newest was found", 0);
	printf("# reader %-2u %-7s read %" PRIu64 " lost %" PRIu64 " of %" PRIu64
	       ", overruns %" PRIu64 ", torn %" PRIu64 ", looks %" PRIu64 "\n",
	       index, kind_names[index % KINDS], res->read, res->lost, due, res->overruns,
	       res->torn, res->looks);
	if (*res->bad)
		problem("reader %u: %s, at %" PRIu64, index, res->bad, res->bad_seq);
	/* Small rings must overrun slow readers; else nothing was shown. */
	if (opt.data_size <= 65536 && index % KINDS == STOPPED && !res->lost)
		problem("a stopped reader lost nothing");
}

static void settle(void)
{
	uint64_t first_seq = opt.start_pos ? START_SEQ : 0, published[CPUS_MAX];
	struct ring_stats_at st = { .size = sizeof(st) };
	uint64_t sum[OUTCOMES] = { 0 };
	struct ring_reader *r;
	unsigned int j;
	int i;

	if (ring_open_fds(&fds, NULL, &r))
		die("open");
	for (i = 0; i < (opt.one_ring ? 1 : nr_cpus); i++) {
		ring_stats_at(r, (unsigned int)i, &st);
		published[i] = st.published;
		printf("# ring %d: published %" PRIu64 " busy %" PRIu64 "+%" PRIu64
		       " too big %" PRIu64 " dead %" PRIu64 " fault %" PRIu64 " discarded %" PRIu64
		       " wake-ups %" PRIu64 "\n",
		       i, st.published - first_seq, counted(i, OUTCOME_BUSY),
		       counted(i, OUTCOME_NESTED), st.dropped[SEQRING_DROP_TOO_BIG],
		       st.dropped[SEQRING_DROP_DEAD], st.dropped[SEQRING_DROP_FAULT],
		       counted(i, OUTCOME_DISCARDED), st.wakeups);
		if (!st.dead)
			problem("ring %d is not dead", i);
		if (st.published - first_seq != counted(i, OUTCOME_OK))
			problem("ring %d: its programs counted %" PRIu64 " published", i,
				counted(i, OUTCOME_OK));
		for (j = 0; j < SEQRING_DROP_SLOTS; j++)
			if (st.dropped[j] != counted_drops(i, j))
				problem("ring %d: dropped[%u] is %" PRIu64 ", its programs counted "
					"%" PRIu64,
					i, j, st.dropped[j], counted_drops(i, j));
		for (j = 0; j < OUTCOMES; j++)
			sum[j] += counted(i, j);
		if (opt.start_pos && st.head >> 32 == opt.start_pos >> 32 && counted(i, OUTCOME_OK))
			problem("ring %d did not get past the overflow of 32 bits", i);
	}
	ring_close(r);
	for (j = 0; j < OUTCOME_WRONG; j++)
		if (!sum[j])
			problem("outcome %u never came", j);
	if (sum[OUTCOME_WRONG])
		problem("%" PRIu64 " attempts ended in a way that must not be", sum[OUTCOME_WRONG]);
	for (j = 0; j < opt.readers; j++)
		settle_reader(j, published, first_seq);
}

static const struct test_option options[] = {
	{ "object", "of NAME.bpf.o (torture)", .text = &opt.object },
	{ "ms", "how long programs write (5000)", .number = &opt.ms },
	{ "data-size", "bytes, a power of two (65536)", .number = &opt.data_size },
	{ "readers", "1 to 32, of kinds in turn (8)", .number = &opt.readers },
	{ "start-pos", "start near this position and seq 2^32 (0: at the start)",
	  .number = &opt.start_pos },
	{ "one-ring", "one ring, written from all CPUs", .flag = &opt.one_ring },
	{ "preempted", "programs that can be preempted, two tasks for each CPU",
	  .flag = &opt.preempted },
	{ "atomic", "preemption stays on where the kernel could turn it off", .flag = &opt.atomic },
};

int main(int argc, char **argv)
{
	const size_t nr = sizeof(options) / sizeof(options[0]);

	(void)argc;
	options_parse("torture", options, nr, argv);
	if (!opt.readers || opt.readers > READERS_MAX)
		options_usage("torture", options, nr, 2);
	need_bpf("torture");
	set_up();
	if (opt.start_pos)
		go_to_start();
	printf("# %s, data size %" PRIu64 ", %" PRIu64 " readers%s%s\n", opt.object, opt.data_size,
	       opt.readers, opt.one_ring ? ", one ring" : "",
	       opt.preempted ? ", may be preempted" : "");
	fflush(stdout);
	write_and_read();
	settle();
	ring_bpf_close(ring);
	bpf_object__close(obj);
	return failed;
}

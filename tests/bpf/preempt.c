// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks of several priorities on one CPU trigger programs that publish to one ring. If the kernel
 * lets tasks preempt each other in a program, the ring must be exact nevertheless, and no record
 * may be dropped because a preempted program has the ring.
 *
 * Usage: preempt [MILLISECONDS [GUARD]]. GUARD forces SEQRING_BPF_GUARD_* for every object.
 */
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "../../libring/bpf/internal.h"
#include "common.h"
#include "preempt.h"

#define NR_FAIR	   3
#define NR_FIFO	   2
#define AS_CHOSEN  (-1)
#define RING_BYTES (1 << 20)

static const char *const programs[NR_PROGRAMS] = { "on_first", "on_second", "on_third" };

struct outcome {
	struct counts counts;
	uint64_t read;
	uint64_t lost;
	uint64_t torn;
	uint64_t ring_busy;
	uint32_t guard;
	int err;
};

static unsigned int run_ms = 3000;

static uint64_t first_trigger(void)
{
	return 1000000 + (uint64_t)getpid() * NR_PROGRAMS;
}

static struct seqring_bpf_geometry *geometry_of(const struct bpf_object *obj)
{
	size_t size;

	return (struct seqring_bpf_geometry *)
		bpf_map__initial_value(bpf_object__find_map_by_name(obj, ".rodata.ring"), &size);
}

/* A child that triggers program @nr until it is killed. @priority: of SCHED_FIFO; 0: fair */
static pid_t start_task(uint64_t trigger, unsigned int nr, int priority)
{
	const struct sched_param param = { .sched_priority = priority };
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!pin_to(0) || (priority && sched_setscheduler(0, SCHED_FIFO, &param)))
		_exit(1);
	for (;;) {
		syscall((long)(trigger + nr));
		/* Two periods that have no common multiple soon. */
		if (priority)
			sleep_us(priority % 2 ? 310 : 170);
	}
}

static void read_all(struct ring_reader *r, struct outcome *out)
{
	static uint64_t payload[RECORD_WORDS];
	struct ring_record rec;
	unsigned int i;

	while (!(out->err = ring_read(r, &rec, payload, sizeof(payload))) || out->err == -EPIPE) {
		if (out->err)
			continue;
		out->read++;
		for (i = 0; i < RECORD_WORDS && payload[i] == payload[0]; i++)
			;
		out->torn += rec.len != RECORD_BYTES || i != RECORD_WORDS;
	}
}

static uint64_t count_lost(struct ring_reader *r)
{
	struct ring_stats st = { .size = sizeof(st) };

	return ring_stats(r, &st) ? ~0ULL : st.lost;
}

static uint64_t count_busy(struct ring_reader *r)
{
	struct ring_stats_at st = { .size = sizeof(st) };
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; !ring_stats_at(r, i, &st); i++)
		sum += st.dropped[SEQRING_DROP_BUSY] + st.dropped[SEQRING_DROP_ABANDONED];
	return sum;
}

static void write_and_read(struct bpf_object *obj, struct ring_reader *r, struct outcome *out)
{
	const uint64_t trigger = first_trigger();
	pid_t tasks[NR_FAIR + NR_FIFO];
	struct bpf_link *links[NR_PROGRAMS];
	uint64_t end;
	int i;

	for (i = 0; i < NR_PROGRAMS; i++) {
		links[i] = bpf_program__attach(bpf_object__find_program_by_name(obj, programs[i]));
		if (!links[i])
			die(programs[i]);
	}
	for (i = 0; i < NR_FAIR + NR_FIFO; i++)
		tasks[i] = start_task(trigger, (unsigned int)i % NR_PROGRAMS, i < NR_FAIR ? 0 : i);
	for (end = now_ns() + run_ms * 1000000ULL; now_ns() < end; sleep_us(500)) {
		read_all(r, out);
		if (out->err != -EAGAIN)
			break;
	}
	for (i = 0; i < NR_FAIR + NR_FIFO; i++) {
		kill(tasks[i], SIGKILL);
		waitpid(tasks[i], NULL, 0);
	}
	for (i = 0; i < NR_PROGRAMS; i++)
		bpf_link__destroy(links[i]);
	wait_for_programs();
	if (out->err == -EAGAIN)
		read_all(r, out);
}

/* Fills @out with what came of @object. */
static void run(const char *object, int guard, struct outcome *out)
{
	const struct ring_bpf_opts opts = { .size = sizeof(opts), .data_size = RING_BYTES };
	const struct ring_open_opts oldest = { .size = sizeof(oldest), .whence = RING_OLDEST };
	struct bpf_object *obj = open_object(object);
	struct ring_bpf *ring;
	struct ring_reader *r;
	struct ring_fds fds;
	uint32_t zero = 0;
	size_t size;

	memset(out, 0, sizeof(*out));
	*(uint64_t *)bpf_map__initial_value(bpf_object__find_map_by_name(obj, ".rodata"),
					    &size) = first_trigger();
	if (ring_bpf_prepare(obj, "ring", &opts, &ring))
		die(object);
	if (guard != AS_CHOSEN) {
		ring->geo.guard = (uint32_t)guard;
		geometry_of(obj)->guard = ring->geo.guard;
	}
	out->guard = geometry_of(obj)->guard;
	if (ring_bpf_load(obj) || ring_bpf_start(ring) || ring_bpf_fds(ring, &fds) ||
	    ring_open_fds(&fds, &oldest, &r))
		die(object);
	write_and_read(obj, r, out);
	out->lost = count_lost(r);
	out->ring_busy = count_busy(r);
	if (bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(obj, ".bss"), &zero, &out->counts))
		die("counts");
	printf("# %s, guard %u: fired %llu published %llu busy %llu, read %" PRIu64 " lost %" PRIu64
	       " torn %" PRIu64 ", %d\n",
	       object, out->guard, out->counts.fired, out->counts.published, out->counts.busy,
	       out->read, out->lost, out->torn, out->err);
	fflush(stdout);
	ring_close(r);
	ring_bpf_close(ring);
	bpf_object__close(obj);
}

/* The object's ring is exact, and no program found it taken. */
static void exact(const char *object, const char *test, int guard)
{
	struct outcome out;
	char name[64];

	run(object, guard, &out);
#define NAMED(what) (snprintf(name, sizeof(name), "%s." what, test), name)
	T_TRUE(NAMED("published"), out.counts.published > 100);
	T_EQ(NAMED("none_busy"), out.counts.busy, 0);
	T_EQ(NAMED("ring_none_busy"), out.ring_busy, 0);
	T_EQ(NAMED("counted"), out.counts.fired, out.counts.published);
	T_EQ(NAMED("account"), out.read + out.lost, out.counts.published);
	T_EQ(NAMED("whole"), out.torn, 0);
	T_EQ(NAMED("lives"), out.err, -EAGAIN);
}

/*
 * The control: on a kernel that preempts programs on tracepoints, some records are dropped when
 * preemption stays on. Otherwise the tasks would prove nothing.
 */
static void preempted(void)
{
	struct outcome out;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		run("preempt_any", SEQRING_BPF_GUARD_ATOMIC, &out);
		if (out.counts.busy)
			break;
	}
	T_TRUE("preempted.some_busy", out.counts.busy > 0);
	T_EQ("preempted.account", out.read + out.lost, out.counts.published);
	T_EQ("preempted.drops", out.ring_busy, out.counts.busy);
	T_EQ("preempted.whole", out.torn, 0);
}

static bool kernel_preempts_tracepoints(void)
{
	struct utsname u;

	return !uname(&u) && strtoul(u.release, NULL, 10) >= 7;
}

static bool kernel_has_kfunc(void)
{
	struct ring_bpf_kernel k;

	libring_bpf_look_at_kernel(&k);
	libring_bpf_look_for_kfunc(&k);
	return k.has_kfunc;
}

int main(int argc, char **argv)
{
	const int guard = argc > 2 ? atoi(argv[2]) : AS_CHOSEN;

	need_bpf("preempt");
	if (argc > 1)
		run_ms = (unsigned int)atoi(argv[1]);
	if (nr_cpus_online() > 1)
		pin_to(1);
	exact("preempt", "promised", guard);
	exact("preempt_any", "any", guard);
	if (kernel_preempts_tracepoints())
		preempted();
	else if (kernel_has_kfunc())
		exact("preempt", "forced", SEQRING_BPF_GUARD_KFUNC);
	return t_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer of the devices. A grammar makes programs of system calls on them.
 *
 *   devfuzz --seconds S [--procs N] [--seed N] [--need-kcov]
 *                                              fuzzes for S seconds
 *   devfuzz --seed N [--count M] [--verbose]   runs M programs, from seed N on
 *   devfuzz --program CALL,CALL... [--verbose] runs a program that another run printed
 *   devfuzz --nothing-left                     checks that no memory is charged any more
 *
 * Everything that a program does follows from its 64-bit seed; a mutant has no seed and is
 * identified by its calls. If the kernel has KCOV, programs that reach new places in
 * seqring.ko are kept and mutated. The rules of abi.h judge each result, and the processor's
 * access rights judge each mapping. The fuzzer reads the kernel's reports from /dev/kmsg and
 * prints them with the programs that ran at that time.
 *
 * Needs root, the device "honest" and the other devices that dev_guest.sh makes, and a
 * machine that may crash.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "devfuzz.h"

struct fuzz_shared *fuzz_all;

static struct {
	uint64_t seed;
	uint64_t count;
	unsigned int seconds;
	unsigned int procs;
	const char *program;
	bool nothing_left;
	bool need_kcov;
} opt = { .seed = 1, .count = 1, .procs = 4 };

static bool kcov;

uint64_t fuzz_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void print_program(const struct fuzz_program *p)
{
	unsigned int i;

	if (p->seed) {
		printf("# replay: devfuzz --verbose --seed %#llx\n", (unsigned long long)p->seed);
		return;
	}
	printf("# replay: devfuzz --verbose --program ");
	for (i = 0; i < p->nr; i++)
		printf("%s%llx", i ? "," : "", (unsigned long long)p->call[i]);
	printf("\n");
}

void fuzz_fail(const char *what, const char *fmt, ...)
{
	va_list ap;

	if (!__atomic_exchange_n(&fuzz_all->failed, 1, __ATOMIC_SEQ_CST)) {
		printf("not ok fuzz-dev.%s - ", what);
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		printf("\n");
		if (fuzz.program)
			print_program(fuzz.program);
		fflush(stdout);
	}
	_exit(1);
}

static void nothing(int sig)
{
}

static void be_ready(void)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct rlimit none = { 0, 0 };

	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGIO, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_CORE, &none);
	fuzz_catch_faults();
	fuzz.control = open(SEQRING_CTL_PATH, O_RDWR | O_CLOEXEC);
	fuzz.driver = open(SEQRING_TEST_PATH, O_WRONLY | O_CLOEXEC);
	if (fuzz.control < 0 || fuzz.driver < 0)
		fuzz_fail("setup", "no control node or no test driver: %s", strerror(errno));
	fuzz.control = fcntl(fuzz.control, F_DUPFD_CLOEXEC, 200);
	fuzz.driver = fcntl(fuzz.driver, F_DUPFD_CLOEXEC, 200);
	kcov = fuzz_kcov_open();
	fuzz_restart_timer();
}

/* Runs programs until the time is over. Every second worker is not root. */
static void be_worker(unsigned int worker)
{
	struct fuzz_rnd r = { opt.seed ^ (uint64_t)(worker + 1) << 56 };
	uint64_t seed = opt.seed + ((uint64_t)worker << 40);
	struct fuzz_program p;

	fuzz.worker = worker;
	be_ready();
	if (worker % 2 && (setgid(1000) || setuid(1000)))
		fuzz_fail("setup", "setuid: %s", strerror(errno));
	while (!__atomic_load_n(&fuzz_all->stop, __ATOMIC_RELAXED)) {
		unsigned int nr = __atomic_load_n(&fuzz_all->corpus_nr, __ATOMIC_ACQUIRE);

		fuzz_fresh(&p, ++seed);
		if (nr && fuzz_below(&r, 3)) {
			p = fuzz_all->corpus[fuzz_below(&r, nr)];
			if (p.nr)
				fuzz_mutate(&p, &r);
			else
				fuzz_fresh(&p, seed);
			__atomic_fetch_add(&fuzz_all->mutants, 1, __ATOMIC_RELAXED);
		}
		fuzz_run_program(&p);
	}
	fuzz_state_reset();
	_exit(0);
}

/* Return: whether the kernel has reported a problem since the last call. */
static bool kernel_complains(int fd)
{
	static const char *const bad[] = { "BUG:",
					   "WARNING:",
					   "KASAN:",
					   "UBSAN:",
					   "INFO: task",
					   "Oops",
					   "possible recursive",
					   "possible circular",
					   "inconsistent lock",
					   "suspicious RCU",
					   "refcount_t:" };
	char line[2048];
	ssize_t len;
	unsigned int i;

	while ((len = read(fd, line, sizeof(line) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		line[len < 0 ? 0 : len] = 0;
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			if (!strstr(line, bad[i]))
				continue;
			printf("not ok fuzz-dev.kernel - %s", strchr(line, ';') + 1);
			return true;
		}
	}
	return false;
}

static void progress(uint64_t start_ns)
{
	printf("# %3u s: %llu programs (%llu mutants), %llu calls, %llu places, %u kept\n",
	       (unsigned int)((fuzz_now_ns() - start_ns) / 1000000000),
	       (unsigned long long)fuzz_all->programs, (unsigned long long)fuzz_all->mutants,
	       (unsigned long long)fuzz_all->calls, (unsigned long long)fuzz_all->pcs,
	       fuzz_all->corpus_nr);
	fflush(stdout);
}

static bool watch(pid_t *pids)
{
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK), status;
	uint64_t start = fuzz_now_ns(), next = start, end = start + opt.seconds * 1000000000ULL;
	bool bad = false;
	unsigned int i, j;

	lseek(kmsg, 0, SEEK_END);
	while (!bad && fuzz_now_ns() < end) {
		usleep(200000);
		bad = fuzz_all->failed;
		if (kernel_complains(kmsg)) {
			bad = true;
			for (i = 0; i < opt.procs; i++)
				for (j = 0; j < 2; j++)
					print_program(&fuzz_all->now[i][j]);
		}
		if (fuzz_now_ns() >= next) {
			progress(start);
			next += 10000000000ULL;
		}
		for (i = 0; i < opt.procs; i++) {
			if (waitpid(pids[i], &status, WNOHANG) != pids[i])
				continue;
			if (!fuzz_all->failed) {
				printf("not ok fuzz-dev.worker - one ended with status %x\n",
				       status);
				print_program(&fuzz_all->now[i][0]);
			}
			bad = true;
		}
	}
	if (bad)
		printf("# failed after %llu s, %llu programs\n",
		       (unsigned long long)(fuzz_now_ns() - start) / 1000000000,
		       (unsigned long long)fuzz_all->programs);
	__atomic_store_n(&fuzz_all->stop, 1, __ATOMIC_RELAXED);
	/* A worker that does not end hangs in the kernel or in a loop. */
	for (i = 0; i < opt.procs; i++) {
		for (j = 0; j < 1200 && waitpid(pids[i], &status, WNOHANG) == 0; j++)
			usleep(50000);
		if (j == 1200) {
			printf("not ok fuzz-dev.hang - worker %u does not end\n", i);
			print_program(&fuzz_all->now[i][0]);
			kill(pids[i], SIGKILL);
			bad = true;
		}
	}
	progress(start);
	bad |= fuzz_all->failed || (!bad && kernel_complains(kmsg));
	close(kmsg);
	return bad;
}

/* Prints how often each call was made. Return: whether each call was made at least once. */
static bool report(void)
{
	unsigned int i, idle = 0;

	for (i = 0; i < fuzz_table_nr(); i++) {
		const struct fuzz_call *c = fuzz_table_at(i);

		printf("# %-16s %8llu calls, %8llu without an error\n", c->name,
		       (unsigned long long)fuzz_all->tried[i],
		       (unsigned long long)fuzz_all->good[i]);
		if (c->needs && access(c->needs, F_OK))
			continue;
		if (!fuzz_all->tried[i])
			idle++;
	}
	printf("# %llu attempted stores into ring pages, all refused\n",
	       (unsigned long long)fuzz_all->probes);
	if (kcov)
		fuzz_kcov_report();
	if (opt.need_kcov && !fuzz_all->pcs) {
		printf("not ok fuzz-dev.kcov - no place in seqring.ko was reached\n");
		return false;
	}
	if (idle || !fuzz_all->probes || !fuzz_all->programs) {
		printf("not ok fuzz-dev.reach - %u calls were never made, %llu stores\n", idle,
		       (unsigned long long)fuzz_all->probes);
		return false;
	}
	printf("ok fuzz-dev.reach\n");
	return true;
}

static int run_for_time(void)
{
	pid_t pids[FUZZ_PROCS_MAX];
	unsigned int i;
	bool bad;

	printf("# seed %llu, %u processes, %u calls in the grammar\n", (unsigned long long)opt.seed,
	       opt.procs, fuzz_table_nr());
	fflush(stdout);
	for (i = 0; i < opt.procs; i++) {
		pids[i] = fork();
		if (!pids[i])
			be_worker(i);
	}
	bad = watch(pids);
	kcov = fuzz_kcov_open();
	bad |= !report();
	if (!bad)
		printf("ok fuzz-dev.calls\n");
	return bad;
}

static int run_one(void)
{
	struct fuzz_program p = { 0 };
	const char *text = opt.program;
	uint64_t i;
	char *end;

	be_ready();
	if (text) {
		for (end = ""; *text && p.nr < FUZZ_CALLS_MAX; text = end + (*end == ','))
			p.call[p.nr++] = strtoull(text, &end, 16);
		fuzz_run_program(&p);
	}
	for (i = 0; !text && i < opt.count; i++) {
		fuzz_fresh(&p, opt.seed + i);
		fuzz_run_program(&p);
	}
	fuzz_state_reset();
	printf("# %llu calls, %llu places\n", (unsigned long long)fuzz_all->calls,
	       (unsigned long long)fuzz_all->pcs);
	printf("ok fuzz-dev.replay\n");
	return 0;
}

/*
 * The limit is 1 MiB. So a device of 256 pages can be made only if nothing is charged, and
 * a device of 257 pages never.
 */
static int nothing_left(void)
{
	static char schema[1 << 20];
	struct seqring_ctl_create c = { .size = sizeof(c), .name = "charge", .data_size = 1 << 19 };
	struct seqring_ctl_destroy d = { .size = sizeof(d), .name = "charge" };
	int fd = open(SEQRING_CTL_PATH, O_RDWR), bad = 0, i;

	c.schema = (uintptr_t)schema;
	for (i = 127; i >= 126; i--) {
		c.schema_size = i * FUZZ_PAGE;
		errno = 0;
		if (ioctl(fd, SEQRING_CTL_CREATE, &c) && !(i == 127 && errno == ENOSPC)) {
			printf("not ok fuzz-dev.charged - %d pages: %s\n", 130 + i,
			       strerror(errno));
			bad = 1;
		} else if (i == 127 && !errno) {
			printf("not ok fuzz-dev.charged - 257 pages, but 256 are allowed\n");
			bad = 1;
		}
		ioctl(fd, SEQRING_CTL_DESTROY, &d);
	}
	close(fd);
	if (!bad)
		printf("ok fuzz-dev.charged\n");
	return bad;
}

static const struct option options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "count", required_argument, NULL, 'c' },
	{ "seconds", required_argument, NULL, 't' },
	{ "procs", required_argument, NULL, 'p' },
	{ "program", required_argument, NULL, 'g' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "nothing-left", no_argument, NULL, 'n' },
	{ "need-kcov", no_argument, NULL, 'k' },
	{ NULL, 0, NULL, 0 },
};

static bool read_options(int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 's')
			opt.seed = strtoull(optarg, NULL, 0);
		else if (o == 'c')
			opt.count = strtoull(optarg, NULL, 0);
		else if (o == 't')
			opt.seconds = atoi(optarg);
		else if (o == 'p')
			opt.procs = atoi(optarg);
		else if (o == 'g')
			opt.program = optarg;
		else if (o == 'v')
			fuzz.verbose = true;
		else if (o == 'n')
			opt.nothing_left = true;
		else if (o == 'k')
			opt.need_kcov = true;
		else
			return false;
	}
	return optind == argc && opt.procs && opt.procs <= FUZZ_PROCS_MAX;
}

int main(int argc, char **argv)
{
	if (!read_options(argc, argv)) {
		fprintf(stderr, "usage: %s --seconds S | --seed N | --program CALLS\n", argv[0]);
		return 2;
	}
	if (opt.nothing_left)
		return nothing_left();
	fuzz_all = mmap(NULL, sizeof(*fuzz_all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (fuzz_all == MAP_FAILED) {
		perror("devfuzz");
		return 1;
	}
	fuzz_run_init();
	return opt.seconds ? run_for_time() : run_one();
}

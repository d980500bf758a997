// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cores, clocks and memory. The machine may be shared: a measurement notices when
 * something else had one of its cores, and is repeated.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

/* Losing less than this of a core is no disturbance: the tick costs that much. */
#define DISTURBED_NS	100000u
#define DISTURBED_SHARE 200u /* or one part in this many */
/* So many preemptions in ten milliseconds are no disturbance: the tick causes them. */
#define PREEMPTED_10_MS 2u

struct bench_options opt;

static struct {
	sem_t posted;
	sem_t done;
	bool running;
	void (*fn)(void *arg);
	void *arg;
} other;

double ns_per_tick(void)
{
	static double known;
	uint64_t ns, t;

	if (known == 0) {
		ns = now_ns();
		t = ticks();
		while (now_ns() - ns < 20000000)
			cpu_relax();
		known = (double)(now_ns() - ns) / (double)(ticks() - t);
	}
	return known;
}

void end_with(int status, const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(status);
}

const char *keep(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		fail("no memory");
	va_end(args);
	return text;
}

const char *size_text(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB" };
	unsigned int i;

	for (i = 0; bytes >= 1024 && i + 1 < NR(units); i++)
		bytes /= 1024;
	return keep("%llu %s", (unsigned long long)bytes, units[i]);
}

void *alloc(size_t size)
{
	void *p = aligned_alloc(128, (size + 127) & ~(size_t)127);

	if (!p)
		fail("no memory");
	memset(p, 0, size);
	return p;
}

static cpu_set_t only(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return set;
}

void pin_to(int cpu)
{
	cpu_set_t set = only(cpu);

	if (sched_setaffinity(0, sizeof(set), &set))
		fail("cannot run on cpu %d: %s", cpu, strerror(errno));
}

void *map_shared(size_t size, const void **readonly)
{
	int fd = memfd_create("ringbench", MFD_CLOEXEC);
	void *mem;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		fail("no memory file of %zu bytes: %s", size, strerror(errno));
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (mem == MAP_FAILED)
		fail("cannot map %zu bytes: %s", size, strerror(errno));
	if (readonly) {
		*readonly = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
		if (*readonly == MAP_FAILED)
			fail("cannot map %zu bytes read-only: %s", size, strerror(errno));
	}
	close(fd);
	memset(mem, 0, size);
	return mem;
}

static void *other_main(void *arg)
{
	(void)arg;
	for (;;) {
		sem_wait(&other.posted);
		other.fn(other.arg);
		sem_post(&other.done);
	}
	return NULL;
}

void other_start(void (*fn)(void *arg), void *arg)
{
	cpu_set_t set = only(opt.cpu[1]);
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (!other.running) {
		sem_init(&other.posted, 0, 0);
		sem_init(&other.done, 0, 0);
		pthread_attr_init(&attr);
		/* It starts on its core: the writer's thread spins on the other one. */
		pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
		err = pthread_create(&thread, &attr, other_main, NULL);
		if (err)
			fail("cannot start a thread on cpu %d: %s", opt.cpu[1], strerror(err));
		pthread_attr_destroy(&attr);
		other.running = true;
	}
	other.fn = fn;
	other.arg = arg;
	sem_post(&other.posted);
}

void other_wait(void)
{
	sem_wait(&other.done);
}

static struct rusage usage(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage;
}

void watch_start(struct watch *w)
{
	w->preempted = usage().ru_nivcsw;
	w->slept = usage().ru_nvcsw;
	w->start_cpu_ns = cpu_ns();
	w->start_ns = now_ns();
}

bool watch_disturbed(const struct watch *w)
{
	uint64_t wall = now_ns() - w->start_ns;
	uint64_t cpu = cpu_ns() - w->start_cpu_ns;
	uint64_t bearable = wall / DISTURBED_SHARE;

	if (bearable < DISTURBED_NS)
		bearable = DISTURBED_NS;
	return wall > cpu + bearable;
}

bool watch_sleeper_disturbed(const struct watch *w)
{
	uint64_t bearable = PREEMPTED_10_MS * (1 + (now_ns() - w->start_ns) / (10 * MS));

	return (uint64_t)(usage().ru_nivcsw - w->preempted) > bearable;
}

long watch_sleeps(const struct watch *w)
{
	return usage().ru_nvcsw - w->slept;
}

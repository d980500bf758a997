/* SPDX-License-Identifier: GPL-2.0-only */
/* Children, CPUs and shared memory of a test. */
#ifndef TESTS_LIB_PROCESS_H
#define TESTS_LIB_PROCESS_H

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "tap.h"

/* Binds the calling thread to one CPU. Return: whether the CPU is there. */
static inline bool pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

#define FLAG_SECONDS 60 /* guards against hanging */

/* Waits until another process sets @flag. Return: whether it did. */
static inline bool wait_for_flag(const int *flag)
{
	uint64_t end = now_ns() + FLAG_SECONDS * 1000 * MS;

	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE)) {
		if (now_ns() > end)
			return false;
		sleep_us(1000);
	}
	return true;
}

static inline void set_flag(int *flag)
{
	__atomic_store_n(flag, 1, __ATOMIC_RELEASE);
}

/* True if a process sleeps: in a system call, or for memory. */
static inline bool is_asleep(pid_t pid)
{
	char path[32], text[256] = "", *at;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		T_DIE("setup.asleep", "%s: %s", path, strerror(errno));
	close(fd);
	at = strrchr(text, ')');
	return at && (at[2] == 'S' || at[2] == 'D');
}

/* Waits until a process sleeps, 20 looks of 10 ms in a row. Return: whether it does. */
static inline bool wait_asleep(pid_t pid)
{
	uint64_t end = now_ns() + FLAG_SECONDS * 1000 * MS;
	int looks;

	for (looks = 0; looks < 20; looks = is_asleep(pid) ? looks + 1 : 0) {
		if (now_ns() > end)
			return false;
		sleep_us(10000);
	}
	return true;
}

static inline void kill_and_reap(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Memory that children share with the test. */
static inline void *map_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		T_DIE("setup.shared", "mmap: %s", strerror(errno));
	return p;
}

#endif /* TESTS_LIB_PROCESS_H */

// SPDX-License-Identifier: GPL-2.0-only
/* The processes that --pid names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/limit.h"
#include "../../lib/message.h"
#include "load.h"
#include "targets.h"

#define INITIAL_PID_NS 0xeffffffcu /* inode number, PROC_PID_INIT_INO of the kernel */
#define ASK_AGAIN_NS   50000000ULL /* no descriptor tells the end of a descendant */

static bool in_initial_pid_ns(void)
{
	struct stat st;

	return !stat("/proc/self/ns/pid", &st) && st.st_ino == INITIAL_PID_NS;
}

/* The process of thread @tid. Return: 0: there is no such thread. */
static uint32_t process_of(uint32_t tid)
{
	uint32_t pid = 0;
	char line[256];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%u/status", tid);
	f = fopen(line, "re");
	if (!f)
		return 0;
	while (!pid && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %u", &pid) != 1)
			pid = 0;
	fclose(f);
	return pid;
}

static int watch(struct trace_targets *t, uint32_t pid)
{
	struct epoll_event event = { .events = EPOLLIN };
	uint32_t process;
	int fd, err;

	fd = pidfd_open((pid_t)pid, 0);
	if (fd < 0) {
		err = errno;
		process = process_of(pid);
		if (process && process != pid)
			return fail("trace",
				    "--pid %u: this is a thread of process %u (use --pid %u; the "
				    "events of one thread cannot be selected)",
				    pid, process, process);
		if (err == ESRCH)
			return fail("trace", "--pid %u: there is no such process", pid);
		return fail("trace", "--pid %u: %s", pid, strerror(err));
	}
	event.data.fd = fd;
	if (epoll_ctl(t->fd, EPOLL_CTL_ADD, fd, &event)) {
		err = errno;
		close(fd);
		return fail("trace", "--pid %u: %s", pid, strerror(err));
	}
	t->left++;
	return 0;
}

int trace_targets_open(struct trace_targets *t, const struct trace_opts *opts)
{
	bool endless = opts->config.pids != TRACE_FILTER_ONLY;
	int status = 0;
	uint32_t i;

	t->follow = opts->config.follow;
	if (!opts->nr_pids || !in_initial_pid_ns())
		return 0;
	/* Each process takes a descriptor, and the usual limit is as high as their number. */
	raise_files_limit();
	t->fd = epoll_create1(EPOLL_CLOEXEC);
	if (t->fd < 0)
		return fail("trace", "epoll_create1: %s", strerror(errno));
	for (i = 0; i < opts->nr_pids && !status; i++) {
		/* The idle tasks never end. */
		if (!opts->pids[i])
			endless = true;
		else
			status = watch(t, opts->pids[i]);
	}
	if (endless)
		trace_targets_close(t);
	return status;
}

/* True if the process runs, or has not come to its end's last part, in which it only waits. */
static bool is_running(uint32_t pid)
{
	char buf[512], *state;
	size_t n;
	FILE *f;

	snprintf(buf, sizeof(buf), "/proc/%u/stat", pid);
	f = fopen(buf, "re");
	if (!f)
		return false;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[n] = '\0';
	/* The name of the command, in parentheses, may have parentheses. */
	state = strrchr(buf, ')');
	return state && state[1] == ' ' && state[2] != 'Z' && state[2] != 'X';
}

bool trace_targets_ended(struct trace_targets *t, const struct trace_load *l)
{
	struct epoll_event event;

	if (t->fd < 0)
		return false;
	while (t->left && epoll_wait(t->fd, &event, 1, 0) == 1) {
		/* This takes it off the list, too. */
		close(event.data.fd);
		t->left--;
	}
	return !t->left && (!t->follow || !trace_any_listed(l, is_running));
}

uint64_t trace_targets_timeout(const struct trace_targets *t)
{
	return t->fd >= 0 && !t->left ? ASK_AGAIN_NS : UINT64_MAX;
}

/* The descriptors of processes that have not ended are closed by the exit. */
void trace_targets_close(struct trace_targets *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->left = 0;
}

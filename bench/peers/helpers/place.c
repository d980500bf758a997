// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringbench-place W,R PROGRAM: runs PROGRAM and the daemon that it needs in namespaces, with
 * their own process numbers and their own view of the directories in which such daemons
 * leave files. When PROGRAM ends, the daemon ends, and no file of either is left. A daemon
 * that the machine runs already is not involved.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"

#define READY_MS 10000u

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		helper_cannot("%s: %s", path, strerror(errno));
	close(fd);
}

/* Without privileges, becomes root in a user namespace, where the machine allows that. */
static void own_namespaces(void)
{
	unsigned int uid = getuid(), gid = getgid();
	char map[32];

	if (!unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC))
		return;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC))
		helper_cannot("no namespaces for a daemon: %s (root may have them)",
			      strerror(errno));
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_text("/proc/self/gid_map", map);
}

static void own_place(void)
{
	static const char *const hidden[] = { "/run", "/tmp", "/dev/shm" };
	unsigned int i;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		helper_cannot("no mounts of a daemon's own: %s", strerror(errno));
	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (mount("tmpfs", hidden[i], "tmpfs", MS_NOSUID | MS_NODEV, NULL))
			helper_cannot("%s for a daemon: %s", hidden[i], strerror(errno));
	if (mount("proc", "/proc", "proc", 0, NULL))
		helper_cannot("/proc for a daemon: %s", strerror(errno));
	setenv("HOME", "/tmp", 1);
	setenv("LTTNG_HOME", "/tmp", 1);
}

static bool has_line(const char *path, const char *with)
{
	FILE *f = fopen(path, "re");
	bool found = false;
	char line[512];

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, with);
	if (f)
		fclose(f);
	return found;
}

static void start_roudi(void)
{
	/* Monitoring would declare a process dead that gets no core for a second and a half. */
	static const char *const roudi[] = { "iox-roudi", "--monitoring-mode",
					     "off",	  "--log-level",
					     "error",	  NULL };
	const struct timespec ms = { .tv_nsec = 1000000 };
	const char *log = "/tmp/roudi.log";
	char line[100];
	pid_t pid = helper_spawn(log, roudi);
	unsigned int i;

	for (i = 0; i < READY_MS && !waitpid(pid, NULL, WNOHANG); i++) {
		if (has_line(log, "ready for clients"))
			return;
		nanosleep(&ms, NULL);
	}
	helper_last_line(log, line, sizeof(line));
	helper_cannot("iox-roudi (package iceoryx) does not start: %s", line);
}

static void lttng(const char *const argv[])
{
	const char *log = "/tmp/lttng.log";
	char line[100];

	if (helper_run(log, argv))
		return;
	helper_last_line(log, line, sizeof(line));
	helper_cannot("%s%s%s (package lttng-tools) fails: %s", argv[0],
		      argv[1][0] == '-' ? "" : " ", argv[1][0] == '-' ? "" : argv[1], line);
}

/* The ring's size in sub-buffers; a session and a channel for each of the events. */
static void start_lttng(void)
{
	static const char *const names[] = { "small", "large", "live" };
	char buffers[32], event[32], output[64], dir[32];
	unsigned int i;

	/* The usual group may have no number in a user namespace. */
	lttng((const char *const[]) { "lttng-sessiond", "--daemonize", "--no-kernel",
				      "--group=root", NULL });
	snprintf(buffers, sizeof(buffers), "--num-subbuf=%u", RING_LARGE >> 20);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool live = !strcmp(names[i], "live");

		snprintf(event, sizeof(event), "ringbench:%s", names[i]);
		snprintf(dir, sizeof(dir), "/tmp/%s", names[i]);
		snprintf(output, sizeof(output), "--output=%s", dir);
		lttng((const char *const[]) { "lttng", "create", names[i], output,
					      live ? NULL : "--snapshot", NULL });
		lttng((const char *const[]) { "lttng", "enable-channel", "-u", "-s", names[i],
					      live ? "--discard" : "--overwrite",
					      "--subbuf-size=1M", buffers, "records", NULL });
		lttng((const char *const[]) { "lttng", "enable-event", "-u", "-s", names[i], "-c",
					      "records", event, NULL });
		lttng((const char *const[]) { "lttng", "start", names[i], NULL });
	}
	/* The program goes on only when the daemon has told it what to record. */
	setenv("LTTNG_UST_REGISTER_TIMEOUT", "10000", 1);
}

static void become(char **argv)
{
	const char *slash = strrchr(argv[2], '/');
	/* Its directory may be one of those that are hidden from here on. */
	int program = open(argv[2], O_RDONLY | O_CLOEXEC);

	if (program < 0)
		helper_cannot("%s: %s", argv[2], strerror(errno));
	/* As the first process of its namespace, its end ends all that it has started. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	own_place();
	if (strstr(slash ? slash : argv[2], "lttng"))
		start_lttng();
	else
		start_roudi();
	fexecve(program, (char *const[]) { argv[2], argv[1], NULL }, environ);
	helper_cannot("%s: %s", argv[2], strerror(errno));
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc != 3 || sscanf(argv[1], "%d,%d", &opt.cpu[0], &opt.cpu[1]) != 2)
		fail("ringbench starts this program");
	own_namespaces();
	pid = fork();
	if (pid < 0)
		helper_cannot("fork: %s", strerror(errno));
	if (!pid)
		become(argv);
	/* This end of the socket is the child's alone. */
	close(0);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 3;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

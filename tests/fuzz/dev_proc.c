// SPDX-License-Identifier: GPL-2.0-only
/* Children and a second thread, which use the program's descriptors and mappings. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devfuzz.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void be_child(uint64_t seed)
{
	struct fuzz_rnd r = { seed };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fuzz.is_child = true;
	memset(fuzz.child, 0, sizeof(fuzz.child));
	fuzz_restart_timer();
	fuzz_run_calls(&r, fuzz_below(&r, 6));
	fuzz_check_maps();
	fflush(stdout);
	/* Some children end by themselves, others are killed in the middle of a call. */
	while (fuzz_one_in(&r, 2))
		fuzz_run_calls(&r, 4);
	fflush(stdout);
	_exit(0);
}

static long run_fork(struct fuzz_args *a)
{
	unsigned int i;
	pid_t pid;

	for (i = 0; i < FUZZ_CHILDREN && fuzz.child[i]; i++)
		;
	if (i == FUZZ_CHILDREN) {
		errno = EAGAIN;
		return -1;
	}
	fflush(stdout);
	pid = fork();
	if (!pid)
		be_child(a->v[0]);
	if (pid > 0)
		fuzz.child[i] = pid;
	return pid;
}

static long run_reap(struct fuzz_args *a)
{
	unsigned int i = a->v[0] % FUZZ_CHILDREN;
	pid_t pid = fuzz.child[i];
	int status;

	if (!pid) {
		errno = ECHILD;
		return -1;
	}
	if (a->v[1] % 2)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, a->v[1] % 2 ? 0 : WNOHANG) != pid)
		return -1;
	fuzz.child[i] = 0;
	return 0;
}

/* The second thread makes one call for each post of @go. */
static sem_t go, done;
static const struct fuzz_call *other_call;
static struct fuzz_args other_args;
static long other_ret;
static int other_err;

static void *second(void *arg)
{
	sigset_t all;

	/* The timer must interrupt the first thread. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (;;) {
		while (sem_wait(&go))
			;
		errno = 0;
		other_ret = other_call->run(&other_args);
		other_err = errno;
		sem_post(&done);
	}
	return arg;
}

static void start_second(void)
{
	static pid_t started;
	pthread_t thread;

	if (started == getpid())
		return;
	started = getpid();
	if (sem_init(&go, 0, 0) || sem_init(&done, 0, 0) ||
	    pthread_create(&thread, NULL, second, NULL))
		fuzz_fail("setup", "cannot start a thread: %s", strerror(errno));
}

/* Makes two calls at once. Checks the other thread's call first, since it may remove things. */
static long run_race(struct fuzz_args *a)
{
	struct fuzz_rnd r = { a->v[0] };
	const struct fuzz_call *c;
	struct fuzz_args first;
	long ret;
	int err;

	do {
		c = fuzz_pick(fuzz_rnd(&r));
	} while (c->alone);
	start_second();
	other_call = fuzz_pick_thread(a->v[1]);
	fuzz_make_args(other_call, a->v[1], &other_args);
	fuzz_make_args(c, a->v[0], &first);
	sem_post(&go);
	errno = 0;
	ret = c->run(&first);
	err = errno;
	while (sem_wait(&done))
		;
	fuzz_check_call(other_call, &other_args, other_ret, other_err);
	fuzz_check_call(c, &first, ret, err);
	return 0;
}

static const struct fuzz_call calls[] = {
	{ "fork", 3, { T_RAW }, run_fork, .alone = true },
	{ "reap", 2, { T_RAW, T_RAW }, run_reap, .alone = true },
	{ "race", 8, { T_RAW, T_RAW }, run_race, .alone = true },
};

const struct fuzz_group fuzz_proc_calls = { calls, LEN(calls) };

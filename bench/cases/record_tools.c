// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recording the kernel's events: ringctl trace and record beside perf and trace-cmd, for the same
 * system calls of one process on one core, with the recorder on the other one and buffers of the
 * same size.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"

#define SECTION	    "record-tools"
#define BUFFER	    "4M"
#define BUFFER_KIB  "4096"
#define CALLS	    200000u /* of a round; each has two events */
#define ROUNDS	    7u
#define PATIENCE_NS 20000000000ull
#define SETTLE_NS   500000000u
#define NAME	    "ringbench-record"

/*
 * @argv: the recorder; PID, and DIR for the directory of the round, are filled in
 * @prepare, @clean_up: commands of the shell before and after; NULL: none. The same words are
 *                      filled in
 * @ready: whether the recorder has begun
 * @count: what it says of its records
 */
struct tool {
	struct contender c;
	const char *const *argv;
	const char *prepare;
	const char *clean_up;
	bool (*ready)(pid_t recorder);
	bool (*count)(double *events, double *lost);
	const char *why; /* it cannot run here */
};

static char dir[64];	    /* of the round */
static char pid_text[16];   /* of the workload */
static char tool_path[512]; /* of ringctl */

/* Fills in the words of a command. */
static const char *fill(const char *word)
{
	static const struct {
		const char *name;
		const char *value;
	} words[] = { { "PID", pid_text }, { "DIR", dir }, { "RINGCTL", tool_path } };
	char *out = NULL;
	size_t i, len;

	for (i = 0; i < NR(words); i++) {
		const char *at = strstr(word, words[i].name);

		if (!at)
			continue;
		len = strlen(words[i].name);
		if (asprintf(&out, "%.*s%s%s", (int)(at - word), word, words[i].value, at + len) <
		    0)
			fail("no memory");
		return fill(out);
	}
	return word;
}

/* Runs a command of the shell; its output is DIR/says. Return: whether it succeeded. */
static bool shell(const char *command)
{
	return !system(keep("{ %s; } >>%s/says 2>&1 </dev/null", fill(command), dir));
}

/* The last line that a tool has printed. */
static const char *last_words(void)
{
	static char line[300];
	char text[sizeof(line)];
	FILE *f = fopen(keep("%s/says", dir), "re");

	strcpy(line, "it does not say why");
	while (f && fgets(text, sizeof(text), f))
		if (!isspace(text[0]) || text[1])
			strcpy(line, text);
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = 0;
	return line;
}

/* Reads the number behind @key in DIR/@file, the sum of all. Return: whether there is one. */
static bool sum_behind(const char *file, const char *key, double *sum)
{
	FILE *f = fopen(keep("%s/%s", dir, file), "re");
	bool any = false;
	char line[512];
	const char *at;

	*sum = 0;
	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, key);
		if (!at)
			continue;
		*sum += strtod(at + strlen(key), NULL);
		any = true;
	}
	if (f)
		fclose(f);
	return any;
}

static pid_t spawn(const char *const *words)
{
	char *argv[24];
	unsigned int i;
	pid_t pid;
	int fd;

	for (i = 0; words[i]; i++)
		argv[i] = (char *)fill(words[i]);
	argv[i] = NULL;
	pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (pid)
		return pid;
	pin_to(opt.cpu[1]);
	fd = open(keep("%s/says", dir), O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* A process that makes system calls when it is told to, and tells how long they took. */
struct workload {
	pid_t pid;
	int go;
	int took;
};

static void workload_start(struct workload *w)
{
	int go[2], took[2];
	uint64_t start, ns;
	unsigned int i;
	uint32_t n;

	if (pipe2(go, O_CLOEXEC) || pipe2(took, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	w->pid = fork();
	if (w->pid < 0)
		fail("fork: %s", strerror(errno));
	if (!w->pid) {
		pin_to(opt.cpu[0]);
		close(go[1]);
		while (read(go[0], &n, sizeof(n)) == sizeof(n)) {
			start = now_ns();
			for (i = 0; i < n; i++)
				syscall(SYS_getppid);
			ns = now_ns() - start;
			if (write(took[1], &ns, sizeof(ns)) != sizeof(ns))
				break;
		}
		_exit(0);
	}
	close(go[0]);
	close(took[1]);
	w->go = go[1];
	w->took = took[0];
	snprintf(pid_text, sizeof(pid_text), "%d", w->pid);
}

static double workload_run(struct workload *w, uint32_t n)
{
	uint64_t ns;

	if (write(w->go, &n, sizeof(n)) != sizeof(n) ||
	    read(w->took, &ns, sizeof(ns)) != sizeof(ns))
		fail("the process that makes system calls is gone");
	return (double)ns;
}

static void workload_end(struct workload *w)
{
	close(w->go);
	close(w->took);
	waitpid(w->pid, NULL, 0);
}

static bool said(const char *text)
{
	double none;

	return sum_behind("says", text, &none);
}

static bool ringctl_ready(pid_t recorder)
{
	(void)recorder;
	return !access(keep("%s/tape/0000000001.seg", dir), F_OK);
}

static bool ringctl_count(double *events, double *lost)
{
	return sum_behind("says", ": recorded ", events) && sum_behind("says", ", lost ", lost);
}

/* perf has mapped its buffers. */
static bool perf_ready(pid_t recorder)
{
	char line[512];
	FILE *f = fopen(keep("/proc/%d/maps", recorder), "re");
	bool mapped = false;

	while (f && !mapped && fgets(line, sizeof(line), f))
		mapped = strstr(line, "[perf_event]");
	if (f)
		fclose(f);
	return mapped;
}

static bool perf_count(double *events, double *lost)
{
	double in_kernel = 0;

	if (!shell("perf report --stats -i DIR/perf.data >DIR/stats") ||
	    !sum_behind("stats", "SAMPLE events: ", events))
		return false;
	/* It counts each event's samples again below their sum. */
	*events /= 2;
	*lost = 0;
	if (sum_behind("stats", "LOST_SAMPLES events: ", &in_kernel))
		*lost += in_kernel / 2;
	return true;
}

static bool trace_cmd_ready(pid_t recorder)
{
	(void)recorder;
	return said("Hit Ctrl^C");
}

static bool trace_cmd_count(double *events, double *lost)
{
	if (!shell("trace-cmd report -i DIR/trace.dat | sed 's/.*/event 1/' >DIR/lines") ||
	    !sum_behind("lines", "event ", events))
		return false;
	sum_behind("says", "lost events ", lost);
	return true;
}

/* Waits until the recorder has begun. Return: false: it has ended instead, or does not begin. */
static bool wait_ready(const struct tool *t, pid_t recorder)
{
	const uint64_t end = now_ns() + PATIENCE_NS;

	while (now_ns() < end) {
		if (waitpid(recorder, NULL, WNOHANG))
			return false;
		if (t->ready(recorder)) {
			/* perf begins some time after it has its buffers, and does not say when. */
			sleep_ns(SETTLE_NS);
			return !waitpid(recorder, NULL, WNOHANG);
		}
		sleep_ns(5000000);
	}
	kill(recorder, SIGKILL);
	waitpid(recorder, NULL, 0);
	return false;
}

static double cpu_of(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e9 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) * 1e3;
}

/* Records the workload's calls. Return: whether the tool can do that here. */
static bool record_calls(struct tool *t, struct workload *w)
{
	const uint32_t calls = opt.quick ? CALLS / 4 : CALLS;
	double ns, events = 0, lost = 0, cpu;
	struct rusage usage;
	pid_t recorder;
	int status;

	if (!t->argv) {
		contender_set(&t->c, "producer_ns", workload_run(w, calls) / (2.0 * calls));
		return true;
	}
	if (t->prepare && !shell(t->prepare))
		return false;
	recorder = spawn(t->argv);
	if (!wait_ready(t, recorder))
		return false;
	ns = workload_run(w, calls);
	kill(recorder, SIGINT);
	if (wait4(recorder, &status, 0, &usage) != recorder || !t->count(&events, &lost) ||
	    events < calls / 2.0)
		return false;
	cpu = cpu_of(&usage);
	contender_set(&t->c, "producer_ns", ns / (2.0 * calls));
	contender_set(&t->c, "recorder_ns", cpu / events);
	contender_set(&t->c, "recorded_per_us", events * 1000 / ns);
	contender_set(&t->c, "published", events + lost);
	contender_set(&t->c, "lost", lost);
	contender_set(&t->c, "readers", 1);
	return true;
}

static bool tool_round(struct contender *c)
{
	struct tool *t = (struct tool *)c;
	struct workload w;
	bool done;

	strcpy(dir,
	       access("/dev/shm", W_OK) ? "/tmp/ringbench-XXXXXX" : "/dev/shm/ringbench-XXXXXX");
	if (!mkdtemp(dir))
		fail("no directory for recordings: %s", strerror(errno));
	workload_start(&w);
	done = record_calls(t, &w);
	if (!done) {
		t->why = keep("%s", last_words());
		if (c->nr_figures)
			emit_note(SECTION, "a round of %s failed: %s", c->name, t->why);
	}
	if (t->clean_up)
		shell(t->clean_up);
	workload_end(&w);
	if (system(keep("rm -rf %s", dir)))
		fail("%s cannot be removed", dir);
	/* A round in which it failed has the figures of the one before. */
	return !done;
}

static void find_ringctl(void)
{
	ssize_t len = readlink("/proc/self/exe", tool_path, sizeof(tool_path) - 16);
	char *slash;

	tool_path[len < 0 ? 0 : len] = 0;
	slash = strrchr(tool_path, '/');
	strcpy(slash ? slash + 1 : tool_path, "ringctl");
}

void record_tools(void)
{
	static const char *const ringctl[] = { "RINGCTL",  "record",   NAME,
					       "--output", "DIR/tape", NULL };
	static const char *const packed[] = { "RINGCTL",  "record",	NAME,	"--output",
					      "DIR/tape", "--compress", "zstd", NULL };
	static const char *const perf[] = { "perf",
					    "record",
					    "-B",
					    "-e",
					    "raw_syscalls:sys_enter",
					    "-e",
					    "raw_syscalls:sys_exit",
					    "-m",
					    BUFFER,
					    "-p",
					    "PID",
					    "-o",
					    "DIR/perf.data",
					    NULL };
	static const char *const trace_cmd[] = { "trace-cmd", "record",	       "-e", "raw_syscalls",
						 "-b",	      BUFFER_KIB,      "-P", "PID",
						 "-o",	      "DIR/trace.dat", NULL };
	static const char pin[] = "RINGCTL trace syscalls --pid PID --size " BUFFER " --pin " NAME;
	static const char unpin[] = "RINGCTL destroy " NAME;
	static struct tool tools[] = {
		{ .c = { "nobody records", tool_round } },
		{ .c = { "ringctl record", tool_round },
		  .argv = ringctl,
		  .prepare = pin,
		  .clean_up = unpin,
		  .ready = ringctl_ready,
		  .count = ringctl_count },
		{ .c = { "ringctl record, zstd", tool_round },
		  .argv = packed,
		  .prepare = pin,
		  .clean_up = unpin,
		  .ready = ringctl_ready,
		  .count = ringctl_count },
		{ .c = { "perf record", tool_round },
		  .argv = perf,
		  .ready = perf_ready,
		  .count = perf_count },
		{ .c = { "trace-cmd record", tool_round },
		  .argv = trace_cmd,
		  .ready = trace_cmd_ready,
		  .count = trace_cmd_count },
	};
	struct contender *c[NR(tools)];
	unsigned int i, k;

	find_ringctl();
	for (i = 0; i < NR(tools); i++) {
		for (k = 0; k < BENCH_TRIES && tool_round(&tools[i].c); k++)
			;
		if (k < BENCH_TRIES)
			tools[i].why = NULL;
		c[i] = tools[i].why ? NULL : &tools[i].c;
		if (tools[i].why)
			emit_note(SECTION, "SKIPPED: %s: %s", tools[i].c.name, tools[i].why);
		/* The first round was this one. */
		tools[i].c.warm_up = contender_cold;
	}
	emit_note(SECTION,
		  "LTTng's tracer of the kernel consists of modules, and none may be loaded for "
		  "a benchmark; peers-lttng has its tracer of programs");
	alternate(SECTION, c, NR(c), opt.quick ? 2 : ROUNDS);
}

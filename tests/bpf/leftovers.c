// SPDX-License-Identifier: GPL-2.0-only
/*
 * A loader is killed at each step at which it makes or removes the pins of its ring. What is left
 * is found and removed, or is a whole ring. What belongs to a process that lives is never touched.
 */
#include <dirent.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "loader.h"

#define NAME	  "left"
#define STEPS_MAX 200
#define NOBODY	  65534

struct count {
	unsigned int nr;
	unsigned int unknown;
	unsigned int removed;
	int err;
};

static int count_one(const struct ring_leftover *l, void *arg)
{
	struct count *c = arg;

	c->nr++;
	c->unknown += !l->maker_gone;
	c->removed += l->removed > 0;
	if (l->removed < 0)
		c->err = l->removed;
	return 0;
}

static struct count look(uint32_t flags)
{
	struct count c = { 0 };

	if (ring_bpf_leftovers(flags, count_one, &c))
		die("ring_bpf_leftovers");
	return c;
}

/* Counts what is in the directory of all names, except for its lock. */
static int count_entries(void)
{
	DIR *dir = opendir(getenv("RINGBPFDIR"));
	struct dirent *e;
	int n = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -1;
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.' && strcmp(e->d_name, "+lock");
	closedir(dir);
	return n;
}

/* Makes a ring and ends it. */
static void live(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = NAME);
	struct loaded l;
	int errs[3];

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP))
		_exit(2);
	if (load_ring(&l, &opts, errs))
		_exit(3);
	if (ring_bpf_end(l.ring))
		_exit(4);
	_exit(0);
}

/* Copies a string of a process that is stopped. */
static void peek_string(pid_t pid, uint64_t at, char *text, size_t size)
{
	struct iovec to = { text, size - 1 };
	struct iovec from = { (void *)(uintptr_t)at, size - 1 };

	memset(text, 0, size);
	if (process_vm_readv(pid, &to, 1, &from, 1, 0) < 0)
		*text = 0;
}

/*
 * True if a system call is about the pin of a doorbell of a slot, and not of the first one: to be
 * killed at each of these shows the same again.
 */
static bool is_repeated(pid_t pid, const struct __ptrace_syscall_info *info, bool pin)
{
	uint64_t at[2] = { info->entry.args[0], info->entry.args[1] };
	struct iovec to = { at, sizeof(at[0]) };
	struct iovec from = { (void *)(uintptr_t)at[1], sizeof(at[0]) };
	char path[4096], *slot;
	unsigned int i;

	if (pin && process_vm_readv(pid, &to, 1, &from, 1, 0) < 0)
		return false;
	for (i = 0; i < (pin ? 1 : 2); i++) {
		peek_string(pid, at[i], path, sizeof(path));
		slot = strstr(path, "doorbell-");
		if (slot && strcmp(slot, "doorbell-0"))
			return true;
	}
	return false;
}

/* True before a system call that changes what is in the directories, or who holds a lock. */
static bool is_step(pid_t pid, bool *pins)
{
	struct __ptrace_syscall_info info = { 0 };

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	*pins = info.entry.nr == SYS_bpf && info.entry.args[0] == BPF_OBJ_PIN;
	if ((*pins || info.entry.nr != SYS_bpf) && is_repeated(pid, &info, *pins))
		return false;
	switch (info.entry.nr) {
	case SYS_bpf:
		return *pins;
	case SYS_fcntl:
		return info.entry.args[1] == F_OFD_SETLK;
#ifdef SYS_mkdir
	case SYS_mkdir:
	case SYS_rmdir:
	case SYS_chmod:
	case SYS_rename:
	case SYS_unlink:
#endif
	case SYS_mkdirat:
	case SYS_fchmodat:
	case SYS_renameat2:
	case SYS_unlinkat:
	case SYS_flock:
		return true;
	default:
		return false;
	}
}

/*
 * Runs a loader, and kills it before step @nr. At each pin, it is at work: @disturbed counts
 * what is then taken for a leftover. Return: whether it came to that step.
 */
static bool kill_at(int nr, unsigned int *disturbed)
{
	pid_t pid = fork();
	bool pins = false;
	int status;

	if (!pid)
		live();
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL,
		   (void *)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD)))
		die("ptrace");
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid)
			die("ptrace");
		if (!WIFSTOPPED(status)) {
			T_EQ("leftovers.whole_life", status, 0);
			return false;
		}
		if (!is_step(pid, &pins))
			continue;
		if (!--nr)
			break;
		if (pins)
			*disturbed += look(RING_LEFTOVERS_REMOVE | RING_LEFTOVERS_UNKNOWN).nr;
	}
	kill_and_reap(pid);
	return true;
}

static void killed(void)
{
	unsigned int disturbed = 0, halves = 0, wholes = 0;
	struct count found, again;
	int step, bad = 0;

	for (step = 1; step < STEPS_MAX && kill_at(step, &disturbed); step++) {
		found = look(0);
		again = look(RING_LEFTOVERS_REMOVE);
		halves += found.nr;
		if (found.nr > 1 || found.unknown || found.removed || again.nr != found.nr ||
		    again.removed != again.nr || look(0).nr) {
			t_note("step %d: %u found, %u of them unknown, %u removed, %u left", step,
			       found.nr, found.unknown, again.removed, look(0).nr);
			bad++;
		}
		/* What is not half is whole. */
		if (count_entries()) {
			wholes++;
			bad += ring_bpf_destroy(NAME) || count_entries();
		}
	}
	T_EQ("leftovers.killed", bad, 0);
	T_EQ("leftovers.at_work", disturbed, 0);
	T_TRUE("leftovers.halves", halves > 10);
	T_TRUE("leftovers.wholes", wholes > 0);
	T_TRUE("leftovers.end", step < STEPS_MAX);
	T_EQ("leftovers.empty", count_entries(), 0);
}

/* A leftover of a process with the PID of this one: as in a container that starts again. */
static void same_pid(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = NAME);
	char path[PATH_MAX];
	struct loaded l;
	int errs[3];

	snprintf(path, sizeof(path), "%s/+" NAME "+%d", getenv("RINGBPFDIR"), getpid());
	if (mkdir(path, 0700))
		die(path);
	strcat(path, "/owner");
	if (mkdir(path, 0700))
		die(path);
	T_EQ("leftovers.same_pid", load_ring(&l, &opts, errs), 0);
	T_EQ("leftovers.same_pid.entries", count_entries(), 1);
	unload_ring(&l);
	T_EQ("leftovers.same_pid.empty", count_entries(), 0);
}

/* Another user cannot tell, and cannot remove. */
static void other_user(void)
{
	char path[PATH_MAX];
	struct count c;
	int status;
	pid_t pid;

	/* It sees that there is no owner's lock, and not that nobody is about to take it. */
	snprintf(path, sizeof(path), "%s/+" NAME "+1", getenv("RINGBPFDIR"));
	if (mkdir(path, 0755))
		die(path);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setresuid(NOBODY, NOBODY, NOBODY))
			_exit(1);
		c = look(RING_LEFTOVERS_REMOVE);
		if (c.nr != 1 || c.unknown != 1 || c.removed || c.err)
			_exit(2);
		c = look(RING_LEFTOVERS_REMOVE | RING_LEFTOVERS_UNKNOWN);
		_exit(c.nr != 1 || c.removed || c.err >= 0 ? 3 : 0);
	}
	waitpid(pid, &status, 0);
	T_EQ("leftovers.other_user", status, 0);
	T_EQ("leftovers.other_user.stays", count_entries(), 1);
	T_EQ("leftovers.other_user.removed", look(RING_LEFTOVERS_REMOVE).removed, 1);
	T_EQ("leftovers.other_user.empty", count_entries(), 0);
}

static int ignore(const struct ring_leftover *l, void *arg)
{
	(void)l;
	(void)arg;
	return 0;
}

static void bad_flags(void)
{
	T_EQ("leftovers.flags", ring_bpf_leftovers(4, ignore, NULL), -EINVAL);
	T_EQ("leftovers.flags.unknown", ring_bpf_leftovers(RING_LEFTOVERS_UNKNOWN, ignore, NULL),
	     -EINVAL);
}

int main(void)
{
	const char *bpffs;

	need_bpf("leftovers");
	bpffs = own_bpffs();
	trigger_nr();
	T_EQ("leftovers.none", look(0).nr, 0);
	killed();
	same_pid();
	other_user();
	bad_flags();
	umount(bpffs);
	return t_done();
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that loads wake.bpf.o and does with its ring what the test orders, so that
 * the test can kill it meanwhile.
 */
#ifndef TESTS_BPF_LOADER_H
#define TESTS_BPF_LOADER_H

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common.h"
#include "wake.h"

#define LOADER_OPTS(...)                                                \
	((struct ring_bpf_opts) { .size = sizeof(struct ring_bpf_opts), \
				  .clock_id = SEQRING_CLOCK_MONOTONIC,  \
				  .data_size = SEQRING_DATA_SIZE_MIN,   \
				  __VA_ARGS__ })

enum order {
	ATTACH,
	DETACH,
	KEEP, /* with what is attached */
	END,
	CLOSE, /* the ring, the object and all their descriptors */
	FLOOD, /* publish until killed; reports 0 at the start */
	FORK,  /* a child that does nothing with what it inherits */
	ADOPT, /* go on in a child, whose PID is reported, and leave */
	CLOSE_IN_CHILD,
	EXIT,
};

struct loader {
	pid_t pid;
	int sock;
	int err;	  /* result of the last order, or of starting */
	int errs[3];	  /* of prepare, load and start */
	uint32_t prog_id; /* of the program that it attaches; 0: none was loaded */
	bool kept;
	char why[256];
};

/* The ring of one process, for tests that need no other process. */
struct loaded {
	struct bpf_object *obj;
	struct ring_bpf *ring;
	struct bpf_link *link;
};

/* The number of no system call; programs on sys_enter publish it. */
static inline long trigger_nr(void)
{
	static pid_t root;

	if (!root)
		root = getpid();
	return 1000000 + root;
}

static inline void trigger(unsigned int times)
{
	while (times--)
		syscall(trigger_nr());
}

/* Return: 0, or the first error of prepare, load and start; all three are in @errs. */
static inline int load_ring(struct loaded *l, const struct ring_bpf_opts *opts, int errs[3])
{
	struct bpf_map *map;
	size_t size;

	memset(l, 0, sizeof(*l));
	memset(errs, 0, 3 * sizeof(*errs));
	l->obj = open_object("wake");
	map = bpf_object__find_map_by_name(l->obj, ".rodata");
	*(uint64_t *)bpf_map__initial_value(map, &size) = (uint64_t)trigger_nr();
	errs[0] = ring_bpf_prepare(l->obj, "ring", opts, &l->ring);
	if (!errs[0])
		errs[1] = ring_bpf_load(l->obj);
	if (!errs[0] && !errs[1])
		errs[2] = ring_bpf_start(l->ring);
	return errs[0] ? errs[0] : errs[1] ? errs[1] : errs[2];
}

static inline int attach_ring(struct loaded *l)
{
	l->link = bpf_program__attach(bpf_object__find_program_by_name(l->obj, "on_syscall"));
	return l->link ? 0 : -errno;
}

static inline void detach_ring(struct loaded *l)
{
	bpf_link__destroy(l->link);
	l->link = NULL;
}

static inline void unload_ring(struct loaded *l)
{
	detach_ring(l);
	ring_bpf_close(l->ring);
	bpf_object__close(l->obj);
	memset(l, 0, sizeof(*l));
}

/*
 * Return: the PID of a child that has dropped what the library inherited, as fork() makes it do.
 * The child ends by itself, at the latest when the test has long ended.
 */
static inline int fork_idle(void)
{
	int runs[2];
	char byte;
	pid_t pid;

	if (pipe(runs))
		return -errno;
	pid = fork();
	if (!pid) {
		alarm(300);
		close(runs[0]);
		close(runs[1]);
		pause();
		_exit(0);
	}
	close(runs[1]);
	/* The end of the pipe: fork() returns here while the child has yet to run. */
	if (read(runs[0], &byte, 1))
		pid = -EIO;
	close(runs[0]);
	return pid;
}

/* Return: the PID of the child, in the child. */
static inline int adopt_ring(struct loaded *l)
{
	int err;

	if (fork())
		_exit(0);
	if (ring_bpf_end(l->ring) != -EPERM || ring_bpf_keep(l->ring, NULL, 0) != -EPERM)
		return -EPROTO;
	err = ring_bpf_adopt(l->ring);
	return err ? err : getpid();
}

static inline int close_in_child(struct loaded *l)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ring_bpf_close(l->ring);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid ? status : -errno;
}

static inline int obey(struct loaded *l, enum order order)
{
	switch (order) {
	case ATTACH:
		return attach_ring(l);
	case DETACH:
		detach_ring(l);
		return 0;
	case KEEP:
		return ring_bpf_keep(l->ring, &l->link, l->link ? 1 : 0);
	case END:
		return ring_bpf_end(l->ring);
	case CLOSE:
		unload_ring(l);
		return 0;
	case FORK:
		return fork_idle();
	case ADOPT:
		return adopt_ring(l);
	case CLOSE_IN_CHILD:
		return close_in_child(l);
	default:
		return 0;
	}
}

static inline uint32_t program_id(const struct bpf_object *obj)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (!obj || bpf_obj_get_info_by_fd(prog_fd(obj, "on_syscall"), &info, &len))
		return 0;
	return info.id;
}

static inline void report(int sock, int err, const int errs[3], uint32_t prog_id)
{
	struct loader l = { .err = err, .prog_id = prog_id };

	memcpy(l.errs, errs, sizeof(l.errs));
	snprintf(l.why, sizeof(l.why), "%s", ring_strerror());
	if (write(sock, &l, sizeof(l)) != sizeof(l))
		_exit(2);
}

static inline void loader_main(int sock, const struct ring_bpf_opts *opts)
{
	struct publish flood = { 1000, 0 };
	struct loaded l;
	char order;
	int errs[3], err;

	pin_to(0);
	err = load_ring(&l, opts, errs);
	report(sock, err, errs, err ? 0 : program_id(l.obj));
	while (read(sock, &order, 1) == 1 && order != EXIT) {
		report(sock, obey(&l, (enum order)order), errs, 0);
		while (order == FLOOD)
			run_prog(prog_fd(l.obj, "publish"), &flood, sizeof(flood), -1);
	}
	_exit(0);
}

static inline void loader_hear(struct loader *l)
{
	struct loader told;

	if (read(l->sock, &told, sizeof(told)) != sizeof(told))
		die("the loader is gone");
	l->err = told.err;
	if (told.prog_id)
		l->prog_id = told.prog_id;
	memcpy(l->errs, told.errs, sizeof(l->errs));
	memcpy(l->why, told.why, sizeof(l->why));
}

/* Goes on in a PID namespace of its own, as its first process, which dies with this one. */
static inline void enter_pidns(void)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		die("unshare");
	pid = fork();
	if (pid) {
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static inline void loader_start_in(struct loader *l, const struct ring_bpf_opts *opts, bool pidns)
{
	int socks[2];

	memset(l, 0, sizeof(*l));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		die("socketpair");
	trigger_nr();
	fflush(stdout);
	l->pid = fork();
	if (!l->pid) {
		close(socks[0]);
		if (pidns)
			enter_pidns();
		loader_main(socks[1], opts);
	}
	close(socks[1]);
	l->sock = socks[0];
	loader_hear(l);
}

static inline void loader_start(struct loader *l, const struct ring_bpf_opts *opts)
{
	loader_start_in(l, opts, false);
}

static inline int loader_do(struct loader *l, enum order order)
{
	char c = (char)order;

	if (write(l->sock, &c, 1) != 1)
		die("the loader is gone");
	if (order == EXIT)
		return 0;
	loader_hear(l);
	l->kept |= order == KEEP && !l->err;
	return l->err;
}

/*
 * Waits until nothing holds a program any more, and none of its runs is under way. The
 * kernel detaches a program whose link is unpinned later, in a work queue.
 */
static inline bool program_is_gone(uint32_t id)
{
	uint64_t end = now_ns() + FLAG_SECONDS * 1000 * MS;
	int fd;

	while (id && (fd = bpf_prog_get_fd_by_id(id)) >= 0) {
		close(fd);
		if (now_ns() > end)
			return false;
		sleep_us(1000);
	}
	wait_for_programs();
	return true;
}

/* The loader was killed, or exits. Waits for the programs that it does not leave behind. */
static inline void loader_end(struct loader *l, bool killed)
{
	if (killed)
		kill(l->pid, SIGKILL);
	else
		loader_do(l, EXIT);
	waitpid(l->pid, NULL, 0);
	close(l->sock);
	if (l->kept)
		wait_for_programs();
	else if (!program_is_gone(l->prog_id))
		die("a program outlives its loader");
}

static inline struct ring_reader *open_name(const char *name)
{
	struct ring_reader *r = NULL;

	if (ring_open(name, NULL, &r))
		die(name);
	return r;
}

/*
 * Reads all records of ring 0 and checks that they follow @next without loss. Return:
 * how many, or -1 for a wrong record; @err: what ended the reading.
 */
static inline int read_all(struct ring_reader *r, uint64_t *next, int *err)
{
	struct ring_record rec;
	uint64_t word;
	int n = 0;

	while (!(*err = ring_read(r, &rec, &word, sizeof(word)))) {
		if (rec.ring || rec.seq != *next || rec.lost || rec.len != 8 || rec.type != 2 ||
		    word != (uint64_t)trigger_nr())
			return -1;
		++*next;
		n++;
	}
	return n;
}

#endif /* TESTS_BPF_LOADER_H */

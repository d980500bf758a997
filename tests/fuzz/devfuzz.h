/* SPDX-License-Identifier: GPL-2.0-only */
/* Declarations that the parts of the devices' fuzzer share. dev_main.c describes the fuzzer. */
#ifndef DEVFUZZ_H
#define DEVFUZZ_H

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <seqring/abi.h>
#include "../../kmod/tests/payload.h"

#define FUZZ_PAGE 4096UL

/*
 * A program maps everything here, so that it may do anything to any address in this range.
 * The kernel itself places no mapping so low.
 */
#define FUZZ_ARENA	 0x100000000UL
#define FUZZ_ARENA_PAGES 2048UL
#define FUZZ_ARENA_SPAN	 (1UL << 40)

#define FUZZ_CALLS_MAX	24  /* calls of a program */
#define FUZZ_TABLE_MAX	128 /* calls of the grammar */
#define FUZZ_ARGS	8
#define FUZZ_PROCS_MAX	16
#define FUZZ_CORPUS_MAX 4096
#define FUZZ_HANDLES	24
#define FUZZ_MAPS	24
#define FUZZ_CHILDREN	4
#define FUZZ_STRUCT_MAX 8192
#define FUZZ_TEXT_MAX	(1UL << 18) /* size of seqring.ko's code */

/* A program has one number for each call; everything that the call does follows from it. */
struct fuzz_program {
	uint64_t seed; /* 0: a mutant, which has no seed */
	unsigned int nr;
	uint64_t call[FUZZ_CALLS_MAX];
};

struct fuzz_rnd {
	uint64_t state;
};

uint64_t fuzz_rnd(struct fuzz_rnd *r);
/* Return: a number from 0 to @n - 1. */
uint64_t fuzz_below(struct fuzz_rnd *r, uint64_t n);
/* Return: true with a probability of 1 / @n. */
bool fuzz_one_in(struct fuzz_rnd *r, unsigned int n);

enum fuzz_kind {
	FUZZ_FREE,
	FUZZ_CTL,
	FUZZ_DEV,
	FUZZ_READER,
	FUZZ_DRIVER,
	FUZZ_SOCKET,
	FUZZ_EPOLL,
	FUZZ_OTHER,
	FUZZ_ANY,
};

/* An open descriptor. The last four fields come from a device's geometry. */
struct fuzz_handle {
	int fd;
	enum fuzz_kind kind;
	bool writable;
	uint64_t total;
	uint64_t payload_max;
	uint32_t nr_rings;
	bool takes_writes;
};

/* A mapping as it was made. /proc/self/maps has its present state. */
struct fuzz_map {
	unsigned long addr;
	unsigned long len;
	enum fuzz_kind kind;
};

enum fuzz_type {
	T_END,
	T_CTL,
	T_DEV,
	T_READER,
	T_DRIVER,
	T_SOCKET,
	T_EPOLL,
	T_FD,
	T_RANGE, /* two values: address and length of a mapping */
	T_PLACE, /* an address for a new mapping */
	T_MAP_LEN,
	T_MAP_OFF,
	T_PROT,
	T_MAP_FLAGS,
	T_REMAP_LEN,
	T_REMAP_FLAGS,
	T_ADVICE,
	T_BUF, /* two values: address and length of a buffer */
	T_CREATE,
	T_DESTROY,
	T_GEOMETRY,
	T_STATS,
	T_SEEK,
	T_WRITE_TYPE,
	T_ZERO, /* an argument that should be 0 */
	T_IOC,	/* any ioctl command */
	T_NAME,
	T_OPEN_FLAGS,
	T_COMMAND,
	T_WHENCE,
	T_EVENTS,
	T_RAW,
	T_TYPES
};

/* The arguments of one call. */
struct fuzz_args {
	uint64_t v[FUZZ_ARGS];
	bool tame;	       /* no argument is wrong on purpose */
	int slot;	       /* the first descriptor's slot; -1: not a descriptor of ours */
	struct fuzz_handle h;  /* that slot's handle before the call */
	enum fuzz_kind target; /* the mapping at the address that the call gets */
	unsigned int known;    /* bytes of the struct that the kernel knows */
	unsigned int in_size;  /* the size in the struct; 0: the struct is not our memory */
	bool tail_zero;
	unsigned char in[256]; /* the struct before the call */
	unsigned char *out;    /* its address */
	char text[160];
};

/*
 * One line of the grammar. @run only makes the call. @check judges the result and records
 * new and closed descriptors and mappings. @alone: not in a child, nor beside a second thread.
 */
struct fuzz_call {
	const char *name;
	unsigned int weight;
	enum fuzz_type arg[FUZZ_ARGS];
	long (*run)(struct fuzz_args *a);
	void (*check)(struct fuzz_args *a, long ret, int err);
	bool alone;
	bool thread;	   /* allowed in a second thread beside any call that is not alone */
	bool maps;	   /* may change mappings */
	const char *needs; /* a path that a kernel has if it supports the call */
};

struct fuzz_group {
	const struct fuzz_call *call;
	unsigned int nr;
};

extern const struct fuzz_group fuzz_ioctl_calls, fuzz_io_calls, fuzz_fd_calls, fuzz_mm_calls,
	fuzz_door_calls, fuzz_proc_calls;

/* Memory that all processes share. */
struct fuzz_shared {
	int stop;
	int failed;
	uint64_t programs;
	uint64_t mutants;
	uint64_t calls;
	uint64_t probes; /* attempted stores into ring pages */
	uint64_t tried[FUZZ_TABLE_MAX];
	uint64_t good[FUZZ_TABLE_MAX];
	unsigned int corpus_nr;
	struct fuzz_program corpus[FUZZ_CORPUS_MAX];
	struct fuzz_program now[FUZZ_PROCS_MAX][2];
	uint64_t pcs;
	uint64_t last_pc_ns;
	unsigned char pc[FUZZ_TEXT_MAX];
};

extern struct fuzz_shared *fuzz_all;

/* The state of this process. */
struct fuzz_state {
	unsigned int worker;
	bool verbose;
	bool is_child;
	int control; /* these two are never closed: opening them needs privileges */
	int driver;
	struct fuzz_handle h[FUZZ_HANDLES];
	struct fuzz_map map[FUZZ_MAPS];
	pid_t child[FUZZ_CHILDREN];
	const struct fuzz_program *program;
};

extern struct fuzz_state fuzz;

uint64_t fuzz_now_ns(void);

/* dev_main.c: prints the failure and how to replay it, and ends the process. */
__attribute__((noreturn, format(printf, 2, 3))) void fuzz_fail(const char *what, const char *fmt,
							       ...);

/* dev_fd.c, dev_mm.c: provide a descriptor or a mapping for a call that should succeed. */
void fuzz_need_fd(struct fuzz_rnd *r, enum fuzz_kind kind);
void fuzz_need_map(struct fuzz_rnd *r);

/* dev_run.c */
unsigned int fuzz_table_nr(void);
const struct fuzz_call *fuzz_table_at(unsigned int i);
void fuzz_run_init(void);
void fuzz_run_program(const struct fuzz_program *p);
void fuzz_run_calls(struct fuzz_rnd *r, unsigned int nr);
void fuzz_restart_timer(void);
const struct fuzz_call *fuzz_pick(uint64_t seed);
/* Picks a call for the second thread. */
const struct fuzz_call *fuzz_pick_thread(uint64_t seed);
void fuzz_make_args(const struct fuzz_call *c, uint64_t seed, struct fuzz_args *a);
void fuzz_check_call(const struct fuzz_call *c, struct fuzz_args *a, long ret, int err);

/* dev_gen.c */
void fuzz_fresh(struct fuzz_program *p, uint64_t seed);
void fuzz_mutate(struct fuzz_program *p, struct fuzz_rnd *r);

/* dev_types.c */
void fuzz_make(enum fuzz_type t, struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v);
unsigned int fuzz_type_width(enum fuzz_type t);

/* dev_structs.c */
void fuzz_make_struct(enum fuzz_type t, struct fuzz_rnd *r, struct fuzz_args *a, uint64_t *v);
bool fuzz_struct_ok(const struct fuzz_args *a);
const char *fuzz_device_name(struct fuzz_rnd *r);

/* dev_state.c: descriptors and mappings of this process. */
void fuzz_state_reset(void);
int fuzz_add_fd(int fd, enum fuzz_kind kind, bool writable);
void fuzz_forget_fd(int fd);
int fuzz_slot(struct fuzz_rnd *r, enum fuzz_kind kind);
void fuzz_add_map(unsigned long addr, unsigned long len, enum fuzz_kind kind);

/* dev_maps.c: the judge of mappings. */
void fuzz_know_device(uint64_t inode, uint64_t total);
void fuzz_forget_devices(void);
enum fuzz_kind fuzz_mapped_at(unsigned long addr);
void fuzz_check_maps(void);
/* Return: whether the load or the store succeeded. */
bool fuzz_try(unsigned long addr, bool store, unsigned char *value);
void fuzz_catch_faults(void);

/* dev_kcov.c */
bool fuzz_kcov_open(void);
void fuzz_kcov_start(void);
/* Return: how many new places the calls since fuzz_kcov_start() have reached. */
unsigned int fuzz_kcov_stop(void);
void fuzz_kcov_report(void);

#endif /* DEVFUZZ_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of BPF rings. */
#ifndef TESTS_BPF_COMMON_H
#define TESTS_BPF_COMMON_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seqring/bpf.h>

#include "libring/bpf.h"

#include "../lib/clock.h"
#include "../lib/process.h"
#include "../lib/ring.h"
#include "../lib/tap.h"

/* Ends the program with 77 and a skip line if there can be no BPF ring here. */
static inline void need_bpf(const char *test)
{
	int err = ring_bpf_supported();

	if (!err)
		return;
	if (err == -EPERM || err == -ENOSYS || err == -ENOENT) {
		t_skip(test, "%s", ring_strerror());
		exit(77);
	}
	die(test);
}

static int (*libbpf_print)(enum libbpf_print_level, const char *, va_list);

static inline int print_nothing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

/* Silences libbpf where failures are expected. */
static inline void hush(bool on)
{
	libbpf_print_fn_t was = libbpf_set_print(on ? print_nothing : libbpf_print);

	if (on && was != print_nothing)
		libbpf_print = was;
}

/* Return: the path of NAME.bpf.o in the directory of the program; in static memory. */
static inline const char *object_path(const char *name)
{
	static char path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	char *slash;

	if (n <= 0)
		die("readlink");
	path[n] = 0;
	slash = strrchr(path, '/');
	snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "%s.bpf.o", name);
	return path;
}

static inline struct bpf_object *open_object(const char *name)
{
	const char *path = object_path(name);
	struct bpf_object *obj;

	obj = bpf_object__open_file(path, NULL);
	if (!obj)
		die(path);
	return obj;
}

static inline int prog_fd(const struct bpf_object *obj, const char *name)
{
	const struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);

	if (!prog)
		die(name);
	return bpf_program__fd(prog);
}

/* Runs a program here; one of type raw_tp also in an interrupt of CPU @cpu, when >= 0. */
static inline int run_prog(int prog, const void *ctx, size_t size, int cpu)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = ctx, .ctx_size_in = (uint32_t)size);
	int err;

	if (cpu >= 0) {
		opts.flags = BPF_F_TEST_RUN_ON_CPU;
		opts.cpu = (uint32_t)cpu;
	}
	err = bpf_prog_test_run_opts(prog, &opts);
	return err ? err : (int)opts.retval;
}

static inline int nr_cpus_online(void)
{
	return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Waits until no program that was detached before still runs. */
static inline void wait_for_programs(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	sleep_us(20000);
}

/*
 * Mounts a BPF file system for this process alone and points $RINGBPFDIR into it; it ends
 * with the process. Return: where it is mounted.
 */
static inline const char *own_bpffs(void)
{
	static char dir[32];
	char rings[64], exe[5] = "";
	const char *at = "/tmp";

	/* The mount must not hide the tree. */
	if (readlink("/proc/self/exe", exe, sizeof(exe)) == sizeof(exe) && !memcmp(exe, "/tmp/", 5))
		at = "/mnt";
	snprintf(dir, sizeof(dir), "%s/seqring-bpf-XXXXXX", at);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", at, "tmpfs", 0, NULL) || !mkdtemp(dir) || chmod(dir, 0755) ||
	    mount("bpf", dir, "bpf", 0, NULL))
		die("a BPF file system");
	snprintf(rings, sizeof(rings), "%s/seqring", dir);
	setenv("RINGBPFDIR", rings, 1);
	return dir;
}

/* Maps a whole map that the object declares mmapable. */
static inline void *map_map(const struct bpf_object *obj, const char *name, size_t size)
{
	int fd = bpf_object__find_map_fd_by_name(obj, name);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		die(name);
	return p;
}

#endif /* TESTS_BPF_COMMON_H */

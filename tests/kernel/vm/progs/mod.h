/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations of the test programs on the modules, and a reader that keeps an account. */
#ifndef MOD_H
#define MOD_H

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../../../lib/process.h"
#include "dev.h"

#define MOD_LIMIT "/sys/module/seqring/parameters/max_total_mib"

/* Users of a module; -1: it is not loaded. */
static inline long mod_users(const char *module)
{
	char path[128];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* Loads NAME.ko of the current directory. Return: -1 and errno on failure. */
static inline int mod_load(const char *module)
{
	char path[128];
	int fd, ret, err;

	snprintf(path, sizeof(path), "%s.ko", module);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = syscall(SYS_finit_module, fd, "", 0);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

/* Return: -1 and EWOULDBLOCK while the module is in use. */
static inline int mod_remove(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK);
}

static inline int mod_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static inline uint64_t mod_number(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* True on a debug kernel, which is slow because it checks every access. */
static inline int mod_debug_kernel(void)
{
	return !access("/proc/self/fail-nth", F_OK) || !access("/sys/kernel/debug/kmemleak", F_OK);
}

static inline void mod_pin(int cpu)
{
	if (!pin_to(cpu))
		T_DIE("setup.affinity", "CPU %d: %s", cpu, strerror(errno));
}

/* Counts the devices of 64 KiB and two pages that the module's limit admits into 1 MiB. */
static inline int mod_account(void)
{
	char name[32];
	int n, i;

	if (mod_write(MOD_LIMIT, "1"))
		T_DIE("setup.limit", "%s: %s", MOD_LIMIT, strerror(errno));
	for (n = 0; n < 30; n++) {
		snprintf(name, sizeof(name), "account-%d", n);
		if (dev_create(name, 65536))
			break;
	}
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "account-%d", i);
		dev_destroy(name);
	}
	mod_write(MOD_LIMIT, "0");
	return n;
}

/* The number that it should admit. */
static inline int mod_account_all(void)
{
	int page = (int)sysconf(_SC_PAGESIZE);

	return (1 << 20) / page / (65536 / page + 2);
}

/* Counts the kernel's allocations for this process from now on, in a cgroup at @mount. */
static inline void mod_count_pages(const char *mount_at)
{
	char path[128];

	mkdir(mount_at, 0700);
	/* Removes the cgroup of an earlier run. */
	umount2(mount_at, MNT_DETACH);
	if (mount("none", mount_at, "cgroup2", 0, NULL))
		T_DIE("setup.cgroup", "mount: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", mount_at);
	if (mod_write(path, "+memory"))
		T_DIE("setup.cgroup", "%s: %s", path, strerror(errno));
	snprintf(path, sizeof(path), "%s/group-%d", mount_at, getpid());
	mkdir(path, 0700);
	strcat(path, "/cgroup.procs");
	if (mod_write(path, "0"))
		T_DIE("setup.cgroup", "%s: %s", path, strerror(errno));
}

/* The kernel adds up what its CPUs have charged every two seconds. */
static inline void mod_await_charges(void)
{
	sleep_us(2500000);
}

/* Return: the sum of the fields of memory.stat that are in @keys, in bytes; -1: none is there. */
static inline long long mod_charged(const char *mount_at, const char *const *keys)
{
	long long value, sum = -1;
	char path[128], key[64];
	unsigned int i;
	FILE *f;

	snprintf(path, sizeof(path), "%s/group-%d/memory.stat", mount_at, getpid());
	f = fopen(path, "r");
	while (f && fscanf(f, "%63s %lld", key, &value) == 2)
		for (i = 0; keys[i]; i++)
			if (!strcmp(key, keys[i]))
				sum = (sum < 0 ? 0 : sum) + value;
	if (f)
		fclose(f);
	return sum;
}

/*
 * Return: the charged pages, without those that the kernel counts by kind: the pages of
 * rings and reader pages.
 */
static inline long mod_pages(const char *mount_at)
{
	static const char *const all[] = { "kernel", NULL };
	static const char *const others[] = { "slab",	"pagetables", "kernel_stack",
					      "percpu", "sock",	      NULL };
	long long kernel, rest;

	mod_await_charges();
	kernel = mod_charged(mount_at, all);
	rest = mod_charged(mount_at, others);
	if (kernel < 0 || rest < 0)
		T_DIE("setup.cgroup", "memory.stat does not say");
	return (long)((kernel - rest) / sysconf(_SC_PAGESIZE));
}

/* The test driver's attempts to publish on a device. */
struct tried {
	uint64_t published;
	uint64_t busy;
	uint64_t nested;       /* published, and known to have nested; the device does not say */
	uint64_t interrupt_ns; /* of the last command "interrupt"; the device does not say */
};

static inline struct tried mod_tried(const char *name)
{
	struct tried t = { 0 };
	unsigned long long published, busy, nested, interrupt_ns;
	char line[128], is[64];
	FILE *f = fopen(SEQRING_TEST_PATH, "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s published %llu busy %llu interrupt_ns %llu nested %llu", is,
			   &published, &busy, &interrupt_ns, &nested) == 5 &&
		    !strcmp(is, name)) {
			t.published = published;
			t.busy = busy;
			t.nested = nested;
			t.interrupt_ns = interrupt_ns;
		}
	if (f)
		fclose(f);
	return t;
}

/* The same counts from the device. */
static inline struct tried mod_counted(const char *name)
{
	struct tried t = { 0 };
	int fd = dev_open_fd(name, O_RDONLY);
	struct seqring_stats st;
	unsigned int i;

	if (fd < 0)
		T_DIE("setup.open", "%s: %s", name, strerror(errno));
	for (i = 0; i < dev_geometry(fd).nr_rings; i++) {
		st = dev_stats(fd, i);
		t.published += st.seq;
		t.busy += st.dropped[SEQRING_DROP_BUSY];
	}
	close(fd);
	return t;
}

/*
 * Follows a device to its end. Every payload must prove itself, the times of each ring must not
 * run backwards, and for each ring the records read and reported lost must add up to those
 * published.
 */
static inline void follow_to_end(const char *name, uint32_t max, int ready_fd)
{
	static unsigned char buf[1 << 16] __attribute__((aligned(8)));
	static uint64_t next[DEV_RINGS_MAX], newest_ns[DEV_RINGS_MAX];
	struct pollfd p = { .events = POLLIN };
	uint64_t read = 0, lost = 0, bad = 0, backwards = 0;
	unsigned int i, dead;
	struct dev d;

	dev_open(&d, name, O_RDONLY);
	dev_reader_page(&d);
	p.fd = d.fd;
	for (i = 0; i < d.g.nr_rings; i++)
		next[i] = 0;
	if (write(ready_fd, "x", 1) != 1)
		_exit(3);
	do {
		dead = 0;
		for (i = 0; i < d.g.nr_rings; i++) {
			enum seqring_outcome outcome;
			struct seqring_view v;

			while ((outcome = dev_read(&d, i, &v, buf, sizeof(buf))) == SEQRING_OK) {
				bad += !test_payload_ok(buf, v.len, max);
				backwards += v.ts_ns < newest_ns[i];
				newest_ns[i] = v.ts_ns;
				/* The first record may have any seq; then each one counts. */
				bad += next[i] && v.seq != next[i] + v.lost;
				if (!next[i])
					lost += v.seq - 1;
				else
					lost += v.lost;
				next[i] = v.seq + 1;
				read++;
			}
			dead += outcome == SEQRING_DEAD;
			bad += outcome == SEQRING_CORRUPT;
			dev_store_cursor(&d, i);
		}
		if (!dead && poll(&p, 1, 30000) != 1)
			_exit(2);
	} while (dead < d.g.nr_rings && !bad && !backwards);
	for (i = 0; i < d.g.nr_rings; i++) {
		uint64_t seq = dev_stats(d.fd, i).seq;

		/* The end of the ring shows the records lost after the last one read. */
		if (seq + 1 != (next[i] ? next[i] : 1))
			lost += seq + 1 - (next[i] ? next[i] : 1);
		bad += d.r[i].pos != dev_stats(d.fd, i).head;
		next[i] = seq;
	}
	for (i = 1; i < d.g.nr_rings; i++)
		next[0] += next[i];
	if (bad || backwards || read + lost != next[0]) {
		t_note("follower of %s: %llu bad, %llu back in time", name, (unsigned long long)bad,
		       (unsigned long long)backwards);
		t_note("%llu read + %llu lost, %llu published", (unsigned long long)read,
		       (unsigned long long)lost, (unsigned long long)next[0]);
		fflush(stdout);
		_exit(1);
	}
	_exit(read ? 0 : 4);
}

/* Starts a follower, which has the device open when this returns. */
static inline pid_t follower(const char *name, uint32_t max)
{
	int fds[2];
	pid_t pid;
	char c;

	if (pipe(fds))
		T_DIE("setup.pipe", "%s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		alarm(300);
		follow_to_end(name, max, fds[1]);
	}
	close(fds[1]);
	if (pid < 0 || read(fds[0], &c, 1) != 1)
		T_DIE("setup.follower", "of %s does not start", name);
	close(fds[0]);
	return pid;
}

/* Return: 0 if the follower's account was exact; else its exit status, or -1. */
static inline int ended(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif /* MOD_H */

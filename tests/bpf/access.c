// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access to a BPF ring: only its programs write it, and its permissions decide which users
 * without the right to load programs may read it and sleep on it.
 */
#include <grp.h>

#include "loader.h"

#define NOBODY 65534

static size_t total_size;
static const char *bpffs;

/* A checksum of all bytes of the ring: any successful write changes it. */
static uint64_t checksum(const uint64_t *p)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < total_size / 8; i++)
		sum = (sum ^ p[i]) * 0x9e3779b97f4a7c15ULL;
	return sum;
}

static bool writes_memory(void *to)
{
	char byte = 0x5a;
	int fd = open("/proc/self/mem", O_RDWR);
	bool wrote = pwrite(fd, &byte, 1, (off_t)(uintptr_t)to) == 1;

	close(fd);
	return wrote;
}

/* Tries each way to write the map by @fd. */
static void frozen_by(const char *how, int fd, const uint64_t *ring)
{
	uint64_t before = checksum(ring);
	uint32_t keys[2] = { 0, 1 }, nr = 1, value_size, next;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	void *p, *value;
	char name[80];

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		die(how);
	value_size = (info.value_size + 7) / 8 * 8;
	value = calloc(1, value_size);
	memset(value, 0x5a, value_size);

#define REFUSED(what, call, err)                                         \
	do {                                                             \
		snprintf(name, sizeof(name), "frozen.%s.%s", how, what); \
		T_ERR(name, call, err);                                  \
	} while (0)
#define REFUSED_BPF(what, call, err)                                     \
	do {                                                             \
		int got = call;                                          \
		snprintf(name, sizeof(name), "frozen.%s.%s", how, what); \
		T_EQ(name, got, -(err));                                 \
	} while (0)
	REFUSED("mmap", (long)mmap(NULL, total_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
		EPERM);
	REFUSED("mmap_private",
		(long)mmap(NULL, total_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), EINVAL);
	p = mmap(NULL, total_size, PROT_READ, MAP_SHARED, fd, 0);
	snprintf(name, sizeof(name), "frozen.%s.mmap_read", how);
	T_TRUE(name, p != MAP_FAILED);
	REFUSED("mprotect", mprotect(p, total_size, PROT_READ | PROT_WRITE), EACCES);
	REFUSED("mprotect_exec", mprotect(p, total_size, PROT_READ | PROT_EXEC), EACCES);
	snprintf(name, sizeof(name), "frozen.%s.proc_mem", how);
	T_TRUE(name, !writes_memory(p));
	munmap(p, total_size);

	REFUSED_BPF("update", bpf_map_update_elem(fd, keys, value, BPF_ANY), EPERM);
	REFUSED_BPF("update_exist", bpf_map_update_elem(fd, keys, value, BPF_EXIST), EPERM);
	REFUSED_BPF("update_batch", bpf_map_update_batch(fd, keys, value, &nr, NULL), EPERM);
	REFUSED_BPF("delete", bpf_map_delete_elem(fd, keys), EPERM);
	REFUSED_BPF("delete_batch", bpf_map_delete_batch(fd, keys, &nr, NULL), EPERM);
	REFUSED_BPF("take", bpf_map_lookup_and_delete_elem(fd, keys, value), EPERM);
	snprintf(name, sizeof(name), "frozen.%s.unchanged", how);
	T_EQ(name, checksum(ring), before);
	/* Reading is allowed. */
	snprintf(name, sizeof(name), "frozen.%s.next_key", how);
	T_EQ(name, bpf_map_get_next_key(fd, NULL, &next), 0);
	free(value);
}

static void frozen(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "frozen");
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[PATH_MAX];
	struct ring_fds fds;
	struct loaded l;
	int errs[3], fd;
	uint64_t *ring;
	void *p;

	T_EQ("frozen.load", load_ring(&l, &opts, errs), 0);
	attach_ring(&l);
	trigger(10);
	detach_ring(&l);
	wait_for_programs();
	ring_bpf_fds(l.ring, &fds);
	bpf_obj_get_info_by_fd(fds.ring, &info, &len);
	total_size = (size_t)info.value_size * info.max_entries;
	ring = mmap(NULL, total_size, PROT_READ, MAP_SHARED, fds.ring, 0);
	if (ring == MAP_FAILED)
		die("mmap");
	frozen_by("loader", fds.ring, ring);
	fd = bpf_map_get_fd_by_id(info.id);
	frozen_by("id", fd, ring);
	close(fd);
	snprintf(path, sizeof(path), "%s/frozen/ring", getenv("RINGBPFDIR"));
	fd = bpf_obj_get(path);
	frozen_by("pin", fd, ring);
	close(fd);

	/* A program learns its ring's geometry once, and nobody can change it. */
	fd = bpf_object__find_map_fd_by_name(l.obj, ".rodata.ring");
	T_ERR("frozen.geometry.mmap",
	      (long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
	/* Readers may write the wake thresholds. */
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds.wait, 0);
	T_TRUE("frozen.wait_is_not", p != MAP_FAILED);
	munmap(p, 4096);
	T_ERR("frozen.doorbell.rung",
	      (long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds.doorbell, 4096),
	      EPERM);
	munmap(ring, total_size);
	unload_ring(&l);
}

/* --- permissions ------------------------------------------------------------------ */

/* The results of a user without rights. @tried, @woken: flags for the loader */
struct tried {
	int open, read, sleep, fd, by_dir, by_pin, ctl, destroy, hears_end;
	int tried, woken;
	char why[256];
};

static void try_all(struct tried *t, const char *name)
{
	char path[PATH_MAX + 16], dir[PATH_MAX];
	struct ring_reader *r = NULL, *other;
	struct ring_record rec;
	uint64_t word;
	int fd;

	snprintf(dir, sizeof(dir), "%s/%s", getenv("RINGBPFDIR"), name);
	t->open = ring_open(name, NULL, &r);
	snprintf(t->why, sizeof(t->why), "%s", ring_strerror());
	if (!t->open) {
		t->read = ring_read(r, &rec, &word, sizeof(word));
		/* Reads the rest, then sleeps. */
		while (!ring_read(r, &rec, &word, sizeof(word)))
			;
		t->sleep = ring_wait(r, 20);
		t->fd = ring_fd(r, &fd);
		if (t->sleep == -EOPNOTSUPP)
			snprintf(t->why, sizeof(t->why), "%s", ring_strerror());
	}
	t->by_dir = ring_open(dir, NULL, &other);
	if (!t->by_dir)
		ring_close(other);
	snprintf(path, sizeof(path), "%s/ring", dir);
	t->by_pin = ring_open(path, NULL, &other);
	if (!t->by_pin)
		ring_close(other);
	snprintf(path, sizeof(path), "%s/ctl", dir);
	fd = bpf_obj_get(path);
	t->ctl = fd;
	t->destroy = ring_bpf_destroy(name);
	set_flag(&t->tried);
	/* The next record wakes the user, and finally the end does. */
	if (t->sleep == -ETIMEDOUT)
		while (!t->hears_end) {
			t->hears_end = ring_wait(r, FLAG_SECONDS * 1000);
			while (!ring_read(r, &rec, &word, sizeof(word)))
				set_flag(&t->woken);
		}
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		_exit(1);
}

static void permitted(uint32_t permissions, int open, int sleep)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "access", .permissions = permissions);
	struct tried *t = map_shared(sizeof(*t));
	struct loaded l;
	char name[64];
	int errs[3];
	pid_t pid;

#define NAMED(what) (snprintf(name, sizeof(name), "access.%03o." what, permissions), name)
	T_EQ(NAMED("load"), load_ring(&l, &opts, errs), 0);
	attach_ring(&l);
	trigger(3);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		become_nobody();
		try_all(t, "access");
		_exit(0);
	}
	T_TRUE(NAMED("tried"), wait_for_flag(&t->tried));
	trigger(1);
	if (sleep == -ETIMEDOUT)
		T_TRUE(NAMED("woken"), wait_for_flag(&t->woken));
	unload_ring(&l);
	waitpid(pid, NULL, 0);
	T_EQ(NAMED("open"), t->open, open);
	T_EQ(NAMED("by_dir"), t->by_dir, open);
	T_EQ(NAMED("by_pin"), t->by_pin, open);
	T_TRUE(NAMED("ctl"), t->ctl == -EACCES || t->ctl == -EPERM);
	T_TRUE(NAMED("destroy"), t->destroy == -EACCES || t->destroy == -EPERM);
	T_EQ(NAMED("read"), t->read, 0);
	T_EQ(NAMED("sleep"), t->sleep, sleep);
	T_EQ(NAMED("fd"), t->fd, sleep == -EOPNOTSUPP ? sleep : 0);
	if (open || sleep == -EOPNOTSUPP)
		T_TRUE(NAMED("why"), strlen(t->why) > 20);
	if (sleep == -ETIMEDOUT)
		T_EQ(NAMED("end"), t->hears_end, -ENODEV);
	munmap(t, sizeof(*t));
}

/* Runs without any right to use BPF. */
static void unprivileged(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.flags = 0);
	struct {
		int supported, load;
		char why[2][256];
	} *got = map_shared(4096);
	struct bpf_object *obj = open_object("wake");
	struct ring_bpf *ring;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		become_nobody();
		hush(true);
		got->supported = ring_bpf_supported();
		snprintf(got->why[0], sizeof(got->why[0]), "%s", ring_strerror());
		got->load = ring_bpf_prepare(obj, "ring", &opts, &ring);
		if (!got->load)
			got->load = ring_bpf_load(obj);
		snprintf(got->why[1], sizeof(got->why[1]), "%s", ring_strerror());
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	T_EQ("unprivileged.supported", got->supported, -EPERM);
	T_TRUE("unprivileged.supported.why", strstr(got->why[0], "CAP_BPF"));
	T_EQ("unprivileged.load", got->load, -EPERM);
	T_TRUE("unprivileged.load.why", strstr(got->why[1], "CAP_BPF"));
	munmap(got, 4096);
	bpf_object__close(obj);
}

/*
 * While users without rights may load programs, only the ring's owner may open it. The file of the
 * sysctl is hidden by another one, for this process alone.
 */
static int prepare_where(const char *sysctl, uint32_t permissions, bool *explained)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.permissions = permissions);
	const char *path = "/proc/sys/kernel/unprivileged_bpf_disabled";
	char fake[PATH_MAX];
	struct bpf_object *obj = open_object("wake");
	struct ring_bpf *ring = NULL;
	FILE *f;
	int err;

	snprintf(fake, sizeof(fake), "%s/../sysctl", bpffs);
	f = fopen(fake, "we");
	if (!f || fprintf(f, "%s\n", sysctl) < 0 || fclose(f) ||
	    mount(fake, path, NULL, MS_BIND, NULL))
		die(fake);
	err = ring_bpf_prepare(obj, "ring", &opts, &ring);
	*explained = err && strstr(ring_strerror(), "unprivileged_bpf_disabled");
	umount(path);
	ring_bpf_close(ring);
	bpf_object__close(obj);
	return err;
}

static void any_user_loads(void)
{
	const uint32_t refused[] = { 0666, 0444, 0644, 0640, 0660, 0606 };
	const uint32_t allowed[] = { 0, 0600, 0400 };
	char name[64];
	bool explained;
	unsigned int i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		snprintf(name, sizeof(name), "any_user.%03o", refused[i]);
		T_EQ(name, prepare_where("0", refused[i], &explained), -EPERM);
		snprintf(name, sizeof(name), "any_user.%03o.why", refused[i]);
		T_TRUE(name, explained);
	}
	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		snprintf(name, sizeof(name), "any_user.%03o.right", allowed[i]);
		T_EQ(name, prepare_where("0", allowed[i], &explained), 0);
	}
	T_EQ("any_user.disabled_1", prepare_where("1", 0666, &explained), 0);
	T_EQ("any_user.disabled_2", prepare_where("2", 0666, &explained), 0);
}

/* --- clock ------------------------------------------------------------------------ */

/*
 * Records of the coarse clock have the time of the last tick. The reference is the kernel's
 * coarse clock, read before and after: a late tick delays both. They may differ by a tick,
 * and by what the clock was slewed since the ring was loaded.
 */
static void coarse(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "coarse");
	uint64_t before, after, first = 0, last = 0, tick_ns;
	unsigned int i, in_time = 0, moved = 0, backwards = 0, fine = 0;
	struct ring_record rec;
	struct timespec res;
	struct loaded l;
	struct ring_reader *r;
	int errs[3];
	char buf[64];

	opts.clock_id = SEQRING_CLOCK_COARSE;
	clock_getres(CLOCK_MONOTONIC_COARSE, &res);
	tick_ns = (uint64_t)res.tv_nsec;
	T_EQ("coarse.load", load_ring(&l, &opts, errs), 0);
	if (ring_open("coarse", NULL, &r))
		die("ring_open");
	attach_ring(&l);
	for (i = 0; i < 100; i++) {
		before = clock_ns(CLOCK_MONOTONIC_COARSE);
		trigger(1);
		after = clock_ns(CLOCK_MONOTONIC);
		if (ring_read(r, &rec, buf, sizeof(buf)))
			break;
		if (!i)
			first = rec.ts_ns;
		in_time += rec.ts_ns + 2 * tick_ns > before && rec.ts_ns < after + tick_ns / 10;
		moved += rec.ts_ns != last;
		backwards += rec.ts_ns < last;
		fine += (rec.ts_ns - first) % tick_ns != 0;
		last = rec.ts_ns;
		sleep_us(1000);
	}
	detach_ring(&l);
	T_EQ("coarse.records", i, 100);
	T_EQ("coarse.backwards", backwards, 0);
	t_note("coarse.in_time: %u of 100", in_time);
	T_EQ("coarse.in_time", in_time, 100);
	T_TRUE("coarse.moves", moved >= 5);
	T_EQ("coarse.is_coarse", fine, 0);
	ring_close(r);
	unload_ring(&l);
}

static void boottime(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "boottime");
	struct ring_record rec;
	struct ring_reader *r;
	unsigned int in_time = 0, i;
	uint64_t before;
	struct loaded l;
	int errs[3];
	char buf[64];

	opts.clock_id = SEQRING_CLOCK_BOOTTIME;
	T_EQ("boottime.load", load_ring(&l, &opts, errs), 0);
	if (ring_open("boottime", NULL, &r))
		die("ring_open");
	attach_ring(&l);
	for (i = 0; i < 10; i++) {
		before = clock_ns(CLOCK_BOOTTIME);
		trigger(1);
		if (ring_read(r, &rec, buf, sizeof(buf)))
			break;
		in_time += rec.ts_ns >= before && rec.ts_ns <= clock_ns(CLOCK_BOOTTIME);
	}
	detach_ring(&l);
	T_EQ("boottime.in_time", in_time, 10);
	ring_close(r);
	unload_ring(&l);
}

int main(void)
{
	need_bpf("access");
	bpffs = own_bpffs();
	pin_to(0);
	frozen();
	permitted(0, -EACCES, 0);
	permitted(0600, -EACCES, 0);
	permitted(0444, 0, -EOPNOTSUPP);
	permitted(0644, 0, -EOPNOTSUPP);
	permitted(0666, 0, -ETIMEDOUT);
	unprivileged();
	any_user_loads();
	coarse();
	boottime();
	umount(bpffs);
	return t_done();
}

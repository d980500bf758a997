// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy from and to user space in every path fails once, by
 * the kernel's fault injection: for nth = 1, 2, ... the nth of them in the path fails,
 * until no nth is left. Each time the call succeeds, or it fails with ENOMEM or EFAULT
 * and leaves nothing behind, and succeeds when repeated.
 *
 * Needs a kernel with fail-nth, and modules that nobody else uses. With an argument, it runs the
 * paths with names that start with it. FEW_FAULTS=1 in the environment leaves out the paths that
 * are like another one, and the loading of modules; in a slow path every third allocation fails.
 */
#include <dirent.h>

#include "fault_paths.h"

#define NTH_MAX 5000

static int nth_fd;

static void write_knob(const char *dir, const char *knob, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", dir, knob);
	if (mod_write(path, value))
		T_DIE("fault.setup", "%s: %s", path, strerror(errno));
}

static void set_up_injection(void)
{
	static const char *const all[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	char path[64];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		/* Only this task's failures, by fail-nth. */
		write_knob(all[i], "probability", "0");
		write_knob(all[i], "verbose", "0");
	}
	/* Also fail allocations that may sleep, and those of one page. */
	write_knob("failslab", "ignore-gfp-wait", "N");
	write_knob("fail_page_alloc", "ignore-gfp-wait", "N");
	write_knob("fail_page_alloc", "ignore-gfp-highmem", "N");
	write_knob("fail_page_alloc", "min-order", "0");
	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	nth_fd = open(path, O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		T_DIE("fault.setup", "%s: %s", path, strerror(errno));
}

/* Writes a line for splat.sh to the kernel's log. */
static void tell(const char *text)
{
	if (mod_write("/dev/kmsg", text))
		T_DIE("fault.setup", "/dev/kmsg: %s", strerror(errno));
}

static void inject(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	/* The next copy may be that of this write; then it is the last to fail. */
	if (pwrite(nth_fd, text, len, 0) != len &&
	    (errno != EFAULT || pwrite(nth_fd, text, len, 0) != len))
		T_DIE("fault.setup", "fail-nth: %s", strerror(errno));
}

/* Return: whether the failure came; one that hits this read does not count. */
static int injected(void)
{
	char text[16] = "";
	ssize_t n = pread(nth_fd, text, sizeof(text) - 1, 0);
	int err = errno;

	inject(0);
	errno = err;
	return n > 0 && atoi(text) == 0;
}

/* --- the state ------------------------------------------------------------------ */

struct census {
	int devices;
	unsigned int readers;
	long users;
	uint64_t seq;
};

static int devices(void)
{
	DIR *dir = opendir("/sys/class/seqring");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static struct census count(const struct path *path, int with_devices)
{
	struct census c = { 0 };

	c.devices = devices();
	c.users = mod_users("seqring");
	if (with_devices) {
		c.readers = dev_stats(dev_fd, 0).readers;
		c.seq = path->one ? dev_stats(*path->one, 0).seq : 0;
	}
	return c;
}

/* --- runs ---------------------------------------------------------------------- */

/* One try; -1 when it has shown something wrong, 0 when nothing was left to fail. */
static int try(const struct path *path, unsigned int nth, int with_devices, unsigned int *failed)
{
	struct census before, after;
	long ret;
	int hit, err;

	if (path->prepare)
		path->prepare();
	before = count(path, with_devices);
	errno = 0;
	inject(nth);
	ret = path->run();
	err = errno;
	hit = injected() && nth;
	*failed += hit && ret < 0;
	after = count(path, with_devices);
	if (ret < 0 && !(hit && (err == ENOMEM || err == EFAULT))) {
		t_check(0, path->name, "nth %u%s: %s", nth, hit ? "" : " (none failed)",
			strerror(err));
		return -1;
	}
	if (path->one && after.seq != before.seq + !(ret < 0)) {
		t_check(0, path->name, "nth %u: %lld records more, returned %ld", nth,
			(long long)(after.seq - before.seq), ret);
		return -1;
	}
	if (ret >= 0 && path->undo)
		path->undo(ret);
	if (ret < 0 && !path->one && path->run == destroy)
		destroy_new(0);
	after = count(path, with_devices);
	if (path->run == destroy)
		before.devices--;
	if (after.devices != before.devices || after.readers != before.readers ||
	    after.users != before.users) {
		t_check(0, path->name,
			"nth %u: devices %d to %d, readers %u to %u, users %ld to %ld", nth,
			before.devices, after.devices, before.readers, after.readers, before.users,
			after.users);
		return -1;
	}
	return hit;
}

static void run(const struct path *path, int with_devices, unsigned int step)
{
	unsigned int nth, last = 0, failed = 0;
	uint64_t begin = now_ns();
	char name[64];
	int ret = 1;

	for (nth = 1; nth < NTH_MAX && ret > 0; nth += step) {
		ret = try(path, nth, with_devices, &failed);
		if (ret > 0)
			last = nth;
		/* Again, without any failure. */
		if (ret > 0 && (path->cost == CHEAP || nth % 8 == 0) &&
		    try(path, 0, with_devices, &failed) < 0)
			ret = -1;
	}
	if (ret < 0)
		return;
	snprintf(name, sizeof(name), "fault.%s", path->name);
	t_note("%s: %u failures injected, %u calls failed, %u ms", path->name,
	       last ? (last - 1) / step + 1 : 0, failed, (unsigned int)((now_ns() - begin) / MS));
	t_check(ret == 0 && last, name, "no failure injected, or no end to them");
}

static int leaks(void)
{
	char line[256];
	int n = 0, i;
	FILE *f;

	/* kmemleak reports only objects older than 5 s, and only in a second scan. */
	for (i = 0; i < 2; i++) {
		sleep_us(5000000);
		if (mod_write("/sys/kernel/debug/kmemleak", "scan"))
			T_DIE("fault.setup", "kmemleak: %s", strerror(errno));
	}
	f = fopen("/sys/kernel/debug/kmemleak", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (!n || strstr(line, "seqring"))
			printf("# %s", line);
		n += !!strstr(line, "[seqring");
	}
	if (f)
		fclose(f);
	/* Leaks in the kernel's own error paths do not count. */
	mod_write("/sys/kernel/debug/kmemleak", "clear");
	return n;
}

static void open_all(void)
{
	struct seqring_geometry pg;
	uint64_t n;

	if (mod_load("seqring") || mod_load("seqring_test"))
		T_DIE("fault.setup", "load: %s", strerror(errno));
	if (dev_create("tf", SIZE) || dev_command("create tf-shared 1 65536 1") ||
	    dev_command("create tf-percpu 2 65536 0"))
		T_DIE("fault.setup", "create: %s", strerror(errno));
	dev_fd = dev_open_fd("tf", O_RDONLY | O_NONBLOCK);
	rw_fd = dev_open_fd("tf", O_RDWR);
	kernel_fd = dev_open_fd("tf-shared", O_RDWR);
	percpu_fd = dev_open_fd("tf-percpu", O_RDONLY | O_NONBLOCK);
	g = dev_geometry(dev_fd);
	pg = dev_geometry(percpu_fd);
	percpu_size = pg.total_size;
	reader_fd = ioctl(dev_fd, SEQRING_IOC_READER_FD, 0);
	for (n = 0; n < 20; n++)
		dev_publish(rw_fd, n, MAX);
	if (dev_command("flood tf-percpu 20 256 0") || reader_fd < 0 || kernel_fd < 0)
		T_DIE("fault.setup", "%s", strerror(errno));
}

static void close_all(void)
{
	close(reader_fd);
	close(dev_fd);
	close(rw_fd);
	close(kernel_fd);
	close(percpu_fd);
	/*
	 * To remove a device's node the kernel allocates memory for its name. Without that
	 * memory it leaves the node, and no one can tell it to try again.
	 */
	T_ERR("fault.no_device", dev_destroy("tf-new"), ENOENT);
	unlink("/dev/seqring/tf-new");
	T_RET("fault.destroy", dev_destroy("tf"), 0);
	T_RET("fault.destroy_shared", dev_command("destroy tf-shared"), 0);
	T_RET("fault.destroy_percpu", dev_command("destroy tf-percpu"), 0);
	T_EQ("fault.account", mod_account(), mod_account_all());
	T_RET("fault.unload_test", mod_remove("seqring_test"), 0);
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";
	const char *env = getenv("FEW_FAULTS");
	int few = env && *env;
	unsigned int i;
	long pages;

	alarm(900);
	if (mod_remove("seqring"))
		T_DIE("fault.setup", "rmmod: %s", strerror(errno));
	set_up_injection();
	tell("t_fault: failures are injected\n");
	mod_count_pages("/tmp/fault");
	pages = mod_pages("/tmp/fault");
	open_all();
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!strncmp(paths[i].name, only, strlen(only)) &&
		    !(few && paths[i].cost == LIKE_ANOTHER))
			run(&paths[i], 1, few && paths[i].cost == SLOW ? 3 : 1);
	close_all();
	for (i = 0; i < sizeof(load_paths) / sizeof(load_paths[0]); i++) {
		/* Loading takes seconds on a debug kernel, and has hundreds of allocations. */
		if (strncmp(load_paths[i].name, only, strlen(only)) || few)
			continue;
		/* The first path needs seqring.ko loaded; the path `load` loads it. */
		if (load_paths[i].run == load && mod_remove("seqring"))
			T_DIE("fault.setup", "rmmod: %s", strerror(errno));
		run(&load_paths[i], 0, 1);
	}
	if (mod_users("seqring") < 0)
		T_RET("fault.load_last", mod_load("seqring"), 0);
	T_EQ("fault.account_last", mod_account(), mod_account_all());
	pages = mod_pages("/tmp/fault") - pages;
	t_check(pages < 32, "fault.pages_back", "%ld more than before", pages);
	/* A scan takes half a minute, and guest.sh scans after all tests. */
	if (!*only && !few)
		T_EQ("fault.leaks", leaks(), 0);
	tell("t_fault: no more failures\n");
	return t_done();
}

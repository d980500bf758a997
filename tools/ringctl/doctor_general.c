// SPDX-License-Identifier: GPL-2.0-only
/* ringctl doctor: the kernel, clocks, memory locks, and rings of processes. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor.h"

/* The oldest kernel that the module and the tests of BPF rings support. */
#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1
/* A ring of this size can be locked in memory (RING_LOCK). */
#define SMALL_LOCK (1UL << 20)

static void ask_kernel(struct finding *f)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2) {
		finding_set(f, FINDING_UNKNOWN, "the release of the kernel has another form");
		return;
	}
	finding_set(f, FINDING_OK, "Linux %s, %s", u.release, u.machine);
	if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR))
		return;
	finding_set(f, FINDING_LIMITED, "Linux %s is older than %u.%u: only rings of processes",
		    u.release, KERNEL_MAJOR, KERNEL_MINOR);
	finding_fix(f, "install a newer kernel");
}

static void ask_clock(struct finding *f)
{
	static const char dir[] = "/sys/devices/system/clocksource/clocksource0";
	/* The kernel reads these through a device: each record that has a time pays for it. */
	static const char *const slow[] = { "acpi_pm", "hpet", "jiffies", "refined-jiffies" };
	char path[128], name[64];
	size_t i;
	int err;

	snprintf(path, sizeof(path), "%s/current_clocksource", dir);
	err = read_line(path, name, sizeof(name));
	if (err) {
		finding_set(f, FINDING_UNKNOWN, "%s: %s", path, strerror(-err));
		return;
	}
	finding_set(f, FINDING_OK, "the kernel's clock is %s", name);
	for (i = 0; i < sizeof(slow) / sizeof(slow[0]); i++)
		if (!strcmp(name, slow[i])) {
			finding_set(
				f, FINDING_LIMITED,
				"the kernel's clock is %s: reading it takes about a microsecond",
				name);
			finding_fix(f, "dmesg | grep -i clocksource (says why it is not tsc); "
				       "a ring with --clock coarse does not read it");
		}
}

static void ask_memlock(struct finding *f)
{
	struct rlimit lim;

	if (has_capability(CAP_IPC_LOCK)) {
		finding_set(f, FINDING_OK, "no limit for locked memory (RING_LOCK)");
		return;
	}
	if (getrlimit(RLIMIT_MEMLOCK, &lim)) {
		finding_set(f, FINDING_UNKNOWN, "RLIMIT_MEMLOCK: %s", strerror(errno));
		return;
	}
	if (lim.rlim_cur == RLIM_INFINITY) {
		finding_set(f, FINDING_OK, "no limit for locked memory (RING_LOCK)");
		return;
	}
	finding_set(f, lim.rlim_cur < SMALL_LOCK ? FINDING_LIMITED : FINDING_OK,
		    "readers may lock %lu KiB of rings in memory (RING_LOCK)",
		    (unsigned long)lim.rlim_cur / 1024);
	if (f->state == FINDING_LIMITED)
		finding_fix(f, "ulimit -l unlimited (as root; LimitMEMLOCK= of a systemd unit)");
}

static void ask_memfd(struct finding *f)
{
	int fd = memfd_create("seqring-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0) {
		finding_set(f, FINDING_MISSING, "no memfd: %s", strerror(errno));
		finding_fix(f, "a kernel with CONFIG_MEMFD_CREATE and CONFIG_SHMEM");
		return;
	}
	close(fd);
	finding_set(f, FINDING_OK, "this process can make a ring");
}

static void ask_membarrier(struct finding *f)
{
	const long can = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	if (can >= 0 && can & MEMBARRIER_CMD_GLOBAL_EXPEDITED) {
		finding_set(f, FINDING_OK, "membarrier(2): a record costs its writer no fence");
		return;
	}
	finding_set(f, FINDING_LIMITED, "no membarrier(2): a record costs its writer a fence");
	finding_fix(f, "a kernel with CONFIG_MEMBARRIER, or a seccomp filter that allows it");
}

/* True if this user can make files in @dir, which need not exist. */
static bool is_writable(const char *dir)
{
	char parent[512], *slash;

	if (!access(dir, W_OK | X_OK))
		return true;
	if (errno != ENOENT)
		return false;
	snprintf(parent, sizeof(parent), "%s", dir);
	slash = strrchr(parent, '/');
	if (!slash)
		return !access(".", W_OK | X_OK);
	slash[slash == parent] = '\0';
	return !access(parent, W_OK | X_OK);
}

/* $XDG_RUNTIME_DIR counts for libring if it is this user's own. */
static bool is_own(const char *dir)
{
	struct stat st;

	return !stat(dir, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 0022);
}

static void ask_sockets(struct finding *f)
{
	const char *ringdir = getenv("RINGDIR"), *xdg = getenv("XDG_RUNTIME_DIR");
	char dir[512] = "/run/seqring";

	if (ringdir && *ringdir)
		snprintf(dir, sizeof(dir), "%s", ringdir);
	else if (xdg && *xdg && is_own(xdg))
		snprintf(dir, sizeof(dir), "%s/seqring", xdg);
	if (is_writable(dir)) {
		finding_set(f, FINDING_OK, "rings can be served in %s", dir);
		return;
	}
	finding_set(f, FINDING_MISSING, "this user may not serve rings in %s", dir);
	finding_fix(f, "export RINGDIR=DIRECTORY (for writers and readers; one that you own)");
}

const struct doctor_check doctor_general[] = {
	{ "kernel", DOCTOR_GENERAL, ask_kernel },
	{ "clock", DOCTOR_GENERAL, ask_clock },
	{ "memlock", DOCTOR_GENERAL, ask_memlock },
	{ "memfd", DOCTOR_PROCESS, ask_memfd },
	{ "membarrier", DOCTOR_PROCESS, ask_membarrier },
	{ "sockets", DOCTOR_PROCESS, ask_sockets },
	{ NULL, 0, NULL },
};

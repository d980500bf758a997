// SPDX-License-Identifier: GPL-2.0-only
/* ringctl doctor: rings of BPF programs. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <libring/bpf.h>

#include "../lib/message.h"
#include "doctor.h"

#define BTF_FILE "/sys/kernel/btf/vmlinux"

static bool may_load(void)
{
	return has_capability(CAP_SYS_ADMIN) ||
	       (has_capability(CAP_BPF) && has_capability(CAP_PERFMON));
}

/* A missing BTF is a finding of its own. */
static void ask_bpf(struct finding *f)
{
	const int err = ring_bpf_supported();

	if (err && err != -ENOENT) {
		finding_set(f, FINDING_MISSING, "%s", ring_strerror());
		if (err == -ENOSYS)
			finding_fix(f, "a kernel of Linux 6.1 or later with CONFIG_BPF_SYSCALL");
		else if (may_load())
			finding_fix(f, "allow bpf(2): a seccomp filter or a container refuses it");
		else
			finding_fix(f, "sudo ringctl ..., or a systemd unit with "
				       "AmbientCapabilities=CAP_BPF CAP_PERFMON");
		return;
	}
	if (may_load()) {
		finding_set(f, FINDING_OK, "this process may load BPF programs");
		return;
	}
	finding_set(f, FINDING_MISSING, "not allowed to trace: needs CAP_BPF and CAP_PERFMON");
	finding_fix(f, "sudo ringctl ..., or a systemd unit with "
		       "AmbientCapabilities=CAP_BPF CAP_PERFMON");
}

static void ask_btf(struct finding *f)
{
	if (!access(BTF_FILE, R_OK)) {
		finding_set(f, FINDING_OK, "the kernel has its type information (BTF)");
		return;
	}
	finding_set(f, FINDING_MISSING, "no type information of the kernel: " BTF_FILE ": %s",
		    strerror(errno));
	if (access("/sys/kernel", X_OK))
		finding_fix(f, "mount -t sysfs sysfs /sys");
	else
		finding_fix(f, "a kernel with CONFIG_DEBUG_INFO_BTF (all of Debian 12 have it)");
}

static void ask_bpffs(struct finding *f)
{
	const char *given = getenv("RINGBPFDIR");
	const char *dir = given && *given ? given : "/sys/fs/bpf";
	struct statfs st;

	/* The directory of the rings is made when needed, in the file system of its parent. */
	if (statfs(dir, &st) && errno == ENOENT && given) {
		char parent[512], *slash;

		snprintf(parent, sizeof(parent), "%s", given);
		slash = strrchr(parent, '/');
		if (slash && slash > parent)
			*slash = '\0';
		if (statfs(parent, &st))
			st.f_type = 0;
	} else if (statfs(dir, &st)) {
		finding_set(f, FINDING_MISSING, "%s: %s", dir, strerror(errno));
		finding_fix(f, "mount -t sysfs sysfs /sys; mount -t bpf bpf /sys/fs/bpf");
		return;
	}
	if ((unsigned long)st.f_type == BPF_FS_MAGIC) {
		finding_set(f, FINDING_OK, "%s is in a BPF file system", dir);
		return;
	}
	/* ring_bpf_prepare() mounts one if it may (RING_BPF_MOUNT). */
	finding_set(f, may_load() && !given ? FINDING_LIMITED : FINDING_MISSING,
		    "%s is in no BPF file system, in which rings have their names", dir);
	finding_fix(f, "mount -t bpf bpf /sys/fs/bpf%s",
		    given ? "; unset RINGBPFDIR" : " (ringctl trace does it by itself as root)");
}

static void ask_unprivileged(struct finding *f)
{
	static const char path[] = "/proc/sys/kernel/unprivileged_bpf_disabled";
	char value[16];
	const int err = read_line(path, value, sizeof(value));

	if (err) {
		finding_set(f, FINDING_UNKNOWN, "%s: %s", path, strerror(-err));
		return;
	}
	if (strcmp(value, "0")) {
		finding_set(f, FINDING_OK, "only privileged processes load BPF programs");
		return;
	}
	finding_set(f, FINDING_LIMITED,
		    "any user may load BPF programs: rings for other users are refused");
	finding_fix(f, "sysctl kernel.unprivileged_bpf_disabled=1");
}

static void ask_lockdown(struct finding *f)
{
	char mode[32];
	const int err = read_lockdown(mode, sizeof(mode));

	if (err == -ENOENT) {
		finding_set(f, FINDING_OK, "the kernel is not locked down");
	} else if (err) {
		finding_set(f, FINDING_UNKNOWN, "/sys/kernel/security/lockdown: %s",
			    strerror(-err));
		finding_fix(f, "sudo ringctl doctor");
	} else if (!strcmp(mode, "confidentiality")) {
		finding_set(
			f, FINDING_MISSING,
			"the kernel is locked down (confidentiality): no BPF program may read it");
		finding_fix(f, "boot with lockdown=integrity on the kernel's command line");
	} else {
		finding_set(f, FINDING_OK, "lockdown (%s) allows BPF programs", mode);
	}
}

const struct doctor_check doctor_bpf[] = {
	{ "bpf", DOCTOR_BPF, ask_bpf },
	{ "btf", DOCTOR_BPF, ask_btf },
	{ "bpffs", DOCTOR_BPF, ask_bpffs },
	{ "bpf-users", DOCTOR_BPF, ask_unprivileged },
	{ "bpf-lockdown", DOCTOR_BPF, ask_lockdown },
	{ NULL, 0, NULL },
};

// SPDX-License-Identifier: GPL-2.0-only
/* ringctl doctor: the module. */
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <libring.h>

#include "doctor.h"

#define CONTROL "/dev/seqring-control"

static bool is_loaded(void)
{
	return !access("/sys/module/seqring", F_OK);
}

static bool exists(const char *pattern)
{
	glob_t found;
	const bool any = !glob(pattern, GLOB_NOSORT, NULL, &found);

	globfree(&found);
	return any;
}

/* True if depmod knows the module for the kernel @release. */
static bool is_installed(const char *release)
{
	char path[256], line[1024];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", release);
	file = fopen(path, "re");
	if (!file)
		return false;
	/* A line begins with the path of a module; the rest of a long one is no such path. */
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, ":")] = '\0';
		found = strstr(line, "/seqring.ko");
	}
	fclose(file);
	return found;
}

/* The module is not installed: says what comes first. */
static void explain_absent(struct finding *f, const char *release)
{
	char build[256];

	snprintf(build, sizeof(build), "/lib/modules/%s/build", release);
	finding_set(f, FINDING_MISSING, "the module is not installed for Linux %s", release);
	if (!exists("/usr/src/seqring-*/dkms.conf"))
		finding_fix(f,
			    "apt-get install seqring-dkms linux-headers-%s "
			    "(or from source: make modules_install)",
			    release);
	else if (access(build, F_OK))
		finding_fix(f, "apt-get install linux-headers-%s; dkms autoinstall", release);
	else
		finding_fix(f, "dkms autoinstall (dkms status says what it built)");
}

static void ask_module(struct finding *f)
{
	char version[64], mine[64];
	struct utsname u;

	if (uname(&u)) {
		finding_set(f, FINDING_UNKNOWN, "uname(2): %s", strerror(errno));
		return;
	}
	if (!is_loaded()) {
		if (!is_installed(u.release)) {
			explain_absent(f, u.release);
			return;
		}
		finding_set(f, FINDING_MISSING, "the module is installed, and not loaded");
		finding_fix(f, "modprobe seqring");
		return;
	}
	snprintf(mine, sizeof(mine), "%d.%d.%d", LIBRING_VERSION_MAJOR, LIBRING_VERSION_MINOR,
		 LIBRING_VERSION_PATCH);
	if (read_line("/sys/module/seqring/version", version, sizeof(version)) ||
	    !strcmp(version, mine)) {
		finding_set(f, FINDING_OK, "the module is loaded, version %s", mine);
		return;
	}
	finding_set(f, FINDING_LIMITED, "the module is loaded in version %s, ringctl is %s",
		    version, mine);
	finding_fix(f, "modprobe -r seqring_sched seqring; modprobe seqring");
}

/* May this user create devices? */
static void ask_control(struct finding *f)
{
	struct group entry, *group = NULL;
	char buf[1024];
	struct stat st;

	if (!is_loaded()) {
		finding_set(f, FINDING_UNKNOWN, CONTROL " comes with the module");
		return;
	}
	if (stat(CONTROL, &st)) {
		finding_set(f, FINDING_MISSING, CONTROL ": %s", strerror(errno));
		finding_fix(f,
			    "mount -t devtmpfs devtmpfs /dev (or give the container the device)");
		return;
	}
	if (!access(CONTROL, R_OK | W_OK)) {
		finding_set(f, FINDING_OK, "this user may create devices");
		return;
	}
	finding_set(f, FINDING_LIMITED, "this user may not create devices: " CONTROL ": %s",
		    strerror(errno));
	/* A group that the node lets create devices is the answer; root's is none. */
	if (st.st_mode & 0020 && st.st_gid &&
	    !getgrgid_r(st.st_gid, &entry, buf, sizeof(buf), &group) && group)
		finding_fix(f, "adduser USER %s, then log in again", group->gr_name);
	else
		finding_fix(f, "sudo ringctl create ...");
}

static bool only_signed(const char *mode)
{
	char value[8];

	return !strcmp(mode, "integrity") || !strcmp(mode, "confidentiality") ||
	       (!read_line("/sys/module/module/parameters/sig_enforce", value, sizeof(value)) &&
		*value == 'Y');
}

static void ask_signing(struct finding *f)
{
	char mode[32];
	const int err = read_lockdown(mode, sizeof(mode));

	if (is_loaded()) {
		finding_set(f, FINDING_OK, "the kernel has accepted the module");
	} else if (only_signed(mode)) {
		finding_set(f, FINDING_LIMITED, "the kernel loads signed modules only");
		finding_fix(f, "mokutil --import /var/lib/dkms/mok.pub; reboot "
			       "(docs/guide/secure-boot.md)");
	} else if (err && err != -ENOENT) {
		finding_set(f, FINDING_UNKNOWN, "/sys/kernel/security/lockdown: %s",
			    strerror(-err));
		finding_fix(f, "sudo ringctl doctor");
	} else {
		finding_set(f, FINDING_OK, "the kernel loads modules without a signature");
	}
}

const struct doctor_check doctor_module[] = {
	{ "module", DOCTOR_MODULE, ask_module },
	{ "control", DOCTOR_MODULE, ask_control },
	{ "signing", DOCTOR_MODULE, ask_signing },
	{ NULL, 0, NULL },
};

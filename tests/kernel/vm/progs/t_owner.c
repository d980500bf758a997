// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what, and how much: owners of devices, who may destroy them, and the limit on the
 * memory of one user's open files.
 */
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "mod.h"

#define NAME	   "to"
#define SIZE	   65536
#define USER_LIMIT "/sys/module/seqring/parameters/max_user_mib"
#define ALICE	   1000
#define BOB	   1001
#define FRIENDS	   2000 /* a group that ALICE is in */

static int control, control_ro;

static int create(const char *name, uint32_t flags, uint32_t uid, uint32_t gid)
{
	struct seqring_ctl_create c = dev_params(name, SIZE);

	c.flags = flags;
	c.uid = uid;
	c.gid = gid;
	c.permissions = 0664;
	return ioctl(control, SEQRING_CTL_CREATE, &c);
}

static int destroy(const char *name)
{
	struct seqring_ctl_destroy d;

	memset(&d, 0, sizeof(d));
	d.size = sizeof(d);
	snprintf(d.name, sizeof(d.name), "%s", name);
	return ioctl(control, SEQRING_CTL_DESTROY, &d);
}

static void node_is(const char *check, const char *name, unsigned int uid, unsigned int gid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), SEQRING_DEV_DIR "/%s", name);
	if (stat(path, &st))
		T_DIE(check, "%s: %s", path, strerror(errno));
	t_check(st.st_uid == uid && st.st_gid == gid && (st.st_mode & 0777) == 0664, check,
		"%u:%u, mode %o; expected %u:%u, 664", st.st_uid, st.st_gid, st.st_mode & 07777,
		uid, gid);
}

/* Runs @fn as a user without rights. Its checks count here. */
static void as_user(uid_t uid, void (*fn)(void))
{
	static const gid_t groups[] = { FRIENDS };
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgroups(uid == ALICE, groups) || setgid(uid) || setuid(uid))
			T_DIE("owner.setup", "user %u: %s", uid, strerror(errno));
		fn();
		fflush(stdout);
		_exit(t_done());
	}
	waitpid(pid, &status, 0);
	T_EQ("owner.user_checks", status, 0);
}

static void alice_creates(void)
{
	T_RET("owner.user.create", create("to-alice", 0, 0, 0), 0);
	node_is("owner.user.default", "to-alice", ALICE, ALICE);
	T_RET("owner.user.create_friends", create("to-friends", SEQRING_CREATE_GID, 0, FRIENDS), 0);
	node_is("owner.user.group", "to-friends", ALICE, FRIENDS);
	T_RET("owner.user.destroy_own", destroy("to-friends"), 0);
	T_RET("owner.user.create_same",
	      create("to-friends", SEQRING_CREATE_UID | SEQRING_CREATE_GID, ALICE, ALICE), 0);
	T_RET("owner.user.destroy_same", destroy("to-friends"), 0);
	T_ERR("owner.user.give_away", create("to-x", SEQRING_CREATE_UID, BOB, 0), EPERM);
	T_ERR("owner.user.give_to_root", create("to-x", SEQRING_CREATE_UID, 0, 0), EPERM);
	T_ERR("owner.user.foreign_group", create("to-x", SEQRING_CREATE_GID, 0, BOB), EPERM);
	T_ERR("owner.user.destroy_root", destroy("to-root"), EPERM);
	T_ERR("owner.user.destroy_given", destroy("to-given"), EPERM);
	T_RET("owner.user.destroy_received", destroy("to-received"), 0);
}

static void bob_destroys(void)
{
	T_ERR("owner.other.destroy", destroy("to-alice"), EPERM);
	T_ERR("owner.other.open_node", open(SEQRING_CTL_PATH, O_RDWR), EACCES);
}

/* Root of a user namespace of its own has rights there only. */
static void in_namespace(void)
{
	char map[32];

	/* After setuid() the files in /proc are root's, unless the process may be dumped. */
	if (prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER))
		T_DIE("owner.namespace", "unshare: %s", strerror(errno));
	snprintf(map, sizeof(map), "0 %d 1", ALICE);
	if (mod_write("/proc/self/uid_map", map) || setuid(0))
		T_DIE("owner.namespace", "uid_map: %s", strerror(errno));
	T_ERR("owner.namespace.destroy_root", destroy("to-root"), EPERM);
	T_ERR("owner.namespace.no_such_uid", create("to-x", SEQRING_CREATE_UID, 5, 0), EINVAL);
	T_RET("owner.namespace.create", create("to-ns", SEQRING_CREATE_UID, 0, 0), 0);
	T_RET("owner.namespace.destroy_own", destroy("to-alice"), 0);
}

static void owners(void)
{
	const uint32_t both = SEQRING_CREATE_UID | SEQRING_CREATE_GID;
	struct seqring_ctl_create c = dev_params("to-x", SIZE);
	struct seqring_ctl_destroy d;

	T_RET("owner.root.create", create("to-root", 0, 0, 0), 0);
	node_is("owner.root.default", "to-root", 0, 0);
	T_RET("owner.root.give", create("to-given", both, BOB, FRIENDS), 0);
	node_is("owner.root.given", "to-given", BOB, FRIENDS);
	T_RET("owner.root.give_uid", create("to-received", SEQRING_CREATE_UID, ALICE, 0), 0);
	node_is("owner.root.given_uid", "to-received", ALICE, 0);
	T_ERR("owner.reject.uid_without_flag", create("to-x", SEQRING_CREATE_GID, 1, 1), EINVAL);
	T_ERR("owner.reject.gid_without_flag", create("to-x", SEQRING_CREATE_UID, 1, 1), EINVAL);
	T_ERR("owner.reject.uid_none", create("to-x", SEQRING_CREATE_UID, ~0u, 0), EINVAL);
	T_ERR("owner.reject.gid_none", create("to-x", SEQRING_CREATE_GID, 0, ~0u), EINVAL);
	T_ERR("owner.reject.flags", create("to-x", 4, 0, 0), EINVAL);
	T_ERR("owner.read_only.create", ioctl(control_ro, SEQRING_CTL_CREATE, &c), EBADF);
	memset(&d, 0, sizeof(d));
	d.size = sizeof(d);
	strcpy(d.name, "to-root");
	T_ERR("owner.read_only.destroy", ioctl(control_ro, SEQRING_CTL_DESTROY, &d), EBADF);

	as_user(ALICE, alice_creates);
	as_user(BOB, bob_destroys);
	as_user(ALICE, in_namespace);
	node_is("owner.namespace.owner", "to-ns", ALICE, ALICE);
	T_RET("owner.root.destroy_users", destroy("to-ns"), 0);
	T_RET("owner.root.destroy_given", destroy("to-given"), 0);
	T_RET("owner.root.destroy", destroy("to-root"), 0);
	T_ERR("owner.nothing_else", destroy("to-x"), ENOENT);
}

/* Opens the device until it fails, at most @max times. Return: the number of open files. */
static unsigned int open_all(int *fds, unsigned int max)
{
	unsigned int n;

	for (n = 0; n < max; n++) {
		fds[n] = dev_open_fd(NAME, O_RDONLY);
		if (fds[n] < 0)
			break;
	}
	return n;
}

static void close_all(const int *fds, unsigned int n)
{
	while (n--)
		close(fds[n]);
}

static int fds[8000];

static void alice_opens(void)
{
	unsigned int n, again, pages;
	int err, reader[400];

	n = open_all(fds, 7000);
	err = errno;
	t_check(n > 100 && n < 7000 && err == ENOSPC, "owner.limit.open", "%u files, then %s", n,
		strerror(err));
	close_all(fds, n);
	again = open_all(fds, 7000);
	T_EQ("owner.limit.open_again", again, n);
	close_all(fds, again);

	/* Reader pages: a page and an open file each. A page's account ends with the page. */
	for (pages = 0; pages < 400; pages++) {
		fds[pages] = dev_open_fd(NAME, O_RDONLY);
		if (fds[pages] < 0)
			break;
		reader[pages] = ioctl(fds[pages], SEQRING_IOC_READER_FD, 0);
		if (reader[pages] < 0)
			break;
	}
	err = errno;
	t_check(pages > 100 && pages < 256 && err == ENOSPC, "owner.limit.reader_page",
		"%u reader pages, then %s", pages, strerror(err));
	close_all(fds, pages + 1);
	again = open_all(fds, 7000);
	t_check(again < n / 2, "owner.limit.pages_count", "%u files beside %u pages, %u alone",
		again, pages, n);
	close_all(fds, again);
	close_all(reader, pages);
	again = open_all(fds, 7000);
	T_EQ("owner.limit.pages_back", again, n);
}

static void bob_opens(void)
{
	T_TRUE("owner.limit.other_user", open_all(fds, 10) == 10);
}

static void limits(void)
{
	static const struct rlimit many = { 8192, 8192 };
	struct seqring_ctl_create c = dev_params(NAME, SIZE);
	unsigned int n;

	if (setrlimit(RLIMIT_NOFILE, &many))
		T_DIE("owner.setup", "RLIMIT_NOFILE: %s", strerror(errno));
	c.permissions = 0666;
	if (ioctl(control, SEQRING_CTL_CREATE, &c) || mod_write(USER_LIMIT, "1"))
		T_DIE("owner.setup", "%s", strerror(errno));
	as_user(ALICE, alice_opens);
	n = open_all(fds, 7000);
	T_EQ("owner.limit.not_for_root", n, 7000);
	as_user(BOB, bob_opens);
	close_all(fds, n);
	mod_write(USER_LIMIT, "0");

	/* The name is looked up before anything is allocated. */
	if (mod_write(MOD_LIMIT, "1"))
		T_DIE("owner.setup", "%s", strerror(errno));
	T_ERR("owner.limit.too_large", dev_create("to-large", 1 << 30), ENOSPC);
	T_ERR("owner.limit.exists_first", dev_create(NAME, 1 << 30), EEXIST);
	/* There can be 256 devices; those that were refused do not count. */
	for (n = 0; n < 300; n++)
		dev_create("to-large", 1 << 30);
	mod_write(MOD_LIMIT, "0");
	T_RET("owner.limit.refused_do_not_count", dev_create("to-large", SIZE), 0);
	dev_destroy("to-large");
	T_RET("owner.limit.destroy", dev_destroy(NAME), 0);
}

int main(void)
{
	alarm(200);
	control = open(SEQRING_CTL_PATH, O_RDWR);
	control_ro = open(SEQRING_CTL_PATH, O_RDONLY);
	if (control < 0 || control_ro < 0)
		T_DIE("owner.setup", SEQRING_CTL_PATH ": %s", strerror(errno));
	owners();
	limits();
	return t_done();
}

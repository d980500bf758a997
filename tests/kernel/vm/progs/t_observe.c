// SPDX-License-Identifier: GPL-2.0-only
/* What can be seen of a device from outside: files in sysfs, and tracepoints. */
#include <glob.h>
#include <poll.h>

#include "mod.h"

#define NAME   "tv"
#define DIR    "/sys/class/seqring/seqring!"
#define TRACES "/sys/kernel/tracing/"
#define SIZE   65536
#define ALICE  1000
#define BOB    1001

/* Reads a file of a device to @text, without the newline. Return: -1 and errno on failure. */
static int read_attr(const char *device, const char *file, char *text, size_t size)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), DIR "%s/%s", device, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	if (n <= 0 || text[n - 1] != '\n')
		return -1;
	text[n - 1] = 0;
	return 0;
}

static void text_is(const char *check, const char *device, const char *file, const char *expected)
{
	char text[64] = "";
	int ret = read_attr(device, file, text, sizeof(text));

	t_check(!ret && !strcmp(text, expected), check, "%s: '%s' (%s), expected '%s'", file, text,
		ret ? strerror(errno) : "read", expected);
}

static void number_is(const char *check, unsigned int ring, const char *file, uint64_t expected)
{
	char path[64], number[32];

	snprintf(path, sizeof(path), "rings/%u/%s", ring, file);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)expected);
	text_is(check, NAME, path, number);
}

static void counters(void)
{
	unsigned int nr, i, published = 0;
	char text[64];
	int fd;

	fd = dev_open_fd(NAME, O_RDONLY);
	if (fd < 0)
		T_DIE("observe.setup", "%s: %s", NAME, strerror(errno));
	nr = dev_geometry(fd).nr_rings;
	text_is("observe.data_size", NAME, "data_size", "65536");
	text_is("observe.mode", NAME, "mode", "percpu");
	text_is("observe.clock", NAME, "clock", "monotonic");
	text_is("observe.readers", NAME, "readers", "1");
	snprintf(text, sizeof(text), "%u", nr);
	text_is("observe.nr_rings", NAME, "nr_rings", text);

	T_RET("observe.publish", dev_command("flood " NAME " 500 1024 0"), 0);
	T_RET("observe.toobig", dev_command("toobig " NAME), 0);
	T_RET("observe.nest", dev_command("nest " NAME), 0);
	for (i = 0; i < nr; i++) {
		struct seqring_stats st = dev_stats(fd, i);

		published += st.seq;
		number_is("observe.head", i, "head", st.head);
		number_is("observe.tail", i, "tail", st.tail);
		number_is("observe.seq", i, "seq", st.seq);
		number_is("observe.dropped_busy", i, "dropped_busy", st.dropped[0]);
		number_is("observe.dropped_too_big", i, "dropped_too_big", st.dropped[1]);
		number_is("observe.dropped_dead", i, "dropped_dead", st.dropped[2]);
		number_is("observe.dropped_fault", i, "dropped_fault", st.dropped[3]);
		number_is("observe.wakeups", i, "wakeups", st.wakeups);
		number_is("observe.id", i, "id", i);
	}
	T_EQ("observe.published", published, mod_tried(NAME).published);
	snprintf(text, sizeof(text), "rings/%u/seq", nr);
	T_ERR("observe.no_more_rings", read_attr(NAME, text, text, sizeof(text)), ENOENT);
	close(fd);
}

static unsigned int mode_of(const char *device, const char *file, uid_t *owner)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), DIR "%s/%s", device, file);
	if (stat(path, &st))
		T_DIE("observe.permissions", "%s: %s", path, strerror(errno));
	*owner = st.st_uid;
	return st.st_mode & 07777;
}

/* Return: 0 if the user may read both files, else errno of the first that it may not. */
static int readable_by(uid_t uid, const char *device)
{
	char text[64];
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgid(uid) || setuid(uid))
			_exit(255);
		_exit(read_attr(device, "readers", text, sizeof(text)) ||
				      read_attr(device, "rings/0/seq", text, sizeof(text)) ?
			      errno :
			      0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Who may read the device may read its counters: they tell when something happens. */
static void permissions(void)
{
	struct seqring_ctl_create c = dev_params("tv-alice", SIZE);
	uid_t owner;

	T_EQ("observe.permissions.open", mode_of(NAME, "rings/0/seq", &owner), 0444);
	T_EQ("observe.permissions.root", owner, 0);
	T_EQ("observe.permissions.device", mode_of(NAME, "readers", &owner), 0444);
	T_EQ("observe.permissions.all", readable_by(BOB, NAME), 0);

	c.flags = SEQRING_CREATE_UID;
	c.uid = ALICE;
	if (dev_control(SEQRING_CTL_CREATE, &c))
		T_DIE("observe.setup", "create: %s", strerror(errno));
	T_EQ("observe.permissions.private", mode_of("tv-alice", "rings/0/seq", &owner), 0400);
	T_EQ("observe.permissions.owner", owner, ALICE);
	T_EQ("observe.permissions.private_device", mode_of("tv-alice", "readers", &owner), 0400);
	T_EQ("observe.permissions.device_owner", owner, ALICE);
	T_EQ("observe.permissions.alice", readable_by(ALICE, "tv-alice"), 0);
	T_EQ("observe.permissions.bob", readable_by(BOB, "tv-alice"), EACCES);
	text_is("observe.permissions.mode", "tv-alice", "mode", "caller");
	T_RET("observe.permissions.destroy", dev_destroy("tv-alice"), 0);
}

/* Counts the lines of the trace that contain both texts. */
static unsigned int traced(const char *event, const char *text)
{
	FILE *f = fopen(TRACES "trace", "r");
	unsigned int n = 0;
	char line[512];

	if (!f)
		T_DIE("observe.trace", "%s: %s", TRACES "trace", strerror(errno));
	while (fgets(line, sizeof(line), f))
		n += strstr(line, event) && strstr(line, text);
	fclose(f);
	return n;
}

static void trace_clear(void)
{
	int fd = open(TRACES "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		T_DIE("observe.trace", "%s: %s", TRACES "trace", strerror(errno));
	close(fd);
}

static void trace_on(void)
{
	trace_clear();
	if (mod_write(TRACES "events/seqring/enable", "1"))
		T_DIE("observe.trace", "events/seqring: %s", strerror(errno));
}

static void tracepoints(void)
{
	static unsigned char buf[SIZE];
	struct seqring_seek seek = { .size = sizeof(seek), .whence = SEQRING_SEEK_OLDEST };
	struct pollfd p = { .events = POLLIN };
	struct seqring_stats st;
	char text[128];
	int fd, status;
	pid_t pid;

	if (dev_command("create tv-one 1 65536 0"))
		T_DIE("observe.setup", "create: %s", strerror(errno));
	fd = dev_open_fd("tv-one", O_RDONLY | O_NONBLOCK);
	p.fd = fd;
	dev_command("flood tv-one 1 256 0");
	T_TRUE("observe.trace.read", read(fd, buf, sizeof(buf)) > 0);
	T_EQ("observe.trace.off", traced("seqring_", "tv-one"), 0);

	trace_on();
	T_RET("observe.trace.toobig", dev_command("toobig tv-one"), 0);
	T_RET("observe.trace.nest", dev_command("nest tv-one"), 0);
	T_EQ("observe.trace.drop_too_big", traced("seqring_drop: device=tv-one ring=0", "=too_big"),
	     dev_stats(fd, 0).dropped[SEQRING_DROP_TOO_BIG]);
	st = dev_stats(fd, 0);
	t_check(st.dropped[SEQRING_DROP_BUSY] > 0 &&
			traced("seqring_drop: device=tv-one ring=0", "=busy") ==
				st.dropped[SEQRING_DROP_BUSY],
		"observe.trace.drop_busy", "%u traced, %llu dropped",
		traced("seqring_drop: device=tv-one ring=0", "=busy"),
		(unsigned long long)st.dropped[SEQRING_DROP_BUSY]);
	/* An NMI finds the ring busy. */
	T_RET("observe.trace.nmi_create", dev_command("create tv-nmi 0 65536 0"), 0);
	T_ERR("observe.trace.nmi", dev_command("within tv-nmi 2 0 2000"), EBUSY);
	T_EQ("observe.trace.drop_nmi", traced("seqring_drop: device=tv-nmi ring=0", "=busy"), 1);
	T_RET("observe.trace.nmi_destroy", dev_command("destroy tv-nmi"), 0);

	/* Flat out nothing is traced. */
	trace_clear();
	T_RET("observe.trace.flood", dev_command("flood tv-one 2000 1024 0"), 0);
	T_EQ("observe.trace.nothing", traced("seqring_", "tv-one"), 0);

	T_ERR("observe.trace.epipe", read(fd, buf, sizeof(buf)), EPIPE);
	T_EQ("observe.trace.overrun", traced("seqring_overrun: device=tv-one ring=0", " seq=2\n"),
	     1);
	ioctl(fd, SEQRING_IOC_SEEK, &seek);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(poll(&p, 1, 60000) != 1);
	T_TRUE("observe.trace.sleeps", wait_asleep(pid));
	dev_command("flood tv-one 1 256 0");
	T_TRUE("observe.trace.woken", waitpid(pid, &status, 0) == pid && !status);
	st = dev_stats(fd, 0);
	snprintf(text, sizeof(text), " seq=%llu\n", (unsigned long long)st.seq);
	T_EQ("observe.trace.wake", traced("seqring_wake: device=tv-one ring=0", text), 1);

	mod_write(TRACES "events/seqring/enable", "0");
	trace_clear();
	T_RET("observe.trace.toobig_off", dev_command("toobig tv-one"), 0);
	T_EQ("observe.trace.off_again", traced("seqring_", "tv-one"), 0);
	close(fd);
	dev_command("destroy tv-one");
}

/* Reads all files of all rings until it is killed. */
static void read_everything(void)
{
	char text[64];
	glob_t g;
	size_t i;
	int fd;

	for (;;) {
		if (glob("/sys/class/seqring/*/rings/*/*", 0, NULL, &g))
			continue;
		for (i = 0; i < g.gl_pathc; i++) {
			fd = open(g.gl_pathv[i], O_RDONLY);
			if (fd < 0)
				continue;
			if (read(fd, text, sizeof(text)) < 0 && errno != ENODEV)
				_exit(1);
			close(fd);
		}
		globfree(&g);
	}
}

static void races(void)
{
	unsigned int i, failed = 0;
	char text[64];
	int status, fd;
	pid_t pid;

	fd = open(DIR NAME "/rings/0/seq", O_RDONLY);
	T_TRUE("observe.race.open", fd >= 0);
	fflush(stdout);
	pid = fork();
	if (!pid)
		read_everything();
	for (i = 0; i < 100; i++)
		failed += dev_create("tv-race", SIZE) || dev_destroy("tv-race");
	T_EQ("observe.race.failed", failed, 0);
	dev_command("destroy " NAME);
	T_ERR("observe.race.after_end", read(fd, text, sizeof(text)), ENODEV);
	close(fd);
	T_EQ("observe.race.alive", waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	T_ERR("observe.race.gone", access(DIR NAME, F_OK), ENOENT);
}

int main(void)
{
	alarm(200);
	if (dev_command("create " NAME " 2 65536 0"))
		T_DIE("observe.setup", "create: %s", strerror(errno));
	counters();
	permissions();
	tracepoints();
	races();
	return t_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything that the control node, a device and its mappings must refuse, each
 * with its errno. A refusal has no effect: the device works afterwards.
 */
#define _FILE_OFFSET_BITS 64

#include <dirent.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "mod.h"

#define RING   "rj"
#define KERNEL "rj-kernel"
#define SIZE   65536
#define LIMIT  "/sys/module/seqring/parameters/max_total_mib"

/* An address without memory. Volatile, since the compiler would know that, too. */
static void *volatile bad = (void *)8;
static unsigned char big[1 << 20];
static long page_size;

static unsigned int count_devices(void)
{
	DIR *dir = opendir(SEQRING_DEV_DIR);
	unsigned int n = 0;
	struct dirent *e;

	if (!dir)
		return 0;
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* True if the mapping at @p has that flag, in the two letters of /proc/self/smaps. */
static int vm_flag(const void *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512], word[8];
	unsigned long start, end;
	int here = 0, found = 0;

	snprintf(word, sizeof(word), " %s ", flag);
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)p && (uintptr_t)p < end;
		else if (here && !strncmp(line, "VmFlags:", 8))
			found = !!strstr(line, word);
	}
	if (f)
		fclose(f);
	return found;
}

/* Writes one record by write(2) and reads it back by read(2). */
static void still_works(const char *name, int fd)
{
	unsigned char buf[64];
	struct seqring_record *rec = (struct seqring_record *)buf;
	ssize_t n;

	lseek(fd, 0, SEEK_END);
	n = write(fd, "works", 5);
	if (n == 5)
		n = read(fd, buf, sizeof(buf));
	t_check(n == 32 && rec->meta.len == 5 && !memcmp(buf + 24, "works\0\0", 8), name,
		"got %zd, %s", n, n < 0 ? strerror(errno) : "other bytes");
}

/* A create ioctl with one mistake. */
#define CREATE_ERR(name, err, ...)                                                      \
	do {                                                                            \
		struct seqring_ctl_create c = dev_params("rj-new", SIZE);               \
		__VA_ARGS__;                                                            \
		T_ERR("reject.create." name, dev_control(SEQRING_CTL_CREATE, &c), err); \
	} while (0)

static void control_create(void)
{
	static const char *const bad_names[] = {
		"", ".", "..", ".x", "a/b", "a b", "a!b", "\xc3\xa4", "a\nb", "%s%n", "../null",
	};
	unsigned int before = count_devices(), i;
	struct {
		struct seqring_ctl_create c;
		unsigned char tail[64];
	} longer;
	char name[64];

	CREATE_ERR("size_zero", EINVAL, c.size = 0);
	CREATE_ERR("size_short", EINVAL, c.size = sizeof(c) - 1);
	CREATE_ERR("size_huge", E2BIG, c.size = 1u << 31);
	CREATE_ERR("flags", EINVAL, c.flags = 4);
	CREATE_ERR("flags_top", EINVAL, c.flags = 1u << 31);
	for (i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		snprintf(name, sizeof(name), "reject.create.name_%u", i);
		struct seqring_ctl_create c = dev_params(bad_names[i], SIZE);

		T_ERR(name, dev_control(SEQRING_CTL_CREATE, &c), EINVAL);
	}
	CREATE_ERR("name_unterminated", EINVAL, memset(c.name, 'a', sizeof(c.name)));
	CREATE_ERR("data_size_zero", EINVAL, c.data_size = 0);
	CREATE_ERR("data_size_small", EINVAL, c.data_size = SIZE / 2);
	CREATE_ERR("data_size_odd", EINVAL, c.data_size = SIZE + 1);
	CREATE_ERR("data_size_not_power", EINVAL, c.data_size = SIZE * 3);
	CREATE_ERR("data_size_large", EINVAL, c.data_size = 1ULL << 31);
	CREATE_ERR("data_size_2_63", EINVAL, c.data_size = 1ULL << 63);
	CREATE_ERR("data_size_2_32", EINVAL, c.data_size = (1ULL << 32) + SIZE);
	CREATE_ERR("clock", EINVAL, c.clock_id = SEQRING_CLOCK_MAX + 1);
	CREATE_ERR("clock_top", EINVAL, c.clock_id = ~0u);
	CREATE_ERR("permissions_exec", EINVAL, c.permissions = 0700);
	CREATE_ERR("permissions_suid", EINVAL, c.permissions = 04600);
	CREATE_ERR("permissions_wide", EINVAL, c.permissions = 0x10000 | 0600);
	CREATE_ERR("wake_interval", EINVAL, c.wake_interval_ns = SEQRING_WAKE_INTERVAL_MAX + 1);
	CREATE_ERR("wake_interval_top", EINVAL, c.wake_interval_ns = SEQRING_WAKE_UNLIMITED - 1);
	CREATE_ERR("reserved_first", EINVAL, c.reserved[0] = 1);
	CREATE_ERR("reserved_last", EINVAL, c.reserved[2] = 1ULL << 63);
	CREATE_ERR("schema_no_size", EINVAL, c.schema = (uintptr_t)big);
	CREATE_ERR("schema_no_pointer", EINVAL, c.schema_size = 1);
	CREATE_ERR("schema_too_large", EINVAL, c.schema = (uintptr_t)big,
		   c.schema_size = SEQRING_SCHEMA_SIZE_MAX + 1);
	CREATE_ERR("schema_fault", EFAULT, c.schema = (uintptr_t)bad, c.schema_size = 16);
	CREATE_ERR("exists", EEXIST, strcpy(c.name, RING));
	CREATE_ERR("exists_kernel", EEXIST, strcpy(c.name, KERNEL));
	T_ERR("reject.create.fault", dev_control(SEQRING_CTL_CREATE, bad), EFAULT);

	memset(&longer, 0, sizeof(longer));
	longer.c = dev_params("rj-long", SIZE);
	longer.c.size = sizeof(longer);
	longer.tail[63] = 1;
	T_ERR("reject.create.tail", dev_control(SEQRING_CTL_CREATE, &longer), E2BIG);
	T_EQ("reject.create.leaves_nothing", count_devices(), before);
	longer.tail[63] = 0;
	T_RET("reject.create.longer_with_zeros", dev_control(SEQRING_CTL_CREATE, &longer), 0);
	T_RET("reject.create.longer_destroy", dev_destroy("rj-long"), 0);
}

static void control_rest(void)
{
	int fd = open(SEQRING_CTL_PATH, O_RDWR);
	struct seqring_ctl_destroy d;
	char c;

	memset(&d, 0, sizeof(d));
	d.size = sizeof(d);
	strcpy(d.name, RING);
	d.flags = 1;
	T_ERR("reject.destroy.flags", ioctl(fd, SEQRING_CTL_DESTROY, &d), EINVAL);
	d.flags = 0;
	d.size = sizeof(d) - 1;
	T_ERR("reject.destroy.size_short", ioctl(fd, SEQRING_CTL_DESTROY, &d), EINVAL);
	T_ERR("reject.destroy.fault", ioctl(fd, SEQRING_CTL_DESTROY, bad), EFAULT);
	T_ERR("reject.destroy.no_such", dev_destroy("rj-none"), ENOENT);
	T_ERR("reject.destroy.bad_name", dev_destroy("../null"), EINVAL);
	T_ERR("reject.destroy.kernel_owned", dev_destroy(KERNEL), EPERM);
	T_ERR("reject.control.ioctl_number", ioctl(fd, _IO(SEQRING_IOC_MAGIC, 0x42), &d), ENOTTY);
	T_ERR("reject.control.ioctl_device", ioctl(fd, SEQRING_IOC_STATS, &d), ENOTTY);
	T_ERR("reject.control.ioctl_magic", ioctl(fd, _IO('x', 0x40), &d), ENOTTY);
	T_ERR("reject.control.read", read(fd, &c, 1), EINVAL);
	T_ERR("reject.control.write", write(fd, "x", 1), EINVAL);
	T_TRUE("reject.control.mmap",
	       mmap(NULL, page_size, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	close(fd);
}

static void write_limit(const char *mib)
{
	int fd = open(LIMIT, O_WRONLY);

	if (fd < 0 || write(fd, mib, strlen(mib)) < 0)
		T_DIE("reject.limit.setup", "%s: %s", LIMIT, strerror(errno));
	close(fd);
}

static void control_limits(void)
{
	unsigned int n, before = count_devices();
	char name[32];

	write_limit("1");
	T_ERR("reject.limit.memory", dev_create("rj-new", 1 << 20), ENOSPC);
	T_RET("reject.limit.memory_less", dev_create("rj-new", SIZE), 0);
	/* Each device is below the limit, both together are above; a refused one takes nothing. */
	T_RET("reject.limit.memory_half", dev_create("rj-half", 1 << 19), 0);
	for (n = 0; n < 4 && dev_create("rj-other", 1 << 19) && errno == ENOSPC; n++)
		;
	T_EQ("reject.limit.memory_together", n, 4);
	T_RET("reject.limit.memory_half_destroy", dev_destroy("rj-half"), 0);
	T_RET("reject.limit.memory_other", dev_create("rj-other", 1 << 19), 0);
	T_RET("reject.limit.memory_other_destroy", dev_destroy("rj-other"), 0);
	T_RET("reject.limit.memory_destroy", dev_destroy("rj-new"), 0);
	/* A device larger than the machine's memory is refused, and no process is killed. */
	write_limit("1000000");
	errno = 0;
	for (n = 0; n < 16; n++) {
		snprintf(name, sizeof(name), "rj-large-%u", n);
		if (dev_create(name, 1 << 30))
			break;
	}
	t_check(n < 16 && errno == ENOMEM, "reject.limit.no_memory", "%u of 1 GiB, then %s", n,
		strerror(errno));
	while (n--) {
		snprintf(name, sizeof(name), "rj-large-%u", n);
		dev_destroy(name);
	}
	write_limit("0");
	T_RET("reject.limit.memory_lifted", dev_create("rj-new", 1 << 20), 0);
	T_RET("reject.limit.memory_again", dev_destroy("rj-new"), 0);

	for (n = before; n < 300; n++) {
		snprintf(name, sizeof(name), "rj-%u", n);
		errno = 0;
		if (dev_create(name, SIZE))
			break;
	}
	t_check(n == 256 && errno == ENOSPC, "reject.limit.devices", "%u devices, then %s", n,
		strerror(errno));
	while (n-- > before) {
		snprintf(name, sizeof(name), "rj-%u", n);
		if (dev_destroy(name))
			break;
	}
	T_EQ("reject.limit.devices_gone", count_devices(), before);
	T_RET("reject.limit.devices_again", dev_create("rj-new", SIZE), 0);
	dev_destroy("rj-new");
}

static void node_permissions(const char *check, uint32_t permissions, unsigned int expected)
{
	struct seqring_ctl_create c = dev_params("rj-perm", SIZE);
	struct stat st;

	c.permissions = permissions;
	if (dev_control(SEQRING_CTL_CREATE, &c) || stat(SEQRING_DEV_DIR "/rj-perm", &st))
		T_DIE("reject.permissions.setup", "%s", strerror(errno));
	t_check((st.st_mode & 07777) == expected && S_ISCHR(st.st_mode) && !st.st_uid, check,
		"mode %o, expected %o", st.st_mode, expected);
	dev_destroy("rj-perm");
}

/* The access of a user without rights; runs in a child. */
static int unprivileged(int device)
{
	if (setgid(65534) || setuid(65534))
		T_DIE("reject.user.setup", "%s", strerror(errno));
	T_ERR("reject.user.control", open(SEQRING_CTL_PATH, O_RDWR), EACCES);
	T_ERR("reject.user.control_read", open(SEQRING_CTL_PATH, O_RDONLY), EACCES);
	T_ERR("reject.user.device", dev_open_fd(RING, O_RDONLY), EACCES);
	T_ERR("reject.user.kernel_device_write", dev_open_fd(KERNEL, O_RDWR), EACCES);
	T_TRUE("reject.user.kernel_device_read", dev_open_fd(KERNEL, O_RDONLY) >= 0);
	T_TRUE("reject.user.inherited", dev_geometry(device).nr_rings == 1);
	return t_done();
}

static void permissions(int device)
{
	int status;
	pid_t pid;

	node_permissions("reject.permissions.default", 0, 0600);
	node_permissions("reject.permissions.666", 0666, 0666);
	node_permissions("reject.permissions.440", 0440, 0440);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(unprivileged(device));
	waitpid(pid, &status, 0);
	T_EQ("reject.user.all", status, 0);
}

static void *map_at(int fd, size_t len, int prot, int flags, off_t off)
{
	return mmap(NULL, len, prot, flags, fd, off);
}

static void map_device(int fd, int ro)
{
	size_t total = dev_geometry(fd).total_size;
	char *map;

	T_ERR("reject.mmap.write", map_at(fd, total, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EPERM);
	T_ERR("reject.mmap.write_only", map_at(fd, total, PROT_WRITE, MAP_SHARED, 0), EPERM);
	T_ERR("reject.mmap.write_ro", map_at(ro, total, PROT_WRITE, MAP_SHARED, 0), EACCES);
	T_ERR("reject.mmap.exec", map_at(fd, total, PROT_READ | PROT_EXEC, MAP_SHARED, 0), EPERM);
	T_ERR("reject.mmap.private", map_at(fd, total, PROT_READ, MAP_PRIVATE, 0), EINVAL);
	T_ERR("reject.mmap.private_write",
	      map_at(ro, total, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0), EPERM);
	T_ERR("reject.mmap.zero", map_at(fd, 0, PROT_READ, MAP_SHARED, 0), EINVAL);
	T_ERR("reject.mmap.too_long", map_at(fd, total + page_size, PROT_READ, MAP_SHARED, 0),
	      ENXIO);
	T_ERR("reject.mmap.at_end", map_at(fd, page_size, PROT_READ, MAP_SHARED, total), ENXIO);
	T_ERR("reject.mmap.over_end",
	      map_at(fd, 2 * page_size, PROT_READ, MAP_SHARED, total - page_size), ENXIO);
	T_ERR("reject.mmap.far", map_at(fd, page_size, PROT_READ, MAP_SHARED, 1LL << 62), ENXIO);
	T_ERR("reject.mmap.near_overflow",
	      map_at(fd, 2 * page_size, PROT_READ, MAP_SHARED, INT64_MAX - page_size + 1), ENXIO);
	T_ERR("reject.mmap.overflow",
	      map_at(fd, page_size, PROT_READ, MAP_SHARED, (off_t)-page_size), EOVERFLOW);
	T_ERR("reject.mmap.unaligned", map_at(fd, page_size, PROT_READ, MAP_SHARED, 8), EINVAL);
	map = map_at(fd, page_size, PROT_READ, MAP_SHARED, total - page_size);
	T_TRUE("reject.mmap.last_page", map != MAP_FAILED);
	munmap(map, page_size);

	map = map_at(fd, total, PROT_READ, MAP_SHARED, 0);
	if (map == MAP_FAILED)
		T_DIE("reject.mmap.setup", "%s", strerror(errno));
	T_ERR("reject.mprotect.write", mprotect(map, total, PROT_READ | PROT_WRITE), EACCES);
	T_ERR("reject.mprotect.exec", mprotect(map, total, PROT_READ | PROT_EXEC), EACCES);
	T_ERR("reject.mprotect.part", mprotect(map + page_size, page_size, PROT_READ | PROT_WRITE),
	      EACCES);
	T_ERR("reject.mremap.grow", mremap(map, total, total + page_size, MREMAP_MAYMOVE), EFAULT);
	T_ERR("reject.mremap.copy", mremap(map, 0, total, MREMAP_MAYMOVE), EFAULT);
	T_TRUE("reject.mmap.readable", vm_flag(map, "rd") && !vm_flag(map, "mw"));
	T_TRUE("reject.mmap.not_dumped", vm_flag(map, "dd"));
	munmap(map, total);
}

static void map_reader(int fd)
{
	size_t size = dev_geometry(fd).reader_size;
	int rfd, fd2;
	char *map, c;

	T_ERR("reject.reader.arg", ioctl(fd, SEQRING_IOC_READER_FD, 1), EINVAL);
	T_ERR("reject.look.arg", ioctl(fd, SEQRING_IOC_LOOK, 1), EINVAL);
	T_ERR("reject.look.arg_pointer", ioctl(fd, SEQRING_IOC_LOOK, &c), EINVAL);
	T_EQ("reject.look.good", ioctl(fd, SEQRING_IOC_LOOK, 0), 0);
	T_ERR("reject.reader.arg_pointer", ioctl(fd, SEQRING_IOC_READER_FD, &c), EINVAL);
	rfd = ioctl(fd, SEQRING_IOC_READER_FD, 0);
	fd2 = ioctl(fd, SEQRING_IOC_READER_FD, 0);
	T_TRUE("reject.reader.twice", rfd >= 0 && fd2 >= 0 && fd2 != rfd);
	T_EQ("reject.reader.cloexec", fcntl(rfd, F_GETFD), FD_CLOEXEC);
	T_ERR("reject.reader.too_long", map_at(rfd, size + page_size, PROT_READ, MAP_SHARED, 0),
	      ENXIO);
	T_ERR("reject.reader.beyond", map_at(rfd, page_size, PROT_READ, MAP_SHARED, size), ENXIO);
	T_ERR("reject.reader.far", map_at(rfd, page_size, PROT_READ, MAP_SHARED, 1LL << 62), ENXIO);
	T_ERR("reject.reader.private", map_at(rfd, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0),
	      EINVAL);
	T_ERR("reject.reader.exec", map_at(rfd, size, PROT_READ | PROT_EXEC, MAP_SHARED, 0), EPERM);
	T_ERR("reject.reader.read", read(rfd, &c, 1), EINVAL);
	T_ERR("reject.reader.write", write(rfd, "x", 1), EINVAL);
	T_ERR("reject.reader.ioctl", ioctl(rfd, SEQRING_IOC_READER_FD, 0), ENOTTY);
	T_ERR("reject.look.reader", ioctl(rfd, SEQRING_IOC_LOOK, 0), ENOTTY);
	map = map_at(rfd, size, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	if (map == MAP_FAILED)
		T_DIE("reject.reader.setup", "%s", strerror(errno));
	T_TRUE("reject.reader.zeroed", !map[0] && !memcmp(map, map + 1, size - 1));
	T_ERR("reject.reader.mprotect", mprotect(map, size, PROT_EXEC | PROT_READ), EACCES);
	T_ERR("reject.reader.mremap", mremap(map, size, size + page_size, MREMAP_MAYMOVE), EFAULT);
	munmap(map, size);
	close(rfd);
	close(fd2);
}

#define SEEK_ERR(name, fd, w, v, err)                                                   \
	do {                                                                            \
		struct seqring_seek s = { .size = sizeof(s), .whence = w, .value = v }; \
		T_ERR("reject.seek." name, ioctl(fd, SEQRING_IOC_SEEK, &s), err);       \
	} while (0)

static void seeks(int fd)
{
	struct seqring_ctl_create c = dev_params("rj-clockless", SIZE);
	uint64_t seq = dev_stats(fd, 0).seq;
	int other;

	SEEK_ERR("whence", fd, 5, 0, EINVAL);
	SEEK_ERR("whence_top", fd, ~0u, 0, EINVAL);
	SEEK_ERR("oldest_value", fd, SEQRING_SEEK_OLDEST, 1, EINVAL);
	SEEK_ERR("newest_value", fd, SEQRING_SEEK_NEWEST, 1, EINVAL);
	SEEK_ERR("head_value", fd, SEQRING_SEEK_HEAD, 1, EINVAL);
	SEEK_ERR("seq_future", fd, SEQRING_SEEK_SEQ, seq + 2, ERANGE);
	SEEK_ERR("seq_far_future", fd, SEQRING_SEEK_SEQ, ~0ULL, ERANGE);
	T_ERR("reject.seek.lseek_offset", lseek(fd, 1, SEEK_SET), ESPIPE);
	T_ERR("reject.seek.lseek_back", lseek(fd, -1, SEEK_END), ESPIPE);
	T_ERR("reject.seek.lseek_cur", lseek(fd, 0, SEEK_CUR), EINVAL);
	T_ERR("reject.seek.lseek_data", lseek(fd, 0, SEEK_DATA), EINVAL);

	c.clock_id = SEQRING_CLOCK_NONE;
	if (dev_control(SEQRING_CTL_CREATE, &c) || dev_command("create rj-percpu 2 65536 0"))
		T_DIE("reject.seek.setup", "%s", strerror(errno));
	other = dev_open_fd("rj-clockless", O_RDONLY);
	SEEK_ERR("no_clock", other, SEQRING_SEEK_TIME, 1, EOPNOTSUPP);
	close(other);
	other = dev_open_fd("rj-percpu", O_RDONLY);
	T_TRUE("reject.seek.several_rings", dev_geometry(other).nr_rings > 1);
	SEEK_ERR("seq_several_rings", other, SEQRING_SEEK_SEQ, 1, EOPNOTSUPP);
	close(other);
	dev_destroy("rj-clockless");
	dev_command("destroy rj-percpu");
}

/* The checks that every ioctl with a struct shares. */
#define STRUCT_ERRS(name, type, cmd, fill)                                         \
	do {                                                                       \
		struct {                                                           \
			type a;                                                    \
			unsigned char tail[16];                                    \
		} u;                                                               \
		memset(&u, 0, sizeof(u));                                          \
		fill;                                                              \
		u.a.size = sizeof(u.a) - 1;                                        \
		T_ERR("reject." name ".size_short", ioctl(fd, cmd, &u), EINVAL);   \
		u.a.size = 1 << 20;                                                \
		T_ERR("reject." name ".size_huge", ioctl(fd, cmd, &u), E2BIG);     \
		u.a.size = sizeof(u);                                              \
		u.tail[15] = 1;                                                    \
		T_ERR("reject." name ".tail", ioctl(fd, cmd, &u), E2BIG);          \
		u.tail[15] = 0;                                                    \
		T_RET("reject." name ".longer_with_zeros", ioctl(fd, cmd, &u), 0); \
		T_ERR("reject." name ".fault", ioctl(fd, cmd, bad), EFAULT);       \
	} while (0)

static void device_ioctls(int fd)
{
	struct seqring_geometry g = { .size = sizeof(g) };
	struct seqring_stats st = { .size = sizeof(st) };
	struct seqring_write_type wt = { .size = sizeof(wt), .type = 65536 };

	STRUCT_ERRS("geometry", struct seqring_geometry, SEQRING_IOC_GEOMETRY, (void)0);
	STRUCT_ERRS("stats", struct seqring_stats, SEQRING_IOC_STATS, (void)0);
	STRUCT_ERRS("seek", struct seqring_seek, SEQRING_IOC_SEEK, u.a.whence = SEQRING_SEEK_HEAD);
	STRUCT_ERRS("write_type", struct seqring_write_type, SEQRING_IOC_WRITE_TYPE, (void)0);
	g.reserved[1] = 1;
	T_ERR("reject.geometry.reserved", ioctl(fd, SEQRING_IOC_GEOMETRY, &g), EINVAL);
	st.reserved[0] = 1;
	T_ERR("reject.stats.reserved", ioctl(fd, SEQRING_IOC_STATS, &st), EINVAL);
	st.reserved[0] = 0;
	st.ring = 1;
	T_ERR("reject.stats.ring", ioctl(fd, SEQRING_IOC_STATS, &st), ENOENT);
	st.ring = ~0u;
	T_ERR("reject.stats.ring_top", ioctl(fd, SEQRING_IOC_STATS, &st), ENOENT);
	T_ERR("reject.write_type.value", ioctl(fd, SEQRING_IOC_WRITE_TYPE, &wt), EINVAL);
	wt.type = 65535;
	T_RET("reject.write_type.largest", ioctl(fd, SEQRING_IOC_WRITE_TYPE, &wt), 0);
	T_ERR("reject.ioctl.number", ioctl(fd, _IO(SEQRING_IOC_MAGIC, 0x07), &st), ENOTTY);
	T_ERR("reject.ioctl.control", ioctl(fd, SEQRING_CTL_DESTROY, &st), ENOTTY);
	T_ERR("reject.ioctl.magic", ioctl(fd, _IO('x', 0x00), &g), ENOTTY);
}

static void writes(int fd, int ro)
{
	uint32_t max = dev_geometry(fd).payload_max;
	struct iovec iov[3] = { { (void *)"ab", 2 }, { (void *)"", 0 }, { (void *)"cdefghi", 7 } };
	struct seqring_record *rec = (struct seqring_record *)big;
	struct seqring_stats a, b;
	char *edge;

	a = dev_stats(fd, 0);
	T_ERR("reject.write.too_long", write(fd, big, max + 1), EMSGSIZE);
	b = dev_stats(fd, 0);
	T_EQ("reject.write.too_long_counted", b.dropped[SEQRING_DROP_TOO_BIG],
	     a.dropped[SEQRING_DROP_TOO_BIG] + 1);
	T_ERR("reject.write.fault", write(fd, bad, 10), EFAULT);
	/* The first page is mapped, the second one is not. */
	edge = mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	memset(edge, 'x', page_size);
	mprotect(edge + page_size, page_size, PROT_NONE);
	T_ERR("reject.write.fault_half", write(fd, edge + page_size - 64, 128), EFAULT);
	b = dev_stats(fd, 0);
	T_EQ("reject.write.fault_counted", b.dropped[SEQRING_DROP_FAULT],
	     a.dropped[SEQRING_DROP_FAULT] + 2);
	T_EQ("reject.write.published_nothing", b.seq, a.seq);
	T_ERR("reject.write.read_only", write(ro, "x", 1), EBADF);

	lseek(fd, 0, SEEK_END);
	T_RET("reject.write.zero", write(fd, "", 0), 0);
	T_EQ("reject.write.zero_publishes_nothing", dev_stats(fd, 0).seq, a.seq);
	T_ERR("reject.write.empty_arg", ioctl(fd, SEQRING_IOC_WRITE_EMPTY, 1), EINVAL);
	T_ERR("reject.write.empty_read_only", ioctl(ro, SEQRING_IOC_WRITE_EMPTY, 0), EBADF);
	T_EQ("reject.write.empty", ioctl(fd, SEQRING_IOC_WRITE_EMPTY, 0), 0);
	T_RET("reject.write.zero_read", read(fd, big, sizeof(big)), 24);
	T_EQ("reject.write.zero_len", rec->meta.len, 0);
	T_RET("reject.write.gather", writev(fd, iov, 3), 9);
	T_RET("reject.write.gather_read", read(fd, big, sizeof(big)), 24 + 16);
	T_TRUE("reject.write.gather_bytes",
	       rec->meta.len == 9 && !memcmp(rec + 1, "abcdefghi\0\0\0\0\0\0", 16));
	T_RET("reject.write.largest", write(fd, memset(big, 'y', max), max), max);
	memset(big, 0, sizeof(big));
	T_RET("reject.write.largest_read", read(fd, big, sizeof(big)), max + 24);
	T_TRUE("reject.write.largest_bytes",
	       rec->meta.len == max && big[24] == 'y' && !memcmp(big + 24, big + 25, max - 1));

	lseek(fd, 0, SEEK_END);
	if (write(fd, "12345", 5) != 5)
		T_DIE("reject.read.setup", "%s", strerror(errno));
	T_ERR("reject.read.too_small", read(fd, big, 31), EMSGSIZE);
	T_ERR("reject.read.too_small_header", read(fd, big, 8), EMSGSIZE);
	T_ERR("reject.read.fault", read(fd, bad, 64), EFAULT);
	/* There is room for the header only. */
	T_ERR("reject.read.fault_half", read(fd, edge + page_size - 24, 32), EFAULT);
	munmap(edge, 2 * page_size);
	T_RET("reject.read.nothing_consumed", read(fd, big, 32), 32);
}

/* A ring that kernel code writes, too. */
static void kernel_ring(void)
{
	int ro = dev_open_fd(KERNEL, O_RDONLY), fd;
	struct seqring_stats st;

	T_ERR("reject.kernel.open_rw", dev_open_fd(KERNEL, O_RDWR), EACCES);
	T_ERR("reject.kernel.open_wo", dev_open_fd(KERNEL, O_WRONLY), EACCES);
	T_RET("reject.kernel.toobig", dev_command("toobig " KERNEL), 0);
	T_EQ("reject.kernel.toobig_counted", dev_stats(ro, 0).dropped[SEQRING_DROP_TOO_BIG], 3);
	T_RET("reject.kernel.nest_locked", dev_command("nest " KERNEL), 0);
	st = dev_stats(ro, 0);
	/* 100 records nest, of 24 bytes each in 2048, and a reservation, which is refused. */
	T_EQ("reject.kernel.nest_counted", st.dropped[SEQRING_DROP_BUSY], 100 - 85 + 1);
	T_EQ("reject.kernel.nest_kept", st.seq, 1 + 85);
	close(ro);
	T_RET("reject.kernel.args", dev_command("args"), 0);

	T_RET("reject.kernel.create_shared", dev_command("create rj-shared 1 1048576 1"), 0);
	fd = dev_open_fd("rj-shared", O_RDWR);
	T_RET("reject.kernel.write_64k", write(fd, big, 65536), 65536);
	T_ERR("reject.kernel.write_more", write(fd, big, 65537), EMSGSIZE);
	T_EQ("reject.kernel.write_counted", dev_stats(fd, 0).dropped[SEQRING_DROP_TOO_BIG], 1);
	T_ERR("reject.kernel.write_fault", write(fd, bad, 10), EFAULT);
	T_EQ("reject.kernel.fault_counted", dev_stats(fd, 0).dropped[SEQRING_DROP_FAULT], 1);
	still_works("reject.kernel.still_works", fd);
	close(fd);
	dev_command("destroy rj-shared");

	T_ERR("reject.kernel.caller_write", dev_command("create rj-x 0 65536 1"), EINVAL);
	dev_command("create rj-caller 0 65536 0");
	T_RET("reject.kernel.nest_caller", dev_command("nest rj-caller"), 0);
	ro = dev_open_fd("rj-caller", O_RDONLY);
	st = dev_stats(ro, 0);
	T_EQ("reject.kernel.nest_caller_counted", st.dropped[SEQRING_DROP_BUSY], 100 + 1);
	T_EQ("reject.kernel.nest_caller_outer", st.seq, 1);
	close(ro);
	dev_command("destroy rj-caller");
	dev_command("create rj-percpu 2 65536 0");
	T_RET("reject.kernel.nest_percpu", dev_command("nest rj-percpu"), 0);
	T_EQ("reject.kernel.nest_percpu_kept", mod_counted("rj-percpu").published, 1 + 85);
	T_EQ("reject.kernel.nest_percpu_counted", mod_counted("rj-percpu").busy, 100 - 85 + 1);
	dev_command("destroy rj-percpu");
}

static void after_the_end(int fd)
{
	char path[64];

	T_RET("reject.dead.destroy", dev_destroy(RING), 0);
	T_ERR("reject.dead.open", dev_open_fd(RING, O_RDONLY), ENOENT);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	T_ERR("reject.dead.reopen", open(path, O_RDONLY), ENODEV);
	T_ERR("reject.dead.write", write(fd, "x", 1), ENODEV);
	T_EQ("reject.dead.counted", dev_stats(fd, 0).dropped[SEQRING_DROP_DEAD], 1);
	T_ERR("reject.dead.destroy_again", dev_destroy(RING), ENOENT);
}

int main(void)
{
	int fd, ro;

	page_size = sysconf(_SC_PAGESIZE);
	if (dev_create(RING, SIZE) || dev_command("create " KERNEL " 1 65536 0"))
		T_DIE("reject.setup", "%s", strerror(errno));
	fd = dev_open_fd(RING, O_RDWR | O_NONBLOCK);
	ro = dev_open_fd(RING, O_RDONLY);
	control_create();
	control_rest();
	control_limits();
	permissions(ro);
	still_works("reject.control.still_works", fd);
	map_device(fd, ro);
	map_reader(fd);
	still_works("reject.mmap.still_works", fd);
	seeks(fd);
	device_ioctls(fd);
	still_works("reject.ioctl.still_works", fd);
	writes(fd, ro);
	still_works("reject.write.still_works", fd);
	kernel_ring();
	after_the_end(fd);
	dev_command("destroy " KERNEL);
	T_EQ("reject.leaves_nothing", count_devices(), 0);
	return t_done();
}

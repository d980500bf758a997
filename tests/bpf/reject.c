// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every rejection, when a ring is opened and when a ring is set up. Each has its errno and
 * a sentence that names the mistake.
 */
#include <sys/file.h>
#include <sys/resource.h>

#include "loader.h"

static const char *bpffs;

/* A copy of the last attempt's sentence, for callers that call the library again. */
static char kept[512];

static const char *why(void)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s", *kept ? kept : ring_strerror());
	*kept = 0;
	return text;
}

/* @call fails with @err, and the sentence has @words. */
#define REJECTED(name, call, err, words)                                                      \
	do {                                                                                  \
		int rej_got = call;                                                           \
		const char *rej_why = why();                                                  \
		t_check(rej_got == -(err) && strstr(rej_why, words), name,                    \
			"line %d: %d, expected %d; \"%s\" without \"%s\"", __LINE__, rej_got, \
			-(err), rej_why, words);                                              \
	} while (0)

/* --- what is opened ----------------------------------------------------------------- */

#define FAKE_SIZE (2 * 4096 + SEQRING_DATA_SIZE_MIN)

static int make_map(enum bpf_map_type type, uint32_t flags, uint32_t value, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	int fd = bpf_map_create(type, "reject", type == BPF_MAP_TYPE_RINGBUF ? 0 : 4, value,
				entries, &opts);

	if (fd < 0)
		die("a map");
	return fd;
}

static void make_header(struct seqring_header *h)
{
	memset(h, 0, sizeof(*h));
	h->magic = SEQRING_MAGIC;
	h->version = SEQRING_VERSION;
	h->compat_version = SEQRING_COMPAT_VERSION;
	h->header_size = sizeof(*h);
	h->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	h->nr_rings = 1;
	h->total_size = FAKE_SIZE;
	h->ring_offset = 4096;
	h->data_offset = 4096;
	h->ring_stride = 4096 + SEQRING_DATA_SIZE_MIN;
	h->data_size = SEQRING_DATA_SIZE_MIN;
	h->nr_segments = SEQRING_SEGMENTS;
	h->record_header_size = sizeof(struct seqring_record);
	h->record_align = SEQRING_RECORD_ALIGN;
	h->payload_max = 4096;
	h->writer_kind = SEQRING_WRITER_BPF;
}

static int try_map(int fd)
{
	struct ring_reader *r = NULL;
	int err = ring_open_fd(fd, NULL, &r);

	ring_close(r);
	return err;
}

static int try_fds(int ring, int wait, int doorbell)
{
	const struct ring_fds fds = { ring, wait, doorbell };
	struct ring_reader *r = NULL;
	int err = ring_open_fds(&fds, NULL, &r);

	ring_close(r);
	return err;
}

static void not_rings(void)
{
	int fd;

	fd = make_map(BPF_MAP_TYPE_HASH, 0, 8, 4);
	REJECTED("open.hash", try_map(fd), EPROTO, "of type 1");
	close(fd);
	fd = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
	REJECTED("open.ringbuf", try_map(fd), EPROTO, "of type 27");
	close(fd);
	fd = make_map(BPF_MAP_TYPE_ARRAY, 0, FAKE_SIZE, 1);
	REJECTED("open.not_mmapable", try_map(fd), EPROTO, "can be mapped");
	close(fd);
	fd = make_map(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 8, 1);
	REJECTED("open.tiny", try_map(fd), EPROTO, "less than a page");
	close(fd);
	fd = make_map(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 8, 1024);
	REJECTED("open.no_magic", try_map(fd), EPROTO, "magic is 0x0000000000000000");
	close(fd);
}

#define LIE(what, field, value, err, words)                           \
	do {                                                          \
		make_header(h);                                       \
		h->field = value;                                     \
		REJECTED("open.lie." what, try_map(map), err, words); \
	} while (0)

static void lies(void)
{
	int map = make_map(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, FAKE_SIZE, 1);
	struct seqring_header *h = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

	if (h == MAP_FAILED)
		die("mmap");
	make_header(h);
	/* Otherwise the lies might be refused for another reason. */
	REJECTED("open.truth", try_map(map), EPERM, "not frozen");
	LIE("magic", magic, SEQRING_MAGIC + 1, EPROTO, "magic is 0x31474e4952514554");
	LIE("version", version, 0, EPROTO, "compat_version 1");
	LIE("compat", compat_version, 0, EPROTO, "compat_version 0");
	make_header(h);
	h->version = 2;
	h->compat_version = 2;
	REJECTED("open.lie.future", try_map(map), ENOTSUP, "of version 2");
	LIE("required", features_required, 1ULL << 40, ENOTSUP, "0x10000000000");
	LIE("header_size", header_size, 8, EPROTO, "header_size is 8");
	LIE("page_size", page_size, 512, EPROTO, "page_size is 512");
	LIE("total", total_size, FAKE_SIZE + 4096, EPROTO, "total_size 0x13000");
	LIE("total_odd", total_size, FAKE_SIZE - 8, EPROTO, "multiple of page_size");
	LIE("rings", nr_rings, 0, EPROTO, "nr_rings is 0");
	LIE("many_rings", nr_rings, 2, EPROTO, "2 rings do not fit");
	LIE("too_many_rings", nr_rings, 5000, EPROTO, "nr_rings is 5000");
	LIE("offset", ring_offset, 0, EPROTO, "ring_offset");
	LIE("offset_huge", ring_offset, ~0ULL << 12, EPROTO, "do not fit");
	LIE("data_offset", data_offset, 4104, EPROTO, "multiples of");
	LIE("stride", ring_stride, 4096, EPROTO, "ring_stride 0x1000");
	LIE("data_size", data_size, SEQRING_DATA_SIZE_MIN / 2, EPROTO, "data_size 32768");
	LIE("data_odd", data_size, SEQRING_DATA_SIZE_MIN + 8, EPROTO, "power of two");
	LIE("data_huge", data_size, 1ULL << 62, EPROTO, "data_size");
	LIE("payload", payload_max, 0, EPROTO, "payload_max is 0");
	LIE("payload_long", payload_max, SEQRING_DATA_SIZE_MIN, EPROTO, "payload_max is 65536");
	LIE("segments", nr_segments, 8, EPROTO, "nr_segments is 8");
	LIE("record", record_header_size, 16, EPROTO, "record_header_size is 16");
	LIE("align", record_align, 4, EPROTO, "record_align is 4");
	LIE("schema", schema_size, 5, EPROTO, "schema_size without");
	make_header(h);
	h->schema_offset = 4096;
	h->schema_size = 64;
	REJECTED("open.lie.schema_place", try_map(map), EPROTO, "schema at 0x1000");
	make_header(h);
	memset(h->name, 'n', sizeof(h->name));
	REJECTED("open.lie.name", try_map(map), EPROTO, "name has no end");
	munmap(h, 4096);
	close(map);
}

/* The wake thresholds and the doorbell. */
static void parts(void)
{
	int map = make_map(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, FAKE_SIZE, 1);
	int wait = make_map(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, sizeof(struct seqring_wait), 1);
	int plain_wait = make_map(BPF_MAP_TYPE_ARRAY, 0, sizeof(struct seqring_wait), 1);
	int small = make_map(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 64, 1);
	int doorbell = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
	int hash = make_map(BPF_MAP_TYPE_HASH, 0, sizeof(struct seqring_wait), 4);
	struct seqring_header *h = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	int file = open("/proc/self/stat", O_RDONLY);

	if (h == MAP_FAILED)
		die("mmap");
	make_header(h);
	munmap(h, 4096);
	REJECTED("parts.writable", try_fds(map, wait, doorbell), EPERM, "not frozen");
	T_EQ("parts.freeze", bpf_map_freeze(map), 0);
	T_EQ("parts.right", try_fds(map, wait, doorbell), 0);
	REJECTED("parts.ring", try_fds(hash, wait, doorbell), EPROTO, "of type 1");
	REJECTED("parts.wait_hash", try_fds(map, hash, doorbell), EPROTO,
		 "wake thresholds of 1 rings");
	REJECTED("parts.wait_small", try_fds(map, small, doorbell), EPROTO, "wake thresholds");
	REJECTED("parts.wait_file", try_fds(map, file, doorbell), EPROTO, "wake thresholds");
	REJECTED("parts.wait_plain", try_fds(map, plain_wait, doorbell), EPROTO, "wake thresholds");
	REJECTED("parts.doorbell_array", try_fds(map, wait, small), EPROTO, "no doorbell");
	REJECTED("parts.doorbell_file", try_fds(map, wait, file), EPROTO, "no doorbell");
	REJECTED("parts.closed", try_fds(map, 1000, doorbell), EBADF, "wait 1000");
	REJECTED("parts.file", try_fds(file, wait, doorbell), EPROTO, "no memfd");
	close(map);
	close(wait);
	close(plain_wait);
	close(small);
	close(doorbell);
	close(hash);
	close(file);
}

static int try_open(const char *path)
{
	struct ring_reader *r = NULL;
	int err = ring_open(path, NULL, &r);

	ring_close(r);
	return err;
}

static void paths(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "paths");
	const char *rings = getenv("RINGBPFDIR");
	char path[PATH_MAX];
	struct loaded l;
	int errs[3];

	if (load_ring(&l, &opts, errs))
		die("load");
#define PATH(...) (snprintf(path, sizeof(path), __VA_ARGS__), path)
	T_EQ("paths.right", try_open("paths"), 0);
	REJECTED("paths.no_name", try_open("none"), ENOENT, "no such ring");
	REJECTED("paths.dotted", try_open("no.ne"), ENOENT, "no such ring");
	REJECTED("paths.no_path", try_open(PATH("%s/none", rings)), ENOENT, "no such ring");
	REJECTED("paths.no_part", try_open(PATH("%s/paths/none", rings)), ENOENT, "no such ring");
	REJECTED("paths.all", try_open(rings), EPROTO, "no ring is pinned in it");
	REJECTED("paths.mount", try_open(bpffs), EPROTO, "no ring is pinned in it");
	REJECTED("paths.program", try_open(PATH("%s/paths/ctl", rings)), EPROTO, "not a ring");
	REJECTED("paths.doorbell", try_open(PATH("%s/paths/doorbell", rings)), EPROTO,
		 "of type 27");
	REJECTED("paths.wait", try_open(PATH("%s/paths/wait", rings)), EPROTO, "not a ring");
	REJECTED("paths.elsewhere", try_open("/tmp"), EPROTO, "nor in a BPF file system");
	REJECTED("paths.program_fd", try_map(prog_fd(l.obj, "publish")), EPROTO, "not a ring");
	unload_ring(&l);
}

/* --- what is set up --------------------------------------------------------------------- */

/* Return: the result of ring_bpf_prepare(), with an object of its own. */
static int prepare(const char *object, const char *map, const struct ring_bpf_opts *opts)
{
	struct bpf_object *obj = open_object(object);
	struct ring_bpf *ring = NULL;
	int err = ring_bpf_prepare(obj, map, opts, &ring);

	snprintf(kept, sizeof(kept), "%s", err ? ring_strerror() : "");
	ring_bpf_close(ring);
	bpf_object__close(obj);
	return err;
}

#define BAD(what, err, words, field, value)                                                \
	do {                                                                               \
		struct ring_bpf_opts bad_opts = LOADER_OPTS(.flags = 0);                   \
		bad_opts.field = value;                                                    \
		REJECTED("prepare." what, prepare("wake", "ring", &bad_opts), err, words); \
	} while (0)

static void options(void)
{
	struct {
		struct ring_bpf_opts opts;
		uint64_t more;
	} longer = {
		.opts = LOADER_OPTS(.flags = 0),
		.more = 1,
	};

	longer.opts.size = sizeof(longer);
	T_EQ("prepare.defaults", prepare("wake", "ring", NULL), 0);
	BAD("flags", EINVAL, "flags is 0x80", flags, 0x80);
	BAD("reserved", EINVAL, "reserved 1", reserved, 1);
	BAD("permissions", EINVAL, "permissions is 0777", permissions, 0777);
	BAD("clock", EINVAL, "clock_id is 7", clock_id, 7);
	BAD("size_small", EINVAL, "data_size is 32768", data_size, 32768);
	BAD("size_odd", EINVAL, "data_size is 65544", data_size, 65544);
	BAD("size_large", EINVAL, "256 MiB at most", data_size, 1ULL << 29);
	BAD("size_huge", EINVAL, "data_size", data_size, 1ULL << 31);
	BAD("schema_size", EINVAL, "schema_size is 0", schema, "x");
	BAD("schema_null", EINVAL, "schema_size is 4", schema_size, 4);
	BAD("continue", EINVAL, "needs a name", flags, RING_BPF_CONTINUE);
	BAD("name_empty", EINVAL, "bad name", name, "");
	BAD("name_slash", EINVAL, "bad name a/b", name, "a/b");
	BAD("name_long", EINVAL, "bad name", name, "a23456789b123456789c123456789d12");
	BAD("name_dot", EINVAL, "no dots", name, "a.b");
	BAD("name_plus", EINVAL, "bad name", name, "+a");
	BAD("opts_short", EINVAL, "size", size, 4);
	REJECTED("prepare.opts_long", prepare("wake", "ring", &longer.opts), E2BIG,
		 "ring_bpf_opts");
}

static void objects(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.flags = 0), large = opts;
	struct bpf_object *obj;
	struct ring_bpf *ring;

	REJECTED("prepare.no_map", prepare("wake", "none", &opts), ENOENT, "SEQRING_BPF(none)");
	REJECTED("prepare.plain", prepare("plain", "ring", &opts), ENOENT, "no map ring");
	REJECTED("prepare.lone", prepare("plain", "lone", &opts), EPROTO, "lone is no ring");
	REJECTED("prepare.hash", prepare("plain", "hash", &opts), EPROTO, "hash is no ring");
	REJECTED("prepare.part", prepare("wake", "ring_wait", &opts), EPROTO, "is no ring");
	REJECTED("prepare.version", prepare("plain", "other", &opts), EPROTO, "another version");
	REJECTED("prepare.payload", prepare("large", "ring", &opts), EINVAL,
		 "SEQRING_BPF_PAYLOAD_MAX of the object is 20000");
	large.data_size = 2 * SEQRING_DATA_SIZE_MIN;
	T_EQ("prepare.payload.right", prepare("large", "ring", &large), 0);

	obj = open_object("wake");
	if (bpf_object__load(obj))
		die("load");
	REJECTED("prepare.loaded", ring_bpf_prepare(obj, "ring", &opts, &ring), EBUSY,
		 "loaded already");
	bpf_object__close(obj);
}

/* Calls each function too early, and too late. */
static void order(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.flags = 0);
	struct bpf_object *obj = open_object("wake");
	struct bpf_link *links[1];
	struct ring_bpf *ring;
	struct ring_fds fds;

	if (ring_bpf_prepare(obj, "ring", &opts, &ring))
		die("prepare");
	REJECTED("order.start", ring_bpf_start(ring), EINVAL, "not loaded yet");
	REJECTED("order.fds", ring_bpf_fds(ring, &fds), EINVAL, "not started");
	REJECTED("order.end", ring_bpf_end(ring), EINVAL, "not started");
	REJECTED("order.keep", ring_bpf_keep(ring, links, 0), EINVAL, "has a name");
	if (ring_bpf_load(obj) || ring_bpf_start(ring))
		die("start");
	REJECTED("order.start_twice", ring_bpf_start(ring), EINVAL, "already");
	REJECTED("order.keep_nameless", ring_bpf_keep(ring, links, 0), EINVAL, "has a name");
	T_EQ("order.fds_at_last", ring_bpf_fds(ring, &fds), 0);
	ring_bpf_close(ring);
	ring_bpf_close(NULL);
	bpf_object__close(obj);

	REJECTED("destroy.none", ring_bpf_destroy("none"), ENOENT, "no such ring");
	REJECTED("destroy.bad", ring_bpf_destroy("a/b"), EINVAL, "bad name");
	REJECTED("destroy.null", ring_bpf_destroy(NULL), EINVAL, "bad name");
	REJECTED("destroy.dot", ring_bpf_destroy("a.b"), ENOENT, "no such ring");
}

/* The name was free in ring_bpf_prepare(), and is taken in ring_bpf_start(). */
static void late(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "late");
	struct bpf_object *first = open_object("wake"), *second = open_object("wake");
	struct ring_bpf *one, *two;

	if (ring_bpf_prepare(first, "ring", &opts, &one) ||
	    ring_bpf_prepare(second, "ring", &opts, &two) || ring_bpf_load(first) ||
	    ring_bpf_load(second) || ring_bpf_start(one))
		die("late");
	REJECTED("late.start", ring_bpf_start(two), EEXIST, "late: ");
	ring_bpf_close(two);
	T_EQ("late.first", try_open("late"), 0);
	ring_bpf_close(one);
	bpf_object__close(first);
	bpf_object__close(second);
}

/* What was mounted at @path is for this user alone, and nothing can be executed from it. */
static void check_mount(const char *path)
{
	char line[PATH_MAX], wanted[PATH_MAX + 64];
	struct stat st;
	bool found = false;
	FILE *f = fopen("/proc/self/mounts", "re");

	snprintf(wanted, sizeof(wanted), " %s bpf rw,nosuid,nodev,noexec", path);
	while (f && fgets(line, sizeof(line), f))
		found |= !!strstr(line, wanted);
	if (f)
		fclose(f);
	T_EQ("bpffs.mount_options", found, 1);
	T_EQ("bpffs.mount_mode", stat(path, &st) ? -1 : (int)(st.st_mode & 0777), 0700);
}

/* A directory that was there before is neither mounted over nor removed. */
static void not_ours(const char *path, struct ring_bpf_opts *opts)
{
	char file[PATH_MAX + 8];

	T_EQ("bpffs.empty_is_kept", access(path, F_OK), 0);
	opts->flags = RING_BPF_MOUNT;
	REJECTED("bpffs.empty", prepare("wake", "ring", opts), ENOTDIR, path);
	T_EQ("bpffs.empty_is_still_kept", access(path, F_OK), 0);
	snprintf(file, sizeof(file), "%s/file", path);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	REJECTED("bpffs.full", prepare("wake", "ring", opts), ENOTDIR, path);
	T_EQ("bpffs.full_is_kept", access(file, F_OK), 0);
	unlink(file);
}

/* A directory or a lock of another user, and a lock that is never given back, are refused. */
static void foreign(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "foreign");
	const char *base = getenv("RINGBPFDIR");
	char lock[PATH_MAX];
	uint64_t begin;
	int fd;

	T_EQ("base.own", prepare("wake", "ring", &opts), 0);
	if (chown(base, 12345, 12345))
		die("chown");
	REJECTED("base.foreign", prepare("wake", "ring", &opts), EPERM, "user 12345 owns it");
	if (chown(base, 0, 0))
		die("chown");
	snprintf(lock, sizeof(lock), "%s/+lock", base);
	if (chown(lock, 12345, 12345))
		die("chown");
	REJECTED("lock.foreign", prepare("wake", "ring", &opts), EPERM, "user 12345 owns it");
	if (chown(lock, 0, 0))
		die("chown");
	fd = open(lock, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX))
		die("flock");
	begin = now_ns();
	REJECTED("lock.kept", prepare("wake", "ring", &opts), EBUSY, "keeps it locked");
	T_EQ("lock.limit", now_ns() - begin < 60ULL * 1000000000, 1);
	close(fd);
	T_EQ("lock.given_back", prepare("wake", "ring", &opts), 0);
}

/* Each set of pins that a killed process may leave is removed by name, and blocks nobody. */
static void partial(void)
{
	static const char *const parts[] = { "ring", "wait", "doorbell", "ctl" };
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "partial", .permissions = 0644);
	const char *base = getenv("RINGBPFDIR");
	char path[PATH_MAX], what[64];
	unsigned int set, i;
	struct stat st;

	for (set = 0; set < 32; set++) {
		struct bpf_object *obj = open_object("wake");
		struct ring_bpf *ring;

		umask(077);
		if (ring_bpf_prepare(obj, "ring", &opts, &ring) || ring_bpf_load(obj) ||
		    ring_bpf_start(ring) || ring_bpf_keep(ring, NULL, 0))
			die("partial");
		snprintf(path, sizeof(path), "%s/partial", base);
		if (!set)
			T_EQ("partial.mode", stat(path, &st) ? -1 : (int)(st.st_mode & 07777),
			     0755);
		for (i = 0; i < 4; i++) {
			snprintf(path, sizeof(path), "%s/partial/%s", base, parts[i]);
			if (set >> i & 1)
				unlink(path);
		}
		ring_bpf_close(ring);
		bpf_object__close(obj);
		snprintf(what, sizeof(what), "partial.%x", set);
		/* By name, or by the next ring of that name. */
		if (set & 16 && set & 15)
			T_EQ(what, prepare("wake", "ring", &opts), 0);
		else
			T_EQ(what, ring_bpf_destroy("partial"), 0);
		snprintf(path, sizeof(path), "%s/partial", base);
		T_EQ(what, access(path, F_OK), -1);
	}
}

/* Rejections without a BPF file system. */
static void no_bpffs(void)
{
	char *rings = strdup(getenv("RINGBPFDIR"));
	struct ring_bpf_opts opts = LOADER_OPTS(.name = "nowhere");
	char dir[] = "/tmp/seqring-none-XXXXXX", path[PATH_MAX], name[5000];

	if (!mkdtemp(dir))
		die(dir);
	snprintf(path, sizeof(path), "%s/seqring", dir);
	setenv("RINGBPFDIR", path, 1);
	snprintf(path, sizeof(path), "mount -t bpf bpf %s", dir);
	REJECTED("bpffs.none", prepare("wake", "ring", &opts), ENOTDIR, path);
	REJECTED("bpffs.none.open", try_open("nowhere"), ENOENT, "no such ring");
	REJECTED("bpffs.none.destroy", ring_bpf_destroy("nowhere"), ENOENT, "no such ring");
	setenv("RINGBPFDIR", "/tmp/none/none/none", 1);
	opts.flags = RING_BPF_MOUNT;
	REJECTED("bpffs.no_mount", prepare("wake", "ring", &opts), ENOENT, "cannot create");
	snprintf(path, sizeof(path), "%s/seqring", dir);
	setenv("RINGBPFDIR", path, 1);
	umask(077);
	T_EQ("bpffs.mounted", prepare("wake", "ring", &opts), 0);
	check_mount(path);
	opts.flags = 0;
	T_EQ("bpffs.is_there", prepare("wake", "ring", &opts), 0);
	umount(path);
	not_ours(path, &opts);
	rmdir(path);
	rmdir(dir);

	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = 0;
	setenv("RINGBPFDIR", name, 1);
	REJECTED("bpffs.long", prepare("wake", "ring", &opts), ENAMETOOLONG, "RINGBPFDIR");
	setenv("RINGBPFDIR", rings, 1);
	free(rings);
}

/* Limits of the kernel. */
static void limits(void)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.flags = 0);
	struct bpf_object *obj = open_object("wake");
	struct rlimit none = { 3, 3 }, was;
	struct ring_bpf *ring;
	int err;

	opts.data_size = 1 << 23;
	/* Before 6.7 an element has 4 MiB at most; since then this is a ring. */
	hush(true);
	if (ring_bpf_prepare(obj, "ring", &opts, &ring))
		die("prepare");
	err = ring_bpf_load(obj);
	t_check(!err || (err == -E2BIG && strstr(ring_strerror(), "6.7")), "limits.element",
		"%d: %s", err, ring_strerror());
	ring_bpf_close(ring);
	bpf_object__close(obj);

	opts.data_size = 0;
	obj = open_object("wake");
	if (ring_bpf_prepare(obj, "ring", &opts, &ring) || getrlimit(RLIMIT_NOFILE, &was))
		die("prepare");
	none.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	err = ring_bpf_load(obj);
	setrlimit(RLIMIT_NOFILE, &was);
	REJECTED("limits.files", err, EMFILE, "cannot load the BPF object");
	ring_bpf_close(ring);
	bpf_object__close(obj);
	hush(false);
}

int main(void)
{
	need_bpf("reject");
	bpffs = own_bpffs();
	pin_to(0);
	not_rings();
	lies();
	parts();
	paths();
	options();
	objects();
	order();
	late();
	foreign();
	partial();
	no_bpffs();
	limits();
	umount(bpffs);
	return t_done();
}

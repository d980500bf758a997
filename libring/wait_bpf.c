// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * A ring that BPF programs write: a frozen array map, an array map with the armed
 * words, and a BPF ring buffer of one page as the doorbell. A program that passes the
 * lowest armed position reserves a record there and discards it, which wakes all who
 * poll. Each reader has an epoll instance of its own with the doorbell in it,
 * edge-triggered, as for a memfd ring.
 *
 * Nobody consumes the doorbell's records. Each reader moves the position up to which they
 * count as consumed, to one short of the newest, so that the doorbell never fills up and,
 * once rung, never stops being readable: epoll drops an edge of what is not.
 *
 * The bpf(2) calls are made here and not by libbpf: a reader needs four, and no ELF.
 */

#include <linux/bpf.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "internal.h"

/* Bytes that one ring of the doorbell takes: a header and what it reserves. */
#define DOORBELL_RECORD (BPF_RINGBUF_HDR_SZ + 8)

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* Whether @fd is a map: a program, a link or type information fills an info, too. */
static bool is_map(int fd)
{
	union bpf_attr attr = { 0 };

	attr.map_fd = (uint32_t)fd;
	/* Nowhere to put a key. What is no map does not come so far. */
	return sys_bpf(BPF_MAP_GET_NEXT_KEY, &attr) >= 0 || (errno != EINVAL && errno != EBADF);
}

/* Return: 0; -EINVAL @fd is no map; -errno. */
static int map_info(int fd, struct bpf_map_info *info)
{
	union bpf_attr attr = { 0 };

	memset(info, 0, sizeof(*info));
	if (!is_map(fd))
		return -EINVAL;
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(*info);
	attr.info.info = (uintptr_t)info;
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) ? -errno : 0;
}

bool libring_is_bpf_map(int fd)
{
	struct bpf_map_info info;

	return !map_info(fd, &info);
}

/* With the right to write: else the kernel does not map it. */
static int get_pin(const char *path, int *fd)
{
	union bpf_attr attr = { 0 };

	attr.pathname = (uintptr_t)path;
	*fd = sys_bpf(BPF_OBJ_GET, &attr);
	return *fd < 0 ? -errno : 0;
}

/* The directory in which named rings are. */
int libring_bpf_dir(char *dir, size_t size)
{
	const char *own = secure_getenv("RINGBPFDIR");
	int n;

	n = snprintf(dir, size, "%s", own && *own ? own : "/sys/fs/bpf/seqring");
	if (n < 0 || (size_t)n >= size)
		return libring_fail(ENAMETOOLONG, "$RINGBPFDIR: at most %zu bytes make a directory",
				    size - 1);
	return 0;
}

/* Whether @path is in a BPF file system. */
bool libring_on_bpffs(const char *path)
{
	struct statfs st;

	return !statfs(path, &st) && (unsigned long)st.f_type == BPF_FS_MAGIC;
}

static int get_part(const char *dir, const char *what, int *fd)
{
	char path[4200];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, what) >= sizeof(path))
		return -ENAMETOOLONG;
	return get_pin(path, fd);
}

/**
 * libring_bpf_get() - get a pinned ring's descriptors
 * @path: its directory, or the pin of the ring's map alone
 * @is_dir: which of the two
 * @fds: the descriptors, the caller's then; without the means to sleep where this
 *       process may only read, or for a map alone
 *
 * Return: 0; -ENOENT without a sentence; -errno.
 */
int libring_bpf_get(const char *path, bool is_dir, struct ring_fds *fds)
{
	int err;

	*fds = (struct ring_fds) { .ring = -1, .wait = -1, .doorbell = -1 };
	err = is_dir ? get_part(path, "ring", &fds->ring) : get_pin(path, &fds->ring);
	if (err == -ENOENT)
		return is_dir ? libring_fail(EPROTO, "%s: no ring is pinned in it", path) : err;
	if (err)
		return libring_fail(-err, "%s: %s", path, strerror(-err));
	if (!is_dir)
		return 0;
	err = get_part(path, "wait", &fds->wait);
	if (!err)
		err = get_part(path, "doorbell", &fds->doorbell);
	if (err && err != -EACCES && err != -EPERM) {
		libring_close_fds(fds);
		return libring_fail(-err, "%s: %s", path, strerror(-err));
	}
	if (err && fds->wait >= 0) {
		close(fds->wait);
		fds->wait = -1;
	}
	return 0;
}

static void advance_doorbell(struct ring_reader *r)
{
	/* An unsigned long of the kernel, which is a 64-bit one. */
	uint64_t rung = seqring_read(r->doorbell_rung);

	if (rung >= DOORBELL_RECORD && seqring_read(r->doorbell_heard) != rung - DOORBELL_RECORD)
		seqring_write(r->doorbell_heard, rung - DOORBELL_RECORD);
}

/*
 * Programs look at the armed words only while a sleeper is announced. Those that run
 * since before that have ended when membarrier() returns: it waits for an RCU grace
 * period. That takes milliseconds, and so an announcement stands for long.
 */
static void announce(struct ring_reader *r)
{
	const uint64_t mine = libring_now_ns();
	bool needed = false;
	uint32_t i;

	for (i = 0; i < r->nr_src; i++)
		needed |= seqring_reader_announce(&r->wait[r->src[i].ring], mine,
						  &r->src[i].announced);
	if (needed)
		libring_grace_period();
}

/**
 * libring_watch_owner() - see to it that the ring's present owner is watched
 * @r: the reader
 * @gone: the one that was watched is gone
 *
 * Ownership may pass to another process, or to none. Sleepers are woken then, and
 * come here before they sleep again.
 */
void libring_watch_owner(struct ring_reader *r, bool gone)
{
	const struct seqring_header *h = (const void *)r->map;
	/* Pairs with the release in the control program. */
	uint64_t owner = seqring_load_acquire(JOIN, &h->owner);

	if (owner == r->owner) {
		r->hup |= gone;
		return;
	}
	/* Closed, it is watched no longer. */
	if (r->sock >= 0)
		close(r->sock);
	r->sock = -1;
	r->owner = owner;
	if (!owner || libring_owner_open(owner, seqring_read(&h->owner_pidns), &r->sock))
		r->hup = owner;
	else if (r->sock >= 0)
		libring_poll_add(r, r->sock, EPOLLIN | EPOLLET);
}

static void bpf_arm(struct ring_reader *r, bool for_fd)
{
	advance_doorbell(r);
	libring_watch_owner(r, false);
	libring_arm_words(r, for_fd);
	/* After the fence in seqring_reader_arm(), which pairs with that of the writer. */
	if (r->hdr.features & SEQRING_FEAT_ANNOUNCE)
		announce(r);
}

static void bpf_close(struct ring_reader *r)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	libring_unmap_words(r);
	if (r->doorbell_heard)
		munmap(r->doorbell_heard, page);
	if (r->doorbell_rung)
		munmap(r->doorbell_rung, page);
}

static const struct ring_backend_ops bpf_ops = {
	.arm = bpf_arm,
	.kick = libring_kick_timer,
	.close = bpf_close,
};

/*
 * Whether no process can write the map any more; true where /proc, which alone says it,
 * does not.
 */
static bool is_frozen(int fd)
{
	char path[32], line[128];
	unsigned int frozen = 1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return true;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "frozen: %u", &frozen) == 1)
			break;
	fclose(f);
	return frozen;
}

static int map_ring(struct ring_reader *r, int fd)
{
	struct bpf_map_info info;
	int err = map_info(fd, &info);

	if (err)
		return libring_fail(EPROTO, "not a ring: descriptor %d is no BPF map", fd);
	if (info.type != BPF_MAP_TYPE_ARRAY || !(info.map_flags & BPF_F_MMAPABLE))
		return libring_fail(EPROTO,
				    "not a ring: BPF map %s is of type %u, not an array that can "
				    "be mapped",
				    info.name, info.type);
	err = libring_map(r, fd, (info.value_size + 7ULL) / 8 * 8 * info.max_entries);
	if (!err && !is_frozen(fd))
		err = libring_fail(EPERM, "the ring's map is not frozen: any process that has it "
					  "could change what is in the ring");
	return err;
}

static int map_wait(struct ring_reader *r, int fd)
{
	struct bpf_map_info info;

	if (map_info(fd, &info) || info.type != BPF_MAP_TYPE_ARRAY ||
	    !(info.map_flags & BPF_F_MMAPABLE) || info.value_size != sizeof(struct seqring_wait) ||
	    info.max_entries < r->hdr.nr_rings)
		return libring_fail(EPROTO,
				    "descriptor %d is no BPF map with the armed words of %u rings",
				    fd, r->hdr.nr_rings);
	return libring_map_words(r, fd);
}

static int map_doorbell(struct ring_reader *r, int fd)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct bpf_map_info info;
	void *p;

	if (map_info(fd, &info) || info.type != BPF_MAP_TYPE_RINGBUF)
		return libring_fail(EPROTO,
				    "descriptor %d is no doorbell: that is a BPF ring buffer", fd);
	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return libring_fail(errno, "cannot map the doorbell: %s", strerror(errno));
	r->doorbell_heard = p;
	p = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (p == MAP_FAILED)
		return libring_fail(errno, "cannot map the doorbell: %s", strerror(errno));
	r->doorbell_rung = p;
	return 0;
}

/**
 * libring_bpf_open() - map a BPF ring and get the means to sleep on it
 * @r: the reader
 * @fds: its descriptors, the caller's; @fds->wait < 0: without the means to sleep
 */
int libring_bpf_open(struct ring_reader *r, const struct ring_fds *fds)
{
	int err;

	err = map_ring(r, fds->ring);
	if (err || fds->wait < 0)
		return err;
	r->ops = &bpf_ops;
	if (r->hdr.features & SEQRING_FEAT_ANNOUNCE &&
	    !libring_membarrier_has(MEMBARRIER_CMD_GLOBAL))
		return libring_fail(ENOTSUP, "the ring's readers need membarrier(2) to sleep, and "
					     "this process has none");
	err = map_wait(r, fds->wait);
	if (!err)
		err = map_doorbell(r, fds->doorbell);
	if (!err)
		err = libring_doorbell_open(r, fds->doorbell);
	if (!err)
		libring_watch_owner(r, false);
	return err;
}

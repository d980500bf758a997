// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader that follows the name of a BPF ring: there is no ring yet, its loader is killed and
 * another one replaces or continues the ring, and the file system of the names is mounted late.
 */
#include <poll.h>

#include "loader.h"

#define PATIENCE_MS 30000 /* a wake-up that takes longer never comes */

static struct ring_reader *follow_name(const char *name)
{
	struct ring_open_opts opts = {
		.size = sizeof(opts),
		.flags = RING_FOLLOW | RING_NONBLOCK,
	};
	struct ring_reader *r = NULL;

	if (ring_open(name, &opts, &r))
		die(name);
	return r;
}

static int fd_of(struct ring_reader *r)
{
	int fd;

	if (ring_fd(r, &fd))
		die("ring_fd");
	return fd;
}

static bool readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1 && pfd.revents & POLLIN;
}

/* Reads one record, asleep until it is there. Return: 0; as ring_read(); -ETIME nothing came. */
static int read_one(struct ring_reader *r, struct ring_record *rec)
{
	int err;

	while ((err = ring_read(r, rec, NULL, 0)) == -EAGAIN)
		if (!readable(fd_of(r), PATIENCE_MS))
			return -ETIME;
	return err;
}

/* Reads records @from to @to, without loss. Return: how many of them came. */
static int read_seqs(struct ring_reader *r, uint64_t from, uint64_t to)
{
	struct ring_record rec;
	int n = 0;

	for (; from <= to; from++, n++)
		if (read_one(r, &rec) || rec.seq != from || rec.lost)
			break;
	return n;
}

static uint64_t restarts_of(struct ring_reader *r)
{
	struct ring_stats st = { .size = sizeof(st) };

	if (ring_stats(r, &st))
		die("ring_stats");
	return st.restarts;
}

static void start(struct loader *l, const char *name, uint32_t flags)
{
	struct ring_bpf_opts opts = LOADER_OPTS(.name = name, .flags = flags);

	loader_start(l, &opts);
	T_EQ("follow.start", l->err, 0);
	T_EQ("follow.attach", loader_do(l, ATTACH), 0);
}

/* The loader is killed; the next one takes the name for a new ring. */
static void replaced(void)
{
	struct ring_reader *r = follow_name("replaced");
	const int fd = fd_of(r);
	struct ring_record rec;
	struct loader l;
	int i;

	T_TRUE("follow.replaced.no_ring.quiet", !readable(fd, 0));
	for (i = 0; i < 5; i++) {
		start(&l, "replaced", 0);
		trigger(3);
		T_EQ("follow.replaced.told", read_one(r, &rec), -EREMCHG);
		T_EQ("follow.replaced.restarts", restarts_of(r), i);
		T_EQ("follow.replaced.read", read_seqs(r, 1, 2), 2);
		trigger(1);
		loader_end(&l, true);
		/* All that the killed one has published comes first. */
		T_EQ("follow.replaced.rest", read_seqs(r, 3, 4), 2);
		T_EQ("follow.replaced.fd", fd_of(r), fd);
	}
	start(&l, "replaced", 0);
	T_EQ("follow.replaced.told", read_one(r, &rec), -EREMCHG);
	T_EQ("follow.replaced.end", loader_do(&l, END), 0);
	T_EQ("follow.replaced.waits", ring_wait(r, 0), -ETIMEDOUT);
	loader_end(&l, false);
	ring_close(r);
}

/* The next loader goes on with the ring: so does the reader, where it was. */
static void continued(void)
{
	struct ring_reader *r = follow_name("continued");
	struct ring_record rec;
	struct loader l;
	int i;

	start(&l, "continued", RING_BPF_CONTINUE);
	T_EQ("follow.continued.told", read_one(r, &rec), -EREMCHG);
	for (i = 0; i < 5; i++) {
		trigger(2);
		T_EQ("follow.continued.read", read_seqs(r, 2 * i + 1, 2 * i + 2), 2);
		T_EQ("follow.continued.idle", ring_read(r, &rec, NULL, 0), -EAGAIN);
		T_EQ("follow.continued.restarts", restarts_of(r), i);
		loader_end(&l, true);
		/* Until another one comes, the same ring is no news. */
		T_EQ("follow.continued.gap", ring_wait(r, 50), -ETIMEDOUT);
		start(&l, "continued", RING_BPF_CONTINUE);
	}
	loader_do(&l, END);
	loader_end(&l, false);
	ring_close(r);
}

/* Nothing but the kernel's list of mounts tells that the names are there. */
static void mounted(void)
{
	char *base = strdup(getenv("RINGBPFDIR")), dir[128];
	struct ring_record rec;
	struct ring_reader *r;
	struct loader l;

	snprintf(dir, sizeof(dir), "%.*s-late", (int)(strrchr(base, '/') - base), base);
	setenv("RINGBPFDIR", dir, 1);
	/* The directory is there before: that it appears would be an event, too. */
	T_RET("follow.mounted.dir", mkdir(dir, 0700), 0);
	r = follow_name("mounted");
	T_TRUE("follow.mounted.quiet", !readable(fd_of(r), 0));
	T_RET("follow.mounted.mount", mount("bpf", dir, "bpf", 0, "mode=0700"), 0);
	start(&l, "mounted", 0);
	trigger(2);
	T_EQ("follow.mounted.told", read_one(r, &rec), -EREMCHG);
	T_EQ("follow.mounted.read", read_seqs(r, 1, 2), 2);
	loader_do(&l, END);
	loader_end(&l, false);
	ring_close(r);
	umount(dir);
	rmdir(dir);
	setenv("RINGBPFDIR", base, 1);
	free(base);
}

int main(void)
{
	const char *bpffs;

	need_bpf("follow");
	bpffs = own_bpffs();
	/* Each CPU has a ring of its own, with its own seqs. */
	pin_to(0);
	replaced();
	continued();
	mounted();
	umount(bpffs);
	return t_done();
}

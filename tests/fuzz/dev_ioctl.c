// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls. The fuzzer judges what the kernel accepted by its own rules, which follow
 * abi.h and not the module.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "devfuzz.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static long do_ioctl(const struct fuzz_args *a, unsigned long cmd)
{
	return ioctl(a->v[0], cmd, a->v[1]);
}

/* The common rule of all structs. A struct outside our memory cannot be judged. */
static bool judge(const struct fuzz_args *a, const char *what, long ret, bool valid)
{
	if (!a->in_size || ret < 0)
		return false;
	if (!fuzz_struct_ok(a))
		fuzz_fail(what, "it accepted a size of %u%s", a->in_size,
			  a->tail_zero ? "" : " with a tail that is not zero");
	if (!valid)
		fuzz_fail(what, "it accepted an invalid struct");
	return true;
}

static bool name_ok(const char *name)
{
	size_t len = strnlen(name, SEQRING_NAME_SIZE);

	return len && len < SEQRING_NAME_SIZE && name[0] != '.' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       len;
}

static bool id_ok(bool set, uint32_t id)
{
	return set ? id != ~0u : !id;
}

static long run_create(struct fuzz_args *a)
{
	return do_ioctl(a, SEQRING_CTL_CREATE);
}

static void check_create(struct fuzz_args *a, long ret, int err)
{
	struct seqring_ctl_create c;
	bool valid;

	memcpy(&c, a->in, sizeof(c));
	valid = !(c.flags & ~(SEQRING_CREATE_UID | SEQRING_CREATE_GID)) &&
		(c.wake_interval_ns <= SEQRING_WAKE_INTERVAL_MAX ||
		 c.wake_interval_ns == SEQRING_WAKE_UNLIMITED) &&
		id_ok(c.flags & SEQRING_CREATE_UID, c.uid) &&
		id_ok(c.flags & SEQRING_CREATE_GID, c.gid) && !c.reserved[0] && !c.reserved[1] &&
		!c.reserved[2] && name_ok(c.name) && SEQRING_DATA_SIZE_OK(c.data_size) &&
		c.clock_id <= SEQRING_CLOCK_MAX && !(c.permissions & ~0666) &&
		!c.schema == !c.schema_size && c.schema_size <= SEQRING_SCHEMA_SIZE_MAX;
	judge(a, "create", ret, valid && a->h.kind == FUZZ_CTL);
	if (ret < 0 && err == EINVAL && valid && a->in_size && fuzz_struct_ok(a) &&
	    a->h.kind == FUZZ_CTL)
		fuzz_fail("create", "it refused a valid struct, %.32s of %llu bytes", c.name,
			  (unsigned long long)c.data_size);
}

static long run_destroy(struct fuzz_args *a)
{
	return do_ioctl(a, SEQRING_CTL_DESTROY);
}

static void check_destroy(struct fuzz_args *a, long ret, int err)
{
	struct seqring_ctl_destroy d;

	memcpy(&d, a->in, sizeof(d));
	if (judge(a, "destroy", ret, !d.flags && name_ok(d.name) && a->h.kind == FUZZ_CTL) &&
	    (!strcmp(d.name, "honest") || !strncmp(d.name, "fzl", 4) || !strncmp(d.name, "fzp", 4)))
		fuzz_fail("destroy", "it destroyed %s, a kernel module's device", d.name);
}

static long run_geometry(struct fuzz_args *a)
{
	return do_ioctl(a, SEQRING_IOC_GEOMETRY);
}

/* Checks that the kernel wrote only the bytes of the struct that it knows. */
static void check_tail(const struct fuzz_args *a, const char *what)
{
	unsigned int i;

	for (i = a->known; i < a->in_size; i++)
		if (a->out[i])
			fuzz_fail(what, "byte %u, after the struct, became %u", i, a->out[i]);
}

static void check_geometry(struct fuzz_args *a, long ret, int err)
{
	struct seqring_geometry g;

	memcpy(&g, a->in, sizeof(g));
	if (!judge(a, "geometry", ret, !g.reserved[0] && !g.reserved[1] && a->h.kind == FUZZ_DEV))
		return;
	check_tail(a, "geometry");
	memcpy(&g, a->out, sizeof(g));
	if (g.size != sizeof(g) || g.total_size != a->h.total || g.nr_rings != a->h.nr_rings ||
	    g.payload_max != SEQRING_PAYLOAD_MAX(g.data_size) || g.page_size != FUZZ_PAGE ||
	    g.mode > SEQRING_MODE_PERCPU || g.reserved[0] || g.reserved[1])
		fuzz_fail("geometry", "it is not the device's geometry");
}

static long run_stats(struct fuzz_args *a)
{
	return do_ioctl(a, SEQRING_IOC_STATS);
}

static void check_stats(struct fuzz_args *a, long ret, int err)
{
	struct seqring_stats st, in;

	memcpy(&in, a->in, sizeof(in));
	if (!judge(a, "stats", ret,
		   !in.reserved[0] && !in.reserved[1] && in.ring < a->h.nr_rings &&
			   a->h.kind == FUZZ_DEV))
		return;
	check_tail(a, "stats");
	memcpy(&st, a->out, sizeof(st));
	if (st.size != sizeof(st) || st.ring != in.ring || !st.readers || st.state > 1 ||
	    st.reserved[0] || st.reserved[1] || st.head % 8 || st.tail % 8)
		fuzz_fail("stats", "readers %u, state %u, head %llu, tail %llu", st.readers,
			  st.state, (unsigned long long)st.head, (unsigned long long)st.tail);
}

static long run_seek(struct fuzz_args *a)
{
	return do_ioctl(a, SEQRING_IOC_SEEK);
}

static void check_seek(struct fuzz_args *a, long ret, int err)
{
	struct seqring_seek s;

	memcpy(&s, a->in, sizeof(s));
	judge(a, "seek", ret,
	      s.whence <= SEQRING_SEEK_TIME && (s.whence >= SEQRING_SEEK_SEQ || !s.value) &&
		      (s.whence != SEQRING_SEEK_SEQ || a->h.nr_rings == 1) &&
		      a->h.kind == FUZZ_DEV);
}

static long run_write_type(struct fuzz_args *a)
{
	return do_ioctl(a, SEQRING_IOC_WRITE_TYPE);
}

static void check_write_type(struct fuzz_args *a, long ret, int err)
{
	struct seqring_write_type t;

	memcpy(&t, a->in, sizeof(t));
	judge(a, "write_type", ret, t.type <= 65535 && a->h.kind == FUZZ_DEV);
}

static long run_reader_fd(struct fuzz_args *a)
{
	return ioctl(a->v[0], SEQRING_IOC_READER_FD, a->v[1]);
}

static void check_reader_fd(struct fuzz_args *a, long ret, int err)
{
	if (ret < 0)
		return;
	if (a->v[1] || a->h.kind != FUZZ_DEV)
		fuzz_fail("reader_fd", "it accepted the argument %llx",
			  (unsigned long long)a->v[1]);
	if (!(fcntl(ret, F_GETFD) & FD_CLOEXEC))
		fuzz_fail("reader_fd", "the descriptor is not close-on-exec");
	fuzz_add_fd(ret, FUZZ_READER, true);
}

static long run_any(struct fuzz_args *a)
{
	return ioctl(a->v[0], a->v[1], a->v[2]);
}

static void check_any(struct fuzz_args *a, long ret, int err)
{
	unsigned int nr = _IOC_NR(a->v[1]);
	bool dev = nr <= 4, ctl = nr == 0x40 || nr == 0x41;

	if (ret < 0 || _IOC_TYPE(a->v[1]) != SEQRING_IOC_MAGIC || a->slot < 0)
		return;
	if ((a->h.kind == FUZZ_DEV && !dev) || (a->h.kind == FUZZ_CTL && !ctl) ||
	    a->h.kind == FUZZ_READER)
		fuzz_fail("ioctl", "it accepted command %llx", (unsigned long long)a->v[1]);
	if (a->h.kind == FUZZ_DEV && nr == 4)
		fuzz_add_fd(ret, FUZZ_READER, true);
}

static long run_command(struct fuzz_args *a)
{
	return write(a->v[0], a->text, strlen(a->text));
}

static void check_command(struct fuzz_args *a, long ret, int err)
{
	if (ret < 0 && (err == EPROTO || err == EIO))
		fuzz_fail("driver", "'%s': %s", a->text, strerror(err));
}

static const struct fuzz_call calls[] = {
	{ "create", 8, { T_CTL, T_CREATE }, run_create, check_create },
	{ "destroy", 6, { T_CTL, T_DESTROY }, run_destroy, check_destroy },
	{ "geometry", 3, { T_DEV, T_GEOMETRY }, run_geometry, check_geometry },
	{ "stats", 4, { T_DEV, T_STATS }, run_stats, check_stats, .thread = true },
	{ "seek", 6, { T_DEV, T_SEEK }, run_seek, check_seek, .thread = true },
	{ "write_type",
	  3,
	  { T_DEV, T_WRITE_TYPE },
	  run_write_type,
	  check_write_type,
	  .thread = true },
	{ "reader_fd", 6, { T_DEV, T_ZERO }, run_reader_fd, check_reader_fd },
	{ "ioctl", 4, { T_FD, T_IOC, T_STATS }, run_any, check_any },
	{ "driver", 5, { T_DRIVER, T_COMMAND }, run_command, check_command, .alone = true },
};

const struct fuzz_group fuzz_ioctl_calls = { calls, LEN(calls) };

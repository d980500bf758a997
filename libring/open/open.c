// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Opening a ring by name, path or descriptor. */

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/kind.h"
#include "../base/options.h"
#include "follow.h"
#include "lookup.h"

#define OPEN_TIMEOUT_MAX_MS 3600000
#define NR_TYPES	    (UINT16_MAX + 1u)
#define NAME_FLAGS	    (RING_FOLLOW | RING_NONBLOCK) /* only for ring_open() */
#define FLAGS_KNOWN	    (RING_EAGER | RING_PREFAULT | RING_LOCK | NAME_FLAGS)

static int get_opts(const struct ring_open_opts *user, struct ring_open_opts *opts)
{
	int err;

	*opts = (struct ring_open_opts) { .size = sizeof(*opts) };
	if (!user)
		return 0;
	err = libring_get_grown_opts(opts, sizeof(*opts),
				     offsetof(struct ring_open_opts, open_timeout_ms), user,
				     "ring_open_opts");
	if (err)
		return err;
	if (opts->open_timeout_ms > OPEN_TIMEOUT_MAX_MS)
		return libring_set_error(EINVAL,
					 "ring_open_opts.open_timeout_ms is %u: at most %u, or 0 "
					 "for %u",
					 opts->open_timeout_ms, OPEN_TIMEOUT_MAX_MS,
					 LIBRING_OPEN_TIMEOUT_MS);
	if (!opts->nr_types != !opts->types || opts->nr_types > NR_TYPES)
		return libring_set_error(EINVAL,
					 "ring_open_opts.nr_types is %u: 1 to %u with types, or 0 "
					 "without",
					 opts->nr_types, NR_TYPES);
	if (opts->flags & ~FLAGS_KNOWN)
		return libring_set_error(EINVAL,
					 "ring_open_opts.flags is 0x%x: RING_EAGER, RING_PREFAULT, "
					 "RING_LOCK, RING_FOLLOW and RING_NONBLOCK, or 0",
					 opts->flags);
	if (opts->one_ring > 1)
		return libring_set_error(EINVAL, "ring_open_opts.one_ring is %u: 0 or 1",
					 opts->one_ring);
	if (opts->ring && !opts->one_ring)
		return libring_set_error(EINVAL, "ring_open_opts.ring is %u, which needs one_ring",
					 opts->ring);
	return 0;
}

/* The same for a ring that is opened by descriptors. */
static int get_fd_opts(const struct ring_open_opts *user, struct ring_open_opts *opts)
{
	int err = get_opts(user, opts);

	if (err || !(opts->flags & NAME_FLAGS))
		return err;
	return libring_set_error(EINVAL,
				 "ring_open_opts.flags is 0x%x: RING_FOLLOW and RING_NONBLOCK are "
				 "for ring_open(), which has a name",
				 opts->flags);
}

int ring_open(const char *where, const struct ring_open_opts *user, struct ring_reader **out)
{
	struct ring_open_opts opts;
	int err;

	err = get_opts(user, &opts);
	if (err)
		return err;
	if (opts.flags & NAME_FLAGS)
		return libring_forget_if_good(libring_follow_open(where, &opts, out));
	err = libring_open_where(where, &opts, libring_open_until(&opts), NULL, out);
	return libring_forget_if_good(err);
}

int ring_open_fd(int fd, const struct ring_open_opts *user, struct ring_reader **out)
{
	struct ring_open_opts opts;
	struct ring_origin origin;
	uint64_t until_ns;
	mode_t type;
	int err;

	err = get_fd_opts(user, &opts);
	if (err)
		return err;
	until_ns = libring_open_until(&opts);
	if (fcntl(fd, F_GETFD) < 0)
		return libring_set_error(errno, "descriptor %d: %s", fd, strerror(errno));
	err = libring_get_type(fd, &type);
	if (err)
		return err;
	if (S_ISSOCK(type))
		return libring_forget_if_good(libring_open_connected(fd, until_ns, &opts, out));
	/* No duplicate of @fd: even to close that may sleep, see base/kind.c. */
	origin = libring_no_origin(until_ns);
	origin.fds.ring = fd;
	return libring_forget_if_good(libring_open_probed(&origin, &opts, out));
}

int ring_open_fds(const struct ring_fds *fds, const struct ring_open_opts *user,
		  struct ring_reader **out)
{
	struct ring_open_opts opts;
	struct ring_origin origin;
	int err;

	err = get_fd_opts(user, &opts);
	if (err)
		return err;
	origin = libring_no_origin(libring_open_until(&opts));
	origin.fds = *fds;
	if (fcntl(fds->ring, F_GETFD) < 0 || fcntl(fds->wait, F_GETFD) < 0 ||
	    fcntl(fds->doorbell, F_GETFD) < 0)
		return libring_set_error(
			EBADF, "not all of ring %d, wait %d and doorbell %d are open descriptors",
			fds->ring, fds->wait, fds->doorbell);
	return libring_forget_if_good(libring_open_probed(&origin, &opts, out));
}

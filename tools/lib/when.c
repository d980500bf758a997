// SPDX-License-Identifier: GPL-2.0-only
/* A point in a ring: the values of --since and --until. */
#include <string.h>
#include <time.h>

#include <seqring/abi.h>

#include "clock.h"
#include "message.h"
#include "parse.h"
#include "when.h"

/* Parses SECONDS or SECONDS.FRACTION. */
static bool scan_seconds(const char *s, uint64_t *ns)
{
	uint64_t unit = NSEC_PER_SEC;
	const char *end;

	if (!scan_digits(s, &end, ns) || __builtin_mul_overflow(*ns, NSEC_PER_SEC, ns))
		return false;
	if (!*end)
		return true;
	if (*end++ != '.' || !*end)
		return false;
	for (; *end >= '0' && *end <= '9'; end++) {
		unit /= 10;
		if (!unit || __builtin_add_overflow(*ns, unit * (uint64_t)(*end - '0'), ns))
			return false;
	}
	return !*end;
}

int parse_when(const char *cmd, const char *opt, const char *s, struct when *w)
{
	const char *end;

	w->given = true;
	w->is_ago = false;
	if (!strncmp(s, "seq:", 4)) {
		w->whence = RING_SEQ;
		if (scan_digits(s + 4, &end, &w->value) && !*end)
			return 0;
	} else if (!strncmp(s, "real:", 5)) {
		w->whence = RING_REALTIME;
		if (scan_seconds(s + 5, &w->value))
			return 0;
	} else {
		w->whence = RING_TIME;
		if (scan_digits(s, &end, &w->value) && !*end)
			return 0;
		w->is_ago = true;
		if (!scan_duration(s, &w->value))
			return 0;
	}
	return fail_usage(cmd, "%s %s: not a time (" WHEN_HELP ")", opt, s);
}

int when_resolve(struct ring_reader *ring, struct when *w)
{
	uint64_t now;
	int err;

	if (!w->is_ago)
		return 0;
	err = ring_now(ring, &now);
	if (err)
		return err;
	w->value = w->value < now ? now - w->value : 0;
	w->is_ago = false;
	return 0;
}

int when_resolve_until(const char *cmd, const char *name, struct ring_reader *ring, bool one_ring,
		       struct when *w)
{
	struct ring_info info = { .size = sizeof(info) };
	int err;

	if (!w->given)
		return EXIT_OK;
	err = ring_info(ring, &info);
	if (!err && w->whence != RING_SEQ && info.clock_id == SEQRING_CLOCK_NONE)
		return fail(cmd, "%s: --until: the ring has no clock (use seq:N)", name);
	if (!err && w->whence == RING_SEQ && info.nr_rings > 1 && !one_ring)
		return fail(cmd, "%s: --until seq: each ring has its own numbers (use a time)",
			    name);
	if (!err)
		err = when_resolve(ring, w);
	return err ? fail_ring(cmd, name, err) : EXIT_OK;
}

bool when_reached(struct ring_reader *ring, const struct when *w, const struct ring_record *rec)
{
	uint64_t ns;

	if (!w->given)
		return false;
	switch (w->whence) {
	case RING_SEQ:
		return rec->seq >= w->value;
	case RING_TIME:
		return rec->ts_ns >= w->value;
	default:
		return !ring_wall_time(ring, rec->ts_ns, &ns) && ns >= w->value;
	}
}

uint64_t when_left(struct ring_reader *ring, const struct when *w, uint64_t last_seq,
		   uint64_t window_ns)
{
	struct timespec ts;
	uint64_t now, end;

	if (!w->given)
		return UINT64_MAX;
	switch (w->whence) {
	case RING_SEQ:
		return last_seq + 1 >= w->value ? 0 : UINT64_MAX;
	case RING_TIME:
		if (ring_now(ring, &now))
			return UINT64_MAX;
		break;
	default:
		clock_gettime(CLOCK_REALTIME, &ts);
		now = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	}
	if (__builtin_add_overflow(w->value, window_ns, &end))
		return UINT64_MAX;
	return now < end ? end - now : 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Values of options. A message about a wrong value says what is allowed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libring.h>
#include <seqring/abi.h>

#include "clock.h"
#include "message.h"
#include "parse.h"

bool scan_digits(const char *s, const char **end, uint64_t *v)
{
	uint64_t sum = 0;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(*s - '0'), &sum))
			return false;
	}
	*end = s;
	*v = sum;
	return true;
}

int parse_number(const char *cmd, const char *opt, const char *s, uint64_t min, uint64_t max,
		 uint64_t *v)
{
	const char *end;
	uint64_t n;

	if (scan_digits(s, &end, &n) && !*end && n >= min && n <= max) {
		*v = n;
		return 0;
	}
	if (max == UINT64_MAX)
		return fail_usage(cmd, "%s %s: not allowed (a whole number, at least %llu)", opt, s,
				  (unsigned long long)min);
	return fail_usage(cmd, "%s %s: not allowed (a whole number from %llu to %llu)", opt, s,
			  (unsigned long long)min, (unsigned long long)max);
}

static int suffix_shift(const char *s)
{
	int shift;

	switch (*s) {
	case '\0':
		return 0;
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	default:
		return -1;
	}
	return s[1] ? -1 : shift;
}

int parse_size(const char *cmd, const char *opt, const char *s, uint64_t *v)
{
	static const char allowed[] = "a power of two from 64K to 1G, such as 65536, 256K or 1M";
	const char *end;
	uint64_t n;
	int shift;

	_Static_assert(SEQRING_DATA_SIZE_MIN == 64 << 10, "the message says so");
	_Static_assert(SEQRING_DATA_SIZE_MAX == 1 << 30, "the message says so");

	if (!scan_digits(s, &end, &n))
		return fail_usage(cmd, "%s %s: not a size (%s)", opt, s, allowed);
	shift = suffix_shift(end);
	if (shift < 0)
		return fail_usage(cmd, "%s %s: not a size (%s)", opt, s, allowed);
	if (__builtin_mul_overflow(n, 1ULL << shift, &n) || n > SEQRING_DATA_SIZE_MAX)
		return fail_usage(cmd, "%s %s: too large (%s)", opt, s, allowed);
	if (n < SEQRING_DATA_SIZE_MIN)
		return fail_usage(cmd, "%s %s: too small (%s)", opt, s, allowed);
	if (n & (n - 1))
		return fail_usage(cmd, "%s %s: not a power of two (%s)", opt, s, allowed);
	*v = n;
	return 0;
}

int parse_bytes(const char *cmd, const char *opt, const char *s, uint64_t min, uint64_t max,
		uint64_t *v)
{
	const char *end;
	uint64_t n;
	int shift;

	if (scan_digits(s, &end, &n)) {
		shift = suffix_shift(end);
		if (shift >= 0 && !__builtin_mul_overflow(n, 1ULL << shift, &n) && n >= min &&
		    n <= max) {
			*v = n;
			return 0;
		}
	}
	if (max == UINT64_MAX)
		return fail_usage(cmd, "%s %s: not allowed (at least %llu bytes, such as 256M)",
				  opt, s, (unsigned long long)min);
	return fail_usage(cmd, "%s %s: not allowed (%llu to %llu bytes, such as 256M)", opt, s,
			  (unsigned long long)min, (unsigned long long)max);
}

int scan_duration(const char *s, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", 1000000 },
		{ "s", NSEC_PER_SEC },
		{ "m", 60 * NSEC_PER_SEC },
		{ "h", 3600 * NSEC_PER_SEC },
	};
	const char *end;
	uint64_t n;
	size_t i;

	if (!scan_digits(s, &end, &n))
		return -EINVAL;
	if (!n && !*end) {
		*ns = 0;
		return 0;
	}
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name))
			continue;
		return __builtin_mul_overflow(n, units[i].ns, ns) ? -ERANGE : 0;
	}
	return -EINVAL;
}

int parse_duration(const char *cmd, const char *opt, const char *s, uint64_t *ns)
{
	switch (scan_duration(s, ns)) {
	case 0:
		return 0;
	case -ERANGE:
		return fail_usage(cmd, "%s %s: too long (must be less than 2^64 ns)", opt, s);
	default:
		return fail_usage(
			cmd, "%s %s: not a duration (a whole number and ns, us, ms, s, m or h)",
			opt, s);
	}
}

int parse_sampling_interval(const char *cmd, const char *s, uint64_t *ns)
{
	const uint64_t min = 10 * (NSEC_PER_SEC / 1000), max = 3600 * NSEC_PER_SEC;
	int status = parse_duration(cmd, "--interval", s, ns);

	if (!status && (*ns < min || *ns > max))
		return fail_usage(cmd, "--interval %s: not allowed (10ms to 1h)", s);
	return status;
}

int parse_mode(const char *cmd, const char *opt, const char *s, uint32_t *v)
{
	uint32_t mode = 0;
	const char *p;

	for (p = s; *p >= '0' && *p <= '7' && mode <= 0777; p++)
		mode = mode * 8 + (uint32_t)(*p - '0');
	if (p == s || *p || !mode || mode & ~0666u)
		return fail_usage(
			cmd, "%s %s: not allowed (octal, only read and write bits, 0002 to 0666)",
			opt, s);
	*v = mode;
	return 0;
}

#define CLOCK(ID, number, name, ...) { name, SEQRING_CLOCK_##ID },
static const struct {
	const char *name;
	uint32_t id;
} clocks[] = { SEQRING_CLOCKS(CLOCK) };
#undef CLOCK

int parse_clock(const char *cmd, const char *opt, const char *s, uint32_t *v)
{
	size_t i;

	for (i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		if (!strcmp(s, clocks[i].name)) {
			*v = clocks[i].id;
			return 0;
		}
	}
	return fail_usage(cmd, "%s %s: no such clock (" CLOCK_NAMES ")", opt, s);
}

const char *clock_name(uint32_t clock_id, char *buf, size_t size)
{
	size_t i;

	for (i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
		if (clocks[i].id == clock_id)
			return clocks[i].name;
	snprintf(buf, size, "clock %u", clock_id);
	return buf;
}

int parse_types(const char *cmd, const char *s, struct ring_open_opts *o)
{
	static uint16_t types[UINT16_MAX + 1];
	const char *at = s, *end;
	uint64_t v;

	for (;; at = end + 1) {
		if (!scan_digits(at, &end, &v) || v > UINT16_MAX || (*end && *end != ','))
			return fail_usage(cmd,
					  "--type %s: not a list of types (whole numbers from 0 "
					  "to 65535, separated by commas)",
					  s);
		if (o->nr_types > UINT16_MAX)
			return fail_usage(cmd, "--type %s: more than 65536 types", s);
		types[o->nr_types++] = (uint16_t)v;
		o->types = types;
		if (!*end)
			return 0;
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/* Users and groups as values of options. */

#include <grp.h>
#include <pwd.h>

#include "account.h"
#include "message.h"
#include "parse.h"

/* 4294967295 is no user and no group. */
static bool is_id(const char *s, uint32_t *id)
{
	const char *end;
	uint64_t v;

	if (!scan_digits(s, &end, &v) || *end || v >= UINT32_MAX)
		return false;
	*id = (uint32_t)v;
	return true;
}

int parse_user(const char *cmd, const char *opt, const char *s, uint32_t *uid)
{
	const struct passwd *user;

	if (is_id(s, uid))
		return 0;
	user = getpwnam(s);
	if (!user)
		return fail_usage(cmd, "%s %s: no such user (a name, or a number)", opt, s);
	*uid = user->pw_uid;
	return 0;
}

int parse_group(const char *cmd, const char *opt, const char *s, uint32_t *gid)
{
	const struct group *group;

	if (is_id(s, gid))
		return 0;
	group = getgrnam(s);
	if (!group)
		return fail_usage(cmd, "%s %s: no such group (a name, or a number)", opt, s);
	*gid = group->gr_gid;
	return 0;
}

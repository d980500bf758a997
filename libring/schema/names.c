// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Names in BTF from an untrusted source, and the enumerators that have them. */

#include "internal.h"

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/**
 * libring_schema_get_name() - look a name up and check its characters
 * @src: the BTF
 * @offset: of the name in its strings
 * @spaces: also allow spaces, as in "unsigned int"
 * @name: set to the name, which belongs to @src; "": there is no name
 *
 * Names end up in JSON, in C and on terminals.
 *
 * Return: 0; -EPROTO.
 */
int libring_schema_get_name(const struct btf *src, uint32_t offset, bool spaces, const char **name)
{
	const char *s = btf__name_by_offset(src, offset);
	size_t i;

	if (!s)
		return libring_set_error(EPROTO, "schema: a name is outside its strings");
	for (i = 0; s[i]; i++) {
		if (i == RING_SCHEMA_NAME_MAX)
			return libring_set_error(EPROTO,
						 "schema: a name has more than %d characters",
						 RING_SCHEMA_NAME_MAX);
		if (!is_name_char(s[i]) && !(spaces && s[i] == ' '))
			return libring_set_error(EPROTO, "schema: a name contains byte 0x%02x",
						 (unsigned char)s[i]);
	}
	if (s[0] >= '0' && s[0] <= '9')
		return libring_set_error(EPROTO, "schema: a name begins with a digit");
	*name = s;
	return 0;
}

/* The same, but there must be a name. @what: the thing that has it, for the message. */
int libring_schema_require_name(const struct btf *src, uint32_t offset, bool spaces,
				const char *what, const char **name)
{
	int err = libring_schema_get_name(src, offset, spaces, name);

	if (!err && !**name)
		err = libring_set_error(EPROTO, "schema: %s without a name", what);
	return err;
}

/*
 * Reads enumerator @i of @t, which is of kind ENUM or ENUM64. Compilers before clang 15 do not mark
 * signed enums, so a value of kind ENUM is negative if its sign bit is set.
 */
int libring_schema_get_enumerator(const struct btf *src, const struct btf_type *t, unsigned int i,
				  const char **name, int64_t *value)
{
	uint32_t name_off;

	if (btf_is_enum64(t)) {
		const uint32_t *e = (const uint32_t *)btf_enum64(t) + 3 * (size_t)i;

		name_off = e[0];
		*value = (int64_t)((uint64_t)e[2] << 32 | e[1]);
	} else {
		const struct btf_enum *e = btf_enum(t) + i;

		name_off = e->name_off;
		*value = e->val;
	}
	return libring_schema_require_name(src, name_off, false, "an enumerator", name);
}

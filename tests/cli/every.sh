# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# A schema with each kind of field, and a record of it. Sourced by the tests that use them.

make_schemas()
{
	compile_schema all <<-'EOF' || return
		#include <seqring/schema.h>

		enum color { RED = 1, GREEN, BLUE = -7 };

		struct point {
			__s16 x, y;
		};

		struct every {
			__s8 s8;
			__u8 u8;
			__s16 s16;
			__u16 u16;
			__s32 s32;
			__u32 u32;
			__s64 s64;
			__u64 u64;
			__int128 s128;
			unsigned __int128 u128;
			_Bool yes;
			char letter;
			enum color color, no_color;
			__u32 three : 3;
			__s32 five : 5;
			__u64 forty : 40;
			_Bool flag : 1;
			float single;
			double twice;
			const struct every *self;
			char comm[16];
			__u8 mac[6];
			const volatile __u32 numbers[3];
			char names[2][8];
			struct point at, way[2];
			union {
				__u32 word;
				struct point halves;
			} u;
			struct {
				__u16 hidden;
			};
			seqring_hex8 h8;
			seqring_hex64 h64;
			seqring_ip4 ip4;
			seqring_ip6 ip6;
		};

		struct line {
			__u32 n;
			char text[];
		};

		struct args {
			__u16 n;
			seqring_strings argv[];
		};

		struct counts {
			__u16 n;
			__u32 counts[];
		};

		enum seqring_schema {
			every = 1,
			line = 2,
			args = 3,
			counts = 65535,
		};

		SEQRING_SCHEMA_TYPE(every);
		SEQRING_SCHEMA_TYPE(line);
		SEQRING_SCHEMA_TYPE(args);
		SEQRING_SCHEMA_TYPE(counts);
	EOF
	rc schema all.o -o all.schema 2>err || because "schema: $(cat err)"
}

# publish_all NAME TYPE: serves the file `in` as one record
publish_all()
{
	serve "$1" --schema all.schema --type "$2" --whole "${@:3}" <in
}

# Prints a record of the struct, which gcc compiles, while clang compiles the schema.
every_record()
{
	cat >record.c <<-'EOF'
		#include "all.c"
		#include <stdio.h>
		#include <string.h>

		int main(void)
		{
			struct every e = {
				-1, 255, -32768, 65535, -2147483647 - 1, 4294967295u,
				-9223372036854775807 - 1, 18446744073709551615u, -3,
				(unsigned __int128)1 << 127 | 5, 1, 'R', BLUE, 9,
				5, -16, (1ull << 40) - 2, 1, 0.1f, -1e300,
				(void *)0xffff888000000000, "two words\0junk",
				{ 0xde, 0xad, 0, 0xbe, 0xef, 1 }, { 1, 2, 4294967295u },
				{ "one", { 'z', 'w', -1, -61, '"', '\n', '\\', '\t' } },
				{ 1, -2 }, { { 3, 4 }, { 5, 6 } }, { .halves = { 7, 1 } }, { 77 },
				0xab, 1ull << 63, 0x0100007f, { 0x20, 1, 0xd, 0xb8, [15] = 1 },
			};

			return fwrite(&e, sizeof(e), 1, stdout) != 1;
		}
	EOF
	gcc -Wno-missing-braces -I"$include" -o record record.c 2>err || because "gcc: $(head -n 3 err)" ||
		return
	./record
}

// SPDX-License-Identifier: GPL-2.0-only
/* Records with each kind of field, for the reader in Python. */

#include <seqring/schema.h>

enum level { LOW = -3, NONE = 0, HIGH = 5, TOP = 5 };
enum small { SMALL_A = 1, SMALL_Z = 255 } __attribute__((packed));
enum wide { WIDE = 1ULL << 40 };

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
	_Bool flags[3];
	char letter;
	enum level level, levels[2];
	enum small small;
	enum wide wide;
	__u32 three : 3;
	__s32 five : 5;
	__u64 forty : 40;
	_Bool flag : 1;
	enum level bits : 4;
	float single, singles[4];
	double twice, doubles[2];
	const struct every *self;
	char comm[16];
	signed char signed_chars[3];
	__u8 mac[6];
	const volatile __u32 numbers[3];
	char names[2][8];
	__u8 tables[2][3];
	seqring_strings words[16];
	seqring_strings word;
	struct point at, way[2];
	union {
		__u32 word32;
		struct point halves;
	} u;
	struct {
		__u16 hidden;
		union {
			__u8 deep;
			char deep_text;
		};
	};
	seqring_hex8 h8, h8s[3];
	seqring_hex16 h16s[2];
	seqring_hex32 h32;
	seqring_hex64 h64;
	seqring_ip4 ip4, ip4s[2];
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

struct raw {
	__u8 n;
	__u8 bytes[];
};

struct empty {
};

enum seqring_schema {
	every = 1,
	line = 2,
	args = 3,
	counts = 4,
	raw = 5,
	empty = 65535,
};

SEQRING_SCHEMA_TYPE(every);
SEQRING_SCHEMA_TYPE(line);
SEQRING_SCHEMA_TYPE(args);
SEQRING_SCHEMA_TYPE(counts);
SEQRING_SCHEMA_TYPE(raw);
SEQRING_SCHEMA_TYPE(empty);

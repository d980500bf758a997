// SPDX-License-Identifier: GPL-2.0-only
/* Records with all kinds of fields: a seed for the fuzzing of schemas. */

#include <seqring/schema.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

enum color { RED = 1, GREEN, FAR = -3 };

enum seqring_schema { numbers = 1, nested, texts, rest, args };

struct numbers {
	u8 a;
	_Bool yes;
	short b;
	u32 bits : 5, more : 11;
	int c;
	long long d;
	unsigned __int128 e;
	float f;
	double g;
	enum color color;
	seqring_hex32 hex;
};

struct point {
	short x, y;
};

struct nested {
	struct point at[3];
	u16 grid[2][3];
	union {
		u32 word;
		struct point parts;
	};
	void *ptr;
	seqring_ip4 ip4;
	seqring_ip6 ip6;
};

struct texts {
	char name[16];
	u8 bytes[5];
	char open[];
};

struct rest {
	u64 n;
	struct point points[];
};

struct args {
	u32 pid;
	seqring_strings argv[];
};

SEQRING_SCHEMA_TYPE(numbers);
SEQRING_SCHEMA_TYPE(nested);
SEQRING_SCHEMA_TYPE(texts);
SEQRING_SCHEMA_TYPE(rest);
SEQRING_SCHEMA_TYPE(args);

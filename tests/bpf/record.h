/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records of the torture, for the programs that publish them and those that read
 * them. A record's first word is its id; type, length and every byte follow from that,
 * so a reader needs nothing else to tell a whole record from a torn or mixed one.
 */
#ifndef TESTS_BPF_RECORD_H
#define TESTS_BPF_RECORD_H

#include "../lib/payload.h"

/* Sources of records: each has a slot of its own, and no slot's program interrupts itself. */
enum stream {
	STREAM_FLAT,   /* flat out, from a task */
	STREAM_SECOND, /* the same, from another task on that CPU */
	STREAM_IPI,    /* from an interrupt that another CPU sends */
	STREAM_SYSCALL,
	STREAM_SWITCH,
	STREAM_TIMER, /* from a timer's interrupt */
	STREAMS
};

enum method {
	METHOD_CONST, /* of a length known at compile time */
	METHOD_COPY,  /* seqring_bpf_publish() with another one */
	METHOD_KERNEL,
	METHOD_USER,
	METHOD_RESERVE, /* then trim and commit */
	METHOD_DISCARD,
	METHOD_NESTED, /* publish between reserve and discard */
	METHOD_FAULT,
	METHOD_USER_FAULT,
	METHOD_TOO_BIG,
};

/* The outcomes that a slot counts. */
enum outcome {
	OUTCOME_OK,
	OUTCOME_BUSY,	/* another program was publishing */
	OUTCOME_NESTED, /* the attempt itself was publishing */
	OUTCOME_TOO_BIG,
	OUTCOME_DEAD,
	OUTCOME_FAULT,
	OUTCOME_DISCARDED,
	OUTCOME_USER,  /* OK, with user memory as the source */
	OUTCOME_WRONG, /* an error that must not occur */
	OUTCOMES
};

#define RECORD_MAX  4096 /* SEQRING_BPF_PAYLOAD_MAX */
#define RESERVE_MAX 512
#define USER_STARTS 4096 /* words at which a user record may start */
#define USER_WORDS  (USER_STARTS + RECORD_MAX / 8)

/*
 * One per stream and CPU.
 *
 * @n: attempts so far
 * @count: by outcome
 * @scratch: memory in which a record is made before it is published
 */
struct slot {
	__u64 n;
	__u64 count[OUTCOMES];
	__u64 scratch[RECORD_MAX / 8 + 2];
};

/* Arguments of a program's run. @user: USER_WORDS words, then unmapped memory */
struct run {
	__u64 stream;
	__u64 count;
	__u64 user;
};

struct plan {
	__u32 method;
	__u32 len;
	__u32 start; /* METHOD_USER: its first word */
	__u16 type;
};

/* METHOD_CONST has one of 0, 1, 7, 8, 13, 64, 200, 256. */
static inline __u32 const_len(__u32 i)
{
	/* Not a table: libbpf and clang 14 cannot handle one beside other constants. */
	return i == 7 ? 256 : 0xc8400d08070100ULL >> 8 * i & 0xff;
}

static inline __u64 record_id(__u32 stream, __u32 cpu, __u64 n)
{
	return (__u64)stream << 56 | (__u64)cpu << 40 | n;
}

static inline __u64 user_word(__u32 i)
{
	return ((__u64)i + 1) * 0x94d049bb133111ebULL;
}

/* A payload without room for the id has the first bytes of this. */
static inline __u64 short_word(__u16 type)
{
	return (type + 1) * 0x9e3779b97f4a7c15ULL;
}

/* How attempt @id publishes; mostly short records. @user: the program can read user memory */
static inline void make_plan(__u64 id, int user, struct plan *p)
{
	__u64 h = test_mix(id);
	__u32 pick = h & 31;

	p->start = (h >> 32) % USER_STARTS;
	p->len = (h >> 16) % (h & 0x1e0 ? 201 : RECORD_MAX + 1);
	if (pick < 12) {
		p->method = METHOD_CONST;
		p->len = const_len((h >> 9) & 7);
	} else if (pick < 15) {
		p->method = METHOD_COPY;
	} else if (pick < 19) {
		p->method = METHOD_RESERVE;
		p->len %= RESERVE_MAX + 1;
	} else if (pick < 22 && user) {
		p->method = METHOD_USER;
	} else if (pick == 22 && user) {
		p->method = METHOD_USER_FAULT;
	} else if (pick == 23) {
		p->method = METHOD_FAULT;
	} else if (pick == 24) {
		p->method = METHOD_TOO_BIG;
	} else if (pick == 25) {
		p->method = METHOD_DISCARD;
	} else if (pick == 26) {
		p->method = METHOD_NESTED;
	} else {
		p->method = METHOD_KERNEL;
		if (pick == 27)
			p->len = RECORD_MAX - (h >> 9) % 2;
	}
	if (p->method == METHOD_USER)
		p->type = 0x8000 | p->start;
	else
		p->type = (h >> 44) & 0x7fff;
}

#endif /* TESTS_BPF_RECORD_H */

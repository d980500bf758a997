/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * Copies between plain memory and the data area, in word and vector accesses. They order
 * nothing: the caller's fences do. No function here sleeps or loops without a bound.
 */
#ifndef SEQRING_COPY_H
#define SEQRING_COPY_H

#include "barrier.h"
#include "compiler.h"

/* A word of the data area, whose bytes are objects of the caller's types. */
typedef __u64 __attribute__((__may_alias__)) seqring_word;

/* A copy of so many bytes may call a function. */
#define SEQRING_LONG_LEN	512

/*
 * Long copies on x86-64. The compiler may tear, repeat or move plain accesses, but it
 * cannot look into asm or into a function that it does not know. So 64 words and more
 * are copied by a string instruction in the kernel, and in user space by the C library's
 * memcpy under another name. In user space, shorter copies of 8 bytes and more use vector
 * registers, 64 bytes at a time.
 *
 * The accesses within one copy may happen in any order. But each store of the copy is
 * ordered before every later store, and each load before every later load.
 */
#if defined(__x86_64__) && !defined(__bpf__) && !defined(SEQRING_TSAN) && \
	!defined(SEQRING_BARRIER_BACKEND)
#define SEQRING_LONG_WORDS	(SEQRING_LONG_LEN / 8)
#ifdef __KERNEL__
static inline void seqring_long_copy(void *to, const void *from, size_t n)
{
	n /= 8;
	__asm__ __volatile__("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}
#else
#ifdef __cplusplus
extern "C"
#else
extern
#endif
void *seqring_long_copy(void *to, const void *from, size_t n) __asm__("memcpy");

#define SEQRING_BLOCK_LEN	64

/* Copies a block and moves both pointers on: the compiler would compute them anew each time. */
seqring_inline void seqring_block_copy(unsigned char **to, const unsigned char **from)
{
	__asm__ __volatile__("movdqu (%1), %%xmm0\n\t"
			     "movdqu 16(%1), %%xmm1\n\t"
			     "movdqu 32(%1), %%xmm2\n\t"
			     "movdqu 48(%1), %%xmm3\n\t"
			     "movdqu %%xmm0, (%0)\n\t"
			     "movdqu %%xmm1, 16(%0)\n\t"
			     "movdqu %%xmm2, 32(%0)\n\t"
			     "movdqu %%xmm3, 48(%0)\n\t"
			     "add $64, %0\n\t"
			     "add $64, %1"
			     : "+r"(*to), "+r"(*from) :
			     : "xmm0", "xmm1", "xmm2", "xmm3", "memory", "cc");
}

/* Memory operands: an offset then needs neither a register nor an instruction. */
struct seqring_16 {
	unsigned char bytes[16];
};

struct seqring_8 {
	unsigned char bytes[8];
};

seqring_inline void seqring_32_copy(unsigned char *to, const unsigned char *from)
{
	struct seqring_16 *t = (struct seqring_16 *)to;
	const struct seqring_16 *f = (const struct seqring_16 *)from;

	__asm__ __volatile__("movdqu %2, %%xmm0\n\t"
			     "movdqu %3, %%xmm1\n\t"
			     "movdqu %%xmm0, %0\n\t"
			     "movdqu %%xmm1, %1"
			     : "=m"(t[0]), "=m"(t[1]) : "m"(f[0]), "m"(f[1])
			     : "xmm0", "xmm1", "memory");
}

seqring_inline void seqring_16_copy(unsigned char *to, const unsigned char *from)
{
	__asm__ __volatile__("movdqu %1, %%xmm0\n\t"
			     "movdqu %%xmm0, %0"
			     : "=m"(*(struct seqring_16 *)to)
			     : "m"(*(const struct seqring_16 *)from) : "xmm0", "memory");
}

seqring_inline void seqring_8_copy(unsigned char *to, const unsigned char *from)
{
	__u64 word;

	__asm__ __volatile__("movq %2, %0\n\t"
			     "movq %0, %1"
			     : "=&r"(word), "=m"(*(struct seqring_8 *)to)
			     : "m"(*(const struct seqring_8 *)from) : "memory");
}

/* Copies what blocks leave: 0 to 63 bytes. What is copied twice lies in the last block. */
seqring_inline void seqring_rest_copy(unsigned char *to, const unsigned char *from, size_t len)
{
	if (len > 32)
		seqring_32_copy(to, from);
	if (len)
		seqring_32_copy(to + len - 32, from + len - 32);
}

/*
 * Copies 0 or 8 to 63 bytes. The last piece overlaps the first one: that costs less than to find
 * out how many bytes are left, and no byte behind the last one is touched.
 */
seqring_inline void seqring_short_copy(unsigned char *to, const unsigned char *from, size_t len)
{
	if (len >= 32) {
		seqring_32_copy(to, from);
		if (len > 32)
			seqring_32_copy(to + len - 32, from + len - 32);
	} else if (len >= 16) {
		seqring_16_copy(to, from);
		if (len > 16)
			seqring_16_copy(to + len - 16, from + len - 16);
	} else if (len) {
		seqring_8_copy(to, from);
		if (len > 8)
			seqring_8_copy(to + len - 8, from + len - 8);
	}
}

/* Copies 64 to 128 bytes. The second block overlaps the first one. */
seqring_inline void seqring_two_blocks_copy(unsigned char *to, const unsigned char *from,
					    size_t len)
{
	seqring_32_copy(to, from);
	seqring_32_copy(to + 32, from + 32);
	if (len > SEQRING_BLOCK_LEN) {
		seqring_32_copy(to + len - 64, from + len - 64);
		seqring_32_copy(to + len - 32, from + len - 32);
	}
}

/* Copies 0 or 8 to 511 bytes. */
seqring_inline void seqring_blocks_copy(unsigned char *to, const unsigned char *from, __u32 len)
{
	if (len < SEQRING_BLOCK_LEN) {
		seqring_short_copy(to, from, len);
		return;
	}
	if (len <= 2 * SEQRING_BLOCK_LEN) {
		seqring_two_blocks_copy(to, from, len);
		return;
	}
	for (; len >= SEQRING_BLOCK_LEN; len -= SEQRING_BLOCK_LEN)
		seqring_block_copy(&to, &from);
	seqring_rest_copy(to, from, len);
}
#endif
#endif

seqring_inline __u64 seqring_word_at(const unsigned char *p)
{
#ifdef __bpf__
	/* memcpy() becomes eight loads here. The verifier rejects an unaligned @p. */
	return *(const seqring_word *)p;
#else
	__u64 word;

	memcpy(&word, p, 8);
	return word;
#endif
}

/* Stores @n words. @to is 8-byte aligned; in a BPF program @from is, too. */
seqring_inline void seqring_store_words(seqring_word *to, const unsigned char *from, size_t n)
{
#ifdef SEQRING_LONG_WORDS
	if (n >= SEQRING_LONG_WORDS) {
		seqring_long_copy(to, from, 8 * n);
		return;
	}
#endif
#ifdef SEQRING_BLOCK_LEN
	seqring_blocks_copy((unsigned char *)to, from, (__u32)n * 8);
#else
	/* Four at a time: the loop costs more than the stores. */
	for (; n >= 4; n -= 4, to += 4, from += 32) {
		seqring_store_word(&to[0], seqring_word_at(from));
		seqring_store_word(&to[1], seqring_word_at(from + 8));
		seqring_store_word(&to[2], seqring_word_at(from + 16));
		seqring_store_word(&to[3], seqring_word_at(from + 24));
	}
	for (; n; n--, to++, from += 8)
		seqring_store_word(to, seqring_word_at(from));
#endif
}

/*
 * Copies @len bytes to @dst + @off. Uses word stores where the copy covers a whole word of
 * @dst. @dst is 8-byte aligned, @src need not be.
 */
seqring_inline void seqring_writer_copy(unsigned char *dst, __u64 off, const void *src, __u64 len)
{
	const unsigned char *from = (const unsigned char *)src;

	if (!len)
		return;
	for (; (off & 7) && len; off++, len--)
		seqring_store_word(&dst[off], *from++);
	seqring_store_words((seqring_word *)(dst + off), from, len / 8);
	off += len & ~7ULL;
	from += len & ~7ULL;
	for (len &= 7; len; off++, len--)
		seqring_store_word(&dst[off], *from++);
}

/*
 * The last word of a payload that does not fill it, padded with zeros. Avoids a copy of
 * variable length, which costs more than publishing a short record.
 */
seqring_inline __u64 seqring_writer_last_word(const unsigned char *from, __u32 len)
{
	const __u32 used = len & 7;
	__u64 word = 0;

#if !defined(__bpf__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u32 i;

	if (seqring_likely(len >= 8))
		return seqring_word_at(from + len - 8) >> (64 - 8 * used);
	for (i = 0; i < used; i++)
		word |= (__u64)from[i] << 8 * i;
#else
	memcpy(&word, from + (len & ~7u), used);
#endif
	return word;
}

#ifdef __KERNEL__
/* Stores @n words, a constant, without a loop. Return: what follows them in the source. */
static __always_inline const unsigned char *
seqring_store_block(seqring_word *to, const unsigned char *from, const unsigned int n)
{
	unsigned int i;

#pragma GCC unroll 8
	for (i = 0; i < n; i++)
		seqring_store_word(&to[i], seqring_word_at(from + 8 * i));
	return from + 8 * n;
}

/*
 * Copies a whole payload and pads its last word with zeros: eight words at a time, and no loop
 * for the rest. Of a short record, loops and their counters cost more than the stores.
 */
static __always_inline void seqring_writer_copy_payload(void *payload, const void *src, __u32 len)
{
	const unsigned char *from = (const unsigned char *)src;
	seqring_word *to = (seqring_word *)payload;
	const unsigned char *end;

#ifdef SEQRING_LONG_WORDS
	if (seqring_unlikely(len >= SEQRING_LONG_LEN)) {
		seqring_long_copy(to, from, len & ~7u);
		to += len / 8;
		from += len & ~7u;
		len &= 7;
		if (len)
			seqring_store_word(to, seqring_word_at(from + len - 8) >> (64 - 8 * len));
		return;
	}
#endif
	if (len >= 64) {
		end = from + (len & ~63u);
		do {
			from = seqring_store_block(to, from, 8);
			to += 8;
		} while (from != end);
		if (!(len & 63))
			return;
	}
	if (len & 32) {
		from = seqring_store_block(to, from, 4);
		to += 4;
	}
	if (len & 16) {
		from = seqring_store_block(to, from, 2);
		to += 2;
	}
	if (len & 8)
		from = seqring_store_block(to++, from, 1);
	if (len & 7)
		seqring_store_word(to, seqring_writer_last_word(from - (len & ~7u), len));
}
#else
/* Copies a whole payload and pads its last word with zeros. */
seqring_inline void seqring_writer_copy_payload(void *payload, const void *src, __u32 len)
{
	const unsigned char *from = (const unsigned char *)src;
	seqring_word *to = (seqring_word *)payload;

#ifdef SEQRING_BLOCK_LEN
	if (len < SEQRING_LONG_LEN)
		seqring_blocks_copy((unsigned char *)to, from, len & ~7u);
	else
#endif
		seqring_store_words(to, from, len / 8);
	if (len & 7)
		seqring_store_word(&to[len / 8], seqring_writer_last_word(from, len));
}
#endif

#ifndef __bpf__
static inline void seqring_load_to(unsigned char *to, const seqring_word *from)
{
	__u64 word = seqring_load_word(from);

	memcpy(to, &word, 8);
}

/* Loads @n words. @from is 8-byte aligned; @to need not be. */
static inline void seqring_load_words(unsigned char *to, const seqring_word *from, size_t n)
{
#ifdef SEQRING_LONG_WORDS
	if (n >= SEQRING_LONG_WORDS) {
		seqring_long_copy(to, from, 8 * n);
		return;
	}
#endif
	for (; n >= 4; n -= 4, to += 32, from += 4) {
		seqring_load_to(to, from);
		seqring_load_to(to + 8, from + 1);
		seqring_load_to(to + 16, from + 2);
		seqring_load_to(to + 24, from + 3);
	}
	for (; n; n--, to += 8, from++)
		seqring_load_to(to, from);
}

#ifdef SEQRING_BLOCK_LEN
/* Copies the payload of fewer than eight bytes that @word begins with. */
seqring_inline void seqring_tiny_copy(unsigned char *to, __u64 word, __u32 len)
{
	if (len & 4) {
		memcpy(to, &word, 4);
		to += 4;
		word >>= 32;
	}
	if (len & 2) {
		memcpy(to, &word, 2);
		to += 2;
		word >>= 16;
	}
	if (len & 1)
		*to = (unsigned char)word;
}

/* Copies @len payload bytes, fewer than 128, out of the ring. */
seqring_inline void seqring_reader_copy_short(void *dst, const void *payload, __u32 len)
{
	const unsigned char *from = (const unsigned char *)payload;
	unsigned char *to = (unsigned char *)dst;

	if (len >= SEQRING_BLOCK_LEN)
		seqring_two_blocks_copy(to, from, len);
	else if (seqring_likely(len >= 8))
		seqring_short_copy(to, from, len);
	else if (len)
		seqring_tiny_copy(to, seqring_load_word((const seqring_word *)payload), len);
}

/* Copies @len payload bytes out of the ring. */
static inline void seqring_reader_copy(void *dst, const void *payload, __u32 len)
{
	const unsigned char *from = (const unsigned char *)payload;
	unsigned char *to = (unsigned char *)dst;

	if (len < 8)
		seqring_reader_copy_short(dst, payload, len);
	else if (len >= SEQRING_LONG_LEN)
		seqring_long_copy(to, from, len);
	else
		seqring_blocks_copy(to, from, len);
}
#else
/* Copies @len payload bytes out of the ring, in word loads. */
static inline void seqring_reader_copy(void *dst, const void *payload, __u32 len)
{
	const seqring_word *from = (const seqring_word *)payload;
	unsigned char *to = (unsigned char *)dst;
	const __u32 used = 8 * (len & 7);
	__u64 word;

	seqring_load_words(to, from, len / 8);
	if (!used)
		return;
	word = seqring_load_word(&from[len / 8]);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	/* Store the last eight bytes as one word: a copy of variable length is slow. */
	if (seqring_likely(len >= 8)) {
		word = seqring_load_word(&from[len / 8 - 1]) >> used | word << (64 - used);
		memcpy(to + len - 8, &word, 8);
		return;
	}
#endif
	memcpy(to + (len & ~7u), &word, len & 7);
}

seqring_inline void seqring_reader_copy_short(void *dst, const void *payload, __u32 len)
{
	seqring_reader_copy(dst, payload, len);
}
#endif
#endif

#endif /* SEQRING_COPY_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes that have mapped a ring to read it, as /proc shows them. */
#ifndef TOP_READERS_H
#define TOP_READERS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_info;

/**
 * struct readers - a search through all processes, step by step
 * @proc: the directory, while a search runs; NULL: none does
 * @next_ns: now_ns() when the next one begins
 * @nr: processes found so far, @hidden: those that this process may not look at
 * @list: names and PIDs of those found so far, safe to print
 * @is_known: a search has come to its end, with the result @text
 */
struct readers {
	DIR *proc;
	uint64_t next_ns;
	unsigned int nr;
	unsigned int hidden;
	char list[160];
	bool is_known;
	char text[240];
};

/*
 * Goes on with the search, for some milliseconds. Nothing is found of a BPF ring: /proc shows no
 * difference between its maps.
 */
void readers_step(struct readers *s, const struct ring_info *info);
void readers_end(struct readers *s);

#endif /* TOP_READERS_H */

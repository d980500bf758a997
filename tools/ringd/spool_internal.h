/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the spool have in common. */
#ifndef RINGD_SPOOL_INTERNAL_H
#define RINGD_SPOOL_INTERNAL_H

#include <pthread.h>

#include "spool.h"

/* "SEQSPOOL" on a little-endian machine. */
#define SPOOL_MAGIC   0x4c4f4f5053514553ULL
#define SPOOL_VERSION 1u
#define SPOOL_SUFFIX  ".spool"
#define SPOOL_NAME    32

/* First bytes of a file; then the packed state, zeros up to a multiple of 8, and messages. */
struct spool_header {
	uint64_t magic;
	uint32_t version;
	uint32_t state_crc;
	uint64_t epoch;
	uint64_t first;
	uint64_t state_size;
	uint64_t reserved[2];
	uint32_t reserved0;
	uint32_t header_crc;
};

/*
 * A file. @first: number of its first message; @nr: of messages, at @offset each; 0: the message
 * was lost. @bytes: of the file
 */
struct spool_file {
	int fd;
	uint64_t first;
	uint64_t bytes;
	uint64_t *offset;
	size_t nr;
	size_t room;
};

/*
 * @lock: protects all below it. Files are read and written without it: only the reading thread
 *        removes them, and only the appending one adds to the last
 * @synced: number of the newest message that may be read
 * @next: number of the next message
 */
struct spool {
	int dir;
	char *path;
	uint64_t size;
	uint64_t file_size;
	uint64_t epoch;
	struct state state;
	bool dir_synced;

	pthread_mutex_t lock;
	pthread_cond_t room;
	struct spool_file *files;
	size_t nr_files;
	uint64_t next;
	uint64_t synced;
	uint64_t released;
	uint64_t damaged;
	uint64_t torn_bytes;
	uint64_t syncs;
	bool woken;
};

/* spool_file.c */
void spool_file_name(char name[SPOOL_NAME], uint64_t first);
uint64_t spool_messages_at(const struct spool_header *h);
int spool_add_offset(struct spool_file *f, uint64_t offset);
int spool_add_file(struct spool *sp, const struct spool_file *f);

/* spool_scan.c: finds out what is in the directory. */
int spool_scan(struct spool *sp);

#endif /* RINGD_SPOOL_INTERNAL_H */

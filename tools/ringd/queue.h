/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the reading thread hands to the spooling thread: whole messages without a number. The
 * reading thread never waits for the queue. It stops reading while the queue is full.
 */
#ifndef RINGD_QUEUE_H
#define RINGD_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "../fleet/message.h"

/* @bytes: room for the header, then the body. @room: bytes of both */
struct item {
	struct item *next;
	struct fleet_message m;
	unsigned char *bytes;
	uint64_t room;
};

struct queue;

/* Return: NULL: no memory. */
struct item *item_new(uint64_t body_room);
/* Makes room for a body of so many bytes, if there is less. Return: 0; -ENOMEM: as it was. */
int item_grow(struct item *item, uint64_t body_room);
void item_free(struct item *item);
static inline unsigned char *item_body(const struct item *item)
{
	return item->bytes + FLEET_HEADER_SIZE;
}

/* @limit: bytes; the queue is full when it has more. Return: 0 or -errno. */
int queue_open(uint64_t limit, struct queue **out);
void queue_close(struct queue *q);

/* The reading thread: appends an item, also to a full queue. */
void queue_put(struct queue *q, struct item *item);
bool queue_is_full(struct queue *q);
/* Readable once the queue is no longer full; queue_is_full() makes it wait for that. */
int queue_fd(const struct queue *q);
/* No item will follow. */
void queue_end(struct queue *q);

/*
 * The spooling thread: takes the first item, for which it waits until @until_ns of now_ns().
 * Return: NULL: none has come; *@ended: none will.
 */
struct item *queue_take(struct queue *q, uint64_t until_ns, bool *ended);

#endif /* RINGD_QUEUE_H */

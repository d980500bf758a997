// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <seqring/abi.h>
#include <seqring/record.h>

#include "../fleet/names.h"
#include "../lib/clock.h"
#include "../lib/message.h"
#include "follow.h"
#include "log.h"
#include "metrics.h"

#define RECS	     256
#define ROUNDS	     16 /* of reading one ring before the others have their turn */
#define BAD_MAX	     8
#define BATCH_ROOM   4096 /* of a batch at first */
#define OPEN_WAIT_MS 1000

uint64_t follow_realtime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Makes a message about the ring. Return: NULL: no memory, which was logged. */
static struct item *new_item(const struct followed *f, unsigned int kind, uint64_t body_room)
{
	struct item *item = item_new(body_room);

	if (!item) {
		log_error("%s: no memory for a message", f->ring_name);
		return NULL;
	}
	item->m = (struct fleet_message) {
		.kind = kind,
		.id = f->id,
		.made_ns = follow_realtime(),
		.schema = f->schema,
	};
	return item;
}

static uint32_t get_ring_id(const struct followed *f, uint32_t ring)
{
	struct ring_stats_at st = { .size = sizeof(st) };

	return ring_stats_at(f->ring, ring, &st) ? ring : st.id;
}

/* Hands the batch that is being cut over. */
static void flush(struct followed *f, uint32_t ring)
{
	struct followed_ring *r = &f->rings[ring];
	struct item *item = r->batch;
	uint64_t wall;

	if (!item)
		return;
	r->batch = NULL;
	item->m.ring_id = get_ring_id(f, ring);
	item->m.made_ns = follow_realtime();
	if (item->m.first_ns && !ring_wall_time(f->ring, item->m.first_ns, &wall))
		item->m.wall_offset_ns = (int64_t)(wall - item->m.first_ns);
	queue_put(f->q, item);
}

/* Reports the records from r->next to @last as lost. Return: 0; -ENOMEM: they were not. */
static int report_loss(struct followed *f, uint32_t ring, uint64_t last, unsigned int cause)
{
	struct followed_ring *r = &f->rings[ring];
	struct item *item;

	if (last < r->next)
		return 0;
	flush(f, ring);
	item = new_item(f, FLEET_LOSS, 0);
	if (!item)
		return -ENOMEM;
	item->m.cause = cause;
	item->m.ring = ring;
	item->m.ring_id = get_ring_id(f, ring);
	item->m.first = r->next;
	item->m.last = last;
	count(&metrics.lost[cause], last - r->next + 1);
	r->next = last + 1;
	queue_put(f->q, item);
	return 0;
}

/*
 * Begins a batch for a record of @size bytes, or makes room for it in the present one. Rings may be
 * many and their batches small, so a batch begins with little room. Return: 0; -ENOMEM.
 */
static int prepare_batch(struct followed *f, uint32_t ring, uint64_t size, struct item **out)
{
	struct followed_ring *r = &f->rings[ring];
	struct item *item = r->batch;
	uint64_t need = size;
	int err = 0;

	if (item) {
		need += item->m.body_size;
		if (need > item->room - FLEET_HEADER_SIZE)
			err = item_grow(item, 2 * need);
	} else {
		item = new_item(f, FLEET_BATCH, need > BATCH_ROOM ? need : BATCH_ROOM);
		if (!item)
			return -ENOMEM;
		item->m.ring = ring;
		item->m.first = r->next;
		r->since_ns = now_ns();
		r->batch = item;
	}
	*out = item;
	return err;
}

static int add_record(struct followed *f, const struct ring_record *rec)
{
	struct followed_ring *r = &f->rings[rec->ring];
	const uint64_t size = seqring_record_size(rec->len);
	struct item *item = r->batch;
	struct fleet_message *m;
	int err;

	if (item && item->m.body_size + size > f->c->agent_batch_size)
		flush(f, rec->ring);
	err = prepare_batch(f, rec->ring, size, &item);
	if (err)
		return err;
	m = &item->m;
	if (!m->body_size)
		m->first_ns = rec->ts_ns;
	fleet_put_record(item_body(item) + m->body_size, rec->seq, rec->ts_ns, rec->type,
			 rec->payload, rec->len);
	m->body_size += (uint32_t)size;
	m->last = rec->seq;
	m->last_ns = rec->ts_ns;
	r->next = rec->seq + 1;
	count(&metrics.read, 1);
	count(&metrics.read_bytes, size);
	if (m->body_size >= f->c->agent_batch_size)
		flush(f, rec->ring);
	return 0;
}

/* Takes a record into account. Return: 0; -ENOMEM: it was not. */
static int take_record(struct followed *f, const struct ring_record *rec)
{
	struct followed_ring *r = &f->rings[rec->ring];
	int err;

	/* An earlier agent, or a read of before a seek, has it. */
	if (rec->seq < r->next)
		return 0;
	err = report_loss(f, rec->ring, rec->seq - 1, r->cause);
	if (err)
		return err;
	r->cause = FLEET_LOSS_OVERRUN;
	if (seqring_record_size(rec->len) + FLEET_HEADER_SIZE > f->c->agent_message_max) {
		log_warning("%s: record %" PRIu64
			    " of ring %u is lost: its %u bytes do not fit into a "
			    "message (agent.message_max)",
			    f->ring_name, rec->seq, rec->ring, rec->len);
		return report_loss(f, rec->ring, rec->seq, FLEET_LOSS_TOO_BIG);
	}
	return add_record(f, rec);
}

/* Sends the counters of all rings. */
static void send_counters(struct followed *f, unsigned int kind, unsigned int cause)
{
	struct item *item = new_item(f, kind, (uint64_t)f->nr_rings * FLEET_COUNTERS_SIZE);
	struct ring_stats_at st;
	uint32_t i;

	if (!item)
		return;
	item->m.cause = cause;
	for (i = 0; i < f->nr_rings; i++) {
		const struct followed_ring *r = &f->rings[i];
		struct fleet_counters c = { .ring = i };

		st = (struct ring_stats_at) { .size = sizeof(st) };
		if (ring_stats_at(f->ring, i, &st))
			st.id = i;
		c.ring_id = st.id;
		c.next = r->batch ? r->batch->m.first : r->next;
		c.published = st.published >= r->next ? st.published : r->next - 1;
		memcpy(c.dropped, st.dropped, sizeof(c.dropped));
		fleet_put_counters(item_body(item) + (size_t)i * FLEET_COUNTERS_SIZE, &c);
	}
	item->m.body_size = f->nr_rings * FLEET_COUNTERS_SIZE;
	queue_put(f->q, item);
}

static unsigned int get_end(const struct followed *f)
{
	struct ring_stats st = { .size = sizeof(st) };

	if (ring_stats(f->ring, &st))
		return FLEET_END_ENDED;
	if (st.end == RING_KILLED)
		return FLEET_END_KILLED;
	return st.end == RING_REPLACED ? FLEET_END_REPLACED : FLEET_END_ENDED;
}

/* Nothing more will come: accounts for what the ring has published. */
static void finish(struct followed *f)
{
	struct ring_stats_at st;
	uint32_t i;

	for (i = 0; i < f->nr_rings; i++) {
		flush(f, i);
		st = (struct ring_stats_at) { .size = sizeof(st) };
		/* Without memory the end's counters still tell. */
		if (!ring_stats_at(f->ring, i, &st))
			(void)report_loss(f, i, st.published, f->rings[i].cause);
	}
	send_counters(f, FLEET_END, get_end(f));
	f->ended = true;
}

/* The ring's bytes are wrong: goes on with what can be read. */
static void mend(struct followed *f)
{
	uint32_t i;
	int err;

	log_warning("%s: %s", f->ring_name, reason_of(-EBADMSG));
	for (i = 0; i < f->nr_rings; i++)
		f->rings[i].cause = FLEET_LOSS_CORRUPT;
	err = ring_seek(f->ring, f->bad ? RING_HEAD : RING_OLDEST, 0);
	if (!err && ++f->bad < BAD_MAX)
		return;
	log_error("%s: the ring stays corrupt; it is no longer read", f->ring_name);
	f->ended = true;
	f->failed = true;
}

bool follow_read(struct followed *f)
{
	unsigned int nr, i, round;
	int err = 0;

	for (round = 0; round < ROUNDS && !f->ended; round++) {
		err = ring_read_batch(f->ring, f->recs, RECS, f->buf, f->buf_size, &nr);
		for (i = 0; i < nr && !err; i++)
			err = take_record(f, &f->recs[i]);
		if (!err)
			f->bad = 0;
		else if (err == -ENODEV)
			finish(f);
		else if (err == -EBADMSG)
			mend(f);
		else if (err != -EPIPE)
			break;
	}
	if (err && err != -EAGAIN && err != -EPIPE && err != -ENODEV && err != -EBADMSG) {
		/* What was read and not kept shows as a gap. */
		log_error("%s: %s", f->ring_name, reason_of(err));
		return false;
	}
	return !f->ended && err != -EAGAIN;
}

uint64_t follow_due(struct followed *f, uint64_t now)
{
	uint64_t next, due;
	uint32_t i;

	if (now >= f->heartbeat_ns) {
		send_counters(f, FLEET_HEARTBEAT, 0);
		f->heartbeat_ns = now + f->c->agent_heartbeat;
	}
	next = f->heartbeat_ns;
	for (i = 0; i < f->nr_rings; i++) {
		if (!f->rings[i].batch)
			continue;
		due = f->rings[i].since_ns + f->c->agent_batch_time;
		if (due <= now)
			flush(f, i);
		else if (due < next)
			next = due;
	}
	return next;
}

void follow_pause(struct followed *f)
{
	uint32_t i;

	for (i = 0; i < f->nr_rings; i++)
		if (f->rings[i].cause == FLEET_LOSS_OVERRUN)
			f->rings[i].cause = FLEET_LOSS_SPOOL;
}

void follow_leave(struct followed *f)
{
	uint32_t i;

	for (i = 0; i < f->nr_rings; i++)
		flush(f, i);
	if (!f->ended)
		send_counters(f, FLEET_HEARTBEAT, 0);
}

/* Sends the ring's properties and schema. Return: 0 or -errno. */
static int send_schema(struct followed *f, const struct ring_info *info, bool known,
		       uint64_t before)
{
	const struct fleet_ring ring = {
		.writer = info->writer,
		.nr_rings = info->nr_rings,
		.clock_id = info->clock_id,
		.page_size = info->page_size,
		.features = info->features,
		.data_size = info->data_size,
		.payload_max = info->payload_max,
		.schema_size = info->schema_size,
	};
	struct item *item = new_item(f, FLEET_SCHEMA,
				     FLEET_RING_SIZE + (uint64_t)info->schema_size);
	int err;

	if (!item)
		return -ENOMEM;
	fleet_put_ring(item_body(item), &ring);
	/* Nobody changes it, but nobody is trusted either: the copy is what counts. */
	if (info->schema_size)
		memcpy(item_body(item) + FLEET_RING_SIZE, info->schema, info->schema_size);
	item->m.body_size = FLEET_RING_SIZE + info->schema_size;
	f->schema = fleet_schema_hash(item_body(item), item->m.body_size);
	item->m.schema = f->schema;
	/* Only a ring that was made by no library of this project can fail here. */
	item->m.epoch = 1;
	item->m.number = 1;
	err = fleet_encode(&item->m, item_body(item), item->bytes);
	if (err || (known && before == f->schema))
		item_free(item);
	else
		queue_put(f->q, item);
	return err;
}

/* The two messages that cannot be cut: schema, and counters. Return: 0; -EMSGSIZE. */
static int check_fits(const struct followed *f, const struct ring_info *info)
{
	const uint64_t schema = FLEET_RING_SIZE + (uint64_t)info->schema_size;
	const uint64_t counters = (uint64_t)info->nr_rings * FLEET_COUNTERS_SIZE;
	const uint64_t longest = schema > counters ? schema : counters;

	return FLEET_HEADER_SIZE + longest > f->c->agent_message_max ? -EMSGSIZE : 0;
}

static int set_identity(struct followed *f, const struct host *host, const struct ring_info *info)
{
	/* A ring that is named by its path is called as its writer called it. */
	const char *name = strchr(f->ring_name, '/') ? info->name : f->ring_name;

	memcpy(f->id.host, host->machine, sizeof(f->id.host));
	memcpy(f->id.boot, host->boot, sizeof(f->id.boot));
	snprintf(f->id.name, sizeof(f->id.name), "%s", name);
	return fleet_nonce(info->writer, info->creation, &f->id.nonce);
}

/* Reads from where the last agent had got to. Return: 0 or -errno. */
static int set_places(struct followed *f, const struct known_ring *known)
{
	uint32_t i;

	f->rings = calloc(f->nr_rings, sizeof(*f->rings));
	if (!f->rings)
		return -ENOMEM;
	for (i = 0; i < f->nr_rings; i++) {
		f->rings[i].next = known ? known->next[i] : 1;
		f->rings[i].cause = known ? FLEET_LOSS_STOPPED : FLEET_LOSS_START;
	}
	return 0;
}

static int prepare(struct followed *f, const struct host *host, const struct state *known)
{
	struct ring_info info = { .size = sizeof(info) };
	const struct known_ring *k;
	uint64_t bytes;
	int err;

	err = ring_info(f->ring, &info);
	if (!err)
		err = set_identity(f, host, &info);
	if (!err)
		err = check_fits(f, &info);
	if (err)
		return err;
	f->nr_rings = info.nr_rings;
	k = state_find(known, &f->id);
	if (k && k->ended)
		return -EALREADY;
	if (k && k->nr_rings != f->nr_rings)
		k = NULL;
	/* The longest payload that fits into a message is never cut. */
	f->buf_size = (f->c->agent_message_max + 7) & ~(size_t)7;
	f->buf = aligned_alloc(8, f->buf_size);
	f->recs = calloc(RECS, sizeof(*f->recs));
	err = f->buf && f->recs ? set_places(f, k) : -ENOMEM;
	if (err)
		return err;
	bytes = info.data_size / 8 < f->c->agent_batch_size ? info.data_size / 8 :
							      f->c->agent_batch_size;
	err = ring_set_wakeup(f->ring, 0, bytes, f->c->agent_batch_time / 2);
	if (!err)
		err = ring_fd(f->ring, &f->fd);
	if (err == -EOPNOTSUPP)
		err = 0;
	return err ? err : send_schema(f, &info, k, k ? k->schema : 0);
}

int follow_open(const struct config *c, struct queue *q, const struct host *host, const char *name,
		const struct state *known, struct followed **out, char *why, size_t size)
{
	const struct ring_open_opts opts = { .size = sizeof(opts),
					     .whence = RING_OLDEST,
					     .open_timeout_ms = OPEN_WAIT_MS };
	struct followed *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (f) {
		*f = (struct followed) { .c = c, .q = q, .fd = -1, .ring_name = strdup(name) };
		f->heartbeat_ns = now_ns();
		if (f->ring_name)
			err = ring_open(name, &opts, &f->ring);
		if (!err)
			err = prepare(f, host, known);
	}
	if (!err) {
		*out = f;
		return 0;
	}
	if (err == -EINVAL && f && f->rings)
		snprintf(why, size, "the name or the properties of the ring are no valid ones");
	else if (err == -EMSGSIZE)
		snprintf(
			why, size,
			"its schema or its counters do not fit into a message (agent.message_max)");
	else if (err == -EOPNOTSUPP)
		snprintf(why, size, "nothing tells the ring from an earlier one of its name");
	else
		snprintf(why, size, "%s", reason_of(err));
	follow_free(f);
	return err;
}

void follow_free(struct followed *f)
{
	uint32_t i;

	if (!f)
		return;
	for (i = 0; f->rings && i < f->nr_rings; i++)
		item_free(f->rings[i].batch);
	free(f->rings);
	ring_close(f->ring);
	free(f->buf);
	free(f->recs);
	free(f->ring_name);
	free(f);
}

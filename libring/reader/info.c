// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Properties of a ring, and statistics of the ring and its reader. */

#include <string.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/options.h"
#include "reader.h"

static uint64_t sum_dropped(const struct seqring_ring_ctl *ctl)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < SEQRING_DROP_SLOTS; i++)
		sum += seqring_read(&ctl->dropped[i]);
	return sum;
}

/* True if the writer ended the ring. If so, head and seq no longer change. */
static bool is_dead(const struct seqring_ring_ctl *ctl)
{
	/* Pairs with seqring_writer_end(). */
	return seqring_load_acquire(END, &ctl->state) & SEQRING_STATE_DEAD;
}

int ring_info(struct ring_reader *r, struct ring_info *info)
{
	const struct seqring_header *h = &r->mapping.hdr;
	struct ring_info in;
	int err;

	libring_forget_error();
	err = libring_get_grown_opts(&in, sizeof(in), offsetof(struct ring_info, peer_known), info,
				     "ring_info");
	if (!err)
		err = libring_check_there(r);
	if (err)
		return err;
	in = (struct ring_info) {
		.writer = h->writer_kind,
		.nr_rings = h->nr_rings,
		.clock_id = h->clock_id,
		.page_size = h->page_size,
		.features = h->features,
		.data_size = h->data_size,
		.payload_max = h->payload_max,
		.schema_size = (uint32_t)h->schema_size,
		.schema = h->schema_size ? r->mapping.map + h->schema_offset : NULL,
		.peer_known = r->peer.known,
		.peer_pid = r->peer.pid,
		.peer_uid = r->peer.uid,
		.peer_gid = r->peer.gid,
		.path = r->path,
		.creation = r->creation,
	};
	memcpy(in.name, h->name, sizeof(in.name));
	libring_put_result(info, &in, sizeof(in));
	return 0;
}

int ring_now(struct ring_reader *r, uint64_t *ns)
{
	const clockid_t clock = libring_user_clock(r->mapping.hdr.clock_id);

	libring_forget_error();
	/* The clock of a recording has stopped at its last record, unless it goes on. */
	if (r->backend->recording && r->merge.writer_gone && clock != SEQRING_NO_CLOCKID) {
		*ns = r->backend->recording->info(r)->last_ns;
		return 0;
	}
	if (clock == SEQRING_NO_CLOCKID)
		return libring_set_error(EOPNOTSUPP,
					 "there is no present time of clock %u: 1 to %u are clocks",
					 r->mapping.hdr.clock_id, SEQRING_CLOCK_MAX);
	*ns = libring_clock_ns(clock) + (uint64_t)r->merge.clock_shift_ns;
	return 0;
}

int ring_stats(struct ring_reader *r, struct ring_stats *stats)
{
	__u64 records, bytes, lost;
	struct ring_stats st;
	uint32_t i;
	int err;

	libring_forget_error();
	err = libring_get_grown_opts(&st, sizeof(st), offsetof(struct ring_stats, unfenced), stats,
				     "ring_stats");
	if (err)
		return err;
	st = (struct ring_stats) {
		.read = r->read,
		.filtered = r->filtered,
		.lost = r->past.lost,
		.overruns = r->past.overruns,
		.waits = r->wakeup.waits,
		.misordered = r->past.misordered + r->merge.misordered,
		.end = libring_get_end(r),
		.unfenced = r->wakeup.nr_unfenced,
		.early = r->past.early + r->merge.early,
		.window_ns = r->merge.hold_ns,
		.restarts = r->past.restarts,
	};
	st.dead = st.end != RING_RUNS;
	for (i = 0; i < r->merge.nr_src; i++) {
		const struct ring_source *s = &r->merge.src[i];

		libring_source_account(s, &records, &bytes, &lost);
		st.lost += s->rd.lost_total + lost;
		st.overruns += s->rd.overruns;
		st.lag_records += records;
		st.lag_bytes += bytes;
		st.published += seqring_read(&s->rd.ctl->seq);
		st.dropped += sum_dropped(s->rd.ctl);
		st.wakeups += seqring_read(&s->rd.ctl->wakeups);
	}
	libring_put_result(stats, &st, sizeof(st));
	return 0;
}

int ring_stats_at(struct ring_reader *r, unsigned int ring, struct ring_stats_at *stats)
{
	const struct seqring_ring_ctl *ctl;
	struct ring_stats_at st;
	int i, err;

	libring_forget_error();
	err = libring_get_grown_opts(&st, sizeof(st),
				     offsetof(struct ring_stats_at, dropped_before), stats,
				     "ring_stats_at");
	if (!err)
		err = libring_check_there(r);
	if (err)
		return err;
	if (ring >= r->mapping.hdr.nr_rings)
		return libring_set_error(ENOENT, "there is no ring %u: the device has %u, from 0",
					 ring, r->mapping.hdr.nr_rings);
	ctl = libring_ring_ctl(&r->mapping, ring);
	st = (struct ring_stats_at) {
		.dead = r->merge.writer_gone || is_dead(ctl),
		.tail = seqring_read(&ctl->tail),
		.head = seqring_read(&ctl->head),
		.published = seqring_read(&ctl->seq),
		.wakeups = seqring_read(&ctl->wakeups),
		.id = seqring_read(&ctl->id),
	};
	for (i = 0; i < SEQRING_DROP_SLOTS; i++)
		st.dropped[i] = seqring_read(&ctl->dropped[i]);
	if (r->backend->recording)
		r->backend->recording->dropped_before(r, ring, st.dropped_before);
	libring_put_result(stats, &st, sizeof(st));
	return 0;
}

int ring_recording_info(struct ring_reader *r, struct ring_recording_info *info)
{
	struct ring_recording_info in;
	int err;

	libring_forget_error();
	err = libring_get_opts(&in, sizeof(in), info, "ring_recording_info");
	if (err)
		return err;
	if (!r->backend->recording)
		return libring_set_error(EOPNOTSUPP, "the reader reads a ring, not a recording");
	libring_put_result(info, r->backend->recording->info(r), sizeof(in));
	return 0;
}

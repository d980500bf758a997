// SPDX-License-Identifier: GPL-2.0-only
/*
 * source.seqring.recording: babeltrace2 reads a recording without an export. Each ring has a port
 * and a stream, and is read by a reader of its own. What comes out is what the trace of ringctl
 * export --to ctf has.
 *
 * source.seqring.ring: the same of rings while they are written, until their writer ends. A
 * recording that still grows is read in this way, too.
 */
#include <errno.h>
#include <stdlib.h>

#include <babeltrace2/babeltrace.h>

#include <libring.h>
#include <libring/schema.h>

#include "../lib/clock.h"
#include "../lib/out.h"
#include "../ringctl/export/ctf.h"
#include "fields.h"
#include "source.h"

/* A record comes at most so long after its time: as the default merge window of ringctl. */
#define HOLD_NS (10 * NSEC_PER_SEC / 1000)
/* Between two messages which say that nothing happens. */
#define QUIET_NS (50 * NSEC_PER_SEC / 1000)

enum state { BEGINNING, RECORDS, LAST_LOSS, ENDING, DONE };

/* @packet: the present one; NULL: none is begun. @taken: rec is the next record */
struct iterator {
	bt_self_message_iterator *self;
	struct port *port;
	struct ring_reader *ring;
	struct ring_record rec;
	void *buf;
	struct out tmp;
	bt_packet *packet;
	uint64_t last_ns;
	uint64_t told;
	enum state state;
	bool taken;
};

static bt_message_iterator_class_initialize_method_status iterator_init(
	bt_self_message_iterator *self, bt_self_message_iterator_configuration *config,
	bt_self_component_port_output *output)
{
	struct ring_open_opts opts = { .size = sizeof(opts), .one_ring = 1 };
	struct iterator *it = calloc(1, sizeof(*it));
	int err = -ENOMEM;

	(void)config;
	if (it) {
		it->self = self;
		it->port = bt_self_component_port_get_data(
			bt_self_component_port_output_as_self_component_port(output));
		it->buf = malloc(it->port->source->payload_max);
		opts.ring = it->port->ring;
		if (it->buf)
			err = source_open(it->port->source, &opts, &it->ring);
	}
	if (err) {
		BT_CURRENT_THREAD_ERROR_APPEND_CAUSE_FROM_MESSAGE_ITERATOR(self, "%s",
									   err == -ENOMEM ?
										   "no memory" :
										   ring_strerror());
		if (it)
			free(it->buf);
		free(it);
		return BT_MESSAGE_ITERATOR_CLASS_INITIALIZE_METHOD_STATUS_ERROR;
	}
	bt_self_message_iterator_set_data(self, it);
	return BT_MESSAGE_ITERATOR_CLASS_INITIALIZE_METHOD_STATUS_OK;
}

static void iterator_finalize(bt_self_message_iterator *self)
{
	struct iterator *it = bt_self_message_iterator_get_data(self);

	if (!it)
		return;
	bt_packet_put_ref(it->packet);
	ring_close(it->ring);
	out_free(&it->tmp);
	free(it->buf);
	free(it);
}

/* For ring_schema_walk(). */
static int ignore_field(const struct ring_field *f, void *arg)
{
	(void)f;
	(void)arg;
	return 0;
}

static bt_message *new_event(struct iterator *it, const bt_event_class *ec, bt_field **payload)
{
	bt_message *msg;
	bt_event *event;
	bt_field *context;

	if (!ec)
		return NULL;
	msg = bt_message_event_create_with_packet_and_default_clock_snapshot(it->self, ec,
									     it->packet,
									     it->last_ns);
	if (!msg)
		return NULL;
	event = bt_message_event_borrow_event(msg);
	context = bt_event_borrow_common_context_field(event);
	bt_field_integer_unsigned_set_value(bt_field_structure_borrow_member_field_by_index(context,
											    0),
					    it->rec.seq);
	*payload = bt_event_borrow_payload_field(event);
	return msg;
}

static bt_message *undecoded_event(struct iterator *it)
{
	bt_field *payload;
	bt_message *msg = new_event(it, source_get_undecoded(it->port->source), &payload);

	if (!msg)
		return NULL;
	bt_field_integer_unsigned_set_value(bt_field_structure_borrow_member_field_by_index(payload,
											    0),
					    it->rec.type);
	fields_set_bytes(payload, 1, it->rec.payload, it->rec.len);
	return msg;
}

/* The event of the present record. Return: NULL: no memory. */
static bt_message *record_event(struct iterator *it)
{
	struct source *s = it->port->source;
	struct type *t = source_get_type(s, it->rec.type);
	const bt_event_class **ec;
	bt_field *payload;
	bt_message *msg;
	bool has_extra;
	size_t used = 0;

	if (!t)
		return NULL;
	if (!t->known || ring_schema_walk(s->schema, it->rec.type, it->rec.payload, it->rec.len,
					  ignore_field, NULL, &used))
		return undecoded_event(it);
	has_extra = used < it->rec.len;
	ec = has_extra ? &t->extra : &t->plain;
	if (!*ec)
		*ec = source_new_class(s, t->name, it->rec.type + (has_extra ? CTF_EXTRA : 0),
				       fields_new_record(s->tc, &t->plan, has_extra));
	/* babeltrace2 cannot have two members of one name, which a hostile schema may have. */
	if (!*ec)
		return undecoded_event(it);
	msg = new_event(it, *ec, &payload);
	if (!msg)
		return NULL;
	if (fields_fill(payload, s->schema, &t->plan, &it->rec, &it->tmp, &used)) {
		bt_message_put_ref(msg);
		return NULL;
	}
	if (has_extra)
		fields_set_bytes(payload,
				 bt_field_class_structure_get_member_count(
					 bt_field_borrow_class_const(payload)) -
					 2,
				 (const char *)it->rec.payload + used, it->rec.len - used);
	return msg;
}

static bt_message *end_packet(struct iterator *it)
{
	bt_message *msg = bt_message_packet_end_create_with_default_clock_snapshot(it->self,
										   it->packet,
										   it->last_ns);

	bt_packet_put_ref(it->packet);
	it->packet = NULL;
	return msg;
}

static bt_message *begin_packet(struct iterator *it)
{
	bt_field *context;

	it->packet = bt_packet_create(it->port->stream);
	if (!it->packet)
		return NULL;
	context = bt_packet_borrow_context_field(it->packet);
	bt_field_integer_unsigned_set_value(bt_field_structure_borrow_member_field_by_index(context,
											    0),
					    it->port->id);
	return bt_message_packet_beginning_create_with_default_clock_snapshot(it->self, it->packet,
									      it->last_ns);
}

static bt_message *new_loss(struct iterator *it, uint64_t begin_ns, uint64_t count)
{
	bt_message *msg = bt_message_discarded_events_create_with_default_clock_snapshots(
		it->self, it->port->stream, begin_ns, it->last_ns);

	if (msg)
		bt_message_discarded_events_set_count(msg, count);
	it->told += count;
	return msg;
}

/*
 * While a ring is quiet, those who merge it with other rings wait for it. Says up to which time its
 * records have come. Return: NULL: nothing to say yet, or *@err is -ENOMEM.
 */
static bt_message *quiet_message(struct iterator *it, uint64_t now_ns, int *err)
{
	bt_message *msg;

	if (now_ns < HOLD_NS || now_ns - HOLD_NS < it->last_ns + QUIET_NS || now_ns >= TIME_MAX)
		return NULL;
	it->last_ns = now_ns - HOLD_NS;
	msg = bt_message_message_iterator_inactivity_create(it->self, it->port->source->clock,
							    it->last_ns);
	if (!msg)
		*err = -ENOMEM;
	return msg;
}

/* Reads the next record. Return: 0; -EAGAIN: none is there yet; -ENODEV: none will come; -errno. */
static int take_record(struct iterator *it)
{
	int err = ring_read(it->ring, &it->rec, it->buf, it->port->source->payload_max);

	it->taken = !err;
	return err;
}

/*
 * The same. If there is no record yet, sets @now_ns to a time up to which all have come. The clock
 * is read only then.
 */
static int take_next(struct iterator *it, uint64_t *now_ns)
{
	int err = take_record(it);

	if (err != -EAGAIN || !it->port->source->has_clock || ring_now(it->ring, now_ns))
		return err;
	/* One may have come before the clock was read. */
	return take_record(it);
}

/* The messages of the present record, one for each call. The last one is its event. */
static bt_message *record_message(struct iterator *it)
{
	uint64_t before = it->last_ns, ts = it->rec.ts_ns < TIME_MAX ? it->rec.ts_ns : TIME_MAX;

	if (it->rec.lost && it->packet)
		return end_packet(it);
	/* Times never go back within a stream. */
	if (ts > it->last_ns)
		it->last_ns = ts;
	if (it->rec.lost) {
		uint64_t lost = it->rec.lost;

		it->rec.lost = 0;
		return new_loss(it, it->told || before ? before : it->last_ns, lost);
	}
	if (!it->packet)
		return begin_packet(it);
	it->taken = false;
	return record_event(it);
}

/* Return: the next message; NULL: *@err is -ENOMEM, -EAGAIN, or why the ring cannot be read. */
static bt_message *next_message(struct iterator *it, int *err)
{
	struct ring_stats st = { .size = sizeof(st) };
	uint64_t now_ns = 0;

	*err = -ENOMEM;
	switch (it->state) {
	case BEGINNING:
		it->state = RECORDS;
		return bt_message_stream_beginning_create(it->self, it->port->stream);
	case RECORDS:
		if (!it->taken)
			*err = take_next(it, &now_ns);
		if (it->taken) {
			*err = -ENOMEM;
			return record_message(it);
		}
		if (*err == -EAGAIN)
			return quiet_message(it, now_ns, err);
		if (*err != -ENODEV)
			return NULL;
		*err = -ENOMEM;
		it->state = LAST_LOSS;
		if (it->packet)
			return end_packet(it);
		/* fallthrough */
	case LAST_LOSS:
		it->state = ENDING;
		if (!ring_stats(it->ring, &st) && st.lost > it->told)
			return new_loss(it, it->last_ns, st.lost - it->told);
		/* fallthrough */
	case ENDING:
	default:
		it->state = DONE;
		return bt_message_stream_end_create(it->self, it->port->stream);
	}
}

static bt_message_iterator_class_next_method_status iterator_next(bt_self_message_iterator *self,
								  bt_message_array_const messages,
								  uint64_t capacity,
								  uint64_t *count)
{
	struct iterator *it = bt_self_message_iterator_get_data(self);
	uint64_t i;
	int err;

	for (i = 0; i < capacity && it->state != DONE; i++) {
		messages[i] = next_message(it, &err);
		if (messages[i])
			continue;
		if (err == -EAGAIN)
			break;
		BT_CURRENT_THREAD_ERROR_APPEND_CAUSE_FROM_MESSAGE_ITERATOR(self, "%s: %s",
									   it->port->source->path,
									   err == -ENOMEM ?
										   "no memory" :
										   ring_strerror());
		while (i)
			bt_message_put_ref(messages[--i]);
		return err == -ENOMEM ? BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_MEMORY_ERROR :
					BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_ERROR;
	}
	*count = i;
	if (i)
		return BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_OK;
	return it->state == DONE ? BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_END :
				   BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_AGAIN;
}

#pragma GCC visibility push(default)
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
BT_PLUGIN_MODULE();
BT_PLUGIN(seqring);
BT_PLUGIN_DESCRIPTION("Rings and recordings of seqring");
BT_PLUGIN_LICENSE("GPL-2.0-only");
BT_PLUGIN_SOURCE_COMPONENT_CLASS(recording, iterator_next);
BT_PLUGIN_SOURCE_COMPONENT_CLASS_DESCRIPTION(recording, "Read a recording of a ring.");
BT_PLUGIN_SOURCE_COMPONENT_CLASS_INITIALIZE_METHOD(recording, source_init_recording);
BT_PLUGIN_SOURCE_COMPONENT_CLASS_FINALIZE_METHOD(recording, source_finalize);
BT_PLUGIN_SOURCE_COMPONENT_CLASS_QUERY_METHOD(recording, source_query);
BT_PLUGIN_SOURCE_COMPONENT_CLASS_MESSAGE_ITERATOR_CLASS_INITIALIZE_METHOD(recording, iterator_init);
BT_PLUGIN_SOURCE_COMPONENT_CLASS_MESSAGE_ITERATOR_CLASS_FINALIZE_METHOD(recording,
									iterator_finalize);
BT_PLUGIN_SOURCE_COMPONENT_CLASS(ring, iterator_next);
BT_PLUGIN_SOURCE_COMPONENT_CLASS_DESCRIPTION(ring, "Read a ring while it is written.");
BT_PLUGIN_SOURCE_COMPONENT_CLASS_INITIALIZE_METHOD(ring, source_init_ring);
BT_PLUGIN_SOURCE_COMPONENT_CLASS_FINALIZE_METHOD(ring, source_finalize);
BT_PLUGIN_SOURCE_COMPONENT_CLASS_MESSAGE_ITERATOR_CLASS_INITIALIZE_METHOD(ring, iterator_init);
BT_PLUGIN_SOURCE_COMPONENT_CLASS_MESSAGE_ITERATOR_CLASS_FINALIZE_METHOD(ring, iterator_finalize);
#pragma GCC visibility pop

// SPDX-License-Identifier: GPL-2.0-only
/*
 * iceoryx: a publisher and a subscriber over its shared memory. The payload goes
 * into a chunk on loan, and is read in place. Its daemon, RouDi, hands out
 * the memory and has no part in the exchange.
 */
#include <time.h>

#include <iceoryx_binding_c/chunk.h>
#include <iceoryx_binding_c/log.h>
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <iceoryx_binding_c/types.h>
#include <iceoryx_binding_c/wait_set.h>

#include "helper.h"

#define QUEUE_DEPTH 256 /* the most that it was built for */
#define CONNECT_MS  10000

struct ice {
	iox_pub_storage_t pub_storage;
	iox_pub_t pub;

	iox_sub_storage_t sub_storage __attribute__((aligned(128)));
	iox_ws_storage_t set_storage;
	iox_sub_t sub;
	iox_ws_t set;
};

static const char *ready(void)
{
	iox_set_loglevel(Iceoryx_LogLevel_Error);
	iox_runtime_init("ringbench");
	return NULL;
}

static const char *ice_create(struct stream *s)
{
	static struct ice all[4];
	static unsigned int used;
	const struct timespec ms = { .tv_nsec = 1000000 };
	struct ice *ice = &all[used];
	iox_pub_options_t pub;
	iox_sub_options_t sub;
	unsigned int i;
	char event[32];

	if (used == sizeof(all) / sizeof(all[0]))
		fail("too many topics");
	snprintf(event, sizeof(event), "records%u", used++);
	iox_pub_options_init(&pub);
	pub.subscriberTooSlowPolicy = ConsumerTooSlowPolicy_WAIT_FOR_CONSUMER;
	iox_sub_options_init(&sub);
	sub.queueCapacity = QUEUE_DEPTH;
	sub.queueFullPolicy = QueueFullPolicy_BLOCK_PRODUCER;
	ice->pub = iox_pub_init(&ice->pub_storage, "ringbench", "peer", event, &pub);
	ice->sub = iox_sub_init(&ice->sub_storage, "ringbench", "peer", event, &sub);
	ice->set = iox_ws_init(&ice->set_storage);
	if (iox_ws_attach_subscriber_state(ice->set, ice->sub, SubscriberState_HAS_DATA, 1, NULL) !=
	    WaitSetResult_SUCCESS)
		fail("iceoryx: the wait set does not take the subscriber");
	for (i = 0; !iox_pub_has_subscribers(ice->pub); i++) {
		if (i == CONNECT_MS)
			fail("iceoryx: publisher and subscriber do not find each other");
		nanosleep(&ms, NULL);
	}
	s->impl = ice;
	return NULL;
}

static void ice_write(struct stream *s, unsigned int n)
{
	struct ice *ice = s->impl;
	void *chunk;

	for (; n; n--) {
		if (iox_pub_loan_chunk(ice->pub, &chunk, s->len) != AllocationResult_SUCCESS)
			fail("iceoryx: no chunk of %u bytes", s->len);
		payload_fill(s->payload, s->len, ++s->seq);
		memcpy(chunk, s->payload, s->len);
		iox_pub_publish_chunk(ice->pub, chunk);
	}
}

static unsigned int ice_collect(struct stream *s, struct reader *rd, unsigned int max)
{
	struct ice *ice = s->impl;
	iox_notification_info_t info;
	const void *payload;
	uint64_t missed;
	unsigned int n = 0;

	while (n < max) {
		if (iox_sub_take_chunk(ice->sub, &payload) != ChunkReceiveResult_SUCCESS) {
			if (n || !rd->may_block)
				break;
			iox_ws_wait(ice->set, &info, 1, &missed);
			continue;
		}
		payload_check(payload, s->len, ++rd->newest, s->kind->name);
		iox_sub_release_chunk(ice->sub, payload);
		n++;
	}
	rd->read += n;
	return n;
}

static const struct stream_kind stream_iceoryx = {
	.name = "iceoryx",
	.create = ice_create,
	.write = ice_write,
	.collect = ice_collect,
};

static const struct stream_kind *const kinds[] = { &stream_iceoryx };

const struct helper helper = {
	.kinds = kinds,
	.nr_kinds = 1,
	.ready = ready,
};

// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>
#include <seqring/abi.h>

#include "../../fleet/names.h"
#include "../../lib/json.h"
#include "../../lib/message.h"
#include "../info.h"
#include "audit.h"

#define HOST_DIGITS 8

static uint64_t sum_dropped(const struct fleet_ring_account *r)
{
	uint64_t sum = 0;
	unsigned int cause;

	for (cause = 0; cause < FLEET_DROPS; cause++)
		sum += r->dropped[cause];
	return sum;
}

/* Whether another line has the same device: then the number of the ring tells them apart. */
static bool has_siblings(const struct audit *a, const struct fleet_ring_account *r)
{
	size_t i;

	for (i = 0; i < a->account.nr; i++)
		if (&a->account.rings[i] != r &&
		    !memcmp(&a->account.rings[i].id, &r->id, sizeof(r->id)))
			return true;
	return false;
}

static void print_ring(const struct audit *a, const struct fleet_ring_account *r)
{
	char host[33], ring[FLEET_NAME_SIZE + 16], dropped[24] = "-";

	fleet_format_uuid(host, r->id.host);
	if (has_siblings(a, r))
		snprintf(ring, sizeof(ring), "%s[%" PRIu32 "]", r->id.name, r->ring_id);
	else
		snprintf(ring, sizeof(ring), "%s", r->id.name);
	if (r->counted)
		snprintf(dropped, sizeof(dropped), "%" PRIu64, sum_dropped(r));
	printf("%-*.*s %-24s %12" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12" PRIu64 " %9s %s\n",
	       HOST_DIGITS, HOST_DIGITS, host, ring, r->read, fleet_account_lost(r),
	       fleet_account_missing(r), r->published, dropped,
	       r->end ? fleet_end_name(r->end) : "-");
}

static void print_details(const struct fleet_ring_account *r)
{
	struct fleet_range gap;
	unsigned int cause;
	uint64_t from = 1;

	for (cause = 0; cause < FLEET_LOSS_CAUSES; cause++)
		if (r->lost[cause])
			printf("%-*s   lost, %s: %" PRIu64 "\n", HOST_DIGITS, "",
			       fleet_loss_name(cause), r->lost[cause]);
	for (; fleet_ranges_gap(&r->known, from, r->published, &gap); from = gap.last + 1)
		printf("%-*s   missing: %" PRIu64 " to %" PRIu64 "\n", HOST_DIGITS, "", gap.first,
		       gap.last);
}

int audit_print_text(const struct audit *a)
{
	size_t i;

	printf("%-*s %-24s %12s %10s %10s %12s %9s %s\n", HOST_DIGITS, "HOST", "RING", "READ",
	       "LOST", "MISSING", "PUBLISHED", "DROPPED", "END");
	for (i = 0; i < a->account.nr; i++) {
		print_ring(a, &a->account.rings[i]);
		print_details(&a->account.rings[i]);
	}
	return EXIT_OK;
}

static struct json_object *new_lost(const struct fleet_ring_account *r)
{
	struct json_object *obj = json_object_new_object();
	unsigned int cause;

	/* No loss has the cause 0. */
	for (cause = 1; obj && cause < FLEET_LOSS_CAUSES; cause++) {
		if (json_add_uint(obj, fleet_loss_name(cause), r->lost[cause])) {
			json_object_put(obj);
			obj = NULL;
		}
	}
	return obj;
}

/* The ranges that are missing, as arrays of first and last. */
static struct json_object *new_gaps(const struct fleet_ring_account *r)
{
	struct json_object *all = json_object_new_array(), *one;
	struct fleet_range gap;
	uint64_t from = 1;

	for (; all && fleet_ranges_gap(&r->known, from, r->published, &gap); from = gap.last + 1) {
		one = json_object_new_array();
		if (!one || json_object_array_add(all, one)) {
			json_object_put(one);
			json_object_put(all);
			return NULL;
		}
		json_object_array_add(one, json_object_new_uint64(gap.first));
		json_object_array_add(one, json_object_new_uint64(gap.last));
	}
	return all;
}

static struct json_object *new_ring(const struct fleet_ring_account *r)
{
	struct json_object *obj = json_object_new_object();
	char host[33], boot[33], nonce[17];

	fleet_format_uuid(host, r->id.host);
	fleet_format_uuid(boot, r->id.boot);
	snprintf(nonce, sizeof(nonce), "%016" PRIx64, r->id.nonce);
	if (!obj || json_add_string(obj, "host", host) || json_add_string(obj, "boot", boot) ||
	    json_add_string(obj, "nonce", nonce) || json_add_string(obj, "name", r->id.name) ||
	    json_add_uint(obj, "ring", r->ring) || json_add_uint(obj, "ring_id", r->ring_id) ||
	    json_add_uint(obj, "read", r->read) || json_add(obj, "lost", new_lost(r)) ||
	    json_add_uint(obj, "missing", fleet_account_missing(r)) ||
	    json_add(obj, "gaps", new_gaps(r)) || json_add_uint(obj, "published", r->published) ||
	    (r->counted ? json_add(obj, "dropped", info_new_drops(r->dropped)) :
			  json_object_object_add(obj, "dropped", NULL)) ||
	    (r->end ? json_add_string(obj, "end", fleet_end_name(r->end)) :
		      json_object_object_add(obj, "end", NULL))) {
		json_object_put(obj);
		return NULL;
	}
	return obj;
}

int audit_print_json(const struct audit *a)
{
	struct json_object *all = json_object_new_object(), *rings = json_object_new_array(), *one;
	int err = -ENOMEM;
	size_t i;

	if (!all || json_add_uint(all, "messages", a->messages) ||
	    json_add_uint(all, "damaged", a->damaged))
		goto failed;
	for (i = 0; rings && i < a->account.nr; i++) {
		one = new_ring(&a->account.rings[i]);
		if (!one || json_object_array_add(rings, one)) {
			json_object_put(one);
			goto failed;
		}
	}
	err = json_add(all, "rings", rings);
	rings = NULL;
	if (!err)
		err = json_write(stdout, all);
failed:
	json_object_put(rings);
	json_object_put(all);
	return err ? fail("audit", "%s", strerror(ENOMEM)) : EXIT_OK;
}

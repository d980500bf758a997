// SPDX-License-Identifier: GPL-2.0-only
/*
 * stream URL STREAM           reads the agent's stream or, if URL is -, the files of the directory
 *                             STREAM, and prints the account of each ring:
 *                             NAME NONCE RING read R lost L published P gaps G overlaps O end E
 *                             causes C,..., then: messages N chain C bad B
 * stream URL STREAM --trimmed  the same of a stream whose first messages were removed
 * stream URL STREAM --any     the same of records with any payload
 * stream URL STREAM --ack N   acknowledges the first N messages that are not, as the consumer does
 * stream URL STREAM --fill N  publishes N messages of 64 KiB that are no agent's
 * stream URL STREAM --publish FILE...  creates the stream, and publishes each file's bytes
 * stream URL STREAM --purge N  removes the messages before the Nth of the stream
 * stream URL STREAM --delete  deletes the stream
 * stream URL STREAM --forget  deletes the consumer
 * stream URL STREAM --acks    prints the consumer's floor, and messages that are not acknowledged
 * stream URL STREAM --wrong   creates a consumer that acknowledges several messages at once
 *
 * Otherwise each payload has to be the record's seq in decimal. Exit status 1: a message or the
 * chain is wrong.
 */
#include <errno.h>
#include <inttypes.h>
#include <nats/nats.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/fleet/message.h"
#include "../../tools/fleet/names.h"

#define RINGS 512

/* One ring of one creation. @next: the first seq that is not accounted for */
struct account {
	struct fleet_identity id;
	uint32_t ring;
	uint64_t next;
	uint64_t read;
	uint64_t lost[FLEET_LOSS_CAUSES];
	uint64_t published;
	uint64_t gaps;
	uint64_t overlaps;
	unsigned int end;
	bool has_schema;
};

static struct account accounts[RINGS];
static unsigned int nr_accounts;
static uint64_t messages, bad, broken;
static bool trimmed, any_payload;
static uint64_t last_epoch, last_number;

static void *die(const char *what, natsStatus s)
{
	fprintf(stderr, "stream: %s: %s\n", what, natsStatus_GetText(s));
	exit(2);
}

static struct account *get(const struct fleet_identity *id, uint32_t ring)
{
	unsigned int i;

	for (i = 0; i < nr_accounts; i++)
		if (accounts[i].ring == ring && !memcmp(&accounts[i].id, id, sizeof(*id)))
			return &accounts[i];
	if (nr_accounts == RINGS)
		die("too many rings", NATS_ERR);
	accounts[nr_accounts] = (struct account) { .id = *id, .ring = ring, .next = 1 };
	return &accounts[nr_accounts++];
}

static int check_record(uint64_t seq, uint64_t ts_ns, uint16_t type, const void *payload,
			uint32_t len, void *arg)
{
	char want[32];
	int n = snprintf(want, sizeof(want), "%" PRIu64, seq);

	(void)ts_ns;
	(void)type;
	(void)arg;
	if ((uint32_t)n != len || memcmp(want, payload, len)) {
		fprintf(stderr, "stream: record %" PRIu64 " has the payload %.*s\n", seq, (int)len,
			(const char *)payload);
		bad++;
	}
	return 0;
}

static void take_range(const struct fleet_message *m)
{
	struct account *a = get(&m->id, m->ring);

	if (m->first > a->next)
		a->gaps += m->first - a->next;
	if (m->first < a->next)
		a->overlaps += (m->last < a->next ? m->last + 1 : a->next) - m->first;
	if (m->last >= a->next) {
		const uint64_t new = m->last - (m->first > a->next ? m->first : a->next) + 1;

		if (m->kind == FLEET_BATCH)
			a->read += new;
		else
			a->lost[m->cause] += new;
		a->next = m->last + 1;
	}
}

static void take_counters(const struct fleet_message *m, const unsigned char *body)
{
	struct fleet_counters c;
	uint32_t at;

	for (at = 0; at < m->body_size; at += FLEET_COUNTERS_SIZE) {
		struct account *a;

		fleet_get_counters(body + at, &c);
		a = get(&m->id, c.ring);
		a->published = c.published;
		/* The agent counts only records of messages before this one. */
		if (!trimmed && c.next > a->next) {
			fprintf(stderr,
				"stream: counters say %" PRIu64 ", but only %" PRIu64 " arrived\n",
				c.next, a->next);
			bad++;
		}
	}
}

static void take(const void *data, size_t size, const char *id)
{
	char want[FLEET_ID_SIZE];
	struct fleet_message m;
	const void *body;
	const char *why;
	void *copy;
	unsigned int i;

	messages++;
	/* The library's buffer need not be aligned. */
	copy = aligned_alloc(8, (size + 7) & ~(size_t)7);
	memcpy(copy, data, size);
	if (fleet_decode(copy, size, &m, &body, &why)) {
		fprintf(stderr, "stream: message %" PRIu64 ": %s\n", messages, why);
		bad++;
		free(copy);
		return;
	}
	fleet_format_id(want, m.epoch, m.number);
	if ((id && strcmp(id, want)) ||
	    (last_number && m.epoch == last_epoch && m.number != last_number + 1)) {
		fprintf(stderr, "stream: message %s follows %016" PRIx64 "-%" PRIu64 "\n", want,
			last_epoch, last_number);
		broken++;
	}
	last_epoch = m.epoch;
	last_number = m.number;
	if (m.kind == FLEET_SCHEMA) {
		get(&m.id, 0)->has_schema = true;
	} else if (!trimmed && !get(&m.id, 0)->has_schema) {
		fprintf(stderr, "stream: message %s has no schema before it\n", want);
		bad++;
	}
	if (m.kind == FLEET_BATCH && !any_payload)
		fleet_walk(&m, body, check_record, NULL);
	if (m.kind == FLEET_BATCH || m.kind == FLEET_LOSS)
		take_range(&m);
	if (m.kind == FLEET_HEARTBEAT || m.kind == FLEET_END)
		take_counters(&m, body);
	for (i = 0; m.kind == FLEET_END && i < nr_accounts; i++)
		if (!memcmp(&accounts[i].id, &m.id, sizeof(m.id)))
			accounts[i].end = m.cause;
	free(copy);
}

static void print_accounts(void)
{
	unsigned int i, j;

	for (i = 0; i < nr_accounts; i++) {
		const struct account *a = &accounts[i];
		const char *comma = "";
		uint64_t lost = 0;

		for (j = 0; j < FLEET_LOSS_CAUSES; j++)
			lost += a->lost[j];
		printf("%s %" PRIx64 " %u read %" PRIu64 " lost %" PRIu64 " published %" PRIu64
		       " gaps %" PRIu64 " overlaps %" PRIu64 " end %s causes ",
		       a->id.name, a->id.nonce, a->ring, a->read, lost, a->published, a->gaps,
		       a->overlaps, a->end ? fleet_end_name(a->end) : "-");
		for (j = 0; j < FLEET_LOSS_CAUSES; j++) {
			if (!a->lost[j])
				continue;
			printf("%s%s=%" PRIu64, comma, fleet_loss_name(j), a->lost[j]);
			comma = ",";
		}
		printf("%s\n", lost ? "" : "-");
	}
	printf("messages %" PRIu64 " chain %" PRIu64 " bad %" PRIu64 "\n", messages, broken, bad);
}

/* Reads files of a directory, in order. */
static void read_files(const char *dir)
{
	unsigned int file;

	for (file = 1;; file++) {
		unsigned char header[FLEET_HEADER_SIZE], *all;
		struct fleet_message m;
		char path[4096];
		const char *why;
		FILE *f;

		snprintf(path, sizeof(path), "%s/%010u.fleet", dir, file);
		f = fopen(path, "re");
		if (!f)
			break;
		while (fread(header, sizeof(header), 1, f)) {
			size_t size;

			if (fleet_decode_header(header, &m, &why)) {
				fprintf(stderr, "stream: %s: %s\n", path, why);
				bad++;
				break;
			}
			size = fleet_padded_size(&m);
			all = malloc(size);
			memcpy(all, header, sizeof(header));
			if (size > sizeof(header) &&
			    fread(all + sizeof(header), size - sizeof(header), 1, f) != 1)
				bad++;
			else
				take(all, FLEET_HEADER_SIZE + m.body_size, NULL);
			free(all);
		}
		fclose(f);
	}
}

static void read_stream(jsCtx *js, const char *stream)
{
	jsStreamInfo *si = NULL;
	natsStatus s = js_GetStreamInfo(&si, js, stream, NULL, NULL);
	uint64_t seq;

	if (s != NATS_OK)
		die(stream, s);
	for (seq = si->State.FirstSeq; seq && seq <= si->State.LastSeq; seq++) {
		natsMsg *msg = NULL;
		const char *id = NULL;
		jsErrCode code = 0;

		s = js_GetMsg(&msg, js, stream, seq, NULL, &code);
		/* The agent may remove messages while they are read. */
		if (code == JSNoMessageFoundErr && trimmed)
			last_number = 0;
		else if (s != NATS_OK)
			die("a message", s);
		if (s != NATS_OK)
			continue;
		natsMsgHeader_Get(msg, "Nats-Msg-Id", &id);
		take(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), id ? id : "");
		natsMsg_Destroy(msg);
	}
	jsStreamInfo_Destroy(si);
}

static void acknowledge(jsCtx *js, const char *stream, unsigned long nr)
{
	natsSubscription *sub = NULL;
	int wanted = 0, got = 0, i;
	jsSubOptions o;
	natsStatus s;

	jsSubOptions_Init(&o);
	o.Stream = stream;
	o.Config.AckPolicy = js_AckExplicit;
	s = js_PullSubscribe(&sub, js, FLEET_SUBJECT_PREFIX ">", FLEET_CONSUMER, NULL, &o, NULL);
	if (s != NATS_OK)
		die("consumer", s);
	/* Until fewer are there than asked for: an agent that runs always sends another one. */
	while (nr && wanted == got) {
		natsMsgList list = { 0 };

		wanted = nr < 64 ? (int)nr : 64;
		got = 0;
		s = natsSubscription_Fetch(&list, sub, wanted, 200, NULL);
		if (s != NATS_OK)
			break;
		for (i = 0; i < list.Count; i++)
			if (natsMsg_AckSync(list.Msgs[i], NULL, NULL) == NATS_OK)
				got++;
		nr -= (unsigned long)got;
		natsMsgList_Destroy(&list);
	}
	natsSubscription_Destroy(sub);
}

static void fill(jsCtx *js, const char *stream, unsigned long nr)
{
	char agent[FLEET_AGENT_MAX + 1], subject[FLEET_SUBJECT_SIZE];
	static char junk[65536];

	if (fleet_agent_of_stream(stream, agent))
		die(stream, NATS_INVALID_ARG);
	fleet_subject(subject, agent, FLEET_BATCH);
	while (nr--) {
		jsPubAck *ack = NULL;
		natsStatus s = js_Publish(&ack, js, subject, junk, sizeof(junk), NULL, NULL);

		jsPubAck_Destroy(ack);
		if (s != NATS_OK)
			die("publish", s);
	}
}

/* Publishes the bytes of files, in their order. */
static void publish(jsCtx *js, const char *stream, char **paths)
{
	char agent[FLEET_AGENT_MAX + 1], all[FLEET_SUBJECT_SIZE], subject[FLEET_SUBJECT_SIZE];
	const char *subjects = all;
	static char data[1 << 20];
	jsStreamConfig cfg;
	jsErrCode code = 0;
	natsStatus s;

	if (fleet_agent_of_stream(stream, agent))
		die(stream, NATS_INVALID_ARG);
	fleet_all_subjects(all, agent);
	fleet_subject(subject, agent, FLEET_BATCH);
	jsStreamConfig_Init(&cfg);
	cfg.Name = stream;
	cfg.Subjects = &subjects;
	cfg.SubjectsLen = 1;
	s = js_AddStream(NULL, js, &cfg, NULL, &code);
	if (s != NATS_OK && code != JSStreamNameExistErr)
		die("create the stream", s);
	for (; *paths; paths++) {
		FILE *f = fopen(*paths, "re");
		size_t n = f ? fread(data, 1, sizeof(data), f) : 0;

		if (!f)
			die(*paths, NATS_NOT_FOUND);
		fclose(f);
		s = js_Publish(NULL, js, subject, data, (int)n, NULL, NULL);
		if (s != NATS_OK)
			die("publish", s);
	}
}

static void purge(jsCtx *js, const char *stream, uint64_t seq)
{
	natsStatus s;
	jsOptions o;

	jsOptions_Init(&o);
	o.Stream.Purge.Sequence = seq;
	s = js_PurgeStream(js, stream, &o, NULL);
	if (s != NATS_OK)
		die("purge", s);
}

static void print_acks(jsCtx *js, const char *stream)
{
	jsConsumerInfo *ci = NULL;
	natsStatus s = js_GetConsumerInfo(&ci, js, stream, FLEET_CONSUMER, NULL, NULL);

	if (s != NATS_OK)
		die("consumer", s);
	printf("%" PRIu64 " %" PRId64 "\n", ci->AckFloor.Stream, ci->NumAckPending);
	jsConsumerInfo_Destroy(ci);
}

static void add_wrong(jsCtx *js, const char *stream)
{
	jsConsumerConfig cfg;
	natsStatus s;

	jsConsumerConfig_Init(&cfg);
	cfg.Durable = FLEET_CONSUMER;
	cfg.AckPolicy = js_AckAll;
	s = js_AddConsumer(NULL, js, stream, &cfg, NULL, NULL);
	if (s != NATS_OK)
		die("consumer", s);
}

/* Does what an option says, if it is one. */
static bool act(jsCtx *js, const char *stream, int argc, char **argv)
{
	const char *option = argc > 3 ? argv[3] : "";
	natsStatus s = NATS_OK;

	if (!strcmp(option, "--ack") && argc == 5)
		acknowledge(js, stream, strtoul(argv[4], NULL, 10));
	else if (!strcmp(option, "--fill") && argc == 5)
		fill(js, stream, strtoul(argv[4], NULL, 10));
	else if (!strcmp(option, "--publish"))
		publish(js, stream, argv + 4);
	else if (!strcmp(option, "--purge") && argc == 5)
		purge(js, stream, strtoull(argv[4], NULL, 10));
	else if (!strcmp(option, "--delete"))
		s = js_DeleteStream(js, stream, NULL, NULL);
	else if (!strcmp(option, "--forget"))
		s = js_DeleteConsumer(js, stream, FLEET_CONSUMER, NULL, NULL);
	else if (!strcmp(option, "--acks"))
		print_acks(js, stream);
	else if (!strcmp(option, "--wrong"))
		add_wrong(js, stream);
	else
		return false;
	if (s != NATS_OK)
		die(option, s);
	return true;
}

int main(int argc, char **argv)
{
	natsConnection *nc = NULL;
	jsCtx *js = NULL;
	natsStatus s;

	if (argc < 3)
		die("usage: stream URL STREAM [OPTION...]", NATS_INVALID_ARG);
	if (!strcmp(argv[1], "-")) {
		read_files(argv[2]);
		print_accounts();
		return bad || broken;
	}
	s = natsConnection_ConnectTo(&nc, argv[1]);
	if (s == NATS_OK)
		s = natsConnection_JetStream(&js, nc, NULL);
	if (s != NATS_OK)
		die(argv[1], s);
	if (!act(js, argv[2], argc, argv)) {
		trimmed = argc == 4 && !strcmp(argv[3], "--trimmed");
		any_payload = argc == 4 && !strcmp(argv[3], "--any");
		read_stream(js, argv[2]);
		print_accounts();
	}
	jsCtx_Destroy(js);
	natsConnection_Destroy(nc);
	nats_Close();
	return bad || broken;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stream of NATS JetStream. A session is one connection, which is never repaired: after a failure
 * the stream's last message says what has arrived. Each message names the one before it, so the
 * server refuses all that follow a message that is missing.
 */
#include <errno.h>
#include <inttypes.h>
#include <nats/nats.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fleet/names.h"
#include "../lib/clock.h"
#include "log.h"
#include "sink.h"
#include "sink_nats_login.h"

#define WAIT_MS	       3000 /* for an answer of the server */
#define WRONG_LAST_MAX 2
#define DUPLICATES_NS  (120 * 1000000000LL)

/*
 * One connection. It is closed when the session ends, and freed later: jsCtx_Destroy() races with
 * acknowledgements that come late (libnats 3.4.1).
 *
 * @under_way: messages that the library has not called back for. Once the connection is closed, it
 *             may never do so
 * @free_at: when nothing of the library can run any more for it
 */
struct session {
	struct session *next;
	struct sink *s;
	natsConnection *nc;
	jsCtx *js;
	unsigned int under_way;
	uint64_t free_at;
};

/*
 * @lock: protects what the library's threads change: @acked, @err, @code, session.under_way
 * @now: the present session. What is left of an earlier one does not count
 * @old: sessions that are closed and not freed
 * @floor, @released: the last answer of the consumer, and what it meant
 * @last_seq: place of the last message in the stream, when the session began
 * @wrong_last: sessions in a row whose first message was refused because of the one before it
 * @by_seq: the first message of the session names that place, and not the message before it
 * @said: the failure that was logged last, so that a long one is logged once
 */
struct sink {
	const struct config *c;
	char stream[FLEET_STREAM_SIZE];
	void (*notify)(void *arg);
	void *arg;
	natsOptions *opts;
	struct session *now;
	struct session *old;
	uint64_t floor;
	uint64_t released;
	uint64_t last_seq;
	unsigned int wrong_last;
	bool by_seq;
	char said[256];

	pthread_mutex_t lock;
	uint64_t acked;
	int err;
	jsErrCode code;
};

static void say(struct sink *s, const char *what, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	if (!strcmp(text, s->said))
		return;
	snprintf(s->said, sizeof(s->said), "%s", text);
	log_warning("nats: %s", text);
}

static int fail(struct sink *s, const char *what, natsStatus status, jsErrCode code)
{
	char why[200];

	if (code == JSStreamStoreFailedErr) {
		say(s, s->stream, "the stream is full: the spool grows until messages are removed");
		return -ENOSPC;
	}
	if (code)
		snprintf(why, sizeof(why), "error %d of the server", (int)code);
	else
		snprintf(why, sizeof(why), "%s", natsStatus_GetText(status));
	say(s, what, why);
	return status == NATS_NO_MEMORY ? -ENOMEM : -EIO;
}

static int nats_create(const struct config *c, void (*notify)(void *arg), void *arg,
		       struct sink **out)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->c = c;
	s->notify = notify;
	s->arg = arg;
	pthread_mutex_init(&s->lock, NULL);
	fleet_stream(s->stream, c->agent_name);
	err = sink_nats_login(c, &s->opts);
	if (err) {
		pthread_mutex_destroy(&s->lock);
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

static bool is_idle(struct sink *s, const struct session *se)
{
	bool idle;

	pthread_mutex_lock(&s->lock);
	idle = !se->under_way;
	pthread_mutex_unlock(&s->lock);
	return idle;
}

/* Frees closed sessions that the library no longer uses. */
static void free_old(struct sink *s)
{
	struct session **at = &s->old, *se;

	while ((se = *at)) {
		if (!is_idle(s, se) && now_ns() < se->free_at) {
			at = &se->next;
			continue;
		}
		*at = se->next;
		jsCtx_Destroy(se->js);
		natsConnection_Destroy(se->nc);
		free(se);
	}
}

static void nats_destroy(struct sink *s)
{
	/* The library may still use what is left. The program is about to end. */
	static struct sink *abandoned;

	free_old(s);
	if (s->old) {
		abandoned = s;
		(void)abandoned;
		return;
	}
	natsOptions_Destroy(s->opts);
	nats_CloseAndWait(WAIT_MS);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Number of a message that this program has sent, from its id. */
static uint64_t number_of(natsMsg *msg)
{
	uint64_t epoch, number;
	const char *id = NULL;

	if (!msg || natsMsgHeader_Get(msg, "Nats-Msg-Id", &id) != NATS_OK ||
	    fleet_parse_id(id, &epoch, &number))
		return 0;
	return number;
}

/* Called by a thread of the library for each message that was sent. */
static void take_ack(jsCtx *js, natsMsg *msg, jsPubAck *ack, jsPubAckErr *pae, void *arg)
{
	struct session *se = arg;
	struct sink *s = se->s;
	const uint64_t number = number_of(msg);

	(void)js;
	(void)ack;
	pthread_mutex_lock(&s->lock);
	se->under_way--;
	if (se == s->now) {
		if (!pae && number > s->acked)
			s->acked = number;
		/* The messages behind one that failed fail because of it. */
		if (pae && !s->err) {
			s->err = pae->Err ? (int)pae->Err : NATS_ERR;
			s->code = pae->ErrCode;
		}
	}
	pthread_mutex_unlock(&s->lock);
	natsMsg_Destroy(msg);
	s->notify(s->arg);
}

static void set_stream(struct sink *s, jsStreamConfig *cfg, const char **subject)
{
	jsStreamConfig_Init(cfg);
	cfg->Name = s->stream;
	cfg->Subjects = subject;
	cfg->SubjectsLen = 1;
	cfg->Storage = js_FileStorage;
	cfg->Replicas = (int64_t)s->c->nats_replicas;
	cfg->MaxBytes = (int64_t)s->c->nats_stream_size;
	cfg->Discard = js_DiscardNew;
	cfg->Duplicates = DUPLICATES_NS;
}

/*
 * Refuses a stream that would lose messages, or has those of others. An administrator may have
 * made it.
 */
static int check_stream(struct sink *s, const jsStreamInfo *si, const char *subject)
{
	const jsStreamConfig *cfg = si->Config;

	if (cfg->Discard == js_DiscardNew && cfg->Retention == js_LimitsPolicy &&
	    cfg->SubjectsLen == 1 && !strcmp(cfg->Subjects[0], subject) && !cfg->NoAck)
		return 0;
	say(s, s->stream,
	    "the stream exists and is not as an agent needs it: DiscardNew, limits policy, and the "
	    "agent's subjects alone");
	return -EINVAL;
}

/* Sees to it that the stream is there. @has_messages: whether it has any */
static int get_stream(struct sink *s, bool *has_messages)
{
	char subject[FLEET_SUBJECT_SIZE];
	const char *subjects = subject;
	jsStreamInfo *si = NULL;
	jsErrCode code = 0;
	jsStreamConfig cfg;
	natsStatus status;
	int err;

	fleet_all_subjects(subject, s->c->agent_name);
	status = js_GetStreamInfo(&si, s->now->js, s->stream, NULL, &code);
	if (status == NATS_NOT_FOUND || code == JSStreamNotFoundErr) {
		set_stream(s, &cfg, &subjects);
		code = 0;
		status = js_AddStream(&si, s->now->js, &cfg, NULL, &code);
		if (status == NATS_OK)
			log_info("nats: created the stream %s", s->stream);
	}
	if (status != NATS_OK)
		return fail(s, s->stream, status, code);
	err = check_stream(s, si, subject);
	*has_messages = si->State.Msgs;
	jsStreamInfo_Destroy(si);
	return err;
}

/* Reads the id of a message that the stream has. */
static int read_id(struct sink *s, natsMsg *msg, struct sink_last *last)
{
	const char *id = NULL;

	if (natsMsgHeader_Get(msg, "Nats-Msg-Id", &id) == NATS_OK &&
	    !fleet_parse_id(id, &last->epoch, &last->number))
		return 0;
	say(s, s->stream, "the stream has a message that is no agent's");
	return -EPROTO;
}

static int get_last(struct sink *s, struct sink_last *last)
{
	char subject[FLEET_SUBJECT_SIZE];
	natsMsg *msg = NULL;
	jsErrCode code = 0;
	natsStatus status;
	int err;

	fleet_all_subjects(subject, s->c->agent_name);
	/* It has messages. To take "not found" for an empty stream would be to begin anew. */
	status = js_GetLastMsg(&msg, s->now->js, s->stream, subject, NULL, &code);
	if (status != NATS_OK)
		return fail(s, s->stream, status, code);
	err = read_id(s, msg, last);
	s->last_seq = natsMsg_GetSequence(msg);
	natsMsg_Destroy(msg);
	return err;
}

static int connect_js(struct sink *s)
{
	struct session *se = calloc(1, sizeof(*se));
	natsStatus status;
	jsOptions o;

	if (!se)
		return -ENOMEM;
	se->s = s;
	pthread_mutex_lock(&s->lock);
	s->now = se;
	s->acked = 0;
	s->err = 0;
	s->code = 0;
	pthread_mutex_unlock(&s->lock);
	status = natsConnection_Connect(&se->nc, s->opts);
	if (status != NATS_OK) {
		const char *why = nats_GetLastError(NULL);

		say(s, "cannot connect", why && *why ? why : natsStatus_GetText(status));
		return -EIO;
	}
	jsOptions_Init(&o);
	o.Wait = WAIT_MS;
	o.PublishAsync.AckHandler = take_ack;
	o.PublishAsync.AckHandlerClosure = se;
	status = natsConnection_JetStream(&se->js, se->nc, &o);
	return status == NATS_OK ? 0 : fail(s, "JetStream", status, 0);
}

static int nats_open(struct sink *s, struct sink_last *last)
{
	bool has_messages = false;
	int err;

	*last = (struct sink_last) { 0 };
	free_old(s);
	err = connect_js(s);
	if (!err &&
	    natsConnection_GetMaxPayload(s->now->nc) < (int64_t)s->c->agent_message_max + 512) {
		char why[160];

		snprintf(why, sizeof(why),
			 "its max_payload is %" PRId64 " bytes; it must be 512 more than the "
			 "agent's message_max, %" PRIu64,
			 (int64_t)natsConnection_GetMaxPayload(s->now->nc),
			 s->c->agent_message_max);
		say(s, "the server takes no long messages", why);
		err = -EMSGSIZE;
	}
	if (!err)
		err = get_stream(s, &has_messages);
	if (!err && has_messages)
		err = get_last(s, last);
	/*
	 * After a change of leaders, the server may refuse each message that names the last one of
	 * the stream (nats-server 2.9.10). Its place in the stream says as much.
	 */
	s->by_seq = !err && has_messages && s->wrong_last >= WRONG_LAST_MAX;
	if (s->by_seq)
		log_warning("nats: goes on by the place of the stream's last message, %" PRIu64,
			    s->last_seq);
	return err;
}

static void count_under_way(struct sink *s, int change)
{
	pthread_mutex_lock(&s->lock);
	s->now->under_way += (unsigned int)change;
	pthread_mutex_unlock(&s->lock);
}

static int nats_send(struct sink *s, const struct fleet_message *m, const unsigned char *bytes,
		     const struct sink_last *after)
{
	char subject[FLEET_SUBJECT_SIZE], id[FLEET_ID_SIZE], before[FLEET_ID_SIZE];
	natsMsg *msg = NULL;
	natsStatus status;
	jsPubOptions o;

	fleet_subject(subject, s->c->agent_name, m->kind);
	fleet_format_id(id, m->epoch, m->number);
	jsPubOptions_Init(&o);
	o.MaxWait = WAIT_MS;
	o.MsgId = id;
	if (s->by_seq) {
		o.ExpectLastSeq = s->last_seq;
		s->by_seq = false;
	} else if (after->number) {
		fleet_format_id(before, after->epoch, after->number);
		o.ExpectLastMsgId = before;
	}
	status = natsMsg_Create(&msg, subject, NULL, (const char *)bytes,
				(int)(FLEET_HEADER_SIZE + m->body_size));
	if (status == NATS_OK) {
		/* It may have called back before it returns. */
		count_under_way(s, 1);
		status = js_PublishMsgAsync(s->now->js, &msg, &o);
		if (status != NATS_OK)
			count_under_way(s, -1);
	}
	natsMsg_Destroy(msg);
	return status == NATS_OK ? 0 : fail(s, "cannot publish", status, 0);
}

static int nats_poll(struct sink *s, uint64_t *acked)
{
	natsStatus status;
	jsErrCode code;

	pthread_mutex_lock(&s->lock);
	*acked = s->acked;
	status = (natsStatus)s->err;
	code = s->code;
	pthread_mutex_unlock(&s->lock);
	if (status == NATS_OK && natsConnection_IsClosed(s->now->nc))
		status = NATS_CONNECTION_CLOSED;
	if (*acked)
		s->wrong_last = 0;
	else if (code == JSStreamWrongLastMsgIDErr)
		s->wrong_last++;
	/* Only now is a failure over: one can connect to a server that takes nothing. */
	if (status == NATS_OK && *acked && s->said[0]) {
		log_info("nats: messages arrive again");
		s->said[0] = '\0';
	}
	return status == NATS_OK ? 0 : fail(s, "publishing", status, code);
}

/* Removes from the stream what is committed, if it is more than half full. */
static void trim(struct sink *s, uint64_t floor)
{
	jsStreamInfo *si = NULL;
	jsErrCode code = 0;
	jsOptions o;

	if (js_GetStreamInfo(&si, s->now->js, s->stream, NULL, &code) != NATS_OK)
		return;
	jsOptions_Init(&o);
	o.Wait = WAIT_MS;
	/* Up to, and without, this one: the stream's last message stays. */
	o.Stream.Purge.Sequence = floor;
	if (si->State.Bytes > (uint64_t)si->Config->MaxBytes / 2 && floor > si->State.FirstSeq &&
	    si->Config->MaxBytes > 0 && js_PurgeStream(s->now->js, s->stream, &o, &code) != NATS_OK)
		say(s, s->stream, "cannot remove what the consumer has committed");
	jsStreamInfo_Destroy(si);
}

static int nats_mark(struct sink *s, uint64_t epoch, uint64_t *released)
{
	jsConsumerInfo *ci = NULL;
	struct sink_last at = { 0 };
	natsMsg *msg = NULL;
	jsErrCode code = 0;
	natsStatus status;
	uint64_t floor;
	int err;

	*released = 0;
	if (s->c->nats_release == RELEASE_STORED)
		return -EOPNOTSUPP;
	status = js_GetConsumerInfo(&ci, s->now->js, s->stream, s->c->nats_consumer, NULL, &code);
	if (status == NATS_NOT_FOUND || code == JSConsumerNotFoundErr)
		return 0;
	if (status != NATS_OK)
		return fail(s, s->c->nats_consumer, status, code);
	floor = ci->AckFloor.Stream;
	jsConsumerInfo_Destroy(ci);
	*released = s->released;
	if (!floor || floor == s->floor)
		return 0;
	status = js_GetMsg(&msg, s->now->js, s->stream, floor, NULL, &code);
	/* Somebody removed it. What is behind it will tell. */
	if (status == NATS_NOT_FOUND || code == JSNoMessageFoundErr)
		return 0;
	if (status != NATS_OK)
		return fail(s, s->stream, status, code);
	err = read_id(s, msg, &at);
	natsMsg_Destroy(msg);
	if (err)
		return err;
	trim(s, floor);
	/* An earlier epoch's message says nothing about this spool. */
	if (at.epoch == epoch)
		s->released = at.number;
	s->floor = floor;
	*released = s->released;
	return 0;
}

static void nats_close(struct sink *s)
{
	struct session *se = s->now;

	if (!se)
		return;
	pthread_mutex_lock(&s->lock);
	s->now = NULL;
	pthread_mutex_unlock(&s->lock);
	/* It does not exist if the connection could not be made. */
	if (se->nc)
		natsConnection_Close(se->nc);
	se->free_at = now_ns() + 3ULL * WAIT_MS * (NSEC_PER_SEC / 1000);
	se->next = s->old;
	s->old = se;
	free_old(s);
}

const struct sink_ops sink_nats = {
	.name = "nats",
	.create = nats_create,
	.destroy = nats_destroy,
	.open = nats_open,
	.send = nats_send,
	.poll = nats_poll,
	.mark = nats_mark,
	.close = nats_close,
};

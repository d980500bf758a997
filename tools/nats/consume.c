// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fleet/names.h"
#include "consume.h"

#define WAIT_MS	     3000	 /* for an answer of the server */
#define SLOW_MS	     5000	 /* for messages that are under way on a slow link */
#define BATCH_BYTES  (16u << 20) /* what a pull should not exceed in memory */
#define BATCH_FIRST  4
#define PENDING_MAX  1024
#define ACK_WAIT_MS  15000
#define NS_OF_MS(ms) (1000000LL * (ms))

/* @buf: room for any message so far */
struct nats_session {
	natsConnection *nc;
	jsCtx *js;
	void *buf;
	size_t room;
};

/*
 * @list: the messages of the last pull, which are not acknowledged
 * @batch: how many to ask for, by what the link could carry so far
 * @slow: messages of the last pull may still be under way
 */
struct nats_consumer {
	struct nats_session *s;
	char stream[FLEET_STREAM_SIZE];
	char *name;
	natsSubscription *sub;
	natsMsgList list;
	int batch;
	bool slow;
};

static int say(char why[NATS_WHY_SIZE], int err, const char *sentence)
{
	snprintf(why, NATS_WHY_SIZE, "%s", sentence);
	return err;
}

/* The library's text for a failure, without the place in its source. */
static const char *describe(natsStatus status)
{
	const char *text = nats_GetLastError(NULL), *end;

	if (!text || !*text)
		return natsStatus_GetText(status);
	end = *text == '(' ? strstr(text, "): ") : NULL;
	return end ? end + 3 : text;
}

/* What the server said of a request that it let pass without an answer. */
static const char *last_error(struct nats_session *s)
{
	const char *text = NULL;

	if (!s->nc || natsConnection_GetLastError(s->nc, &text) == NATS_OK || !text)
		return "";
	return text;
}

static int fail(struct nats_session *s, natsStatus status, jsErrCode code, char why[NATS_WHY_SIZE])
{
	if (status == NATS_NO_MEMORY)
		return say(why, -ENOMEM, strerror(ENOMEM));
	if (code == JSNotEnabledErr || code == JSNotEnabledForAccountErr ||
	    status == NATS_NO_RESPONDERS)
		return say(why, -EIO, "the server has no JetStream for this user");
	if (strcasestr(last_error(s), "permissions violation"))
		return say(why, -EACCES, last_error(s));
	if (code == JSConsumerNotFoundErr)
		return say(why, -ESTALE, "the consumer was deleted");
	if (code == JSStreamNotFoundErr || status == NATS_NOT_FOUND)
		return say(why, -ENOENT, "the server has no such stream");
	if (status == NATS_TIMEOUT)
		return say(why, -EIO, "the server does not answer");
	return say(why, -EIO, describe(status));
}

int nats_session_open(struct __natsOptions *opts, struct nats_session **out,
		      char why[NATS_WHY_SIZE])
{
	struct nats_session *s = calloc(1, sizeof(*s));
	natsStatus status;
	jsOptions o;
	int err = 0;

	if (!s)
		return say(why, -ENOMEM, strerror(ENOMEM));
	status = natsConnection_Connect(&s->nc, opts);
	if (status == NATS_OK) {
		jsOptions_Init(&o);
		o.Wait = WAIT_MS;
		status = natsConnection_JetStream(&s->js, s->nc, &o);
	}
	if (status != NATS_OK) {
		snprintf(why, NATS_WHY_SIZE, "cannot connect: %s", describe(status));
		err = status == NATS_CONNECTION_AUTH_FAILED ? -EACCES : -EIO;
		nats_session_close(s);
	} else {
		*out = s;
	}
	return err;
}

void nats_session_close(struct nats_session *s)
{
	if (!s)
		return;
	jsCtx_Destroy(s->js);
	natsConnection_Destroy(s->nc);
	free(s->buf);
	free(s);
}

void nats_free_names(char **names, size_t nr)
{
	while (nr)
		free(names[--nr]);
	free(names);
}

static int add_name(char ***names, size_t *nr, const char *name)
{
	char **more = realloc(*names, (*nr + 1) * sizeof(**names));

	if (!more)
		return -ENOMEM;
	*names = more;
	more[*nr] = strdup(name);
	if (!more[*nr])
		return -ENOMEM;
	(*nr)++;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_matching(struct nats_session *s, const char *pattern, char ***names, size_t *nr,
			 char why[NATS_WHY_SIZE])
{
	char agent[FLEET_AGENT_MAX + 1];
	jsStreamNamesList *list = NULL;
	jsErrCode code = 0;
	natsStatus status = js_StreamNames(&list, s->js, NULL, &code);
	int i, err = 0;

	if (status == NATS_NOT_FOUND)
		return 0;
	if (status != NATS_OK)
		return fail(s, status, code, why);
	for (i = 0; i < list->Count && !err; i++)
		if (!fleet_agent_of_stream(list->List[i], agent) &&
		    !fnmatch(pattern, list->List[i], 0))
			err = add_name(names, nr, list->List[i]);
	jsStreamNamesList_Destroy(list);
	if (err)
		return say(why, err, strerror(-err));
	if (*nr)
		qsort(*names, *nr, sizeof(**names), compare_names);
	return 0;
}

static int get_end(struct nats_session *s, const char *stream, uint64_t *last,
		   char why[NATS_WHY_SIZE])
{
	jsStreamInfo *si = NULL;
	jsErrCode code = 0;
	natsStatus status = js_GetStreamInfo(&si, s->js, stream, NULL, &code);

	if (status != NATS_OK)
		return fail(s, status, code, why);
	*last = si->State.Msgs ? si->State.LastSeq : 0;
	jsStreamInfo_Destroy(si);
	return 0;
}

int nats_list_streams(struct nats_session *s, const char *pattern, char ***names, size_t *nr,
		      char why[NATS_WHY_SIZE])
{
	uint64_t last;
	int err;

	*names = NULL;
	*nr = 0;
	if (strpbrk(pattern, "*?[")) {
		err = list_matching(s, pattern, names, nr, why);
	} else {
		err = get_end(s, pattern, &last, why);
		if (!err && add_name(names, nr, pattern))
			err = say(why, -ENOMEM, strerror(ENOMEM));
	}
	if (!err && !*nr)
		err = say(why, -ENOENT, "no stream has such a name");
	if (err) {
		nats_free_names(*names, *nr);
		*names = NULL;
		*nr = 0;
	}
	return err;
}

/* Refuses a consumer by which messages would be lost. An administrator may have made it. */
static int check_consumer(const jsConsumerConfig *cfg, const char *subjects,
			  char why[NATS_WHY_SIZE])
{
	const char *filter = cfg->FilterSubject;

	if (cfg->AckPolicy == js_AckExplicit && !cfg->DeliverSubject && cfg->MaxDeliver <= 0 &&
	    (!filter || !*filter || !strcmp(filter, subjects) ||
	     !strcmp(filter, FLEET_SUBJECT_PREFIX ">")))
		return 0;
	return say(why, -EINVAL,
		   "the consumer exists and is not as an archive needs it: a pull consumer, "
		   "AckExplicit, without a limit of deliveries, of all subjects");
}

/* Sees to it that the consumer is there. */
static int get_consumer(struct nats_consumer *c, const char *subjects, char why[NATS_WHY_SIZE])
{
	jsConsumerInfo *ci = NULL;
	jsConsumerConfig cfg;
	jsErrCode code = 0;
	natsStatus status = js_GetConsumerInfo(&ci, c->s->js, c->stream, c->name, NULL, &code);
	int err;

	if (code == JSConsumerNotFoundErr) {
		jsConsumerConfig_Init(&cfg);
		cfg.Durable = c->name;
		cfg.AckPolicy = js_AckExplicit;
		cfg.DeliverPolicy = js_DeliverAll;
		cfg.AckWait = NS_OF_MS(ACK_WAIT_MS);
		cfg.MaxAckPending = PENDING_MAX;
		cfg.FilterSubject = subjects;
		code = 0;
		status = js_AddConsumer(&ci, c->s->js, c->stream, &cfg, NULL, &code);
	}
	if (status != NATS_OK)
		return fail(c->s, status, code, why);
	err = check_consumer(ci->Config, subjects, why);
	jsConsumerInfo_Destroy(ci);
	return err;
}

static int subscribe(struct nats_consumer *c, const char *subjects, char why[NATS_WHY_SIZE])
{
	jsErrCode code = 0;
	natsStatus status;
	jsSubOptions o;

	jsSubOptions_Init(&o);
	o.Stream = c->stream;
	o.Consumer = c->name;
	o.ManualAck = true;
	status = js_PullSubscribe(&c->sub, c->s->js, subjects, c->name, NULL, &o, &code);
	/* The library would drop what is more than 64 MiB. A pull limits what is under way. */
	if (status == NATS_OK)
		status = natsSubscription_SetPendingLimits(c->sub, -1, -1);
	return status == NATS_OK ? 0 : fail(c->s, status, code, why);
}

/* The subjects of all messages of an agent's stream. */
static int get_subjects(const char *stream, char subjects[FLEET_SUBJECT_SIZE],
			char why[NATS_WHY_SIZE])
{
	char agent[FLEET_AGENT_MAX + 1];

	if (fleet_agent_of_stream(stream, agent))
		return say(why, -EINVAL, "it is no stream of an agent: SEQRING_ and its name");
	fleet_all_subjects(subjects, agent);
	return 0;
}

int nats_consumer_open(struct nats_session *s, const char *stream, const char *name, uint64_t *end,
		       struct nats_consumer **out, char why[NATS_WHY_SIZE])
{
	char subjects[FLEET_SUBJECT_SIZE];
	struct nats_consumer *c;
	int err = get_subjects(stream, subjects, why);

	if (err)
		return err;
	c = calloc(1, sizeof(*c));
	if (c)
		c->name = strdup(name);
	if (!c || !c->name) {
		free(c);
		return say(why, -ENOMEM, strerror(ENOMEM));
	}
	c->s = s;
	c->batch = BATCH_FIRST;
	snprintf(c->stream, sizeof(c->stream), "%s", stream);
	err = get_end(s, stream, end, why);
	if (!err)
		err = get_consumer(c, subjects, why);
	if (!err)
		err = subscribe(c, subjects, why);
	if (err)
		nats_consumer_close(c);
	else
		*out = c;
	return err;
}

void nats_consumer_close(struct nats_consumer *c)
{
	if (!c)
		return;
	natsMsgList_Destroy(&c->list);
	natsSubscription_Destroy(c->sub);
	free(c->name);
	free(c);
}

/* Hands a message on, from a place that is aligned. */
static int hand_on(struct nats_session *s, natsMsg *msg, uint64_t seq, nats_item_fn fn, void *arg,
		   char why[NATS_WHY_SIZE])
{
	struct nats_item item = { .size = (size_t)natsMsg_GetDataLength(msg), .seq = seq };
	void *buf;

	if (item.size > s->room) {
		buf = realloc(s->buf, item.size);
		if (!buf)
			return say(why, -ENOMEM, strerror(ENOMEM));
		s->buf = buf;
		s->room = item.size;
	}
	if (item.size)
		memcpy(s->buf, natsMsg_GetData(msg), item.size);
	item.data = s->buf;
	return fn(&item, arg);
}

/* The place of a message in its stream, and how many are behind it. */
static int get_place(struct nats_session *s, natsMsg *msg, uint64_t *seq, uint64_t *left,
		     char why[NATS_WHY_SIZE])
{
	jsMsgMetaData *meta = NULL;
	natsStatus status = natsMsg_GetMetaData(&meta, msg);

	if (status != NATS_OK)
		return fail(s, status, 0, why);
	*seq = meta->Sequence.Stream;
	*left = meta->NumPending;
	jsMsgMetaData_Destroy(meta);
	return 0;
}

/*
 * Asks for more if all came in time, else for less, and waits longer. The server sends again what
 * is not acknowledged in time: more than the link can carry until then would never end.
 */
static void adapt(struct nats_consumer *c, int asked, size_t bytes, uint64_t left)
{
	c->slow = c->list.Count && c->list.Count < asked && left;
	if (c->slow || bytes > BATCH_BYTES)
		c->batch = asked > 1 ? asked / 2 : 1;
	else if (c->list.Count == asked && bytes < BATCH_BYTES / 2)
		c->batch = 2 * asked;
}

int nats_consumer_pull(struct nats_consumer *c, int max, int64_t wait_ms, nats_item_fn fn,
		       void *arg, unsigned int *nr, char why[NATS_WHY_SIZE])
{
	jsFetchRequest request;
	const int asked = c->batch < max ? c->batch : max;
	uint64_t seq = 0, left = 0;
	natsStatus status;
	size_t bytes = 0;
	int i, err = 0;

	*nr = 0;
	natsMsgList_Destroy(&c->list);
	jsFetchRequest_Init(&request);
	request.Batch = asked;
	request.Expires = NS_OF_MS(c->slow ? SLOW_MS : wait_ms);
	request.NoWait = true;
	status = natsSubscription_FetchRequest(&c->list, c->sub, &request);
	if (status == NATS_TIMEOUT || status == NATS_NOT_FOUND) {
		if (natsConnection_IsClosed(c->s->nc))
			return say(why, -EIO, "the connection is gone");
		c->slow = false;
		return 0;
	}
	if (status != NATS_OK)
		return fail(c->s, status, 0, why);
	for (i = 0; i < c->list.Count && !err; i++) {
		bytes += (size_t)natsMsg_GetDataLength(c->list.Msgs[i]);
		err = get_place(c->s, c->list.Msgs[i], &seq, &left, why);
		if (!err)
			err = hand_on(c->s, c->list.Msgs[i], seq, fn, arg, why);
	}
	*nr = (unsigned int)c->list.Count;
	adapt(c, asked, bytes, left);
	return err;
}

int nats_consumer_commit(struct nats_consumer *c, char why[NATS_WHY_SIZE])
{
	natsStatus status = NATS_OK;
	int i;

	for (i = 0; i < c->list.Count && status == NATS_OK; i++)
		status = natsMsg_Ack(c->list.Msgs[i], NULL);
	if (status == NATS_OK)
		status = natsConnection_FlushTimeout(c->s->nc, WAIT_MS);
	natsMsgList_Destroy(&c->list);
	return status == NATS_OK ? 0 : fail(c->s, status, 0, why);
}

int nats_consumer_left(struct nats_consumer *c, uint64_t *floor, uint64_t *left, uint64_t *unacked,
		       char why[NATS_WHY_SIZE])
{
	jsConsumerInfo *ci = NULL;
	jsErrCode code = 0;
	natsStatus status = js_GetConsumerInfo(&ci, c->s->js, c->stream, c->name, NULL, &code);

	if (status != NATS_OK)
		return fail(c->s, status, code, why);
	*floor = ci->AckFloor.Stream;
	*left = ci->NumPending;
	*unacked = (uint64_t)ci->NumAckPending;
	jsConsumerInfo_Destroy(ci);
	return 0;
}

/* Reads up to the message at @end, or the last one of the stream. */
static int read_to_end(struct nats_session *s, natsSubscription *sub, uint64_t end, nats_item_fn fn,
		       void *arg, char why[NATS_WHY_SIZE])
{
	uint64_t seq = 0, left = 1;
	natsStatus status;
	natsMsg *msg;
	int err = 0;

	while (!err && seq < end && left) {
		status = natsSubscription_NextMsg(&msg, sub, 10LL * WAIT_MS);
		if (status != NATS_OK)
			return fail(s, status, 0, why);
		err = get_place(s, msg, &seq, &left, why);
		if (!err && seq <= end)
			err = hand_on(s, msg, seq, fn, arg, why);
		natsMsg_Destroy(msg);
	}
	return err;
}

int nats_read_stream(struct nats_session *s, const char *stream, nats_item_fn fn, void *arg,
		     char why[NATS_WHY_SIZE])
{
	char subjects[FLEET_SUBJECT_SIZE];
	natsSubscription *sub = NULL;
	uint64_t end = 0;
	jsErrCode code = 0;
	natsStatus status;
	jsSubOptions o;
	int err;

	err = get_subjects(stream, subjects, why);
	if (!err)
		err = get_end(s, stream, &end, why);
	if (err || !end)
		return err;
	jsSubOptions_Init(&o);
	o.Stream = stream;
	o.Ordered = true;
	status = js_SubscribeSync(&sub, s->js, subjects, NULL, &o, &code);
	if (status != NATS_OK)
		return fail(s, status, code, why);
	/* The library refuses more than 64 MiB that wait here; flow control keeps it below. */
	natsSubscription_SetPendingLimits(sub, -1, -1);
	err = read_to_end(s, sub, end, fn, arg, why);
	natsSubscription_Unsubscribe(sub);
	natsSubscription_Destroy(sub);
	return err;
}

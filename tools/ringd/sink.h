/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where messages go. The publishing thread calls all functions of a sink. It opens a session, sends
 * messages in the order of their numbers, and asks which of them have arrived. After a failure it
 * closes the session, and opens another one.
 *
 * Functions return 0 or -errno; a failure has been logged, unless its kind of failure was logged
 * just before.
 */
#ifndef RINGD_SINK_H
#define RINGD_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "../fleet/message.h"
#include "config.h"

struct sink;

/* The last message that a sink has; @number is 0: it has none. */
struct sink_last {
	uint64_t epoch;
	uint64_t number;
};

/*
 * @create: checks what can be checked without a connection. @notify is called, in any thread, when
 *          @poll has news
 * @open:   begins a session, and gives the last message that the sink has
 * @send:   sends a message. @after: the one before it in the sink
 * @poll:   sets @acked to the number of the newest message that has arrived; 0: none in this
 *          session. Never sleeps
 * @mark:   sets @released to the number up to which the spool may forget; 0: not known yet. NULL:
 *          what has arrived may be forgotten
 * @close:  ends the session
 */
struct sink_ops {
	const char *name;
	int (*create)(const struct config *c, void (*notify)(void *arg), void *arg,
		      struct sink **out);
	void (*destroy)(struct sink *s);
	int (*open)(struct sink *s, struct sink_last *last);
	int (*send)(struct sink *s, const struct fleet_message *m, const unsigned char *bytes,
		    const struct sink_last *after);
	int (*poll)(struct sink *s, uint64_t *acked);
	int (*mark)(struct sink *s, uint64_t epoch, uint64_t *released);
	void (*close)(struct sink *s);
};

extern const struct sink_ops sink_nats;
extern const struct sink_ops sink_file;
extern const struct sink_ops sink_stdout;

static inline const struct sink_ops *sink_of(const struct config *c)
{
	if (c->sink_type == SINK_FILE)
		return &sink_file;
	return c->sink_type == SINK_STDOUT ? &sink_stdout : &sink_nats;
}

#endif /* RINGD_SINK_H */

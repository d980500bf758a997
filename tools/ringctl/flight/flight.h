/* SPDX-License-Identifier: GPL-2.0-only */
/* ringctl record --flight: waits for a trigger, then records what was before it, and after. */
#ifndef FLIGHT_FLIGHT_H
#define FLIGHT_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include <libring.h>

#define FLIGHT_TRIGGERS_MAX 16
#define FLIGHT_BATCH_NS	    50000000ULL /* how long the first unread record may wait */

/**
 * struct flight_opts - the options
 * @name: the ring
 * @dir: the directory; each recording gets one in it
 * @before_ns, @after_ns: what is recorded around the trigger
 * @cooldown_ns: how long after a recording triggers do nothing
 * @count: end after so many recordings; 0: never
 * @command: run with the path of each recording; NULL: none
 * @triggers: as the user wrote them
 * @rec: how to record
 * @duration_ns: how long to watch; UINT64_MAX: until a signal
 */
struct flight_opts {
	const char *name;
	const char *dir;
	uint64_t before_ns;
	uint64_t after_ns;
	uint64_t cooldown_ns;
	uint64_t count;
	const char *command;
	const char *triggers[FLIGHT_TRIGGERS_MAX];
	unsigned int nr_triggers;
	struct ring_recorder_opts rec;
	uint64_t duration_ns;
	bool quiet;
};

/* Watches. Return: the exit status. */
int flight_run(const struct flight_opts *opts);

#endif /* FLIGHT_FLIGHT_H */

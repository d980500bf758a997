// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of what the scheduler producer publishes, for its readers. Not compiled
 * into the module: build.sh has clang describe it and puts that into
 * seqring_sched_schema.h.
 */

#include <seqring/sched.h>
#include <seqring/schema.h>

enum seqring_schema {
	seqring_sched_switch = SEQRING_SCHED_SWITCH,
	seqring_sched_wakeup = SEQRING_SCHED_WAKEUP,
	seqring_sched_exec = SEQRING_SCHED_EXEC,
	seqring_sched_exit = SEQRING_SCHED_EXIT,
};

SEQRING_SCHEMA_TYPE(seqring_sched_switch);
SEQRING_SCHEMA_TYPE(seqring_sched_wakeup);
SEQRING_SCHEMA_TYPE(seqring_sched_exec);
SEQRING_SCHEMA_TYPE(seqring_sched_exit);

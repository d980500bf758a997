// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names and fields of the scheduler producer's records, for readers. Not compiled into
 * the module: build.sh makes sched_schema.h from the BTF that clang writes for this file.
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

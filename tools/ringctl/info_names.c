// SPDX-License-Identifier: GPL-2.0-only
/* Names that ringctl info prints. */
#include <stddef.h>

#include <seqring/abi.h>

#include "info.h"

const char *info_kind(uint32_t writer)
{
	switch (writer) {
	case SEQRING_WRITER_MODULE:
		return "device";
	case SEQRING_WRITER_BPF:
		return "bpf";
	}
	return "process";
}

const char *info_kind_text(uint32_t writer)
{
	switch (writer) {
	case SEQRING_WRITER_MODULE:
		return "the kernel module writes it";
	case SEQRING_WRITER_BPF:
		return "BPF programs write it";
	case SEQRING_WRITER_MEMFD:
		return "a process writes its memory";
	}
	return "unknown to this ringctl";
}

const char *info_writer(uint32_t writer)
{
	switch (writer) {
	case SEQRING_WRITER_MODULE:
		return "module";
	case SEQRING_WRITER_BPF:
		return "bpf";
	case SEQRING_WRITER_MEMFD:
		return "memfd";
	}
	return "unknown";
}

const char *info_mode(uint32_t mode)
{
	switch (mode) {
	case SEQRING_MODE_CALLER:
		return "caller";
	case SEQRING_MODE_LOCKED:
		return "locked";
	case SEQRING_MODE_PERCPU:
		return "percpu";
	}
	return "unknown";
}

const char *info_drop_cause(uint32_t cause)
{
	static const char *const causes[SEQRING_DROP_CAUSES] = {
		[SEQRING_DROP_BUSY] = "busy",		[SEQRING_DROP_TOO_BIG] = "too_big",
		[SEQRING_DROP_DEAD] = "dead",		[SEQRING_DROP_FAULT] = "fault",
		[SEQRING_DROP_HANDOVER] = "handover",	[SEQRING_DROP_SUPERSEDED] = "superseded",
		[SEQRING_DROP_ABANDONED] = "abandoned",
	};

	return causes[cause];
}

const char *info_next_feature(uint64_t *bits, const char **text)
{
	static const struct {
		uint64_t bit;
		const char *name;
		const char *text;
	} features[] = {
		{ SEQRING_FEAT_WRITE, "write", "write(2) publishes a record" },
		{ SEQRING_FEAT_MEMBARRIER, "membarrier",
		  "readers that sleep call membarrier(2), so that the writer needs no fence" },
		{ SEQRING_FEAT_ANNOUNCE, "announce",
		  "readers announce that they sleep; the writer needs no fence before" },
		{ SEQRING_FEAT_SLOTS, "slots",
		  "readers with a watermark have doorbells of their own" },
	};
	size_t i;

	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (!(*bits & features[i].bit))
			continue;
		*bits &= ~features[i].bit;
		*text = features[i].text;
		return features[i].name;
	}
	return NULL;
}

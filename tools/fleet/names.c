// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"

bool fleet_is_agent(const char *name)
{
	static const char chars[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	const size_t len = strlen(name);

	return len && len <= FLEET_AGENT_MAX && strspn(name, chars) == len;
}

void fleet_stream(char stream[FLEET_STREAM_SIZE], const char *agent)
{
	snprintf(stream, FLEET_STREAM_SIZE, FLEET_STREAM_PREFIX "%.*s", FLEET_AGENT_MAX, agent);
}

void fleet_subject(char subject[FLEET_SUBJECT_SIZE], const char *agent, unsigned int kind)
{
	snprintf(subject, FLEET_SUBJECT_SIZE, FLEET_SUBJECT_PREFIX "%.*s.%s", FLEET_AGENT_MAX,
		 agent, fleet_kind_name(kind));
}

void fleet_all_subjects(char subject[FLEET_SUBJECT_SIZE], const char *agent)
{
	snprintf(subject, FLEET_SUBJECT_SIZE, FLEET_SUBJECT_PREFIX "%.*s.>", FLEET_AGENT_MAX,
		 agent);
}

int fleet_agent_of_stream(const char *stream, char agent[FLEET_AGENT_MAX + 1])
{
	static const size_t len = sizeof(FLEET_STREAM_PREFIX) - 1;

	if (strncmp(stream, FLEET_STREAM_PREFIX, len) || !fleet_is_agent(stream + len))
		return -EINVAL;
	snprintf(agent, FLEET_AGENT_MAX + 1, "%s", stream + len);
	return 0;
}

void fleet_format_id(char id[FLEET_ID_SIZE], uint64_t epoch, uint64_t number)
{
	snprintf(id, FLEET_ID_SIZE, "%016" PRIx64 "-%" PRIu64, epoch, number);
}

int fleet_parse_id(const char *id, uint64_t *epoch, uint64_t *number)
{
	char again[FLEET_ID_SIZE];
	uint64_t e, n;
	char *end;

	e = strtoull(id, &end, 16);
	if (*end != '-')
		return -EINVAL;
	n = strtoull(end + 1, NULL, 10);
	/* One id has one spelling. */
	fleet_format_id(again, e, n);
	if (strcmp(again, id) || !e || !n)
		return -EINVAL;
	*epoch = e;
	*number = n;
	return 0;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads 32 hexadecimal digits, with or without hyphens, from the start of a file. */
static int read_uuid(const char *path, unsigned char id[16])
{
	unsigned char out[16] = { 0 };
	char text[64] = "";
	unsigned int n = 0;
	const char *p;
	ssize_t got;
	int fd, err = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, text, sizeof(text) - 1);
	if (got < 0)
		err = -errno;
	close(fd);
	if (err)
		return err;
	for (p = text; n < 32 && (*p == '-' || digit_of(*p) >= 0); p++) {
		if (*p == '-')
			continue;
		out[n / 2] = (unsigned char)(out[n / 2] << 4 | digit_of(*p));
		n++;
	}
	if (n != 32 || (*p && !isspace((unsigned char)*p)))
		return -EPROTO;
	memcpy(id, out, sizeof(out));
	return 0;
}

int fleet_read_host(unsigned char host[16])
{
	return read_uuid("/etc/machine-id", host);
}

int fleet_read_boot(unsigned char boot[16])
{
	return read_uuid("/proc/sys/kernel/random/boot_id", boot);
}

void fleet_format_uuid(char text[33], const unsigned char id[16])
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", id[i]);
}

int fleet_nonce(uint32_t writer, uint64_t creation, uint64_t *nonce)
{
	if (!creation)
		return -EOPNOTSUPP;
	/* The numbers of different kinds of rings come from different counters. */
	*nonce = (uint64_t)writer << 56 ^ creation;
	return 0;
}

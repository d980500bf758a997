// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libring.h>
#include <seqring/abi.h>

#include "../../lib/clock.h"
#include "../../lib/text.h"
#include "readers.h"

#define STEP_NS	 (NSEC_PER_SEC / 200)
#define AGAIN_NS (5 * NSEC_PER_SEC)

/*
 * True if a line of /proc/PID/maps is a mapping to read the ring. The writer of a served ring maps
 * it writable.
 */
static bool is_mapping(const char *line, const struct ring_info *info)
{
	char mode[8], path[32 + SEQRING_NAME_SIZE];
	unsigned long long inode;
	size_t n;
	int at;

	if (sscanf(line, "%*x-%*x %7s %*x %*x:%*x %llu %n", mode, &inode, &at) != 2)
		return false;
	if (info->writer == SEQRING_WRITER_MEMFD)
		return inode == info->creation && !strncmp(line + at, "/memfd:", 7) &&
		       mode[1] == '-';
	snprintf(path, sizeof(path), SEQRING_DEV_DIR "/%s", info->name);
	n = strlen(path);
	return !strncmp(line + at, path, n) && line[at + (int)n] == '\n';
}

static void note_process(struct readers *s, const char *pid)
{
	char path[64], comm[32] = "", safe[4 * sizeof(comm) + 1];
	const size_t n = strlen(s->list);
	FILE *f;

	s->nr++;
	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (f && fgets(comm, sizeof(comm), f))
		comm[strcspn(comm, "\n")] = '\0';
	if (f)
		fclose(f);
	escape_string(safe, sizeof(safe), comm);
	if (n + strlen(safe) + strlen(pid) + 8 < sizeof(s->list))
		snprintf(s->list + n, sizeof(s->list) - n, "%s%s %.20s", n ? ", " : "", safe, pid);
	else if (n && n + 5 < sizeof(s->list) && s->list[n - 1] != '.')
		snprintf(s->list + n, sizeof(s->list) - n, ", ...");
}

static void look_at(struct readers *s, const struct ring_info *info, const char *pid)
{
	char path[64], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	f = fopen(path, "re");
	if (!f) {
		s->hidden += errno == EACCES || errno == EPERM;
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		if (!is_mapping(line, info))
			continue;
		note_process(s, pid);
		break;
	}
	/* The kernel opens the file for anybody, and refuses to read it. */
	s->hidden += ferror(f) != 0;
	fclose(f);
}

static void finish(struct readers *s)
{
	char hidden[48] = "";

	closedir(s->proc);
	s->proc = NULL;
	s->next_ns = now_ns() + AGAIN_NS;
	s->is_known = true;
	if (s->hidden)
		snprintf(hidden, sizeof(hidden), " (%u may not be looked at)", s->hidden);
	snprintf(s->text, sizeof(s->text), "%u process%s%s%s%s", s->nr, s->nr == 1 ? "" : "es",
		 s->nr ? ": " : "", s->list, hidden);
}

void readers_step(struct readers *s, const struct ring_info *info)
{
	const uint64_t until_ns = now_ns() + STEP_NS;
	const struct dirent *e;

	if (info->writer == SEQRING_WRITER_BPF)
		return;
	if (!s->proc) {
		if (ns_until(s->next_ns))
			return;
		s->proc = opendir("/proc");
		if (!s->proc)
			return;
		s->nr = 0;
		s->hidden = 0;
		*s->list = '\0';
	}
	while (ns_until(until_ns)) {
		e = readdir(s->proc);
		if (!e) {
			finish(s);
			return;
		}
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && atoi(e->d_name) != getpid())
			look_at(s, info, e->d_name);
	}
}

void readers_end(struct readers *s)
{
	if (s->proc)
		closedir(s->proc);
	*s = (struct readers) { .proc = NULL };
}

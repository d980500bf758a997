// SPDX-License-Identifier: GPL-2.0-only
/* The file is read by libinih. One table has all keys, so that they are the same everywhere. */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fleet/names.h"
#include "../lib/parse.h"
#include "config.h"
#include "log.h"

#define LINE_MAX_BYTES 4096 /* of the file */
#define MIB	       (1ULL << 20)
#define MS	       1000000ULL
#define SECOND	       1000000000ULL
#define ENV_PREFIX     "RINGD_"

enum value_kind {
	TEXT,
	SECRET, /* a text that is not printed */
	NUMBER,
	BYTES,
	TIME,
	CHOICE,
};

/* @choices: of CHOICE, separated by |; the value is the number of the choice, from 0 */
struct key {
	const char *section;
	const char *name;
	enum value_kind kind;
	size_t offset;
	const char *def;
	uint64_t min;
	uint64_t max;
	const char *choices;
};

#define KEY(section, name, kind, def, ...)                                                         \
	{                                                                                          \
#section, #name, kind, offsetof(struct config, section##_##name), def, __VA_ARGS__ \
	}

static const struct key keys[] = {
	KEY(agent, name, TEXT, NULL, 0, 0, NULL),
	KEY(agent, rings, TEXT, "*", 0, 0, NULL),
	KEY(agent, batch_size, BYTES, "128K", 4096, 512 << 10, NULL),
	KEY(agent, batch_time, TIME, "250ms", MS, 60 * SECOND, NULL),
	KEY(agent, message_max, BYTES, "1000K", 8192, 60 * MIB, NULL),
	KEY(agent, heartbeat, TIME, "10s", 10 * MS, 3600 * SECOND, NULL),
	KEY(agent, scan, TIME, "1s", 10 * MS, 3600 * SECOND, NULL),
	KEY(agent, stop_time, TIME, "5s", 0, 3600 * SECOND, NULL),
	KEY(spool, directory, TEXT, "/var/lib/ringd/spool", 0, 0, NULL),
	KEY(spool, size, BYTES, "1G", 8 * MIB, 1ULL << 44, NULL),
	KEY(spool, sync_time, TIME, "100ms", 0, 60 * SECOND, NULL),
	KEY(sink, type, CHOICE, "nats", 0, 0, "nats|file|stdout"),
	KEY(sink, directory, TEXT, NULL, 0, 0, NULL),
	KEY(sink, file_size, BYTES, "64M", MIB, 1ULL << 40, NULL),
	KEY(nats, servers, TEXT, "nats://127.0.0.1:4222", 0, 0, NULL),
	KEY(nats, stream_size, BYTES, "4G", MIB, 1ULL << 50, NULL),
	KEY(nats, replicas, NUMBER, "1", 1, 5, NULL),
	KEY(nats, window, BYTES, "4M", 64 << 10, 256 * MIB, NULL),
	KEY(nats, release, CHOICE, "consumer", 0, 0, "consumer|stored"),
	KEY(nats, consumer, TEXT, FLEET_CONSUMER, 0, 0, NULL),
	KEY(nats, user, TEXT, NULL, 0, 0, NULL),
	KEY(nats, password, SECRET, NULL, 0, 0, NULL),
	KEY(nats, password_file, TEXT, NULL, 0, 0, NULL),
	KEY(nats, nkey, TEXT, NULL, 0, 0, NULL),
	KEY(nats, seed_file, TEXT, NULL, 0, 0, NULL),
	KEY(nats, credentials, TEXT, NULL, 0, 0, NULL),
	KEY(nats, tls, CHOICE, "no", 0, 0, "no|yes"),
	KEY(nats, tls_ca, TEXT, NULL, 0, 0, NULL),
	KEY(nats, tls_cert, TEXT, NULL, 0, 0, NULL),
	KEY(nats, tls_key, TEXT, NULL, 0, 0, NULL),
	KEY(nats, tls_hostname, TEXT, NULL, 0, 0, NULL),
	KEY(metrics, file, TEXT, NULL, 0, 0, NULL),
	KEY(metrics, interval, TIME, "5s", 10 * MS, 3600 * SECOND, NULL),
	KEY(metrics, port, NUMBER, "0", 0, 65535, NULL),
};

#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))

/*
 * One source of values.
 *
 * @where: "FILE:LINE", a variable of the environment, or --set
 * @stream, @path, @line: of the file
 * @seen: the line that each key was on; 0: it was not given
 */
struct source {
	struct config *c;
	FILE *stream;
	const char *path;
	unsigned int line;
	unsigned int mistakes;
	unsigned int seen[NR_KEYS];
	char where[512];
};

static char **text_of(const struct config *c, const struct key *k)
{
	return (char **)((char *)c + k->offset);
}

static uint64_t *number_of(const struct config *c, const struct key *k)
{
	return (uint64_t *)((char *)c + k->offset);
}

static int parse_choice(const struct key *k, const char *s, uint64_t *v)
{
	const size_t len = strlen(s);
	const char *p = k->choices;
	uint64_t i;

	for (i = 0;; i++) {
		const size_t n = strcspn(p, "|");

		if (n == len && !strncmp(p, s, n)) {
			*v = i;
			return 0;
		}
		if (!p[n])
			return -EINVAL;
		p += n + 1;
	}
}

static int scan_bytes(const char *s, uint64_t *v)
{
	static const char units[] = "KMGT";
	const char *end, *unit;

	if (!scan_digits(s, &end, v))
		return -EINVAL;
	unit = *end ? strchr(units, *end) : NULL;
	if (!unit)
		return *end ? -EINVAL : 0;
	if (end[1] || *v > UINT64_MAX >> 10 * (unit - units + 1))
		return -EINVAL;
	*v <<= 10 * (unit - units + 1);
	return 0;
}

/* Zero needs no unit. */
static int scan_time(const char *s, uint64_t *v)
{
	*v = 0;
	return strcmp(s, "0") ? scan_duration(s, v) : 0;
}

/* Prints a number in the unit of its key, as the file has it. */
static const char *format_value(const struct key *k, uint64_t v, char buf[32])
{
	static const char *const units[] = { "", "K", "M", "G", "T" };
	const bool is_time = k->kind == TIME, is_bytes = k->kind == BYTES;
	const char *unit = is_time ? "ns" : "";
	unsigned int i;

	for (i = 0; is_bytes && v && v % 1024 == 0 && i < 4; i++)
		v /= 1024;
	if (is_bytes)
		unit = units[i];
	if (is_time && v % SECOND == 0) {
		v /= SECOND;
		unit = "s";
	} else if (is_time && v % MS == 0) {
		v /= MS;
		unit = "ms";
	}
	snprintf(buf, 32, "%llu%s", (unsigned long long)v, unit);
	return buf;
}

static void mistake(struct source *s, const struct key *k, const char *value, const char *allowed)
{
	log_error("%s: %s.%s = %s: %s", s->where, k->section, k->name,
		  k->kind == SECRET ? "..." : value, allowed);
	s->mistakes++;
}

static void set_number(struct source *s, const struct key *k, const char *value)
{
	static const char *const what[] = {
		[NUMBER] = "a number",
		[BYTES] = "a number of bytes, with K, M, G, T or without",
		[TIME] = "a time with its unit (ms, s, m, h)",
	};
	char allowed[160], min[32], max[32];
	const char *end;
	uint64_t v = 0;
	int err;

	if (k->kind == NUMBER)
		err = scan_digits(value, &end, &v) && !*end ? 0 : -EINVAL;
	else
		err = k->kind == BYTES ? scan_bytes(value, &v) : scan_time(value, &v);
	if (!err && v >= k->min && v <= k->max) {
		*number_of(s->c, k) = v;
		return;
	}
	snprintf(allowed, sizeof(allowed), "not %s from %s to %s", what[k->kind],
		 format_value(k, k->min, min), format_value(k, k->max, max));
	mistake(s, k, value, allowed);
}

static void set_value(struct source *s, const struct key *k, const char *value)
{
	char allowed[160];
	char *copy;

	switch (k->kind) {
	case CHOICE:
		if (!parse_choice(k, value, number_of(s->c, k)))
			return;
		snprintf(allowed, sizeof(allowed), "not one of %s", k->choices);
		mistake(s, k, value, allowed);
		return;
	case TEXT:
	case SECRET:
		if (!*value) {
			mistake(s, k, value, "the value is missing");
			return;
		}
		copy = strdup(value);
		if (!copy) {
			mistake(s, k, value, strerror(ENOMEM));
			return;
		}
		free(*text_of(s->c, k));
		*text_of(s->c, k) = copy;
		return;
	default:
		set_number(s, k, value);
	}
}

static const struct key *find_key(const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < NR_KEYS; i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

/* Names the keys of a section; of no such section, the sections. */
static void list_keys(const char *section, char *buf, size_t size)
{
	size_t i, n = 0;

	for (i = 0; i < NR_KEYS && n < size; i++)
		if (!strcmp(keys[i].section, section))
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "its keys are ",
					      keys[i].name);
	if (!n)
		snprintf(buf, size, "the sections are agent, spool, sink, nats, metrics");
}

static void unknown_key(struct source *s, const char *section, const char *name)
{
	char known[600];

	list_keys(section, known, sizeof(known));
	log_error("%s: no key %s in section %s: %s", s->where, name, *section ? section : "(none)",
		  known);
	s->mistakes++;
}

/* For libinih: reads a line, and counts it. */
static char *read_line(char *line, int num, void *arg)
{
	struct source *s = arg;
	char *got = fgets(line, num, s->stream);

	if (!got)
		return NULL;
	s->line++;
	if (strchr(line, '\n') || feof(s->stream))
		return got;
	log_error("%s:%u: the line is longer than %d bytes", s->path, s->line, num - 2);
	s->mistakes++;
	return NULL;
}

/* For libinih. Return: 1, since mistakes are counted here. */
static int take_line(void *arg, const char *section, const char *name, const char *value)
{
	struct source *s = arg;
	const struct key *k = find_key(section, name);

	snprintf(s->where, sizeof(s->where), "%s:%u", s->path, s->line);
	if (!k) {
		unknown_key(s, section, name);
	} else if (s->seen[k - keys]) {
		char why[64];

		snprintf(why, sizeof(why), "the key was given on line %u already",
			 s->seen[k - keys]);
		mistake(s, k, value, why);
	} else {
		s->seen[k - keys] = s->line;
		set_value(s, k, value);
	}
	return 1;
}

static int load_file(struct source *s, const char *path, bool needed)
{
	int bad, err;

	s->path = path;
	s->stream = fopen(path, "re");
	if (!s->stream) {
		err = -errno;
		if (err == -ENOENT && !needed)
			return 0;
		log_error("%s: %s", path, strerror(-err));
		return err;
	}
	ini_use_stack = false;
	ini_max_line = LINE_MAX_BYTES;
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	bad = ini_parse_stream(read_line, s, take_line, s);
	/* A line that is no KEY = VALUE. Mistakes in values have been printed. */
	if (bad > 0) {
		log_error("%s:%d: neither a [SECTION] nor KEY = VALUE", path, bad);
		s->mistakes++;
	}
	err = ferror(s->stream) || bad < 0 ? -EIO : 0;
	if (err)
		log_error("%s: cannot be read", path);
	fclose(s->stream);
	s->line = 0;
	return err;
}

/* RINGD_SECTION_KEY, in capitals. */
static void load_environment(struct source *s)
{
	size_t i, n;
	char *p;

	for (i = 0; i < NR_KEYS; i++) {
		const char *value;

		n = (size_t)snprintf(s->where, sizeof(s->where), ENV_PREFIX "%s_%s",
				     keys[i].section, keys[i].name);
		for (p = s->where; p < s->where + n; p++)
			*p = (char)toupper((unsigned char)*p);
		value = getenv(s->where);
		if (value)
			set_value(s, &keys[i], value);
	}
}

static void load_set(struct source *s, const char *set)
{
	const size_t section_len = strcspn(set, ".="), len = strcspn(set, "=");
	char section[64], name[64];
	const struct key *k;

	snprintf(s->where, sizeof(s->where), "--set");
	if (set[section_len] != '.' || !set[len]) {
		log_error("--set %s: not SECTION.KEY=VALUE", set);
		s->mistakes++;
		return;
	}
	snprintf(section, sizeof(section), "%.*s", (int)section_len, set);
	snprintf(name, sizeof(name), "%.*s", (int)(len - section_len - 1), set + section_len + 1);
	k = find_key(section, name);
	if (k)
		set_value(s, k, set + len + 1);
	else
		unknown_key(s, section, name);
}

static void check(struct source *s, bool good, const char *sentence)
{
	if (good)
		return;
	log_error("%s: %s", s->path, sentence);
	s->mistakes++;
}

/* A name that NATS would take as several, or as a pattern, or not at all. */
static bool is_consumer(const char *name)
{
	return *name && !strpbrk(name, " \t.*>/\\") && strlen(name) <= 64;
}

/* What values must be together. */
static void check_together(struct source *s)
{
	const struct config *c = s->c;

	check(s, fleet_is_agent(c->agent_name), "agent.name: not 1 to 63 of A-Z a-z 0-9 _ -");
	check(s, c->agent_rings[strspn(c->agent_rings, " \t")],
	      "agent.rings: no pattern (use * for all rings)");
	check(s, c->agent_message_max >= c->agent_batch_size + 2ULL * FLEET_HEADER_SIZE,
	      "agent.message_max: less than agent.batch_size and 512 bytes");
	check(s, c->agent_message_max <= c->spool_size / 8,
	      "agent.message_max: more than an eighth of spool.size");
	check(s, (c->sink_type == SINK_FILE) == !!c->sink_directory,
	      "sink.directory: needed if sink.type is file, and only then");
	check(s, is_consumer(c->nats_consumer),
	      "nats.consumer: not 1 to 64 characters without white space and . * > / \\");
	check(s, !c->nats_password || !c->nats_password_file,
	      "nats.password and nats.password_file: only one may be given");
	check(s, !!c->nats_user == (c->nats_password || c->nats_password_file),
	      "nats.user: needs a password, and a password needs it");
	check(s, !c->nats_nkey == !c->nats_seed_file,
	      "nats.nkey and nats.seed_file: each needs the other one");
	check(s, !!c->nats_user + !!c->nats_nkey + !!c->nats_credentials <= 1,
	      "nats.user, nats.nkey and nats.credentials: only one may be given");
	check(s, !c->nats_tls_cert == !c->nats_tls_key,
	      "nats.tls_cert and nats.tls_key: each needs the other one");
	check(s, c->nats_tls || (!c->nats_tls_ca && !c->nats_tls_cert && !c->nats_tls_hostname),
	      "nats.tls_ca, nats.tls_cert and nats.tls_hostname: need nats.tls = yes");
}

/* The machine's own name among agents, unless one was given. */
static void set_name(struct source *s)
{
	unsigned char host[16];
	char text[33];
	int err;

	if (s->c->agent_name)
		return;
	err = fleet_read_host(host);
	if (!err) {
		fleet_format_uuid(text, host);
		s->c->agent_name = strdup(text);
	}
	if (s->c->agent_name)
		return;
	log_error("agent.name: not given, and /etc/machine-id: %s", strerror(err ? -err : ENOMEM));
	s->mistakes++;
}

int config_load(const char *path, char *const *sets, unsigned int nr_sets, struct config **out)
{
	struct source *s = calloc(1, sizeof(*s));
	struct config *c = calloc(1, sizeof(*c));
	unsigned int i;
	int err;

	if (!s || !c) {
		free(s);
		free(c);
		log_error("%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	s->c = c;
	snprintf(s->where, sizeof(s->where), "defaults");
	for (i = 0; i < NR_KEYS; i++)
		if (keys[i].def)
			set_value(s, &keys[i], keys[i].def);
	err = load_file(s, path ? path : CONFIG_FILE, path);
	if (!err) {
		load_environment(s);
		for (i = 0; i < nr_sets; i++)
			load_set(s, sets[i]);
		set_name(s);
		if (!s->mistakes)
			check_together(s);
		if (s->mistakes)
			err = -EINVAL;
	}
	free(s);
	if (err)
		config_free(c);
	else
		*out = c;
	return err;
}

void config_free(struct config *c)
{
	size_t i;

	for (i = 0; c && i < NR_KEYS; i++)
		if (keys[i].kind == TEXT || keys[i].kind == SECRET)
			free(*text_of(c, &keys[i]));
	free(c);
}

static void print_choice(const struct key *k, uint64_t v)
{
	const char *p = k->choices;

	for (; v; v--)
		p += strcspn(p, "|") + 1;
	printf("%s = %.*s\n", k->name, (int)strcspn(p, "|"), p);
}

void config_print(const struct config *c)
{
	const char *section = "";
	char buf[32];
	size_t i;

	for (i = 0; i < NR_KEYS; i++) {
		const struct key *k = &keys[i];

		if (strcmp(section, k->section))
			printf("%s[%s]\n", *section ? "\n" : "", k->section);
		section = k->section;
		if (k->kind == CHOICE)
			print_choice(k, *number_of(c, k));
		else if (k->kind != TEXT && k->kind != SECRET)
			printf("%s = %s\n", k->name, format_value(k, *number_of(c, k), buf));
		else if (*text_of(c, k))
			printf("%s = %s\n", k->name, k->kind == SECRET ? "..." : *text_of(c, k));
	}
}

void config_print_keys(void)
{
	size_t i;

	for (i = 0; i < NR_KEYS; i++)
		printf("%s.%s\n", keys[i].section, keys[i].name);
}

bool config_wants(const char *rings, const char *name)
{
	const char *p = rings;
	char pattern[256];
	size_t len;

	for (;;) {
		p += strspn(p, " \t,");
		len = strcspn(p, " \t,");
		if (!len)
			return false;
		if (len < sizeof(pattern)) {
			snprintf(pattern, sizeof(pattern), "%.*s", (int)len, p);
			if (!fnmatch(pattern, name, FNM_PERIOD))
				return true;
		}
		p += len;
	}
}

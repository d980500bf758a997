// SPDX-License-Identifier: GPL-2.0-only
/*
 * libring.so exports the functions of libring.h, libring-bpf.so those of its headers,
 * in the version that their maps give them, and nothing else.
 */

#include <ctype.h>
#include <libgen.h>

#include "unit.h"

#define NAMES_MAX  200
#define STRING_(x) #x
#define STRING(x)  STRING_(x)
#define VERSION	   STRING(LIBRING_VERSION_MAJOR) "." STRING(LIBRING_VERSION_MINOR)

struct names {
	unsigned int nr;
	char all[NAMES_MAX][64];
};

static char build_dir[4096];
static char source_dir[4096];

/* BUILD/tests/unit/test_exports, with BUILD two below the source. */
static int find_dirs(void **state)
{
	char exe[3072];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int i;

	(void)state;
	assert_true(len > 0);
	exe[len] = 0;
	for (i = 0; i < 3; i++)
		*strrchr(exe, '/') = 0;
	strcpy(build_dir, exe);
	snprintf(source_dir, sizeof(source_dir), "%s/../..", exe);
	return 0;
}

static void add(struct names *n, const char *name, size_t len)
{
	assert_true(n->nr < NAMES_MAX && len < sizeof(n->all[0]));
	memcpy(n->all[n->nr], name, len);
	n->all[n->nr++][len] = 0;
}

static bool has(const struct names *n, const char *name)
{
	unsigned int i;

	for (i = 0; i < n->nr; i++)
		if (!strcmp(n->all[i], name))
			return true;
	return false;
}

/* A prototype begins in the first column, and its name is before a '('. */
static void read_header(struct names *n, const char *header)
{
	char path[5000], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/include/%s", source_dir, header);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *end = strchr(line, '('), *start = end;

		if (!end || !isalpha((unsigned char)line[0]) || !strncmp(line, "typedef", 7))
			continue;
		while (start > line && (isalnum((unsigned char)start[-1]) || start[-1] == '_'))
			start--;
		add(n, start, (size_t)(end - start));
	}
	fclose(f);
}

static void read_library(struct names *n, const char *library, const char *node)
{
	char command[5000], line[512], name[256];
	FILE *f;

	snprintf(command, sizeof(command), "nm -D --defined-only '%s/%s'", build_dir, library);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		/* Symbols for libring-bpf alone have a version node of their own. */
		if (sscanf(line, "%*s %*s %255s", name) == 1 && strcmp(name, node) &&
		    !strstr(name, "LIBRING_PRIVATE"))
			add(n, name, strlen(name));
	}
	assert_int_equal(pclose(f), 0);
}

static void check_exports(const struct names *header, const char *file, const char *node)
{
	struct names library = { 0 };
	char name[128];
	unsigned int i;

	read_library(&library, file, node);
	for (i = 0; i < header->nr; i++) {
		snprintf(name, sizeof(name), "%s@@%s", header->all[i], node);
		if (!has(&library, name))
			fail_msg("a header has %s, %s does not export %s", header->all[i], file,
				 name);
	}
	for (i = 0; i < library.nr; i++) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(library.all[i], "@"),
			 library.all[i]);
		if (!has(header, name))
			fail_msg("%s exports %s, which is in no header", file, library.all[i]);
	}
	assert_int_equal(header->nr, library.nr);
}

static void test_exports(void **state)
{
	struct names header = { 0 };

	(void)state;
	read_header(&header, "libring/common.h");
	read_header(&header, "libring/device.h");
	read_header(&header, "libring/filter.h");
	read_header(&header, "libring/reader.h");
	read_header(&header, "libring/recording.h");
	read_header(&header, "libring/writer.h");
	/* The test found prototypes in the header. */
	assert_true(has(&header, "ring_open"));
	assert_true(has(&header, "ring_close"));
	assert_true(has(&header, "ring_strerror"));
	assert_true(has(&header, "ring_writer_publish_batch"));
	check_exports(&header, "libring.so.0", "LIBRING_" VERSION);
}

static void test_exports_bpf(void **state)
{
	struct names header = { 0 };

	(void)state;
	read_header(&header, "libring/bpf.h");
	read_header(&header, "libring/schema.h");
	assert_true(has(&header, "ring_bpf_prepare"));
	assert_true(has(&header, "ring_schema_open"));
	assert_true(has(&header, "ring_schema_print"));
	check_exports(&header, "libring-bpf.so.0", "LIBRING_BPF_" VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_exports, find_dirs),
		cmocka_unit_test_setup(test_exports_bpf, find_dirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the measurements were taken on, and with what.
 */
#include <json-c/json.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "report.h"

/* Debian's packages of what is measured or measures. */
#define PACKAGES                                             \
	"libbpf1 libgsl27 libck0 liblttng-ust1 lttng-tools " \
	"libiceoryx-posh-dev libiceoryx-binding-c-dev"

static void add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void add_cpu(struct json_object *o)
{
	FILE *info = fopen("/proc/cpuinfo", "re");
	char line[256];

	while (info && fgets(line, sizeof(line), info)) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !value)
			continue;
		line[strcspn(line, "\n")] = 0;
		add_string(o, "cpu", value + 2);
		fclose(info);
		return;
	}
	if (info)
		fclose(info);
	add_string(o, "cpu", "unknown");
}

/* Whose virtual machine this is: it says so at the first leaf reserved for that. */
static void add_hypervisor(struct json_object *o)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned int eax, word[3] = { 0 }, features = 0, unused;
	char name[sizeof(word) + 1] = "";

	if (!__get_cpuid(1, &eax, &unused, &features, &unused) || !(features >> 31))
		return;
	__cpuid(0x40000000, eax, word[0], word[1], word[2]);
	memcpy(name, word, sizeof(word));
	add_string(o, "hypervisor", name);
#else
	(void)o;
#endif
}

/* One word of what the kernel says about a cache of the writer's core. */
static bool cache_says(unsigned int i, const char *what, char word[16])
{
	const char *path = keep("/sys/devices/system/cpu/cpu%d/cache/index%u/%s", opt.cpu[0], i,
				what);
	FILE *f = fopen(path, "re");
	bool said = f && fscanf(f, "%15s", word) == 1;

	if (f)
		fclose(f);
	return said;
}

/* The C library knows them, too, but guesses the size of a shared one. */
static void add_caches(struct json_object *o)
{
	struct json_object *list = json_object_new_object();
	char level[16], type[16], size[16], name[32];
	unsigned int i;

	for (i = 0; cache_says(i, "level", level) && cache_says(i, "type", type) &&
		    cache_says(i, "size", size);
	     i++) {
		if (!strcmp(type, "Instruction"))
			continue;
		snprintf(name, sizeof(name), "L%s%s", level, strcmp(type, "Data") ? "" : "d");
		/* In units of K, always. */
		json_object_object_add(list, name, json_object_new_int64(1024 * atoll(size)));
	}
	json_object_object_add(o, "caches", list);
}

static void add_packages(struct json_object *o)
{
	/* Those that are not there it names on its standard error. */
	FILE *query =
		popen("dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\\n' " PACKAGES
		      " 2>/dev/null",
		      "re");
	struct json_object *list = json_object_new_object();
	char line[256], name[128], version[128];

	add_string(list, "glibc", gnu_get_libc_version());
	add_string(list, "json-c", json_c_version());
	while (query && fgets(line, sizeof(line), query))
		if (sscanf(line, "installed %127s %127s", name, version) == 2)
			add_string(list, name, version);
	if (query)
		pclose(query);
	json_object_object_add(o, "packages", list);
}

struct json_object *machine_json(void)
{
	struct json_object *o = json_object_new_object();
	time_t now = time(NULL);
	struct utsname name;
	char text[256];
	struct tm tm;

	add_cpu(o);
	json_object_object_add(o, "cores", json_object_new_int64(sysconf(_SC_NPROCESSORS_ONLN)));
	add_hypervisor(o);
	add_caches(o);
	json_object_object_add(o, "memory",
			       json_object_new_int64(sysconf(_SC_PHYS_PAGES) *
						     sysconf(_SC_PAGESIZE)));
	if (!uname(&name)) {
		snprintf(text, sizeof(text), "%.64s %.64s %.64s", name.sysname, name.release,
			 name.machine);
		add_string(o, "kernel", text);
	}
#ifdef __clang__
	add_string(o, "compiler", "clang " __clang_version__);
#else
	add_string(o, "compiler", "gcc " __VERSION__);
#endif
	add_packages(o);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	add_string(o, "date", text);
	json_object_object_add(o, "writer_cpu", json_object_new_int(opt.cpu[0]));
	json_object_object_add(o, "reader_cpu", json_object_new_int(opt.cpu[1]));
	return o;
}

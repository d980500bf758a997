// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run, the machine, and the software that measures and is measured.
 */
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "bench.h"

/* Debian's packages of the contenders and of libbpf. */
#define PACKAGES \
	"libbpf1 libck0 liblttng-ust1 lttng-tools libiceoryx-posh-dev libiceoryx-binding-c-dev"

static void emit_cpu(void)
{
	FILE *info = fopen("/proc/cpuinfo", "re");
	char line[256], name[256] = "unknown";

	while (info && fgets(line, sizeof(line), info))
		if (sscanf(line, "model name%*[ \t]: %255[^\n]", name) == 1)
			break;
	if (info)
		fclose(info);
	emit_text("cpu", name);
}

/* The hypervisor's name is at the first leaf that is reserved for it. */
static void emit_hypervisor(void)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned int eax, word[3] = { 0 }, features = 0, unused;
	char name[sizeof(word) + 1] = "";

	if (!__get_cpuid(1, &eax, &unused, &features, &unused) || !(features >> 31))
		return;
	__cpuid(0x40000000, eax, word[0], word[1], word[2]);
	memcpy(name, word, sizeof(word));
	emit_text("hypervisor", name);
#endif
}

/* Reads one word from the kernel's description of a cache of the writer's core. */
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

/*
 * @unit: of the figure, in which the kernel counts. The C library knows the sizes, too, but
 * guesses that of a shared cache.
 */
static void emit_caches(const char *key, const char *what, double unit)
{
	char level[16], type[16], value[16], name[32];
	unsigned int i;

	emit_object(key);
	for (i = 0; cache_says(i, "level", level) && cache_says(i, "type", type) &&
		    cache_says(i, what, value);
	     i++) {
		if (!strcmp(type, "Instruction"))
			continue;
		snprintf(name, sizeof(name), "L%s%s", level, strcmp(type, "Data") ? "" : "d");
		emit_number(name, unit * atof(value));
	}
	emit_end();
}

static void emit_packages(void)
{
	/* dpkg-query names missing packages on its standard error. */
	FILE *query =
		popen("dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\\n' " PACKAGES
		      " 2>/dev/null",
		      "re");
	char line[256], name[128], version[128];

	emit_object("packages");
	emit_text("glibc", gnu_get_libc_version());
	while (query && fgets(line, sizeof(line), query))
		if (sscanf(line, "installed %127s %127s", name, version) == 2)
			emit_text(name, version);
	if (query)
		pclose(query);
	emit_end();
}

static void emit_machine(void)
{
	time_t now = time(NULL);
	struct utsname name;
	char text[256];
	struct tm tm;

	emit_object("machine");
	emit_cpu();
	emit_number("cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
	emit_hypervisor();
	emit_caches("caches", "size", 1024);
	emit_caches("cache_ways", "ways_of_associativity", 1);
	emit_number("memory", (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE));
	if (!uname(&name)) {
		snprintf(text, sizeof(text), "%.64s %.64s %.64s", name.sysname, name.release,
			 name.machine);
		emit_text("kernel", text);
	}
#ifdef __clang__
	emit_text("compiler", "clang " __clang_version__);
#else
	emit_text("compiler", "gcc " __VERSION__);
#endif
	emit_packages();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	emit_text("date", text);
	emit_number("writer_cpu", opt.cpu[0]);
	emit_number("reader_cpu", opt.cpu[1]);
	emit_end();
}

void emit_run(void)
{
	emit_object(NULL);
	emit_number("round_ms", opt.round_ms);
	emit_number("rounds", opt.rounds);
	emit_number("quick", opt.quick);
	emit_machine();
	emit_line();
}

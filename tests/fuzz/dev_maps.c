// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks mappings. After any program, /proc/self/maps and the processor show the
 * result. Ring pages are never writable or executable, no mapping goes beyond the end of
 * its device, and readable pages can be read.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "devfuzz.h"

#define KNOWN 512

/* Devices by inode, since a name may return with another size. */
static struct {
	uint64_t inode;
	uint64_t total;
} known[KNOWN];
static unsigned int next_known;

static sigjmp_buf fault_jump;
static volatile sig_atomic_t trying;

struct line {
	unsigned long start;
	unsigned long end;
	uint64_t offset;
	uint64_t inode;
	char perms[5];
	enum fuzz_kind kind;
};

static void on_fault(int sig)
{
	static const char text[] = "# an unexpected fault\n";

	if (trying)
		siglongjmp(fault_jump, sig);
	if (write(1, text, sizeof(text) - 1) < 0)
		_exit(97);
	signal(sig, SIG_DFL);
}

void fuzz_catch_faults(void)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

bool fuzz_try(unsigned long addr, bool store, unsigned char *value)
{
	volatile unsigned char *p = (volatile unsigned char *)addr;

	if (sigsetjmp(fault_jump, 1)) {
		trying = 0;
		return false;
	}
	trying = 1;
	if (store)
		*p = *value;
	else
		*value = *p;
	trying = 0;
	return true;
}

void fuzz_forget_devices(void)
{
	memset(known, 0, sizeof(known));
}

void fuzz_know_device(uint64_t inode, uint64_t total)
{
	unsigned int i;

	for (i = 0; i < KNOWN; i++)
		if (known[i].inode == inode)
			return;
	known[next_known % KNOWN].inode = inode;
	known[next_known++ % KNOWN].total = total;
}

static uint64_t known_total(uint64_t inode)
{
	unsigned int i;

	for (i = 0; i < KNOWN; i++)
		if (known[i].inode == inode)
			return known[i].total;
	return 0;
}

/* Reads the whole file first: while it is parsed line by line, mappings may change. */
static const char *read_maps(void)
{
	static char text[1 << 17];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		fuzz_fail("maps", "/proc/self/maps: %s", strerror(errno));
	while (len < sizeof(text) - 1) {
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += n;
	}
	close(fd);
	text[len] = 0;
	return text;
}

/* Finds the next line in the arena. Return: where to continue, or NULL after the last. */
static const char *next_line(const char *text, struct line *l)
{
	const char *end, *path;
	int used;

	for (; *text; text = end + 1) {
		end = strchr(text, '\n');
		if (!end)
			return NULL;
		used = 0;
		if (sscanf(text, "%lx-%lx %4s %lx %*x:%*x %lu %n", &l->start, &l->end, l->perms,
			   &l->offset, &l->inode, &used) < 5)
			fuzz_fail("maps", "cannot parse the line: %.80s", text);
		if (l->start < FUZZ_ARENA)
			continue;
		if (l->start >= FUZZ_ARENA + FUZZ_ARENA_SPAN)
			return NULL;
		path = text + used;
		l->kind = FUZZ_OTHER;
		if (!strncmp(path, SEQRING_DEV_DIR "/", sizeof(SEQRING_DEV_DIR)))
			l->kind = FUZZ_DEV;
		else if (!strncmp(path, "anon_inode:[seqring-reader]", 27))
			l->kind = FUZZ_READER;
		return end + 1;
	}
	return NULL;
}

enum fuzz_kind fuzz_mapped_at(unsigned long addr)
{
	const char *text = read_maps();
	struct line l;

	while ((text = next_line(text, &l)))
		if (addr >= l.start && addr < l.end)
			return l.kind;
	return FUZZ_FREE;
}

static void check_header(const struct line *l, uint64_t total)
{
	struct seqring_header h;
	unsigned char *to = (unsigned char *)&h;
	unsigned int i;

	for (i = 0; i < sizeof(h); i++)
		if (!fuzz_try(l->start + i, false, &to[i]))
			fuzz_fail("load", "byte %u of a header cannot be read", i);
	if (h.magic != SEQRING_MAGIC || h.total_size != total)
		fuzz_fail("header", "page 0 has magic %llx and total_size %llu instead of %llu",
			  (unsigned long long)h.magic, (unsigned long long)h.total_size,
			  (unsigned long long)total);
}

static void check_line(const struct line *l)
{
	uint64_t total = l->kind == FUZZ_DEV ? known_total(l->inode) : FUZZ_PAGE;
	unsigned long pages = (l->end - l->start) / FUZZ_PAGE, last = l->end - FUZZ_PAGE;
	unsigned long some = l->start + fuzz_all->calls % pages * FUZZ_PAGE;
	unsigned char byte = 0xee;

	if (!total)
		fuzz_fail("maps", "inode %lu is mapped, but was never opened", l->inode);
	if (l->offset > total || l->end - l->start > total - l->offset)
		fuzz_fail("bounds", "%lx-%lx maps offset %lx of %lu bytes", l->start, l->end,
			  l->offset, total);
	if (l->perms[2] != '-' || l->perms[3] != 's')
		fuzz_fail("perms", "%lx-%lx of kind %d is %s", l->start, l->end, l->kind, l->perms);
	if (l->kind == FUZZ_DEV) {
		if (l->perms[1] != '-')
			fuzz_fail("perms", "%lx-%lx of a device is %s", l->start, l->end, l->perms);
		if (fuzz_try(some, true, &byte) || fuzz_try(last, true, &byte))
			fuzz_fail("store", "a store into ring pages at %lx or %lx succeeded", some,
				  last);
		__atomic_fetch_add(&fuzz_all->probes, 2, __ATOMIC_RELAXED);
	}
	if (l->perms[0] != 'r')
		return;
	if (!fuzz_try(some, false, &byte) || !fuzz_try(last, false, &byte))
		fuzz_fail("load", "%lx or %lx with %s cannot be read", some, last, l->perms);
	if (l->kind == FUZZ_DEV && !l->offset)
		check_header(l, total);
}

void fuzz_check_maps(void)
{
	static struct line found[512];
	const char *text = read_maps();
	unsigned int nr = 0, i;

	while (nr < 512 && (text = next_line(text, &found[nr])))
		nr += found[nr].kind == FUZZ_DEV || found[nr].kind == FUZZ_READER;
	for (i = 0; i < nr; i++)
		check_line(&found[i]);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages for a memfd: those of hugetlbfs, for which the machine has to set some aside,
 * or else transparent ones of shmem.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/bench.h"
#include "pages.h"

#define NR_HUGEPAGES  "/proc/sys/vm/nr_hugepages"
#define SHMEM_ENABLED "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/*
 * A process that restores a setting when the other end of the pipe is closed. Meanwhile it
 * holds a lock on the setting: otherwise two programs that run at once would each take the
 * other's value for the machine's.
 */
static struct {
	int fd;
	pid_t pid;
} guard = { .fd = -1 };

static bool read_text(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(text, (int)size, f);

	if (f)
		fclose(f);
	if (ok)
		text[strcspn(text, "\n")] = 0;
	return ok;
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* The lock; -1: another program has it. */
static int lock_setting(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void restore_later(const char *path, const char *text, int lock)
{
	char byte;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	guard.pid = fork();
	if (guard.pid < 0)
		fail("fork: %s", strerror(errno));
	if (guard.pid) {
		close(fd[0]);
		close(lock);
		guard.fd = fd[1];
		return;
	}
	close(fd[1]);
	/* No signal to the program may end this process, not even the terminal's. */
	setsid();
	signal(SIGTERM, SIG_IGN);
	while (read(fd[0], &byte, 1) < 0)
		;
	write_text(path, text);
	_exit(0);
}

void pages_restore(void)
{
	if (guard.fd < 0)
		return;
	close(guard.fd);
	guard.fd = -1;
	waitpid(guard.pid, NULL, 0);
}

/* Bytes of a huge page, and bytes of all free huge pages. */
static bool huge_info(size_t *page, size_t *available)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long kib = 0, nr = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Hugepagesize: %lu kB", &kib) != 1 &&
		    sscanf(line, "HugePages_Free: %lu", &nr) != 1)
			continue;
	}
	if (f)
		fclose(f);
	*page = kib << 10;
	*available = nr * *page;
	return kib;
}

static size_t round_up(size_t size, enum pages pages)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), available;

	if (pages != PAGES_SMALL)
		huge_info(&page, &available);
	return (size + page - 1) / page * page;
}

/* The word in brackets of a file like "always [never]". */
static bool chosen(const char *path, char *word, size_t size)
{
	char text[128], *begin, *end;

	if (!read_text(path, text, sizeof(text)))
		return false;
	begin = strchr(text, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (!end || (size_t)(end - begin) > size)
		return false;
	*end = 0;
	strcpy(word, begin + 1);
	return true;
}

static enum pages transparent(const char **why)
{
	int lock = lock_setting(SHMEM_ENABLED);
	char word[64];

	if (lock < 0 || !chosen(SHMEM_ENABLED, word, sizeof(word))) {
		*why = keep("%s; nor has this kernel any for shmem, or another program changes it",
			    *why);
	} else if (strcmp(word, "never") && strcmp(word, "deny")) {
		close(lock);
		*why = keep("%s; so transparent ones, with madvise()", *why);
		return PAGES_TRANSPARENT;
	} else if (!write_text(SHMEM_ENABLED, "advise")) {
		*why = keep("%s; nor may %s be changed", *why, SHMEM_ENABLED);
	} else {
		restore_later(SHMEM_ENABLED, word, lock);
		*why = keep("%s; so transparent ones, with madvise()", *why);
		return PAGES_TRANSPARENT;
	}
	if (lock >= 0)
		close(lock);
	return PAGES_SMALL;
}

/* Makes the machine set @size bytes aside; the process that restores this gets the lock. */
static bool set_aside(size_t size, int lock, const char **why)
{
	size_t page, available;
	char before[32], wanted[32];

	if (!huge_info(&page, &available) || !read_text(NR_HUGEPAGES, before, sizeof(before))) {
		*why = keep("%s cannot be read", NR_HUGEPAGES);
		return false;
	}
	snprintf(wanted, sizeof(wanted), "%zu",
		 (size_t)atoll(before) + (size - available + page - 1) / page);
	if (!write_text(NR_HUGEPAGES, wanted)) {
		*why = keep("%s may not be changed from %s to %s", NR_HUGEPAGES, before, wanted);
		return false;
	}
	if (huge_info(&page, &available) && available >= size) {
		restore_later(NR_HUGEPAGES, before, lock);
		*why = keep("hugetlbfs, pages of %zu KiB; %s was %s, is %s meanwhile", page >> 10,
			    NR_HUGEPAGES, before, wanted);
		return true;
	}
	write_text(NR_HUGEPAGES, before);
	*why = keep("the machine does not find %s huge pages", wanted);
	return false;
}

enum pages pages_huge(size_t size, const char **why)
{
	size_t page, available;
	int lock;

	if (!huge_info(&page, &available)) {
		*why = "this kernel has no hugetlbfs";
		return transparent(why);
	}
	if (available >= size) {
		*why = keep("hugetlbfs, pages of %zu KiB", page >> 10);
		return PAGES_HUGETLB;
	}
	lock = lock_setting(NR_HUGEPAGES);
	if (lock < 0) {
		*why = keep("another program changes %s", NR_HUGEPAGES);
		return transparent(why);
	}
	if (set_aside(size, lock, why))
		return PAGES_HUGETLB;
	close(lock);
	return transparent(why);
}

/* True if all of a mapping is in huge pages. */
static bool is_huge(const void *data, size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long begin, end, kib = 0;
	bool here = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			here = (unsigned long)data >= begin && (unsigned long)data < end;
		else if (here && sscanf(line, "ShmemPmdMapped: %lu kB", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib << 10 >= size;
}

void *pages_map(size_t size, enum pages pages)
{
	size_t bytes = round_up(size, pages);
	int fd = memfd_create("ringbench",
			      MFD_CLOEXEC | (pages == PAGES_HUGETLB ? MFD_HUGETLB : 0));
	void *data;

	if (fd < 0)
		return NULL;
	data = ftruncate(fd, (off_t)bytes) ?
		       MAP_FAILED :
		       mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return NULL;
	if (pages == PAGES_TRANSPARENT)
		madvise(data, bytes, MADV_HUGEPAGE);
	if (madvise(data, bytes, MADV_POPULATE_WRITE) ||
	    (pages == PAGES_TRANSPARENT && !is_huge(data, bytes))) {
		munmap(data, bytes);
		return NULL;
	}
	return data;
}

void pages_unmap(void *data, size_t size, enum pages pages)
{
	munmap(data, round_up(size, pages));
}

// SPDX-License-Identifier: GPL-2.0-only
/* The state of a program: descriptors, mappings, children. */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devfuzz.h"

struct fuzz_state fuzz;

static void learn_device(struct fuzz_handle *h)
{
	struct seqring_geometry g = { .size = sizeof(g) };
	struct stat sb;

	if (ioctl(h->fd, SEQRING_IOC_GEOMETRY, &g) || fstat(h->fd, &sb))
		fuzz_fail("geometry", "a valid request failed: %s", strerror(errno));
	h->total = g.total_size;
	h->payload_max = g.payload_max;
	h->nr_rings = g.nr_rings;
	h->takes_writes = g.features & SEQRING_FEAT_WRITE;
	fuzz_know_device(sb.st_ino, g.total_size);
}

int fuzz_add_fd(int fd, enum fuzz_kind kind, bool writable)
{
	unsigned int i;

	for (i = 0; i < FUZZ_HANDLES && fuzz.h[i].kind != FUZZ_FREE; i++)
		;
	if (i == FUZZ_HANDLES) {
		close(fd);
		return -1;
	}
	fuzz.h[i] = (struct fuzz_handle) { .fd = fd, .kind = kind, .writable = writable };
	if (kind == FUZZ_DEV)
		learn_device(&fuzz.h[i]);
	if (kind == FUZZ_READER)
		fuzz.h[i].total = FUZZ_PAGE;
	return i;
}

void fuzz_forget_fd(int fd)
{
	unsigned int i;

	for (i = 0; i < FUZZ_HANDLES; i++)
		if (fuzz.h[i].kind != FUZZ_FREE && fuzz.h[i].fd == fd)
			fuzz.h[i].kind = FUZZ_FREE;
}

/* Return: a slot of that kind, or any slot if there is none, or -1 if nothing is open. */
int fuzz_slot(struct fuzz_rnd *r, enum fuzz_kind kind)
{
	int found[FUZZ_HANDLES], nr = 0, i;

	for (i = 0; i < FUZZ_HANDLES; i++)
		if (fuzz.h[i].kind == kind || (kind == FUZZ_ANY && fuzz.h[i].kind != FUZZ_FREE))
			found[nr++] = i;
	if (!nr)
		return kind == FUZZ_ANY ? -1 : fuzz_slot(r, FUZZ_ANY);
	return found[fuzz_below(r, nr)];
}

void fuzz_add_map(unsigned long addr, unsigned long len, enum fuzz_kind kind)
{
	static unsigned int next;
	unsigned int i;

	for (i = 0; i < FUZZ_MAPS && fuzz.map[i].len; i++)
		;
	if (i == FUZZ_MAPS)
		i = next++ % FUZZ_MAPS;
	fuzz.map[i] = (struct fuzz_map) { addr, len, kind };
}

static void end_children(void)
{
	int status;
	pid_t pid;
	unsigned int i;

	for (i = 0; i < FUZZ_CHILDREN; i++) {
		pid = fuzz.child[i];
		fuzz.child[i] = 0;
		if (!pid)
			continue;
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (__atomic_load_n(&fuzz_all->failed, __ATOMIC_RELAXED))
		_exit(1);
}

/* Closes everything except the control node and the driver. */
void fuzz_state_reset(void)
{
	unsigned int i;

	end_children();
	fuzz_forget_devices();
	for (i = 0; i < FUZZ_HANDLES; i++) {
		if (fuzz.h[i].kind != FUZZ_FREE)
			close(fuzz.h[i].fd);
		fuzz.h[i].kind = FUZZ_FREE;
	}
	fuzz_add_fd(dup(fuzz.control), FUZZ_CTL, true);
	fuzz_add_fd(dup(fuzz.driver), FUZZ_DRIVER, true);
	munlockall();
	munmap((void *)FUZZ_ARENA, FUZZ_ARENA_SPAN);
	memset(fuzz.map, 0, sizeof(fuzz.map));
}

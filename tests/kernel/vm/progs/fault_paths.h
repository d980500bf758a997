/* SPDX-License-Identifier: GPL-2.0-only */
/* The paths of t_fault: each returns -1 and errno, or what it made, for its undo. */
#ifndef FAULT_PATHS_H
#define FAULT_PATHS_H

#include <sys/epoll.h>
#include <sys/uio.h>

#include "mod.h"

#define SIZE 65536
#define MAX  256

/* Descriptors of tf, tf (for writing), tf-shared, tf's reader page, tf-percpu. */
static int dev_fd, rw_fd, kernel_fd, reader_fd, percpu_fd;
static struct seqring_geometry g;
static size_t percpu_size;

static long create(void)
{
	return dev_create("tf-new", SIZE);
}

static long create_with_schema(void)
{
	static const char schema[9000] = "a schema";
	struct seqring_ctl_create c = dev_params("tf-new", SIZE);

	c.schema = (uintptr_t)schema;
	c.schema_size = sizeof(schema);
	return dev_control(SEQRING_CTL_CREATE, &c);
}

static void destroy_new(long made)
{
	(void)made;
	if (dev_destroy("tf-new"))
		T_DIE("fault.undo", "destroy: %s", strerror(errno));
}

static void make_new(void)
{
	if (dev_create("tf-new", SIZE))
		T_DIE("fault.prepare", "create: %s", strerror(errno));
}

static long destroy(void)
{
	return dev_destroy("tf-new");
}

static long open_read(void)
{
	return dev_open_fd("tf", O_RDONLY);
}

static long open_write(void)
{
	return dev_open_fd("tf", O_RDWR);
}

static long open_percpu(void)
{
	return dev_open_fd("tf-percpu", O_RDONLY);
}

static void close_it(long fd)
{
	close(fd);
}

static long geometry(void)
{
	struct seqring_geometry now = { .size = sizeof(now) };
	long ret = ioctl(dev_fd, SEQRING_IOC_GEOMETRY, &now);

	if (!ret && memcmp(&now, &g, sizeof(g)))
		T_DIE("fault.geometry", "it has changed");
	return ret;
}

static long stats(void)
{
	struct seqring_stats st = { .size = sizeof(st) };

	return ioctl(dev_fd, SEQRING_IOC_STATS, &st);
}

static long seek(void)
{
	struct seqring_seek s = { .size = sizeof(s), .whence = SEQRING_SEEK_OLDEST };

	return ioctl(dev_fd, SEQRING_IOC_SEEK, &s);
}

static long write_type(void)
{
	struct seqring_write_type t = { .size = sizeof(t), .type = 7 };

	return ioctl(rw_fd, SEQRING_IOC_WRITE_TYPE, &t);
}

static long reader_fd_new(void)
{
	int fd = dev_open_fd("tf", O_RDONLY), ret, err;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, SEQRING_IOC_READER_FD, 0);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

static long reader_fd_again(void)
{
	return ioctl(dev_fd, SEQRING_IOC_READER_FD, 0);
}

static long mapped(int fd, size_t size, int prot, off_t off)
{
	volatile unsigned char *p = mmap(NULL, size, prot, MAP_SHARED, fd, off);

	if (p == MAP_FAILED)
		return -1;
	/* The whole mapping is there. */
	if (prot == PROT_READ)
		(void)p[size - 1];
	return (long)(uintptr_t)p;
}

static long map_all(void)
{
	return mapped(dev_fd, g.total_size, PROT_READ, 0);
}

static long map_header(void)
{
	return mapped(dev_fd, 4096, PROT_READ, 0);
}

static long map_ring(void)
{
	return mapped(dev_fd, g.data_size, PROT_READ, g.total_size - g.data_size);
}

static long map_percpu(void)
{
	return mapped(percpu_fd, percpu_size, PROT_READ, 0);
}

static long map_reader(void)
{
	return mapped(reader_fd, g.reader_size, PROT_READ | PROT_WRITE, 0);
}

static void unmap_all(long p)
{
	munmap((void *)p, g.total_size);
}

static void unmap_page(long p)
{
	munmap((void *)p, 4096);
}

static void unmap_ring(long p)
{
	munmap((void *)p, g.data_size);
}

static void unmap_percpu(long p)
{
	munmap((void *)p, percpu_size);
}

/* Faults by a system call: a fault of the process itself would be retried, or kill it. */
static long fault_in(int fd, size_t size)
{
	unsigned char *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	long ret;
	int err;

	if (p == MAP_FAILED)
		return -1;
	madvise(p, size, MADV_DONTNEED);
	ret = madvise(p, size, 22 /* MADV_POPULATE_READ */);
	err = errno;
	/* If the call above failed, a second one succeeds. */
	if (munmap(p, size))
		munmap(p, size);
	errno = err;
	return ret;
}

static long fault_device(void)
{
	return fault_in(dev_fd, g.total_size);
}

static long fault_reader(void)
{
	return fault_in(reader_fd, g.reader_size);
}

static unsigned char payload[MAX];

static long write_user(void)
{
	return write(rw_fd, payload, sizeof(payload));
}

static long write_kernel(void)
{
	return write(kernel_fd, payload, sizeof(payload));
}

static long write_pieces(void)
{
	struct iovec v[20];
	unsigned int i;

	for (i = 0; i < 20; i++)
		v[i] = (struct iovec) { payload, 5 };
	return writev(rw_fd, v, 20);
}

static void rewind_file(void)
{
	if (lseek(dev_fd, 0, SEEK_SET))
		T_DIE("fault.prepare", "lseek: %s", strerror(errno));
}

static long read_some(void)
{
	/* A few records: each is copied in the same way. */
	static unsigned char buf[8 * MAX];

	return read(dev_fd, buf, sizeof(buf));
}

static long read_kernel(void)
{
	static unsigned char buf[SIZE];

	lseek(percpu_fd, 0, SEEK_SET);
	return read(percpu_fd, buf, sizeof(buf));
}

/* More waits than fit on the stack. */
static long poll_many(void)
{
	struct pollfd p[300];
	unsigned int i;

	for (i = 0; i < 300; i++) {
		p[i].fd = dev_fd;
		p[i].events = POLLPRI;
	}
	return poll(p, 300, 1);
}

static long epoll_add(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC), err;
	long ret;

	if (ep < 0)
		return -1;
	ret = epoll_ctl(ep, EPOLL_CTL_ADD, dev_fd, &ev);
	if (!ret)
		ret = epoll_wait(ep, &ev, 1, 0);
	err = errno;
	close(ep);
	errno = err;
	return ret;
}

static long kernel_create_locked(void)
{
	return dev_command("create tf-kernel 1 65536 1");
}

static long kernel_create_percpu(void)
{
	return dev_command("create tf-kernel 2 65536 0");
}

static void kernel_destroy(long made)
{
	(void)made;
	if (dev_command("destroy tf-kernel"))
		T_DIE("fault.undo", "destroy: %s", strerror(errno));
}

static long kernel_publish(void)
{
	return dev_command("flood tf-percpu 10 256 3");
}

static long load(void)
{
	return mod_load("seqring");
}

static void unload(long made)
{
	(void)made;
	if (mod_remove("seqring"))
		T_DIE("fault.undo", "rmmod: %s", strerror(errno));
}

static long load_test(void)
{
	return mod_load("seqring_test");
}

static void unload_test(long made)
{
	(void)made;
	if (mod_remove("seqring_test"))
		T_DIE("fault.undo", "rmmod seqring_test: %s", strerror(errno));
}

/* How much a path costs. */
enum cost {
	CHEAP,
	SLOW,	      /* hundreds of failures, and each try takes its time */
	LIKE_ANOTHER, /* slow, and almost all of it is in another path, too */
};

/*
 * @prepare: before each try, without failures
 * @undo: undoes a success
 * @one: a success publishes one record on tf, or on tf-kernel; a failure publishes none
 */
struct path {
	const char *name;
	void (*prepare)(void);
	long (*run)(void);
	void (*undo)(long made);
	int *one;
	enum cost cost;
};

static const struct path paths[] = {
	{ "create", NULL, create, destroy_new, NULL, SLOW },
	{ "create_with_schema", NULL, create_with_schema, destroy_new, NULL, LIKE_ANOTHER },
	{ "destroy", make_new, destroy, NULL, NULL, CHEAP },
	{ "open_read", NULL, open_read, close_it, NULL, CHEAP },
	{ "open_write", NULL, open_write, close_it, NULL, CHEAP },
	{ "open_percpu", NULL, open_percpu, close_it, NULL, CHEAP },
	{ "geometry", NULL, geometry, NULL, NULL, CHEAP },
	{ "stats", NULL, stats, NULL, NULL, CHEAP },
	{ "seek", NULL, seek, NULL, NULL, CHEAP },
	{ "write_type", NULL, write_type, NULL, NULL, CHEAP },
	{ "reader_fd", NULL, reader_fd_new, close_it, NULL, CHEAP },
	{ "reader_fd_again", NULL, reader_fd_again, close_it, NULL, CHEAP },
	{ "map_all", NULL, map_all, unmap_all, NULL, CHEAP },
	{ "map_header", NULL, map_header, unmap_page, NULL, CHEAP },
	{ "map_ring", NULL, map_ring, unmap_ring, NULL, CHEAP },
	{ "map_percpu", NULL, map_percpu, unmap_percpu, NULL, CHEAP },
	{ "map_reader", NULL, map_reader, unmap_page, NULL, CHEAP },
	{ "fault_device", NULL, fault_device, NULL, NULL, CHEAP },
	{ "fault_reader", NULL, fault_reader, NULL, NULL, CHEAP },
	{ "write_user", NULL, write_user, NULL, &rw_fd, CHEAP },
	{ "write_kernel", NULL, write_kernel, NULL, &kernel_fd, CHEAP },
	{ "write_pieces", NULL, write_pieces, NULL, &rw_fd, CHEAP },
	{ "read", rewind_file, read_some, NULL, NULL, CHEAP },
	{ "read_percpu", NULL, read_kernel, NULL, NULL, CHEAP },
	{ "poll", NULL, poll_many, NULL, NULL, CHEAP },
	{ "epoll", NULL, epoll_add, NULL, NULL, CHEAP },
	{ "kernel_create_locked", NULL, kernel_create_locked, kernel_destroy, NULL, LIKE_ANOTHER },
	{ "kernel_create_percpu", NULL, kernel_create_percpu, kernel_destroy, NULL, SLOW },
	{ "kernel_publish", NULL, kernel_publish, NULL, NULL, CHEAP },
};

/* Without a device, and without the modules. */
static const struct path load_paths[] = {
	{ "load_test", NULL, load_test, unload_test, NULL, SLOW },
	{ "load", NULL, load, unload, NULL, SLOW },
};

#endif /* FAULT_PATHS_H */

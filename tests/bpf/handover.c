// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring goes from loader to loader: as often as one likes, while events happen, and while
 * loaders fail or have left the ring in disorder.
 */
#include <pthread.h>

#include "common.h"
#include "handover.h"

#define NAME	    "handover"
#define RESTARTS    310 /* the doorbell of a page holds 256 rings */
#define PATIENCE_MS 30000

static const char *bpffs;

/* One loader: its object, ring and link. */
struct loader {
	struct bpf_object *obj;
	struct ring_bpf *ring;
	struct bpf_link *link;
};

static long trigger_nr(void)
{
	static pid_t root;

	if (!root)
		root = getpid();
	return 1000000 + root;
}

static void set_constant(struct bpf_object *obj, unsigned int nr, uint64_t value)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	size_t size;

	((uint64_t *)bpf_map__initial_value(map, &size))[nr] = value;
}

/* Return: 0; what the first call that failed returned. */
static int load(struct loader *l, uint64_t number)
{
	const struct ring_bpf_opts opts = { .size = sizeof(opts),
					    .flags = RING_BPF_CONTINUE,
					    .clock_id = SEQRING_CLOCK_MONOTONIC,
					    .data_size = 1 << 20,
					    .name = NAME };
	int err;

	memset(l, 0, sizeof(*l));
	l->obj = open_object("handover");
	set_constant(l->obj, 0, (uint64_t)trigger_nr());
	set_constant(l->obj, 1, number);
	err = ring_bpf_prepare(l->obj, "ring", &opts, &l->ring);
	return err ? err : ring_bpf_load(l->obj);
}

static int attach(struct loader *l)
{
	l->link = bpf_program__attach(bpf_object__find_program_by_name(l->obj, "on_event"));
	return l->link ? 0 : -errno;
}

static int keep(struct loader *l)
{
	return ring_bpf_keep(l->ring, &l->link, 1);
}

static void unload(struct loader *l)
{
	bpf_link__destroy(l->link);
	ring_bpf_close(l->ring);
	bpf_object__close(l->obj);
}

/* A whole life of a loader that leaves the ring to the next one. */
static int restart(uint64_t number)
{
	struct loader l;
	int err = load(&l, number);

	if (!err)
		err = ring_bpf_start(l.ring);
	if (!err)
		err = attach(&l);
	if (!err)
		err = keep(&l);
	unload(&l);
	return err;
}

struct waiter {
	struct ring_reader *r;
	int err;
};

static void *wait_in_thread(void *arg)
{
	struct waiter *w = arg;
	uint64_t start = now_ns();

	w->err = ring_wait(w->r, PATIENCE_MS);
	/* At its timeout ring_wait() looks once more. */
	if (now_ns() - start >= PATIENCE_MS * MS)
		w->err = -ETIME;
	return NULL;
}

static struct ring_reader *open_ring(uint32_t whence)
{
	const struct ring_open_opts opts = { .size = sizeof(opts), .whence = whence };
	struct ring_reader *r = NULL;

	if (ring_open(NAME, &opts, &r))
		die(NAME);
	return r;
}

/* Nobody reads the ring, and so nobody makes room in its doorbell. */
static void worn(void)
{
	struct waiter w = { 0 };
	pthread_t thread;
	int i, err = 0;

	for (i = 0; !err && i < RESTARTS; i++)
		err = restart((uint64_t)i);
	t_check(!err, "worn.restarts", "restart %d: %d: %s", i - 1, err, ring_strerror());
	w.r = open_ring(RING_HEAD);
	pthread_create(&thread, NULL, wait_in_thread, &w);
	sleep_us(50000);
	syscall(trigger_nr(), 1);
	pthread_join(thread, NULL);
	T_EQ("worn.woken", w.err, 0);
	ring_close(w.r);
	T_EQ("worn.destroy", ring_bpf_destroy(NAME), 0);
	T_EQ("worn.destroyed", ring_bpf_destroy(NAME), -ENOENT);
}

/* As a reader can do: the doorbell has no room, although a reader sleeps. */
static void fill_doorbell(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char path[PATH_MAX];
	uint64_t *consumed, *produced;
	int fd;

	snprintf(path, sizeof(path), "%s/" NAME "/doorbell", getenv("RINGBPFDIR"));
	fd = bpf_obj_get(path);
	consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	produced = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (fd < 0 || consumed == MAP_FAILED || produced == MAP_FAILED)
		die("the doorbell");
	seqring_write(consumed, seqring_read(produced) - page);
	munmap(consumed, page);
	munmap(produced, page);
	close(fd);
}

/* The end of a ring reaches a sleeper through a full doorbell. */
static void full(void)
{
	struct waiter w = { 0 };
	pthread_t thread;

	T_EQ("full.restart", restart(1), 0);
	w.r = open_ring(RING_HEAD);
	pthread_create(&thread, NULL, wait_in_thread, &w);
	sleep_us(100000);
	fill_doorbell();
	T_EQ("full.destroy", ring_bpf_destroy(NAME), 0);
	pthread_join(thread, NULL);
	T_EQ("full.woken", w.err, -ENODEV);
	ring_close(w.r);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "worn", worn },
	{ "full", full },
};

int main(int argc, char **argv)
{
	unsigned int i;
	int j;

	need_bpf("handover");
	bpffs = own_bpffs();
	trigger_nr();
	pin_to(0);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		bool wanted = argc == 1;

		for (j = 1; j < argc; j++)
			wanted |= !strcmp(argv[j], tests[i].name);
		if (wanted)
			tests[i].run();
	}
	umount(bpffs);
	return t_done();
}

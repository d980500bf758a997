// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records of ringctl trace in Perfetto's format. Switches and wake-ups become events of
 * ftrace, from which viewers draw the CPUs. System calls become slices on the track of their
 * thread, and requests to disks slices on tracks of their disk. The others are instants.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/decode.h"
#include "../trace/config.h"
#include "../trace/names.h"
#include "../trace/print_record.h"
#include "../trace/records.h"
#include "format.h"
#include "perfetto.h"
#include "proto.h"

#define BUCKETS	     (1u << 14)
#define REQUESTS_MAX 32

/*
 * @comm: the name of its track; @pending: it is in a system call, which began at @enter_ns
 */
struct thread {
	struct thread *next;
	int32_t tid;
	int32_t pid;
	char comm[TRACE_COMM_SIZE];
	bool pending;
	bool is_compat;
	int32_t call;
	uint32_t ring;
	uint64_t enter_ns;
};

/*
 * A disk. Requests that overlap are on different tracks.
 *
 * @nr: tracks that are described
 * @free_ns: when the last slice of each track ends
 */
struct disk {
	struct disk *next;
	uint32_t number;
	uint32_t major;
	uint32_t minor;
	unsigned int nr;
	uint64_t free_ns[REQUESTS_MAX];
};

struct perfetto_trace {
	struct thread *threads[BUCKETS];
	struct disk *disks;
	uint32_t nr_disks;
	uint64_t last_ns;
};

bool perfetto_trace_fits(const struct export_source *src)
{
	return src->decoder && trace_knows(decoder_schema(src->decoder));
}

int perfetto_trace_open(struct perfetto *p)
{
	p->trace = calloc(1, sizeof(*p->trace));
	return p->trace ? 0 : -ENOMEM;
}

static void text_of(char *buf, const char *comm)
{
	memcpy(buf, comm, TRACE_COMM_SIZE);
	buf[TRACE_COMM_SIZE - 1] = '\0';
}

static void describe_thread(struct perfetto *p, uint32_t ring, uint64_t ts_ns,
			    const struct thread *t)
{
	struct out *o = &p->file.buf;
	size_t packet = perfetto_begin_packet(p, ring, ts_ns);
	size_t track = proto_begin(o, PACKET_TRACK_DESCRIPTOR), thread;

	proto_uint(o, TRACK_UUID, track_uuid(TRACK_OF_THREAD, (uint32_t)t->tid));
	proto_uint(o, TRACK_PARENT, track_uuid(TRACK_OF_PROCESS, (uint32_t)t->pid));
	thread = proto_begin(o, TRACK_THREAD);
	proto_int(o, 1, t->pid);
	proto_int(o, 2, t->tid);
	proto_string(o, 5, t->comm);
	proto_end(o, thread);
	proto_end(o, track);
	perfetto_end_packet(p, packet);
}

/* @name: NULL: not known yet */
static void describe_process(struct perfetto *p, uint32_t ring, uint64_t ts_ns, int32_t pid,
			     const char *name)
{
	struct out *o = &p->file.buf;
	size_t packet = perfetto_begin_packet(p, ring, ts_ns);
	size_t track = proto_begin(o, PACKET_TRACK_DESCRIPTOR), process;

	proto_uint(o, TRACK_UUID, track_uuid(TRACK_OF_PROCESS, (uint32_t)pid));
	process = proto_begin(o, TRACK_PROCESS);
	proto_int(o, 1, pid);
	if (name)
		proto_string(o, 6, name);
	proto_end(o, process);
	proto_end(o, track);
	perfetto_end_packet(p, packet);
}

static struct thread *find_thread(const struct perfetto_trace *trace, int32_t tid)
{
	struct thread *t = trace->threads[(uint32_t)tid % BUCKETS];

	while (t && t->tid != tid)
		t = t->next;
	return t;
}

/*
 * Finds a task's thread, and describes it when it is new or has another name. Thread 0 is that of
 * each CPU's idle task, and has no track. Return: NULL: no memory.
 */
static struct thread *see_task(struct perfetto *p, const struct ring_record *rec,
			       const struct trace_task *task)
{
	struct thread **at = &p->trace->threads[(uint32_t)task->tid % BUCKETS];
	struct thread *t = find_thread(p->trace, task->tid);
	char comm[TRACE_COMM_SIZE];
	bool is_new = !t;

	text_of(comm, task->comm);
	if (is_new) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return NULL;
		t->next = *at;
		*at = t;
		t->tid = task->tid;
		t->pid = task->pid;
		if (t->tid && t->pid)
			describe_process(p, rec->ring, rec->ts_ns, t->pid, NULL);
	}
	if (t->tid && (is_new || strcmp(t->comm, comm) || t->pid != task->pid)) {
		t->pid = task->pid;
		memcpy(t->comm, comm, sizeof(comm));
		describe_thread(p, rec->ring, rec->ts_ns, t);
	}
	return t;
}

/* With one ring for all CPUs, no record tells its CPU. */
static bool knows_cpu(const struct perfetto *p)
{
	return p->src->info.nr_rings > 1;
}

/* The numbers of the kernel, as ftrace has them. */
static int64_t state_of(enum trace_task_state state)
{
	switch (state) {
	case TASK_RUNNABLE:
	case TASK_PREEMPTED:
		return 0;
	case TASK_UNINTERRUPTIBLE:
	case TASK_IDLE:
		return 2;
	case TASK_STOPPED:
		return 4;
	case TASK_TRACED:
		return 8;
	case TASK_DEAD:
		return 16;
	case TASK_PARKED:
		return 64;
	case TASK_SLEEPING:
	default:
		return 1;
	}
}

/* The messages around an event of ftrace. */
struct bundle {
	size_t packet;
	size_t bundle;
	size_t event;
	size_t data;
};

static struct bundle begin_bundle(struct perfetto *p, const struct ring_record *rec, int32_t tid,
				  unsigned int field)
{
	struct out *o = &p->file.buf;
	struct bundle b = { .packet = proto_begin(o, TRACE_PACKET) };

	proto_uint(o, PACKET_SEQUENCE_ID, rec->ring + 1);
	b.bundle = proto_begin(o, PACKET_FTRACE_EVENTS);
	proto_uint(o, 1, p->src->ids[rec->ring]);
	b.event = proto_begin(o, 2);
	proto_uint(o, 1, rec->ts_ns);
	proto_uint(o, 2, (uint32_t)tid);
	b.data = proto_begin(o, field);
	return b;
}

static void end_bundle(struct perfetto *p, const struct bundle *b)
{
	proto_end(&p->file.buf, b->data);
	proto_end(&p->file.buf, b->event);
	proto_end(&p->file.buf, b->bundle);
	proto_end(&p->file.buf, b->packet);
}

static void put_comm(struct out *o, unsigned int field, const struct trace_task *task)
{
	char comm[TRACE_COMM_SIZE];

	text_of(comm, task->comm);
	proto_string(o, field, comm);
}

static int add_switch(struct perfetto *p, const struct ring_record *rec)
{
	const struct sched_switch *e = rec->payload;
	struct out *o = &p->file.buf;
	struct bundle b;

	if (!see_task(p, rec, &e->prev) || !see_task(p, rec, &e->next))
		return -ENOMEM;
	if (!knows_cpu(p))
		return -ENOENT;
	b = begin_bundle(p, rec, e->prev.tid, 4);
	put_comm(o, 1, &e->prev);
	proto_int(o, 2, e->prev.tid);
	proto_int(o, 3, e->prev_prio);
	proto_int(o, 4, state_of(e->prev_state));
	put_comm(o, 5, &e->next);
	proto_int(o, 6, e->next.tid);
	proto_int(o, 7, e->next_prio);
	end_bundle(p, &b);
	return 0;
}

static int add_wakeup(struct perfetto *p, const struct ring_record *rec)
{
	const struct sched_wakeup *e = rec->payload;
	struct out *o = &p->file.buf;
	struct bundle b;

	if (!see_task(p, rec, &e->task) || !see_task(p, rec, &e->by))
		return -ENOMEM;
	if (!knows_cpu(p))
		return -ENOENT;
	b = begin_bundle(p, rec, e->by.tid, 20);
	put_comm(o, 1, &e->task);
	proto_int(o, 2, e->task.tid);
	proto_int(o, 3, e->prio);
	proto_int(o, 4, 1);
	proto_int(o, 5, e->cpu);
	end_bundle(p, &b);
	return 0;
}

static const char *call_name(int32_t call, bool compat, char *buf, size_t size)
{
	const char *name = trace_call_name(call, compat);

	if (name)
		return name;
	snprintf(buf, size, "call %d", call);
	return buf;
}

static uint64_t track_of(const struct trace_task *task)
{
	return track_uuid(TRACK_OF_THREAD, (uint32_t)task->tid);
}

/* An entry is drawn when the call returns, or at the end of the trace. */
static int add_enter(struct perfetto *p, const struct ring_record *rec)
{
	const struct syscall_enter *e = rec->payload;
	struct thread *t = see_task(p, rec, &e->task);
	char buf[32], name[96];

	if (!t)
		return -ENOMEM;
	if (t->pending) {
		snprintf(name, sizeof(name), "%s (its return was lost)",
			 call_name(t->call, t->is_compat, buf, sizeof(buf)));
		perfetto_add_event(p, t->ring, t->enter_ns, INSTANT, track_of(&e->task), name,
				   NULL);
	}
	t->pending = true;
	t->call = e->call;
	t->is_compat = e->is_compat;
	t->enter_ns = rec->ts_ns;
	t->ring = rec->ring;
	return 0;
}

/* The exit tells the duration, so its entry need not have been recorded. */
static int add_exit(struct perfetto *p, const struct ring_record *rec)
{
	const struct syscall_exit *e = rec->payload;
	struct thread *t = see_task(p, rec, &e->task);
	uint64_t begin = rec->ts_ns - e->duration_ns;
	char buf[32];
	const char *name;

	if (!t)
		return -ENOMEM;
	t->pending = false;
	name = call_name(e->call, e->is_compat, buf, sizeof(buf));
	if (!e->duration_ns || e->duration_ns > rec->ts_ns) {
		perfetto_add_event(p, rec->ring, rec->ts_ns, INSTANT, track_of(&e->task), name,
				   rec);
		return 0;
	}
	perfetto_add_event(p, rec->ring, begin, SLICE_BEGIN, track_of(&e->task), name, rec);
	perfetto_add_event(p, rec->ring, rec->ts_ns, SLICE_END, track_of(&e->task), NULL, NULL);
	return 0;
}

static struct disk *find_disk(struct perfetto *p, const struct ring_record *rec,
			      const struct trace_block *io)
{
	struct out *o = &p->file.buf;
	struct disk *d;
	char name[TRACE_DISK_SIZE + 8];
	size_t packet, track;

	for (d = p->trace->disks; d; d = d->next)
		if (d->major == io->major && d->minor == io->minor)
			return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->major = io->major;
	d->minor = io->minor;
	d->number = p->trace->nr_disks++;
	d->next = p->trace->disks;
	p->trace->disks = d;
	snprintf(name, sizeof(name), "disk %.*s", TRACE_DISK_SIZE, io->disk);
	packet = perfetto_begin_packet(p, rec->ring, rec->ts_ns);
	track = proto_begin(o, PACKET_TRACK_DESCRIPTOR);
	proto_uint(o, TRACK_UUID, track_uuid(TRACK_OF_DISK, d->number));
	proto_string(o, TRACK_NAME, name);
	proto_end(o, track);
	perfetto_end_packet(p, packet);
	return d;
}

/* A track of the disk without a request since @begin. The last one takes what has no place. */
static uint64_t request_track(struct perfetto *p, const struct ring_record *rec, struct disk *d,
			      uint64_t begin)
{
	struct out *o = &p->file.buf;
	unsigned int i = 0;
	size_t packet, track;
	uint64_t uuid;

	while (i < d->nr && d->free_ns[i] > begin)
		i++;
	if (i == REQUESTS_MAX)
		return track_uuid(TRACK_OF_DISK, d->number);
	d->free_ns[i] = rec->ts_ns;
	uuid = track_uuid(TRACK_OF_REQUESTS, d->number * REQUESTS_MAX + i);
	if (i < d->nr)
		return uuid;
	d->nr++;
	packet = perfetto_begin_packet(p, rec->ring, rec->ts_ns);
	track = proto_begin(o, PACKET_TRACK_DESCRIPTOR);
	proto_uint(o, TRACK_UUID, uuid);
	proto_uint(o, TRACK_PARENT, track_uuid(TRACK_OF_DISK, d->number));
	proto_string(o, TRACK_NAME, "requests");
	proto_end(o, track);
	perfetto_end_packet(p, packet);
	return uuid;
}

static const char *op_name(enum trace_block_op op)
{
	switch (op) {
	case BLOCK_READ:
		return "read";
	case BLOCK_WRITE:
		return "write";
	case BLOCK_FLUSH:
		return "flush";
	case BLOCK_DISCARD:
		return "discard";
	default:
		return "request";
	}
}

static int add_complete(struct perfetto *p, const struct ring_record *rec)
{
	const struct block_complete *e = rec->payload;
	struct disk *d = find_disk(p, rec, &e->io);
	uint64_t begin = rec->ts_ns - e->latency_ns, track;

	/* The task of a request that began before the trace is unknown. */
	if (!d || (e->io.task.tid && !see_task(p, rec, &e->io.task)))
		return -ENOMEM;
	track = track_uuid(TRACK_OF_DISK, d->number);
	if (e->latency_ns && e->latency_ns <= rec->ts_ns)
		track = request_track(p, rec, d, begin);
	if (track == track_uuid(TRACK_OF_DISK, d->number)) {
		perfetto_add_event(p, rec->ring, rec->ts_ns, INSTANT, track, op_name(e->io.op),
				   rec);
		return 0;
	}
	perfetto_add_event(p, rec->ring, begin, SLICE_BEGIN, track, op_name(e->io.op), rec);
	perfetto_add_event(p, rec->ring, rec->ts_ns, SLICE_END, track, NULL, NULL);
	return 0;
}

int perfetto_trace_record(struct perfetto *p, const struct ring_record *rec)
{
	const struct trace_record_type *type = trace_type_of(rec);
	const struct trace_task *task;
	const struct process_fork *fork;
	struct thread *t;
	int err = -ENOENT;

	if (!type)
		return -ENOENT;
	if (rec->ts_ns > p->trace->last_ns)
		p->trace->last_ns = rec->ts_ns;
	if (rec->type == sched_switch)
		err = add_switch(p, rec);
	else if (rec->type == sched_wakeup)
		err = add_wakeup(p, rec);
	else if (rec->type == syscall_enter)
		return add_enter(p, rec);
	else if (rec->type == syscall_exit)
		return add_exit(p, rec);
	else if (rec->type == block_complete)
		return add_complete(p, rec);
	if (err != -ENOENT)
		return err;
	task = (const struct trace_task *)((const char *)rec->payload + type->task);
	t = see_task(p, rec, task);
	if (rec->type == process_fork && t) {
		fork = rec->payload;
		t = see_task(p, rec, &fork->child) ? t : NULL;
	}
	if (!t)
		return -ENOMEM;
	/* The idle task has no track of its own. */
	perfetto_add_event(p, rec->ring, rec->ts_ns, INSTANT,
			   t->tid ? track_of(task) : track_uuid(TRACK_OF_RING, rec->ring),
			   type->name, rec);
	return 0;
}

/*
 * Draws the calls that did not return, and names the processes: readers take the first name, and
 * the last one is that of the program that ran.
 */
int perfetto_trace_end(struct perfetto *p)
{
	char buf[32];
	uint32_t i;
	int err = 0;

	for (i = 0; p->trace && i < BUCKETS && !err; i++) {
		const struct thread *t;

		for (t = p->trace->threads[i]; t && !err; t = t->next) {
			if (t->pending)
				perfetto_add_event(p, t->ring, t->enter_ns, SLICE_BEGIN,
						   track_uuid(TRACK_OF_THREAD, (uint32_t)t->tid),
						   call_name(t->call, t->is_compat, buf,
							     sizeof(buf)),
						   NULL);
			/* Without its main thread, a process has the name of another. */
			if (t->tid && (t->tid == t->pid || !find_thread(p->trace, t->pid)))
				describe_process(p, 0, p->trace->last_ns, t->pid, t->comm);
			err = output_write(&p->file);
		}
	}
	return err;
}

void perfetto_trace_free(struct perfetto *p)
{
	struct thread *t;
	struct disk *d;
	uint32_t i;

	if (!p->trace)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while ((t = p->trace->threads[i])) {
			p->trace->threads[i] = t->next;
			free(t);
		}
	}
	while ((d = p->trace->disks)) {
		p->trace->disks = d->next;
		free(d);
	}
	free(p->trace);
	p->trace = NULL;
}

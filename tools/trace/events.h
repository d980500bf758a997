/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records of ringctl trace: written by trace.bpf.c, printed by print.c, and by any
 * reader that understands schemas, since the ring carries a description of these.
 *
 * A pid is that of the process (the thread group), a tid that of the thread, both in
 * the initial PID namespace. Padding is zero, and has no names: these would be printed.
 */
#ifndef TRACE_EVENTS_H
#define TRACE_EVENTS_H

#include <linux/types.h>

#include <seqring/schema.h>

#define TRACE_COMM_SIZE 16
#define TRACE_DISK_SIZE 16

/* Longest file name and arguments of an exec, terminating zeros included. */
#define TRACE_FILE_MAX 512
#define TRACE_ARGS_MAX 3072

/* Types of records; those of one group are next to each other. */
enum seqring_schema {
	sched_switch = 1,
	sched_wakeup = 2,
	process_fork = 16,
	process_exec = 17,
	process_exit = 18,
	syscall_enter = 32,
	syscall_exit = 33,
	block_issue = 48,
	block_complete = 49,
	tcp4_state = 64,
	tcp6_state = 65,
};

struct trace_task {
	__s32 pid;
	__s32 tid;
	char comm[TRACE_COMM_SIZE];
};

/* What a task is left in by a switch: the letters of ps(1), R+ for a preempted one. */
enum trace_task_state {
	TASK_RUNNABLE,
	TASK_PREEMPTED,
	TASK_SLEEPING,
	TASK_UNINTERRUPTIBLE,
	TASK_IDLE,
	TASK_STOPPED,
	TASK_TRACED,
	TASK_PARKED,
	TASK_DEAD,
	TASK_OTHER,
};

struct sched_switch {
	struct trace_task prev;
	struct trace_task next;
	__s32 prev_prio;
	__s32 next_prio;
	enum trace_task_state prev_state;
};

/* @by: who ran when it happened: in an interrupt, anyone. @cpu: where it will run. */
struct sched_wakeup {
	struct trace_task task;
	struct trace_task by;
	__s32 prio;
	__u16 cpu;
	_Bool is_new;
};

struct process_fork {
	struct trace_task parent;
	struct trace_task child;
	_Bool is_thread;
};

/*
 * @args_size: bytes of all arguments; 0: they could not be read
 * @truncated: @command has not all of them, or not the whole file name
 * @command: the file, then the arguments from argv[0] on
 */
struct process_exec {
	struct trace_task task;
	__s32 ppid;
	__u32 uid;
	__u32 args_size;
	_Bool truncated;
	seqring_strings command[];
};

/* @signal: what killed it; 0: it exited with @status. @last: of its process's threads */
struct process_exit {
	struct trace_task task;
	__u64 lifetime_ns;
	__u8 status;
	__u8 signal;
	_Bool dumped_core;
	_Bool is_last;
};

/* @is_compat: @call is of the 32-bit table */
struct syscall_enter {
	struct trace_task task;
	__u32 call;
	_Bool is_compat;
	seqring_hex64 args[6];
};

/* @duration_ns: 0: it began before the trace */
struct syscall_exit {
	struct trace_task task;
	__u32 call;
	_Bool is_compat;
	__s64 result;
	__u64 duration_ns;
};

enum trace_block_op {
	BLOCK_READ = 0,
	BLOCK_WRITE = 1,
	BLOCK_FLUSH = 2,
	BLOCK_DISCARD = 3,
	BLOCK_SECURE_ERASE = 5,
	BLOCK_WRITE_ZEROES = 9,
	BLOCK_DRIVER_IN = 34,
	BLOCK_DRIVER_OUT = 35,
};

/* @flags: the rest of the request's cmd_flags, from REQ_FAILFAST_DEV as bit 0 on */
struct trace_block {
	struct trace_task task;
	char disk[TRACE_DISK_SIZE];
	__u32 major;
	__u32 minor;
	__u64 sector;
	__u32 bytes;
	enum trace_block_op op;
	seqring_hex32 flags;
};

struct block_issue {
	struct trace_block io;
};

/*
 * @io.bytes: what is done now; a request may be done in parts
 * @status: BLK_STS_*, 0 for success
 * @latency_ns: since it was issued; 0: that was before the trace, and who did it not known
 */
struct block_complete {
	struct trace_block io;
	__s32 status;
	__u64 latency_ns;
};

/* As in the kernel. */
enum trace_tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV,
	TCP_BOUND_INACTIVE,
};

/*
 * @task: whose system call last changed the state; pid 0: none has yet, that was seen
 * @duration_ns: in the old state; 0: it began before the trace
 */
struct trace_tcp {
	struct trace_task task;
	enum trace_tcp_state old_state;
	enum trace_tcp_state new_state;
	__u64 duration_ns;
	__u16 local_port;
	__u16 remote_port;
};

struct tcp4_state {
	struct trace_tcp tcp;
	seqring_ip4 local;
	seqring_ip4 remote;
};

struct tcp6_state {
	struct trace_tcp tcp;
	seqring_ip6 local;
	seqring_ip6 remote;
};

/* What the program is told before it is loaded. */

#define TRACE_CALLS_MAX	 1024 /* numbers of system calls that can be asked for */
#define TRACE_CALL_WORDS (2 * TRACE_CALLS_MAX / 64)
#define TRACE_PIDS_MAX	 1024
#define TRACE_FOLLOW_MAX 32768 /* processes at once, where descendants are followed */
#define TRACE_COMMS_MAX	 64

enum trace_filter {
	TRACE_FILTER_NONE,
	TRACE_FILTER_ONLY,
	TRACE_FILTER_EXCEPT,
};

/* Events to be published: bits of trace_config.events. */
enum trace_event {
	TRACE_SCHED_SWITCH,
	TRACE_SCHED_WAKEUP,
	TRACE_PROCESS_FORK,
	TRACE_PROCESS_EXEC,
	TRACE_PROCESS_EXIT,
	TRACE_SYSCALL_ENTER,
	TRACE_SYSCALL_EXIT,
	TRACE_BLOCK_ISSUE,
	TRACE_BLOCK_COMPLETE,
	TRACE_TCP_STATE,
	TRACE_NR_EVENTS,
};

/*
 * @events: bit TRACE_*: publish it
 * @pids, @comms, @calls: enum trace_filter, for what the maps and bitmaps below list
 * @follow: children of listed processes are listed, until they end
 * @leave_out_self: no events of the process that set it up
 * @own_comm: none of processes that are called so; 0: no such rule
 * @call_bits: of the machine's own table, then of the 32-bit one
 */
struct trace_config {
	__u32 events;
	__u32 pids;
	__u32 comms;
	__u32 calls;
	__u32 follow;
	__u32 leave_out_self;
	__u64 own_comm[TRACE_COMM_SIZE / 8];
	__u64 call_bits[TRACE_CALL_WORDS];
};

#endif /* TRACE_EVENTS_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records of ringctl trace. BPF programs write them. ringctl trace prints them, and so
 * does any reader that understands the schema that the ring carries.
 *
 * A pid is a process (a thread group), a tid is a thread, both in the initial PID
 * namespace. Padding is zero. It has no member of its own, which would be printed.
 */
#ifndef TRACE_RECORDS_H
#define TRACE_RECORDS_H

#include <linux/types.h>

#include <seqring/schema.h>

#define TRACE_COMM_SIZE 16
#define TRACE_DISK_SIZE 16

/* Longest file name and longest arguments of an exec, including terminating zeros. */
#define TRACE_FILE_MAX 512
#define TRACE_ARGS_MAX 3072

/*
 * A yes or no. A reader gets whatever byte the writer stored, and a load of a _Bool that is
 * neither 0 nor 1 is undefined. So for user space any byte except 0 means yes.
 */
#ifdef __bpf__
#define TRACE_FLAG _Bool
#else
#define TRACE_FLAG __u8
#endif

/* Types of records. The schema of the ring is made from this enum and the structs below. */
enum seqring_schema {
#define RECORD(tag, number, task, print) tag = number,
#include "events.def"
};

struct trace_task {
	__s32 pid;
	__s32 tid;
	char comm[TRACE_COMM_SIZE];
};

/* State of a task after a switch: the letters of ps(1), and R+ for a preempted task. */
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

/* @by: the running task, which may only have been interrupted. @cpu: where @task will run */
struct sched_wakeup {
	struct trace_task task;
	struct trace_task by;
	__s32 prio;
	__u16 cpu;
	TRACE_FLAG is_new;
};

struct process_fork {
	struct trace_task parent;
	struct trace_task child;
	TRACE_FLAG is_thread;
};

/*
 * @args_size: bytes of all arguments
 * @file_truncated: @command has only the beginning of the file name
 * @args_truncated: @command has only the first arguments, the last of them perhaps cut
 * @args_unreadable: @command has no arguments, since they could not be read
 * @command: the file, then the arguments from argv[0] on
 */
struct process_exec {
	struct trace_task task;
	__s32 ppid;
	__u32 uid;
	__u32 args_size;
	TRACE_FLAG file_truncated;
	TRACE_FLAG args_truncated;
	TRACE_FLAG args_unreadable;
	seqring_strings command[];
};

/* @signal: the signal that killed it; 0: it exited with @status. @is_last: the last thread */
struct process_exit {
	struct trace_task task;
	__u64 lifetime_ns;
	__u8 status;
	__u8 signal;
	TRACE_FLAG dumped_core;
	TRACE_FLAG is_last;
};

/*
 * @call: -1: the program asked for no call that exists, or a tracer took the call away
 * @is_compat: @call is a number of the 32-bit table
 */
struct syscall_enter {
	struct trace_task task;
	__s32 call;
	TRACE_FLAG is_compat;
	seqring_hex64 args[6];
};

/*
 * @by_seccomp: the call was not run: a seccomp filter refused it and made the result
 * @duration_ns: 0: the call began before the trace, or was not run
 */
struct syscall_exit {
	struct trace_task task;
	__s32 call;
	TRACE_FLAG is_compat;
	TRACE_FLAG by_seccomp;
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

/* @flags: the request's cmd_flags, shifted so that REQ_FAILFAST_DEV is bit 0 */
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
 * @io.bytes: bytes completed now; a request may be completed in parts
 * @status: BLK_STS_*; 0: success
 * @latency_ns: time since the issue; 0: the issue was before the trace, and the task is unknown
 */
struct block_complete {
	struct trace_block io;
	__s32 status;
	__u64 latency_ns;
};

/* The numbers of the kernel. */
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
 * What changed the state.
 *
 * TCP_BY_TASK: the task: a call, or its exit
 * TCP_BY_ABORT: the task, at once: close with unread data or with SO_LINGER 0, an abort, the end of
 *	a listener; the other end gets a reset
 * TCP_BY_NETWORK: a packet, an ICMP error, or a timer because none came
 * TCP_BY_RESET: a packet that resets the connection: an RST, or data that nobody can receive
 */
enum trace_tcp_cause {
	TCP_BY_TASK,
	TCP_BY_ABORT,
	TCP_BY_NETWORK,
	TCP_BY_RESET,
};

/*
 * @task: the task that changed the state; if the network did, the last one that did before; of a
 *	connection that a listener got, at first the one that listens; pid 0: none was seen
 * @duration_ns: time in the old state; 0: the state began before the trace
 * @netns: inode number of the network namespace, as in /proc/PID/ns/net
 * @local_port: 0: not assigned yet
 * @error: errno of the socket, such as ETIMEDOUT; 0: none
 */
struct trace_tcp {
	struct trace_task task;
	enum trace_tcp_state old_state;
	enum trace_tcp_state new_state;
	__u64 duration_ns;
	__u32 netns;
	enum trace_tcp_cause cause;
	__u16 local_port;
	__u16 remote_port;
	__u16 error;
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

#endif /* TRACE_RECORDS_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The members of kernel structures that trace.bpf.c reads. libbpf finds the members by name
 * in the running kernel (CO-RE): their order here does not matter, and the building machine
 * does not need the types of its kernel.
 */
#ifndef TRACE_KERNEL_BPF_H
#define TRACE_KERNEL_BPF_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long bp, bx, r10, r9, r8, cx, dx, si, di, orig_ax;
#elif defined(__TARGET_ARCH_arm64)
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
#endif
};

/* @cpu: since Linux 5.16; before, it is in task_struct */
struct thread_info {
	unsigned long flags;
	__u32 status;
	__u32 cpu;
};

struct kuid {
	__u32 val;
};

struct cred {
	struct kuid uid;
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
};

struct live_count {
	int counter;
};

struct signal_struct {
	struct live_count live;
};

struct seccomp {
	int mode;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	char comm[16];
	int prio;
	int exit_code;
	__u64 start_time;
	struct task_struct *real_parent;
	struct mm_struct *mm;
	struct signal_struct *signal;
	const struct cred *cred;
	struct seccomp seccomp;
};

struct linux_binprm {
	const char *filename;
};

struct gendisk {
	int major;
	int first_minor;
	char disk_name[32];
};

struct request_queue {
	struct gendisk *disk;
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int __data_len;
	__u64 __sector;
};

struct in6_addr {
	__u8 bytes[16];
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

/* possible_net_t has no tag. */
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	struct {
		struct net *net;
	} skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sk_buff;

/* @sk_lock.owned: by a task; @sk_backlog: packets that came meanwhile */
struct sock {
	struct sock_common __sk_common;
	struct {
		int owned;
	} sk_lock;
	struct {
		int len;
		struct sk_buff *head;
	} sk_backlog;
	__u16 sk_protocol;
	int sk_err;
};

struct inet_sock {
	__be16 inet_sport;
};

#pragma clang attribute pop

#endif /* TRACE_KERNEL_BPF_H */

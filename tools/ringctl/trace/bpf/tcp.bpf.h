/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of TCP sockets. Part of trace.bpf.c. */
#ifndef TRACE_TCP_BPF_H
#define TRACE_TCP_BPF_H

#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6

/*
 * A socket that has changed its state.
 *
 * @listed: the list of PIDs had @task
 * @task: as in struct trace_tcp
 */
struct connection {
	__u64 since_ns;
	__u64 listed;
	struct trace_task task;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

/* True if only a system call of the socket's owner leads to @state. */
static __always_inline bool is_set_by_owner(int state)
{
	return state == TCP_SYN_SENT || state == TCP_LISTEN || state == TCP_FIN_WAIT1 ||
	       state == TCP_LAST_ACK;
}

/* Fills @t. Return: whether the event is wanted. */
static __always_inline bool follow_connection(struct trace_tcp *t, const struct sock *sk,
					      int old_state, int new_state)
{
	__u64 key = (__u64)sk, now = bpf_ktime_get_ns();
	struct connection c, *known;

	__builtin_memset(&c, 0, sizeof(c));
	known = bpf_map_lookup_elem(&connections, &key);
	if (known) {
		c = *known;
		t->duration_ns = now - c.since_ns;
	}
	if (is_set_by_owner(new_state)) {
		fill_current(&c.task);
		c.listed = is_current_listed();
	}
	c.since_ns = now;
	if (new_state == TCP_CLOSE)
		bpf_map_delete_elem(&connections, &key);
	else
		bpf_map_update_elem(&connections, &key, &c, BPF_ANY);
	t->task = c.task;
	t->old_state = old_state;
	t->new_state = new_state;
	/* Unlike skc_num, it stays valid until the socket is freed. */
	t->local_port = bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
	t->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	return is_wanted_if(&t->task, c.listed);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_inet_sock_set_state, const struct sock *sk, int old_state, int new_state)
{
	const struct sock_common *common = &sk->__sk_common;
	struct tcp6_state e6;
	struct tcp4_state e4;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (common->skc_family == AF_INET) {
		__builtin_memset(&e4, 0, sizeof(e4));
		if (!follow_connection(&e4.tcp, sk, old_state, new_state))
			return 0;
		e4.local = common->skc_rcv_saddr;
		e4.remote = common->skc_daddr;
		seqring_bpf_publish(trace, tcp4_state, &e4, sizeof(e4));
	} else if (common->skc_family == AF_INET6 && bpf_core_field_exists(common->skc_v6_daddr)) {
		__builtin_memset(&e6, 0, sizeof(e6));
		if (!follow_connection(&e6.tcp, sk, old_state, new_state))
			return 0;
		bpf_probe_read_kernel(e6.local, sizeof(e6.local), &common->skc_v6_rcv_saddr);
		bpf_probe_read_kernel(e6.remote, sizeof(e6.remote), &common->skc_v6_daddr);
		seqring_bpf_publish(trace, tcp6_state, &e6, sizeof(e6));
	}
	return 0;
}

#endif /* TRACE_TCP_BPF_H */

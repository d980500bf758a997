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
 * @since_ns: 0: it has not, but got a packet that resets it
 * @listed: the list of PIDs had @task
 * @reset: it got a packet that resets it
 * @task: as in struct trace_tcp
 */
struct connection {
	__u64 since_ns;
	__u32 listed;
	__u32 reset;
	struct trace_task task;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

/* A port on which sockets listen. @mixed: of several processes, so a connection may be of any */
struct listener {
	struct trace_task task;
	__u32 listed;
	__u32 sockets;
	__u64 mixed;
};

struct listener_key {
	__u32 netns;
	__u32 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct listener_key);
	__type(value, struct listener);
} listeners SEC(".maps");

/* Counts a socket that begins to listen. */
static __always_inline void add_listener(const struct listener_key *key, const struct connection *c)
{
	struct listener new, *known = bpf_map_lookup_elem(&listeners, key);

	if (known) {
		known->mixed |= known->task.pid != c->task.pid;
		known->sockets++;
		return;
	}
	__builtin_memset(&new, 0, sizeof(new));
	new.task = c->task;
	new.listed = c->listed;
	new.sockets = 1;
	bpf_map_update_elem(&listeners, key, &new, BPF_ANY);
}

static __always_inline void remove_listener(const struct listener_key *key)
{
	struct listener *known = bpf_map_lookup_elem(&listeners, key);

	if (known && !--known->sockets)
		bpf_map_delete_elem(&listeners, key);
}

/* A new connection belongs to the task that listens. */
static __always_inline void inherit_task(const struct listener_key *key, struct connection *c)
{
	struct listener *known = bpf_map_lookup_elem(&listeners, key);

	if (!known || known->mixed)
		return;
	c->task = known->task;
	c->listed = known->listed;
}

/*
 * True if the present task handles packets that came while it had the socket. The list is off its
 * head meanwhile, but still counts.
 */
static __always_inline bool in_backlog(const struct sock *sk)
{
	return sk->sk_backlog.len && !sk->sk_backlog.head;
}

static __always_inline enum trace_tcp_cause find_cause(const struct sock *sk, int old_state,
						       int new_state, bool reset)
{
	switch (new_state) {
	case TCP_SYN_SENT:
	case TCP_LISTEN:
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		return TCP_BY_TASK;
	case TCP_CLOSE:
		break;
	default:
		return TCP_BY_NETWORK;
	}
	if (reset)
		return TCP_BY_RESET;
	/* A call has the lock. Packets and timers wait for it, or are the backlog. */
	if (sk->sk_lock.owned && !in_backlog(sk))
		return old_state == TCP_SYN_SENT || old_state == TCP_LISTEN ? TCP_BY_TASK :
									      TCP_BY_ABORT;
	/* The end of a listener, for what nobody has accepted: the network would leave an error. */
	if ((old_state == TCP_ESTABLISHED || old_state == TCP_CLOSE_WAIT) && !sk->sk_err &&
	    !sk->sk_lock.owned)
		return TCP_BY_ABORT;
	return TCP_BY_NETWORK;
}

/* Fills @t. Return: whether the event is wanted. */
static __always_inline bool follow_connection(struct trace_tcp *t, const struct sock *sk,
					      int old_state, int new_state)
{
	__u64 key = (__u64)sk, now = bpf_ktime_get_ns();
	struct listener_key local;
	struct connection c, *known;

	__builtin_memset(&c, 0, sizeof(c));
	known = bpf_map_lookup_elem(&connections, &key);
	if (known) {
		c = *known;
		if (c.since_ns)
			t->duration_ns = now - c.since_ns;
	}
	/* Unlike skc_num, inet_sport stays valid until the socket is freed. */
	t->local_port = bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
	t->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	t->netns = sk->__sk_common.skc_net.net->ns.inum;
	local.netns = t->netns;
	local.port = t->local_port;
	if (new_state == TCP_SYN_RECV && !known)
		inherit_task(&local, &c);
	t->cause = find_cause(sk, old_state, new_state, c.reset);
	/* A thread of the kernel closes for a task. */
	if ((t->cause == TCP_BY_TASK || t->cause == TCP_BY_ABORT) &&
	    (!c.task.pid || !(bpf_get_current_task_btf()->flags & PF_KTHREAD))) {
		fill_current(&c.task);
		c.listed = is_current_listed();
	}
	if (new_state == TCP_LISTEN)
		add_listener(&local, &c);
	else if (old_state == TCP_LISTEN && new_state == TCP_CLOSE)
		remove_listener(&local);
	c.since_ns = now;
	if (new_state == TCP_CLOSE)
		bpf_map_delete_elem(&connections, &key);
	else
		bpf_map_update_elem(&connections, &key, &c, BPF_ANY);
	t->task = c.task;
	t->old_state = old_state;
	t->new_state = new_state;
	t->error = sk->sk_err;
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

/* The change of the state follows. */
SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_tcp_receive_reset, const struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct connection c, *known;

	known = bpf_map_lookup_elem(&connections, &key);
	if (known) {
		known->reset = true;
		return 0;
	}
	__builtin_memset(&c, 0, sizeof(c));
	c.reset = true;
	bpf_map_update_elem(&connections, &key, &c, BPF_ANY);
	return 0;
}

#endif /* TRACE_TCP_BPF_H */

//go:build ignore
// SPDX-License-Identifier: GPL-2.0
/*
 * When one request passed each point of its way through the server's kernel.
 *
 * Only typed tracepoints: they exist on kernels without kprobes and fentry.
 * Each is a program of its own, so that a kernel that lacks one still gives
 * the others; a point that was not seen is 0.
 *
 * A connection is known by the client's port. A request is known by that and
 * by the bytes that the client had sent on the connection before it, which the
 * kernel counts as tcp_sock.bytes_received (RFC 4898, tcpEStatsAppHCThruOctets-
 * Received): the same key that the client has. One request at a time is
 * outstanding on a connection, so its record is complete when the next one's
 * first segment comes in.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "GPL";

/* As much of the kernel's own types as is read; offsets come from its BTF. */
#define KERNEL __attribute__((preserve_access_index))

struct sock_common {
	__u16 skc_num;
	__be16 skc_dport;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
} KERNEL;

struct tcp_sock {
	__u64 bytes_received;
} KERNEL;

struct sk_buff {
	unsigned int len;
	unsigned char *data;
} KERNEL;

struct ns_common {
	unsigned int inum;
} KERNEL;

struct net {
	struct ns_common ns;
} KERNEL;

struct nsproxy {
	struct net *net_ns;
} KERNEL;

struct task_struct {
	int pid;
	struct nsproxy *nsproxy;
} KERNEL;

const volatile __u16 server_port = 8080;
const volatile __u32 server_net = 0; /* inode of the server's network namespace */

enum point { DEVICE, TCP, READY, WOKEN, ONCPU, RECV, SEND, FIRST, LAST, POINTS };

struct record {
	__u64 offset;
	__u64 at[POINTS];
	__u32 port;
	__u32 open; /* a request is on its way */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct record);
} requests SEC(".maps");

/* Last segment with data from each port, before TCP knows whose it is. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
} arrivals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 << 20);
} done SEC(".maps");

/* Whose data_ready is under way on this CPU, until it has woken someone. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} waking SEC(".maps");

/* For which connection a thread was woken. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} woken SEC(".maps");

__u64 lost; /* records for which the ring had no room */

static __always_inline struct record *record_of(__u32 port)
{
	return bpf_map_lookup_elem(&requests, &port);
}

static __always_inline struct record *record_of_sock(struct sock *sk)
{
	if (sk->__sk_common.skc_num != server_port)
		return 0;
	return record_of(bpf_ntohs(sk->__sk_common.skc_dport));
}

/*
 * Bytes of TCP payload in a frame whose IPv4 header is at `ip`, and its ports;
 * 0 if it is no IPv4 TCP. `rest` is the frame's length from there on.
 */
static __always_inline __u32 payload(unsigned char *ip, __u32 rest, __u16 *source, __u16 *dest)
{
	struct {
		__u8 version_ihl, before[8], protocol, after[10];
	} i;
	struct {
		__be16 source, dest;
		__u8 middle[8], doff;
	} t;
	__u32 headers;

	if (bpf_probe_read_kernel(&i, 20, ip) || i.version_ihl >> 4 != 4 || i.protocol != 6)
		return 0;
	headers = (i.version_ihl & 15) * 4;
	if (bpf_probe_read_kernel(&t, 13, ip + headers))
		return 0;
	*source = bpf_ntohs(t.source);
	*dest = bpf_ntohs(t.dest);
	headers += (t.doff >> 4) * 4;
	return rest > headers ? rest - headers : 0;
}

/* skb->data is at the IP header here (net/core/dev.c, __netif_receive_skb_core). */
SEC("tp_btf/netif_receive_skb")
int BPF_PROG(device, struct sk_buff *skb)
{
	__u16 source, dest;
	__u32 port;
	__u64 *at;

	if (!payload(skb->data, skb->len, &source, &dest) || dest != server_port)
		return 0;
	port = source;
	at = bpf_map_lookup_elem(&arrivals, &port);
	if (at)
		*at = bpf_ktime_get_ns();
	return 0;
}

/* At the entry of tcp_rcv_established (net/ipv4/tcp_input.c). */
SEC("tp_btf/tcp_probe")
int BPF_PROG(tcp, struct sock *sk, struct sk_buff *skb)
{
	struct record *r = record_of_sock(sk);
	__u32 port, len = skb->len;
	struct tcp_sock *tp;
	__u64 *arrival;
	__u8 doff;

	if (!r || bpf_probe_read_kernel(&doff, 1, skb->data + 12) ||
	    len <= (doff >> 4) * 4)
		return 0;
	port = bpf_ntohs(sk->__sk_common.skc_dport);
	if (r->open && r->at[FIRST]) { /* the one before has been answered */
		if (bpf_ringbuf_output(&done, r, sizeof(*r), BPF_RB_NO_WAKEUP))
			__sync_fetch_and_add(&lost, 1);
		r->open = 0;
	}
	tp = bpf_skc_to_tcp_sock(sk);
	if (!r->open) {
		__builtin_memset(r, 0, sizeof(*r));
		r->open = 1;
		r->port = port;
		r->offset = tp ? tp->bytes_received : 0;
	}
	arrival = bpf_map_lookup_elem(&arrivals, &port);
	if (arrival)
		r->at[DEVICE] = *arrival;
	r->at[TCP] = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(ready, struct sock *sk)
{
	struct record *r = record_of_sock(sk);
	__u32 zero = 0, *w;

	if (!r || !r->open || r->at[RECV])
		return 0;
	r->at[READY] = bpf_ktime_get_ns();
	w = bpf_map_lookup_elem(&waking, &zero);
	if (w)
		*w = r->port;
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(wake, struct task_struct *p)
{
	__u32 zero = 0, *w, port, pid;
	struct record *r;

	w = bpf_map_lookup_elem(&waking, &zero);
	if (!w || !*w)
		return 0;
	port = *w;
	if (!p->nsproxy || p->nsproxy->net_ns->ns.inum != server_net)
		return 0;
	*w = 0;
	r = record_of(port);
	if (!r || !r->open || r->at[WOKEN] || r->at[RECV])
		return 0;
	r->at[WOKEN] = bpf_ktime_get_ns();
	pid = p->pid;
	bpf_map_update_elem(&woken, &pid, &port, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(run, int preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 pid = next->pid, *port;
	struct record *r;

	port = bpf_map_lookup_elem(&woken, &pid);
	if (!port)
		return 0;
	r = record_of(*port);
	if (r && r->open && !r->at[ONCPU])
		r->at[ONCPU] = bpf_ktime_get_ns();
	bpf_map_delete_elem(&woken, &pid);
	return 0;
}

/* At the end of sock_recvmsg (net/socket.c). */
SEC("tp_btf/sock_recv_length")
int BPF_PROG(recv, struct sock *sk, int ret, int flags)
{
	struct record *r;

	if (ret <= 0)
		return 0;
	r = record_of_sock(sk);
	if (r && r->open && !r->at[SEND])
		r->at[RECV] = bpf_ktime_get_ns();
	return 0;
}

/* At the entry of tcp_sendmsg_locked (net/ipv4/tcp.c). */
SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(send, struct sock *sk)
{
	struct record *r = record_of_sock(sk);

	if (r && r->open && !r->at[SEND])
		r->at[SEND] = bpf_ktime_get_ns();
	return 0;
}

/* skb->data is at the Ethernet header here (net/core/dev.c, xmit_one). */
SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(xmit, struct sk_buff *skb)
{
	__u16 source, dest;
	struct record *r;
	__u64 now;

	if (skb->len < 14 || !payload(skb->data + 14, skb->len - 14, &source, &dest) ||
	    source != server_port)
		return 0;
	r = record_of(dest);
	if (!r || !r->open)
		return 0;
	now = bpf_ktime_get_ns();
	if (!r->at[FIRST])
		r->at[FIRST] = now;
	r->at[LAST] = now;
	return 0;
}

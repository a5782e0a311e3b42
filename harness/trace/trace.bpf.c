//go:build ignore
// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * When one request passed each point of its way through the server's kernel.
 *
 * Only tracepoints: they exist on kernels without kprobes and fentry.
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

#include "record.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct nsproxy {
	struct net *net_ns;
} KERNEL;

struct net_device {
	possible_net_t nd_net;
} KERNEL;

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	__u16 transport_header;
	unsigned char *head;
	unsigned char *data;
} KERNEL;

struct task_struct {
	unsigned int flags;
	int pid;
	struct nsproxy *nsproxy;
} KERNEL;

#define PF_KTHREAD 0x00200000

const volatile __u8 in_kernel = 0; /* the server's threads are the kernel's */
const volatile __u8 by_call = 0;   /* sends are known by their system calls */

/* Whose segment is being taken on each CPU, until that has woken someone. */
static __u32 waking[256];

/* A thread's connection; by the low bits of its pid, as a clash is only a loss. */
struct thread {
	__u32 pid, port;
};

#define THREADS 4096

static struct thread woken[THREADS];   /* woken for it */
static struct thread serving[THREADS]; /* took its last request */

static __always_inline struct record *record_of_sock(struct sock *sk)
{
	if (sk->__sk_common.skc_num != server_port)
		return 0;
	return record_of(bpf_ntohs(sk->__sk_common.skc_dport));
}

static __always_inline __u32 *waking_here(void)
{
	return &waking[bpf_get_smp_processor_id() & 255];
}

/*
 * skb->data is at the IP header here (net/core/dev.c, __netif_receive_skb_core).
 * Only headers without IP options are known; TCP of Linux sends none.
 */
SEC("tp_btf/netif_receive_skb")
int BPF_PROG(device, struct sk_buff *skb)
{
	struct {
		__u8 version_ihl, before[8], protocol, after[10];
		__be16 source, dest;
	} h;
	struct record *r;

	if (skb->dev->nd_net.net->ns.inum != server_net ||
	    bpf_probe_read_kernel(&h, sizeof(h), skb->data) || h.version_ihl != 0x45 ||
	    h.protocol != 6 || bpf_ntohs(h.dest) != server_port)
		return 0;
	r = record_of(bpf_ntohs(h.source));
	if (r)
		r->arrived = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void mark_tcp(struct record *r)
{
	r->device = r->arrived;
	r->tcp = bpf_ktime_get_ns();
	r->ready = 0;
	*waking_here() = r->port;
}

/*
 * A connection's first request may come with the segment that establishes it
 * (TCP_DEFER_ACCEPT, Apache's way), which tcp_probe does not see.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(established, struct sock *sk, int before, int state)
{
	struct record *r;

	if (state != BPF_TCP_ESTABLISHED)
		return 0;
	r = record_of_sock(sk);
	if (!r)
		return 0;
	finish(r);
	begin(r, bpf_ntohs(sk->__sk_common.skc_dport), 0);
	mark_tcp(r);
	return 0;
}

/* At the entry of tcp_rcv_established (net/ipv4/tcp_input.c). */
SEC("tp_btf/tcp_probe")
int BPF_PROG(tcp, struct sock *sk, struct sk_buff *skb)
{
	struct record *r = record_of_sock(sk);
	struct tcp_sock *tp;
	__u8 doff;

	if (!r || bpf_probe_read_kernel(&doff, 1, skb->data + 12) || skb->len <= (doff >> 4) * 4)
		return 0;
	finish(r);
	if (!r->open) {
		tp = bpf_skc_to_tcp_sock(sk);
		begin(r, bpf_ntohs(sk->__sk_common.skc_dport), tp ? tp->bytes_received : 0);
	}
	mark_tcp(r);
	return 0;
}

static __always_inline void mark_ready(struct record *r)
{
	/* A sockmap says it again when it hands over. */
	if (!r || !r->open || r->ready)
		return;
	r->ready = bpf_ktime_get_ns();
	*waking_here() = r->port;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(ready, struct sock *sk)
{
	mark_ready(record_of_sock(sk));
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(wake, struct task_struct *p)
{
	__u32 *w = waking_here(), port = *w;
	struct record *r;
	struct thread *t;

	if (!port)
		return 0;
	if (in_kernel ? !(p->flags & PF_KTHREAD) :
			!p->nsproxy || p->nsproxy->net_ns->ns.inum != server_net)
		return 0;
	*w = 0;
	r = record_of(port);
	if (!r || !r->open || r->woken || r->recv)
		return 0;
	r->woken = bpf_ktime_get_ns();
	t = &woken[p->pid & (THREADS - 1)];
	t->pid = p->pid;
	t->port = port;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(run, int preempt, struct task_struct *prev, struct task_struct *next)
{
	struct thread *t = &woken[next->pid & (THREADS - 1)];
	struct record *r;

	if (!t->pid || t->pid != next->pid)
		return 0;
	t->pid = 0;
	r = record_of(t->port);
	if (r && !r->oncpu && !r->recv)
		r->oncpu = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void mark_recv(struct record *r)
{
	if (!r || r->send)
		return;
	r->recv = bpf_ktime_get_ns();
	if (by_call) {
		__u32 pid = bpf_get_current_pid_tgid();
		struct thread *t = &serving[pid & (THREADS - 1)];

		t->pid = pid;
		t->port = r->port;
	}
}

/* When bytes were taken from the socket (net/ipv4/tcp.c, tcp_recvmsg_locked). */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(recv, struct sock *sk)
{
	mark_recv(record_of_sock(sk));
	return 0;
}

static __always_inline void mark_send(struct record *r)
{
	if (r && !r->send)
		r->send = bpf_ktime_get_ns();
}

/* At the entry of tcp_sendmsg_locked (net/ipv4/tcp.c). */
SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(send, struct sock *sk)
{
	mark_send(record_of_sock(sk));
	return 0;
}

/*
 * Where the kernel lacks that: the last system call that sends, by the thread
 * that took the request, before a segment leaves (x86-64's numbers of write,
 * writev, sendfile, sendto and sendmsg).
 */
SEC("tp_btf/sys_enter")
int BPF_PROG(enter, void *regs, long id)
{
	__u32 pid = bpf_get_current_pid_tgid();
	struct thread *t = &serving[pid & (THREADS - 1)];
	struct record *r;

	if (t->pid != pid || (id != 1 && id != 20 && id != 40 && id != 44 && id != 46))
		return 0;
	r = record_of(t->port);
	if (r && r->recv && !r->first)
		r->send = bpf_ktime_get_ns();
	return 0;
}

/*
 * At each frame that a device gets (net/core/dev.c, xmit_one). Those without
 * data, acknowledgements, do not count.
 */
SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(xmit, struct sk_buff *skb)
{
	unsigned char *head, *tcp;
	struct sock *sk = skb->sk;
	struct record *r;
	__u8 doff;

	if (!sk)
		return 0;
	r = record_of_sock(sk);
	if (!r)
		return 0;
	head = skb->head;
	tcp = head + skb->transport_header;
	if (bpf_probe_read_kernel(&doff, 1, tcp + 12) ||
	    skb->len <= (tcp - skb->data) + (doff >> 4) * 4)
		return 0;
	left(r);
	return 0;
}

/*
 * The kernel module's own tracepoints (kmod/trace.h): its callback took the
 * data's arrival, it took bytes from the socket, its answer is ready.
 */
SEC("raw_tracepoint/khttpd_wake")
int module_wake(struct bpf_raw_tracepoint_args *ctx)
{
	mark_ready(record_of(ctx->args[0] & 0xffff));
	return 0;
}

SEC("raw_tracepoint/khttpd_in")
int module_in(struct bpf_raw_tracepoint_args *ctx)
{
	mark_recv(record_of(ctx->args[0] & 0xffff));
	return 0;
}

SEC("raw_tracepoint/khttpd_ready")
int module_ready(struct bpf_raw_tracepoint_args *ctx)
{
	mark_send(record_of(ctx->args[0] & 0xffff));
	return 0;
}

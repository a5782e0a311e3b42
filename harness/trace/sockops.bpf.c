//go:build ignore
// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * When one answer was given to the stack and when its segments left, where the
 * kernel takes no programs at its tracepoints: the transmit stamps that a socket
 * gives to a program of its control group (Linux 6.14,
 * Documentation/networking/timestamping.rst, section 2.2.3).
 *
 * A request is known as in trace.bpf.c. Its first byte is the first that came
 * after the last answer was begun, since one request at a time is outstanding.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "record.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* What linux/bpf.h of 6.14 has (include/uapi/linux/bpf.h there). */
#define SOL_SOCKET		       1
#define SK_BPF_CB_FLAGS		       1009
#define SK_BPF_CB_TX_TIMESTAMPING      1
#define BPF_SOCK_OPS_TSTAMP_SND_SW_CB  17
#define BPF_SOCK_OPS_TSTAMP_SENDMSG_CB 20

struct bpf_sock_ops_kern {
	struct sock *sk;
} KERNEL;

extern void *bpf_cast_to_kern_ctx(void *) __ksym;
extern int bpf_sock_ops_enable_tx_tstamp(struct bpf_sock_ops_kern *skops, __u64 flags) __ksym;

/* Bytes that had come on each connection when its last answer was begun. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
} received SEC(".maps");

static __always_inline void established(struct bpf_sock_ops *ops, __u32 port)
{
	struct bpf_sock_ops_kern *kern = bpf_cast_to_kern_ctx(ops);
	int flags = SK_BPF_CB_TX_TIMESTAMPING;
	__u64 none = 0;

	if (kern->sk->__sk_common.skc_net.net->ns.inum != server_net)
		return;
	bpf_map_update_elem(&received, &port, &none, BPF_ANY);
	bpf_setsockopt(ops, SOL_SOCKET, SK_BPF_CB_FLAGS, &flags, sizeof(flags));
}

static __always_inline void sending(struct bpf_sock_ops *ops, __u32 port)
{
	struct bpf_sock_ops_kern *kern = bpf_cast_to_kern_ctx(ops);
	/* ops->bytes_received is hidden from this callback. */
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(kern->sk);
	__u64 *before = bpf_map_lookup_elem(&received, &port), now;
	struct record *r = record_of(port);

	if (!tp || !before || !r)
		return;
	now = tp->bytes_received;
	if (now != *before) { /* the first send since a request came */
		finish(r);
		begin(r, port, *before);
		r->send = bpf_ktime_get_ns();
		*before = now;
	}
	bpf_sock_ops_enable_tx_tstamp(kern, 0);
}

SEC("sockops")
int socket_event(struct bpf_sock_ops *ops)
{
	__u32 port = bpf_ntohl(ops->remote_port);

	if (ops->local_port != server_port)
		return 1;
	switch (ops->op) {
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		established(ops, port);
		break;
	case BPF_SOCK_OPS_TSTAMP_SENDMSG_CB:
		sending(ops, port);
		break;
	case BPF_SOCK_OPS_TSTAMP_SND_SW_CB:
		left(record_of(port));
		break;
	}
	return 1;
}

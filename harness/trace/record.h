/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A request's record, and the way of a whole one to user space. */
#ifndef RECORD_H
#define RECORD_H

/* As much of the kernel's own types as is read; offsets come from its BTF. */
#define KERNEL __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} KERNEL;

struct net {
	struct ns_common ns;
} KERNEL;

typedef struct {
	struct net *net;
} KERNEL possible_net_t;

struct sock_common {
	possible_net_t skc_net;
	__u16 skc_num;
	__be16 skc_dport;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
} KERNEL;

struct tcp_sock {
	__u64 bytes_received;
} KERNEL;

const volatile __u16 server_port = 8080;
const volatile __u32 server_net = 0; /* inode of the server's network namespace */

/*
 * Times are CLOCK_MONOTONIC in ns, 0: not seen. The halves are written where the
 * segment comes in and where the server runs, which may be two CPUs: each has a
 * cache line of its own.
 */
struct record {
	__u64 offset;
	__u32 port;
	__u32 open;    /* a request is on its way */
	__u64 arrived; /* last frame from the port, before TCP knows whose it is */
	__u64 device, tcp, ready, woken;
	__u64 unused;
	__u64 oncpu, recv, send, first, last;
	__u64 unused_too[3];
};

/* By the client's port. Maps that can be mapped begin at a page's start. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct record);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} done SEC(".maps");

__u64 lost; /* records for which the ring had no room */

static __always_inline struct record *record_of(__u32 port)
{
	return bpf_map_lookup_elem(&requests, &port);
}

/* finish - hand over the record if its request has been answered */
static __always_inline void finish(struct record *r)
{
	if (!r->open || !r->first)
		return;
	if (bpf_ringbuf_output(&done, r, sizeof(*r), BPF_RB_NO_WAKEUP))
		__sync_fetch_and_add(&lost, 1);
	r->open = 0;
}

static __always_inline void begin(struct record *r, __u32 port, __u64 offset)
{
	__u64 arrived = r->arrived;

	__builtin_memset(r, 0, sizeof(*r));
	r->open = 1;
	r->port = port;
	r->offset = offset;
	r->arrived = arrived;
}

/* left - a segment of the answer was given to the device */
static __always_inline void left(struct record *r)
{
	__u64 now;

	if (!r)
		return;
	now = bpf_ktime_get_ns();
	if (!r->first)
		r->first = now;
	r->last = now;
}

#endif /* RECORD_H */

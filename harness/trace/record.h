/* SPDX-License-Identifier: GPL-2.0 */
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

const volatile __u16 server_port = 8080;
const volatile __u32 server_net = 0;	/* inode of the server's network namespace */

enum point { DEVICE, TCP, READY, WOKEN, ONCPU, RECV, SEND, FIRST, LAST, POINTS };

struct record {
	__u64 offset;
	__u64 at[POINTS];	/* CLOCK_MONOTONIC, ns; 0: not seen */
	__u32 port;
	__u32 open;		/* a request is on its way */
};

/* By the client's port. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct record);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 32 << 20);
} done SEC(".maps");

__u64 lost; /* records for which the ring had no room */

static __always_inline struct record *record_of(__u32 port)
{
	return bpf_map_lookup_elem(&requests, &port);
}

/* finish - hand over the record if its request has been answered */
static __always_inline void finish(struct record *r)
{
	if (!r->open || !r->at[FIRST])
		return;
	if (bpf_ringbuf_output(&done, r, sizeof(*r), BPF_RB_NO_WAKEUP))
		__sync_fetch_and_add(&lost, 1);
	r->open = 0;
}

static __always_inline void begin(struct record *r, __u32 port, __u64 offset)
{
	__builtin_memset(r, 0, sizeof(*r));
	r->open = 1;
	r->port = port;
	r->offset = offset;
}

/* left - a segment of the answer was given to the device */
static __always_inline void left(struct record *r)
{
	__u64 now;

	if (!r || !r->open)
		return;
	now = bpf_ktime_get_ns();
	if (!r->at[FIRST])
		r->at[FIRST] = now;
	r->at[LAST] = now;
}

#endif /* RECORD_H */

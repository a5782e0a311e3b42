// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore
/*
 * An upper bound of what the kernel can do: HTTP at the ingress hook of a
 * device, below the socket layer, without any state.
 *
 * Every segment carries all that its response needs: the response's sequence
 * number is the segment's acknowledgement number (RFC 9293 section 3.4). A SYN is
 * answered with a SYN, ACK whose only option is the maximum segment size; a
 * request with the response, which must fit into one segment; a FIN with a FIN.
 * The client retransmits what is lost. There is no retransmission, congestion
 * control, window or reassembly: it is a yardstick, not a server.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "stateless.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const enum counter *unused_counter __attribute__((unused));

const volatile __u16 listen_port = 8080;
const volatile __be32 listen_addr = 0;

struct path {
	__u8 bytes[PATH_MAX_BYTES];
};

struct response {
	__u32 len;
	__u32 sum; /* of the bytes, ones' complement, folded (RFC 1071) */
	__u8 bytes[RESPONSE_MAX];
};

/* Index of the response to a path; 0 is the response to all other requests. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RESPONSES);
	__type(key, struct path);
	__type(value, __u32);
} paths SEC(".maps");

/* Responses, twice: user space updates the set that is not in use. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * RESPONSES);
	__type(key, __u32);
	__type(value, struct response);
} responses SEC(".maps");

__u32 set;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &which);

	if (n)
		(*n)++;
}

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline __u64 words(const void *p, int n)
{
	const __u16 *w = p;
	__u64 sum = 0;

	for (int i = 0; i < n / 2; i++)
		sum += w[i];
	return sum;
}

/*
 * Send a frame back to the source of `in`: `payload` bytes with the ones'
 * complement sum `sum` behind a TCP header, whose options, if any, are `option`.
 */
static __always_inline int reply(struct __sk_buff *skb, struct frame *in, __u32 seq, __u32 ack,
				 __u8 flags, __be32 option, __u32 payload, __u64 sum,
				 const void *bytes)
{
	struct {
		struct frame f;
		__be32 option;
	} __attribute__((packed)) out = {};
	__u32 header = sizeof(struct tcphdr) + (option ? 4 : 0);
	__u32 total = sizeof(struct iphdr) + header + payload;

	__builtin_memcpy(out.f.eth.h_dest, in->eth.h_source, ETH_ALEN);
	__builtin_memcpy(out.f.eth.h_source, in->eth.h_dest, ETH_ALEN);
	out.f.eth.h_proto = in->eth.h_proto;
	out.f.ip.version = 4;
	out.f.ip.ihl = 5;
	out.f.ip.tot_len = bpf_htons(total);
	out.f.ip.frag_off = bpf_htons(0x4000); /* don't fragment */
	out.f.ip.ttl = 64;
	out.f.ip.protocol = 6;
	out.f.ip.saddr = in->ip.daddr;
	out.f.ip.daddr = in->ip.saddr;
	out.f.ip.check = fold(words(&out.f.ip, sizeof(out.f.ip)));
	out.f.tcp.source = in->tcp.dest;
	out.f.tcp.dest = in->tcp.source;
	out.f.tcp.seq = bpf_htonl(seq);
	out.f.tcp.ack_seq = bpf_htonl(ack);
	((__u8 *)&out.f.tcp)[12] = header << 2;
	((__u8 *)&out.f.tcp)[13] = flags;
	out.f.tcp.window = bpf_htons(65535);
	out.option = option;
	sum += words(&out.f.ip.saddr, 8) + bpf_htons(6) + bpf_htons(header + payload);
	sum += words(&out.f.tcp, sizeof(struct tcphdr));
	if (option)
		sum += words(&out.option, 4);
	out.f.tcp.check = fold(sum);

	if (bpf_skb_change_tail(skb, sizeof(struct ethhdr) + total, 0))
		return TC_ACT_SHOT;
	if (option ? bpf_skb_store_bytes(skb, 0, &out, sizeof(out), 0) :
		     bpf_skb_store_bytes(skb, 0, &out.f, sizeof(out.f), 0))
		return TC_ACT_SHOT;
	if (payload) {
		/* The verifier does not know the bound that the compiler knows. */
		__u64 n = payload;

		asm volatile("" : "+r"(n));
		if (n == 0 || n > RESPONSE_MAX)
			return TC_ACT_SHOT;
		asm volatile("" : "+r"(n));
		if (bpf_skb_store_bytes(skb, sizeof(struct frame), bytes, n, 0))
			return TC_ACT_SHOT;
	}
	return bpf_redirect(skb->ifindex, 0);
}

struct scan {
	__u32 found;
};

static long path_step(__u32 i, struct scan *s)
{
	__u32 zero = 0;
	struct path *p = bpf_map_lookup_elem(&scratch, &zero);

	if (!p)
		return 1;
	asm("" : "+r"(i));
	i &= PATH_MAX_BYTES - 1;
	if (!s->found && (p->bytes[i] == ' ' || p->bytes[i] == '\r'))
		s->found = i + 1;
	if (s->found)
		p->bytes[i] = 0;
	return 0;
}

#define FIN 1
#define SYN 2
#define RST 4
#define PSH 8
#define ACK 16

SEC("tcx/ingress")
int serve(struct __sk_buff *skb)
{
	struct frame in;
	__u32 offset, payload, seq, ack, zero = 0, *number, at;
	__u8 flags, method[4];
	struct path *p;
	struct response *a;
	struct scan s = {};

	if (bpf_skb_load_bytes(skb, 0, &in, sizeof(in)) || in.eth.h_proto != bpf_htons(ETH_P_IP) ||
	    in.ip.protocol != 6 || in.ip.ihl != 5 || in.ip.daddr != listen_addr ||
	    in.tcp.dest != bpf_htons(listen_port))
		return TC_ACT_UNSPEC; /* TCX_NEXT */
	offset = sizeof(struct ethhdr) + sizeof(struct iphdr) + in.tcp.doff * 4;
	payload = bpf_ntohs(in.ip.tot_len) + sizeof(struct ethhdr);
	payload = payload > offset ? payload - offset : 0;
	seq = bpf_ntohl(in.tcp.seq);
	ack = bpf_ntohl(in.tcp.ack_seq);
	flags = ((__u8 *)&in.tcp)[13];
	if (flags & RST)
		return TC_ACT_SHOT;
	if (flags & SYN) {
		count(OPENED);
		/* Kind 2, length 4: maximum segment size 1460. */
		return reply(skb, &in, ~seq, seq + 1, SYN | ACK, bpf_htonl(0x020405b4), 0, 0, 0);
	}
	if (flags & FIN)
		return reply(skb, &in, ack, seq + payload + 1, FIN | ACK, 0, 0, 0, 0);
	if (!payload)
		return TC_ACT_SHOT; /* an acknowledgement needs no response */
	at = set & 1 ? RESPONSES : 0;
	p = bpf_map_lookup_elem(&scratch, &zero);
	if (!p)
		return TC_ACT_SHOT;
	if (payload >= 4 + PATH_MAX_BYTES) {
		if (bpf_skb_load_bytes(skb, offset + 4, p, PATH_MAX_BYTES))
			return TC_ACT_SHOT;
	} else if (payload >= 24) {
		/* A shorter request: what there is, and zeros. */
		__u32 n = (payload - 4) & (PATH_MAX_BYTES - 1);

		__builtin_memset(p, 0, sizeof(*p));
		if (!n || bpf_skb_load_bytes(skb, offset + 4, p, n))
			return TC_ACT_SHOT;
	} else {
		__builtin_memset(p, 0, sizeof(*p));
	}
	bpf_loop(PATH_MAX_BYTES, path_step, &s, 0);
	number = 0;
	if (!bpf_skb_load_bytes(skb, offset, method, 4) && method[0] == 'G' && method[1] == 'E' &&
	    method[2] == 'T' && method[3] == ' ')
		number = bpf_map_lookup_elem(&paths, p);
	if (number)
		at += *number;
	count(number ? RESPONDED : REFUSED);
	a = bpf_map_lookup_elem(&responses, &at);
	if (!a || a->len == 0 || a->len > RESPONSE_MAX)
		return TC_ACT_SHOT;
	return reply(skb, &in, ack, seq + payload, PSH | ACK, 0, a->len, a->sum, a->bytes);
}

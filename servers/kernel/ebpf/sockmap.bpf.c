// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore
/*
 * HTTP responses from the kernel, without a module.
 *
 * The verdict program checks whether a received buffer is exactly one request of
 * the most common form for a path whose response is ready. If so, it redirects
 * the buffer, unchanged, to the send path of its own socket; there the sk_msg
 * program replaces the request by the response. Everything else is passed to
 * user space.
 *
 * Both programs run with the socket locked, so they never run at the same time
 * for one connection; but either may interrupt the other for another connection
 * on the same CPU. So all their state is per connection, none per CPU.
 *
 * Three rules keep responses whole and in order:
 *  - While user space has not read and responded to all that was passed to it,
 *    everything is passed to it: state.passed counts what was passed, taken[]
 *    what user space has read when it had nothing left to respond to.
 *  - One response is in flight per connection: from the verdict on, until the
 *    sk_msg program has sent it. What arrives meanwhile is passed, and user
 *    space waits for the flight before it looks at it, also at the end of stream.
 *  - A response starts only if the send buffer is empty and holds all of it: a
 *    redirected message that is sent in part is sent again from its beginning.
 *    Should it happen all the same (no memory), the connection is broken.
 *
 * There is no stream parser before the verdict. With one, Linux 6.14 and later
 * count bytes as read twice if a second buffer is passed before user space has
 * read the first (tcp_bpf_strp_read_sock sets copied_seq by the bytes of this
 * buffer alone); nobody is then notified of data that arrives later.
 *
 * Hooks: net/core/sock_map.c, net/core/skmsg.c, net/ipv4/tcp_bpf.c.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "sockmap.h"

/* Keeps the counters' names for Go. */
const enum counter *unused_counter __attribute__((unused));

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The fields of kernel types that are read; their offsets come from its BTF. */
struct sock {
	int sk_wmem_queued;
	int sk_sndbuf;
} __attribute__((preserve_access_index));

struct tcp_sock {
	__u32 write_seq;
	__u32 snd_una;
} __attribute__((preserve_access_index));

const volatile __u16 listen_port = 8080;
const volatile __u32 server_tgid = 0;

/*
 * The current Date (RFC 9110 section 6.6.1), written by user space into the slot
 * that is not in use, which then becomes the one in use.
 */
__u8 dates[2][32];
__u32 date_slot;

struct path {
	__u8 bytes[PATH_MAX_BYTES];
};

struct response {
	__u32 len;
	__u32 pad;
	__u8 bytes[RESPONSE_SIZE];
};

/* Index of the response to a path. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RESPONSES);
	__type(key, struct path);
	__type(value, __u32);
} paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RESPONSES);
	__type(key, __u32);
	__type(value, struct response);
} responses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} conns SEC(".maps");

/* A connection, by its socket cookie. Only the kernel writes it. */
struct state {
	__u64 passed;	 /* bytes passed to user space */
	__u64 responded; /* requests responded to in the kernel */
	__u32 flight;	 /* 1 + the index of the response in flight, or 0 */
	__u32 pad;
	/*
	 * The request and its path. They are here and not on the stack because
	 * the verifier tracks every byte of the stack, and none of a map.
	 */
	__u8 bytes[REQUEST_SIZE + 8];
	struct path path;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct state);
} states SEC(".maps");

/* Bytes that user space has read and responded to. Only user space writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} taken SEC(".maps");

/* A socket's cookie, for the sk_msg program, which cannot ask for it. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} cookies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static const struct state new_connection;

/* Atomic: a softirq may interrupt the increment on the same CPU. */
static __always_inline void count(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &which);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline int pass(struct state *s, __u32 len, __u32 reason)
{
	count(reason);
	s->passed += len;
	return SK_PASS;
}

static __always_inline void clear(struct path *path)
{
	__u64 *words = (__u64 *)path;

	for (int i = 0; i < PATH_MAX_BYTES / 8; i++)
		words[i] = 0;
}

/*
 * The verifier forgets the bound of a value that went through a callback. The
 * empty asm keeps the compiler, which does not, from dropping the mask.
 */
#define BOUND(v, mask)             \
	do {                       \
		asm("" : "+r"(v)); \
		(v) &= (mask);     \
	} while (0)

struct scan {
	struct state *state;
	__u32 from, found;
};

/* One byte of the path, up to its space. */
static long path_step(__u32 i, struct scan *s)
{
	struct state *r = s->state;
	__u8 c;

	BOUND(i, PATH_MAX_BYTES - 1);
	c = r->bytes[(s->from + i) & (REQUEST_SIZE - 1)];
	if (c == ' ') {
		s->found = i;
		return 1;
	}
	r->path.bytes[i] = c;
	return 0;
}

/* One byte of the value of Host, up to its CR. */
static long host_step(__u32 i, struct scan *s)
{
	struct state *r = s->state;
	__u8 c;

	BOUND(i, HOST_MAX_BYTES - 1);
	c = r->bytes[(s->from + i) & (REQUEST_SIZE - 1)];
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '.' || c == '-')
		return 0;
	s->found = i;
	return 1;
}

/* One byte of the port, up to its CR. */
static long port_step(__u32 i, struct scan *s)
{
	struct state *r = s->state;
	__u8 c;

	BOUND(i, 15);
	c = r->bytes[(s->from + i) & (REQUEST_SIZE - 1)];
	if (c >= '0' && c <= '9')
		return 0;
	s->found = i;
	return 1;
}

/*
 * The most common request and nothing else: GET, a path, HTTP/1.1, and Host as
 * the only field. Returns 0 and the path if the len bytes of r are that.
 */
static __always_inline int simple_request(struct state *r, __u32 len)
{
	struct scan s = { .state = r, .from = 4 };
	__u32 at;

	if (*(__u32 *)r->bytes != bpf_htonl(0x47455420)) /* "GET " */
		return -1;
	clear(&r->path);
	bpf_loop(PATH_MAX_BYTES, path_step, &s, 0);
	at = 4 + s.found;
	if (!s.found || at > 4 + PATH_MAX_BYTES || at + 17 > len)
		return -1;
	BOUND(at, 127);
	/* " HTTP/1.1\r\nHost: " */
	if (*(__u64 *)&r->bytes[at] != bpf_cpu_to_be64(0x20485454502f312eULL) ||
	    *(__u64 *)&r->bytes[at + 8] != bpf_cpu_to_be64(0x310d0a486f73743aULL) ||
	    r->bytes[at + 16] != ' ')
		return -1;
	s.from = at + 17;
	s.found = 0;
	bpf_loop(HOST_MAX_BYTES, host_step, &s, 0);
	at = s.from + s.found;
	if (!s.found)
		return -1;
	BOUND(at, REQUEST_SIZE - 1);
	if (r->bytes[at] == ':') {
		s.from = at + 1;
		s.found = 0;
		bpf_loop(6, port_step, &s, 0);
		at = s.from + s.found;
		if (!s.found)
			return -1;
	}
	if (at + 4 != len)
		return -1;
	BOUND(at, REQUEST_SIZE - 1);
	if (*(__u32 *)&r->bytes[at] != bpf_htonl(0x0d0a0d0a))
		return -1;
	return 0;
}

SEC("sk_skb/verdict")
int verdict(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb);
	__u32 len = skb->len, *index;
	__u64 *down;
	struct state *s;
	struct response *r;
	struct bpf_sock *bs;
	struct tcp_sock *tp;
	struct sock *sk;

	s = bpf_map_lookup_elem(&states, &cookie);
	if (!len || !s)
		return SK_PASS; /* only the end of stream, or user space is closing */
	if (s->passed) {
		down = bpf_map_lookup_elem(&taken, &cookie);
		if (!down || *down != s->passed)
			return pass(s, len, PASSED_PENDING);
	}
	if (s->flight)
		return pass(s, len, PASSED_FULL);
	if (len < 16 || len > REQUEST_MAX || bpf_skb_load_bytes(skb, 0, s->bytes, len))
		return pass(s, len, PASSED_OTHER);
	if (simple_request(s, len))
		return pass(s, len, PASSED_OTHER);
	index = bpf_map_lookup_elem(&paths, &s->path);
	if (!index)
		return pass(s, len, PASSED_NO_RESPONSE);
	r = bpf_map_lookup_elem(&responses, index);
	if (!r || r->len == 0 || r->len > RESPONSE_MAX)
		return pass(s, len, PASSED_NO_RESPONSE);
	bs = skb->sk;
	if (!bs)
		return pass(s, len, PASSED_OTHER);
	tp = bpf_skc_to_tcp_sock(bs);
	if (!tp)
		return pass(s, len, PASSED_OTHER);
	sk = (struct sock *)tp;
	/* A byte in the send buffer may take two, with the kernel's own overhead. */
	if (tp->write_seq != tp->snd_una || sk->sk_wmem_queued > 0 ||
	    sk->sk_sndbuf < (int)(2 * r->len))
		return pass(s, len, PASSED_FULL);
	if (bpf_skb_pull_data(skb, len))
		return pass(s, len, PASSED_OTHER);
	s->flight = *index + 1;
	if (bpf_sk_redirect_hash(skb, &conns, &cookie, 0) == SK_PASS)
		return SK_PASS;
	s->flight = 0; /* not in the map any more */
	return pass(s, len, PASSED_OTHER);
}

/* lost - break a connection whose response cannot be sent whole */
static __always_inline int lost(void)
{
	count(LOST);
	return SK_DROP;
}

/* The redirected request on the send path, which becomes the response. */
SEC("sk_msg")
int respond(struct sk_msg_md *msg)
{
	__u32 i, n, padded, index, size = msg->size;
	__u64 *cookie;
	struct bpf_sock *bs;
	struct state *s;
	struct response *r;
	__u8 *at, *end;

	if ((bpf_get_current_pid_tgid() >> 32) == server_tgid)
		return SK_PASS; /* user space's own response */
	bs = msg->sk;
	if (!bs)
		return lost();
	cookie = bpf_sk_storage_get(&cookies, bs, 0, 0);
	if (!cookie)
		return lost();
	s = bpf_map_lookup_elem(&states, cookie);
	/* Without a flight it is the rest of a message that was sent in part. */
	if (!s || !s->flight)
		return lost();
	index = s->flight - 1;
	s->flight = 0;
	r = bpf_map_lookup_elem(&responses, &index);
	if (!r)
		return lost();
	n = r->len;
	if (n == 0 || n > RESPONSE_MAX)
		return lost();
	padded = (n + 7) & ~7U;
	if (bpf_msg_push_data(msg, 0, padded, 0))
		return lost();
	at = msg->data;
	end = msg->data_end;
	for (i = 0; i < RESPONSE_SIZE - 32; i += 32) {
		if (i >= padded)
			break;
		if (at + i + 32 > end) { /* the last words */
			for (__u32 j = i; j < i + 32; j += 8) {
				if (j >= padded || at + j + 8 > end)
					break;
				*(__u64 *)(at + j) = *(__u64 *)&r->bytes[j];
			}
			break;
		}
		*(__u64 *)(at + i) = *(__u64 *)&r->bytes[i];
		*(__u64 *)(at + i + 8) = *(__u64 *)&r->bytes[i + 8];
		*(__u64 *)(at + i + 16) = *(__u64 *)&r->bytes[i + 16];
		*(__u64 *)(at + i + 24) = *(__u64 *)&r->bytes[i + 24];
	}
	if (at + DATE_AT + DATE_BYTES <= end)
		for (i = 0; i < DATE_BYTES; i++)
			at[DATE_AT + i] = dates[date_slot & 1][i];
	/* Remove the padding and the request behind it. */
	if (bpf_msg_pop_data(msg, n, padded - n + size, 0))
		return lost();
	s->responded++;
	count(RESPONDED);
	return SK_PASS;
}

/* A new connection to the server joins the map before its first byte. */
SEC("sockops")
int established(struct bpf_sock_ops *ops)
{
	__u64 cookie, *kept;
	struct bpf_sock *bs;

	if (ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB || ops->local_port != listen_port)
		return 1;
	cookie = bpf_get_socket_cookie(ops);
	bs = ops->sk;
	if (!bs)
		return 1;
	kept = bpf_sk_storage_get(&cookies, bs, &cookie, BPF_SK_STORAGE_GET_F_CREATE);
	if (!kept || bpf_map_update_elem(&states, &cookie, &new_connection, BPF_ANY)) {
		count(NOT_JOINED);
		return 1;
	}
	count(bpf_sock_hash_update(ops, &conns, &cookie, BPF_NOEXIST) ? NOT_JOINED : JOINED);
	return 1;
}

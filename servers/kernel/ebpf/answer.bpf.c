//go:build ignore
// SPDX-License-Identifier: GPL-2.0
/*
 * HTTP answered in the kernel, without a module.
 *
 * A request's way: the verdict looks whether a buffer that came in is exactly
 * one request of the commonest form for a path whose answer is ready. If so it
 * redirects the buffer, unchanged, to the sending side of its own socket; there
 * the sk_msg program swaps the request for the answer. Everything else goes to
 * user space as it came.
 *
 * There is no stream parser before the verdict. With one, Linux 6.14 and later
 * count bytes as read twice if a second buffer is passed up before user space
 * has read the first (tcp_bpf_strp_read_sock sets copied_seq by the bytes of
 * this buffer alone); data that comes in later is then not told to anybody.
 *
 * Two rules keep answers in order and whole:
 *  - As long as user space has not read all that was passed to it, everything
 *    is passed to it: passed[] counts what went up, taken[] what user space
 *    has read when it had nothing left to answer.
 *  - The answer must fit into the send buffer at once, since what is left of
 *    a redirected message is sent again from its beginning. So nothing may be
 *    unacknowledged or queued.
 *
 * Hooks: net/core/sock_map.c, net/core/skmsg.c, net/ipv4/tcp_bpf.c.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "answer.h"

/* Keeps the counters' names for Go. */
const enum counter *unused_counter __attribute__((unused));

char LICENSE[] SEC("license") = "GPL";

/* As much of the kernel's own types as is read; offsets come from its BTF. */
struct sock {
	int sk_wmem_queued;
} __attribute__((preserve_access_index));

struct tcp_sock {
	__u32 write_seq;
	__u32 snd_una;
} __attribute__((preserve_access_index));

const volatile __u16 listen_port = 8080;
const volatile __u32 server_tgid = 0;

/*
 * The date of now (RFC 9110 6.6.1), written by user space into the slot that
 * is not in use, which then becomes the one in use.
 */
__u8 dates[2][32];
__u32 date_slot;

struct path {
	__u8 bytes[PATH_MAX_BYTES];
};

struct answer {
	__u32 len;
	__u32 pad;
	__u8 bytes[ANSWER_ROOM];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct path);
	__type(value, struct answer);
} answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} conns SEC(".maps");

/* Bytes passed to user space, by socket cookie. Only the kernel writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} passed SEC(".maps");

/* Bytes that user space has taken and answered. Only user space writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} taken SEC(".maps");

/*
 * Where a request is looked at. The path is here and not on the stack because
 * the verifier follows every byte of the stack, and none of a map.
 */
struct request {
	__u8 bytes[REQUEST_ROOM + 8];
	struct path path;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct request);
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

static __always_inline int pass(__u64 cookie, __u32 len, __u32 why)
{
	__u64 *n = bpf_map_lookup_elem(&passed, &cookie);
	__u64 first = len;

	count(why);
	if (n)
		__sync_fetch_and_add(n, len);
	else
		bpf_map_update_elem(&passed, &cookie, &first, BPF_ANY);
	return SK_PASS;
}

static __always_inline struct request *scratchpad(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
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
	__u32 from, found;
};

/* One step along the path: until its space. */
static long path_step(__u32 i, struct scan *s)
{
	struct request *r = scratchpad();
	__u8 c;

	if (!r)
		return 1;
	BOUND(i, PATH_MAX_BYTES - 1);
	c = r->bytes[(s->from + i) & (REQUEST_ROOM - 1)];
	if (c == ' ') {
		s->found = i;
		return 1;
	}
	r->path.bytes[i] = c;
	return 0;
}

/* One step along the value of Host: until its CR. */
static long host_step(__u32 i, struct scan *s)
{
	struct request *r = scratchpad();
	__u8 c;

	if (!r)
		return 1;
	c = r->bytes[(s->from + i) & (REQUEST_ROOM - 1)];
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= ':') ||
	    c == '.' || c == '-')
		return 0;
	s->found = i;
	return 1;
}

/*
 * The commonest request and nothing else: GET, a path, HTTP/1.1, and Host as
 * the only field. Returns 0 and the path if the len bytes at r are that.
 */
static __always_inline int simple_request(struct request *r, __u32 len)
{
	struct scan s = { .from = 4 };
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
	if (!s.found || at + 4 != len)
		return -1;
	BOUND(at, REQUEST_ROOM - 1);
	if (*(__u32 *)&r->bytes[at] != bpf_htonl(0x0d0a0d0a))
		return -1;
	return 0;
}

SEC("sk_skb/verdict")
int decide(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb);
	__u32 len = skb->len;
	__u64 *up, *down;
	struct request *r;
	struct answer *a;
	struct bpf_sock *bs;
	struct tcp_sock *tp;

	if (!len)
		return SK_PASS; /* only the end of the stream */
	up = bpf_map_lookup_elem(&passed, &cookie);
	if (up && *up) {
		down = bpf_map_lookup_elem(&taken, &cookie);
		if (!down || *down != *up)
			return pass(cookie, len, PASSED_IN_ORDER);
	}
	r = scratchpad();
	if (!r || len < 16 || len > REQUEST_MAX || bpf_skb_load_bytes(skb, 0, r->bytes, len))
		return pass(cookie, len, PASSED_OTHER);
	if (simple_request(r, len))
		return pass(cookie, len, PASSED_OTHER);
	a = bpf_map_lookup_elem(&answers, &r->path);
	if (!a || a->len == 0 || a->len > ANSWER_MAX)
		return pass(cookie, len, PASSED_NO_ANSWER);
	bs = skb->sk;
	if (!bs)
		return pass(cookie, len, PASSED_OTHER);
	tp = bpf_skc_to_tcp_sock(bs);
	if (!tp)
		return pass(cookie, len, PASSED_OTHER);
	if (tp->write_seq != tp->snd_una || ((struct sock *)tp)->sk_wmem_queued > 0)
		return pass(cookie, len, PASSED_FULL);
	if (bpf_skb_pull_data(skb, len))
		return pass(cookie, len, PASSED_OTHER);
	return bpf_sk_redirect_hash(skb, &conns, &cookie, 0);
}

/* The request, on its way back out: swapped for the answer. */
SEC("sk_msg")
int respond(struct sk_msg_md *msg)
{
	__u32 i, n, padded, size = msg->size;
	struct scan s = { .from = 4 };
	struct request *r = scratchpad();
	struct answer *a;
	__u8 *at, *end;

	if ((bpf_get_current_pid_tgid() >> 32) == server_tgid)
		return SK_PASS; /* user space's own answer */
	at = msg->data;
	end = msg->data_end;
	if (at + 16 > end || *(__u32 *)at != bpf_htonl(0x47455420))
		return SK_PASS;
	if (!r)
		return SK_DROP;
	/* As many bytes as a path and the method take, as far as they go. */
	for (i = 0; i < 4 + PATH_MAX_BYTES; i++) {
		if (at + i + 1 > end)
			break;
		r->bytes[i] = at[i];
	}
	clear(&r->path);
	bpf_loop(PATH_MAX_BYTES, path_step, &s, 0);
	if (!s.found)
		return SK_DROP;
	a = bpf_map_lookup_elem(&answers, &r->path);
	if (!a)
		return SK_DROP;
	n = a->len;
	if (n == 0 || n > ANSWER_MAX)
		return SK_DROP;
	padded = (n + 7) & ~7U;
	if (bpf_msg_push_data(msg, 0, padded, 0)) {
		count(LOST_NO_MEMORY);
		return SK_DROP;
	}
	at = msg->data;
	end = msg->data_end;
	for (i = 0; i < ANSWER_ROOM - 32; i += 32) {
		if (i >= padded)
			break;
		if (at + i + 32 > end) { /* the last words */
			for (__u32 j = i; j < i + 32; j += 8) {
				if (j >= padded || at + j + 8 > end)
					break;
				*(__u64 *)(at + j) = *(__u64 *)&a->bytes[j];
			}
			break;
		}
		*(__u64 *)(at + i) = *(__u64 *)&a->bytes[i];
		*(__u64 *)(at + i + 8) = *(__u64 *)&a->bytes[i + 8];
		*(__u64 *)(at + i + 16) = *(__u64 *)&a->bytes[i + 16];
		*(__u64 *)(at + i + 24) = *(__u64 *)&a->bytes[i + 24];
	}
	if (at + DATE_AT + DATE_BYTES <= end)
		for (i = 0; i < DATE_BYTES; i++)
			at[DATE_AT + i] = dates[date_slot & 1][i];
	/* Away with the padding and the request behind it. */
	if (bpf_msg_pop_data(msg, n, padded - n + size, 0)) {
		count(LOST_NO_MEMORY);
		return SK_DROP;
	}
	count(ANSWERED);
	return SK_PASS;
}

/* A new connection to the server joins the map before its first byte. */
SEC("sockops")
int join(struct bpf_sock_ops *ops)
{
	__u64 cookie;

	if (ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB || ops->local_port != listen_port)
		return 1;
	cookie = bpf_get_socket_cookie(ops);
	count(bpf_sock_hash_update(ops, &conns, &cookie, BPF_NOEXIST) ? NOT_JOINED : JOINED);
	return 1;
}

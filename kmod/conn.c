// SPDX-License-Identifier: GPL-2.0
/*
 * Connections: their life, and the state machine that every mode drives.
 *
 * Life: khttpd_conn_new() makes a connection and hands it to the mode. Whoever
 * finds that it is over calls khttpd_conn_close(), any number of times, from
 * any context; that queues the release, once. The release first cuts the way
 * back to us (callbacks, then the driver), and only then frees anything.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <linux/wait.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "khttpd.h"
#include "trace.h"

#define STEP_BUDGET 32 /* receives and sends per run, so that others get their turn */
#define DRAIN_SECS  2  /* for the client to take the last answer and close */

static LIST_HEAD(khttpd_conns);
static DEFINE_SPINLOCK(khttpd_conns_lock); /* the list and the number */
static unsigned int khttpd_nr_conns;
static DECLARE_WAIT_QUEUE_HEAD(khttpd_all_gone);
static struct kmem_cache *khttpd_conn_cache;

static void reap_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(reap_work, reap_work_fn);

static void made_progress(struct khttpd_conn *conn)
{
	unsigned int secs = conn->state == CONN_DRAIN ? DRAIN_SECS : khttpd_opt.idle_secs;

	WRITE_ONCE(conn->deadline, jiffies + secs * HZ);
}

/* reap_work_fn - close the connections on which nothing moves, once per second */
static void reap_work_fn(struct work_struct *work)
{
	struct khttpd_conn *conn;

	spin_lock(&khttpd_conns_lock);
	list_for_each_entry(conn, &khttpd_conns, node) {
		if (time_after(jiffies, READ_ONCE(conn->deadline)) &&
		    !test_bit(CONN_CLOSING, &conn->flags)) {
			khttpd_count(timeouts, 1);
			khttpd_conn_close(conn);
		}
	}
	spin_unlock(&khttpd_conns_lock);
	queue_delayed_work(khttpd_ctl_wq, &reap_work, HZ);
}

/* Input */

/* room - make room in the input buffer; false when it is at its limit */
static bool room(struct khttpd_conn *conn)
{
	char *larger;

	if (conn->in_start == conn->in_len) {
		conn->in_start = conn->in_len = 0;
	} else if (conn->in_len == conn->in_size && conn->in_start) {
		conn->in_len -= conn->in_start;
		memmove(conn->in, conn->in + conn->in_start, conn->in_len);
		conn->in_start = 0;
	}
	if (conn->in_len < conn->in_size)
		return true;
	if (conn->in_size >= KHTTPD_IN_MAX)
		return false;
	larger = krealloc(conn->in, 2 * conn->in_size, GFP_KERNEL);
	if (!larger)
		return false;
	conn->in = larger;
	conn->in_size *= 2;
	return true;
}

/* receive - bytes taken, 0 at the stream's end, or a negative error */
static int receive(struct khttpd_conn *conn)
{
	struct msghdr msg = { .msg_flags = khttpd_msg_flags() };
	struct kvec vec;
	int n;

	if (!room(conn))
		return -ENOBUFS;
	vec.iov_base = conn->in + conn->in_len;
	vec.iov_len = conn->in_size - conn->in_len;
	n = kernel_recvmsg(conn->sock, &msg, &vec, 1, vec.iov_len, msg.msg_flags);
	if (n > 0) {
		trace_khttpd_in(conn->port, conn->offset + conn->in_len - conn->in_start, n, 0);
		khttpd_count(bytes_in, n);
		conn->in_len += n;
	}
	return n;
}

static void consume(struct khttpd_conn *conn, u32 n)
{
	conn->in_start += n;
	conn->offset += n;
}

/* The steps return 1 to go on, 0 at the end, or a negative error. */

static int step_read(struct khttpd_conn *conn)
{
	int n;

	if (conn->in_start < conn->in_len &&
	    khttpd_parse(&conn->parser, conn->in + conn->in_start, conn->in_len - conn->in_start)) {
		conn->request_offset = conn->offset;
		trace_khttpd_parsed(conn->port, conn->offset, conn->parser.line,
				    conn->parser.status);
		khttpd_reply(conn);
		consume(conn, conn->parser.line);
		conn->skip = conn->reply.close ? 0 : conn->parser.length;
		memset(&conn->parser, 0, sizeof(conn->parser));
		conn->state = CONN_SEND;
		return 1;
	}
	n = receive(conn);
	/* An unfinished request earns no more time: its sender may be slow on purpose. */
	if (n > 0 && !conn->parser.started && !conn->parser.scan)
		made_progress(conn);
	return n > 0 ? 1 : n;
}

static int step_send(struct khttpd_conn *conn)
{
	struct khttpd_reply *reply = &conn->reply;
	u64 left = reply->left;
	int err = khttpd_send(conn);

	if (reply->left != left)
		made_progress(conn);
	if (err)
		return err;
	trace_khttpd_sent(conn->port, conn->request_offset, reply->size, reply->status);
	khttpd_count(requests, 1);
	if (reply->status >= 400)
		khttpd_count(errors, 1);
	khttpd_reply_free(reply);
	conn->state = reply->close ? CONN_DRAIN : CONN_SKIP;
	made_progress(conn);
	if (reply->close)
		kernel_sock_shutdown(conn->sock, SHUT_WR);
	return 1;
}

static int step_skip(struct khttpd_conn *conn)
{
	u32 n = min_t(u64, conn->skip, conn->in_len - conn->in_start);

	consume(conn, n);
	conn->skip -= n;
	if (conn->skip)
		return receive(conn);
	conn->state = CONN_READ;
	return 1;
}

/*
 * Closing at once, with bytes of the client unread, would reset the connection
 * and could destroy the answer on its way (RFC 9112 section 9.6).
 */
static int step_drain(struct khttpd_conn *conn)
{
	consume(conn, conn->in_len - conn->in_start);
	return receive(conn);
}

/**
 * khttpd_conn_step - drive a connection by one receive or send
 * @conn: the connection
 *
 * Returns 1 to be called again, 0 when the connection is over, -EAGAIN when the
 * network has to move first, or another negative error: the connection is dead.
 */
int khttpd_conn_step(struct khttpd_conn *conn)
{
	switch (conn->state) {
	case CONN_READ:
		return step_read(conn);
	case CONN_SEND:
		return step_send(conn);
	case CONN_SKIP:
		return step_skip(conn);
	case CONN_DRAIN:
		return step_drain(conn);
	}
	return -EINVAL;
}

/* The event mode */

static void event_work_fn(struct work_struct *work)
{
	struct khttpd_conn *conn = container_of(work, struct khttpd_conn, io_work);
	int i, n;

	if (test_bit(CONN_CLOSING, &conn->flags))
		return;
	khttpd_count(runs, 1);
	for (i = 0; i < STEP_BUDGET; i++) {
		n = khttpd_conn_step(conn);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			if (n < 0)
				khttpd_count(resets, 1);
			khttpd_conn_close(conn);
			return;
		}
	}
	queue_work_on(raw_smp_processor_id(), khttpd_io_wq, work);
}

static void kick(struct khttpd_conn *conn)
{
	int cpu = khttpd_opt.cpu;

	if (cpu < 0)
		cpu = READ_ONCE(conn->sock->sk->sk_incoming_cpu);
	if (cpu < 0 || cpu >= nr_cpu_ids || !cpu_online(cpu))
		cpu = WORK_CPU_UNBOUND;
	if (queue_work_on(cpu, khttpd_io_wq, &conn->io_work))
		khttpd_count(wakeups, 1);
}

static void event_data_ready(struct sock *sk)
{
	struct khttpd_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn) {
		trace_khttpd_wake(conn->port);
		kick(conn);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void event_write_space(struct sock *sk)
{
	struct khttpd_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		kick(conn);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void event_state_change(struct sock *sk)
{
	struct khttpd_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn)
		kick(conn); /* the next receive or send tells what happened */
	read_unlock_bh(&sk->sk_callback_lock);
}

static void event_start(struct khttpd_conn *conn)
{
	struct sock *sk = conn->sock->sk;

	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = conn;
	sk->sk_data_ready = event_data_ready;
	sk->sk_write_space = event_write_space;
	sk->sk_state_change = event_state_change;
	kick(conn); /* for what came before the callbacks were there */
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

/* Life */

static void release_work_fn(struct work_struct *work)
{
	struct khttpd_conn *conn = container_of(work, struct khttpd_conn, release_work);

	khttpd_restore_callbacks(conn->sock->sk);
	if (khttpd_blocking())
		khttpd_blocking_stop(conn);
	else
		cancel_work_sync(&conn->io_work);
	sock_release(conn->sock);
	khttpd_reply_free(&conn->reply);
	kfree(conn->in);
	khttpd_count(released, 1);

	spin_lock(&khttpd_conns_lock);
	list_del(&conn->node);
	if (!--khttpd_nr_conns)
		wake_up(&khttpd_all_gone);
	spin_unlock(&khttpd_conns_lock);
	kmem_cache_free(khttpd_conn_cache, conn);
}

/* khttpd_conn_close - the connection is over; may be called more than once */
void khttpd_conn_close(struct khttpd_conn *conn)
{
	if (!test_and_set_bit(CONN_CLOSING, &conn->flags))
		queue_work(khttpd_ctl_wq, &conn->release_work);
}

/* khttpd_conn_new - serve an accepted socket; takes it over, also on failure */
void khttpd_conn_new(struct socket *sock)
{
	struct khttpd_conn *conn;

	/* It inherited the listener's callback. */
	khttpd_restore_callbacks(sock->sk);
	if (READ_ONCE(khttpd_nr_conns) >= khttpd_opt.max_conns)
		goto refuse;
	conn = kmem_cache_zalloc(khttpd_conn_cache, GFP_KERNEL);
	if (!conn)
		goto refuse;
	conn->in = kmalloc(KHTTPD_IN, GFP_KERNEL);
	if (!conn->in)
		goto free;
	conn->in_size = KHTTPD_IN;
	conn->sock = sock;
	conn->port = ntohs(inet_sk(sock->sk)->inet_dport);
	INIT_WORK(&conn->io_work, khttpd_blocking() ? khttpd_blocking_work : event_work_fn);
	INIT_WORK(&conn->release_work, release_work_fn);
	init_completion(&conn->done);
	made_progress(conn);
	if (khttpd_opt.nodelay)
		tcp_sock_set_nodelay(sock->sk);

	spin_lock(&khttpd_conns_lock);
	list_add_tail(&conn->node, &khttpd_conns);
	khttpd_nr_conns++;
	spin_unlock(&khttpd_conns_lock);
	khttpd_count(accepted, 1);

	if (khttpd_blocking())
		khttpd_blocking_start(conn);
	else
		event_start(conn);
	return;

free:
	kmem_cache_free(khttpd_conn_cache, conn);
refuse:
	khttpd_count(refused, 1);
	sock_release(sock);
}

int khttpd_conns_init(void)
{
	khttpd_conn_cache = KMEM_CACHE(khttpd_conn, SLAB_HWCACHE_ALIGN);
	return khttpd_conn_cache ? 0 : -ENOMEM;
}

/* khttpd_reaper_start - when the work queues are there */
void khttpd_reaper_start(void)
{
	queue_delayed_work(khttpd_ctl_wq, &reap_work, HZ);
}

/*
 * khttpd_conns_close_all - close all connections and wait until they are gone;
 * none may be added any more
 */
void khttpd_conns_close_all(void)
{
	struct khttpd_conn *conn;

	cancel_delayed_work_sync(&reap_work);
	spin_lock(&khttpd_conns_lock);
	list_for_each_entry(conn, &khttpd_conns, node)
		khttpd_conn_close(conn);
	spin_unlock(&khttpd_conns_lock);
	wait_event(khttpd_all_gone, !READ_ONCE(khttpd_nr_conns));
	/* The last release may still be returning; then callbacks, from softirqs. */
	flush_workqueue(khttpd_ctl_wq);
	synchronize_rcu();
}

void khttpd_conns_exit(void)
{
	kmem_cache_destroy(khttpd_conn_cache);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections: their lifetime, and the state machine that every mode drives.
 *
 * Lifetime: khttpd_conn_new() creates a connection and hands it to the mode.
 * Whoever finds that it has ended calls khttpd_conn_close(), any number of
 * times, from any context; that queues the release, once. The release first
 * removes all references to the connection (callbacks, then the context that
 * drives it), and only then frees anything.
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

#define KHTTPD_STEP_BUDGET 32 /* receives and sends per run, so that no connection starves others */
#define KHTTPD_DRAIN_SECS  2  /* for the client to read the last response and close */

/* khttpd_conn_progress - extend the connection's deadline */
static void khttpd_conn_progress(struct khttpd_conn *conn)
{
	unsigned int secs = conn->state == KHTTPD_CONN_DRAIN ? KHTTPD_DRAIN_SECS :
							       khttpd_opt.idle_secs;

	WRITE_ONCE(conn->deadline, jiffies + (unsigned long)secs * HZ);
}

/* khttpd_reap_work - close connections that made no progress, once per second */
static void khttpd_reap_work(struct work_struct *work)
{
	struct khttpd_server *server =
		container_of(to_delayed_work(work), struct khttpd_server, reap_work);
	struct khttpd_conn *conn;

	spin_lock_bh(&server->conns_lock);
	list_for_each_entry(conn, &server->conns, node) {
		if (time_after(jiffies, READ_ONCE(conn->deadline)) &&
		    !test_bit(KHTTPD_CONN_CLOSING, &conn->flags)) {
			khttpd_count(timeouts, 1);
			khttpd_conn_close(conn);
		}
	}
	spin_unlock_bh(&server->conns_lock);
	queue_delayed_work(server->ctl_wq, &server->reap_work, HZ);
}

/**
 * khttpd_conn_link - put a connection on the server's list
 * @conn: the connection
 *
 * From now on the reaper may release it. So the caller holds the list's lock
 * until the context that drives the connection is started: a release takes that
 * lock before it frees the connection.
 */
void khttpd_conn_link(struct khttpd_conn *conn)
{
	struct khttpd_server *server = conn->server;

	lockdep_assert_held(&server->conns_lock);
	khttpd_conn_progress(conn);
	list_add_tail(&conn->node, &server->conns);
	server->nr_conns++;
	khttpd_count(accepted, 1);
}

/* Input */

/* khttpd_conn_reserve - make space in the input buffer; false when it is full and at its limit */
static bool khttpd_conn_reserve(struct khttpd_conn *conn)
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

/* khttpd_conn_recv - receive; the number of bytes, 0 at the end of stream, or a negative error */
static int khttpd_conn_recv(struct khttpd_conn *conn)
{
	struct msghdr msg = { .msg_flags = khttpd_msg_flags(conn) };
	struct kvec vec;
	int n;

	if (!khttpd_conn_reserve(conn))
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

static void khttpd_conn_consume(struct khttpd_conn *conn, u32 n)
{
	conn->in_start += n;
	conn->offset += n;
}

/* Each step returns 1 to continue, 0 at the end of the connection, or a negative error. */

static int khttpd_step_read(struct khttpd_conn *conn)
{
	int n;

	if (conn->in_start < conn->in_len &&
	    khttpd_parse(&conn->parser, conn->in + conn->in_start, conn->in_len - conn->in_start)) {
		conn->request_offset = conn->offset;
		trace_khttpd_parsed(conn->port, conn->offset, conn->parser.line,
				    conn->parser.status);
		khttpd_respond(conn);
		khttpd_conn_consume(conn, conn->parser.line);
		memset(&conn->content, 0, sizeof(conn->content));
		if (!conn->response.close) {
			conn->content.left = conn->parser.length;
			if (conn->parser.chunked)
				conn->content.state = KHTTPD_CHUNK_SIZE;
		}
		memset(&conn->parser, 0, sizeof(conn->parser));
		conn->state = KHTTPD_CONN_SEND;
		return 1;
	}
	n = khttpd_conn_recv(conn);
	/* An incomplete request does not extend the deadline: its sender may be slow on purpose. */
	if (n > 0 && !conn->parser.started && !conn->parser.scan)
		khttpd_conn_progress(conn);
	return n > 0 ? 1 : n;
}

static int khttpd_step_send(struct khttpd_conn *conn)
{
	struct khttpd_response *response = &conn->response;
	u64 left = response->left;
	int err = khttpd_send(conn);

	if (response->left != left)
		khttpd_conn_progress(conn);
	if (err)
		return err;
	trace_khttpd_sent(conn->port, conn->request_offset, response->size, response->status);
	khttpd_count(requests, 1);
	if (response->status >= 400)
		khttpd_count(errors, 1);
	khttpd_response_free(response);
	conn->state = response->close ? KHTTPD_CONN_DRAIN : KHTTPD_CONN_SKIP;
	khttpd_conn_progress(conn);
	if (response->close)
		kernel_sock_shutdown(conn->sock, SHUT_WR);
	return 1;
}

static int khttpd_step_skip(struct khttpd_conn *conn)
{
	int n = khttpd_content_discard(&conn->content, conn->in + conn->in_start,
				       conn->in_len - conn->in_start);

	if (n < 0 || conn->content.total > KHTTPD_SKIP_MAX) {
		/* The start of the next request is not known. */
		kernel_sock_shutdown(conn->sock, SHUT_WR);
		conn->state = KHTTPD_CONN_DRAIN;
		khttpd_conn_progress(conn);
		return 1;
	}
	khttpd_conn_consume(conn, n);
	if (khttpd_content_pending(&conn->content))
		return khttpd_conn_recv(conn);
	conn->state = KHTTPD_CONN_READ;
	return 1;
}

/*
 * Closing at once, with received bytes unread, would reset the connection and
 * could destroy the response in flight (RFC 9112 section 9.6).
 */
static int khttpd_step_drain(struct khttpd_conn *conn)
{
	khttpd_conn_consume(conn, conn->in_len - conn->in_start);
	return khttpd_conn_recv(conn);
}

/**
 * khttpd_conn_step - drive a connection by one receive or send
 * @conn: the connection
 *
 * Return: 1 to be called again, 0 at the end of the connection, -EAGAIN when the
 * socket has no data or no space, or another negative error.
 */
int khttpd_conn_step(struct khttpd_conn *conn)
{
	switch (conn->state) {
	case KHTTPD_CONN_READ:
		return khttpd_step_read(conn);
	case KHTTPD_CONN_SEND:
		return khttpd_step_send(conn);
	case KHTTPD_CONN_SKIP:
		return khttpd_step_skip(conn);
	case KHTTPD_CONN_DRAIN:
		return khttpd_step_drain(conn);
	}
	return -EINVAL;
}

/* The event mode */

static void khttpd_event_work(struct work_struct *work)
{
	struct khttpd_conn *conn = container_of(work, struct khttpd_conn, io_work);
	int i, n;

	if (test_bit(KHTTPD_CONN_CLOSING, &conn->flags))
		return;
	khttpd_count(runs, 1);
	for (i = 0; i < KHTTPD_STEP_BUDGET; i++) {
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
	queue_work_on(raw_smp_processor_id(), conn->server->io_wq, work);
}

/* khttpd_event_queue - queue the connection's work on the CPU that received the packet */
static void khttpd_event_queue(struct khttpd_conn *conn)
{
	int cpu = khttpd_opt.cpu;

	if (cpu < 0)
		cpu = READ_ONCE(conn->sock->sk->sk_incoming_cpu);
	if (cpu < 0 || cpu >= nr_cpu_ids || !cpu_online(cpu))
		cpu = WORK_CPU_UNBOUND;
	if (queue_work_on(cpu, conn->server->io_wq, &conn->io_work))
		khttpd_count(wakeups, 1);
}

static void khttpd_event_data_ready(struct sock *sk)
{
	struct khttpd_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn) {
		trace_khttpd_wake(conn->port);
		khttpd_event_queue(conn);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void khttpd_event_write_space(struct sock *sk)
{
	struct khttpd_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		khttpd_event_queue(conn);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void khttpd_event_state_change(struct sock *sk)
{
	struct khttpd_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn)
		khttpd_event_queue(conn); /* the next receive or send reports the change */
	read_unlock_bh(&sk->sk_callback_lock);
}

static int khttpd_event_start(struct khttpd_conn *conn)
{
	struct khttpd_server *server = conn->server;
	struct sock *sk = conn->sock->sk;

	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = conn;
	sk->sk_data_ready = khttpd_event_data_ready;
	sk->sk_write_space = khttpd_event_write_space;
	sk->sk_state_change = khttpd_event_state_change;
	spin_lock(&server->conns_lock);
	khttpd_conn_link(conn);
	khttpd_event_queue(conn); /* for data that arrived before the callbacks were installed */
	spin_unlock(&server->conns_lock);
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
	return 0;
}

/* Lifetime */

static void khttpd_release_work(struct work_struct *work)
{
	struct khttpd_conn *conn = container_of(work, struct khttpd_conn, release_work);
	struct khttpd_server *server = conn->server;

	khttpd_restore_callbacks(server, conn->sock->sk);
	if (khttpd_blocking(server))
		khttpd_blocking_stop(conn);
	else
		cancel_work_sync(&conn->io_work);
	sock_release(conn->sock);
	khttpd_response_free(&conn->response);
	kfree(conn->in);
	khttpd_count(released, 1);

	spin_lock_bh(&server->conns_lock);
	list_del(&conn->node);
	if (!--server->nr_conns)
		wake_up(&server->conns_gone);
	spin_unlock_bh(&server->conns_lock);
	kmem_cache_free(server->conn_cache, conn);
}

/**
 * khttpd_conn_close - queue the release of a connection, once
 * @conn: the connection
 *
 * May be called more than once and from any context.
 */
void khttpd_conn_close(struct khttpd_conn *conn)
{
	if (!test_and_set_bit(KHTTPD_CONN_CLOSING, &conn->flags))
		queue_work(conn->server->ctl_wq, &conn->release_work);
}

/**
 * khttpd_conn_new - serve an accepted socket
 * @server: the server that accepted it
 * @sock: the socket; owned by the connection from now on, also on failure
 */
void khttpd_conn_new(struct khttpd_server *server, struct socket *sock)
{
	struct khttpd_conn *conn;

	/* It inherited the listener's callback. */
	khttpd_restore_callbacks(server, sock->sk);
	if (READ_ONCE(server->nr_conns) >= khttpd_opt.max_conns)
		goto refuse;
	conn = kmem_cache_zalloc(server->conn_cache, GFP_KERNEL);
	if (!conn)
		goto refuse;
	conn->in = kmalloc(KHTTPD_IN, GFP_KERNEL);
	if (!conn->in)
		goto free;
	conn->in_size = KHTTPD_IN;
	conn->server = server;
	conn->sock = sock;
	conn->port = ntohs(inet_sk(sock->sk)->inet_dport);
	INIT_WORK(&conn->io_work,
		  khttpd_blocking(server) ? khttpd_blocking_work : khttpd_event_work);
	INIT_WORK(&conn->release_work, khttpd_release_work);
	init_completion(&conn->done);
	if (khttpd_opt.nodelay)
		tcp_sock_set_nodelay(sock->sk);

	if (khttpd_blocking(server) ? khttpd_blocking_start(conn) : khttpd_event_start(conn))
		goto free_in;
	return;

free_in:
	kfree(conn->in);
free:
	kmem_cache_free(server->conn_cache, conn);
refuse:
	khttpd_count(refused, 1);
	sock_release(sock);
}

int khttpd_conns_init(struct khttpd_server *server)
{
	INIT_LIST_HEAD(&server->conns);
	spin_lock_init(&server->conns_lock);
	init_waitqueue_head(&server->conns_gone);
	INIT_DELAYED_WORK(&server->reap_work, khttpd_reap_work);
	server->conn_cache = KMEM_CACHE(khttpd_conn, SLAB_HWCACHE_ALIGN);
	return server->conn_cache ? 0 : -ENOMEM;
}

/**
 * khttpd_reaper_start - start closing connections that make no progress
 * @server: the server, whose workqueues exist
 */
void khttpd_reaper_start(struct khttpd_server *server)
{
	queue_delayed_work(server->ctl_wq, &server->reap_work, HZ);
}

/**
 * khttpd_conns_close_all - close all connections and wait until they are released
 * @server: the server, which accepts no connections any more
 */
void khttpd_conns_close_all(struct khttpd_server *server)
{
	struct khttpd_conn *conn;

	cancel_delayed_work_sync(&server->reap_work);
	spin_lock_bh(&server->conns_lock);
	list_for_each_entry(conn, &server->conns, node)
		khttpd_conn_close(conn);
	spin_unlock_bh(&server->conns_lock);
	wait_event(server->conns_gone, !READ_ONCE(server->nr_conns));
	/* The last release may still be returning, and callbacks may still run in softirqs. */
	flush_workqueue(server->ctl_wq);
	synchronize_rcu();
}

void khttpd_conns_exit(struct khttpd_server *server)
{
	kmem_cache_destroy(server->conn_cache);
}

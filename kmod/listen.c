// SPDX-License-Identifier: GPL-2.0
/* The listening socket: its callback queues the work that accepts. */
#include <linux/in.h>
#include <linux/inet.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "khttpd.h"

#define BACKLOG	      1024
#define ACCEPT_BUDGET 64 /* connections per run, so that others get their turn */

static struct socket *listener;
static void (*plain_data_ready)(struct sock *sk);
static void (*plain_write_space)(struct sock *sk);
static void (*plain_state_change)(struct sock *sk);

static void accept_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(accept_work, accept_work_fn);

static void accept_work_fn(struct work_struct *work)
{
	int i;

	for (i = 0; i < ACCEPT_BUDGET; i++) {
		struct socket *sock;
		int err = kernel_accept(listener, &sock, O_NONBLOCK);

		if (err == -EAGAIN)
			return;
		if (err == -ENOMEM || err == -ENFILE) {
			/* They wait in the queue until there is memory. */
			queue_delayed_work(khttpd_ctl_wq, &accept_work, HZ / 10);
			return;
		}
		if (!err)
			khttpd_conn_new(sock);
	}
	queue_delayed_work(khttpd_ctl_wq, &accept_work, 0);
}

static void listen_data_ready(struct sock *sk)
{
	read_lock_bh(&sk->sk_callback_lock);
	/* Sockets that are born from the listener inherit this callback. */
	if (sk->sk_user_data && sk->sk_state == TCP_LISTEN)
		queue_delayed_work(khttpd_ctl_wq, &accept_work, 0);
	read_unlock_bh(&sk->sk_callback_lock);
}

/*
 * khttpd_restore_callbacks - make a socket forget us
 *
 * TCP runs a connection's callbacks with the socket locked, so with the lock
 * held none of them is running.
 */
void khttpd_restore_callbacks(struct sock *sk)
{
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = plain_data_ready;
	sk->sk_write_space = plain_write_space;
	sk->sk_state_change = plain_state_change;
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

int khttpd_listen(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(khttpd_opt.port),
	};
	struct sock *sk;
	int err;

	if (!in4_pton(khttpd_opt.addr, -1, (u8 *)&addr.sin_addr.s_addr, -1, NULL)) {
		pr_err("addr=%s: want an IPv4 address\n", khttpd_opt.addr);
		return -EINVAL;
	}
	/*
	 * Not sock_create_kern(): neither the listener nor the connections born
	 * from it would then keep their network namespace alive.
	 */
	err = __sock_create(current->nsproxy->net_ns, PF_INET, SOCK_STREAM, IPPROTO_TCP, &listener,
			    0);
	if (err)
		return err;
	sk = listener->sk;
	sock_set_reuseaddr(sk);
	err = kernel_bind(listener, (struct sockaddr *)&addr, sizeof(addr));
	if (err) {
		pr_err("bind %s:%u: error %d\n", khttpd_opt.addr, khttpd_opt.port, err);
		goto no_listen;
	}

	write_lock_bh(&sk->sk_callback_lock);
	plain_data_ready = sk->sk_data_ready;
	plain_write_space = sk->sk_write_space;
	plain_state_change = sk->sk_state_change;
	sk->sk_user_data = &listener;
	sk->sk_data_ready = listen_data_ready;
	write_unlock_bh(&sk->sk_callback_lock);

	err = kernel_listen(listener, BACKLOG);
	if (!err)
		return 0;
	khttpd_restore_callbacks(sk);
no_listen:
	sock_release(listener);
	return err;
}

/*
 * khttpd_unlisten - no more connections
 *
 * A new connection calls the listener's callback with its own lock held, not
 * the listener's, but always in an RCU read-side section.
 */
void khttpd_unlisten(void)
{
	khttpd_restore_callbacks(listener->sk);
	synchronize_rcu();
	cancel_delayed_work_sync(&accept_work);
	sock_release(listener);
}

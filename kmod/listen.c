// SPDX-License-Identifier: GPL-2.0-only
/* The listening socket, whose callback queues the work that accepts connections. */
#include <linux/in.h>
#include <linux/inet.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "khttpd.h"

#define KHTTPD_BACKLOG 1024
#define KHTTPD_ACCEPT_BUDGET \
	64 /* connections accepted per run, so that other work is not delayed */

static void khttpd_accept_work(struct work_struct *work)
{
	struct khttpd_server *server =
		container_of(to_delayed_work(work), struct khttpd_server, accept_work);
	int i;

	for (i = 0; i < KHTTPD_ACCEPT_BUDGET; i++) {
		struct socket *sock;
		int err = kernel_accept(server->listener, &sock, O_NONBLOCK);

		if (err == -EAGAIN)
			return;
		if (err && err != -ECONNABORTED && err != -EINTR) {
			/*
			 * The connections stay in the backlog until memory is
			 * available, or whatever else is missing.
			 */
			queue_delayed_work(server->ctl_wq, &server->accept_work, HZ / 10);
			return;
		}
		if (!err)
			khttpd_conn_new(server, sock);
	}
	queue_delayed_work(server->ctl_wq, &server->accept_work, 0);
}

static void khttpd_listen_data_ready(struct sock *sk)
{
	struct khttpd_server *server;

	read_lock_bh(&sk->sk_callback_lock);
	server = sk->sk_user_data;
	/* Sockets accepted from the listener inherit this callback. */
	if (server && sk->sk_state == TCP_LISTEN)
		queue_delayed_work(server->ctl_wq, &server->accept_work, 0);
	read_unlock_bh(&sk->sk_callback_lock);
}

/**
 * khttpd_restore_callbacks - restore TCP's own callbacks of a socket
 * @server: the server that saved them
 * @sk: the socket
 *
 * TCP runs a connection's callbacks with the socket locked, so with the lock
 * held none of them is running.
 */
void khttpd_restore_callbacks(struct khttpd_server *server, struct sock *sk)
{
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = server->saved_data_ready;
	sk->sk_write_space = server->saved_write_space;
	sk->sk_state_change = server->saved_state_change;
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

/**
 * khttpd_listen - listen at the configured address, in the network namespace of the caller
 * @server: the server
 *
 * Return: 0 or a negative error, with the reason in the log.
 */
int khttpd_listen(struct khttpd_server *server)
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
	 * Not sock_create_kern(): neither the listener nor the connections accepted
	 * from it would then hold a reference to their network namespace.
	 */
	INIT_DELAYED_WORK(&server->accept_work, khttpd_accept_work);
	err = __sock_create(current->nsproxy->net_ns, PF_INET, SOCK_STREAM, IPPROTO_TCP,
			    &server->listener, 0);
	if (err)
		return err;
	sk = server->listener->sk;
	sock_set_reuseaddr(sk);
	/* The parameter is a struct sockaddr, in later kernels a struct sockaddr_unsized. */
	err = kernel_bind(server->listener, (void *)&addr, sizeof(addr));
	if (err) {
		pr_err("bind %s:%u: error %d\n", khttpd_opt.addr, khttpd_opt.port, err);
		goto no_listen;
	}

	write_lock_bh(&sk->sk_callback_lock);
	server->saved_data_ready = sk->sk_data_ready;
	server->saved_write_space = sk->sk_write_space;
	server->saved_state_change = sk->sk_state_change;
	sk->sk_user_data = server;
	sk->sk_data_ready = khttpd_listen_data_ready;
	write_unlock_bh(&sk->sk_callback_lock);

	err = kernel_listen(server->listener, KHTTPD_BACKLOG);
	if (!err)
		return 0;
	khttpd_restore_callbacks(server, sk);
no_listen:
	sock_release(server->listener);
	return err;
}

/**
 * khttpd_unlisten - accept no more connections
 * @server: the server
 *
 * A new connection calls the listener's callback with its own lock held, not
 * the listener's, but always in an RCU read-side critical section.
 */
void khttpd_unlisten(struct khttpd_server *server)
{
	khttpd_restore_callbacks(server, server->listener->sk);
	synchronize_rcu();
	cancel_delayed_work_sync(&server->accept_work);
	sock_release(server->listener);
}

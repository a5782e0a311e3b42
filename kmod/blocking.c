// SPDX-License-Identifier: GPL-2.0-only
/*
 * The blocking modes: one context per connection blocks in receive and send.
 * They exist for comparison. A bound pool runs at most its limit of work items
 * (512 per CPU) at once; further connections are queued.
 */
#include <linux/kthread.h>

#include "khttpd.h"

static void khttpd_blocking_serve(struct khttpd_conn *conn)
{
	int n;

	do {
		n = khttpd_conn_step(conn);
		khttpd_count(runs, 1);
	} while (n > 0 && !test_bit(KHTTPD_CONN_CLOSING, &conn->flags));
	if (n < 0)
		khttpd_count(resets, 1);
	khttpd_conn_close(conn);
}

/**
 * khttpd_blocking_work - serve a connection from a work item until it ends
 * @work: the connection's io_work
 */
void khttpd_blocking_work(struct work_struct *work)
{
	khttpd_blocking_serve(container_of(work, struct khttpd_conn, io_work));
}

static int khttpd_blocking_thread(void *data)
{
	struct khttpd_conn *conn = data;

	khttpd_blocking_serve(conn);
	/* Does not return into the module, which may have been unloaded by then. */
	kthread_complete_and_exit(&conn->done, 0);
	return 0;
}

/**
 * khttpd_blocking_start - link a connection and start the context that serves it
 * @conn: the connection
 *
 * Return: 0, or a negative error; the connection is then not linked.
 */
int khttpd_blocking_start(struct khttpd_conn *conn)
{
	struct khttpd_server *server = conn->server;
	struct task_struct *task = NULL;
	int cpu = khttpd_opt.cpu;

	if (server->mode == KHTTPD_MODE_THREAD) {
		task = kthread_create(khttpd_blocking_thread, conn, "khttpd/%u", conn->port);
		if (IS_ERR(task))
			return PTR_ERR(task);
		if (cpu >= 0)
			kthread_bind(task, cpu);
	}
	spin_lock_bh(&server->conns_lock);
	khttpd_conn_link(conn);
	if (task)
		wake_up_process(task);
	else
		queue_work_on(cpu < 0 ? WORK_CPU_UNBOUND : cpu, server->io_wq, &conn->io_work);
	spin_unlock_bh(&server->conns_lock);
	return 0;
}

/**
 * khttpd_blocking_stop - wake the context that serves the connection and wait for its end
 * @conn: the connection
 */
void khttpd_blocking_stop(struct khttpd_conn *conn)
{
	kernel_sock_shutdown(conn->sock, SHUT_RDWR);
	if (conn->server->mode == KHTTPD_MODE_THREAD)
		wait_for_completion(&conn->done);
	else
		cancel_work_sync(&conn->io_work);
}

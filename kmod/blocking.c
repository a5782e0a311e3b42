// SPDX-License-Identifier: GPL-2.0
/*
 * The blocking modes: one context per connection waits in receive and send.
 * They are here to be compared with. A bound pool runs no more than its limit
 * of work items (512 per CPU) at once; further connections wait their turn.
 */
#include <linux/kthread.h>

#include "khttpd.h"

static void serve(struct khttpd_conn *conn)
{
	int n;

	do {
		n = khttpd_conn_step(conn);
		khttpd_count(runs, 1);
	} while (n > 0 && !test_bit(CONN_CLOSING, &conn->flags));
	if (n < 0)
		khttpd_count(resets, 1);
	khttpd_conn_close(conn);
}

void khttpd_blocking_work(struct work_struct *work)
{
	serve(container_of(work, struct khttpd_conn, io_work));
}

static int thread(void *data)
{
	struct khttpd_conn *conn = data;

	serve(conn);
	/* Does not return into the module, which may be gone by then. */
	kthread_complete_and_exit(&conn->done, 0);
	return 0;
}

void khttpd_blocking_start(struct khttpd_conn *conn)
{
	struct task_struct *task;

	if (khttpd_mode != MODE_THREAD) {
		queue_work_on(khttpd_opt.cpu < 0 ? WORK_CPU_UNBOUND : khttpd_opt.cpu, khttpd_io_wq,
			      &conn->io_work);
		return;
	}
	task = kthread_create(thread, conn, "khttpd/%u", conn->port);
	if (IS_ERR(task)) {
		complete(&conn->done);
		khttpd_conn_close(conn);
		return;
	}
	if (khttpd_opt.cpu >= 0)
		kthread_bind(task, khttpd_opt.cpu);
	wake_up_process(task);
}

/* khttpd_blocking_stop - wake the context that serves the connection, wait for its end */
void khttpd_blocking_stop(struct khttpd_conn *conn)
{
	kernel_sock_shutdown(conn->sock, SHUT_RDWR);
	if (khttpd_mode == MODE_THREAD)
		wait_for_completion(&conn->done);
	else
		cancel_work_sync(&conn->io_work);
}

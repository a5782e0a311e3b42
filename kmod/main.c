// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading. */
#include <linux/module.h>

#include "compat.h"
#include "khttpd.h"

static struct khttpd_server khttpd_server;

static struct workqueue_struct *khttpd_alloc_io_wq(enum khttpd_mode mode)
{
	switch (mode) {
	case KHTTPD_MODE_EVENT:
		return alloc_workqueue("khttpd_io", WQ_HIGHPRI | WQ_PERCPU, 0);
	case KHTTPD_MODE_UNBOUND:
		return alloc_workqueue("khttpd_io", WQ_UNBOUND, WQ_MAX_ACTIVE);
	default:
		return alloc_workqueue("khttpd_io", WQ_PERCPU, WQ_MAX_ACTIVE);
	}
}

static int __init khttpd_init(void)
{
	struct khttpd_server *server = &khttpd_server;
	int err = khttpd_options_check(&server->mode);

	if (err)
		return err;
	if (khttpd_opt.selftest) {
		err = khttpd_selftest();
		if (err)
			return err;
	}
	err = khttpd_root_init(server);
	if (err)
		return err;
	err = khttpd_conns_init(server);
	if (err)
		goto no_conns;
	err = -ENOMEM;
	server->io_wq = khttpd_alloc_io_wq(server->mode);
	if (!server->io_wq)
		goto no_io_wq;
	server->ctl_wq = alloc_workqueue("khttpd_ctl", WQ_PERCPU, 0);
	if (!server->ctl_wq)
		goto no_ctl_wq;
	khttpd_stats_init();
	err = khttpd_listen(server);
	if (err)
		goto no_listen;
	khttpd_reaper_start(server);
	return 0;

no_listen:
	khttpd_stats_exit();
	destroy_workqueue(server->ctl_wq);
no_ctl_wq:
	destroy_workqueue(server->io_wq);
no_io_wq:
	khttpd_conns_exit(server);
no_conns:
	khttpd_root_exit(server);
	return err;
}

/*
 * Stop accepting, then release all connections, then what they used. The first
 * two calls wait until no callback of the module can still be running.
 */
static void __exit khttpd_exit(void)
{
	struct khttpd_server *server = &khttpd_server;

	khttpd_unlisten(server);
	khttpd_conns_close_all(server);
	destroy_workqueue(server->ctl_wq);
	destroy_workqueue(server->io_wq);
	khttpd_conns_exit(server);
	khttpd_stats_exit();
	khttpd_root_exit(server);
}

module_init(khttpd_init);
module_exit(khttpd_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("HTTP/1.1 file server in the kernel");
MODULE_VERSION("1.0");

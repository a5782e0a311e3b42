// SPDX-License-Identifier: GPL-2.0
/* Load and unload. */
#include <linux/module.h>

#include "khttpd.h"

struct workqueue_struct *khttpd_io_wq;
struct workqueue_struct *khttpd_ctl_wq;

static struct workqueue_struct *io_workqueue(void)
{
	switch (khttpd_mode) {
	case MODE_EVENT:
		return alloc_workqueue("khttpd_io", WQ_HIGHPRI, 0);
	case MODE_UNBOUND:
		return alloc_workqueue("khttpd_io", WQ_UNBOUND, WQ_MAX_ACTIVE);
	default:
		return alloc_workqueue("khttpd_io", 0, WQ_MAX_ACTIVE);
	}
}

static int __init khttpd_init(void)
{
	int err = khttpd_options_check();

	if (err)
		return err;
	if (khttpd_opt.selftest) {
		err = khttpd_selftest();
		if (err)
			return err;
	}
	err = khttpd_root_init();
	if (err)
		return err;
	err = khttpd_conns_init();
	if (err)
		goto no_conns;
	err = -ENOMEM;
	khttpd_io_wq = io_workqueue();
	if (!khttpd_io_wq)
		goto no_io_wq;
	khttpd_ctl_wq = alloc_workqueue("khttpd_ctl", 0, 0);
	if (!khttpd_ctl_wq)
		goto no_ctl_wq;
	khttpd_stats_init();
	err = khttpd_listen();
	if (err)
		goto no_listen;
	khttpd_reaper_start();
	return 0;

no_listen:
	khttpd_stats_exit();
	destroy_workqueue(khttpd_ctl_wq);
no_ctl_wq:
	destroy_workqueue(khttpd_io_wq);
no_io_wq:
	khttpd_conns_exit();
no_conns:
	khttpd_root_exit();
	return err;
}

/*
 * First nothing new comes in, then all connections go, then what they used.
 * Both calls wait until none of our callbacks can still be running.
 */
static void __exit khttpd_exit(void)
{
	khttpd_unlisten();
	khttpd_conns_close_all();
	destroy_workqueue(khttpd_ctl_wq);
	destroy_workqueue(khttpd_io_wq);
	khttpd_conns_exit();
	khttpd_stats_exit();
	khttpd_root_exit();
}

module_init(khttpd_init);
module_exit(khttpd_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("HTTP/1.1 file server in the kernel");
MODULE_VERSION("1.0");

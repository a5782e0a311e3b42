// SPDX-License-Identifier: GPL-2.0-only
/* The module's parameters, which cannot be changed while it is loaded. */
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/string.h>

#include "khttpd.h"

struct khttpd_options khttpd_opt = {
	.root = "/srv/www",
	.mode = "event",
	.addr = "0.0.0.0",
	.port = 80,
	.cpu = -1,
	.uid = 65534,
	.gid = 65534,
	.max_conns = 4096,
	.idle_secs = 60,
	.nodelay = true,
};

#define KHTTPD_OPTION(name, type, text)                        \
	module_param_named(name, khttpd_opt.name, type, 0444); \
	MODULE_PARM_DESC(name, text)

KHTTPD_OPTION(root, charp, "directory to serve (/srv/www)");
KHTTPD_OPTION(addr, charp, "IPv4 address to listen on (0.0.0.0)");
KHTTPD_OPTION(port, ushort, "TCP port (80)");
KHTTPD_OPTION(cpu, int, "CPU for threads, work items and events, -1: any (-1)");
KHTTPD_OPTION(uid, uint, "user ID with which files are opened (65534)");
KHTTPD_OPTION(gid, uint, "group ID with which files are opened (65534)");
KHTTPD_OPTION(max_conns, uint, "concurrent connections; more are refused (4096)");
KHTTPD_OPTION(idle_secs, uint, "seconds without progress after which a connection is closed (60)");
KHTTPD_OPTION(mode, charp, "event, thread, bound or unbound (event)");
KHTTPD_OPTION(read_whole, bool, "read the whole file into memory for each request (N)");
KHTTPD_OPTION(split_send, bool, "send header and body in separate calls (N)");
KHTTPD_OPTION(nodelay, bool, "set TCP_NODELAY (Y)");
KHTTPD_OPTION(log_requests, bool, "log one line per request (N)");
KHTTPD_OPTION(bad_framing, bool, "send two bytes more than Content-Length (N)");
KHTTPD_OPTION(close_each, bool, "close the connection after each response (N)");
KHTTPD_OPTION(selftest, bool, "test the parser before serving (N)");

static const char *const khttpd_mode_names[] = {
	[KHTTPD_MODE_EVENT] = "event",
	[KHTTPD_MODE_THREAD] = "thread",
	[KHTTPD_MODE_BOUND] = "bound",
	[KHTTPD_MODE_UNBOUND] = "unbound",
};

/**
 * khttpd_options_check - validate the parameters
 * @mode: set to the mode that was chosen by name
 *
 * Return: 0, or -EINVAL with the reason in the log.
 */
int khttpd_options_check(enum khttpd_mode *mode)
{
	int found = match_string(khttpd_mode_names, ARRAY_SIZE(khttpd_mode_names), khttpd_opt.mode);

	if (found < 0) {
		pr_err("mode=%s: want event, thread, bound or unbound\n", khttpd_opt.mode);
		return -EINVAL;
	}
	if (found == KHTTPD_MODE_UNBOUND && khttpd_opt.cpu >= 0) {
		pr_err("cpu=%d: cannot be combined with mode=unbound\n", khttpd_opt.cpu);
		return -EINVAL;
	}
	if (!khttpd_opt.max_conns || !khttpd_opt.idle_secs) {
		pr_err("max_conns and idle_secs must not be 0\n");
		return -EINVAL;
	}
	if (khttpd_opt.cpu >= 0 && (khttpd_opt.cpu >= nr_cpu_ids || !cpu_online(khttpd_opt.cpu))) {
		pr_err("cpu=%d: no such CPU\n", khttpd_opt.cpu);
		return -EINVAL;
	}
	*mode = found;
	return 0;
}

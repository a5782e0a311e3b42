// SPDX-License-Identifier: GPL-2.0
/* The module's parameters. They are fixed for the time it is loaded. */
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

enum khttpd_mode khttpd_mode;

#define OPTION(name, type, text)                               \
	module_param_named(name, khttpd_opt.name, type, 0444); \
	MODULE_PARM_DESC(name, text)

OPTION(root, charp, "directory to serve (/srv/www)");
OPTION(addr, charp, "IPv4 address to listen on (0.0.0.0)");
OPTION(port, ushort, "TCP port (80)");
OPTION(cpu, int, "CPU for threads, work items and events, -1: any (-1)");
OPTION(uid, uint, "user whose rights open files (65534)");
OPTION(gid, uint, "group whose rights open files (65534)");
OPTION(max_conns, uint, "connections at once; more are refused (4096)");
OPTION(idle_secs, uint, "seconds without progress after which a connection is closed (60)");
OPTION(mode, charp, "event, thread, bound or unbound (event)");
OPTION(read_whole, bool, "read each file whole into memory per request (N)");
OPTION(split_send, bool, "send header and body apart (N)");
OPTION(nodelay, bool, "set TCP_NODELAY (Y)");
OPTION(log_requests, bool, "log one line per request (N)");
OPTION(bad_framing, bool, "send two bytes more than Content-Length says (N)");
OPTION(close_each, bool, "close the connection after each answer (N)");
OPTION(selftest, bool, "test the parser before serving (N)");

static const char *const modes[] = {
	[MODE_EVENT] = "event",
	[MODE_THREAD] = "thread",
	[MODE_BOUND] = "bound",
	[MODE_UNBOUND] = "unbound",
};

/* khttpd_options_check - 0, or -EINVAL with the reason in the log */
int khttpd_options_check(void)
{
	int mode = match_string(modes, ARRAY_SIZE(modes), khttpd_opt.mode);

	if (mode < 0) {
		pr_err("mode=%s: want event, thread, bound or unbound\n", khttpd_opt.mode);
		return -EINVAL;
	}
	if (mode == MODE_UNBOUND && khttpd_opt.cpu >= 0) {
		pr_err("cpu=%d: mode=unbound leaves no choice of the CPU\n", khttpd_opt.cpu);
		return -EINVAL;
	}
	if (!khttpd_opt.max_conns || !khttpd_opt.idle_secs) {
		pr_err("max_conns and idle_secs must not be 0\n");
		return -EINVAL;
	}
	if (khttpd_opt.cpu >= 0 && (khttpd_opt.cpu >= nr_cpu_ids || !cpu_online(khttpd_opt.cpu))) {
		pr_err("cpu=%d: there is no such CPU\n", khttpd_opt.cpu);
		return -EINVAL;
	}
	khttpd_mode = mode;
	return 0;
}

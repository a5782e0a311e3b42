/* SPDX-License-Identifier: GPL-2.0-only */
/* Module parameters. */
#ifndef KHTTPD_OPTIONS_H
#define KHTTPD_OPTIONS_H

#include <linux/types.h>

enum khttpd_mode {
	KHTTPD_MODE_EVENT,   /* socket callbacks queue a work item that never blocks */
	KHTTPD_MODE_THREAD,  /* a blocking kernel thread per connection */
	KHTTPD_MODE_BOUND,   /* a blocking work item per connection, on one CPU's pool */
	KHTTPD_MODE_UNBOUND, /* a blocking work item per connection, on any CPU */
};

struct khttpd_options {
	char *root; /* directory to serve */
	char *mode;
	char *addr; /* IPv4 address to listen on */
	ushort port;
	int cpu;       /* for threads and work items; -1: any */
	uint uid, gid; /* files are opened with these credentials */
	uint max_conns;
	uint idle_secs;	 /* without progress, after which a connection is closed */
	bool read_whole; /* read the whole file into memory before sending it */
	bool split_send; /* send header and body in separate calls */
	bool nodelay;
	bool log_requests; /* one line in the kernel's log per request */
	bool bad_framing;  /* send two bytes more than Content-Length */
	bool close_each;   /* close after each response */
	bool selftest;
};

extern struct khttpd_options khttpd_opt;

int khttpd_options_check(enum khttpd_mode *mode);

#endif /* KHTTPD_OPTIONS_H */

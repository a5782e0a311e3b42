/* SPDX-License-Identifier: GPL-2.0 */
/* What can be chosen when the module is loaded. */
#ifndef KHTTPD_OPTIONS_H
#define KHTTPD_OPTIONS_H

#include <linux/types.h>

enum khttpd_mode {
	MODE_EVENT,   /* socket callbacks queue a work item that never blocks */
	MODE_THREAD,  /* a blocking kernel thread per connection */
	MODE_BOUND,   /* a blocking work item per connection, on one CPU's pool */
	MODE_UNBOUND, /* a blocking work item per connection, on any CPU */
};

struct khttpd_options {
	char *root; /* directory to serve */
	char *mode;
	char *addr; /* IPv4 address to listen on */
	ushort port;
	int cpu;       /* that threads and work run on; -1: where they come up */
	uint uid, gid; /* files are opened with these rights */
	uint max_conns;
	uint idle_secs;	 /* a connection without progress is closed then */
	bool read_whole; /* read each file into memory before it is sent */
	bool split_send; /* header and body in sends of their own */
	bool nodelay;
	bool log_requests; /* one line in the kernel's log per request */
	bool bad_framing;  /* two bytes more than Content-Length says */
	bool close_each;   /* close after each answer */
	bool selftest;
};

extern struct khttpd_options khttpd_opt;
extern enum khttpd_mode khttpd_mode;

int khttpd_options_check(void);

static inline bool khttpd_blocking(void)
{
	return khttpd_mode != MODE_EVENT;
}

#endif /* KHTTPD_OPTIONS_H */

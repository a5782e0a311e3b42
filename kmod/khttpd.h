/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * khttpd: an HTTP/1.1 file server in the kernel.
 *
 * A connection is a state machine that is driven by one context at a time. In
 * the event mode that is a work item, which socket callbacks queue on the CPU
 * that received the packet and which never blocks on the network; in the other
 * modes it is a thread or a work item that blocks. The structure and the order
 * of teardown are those of drivers/nvme/target/tcp.c.
 */
#ifndef KHTTPD_H
#define KHTTPD_H

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/net.h>
#include <linux/path.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "content.h"
#include "options.h"
#include "parse.h"
#include "stats.h"

#define KHTTPD_OUT	4096 /* output buffer: header, and a body that fits behind it, bytes */
#define KHTTPD_IN	4096 /* initial size of the input buffer, which grows on demand, bytes */
#define KHTTPD_IN_MAX	(2 * KHTTPD_MAX_HEADER)
#define KHTTPD_SKIP_MAX (1 << 20) /* longest request body that is read and discarded, bytes */

enum khttpd_state {
	KHTTPD_CONN_READ,  /* reading a request, or waiting for one */
	KHTTPD_CONN_SEND,  /* sending the response */
	KHTTPD_CONN_SKIP,  /* discarding the request's body */
	KHTTPD_CONN_DRAIN, /* all sent; waiting for the client to close */
};

/* The response being sent, in the order of the fields. */
struct khttpd_response {
	u16 status;
	bool close;		 /* close the connection after it */
	u32 head_len, head_sent; /* of conn->out */
	char *body;		 /* the whole file in memory, to be freed by kvfree() */
	struct file *file;	 /* or the file itself */
	loff_t pos;		 /* next byte of body or file */
	u64 left;		 /* bytes of body or file not yet sent */
	u64 size;		 /* length of the body, bytes */
	u8 tail;		 /* surplus bytes after the body (bad_framing) */
};

#define KHTTPD_CONN_CLOSING 0 /* bit of khttpd_conn.flags: release was queued */

/* All state of the module but its parameters and counters. */
struct khttpd_server {
	enum khttpd_mode mode;
	struct workqueue_struct *io_wq;	 /* drives connections */
	struct workqueue_struct *ctl_wq; /* accepts and releases them */

	struct socket *listener;
	struct delayed_work accept_work;
	void (*saved_data_ready)(struct sock *sk); /* TCP's own callbacks */
	void (*saved_write_space)(struct sock *sk);
	void (*saved_state_change)(struct sock *sk);

	struct list_head conns;
	spinlock_t conns_lock; /* protects conns and nr_conns */
	unsigned int nr_conns;
	wait_queue_head_t conns_gone; /* nr_conns dropped to 0 */
	struct kmem_cache *conn_cache;
	struct delayed_work reap_work;

	struct path root;	   /* document root */
	const struct cred *reader; /* opens files */
};

static inline bool khttpd_blocking(const struct khttpd_server *server)
{
	return server->mode != KHTTPD_MODE_EVENT;
}

struct khttpd_conn {
	struct khttpd_server *server;
	struct list_head node; /* in server->conns */
	struct socket *sock;
	unsigned long flags;
	struct work_struct io_work;
	struct work_struct release_work;
	struct completion done; /* the thread ended (KHTTPD_MODE_THREAD) */
	unsigned long deadline; /* jiffies at which the connection is closed without progress */
	enum khttpd_state state;
	u16 port; /* client's TCP port, host byte order */

	char *in; /* received bytes; [in_start, in_len) are not consumed */
	u32 in_size, in_start, in_len;
	u64 offset;	    /* bytes received before in_start */
	u64 request_offset; /* stream offset of the current request */
	struct khttpd_content content;
	struct khttpd_parser parser;

	struct khttpd_response response;
	char out[KHTTPD_OUT];
};

/* listen.c */
int khttpd_listen(struct khttpd_server *server);
void khttpd_unlisten(struct khttpd_server *server);
void khttpd_restore_callbacks(struct khttpd_server *server, struct sock *sk);

/* conn.c */
int khttpd_conns_init(struct khttpd_server *server);
void khttpd_conns_exit(struct khttpd_server *server);
void khttpd_reaper_start(struct khttpd_server *server);
void khttpd_conns_close_all(struct khttpd_server *server);
void khttpd_conn_new(struct khttpd_server *server, struct socket *sock);
void khttpd_conn_link(struct khttpd_conn *conn);
void khttpd_conn_close(struct khttpd_conn *conn);
int khttpd_conn_step(struct khttpd_conn *conn);
static inline int khttpd_msg_flags(const struct khttpd_conn *conn)
{
	return MSG_NOSIGNAL | (khttpd_blocking(conn->server) ? 0 : MSG_DONTWAIT);
}

/* blocking.c */
void khttpd_blocking_work(struct work_struct *work);
int khttpd_blocking_start(struct khttpd_conn *conn);
void khttpd_blocking_stop(struct khttpd_conn *conn);

/* response.c */
void khttpd_respond(struct khttpd_conn *conn);
void khttpd_response_free(struct khttpd_response *response);

/* send.c */
int khttpd_send(struct khttpd_conn *conn);

/* file.c */
int khttpd_root_init(struct khttpd_server *server);
void khttpd_root_exit(struct khttpd_server *server);
u16 khttpd_file_open(struct khttpd_server *server, const char *path, struct file **file, u64 *size);

/* selftest.c */
int khttpd_selftest(void);

#endif /* KHTTPD_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * khttpd: files over HTTP/1.1, from the kernel.
 *
 * A connection is a state machine that one context at a time drives. In the
 * event mode that is a work item, which socket callbacks queue on the CPU that
 * the packet came in on and which never waits for the network; in the other
 * modes it is a thread or a work item that blocks. The structure, and the order
 * in which things are undone, is that of drivers/nvme/target/tcp.c.
 */
#ifndef KHTTPD_H
#define KHTTPD_H

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/net.h>
#include <linux/workqueue.h>

#include "options.h"
#include "parse.h"
#include "stats.h"

#define KHTTPD_OUT	4096 /* header, and a body that fits beside it, bytes */
#define KHTTPD_IN	4096 /* input buffer at first; it grows if it must, bytes */
#define KHTTPD_IN_MAX	(2 * KHTTPD_MAX_HEADER)
#define KHTTPD_SKIP_MAX (1 << 20) /* longest request body that is read and dropped, bytes */

enum khttpd_state {
	CONN_READ,  /* waiting for, or reading, a request */
	CONN_SEND,  /* sending the answer */
	CONN_SKIP,  /* dropping the request's body */
	CONN_DRAIN, /* sent all; waiting for the client to close */
};

/* What is being sent, in the order of the fields. */
struct khttpd_reply {
	u16 status;
	bool close;		 /* the connection ends after it */
	u32 head_len, head_sent; /* of conn->out */
	char *body;		 /* whole file in memory; kvfree() */
	struct file *file;	 /* or the file itself */
	loff_t pos;		 /* next byte of body or file */
	u64 left;		 /* bytes of body or file still to send */
	u64 size;		 /* bytes of body in all */
	u8 tail;		 /* bytes after the body that should not be there */
};

#define CONN_CLOSING 0 /* bit of khttpd_conn.flags: release was queued */

struct khttpd_conn {
	struct list_head node; /* khttpd_conns, under khttpd_conns_lock */
	struct socket *sock;
	unsigned long flags;
	struct work_struct io_work;
	struct work_struct release_work;
	struct completion done; /* the thread ended (MODE_THREAD) */
	unsigned long deadline; /* jiffies: closed then if nothing moved */
	enum khttpd_state state;
	u16 port; /* client's TCP port, host byte order */

	char *in; /* received bytes, [in_start, in_len) not yet used */
	u32 in_size, in_start, in_len;
	u64 offset;	    /* bytes received before in_start */
	u64 request_offset; /* where the present request begins */
	u64 skip;	    /* bytes of request body to drop */
	struct khttpd_parser parser;

	struct khttpd_reply reply;
	char out[KHTTPD_OUT];
};

/* main.c */
extern struct workqueue_struct *khttpd_io_wq;  /* drives connections */
extern struct workqueue_struct *khttpd_ctl_wq; /* accepts and releases them */

/* listen.c */
int khttpd_listen(void);
void khttpd_unlisten(void);
void khttpd_restore_callbacks(struct sock *sk);

/* conn.c */
int khttpd_conns_init(void);
void khttpd_conns_exit(void);
void khttpd_reaper_start(void);
void khttpd_conns_close_all(void);
void khttpd_conn_new(struct socket *sock);
void khttpd_conn_close(struct khttpd_conn *conn);
int khttpd_conn_step(struct khttpd_conn *conn);
static inline int khttpd_msg_flags(void)
{
	return MSG_NOSIGNAL | (khttpd_blocking() ? 0 : MSG_DONTWAIT);
}

/* blocking.c */
void khttpd_blocking_work(struct work_struct *work);
void khttpd_blocking_start(struct khttpd_conn *conn);
void khttpd_blocking_stop(struct khttpd_conn *conn);

/* reply.c */
void khttpd_reply(struct khttpd_conn *conn);
void khttpd_reply_free(struct khttpd_reply *reply);

/* send.c */
int khttpd_send(struct khttpd_conn *conn);

/* file.c */
int khttpd_root_init(void);
void khttpd_root_exit(void);
u16 khttpd_file_open(const char *path, struct file **file, u64 *size);

/* selftest.c */
int khttpd_selftest(void);

#endif /* KHTTPD_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending. A file goes from the page cache to the socket by reference: splice
 * moves its pages into the task's internal pipe, KHTTPD_SEND_BUDGET bytes at a
 * time, and the actor hands each page to TCP. Nothing is copied, so a file of any
 * size takes the memory of one pipe.
 */
#include <linux/fs.h>
#include <linux/splice.h>

#include "compat.h"
#include "khttpd.h"

#define KHTTPD_SEND_BUDGET (64 << 10) /* bytes per step: the capacity of the internal pipe */

/* khttpd_send_memory - send from memory; the number of bytes sent, or a negative error */
static int khttpd_send_memory(struct khttpd_conn *conn, const void *from, size_t len, bool more)
{
	struct msghdr msg = { .msg_flags = khttpd_msg_flags(conn) | (more ? MSG_MORE : 0) };
	struct kvec vec = { .iov_base = (void *)from, .iov_len = len };
	int n = kernel_sendmsg(conn->sock, &msg, &vec, 1, len);

	if (n > 0)
		khttpd_count(bytes_out, n);
	return n;
}

static int khttpd_splice_actor(struct pipe_inode_info *pipe, struct pipe_buffer *buf,
			       struct splice_desc *sd)
{
	struct khttpd_conn *conn = sd->u.data;
	bool more = (sd->flags & SPLICE_F_MORE) || sd->len < sd->total_len;

	return khttpd_send_page(conn->sock, buf->page, buf->offset, sd->len,
				khttpd_msg_flags(conn) | (more ? MSG_MORE : 0));
}

static int khttpd_splice_pipe(struct pipe_inode_info *pipe, struct splice_desc *sd)
{
	return __splice_from_pipe(pipe, sd, khttpd_splice_actor);
}

/* khttpd_send_file - send a part of the file; the number of bytes sent, or a negative error */
static int khttpd_send_file(struct khttpd_conn *conn)
{
	struct khttpd_response *r = &conn->response;
	loff_t out = 0;
	struct splice_desc sd = {
		.total_len = min_t(u64, r->left, KHTTPD_SEND_BUDGET),
		.flags = r->left > KHTTPD_SEND_BUDGET || r->tail ? SPLICE_F_MORE : 0,
		.pos = r->pos,
		.opos = &out,
		.u.data = conn,
	};
	int n = splice_direct_to_actor(r->file, &sd, khttpd_splice_pipe);

	if (n > 0)
		khttpd_count(bytes_out, n);
	if (n == 0) {
		/* Content-Length was sent already; only closing the connection is left. */
		khttpd_count(truncated, 1);
		return -EIO;
	}
	return n;
}

/* khttpd_send_next - send a part of the response; bytes sent, 0 at its end, or an error */
static int khttpd_send_next(struct khttpd_conn *conn)
{
	struct khttpd_response *r = &conn->response;
	bool more;
	int n;

	if (r->head_sent < r->head_len) {
		more = (r->left || r->tail) && !khttpd_opt.split_send;
		n = khttpd_send_memory(conn, conn->out + r->head_sent, r->head_len - r->head_sent,
				       more);
		if (n > 0)
			r->head_sent += n;
		return n;
	}
	if (r->left) {
		if (r->body)
			n = khttpd_send_memory(conn, r->body + r->pos,
					       min_t(u64, r->left, KHTTPD_SEND_BUDGET),
					       r->left > KHTTPD_SEND_BUDGET || r->tail);
		else
			n = khttpd_send_file(conn);
		if (n > 0) {
			r->pos += n;
			r->left -= n;
		}
		return n;
	}
	if (r->tail) {
		n = khttpd_send_memory(conn, "\r\n" + 2 - r->tail, r->tail, false);
		if (n > 0)
			r->tail -= n;
		return n;
	}
	return 0;
}

/**
 * khttpd_send - resume sending the response
 * @conn: the connection
 *
 * Sends at most the header and KHTTPD_SEND_BUDGET bytes of the body, so that a
 * long body does not delay other connections.
 *
 * Return: 0 when all is sent, 1 when more is left, -EAGAIN when the send buffer
 * is full, or another negative error.
 */
int khttpd_send(struct khttpd_conn *conn)
{
	u64 piece = conn->response.left;
	int n;

	do {
		n = khttpd_send_next(conn);
		if (n == 0)
			return 0;
		if (n == -EAGAIN)
			khttpd_count(full, 1);
		if (n < 0)
			return n;
	} while (piece - conn->response.left < KHTTPD_SEND_BUDGET);
	return 1;
}

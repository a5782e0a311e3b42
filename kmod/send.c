// SPDX-License-Identifier: GPL-2.0
/*
 * Sending. A file goes from the page cache to the socket by reference: splice
 * brings its pages into the task's internal pipe, a piece at a time, and our
 * actor hands each to TCP. Nothing of the file is copied or kept, so a file of
 * any size takes the memory of one piece.
 */
#include <linux/fs.h>
#include <linux/splice.h>

#include "compat.h"
#include "khttpd.h"

#define PIECE (64 << 10) /* bytes per step: what the internal pipe holds */

/* send_memory - send from memory; bytes sent, or a negative error */
static int send_memory(struct khttpd_conn *conn, const void *from, size_t len, bool more)
{
	struct msghdr msg = { .msg_flags = khttpd_msg_flags() | (more ? MSG_MORE : 0) };
	struct kvec vec = { .iov_base = (void *)from, .iov_len = len };
	int n = kernel_sendmsg(conn->sock, &msg, &vec, 1, len);

	if (n > 0)
		khttpd_count(bytes_out, n);
	return n;
}

static int send_buffer(struct pipe_inode_info *pipe, struct pipe_buffer *buf,
		       struct splice_desc *sd)
{
	struct khttpd_conn *conn = sd->u.data;
	bool more = (sd->flags & SPLICE_F_MORE) || sd->len < sd->total_len;

	return khttpd_send_page(conn->sock, buf->page, buf->offset, sd->len,
				khttpd_msg_flags() | (more ? MSG_MORE : 0));
}

static int send_pipe(struct pipe_inode_info *pipe, struct splice_desc *sd)
{
	return __splice_from_pipe(pipe, sd, send_buffer);
}

/* send_file - send a piece of the file; bytes sent, or a negative error */
static int send_file(struct khttpd_conn *conn)
{
	struct khttpd_reply *r = &conn->reply;
	loff_t out = 0;
	struct splice_desc sd = {
		.total_len = min_t(u64, r->left, PIECE),
		.flags = r->left > PIECE || r->tail ? SPLICE_F_MORE : 0,
		.pos = r->pos,
		.opos = &out,
		.u.data = conn,
	};
	int n = splice_direct_to_actor(r->file, &sd, send_pipe);

	if (n > 0)
		khttpd_count(bytes_out, n);
	if (n == 0) {
		/* Its length was announced; all that can be done is to end. */
		khttpd_count(truncated, 1);
		return -EIO;
	}
	return n;
}

/* send_next - send some of the answer; bytes sent, 0 when all is, or an error */
static int send_next(struct khttpd_conn *conn)
{
	struct khttpd_reply *r = &conn->reply;
	bool more;
	int n;

	if (r->head_sent < r->head_len) {
		more = (r->left || r->tail) && !khttpd_opt.split_send;
		n = send_memory(conn, conn->out + r->head_sent, r->head_len - r->head_sent, more);
		if (n > 0)
			r->head_sent += n;
		return n;
	}
	if (r->left) {
		if (r->body)
			n = send_memory(conn, r->body + r->pos, min_t(u64, r->left, PIECE),
					r->left > PIECE || r->tail);
		else
			n = send_file(conn);
		if (n > 0) {
			r->pos += n;
			r->left -= n;
		}
		return n;
	}
	if (r->tail) {
		n = send_memory(conn, "\r\n" + 2 - r->tail, r->tail, false);
		if (n > 0)
			r->tail -= n;
		return n;
	}
	return 0;
}

/**
 * khttpd_send - send on the present answer
 * @conn: the connection
 *
 * Sends the header and one piece of the body at most, so that a long body does
 * not keep others waiting.
 *
 * Returns 0 when all is sent, 1 when there is more, -EAGAIN when the socket is
 * full, or another negative error.
 */
int khttpd_send(struct khttpd_conn *conn)
{
	u64 piece = conn->reply.left;
	int n;

	do {
		n = send_next(conn);
		if (n == 0)
			return 0;
		if (n == -EAGAIN)
			khttpd_count(full, 1);
		if (n < 0)
			return n;
	} while (piece - conn->reply.left < PIECE);
	return 1;
}

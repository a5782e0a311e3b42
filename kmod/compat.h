/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that khttpd is built for (6.1 and 6.12), and
 * nothing else does.
 */
#ifndef KHTTPD_COMPAT_H
#define KHTTPD_COMPAT_H

#include <linux/bvec.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <net/sock.h>

/*
 * khttpd_send_page - send a part of a page by reference, without copying it
 *
 * 6.5 replaced sendpage by the flag MSG_SPLICE_PAGES. A page that may not be
 * referenced by an skb (slab memory) must not be handed in; those of the page
 * cache always may.
 *
 * Returns the number of bytes that were taken, or a negative error.
 */
static inline int khttpd_send_page(struct socket *sock, struct page *page, unsigned int offset,
				   size_t len, int flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	return kernel_sendpage(sock, page, offset, len, flags);
#else
	struct bio_vec bvec;
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };

	bvec_set_page(&bvec, page, len, offset);
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bvec, 1, len);
	return sock_sendmsg(sock, &msg);
#endif
}

#endif /* KHTTPD_COMPAT_H */

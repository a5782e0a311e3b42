/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The differences between the kernels that khttpd is built for, and nothing else.
 */
#ifndef KHTTPD_COMPAT_H
#define KHTTPD_COMPAT_H

#include <linux/bvec.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <net/sock.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/hex.h> /* hex_to_bin(), later not in linux/kernel.h any more */
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define WQ_PERCPU 0 /* per-CPU was the default and has no flag */
#endif

/* Exported, but in 6.1 declared only in a private header, fs/internal.h. */
int vfs_path_lookup(struct dentry *dentry, struct vfsmount *mnt, const char *name,
		    unsigned int flags, struct path *path);

/**
 * khttpd_send_page - send a part of a page by reference, without copying it
 * @sock: the socket
 * @page: a page of the page cache; slab memory must not be referenced by an skb
 * @offset: the first byte to send
 * @len: the number of bytes
 * @flags: MSG_* flags
 *
 * 6.5 replaced sendpage by the flag MSG_SPLICE_PAGES.
 *
 * Return: the number of bytes sent, or a negative error.
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

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files below the document root. Paths are resolved as after a chroot: neither
 * ".." nor a symbolic link, absolute or relative, leads out. Files are opened
 * with the credentials of an unprivileged user, not with the kernel's.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/uidgid.h>

#include "compat.h"
#include "khttpd.h"

/* khttpd_reader_cred - the credentials of uid and gid, without groups and capabilities */
static const struct cred *khttpd_reader_cred(void)
{
	struct group_info *none;
	struct cred *cred = prepare_creds();

	if (!cred)
		return NULL;
	none = groups_alloc(0);
	if (!none) {
		abort_creds(cred);
		return NULL;
	}
	set_groups(cred, none);
	put_group_info(none);
	cred->fsuid = make_kuid(&init_user_ns, khttpd_opt.uid);
	cred->fsgid = make_kgid(&init_user_ns, khttpd_opt.gid);
	cap_clear(cred->cap_effective);
	return cred;
}

int khttpd_root_init(struct khttpd_server *server)
{
	int err = kern_path(khttpd_opt.root, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &server->root);

	if (err) {
		pr_err("root=%s: not a directory (error %d)\n", khttpd_opt.root, err);
		return err;
	}
	server->reader = khttpd_reader_cred();
	if (!server->reader) {
		path_put(&server->root);
		return -ENOMEM;
	}
	return 0;
}

void khttpd_root_exit(struct khttpd_server *server)
{
	put_cred(server->reader);
	path_put(&server->root);
}

/*
 * khttpd_open_below - open the regular file at a path below the root
 *
 * A magic link, such as /proc/self/root, would lead out of the root. Nothing
 * but a regular file is opened: opening a device or a FIFO has side effects.
 */
static struct file *khttpd_open_below(struct khttpd_server *server, const char *path)
{
	const struct cred *own = override_creds(server->reader);
	struct file *file;
	struct path found;
	int err;

	err = vfs_path_lookup(server->root.dentry, server->root.mnt, path,
			      LOOKUP_FOLLOW | LOOKUP_IN_ROOT | LOOKUP_NO_MAGICLINKS, &found);
	if (err) {
		file = ERR_PTR(err);
		goto out;
	}
	if (d_is_dir(found.dentry))
		err = -EISDIR;
	else if (!d_is_reg(found.dentry))
		err = -EACCES;
	else
		err = path_permission(&found, MAY_OPEN | MAY_READ);
	file = err ? ERR_PTR(err) :
		     dentry_open(&found, O_RDONLY | O_NONBLOCK | O_LARGEFILE, server->reader);
	path_put(&found);
out:
	revert_creds(own);
	return file;
}

static u16 khttpd_status_of_error(long err)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
	case -ENXIO:
		return 404;
	case -EACCES:
	case -EPERM:
	case -ELOOP:
	case -EXDEV:
		return 403;
	case -EISDIR:
		return 301;
	case -EAGAIN: /* a rename during the lookup of ".." */
	case -ENOMEM:
	case -ENFILE:
		return 503;
	default:
		return 500;
	}
}

/**
 * khttpd_file_open - open the file at a path
 * @server: the server
 * @path: the path below the root; begins with a slash
 * @file: set on success; release it with __fput_sync()
 * @size: set to the file's length in bytes
 *
 * Return: 200, 301 if the path names a directory, or an error status.
 */
u16 khttpd_file_open(struct khttpd_server *server, const char *path, struct file **file, u64 *size)
{
	struct file *f = khttpd_open_below(server, path);

	if (IS_ERR(f))
		return khttpd_status_of_error(PTR_ERR(f));
	*file = f;
	*size = i_size_read(file_inode(f));
	return 200;
}

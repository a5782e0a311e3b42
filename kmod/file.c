// SPDX-License-Identifier: GPL-2.0
/*
 * Files below the root. Paths are looked up as after a chroot: neither ".." nor
 * a symbolic link, absolute or relative, leads out. Files are opened with the
 * rights of an ordinary user, not with the kernel's.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/uidgid.h>

#include "khttpd.h"

static struct path root;
static const struct cred *reader;

static const struct cred *reader_cred(void)
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

int khttpd_root_init(void)
{
	int err = kern_path(khttpd_opt.root, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &root);

	if (err) {
		pr_err("root=%s: not a directory (error %d)\n", khttpd_opt.root, err);
		return err;
	}
	reader = reader_cred();
	if (!reader) {
		path_put(&root);
		return -ENOMEM;
	}
	return 0;
}

void khttpd_root_exit(void)
{
	put_cred(reader);
	path_put(&root);
}

static struct file *open_below(const char *path)
{
	const struct cred *own = override_creds(reader);
	/* Non-blocking, so that a pipe or a device does not hold us up. */
	struct file *file =
		file_open_root(&root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_LARGEFILE, 0);

	revert_creds(own);
	return file;
}

static u16 status_of(long err)
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
	case -ENOMEM:
	case -ENFILE:
		return 503;
	default:
		return 500;
	}
}

/**
 * khttpd_file_open - open what a path names
 * @path: begins with a slash
 * @file: set on success; to be given back by __fput_sync()
 * @size: its length in bytes now
 *
 * Returns 200, 301 when the path names a directory but lacks the final slash,
 * or an error status.
 */
u16 khttpd_file_open(const char *path, struct file **file, u64 *size)
{
	struct file *f = open_below(path);
	struct inode *inode;
	u16 status = 200;

	if (IS_ERR(f))
		return status_of(PTR_ERR(f));
	inode = file_inode(f);
	if (S_ISDIR(inode->i_mode))
		status = 301;
	else if (!S_ISREG(inode->i_mode))
		status = 403;
	if (status != 200) {
		__fput_sync(f);
		return status;
	}
	*file = f;
	*size = i_size_read(inode);
	return 200;
}

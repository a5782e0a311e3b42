// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"crossing/harness/vm/initrd"
	"crossing/harness/vm/mailbox"
	"crossing/internal/root"
)

// imageRecipe builds the guest's root file system. $1: the file to make; $2:
// sources.list; $3: release; $4: packages, comma-separated. Times are fixed, so
// the same packages give nearly the same image; what counts is that the image
// of a run is named by its hash.
const imageRecipe = `
set -eu
export SOURCE_DATE_EPOCH=1700000000 LC_ALL=C
mmdebstrap --quiet --mode=auto --variant=minbase --include="$4" \
	--dpkgopt='path-exclude=/usr/share/doc/*' \
	--dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	--dpkgopt='path-exclude=/usr/share/info/*' \
	--aptopt='APT::Install-Recommends "false"' \
	--setup-hook='mkdir -p "$1/usr/sbin" "$1/etc" && printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d" && chmod +x "$1/usr/sbin/policy-rc.d"' \
	--customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/* "$1"/boot/* "$1"/lib/modules' \
	--customize-hook='rm -f "$1/etc/resolv.conf" && echo vm >"$1/etc/hostname" && echo "127.0.0.1 localhost vm" >"$1/etc/hosts"' \
	--customize-hook='mkdir -p "$1/job" "$1/out" "$1/lib/modules" "$1/var/log/apache2" "$1/var/log/nginx"' \
	"$3" - "$2" | mksquashfs - "$1" -tar -quiet -no-progress -noappend -comp lz4
`

// rootImage returns the file with the guest's root file system.
func rootImage(ctx context.Context) (string, error) {
	sources, release, err := debianSources(ctx)
	if err != nil {
		return "", err
	}
	versions, err := candidates(ctx, guestPackages)
	if err != nil {
		return "", err
	}
	inputs := append([]string{imageRecipe, release}, versions...)
	dir, err := cached(ctx, "root", key(inputs...), func(ctx context.Context, dir string) error {
		list := filepath.Join(dir, "sources.list")
		if err := os.WriteFile(list, []byte(strings.Join(sources, "\n")+"\n"), 0o644); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", imageRecipe, "image",
			filepath.Join(dir, "root.sqfs"), list, release, strings.Join(guestPackages, ","))
		// mmdebstrap ends its helpers by a signal to its whole process group.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		if _, err := run(cmd); err != nil {
			return err
		}
		os.WriteFile(filepath.Join(dir, "packages"), []byte(strings.Join(versions, "\n")+"\n"), 0o644)
		return archiveRoot(filepath.Join(dir, "root.cpio"), filepath.Join(dir, "root.sqfs"))
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "root.cpio"), nil
}

// archiveRoot wraps the squashfs into an archive that can stand in an initrd.
func archiveRoot(to, squashfs string) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	w := initrd.NewWriter(f)
	w.Copy(mailbox.RootFS, 0o644, squashfs)
	if err := w.Close(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Remove(squashfs)
}

// guestProgram builds the guest's init program and returns its file.
func guestProgram(ctx context.Context) (string, error) {
	dir, err := root.Find()
	if err != nil {
		return "", err
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(cache, "guest.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	file := filepath.Join(cache, "guest")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "./harness/vm/guest")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=-mod=readonly")
	if _, err := run(cmd); err != nil {
		return "", fmt.Errorf("build the guest's init program: %w", err)
	}
	return file, nil
}

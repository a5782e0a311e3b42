// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"crossing/internal/root"
)

// CacheDir is where built images lie: $XDG_CACHE_HOME/crossing/vm, or .cache/vm
// in the repository.
func CacheDir() (string, error) {
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "crossing", "vm"), nil
	}
	dir, err := root.Find()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, ".cache", "vm"), nil
}

// key is the name of a cached thing: a hash of all that went into it.
func key(inputs ...string) string {
	h := sha256.Sum256([]byte(strings.Join(inputs, "\n\x00")))
	return hex.EncodeToString(h[:8])
}

// cached returns the directory CacheDir()/kind-key. If it is not there, build
// makes it in a temporary place, and it is moved when whole, so a broken build
// leaves nothing that looks built. Two processes do not build the same thing
// at once.
func cached(ctx context.Context, kind, key string, build func(ctx context.Context, dir string) error) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, kind+"-"+key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(cache, kind+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	partial, err := os.MkdirTemp(cache, kind+"-*.partial")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	if err := os.Chmod(partial, 0o755); err != nil {
		return "", err
	}
	if err := build(ctx, partial); err != nil {
		return "", fmt.Errorf("build the VM's %s: %w", kind, err)
	}
	if err := os.Rename(partial, dir); err != nil {
		return "", err
	}
	return dir, nil
}

// lock takes an exclusive lock that other processes see.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}

// hashFile returns the SHA-256 of a file's content.
func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

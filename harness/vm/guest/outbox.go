// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"crossing/harness/vm/mailbox"
)

// The PCI identity of QEMU's ivshmem device (docs/specs/ivshmem-spec).
const ivshmemVendor, ivshmemDevice = "0x1af4", "0x1110"

// An outbox is the guest's end of the mailbox.
type outbox struct{ mem []byte }

// openOutbox maps the memory that the host sees.
func openOutbox() (*outbox, error) {
	devices, err := filepath.Glob("/sys/bus/pci/devices/*")
	if err != nil {
		return nil, err
	}
	for _, dir := range devices {
		if attribute(dir, "vendor") != ivshmemVendor || attribute(dir, "device") != ivshmemDevice {
			continue
		}
		if err := os.WriteFile(dir+"/enable", []byte("1"), 0o200); err != nil {
			return nil, fmt.Errorf("enable the mailbox: %w", err)
		}
		f, err := os.OpenFile(dir+"/resource2", os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		mem, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return nil, fmt.Errorf("map the mailbox: %w", err)
		}
		return &outbox{mem}, nil
	}
	return nil, errors.New("the machine has no mailbox device (ivshmem)")
}

func attribute(dir, name string) string {
	b, _ := os.ReadFile(dir + "/" + name)
	return string(bytes.TrimSpace(b))
}

// start notes that the command begins.
func (o *outbox) start() { mailbox.Header{State: mailbox.Started}.Marshal(o.mem) }

// fail leaves a message in place of results.
func (o *outbox) fail(err error) {
	n := copy(o.mem[mailbox.HeaderLen:], err.Error())
	mailbox.Header{State: mailbox.Failed, ExitCode: 255, Len: uint64(n)}.Marshal(o.mem)
}

// finish writes the kernel's log and all that is in mailbox.OutDir.
func (o *outbox) finish(code int, at time.Duration) error {
	w := &window{mem: o.mem[mailbox.HeaderLen:]}
	t := tar.NewWriter(w)
	log, err := kernelLog()
	if err == nil {
		err = addFile(t, "dmesg", int64(len(log)), bytes.NewReader(log))
	}
	if err == nil {
		err = addTree(t, mailbox.OutDir)
	}
	if err == nil {
		err = t.Close()
	}
	if err != nil {
		return fmt.Errorf("bring the results out: %w", err)
	}
	mailbox.Header{
		State: mailbox.Done, ExitCode: int32(code),
		Len: uint64(w.n), VirtualNs: uint64(at),
	}.Marshal(o.mem)
	return nil
}

// addTree adds the regular files below dir under "out/", in the order of their
// names and without times or owners: the archive shows what was written, not
// when.
func addTree(t *tar.Writer, dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return addFile(t, "out/"+rel, info.Size(), f)
	})
}

func addFile(t *tar.Writer, name string, size int64, r io.Reader) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := io.CopyN(t, r, size)
	return err
}

func kernelLog() ([]byte, error) {
	const readAll = 3 // SYSLOG_ACTION_READ_ALL
	size, err := unix.Klogctl(10 /* SYSLOG_ACTION_SIZE_BUFFER */, nil)
	if err != nil {
		return nil, fmt.Errorf("kernel log: %w", err)
	}
	b := make([]byte, size)
	n, err := unix.Klogctl(readAll, b)
	if err != nil {
		return nil, fmt.Errorf("kernel log: %w", err)
	}
	return b[:n], nil
}

// A window writes into a piece of memory.
type window struct {
	mem []byte
	n   int
}

func (w *window) Write(b []byte) (int, error) {
	n := copy(w.mem[w.n:], b)
	w.n += n
	if n < len(b) {
		return n, fmt.Errorf("the results do not fit the mailbox of %d MiB: leave less in %s", len(w.mem)>>20, mailbox.OutDir)
	}
	return n, nil
}

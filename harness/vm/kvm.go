// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// kvmLimit bounds the trial boot. With KVM the kernel reaches its init program
// in about two seconds.
const kvmLimit = 15 * time.Second

// KVMWorks reports whether a guest runs under KVM here. That /dev/kvm can be
// opened proves nothing: on some nested hosts a guest aborts or hangs later, so
// a real kernel is booted to the end once and the answer is kept in the cache,
// for this host kernel and this QEMU.
func KVMWorks(ctx context.Context) bool {
	answer, err := kvmAnswer(ctx)
	if err != nil {
		return false
	}
	if b, err := os.ReadFile(answer); err == nil {
		return string(b) == kvmYes
	}
	works := "no\n"
	if tryKVM(ctx) == nil {
		works = kvmYes
	}
	if ctx.Err() == nil {
		os.WriteFile(answer, []byte(works), 0o644)
	}
	return works == kvmYes
}

// KVMKnown tells what KVMWorks found here before, and whether it was asked; it
// boots nothing.
func KVMKnown() (works, tried bool) {
	answer, err := kvmAnswer(context.Background())
	if err != nil {
		return false, false
	}
	b, err := os.ReadFile(answer)
	return string(b) == kvmYes, err == nil
}

const kvmYes = "yes\n"

// kvmAnswer is the file that keeps the answer for this host kernel, CPU and
// QEMU; an error where KVM is out of the question.
func kvmAnswer(ctx context.Context) (string, error) {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	f.Close()
	version, err := Version(ctx)
	if err != nil {
		return "", err
	}
	host, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	model := ""
	for line := range strings.Lines(string(cpu)) {
		if strings.HasPrefix(line, "model name") {
			model = strings.TrimSuffix(line, "\n")
			break
		}
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "kvm-"+key(version, string(host), model)), nil
}

// tryKVM boots a machine under KVM that runs /bin/true.
func tryKVM(ctx context.Context) error {
	o := Options{Argv: []string{"true"}, Clock: RealTime, Timeout: kvmLimit}
	o.defaults()
	kernel, err := DebianKernel(ctx, Linux61)
	if err != nil {
		return err
	}
	o.Kernel = kernel
	dir, err := os.MkdirTemp("", "kvm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m := &machine{
		opts: o, accel: "kvm",
		initrd: filepath.Join(dir, "initrd"), box: filepath.Join(dir, "box"),
		console: filepath.Join(dir, "console"), output: filepath.Join(dir, "output"),
	}
	if _, _, err := buildInitrd(ctx, m.initrd, &o, false); err != nil {
		return err
	}
	if err := m.run(ctx, nil); err != nil {
		return err
	}
	return collect(m, new(Result))
}

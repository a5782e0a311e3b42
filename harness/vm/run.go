// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"crossing/harness/vm/initrd"
	"crossing/harness/vm/mailbox"
)

// ErrTimeout is returned when a machine was killed at its time limit.
var ErrTimeout = errors.New("vm: time limit reached")

// Run boots a machine, runs one command in it and returns when the machine is
// gone. A command that fails is not an error: see [Result.ExitCode]. With an
// error, the result, if there is one, holds the console and the output so far.
func Run(ctx context.Context, o Options) (*Result, error) {
	o.defaults()
	return start(ctx, o, nil)
}

// Shell boots a machine with this terminal as its console and runs the command,
// or a shell. Control-A X ends the machine.
func Shell(ctx context.Context, o Options) (*Result, error) {
	o.defaults()
	if len(o.Argv) == 0 {
		o.Argv = []string{"bash", "-l"}
	}
	return start(ctx, o, os.Stdin)
}

func start(ctx context.Context, o Options, terminal *os.File) (*Result, error) {
	if len(o.Argv) == 0 {
		return nil, errors.New("vm: no command to run")
	}
	if o.Clock == Virtual && o.Netdevs != [2]string{} {
		return nil, errors.New("vm: in virtual time nothing may come from outside")
	}
	version, err := Version(ctx)
	if err != nil {
		return nil, err
	}
	if o.Kernel == nil {
		if o.Kernel, err = DebianKernel(ctx, Linux61); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "vm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)

	m := &machine{
		opts: o, accel: "tcg",
		initrd: filepath.Join(dir, "initrd"), box: filepath.Join(dir, "box"),
		console: filepath.Join(dir, "console"), output: filepath.Join(dir, "output"),
	}
	if terminal != nil {
		m.console = ""
	}
	if o.Clock == RealTime && KVMWorks(ctx) {
		m.accel = "kvm"
	}
	image, input, err := buildInitrd(ctx, m.initrd, &o, terminal != nil)
	if err != nil {
		return nil, err
	}
	result := &Result{Identity: Identity{
		Clock: o.Clock.String(), Accel: m.accel, QEMU: version,
		Kernel: o.Kernel.Release, Image: image, Input: input, Append: m.kernelCommandLine(),
		Seed: o.Seed, Shift: o.Shift, SMP: o.SMP, MiB: o.MiB,
	}}
	runErr := m.run(ctx, terminal)
	result.Output, _ = os.ReadFile(m.output)
	if m.console != "" {
		result.Console, _ = os.ReadFile(m.console)
	}
	if runErr != nil {
		if last := lastLines(result.Console, 15); last != "" {
			runErr = fmt.Errorf("%w; its console ended with:\n%s", runErr, last)
		}
		return result, runErr
	}
	return result, collect(m, result)
}

// run starts QEMU and waits for its end, which comes by itself, at the time
// limit or when ctx is done. Nothing of it is left afterwards, also when this
// process is killed.
func (m *machine) run(ctx context.Context, terminal *os.File) error {
	limited, cancel := context.WithTimeout(ctx, m.opts.Timeout)
	defer cancel()
	// The parent-death signal is tied to the thread that started the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.CommandContext(limited, qemu, m.arguments()...)
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	if terminal != nil {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, os.Stdout, os.Stderr
	} else {
		cmd.Stdout, cmd.Stderr = &said, &said
		cmd.SysProcAttr.Setpgid = true // an interrupt reaches this process, which then ends QEMU
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := follow(m.output, m.opts.Output)
	err := cmd.Wait()
	stop()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return fmt.Errorf("%w after %v", ErrTimeout, m.opts.Timeout)
	case err != nil:
		return fmt.Errorf("QEMU: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return nil
}

// follow copies what is appended to the file to w until stop is called.
func follow(name string, w io.Writer) (stop func()) {
	if w == nil {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var f *os.File
		for last := false; ; {
			if f == nil {
				f, _ = os.Open(name)
			}
			if f != nil {
				io.Copy(w, f)
			}
			if last {
				if f != nil {
					f.Close()
				}
				return
			}
			select {
			case <-quit:
				last = true
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() { close(quit); <-done }
}

// buildInitrd writes the machine's initial file system: image, then the run's
// own files. It returns the SHA-256 of each part.
func buildInitrd(ctx context.Context, name string, o *Options, interactive bool) (image, input string, err error) {
	guest, err := guestProgram(ctx)
	if err != nil {
		return "", "", err
	}
	root, err := rootImage(ctx)
	if err != nil {
		return "", "", err
	}
	var base bytes.Buffer
	w := initrd.NewWriter(&base)
	w.Copy("/init", 0o755, guest)
	// The kernel opens it for process 1 before init has mounted /dev; without
	// it init's own messages would be lost. Devices come from devtmpfs.
	w.Dir("/dev")
	if err := w.Close(); err != nil {
		return "", "", err
	}
	own, err := jobArchive(o, interactive)
	if err != nil {
		return "", "", err
	}
	f, err := os.Create(name)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	hash := sha256.New()
	parts := []string{root}
	if o.Kernel.Archive != "" {
		parts = append(parts, o.Kernel.Archive)
	}
	for _, p := range parts {
		h, err := storedHash(p)
		if err != nil {
			return "", "", err
		}
		fmt.Fprintln(hash, h)
	}
	kernel, err := storedHash(o.Kernel.Image)
	if err != nil {
		return "", "", err
	}
	fmt.Fprintln(hash, kernel)
	hash.Write(base.Bytes())
	if _, err := f.Write(base.Bytes()); err != nil {
		return "", "", err
	}
	for _, p := range parts {
		if err := appendFile(f, p); err != nil {
			return "", "", err
		}
	}
	if _, err := f.Write(own); err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(own)
	return hex.EncodeToString(hash.Sum(nil)), hex.EncodeToString(sum[:]), f.Close()
}

// storedHash returns a file's SHA-256, kept beside the file: images are large
// and do not change.
func storedHash(name string) (string, error) {
	store := name + ".sha256"
	a, errA := os.Stat(name)
	b, errB := os.Stat(store)
	if errA == nil && errB == nil && !b.ModTime().Before(a.ModTime()) {
		h, err := os.ReadFile(store)
		return string(h), err
	}
	h, err := hashFile(name)
	if err != nil {
		return "", err
	}
	return h, os.WriteFile(store, []byte(h), 0o644)
}

func appendFile(to *os.File, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(to, f)
	return err
}

// jobArchive packs the command and the files of a run.
func jobArchive(o *Options, interactive bool) ([]byte, error) {
	job, err := json.Marshal(mailbox.Job{
		Modules: o.Kernel.Boot, Argv: o.Argv, Env: o.Env, Dir: o.Dir,
		Hugepages: o.Hugepages, Interactive: interactive,
	})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := initrd.NewWriter(&b)
	w.File(mailbox.JobPath, 0o644, job)
	for _, file := range o.Binaries {
		w.Copy(path.Join(mailbox.JobDir, "bin", filepath.Base(file)), 0o755, file)
	}
	for _, f := range o.Files {
		at := f.Path
		if !path.IsAbs(at) {
			at = path.Join(mailbox.JobDir, at)
		}
		if !strings.HasPrefix(path.Clean(at), mailbox.JobDir+"/") {
			return nil, fmt.Errorf("vm: file %s: only files below %s can be put into the guest", f.Path, mailbox.JobDir)
		}
		perm := os.FileMode(0o644)
		if f.Executable {
			perm = 0o755
		}
		if f.Source != "" {
			w.Copy(at, perm, f.Source)
		} else {
			w.File(at, perm, f.Data)
		}
	}
	return b.Bytes(), w.Close()
}

// collect reads the mailbox after the machine is gone.
func collect(m *machine, r *Result) error {
	box, err := os.ReadFile(m.box)
	if err != nil {
		return err
	}
	h, archive, err := mailbox.Parse(box)
	dead := func(err error) error {
		return fmt.Errorf("vm: %w; its console ended with:\n%s", err, lastLines(r.Console, 15))
	}
	switch {
	case err != nil:
		return dead(err)
	case h.State == mailbox.Failed:
		return dead(fmt.Errorf("the guest could not start: %s", archive))
	case h.State != mailbox.Done:
		return dead(errors.New("the guest died before its command ended"))
	}
	r.ExitCode, r.Uptime = int(h.ExitCode), time.Duration(h.VirtualNs)
	return extract(archive, m.opts.Results, r)
}

// extract unpacks the guest's results below dir. The archive comes from a
// machine that may have gone mad: no name in it leaves dir.
func extract(archive []byte, dir string, r *Result) error {
	for t := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("vm: results: %w", err)
		}
		if h.Name == "dmesg" {
			if r.Dmesg, err = io.ReadAll(t); err != nil {
				return err
			}
			continue
		}
		name, ok := strings.CutPrefix(h.Name, "out/")
		if !ok || !filepath.IsLocal(name) || h.Typeflag != tar.TypeReg {
			return fmt.Errorf("vm: results: entry %q is not a file below /out", h.Name)
		}
		if dir == "" {
			continue
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		f, err := os.Create(to)
		if err != nil {
			return err
		}
		if _, err := io.Copy(f, t); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
}

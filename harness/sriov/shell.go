// SPDX-License-Identifier: Apache-2.0

package sriov

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"crossing/harness/vm"
)

// A shell runs lines on a machine: this one, or one that ssh leads to.
type shell struct {
	ssh     string // empty: this one
	options []string
}

// ErrUnreachable says that ssh did not get through.
var ErrUnreachable = errors.New("the server machine cannot be reached")

// command returns the command that runs a line.
func (s shell) command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	if s.ssh != "" {
		// No questions, and no waiting for a machine that is gone.
		args := append([]string{"-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"}, home(s.options)...)
		cmd = exec.CommandContext(ctx, "ssh", append(args, s.ssh, line)...)
	}
	// An interrupt is the harness's, which then ends what it has started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// home replaces ~/ as a shell would, since none sees these arguments.
func home(args []string) []string {
	dir, err := os.UserHomeDir()
	var out []string
	for _, a := range args {
		if rest, ok := strings.CutPrefix(a, "~/"); ok && err == nil {
			a = filepath.Join(dir, rest)
		}
		out = append(out, a)
	}
	return out
}

// explain makes an error of a command that failed, with what it has said.
func (s shell) explain(err error, said string) error {
	said = strings.TrimSpace(said)
	var exit *exec.ExitError
	if s.ssh != "" && errors.As(err, &exit) && exit.ExitCode() == 255 { // ssh's own
		return fmt.Errorf("%w: %s; `ssh %s true` must work without a question", ErrUnreachable, said, strings.Join(append(s.options, s.ssh), " "))
	}
	return fmt.Errorf("%w: %s", err, said)
}

// run runs a line to its end.
func (s shell) run(ctx context.Context, in io.Reader, line string) (string, error) {
	cmd := s.command(ctx, line)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &said
	if err := cmd.Run(); err != nil {
		return "", s.explain(err, said.String())
	}
	return out.String(), nil
}

// send brings files into a folder of their own below dir, unless they are there,
// and returns it. Those that were sent long ago go.
func (s shell) send(ctx context.Context, dir string, files []vm.File) (string, error) {
	archive, err := pack(files)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(archive)
	name := "crossing-" + hex.EncodeToString(sum[:8])
	at := path.Join(dir, name)
	there, err := s.run(ctx, nil, fmt.Sprintf("test -d %s || echo missing", quote(at)))
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(there) == "" {
		return at, nil
	}
	_, err = s.run(ctx, bytes.NewReader(archive), fmt.Sprintf(
		"set -e; umask 022; mkdir -p %s; cd %s; find . -maxdepth 1 -name 'crossing-*' -mtime +7 -exec rm -rf {} +; rm -rf crossing-new; mkdir crossing-new; tar -xf - -C crossing-new; mv crossing-new %s", quote(dir), quote(dir), name))
	if err != nil {
		return "", fmt.Errorf("copying %d MiB to %s of the server machine: %w", len(archive)>>20, dir, err)
	}
	return at, nil
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// pack packs the files, the same bytes for the same files.
func pack(files []vm.File) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		content := f.Data
		if f.Source != "" {
			var err error
			if content, err = os.ReadFile(f.Source); err != nil {
				return nil, err
			}
		}
		mode := int64(0o644)
		if f.Executable {
			mode = 0o755
		}
		if err := w.WriteHeader(&tar.Header{Name: f.Path, Mode: mode, Size: int64(len(content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

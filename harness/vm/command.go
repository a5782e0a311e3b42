// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// aptEnv keeps answers in one language.
var aptEnv = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")

// output runs a command in a folder and returns what it printed.
func output(ctx context.Context, dir, name string, arg ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, arg...)
	cmd.Dir, cmd.Env = dir, aptEnv
	out, err := run(cmd)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return out, err
}

// run runs a command and returns what it printed; the error has the end of what it
// printed on standard error.
func run(cmd *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil {
		return string(out), nil
	}
	said := strings.TrimSpace(stderr.String())
	if len(said) > 2000 {
		said = "…" + said[len(said)-2000:]
	}
	words := strings.Join(cmd.Args, " ")
	if len(words) > 200 {
		words = words[:200] + "…"
	}
	return "", fmt.Errorf("%s: %w: %s", words, err, said)
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// registerKernel builds the Go kernel (gonb) and makes it known to Jupyter inside of
// the project, so that nothing is written to the user's home. It returns the
// folder that JUPYTER_PATH must name.
func registerKernel(repo string) (string, error) {
	bin := filepath.Join(repo, "bin")
	// Cells are built without the network and in a workspace, where go asks
	// for every module that go.mod names, used or not.
	download := exec.Command("go", "mod", "download")
	download.Dir = repo
	if out, err := download.CombinedOutput(); err != nil {
		return "", fmt.Errorf("downloading go.mod's modules: %w\n%s", err, out)
	}
	for program, pkg := range map[string]string{
		"gonb": "github.com/janpfeifer/gonb",
		// The kernel puts it over every cell.
		"goimports": "golang.org/x/tools/cmd/goimports",
	} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(bin, program), pkg)
		cmd.Dir = repo
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", program, err, out)
		}
	}
	// The first cell would otherwise wait for this.
	cmd := exec.Command("go", "build", "./notebooks/...")
	cmd.Dir = repo
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the notebooks' packages: %w\n%s", err, out)
	}
	dir := filepath.Join(repo, ".jupyter", "kernels", "gonb")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	spec := map[string]any{
		// -go_work lets cells import the project's packages as go.mod has them.
		"argv":           []string{filepath.Join(bin, "gonb"), "--kernel", "{connection_file}", "-logtostderr=true", "-raw_error=true", "-go_work=" + repo},
		"display_name":   "Go (gonb)",
		"language":       "go",
		"interrupt_mode": "message",
		"env": map[string]string{
			// No network: every package is one of go.mod's.
			"GOPROXY": "off", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local",
			"PATH":          bin + ":" + os.Getenv("PATH"),
			"CROSSING_REPO": repo,
		},
	}
	b, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "kernel.json"), append(b, '\n'), 0o644); err != nil {
		return "", err
	}
	return filepath.Join(repo, ".jupyter"), nil
}

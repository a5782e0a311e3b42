// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"crossing/internal/clitest"
)

func TestExamples(t *testing.T) { clitest.Cobra(t, rootCmd) }

// TestServersExamples: so do the programs that tiers start.
func TestServersExamples(t *testing.T) {
	if _, err := os.Stat("../../../bin"); err != nil {
		t.Skip("the programs are not built: make build")
	}
	flags(t, "../../../bin")
}

// TestToolsExamples: and those that make starts.
func TestToolsExamples(t *testing.T) {
	bin := t.TempDir()
	out, err := exec.Command("go", "build", "-o", bin+"/", "../../../notebooks/analysis/cmd/execute", "../../../notebooks/analysis/cmd/calibrate",
		"../../../paper/cmd/claims", "../../../paper/cmd/report", "../../../paper/cmd/generate", "../../bench/load", "../../bench/trace").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	flags(t, bin)
}

// flags checks every program of the folder that takes its arguments by package
// flag; those that do by cobra have a test of their own.
func flags(t *testing.T, bin string) {
	programs, err := os.ReadDir(bin)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		path := filepath.Join(bin, p.Name())
		info, err := buildinfo.ReadFile(path)
		if err != nil || !strings.HasPrefix(info.Path, "crossing/") { // not ours
			continue
		}
		cobra := false
		for _, d := range info.Deps {
			cobra = cobra || d.Path == "github.com/spf13/cobra"
		}
		if !cobra {
			t.Run(p.Name(), func(t *testing.T) { clitest.Flags(t, path, p.Name()) })
		}
	}
}

package main

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"testing"

	"crossing/data/cmd/examples"
)

func TestExamples(t *testing.T) { examples.Cobra(t, rootCmd) }

// TestProgramsExamples: so do the programs that are started by tiers.
func TestProgramsExamples(t *testing.T) {
	bin, err := os.ReadDir("../bin")
	if err != nil {
		t.Skip("the programs are not built: make build")
	}
	for _, p := range bin {
		path := filepath.Join("../bin", p.Name())
		info, err := buildinfo.ReadFile(path)
		if err != nil { // no program of Go's
			continue
		}
		cobra := false
		for _, d := range info.Deps {
			cobra = cobra || d.Path == "github.com/spf13/cobra"
		}
		if cobra { // its own test holds it
			continue
		}
		t.Run(p.Name(), func(t *testing.T) { examples.Flags(t, path, p.Name()) })
	}
}

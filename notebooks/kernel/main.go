// Kernel registers the Go kernel (gonb) for Jupyter inside of the project, so
// that nothing is written to the user's home. It prints the folder that
// JUPYTER_PATH must name.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	repo, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	dir := filepath.Join(repo, ".jupyter", "kernels", "gonb")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		log.Fatal(err)
	}
	bin := filepath.Join(repo, "bin")
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
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kernel.json"), append(b, '\n'), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Join(repo, ".jupyter"))
}

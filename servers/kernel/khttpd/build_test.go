package main

import (
	"context"
	"strings"
	"testing"

	"crossing/harness/vm"
)

// The module is built without a warning for both kernels, with the kernel's
// extra warnings and sparse.
func TestBuildsWithoutWarnings(t *testing.T) {
	ctx := context.Background()
	if missing := vm.Missing(ctx); len(missing) > 0 {
		t.Skip("no kernel headers can be had here:\n" + strings.Join(missing, "\n"))
	}
	for _, flavour := range []string{vm.Linux61, vm.Linux612} {
		t.Run(flavour, func(t *testing.T) {
			kernel, err := vm.DebianKernel(ctx, flavour)
			if err != nil {
				t.Fatal(err)
			}
			said, err := vm.CheckModule(ctx, kernel, "../../../kmod")
			if err != nil {
				t.Fatal(err)
			}
			if said != "" {
				t.Errorf("kernel %s:\n%s", kernel.Release, said)
			}
		})
	}
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"os"
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

// The module names no place of its build: it is a part of the guest's image,
// which must be the same from every folder.
func TestNamesNoFolder(t *testing.T) {
	ctx := context.Background()
	if missing := vm.Missing(ctx); len(missing) > 0 {
		t.Skip("no kernel headers can be had here:\n" + strings.Join(missing, "\n"))
	}
	kernel, err := vm.DebianKernel(ctx, vm.Linux61)
	if err != nil {
		t.Fatal(err)
	}
	ko, err := vm.BuildModule(ctx, kernel, "../../../kmod")
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile(ko)
	if err != nil {
		t.Fatal(err)
	}
	cache, err := vm.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{cache, ".note.gnu.build-id"} {
		if bytes.Contains(module, []byte(s)) {
			t.Errorf("%s holds %q", ko, s)
		}
	}
}

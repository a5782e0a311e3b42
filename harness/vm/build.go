// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Build makes all that later runs take from the cache, and says what it has.
func Build(ctx context.Context, w io.Writer) error {
	if missing := Missing(ctx); len(missing) > 0 {
		return errors.New("the VM cannot be built:\n" + strings.Join(missing, "\n"))
	}
	root, err := rootImage(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "root file system:", root)
	for _, flavour := range []string{Linux61, Linux612} {
		k, err := DebianKernel(ctx, flavour)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "kernel %s: %s\n", k.Release, k.Image)
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"syscall"
)

// nobody is the user and group that other tiers run as.
const nobody = 65534

// dropPrivileges gives up root for good. The programs are attached by then, and
// the maps are reached by file descriptors.
func dropPrivileges() error {
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(nobody, nobody, nobody), syscall.Setresuid(nobody, nobody, nobody)); err != nil {
		return fmt.Errorf("dropping privileges: %w", err)
	}
	return nil
}

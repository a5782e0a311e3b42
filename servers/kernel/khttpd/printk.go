// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"
)

// A printkSetting controls which kernel messages reach the console. It is a
// factor of the experiment: a message per request costs little when it is not
// printed, and milliseconds on a serial line.
type printkSetting struct{ level, delay string }

const (
	levelFile = "/proc/sys/kernel/printk"
	delayFile = "/proc/sys/kernel/printk_delay"
)

// apply sets the console's level (messages below it are printed) and the delay
// in milliseconds after each printed message, which emulates a slow console. An
// empty value is left unchanged. The returned function restores both.
func (p printkSetting) apply() (restore func(), err error) {
	var undo []func()
	restore = func() {
		for _, f := range undo {
			f()
		}
	}
	for file, value := range map[string]string{levelFile: p.level, delayFile: p.delay} {
		if value == "" {
			continue
		}
		old, err := os.ReadFile(file)
		if err != nil {
			restore()
			return nil, err
		}
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			restore()
			return nil, fmt.Errorf("set %s to %s: %w", file, value, err)
		}
		undo = append(undo, func() { os.WriteFile(file, []byte(strings.TrimSpace(string(old))), 0o644) })
	}
	return restore, nil
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"crossing/internal/clitest"
)

func TestExamples(t *testing.T) { clitest.Cobra(t, rootCmd) }

package main

import (
	"testing"

	"crossing/data/cmd/examples"
)

func TestExamples(t *testing.T) { examples.Cobra(t, rootCmd) }

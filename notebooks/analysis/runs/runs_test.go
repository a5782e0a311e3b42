// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"crossing/data/dataset"
	"crossing/data/dataset/datasettest"
)

func made(tier, boundary, load string, connections, block int32, outcome dataset.Outcome, marks string) datasettest.Run {
	return datasettest.Run{Run: dataset.Run{Run: fmt.Sprintf("b%02d-%s-%s", block, tier, load), Tier: tier, Boundary: boundary, Load: load, File: "100", FileBytes: 100, Loop: "closed", Connections: connections, Block: block, Outcome: outcome, Marks: marks, Requests: 10}}
}

func TestOnlyUsableRunsAreGiven(t *testing.T) {
	traced := made("nginx", "user", "c4t", 4, 0, dataset.OK, "")
	traced.Traced = true
	open := made("nginx", "user", "r100", 4, 0, dataset.OK, "")
	open.Loop = "open"
	s := New(datasettest.Open(t, []datasettest.Run{
		made("nginx", "user", "c4", 4, 1, dataset.OK, "steal"), made("nginx", "user", "c4", 4, 0, dataset.OK, ""),
		made("nginx", "user", "c16", 16, 0, dataset.Rejected, ""), made("dpdk", "bypass", "c4", 4, 0, dataset.OK, "steal client-bound"),
		made("ebpf", "kernel", "c1", 1, 0, dataset.OK, ""), made("apache", "user", "c1", 1, 0, dataset.OK, ""), traced, open,
	}))
	if got := s.Tiers(); !slices.Equal(got, []Tier{{"apache", "user"}, {"nginx", "user"}, {"ebpf", "kernel"}, {"dpdk", "bypass"}}) {
		t.Errorf("%v: not in the order of the boundaries", got)
	}
	closed := s.Closed("nginx", "100")
	if len(closed) != 1 || len(closed[4]) != 2 || closed[4][0].Block != 0 || closed[4][1].Block != 1 {
		t.Errorf("%+v", closed)
	}
	if got := s.Connections(); !slices.Equal(got, []int{1, 4, 16}) {
		t.Error(got)
	}
	if got := s.Left(); !slices.Equal(got, []string{"nginx: runs rejected by a self-check: 1"}) {
		t.Error(got)
	}
	if marked, of := s.Marked("steal"); marked != 2 || of != 7 {
		t.Errorf("%d of %d", marked, of)
	}
	if got := s.Trust().String(); got != "Of the usable runs, in 1 of 7 the client's ceiling was less than twice the rate, in 2 of 7 a hypervisor stole over 1 % of the CPUs' time." {
		t.Error(got)
	}
	header, rows := s.Overview()
	if len(rows) != 4 || len(rows[0]) != len(header) || rows[1][0] != "nginx" || rows[1][4] != "4" || rows[1][5] != "40" {
		t.Errorf("%v %v", header, rows)
	}
}

func TestOpenReadsWhatItIsTold(t *testing.T) {
	dir := datasettest.Open(t, []datasettest.Run{made("nginx", "user", "c1", 1, 0, dataset.OK, "")}).Dir
	t.Setenv(DatasetEnv, dir)
	s, err := Open("netns")
	if err != nil || s.Meta.Name != "made" || s.Trust().String() != "No run bears a mark of the self-checks." {
		t.Errorf("%+v %v", s, err)
	}
	t.Setenv(DatasetEnv, filepath.Join(dir, "absent"))
	if _, err := Open("netns"); !errors.Is(err, ErrNoDataset) || !strings.Contains(err.Error(), "make collect") {
		t.Error(err)
	}
}

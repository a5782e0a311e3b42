// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"crossing/data/dataset"
	"crossing/internal/atomicfile"
	"crossing/internal/root"
)

// A derived is what a run's rows say that the columns of datasets before 2.0 do
// not, or say otherwise: see dataset.Account.
type derived struct {
	WaitNs    float64  `json:"wait_ns"`
	Bound     bool     `json:"bound,omitempty"`
	Occupancy float64  `json:"occupancy,omitempty"`
	Silent    int      `json:"silent,omitempty"`
	LostTime  float64  `json:"lost_time,omitempty"`
	LateNs    float64  `json:"late_ns"`
	LateP99Ns int64    `json:"late_p99_ns"`
	Marks     []string `json:"marks,omitempty"`
}

// replaced are the marks that are computed from rows, whatever a dataset says.
var replaced = []string{"occupancy", "earlier", "little", "failures", "none-ok", "rows", "lost", "dead", "starved", "unsettled", "late"}

// derive fills in what datasets before 2.0 lack, from their rows. The rows of
// released datasets never change, so that what follows from them is kept in
// .cache/derived, by the datasets' checksums.
func derive(d *dataset.Dataset) error {
	all := d.Runs()
	if !slices.ContainsFunc(all, func(r dataset.Run) bool { return r.Outcome != dataset.Failed && r.WaitNs == 0 && r.ElapsedNs > 0 }) {
		return nil
	}
	file := cacheFile(d)
	known := map[string]derived{}
	if b, err := os.ReadFile(file); file == "" || err != nil || json.Unmarshal(b, &known) != nil {
		if known, err = compute(d, all); err != nil {
			return err
		}
		if b, err := json.MarshalIndent(known, "", " "); err == nil && file != "" {
			if os.MkdirAll(filepath.Dir(file), 0o755) == nil {
				_ = atomicfile.Write(file, append(b, '\n')) // else it is computed again
			}
		}
	}
	for i := range all {
		r := &all[i]
		v, ok := known[key(r)]
		if !ok {
			continue
		}
		r.WaitNs, r.Occupancy, r.Silent, r.LostTime, r.LateNs, r.LateP99Ns = v.WaitNs, v.Occupancy, int32(v.Silent), v.LostTime, v.LateNs, v.LateP99Ns
		if v.Bound {
			r.Bounds = strings.TrimSpace("wait " + r.Bounds)
		}
		marks := slices.DeleteFunc(strings.Fields(r.Marks), func(m string) bool { return slices.Contains(replaced, m) })
		r.Marks = strings.Join(append(marks, v.Marks...), " ")
	}
	return nil
}

func key(r *dataset.Run) string { return fmt.Sprintf("%s %d", r.Run, r.Attempt) }

// cacheFile is where what follows from the dataset's rows is kept: by its
// checksums and this program's rules. Empty: nowhere.
func cacheFile(d *dataset.Dataset) string {
	sums, err := os.ReadFile(filepath.Join(d.Dir, "SHA256SUMS"))
	if err != nil {
		return ""
	}
	dir, err := root.Find()
	if err != nil {
		return ""
	}
	h := sha256.New()
	h.Write(sums)
	fmt.Fprint(h, dataset.AccountRules)
	return filepath.Join(dir, ".cache", "derived", fmt.Sprintf("%s-v%s-%s.json", d.Meta.Name, d.Meta.Version, hex.EncodeToString(h.Sum(nil)[:8])))
}

// compute reads the rows of all runs, on all cores.
func compute(d *dataset.Dataset, all []dataset.Run) (map[string]derived, error) {
	var mu sync.Mutex
	var failed error
	known := map[string]derived{}
	var wait sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(all); i += workers {
				r := &all[i]
				if r.Outcome == dataset.Failed || r.WaitNs != 0 || r.ElapsedNs <= 0 {
					continue
				}
				rows, err := d.Requests(r)
				a := dataset.NewAccount(rows, r.Window())
				mu.Lock()
				if err != nil {
					failed = err
				} else if a.Completions > 0 {
					v := derived{WaitNs: a.Mean, Bound: a.MeanIsBound, Occupancy: a.Occupancy, Silent: a.Silent, LostTime: a.LostTime, LateNs: a.LateMean, LateP99Ns: a.LateP99}
					for _, m := range a.Marks(r.Window()) {
						v.Marks = append(v.Marks, m.Name)
					}
					known[key(r)] = v
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return known, failed
}

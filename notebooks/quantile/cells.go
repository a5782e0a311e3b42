package quantile

import "crossing/data"

// A Cell is a tier at a load on a file, over all its usable runs, with the
// quantiles of all their requests together.
type Cell struct {
	Tier, Boundary, Load, File string
	Runs                       int
	Estimates                  []Estimate
}

// Cells computes the quantiles qs, with intervals of level, of every cell of a
// dataset, in the order in which the cells first occur. Traced runs are left
// out. Memory is that of the largest cell's latencies, 8 bytes each, whatever
// the dataset's size.
//
// The intervals assume independent requests: they say how well the sample's
// size fixes the quantile, and not how it varies from run to run.
func Cells(d *data.Dataset, kind data.Latency, qs []float64, level float64) ([]Cell, error) {
	type key struct{ tier, load, file string }
	var keys []key
	runs := map[key][]*data.Run{}
	all := d.Runs()
	for i := range all {
		r := &all[i]
		if r.Outcome != data.OK || r.Traced {
			continue
		}
		k := key{r.Tier, r.Load, r.File}
		if runs[k] == nil {
			keys = append(keys, k)
		}
		runs[k] = append(runs[k], r)
	}
	var buf []int64
	var cells []Cell
	for _, k := range keys {
		buf = buf[:0]
		for _, r := range runs[k] {
			var err error
			if buf, err = d.Latencies(r, kind, buf); err != nil {
				return nil, err
			}
		}
		cells = append(cells, Cell{k.tier, runs[k][0].Boundary, k.load, k.file, len(runs[k]), Of(buf, qs, level)})
	}
	return cells, nil
}

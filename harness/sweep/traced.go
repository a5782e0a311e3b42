// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"fmt"

	"crossing/data/dataset"
	"crossing/harness/trace"
)

// say tells what the stage tracer is, once.
func (l *Local) say(tracer string) {
	if l.Say != nil && tracer != l.said {
		l.said = tracer
		l.Say(tracer)
	}
}

// enter puts what became of the tracer's records into the run's row.
func enter(j *trace.Join, level trace.Level, r *dataset.Run) {
	r.Trace, r.Stages, r.Unjoined = string(level), int64(len(j.Stages)), int64(j.Unjoined)
	r.Outside, r.Disordered, r.Lost = int64(j.Outside), int64(j.Disordered), int64(j.Lost)
}

// traces sums up, by level, the traced runs of a sweep.
type traces map[string]*joined

type joined struct{ runs, stages, unjoined, lost int64 }

func (t traces) count(r *dataset.Run) {
	if r.Trace == "" {
		return
	}
	j := t[r.Trace]
	if j == nil {
		j = &joined{}
		t[r.Trace] = j
	}
	j.runs++
	j.stages += r.Stages
	j.unjoined += r.Unjoined
	j.lost += r.Lost
}

func (j *joined) String() string {
	return fmt.Sprintf("%d runs, %d requests joined, %d not, %d records lost", j.runs, j.stages, j.unjoined, j.lost)
}

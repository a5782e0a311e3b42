// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"crossing/data/dataset"
	"crossing/harness/load"
)

// A Cell is one measurement of the design: a tier under a load on a file, in
// one block.
type Cell struct {
	Choice      TierChoice    `json:"choice"`
	File        string        `json:"file"`
	Connections int           `json:"connections"`
	Share       float64       `json:"share,omitempty"` // of the tier's capacity; 0: a closed loop
	Rate        float64       `json:"rate,omitempty"`  // that it comes to, per second
	Arrivals    string        `json:"arrivals,omitempty"`
	Traced      bool          `json:"traced,omitempty"`
	Block       int           `json:"block"`
	Order       int           `json:"order"`
	Seed        uint64        `json:"seed"`
	WarmUp      time.Duration `json:"warmup"`
	Duration    time.Duration `json:"duration"`
	Mode        load.Mode     `json:"mode"`
	Workers     int           `json:"workers"`
	Stamps      bool          `json:"stamps"`
	Clock       string        `json:"clock"` // real or virtual
}

// Load is the label of the cell's load: c16 for 16 connections in a closed
// loop, o30 for an open loop at 30 % of the capacity; a traced one ends in t.
func (c *Cell) Load() string {
	label := fmt.Sprintf("c%d", c.Connections)
	if c.Share > 0 {
		label = fmt.Sprintf("o%g", c.Share*100)
	}
	if c.Traced {
		label += "t"
	}
	return label
}

// Name is the cell's name in its dataset.
func (c *Cell) Name() string {
	return fmt.Sprintf("b%02d-%s-%s-%s", c.Block, c.Choice.As, c.Load(), c.File)
}

// Cells is the design: every cell of every block, each block in a random order
// of its own that depends on nothing but the plan's seed.
func (p *Plan) Cells() []Cell {
	var all []Cell
	for block := range p.Blocks {
		rng := rand.New(rand.NewPCG(p.Seed, uint64(block)))
		cells := p.block(block)
		rng.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
		for i := range cells {
			cells[i].Order = i
			cells[i].Seed = rng.Uint64() >> 33 // QEMU and Parquet take 31 bits well
		}
		all = append(all, cells...)
	}
	return all
}

// Picked are the cells of the design that Only matches, or all.
func (p *Plan) Picked() []Cell {
	all := p.Cells()
	if p.Only == nil {
		return all
	}
	return slices.DeleteFunc(all, func(c Cell) bool { return !p.Only.MatchString(c.Name()) })
}

func (p *Plan) block(block int) []Cell {
	var cells []Cell
	add := func(c Cell) {
		c.Block, c.WarmUp, c.Duration, c.Mode, c.Workers, c.Stamps = block, p.WarmUp, p.Duration, p.Mode, p.Workers, p.Stamps
		if c.Choice.Duration > 0 {
			c.Duration = c.Choice.Duration
		}
		c.Clock = "real"
		if p.Testbed == "vm" {
			c.Clock, c.Mode = "virtual", load.Block // a poller would burn the time that it measures
		}
		cells = append(cells, c)
		if p.Trace {
			c.Traced = true
			cells = append(cells, c)
		}
	}
	for _, t := range p.Tiers {
		t.Steering, t.Client = p.steering(&t), p.client(&t)
		for _, f := range p.Files {
			for _, n := range p.Connections {
				add(Cell{Choice: t, File: f, Connections: n})
			}
			if p.Open != nil {
				for _, s := range p.Open.Shares {
					add(Cell{Choice: t, File: f, Connections: p.Open.Connections, Share: s, Arrivals: p.Open.Arrivals})
				}
			}
		}
	}
	return cells
}

// row is what the design fixes of the cell's row.
func (c *Cell) row(attempt int) dataset.Run {
	return dataset.Run{
		Run: c.Name(), Block: int32(c.Block), Order: int32(c.Order), Attempt: int32(attempt), Seed: int64(c.Seed),
		Tier: c.Choice.As, Server: c.Choice.Tier, File: c.File, Load: c.Load(), Traced: c.Traced, Clock: c.Clock,
		Connections: int32(c.Connections), Rate: c.Rate, WarmUpNs: int64(c.WarmUp), DurationNs: int64(c.Duration),
	}
}
